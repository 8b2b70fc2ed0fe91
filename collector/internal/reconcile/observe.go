package reconcile

import (
	"time"

	"rollcall/pkg/inventory"
)

// Observe applies one report of a node to what was known of it: before are the
// node's sightings that are still present, and the result holds each of them,
// changed or not, followed by the new ones. Parts that an incomplete report
// lacks stay as they are, for absence from it proves nothing. Nor do units go by
// a report that names no unit: what answers has a chassis, so such a device just
// does not say its serial.
//
// A part is the same when serial and PID agree; one source that does not say
// the PID agrees with any. A part in another slot is a new sighting, and the
// old one is gone.
func Observe(before []Sighting, node string, d inventory.Device, at time.Time) []Sighting {
	after := make([]Sighting, len(before), len(before)+len(d.Components))
	copy(after, before)
	matched := make([]bool, len(before))
	inSlot := map[string][]int{} // a controller has thousands
	for i, s := range before {
		inSlot[s.Slot] = append(inSlot[s.Slot], i)
	}
	for _, c := range d.Components {
		slot := d.Slot(c)
		if i := findSighting(before, inSlot[slot], matched, c); i >= 0 {
			matched[i] = true
			if c.PID == "" {
				c.PID = before[i].Component.PID
			}
			after[i].Component = c
			after[i].Last = at
			continue
		}
		after = append(after, Sighting{Component: c, Node: node, Slot: slot, First: at, Last: at})
	}
	if !d.Complete {
		return after
	}
	namesUnits := len(d.Units()) > 0
	for i := range before {
		if !matched[i] && (namesUnits || !before[i].Component.Unit) {
			after[i].Gone = at
		}
	}
	return after
}

func findSighting(before []Sighting, places []int, matched []bool, c inventory.Component) int {
	for _, i := range places {
		if !matched[i] && inventory.SamePart(before[i].Component, c) {
			return i
		}
	}
	return -1
}
