package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

func file(sha string, lines ...contract.Line) contract.File {
	for i := range lines {
		lines[i].Row = i + 2
	}
	return contract.File{Name: sha + ".csv", SHA256: sha, Lines: lines}
}

func TestImportContract(t *testing.T) {
	ctx := context.Background()
	l := func(number, serial string, end contract.Date) contract.Line {
		return contract.Line{Contract: number, Serial: serial, PID: "C9300-48P", End: end}
	}
	quantity := func(n int) contract.Line { return contract.Line{Contract: "1", PID: "SFP-10G-SR", Quantity: n} }
	steps := []struct {
		name    string
		file    contract.File
		want    store.Diff
		serials []string // of all lines after, in order
		imports []reconcile.Import
	}{
		{
			"first", file("a", l("1", "S1", "2027-01-01"), l("1", "S2", "2027-01-01"), l("2", "S3", "2027-01-01")),
			store.Diff{Added: 3, Contracts: []string{"1", "2"}},
			[]string{"S1", "S2", "S3"},
			[]reconcile.Import{{Contract: "1", File: "a.csv", At: start}, {Contract: "2", File: "a.csv", At: start}},
		},
		{
			"the same file", file("a", l("1", "S1", "2027-01-01"), l("1", "S2", "2027-01-01"), l("2", "S3", "2027-01-01")),
			store.Diff{Unchanged: true, Contracts: []string{"1", "2"}},
			[]string{"S1", "S2", "S3"},
			[]reconcile.Import{{Contract: "1", File: "a.csv", At: start.Add(time.Hour)}, {Contract: "2", File: "a.csv", At: start.Add(time.Hour)}},
		},
		{
			"one contract of two", file("b", l("1", "S4", "2027-01-01"), l("1", "S2", "2028-01-01")),
			store.Diff{Added: 1, Removed: 1, Changed: 1, Contracts: []string{"1"}},
			[]string{"S2", "S4", "S3"},
			[]reconcile.Import{{Contract: "1", File: "b.csv", At: start.Add(2 * time.Hour)}, {Contract: "2", File: "a.csv", At: start.Add(time.Hour)}},
		},
		{
			"other bytes, same lines in another order", file("c", l("1", "S2", "2028-01-01"), l("1", "S4", "2027-01-01")),
			store.Diff{Contracts: []string{"1"}},
			[]string{"S2", "S4", "S3"},
			[]reconcile.Import{{Contract: "1", File: "c.csv", At: start.Add(3 * time.Hour)}, {Contract: "2", File: "a.csv", At: start.Add(time.Hour)}},
		},
		{
			"the first file again", file("a", l("1", "S1", "2027-01-01"), l("1", "S2", "2027-01-01"), l("2", "S3", "2027-01-01")),
			store.Diff{Added: 1, Removed: 1, Changed: 1, Contracts: []string{"1", "2"}},
			[]string{"S1", "S2", "S3"},
			[]reconcile.Import{{Contract: "1", File: "a.csv", At: start.Add(4 * time.Hour)}, {Contract: "2", File: "a.csv", At: start.Add(4 * time.Hour)}},
		},
		{
			"lines of one key", file("d", quantity(2), quantity(1), quantity(2)),
			store.Diff{Added: 3, Removed: 2, Contracts: []string{"1"}},
			[]string{"", "", "", "S3"},
			[]reconcile.Import{{Contract: "1", File: "d.csv", At: start.Add(5 * time.Hour)}, {Contract: "2", File: "a.csv", At: start.Add(4 * time.Hour)}},
		},
		{
			"one of them fewer", file("e", quantity(1), quantity(2)),
			store.Diff{Removed: 1, Contracts: []string{"1"}},
			[]string{"", "", "S3"},
			[]reconcile.Import{{Contract: "1", File: "e.csv", At: start.Add(6 * time.Hour)}, {Contract: "2", File: "a.csv", At: start.Add(4 * time.Hour)}},
		},
	}
	c := newClock()
	s := open(t, t.TempDir(), c)
	o, err := s.CreateOrganization(ctx, "Riverside Food Bank")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		settle(t, s)
		got, err := s.ImportContract(ctx, o.ID, step.file, c.now())
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s: diff (-want +got):\n%s", step.name, diff)
		}
		if got := changed(t, s); len(got) != 1 {
			t.Errorf("%s: organization is not changed", step.name)
		}
		f := facts(t, s, o.ID)
		var serials []string
		for _, l := range f.Lines {
			serials = append(serials, l.Serial)
		}
		if diff := cmp.Diff(step.serials, serials); diff != "" {
			t.Errorf("%s: lines (-want +got):\n%s", step.name, diff)
		}
		if diff := cmp.Diff(step.imports, f.Imports); diff != "" {
			t.Errorf("%s: imports (-want +got):\n%s", step.name, diff)
		}
		c.advance(time.Hour)
	}
}

// Facts hold what the newest imports refused, and the lines that earlier ones
// had, each once.
func TestRefusedAndDropped(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	o, err := s.CreateOrganization(ctx, "Riverside Food Bank")
	if err != nil {
		t.Fatal(err)
	}
	l := func(number, serial string) contract.Line {
		return contract.Line{Contract: number, Serial: serial, PID: "C9300-48P"}
	}
	steps := []struct {
		refused, wantRefused string // serials
		lines                []contract.Line
		wantDropped          string
	}{
		{"R1", "R1", []contract.Line{l("1", "S1"), l("1", "S2"), l("2", "S9")}, ""},
		{"R2", "R1 R2", []contract.Line{l("1", "S2")}, "S1"},
		{"R3", "R1 R3", []contract.Line{l("1", "S3")}, "S1 S2"},
		{"R4", "R1 R4", []contract.Line{l("1", "S1")}, "S2 S3"},
		{"R5", "R1 R5", []contract.Line{l("1", "S4")}, "S2 S3 S1"},
		{"R6", "R5 R6", []contract.Line{l("2", "S9")}, "S2 S3 S1"},
	}
	for i, step := range steps {
		f := file(fmt.Sprint("sha", i), step.lines...)
		f.Refused = []contract.Refusal{{File: f.Name, Row: 9, Value: "x", Serial: step.refused}}
		if _, err := s.ImportContract(ctx, o.ID, f, c.now()); err != nil {
			t.Fatal(err)
		}
		got := facts(t, s, o.ID)
		var refused, dropped []string
		for _, r := range got.Refused {
			refused = append(refused, r.Serial)
		}
		for _, l := range got.Dropped {
			dropped = append(dropped, l.Serial)
		}
		if diff := cmp.Diff(step.wantRefused, strings.Join(refused, " ")); diff != "" {
			t.Errorf("import %d: refused (-want +got):\n%s", i, diff)
		}
		if diff := cmp.Diff(step.wantDropped, strings.Join(dropped, " ")); diff != "" {
			t.Errorf("import %d: dropped (-want +got):\n%s", i, diff)
		}
	}
}

func TestLedgers(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	o, err := s.CreateOrganization(ctx, "Riverside Food Bank")
	if err != nil {
		t.Fatal(err)
	}
	rmas := [][]contract.RMA{{{RMANumber: "1", OldSerial: "S1"}, {RMANumber: "2", OldSerial: "S2"}}, {{RMANumber: "2", OldSerial: "S2", NewSerial: "S3"}}, nil}
	orders := []contract.Order{{OrderNumber: "7", ProductID: "C9300-48P", Quantity: 2}}
	if _, err := s.ImportOrders(ctx, o.ID, "orders.csv", orders); err != nil {
		t.Fatal(err)
	}
	for _, want := range rmas {
		settle(t, s)
		if _, err := s.ImportRMAs(ctx, o.ID, "rma.csv", want); err != nil {
			t.Fatal(err)
		}
		if got := changed(t, s); len(got) != 1 {
			t.Error("organization is not changed")
		}
		got := facts(t, s, o.ID)
		if diff := cmp.Diff([]any{want, orders}, []any{got.RMAs, got.Orders}); diff != "" {
			t.Errorf("ledgers (-want +got):\n%s", diff)
		}
	}
	if _, err := s.ImportRMAs(ctx, "nobody", "rma.csv", nil); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an organization that is not there: error %v, want %v", err, store.ErrNotFound)
	}
}

func TestImportContractRefuses(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	o, err := s.CreateOrganization(ctx, "Riverside Food Bank")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ImportContract(ctx, o.ID, file("a"), c.now()); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a file without lines: error %v, want %v", err, store.ErrInvalid)
	}
	if _, err := s.ImportContract(ctx, "nobody", file("a", contract.Line{Contract: "1", Serial: "S1"}), c.now()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an organization that is not there: error %v, want %v", err, store.ErrNotFound)
	}
	if err := s.Ready(ctx); err != nil {
		t.Errorf("a refusal made the store not ready: %v", err)
	}
}
