package reconcile

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// aboutCases begins the table of cases.
const aboutCases = `What Rollcall says of a unit, case by case. FAQ is the TechSoup Cisco SMARTnet Support FAQ.

Where a case does not say otherwise: today is 2026-06-15; the unit is the switch C9300-48P FOC1111A0AA, whose agent read it
in full today; contract 1 was imported today, and lists C9300-48P FOC9999A0AA, which nobody has seen; lines began 100 days ago
and end in 1000; nothing is written in the ledgers of RMAs and of donated gear. Windows of expiry are 90, 60 and 30 days, contract
data counts for 45, a contract of donated gear may take 21, and a serial must be away for 14.
`

// The table of cases is one for people: testdata/cases.txt says for each rule
// and edge what comes of it.
func TestCases(t *testing.T) {
	var b strings.Builder
	b.WriteString(aboutCases)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, section := range ruleCases() {
		fmt.Fprintf(w, "\n%s\n", section.about)
		fmt.Fprintln(w, "  CASE\tUNIT\tCOVERAGE\tFINDING\tNEXT STEP")
		for _, c := range section.cases {
			world := newWorld()
			c.tell(world)
			r := Reconcile(world.Facts)
			checkResult(t, r)
			words := c.words
			for _, row := range caseRows(r) {
				fmt.Fprintln(w, "  "+words+"\t"+strings.Join(row, "\t"))
				words = ""
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	checkTable(t, b.String())
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

// checkTable checks that every state of coverage, every reason and every kind of
// finding has a case.
func checkTable(t *testing.T, table string) {
	t.Helper()
	words := strings.Fields(table)
	for _, c := range Coverages {
		if !slices.Contains(words, string(c)) {
			t.Errorf("no case is %s", c)
		}
	}
	for _, reason := range []string{NoContractData, ContractDataStale, PollIncomplete, Linksys, ObtainedElsewhere, Virtual, ThirdParty, PastSupport} {
		if !slices.Contains(words, reason) {
			t.Errorf("no case has the reason %s", reason)
		}
	}
	for _, kind := range []Kind{
		UncoveredUnit, RMAMismatch, LineNotSeen, CoverageExpiring, CoverageExpired, TermShort, ActivationOverdue, SiteMismatch, PIDMismatch,
		DuplicateSerial, SuspectSerial, DuplicateLine, DataStale, AgentSilent, NodeUnreachable, Incomplete, HostKeyChanged, CredentialRefused, WeakAccess,
	} {
		if !strings.Contains(table, "  "+string(kind)+" (") {
			t.Errorf("no case makes the finding %s", kind)
		}
	}
}

// A caseSection is what the table has under one heading.
type caseSection struct {
	about string
	cases []ruleCase
}

// caseRows are the units with the findings about them, and then the findings
// about anything else; those of a case with one unit stand beside it.
func caseRows(r Result) [][]string {
	var rows [][]string
	rest := slices.Clone(r.Findings)
	for _, u := range r.Units {
		about := []string{u.Serial, strings.TrimSpace(string(u.Coverage) + " " + u.Reason)}
		row := append(about, "-", "-")
		if i := slices.IndexFunc(rest, func(f Finding) bool { return f.Serial == u.Serial || len(r.Units) == 1 }); i >= 0 {
			row = append(about, caseFinding(rest[i])...)
			rest = slices.Delete(rest, i, i+1)
		}
		rows = append(rows, row)
	}
	for _, f := range rest {
		rows = append(rows, append([]string{"-", "-"}, caseFinding(f)...))
	}
	if len(rows) == 0 {
		return [][]string{{"-", "-", "-", "-"}}
	}
	return rows
}

func caseFinding(f Finding) []string {
	return []string{string(f.Kind) + " (" + string(f.Severity) + ")", f.NextStep.Title}
}

func ruleCases() []caseSection {
	return []caseSection{
		{"When its line begins and ends: the line's own end decides, and covers its last day (FAQ 1.2, 1.3, 3.2, 3.4)", dateCases()},
		{"How a line and a unit find each other: by serial and product (FAQ 3.3)", matchCases()},
		{"What no donated contract covers (FAQ 1.5, 3.4, 3.6), and what a person declared (FAQ 3.5, 3.6)", exemptCases()},
		{"Donated gear: five years, and a contract that is there in 21 days (FAQ 1.3, 1.4, 2.4, 2.5)", donationCases()},
		{"Replaced by Cisco: swap the serial in the contract (FAQ 3.1)", replacementCases()},
		{"Where it is (FAQ 2.4, 3.3, 3.5)", placeCases()},
		{"Not known is not the same as not covered", unknownCases()},
	}
}

// What the cases are told with: one switch, and lines of contract 1.
const (
	caseNode   = "Main/sw1"
	casePID    = "C9300-48P"
	caseUnit   = casePID + " FOC1111A0AA"
	caseSecond = casePID + " FOC2222A0BB"
	caseOther  = casePID + " FOC9999A0AA" // on the contract, and seen by nobody
)

// recordOfCase is the record that caseSecond replaced caseUnit.
var recordOfCase = contract.RMA{OldSerial: "FOC1111A0AA", NewSerial: "FOC2222A0BB"}

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
		{"two lines, the later one ended first", and(on(-50, -10), func(w *world) { w.line("2", caseUnit, -1000, 500) })},
		{"its line is over, the next begins tomorrow", and(on(-1000, -1), func(w *world) { w.line("2", caseUnit, 1, 1000) })},
		{"two lines at once", and(on(-100, 1000), func(w *world) { w.line("2", caseUnit, -100, 500) })},
		{"the line is over, the contract is not", and(on(-1000, -10), func(w *world) { w.Lines[0].ContractEnd = date(1000) })},
		{"the contract is over, the line is not", and(on(-1000, 1000), func(w *world) { w.Lines[0].ContractEnd = date(-10) })},
		{"the line is over, its status says ACTIVE", and(on(-1000, -10), func(w *world) { w.Lines[0].Status = "ACTIVE" })},
		{"the line runs, its status says OVERDUE", and(on(-100, 1000), func(w *world) { w.Lines[0].Status = "OVERDUE" })},
		{"the line would run, its status says TERMINATED", and(on(-100, 1000), func(w *world) { w.Lines[0].Status = "TERMINATED" })},
		{"one line is TERMINATED, another runs", and(on(-100, 1000), func(w *world) { w.Lines[0].Status = "Terminated"; w.line("2", caseUnit, -10, 500) })},
		{"the line is over, the warranty is not", and(on(-1000, -10), func(w *world) { w.Lines[0].WarrantyEnd = date(1000) })},
		{"the line does not say when it ends", and(on(-100, 0), func(w *world) { w.Lines[0].End = "" })},
		{"the line does not say when it began", and(on(-100, 1000), func(w *world) { w.Lines[0].Begin = "" })},
		{"ends in 30 days, and past the last date of support", and(on(-1000, 30), func(w *world) { w.Lines[0].LastSupport = date(-1) })},
		{"over, and past the last date of support", and(on(-1000, -10), func(w *world) { w.Lines[0].LastSupport = date(-1) })},
	}
}

func matchCases() []ruleCase {
	return []ruleCase{
		{"on no line", off(caseUnit)},
		{"the line has the PID with =", and(off(caseUnit), lines("C9300-48P= FOC1111A0AA"))},
		{"the device has the PID with =", and(off("C9300-48P= FOC1111A0AA"), lines(caseUnit))},
		{"the line has the PID with -RF", and(off("WS-C3850-48P-S FOC1111A0AA"), lines("WS-C3850-48P-S-RF FOC1111A0AA"))},
		{"the line has the serial in small letters with blanks", and(off(caseUnit), lines("c9300-48p  foc1111a0aa "))},
		{"the device has the serial in small letters, quotes and blanks", and(off(caseUnit), lines(caseUnit), func(w *world) { w.Sightings[0].Component.Serial = "\"foc1111a0aa    \"" })},
		{"the line has the product with its licence level", and(off(caseUnit), lines("C9300-48P-E FOC1111A0AA"))},
		{"the line has the product's bundle", and(off("ISR4331/K9 FDO1111A0AA"), lines("ISR4331-SEC/K9 FDO1111A0AA"))},
		{"the line has the serial alone", and(off(caseUnit), lines(" FOC1111A0AA"))},
		{"the device does not say its product", and(off("- FOC1111A0AA"), lines(caseUnit))},
		{"the file lost the zeros before its serial", and(off("WS-C2950-24 00123456789"), lines("WS-C2950-24 123456789"))},
		{"the line has another product", and(off(caseUnit), lines("C9300-24P FOC1111A0AA"))},
		{"one serial at two chassis", and(on(-100, 1000), func(w *world) { w.poll(0, "Main/sw22", caseUnit) })},
		{"one serial of two products, on a line of one", and(on(-100, 1000), func(w *world) { w.poll(0, "Main/sw22", "ISR4331/K9 FOC1111A0AA") })},
		{"one switch at two addresses", and(on(-100, 1000), func(w *world) {
			w.poll(0, "Main/sw22", caseUnit)
			w.Nodes[1].Name = w.Nodes[0].Name
		})},
		{"one cable in two switches", func(w *world) {
			w.poll(0, caseNode, caseUnit, "SFP-H10GB-CU1M TED1111A0AA in FOC1111A0AA")
			w.poll(0, "Main/sw22", caseSecond, "SFP-H10GB-CU1M TED1111A0AA in FOC2222A0BB")
			lines(caseUnit, caseSecond)(w)
		}},
		{"a power supply in a covered chassis", func(w *world) {
			w.poll(0, caseNode, caseUnit, "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA")
			lines(caseUnit)(w)
		}},
		{"a power supply with a line of its own, which is over", func(w *world) {
			w.poll(0, caseNode, caseUnit, "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA")
			lines(caseUnit)(w)
			w.line("1", "PWR-C1-715WAC DCA1111A0AA", -1000, -10)
		}},
		{"a power supply with a line of its own, which ends in 30 days", func(w *world) {
			w.poll(0, caseNode, caseUnit, "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA")
			lines(caseUnit)(w)
			w.line("1", "PWR-C1-715WAC DCA1111A0AA", -1000, 30)
		}},
		{"a power supply with a line of its own, its chassis on none", func(w *world) {
			w.poll(0, caseNode, caseUnit, "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA")
			w.line("1", "PWR-C1-715WAC DCA1111A0AA", -1000, 100)
		}},
		{"a power supply in a chassis on no line", off(caseUnit, "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA")},
		{"a power supply of two is away for a month, without a line", func(w *world) {
			w.poll(-60, caseNode, caseUnit, "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA")
			w.poll(-30, caseNode, caseUnit)
			w.poll(0, caseNode, caseUnit)
			lines(caseUnit)(w)
		}},
		{"licences and quantities beside its line", and(on(-100, 1000), func(w *world) {
			w.poll(-30, caseNode, caseUnit)
			w.poll(0, caseNode, caseUnit)
			lines("L-C9300-DNA-E 4ABC1234567", "GLC-SX-MMD ")(w)
			w.Lines[2].Quantity = 12
			w.line("1", "UCM-11 4ABC7654321", -100, 1000).ProductType = "Software"
		})},
		{"the only line of its serial is a licence", and(off(caseUnit), lines("L-C9300-DNA-E FOC1111A0AA"))},
		{"the only line of its product is a quantity of 10", and(off(caseUnit), lines(casePID+" "), func(w *world) { w.Lines[1].Quantity = 10 })},
		{"a placeholder for a serial", off(casePID + " N/A")},
		{"the serial that many routers have alike", off("ISR4321/K9 JAB092709EL")},
		{"a serial of three letters", off(casePID + " ABC")},
	}
}

func exemptCases() []ruleCase {
	declared := func(kind DeclarationKind) func(*world) { return func(w *world) { w.declare("FOC1111A0AA", kind) } }
	return []ruleCase{
		{"Linksys", off("LGS318P 14K10C68A01234")},
		{"Linksys, before any contract is imported", func(w *world) { w.poll(0, caseNode, "LGS318P 14K10C68A01234") }},
		{"Linksys, on a line all the same", and(off("LGS318P 14K10C68A01234"), lines("LGS318P 14K10C68A01234"))},
		{"virtual appliance", off("C8000V 9QTLM2ZC0WB")},
		{"of another maker", and(off("J9773A SG11111AAA"), func(w *world) { w.Sightings[0].Component.Description = "HP J9773A Switch" })},
		{"the last date of support is today, on no line", and(off(caseUnit), func(w *world) { w.Lines[0].LastSupport = date(0) })},
		{"past the last date of support, on no line", and(off(caseUnit), func(w *world) { w.Lines[0].LastSupport = date(-1) })},
		{"past the last date of support, on a line that runs", and(on(-100, 1000), func(w *world) { w.Lines[0].LastSupport = date(-1) })},
		{"declared: obtained elsewhere", and(off(caseUnit), declared(DeclaredElsewhere))},
		{"declared: obtained elsewhere on 2006-02-01", and(off(caseUnit), func(w *world) { w.declare("FOC1111A0AA", DeclaredElsewhere).Obtained = "2006-02-01" })},
		{"declared: obtained elsewhere on 2006-01-31", and(off(caseUnit), func(w *world) { w.declare("FOC1111A0AA", DeclaredElsewhere).Obtained = "2006-01-31" })},
		{"declared: obtained elsewhere, and on a line", and(on(-100, 1000), declared(DeclaredElsewhere))},
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
		{"donated, arrived 22 days ago, the contract came", and(on(0, 1826), order(contract.Order{Serial: serial, OrderedOn: date(-60), CompletedOn: date(-22)}))},
		{"donated, arrived 22 days ago, the data is too old to tell", and(off(caseUnit), order(contract.Order{Serial: serial, OrderedOn: date(-60), CompletedOn: date(-22)}), func(w *world) { w.imported("1", -46) })},
		{"donated without a serial in the ledger, not all has arrived", and(off(caseUnit), order(contract.Order{OrderedOn: date(-60)}))},
		{"donated without a serial in the ledger, arrived 21 days ago", and(off(caseUnit), order(contract.Order{OrderedOn: date(-60), CompletedOn: date(-21)}))},
		{"donated without a serial in the ledger, arrived 22 days ago", and(off(caseUnit), order(contract.Order{OrderedOn: date(-60), CompletedOn: date(-22)}))},
		{"one donated without a serial in the ledger, two are there", func(w *world) {
			w.poll(-5, "Main/sw22", caseSecond)
			w.poll(0, "Main/sw22", caseSecond)
			off(caseUnit)(w)
			order(contract.Order{OrderedOn: date(-60), CompletedOn: date(-10)})(w)
		}},
		{"one donated without a serial in the ledger, it was there before the order", func(w *world) {
			w.poll(-100, caseNode, caseUnit)
			off(caseUnit)(w)
			order(contract.Order{OrderedOn: date(-60), CompletedOn: date(-10)})(w)
		}},
		{"donated, its line runs five years", and(on(-100, 1726), order(contract.Order{Serial: serial}))},
		{"donated, its line runs one year", and(on(-100, 265), order(contract.Order{Serial: serial}))},
		{"donated, its line ran one year and is over", and(on(-400, -35), order(contract.Order{Serial: serial}))},
		{"donated five years ago, its line is a renewal of one year", and(on(-10, 355), order(contract.Order{Serial: serial, OrderedOn: date(-1900), CompletedOn: date(-1860)}))},
		{"donated, one year, no begin, shipped when it would begin", and(on(0, 265), func(w *world) { w.Lines[0].Begin, w.Lines[0].ShipDate = "", date(-100) }, order(contract.Order{Serial: serial}))},
		{"donated, its line runs a year and six weeks", and(on(-100, 307), order(contract.Order{Serial: serial}))},
		{"donated, its line runs a year and seven weeks", and(on(-100, 314), order(contract.Order{Serial: serial}))},
		{"donated, one year, and a line of another contract goes on", and(on(-100, 265), func(w *world) { w.line("2", caseUnit, 266, 1726) }, order(contract.Order{Serial: serial}))},
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
		{"replaced, the whole swap is made, the old line is TERMINATED", and(swapped, record, lines(caseUnit, caseSecond), func(w *world) { w.Lines[0].Status = "TERMINATED" })},
		{"replaced, the old line is TERMINATED and no new one there", and(swapped, record, lines(caseUnit), func(w *world) { w.Lines[0].Status = "TERMINATED" })},
		{"replaced, the data is too old to tell", and(swapped, lines(caseUnit), func(w *world) { w.imported("1", -60) })},
		{"replaced, nothing was swapped, the old line is over", and(swapped, func(w *world) { w.line("1", caseUnit, -1000, -1) })},
		{"a record, the new one has not arrived", and(on(-100, 1000), record)},
		{"a record without what came, and nothing is known of it", and(on(-100, 1000), func(w *world) {
			w.RMAs = []contract.RMA{{OldSerial: "FOC1111A0AA", Contract: "1"}}
		})},
		{"replaced twice, the contract lists the first", func(w *world) {
			w.poll(-20, caseNode, caseUnit)
			w.poll(-10, caseNode, caseSecond)
			w.poll(0, caseNode, casePID+" FOC3333A0CC")
			lines(caseUnit)(w)
		}},
		{"replaced by one that was at another place before", func(w *world) {
			w.poll(-20, caseNode, caseUnit)
			w.poll(-20, "Main/sw22", caseSecond)
			w.poll(-1, "Main/sw22", "ISR4331/K9 FDO1111A0AA")
			w.poll(0, "Main/sw22", "ISR4331/K9 FDO1111A0AA")
			w.poll(0, caseNode, caseSecond)
			lines(caseUnit, "ISR4331/K9 FDO1111A0AA")(w)
		}},
		{"the old one is away in half an answer only", func(w *world) {
			w.poll(-20, caseNode, caseUnit+" @1")
			w.partial(0, caseNode, caseSecond+" @1")
			lines(caseUnit)(w)
		}},
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
		{"away for 14 days, and declared a spare", func(w *world) {
			w.poll(-100, caseNode, caseUnit+" @1", caseSecond+" @2")
			w.poll(-14, caseNode, caseUnit+" @1")
			w.poll(0, caseNode, caseUnit+" @1")
			lines(caseUnit, caseSecond)(w)
			w.declare("FOC2222A0BB", DeclaredSpare)
		}},
		{"away for 14 days, and another switch of the site is silent", func(w *world) {
			w.poll(-100, caseNode, caseUnit+" @1", caseSecond+" @2")
			w.poll(-100, "Main/sw22", "ISR4331/K9 FDO1111A0AA")
			w.poll(-14, caseNode, caseUnit+" @1")
			w.poll(0, caseNode, caseUnit+" @1")
			w.silence(0, "Main/sw22")
			lines(caseUnit, caseSecond, "ISR4331/K9 FDO1111A0AA")(w)
		}},
		{"moved to another site, the old site is silent", func(w *world) {
			w.poll(-10, caseNode, caseUnit)
			w.poll(0, "Annex/sw9", caseUnit)
			lines(caseUnit)(w)
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
		{"contract data of 45 days, on no line", and(off(caseUnit), func(w *world) { w.imported("1", -45) })},
		{"two contracts, one of them 46 days old, on a line of the other", and(on(-100, 1000), func(w *world) {
			w.line("2", caseOther, -100, 1000)
			w.imported("2", -46)
		})},
		{"two contracts, one of them 46 days old, on no line", and(off(caseUnit), func(w *world) {
			w.line("2", caseSecond, -100, 1000)
			w.imported("2", -46)
		})},
		{"contract data of 46 days, on a line", and(on(-100, 1000), func(w *world) { w.imported("1", -46) })},
		{"contract data of 46 days, on no line", and(off(caseUnit), func(w *world) { w.imported("1", -46) })},
		{"half an answer, on a line", func(w *world) { w.partial(0, caseNode, caseUnit); lines(caseUnit)(w) }},
		{"half an answer, on no line", func(w *world) { w.partial(0, caseNode, caseUnit); lines(caseOther)(w) }},
		{"the device is silent", func(w *world) { w.poll(-1, caseNode, caseUnit); w.silence(0, caseNode); lines(caseOther)(w) }},
		{"the site is silent, on no line", func(w *world) { w.poll(-4, caseNode, caseUnit); lines(caseOther)(w) }},
		{"the site is silent, on a line", func(w *world) { w.poll(-4, caseNode, caseUnit); lines(caseUnit)(w) }},
		{"an agent that has not reported yet", and(on(-100, 1000), func(w *world) { w.Agents = append(w.Agents, Agent{ID: "new", Site: "Annex"}) })},
		{"the device refuses the password", func(w *world) {
			w.poll(-1, caseNode, caseUnit)
			w.silence(0, caseNode)
			w.problem(caseNode, inventory.ProblemCredentialRefused, "the device refused the password.")
			lines(caseOther)(w)
		}},
		{"its key is not the pinned one", and(on(-100, 1000), func(w *world) {
			w.problem(caseNode, inventory.ProblemHostKeyChanged, "the key is another one.")
		})},
		{"it is read by SNMPv2c", and(on(-100, 1000), func(w *world) { w.problem(caseNode, inventory.ProblemWeakAccess, "SNMPv2c is in use.") })},
		{"its row in the file can't be read", and(off(caseUnit), func(w *world) {
			w.Refused = []contract.Refusal{{File: "1.csv", Row: 9, Column: "End Date", Value: "soon", Serial: "FOC1111A0AA"}}
		})},
	}
}
