package store_test

import (
	"fmt"
	"testing"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
)

// What is over is forgotten when it is older than the history that is kept, in
// more than one batch; what still decides something is not.
func TestPruneHistory(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	var parts []inventory.Component
	for n := range 1100 {
		parts = append(parts, part(fmt.Sprint(n), "C9300-48P", fmt.Sprintf("FCW%08d", n)))
	}
	send(t, s, c, a, report(c, 1, device("192.0.2.1", parts...)))
	result := func(findings ...reconcile.Finding) {
		t.Helper()
		if err := s.SaveResult(t.Context(), a.Organization, reconcile.Result{Findings: findings}); err != nil {
			t.Fatal(err)
		}
	}
	result(reconcile.Finding{Key: "over", Kind: reconcile.UncoveredUnit}, reconcile.Finding{Key: "swap", Kind: reconcile.RMAMismatch},
		reconcile.Finding{Key: "open", Kind: reconcile.UncoveredUnit})
	c.advance(time.Hour)
	send(t, s, c, a, report(c, 2, device("192.0.2.1", parts[0])))
	result(reconcile.Finding{Key: "open", Kind: reconcile.UncoveredUnit})
	before, present := 0, 0
	for _, x := range facts(t, s, a.Organization).Sightings {
		before++
		if x.Gone.IsZero() {
			present++
		}
	}
	if before-present < 1099 || present != 1 {
		t.Fatalf("%d components, %d of them present", before, present)
	}
	check := func(after time.Duration, components, resolved int) {
		t.Helper()
		c.advance(after)
		if err := s.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		over, err := s.Findings(t.Context(), a.Organization, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(facts(t, s, a.Organization).Sightings); got != components || len(over) != resolved {
			t.Errorf("%d components and %d resolved findings, want %d and %d", got, len(over), components, resolved)
		}
		if open, err := s.Findings(t.Context(), a.Organization, true); err != nil || len(open) != 1 {
			t.Errorf("open findings %v, %v", open, err)
		}
	}
	check(729*24*time.Hour, before, 2)
	check(2*24*time.Hour, present, 1)
}
