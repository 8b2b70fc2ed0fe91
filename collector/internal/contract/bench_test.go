package contract

import (
	"bytes"
	"fmt"
	"runtime"
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
