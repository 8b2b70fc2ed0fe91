package sshcli

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
)

func TestOneSessionPerDevice(t *testing.T) {
	t.Parallel()
	var open, most atomic.Int32
	d := startDevice(t, func(term *terminal) {
		if n := open.Add(1); n > most.Load() {
			most.Store(n)
		}
		term.run("", "sw1#", ios())
		open.Add(-1)
	})
	tg := d.target(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := Dial(t.Context(), tg, newLog(t))
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.Run(t.Context(), "show version"); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() != 1 {
		t.Errorf("%d sessions were open at once, want 1: people need the other lines", most.Load())
	}
	s := dial(t, tg)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Dial(ctx, tg, newLog(t)); KindOf(err) != inventory.ProblemBusy {
		t.Errorf("while a session is open: %v, want busy", err)
	}
	_ = s.Close()
	if len(tg.HostKeys.lines.of) != 0 {
		t.Errorf("%d devices are remembered though none was busy", len(tg.HostKeys.lines.of))
	}
}

// refusing closes the first connections that come, as a device does whose lines
// are all in use.
func (d *device) refusing(n int) *atomic.Int32 {
	tries := &atomic.Int32{}
	d.admit = func(net.Conn) bool { return int(tries.Add(1)) > n }
	return tries
}

func TestBusyOnce(t *testing.T) {
	t.Parallel()
	var tries *atomic.Int32
	d := startDevice(t, func(term *terminal) { term.run("", "sw1#", ios()) }, func(d *device) { tries = d.refusing(1) })
	s := dial(t, d.target(t))
	if out := run(t, s, "show inventory"); !strings.Contains(out, "FOC2001X0AB") || tries.Load() != 2 {
		t.Errorf("%d tries, output %q", tries.Load(), out)
	}
}

func TestBusyIsLeftAlone(t *testing.T) {
	t.Parallel()
	var tries *atomic.Int32
	d := startDevice(t, func(term *terminal) { term.run("", "sw1#", ios()) }, func(d *device) { tries = d.refusing(2) })
	tg := d.target(t)
	dialFails(t, tg, inventory.ProblemBusy)
	message := dialFails(t, tg, inventory.ProblemBusy)
	if tries.Load() != 2 || !strings.Contains(message, "left alone until") {
		t.Errorf("%d tries, message %q: want 2, and to be left alone", tries.Load(), message)
	}
	tg.HostKeys.lines.of[joinAddress(tg.Address, tg.Port)].until = time.Now().Add(-time.Second)
	_ = dial(t, tg).Close()
	if len(tg.HostKeys.lines.of) != 0 {
		t.Error("a device that is free again is still remembered as busy")
	}
}

func TestRests(t *testing.T) {
	t.Parallel()
	l := &lines{}
	leave, err := l.take(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	now := time.Unix(1_700_000_000, 0)
	for _, want := range []time.Duration{15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 10 * time.Minute, 10 * time.Minute} {
		l.note("a", true, now)
		if got := l.rests("a", now).Sub(now); got != want {
			t.Errorf("it rests %s, want %s", got, want)
		}
	}
	if got := l.rests("a", now.Add(10*time.Minute)); !got.IsZero() {
		t.Errorf("it rests until %s", got)
	}
	l.note("a", false, now)
	if got := l.rests("a", now); !got.IsZero() {
		t.Errorf("it rests until %s after it was free", got)
	}
}

// TestRefusedConnections tells a device whose logins are blocked from an
// address where SSH never was.
func TestRefusedConnections(t *testing.T) {
	t.Parallel()
	d := startDevice(t, func(term *terminal) { term.run("", "sw1#", ios()) })
	tg := d.target(t)
	_ = dial(t, tg).Close()
	_ = d.listen.Close()
	if message := dialFails(t, tg, inventory.ProblemBusy); !strings.Contains(message, "answered here before") {
		t.Errorf("got %q", message)
	}
	tg.HostKeys = openKeys(t, "")
	dialFails(t, tg, inventory.ProblemUnreachable)
}

// TestWrongPasswordIsShownOnce: what looks busy after a password may be a
// refusal, and another try would count towards a lock-out.
func TestWrongPasswordIsShownOnce(t *testing.T) {
	t.Parallel()
	d := startDevice(t, func(*terminal) {}) // hangs up after the login
	dialFails(t, d.target(t), inventory.ProblemBusy)
	if d.passwords != 1 {
		t.Errorf("the password was shown %d times", d.passwords)
	}
	d = startDevice(t, func(term *terminal) { term.run("", "sw1#", ios()) })
	dialFails(t, d.target(t, func(tg *Target) { tg.Credential.Password = config.Plain("canary-wrong") }), inventory.ProblemCredentialRefused)
	if d.passwords != 1 {
		t.Errorf("the wrong password was shown %d times", d.passwords)
	}
}
