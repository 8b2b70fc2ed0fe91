package reconcile

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

var update = flag.Bool("update", false, "write the table of cases anew")

// A ruleCase is one row of the table of cases: what is so, in words for people
// and as facts.
type ruleCase struct {
	words string
	tell  func(*world)
}

// The table of cases is one for people: testdata/cases.txt says for each rule
// and edge what comes of it. The day is 2026-06-15.
func TestCases(t *testing.T) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CASE\tUNIT\tCOVERAGE\tFINDING\tNEXT STEP")
	for _, c := range ruleCases() {
		world := newWorld()
		c.tell(world)
		r := Reconcile(world.Facts)
		checkResult(t, r)
		words := c.words
		for i := range max(len(r.Units), len(r.Findings), 1) {
			row := [5]string{words, "-", "-", "-", "-"}
			if words = ""; i < len(r.Units) {
				u := r.Units[i]
				row[1], row[2] = u.Serial, strings.TrimSpace(string(u.Coverage)+" "+u.Reason)
			}
			if i < len(r.Findings) {
				f := r.Findings[i]
				row[3], row[4] = string(f.Kind)+" ("+string(f.Severity)+")", f.NextStep.Title
			}
			fmt.Fprintln(w, strings.Join(row[:], "\t"))
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "cases.txt")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
		t.Errorf("the table of cases differs; run with -update and look at what changed (-want +got):\n%s", diff)
	}
}

func ruleCases() []ruleCase {
	var all []ruleCase
	for _, cases := range [][]ruleCase{dateCases(), matchCases(), exemptCases(), donationCases(), replacementCases(), placeCases(), unknownCases()} {
		all = append(all, cases...)
	}
	return all
}

// What the cases are told with: one switch, and lines of contract 1.
const (
	caseNode   = "Main/sw1"
	casePID    = "C9300-48P"
	caseUnit   = casePID + " FOC1111A0AA"
	caseSecond = casePID + " FOC2222A0BB"
	caseOther  = casePID + " FOC9999A0AA" // on the contract, and seen by nobody
)

// on is a switch that is there today, with its line.
func on(begin, end int) func(*world) {
	return func(w *world) {
		w.poll(0, caseNode, caseUnit)
		w.line("1", caseUnit, begin, end)
	}
}

// off is a part that is there today, with a contract that does not list it.
func off(parts ...string) func(*world) {
	return func(w *world) {
		w.poll(0, caseNode, parts...)
		w.line("1", caseOther, -100, 1000)
	}
}

func and(tell ...func(*world)) func(*world) {
	return func(w *world) {
		for _, t := range tell {
			t(w)
		}
	}
}

func lines(what ...string) func(*world) {
	return func(w *world) {
		for _, l := range what {
			w.line("1", l, -100, 1000)
		}
	}
}

func order(o contract.Order) func(*world) {
	return func(w *world) {
		o.OrderNumber, o.ProductID, o.Quantity = "TS-1", casePID, 1
		w.Orders = append(w.Orders, o)
	}
}

func dateCases() []ruleCase {
	return []ruleCase{
		{"on a line that runs for years", on(-100, 1000)},
		{"its line ends in 91 days", on(-100, 91)},
		{"its line ends in 90 days", on(-100, 90)},
		{"its line ends in 30 days", on(-100, 30)},
		{"its line ends today", on(-100, 0)},
		{"its line ended yesterday", on(-100, -1)},
		{"its line begins today", on(0, 1000)},
		{"its line begins tomorrow", on(1, 1000)},
		{"two lines, one of which is over", and(on(-1000, -100), func(w *world) { w.line("2", caseUnit, -99, 1000) })},
		{"two lines at once", and(on(-100, 1000), func(w *world) { w.line("2", caseUnit, -100, 500) })},
		{"the line is over, the contract is not", and(on(-1000, -10), func(w *world) { w.Lines[0].ContractEnd = date(1000) })},
		{"the line is over, the warranty is not", and(on(-1000, -10), func(w *world) { w.Lines[0].WarrantyEnd = date(1000) })},
		{"the line does not say when it ends", and(on(-100, 0), func(w *world) { w.Lines[0].End = "" })},
		{"over, and past the last date of support", and(on(-1000, -10), func(w *world) { w.Lines[0].LastSupport = date(-1) })},
	}
}

func matchCases() []ruleCase {
	return []ruleCase{
		{"on no line", off(caseUnit)},
		{"the line has the PID with =", and(off(caseUnit), lines("C9300-48P= FOC1111A0AA"))},
		{"the line has the PID with -RF", and(off("WS-C3850-48P-S FOC1111A0AA"), lines("WS-C3850-48P-S-RF FOC1111A0AA"))},
		{"the line has the serial in small letters with blanks", and(off(caseUnit), lines("c9300-48p  foc1111a0aa "))},
		{"the line has another product", and(off(caseUnit), lines("C9300-24P FOC1111A0AA"))},
		{"one serial at two chassis", and(on(-100, 1000), func(w *world) { w.poll(0, "Main/sw22", caseUnit) })},
		{"one cable in two switches", func(w *world) {
			w.poll(0, caseNode, caseUnit, "SFP-H10GB-CU1M TED1111A0AA in FOC1111A0AA")
			w.poll(0, "Main/sw22", caseSecond, "SFP-H10GB-CU1M TED1111A0AA in FOC2222A0BB")
			lines(caseUnit, caseSecond)(w)
		}},
		{"a power supply in a covered chassis", func(w *world) {
			w.poll(0, caseNode, caseUnit, "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA")
			lines(caseUnit)(w)
		}},
		{"the only line of its serial is a licence", and(off(caseUnit), lines("L-C9300-DNA-E FOC1111A0AA"))},
		{"the only line of its product is a quantity", and(off(caseUnit), lines(casePID+" "))},
		{"a placeholder for a serial", off(casePID + " N/A")},
	}
}

func exemptCases() []ruleCase {
	declared := func(kind DeclarationKind) func(*world) { return func(w *world) { w.declare("FOC1111A0AA", kind) } }
	return []ruleCase{
		{"Linksys", off("LGS318P 14K10C68A01234")},
		{"virtual appliance", off("C8000V 9QTLM2ZC0WB")},
		{"of another maker", and(off("J9773A SG11111AAA"), func(w *world) { w.Sightings[0].Component.Description = "HP J9773A Switch" })},
		{"past the last date of support, on no line", and(off(caseUnit), func(w *world) { w.Lines[0].LastSupport = date(-1) })},
		{"declared: obtained elsewhere", and(off(caseUnit), declared(DeclaredElsewhere))},
		{"declared: obtained elsewhere in 2005", and(off(caseUnit), func(w *world) { w.declare("FOC1111A0AA", DeclaredElsewhere).Obtained = "2005-06-01" })},
		{"declared: not ours", and(off(caseUnit), declared(DeclaredNotOurs))},
		{"declared: a spare, and in use", and(off(caseUnit), declared(DeclaredSpare))},
		{"declared: retired, its line runs on", and(lines(caseUnit), declared(DeclaredRetired))},
		{"declared: returned, its line runs on", and(lines(caseUnit), declared(DeclaredReturned))},
	}
}

func donationCases() []ruleCase {
	const serial = "FOC1111A0AA"
	return []ruleCase{
		{"donated, not all has arrived", and(off(caseUnit), order(contract.Order{Serial: serial, OrderedOn: date(-60)}))},
		{"donated, arrived 21 days ago", and(off(caseUnit), order(contract.Order{Serial: serial, OrderedOn: date(-60), CompletedOn: date(-21)}))},
		{"donated, arrived 22 days ago", and(off(caseUnit), order(contract.Order{Serial: serial, OrderedOn: date(-60), CompletedOn: date(-22)}))},
		{"donated, its line runs five years", and(on(-100, 1726), order(contract.Order{Serial: serial}))},
		{"donated, its line runs one year", and(on(-100, 265), order(contract.Order{Serial: serial}))},
		{"donated, its line ran one year and is over", and(on(-400, -35), order(contract.Order{Serial: serial}))},
		{"bought, its line runs one year", on(-100, 265)},
		{"no ledger, one year where the contract has five", and(on(-100, 265), func(w *world) { w.line("1", caseOther, -100, 1726) })},
		{"donated, one year, no begin and no day of shipping", and(on(0, 265), func(w *world) { w.Lines[0].Begin = "" }, order(contract.Order{Serial: serial}))},
	}
}

func replacementCases() []ruleCase {
	swapped := func(w *world) {
		w.poll(-20, caseNode, caseUnit)
		w.poll(0, caseNode, caseSecond)
	}
	record := func(w *world) {
		w.RMAs = []contract.RMA{{RMANumber: "80001", Contract: "1", OldSerial: "FOC1111A0AA", NewSerial: "FOC2222A0BB", ReturnBy: date(10)}}
	}
	return []ruleCase{
		{"replaced, seen by agents, the old line is listed", and(swapped, lines(caseUnit))},
		{"replaced by a record, the old line is listed", func(w *world) { w.poll(0, caseNode, caseSecond); lines(caseUnit)(w); record(w) }},
		{"replaced, half the swap: the new one is added", and(swapped, record, lines(caseUnit, caseSecond))},
		{"replaced, half the swap: the old one is removed", and(swapped, record, lines(caseOther))},
		{"replaced, the whole swap is made", and(swapped, record, lines(caseSecond))},
		{"replaced, the data is too old to tell", and(swapped, lines(caseUnit), func(w *world) { w.imported("1", -60) })},
		{"a record with the same serial twice", and(on(-100, 1000), func(w *world) {
			w.RMAs = []contract.RMA{{OldSerial: "FOC1111A0AA", NewSerial: "FOC1111A0AA", Contract: "1"}}
		})},
		{"another model came in its place", func(w *world) {
			w.poll(-20, caseNode, caseUnit)
			w.poll(0, caseNode, "ISR4331/K9 FDO1111A0AA")
			lines(caseUnit)(w)
		}},
		{"another member leads the stack", func(w *world) {
			w.poll(-20, caseNode, caseUnit+" @1", caseSecond+" @2")
			w.poll(0, caseNode, caseSecond+" @1", caseUnit+" @2")
			lines(caseUnit, caseSecond)(w)
		}},
	}
}

func placeCases() []ruleCase {
	install := func(site string) func(*world) { return func(w *world) { w.Lines[0].Site = site } }
	annex := func(w *world) { w.agent("Annex", 0) }
	return []ruleCase{
		{"away for 14 days from a site read in full", func(w *world) {
			w.poll(-100, caseNode, caseUnit+" @1", caseSecond+" @2")
			w.poll(-14, caseNode, caseUnit+" @1")
			w.poll(0, caseNode, caseUnit+" @1")
			lines(caseUnit, caseSecond)(w)
		}},
		{"away for 13 days", func(w *world) {
			w.poll(-100, caseNode, caseUnit+" @1", caseSecond+" @2")
			w.poll(-13, caseNode, caseUnit+" @1")
			w.poll(0, caseNode, caseUnit+" @1")
			lines(caseUnit, caseSecond)(w)
		}},
		{"moved to another site", func(w *world) {
			w.poll(-100, caseNode, caseUnit+" @1", caseSecond+" @2")
			w.poll(-50, caseNode, caseUnit+" @1")
			w.poll(0, caseNode, caseUnit+" @1")
			w.poll(0, "Annex/sw9", caseSecond)
			lines(caseUnit, caseSecond)(w)
		}},
		{"the install site is the site in other words", and(on(-100, 1000), annex, install("RIVERSIDE FOOD BANK MAIN OFFICE"))},
		{"the install site names another site", and(on(-100, 1000), annex, install("RIVERSIDE FOOD BANK ANNEX"))},
	}
}

func unknownCases() []ruleCase {
	return []ruleCase{
		{"no contract was imported", func(w *world) { w.poll(0, caseNode, caseUnit) }},
		{"contract data of 46 days, on a line", and(on(-100, 1000), func(w *world) { w.imported("1", -46) })},
		{"contract data of 46 days, on no line", and(off(caseUnit), func(w *world) { w.imported("1", -46) })},
		{"half an answer, on a line", func(w *world) { w.partial(0, caseNode, caseUnit); lines(caseUnit)(w) }},
		{"half an answer, on no line", func(w *world) { w.partial(0, caseNode, caseUnit); lines(caseOther)(w) }},
		{"the device is silent", func(w *world) { w.poll(-1, caseNode, caseUnit); w.silence(0, caseNode); lines(caseOther)(w) }},
		{"the site is silent", func(w *world) { w.poll(-4, caseNode, caseUnit); lines(caseOther)(w) }},
		{"the device refuses the password", func(w *world) {
			w.poll(-1, caseNode, caseUnit)
			w.silence(0, caseNode)
			w.problem(caseNode, inventory.ProblemCredentialRefused, "the device refused the password.")
			lines(caseOther)(w)
		}},
		{"its row in the file can't be read", and(off(caseUnit), func(w *world) {
			w.Refused = []contract.Refusal{{File: "1.csv", Row: 9, Column: "End Date", Value: "soon", Serial: "FOC1111A0AA"}}
		})},
	}
}
