package e2e_test

import (
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/pkg/torture"
)

// Both programs are killed at random and at each step of a report's way, the
// line doubles everything, and in the end all that the agent promised is stored
// once.
func TestKills(t *testing.T) {
	r := newRig(t)
	t.Run("random", func(t *testing.T) {
		r.t = t
		began := time.Now()
		kills := torture.Times(25, 2000)
		var flapping sync.WaitGroup
		stop := make(chan struct{})
		collectorKills := 0
		flapping.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c := r.startCollector()
				idle(300 * time.Millisecond)
				c.kill()
				collectorKills++
			}
		})
		for range kills {
			before := r.promised()
			a := r.startAgent()
			r.awaitKept(before)
			idle(150 * time.Millisecond)
			a.kill()
		}
		close(stop)
		flapping.Wait()
		a, c := r.startAgent(), r.startCollector()
		n := r.settle()
		end(t, r, a, c)
		torture.Figure(t, "R1", "%d kills of the agent while the collector was killed %d times, %s: %d reports promised, 0 lost, 0 doubled",
			kills, collectorKills, time.Since(began).Round(time.Second), n)
	})
	t.Run("steps", func(t *testing.T) {
		r.t = t
		runs := torture.Times(3, 200)
		total := 0
		for _, s := range steps {
			for range runs {
				r.killAt(s)
				total++
			}
		}
		a, c := r.startAgent(), r.startCollector()
		n := r.settle()
		end(t, r, a, c)
		torture.Figure(t, "R4", "%d kills at %d points between poll and deletion: %d reports promised, 0 lost, 0 doubled", total, len(steps), n)
	})
	t.Run("all twice", func(t *testing.T) {
		r.t = t
		twice := r.twice()
		a, c := r.startAgent(), r.startCollector()
		for want := torture.Times(3, 300); twice() < want; {
			r.awaitKept(r.promised())
		}
		r.line.set(func(point, []byte) bool { return true })
		n := r.settle()
		end(t, r, a, c)
		torture.Figure(t, "R4", "receipts of all %d uploads lost and each sent twice: %d reports promised, 0 lost, 0 doubled", twice(), n)
	})
}

// end stops both programs, and holds that nothing was set aside.
func end(t *testing.T, r *rig, agent, collector *process) {
	t.Helper()
	for _, p := range []*process{agent, collector} {
		if err := p.stop(10 * time.Second); err != nil {
			t.Error(err)
		}
	}
	r.setAside()
}

// A killStep is a point of a report's way, and which of the two dies there.
type killStep struct {
	name      string
	said      string // what the agent logs, or
	at        point  // where an upload is
	collector bool
}

// steps are the six gaps of the way: poll, spool, send, store, receipt, delete.
var steps = []killStep{
	{"polled, not spooled", `msg="device polled"`, "", false},
	{"spooled, not sent", `msg="report kept"`, "", false},
	{"sent, not stored", "", underway, true},
	{"stored, no receipt", "", answered, true},
	{"receipt, not deleted", "", passed, false},
	{"deleted", "", passed, false},
}

// killAt runs both until one of them is killed at the step.
func (r *rig) killAt(s killStep) {
	r.t.Helper()
	c := r.startCollector()
	died := make(chan struct{})
	var once sync.Once
	var a *process
	ready := make(chan struct{})
	strike := func() {
		once.Do(func() {
			defer close(died)
			<-ready
			switch {
			case s.collector && s.at == underway:
				idle(3 * time.Millisecond) // before, in and after the transaction
				_ = c.cmd.Process.Kill()
			case s.collector:
				_ = c.cmd.Process.Kill()
			case s.name == "deleted":
				idle(20 * time.Millisecond)
				_ = a.cmd.Process.Kill()
			default:
				_ = a.cmd.Process.Kill()
			}
		})
	}
	r.mu.Lock()
	r.onLine = func(line string) {
		if s.said != "" && strings.Contains(line, s.said) {
			strike()
		}
	}
	r.mu.Unlock()
	r.line.set(func(p point, _ []byte) bool {
		if p == s.at {
			strike()
			return p != answered // the receipt is lost
		}
		return true
	})
	a = r.startAgent()
	close(ready)
	select {
	case <-died:
	case <-time.After(patience):
		r.t.Fatalf("%s: nothing came to this point", s.name)
	}
	a.kill()
	c.kill()
	r.mu.Lock()
	r.onLine = func(string) {}
	r.mu.Unlock()
	r.line.set(func(point, []byte) bool { return true })
}

// twice loses the receipt of each upload that comes for the first time. It
// returns the number of those that came again.
func (r *rig) twice() func() int {
	var mu sync.Mutex
	seen := map[[32]byte]bool{}
	lost := true
	again := 0
	r.line.set(func(p point, body []byte) bool {
		if p != answered {
			return true
		}
		mu.Lock()
		defer mu.Unlock()
		seen[sha256.Sum256(body)] = true
		lost = !lost
		if lost {
			again++ // what was sent again, maybe with more
		}
		return lost
	})
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return again
	}
}

// A stop is a stop within ten seconds, also while the collector does not answer
// and a device neither.
func TestStopWhileAllHangs(t *testing.T) {
	r := newRig(t)
	silent, err := net.ListenPacket("udp", "127.82.0.9:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	host, port := split(t, silent.LocalAddr().String())
	conf, err := os.OpenFile(filepath.Join(r.dir, "agent.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conf, "  - {address: %s, snmp_port: %d, via: snmp, timeout: 60s}\n", host, port); err != nil {
		t.Fatal(err)
	}
	if err := conf.Close(); err != nil {
		t.Fatal(err)
	}
	hung, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r.line.set(func(point, []byte) bool {
		once.Do(func() { close(hung) })
		<-release
		return false
	})
	defer close(release)
	a := r.startAgent()
	<-hung
	began := time.Now()
	if err := a.stop(10 * time.Second); err != nil {
		t.Errorf("agent: %v", err)
	}
	took := time.Since(began).Round(100 * time.Millisecond)
	promised := r.promised()
	if promised == 0 {
		t.Error("no report was kept")
	}
	torture.Figure(t, "R14", "the agent stopped in %s while its collector and a device hung, with %d reports kept", took, promised)
}

// A database that comes back from a backup lacks what it had acknowledged since.
// The agent sends again what it keeps, and the gap is shown.
func TestRestoreHeals(t *testing.T) {
	r := newRig(t)
	a, c := r.startAgent(), r.startCollector()
	r.settle()
	if err := c.stop(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(r.dir, "collector", "rollcall.db")
	backup, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c = r.startCollector()
	r.settle()
	if err := a.stop(10 * time.Second); err != nil { // which brings away all
		t.Fatal(err)
	}
	r.mu.Lock()
	promised := append([]string(nil), r.kept...)
	r.mu.Unlock()
	newest := promised[len(promised)-1]
	if err := c.stop(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		_ = os.Remove(path + suffix)
	}
	if err := os.WriteFile(path, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, d := range r.devices {
		_ = d.Close() // they cannot be polled afresh
	}
	if r.stored()[newest] != 0 {
		t.Fatal("the backup has the newest report: it proves nothing")
	}
	c, a = r.startCollector(), r.startAgent()
	r.healed(newest)
	end(t, r, a, c)
	torture.Figure(t, "R16", "after a restore the newest of %d acknowledged reports came again by itself, and the gap is shown", len(promised))
}
