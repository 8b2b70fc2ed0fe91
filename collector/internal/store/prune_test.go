package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
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
	check(2*24*time.Hour, present, 0)
}

// What imports changed is forgotten when they are old and others have followed,
// and nothing that a verdict rests on is: not then, and not after later imports
// are undone.
func TestPruneImports(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	whole, pruned := open(t, t.TempDir(), c), open(t, t.TempDir(), c)
	both := []*store.Store{whole, pruned}
	forgotten, run := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		if run++; run > 30 {
			return // each writes to the disk some thirty times
		}
		org := ""
		for _, s := range both {
			o, err := s.CreateOrganization(ctx, fmt.Sprint("Organization ", run))
			if err != nil {
				rt.Fatal(err)
			}
			org = o.ID
		}
		same := func(what string) {
			rt.Helper()
			if diff := cmp.Diff(known(t, whole, org), known(t, pruned, org), cmpopts.EquateEmpty()); diff != "" {
				rt.Fatalf("after %s (-not pruned +pruned):\n%s", what, diff)
			}
		}
		for i := range rapid.IntRange(5, 9).Draw(rt, "imports") {
			c.advance(time.Duration(rapid.IntRange(150, 500).Draw(rt, "days")) * 24 * time.Hour)
			lines := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"1 S1", "1 S2", "1 S3", "2 S1", "2 S2"}), 1, 4, rapid.ID[string]).Draw(rt, "lines")
			old := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"S1", "S2", "S3"}), rapid.ID[string]).Draw(rt, "old")
			ledger, end := rapid.Bool().Draw(rt, "ledger"), rapid.SampledFrom([]contract.Date{"2037-01-01", "2038-01-01"}).Draw(rt, "end")
			for _, s := range both {
				var err error
				if ledger {
					var entries []contract.RMA
					for _, serial := range old {
						entries = append(entries, contract.RMA{OldSerial: serial, NewSerial: "N", RMANumber: fmt.Sprint(end)})
					}
					_, err = s.ImportRMAs(ctx, org, "rma.csv", entries)
				} else {
					var list []contract.Line
					for _, l := range lines {
						number, serial, _ := strings.Cut(l, " ")
						list = append(list, contract.Line{Contract: number, Serial: serial, End: end})
					}
					f := file(fmt.Sprint(run, "-", i), list...)
					f.Refused = []contract.Refusal{{File: f.Name, Row: i}}
					_, err = s.ImportContract(ctx, org, f, time.Time{})
				}
				if err != nil {
					rt.Fatal(err)
				}
			}
			if err := pruned.Prune(ctx); err != nil {
				rt.Fatal(err)
			}
			same("an import")
		}
		for range 6 {
			log, _, err := pruned.ImportLog(ctx, org, 100, 0)
			if err != nil {
				rt.Fatal(err)
			}
			for _, i := range log {
				if i.Forgotten {
					forgotten++
				}
			}
			next := slices.IndexFunc(log, func(i store.LoggedImport) bool { return i.Undone.IsZero() && i.Later == 0 && (i.ID+int64(run))%3 > 0 })
			if next < 0 {
				break
			}
			if _, err = pruned.UndoImport(ctx, org, log[next].ID, "Ann"); log[next].Forgotten {
				if !errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "older than history_days") {
					rt.Fatalf("a forgotten import is undone: %v", err)
				}
				break
			}
			if err != nil {
				rt.Fatal(err)
			}
			if _, err := whole.UndoImport(ctx, org, log[next].ID, "Ann"); err != nil {
				rt.Fatal(err)
			}
			same("an undoing")
		}
	})
	if forgotten == 0 {
		t.Errorf("no import was forgotten: this tests nothing")
	}
}

// The changes and refused rows of a contract that is imported again and again do not grow for ever.
func TestPruneImportsBounds(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	o, err := s.CreateOrganization(ctx, "Riverside Food Bank")
	if err != nil {
		t.Fatal(err)
	}
	var first int64
	for n := range 30 { // each ends what the one before began
		c.advance(90 * 24 * time.Hour)
		f := file(fmt.Sprint(n), contract.Line{Contract: "1", Serial: "S1", End: contract.Date(fmt.Sprintf("20%d-01-01", 30+n))},
			contract.Line{Contract: "1", Serial: fmt.Sprint("T", n%2)})
		f.Refused = []contract.Refusal{{File: f.Name, Row: n}}
		if _, err := s.ImportContract(ctx, o.ID, f, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Prune(ctx); err != nil {
			t.Fatal(err)
		}
	}
	log, total, err := s.ImportLog(ctx, o.ID, 100, 0)
	if err != nil || total != 30 {
		t.Fatalf("%d imports, %v", total, err)
	}
	kept, refused := 0, 0
	for _, i := range log {
		if !i.Forgotten {
			kept++
		}
		refused += len(i.Refused)
		first = i.ID
	}
	if kept > 9 { // two years of 90 days each
		t.Errorf("%d of 30 imports are kept whole", kept)
	}
	if refused != kept+1 { // the newest of those that are forgotten may be the newest of all again
		t.Errorf("refused rows of %d imports are kept, want of %d", refused, kept+1)
	}
	if i, changes, err := s.ImportByID(ctx, o.ID, first, 100, 0); err != nil || !i.Forgotten || len(changes) > 0 {
		t.Errorf("the first import: %+v, %v, %v", i, changes, err)
	}
	rows, err := s.CountLineChanges(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if rows > 3*9+2 {
		t.Errorf("%d changes of lines are kept of 90", rows)
	}
}
