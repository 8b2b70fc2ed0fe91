package reconcile

import (
	"fmt"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// returnNearDays is how long before the date to return a unit by it is said
// aloud, in days: a box has to be found, and a carrier called.
const returnNearDays = 14

// returnWarning says that the date by which Cisco wants the old unit back is
// near or past, or "". Cisco bills what does not come back.
func (r *run) returnWarning(rma *contract.RMA) string {
	if rma == nil || rma.ReturnBy == "" {
		return ""
	}
	old := inventory.CleanSerial(rma.OldSerial)
	if d, _ := r.declaration(old, rma.OldPID); d.Kind == DeclaredReturned {
		return ""
	}
	switch left := r.today.DaysUntil(rma.ReturnBy); {
	case left < 0:
		return fmt.Sprintf("Warning: %s was to be back at Cisco by %s, %s ago. Send it now, or declare it as returned.", old, rma.ReturnBy, count(-left, "day"))
	case left <= returnNearDays:
		return fmt.Sprintf("Warning: %s is to be back at Cisco by %s, %s.", old, rma.ReturnBy, inDays(left))
	}
	return ""
}

// findEqualSerials finds records of a replacement that have the same serial for
// what went and for what came, which Cisco's own records sometimes do: nothing
// can be swapped by them, and the new unit may be on no contract.
func findEqualSerials(r *run) {
	better := map[string]bool{} // serials with another record, that says what came
	for _, rma := range r.RMAs {
		o, n := inventory.CleanSerial(rma.OldSerial), inventory.CleanSerial(rma.NewSerial)
		better[o] = better[o] || n != "" && n != o
	}
	for i := range r.RMAs {
		rma := &r.RMAs[i]
		serial := inventory.CleanSerial(rma.OldSerial)
		if serial == "" || serial != inventory.CleanSerial(rma.NewSerial) || better[serial] {
			continue
		}
		f := Finding{
			Key: "rma_mismatch/" + serial + "/" + serial, Kind: RMAMismatch, Severity: Warning, Serial: serial, PID: rma.OldPID, Contract: rma.Contract,
			Subject:  describe(rma.OldPID, serial) + ", recorded as its own replacement",
			Evidence: []string{recordedEvidence(rma), "The two serial numbers are equal, so the record says nothing of what came."},
			NextStep: NextStep{
				Title: "Enter the serial number that came",
				Steps: []string{
					"Read the serial number at the label of the unit that Cisco sent, or by `show inventory`, and correct the ledger of replacements.",
					"If Cisco repaired the unit and sent the same one back, nothing is to be swapped: take the row out of the ledger.",
				},
				Sheet: Sheet{
					"contract": rma.Contract, "service_level": "", "line": "", "remove_serial": serial, "remove_pid": rma.OldPID, "add_serial": "", "add_pid": rma.NewPID,
					"site": "", "rma_number": rma.RMANumber, "case_number": rma.CaseNumber, "return_by": string(rma.ReturnBy),
				},
			},
		}
		if at := r.latest(serial); at != nil {
			n := r.node(at.Node)
			f.Site, f.Node = n.Site, nodeName(n)
		}
		if warning := r.returnWarning(rma); warning != "" {
			f.Evidence = append(f.Evidence, warning)
		}
		r.findings = append(r.findings, f)
	}
}
