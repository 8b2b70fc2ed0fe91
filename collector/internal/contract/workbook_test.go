package contract

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// A sheet of a workbook that a test makes.
type sheet struct {
	name   string
	hidden bool
	rows   [][]any
}

// makeWorkbook writes a workbook with excelize, and sets what more is told.
func makeWorkbook(tb testing.TB, more func(*excelize.File) error, sheets ...sheet) []byte {
	tb.Helper()
	f := excelize.NewFile()
	check := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	for i, s := range sheets {
		if i == 0 {
			check(f.SetSheetName("Sheet1", s.name))
		} else {
			_, err := f.NewSheet(s.name)
			check(err)
		}
		for n, r := range s.rows {
			check(f.SetSheetRow(s.name, fmt.Sprintf("A%d", n+1), &r))
		}
	}
	for i, s := range sheets {
		if s.hidden {
			f.SetActiveSheet((i + 1) % len(sheets))
			check(f.SetSheetVisible(s.name, false))
		}
	}
	if more != nil {
		check(more(f))
	}
	var b bytes.Buffer
	check(f.Write(&b))
	check(f.Close())
	return b.Bytes()
}

// style gives cells a number format.
func style(cells, code string) func(*excelize.File) error {
	return func(f *excelize.File) error {
		id, err := f.NewStyle(&excelize.Style{CustomNumFmt: &code})
		from, to, _ := strings.Cut(cells, ":")
		return errors.Join(err, f.SetCellStyle(f.GetSheetName(0), from, to, id))
	}
}

func archive(tb testing.TB, files ...string) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i+1 < len(files); i += 2 {
		method := zip.Deflate
		if len(files[i+1]) < 1000 {
			method = zip.Store // fuzzing makes many
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: files[i], Method: method})
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := io.WriteString(w, files[i+1]); err != nil {
			tb.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

var header = []any{"Serial Number", "Contract Number", "Product ID", "Begin Date", "End Date", "Note"}

// How the cells of a workbook are understood.
func TestWorkbookCells(t *testing.T) {
	day := time.Date(2029, 1, 30, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name     string
		row      []any
		more     func(*excelize.File) error
		want     Line
		warning  string // part of it
		refusal  string // part of it
		refusedS string // the value that is refused
	}{
		{"text", []any{"FOC2211A0AA", "204100001", "C9300-48P", "2024-01-31", "2029-01-30", "a\nb"}, nil, Line{Contract: "204100001", Serial: "FOC2211A0AA", PID: "C9300-48P", Begin: "2024-01-31", End: "2029-01-30", Extra: map[string]string{"Note": "a b"}}, "", "", ""},
		{"dates and numbers", []any{"FOC2211A0AA", 204100001, "C9300-48P", time.Date(2024, 1, 31, 15, 4, 5, 0, time.UTC), day, day}, nil, Line{Contract: "204100001", Serial: "FOC2211A0AA", PID: "C9300-48P", Begin: "2024-01-31", End: "2029-01-30", Extra: map[string]string{"Note": "2029-01-30"}}, "", "", ""},
		{"day numbers without a style", []any{"FOC2211A0AA", 204100001, nil, 45322, 47148.75, 47148}, nil, Line{Contract: "204100001", Serial: "FOC2211A0AA", Begin: "2024-01-31", End: "2029-01-30", Extra: map[string]string{"Note": "47148"}}, "", "", ""},
		{"the day first in a style is not asked about", []any{"FOC2211A0AA", 204100001, nil, nil, 47152, nil}, style("E2:E2", "dd/mm/yyyy"), Line{Contract: "204100001", Serial: "FOC2211A0AA", End: "2029-02-03"}, "", "", ""},
		{"a style with words", []any{"FOC2211A0AA", 204100001, nil, nil, nil, 47152}, style("F2:F2", `"ends on" [$-409]d\-mmm\-yy;@`), Line{Contract: "204100001", Serial: "FOC2211A0AA", Extra: map[string]string{"Note": "2029-02-03"}}, "", "", ""},
		{"digits as text", []any{"00123456", "204100001"}, nil, Line{Contract: "204100001", Serial: "00123456"}, "", "", ""},
		{"digits as a number", []any{123456, "204100001"}, nil, Line{Contract: "204100001", Serial: "123456"}, "zeros at its beginning are lost", "", ""},
		{"digits as a number with its zeros", []any{123456, "204100001"}, style("A2:A2", "00000000"), Line{Contract: "204100001", Serial: "00123456"}, "", "", ""},
		{"digits shown with an exponent", []any{12345678901, "204100001"}, style("A2:A2", "0.00E+00"), Line{Contract: "204100001", Serial: "12345678901"}, "zeros at its beginning are lost", "", ""},
		{"digits lost to an exponent before", []any{12345700000, "204100001"}, style("A2:A2", "0.00E+00"), Line{}, "", "lost digits", "1.23457E+10"},
		{"digits past what a number holds", []any{12345678901234567, "204100001"}, nil, Line{}, "", "lost digits", "1.2345678901234568E+16"},
		{"exponent as text", []any{"1.2E+10", "204100001"}, nil, Line{}, "", "lost digits", "1.2E+10"},
		{"serial made a date", []any{47148, "204100001"}, style("A2:A2", "mmm-yy"), Line{}, "", "into a date", "2029-01-30"},
		{"empty cells between", []any{"FOC2211A0AA", nil, nil, nil, "2029-01-30"}, nil, Line{Serial: "FOC2211A0AA", End: "2029-01-30"}, "", "", ""},
		{"yes and no", []any{"FOC2211A0AA", "204100001", nil, nil, nil, true}, nil, Line{Contract: "204100001", Serial: "FOC2211A0AA", Extra: map[string]string{"Note": "TRUE"}}, "", "", ""},
		{"day numbers from 1904", []any{"FOC2211A0AA", "204100001", nil, 45322 - 1462, 47148 - 1462}, func(f *excelize.File) error {
			yes := true
			return errors.Join(f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes}), style("E2:E2", "yyyy")(f))
		}, Line{Contract: "204100001", Serial: "FOC2211A0AA", Begin: "2024-01-31", End: "2029-01-30"}, "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := makeWorkbook(t, tt.more, sheet{name: "Lines", rows: [][]any{header, tt.row}})
			f, err := Read("lines.xlsx", bytes.NewReader(raw), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if tt.refusal != "" {
				if len(f.Lines) != 0 || len(f.Refused) != 1 || !strings.Contains(f.Refused[0].Reason, tt.refusal) || f.Refused[0].Value != tt.refusedS {
					t.Fatalf("got %+v, refused %v", f.Lines, f.Refused)
				}
				return
			}
			tt.want.Row = 2
			if diff := cmp.Diff([]Line{tt.want}, f.Lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s%v", diff, f.Refused)
			}
			if (tt.warning == "") != (len(f.Warnings) == 0) || tt.warning != "" && !strings.Contains(f.Warnings[0].Error(), tt.warning) {
				t.Errorf("warnings %v, want %q", f.Warnings, tt.warning)
			}
		})
	}
}

// Which sheet and which row the headers are in.
func TestWorkbookSheets(t *testing.T) {
	row := func(serial string) []any { return []any{serial, "204100001"} }
	lines := func(serial string) [][]any { return [][]any{header, row(serial)} }
	tests := []struct {
		name   string
		sheets []sheet
		o      Options
		want   string // "sheet row serial"
		err    string
	}{
		{"first", []sheet{{"A", false, lines("FOC1")}}, Options{}, "A 2 FOC1", ""},
		{"after a cover", []sheet{{"Cover", false, [][]any{{"Contract report"}, {"Serial number of the report", 7}}}, {"Data", false, lines("FOC1")}}, Options{}, "Data 2 FOC1", ""},
		{"below a title", []sheet{{"A", false, [][]any{{"Contract report"}, {}, {"Printed", time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}, header, {}, row("FOC1")}}}, Options{}, "A 6 FOC1", ""},
		{"not a hidden one", []sheet{{"Old", true, lines("FOC9")}, {"New", false, lines("FOC1")}}, Options{}, "New 2 FOC1", ""},
		{"only a hidden one", []sheet{{"Old", true, lines("FOC9")}, {"New", false, [][]any{{"x"}}}}, Options{}, "", `cannot use lines.xlsx: only hidden sheets have serial numbers, "Old": say which one (--sheet NAME, or Sheet on the page), or show it and save it anew`},
		{"a hidden one that was told", []sheet{{"Old", true, lines("FOC9")}, {"New", false, lines("FOC1")}}, Options{Sheet: "old"}, "Old 2 FOC9", ""},
		{"two", []sheet{{"A", false, lines("FOC9")}, {"B", false, lines("FOC1")}}, Options{}, "", `cannot use lines.xlsx: several of its sheets could be meant, "A", "B": say which one (--sheet NAME, or Sheet on the page), or delete or hide the others and save it anew`},
		{"two, told", []sheet{{"A", false, lines("FOC9")}, {"B", false, lines("FOC1")}}, Options{Sheet: "B"}, "B 2 FOC1", ""},
		{"none", []sheet{{"A", false, [][]any{{"Contract Number", "Comment"}, {"1", "2"}}}}, Options{}, "", `found ["Contract Number" "Comment"]`},
		{"empty", []sheet{{"A", false, nil}}, Options{}, "", "found no text at all"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Read("lines.xlsx", bytes.NewReader(makeWorkbook(t, nil, tt.sheets...)), Options{Sheet: tt.o.Sheet})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Lines) != 1 {
				t.Fatalf("%d lines, refused %v", len(f.Lines), f.Refused)
			}
			if got := fmt.Sprintf("%s %d %s", f.Sheet, f.Lines[0].Row, f.Lines[0].Serial); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// tiny is a workbook written by hand, with this as its only sheet.
func tiny(tb testing.TB, sheetXML string, more ...string) []byte {
	return archive(tb, append([]string{
		"[Content_Types].xml", "<Types/>",
		"xl/workbook.xml", `<workbook><sheets><sheet name="A" sheetId="1" r:id="r1" xmlns:r="x"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/sheet1.xml"/>` +
			`<Relationship Id="r2" Type="x/sharedStrings" Target="/xl/sharedStrings.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml", sheetXML,
	}, more...)...)
}

const (
	sheetStart = `<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Serial Number</t></is></c></row>`
	sheetEnd   = `</sheetData></worksheet>`
	serialRow  = `<row><c t="str"><v>FOC1</v></c></row>`
)

// Workbooks that would hurt, or of which a part is missing: none gives lines.
func TestHostileWorkbooks(t *testing.T) {
	lim := defaultLimits()
	lim.unpacked, lim.cells, lim.rows, lim.strings, lim.columns = 1<<20, 1000, 500, 1000, 10
	bomb := strings.Repeat(" ", 2<<20)
	tests := []struct {
		name string
		raw  []byte
		want string // part of the error; "" for lines
	}{
		{"good", tiny(t, sheetStart+serialRow+sheetEnd), ""},
		{"cut off in a row", tiny(t, sheetStart+`<row><c t="str"><v>FOC1</v>`), "the workbook is damaged: it ends in the middle"},
		{"cut off after a row", tiny(t, sheetStart+serialRow), "it ends in the middle"},
		{"broken XML", tiny(t, sheetStart+serialRow+`<row <>`), "the workbook is damaged"},
		{"unpacks to much", tiny(t, sheetStart+bomb+sheetEnd), "unpacks to more than 1 MiB"},
		{"texts unpack to much", tiny(t, sheetStart+sheetEnd, "xl/sharedStrings.xml", "<sst>"+bomb+"</sst>"), "unpacks to more than 1 MiB"},
		{"many texts", tiny(t, sheetStart+sheetEnd, "xl/sharedStrings.xml", "<sst>"+strings.Repeat("<si><t>x</t></si>", 100)+"</sst>"), "its texts are more than"},
		{"texts cut off", tiny(t, sheetStart+sheetEnd, "xl/sharedStrings.xml", "<sst><si><t>x</t></si>"), "it ends in the middle"},
		{"no such text", tiny(t, sheetStart+`<row><c t="s"><v>7</v></c></row>`+sheetEnd), `the cell's text "7" is not in it`},
		{"many cells", tiny(t, sheetStart+strings.Repeat(`<row><c/><c/><c/></row>`, 400)+sheetEnd), "more than 1000 cells"},
		{"many rows", tiny(t, sheetStart+strings.Repeat(serialRow, 501)+sheetEnd), "more than 500 rows"},
		{"a row past the last", tiny(t, sheetStart+`<row r="9999999"/>`+sheetEnd), "more than 1048576 rows"},
		{"rows that go back", tiny(t, sheetStart+`<row r="5"/><row r="5"/>`+sheetEnd), `row "5" comes after row 5`},
		{"a column past the last", tiny(t, sheetStart+`<row><c r="ZZZZZZ1" t="str"><v>x</v></c></row>`+sheetEnd), `"ZZZZZZ1" is no name of a cell`},
		{"headers past the columns", tiny(t, `<worksheet><sheetData><row><c t="str"><v>Serial Number</v></c><c r="XFD1" t="str"><v>x</v></c></row>`+sheetEnd), "more than 10 columns"},
		{"no workbook part", archive(t, "xl/workbook.xml", "<workbook/>"), "it has no part xl/_rels/workbook.xml.rels"},
		{"archive cut off", tiny(t, sheetStart)[:100], "the zip archive is damaged"},
		{"binary workbook", archive(t, "xl/workbook.bin", "x"), "binary Excel workbook"},
		{"OpenDocument", archive(t, "mimetype", "x", "content.xml", "x"), "OpenDocument"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := read("lines.xlsx", bytes.NewReader(tt.raw), Options{}, lim)
			if tt.want == "" {
				if err != nil || len(f.Lines) != 1 {
					t.Fatalf("got %v, %v", f.Lines, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "lines.xlsx") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if len(f.Lines) > 0 {
				t.Errorf("lines of a file that is refused: %v", f.Lines)
			}
		})
	}
}

// A cell larger than any text is not collected.
func TestHugeCell(t *testing.T) {
	_, err := Read("lines.xlsx", bytes.NewReader(tiny(t, sheetStart+`<row><c t="str"><v>`+strings.Repeat("x", 3<<20)+`</v></c></row>`+sheetEnd)), Options{})
	if err == nil || !strings.Contains(err.Error(), "a cell is larger than 1024 KiB") {
		t.Errorf("got %v", err)
	}
}

// The archives in which the Service Contract Center hands contracts out.
func TestArchives(t *testing.T) {
	const csv = "Serial Number,End Date\nFOC1234,2029-01-30\n"
	book := string(makeWorkbook(t, nil, sheet{name: "A", rows: [][]any{{"Serial Number", "End Date"}, {"FOC1234", "2029-01-30"}}}))
	lim := defaultLimits()
	lim.unpacked, lim.archive = 1<<20, 100<<10
	tests := []struct {
		name string
		raw  []byte
		want string // part of the error; "" for the line
	}{
		{"CSV", archive(t, "lines.csv", csv), ""},
		{"CSV in a folder, and what Macs add", archive(t, "a/", "", "a/lines.csv", csv, "__MACOSX/a/._lines.csv", "x", "a/.DS_Store", "x"), ""},
		{"workbook", archive(t, "lines.xlsx", book), ""},
		{"JSON", archive(t, "lines.json", `{"serial_numbers":[{"sr_no":"FOC1234","covered_product_line_end_date":"2029-01-30"}]}`), ""},
		{"archive inside", archive(t, "x.zip", string(archive(t, "lines.csv", csv))), "a zip archive inside the zip archive"},
		{"CSV with what explains it", archive(t, "lines.csv", csv, "README.txt", "Read me first.\n", "terms.pdf", "%PDF-1.7"), ""},
		{"two files with other columns", archive(t, "a.csv", csv, "b.csv", "Serial Number,Status\nFOC1,x\n"), "a.csv and b.csv in it have not the same columns; unpack it"},
		{"two files, one that can't be read", archive(t, "a.csv", csv, "b.csv", "x\n"), "cannot use 204100001.zip/b.csv: it has no column with serial numbers"},
		{"CSV with notes that are empty or have commas", archive(t, "lines.csv", csv, "a.txt", "", "b.TXT", "Status, as of today, and what it says of the serial number\n"), ""},
		{"a text without serial numbers that looks like a table", archive(t, "a.csv", csv, "b.txt", "Contract Number\tOur Number\tEnd Date\n1\tFOC1\t2029-01-30\n"), "cannot use 204100001.zip/b.txt: it has no column with serial numbers"},
		{"a text that is none", archive(t, "a.csv", csv, "b.txt", "%PDF-1.7"), "cannot use 204100001.zip/b.txt: it is a PDF"},
		{"notes alone", archive(t, "a.txt", "x\n", "b.txt", "y\n"), "none of the 2 files in the zip archive has a header row with serial numbers"},
		{"no file", archive(t), "there is no file in the zip archive"},
		{"empty file", archive(t, "a.csv", ""), "the file is empty"},
		{"PDF inside", archive(t, "a.pdf", "%PDF-1.7"), "it is a PDF"},
		{"unpacks to much", archive(t, "a.csv", csv+strings.Repeat("\n", 2<<20)), "unpacks to more than 1 MiB"},
		{"workbook inside larger than one may be", archive(t, "a.xlsx", "PK\x03\x04"+strings.Repeat("\x00", 200<<10)), "larger than"},
		{"cut off", archive(t, "a.csv", csv)[:60], "the zip archive is damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := read("204100001.zip", bytes.NewReader(tt.raw), Options{}, lim)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("got %v, want %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]Line{{Contract: "204100001", Serial: "FOC1234", End: "2029-01-30", Row: 2}}, f.Lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

// Several contracts that were downloaded together are one file to import: each
// row keeps the name of its own file, and a file without a column of contracts
// is of the one that its name begins with.
func TestArchiveOfSeveral(t *testing.T) {
	raw := archive(t,
		"out/204100001.csv", "Serial Number,Begin Date,End Date\nFOC1234,,2029-01-30\n\"FOC1, FOC2\",,2029-01-30\n",
		"out/204100002.csv", "serial number,BEGIN DATE,End Date\nFOC5678,,01/31/2029\nFOC9999,02/03/2029,02/04/2028\n", "out/notes.txt", "none")
	f, err := Read("download.zip", bytes.NewReader(raw), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []Line{
		{Contract: "204100001", Serial: "FOC1234", End: "2029-01-30", Row: 2},
		{Contract: "204100002", Serial: "FOC5678", End: "2029-01-31", Row: 2},
	}
	if diff := cmp.Diff(want, f.Lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	var refused []string
	for _, r := range f.Refused {
		refused = append(refused, r.Error())
	}
	if diff := cmp.Diff([]string{
		`download.zip/204100001.csv: row 3, column "Serial Number", value "FOC1, FOC2": it is not one serial number: one row has one, of letters and digits`,
		`download.zip/204100002.csv: row 3, column "End Date", value "2028-02-04": the line ends before it begins, on 2029-02-03`,
	}, refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	if one, err := Read("download.zip", bytes.NewReader(archive(t, "204100003.csv", "Serial Number\nFOC1234\n")), Options{}); err != nil || !slices.Equal(one.Contracts(), []string{"204100003"}) {
		t.Errorf("contracts %q, %v, want the one that the file inside is named by", one.Contracts(), err)
	}
}
