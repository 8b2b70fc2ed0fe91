package reconcile

import (
	"cmp"
	"fmt"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// findRMAMismatch finds lines that list the serial which an RMA took away, while
// its replacement is on none (FAQ 3.1, 3.3). The finding stays until an import
// shows the new serial present and the old one absent: whatever devices do, and
// however old the data grows.
func findRMAMismatch(r *run) {
	for _, x := range r.replacements {
		r.findings = append(r.findings, r.mismatch(x))
	}
}

func (r *run) mismatch(x *replacement) Finding {
	f := Finding{
		Key: "rma_mismatch/" + x.oldSerial + "/" + x.newSerial, Kind: RMAMismatch, Severity: Critical,
		Subject: describe(x.newPID, x.newSerial), Serial: x.newSerial, PID: x.newPID, Confidence: confidenceOf(x), NextStep: r.swap(x),
	}
	if x.newListed {
		f.Severity = Warning
	}
	if x.new != nil {
		n := r.node(x.new.Node)
		f.Site, f.Node = n.Site, nodeName(n)
		f.Subject += " in " + r.where(x.new)
	}
	f.Subject += ", which replaced " + x.oldSerial
	if x.line != nil {
		f.Contract = x.line.Contract
	}
	if x.record != nil {
		f.Evidence = append(f.Evidence, recordedEvidence(x.record))
	}
	f.Evidence = append(f.Evidence, r.seenEvidence(x)...)
	f.Evidence = append(f.Evidence, r.lineEvidence(x)...)
	f.Evidence = append(f.Evidence, confidence(x))
	if warning := r.returnWarning(cmp.Or(x.record, r.recordFor(x.oldSerial))); warning != "" {
		f.Evidence = append(f.Evidence, warning)
	}
	return f
}

func recordedEvidence(rma *contract.RMA) string {
	s := "A replacement of " + inventory.CleanSerial(rma.OldSerial) + " by " + inventory.CleanSerial(rma.NewSerial) + " is recorded"
	if rma.Source != "" {
		s += " by Cisco, as " + rma.Source + " has it"
	}
	if rma.RMANumber != "" {
		s += ", RMA " + rma.RMANumber
	}
	if rma.OpenedOn != "" {
		s += fmt.Sprintf(", opened on %s", rma.OpenedOn)
	}
	return s + "."
}

// seenEvidence tells what agents saw.
func (r *run) seenEvidence(x *replacement) []string {
	var e []string
	switch {
	case x.old == nil:
	case x.old.Present():
		e = append(e, fmt.Sprintf("%s was last seen in %s on %s, and no complete answer since shows that it is gone.", x.oldSerial, r.where(x.old), dayOf(x.old.Last)))
	default:
		e = append(e, fmt.Sprintf("%s was seen in %s %s. On %s the device answered in full without it.",
			describe(x.oldPID, x.oldSerial), r.where(x.old), span{since: x.old.First, until: x.old.Last}, dayOf(x.old.Gone)))
	}
	if x.next != nil {
		e = append(e, fmt.Sprintf("%s was first seen in the same place on %s.", describe(x.next.Component.PID, x.next.Component.Serial), dayOf(x.next.First)))
		if x.next.Component.Serial != x.newSerial {
			e = append(e, fmt.Sprintf("That one was replaced too: %s is there since %s.", x.newSerial, dayOf(x.new.First)))
		}
		e = append(e, fmt.Sprintf("%s has not been seen anywhere since.", x.oldSerial))
	}
	switch {
	case x.new == nil:
		e = append(e, x.newSerial+" has not been seen by any agent yet.")
	case x.unit == nil:
		e = append(e, fmt.Sprintf("%s was last seen on %s.", x.newSerial, dayOf(x.new.Last)))
	case x.next == nil:
		e = append(e, fmt.Sprintf("%s is in %s, seen first on %s.", x.newSerial, r.where(x.new), dayOf(x.unit.first)))
	}
	return e
}

// lineEvidence tells what the contract says.
func (r *run) lineEvidence(x *replacement) []string {
	if x.line == nil {
		return []string{fmt.Sprintf("The contract does not list %s any more, and does not list %s yet: the swap is half done.", x.oldSerial, x.newSerial)}
	}
	lists := fmt.Sprintf("%s lists %s", upperFirst(contractName(x.line.Contract)), x.oldSerial)
	if x.line.End != "" {
		lists += fmt.Sprintf(" until %s", x.line.End)
	}
	e := []string{lists + fmt.Sprintf(", and no imported contract lists %s.", x.newSerial)}
	if x.newListed {
		e = []string{lists + fmt.Sprintf(", though %s is on a contract by now: the swap is half done.", x.newSerial)}
	}
	for _, l := range r.onLine[x.oldSerial] {
		if l != x.line && l.state != lineEnded {
			e = append(e, fmt.Sprintf("%s lists %s too%s: it is to be swapped there as well.", upperFirst(contractName(l.Contract)), x.oldSerial, lineMarks(l)))
		}
	}
	if i, ok := r.imports[x.line.Contract]; x.line.partial {
		e = append(e, fmt.Sprintf("That is as of %s, from %s.", dayOf(x.line.answer.At), x.line.answer.Source))
	} else if ok {
		e = append(e, fmt.Sprintf("That is as of %s, when %s was imported.", dayOf(i.At), orFile(i.File)))
	}
	switch {
	case x.line.Terminated():
		e = append(e, fmt.Sprintf("The line has the status %s: a line for the new serial number is still to be added.", x.line.Status))
	case x.line.state == lineEnded:
		e = append(e, fmt.Sprintf("The line ended on %s: after the swap it still needs to be renewed.", x.line.End))
	}
	return e
}

// lineMarks tells a line from others of the same serial.
func lineMarks(l *line) string {
	var s string
	if l.ServiceLevel != "" {
		s += ", service level " + l.ServiceLevel
	}
	if l.Instance != "" {
		s += ", instance " + l.Instance
	}
	return s
}

func orFile(name string) string {
	if name == "" {
		return "its file"
	}
	return name
}

// confidenceOf says how sure a replacement is: certain by a record, else the
// less the more doubts there are.
func confidenceOf(x *replacement) Confidence {
	doubts := len(x.doubts)
	if x.newListed {
		doubts++
	}
	switch {
	case x.record != nil:
		return Certain
	case doubts == 0:
		return High
	case doubts == 1:
		return Medium
	}
	return Low
}

// confidence says in words how sure the finding is.
func confidence(x *replacement) string {
	level := confidenceOf(x)
	switch level {
	case Certain:
		return "Confidence: certain, for the replacement is recorded."
	case High:
		return "Confidence: high. The same model came in the same place, the old serial number is gone by a complete answer, and the new one was never seen before."
	}
	said := append([]string{"Confidence: " + string(level)}, x.doubts...)
	if x.newListed {
		said = append(said, "the new serial number has a line of its own, so it may have been bought and not sent by Cisco")
	}
	return strings.Join(said, "; ") + "."
}

// swap is the next step with the swap sheet for the Service Contract Center.
func (r *run) swap(x *replacement) NextStep {
	s := Sheet{
		"contract": "", "service_level": "", "line": "", "remove_serial": x.oldSerial, "remove_pid": x.oldPID, "add_serial": x.newSerial, "add_pid": x.newPID,
		"site": "", "rma_number": "", "case_number": "", "return_by": "",
	}
	if x.new != nil {
		s["site"] = r.node(x.new.Node).Site
	}
	if x.line != nil {
		s["contract"], s["service_level"], s["line"] = x.line.Contract, x.line.ServiceLevel, x.line.Instance
		if x.line.PID != "" { // in the words of the contract
			s["remove_pid"] = x.line.PID
		}
		if x.line.Site != "" {
			s["site"] = x.line.Site
		}
	}
	record := x.record
	if record == nil {
		record = r.recordFor(x.oldSerial)
	}
	if record != nil {
		s["rma_number"], s["case_number"], s["return_by"] = record.RMANumber, record.CaseNumber, string(record.ReturnBy)
		if s["contract"] == "" {
			s["contract"] = record.Contract
		}
	}
	step := NextStep{Title: fmt.Sprintf("In the Service Contract Center, remove %s and add %s", x.oldSerial, x.newSerial), Sheet: s}
	open := fmt.Sprintf("Log in to Cisco's Service Contract Center (SCC) and open %s.", contractName(s["contract"]))
	switch {
	case x.newListed:
		step.Title = fmt.Sprintf("In the Service Contract Center, end the line of %s", x.oldSerial)
		step.Steps = []string{open, fmt.Sprintf("End the line of %s. %s is on a contract already and needs nothing.", x.oldSerial, x.newSerial)}
	case x.line == nil:
		step.Title = fmt.Sprintf("In the Service Contract Center, add %s", x.newSerial)
		step.Steps = []string{open, fmt.Sprintf("Add %s as the replacement of %s. Without it Cisco gives no hardware support on the new unit.", x.newSerial, x.oldSerial)}
	default:
		step.Steps = []string{open, fmt.Sprintf("Replace the serial number %s by %s, as in the sheet below. Without it Cisco gives no hardware support on the new unit.", x.oldSerial, x.newSerial)}
	}
	if x.record == nil {
		step.Steps = append([]string{fmt.Sprintf("Make sure that Cisco sent %s to replace %s: look for the RMA in your mail, or at the label of the unit. "+
			"If it was bought or moved there instead, this is no RMA, and it needs a line of its own.", x.newSerial, x.oldSerial)}, step.Steps...)
	}
	if s["return_by"] != "" {
		step.Steps = append(step.Steps, fmt.Sprintf("Send the old unit back to Cisco by %s, if you have not.", s["return_by"]))
	} else {
		step.Steps = append(step.Steps, "Send the old unit back to Cisco by the date in the RMA, if you have not.")
	}
	step.Steps = append(step.Steps, "Download the contract again in a day or two and import it: this is settled when it lists the new serial number and no longer the old one.")
	return step
}
