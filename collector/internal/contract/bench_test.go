package contract

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// largeWorkbook has n lines, as the Service Contract Center would give them.
func largeWorkbook(tb testing.TB, n int) []byte {
	tb.Helper()
	f := excelize.NewFile()
	w, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		tb.Fatal(err)
	}
	row := func(i int, cells ...any) {
		if err := w.SetRow(fmt.Sprintf("A%d", i), cells); err != nil {
			tb.Fatal(err)
		}
	}
	row(1, "SERIAL NUMBER / PAK NUMBER", "CONTRACT NUMBER", "SERVICE LEVEL", "BILL TO NAME", "SITE NAME", "PRODUCT NUMBER", "DESCRIPTION", "BEGIN DATE", "END DATE", "INSTANCE NUMBER")
	for i := range n {
		row(i+2, fmt.Sprintf("FOC%08X", i), 204100001, "SNT", "RIVERSIDE FOOD BANK", "RIVERSIDE FOOD BANK", "C9300-48P-E", "Catalyst 9300, 48-port", 45322, 47148, 900000000+i)
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := f.WriteTo(&b); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// BenchmarkWorkbook reads 200,000 rows; heap-MB is the heap when all of
// it is read, with what is not collected yet.
func BenchmarkWorkbook(b *testing.B) {
	const rows = 200_000
	raw := largeWorkbook(b, rows)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	var heap uint64
	for b.Loop() {
		f, err := Read("contract.xlsx", bytes.NewReader(raw), Options{})
		if err != nil || len(f.Lines) != rows {
			b.Fatal(len(f.Lines), err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heap = max(heap, m.HeapAlloc)
		runtime.KeepAlive(f)
	}
	b.ReportMetric(float64(heap)/1e6, "heap-MB")
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// A largeText is a contract file of n rows, made while it is read. Each row has
// note, and columns of which one file has few.
type largeText struct {
	n, row int
	note   string
	left   []byte
	read   int64
}

func (l *largeText) Read(p []byte) (int, error) {
	for len(l.left) == 0 {
		switch {
		case l.row > l.n:
			return 0, io.EOF
		case l.row == 0:
			l.left = []byte("SERIAL NUMBER / PAK NUMBER,CONTRACT NUMBER,SERVICE LEVEL,BILL TO NAME,SITE NAME,PRODUCT NUMBER,DESCRIPTION,BEGIN DATE,END DATE,INSTANCE NUMBER,NOTES\n")
		default:
			l.left = fmt.Appendf(nil, "FOC%08X,%d,SNT,RIVERSIDE FOOD BANK,RIVERSIDE FOOD BANK SITE %d,C9300-48P-E,\"Catalyst 9300, 48-port\",01/31/2024,01/30/2029,%d,%s\n",
				l.row, 204100001+l.row/5000, l.row%300, 900000000+l.row, l.note)
		}
		l.row++
	}
	n := copy(p, l.left)
	l.left = l.left[n:]
	l.read += int64(n)
	return n, nil
}

// heap is what is in use, after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What a file holds in memory is its lines, not its text: a row is read, and what
// it has in common with others is kept once.
func TestMemory(t *testing.T) {
	const rows = 10_000
	text := &largeText{n: rows, note: strings.Repeat("the same words again ", 30)}
	before, most := heap(), int64(0)
	f, err := Read("contract.csv", text, Options{Progress: func(Progress) { most = max(most, heap()-before) }})
	if err != nil || len(f.Lines) != rows {
		t.Fatal(len(f.Lines), err)
	}
	// A slice that grows has a quarter to spare.
	if limit := int64(rows * 600); most > limit || most == 0 {
		t.Errorf("%d rows of %d bytes hold %d bytes, want no more than %d", rows, text.read, most, limit)
	}
	if limit := text.read; most > limit {
		t.Errorf("a file of %d bytes holds %d bytes, want no more than %d", text.read, most, limit)
	}
	runtime.KeepAlive(f)
}

// BenchmarkMillion reads a million rows; live-MB is what its lines hold.
func BenchmarkMillion(b *testing.B) {
	const rows = 1_000_000
	b.ReportAllocs()
	var live int64
	for b.Loop() {
		before := heap()
		f, err := Read("contract.csv", &largeText{n: rows}, Options{})
		if err != nil || len(f.Lines) != rows {
			b.Fatal(len(f.Lines), err)
		}
		live = heap() - before
		runtime.KeepAlive(f)
	}
	b.ReportMetric(float64(live)/1e6, "live-MB")
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
