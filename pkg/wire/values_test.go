package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

// What is small on the line and within MaxDecoded may still become far more in
// memory; it is refused before it does.
func TestDecodeBatchBoundsMemory(t *testing.T) {
	fill := func(before, one, after string) string {
		return before + strings.Repeat(one+",", (wire.MaxDecoded-len(before)-len(after)-len(one))/(len(one)+1)) + one + after
	}
	var keys strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&keys, `"%x":1,`, i)
	}
	bombs := map[string]string{
		"reports":                    fill(`{"schema":"rollcall.batch/1","reports":[`, `{}`, `]}`),
		"components":                 fill(`{"schema":"rollcall.batch/1","reports":[{"device":{"components":[`, `{}`, `]}}]}`),
		"problems":                   fill(`{"schema":"rollcall.batch/1","reports":[{"device":{"errors":[`, `{}`, `]}}]}`),
		"aliases":                    fill(`{"schema":"rollcall.batch/1","reports":[{"device":{"components":[{"aliases":[`, `""`, `]}]}}]}`),
		"nested":                     fill(`{"schema":"rollcall.batch/1","x":[`, `[]`, `]}`),
		"10^6 keys":                  `{"schema":"rollcall.batch/1","dropped":{` + keys.String() + `"z":1}}`,
		"10^6 other keys":            `{"schema":"rollcall.batch/1",` + keys.String() + `"z":1}`,
		"deep":                       strings.Repeat("[", 1_000_000),
		"components of many reports": `{"schema":"rollcall.batch/1","reports":[` + strings.Repeat(`{"device":{"components":[`+strings.Repeat(`{},`, 15_000)+`{}]}},`, 20) + `{}]}`,
		"one key, often":             fill(`{"schema":"rollcall.batch/1",`, `"agent":"x"`, `}`),
	}
	var d wire.Decoder
	defer d.Close()
	if _, err := d.Decode(bytes.NewReader(compress(t, bytes.Repeat([]byte(" "), wire.MaxDecoded)))); err == nil {
		t.Fatal("nothing was decoded") // its buffers are made now
	}
	for name, text := range bombs {
		t.Run(name, func(t *testing.T) {
			body := compress(t, []byte(text))
			if len(body) > wire.MaxCompressed {
				t.Skipf("%d bytes compressed: refused on the line already", len(body))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := d.Decode(bytes.NewReader(body))
			runtime.ReadMemStats(&after)
			t.Logf("%d bytes on the line: %d MiB allocated, %v", len(body), (after.TotalAlloc-before.TotalAlloc)>>20, err)
			if took := after.TotalAlloc - before.TotalAlloc; took > 80<<20 || err != nil && took > 4<<20 {
				t.Errorf("%d MiB were allocated for %d MiB of text, error %v", took>>20, len(text)>>20, err)
			}
			if err != nil && !errors.Is(err, wire.ErrTooLarge) {
				t.Errorf("error %v, want one of size", err)
			}
		})
	}
}

// The largest batches that agents may send are not taken for bombs.
func TestDecodeBatchTakesTheLargest(t *testing.T) {
	small := inventory.Component{Serial: "A", Class: "c", Name: "1"}
	sizes := map[string]struct{ reports, components int }{"many reports": {wire.MaxReports, 200}, "one large device": {1, wire.MaxComponents}}
	for name, size := range sizes {
		t.Run(name, func(t *testing.T) {
			var d inventory.Device
			for range size.components {
				d.Components = append(d.Components, small)
			}
			b := wire.Batch{SentAt: time.Now()}
			for i := range size.reports {
				b.Reports = append(b.Reports, wire.Report{ReportID: fmt.Sprint(i), Device: d})
			}
			body, err := wire.EncodeBatch(b)
			if err != nil {
				t.Fatal(err)
			}
			got, err := wire.DecodeBatch(bytes.NewReader(body))
			if err != nil || len(got.Reports) != size.reports {
				t.Errorf("%d reports, %v", len(got.Reports), err)
			}
		})
	}
}
