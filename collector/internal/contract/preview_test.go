package contract

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a person reads before an import.
func TestPreview(t *testing.T) {
	raw := makeWorkbook(t, nil, sheet{name: "Lines", rows: [][]any{
		{"Serial Number", "Contract Number", "Product ID", "End Date", "Quantity", "Our own"},
		{"FOC2211A0AA", 204100001, "C9300-48P", 47148, 1, "x"},
		{"FOC2211A0BB", 204100001, "C9300-48P", 47148},
		{"FOC2211A0CC", 204100001, "C9300-48P", 47148},
		{nil, 204100001, "GLC-SX-MMD", 47148, 12},
		{nil, 204100001, "GLC-SX-MMD", 47148, 4},
		{"4ABC1234567", 204100001, "L-C9300-DNA-E", 47148},
		{123456, 204100001, "C9300-48P", 47148},
		{"FOC2211A0DD", 204100001, "C9300-48P", "someday"},
		{"FOC2211A0EE", nil, "C9300-48P"},
	}})
	f, err := Read("lines.xlsx", bytes.NewReader(raw), Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := []Line{
		{Contract: "204100001", Serial: "FOC2211A0AA", PID: "C9300-48P", End: "2028-01-30", Quantity: 1, Extra: map[string]string{"Our own": "x"}, Row: 9},
		{Contract: "204100001", Serial: "FOC2211A0BB", PID: "C9300-48P", End: "2029-01-30", Row: 9},
		{Contract: "204100001", Serial: "FOC1947A0ZZ", PID: "WS-C2960X-24TS-L", ServiceLevel: "SNT", End: "2029-01-30"},
		{Contract: "204100001", PID: "GLC-SX-MMD", End: "2029-01-30", Quantity: 12},
		{Contract: "204100002", Serial: "FOC1947A0YY", End: "2029-01-30"},
	}
	got := f.Preview(before)
	if *update {
		if err := os.WriteFile("testdata/preview.golden.txt", []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/preview.golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("preview (-want +got):\n%s", diff)
	}
	if c := f.Compare(f.Lines); len(c.Added)+len(c.Removed)+len(c.Changed) > 0 {
		t.Errorf("a file against itself: %+v", c)
	}
}
