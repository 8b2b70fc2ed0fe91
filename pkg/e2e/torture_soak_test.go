package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/pkg/torture"
)

// Both programs work on and take no more: neither files nor memory, nor a
// write-ahead log that grows. ROLLCALL_SOAK sets how long, as "8h".
func TestSoak(t *testing.T) {
	length := time.Duration(torture.Times(3, 600)) * time.Second
	if text := os.Getenv("ROLLCALL_SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("ROLLCALL_SOAK: %v", err)
		}
	}
	r := newRig(t)
	a, c := r.startAgent(), r.startCollector()
	r.settle()
	files := map[*process]int{a: openFiles(t, a), c: openFiles(t, c)}
	memory := map[*process]int64{a: rss(t, a), c: rss(t, c)}
	end := time.Now().Add(length)
	for time.Now().Before(end) {
		r.awaitKept(r.promised())
	}
	var said []string
	for p, name := range map[*process]string{a: "agent", c: "collector"} {
		n, bytes := openFiles(t, p), rss(t, p)
		// Memory settles within the first minutes; a leak goes on.
		if n > files[p]+16 || bytes > memory[p]+64<<20 {
			t.Errorf("%s: %d open files after %d, %d MiB after %d", name, n, files[p], bytes>>20, memory[p]>>20)
		}
		said = append(said, fmt.Sprintf("%s %d→%d files, %d→%d MiB", name, files[p], n, memory[p]>>20, bytes>>20))
	}
	for _, wal := range []string{"agent/spool.db-wal", "collector/rollcall.db-wal"} {
		if info, err := os.Stat(filepath.Join(r.dir, wal)); err == nil && info.Size() > 16<<20 {
			t.Errorf("%s has %d bytes", wal, info.Size())
		}
	}
	n := r.settle()
	for _, p := range []*process{a, c} {
		if err := p.stop(10 * time.Second); err != nil {
			t.Error(err)
		}
	}
	torture.Figure(t, "R13", "%s, %d reports: %s", length, n, strings.Join(said, "; "))
}

func openFiles(t *testing.T, p *process) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		t.Skipf("this system does not tell of open files: %v", err)
	}
	return len(list)
}

// rss is the memory that the process has now, in bytes.
func rss(t *testing.T, p *process) int64 {
	t.Helper()
	return memoryOf(t, fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid), "VmRSS:")
}

func memoryOf(t *testing.T, path, field string) int64 {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if text, found := strings.CutPrefix(line, field); found {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "kB")), 10, 64)
			if err == nil {
				return kb << 10
			}
		}
	}
	return 0
}
