package store_test

import (
	"context"
	"testing"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

func TestWhatMarksAnOrganizationAsChanged(t *testing.T) {
	base := device("192.0.2.1", part("1", "C9300-48P", "FCW0000A001"))
	tests := []struct {
		name string
		edit func(*wire.Report)
		want bool
	}{
		{"same", func(*wire.Report) {}, false},
		{"claims the old fingerprint", func(r *wire.Report) {
			r.Device.Components = []inventory.Component{part("1", "C9300-48P", "FCW0000A002")}
		}, true},
		{"other part", func(r *wire.Report) {
			r.Device.Components = []inventory.Component{part("1", "C9300-48P", "FCW0000A002")}
			r.Fingerprint = r.Device.Fingerprint()
		}, true},
		{"incomplete", func(r *wire.Report) { r.Device.Complete = false }, true},
		{"problem", func(r *wire.Report) {
			r.Device.Errors = []inventory.Problem{{Kind: inventory.ProblemWeakAccess, Via: "snmp"}}
		}, true},
		{"no answer", func(r *wire.Report) { r.Answered = false }, true},
		{"other node", func(r *wire.Report) { r.Device.Address = "192.0.2.2" }, true},
		{"refused", func(r *wire.Report) { r.Device.Name = "a\x00b" }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			s := open(t, t.TempDir(), c)
			a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
			send(t, s, c, a, report(c, 1, base))
			settle(t, s)
			c.advance(time.Hour)
			r := report(c, 2, base)
			tt.edit(&r)
			send(t, s, c, a, r)
			if got := len(changed(t, s)) > 0; got != tt.want {
				t.Errorf("changed %v, want %v", got, tt.want)
			}
		})
	}
}

// A silence and its end change verdicts though no node does.
func TestSilence(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	d := device("192.0.2.1", part("1", "C9300-48P", "FCW0000A001"))
	send(t, s, c, a, report(c, 1, d))
	settle(t, s)
	mark := func() []string {
		t.Helper()
		if err := s.MarkSilent(ctx, 3); err != nil {
			t.Fatal(err)
		}
		return changed(t, s)
	}
	c.advance(3 * time.Hour)
	if got := mark(); len(got) != 0 {
		t.Errorf("silent after 3 intervals: %v", got)
	}
	c.advance(time.Second)
	if got := mark(); len(got) != 1 {
		t.Errorf("not silent after more than 3 intervals")
	}
	settle(t, s)
	c.advance(time.Hour)
	if got := mark(); len(got) != 0 {
		t.Errorf("silent a second time: %v", got)
	}
	send(t, s, c, a, report(c, 2, d))
	if got := changed(t, s); len(got) != 1 {
		t.Errorf("the end of the silence changed nothing")
	}
}

// TestCaughtUp: nodes that were overdue in the last result are judged again once
// they were polled, although they are as they were; those that never were overdue
// are not.
func TestCaughtUp(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	one, two := device("192.0.2.1", part("1", "C9300-48P", "FCW0000A001")), device("192.0.2.2", part("1", "C9300-48P", "FCW0000A002"))
	send(t, s, c, a, report(c, 1, one), report(c, 2, two))
	settle(t, s)
	seq := int64(2)
	heard := func(want bool, what string, r ...wire.Report) {
		t.Helper()
		send(t, s, c, a, r...)
		if got := len(changed(t, s)) > 0; got != want {
			t.Errorf("%s: changed %v, want %v", what, got, want)
		}
		settle(t, s)
	}
	next := func(d inventory.Device, age time.Duration) wire.Report {
		seq++
		r := report(c, seq, d)
		r.PolledAt = r.PolledAt.Add(-age)
		return r
	}
	c.advance(time.Hour)
	heard(false, "an interval later", next(one, 0), next(two, 0))
	for range 4 {
		c.advance(time.Hour)
		heard(false, "the other is not polled", next(one, 0))
	}
	heard(false, "the other, which no result found overdue", next(two, 0))
	c.advance(4 * time.Hour)
	heard(true, "the end of a silence, of one", next(one, 0))
	heard(false, "an old report of the other", next(two, 3*time.Hour))
	heard(true, "the other again", next(two, 0))
	heard(false, "the other once more", next(two, 0))
	c.advance(time.Hour)
	heard(false, "both, an interval later", next(one, 0), next(two, 0))

	// After a silence the first report has all judged, before the others come.
	c.advance(20 * time.Hour)
	heard(true, "the end of a silence", next(one, 18*time.Hour))
	heard(true, "the same node, of now", next(one, 0))
	heard(true, "the other node, of now", next(two, 0))
	heard(false, "nothing new", next(one, 0), next(two, 0))

	// The other comes while a run is under way that has read of it what was before.
	c.advance(3 * time.Hour)
	send(t, s, c, a, next(one, 0))
	org := changed(t, s)[0]
	done, err := s.Reconcile(t.Context(), org, func(reconcile.Facts) reconcile.Result {
		send(t, s, c, a, next(two, 0))
		return reconcile.Result{}
	})
	if err != nil || !done {
		t.Fatalf("reconcile: %v, %v", done, err)
	}
	if got := changed(t, s); len(got) != 1 {
		t.Error("what came while a run was under way is not judged again")
	}
}
