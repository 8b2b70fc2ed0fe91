package store_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
)

// What is scraped is of all organizations, or of one and nothing of another.
func TestSnapshot(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	at := c.now()
	want := map[string]store.Snapshot{}
	for _, name := range []string{"hill", "river"} {
		a, _, err := s.CreateAgent(ctx, name, "Main", "agent-"+name)
		if err != nil {
			t.Fatal(err)
		}
		figures := reconcile.Figures{
			Contracts: []reconcile.ContractFigures{{Contract: "1-" + name, Imported: at, Lines: map[reconcile.LineState]int{reconcile.LineMatched: 1}, NextEnd: "2030-01-01"}},
			TermShort: 2,
		}
		for _, units := range [][]reconcile.Unit{nil, {{Serial: "S1", Site: "Main", Class: inventory.ClassChassis, Coverage: reconcile.Covered}}} {
			if err := s.SaveResult(ctx, name, reconcile.Result{Units: units, Figures: figures}); err != nil {
				t.Fatal(err)
			}
		}
		want[name] = store.Snapshot{
			Runs:    []store.Run{{Organization: store.Organization{ID: name, Name: name}, At: at}},
			Units:   []store.Count{{Organization: name, Site: "Main", Coverage: reconcile.Covered, Class: inventory.ClassChassis, N: 1}},
			Agents:  []store.Agent{a},
			Figures: []store.Figures{{Organization: name, Figures: figures}},
		}
	}
	both := want["hill"]
	both.Runs = append(both.Runs, want["river"].Runs...)
	both.Units = append(both.Units, want["river"].Units...)
	both.Figures = append(both.Figures, want["river"].Figures...)
	both.Agents = nil // by ID, which is random
	want[""] = both
	want["nobody"] = store.Snapshot{}
	for org, want := range want {
		got, err := s.Snapshot(ctx, org)
		if err != nil {
			t.Fatal(err)
		}
		if org == "" {
			if len(got.Agents) != 2 {
				t.Errorf("%d agents of all, want 2", len(got.Agents))
			}
			got.Agents = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("snapshot of %q (-want +got):\n%s", org, diff)
		}
	}
}
