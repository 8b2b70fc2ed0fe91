package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/collector/internal/contract"
)

// A large file says now and then how far it is read; a small one says nothing.
func TestReadContractProgress(t *testing.T) {
	tests := []struct {
		name string
		rows int
		want []string
	}{
		{"small", 9_000, nil},
		{"large", 110_001, []string{
			"rollcall-collector: lines.csv: 100000 rows read, 1 refused (93 %)",
			"rollcall-collector: lines.csv: all 110001 rows read, 1 refused",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := []byte("Serial Number,End Date\nFOC00000000,someday\n")
			for i := range tt.rows - 1 {
				text = fmt.Appendf(text, "FOC%08d,2029-01-30\n", i+1)
			}
			path := filepath.Join(t.TempDir(), "lines.csv")
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			var told bytes.Buffer
			f, err := readContract(stdio{err: &told}, path, contract.Options{})
			if err != nil || len(f.Lines) != tt.rows-1 || len(f.Refused) != 1 {
				t.Fatalf("%d lines, %d refused, %v", len(f.Lines), len(f.Refused), err)
			}
			if got, want := told.String(), strings.Join(append(tt.want, ""), "\n"); got != want {
				t.Errorf("got %q\nwant %q", got, want)
			}
		})
	}
}
