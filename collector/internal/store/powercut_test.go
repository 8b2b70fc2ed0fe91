package store_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"rollcall/pkg/peer"
	"rollcall/pkg/torture"
)

// A power cut at any moment leaves every report for which there was a receipt,
// and its effect, once. What the disk then has is made of a record of the calls
// of a real process.
func TestPowerCut(t *testing.T) {
	dir := shared(t)
	token := oneAgent(t, dir)
	begin, err := os.ReadFile(filepath.Join(dir, "rollcall.db"))
	if err != nil {
		t.Fatal(err)
	}
	tr := torture.Record(t, dir, []string{
		childDir + "=" + dir, childToken + "=" + token, childFrom + "=1", fmt.Sprint(childUntil, "=", torture.Times(60, 600)),
	}, os.Args[0])
	tr.Begin("rollcall.db", begin)
	r := rand.New(rand.NewPCG(11, 5))
	cuts := torture.Times(40, 500)
	most := int64(0)
	for range cuts {
		at := 1 + r.IntN(tr.Steps())
		last := int64(0)
		for _, line := range tr.Said(at) {
			if last, err = strconv.ParseInt(line, 10, 64); err != nil {
				t.Fatalf("the child said %q", line)
			}
		}
		after := shared(t)
		tr.Cut(t, at, r, after)
		checkLedger(t, filepath.Join(after, "rollcall.db"), last)
		if t.Failed() {
			t.Fatalf("after a power cut before step %d of %d, with %d reports acknowledged", at, tr.Steps(), last)
		}
		most = max(most, last)
		_ = os.RemoveAll(after)
	}
	if most == 0 {
		t.Error("nothing was acknowledged before any cut: they prove nothing")
	}
	torture.Figure(t, "R3", "collector on SQLite: %d power cuts within %d calls, up to %d receipts, 0 reports lost, 0 doubled", cuts, tr.Steps(), most)
}

// shared returns a folder in memory where the system has one: the disk is what
// the record makes it.
func shared(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "store")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// A disk that fails to sync or takes no writing costs what was not acknowledged,
// and nothing else. The collector that meets it here ends, and another begins
// after what has a receipt, as an agent does.
func TestSyncFails(t *testing.T) {
	strace := peer.Need(t, "strace", "strace")
	dir := t.TempDir()
	token := oneAgent(t, dir)
	last, failed := int64(0), 0
	for n := range torture.Times(6, 60) {
		fault := []string{"fdatasync,fsync:error=EIO", "fdatasync,fsync:error=ENOSPC", "pwrite64,ftruncate:error=EROFS"}[n%3]
		calls, _, _ := strings.Cut(fault, ":")
		child := exec.Command(strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace="+calls, "-e", fmt.Sprintf("inject=%s:when=%d+", fault, 5+7*n%60), os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir, childToken+"="+token, fmt.Sprint(childFrom, "=", last+1), fmt.Sprint(childUntil, "=", last+300))
		out, err := child.Output()
		if err != nil {
			failed++
		}
		for line := range strings.Lines(string(out)) {
			if last, err = strconv.ParseInt(strings.TrimSpace(line), 10, 64); err != nil {
				t.Fatalf("the child said %q", line)
			}
		}
	}
	if failed == 0 {
		t.Error("nothing failed: it proves nothing")
	}
	last = saveUntilKilled(t, dir, token, last, 3)
	checkLedger(t, filepath.Join(dir, "rollcall.db"), last)
	torture.Figure(t, "R6", "collector: ended %d times by EIO and ENOSPC of a sync and EROFS of a write: %d reports acknowledged, 0 lost, 0 doubled", failed, last)
}
