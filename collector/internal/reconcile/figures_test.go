package reconcile

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/contract"
)

func TestFigures(t *testing.T) {
	const sw = "Main/sw1"
	w := newWorld()
	w.poll(0, sw, "C9300-48P FOC1111A0AA", "C9300-48P FOC1111A0BB", "C9300-48P FOC1111A0CC", "C9300-48P FOC1111A0DD")
	w.line("1", "C9300-48P FOC1111A0AA", -100, 50)
	w.line("1", "C9300-48P FOC1111A0BB", -100, 20)
	w.line("1", "C9300-48P FOC9999A0AA", -100, 10) // nobody sees it
	w.line("1", "C9300-48P FOC1111A0CC", -100, 2000)
	w.line("1", "L-C9300-LIC FOC1111A0EE", -100, 3000)
	w.line("2", "C9300-48P FOC1111A0DD", -100, -1)
	got := Reconcile(w.Facts).Figures
	for i := range got.Contracts {
		if got.Contracts[i].Imported.IsZero() {
			t.Errorf("contract %s has no day of its import", got.Contracts[i].Contract)
		}
		got.Contracts[i].Imported = day(0)
	}
	want := Figures{Contracts: []ContractFigures{
		{
			Contract: "1", Imported: day(0), NextEnd: date(20), LastEnd: date(2000), Window: 30,
			Lines: map[LineState]int{LineMatched: 3, LineUnmatched: 1, LineLicence: 1, LineQuantity: 0},
			Units: map[Coverage]int{Covered: 1, Expiring: 2, Expired: 0, Future: 0},
		},
		{
			Contract: "2", Imported: day(0), LastEnd: date(-1),
			Lines: map[LineState]int{LineMatched: 1, LineUnmatched: 0, LineLicence: 0, LineQuantity: 0},
			Units: map[Coverage]int{Covered: 0, Expiring: 0, Expired: 1, Future: 0},
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
}

// A line does not cease to end when its data grows old: an alert about it goes
// on, as its finding does.
func TestFiguresOfOldData(t *testing.T) {
	w := newWorld()
	w.poll(0, "Main/sw1", "C9300-48P FOC1111A0AA")
	w.line("1", "C9300-48P FOC1111A0AA", -100, 20)
	w.Imports[0].At = day(-46)
	got := Reconcile(w.Facts)
	if got.Summary[Unverified] != 1 || len(got.Figures.Contracts) != 1 || got.Figures.Contracts[0].Window != 30 {
		t.Errorf("%v, %+v: want 1 unverified and the window of 30 days", got.Summary, got.Figures.Contracts)
	}
}

// Which end is the next of a contract, and which window its narrowest.
func TestFiguresOfEnds(t *testing.T) {
	unit := func(i int) string { return fmt.Sprintf("C9300-48P FOC1111A00%d", i) }
	none, today := contract.Date(""), date(0)
	for _, tt := range []struct {
		name   string
		ends   []int // of lines of units in use
		change func(*world)
		next   contract.Date
		window int
	}{
		{"none in sight", []int{1000}, nil, date(1000), 0},
		{"today", []int{0}, nil, today, 30},
		{"yesterday", []int{-1}, nil, none, 0},
		{"the first of two, whichever the file has first", []int{80, 20}, nil, date(20), 30},
		{"the first of two, the other way round", []int{20, 80}, nil, date(20), 30},
		{"the first is TERMINATED", []int{20, 80}, func(w *world) { w.Lines[0].Status = "TERMINATED" }, date(80), 90},
		{"one does not say its end", []int{20, 80}, func(w *world) { w.Lines[1].End = "" }, date(20), 30},
		{"the data is old", []int{80, 20, 1000}, func(w *world) { w.imported("1", -46) }, date(20), 30},
		{"the data is old, the other way round", []int{1000, 20, 80}, func(w *world) { w.imported("1", -46) }, date(20), 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			for i, end := range tt.ends {
				w.poll(0, fmt.Sprintf("Main/sw%d", i), unit(i))
				w.line("1", unit(i), -100, end)
			}
			if tt.change != nil {
				tt.change(w)
			}
			got := Reconcile(w.Facts).Figures.Contracts[0]
			if got.NextEnd != tt.next || got.Window != tt.window {
				t.Errorf("next end %q and window %d, want %q and %d", got.NextEnd, got.Window, tt.next, tt.window)
			}
		})
	}
}

// A contract counts the units that its lines cover, or did, and not those of
// which it lists the predecessor.
func TestFiguresOfReplaced(t *testing.T) {
	w := newWorld()
	w.poll(-20, caseNode, caseUnit)
	w.poll(0, caseNode, caseSecond)
	lines(caseUnit)(w)
	got := Reconcile(w.Facts)
	want := map[Coverage]int{Covered: 0, Expiring: 0, Expired: 0, Future: 0}
	if diff := cmp.Diff(want, got.Figures.Contracts[0].Units); diff != "" || got.Summary[RMAPending] != 1 {
		t.Errorf("%v, units of the contract (-want +got):\n%s", got.Summary, diff)
	}
}

// Every donated unit is in one state, and the ledger's units are all there.
func TestFiguresOfDonations(t *testing.T) {
	order := func(number, serial string, quantity, completed int) contract.Order {
		o := contract.Order{OrderNumber: number, ProductID: "C9300-48P", Serial: serial, Quantity: quantity, OrderedOn: date(-200)}
		if completed < 1 {
			o.CompletedOn = date(completed)
		}
		return o
	}
	tests := []struct {
		name   string
		orders []contract.Order
		want   map[DonationState]int
	}{
		{"no ledger", nil, nil},
		{"on a line, by serial", []contract.Order{order("1", "FOC1111A0AA", 1, -100)}, map[DonationState]int{DonationOnContract: 1}},
		{"on a line, by number", []contract.Order{order("1", "", 1, -100)}, map[DonationState]int{DonationOnContract: 1}},
		{"some of the number on lines", []contract.Order{order("1", "", 3, -100)}, map[DonationState]int{DonationOnContract: 1, DonationOverdue: 2}},
		{"not there yet", []contract.Order{order("1", "FOC1111A0BB", 1, 1)}, map[DonationState]int{DonationOrdered: 1}},
		{"there since yesterday", []contract.Order{order("1", "FOC1111A0BB", 1, -1)}, map[DonationState]int{DonationPending: 1}},
		{"there for long", []contract.Order{order("1", "FOC1111A0BB", 1, -22)}, map[DonationState]int{DonationOverdue: 1}},
		{"the last day of the period", []contract.Order{order("1", "FOC1111A0BB", 1, -21)}, map[DonationState]int{DonationPending: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			w.poll(0, "Main/sw1", "C9300-48P FOC1111A0AA", "C9300-48P FOC1111A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 265)
			w.Orders = tt.orders
			got := Reconcile(w.Facts).Figures.Donated
			for state, n := range got {
				if n == 0 && tt.want[state] == 0 {
					delete(got, state)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("donated units (-want +got):\n%s", diff)
			}
		})
	}
}
