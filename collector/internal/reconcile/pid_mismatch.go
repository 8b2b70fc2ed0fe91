package reconcile

import "fmt"

// findPIDMismatch finds units whose line has their serial and another product
// (FAQ 3.3). The coverage is that of the line all the same: one of the two is
// most likely written wrongly.
func findPIDMismatch(r *run) {
	for _, u := range r.units {
		if len(u.lines) == 0 || u.lines[0].exact {
			continue
		}
		l := u.lines[0]
		f := r.unitFinding(PIDMismatch, Warning, u)
		f.Contract = l.Contract
		f.Evidence = []string{fmt.Sprintf("The device says that %s is a %s; %s lists it as %s.", u.serial, u.pid, contractName(l.Contract), l.PID)}
		f.NextStep = NextStep{
			Title: "Have the product on the line corrected",
			Steps: []string{
				fmt.Sprintf("Compare with the label of the unit and with `show inventory` on %s.", nodeName(u.node)),
				"Correct the product of the line in Cisco's Service Contract Center (SCC); where SCC does not let you, ask your reseller or open a case with Cisco.",
				"Download the contract again and import it.",
			},
			Sheet: Sheet{},
		}
		r.findings = append(r.findings, f)
	}
}
