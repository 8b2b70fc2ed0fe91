package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
)

// The life of findings: opened, changed, acknowledged, resolved, and back.
func TestFindingsLife(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	o, err := s.CreateOrganization(ctx, "Riverside Food Bank")
	if err != nil {
		t.Fatal(err)
	}
	f := func(key, evidence string) reconcile.Finding {
		return reconcile.Finding{
			Key: key, Kind: reconcile.UncoveredUnit, Severity: reconcile.Critical, Evidence: []string{evidence},
			NextStep: reconcile.NextStep{Title: "add it", Steps: []string{"one"}, Sheet: reconcile.Sheet{"serial": "S1"}},
		}
	}
	save := func(findings ...reconcile.Finding) {
		t.Helper()
		if err := s.SaveResult(ctx, o.ID, reconcile.Result{Findings: findings}); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(step string, open bool, want ...store.Finding) {
		t.Helper()
		for i := range want {
			want[i].Organization = o.ID
		}
		got, err := s.Findings(ctx, o.ID, open)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
	}
	hour := func(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) }

	save(f("a", "1"), f("b", "1"))
	a := store.Finding{ID: 1, Organization: o.ID, Finding: f("a", "1"), Opened: hour(0), Updated: hour(0)}
	b := store.Finding{ID: 2, Finding: f("b", "1"), Opened: hour(0), Updated: hour(0)}
	expect("opened", true, a, b)

	c.advance(time.Hour)
	save(f("b", "2"), f("a", "1"))
	b.Finding, b.Updated = f("b", "2"), hour(1)
	expect("one changed", true, a, b)

	c.advance(time.Hour)
	if err := s.Acknowledge(ctx, o.ID, b.ID, "admin", ""); err != nil {
		t.Fatal(err)
	}
	save(f("b", "3"))
	b.Finding, b.Updated, b.Acknowledged, b.AcknowledgedBy = f("b", "3"), hour(2), hour(2), "admin"
	a.Resolved = hour(2)
	expect("one acknowledged, still open", true, b)
	expect("one resolved", false, a)

	c.advance(time.Hour)
	save(f("a", "1"))
	b.Resolved = hour(3)
	again := store.Finding{ID: 3, Finding: f("a", "1"), Opened: hour(3), Updated: hour(3)}
	expect("one returned as a new one", true, again)
	expect("resolved ones stay", false, a, b)

	if err := s.Acknowledge(ctx, o.ID, b.ID, "admin", ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a resolved one was acknowledged: error %v", err)
	}
	if err := s.Acknowledge(ctx, "nobody", again.ID, "admin", ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("one of another organization was acknowledged: error %v", err)
	}
	got, err := s.Finding(ctx, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, got); diff != "" {
		t.Errorf("one by ID (-want +got):\n%s", diff)
	}
	if _, err := s.Finding(ctx, 99); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("one that is not there: error %v", err)
	}
}

// A run that cannot tell does not resolve, and does not reopen either.
func TestUnprovenFindingsStay(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir(), newClock())
	o, err := s.CreateOrganization(ctx, "Riverside Food Bank")
	if err != nil {
		t.Fatal(err)
	}
	steps := []reconcile.Result{
		{Findings: []reconcile.Finding{{Key: "a"}, {Key: "b"}}},
		{Unproven: []string{"a", "never open"}},
		{Findings: []reconcile.Finding{{Key: "a"}}},
	}
	for _, r := range steps {
		if err := s.SaveResult(ctx, o.ID, r); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Findings(ctx, o.ID, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].ID != 1 {
		t.Errorf("open findings %v, want the first, never resolved", got)
	}
}

// Two findings of one key are a mistake in a rule; the others count all the same.
func TestFindingsOfOneKey(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir(), newClock())
	o, err := s.CreateOrganization(ctx, "Riverside Food Bank")
	if err != nil {
		t.Fatal(err)
	}
	r := reconcile.Result{Findings: []reconcile.Finding{{Key: "a", Subject: "first"}, {Key: "a", Subject: "second"}, {Key: "b"}}}
	for range 2 {
		if err := s.SaveResult(ctx, o.ID, r); err != nil {
			t.Fatal(err)
		}
		got, err := s.Findings(ctx, "", true)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || got[0].Subject != "first" {
			t.Errorf("findings %v, want the first of each key", got)
		}
	}
}

func TestSummary(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir(), newClock())
	o, err := s.CreateOrganization(ctx, "Riverside Food Bank")
	if err != nil {
		t.Fatal(err)
	}
	unit := func(site string, coverage reconcile.Coverage) reconcile.Unit {
		return reconcile.Unit{Serial: "S", Site: site, Coverage: coverage, Class: inventory.ClassChassis}
	}
	units := []reconcile.Unit{unit("Main", reconcile.Uncovered), unit("Main", reconcile.Covered), unit("Main", reconcile.Covered), unit("Depot", reconcile.Covered)}
	for range 2 {
		if err := s.SaveResult(ctx, o.ID, reconcile.Result{Units: units}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Summary(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := []store.Count{
		{o.ID, "Depot", reconcile.Covered, inventory.ClassChassis, 1},
		{o.ID, "Main", reconcile.Covered, inventory.ClassChassis, 2},
		{o.ID, "Main", reconcile.Uncovered, inventory.ClassChassis, 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

// What changes between Facts and SaveResult is reconciled again.
func TestChangeDuringReconcile(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	settle(t, s)
	send(t, s, c, a, report(c, 1, device("192.0.2.1", part("1", "C9300-48P", "FCW0000A001"))))
	select {
	case <-s.Changes():
	default:
		t.Error("no word of the change")
	}
	facts(t, s, a.Organization)
	send(t, s, c, a, report(c, 2, device("192.0.2.1", part("1", "C9300-48P", "FCW0000A002"))))
	facts(t, s, a.Organization) // someone else looks: the result below is not of these facts
	if err := s.SaveResult(ctx, a.Organization, reconcile.Result{}); err != nil {
		t.Fatal(err)
	}
	if got := changed(t, s); len(got) != 1 {
		t.Errorf("changed %v, want the organization", got)
	}
	settle(t, s)
}

func TestMarkAllChanged(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	settle(t, s)
	if err := s.MarkAllChanged(ctx, start); err != nil {
		t.Fatal(err)
	}
	if got := changed(t, s); len(got) != 0 {
		t.Errorf("changed %v, though its last run is not older", got)
	}
	if err := s.MarkAllChanged(ctx, start.Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if got := changed(t, s); len(got) != 1 {
		t.Errorf("changed %v, want the organization", got)
	}
}
