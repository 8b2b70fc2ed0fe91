package reconcile

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// A replacement is an RMA that the contract does not show yet: one serial went,
// another came in its place.
type replacement struct {
	oldSerial, oldPID string
	newSerial, newPID string
	unit              *unit         // that came; nil when it is not there at present
	old               *Sighting     // where the old one was; nil when it was not seen
	new               *Sighting     // of the new serial; nil when it was not seen
	next              *Sighting     // what came first in the old one's place: the new one, unless that was replaced too
	record            *contract.RMA // nil for one that is inferred
	line              *line         // of the old serial, that which ends last; nil when the contract lists it no more
	newListed         bool          // the new serial is on a line already: the old one's is only to be ended
	doubts            []string      // why an inference is less than sure
}

// findReplacements finds what people recorded, then what history shows. Each
// serial goes once and comes once; the record wins.
func (r *run) findReplacements() {
	r.recorded()
	taken := map[string]bool{}
	for _, rma := range r.RMAs {
		// One with the same serial for both says nothing of what came.
		if o, n := inventory.CleanSerial(rma.OldSerial), inventory.CleanSerial(rma.NewSerial); n != "" && n != o {
			taken[o], taken[n] = true, true
		}
	}
	var inferred []*replacement
	for _, serial := range slices.Sorted(maps.Keys(r.seen)) {
		if taken[serial] || suspect(serial) != "" {
			continue
		}
		for _, x := range r.inferred(serial) {
			if !taken[x.oldSerial] && !r.isRejected(x) {
				inferred = append(inferred, x)
			}
		}
	}
	slices.SortStableFunc(inferred, func(a, b *replacement) int {
		return cmp.Or(compareBool(a.unit != nil, b.unit != nil), cmp.Compare(len(a.doubts), len(b.doubts)), b.old.Last.Compare(a.old.Last),
			strings.Compare(a.oldSerial, b.oldSerial), strings.Compare(a.newSerial, b.newSerial))
	})
	came := map[string]bool{}
	for _, x := range inferred {
		if r.replacedBy[x.oldSerial] == nil && !came[x.newSerial] {
			came[x.newSerial] = true
			r.keep(x)
		}
	}
}

func (r *run) keep(x *replacement) {
	r.replacements = append(r.replacements, x)
	r.replacedBy[x.oldSerial] = x
	if x.unit != nil {
		r.replaces[x.unit] = x
	}
}

// inferred returns the replacements that ended in this serial, by the history of
// its places. Units that were replaced again before any contract knew of them
// are passed over: of A, B and C, with A on the contract, C is to take A's
// line. A unit that is off for a while still has its predecessor on the
// contract.
func (r *run) inferred(serial string) []*replacement {
	var u *unit
	if units := r.bySerial[serial]; len(units) > 0 {
		u = units[0]
	}
	var found []*replacement
	for _, place := range r.seen[serial] {
		if !place.Component.Unit || u == nil && r.lost(place) {
			continue
		}
		newer := place
		var doubts []string
		for range 8 { // replacements of replacements
			older, why := r.predecessor(newer)
			if older == nil {
				break
			}
			doubts = append(doubts, why...)
			x := &replacement{
				oldSerial: inventory.CleanSerial(older.Component.Serial), oldPID: older.Component.PID,
				newSerial: serial, newPID: place.Component.PID, unit: u, old: older, new: place, next: newer, doubts: slices.Clone(doubts),
			}
			if u != nil {
				x.newPID, x.new = u.pid, u.at
			}
			if r.stillListed(x, dayOf(older.Last)) {
				found = append(found, x)
				break
			}
			newer = older
		}
	}
	return found
}

// lost says that a unit that is not there is away for so long, or that another
// stands in its place, so that no line should be made for it. What is left of its predecessor
// is a line that is not seen.
func (r *run) lost(s *Sighting) bool {
	if r.Now.Sub(s.Gone) > r.Settings.ReplacementWindow {
		return true
	}
	return slices.ContainsFunc(r.inSlot[[2]string{s.Node, s.Slot}], func(o *Sighting) bool {
		return o.Present() && o.First.After(s.Last)
	})
}

// stillListed fills in the line of the old serial and says whether the contract
// fails to show the replacement: the old serial is listed, or it was and the new
// one is not. A line that had ended before the old unit was last in use was no
// ground for a replacement.
func (r *run) stillListed(x *replacement, lastUse contract.Date) bool {
	var lines []*line
	for _, l := range r.onLine[x.oldSerial] {
		if (l.End == "" || l.End >= lastUse) && (r.sameProduct(x.oldPID, l.PID) || len(r.onLine[x.oldSerial]) == 1) {
			lines = append(lines, l)
		}
	}
	x.newListed = len(r.onLine[x.newSerial]) > 0
	if x.newListed { // an ended line of the old serial needs no more ending
		lines = slices.DeleteFunc(lines, func(l *line) bool { return l.state == lineEnded })
	}
	if len(lines) > 0 {
		x.line = slices.MaxFunc(lines, func(a, b *line) int {
			return cmp.Or(cmp.Compare(endOf(a), endOf(b)), -strings.Compare(a.Contract+"/"+a.Instance, b.Contract+"/"+b.Instance))
		})
		return true
	}
	return !x.newListed && slices.ContainsFunc(r.dropped[x.oldSerial], func(l contract.Line) bool { return l.End == "" || l.End >= lastUse })
}

// endOf is when a line ends; one that does not say is taken for the longest.
func endOf(l *line) contract.Date { return cmp.Or(l.End, "9999-12-31") }

// predecessor returns the unit that stood in the place of s before it and was
// replaced by it, and what makes that less than sure; nil for none.
//
// The old serial must be gone by a complete poll, must not have been seen
// anywhere since, and must have been gone before anybody saw the new serial
// anywhere: so a stack that changes its master or numbers its members anew, and
// units that change places, replace nothing. The place is the node and the slot,
// or the node alone when it had one unit before and has one after.
func (r *run) predecessor(s *Sighting) (*Sighting, []string) {
	came := r.firstSeen(inventory.CleanSerial(s.Component.Serial))
	places := r.inSlot[[2]string{s.Node, s.Slot}]
	if r.onlyUnit(s) {
		places = r.atNode[s.Node]
	}
	var best *Sighting
	var bestDoubts []string
	for _, o := range places {
		if !o.Component.Unit || !o.Last.Before(came) || best != nil && !o.Last.After(best.Last) {
			continue
		}
		if o.Slot != s.Slot && !r.onlyUnit(o) {
			continue
		}
		if s.First.Sub(o.Gone) > r.Settings.ReplacementWindow || !r.lastSight(o) {
			continue
		}
		doubts, same := r.sameModel(o.Component.PID, s.Component.PID)
		if !same {
			continue
		}
		if o.Slot != s.Slot {
			doubts = append(doubts, "the device names the place of the two differently, though each was its only unit")
		}
		best, bestDoubts = o, doubts
	}
	return best, bestDoubts
}

// sameModel says whether one PID may replace another, and with what doubts. By
// Cisco's terms a replacement is "new or equivalent to new", so a unit of the
// same series will do, with less confidence.
func (r *run) sameModel(old, now string) (doubts []string, same bool) {
	switch {
	case r.family(old) == "" || r.family(now) == "":
		return []string{"the model of one of the two is not known"}, true
	case r.sameProduct(old, now):
		return nil, true
	case series(old) == series(now):
		return []string{"the models differ, though they are of one series"}, true
	}
	return nil, false
}

// firstSeen is when a serial was first seen anywhere.
func (r *run) firstSeen(serial string) time.Time {
	var first time.Time
	for _, s := range r.seen[serial] {
		if first.IsZero() || s.First.Before(first) {
			first = s.First
		}
	}
	return first
}

// lastSight says that the serial of a sighting was seen nowhere after it: it is
// gone, is not elsewhere at present, and was in no later place.
func (r *run) lastSight(o *Sighting) bool {
	serial := inventory.CleanSerial(o.Component.Serial)
	if serial == "" {
		return false
	}
	return !slices.ContainsFunc(r.seen[serial], func(s *Sighting) bool {
		return s.Last.After(o.Last) || s.Present() && s.Last.Equal(o.Last)
	})
}

// onlyUnit says that the node had no other unit while it had this one.
func (r *run) onlyUnit(s *Sighting) bool {
	return !slices.ContainsFunc(r.atNode[s.Node], func(o *Sighting) bool {
		return o != s && o.Component.Unit && !o.Last.Before(s.First) && !s.Last.Before(o.First)
	})
}
