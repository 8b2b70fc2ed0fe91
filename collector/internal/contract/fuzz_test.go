package contract

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzWorkbook takes bytes for a workbook's parts, and for the whole of one.
func FuzzWorkbook(f *testing.F) {
	f.Add([]byte(sheetStart+serialRow+sheetEnd), []byte("<sst><si><t>x</t></si></sst>"))
	f.Add([]byte(sheetStart+`<row r="3"><c r="A3" t="s"><v>0</v></c><c s="1"><v>1.2E+10</v></c></row>`+sheetEnd), []byte("<sst><si><r><t>FOC1</t></r></si></sst>"))
	f.Add(tiny(f, sheetStart+sheetEnd), []byte(nil))
	lim := limits{bytes: 1 << 16, archive: 1 << 16, rows: 500, columns: 20, cell: 200, record: 2000, extra: 100, unpacked: 1 << 16, cells: 2000, strings: 5000, json: 1 << 16}
	f.Fuzz(func(t *testing.T, part, texts []byte) {
		for _, raw := range [][]byte{tiny(t, string(part), "xl/sharedStrings.xml", string(texts)), part} {
			file, err := read("fuzz.xlsx", bytes.NewReader(raw), Options{}, lim)
			if err != nil && len(file.Lines) > 0 {
				t.Errorf("lines of a file that is refused: %v", err)
			}
			for i, l := range file.Lines {
				if i > 0 && l.Row <= file.Lines[i-1].Row {
					t.Errorf("row %d comes after row %d", l.Row, file.Lines[i-1].Row)
				}
				if l.Serial != "" && !serialShape.MatchString(l.Serial) {
					t.Errorf("serial %q", l.Serial)
				}
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	// Small ones: the engine takes minutes to make a large one smaller.
	f.Add([]byte("sn,pid,contract number,end date\nFOC1234,C9300-48P,204100001,01/31/2029\nN/A,GLC,1,02/03/2029\n"))
	f.Add([]byte("x\n\nserial;qty;end date;note\n1.2E+10;1;2029-01-30;y\n=\"00123\";1,000;31-Jan-29;\"a\nb\"\n"))
	f.Add([]byte("\xFF\xFES\x00N\x00\n\x00\x00\xD8"))
	f.Add([]byte(`{"serial_numbers":[{"sr_no":"FOC1","is_covered":"NO","base_pid_list":[{"base_pid":"x"}]},{"sr_no":"FOC2","ErrorResponse":{}}]}`))
	f.Add([]byte("sn,end date\n\"a\n\"b\",\"\n\n\"\"\n"))
	lim := limits{bytes: 1 << 16, archive: 1 << 16, rows: 500, columns: 20, cell: 200, record: 2000, extra: 100, unpacked: 1 << 16, cells: 2000, strings: 5000, json: 1 << 16}
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := read("fuzz.csv", strings.NewReader(string(raw)), Options{}, lim)
		if err != nil {
			return
		}
		again, err := read("fuzz.csv", strings.NewReader(string(raw)), Options{}, lim)
		if err != nil || !cmp.Equal(file, again) {
			t.Fatalf("read twice, read differently: %v", err)
		}
		rows := map[int]bool{}
		for _, l := range file.Lines {
			if rows[l.Row] || l.Row < 2 {
				t.Errorf("row %d gave two lines", l.Row)
			}
			rows[l.Row] = true
			if l.Serial != "" && !serialShape.MatchString(l.Serial) {
				t.Errorf("serial %q", l.Serial)
			}
			for _, d := range []Date{l.Begin, l.End, l.ContractEnd, l.ShipDate, l.LastSupport, l.WarrantyEnd} {
				if _, err := ParseDate(string(d)); d != "" && err != nil {
					t.Errorf("date: %v", err)
				}
			}
		}
		for _, r := range file.Refused {
			if rows[r.Row] {
				t.Errorf("row %d was both taken and refused", r.Row)
			}
			rows[r.Row] = true
			if r.Reason == "" || strings.ContainsFunc(r.Error(), func(c rune) bool { return c < ' ' }) {
				t.Errorf("refusal %q", r.Error())
			}
		}
	})
}

func FuzzReadDate(f *testing.F) {
	for _, s := range []string{"2026-01-31", "01/31/2026", "31-Jan-26", "Jan 31, 2026 10:00 PM", "46053.5", "02/03/2026"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, order := range []DateOrder{OrderUnknown, MonthFirst, DayFirst} {
			d, err := readDate(s, order)
			if _, bad := ParseDate(string(d)); err == nil && d != "" && bad != nil {
				t.Errorf("readDate(%q, %q) = %q", s, order, d)
			}
			if err != nil && d != "" {
				t.Errorf("readDate(%q, %q) = %q and %v", s, order, d, err)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	var text strings.Builder
	text.WriteString("SERIAL NUMBER / PAK NUMBER,CONTRACT NUMBER,SERVICE LEVEL,BILL TO NAME,SITE NAME,PRODUCT NUMBER,DESCRIPTION,BEGIN DATE,END DATE\n")
	for range 10_000 {
		text.WriteString("FOC2211A0AA,204100001,SNT,RIVERSIDE FOOD BANK,RIVERSIDE FOOD BANK,C9300-48P-E,\"Catalyst 9300, 48-port\",01/31/2024,01/30/2029\n")
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read("contract.csv", strings.NewReader(text.String()), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
