package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func sample() wire.Batch {
	d := inventory.Device{
		Address: "192.0.2.1", Name: "sw1", Platform: inventory.PlatformIOS, Model: "WS-C2960X-48FPD-L", Serial: "FCW1929B68S",
		Software: "15.2(2)E3", Complete: true, Via: []string{"snmp"},
		Components: []inventory.Component{{Serial: "FCW1929B68S", PID: "WS-C2960X-48FPD-L", VID: "V02", Class: inventory.ClassChassis, Name: "1", Unit: true, Aliases: []string{}}},
		Errors:     []inventory.Problem{},
	}
	return wire.Batch{
		Schema: wire.BatchSchema, Agent: "agent-1", Version: "0.1.0", SentAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Interval: 3600,
		Reports: []wire.Report{{
			ReportID: "0198c0de-0000-7000-8000-000000000001", Epoch: 1, Seq: 1, PolledAt: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC),
			Answered: true, Fingerprint: d.Fingerprint(), Device: d,
		}},
	}
}

// The JSON of version 1 is a promise to agents that are not updated with the
// collector.
func TestGoldenBatch(t *testing.T) {
	raw, err := json.MarshalIndent(sample(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	raw = append(raw, '\n')
	path := filepath.Join("testdata", "batch-1.json")
	if *update {
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(raw)); diff != "" {
		t.Errorf("batch of version 1 changed (-want +got):\n%s", diff)
	}
}

// The same of what an agent tells of its spool, which older ones do not, and of
// the receipt.
func TestGoldenSpoolAndReceipt(t *testing.T) {
	oldest := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		v    any
		want string
	}{
		{
			"spool",
			wire.Spool{Epoch: 1, Acked: 2, Waiting: 3, Oldest: &oldest, Quarantined: 4, Reason: "no good", Corrupt: 5},
			`{"epoch":1,"acked_seq":2,"waiting":3,"oldest":"2026-01-02T03:00:00Z","quarantined":4,"quarantine_reason":"no good","corrupt":5}`,
		},
		{
			"receipt",
			wire.Receipt{Schema: wire.ReceiptSchema, Results: []wire.Result{{ReportID: "a", Status: wire.Stored}}},
			`{"schema":"rollcall.receipt/1","results":[{"report_id":"a","status":"stored"}]}`,
		},
		{
			"receipt that asks",
			wire.Receipt{Schema: wire.ReceiptSchema, Results: []wire.Result{}, SendAgain: &wire.SendAgain{Epoch: 1, After: 2}, Interval: 60},
			`{"schema":"rollcall.receipt/1","results":[],"send_again":{"epoch":1,"after_seq":2},"interval_seconds":60}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw, err := json.Marshal(tt.v)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(raw)); diff != "" {
				t.Errorf("JSON (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBatchRoundTrip(t *testing.T) {
	want := sample()
	raw, err := wire.EncodeBatch(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := wire.DecodeBatch(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
}

func compress(t *testing.T, raw []byte) []byte {
	t.Helper()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = enc.Close() }()
	return enc.EncodeAll(raw, nil)
}

func TestDecodeBatchRefuses(t *testing.T) {
	tests := []struct {
		name string
		body []byte
		want error
	}{
		{"bomb", compress(t, bytes.Repeat([]byte(" "), wire.MaxDecoded+1)), wire.ErrTooLarge},
		{"long line", bytes.Repeat([]byte("x"), wire.MaxCompressed+1), wire.ErrTooLarge},
		{"other major", compress(t, []byte(`{"schema":"rollcall.batch/2"}`)), wire.ErrSchema},
		{"no schema", compress(t, []byte(`{}`)), wire.ErrSchema},
		{"too many reports", compress(t, []byte(`{"schema":"rollcall.batch/1","reports":[`+strings.Repeat("{},", wire.MaxReports)+`{}]}`)), wire.ErrTooLarge},
		{"not compressed", []byte(`{"schema":"rollcall.batch/1"}`), nil},
		{"not JSON", compress(t, []byte("<html>")), nil},
		{"empty", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := wire.DecodeBatch(bytes.NewReader(tt.body))
			if err == nil {
				t.Fatal("decoded, want an error")
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestReportValidate(t *testing.T) {
	tests := []struct {
		name string
		edit func(*wire.Report)
		want string // part of the error; "" for a valid report
	}{
		{"valid", func(*wire.Report) {}, ""},
		{"no id", func(r *wire.Report) { r.ReportID = "" }, "report_id"},
		{"no address", func(r *wire.Report) { r.Device.Address = "" }, "device.address"},
		{"no time", func(r *wire.Report) { r.PolledAt = time.Time{} }, "polled_at"},
		{"seq 0", func(r *wire.Report) { r.Seq = 0 }, "epoch and seq"},
		{"component without serial", func(r *wire.Report) { r.Device.Components[0].Serial = "" }, "has no serial"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := sample().Reports[0]
			tt.edit(&r)
			err := r.Validate()
			if tt.want == "" {
				if err != nil {
					t.Errorf("error %v, want none", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %q", err, tt.want)
			}
		})
	}
}

// One decoder for all: neither a failure nor a larger batch before shows in the
// next.
func TestDecoderAgain(t *testing.T) {
	var d wire.Decoder
	defer d.Close()
	want := sample()
	raw, err := wire.EncodeBatch(want)
	if err != nil {
		t.Fatal(err)
	}
	large := compress(t, append(bytes.Repeat([]byte(" "), 1<<20), `{"schema":"rollcall.batch/1","agent":"other"}`...))
	bodies := [][]byte{raw, large, compress(t, bytes.Repeat([]byte(" "), wire.MaxDecoded+1)), raw[:len(raw)/2], []byte("noise"), nil}
	for i, body := range bodies {
		if _, err := d.Decode(bytes.NewReader(body)); (err == nil) != (i < 2) {
			t.Errorf("body %d: error %v", i, err)
		}
		got, err := d.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("after body %d: %v", i, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after body %d (-want +got):\n%s", i, diff)
		}
	}
}

func FuzzDecodeBatch(f *testing.F) {
	raw, err := wire.EncodeBatch(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(nil))
	f.Fuzz(func(_ *testing.T, body []byte) {
		b, err := wire.DecodeBatch(bytes.NewReader(body))
		if err != nil {
			return
		}
		for _, r := range b.Reports {
			_ = r.Validate()
		}
	})
}
