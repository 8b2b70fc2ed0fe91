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
	lives := []*life{{name: "agent", process: a}, {name: "collector", process: c}}
	for _, l := range lives {
		l.watch(t)
	}
	end, look := time.Now().Add(length), time.Now()
	for time.Now().Before(end) {
		r.awaitKept(r.promised())
		if time.Since(look) < length/100 {
			continue
		}
		look = time.Now()
		for _, l := range lives {
			l.watch(t)
		}
	}
	var said []string
	for _, l := range lives {
		l.watch(t)
		said = append(said, l.check(t, length))
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

// A life is what a process took at moments of its run.
type life struct {
	*process

	name   string
	at     []time.Time
	files  []int
	memory []int64 // RSS in bytes
}

func (l *life) watch(t *testing.T) {
	t.Helper()
	l.at = append(l.at, time.Now())
	l.files = append(l.files, openFiles(t, l.process))
	l.memory = append(l.memory, rss(t, l.process))
}

// check holds that the process takes no more at its end than at its beginning,
// but for what settles within the first minutes.
func (l *life) check(t *testing.T, length time.Duration) string {
	t.Helper()
	first, last := l.files[0], l.files[len(l.files)-1]
	before, after := l.memory[0], l.memory[len(l.memory)-1]
	if last > first+16 || after > before+64<<20 {
		t.Errorf("%s: %d open files after %d, %d MiB after %d", l.name, last, first, after>>20, before>>20)
	}
	half := len(l.at) / 2
	growth := slope(l.at[half:], l.memory[half:])
	// Within minutes the noise of the garbage collector is more than this.
	if length >= 4*time.Hour && growth > 1 {
		t.Errorf("%s: memory grows by %.2f MiB an hour in the second half, want 1 at most", l.name, growth)
	}
	return fmt.Sprintf("%s %d→%d files, %d→%d MiB, %+.1f MiB an hour in the second half", l.name, first, last, before>>20, after>>20, growth)
}

// slope is by how many MiB an hour the memory grows: of the straight line that is
// nearest to all (least squares).
func slope(at []time.Time, memory []int64) float64 {
	var n, sumX, sumY, sumXX, sumXY float64
	for i := range at {
		x, y := at[i].Sub(at[0]).Hours(), float64(memory[i])/(1<<20)
		n, sumX, sumY, sumXX, sumXY = n+1, sumX+x, sumY+y, sumXX+x*x, sumXY+x*y
	}
	if d := n*sumXX - sumX*sumX; d > 0 {
		return (n*sumXY - sumX*sumY) / d
	}
	return 0
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
