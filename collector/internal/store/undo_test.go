package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// known is what verdicts rest on: lines, age of the data, ledgers.
func known(t testing.TB, s *store.Store, org string) reconcile.Facts {
	t.Helper()
	f := facts(t, s, org)
	return reconcile.Facts{Lines: f.Lines, Imports: f.Imports, Refused: f.Refused, Dropped: f.Dropped, RMAs: f.RMAs, Orders: f.Orders}
}

// Whatever was imported, undoing the newest again and again leads back through
// what was known before each.
func TestUndoGoesBack(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		if run++; run > 40 {
			return // each writes to the disk some ten times
		}
		o, err := s.CreateOrganization(ctx, fmt.Sprint("Organization ", run))
		if err != nil {
			rt.Fatal(err)
		}
		serials := []string{"S1", "S2", "S3", ""}
		var before []reconcile.Facts
		for i := range rapid.IntRange(1, 4).Draw(rt, "imports") {
			c.advance(time.Hour)
			was := known(t, s, o.ID)
			var diff store.Diff
			switch rapid.SampledFrom([]string{"contract", "contract", "rma", "orders"}).Draw(rt, "kind") {
			case "contract":
				var lines []contract.Line
				for range rapid.IntRange(1, 5).Draw(rt, "lines") {
					lines = append(lines, contract.Line{
						Contract: rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "contract"), Serial: rapid.SampledFrom(serials).Draw(rt, "serial"),
						End: rapid.SampledFrom([]contract.Date{"2027-01-01", "2028-01-01"}).Draw(rt, "end"), Extra: map[string]string{"Cost": "9"},
					})
				}
				f := file(fmt.Sprint(run, "-", rapid.IntRange(0, i).Draw(rt, "file")), lines...)
				f.Refused = []contract.Refusal{{File: f.Name, Row: i}}
				diff, err = s.ImportContract(ctx, o.ID, f, time.Time{})
			case "rma":
				var entries []contract.RMA
				for _, serial := range rapid.SliceOfDistinct(rapid.SampledFrom(serials), rapid.ID[string]).Draw(rt, "old") {
					entries = append(entries, contract.RMA{OldSerial: serial, NewSerial: "N", RMANumber: rapid.SampledFrom([]string{"", "8"}).Draw(rt, "number")})
				}
				diff, err = s.ImportRMAs(ctx, o.ID, "rma.csv", entries)
			case "orders":
				diff, err = s.ImportOrders(ctx, o.ID, "orders.csv", []contract.Order{{OrderNumber: fmt.Sprint(i), Quantity: 1}})
			}
			if err != nil {
				rt.Fatal(err)
			}
			if !diff.Unchanged { // that is no import of its own: it renews the age of the one before
				before = append(before, was)
			} else if len(before) > 0 {
				before = before[:0] // the age that it renewed is not kept
				all, _, err := s.ImportLog(ctx, o.ID, 100, 0)
				if err != nil {
					rt.Fatal(err)
				}
				for _, x := range all { // begin anew
					if _, err := s.UndoImport(ctx, o.ID, x.ID, "Admin"); err != nil && !errors.Is(err, store.ErrConflict) {
						rt.Fatal(err)
					}
				}
			}
		}
		all, _, err := s.ImportLog(ctx, o.ID, 100, 0)
		if err != nil {
			rt.Fatal(err)
		}
		for _, x := range all {
			if !x.Undone.IsZero() {
				continue
			}
			if _, err := s.UndoImport(ctx, o.ID, x.ID, "Admin"); err != nil {
				rt.Fatal(err)
			}
			want := before[len(before)-1]
			before = before[:len(before)-1]
			if diff := cmp.Diff(want, known(t, s, o.ID), cmpopts.EquateEmpty()); diff != "" {
				rt.Fatalf("after undoing import %d (-want +got):\n%s", x.ID, diff)
			}
		}
	})
}

func TestUndoRefused(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	o, _ := s.CreateOrganization(ctx, "Riverside Food Bank")
	other, err := s.CreateOrganization(ctx, "Hillside Community Health")
	if err != nil {
		t.Fatal(err)
	}
	l := func(number, serial string) contract.Line { return contract.Line{Contract: number, Serial: serial} }
	for i, lines := range [][]contract.Line{{l("1", "S1"), l("2", "S2")}, {l("1", "S3")}, {l("3", "S4")}} { // imports 1, 2, 3
		if _, err := s.ImportContract(ctx, o.ID, file(fmt.Sprint(i), lines...), c.now()); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // imports 4 and 5, of another ledger and another organization
		if _, err := s.ImportRMAs(ctx, o.ID, "rma.csv", []contract.RMA{{OldSerial: "S1", NewSerial: "S3"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ImportContract(ctx, other.ID, file("other", l("1", "S9")), c.now()); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, s)
	was := known(t, s, o.ID)
	for name, try := range map[string]struct {
		org, by string
		id      int64
		want    error
		says    string
	}{
		"a later import of a contract of it": {o.ID, "Admin", 1, store.ErrConflict, "import 2 came after it and rests on it: undo that one first"},
		"no author":                          {o.ID, " ", 3, store.ErrInvalid, "name is empty"},
		"no such import":                     {o.ID, "Admin", 99, store.ErrNotFound, ""},
		"another organization's":             {other.ID, "Admin", 3, store.ErrNotFound, ""},
		"no such organization":               {"none", "Admin", 3, store.ErrNotFound, ""},
	} {
		if _, err := s.UndoImport(ctx, try.org, try.id, try.by); !errors.Is(err, try.want) || !strings.Contains(err.Error(), try.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff(was, known(t, s, o.ID)); diff != "" {
		t.Errorf("refused, and changed:\n%s", diff)
	}
	if _, err := s.UndoImport(ctx, o.ID, 2, "Admin"); err != nil {
		t.Fatal(err)
	}
	if got := changed(t, s); len(got) != 1 || got[0] != o.ID {
		t.Errorf("changed %v, want %s alone", got, o.ID)
	}
	if _, err := s.UndoImport(ctx, o.ID, 2, "Admin"); !errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "was undone on 2026-01-02 already") {
		t.Errorf("twice: %v", err)
	}
	if _, err := s.UndoImport(ctx, o.ID, 1, "Admin"); err != nil {
		t.Errorf("after the later one was undone: %v", err)
	}
	if got := known(t, s, other.ID); len(got.Lines) != 1 || len(got.Imports) != 1 {
		t.Errorf("another organization has %v", got)
	}
}

// An import that was undone is not what another one goes back to.
func TestUndoPassesOverUndone(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	o, err := s.CreateOrganization(ctx, "Riverside Food Bank")
	if err != nil {
		t.Fatal(err)
	}
	take := func(sha string) {
		t.Helper()
		c.advance(time.Hour)
		if _, err := s.ImportContract(ctx, o.ID, file(sha, contract.Line{Contract: "1", Serial: "S" + sha}), c.now()); err != nil {
			t.Fatal(err)
		}
	}
	undo := func(id int64) {
		t.Helper()
		if _, err := s.UndoImport(ctx, o.ID, id, "Admin"); err != nil {
			t.Fatal(err)
		}
	}
	take("a")
	want := known(t, s, o.ID)
	take("b")
	undo(2)
	take("c")
	undo(3)
	if diff := cmp.Diff(want, known(t, s, o.ID)); diff != "" {
		t.Errorf("after both were undone (-want +got):\n%s", diff)
	}
}

func TestImportLog(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	o, err := s.CreateOrganization(ctx, "Riverside Food Bank")
	if err != nil {
		t.Fatal(err)
	}
	l := func(serial string, end contract.Date) contract.Line {
		return contract.Line{Contract: "1", Serial: serial, End: end}
	}
	for _, f := range []contract.File{file("a", l("S1", "2027-01-01"), l("S2", "2027-01-01")), file("b", l("S2", "2028-01-01"), l("S3", "2027-01-01")), file("b", l("S2", "2028-01-01"), l("S3", "2027-01-01"))} {
		c.advance(time.Hour)
		if _, err := s.ImportContract(ctx, o.ID, f, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.ImportRMAs(ctx, o.ID, "rma.csv", []contract.RMA{{OldSerial: "S1", NewSerial: "S3", Row: 2}}); err != nil {
		t.Fatal(err)
	}
	all, total, err := s.ImportLog(ctx, o.ID, 2, 1)
	if err != nil || total != 3 || len(all) != 2 {
		t.Fatalf("%d of %d imports, %v", len(all), total, err)
	}
	want := store.LoggedImport{
		ID: 2, Organization: o.ID, Kind: store.ContractImport, File: "b.csv", SHA256: "b", At: start.Add(3 * time.Hour), Lines: 2,
		Diff: store.Diff{Added: 1, Removed: 1, Changed: 1, Contracts: []string{"1"}}, Refused: []contract.Refusal{},
	}
	if diff := cmp.Diff(want, all[0]); diff != "" {
		t.Errorf("the newest contract file (-want +got):\n%s", diff)
	}
	if all[1].Later != 2 {
		t.Errorf("what came after the first: %d", all[1].Later)
	}
	_, changes, err := s.ImportByID(ctx, o.ID, 2, 10, 0)
	var told []string
	for _, c := range changes {
		told = append(told, fmt.Sprint(c.Contract, c.Before != "", c.After != ""))
	}
	if diff := cmp.Diff([]string{"1true false", "1true true", "1false true"}, told); diff != "" || err != nil {
		t.Errorf("its changes (-want +got):\n%s%v", diff, err)
	}
	if _, changes, err = s.ImportByID(ctx, o.ID, 3, 10, 0); err != nil || len(changes) != 1 || !strings.Contains(changes[0].After, `"old_serial":"S1"`) || changes[0].Before != "" {
		t.Errorf("changes of the ledger: %+v, %v", changes, err)
	}
	if _, changes, err = s.ImportByID(ctx, o.ID, 2, 1, 2); err != nil || len(changes) != 1 {
		t.Errorf("one change after two: %+v, %v", changes, err)
	}
	if _, _, err := s.ImportByID(ctx, "none", 2, 1, 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another organization reads it: %v", err)
	}
}

// Unknown columns are kept, the same file twice is no import, and the age is of
// each contract by itself.
func TestImportPromises(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	o, err := s.CreateOrganization(ctx, "Riverside Food Bank")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	read := func(name, text string) contract.File {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := contract.ReadFile(path, contract.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	const header = "Contract Number,Serial Number,Product ID,Begin Date,End Date,Shelf\n"
	one := read("one.csv", header+"204100001,FOC2211A0AA,C9300-48P,2024-01-31,2029-01-30,B 7\n")
	two := read("two.csv", header+"204100002,FOC2211A0BB,C9300-48P,2024-01-31,2029-01-30,\n")
	for i, f := range []contract.File{one, two, one} {
		c.advance(24 * time.Hour)
		diff, err := s.ImportContract(ctx, o.ID, f, time.Time{})
		if err != nil || diff.Unchanged != (i == 2) {
			t.Fatalf("import %d: %+v, %v", i, diff, err)
		}
	}
	f := facts(t, s, o.ID)
	if f.Lines[0].Extra["Shelf"] != "B 7" {
		t.Errorf("the unknown column: %v", f.Lines[0].Extra)
	}
	if a, b := f.Imports[0].At, f.Imports[1].At; !a.Equal(start.Add(72*time.Hour)) || !b.Equal(start.Add(48*time.Hour)) {
		t.Errorf("the contracts are of %v and %v", a, b)
	}
	if _, total, err := s.ImportLog(ctx, o.ID, 10, 0); total != 2 || err != nil {
		t.Errorf("%d imports, %v", total, err)
	}
}
