package spool_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/pkg/peer"
	"rollcall/pkg/torture"
)

// A power cut at any moment leaves everything that was appended, unless it was
// being acknowledged, and nothing of the spool is corrupt. What the disk then
// has is made of a record of the calls of a real process.
func TestPowerCut(t *testing.T) {
	dir := memory(t)
	steps := torture.Times(60, 400)
	tr := torture.Record(t, dir, []string{
		childEnv + "=" + filepath.Join(dir, "spool.db"), fmt.Sprint(childSteps, "=", steps),
	}, os.Args[0])
	r := rand.New(rand.NewPCG(7, 3))
	cuts := torture.Times(60, 500)
	promised, empty := 0, 0
	for range cuts {
		at := 1 + r.IntN(tr.Steps())
		l := newLedger()
		for _, line := range tr.Said(at) {
			l.note(t, line)
		}
		after := memory(t)
		tr.Cut(t, at, r, after)
		l.check(t, filepath.Join(after, "spool.db"))
		if t.Failed() {
			t.Fatalf("after a power cut before step %d of %d", at, tr.Steps())
		}
		promised += len(l.appended)
		if len(l.appended) == 0 {
			empty++
		}
		_ = os.RemoveAll(after)
	}
	if empty == cuts {
		t.Error("nothing was promised before any cut: they prove nothing")
	}
	torture.Figure(t, "R3", "spool: %d power cuts within %d calls, %d promises checked, 0 broken", cuts, tr.Steps(), promised)
}

// A disk that fails to sync now and then, or takes no writing for a while, costs
// the items whose append says so, and no other; and then the spool goes on.
func TestSyncFails(t *testing.T) {
	strace := peer.Need(t, "strace", "strace")
	path := filepath.Join(memory(t), "spool.db")
	l, total := newLedger(), 0
	for _, fault := range []struct{ calls, fault string }{
		{"fdatasync,fsync", "error=EIO:when=20+7"},
		{"fdatasync,fsync", "error=ENOSPC:when=20+7"},
		{"pwrite64,ftruncate", "error=EROFS:when=60..80"}, // a file system that went read-only and came back
	} {
		cmd := exec.Command(strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace="+fault.calls, "-e", "inject="+fault.calls+":"+fault.fault, os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+path, fmt.Sprint(childSteps, "=", torture.Times(60, 600)), childGoesOn+"=1")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", fault, err, out)
		}
		clear(l.failed)
		for line := range strings.Lines(string(out)) {
			l.note(t, line)
		}
		if len(l.failed) == 0 {
			t.Errorf("%s: nothing failed: it proves nothing", fault)
		}
		if said := string(out); strings.LastIndex(said, "appended") < strings.Index(said, "failed") {
			t.Errorf("%s: the spool does not go on afterwards", fault)
		}
		total += len(l.failed)
		l.check(t, path)
	}
	torture.Figure(t, "R6", "%d steps failed by EIO and ENOSPC of a sync and EROFS of a write: %d appended, 0 lost", total, len(l.appended))
}
