package document_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"rollcall/collector/internal/document"
	"rollcall/collector/internal/reconcile"
)

var update = flag.Bool("update", false, "write the golden files anew")

// cases are all documents that the food bank can ask for.
var cases = []struct {
	name    string
	request document.Request
}{
	{"units", document.Request{Kind: document.Units}},
	{"findings", document.Request{Kind: document.Findings}},
	{"sites", document.Request{Kind: document.Sites}},
	{"nodes", document.Request{Kind: document.Nodes}},
	{"renewal", document.Request{Kind: document.Renewal, Fields: map[string]string{"contact": "the admin"}}},
	{"renewal-one", document.Request{Kind: document.Renewal, Of: "205000002"}},
	{"swap", document.Request{Kind: document.Swap, Of: "FOC2222A0AA"}},
	{"takeback", document.Request{Kind: document.Takeback, Fields: map[string]string{"ctb_number": "CTB-1"}}},
	{"tac", document.Request{Kind: document.TAC, Of: "foc1111a0bb ", Fields: map[string]string{"contact": "the admin", "phone": "+1 555 0100"}}},
	{"tac-all", document.Request{Kind: document.TAC, Fields: map[string]string{"contact": "the admin"}}},
	{"draft-term", document.Request{Kind: document.Draft, Of: "term_short", Fields: map[string]string{"contact": "the admin"}}},
	{"draft-overdue", document.Request{Kind: document.Draft, Of: "activation_overdue", Fields: map[string]string{"reason": "two switches have no support"}}},
	{"draft-notfound", document.Request{Kind: document.Draft, Of: "contract_not_found", About: "TS-0900", Fields: map[string]string{"contract": "205000002"}}},
	{"draft-early", document.Request{Kind: document.Draft, Of: "early_activation", About: "TS-1001", Fields: map[string]string{"reason": "a switch fails"}}},
}

func TestGolden(t *testing.T) {
	for _, tt := range cases {
		d, err := document.Make(foodBank(), tt.request)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for _, f := range document.Offered(tt.request.Kind) {
			t.Run(tt.name+"/"+string(f), func(t *testing.T) {
				raw := write(t, d, f)
				name := tt.name + "." + f.Extension()
				if f == document.XLSX {
					raw, name = []byte(strings.Join(readBack(t, raw), "\n")+"\n"), name+".txt"
				}
				path := filepath.Join("testdata", name)
				if *update {
					if err := os.WriteFile(path, raw, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(raw)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", path, diff)
				}
			})
		}
	}
}

func write(t testing.TB, d document.Document, f document.Format) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := document.Write(&b, d, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readBack is every cell of a workbook, one a line, with its type; it fails on a
// formula.
func readBack(t testing.TB, raw []byte) []string {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var all []string
	for _, sheet := range f.GetSheetList() {
		rows, err := f.GetRows(sheet)
		if err != nil {
			t.Fatal(err)
		}
		for n, row := range rows {
			for i, v := range row {
				cell, err := excelize.CoordinatesToCellName(i+1, n+1)
				if err != nil {
					t.Fatal(err)
				}
				if formula, err := f.GetCellFormula(sheet, cell); err != nil || formula != "" {
					t.Errorf("%s!%s is a formula: %q (%v)", sheet, cell, formula, err)
				}
				kind, err := f.GetCellType(sheet, cell)
				if err != nil {
					t.Fatal(err)
				}
				if v == "" {
					continue
				}
				mark := "text"
				if kind == excelize.CellTypeUnset || kind == excelize.CellTypeNumber {
					mark = "number"
				}
				all = append(all, fmt.Sprintf("%s!%s %s %s", sheet, cell, mark, v))
			}
		}
	}
	return all
}

// Whatever order the facts come in, a document has the same bytes.
func TestDeterministic(t *testing.T) {
	for _, tt := range cases {
		for _, f := range document.Offered(tt.request.Kind) {
			in := foodBank()
			first, err := document.Make(in, tt.request)
			if err != nil {
				t.Fatal(err)
			}
			facts := in.Facts
			slices.Reverse(facts.Lines)
			slices.Reverse(facts.Nodes)
			slices.Reverse(facts.Agents)
			slices.Reverse(facts.Imports)
			second, err := document.Make(judged(facts), tt.request)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(write(t, first, f), write(t, second, f)) {
				t.Errorf("%s as %s differs from one time to the next", tt.name, f)
			}
		}
	}
}

// A document is refused while a field is empty that the other side needs, and
// the refusal names it.
func TestIncomplete(t *testing.T) {
	nameless := foodBank()
	nameless.Facts.Name, nameless.Facts.Organization = "", ""
	unnumbered := foodBank()
	for i := range unnumbered.Facts.Lines {
		unnumbered.Facts.Lines[i].Contract = ""
	}
	unnumbered.Facts.Imports = []reconcile.Import{{File: "lines.csv", At: now}}
	unnumbered = judged(unnumbered.Facts)
	withoutOrders := foodBank()
	withoutOrders.Facts.Orders = nil
	tests := []struct {
		name    string
		in      document.Input
		request document.Request
		missing string // names of fields
	}{
		{"overdue: reason", foodBank(), document.Request{Kind: document.Draft, Of: "activation_overdue"}, "reason"},
		{"overdue: blank is empty", foodBank(), document.Request{Kind: document.Draft, Of: "activation_overdue", Fields: map[string]string{"reason": " \t\n"}}, "reason"},
		{"early: all three of the FAQ", nameless, document.Request{Kind: document.Draft, Of: "early_activation"}, "organization order_number completed_on reason"},
		{"early: an order that has not arrived", withoutOrders, document.Request{Kind: document.Draft, Of: "early_activation", Fields: map[string]string{"order_number": "TS-1"}}, "completed_on reason"},
		{"not found: order and serials", withoutOrders, document.Request{Kind: document.Draft, Of: "contract_not_found"}, "order_number serials"},
		{"tac: contact", foodBank(), document.Request{Kind: document.TAC, Of: "FOC1111A0BB"}, "contact"},
		{"tac: all", foodBank(), document.Request{Kind: document.TAC}, "contact"},
		{"tac: a unit on no contract", foodBank(), document.Request{Kind: document.TAC, Of: "FOC1111A0FF", Fields: map[string]string{"contact": "x"}}, "contract site_address"},
		{"renewal: a contract without a number", unnumbered, document.Request{Kind: document.Renewal}, "contract"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := document.Make(tt.in, tt.request)
			var x *document.Incomplete
			if !errors.As(err, &x) {
				t.Fatalf("Make: %v, want a refusal for missing fields", err)
			}
			var got []string
			for _, f := range x.Missing {
				got = append(got, f.Name)
				if !strings.Contains(err.Error(), "("+f.Name+")") {
					t.Errorf("the error does not name %s: %v", f.Name, err)
				}
			}
			if strings.Join(got, " ") != tt.missing {
				t.Errorf("missing %v, want %s", got, tt.missing)
			}
			// Once they are given it is made.
			given := maps.Clone(tt.request.Fields)
			if given == nil {
				given = map[string]string{}
			}
			for _, name := range got {
				given[name] = "given " + name
			}
			tt.request.Fields = given
			d, err := document.Make(tt.in, tt.request)
			if err != nil {
				t.Fatalf("with all fields: %v", err)
			}
			text := string(write(t, d, document.Text))
			for _, name := range got {
				if !strings.Contains(text, "given "+name) {
					t.Errorf("what was given for %s is not in the document:\n%s", name, text)
				}
			}
		})
	}
}

// What is given for all cards is for those that lack it.
func TestCardsOfSeveral(t *testing.T) {
	in := foodBank()
	for i := range in.Facts.Lines {
		if in.Facts.Lines[i].Contract == "205000002" {
			in.Facts.Lines[i].SiteAddress = ""
		}
	}
	given := map[string]string{"contact": "the admin"}
	d, err := document.Make(in, document.Request{Kind: document.TAC, Fields: given})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Sections) != 2 || len(d.LeftOut) != 1 || !strings.Contains(d.LeftOut[0], "site_address") {
		t.Errorf("%d cards, left out %q; want the one without an address left out", len(d.Sections), d.LeftOut)
	}
	given["site_address"] = "2 Dock Road"
	if d, err = document.Make(in, document.Request{Kind: document.TAC, Fields: given}); err != nil {
		t.Fatal(err)
	}
	text := string(write(t, d, document.Text))
	if len(d.LeftOut) != 0 || strings.Count(text, "2 Dock Road") != 1 || strings.Count(text, "1 River Street") != 2 {
		t.Errorf("left out %q; want the address where it was lacking only:\n%s", d.LeftOut, text)
	}
}

// A swap without a contract number is not made; of several the others are.
func TestSwapsOneByOne(t *testing.T) {
	in := foodBank()
	whole := in.Findings[slices.IndexFunc(in.Findings, func(f document.Finding) bool { return f.Kind == reconcile.RMAMismatch })]
	half := whole
	half.Number, half.Serial, half.Subject = 99, "FOC2222A0XX", "C9300-48P FOC2222A0XX"
	half.NextStep.Sheet = maps.Clone(whole.NextStep.Sheet)
	half.NextStep.Sheet["contract"] = ""
	in.Findings = append(in.Findings, half)

	d, err := document.Make(in, document.Request{Kind: document.Swap})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Sections) != 1 || len(d.LeftOut) != 1 || !strings.Contains(d.LeftOut[0], "FOC2222A0XX") || !strings.Contains(d.LeftOut[0], "Contract") {
		t.Errorf("got %d swaps, left out %q; want the whole one, and the other named with what it lacks", len(d.Sections), d.LeftOut)
	}
	for _, of := range []string{"99", "foc2222a0xx"} {
		var x *document.Incomplete
		if _, err := document.Make(in, document.Request{Kind: document.Swap, Of: of}); !errors.As(err, &x) {
			t.Errorf("swap %s: %v, want it refused", of, err)
		}
		if _, err := document.Make(in, document.Request{Kind: document.Swap, Of: of, Fields: map[string]string{"contract": "204100001"}}); err != nil {
			t.Errorf("swap %s with its contract: %v", of, err)
		}
	}
}

// Requests that make no sense, or of what is not there, are told apart and say
// what would do.
func TestRefusals(t *testing.T) {
	nobody := judged(reconcile.Facts{Organization: "new", Now: now})
	const invalid, absent = "invalid", "nothing"
	tests := []struct {
		name    string
		in      document.Input
		request document.Request
		kind    string
		says    string
	}{
		{"no such document", foodBank(), document.Request{Kind: "letter"}, invalid, "units, findings, sites"},
		{"no such draft", foodBank(), document.Request{Kind: document.Draft, Of: "poem"}, invalid, "early_activation"},
		{"no draft named", foodBank(), document.Request{Kind: document.Draft}, invalid, "say which draft"},
		{"no such field", foodBank(), document.Request{Kind: document.TAC, Of: "FOC1111A0BB", Fields: map[string]string{"mood": "good"}}, invalid, "serial, pid"},
		{"another value for what is known", foodBank(), document.Request{Kind: document.TAC, Of: "FOC1111A0BB", Fields: map[string]string{"contract": "1"}}, invalid, "204100001"},
		{"a value as long as a book", foodBank(), document.Request{Kind: document.TAC, Of: "FOC1111A0BB", Fields: map[string]string{"contact": strings.Repeat("x", 2001)}}, invalid, "2000 bytes"},
		{"a list takes no subject", foodBank(), document.Request{Kind: document.Units, Of: "FOC1111A0BB"}, invalid, "everything"},
		{"a list takes no fields", foodBank(), document.Request{Kind: document.Sites, Fields: map[string]string{"a": "b"}}, invalid, "no fields"},
		{"a mail goes to the program", foodBank(), document.Request{Kind: document.Draft, Of: "activation_overdue", Fields: map[string]string{"to": "someone@example.org", "reason": "x"}}, invalid, "cisco@techsoup.org"},
		{"no such unit", foodBank(), document.Request{Kind: document.TAC, Of: "FOC0000X0XX"}, absent, "FOC0000X0XX"},
		{"no such contract", foodBank(), document.Request{Kind: document.Renewal, Of: "1"}, absent, "204100001, 205000002"},
		{"no such swap", foodBank(), document.Request{Kind: document.Swap, Of: "FOC1111A0BB"}, absent, "FOC1111A0BB"},
		{"no such line", foodBank(), document.Request{Kind: document.Takeback, Of: "FOC1111A0BB"}, absent, "not among"},
		{"no such order", foodBank(), document.Request{Kind: document.Draft, Of: "early_activation", About: "TS-9"}, absent, "TS-9"},
		{"no such overdue order", foodBank(), document.Request{Kind: document.Draft, Of: "activation_overdue", About: "TS-9"}, absent, "TS-1001"},
		{"no units", nobody, document.Request{Kind: document.Units}, absent, "no unit was seen"},
		{"no findings", nobody, document.Request{Kind: document.Findings}, absent, "nothing is to do"},
		{"no sites", nobody, document.Request{Kind: document.Sites}, absent, "no site"},
		{"no devices", nobody, document.Request{Kind: document.Nodes}, absent, "no device"},
		{"nothing to renew", nobody, document.Request{Kind: document.Renewal}, absent, "nothing ends"},
		{"nothing to swap", nobody, document.Request{Kind: document.Swap}, absent, "no replacement"},
		{"nothing to look for", nobody, document.Request{Kind: document.Takeback}, absent, "nothing to look for"},
		{"no covered unit", nobody, document.Request{Kind: document.TAC}, absent, "no unit is covered"},
		{"no short term", nobody, document.Request{Kind: document.Draft, Of: "term_short"}, absent, "term_short"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := document.Make(tt.in, tt.request)
			var i *document.Invalid
			var n *document.Nothing
			if errors.As(err, &i) != (tt.kind == invalid) || errors.As(err, &n) != (tt.kind == absent) {
				t.Fatalf("Make: %v (%T), want it %s", err, err, tt.kind)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Make: %v, want it to say %q", err, tt.says)
			}
		})
	}
}

// Formats that make no sense are refused in words.
func TestOffered(t *testing.T) {
	for _, f := range []document.Format{document.CSV, document.XLSX} {
		if err := document.Check(document.Draft, f); err == nil || !strings.Contains(err.Error(), "text, html, json") {
			t.Errorf("a draft as %s: %v, want it refused with what is offered", f, err)
		}
	}
	if err := document.Check(document.Units, "pdf"); err == nil || !strings.Contains(err.Error(), "text, csv, xlsx, html, json") {
		t.Errorf("units as pdf: %v, want it refused with what there is", err)
	}
	for _, k := range document.Kinds {
		if k.About() == "" {
			t.Errorf("%s has no words", k)
		}
		for _, f := range document.Offered(k) {
			if err := document.Check(k, f); err != nil || f.ContentType() == "" {
				t.Errorf("%s as %s: %v, %q", k, f, err, f.ContentType())
			}
		}
	}
}

// Every kind of finding and state of coverage has words; one of a later version
// is told apart at least.
func TestLabels(t *testing.T) {
	in := foodBank()
	for _, f := range in.Findings {
		if document.KindLabel(f.Kind) == strings.ReplaceAll(string(f.Kind), "_", " ") {
			t.Errorf("finding %s has no words", f.Kind)
		}
	}
	if got := document.KindLabel("owner_moved"); got != "owner moved" {
		t.Errorf("a kind of a later version is %q", got)
	}
	if got := document.CoverageLabel("lent_out"); got != "lent out" {
		t.Errorf("a state of a later version is %q", got)
	}
}
