package store_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

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
