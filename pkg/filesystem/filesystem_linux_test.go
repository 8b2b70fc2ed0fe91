package filesystem

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rollcall/pkg/peer"
)

func TestMemoryIsWarnedOf(t *testing.T) {
	peer.NeedRoot(t, "mounts a file system in memory")
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=65536"); err != nil {
		peer.Skip(t, "needs the right to mount a tmpfs: "+err.Error())
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	for _, path := range []string{dir, filepath.Join(dir, "not", "there")} {
		if got := Warning(path); !strings.Contains(got, "is in memory") {
			t.Errorf("warning %q of %s, want one of memory", got, path)
		}
	}
}

func TestFastCommit(t *testing.T) {
	mkfs := peer.Need(t, "mkfs.ext4", "e2fsprogs")
	for _, tt := range []struct {
		features string
		want     bool
	}{{"fast_commit", true}, {"^fast_commit", false}} {
		image := filepath.Join(t.TempDir(), "disk")
		if err := os.WriteFile(image, make([]byte, 8<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(mkfs, "-q", "-O", tt.features, image).CombinedOutput(); err != nil {
			t.Fatalf("mkfs.ext4: %v\n%s", err, out)
		}
		f, err := os.Open(image)
		if err != nil {
			t.Fatal(err)
		}
		got, err := superblockHasFastCommit(f)
		_ = f.Close()
		if err != nil || got != tt.want {
			t.Errorf("%s: %v, %v, want %v", tt.features, got, err, tt.want)
		}
	}
	if _, err := superblockHasFastCommit(strings.NewReader(strings.Repeat("\x00", 4096))); err == nil {
		t.Error("zeros were taken for ext4")
	}
}

func TestFastCommitsCounted(t *testing.T) {
	for text, want := range map[string]int64{
		"fc stats:\n12 commits\n3 ineligible\n40 numblks\n811us avg_commit_time\nIneligible reasons:\n": 12,
		"fc stats:\n0 commits\n": 0,
		"":                       0,
	} {
		if got := fastCommits(strings.NewReader(text)); got != want {
			t.Errorf("%q: %d commits, want %d", text, got, want)
		}
	}
}
