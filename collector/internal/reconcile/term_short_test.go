package reconcile

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/contract"
)

// Lines of one year where the program gives five.
func TestTermShort(t *testing.T) {
	const sw, unit = "Main/sw1", "C9300-48P FOC1111A0AA"
	covered := []string{"FOC1111A0AA: covered"}
	short := []string{"term_short/1"}
	donated := contract.Order{OrderNumber: "TS-1", ProductID: "C9300-48P", Serial: "FOC1111A0AA", Quantity: 1, OrderedOn: date(-200), CompletedOn: date(-150)}
	one := func(begin, end int, orders ...contract.Order) func(*world) {
		return func(w *world) {
			w.poll(0, sw, unit)
			w.line("1", unit, begin, end)
			w.Orders = orders
		}
	}
	also := func(tell func(*world), more func(*world)) func(*world) {
		return func(w *world) { tell(w); more(w) }
	}
	bySome := func(n int) contract.Order {
		return contract.Order{OrderNumber: "TS-1", ProductID: "C9300-48P", Quantity: n, OrderedOn: date(-200), CompletedOn: date(-150)}
	}
	arrived := func(on int) contract.Order {
		return contract.Order{OrderNumber: "TS-1", ProductID: "C9300-48P", Serial: "FOC1111A0AA", Quantity: 1, CompletedOn: date(on)}
	}
	tellAll(t, []story{
		{"donated by serial, one year", one(-100, 265, donated), covered, short},
		{"donated by serial, a year and six weeks", one(-100, 307, donated), covered, short},
		{"donated by serial, a year and more", one(-100, 308, donated), covered, nil},
		{"donated by serial, a year less six weeks", one(-100, 223, donated), covered, short},
		{"donated by serial, less than about a year", one(-100, 222, donated), covered, nil},
		{"donated by serial, five years", one(-100, 1726, donated), covered, nil},
		{"bought, one year", one(-100, 265, contract.Order{OrderNumber: "TS-1", ProductID: "ISR4331/K9", Serial: "FDO1111A0AA", OrderedOn: date(-10)}), covered, nil},
		{"no ledger, and nothing of the program's term", one(-100, 265), covered, nil},
		{"no ledger, and the rest of the contract has five years", also(one(-100, 265), func(w *world) {
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1726)
		}), covered, short},
		{"no ledger, and the rest of the contract has terms of its own", also(one(-100, 265), func(w *world) {
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1726)
			w.line("1", "C9300-48P FOC9999A0BB", -100, 995)
		}), covered, nil},
		{"no ledger, and another contract has five years", also(one(-100, 265), func(w *world) {
			w.line("2", "C9300-48P FOC9999A0AA", -100, 1726)
		}), covered, nil},
		{"a ledger that names others, though the contract has five years", also(one(-100, 265, contract.Order{
			OrderNumber: "TS-1", ProductID: "C9300-48P", Serial: "FOC9999A0AA", Quantity: 1, OrderedOn: date(-200), CompletedOn: date(-150),
		}), func(w *world) { w.line("1", "C9300-48P FOC9999A0AA", -100, 1726) }), covered, nil},
		{"donated by number, as many lines", one(-100, 265, bySome(1)), covered, short},
		{"donated by number, more lines: nobody knows which", also(one(-100, 265, bySome(1)), func(w *world) {
			w.line("1", "C9300-48P FOC9999A0AA", -100, 265)
		}), covered, nil},
		{"donated by number, after the line began", one(-201, 164, bySome(1)), covered, []string{"activation_overdue/TS-1"}},
		{"no begin, but the day of shipping", also(one(0, 265, donated), func(w *world) {
			w.Lines[0].Begin, w.Lines[0].ShipDate = "", date(-100)
		}), covered, short},
		{"neither begin nor day of shipping", also(one(0, 265, donated), func(w *world) { w.Lines[0].Begin = "" }), covered, nil},
		{"a year that follows on four, by the file", also(one(-100, 265, donated), func(w *world) {
			w.line("1", unit, -1461, -101)
		}), covered, nil},
		{"a year that follows on four, by the day of shipping", also(one(-100, 265, donated), func(w *world) {
			w.Lines[0].ShipDate = date(-1461)
		}), covered, nil},
		{"begins a year after the day of shipping", also(one(-100, 265, donated), func(w *world) {
			w.Lines[0].ShipDate = date(-465)
		}), covered, short},
		{"begins a year and a day after the day of shipping", also(one(-100, 265, donated), func(w *world) {
			w.Lines[0].ShipDate = date(-466)
		}), covered, nil},
		{"begins a year after all had arrived", one(-100, 265, arrived(-465)), covered, short},
		{"begins a year and a day after all had arrived", one(-100, 265, arrived(-466)), covered, nil},
		{"declared a spare", also(one(-100, 265, donated), func(w *world) { w.declare("FOC1111A0AA", DeclaredSpare) }), covered, short},
		{"declared as obtained elsewhere", also(one(-100, 265, donated), func(w *world) { w.declare("FOC1111A0AA", DeclaredElsewhere) }), covered, nil},
		{"the order has another product under the serial", one(-100, 265, contract.Order{
			OrderNumber: "TS-1", ProductID: "ISR4331/K9", Serial: "FOC1111A0AA", Quantity: 1, OrderedOn: date(-200), CompletedOn: date(-150),
		}), covered, nil},
		{"the order has the serial alone", one(-100, 265, contract.Order{
			OrderNumber: "TS-1", Serial: "FOC1111A0AA", Quantity: 1, OrderedOn: date(-200), CompletedOn: date(-150),
		}), covered, short},
		{"donated by number, the line began on the day of the order", one(-200, 165, bySome(1)), covered, short},
		{"donated by number, beside one that an order names", also(one(-100, 265, donated, bySome(1)), func(w *world) {
			w.line("1", "C9300-48P FOC9999A0AA", -100, 265)
		}), covered, short},
		{"donated by number, and a line that does not say its product", also(one(-100, 1726, bySome(2)), func(w *world) {
			w.line("1", " FOC9999A0AA", -100, 265)
		}), covered, []string{"activation_overdue/TS-1"}},
		{"donated by number, the order does not say which product", one(-100, 265, contract.Order{OrderNumber: "TS-1", Quantity: 1, OrderedOn: date(-200), CompletedOn: date(-150)}), covered, nil},
		{"donated by number, the order does not say when", one(-100, 265, contract.Order{OrderNumber: "TS-1", ProductID: "C9300-48P", Quantity: 1, CompletedOn: date(-150)}), covered, nil},
		{"its unit is seen by nobody", func(w *world) {
			w.line("1", unit, -100, 265)
			w.Orders = []contract.Order{donated}
		}, nil, short},
		{"a year in two lines, one of them for the rest of it", also(one(-100, 0, donated), func(w *world) {
			w.line("1", unit, 1, 265)
		}), []string{"FOC1111A0AA: expiring"}, []string{"coverage_expiring/1/30"}},
		{"another line of its serial does not say when it began", also(one(-100, 265, donated), func(w *world) {
			w.line("2", unit, 0, 200).Begin = ""
		}), covered, []string{"duplicate_line/FOC1111A0AA", "term_short/1"}},
		{"no ledger, and the other lines do not say when they began", also(one(-100, 265), func(w *world) {
			w.line("1", "C9300-48P FOC9999A0AA", 0, 1726).Begin = ""
		}), covered, nil},
		{"no ledger, five years, and a line that ends on the day it begins", also(one(-100, 265), func(w *world) {
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1726)
			w.line("1", "C9300-48P FOC9999A0BB", 0, 0)
		}), covered, short},
		{"no ledger, five years, and a line that ends before it begins", also(one(-100, 265), func(w *world) {
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1726)
			w.line("1", "C9300-48P FOC9999A0BB", 0, -10)
		}), covered, short},
		{"no ledger, and the rest of the contract has terms of its own, three years before five", also(one(-100, 265), func(w *world) {
			w.line("1", "C9300-48P FOC9999A0AA", -100, 995)
			w.line("1", "C9300-48P FOC9999A0BB", -100, 1726)
		}), covered, nil},
		{"donated by number, beside one of five years that an order names", also(one(-100, 1726, donated, bySome(1)), func(w *world) {
			w.line("1", "C9300-48P FOC9999A0AA", -100, 265)
		}), covered, short},
		{"donated by number, another product began since", also(one(-100, 1726, bySome(2)), func(w *world) {
			w.poll(0, "Main/rt11", "ISR4331/K9 FDO1111A0AA")
			w.line("1", "ISR4331/K9 FDO1111A0AA", -100, 265)
		}), []string{"FDO1111A0AA: covered", "FOC1111A0AA: covered"}, []string{"activation_overdue/TS-1"}},
		{"another contract goes on after it", also(one(-100, 265, donated), func(w *world) {
			w.line("2", unit, -100, 1726)
		}), covered, []string{"duplicate_line/FOC1111A0AA"}},
		{"over, and the unit in use", one(-400, -35, donated), []string{"FOC1111A0AA: expired"}, []string{"coverage_expired/1", "term_short/1"}},
		{"over, and the unit gone", func(w *world) {
			w.line("1", unit, -400, -35)
			w.Orders = []contract.Order{donated}
		}, nil, nil},
		{"not begun yet", one(1, 366, donated), []string{"FOC1111A0AA: future"}, nil},
	})
}

// The draft of the mail, and when it is not to be sent.
func TestTermShortDraft(t *testing.T) {
	w := newWorld()
	w.poll(0, "Main/sw1", "C9300-48P FOC1111A0AA")
	w.line("1", "C9300-48P FOC1111A0AA", -100, 265)
	w.line("1", "C9300-48P FOC1111A0BB", -100, 1726)
	f := findingOf(t, Reconcile(w.Facts), "term_short/1")
	if f.Severity != Info || !strings.HasPrefix(f.NextStep.Title, "No action needed") || f.Serial != "FOC1111A0AA" {
		t.Errorf("finding %+v", f)
	}
	if !strings.Contains(f.Evidence[0], "would end about 2031-03-07") || !strings.Contains(f.Evidence[0], "No ledger of orders says") {
		t.Errorf("evidence %q", f.Evidence)
	}
	if m := f.NextStep.Sheet.Missing(); !slices.Equal(m, []string{"Order number"}) {
		t.Errorf("without a ledger the draft misses %q", m)
	}
	const shipped = "It begins with the day of shipping"
	if strings.Contains(f.Evidence[0], shipped) {
		t.Errorf("with a begin: %q", f.Evidence)
	}
	w.Lines[0].Begin, w.Lines[0].ShipDate = "", date(-100)
	if f := findingOf(t, Reconcile(w.Facts), "term_short/1"); !strings.Contains(f.Evidence[0], shipped) {
		t.Errorf("without a begin: %q", f.Evidence)
	}
	w.Orders = []contract.Order{{OrderNumber: "TS-1", ProductID: "C9300-48P", Serial: "FOC1111A0AA", Quantity: 1}}
	w.Lines[0].Begin, w.Lines[0].End = date(-400), date(-35)
	f = findingOf(t, Reconcile(w.Facts), "term_short/1")
	want := Sheet{
		"to": "cisco@techsoup.org", "organization": "Riverside Food Bank", "order_number": "TS-1",
		"reason": "Contract 1 was not extended to 5 years: C9300-48P FOC1111A0AA: from 2025-05-11 to 2026-05-11 instead of 2030-05-11.",
	}
	if diff := cmp.Diff(want, f.NextStep.Sheet); diff != "" {
		t.Errorf("draft (-want +got):\n%s", diff)
	}
	if m := f.NextStep.Sheet.Missing(); len(m) != 0 || f.Severity != Warning {
		t.Errorf("after its end the finding is a %s, and the draft misses %q", f.Severity, m)
	}
	w.imported("1", -60)
	if r := Reconcile(w.Facts); !slices.Contains(r.Unproven, "term_short/1") {
		t.Errorf("with old data: unproven %v", r.Unproven)
	}
}

func TestTermSettings(t *testing.T) {
	w := newWorld()
	w.poll(0, "Main/sw1", "C9300-48P FOC1111A0AA")
	w.line("1", "C9300-48P FOC1111A0AA", -100, 630)
	w.line("1", "C9300-48P FOC1111A0BB", -100, 995)
	if got := keys(Reconcile(w.Facts)); len(got) != 0 {
		t.Fatalf("by default %v", got)
	}
	w.Settings.ShortTermDays, w.Settings.ShortTermTolerance = 30, 42
	w.Orders = []contract.Order{{OrderNumber: "TS-1", ProductID: "C9300-48P", Serial: "FOC1111A0AA", Quantity: 1}}
	w.Lines[0].Begin = ""
	if got := keys(Reconcile(w.Facts)); len(got) != 0 {
		t.Fatalf("of a line without a begin, where a term of a day is short: %v", got)
	}
	w.Orders, w.Lines[0].Begin = nil, date(-100)
	w.Settings.TermYears, w.Settings.ShortTermDays, w.Settings.ShortTermTolerance = 3, 730, 1
	f := findingOf(t, Reconcile(w.Facts), "term_short/1")
	if !strings.Contains(f.Evidence[0], "3 years from then would end about 2029-03-07") {
		t.Errorf("evidence %q", f.Evidence)
	}
}
