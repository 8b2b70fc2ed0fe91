package contract

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func mustRead(t *testing.T, text string, o Options) File {
	t.Helper()
	f, err := Read("contract.csv", strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Each format of contract file, as a whole.
func TestFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.csv")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	answers, err := filepath.Glob("testdata/*[a-z].json")
	if err != nil || len(answers) == 0 {
		t.Fatalf("no answers: %v", err)
	}
	for _, path := range answers {
		if !strings.HasSuffix(path, ".golden.json") {
			files = append(files, path)
		}
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := ReadFile(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(f, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(path, filepath.Ext(path)) + ".golden.json"
			if *update {
				if err := os.WriteFile(golden, append(got, '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		})
	}
}

func TestEncodings(t *testing.T) {
	const text = "Serial Number,Contract Number,End Date,Site Name\nFOC2211A0AA,204100001,2029-01-30,Bäckerei – Süd €\n"
	le := func(mark bool) string {
		var b []byte
		if mark {
			b = []byte{0xFF, 0xFE}
		}
		for _, u := range utf16.Encode([]rune(text)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return string(b)
	}
	be := func(mark bool) string {
		b := []byte(le(mark))
		for i := 0; i+1 < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
		return string(b)
	}
	windows := strings.NewReplacer("ä", "\xE4", "–", "\x96", "ü", "\xFC", "€", "\x80").Replace(text)
	tests := []struct{ name, file string }{
		{"UTF-8", text},
		{"UTF-8 with mark", "\xEF\xBB\xBF" + text},
		{"UTF-16LE with mark", le(true)},
		{"UTF-16BE with mark", be(true)},
		{"UTF-16LE without mark", le(false)},
		{"UTF-16BE without mark", be(false)},
		{"UTF-16LE cut inside a character", le(true) + "x"},
		{"Windows-1252", windows},
		{"CR LF", strings.ReplaceAll(text, "\n", "\r\n")},
		{"CR alone", strings.ReplaceAll(text, "\n", "\r")},
		{"no line end at the end", strings.TrimSuffix(text, "\n")},
		{"semicolons", strings.ReplaceAll(text, ",", ";")},
		{"tabs", strings.ReplaceAll(text, ",", "\t")},
		{"bars", strings.ReplaceAll(text, ",", "|")},
		{"Excel's hint", "sep=;\r\n" + strings.ReplaceAll(text, ",", ";")},
		{"title above", "Contract report,,,\n\"Printed on 2026-01-01, by\nnobody\",,,\n\n" + text},
	}
	want := Line{Contract: "204100001", Serial: "FOC2211A0AA", End: "2029-01-30", Site: "Bäckerei – Süd €"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := mustRead(t, tt.file, Options{})
			if len(f.Lines) != 1 || len(f.Refused) != 0 {
				t.Fatalf("got %d lines, refused %v", len(f.Lines), f.Refused)
			}
			got := f.Lines[0]
			got.Row = 0
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
		})
	}
}

// A row that is broken costs itself only.
func TestBrokenRows(t *testing.T) {
	const header = "Serial Number,Product ID,Description,End Date\n"
	tests := []struct {
		name, rows string
		serials    []string
		refused    []string // row: reason's beginning
	}{
		{"quoted line break", "FOC1,C9300-48P,\"two\nlines\",2029-01-30\nFOC2,C9300-48P,x,2029-01-30\n", []string{"FOC1", "FOC2"}, nil},
		{"quoted line break before cells with commas", "FOC1,C9300-48P,\"12 River Road, Springfield\nBuilding 4, NN\",2029-01-30\n", []string{"FOC1"}, nil},
		{"quote inside a cell", "FOC1,C9300-48P,24\" rack,2029-01-30\nFOC2,C9300-48P,x,2029-01-30\n", []string{"FOC1", "FOC2"}, nil},
		{"text after a closing quote", "FOC1,C9300-48P,\"24\" rack,2029-01-30\nFOC2,C9300-48P,x,2029-01-30\n", []string{"FOC1", "FOC2"}, nil},
		{
			"quote never closed", "FOC1,C9300-48P,\"open,2029-01-30\nFOC2,C9300-48P,x,2029-01-30\nFOC3,C9300-48P,x,2029-01-30\n",
			[]string{"FOC2", "FOC3"},
			[]string{"contract.csv: row 2, value \"FOC1, C9300-48P, open, 2029-01-30\": a quotation mark in the row is not closed"},
		},
		{
			"quote closed in another row", "FOC1,C9300-48P,\"open,2029-01-30\nFOC2,C9300-48P,\"x\",2029-01-30\n",
			[]string{"FOC2"},
			[]string{"contract.csv: row 2, value \"FOC1, C9300-48P, open, 2029-01-30\": a quotation mark in the row is not closed"},
		},
		{
			"quote closed at the end of a cell of another row", "FOC1,C9300-48P,\"open,2029-01-30\nFOC2,C9300-48P,24 inch\",2029-01-30,,\nFOC3,C9300-48P,x,2029-01-30\n",
			[]string{"FOC2", "FOC3"},
			[]string{
				"contract.csv: row 2, value \"FOC1, C9300-48P, open, 2029-01-30\": a quotation mark in the row is not closed",
			},
		},
		{
			"comma not in quotes", "FOC1,C9300-48P,Catalyst, 48 ports,2029-01-30\nFOC2,C9300-48P,x,2029-01-30,,\n",
			[]string{"FOC2"},
			[]string{"contract.csv: row 2, value \"FOC1, C9300-48P, Catalyst, 48 ports\": it has 5 cells under 4 headers: a ',' in one of them is not in quotation marks"},
		},
		{"short and blank rows", "\nFOC1\n,,,\n\"\"\nFOC2,C9300-48P\n", []string{"FOC1", "FOC2"}, nil},
		{
			"two serials", "\"FOC1, FOC2\",C9300-48P,x,2029-01-30\n", nil,
			[]string{"contract.csv: row 2, column \"Serial Number\", value \"FOC1, FOC2\": it is not one serial number: one row has one, of letters and digits"},
		},
		{
			"footer", "FOC1,C9300-48P,x,2029-01-30\nEnd of report (1 row)\n",
			[]string{"FOC1"},
			[]string{"contract.csv: row 3, column \"Serial Number\", value \"End of report (1 row)\": it is not one serial number: one row has one, of letters and digits"},
		},
		{
			"nothing to know", ",,only words,2029-01-30\n", nil,
			[]string{"contract.csv: row 2, column \"Serial Number\", value \"only words, 2029-01-30\": the row has no serial number, product or quantity"},
		},
		{
			"serial made a number", "1.20E+10,C9300-48P,x,2029-01-30\n", nil,
			[]string{"contract.csv: row 2, column \"Serial Number\", value \"1.20E+10\": a spreadsheet turned the serial number into a number and lost digits: " +
				"download the file again and give it as it is, or make the column text before the file is opened"},
		},
		{"serials kept from spreadsheets", "=\"00123456\",C9300-48P,x,2029-01-30\n'00123457,C9300-48P,x,2029-01-30\n\"=\"\"00123458\"\"\",C9300-48P,x,2029-01-30\n", []string{"00123456", "00123457", "00123458"}, nil},
		{"no contract number in a file without that column", "FOC1,C9300-48P,x,\n", []string{"FOC1"}, nil},
		{"headers again on the next page", "FOC1,C9300-48P,x,\nSerial Number,Product ID,Description,End Date\nFOC2,C9300-48P,x,\n", []string{"FOC1", "FOC2"}, nil},
		{"placeholders are quantities", "N/A,GLC-SX-MMD,x,2029-01-30\n", []string{""}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := mustRead(t, header+tt.rows, Options{})
			var serials, refused []string
			for _, l := range f.Lines {
				serials = append(serials, l.Serial)
			}
			for _, r := range f.Refused {
				refused = append(refused, r.Error())
			}
			if diff := cmp.Diff(tt.serials, serials); diff != "" {
				t.Errorf("serials (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.refused, refused); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusedFiles(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"empty", "", "cannot use contract.csv: the file is empty"},
		{"zip cut off", "PK\x03\x04....204100001.csv", "cannot read contract.csv: the zip archive is damaged (zip: not a valid zip file); download it again"},
		{"old workbook", "\xD0\xCF\x11\xE0....", "cannot use contract.csv: it is an old Excel workbook (.xls), or one with a password; open it, save it as .xlsx without a password or as CSV, and give that file"},
		{"PDF", "%PDF-1.7", "cannot use contract.csv: it is a PDF; download the contract as CSV instead"},
		{"log-in page", "\n<!DOCTYPE html><html>", "cannot use contract.csv: it is a web page or XML, perhaps a log-in page saved by mistake; download the contract again as CSV"},
		{
			"scan", `{"schema":"rollcall.scan/1"}`,
			"cannot use contract.csv: it is JSON, perhaps a scan, but no answer of Cisco's Support APIs with serial numbers: found the keys []",
		},
		{
			"no serials", "Contract Number,Product ID,Comment\n1,2,3\n",
			`cannot use contract.csv: it has no column with serial numbers: looked for one of ["serial number / pak number" "serial number" "serialnumber" "sr_no" "sn" "serial" "serial no" "serial #" ` +
				`"product serial number" "covered serial number" "serial numbers" "hardware serial number" "device serial number"] among the headers, in the first 50 rows; found ["Contract Number" "Product ID" "Comment"]: download the file again with English headers, or say by a mapping which column is which`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read("/some/where/contract.csv", strings.NewReader(tt.file), Options{})
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
	if _, err := ReadFile(filepath.Join(t.TempDir(), "missing.csv"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestLimits(t *testing.T) {
	header := "Serial Number,Description,Note\n"
	rowsOf := func(n int) string { return strings.Repeat("FOC1234,x,y\n", n) }
	lim := limits{bytes: 10_000, rows: 20, columns: 10, cell: 100, record: 1000, extra: 15}
	tests := []struct {
		name, file string
		err        string // part of the error
		lines      int
		refused    string // part of the only refusal
	}{
		{"all within", header + rowsOf(15), "", 15, ""},
		{"rows", header + strings.Repeat("FOC1234\n", 21), "more than 20 rows", 0, ""},
		{"bytes", header + strings.Repeat("\n", 10_000), "larger than", 0, ""},
		{"unknown columns", header + rowsOf(16), "more than 15 cells", 0, ""},
		{"columns", header + rowsOf(1) + strings.Repeat(",", 12) + "\n", "", 1, "more than 10 columns"},
		{"headers", "Serial Number" + strings.Repeat(",x", 12) + "\n", "more than 10 columns", 0, ""},
		{"cell", header + "FOC1," + strings.Repeat("x", 101) + "\n" + rowsOf(2), "", 2, "column 2 is longer"},
		{"record", header + "FOC1," + strings.Repeat("x", 1001) + "\n" + rowsOf(2), "", 2, "the row is longer"},
		{"record inside a quote", header + "FOC1,\"\n" + strings.Repeat("x", 1001) + "\n" + rowsOf(2), "", 2, "two"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := read("contract.csv", strings.NewReader(tt.file), Options{}, lim)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got %v, want an error with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Lines) != tt.lines {
				t.Errorf("got %d lines, want %d", len(f.Lines), tt.lines)
			}
			switch {
			case tt.refused == "two":
				if len(f.Refused) != 2 {
					t.Errorf("refused %v, want two rows", f.Refused)
				}
			case tt.refused == "" && len(f.Refused) > 0,
				tt.refused != "" && (len(f.Refused) != 1 || !strings.Contains(f.Refused[0].Error(), tt.refused)):
				t.Errorf("refused %v, want %q", f.Refused, tt.refused)
			}
		})
	}
}

func TestServiceForProduct(t *testing.T) {
	f := mustRead(t, "SN,SKU,Expiration Date\nFOC1234,CON-SNT-C93004PE,2029-01-30\nFOC1235,C9300-48P-E,2029-01-30\n", Options{})
	if l := f.Lines[0]; l.PID != "" || l.ServiceLevel != "CON-SNT-C93004PE" {
		t.Errorf("a service for a product: %+v", l)
	}
	if l := f.Lines[1]; l.PID != "C9300-48P-E" || l.ServiceLevel != "" {
		t.Errorf("a product: %+v", l)
	}
}

func TestKind(t *testing.T) {
	tests := []struct {
		name string
		line Line
		want LineKind
	}{
		{"chassis", Line{Serial: "FOC1234", PID: "C9300-48P"}, LineUnit},
		{"without a product", Line{Serial: "FOC1234"}, LineUnit},
		{"PAK", Line{Serial: "4ABC1234567", PID: "L-C9300-DNA-E"}, LineLicence},
		{"PAK of another name", Line{Serial: "4ABC1234567", PID: "SL-29-SEC-K9"}, LineLicence},
		{"subscription", Line{Serial: "4ABC1234567", PID: "AIR-DNA-E-3Y"}, LineLicence},
		{"product type", Line{Serial: "4ABC1234567", PID: "UCM-11", ProductType: "Software"}, LineLicence},
		{"hardware bundle with a licence", Line{Serial: "FTX1234", PID: "CISCO1941-SEC/K9", Description: "Cisco 1941 Security Bundle w/SEC license PAK"}, LineUnit},
		{"quantity", Line{PID: "GLC-SX-MMD", Quantity: 12}, LineQuantity},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.line.Kind(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestContractNumber(t *testing.T) {
	const text = "Serial Number,End Date\nFOC1234,2029-01-30\n"
	tests := []struct {
		name, file string
		o          Options
		want       string
	}{
		{"by the name of the file", "204100001.csv", Options{}, "204100001"},
		{"by the name with more", "204100001-lines.csv", Options{}, "204100001"},
		{"told", "204100001.csv", Options{Contract: "99"}, "99"},
		{"unknown", "lines.csv", Options{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Read(tt.file, strings.NewReader(text), tt.o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.want}, f.Contracts()); diff != "" {
				t.Errorf("contracts (-want +got):\n%s", diff)
			}
		})
	}
}
