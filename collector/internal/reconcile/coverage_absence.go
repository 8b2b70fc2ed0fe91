package reconcile

import (
	"regexp"
	"strings"

	"rollcall/pkg/inventory"
)

// byAbsence judges a unit that is on no line and has no excuse. Not known is not
// the same as not covered: without contract data, with data that is too old or
// has rows that could not be read, or at a node that did not answer in full, the
// unit is unverified (design, "never turns anything into uncovered"). A fresh answer
// of Cisco's that no contract has the serial needs no file.
func byAbsence(r *run, u *unit) (verdict, bool) {
	unread := !r.verified(u.at.Node)
	denied := r.denied[u.serial] != nil
	switch {
	case unread && suspect(u.serial) != "":
		return verdict{Coverage: Unverified, Reason: PollIncomplete}, true
	case suspect(u.serial) != "":
		return verdict{Coverage: UnknownSerial}, true
	case len(r.Imports) == 0 && !denied, r.mayBeRefused(u.serial):
		return verdict{Coverage: Unverified, Reason: NoContractData}, true
	case len(r.stale) > 0 && !denied:
		return verdict{Coverage: Unverified, Reason: ContractDataStale}, true
	case unread:
		return verdict{Coverage: Unverified, Reason: PollIncomplete}, true
	}
	return verdict{Coverage: Uncovered}, true
}

// numeric are serials that a spreadsheet may take for a number.
var numeric = regexp.MustCompile(`^\d+(?:E\d+)?$`)

// mayBeRefused says that a row which could not be used may be this serial's.
func (r *run) mayBeRefused(serial string) bool {
	return r.refused[serial] || r.refused[""] && numeric.MatchString(serial)
}

// indexRefused notes the serials of rows that could not be used, and "" when one
// of them has lost its digits. A row without a serial of its own may have it
// among other words, as one with two serials in a cell.
func (r *run) indexRefused() {
	r.refused = map[string]bool{}
	for _, x := range r.Refused {
		if x.Serial != "" || x.LostDigits() {
			r.refused[x.Serial] = true
			continue
		}
		for _, word := range strings.FieldsFunc(x.Value, func(c rune) bool { return strings.ContainsRune(" ,;|", c) }) {
			if serial := inventory.CleanSerial(word); serial != "" {
				r.refused[serial] = true
			}
		}
	}
}

// serialText is what serials are written in.
var serialText = regexp.MustCompile(`^[A-Z0-9][A-Z0-9._/+-]*$`)

// suspect says what is odd about the serial of a unit, "" for nothing. Lengths
// from 6 to 15 all occur, and no pattern holds for all, so little is odd.
func suspect(serial string) string {
	switch {
	case serial == "":
		return "the device gives a placeholder and no serial number"
	case inventory.IsIMEI(serial):
		return "it is the identity (IMEI) of a modem and no serial number"
	case len(serial) < 4:
		return "it is too short for a serial number"
	case len(serial) > 40:
		return "it is too long for a serial number"
	case !serialText.MatchString(serial):
		return "it has characters that serial numbers do not have"
	}
	return ""
}
