package reconcile

import (
	"cmp"
	"slices"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// indexLookups takes the answers of Cisco's Support API as evidence beside the
// contract files. An answer is of one serial at a time: what it does not name is
// not absent. So it adds a line for its serial, or confirms the one that a file
// has, and takes none away:
//
//   - an import of the same contract that is newer than the answer goes before
//     it, for a file has the whole contract;
//   - an answer that is too old is no evidence. A unit that only it called
//     covered is unverified, and not uncovered;
//   - that Cisco knows a serial and no contract of it counts for a unit that no
//     line has (byAbsence), and never against a line.
func (r *run) indexLookups() {
	r.denied = map[string]*contract.Lookup{}
	newest := map[string]*contract.Lookup{}
	for i := range r.Lookups {
		l := &r.Lookups[i]
		serial := inventory.CleanSerial(l.Serial)
		if known := newest[serial]; serial != "" && (known == nil || cmp.Or(l.At.Compare(known.At), strings.Compare(l.Source, known.Source)) > 0) {
			newest[serial] = l
		}
	}
	for serial, answer := range newest {
		fresh := dayOf(answer.At).DaysUntil(r.today) <= r.Settings.StaleDays
		listed := slices.Clone(r.onLine[serial]) // by files
		if answer.Denied() && fresh {
			r.denied[serial] = answer
		}
		for i := range answer.Lines {
			l := &answer.Lines[i]
			x := &line{Line: l, serial: serial, fresh: fresh, state: timeOf(l, r.today), answer: answer, partial: true}
			if !r.superseded(x) && !r.confirms(x, listed) {
				r.onLine[serial] = append(r.onLine[serial], x)
			}
		}
		slices.SortStableFunc(r.onLine[serial][len(listed):], func(a, b *line) int { return compareLines(*a.Line, *b.Line) })
	}
}

// superseded says that what a contract's own file, or a person, said later goes
// before an answer.
func (r *run) superseded(x *line) bool {
	if i := r.imports[x.Contract]; x.Contract != "" && i.At.After(x.answer.At) {
		return true
	}
	gone, ok := r.retired.Contracts[x.Contract]
	return ok && !x.answer.At.After(gone.At)
}

// confirms gives a line of a file what a newer answer says of it, and says that
// the answer needs no line of its own.
func (r *run) confirms(x *line, listed []*line) bool {
	active := slices.ContainsFunc(listed, func(l *line) bool { return l.state == lineActive })
	switch {
	case len(listed) > 0 && x.state != lineActive, active && !x.fresh:
		return true // it adds nothing to what a file says
	case !x.fresh:
		return false
	}
	var same []*line
	for _, l := range listed {
		if l.Contract == x.Contract && r.sameProduct(l.PID, x.PID) || x.Contract == "" && l.End == x.End {
			same = append(same, l)
		}
	}
	i := slices.IndexFunc(same, func(l *line) bool { return l.End == x.End })
	switch {
	case i >= 0:
		same = same[i : i+1]
	case len(same) != 1 || same[0].state == lineAhead: // which of them was renewed is not known
		return false
	}
	l := same[0]
	if l.fresh && l.End == x.End {
		return true
	}
	renewed := *l.Line
	renewed.End = x.End
	l.Line, l.fresh, l.answer, l.state = &renewed, true, x.answer, timeOf(&renewed, r.today)
	return true
}

// Reasons of coverage that rests on an answer and on no file.
const (
	BySupportAPI      = "support_api"
	BySupportAPIOther = "support_api_other_owner" // and the contract is not of the account that asked
)

// answeredBy is the reason of a verdict by a line: "" when a file has it.
func (l *line) answeredBy() string {
	switch {
	case l.answer == nil:
		return ""
	case l.answer.Owner == "NO":
		return BySupportAPIOther
	}
	return BySupportAPI
}
