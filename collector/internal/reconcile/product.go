package reconcile

import (
	"strings"

	"rollcall/pkg/inventory"
)

// sameProduct says that two PIDs may be of one product: of one family, or one is
// the other with more at its end, as contracts list bundles and devices the
// base: ISR4331/K9 and ISR4331-SEC/K9, ASA5516 and ASA5516-FPWR-K9, FPR-1120
// and FPR1120-NGFW-K9. A PID that is not known is no objection.
func (r *run) sameProduct(a, b string) bool { return sameFamily(r.family(a), r.family(b)) }

func sameFamily(a, b string) bool {
	return a == "" || b == "" || a == b || begins(a, b) || begins(b, a)
}

// family is inventory.PIDFamily, worked out once per PID.
func (r *run) family(pid string) string {
	f, known := r.families[pid]
	if !known {
		f = inventory.PIDFamily(pid)
		r.families[pid] = f
	}
	return f
}

const pidMarks = "-/+."

// begins says that long is short and then a mark and more, whatever marks stand
// inside.
func begins(long, short string) bool {
	for short != "" {
		if strings.ContainsAny(short[:1], pidMarks) {
			short = short[1:]
			continue
		}
		long = strings.TrimLeft(long, pidMarks)
		if long == "" || long[0] != short[0] {
			return false
		}
		long, short = long[1:], short[1:]
	}
	return long == "" || strings.ContainsAny(long[:1], pidMarks)
}

// series is the part of a PID that names the series: C2960X of
// WS-C2960X-48FPD-L, C9300 of C9300-48P, AIR-AP2802I of AIR-AP2802I-B-K9. Cisco
// replaces a unit by one that is "new or equivalent to new", mostly of its
// series.
func series(pid string) string {
	s := strings.TrimPrefix(inventory.PIDFamily(pid), "WS-")
	cut := 1
	for _, prefix := range []string{"AIR-", "FPR-", "IE-", "SG-", "CBS-", "ISA-", "ME-", "AP-", "CP-", "N9K-", "N7K-", "N5K-", "N3K-", "N2K-", "DS-", "ASR-", "VG-", "IR-"} {
		if strings.HasPrefix(s, prefix) {
			cut = 2
		}
	}
	parts := strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune("-/", c) })
	return strings.Join(parts[:min(cut, len(parts))], "-")
}
