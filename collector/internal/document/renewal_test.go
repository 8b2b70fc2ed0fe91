package document

import (
	"testing"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
)

func TestRenewFirst(t *testing.T) {
	line := func(serial string, end contract.Date) contract.Line {
		return contract.Line{Contract: "204100001", Serial: serial, PID: "C9300-48P", End: end, Quantity: 1}
	}
	tests := []struct {
		name  string
		lines []contract.Line
		want  string
	}{
		{"nothing ends", []contract.Line{line("FOC1111A0AA", "2029-01-31")}, ""},
		{"today", []contract.Line{line("FOC1111A0AA", "2026-06-15")}, "Renew first: C9300-48P FOC1111A0AA in sw1, contract 204100001, ends on 2026-06-15, today."},
		{
			"two on one day",
			[]contract.Line{line("FOC1111A0AA", "2026-07-31"), line("FOC2222A0AA", "2026-07-31"), line("FOC3333A0AA", "2026-08-31")},
			"Renew first: C9300-48P FOC1111A0AA in sw1, contract 204100001, ends on 2026-07-31, in 46 days, and 1 more on the same day.",
		},
		{
			"ended and tomorrow",
			[]contract.Line{line("FOC1111A0AA", "2026-06-16"), line("FOC2222A0AA", "2026-04-30")},
			"Renew first what has no cover any more: C9300-48P FOC2222A0AA in sw1, contract 204100001, ended on 2026-04-30. " +
				"Then: C9300-48P FOC1111A0AA in sw1, contract 204100001, ends on 2026-06-16, tomorrow.",
		},
		{"not worth it", []contract.Line{{Contract: "204100001", Serial: "FOC1111A0AA", PID: "C9300-48P", End: "2026-07-31", LastSupport: "2025-01-01", Quantity: 1}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := Input{Facts: reconcile.Facts{Now: time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC), Lines: tt.lines}}
			for _, l := range tt.lines {
				coverage := reconcile.Expiring
				if l.End < "2026-06-15" {
					coverage = reconcile.Expired
				}
				in.Units = append(in.Units, reconcile.Unit{Serial: l.Serial, PID: l.PID, Node: "sw1", Coverage: coverage, Contract: l.Contract, LineEnd: l.End})
			}
			if got := in.RenewFirst(); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}
