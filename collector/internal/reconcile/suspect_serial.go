package reconcile

import (
	"cmp"

	"rollcall/pkg/inventory"
)

// findSuspectSerial finds units whose serial can't be one (FAQ 1.6): they can be
// on no contract until somebody reads the label.
func findSuspectSerial(r *run) {
	for _, u := range r.units {
		why := suspect(u.serial)
		if why == "" {
			continue
		}
		f := r.unitFinding(SuspectSerial, Warning, u)
		read := inventory.CleanText(u.at.Component.Serial)
		f.Evidence = []string{"The device gives " + cmp.Or(read, "nothing") + " as the serial number of a unit: " + why + "."}
		f.NextStep = NextStep{
			Title: "Read the serial number from the label",
			Steps: []string{
				"Where the label is depends on the model: Cisco's Product Identification Tool shows it. It needs a Cisco.com account (CCO ID).",
				"Compare with `show version` and `show inventory` on " + nodeName(u.node) + ".",
				"If the device itself has a wrong serial number, open a case with Cisco.",
			},
			Sheet: Sheet{},
		}
		r.findings = append(r.findings, f)
	}
}
