package reconcile

import (
	"fmt"
	"slices"
)

// findDuplicateSerial finds units that are in two places at once. One that was
// first seen in its new place after it was last seen in the old has moved.
func findDuplicateSerial(r *run) {
	for _, u := range r.units {
		if u.serial == "" {
			continue
		}
		var at []*Sighting
		for _, s := range u.places {
			// Places are sorted, the one seen last first.
			if len(at) == 0 || !s.Last.Before(at[0].First) && (s.Node != at[0].Node || s.Slot != at[0].Slot) {
				at = append(at, s)
			}
		}
		if len(at) < 2 {
			continue
		}
		r.findings = append(r.findings, r.duplicate(u, at))
	}
}

func (r *run) duplicate(u *unit, at []*Sighting) Finding {
	f := r.unitFinding(DuplicateSerial, Warning, u)
	f.Subject = describe(u.pid, u.serial) + " in " + count(len(at), "place") + " at once"
	for _, s := range at {
		f.Evidence = append(f.Evidence, fmt.Sprintf("%s reports it, last on %s (%s).", r.where(s), dayOf(s.Last), r.node(s.Node).Address))
	}
	f.Evidence = append(capped(f.Evidence), r.twins(at)...)
	if r.oneDevice(at) {
		f.Severity = Info
		f.Evidence = append(f.Evidence, "All of them have the same name and the same units: this is most likely one device that answers at several addresses.")
		f.NextStep = NextStep{
			Title: "Ask the device at one address only",
			Steps: []string{"Take the other addresses out of the targets of the agent, or exclude them. It is counted once either way."},
			Sheet: Sheet{},
		}
		return f
	}
	f.NextStep = NextStep{
		Title: "Find out which one is real",
		Steps: []string{
			"If two agents, or two addresses, reach the same device: leave it to one.",
			"Compare the labels of both units with what they report.",
			"If they are virtual machines, one was cloned from the other: give it an identity of its own.",
		},
		Sheet: Sheet{},
	}
	return f
}

// twins tells of the agents of the places that run twice.
func (r *run) twins(at []*Sighting) []string {
	var told []string
	for _, a := range r.Agents {
		if a.RunsTwice && slices.ContainsFunc(at, func(s *Sighting) bool { return r.node(s.Node).Agent == a.ID }) {
			told = append(told, fmt.Sprintf("Agent %s%s runs twice with one identity, as after a copy of its machine: one of the two may report it.", a.Name, inSite(a.Site)))
		}
	}
	return told
}

// oneDevice says that the nodes of the places are alike in all that is known.
func (r *run) oneDevice(at []*Sighting) bool {
	first := r.node(at[0].Node)
	units := r.unitSerials(first.ID)
	return first.Name != "" && !slices.ContainsFunc(at[1:], func(s *Sighting) bool {
		n := r.node(s.Node)
		return n.ID == first.ID || n.Name != first.Name || n.Site != first.Site || !slices.Equal(units, r.unitSerials(n.ID))
	})
}

func (r *run) unitSerials(node string) []string {
	serials, known := r.serialsAt[node]
	if known {
		return serials
	}
	for _, s := range r.atNode[node] {
		if s.Present() && s.Component.Unit {
			serials = append(serials, s.Component.Serial)
		}
	}
	slices.Sort(serials)
	r.serialsAt[node] = serials
	return serials
}
