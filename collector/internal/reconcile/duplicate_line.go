package reconcile

import (
	"fmt"
	"slices"
)

// findDuplicateLine finds units with two active lines (FAQ 3.3). It costs money
// and hides the day on which coverage ends.
func findDuplicateLine(r *run) {
	for _, u := range r.units {
		// What an API answers may be of another day than the files are.
		lines := slices.DeleteFunc(slices.Clone(u.lines[:countActive(u.lines)]), func(m match) bool { return m.partial })
		if len(lines) < 2 {
			continue
		}
		f := r.unitFinding(DuplicateLine, Info, u)
		for _, l := range lines {
			f.Evidence = append(f.Evidence, fmt.Sprintf("%s lists it until %s%s.", upperFirst(contractName(l.Contract)), l.End, lineMarks(l.line)))
		}
		f.Evidence = capped(f.Evidence)
		f.NextStep = NextStep{
			Title: "Decide which line to end",
			Steps: []string{
				"Compare the service levels: hardware replacement and software support may be two lines on purpose.",
				fmt.Sprintf("If one is enough, keep the one that ends last (%s) and have the other ended in Cisco's Service Contract Center (SCC) or by your reseller.", u.lines[0].End),
			},
			Sheet: Sheet{},
		}
		r.findings = append(r.findings, f)
	}
}
