package reconcile

import (
	"slices"

	"rollcall/pkg/inventory"
)

// makeParts notes the modules, power supplies, fans and optics that have a line
// of their own, which is judged like that of a unit (design, "unless they have a
// line of their own"). All others are covered with the unit that holds them, and
// nobody is to be told of each.
func (r *run) makeParts() {
	places := map[string][]*Sighting{}
	var serials []string
	for _, s := range r.sightings {
		serial := inventory.CleanSerial(s.Component.Serial)
		if !s.Present() || len(r.onLine[serial]) == 0 || len(r.bySerial[serial]) > 0 || inventory.IsCablePID(s.Component.PID) {
			continue
		}
		if places[serial] == nil {
			serials = append(serials, serial)
		}
		places[serial] = append(places[serial], s)
	}
	slices.Sort(serials)
	for _, serial := range serials {
		p := r.newUnit(serial, places[serial], serial)
		p.lines = r.matches(p)
		p.verdict, _ = byLine(r, p)
		r.parts = append(r.parts, p)
	}
}

// withLines are the units, and the parts that have a line of their own.
func (r *run) withLines() []*unit { return slices.Concat(r.units, r.parts) }

func (u *unit) isPart() bool { return !u.at.Component.Unit }
