package show_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/show"
)

// TestFamilies reads an output of each family of products as it and its
// terminals print it, written by hand: testdata/families/NAME.text. NAME.parts
// has the platform in its first line, and then each part in any order. Nothing
// may be lost, doubled, of another class, or a unit that is none.
func TestFamilies(t *testing.T) {
	files, err := filepath.Glob("testdata/families/*.text")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".text"), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Split(strings.TrimSpace(read(t, strings.TrimSuffix(file, ".text")+".parts")), "\n")
			for i, part := range want[1:] { // two blanks where the PID is not known
				want[i+1] = strings.TrimSpace(part)
			}
			result := show.Parse("auto", string(raw))
			got := append([]string{result.Platform}, parts(result)...)
			slices.Sort(want[1:])
			slices.Sort(got[1:])
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("platform and parts (-want +got):\n%s\nwarnings: %q", diff, result.Warnings)
			}
		})
	}
}
