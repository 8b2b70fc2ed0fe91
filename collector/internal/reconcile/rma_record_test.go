package reconcile

import (
	"slices"
	"strings"
	"testing"

	"rollcall/collector/internal/contract"
)

// The date by which the old unit is to be back.
func TestReturnBy(t *testing.T) {
	const noDate = 1000
	for _, c := range []struct {
		name     string
		days     int
		declared DeclarationKind
		want     string
	}{
		{"no date", noDate, "", ""},
		{"far", 15, "", ""},
		{"near", 14, "", "Warning: FOC1111A0AA is to be back at Cisco by 2026-06-29, in 14 days."},
		{"today", 0, "", "Warning: FOC1111A0AA is to be back at Cisco by 2026-06-15, which is today."},
		{"past", -1, "", "Warning: FOC1111A0AA was to be back at Cisco by 2026-06-14, 1 day ago. Send it now, or declare it as returned."},
		{"past, and returned", -1, DeclaredReturned, ""},
		{"past, and declared as something else", -1, DeclaredRetired, "Warning: FOC1111A0AA was to be back at Cisco by 2026-06-14, 1 day ago. Send it now, or declare it as returned."},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			w.poll(0, "Main/sw1", "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.RMAs = []contract.RMA{{RMANumber: "80001", OldSerial: "FOC1111A0AA", NewSerial: "FOC2222A0BB", ReturnBy: date(c.days)}}
			if c.days == noDate {
				w.RMAs[0].ReturnBy = ""
			}
			if c.declared != "" {
				w.declare("FOC1111A0AA", c.declared)
			}
			f := findingOf(t, Reconcile(w.Facts), "rma_mismatch/FOC1111A0AA/FOC2222A0BB")
			got := strings.Join(slices.DeleteFunc(f.Evidence, func(s string) bool { return !strings.HasPrefix(s, "Warning") }), "\n")
			if got != c.want {
				t.Errorf("it says %q, want %q", got, c.want)
			}
		})
	}
}

// A record that has one serial for both.
func TestEqualSerials(t *testing.T) {
	w := newWorld()
	w.poll(0, "Main/sw1", "C9300-48P FOC1111A0AA")
	w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
	w.RMAs = []contract.RMA{{RMANumber: "80001", Contract: "1", OldSerial: "FOC1111A0AA", NewSerial: "foc1111a0aa", NewPID: "C9300-48P", ReturnBy: date(3)}}
	r := Reconcile(w.Facts)
	f := findingOf(t, r, "rma_mismatch/FOC1111A0AA/FOC1111A0AA")
	if m := f.NextStep.Sheet.Missing(); !slices.Equal(m, []string{"Add serial number"}) {
		t.Errorf("the swap sheet misses %q", m)
	}
	if f.Severity != Warning || f.Site != "Main" || len(f.Evidence) != 3 || r.Units[0].Coverage != Covered {
		t.Errorf("finding %+v of a unit that is %s", f, r.Units[0].Coverage)
	}
	w.RMAs = append(w.RMAs, contract.RMA{RMANumber: "80001", Contract: "1", OldSerial: "FOC1111A0AA"}, contract.RMA{RMANumber: "80002", Contract: "1"})
	if r := Reconcile(w.Facts); !slices.Equal(keys(r), []string{f.Key}) {
		t.Errorf("beside a record that does not say what came, and one without serials: %v", keys(r))
	}
	w.RMAs = append(w.RMAs, contract.RMA{RMANumber: "80001", Contract: "1", OldSerial: "FOC1111A0AA", NewSerial: "FOC2222A0BB"})
	if r := Reconcile(w.Facts); slices.Contains(keys(r), f.Key) {
		t.Errorf("with the record corrected: %v", keys(r))
	}
}
