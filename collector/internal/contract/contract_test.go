package contract

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
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

// Day and month are never guessed.
func TestDateOrder(t *testing.T) {
	tests := []struct {
		name  string
		order DateOrder
		ends  []string
		want  []Date // "refused" for a row that is
	}{
		{"alone it is refused", OrderUnknown, []string{"02/03/2029"}, []Date{"refused"}},
		{"told month first", MonthFirst, []string{"02/03/2029"}, []Date{"2029-02-03"}},
		{"told day first", DayFirst, []string{"02/03/2029"}, []Date{"2029-03-02"}},
		{"another row tells month first", OrderUnknown, []string{"02/03/2029", "01/31/2029"}, []Date{"2029-02-03", "2029-01-31"}},
		{"another row tells day first", OrderUnknown, []string{"31/01/2029", "02/03/2029"}, []Date{"2029-01-31", "2029-03-02"}},
		{"the file has both", OrderUnknown, []string{"31/01/2029", "02/03/2029", "01/31/2029"}, []Date{"2029-01-31", "refused", "2029-01-31"}},
		{"the same either way", OrderUnknown, []string{"03/03/2029", "02/03/2029"}, []Date{"2029-03-03", "refused"}},
		{"against what was told", MonthFirst, []string{"31/01/2029", "02/03/2029"}, []Date{"refused", "2029-02-03"}},
		{"ISO needs no order", OrderUnknown, []string{"2029-03-02", "02/03/2029"}, []Date{"2029-03-02", "refused"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "Serial Number,Warranty End Date,End Date\n"
			for i, e := range tt.ends {
				text += string(rune('A'+i)) + "BC1234,," + e + "\n"
			}
			f := mustRead(t, text, Options{DateOrder: tt.order})
			got := make([]Date, len(tt.ends))
			for i := range got {
				got[i] = "refused"
			}
			for _, l := range f.Lines {
				got[l.Row-2] = l.End
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ends (-want +got):\n%s%v", diff, f.Refused)
			}
		})
	}
	t.Run("a column that decides nothing is kept as text", func(t *testing.T) {
		f := mustRead(t, "Serial Number,Warranty End Date,End Date\nFOC1234,02/03/2027,2029-01-30\n", Options{})
		if len(f.Lines) != 1 || f.Lines[0].WarrantyEnd != "" || f.Lines[0].Extra["Warranty End Date"] != "02/03/2027" {
			t.Errorf("got %+v, refused %v", f.Lines, f.Refused)
		}
	})
}

func TestReadDate(t *testing.T) {
	tests := []struct {
		in   string
		want Date
		err  bool
	}{
		{"2026-01-31", "2026-01-31", false},
		{"2026/1/31", "2026-01-31", false},
		{"20260131", "2026-01-31", false},
		{"01/31/2026", "2026-01-31", false},
		{"1/31/26", "2026-01-31", false},
		{"31.01.2026", "2026-01-31", false},
		{"31-01-2026", "2026-01-31", false},
		{"31-Jan-2026", "2026-01-31", false},
		{"31-JAN-26", "2026-01-31", false},
		{"31 January 2026", "2026-01-31", false},
		{"1st February 2026", "2026-02-01", false},
		{"Jan 31, 2026", "2026-01-31", false},
		{"September 3, 2026", "2026-09-03", false},
		{"Sept. 3, 2026", "2026-09-03", false},
		{"Jan-31-2026", "2026-01-31", false},
		{"31-Dec-99", "1999-12-31", false},
		{"46053", "2026-01-31", false},
		{"46053.5", "2026-01-31", false},
		{"2026-01-31T23:59:59.000Z", "2026-01-31", false},
		{"2026-01-31 23:59:59 +0000", "2026-01-31", false},
		{"2026-01-31 00:00:00 UTC", "2026-01-31", false},
		{"1/31/2026 12:00:00 AM", "2026-01-31", false},
		{"31-JAN-2026 00:00:00", "2026-01-31", false},
		{"2024-02-29", "2024-02-29", false},
		{"", "", false},
		{"N/A", "", false},
		{"0000-00-00", "", false},
		{"2026-02-29", "", true},
		{"2026-13-01", "", true},
		{"13/13/2026", "", true},
		{"31-Jam-2026", "", true},
		{"1900-01-01", "", true},
		{"12345", "", true},
		{"99999", "", true},
		{"2026", "", true},
		{"31/01-2026", "", true},
		{"soon", "", true},
		{"2026-01-31; 2027-01-31", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := readDate(tt.in, OrderUnknown)
			if got != tt.want || (err != nil) != tt.err {
				t.Errorf("readDate(%q) = %q, %v; want %q, error %v", tt.in, got, err, tt.want, tt.err)
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

// No synonym stands for two fields.
func TestSynonyms(t *testing.T) {
	for _, table := range [][]fieldNames{contractColumns(), rmaColumns(), orderColumns()} {
		of := map[string]string{}
		for _, f := range table {
			for _, n := range f.names {
				if other, taken := of[fold(n)]; taken && other != f.field {
					t.Errorf("%q is %s and %s", n, other, f.field)
				}
				of[fold(n)] = f.field
			}
		}
	}
}

// What the rows of a file say does not depend on the order of its columns.
func TestColumnOrder(t *testing.T) {
	a := mustRead(t, "Serial Number,Contract Number,End Date\nFOC1234,204100001,2029-01-30\n", Options{})
	b := mustRead(t, "END_DATE,contractNumber,sr_no\n2029-01-30,204100001,FOC1234\n", Options{})
	if !slices.EqualFunc(a.Lines, b.Lines, func(x, y Line) bool { return cmp.Equal(x, y) }) {
		t.Errorf("%+v and %+v", a.Lines, b.Lines)
	}
}

// What people and programs put around a table: titles above it, totals below it,
// and headers in another language.
func TestAroundTheTable(t *testing.T) {
	f := mustRead(t, "Report for Riverside Food Bank,,\nPrinted on 2026-06-01,,\n,,\nSerial Number,Contract Number,End Date,,\nFOC1234,204100001,2029-01-30,,\n,,\nTotal,1,\nGrand total: 1 line,,\n", Options{})
	if got := f.Contracts(); len(f.Lines) != 1 || !slices.Equal(got, []string{"204100001"}) {
		t.Errorf("%d lines of contracts %q", len(f.Lines), got)
	}
	if len(f.Refused) != 2 || f.Refused[0].Row != 7 || !strings.Contains(f.Refused[0].Reason, "a row of totals may be left out") {
		t.Errorf("refused %v", f.Refused)
	}
	_, err := Read("vertrag.csv", strings.NewReader("Apparat;Kontrakt;Slut\nFOC1234;204100001;31.01.2029\n"), Options{})
	if err == nil || !strings.Contains(err.Error(), `found ["Apparat" "Kontrakt" "Slut"]: download the file again with English headers`) {
		t.Errorf("got %v", err)
	}
	f, err = Read("vertrag.csv", strings.NewReader("Apparat;Kontrakt;Slut\nFOC1234;204100001;31.01.2029\n"),
		Options{Mapping: map[string]string{"Apparat": "serial", "Kontrakt": "contract", "Slut": "end"}})
	if err != nil || len(f.Lines) != 1 || f.Lines[0].End != "2029-01-31" {
		t.Errorf("%+v, %v", f.Lines, err)
	}
}

// Headers in the languages that Cisco's portals have, and the products of
// services beside those of the equipment.
func TestOtherHeaders(t *testing.T) {
	want := []Line{{Contract: "204100001", Serial: "FOC1234", PID: "C9300-48P", Begin: "2024-02-01", End: "2029-01-31", Row: 2}}
	for name, text := range map[string]string{
		"German":                     "Seriennummer;Vertragsnummer;Produktnummer;Startdatum;Enddatum\nFOC1234;204100001;C9300-48P;01.02.2024;31.01.2029\n",
		"French":                     "Num\u00e9ro de s\u00e9rie;Num\u00e9ro de contrat;R\u00e9f\u00e9rence produit;Date de d\u00e9but;Date de fin\nFOC1234;204100001;C9300-48P;01/02/2024;31/01/2029\n",
		"Spanish":                    "N\u00famero de serie,N\u00famero de contrato,N\u00famero de producto,Fecha de inicio,Fecha de finalizaci\u00f3n\nFOC1234,204100001,C9300-48P,2024-02-01,2029-01-31\n",
		"Japanese":                   "\u30b7\u30ea\u30a2\u30eb\u756a\u53f7,\u5951\u7d04\u756a\u53f7,\u88fd\u54c1\u756a\u53f7,\u958b\u59cb\u65e5,\u7d42\u4e86\u65e5\nFOC1234,204100001,C9300-48P,2024/02/01,2029/01/31\n",
		"a column of services first": "Serial Number,Contract Number,Product Number,Product ID,Begin Date,End Date\nFOC1234,204100001,CON-SNT-C93004PE,C9300-48P,2024-02-01,2029-01-31\n",
	} {
		t.Run(name, func(t *testing.T) {
			lines := mustRead(t, text, Options{}).Lines
			for i := range lines {
				lines[i].ServiceLevel = ""
			}
			if diff := cmp.Diff(want, lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}
