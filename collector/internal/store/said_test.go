package store_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// two are two organizations, and the store that holds both.
func two(t *testing.T) (s *store.Store, c *clock, one, other string) {
	t.Helper()
	c = newClock()
	s = open(t, t.TempDir(), c)
	for _, name := range []string{"Riverside Food Bank", "Hillside Community Health"} {
		if _, err := s.CreateOrganization(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	return s, c, "riverside-food-bank", "hillside-community-health"
}

// onlyChanged says that the organization is to be reconciled and no other, and
// settles that.
func onlyChanged(t *testing.T, s *store.Store, org string) {
	t.Helper()
	if got := changed(t, s); !slices.Equal(got, []string{org}) {
		t.Errorf("changed %v, want %s alone", got, org)
	}
	calm(t, s)
}

// calm settles changes also after facts were read that no result came of.
func calm(t *testing.T, s *store.Store) {
	t.Helper()
	for _, org := range changed(t, s) {
		check(t, s.SaveResult(t.Context(), org, reconcile.Result{}))
	}
	settle(t, s)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLedgerEntries(t *testing.T) {
	ctx := context.Background()
	s, c, org, other := two(t)
	entries := func(want ...string) {
		t.Helper()
		all, err := s.RMAs(ctx, org)
		check(t, err)
		var got []string
		for _, e := range all {
			got = append(got, strings.TrimRight(strings.Join([]string{e.Entry.OldSerial, e.Entry.NewSerial, e.Entry.RMANumber, e.File, e.Author}, " "), " "))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
	}
	rma := func(old, now, number string) contract.RMA {
		return contract.RMA{OldSerial: old, NewSerial: now, RMANumber: number}
	}
	_, err := s.ImportRMAs(ctx, org, "rma.csv", []contract.RMA{rma("FOCA", "FOCB", "1"), rma("FOCC", "FOCD", "2")})
	check(t, err)
	calm(t, s)

	id, err := s.SaveRMA(ctx, org, 0, contract.RMA{OldSerial: " foce", NewSerial: "FOCF ", RMANumber: " 3\n", ReturnBy: "2026-02-01"}, "Admin")
	check(t, err)
	onlyChanged(t, s, org)
	entries("FOCA FOCB 1 rma.csv", "FOCC FOCD 2 rma.csv", "FOCE FOCF 3  Admin")

	_, err = s.SaveRMA(ctx, org, 1, rma("FOCA", "FOCB", "11"), "Volunteer")
	check(t, err)
	onlyChanged(t, s, org)
	entries("FOCA FOCB 11 rma.csv Volunteer", "FOCC FOCD 2 rma.csv", "FOCE FOCF 3  Admin")

	// What stands in the file goes before what was typed for the same pair; what
	// was typed beside stays.
	c.advance(time.Hour)
	diff, err := s.ImportRMAs(ctx, org, "rma2.csv", []contract.RMA{rma("FOCA", "FOCB", "1"), rma("FOCG", "FOCH", "4")})
	if want := (store.Diff{Added: 1, Changed: 1, Removed: 1}); err != nil || !cmp.Equal(want, diff) {
		t.Errorf("%+v, %v, want %+v", diff, err, want)
	}
	entries("FOCE FOCF 3  Admin", "FOCA FOCB 1 rma2.csv", "FOCG FOCH 4 rma2.csv")
	if diff, err = s.ImportRMAs(ctx, org, "rma3.csv", []contract.RMA{rma("FOCA", "FOCB", "1"), rma("FOCG", "FOCH", "4")}); err != nil || !diff.Unchanged {
		t.Errorf("the same again: %+v, %v", diff, err)
	}
	calm(t, s)
	check(t, s.DeleteRMA(ctx, org, 5))
	onlyChanged(t, s, org)
	entries("FOCE FOCF 3  Admin", "FOCA FOCB 1 rma3.csv")
	if diff, err = s.ImportRMAs(ctx, org, "rma3.csv", []contract.RMA{rma("FOCA", "FOCB", "1"), rma("FOCG", "FOCH", "4")}); err != nil || diff.Added != 1 {
		t.Errorf("a row that was deleted here comes back: %+v, %v", diff, err)
	}

	// Undoing the files brings back what they ended, with its corrections.
	for _, i := range []int64{3, 2} {
		_, err := s.UndoImport(ctx, org, i, "Admin")
		check(t, err)
	}
	entries("FOCA FOCB 11 rma.csv Volunteer", "FOCC FOCD 2 rma.csv", "FOCE FOCF 3  Admin")

	calm(t, s)
	for name, try := range map[string]struct {
		do   func() error
		want error
	}{
		"the same serial twice": {func() error { _, err := s.SaveRMA(ctx, org, 0, rma("FOCX", "focx", ""), "Admin"); return err }, store.ErrInvalid},
		"no old serial":         {func() error { _, err := s.SaveRMA(ctx, org, 0, rma("", "FOCX", ""), "Admin"); return err }, store.ErrInvalid},
		"two serials":           {func() error { _, err := s.SaveRMA(ctx, org, 0, rma("FOCX FOCY", "", ""), "Admin"); return err }, store.ErrInvalid},
		"no date": {func() error {
			_, err := s.SaveRMA(ctx, org, 0, contract.RMA{OldSerial: "FOCX", ReturnBy: "soon"}, "Admin")
			return err
		}, store.ErrInvalid},
		"no author": {func() error { _, err := s.SaveRMA(ctx, org, 0, rma("FOCX", "FOCY", ""), " "); return err }, store.ErrInvalid},
		"long number": {func() error {
			_, err := s.SaveRMA(ctx, org, 0, rma("FOCX", "FOCY", strings.Repeat("8", 201)), "Admin")
			return err
		}, store.ErrInvalid},
		"a pair that is entered":      {func() error { _, err := s.SaveRMA(ctx, org, 0, rma("FOCE", "FOCF", ""), "Admin"); return err }, store.ErrConflict},
		"corrected to another's pair": {func() error { _, err := s.SaveRMA(ctx, org, 1, rma("FOCE", "FOCF", ""), "Admin"); return err }, store.ErrConflict},
		"no such entry":               {func() error { _, err := s.SaveRMA(ctx, org, 99, rma("FOCX", "FOCY", ""), "Admin"); return err }, store.ErrNotFound},
		"another organization's":      {func() error { _, err := s.SaveRMA(ctx, other, id, rma("FOCX", "FOCY", ""), "Admin"); return err }, store.ErrNotFound},
		"delete another's":            {func() error { return s.DeleteRMA(ctx, other, id) }, store.ErrNotFound},
		"delete as an order":          {func() error { return s.DeleteOrder(ctx, org, id) }, store.ErrNotFound},
		"no such organization":        {func() error { _, err := s.SaveRMA(ctx, "none", 0, rma("FOCX", "FOCY", ""), "Admin"); return err }, store.ErrNotFound},
		"order without number":        {func() error { _, err := s.SaveOrder(ctx, org, 0, contract.Order{ProductID: "X"}, "Admin"); return err }, store.ErrInvalid},
		"order of nothing": {func() error {
			_, err := s.SaveOrder(ctx, org, 0, contract.Order{OrderNumber: "1"}, "Admin")
			return err
		}, store.ErrInvalid},
		"order of too many": {func() error {
			_, err := s.SaveOrder(ctx, org, 0, contract.Order{OrderNumber: "1", ProductID: "X", Quantity: 1e9}, "Admin")
			return err
		}, store.ErrInvalid},
	} {
		if err := try.do(); !errors.Is(err, try.want) {
			t.Errorf("%s: %v, want %v", name, err, try.want)
		}
	}
	if got := changed(t, s); len(got) > 0 {
		t.Errorf("refused, and changed %v", got)
	}
	id, err = s.SaveOrder(ctx, org, 0, contract.Order{OrderNumber: "7", ProductID: " C9300-48P"}, "Admin")
	check(t, err)
	if got := facts(t, s, org).Orders; !cmp.Equal(got, []contract.Order{{OrderNumber: "7", ProductID: "C9300-48P", Quantity: 1}}) {
		t.Errorf("orders %+v", got)
	}
	check(t, s.DeleteOrder(ctx, org, id))
	if got := facts(t, s, org).Orders; len(got) != 0 {
		t.Errorf("orders %+v", got)
	}
}

func TestRetire(t *testing.T) {
	ctx := context.Background()
	s, c, org, other := two(t)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	send(t, s, c, a, report(c, 1, device("192.0.2.1", part("1", "C9300-48P", "FOC1111A0AA"))), report(c, 2, device("192.0.2.2", part("1", "C9300-48P", "FOC1111A0BB"))))
	_, err := s.ImportContract(ctx, org, file("a", contract.Line{Contract: "1", Serial: "FOC1111A0AA"}, contract.Line{Contract: "2", Serial: "FOC1111A0BB"}), c.now())
	check(t, err)
	c.advance(time.Hour)
	calm(t, s)
	shown := func(want string) {
		t.Helper()
		var got []string
		nodes, err := s.Nodes(ctx, org)
		check(t, err)
		for _, n := range nodes {
			got = append(got, n.ID)
		}
		imports, err := s.Imports(ctx, org)
		check(t, err)
		for _, i := range imports {
			got = append(got, i.Contract)
		}
		all, err := s.ImportsAll(ctx)
		check(t, err)
		if len(all) != len(imports) {
			t.Errorf("%d imports of all, %d of the organization", len(all), len(imports))
		}
		said, err := s.Retirements(ctx, org)
		check(t, err)
		for _, r := range said {
			word := "-" + string(r.Kind)
			if !r.Holds {
				word += "?"
			}
			got = append(got, word)
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("there is %s, want %s", got, want)
		}
	}
	shown("Main/192.0.2.1 Main/192.0.2.2 1 2")
	retire := func(kind reconcile.RetirementKind, name string) {
		t.Helper()
		check(t, s.Retire(ctx, org, reconcile.Retirement{Kind: kind, Name: name, Author: " Admin ", Reason: "cleared\nout"}))
		onlyChanged(t, s, org)
	}
	retire(reconcile.RetiredContract, "1")
	retire(reconcile.RetiredNode, "Main/192.0.2.1")
	shown("Main/192.0.2.2 2 -contract -node")
	want := reconcile.Retirement{Kind: reconcile.RetiredContract, Name: "1", Author: "Admin", Reason: "cleared out", Date: "2026-01-02", At: c.now()}
	if got := facts(t, s, org).Retirements; len(got) != 2 || got[0] != want {
		t.Errorf("retirements %+v, want %+v first", got, want)
	}
	retire(reconcile.RetiredSite, "Main")
	shown("2 -contract -node -site")
	// What is newer goes before it.
	c.advance(time.Hour)
	send(t, s, c, a, report(c, 3, device("192.0.2.1", part("1", "C9300-48P", "FOC1111A0AA"))))
	_, err = s.ImportContract(ctx, org, file("b", contract.Line{Contract: "1", Serial: "FOC1111A0AA"}), c.now())
	check(t, err)
	shown("Main/192.0.2.1 1 2 -contract? -node? -site?")
	calm(t, s)
	check(t, s.Unretire(ctx, org, reconcile.RetiredSite, "Main"))
	onlyChanged(t, s, org)
	shown("Main/192.0.2.1 Main/192.0.2.2 1 2 -contract? -node?")

	ok := reconcile.Retirement{Kind: reconcile.RetiredContract, Name: "1", Author: "Admin", Reason: "x"}
	for name, try := range map[string]struct {
		spoil func(*reconcile.Retirement) string
		want  error
	}{
		"unknown kind":           {func(r *reconcile.Retirement) string { r.Kind = "unit"; return org }, store.ErrInvalid},
		"no author":              {func(r *reconcile.Retirement) string { r.Author = ""; return org }, store.ErrInvalid},
		"no reason":              {func(r *reconcile.Retirement) string { r.Reason = "\n"; return org }, store.ErrInvalid},
		"no day":                 {func(r *reconcile.Retirement) string { r.Date = "today"; return org }, store.ErrInvalid},
		"no such contract":       {func(r *reconcile.Retirement) string { r.Name = "9"; return org }, store.ErrNotFound},
		"no such node":           {func(r *reconcile.Retirement) string { r.Kind = reconcile.RetiredNode; return org }, store.ErrNotFound},
		"no such site":           {func(r *reconcile.Retirement) string { r.Kind = reconcile.RetiredSite; return org }, store.ErrNotFound},
		"another organization's": {func(*reconcile.Retirement) string { return other }, store.ErrNotFound},
	} {
		r := ok
		if err := s.Retire(ctx, try.spoil(&r), r); !errors.Is(err, try.want) {
			t.Errorf("%s: %v, want %v", name, err, try.want)
		}
	}
	if err := s.Unretire(ctx, other, reconcile.RetiredNode, "Main/192.0.2.1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another organization takes it back: %v", err)
	}
}

func TestReplacements(t *testing.T) {
	ctx := context.Background()
	s, _, org, other := two(t)
	found := func(old, now string) reconcile.Finding {
		return reconcile.Finding{
			Key: "rma_mismatch/" + old + "/" + now, Kind: reconcile.RMAMismatch, Severity: reconcile.Critical, Subject: now,
			NextStep: reconcile.NextStep{Sheet: reconcile.Sheet{"remove_serial": old, "remove_pid": "P", "add_serial": now, "add_pid": "P"}},
		}
	}
	check(t, s.SaveResult(ctx, org, reconcile.Result{Findings: []reconcile.Finding{found("FOCA", "FOCB"), found("FOCC", "FOCD")}}))
	check(t, s.SaveResult(ctx, org, reconcile.Result{Findings: []reconcile.Finding{found("FOCA", "FOCB")}}))
	calm(t, s)
	id, err := s.ConfirmReplacement(ctx, org, contract.RMA{OldSerial: "FOCA", NewSerial: "FOCB", OldPID: "P", Contract: "1"}, "Admin")
	check(t, err)
	onlyChanged(t, s, org)
	again, err := s.ConfirmReplacement(ctx, org, contract.RMA{OldSerial: "FOCA", NewSerial: "FOCB", RMANumber: "8", ReturnBy: "2026-02-01"}, "Volunteer")
	if err != nil || again != id {
		t.Errorf("completed as entry %d of %d: %v", again, id, err)
	}
	want := []store.LedgerEntry[contract.RMA]{{ID: id, Entry: contract.RMA{OldSerial: "FOCA", OldPID: "P", NewSerial: "FOCB", Contract: "1", RMANumber: "8", ReturnBy: "2026-02-01"}, Author: "Volunteer", Changed: start}}
	if got, err := s.RMAs(ctx, org); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	all, err := s.Replacements(ctx, org)
	check(t, err)
	if diff := cmp.Diff([]store.Replacement{
		{OldSerial: "FOCA", OldPID: "P", NewSerial: "FOCB", RMANumber: "8", Entry: id, Finding: 1},
		{OldSerial: "FOCC", OldPID: "P", NewSerial: "FOCD", NewPID: "P", Finding: 2},
	}, all); diff != "" {
		t.Errorf("replacements (-want +got):\n%s", diff)
	}

	calm(t, s)
	reject := func(org, old, now, by string) error {
		return s.RejectReplacement(ctx, org, reconcile.Rejection{OldSerial: old, NewSerial: now, Author: by, Reason: "bought"})
	}
	if err := reject(org, "FOCA", "FOCB", "Admin"); !errors.Is(err, store.ErrConflict) {
		t.Errorf("what is recorded is rejected: %v", err)
	}
	for _, bad := range [][3]string{{"FOCC", "", "Admin"}, {"", "FOCD", "Admin"}, {"FOCC", "FOCD", ""}} {
		if err := reject(org, bad[0], bad[1], bad[2]); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	check(t, reject(org, "focc", "FOCD", "Admin"))
	onlyChanged(t, s, org)
	if got := facts(t, s, org).Rejections; !cmp.Equal(got, []reconcile.Rejection{{OldSerial: "FOCC", NewSerial: "FOCD", Author: "Admin", Date: "2026-01-02", Reason: "bought"}}) {
		t.Errorf("rejections %+v", got)
	}
	if all, err = s.Replacements(ctx, org); err != nil || len(all) != 1 {
		t.Errorf("after one was rejected: %+v, %v", all, err)
	}
	if all, err = s.Replacements(ctx, other); err != nil || len(all) != 0 {
		t.Errorf("another organization has %+v, %v", all, err)
	}
	if err := s.UnrejectReplacement(ctx, other, "FOCC", "FOCD"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another organization takes it back: %v", err)
	}
	calm(t, s)
	check(t, s.UnrejectReplacement(ctx, org, "FOCC", "FOCD"))
	onlyChanged(t, s, org)
	check(t, reject(org, "FOCC", "FOCD", "Admin"))
	_, err = s.ConfirmReplacement(ctx, org, contract.RMA{OldSerial: "FOCC", NewSerial: "FOCD"}, "Admin")
	check(t, err)
	if got := facts(t, s, org).Rejections; len(got) != 0 {
		t.Errorf("confirmed, and still rejected: %+v", got)
	}
	if _, err = s.ConfirmReplacement(ctx, org, contract.RMA{OldSerial: "FOCC"}, "Admin"); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("without the serial that came: %v", err)
	}
}

func TestSites(t *testing.T) {
	ctx := context.Background()
	s, _, org, other := two(t)
	agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	agent(t, s, "Hillside Community Health", "Main", "agent-1")
	calm(t, s)
	x := reconcile.Site{Name: "Main", Street: "1 River\nStreet", PostalCode: "12345", City: "Springfield"}
	check(t, s.SetSite(ctx, org, x))
	onlyChanged(t, s, org)
	x.Street = "1 River Street"
	if got := facts(t, s, org).Sites; !cmp.Equal(got, []reconcile.Site{x}) {
		t.Errorf("sites %+v", got)
	}
	if got, err := s.Sites(ctx, other); err != nil || !cmp.Equal(got, []reconcile.Site{{Name: "Main"}}) {
		t.Errorf("another organization has %+v, %v", got, err)
	}
	if err := s.SetSite(ctx, org, reconcile.Site{Name: "Annex"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a site that is not there: %v", err)
	}
	if err := s.SetSite(ctx, org, reconcile.Site{Name: "Main", City: strings.Repeat("x", 201)}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a long city: %v", err)
	}
}

func TestAcknowledge(t *testing.T) {
	ctx := context.Background()
	s, _, org, other := two(t)
	check(t, s.SaveResult(ctx, org, reconcile.Result{Findings: []reconcile.Finding{{Key: "a"}}}))
	read := func() store.Finding {
		t.Helper()
		f, err := s.Finding(ctx, 1)
		check(t, err)
		return f
	}
	check(t, s.Acknowledge(ctx, org, 1, " Admin", "ordered a\nreplacement "))
	if f := read(); f.AcknowledgedBy != "Admin" || f.Note != "ordered a replacement" || !f.Acknowledged.Equal(start) {
		t.Errorf("acknowledged: %+v", f)
	}
	for name, err := range map[string]error{
		"no author": s.Acknowledge(ctx, org, 1, "", ""),
		"long note": s.Acknowledge(ctx, org, 1, "Admin", strings.Repeat("x", 1001)),
	} {
		if !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Unacknowledge(ctx, other, 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another organization takes it back: %v", err)
	}
	check(t, s.Unacknowledge(ctx, org, 1))
	if f := read(); f.AcknowledgedBy != "" || f.Note != "" || !f.Acknowledged.IsZero() {
		t.Errorf("taken back: %+v", f)
	}
	if err := s.Unacknowledge(ctx, org, 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("taken back twice: %v", err)
	}
}
