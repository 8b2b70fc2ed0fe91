package reconcile

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"rollcall/pkg/inventory"
)

// A unit is a unit that is in use, with all places at which it may be.
type unit struct {
	serial string // cleaned; "" when the device gives none
	pid    string // as its device says it now, or said it
	pids   []string
	key    string // identity in keys of findings
	at     *Sighting
	node   Node
	places []*Sighting // present ones, the likeliest first
	first  time.Time
	last   time.Time
	lines  []match
	verdict
}

// makeUnits makes one unit of all sightings of one (PID, serial). Only chassis,
// stack members, access points and appliances count (inventory.Component.Unit);
// cables never do.
func (r *run) makeUnits() {
	bySerial := map[string][]*Sighting{}
	var serials []string
	for _, s := range r.sightings {
		if !s.Component.Unit || !s.Present() || inventory.IsCablePID(s.Component.PID) {
			continue
		}
		serial := inventory.CleanSerial(s.Component.Serial)
		if serial == "" {
			r.units = append(r.units, r.newUnit("", []*Sighting{s}, s.Node+"/"+s.Slot))
			continue
		}
		if bySerial[serial] == nil {
			serials = append(serials, serial)
		}
		bySerial[serial] = append(bySerial[serial], s)
	}
	slices.Sort(serials)
	for _, serial := range serials {
		for i, places := range r.byProduct(bySerial[serial]) {
			key := serial
			if i > 0 { // another product that happens to have the serial
				key += "/" + r.family(places[0].Component.PID)
			}
			r.units = append(r.units, r.newUnit(serial, places, key))
		}
	}
	for _, u := range r.units {
		if u.serial != "" {
			r.bySerial[u.serial] = append(r.bySerial[u.serial], u)
			u.lines = r.matches(u)
		}
	}
}

// byProduct parts sightings of one serial by product, the shortest PID first.
// Those without a PID go with the first.
func (r *run) byProduct(all []*Sighting) [][]*Sighting {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b *Sighting) int {
		x, y := r.family(a.Component.PID), r.family(b.Component.PID)
		return cmp.Or(compareBool(x != "", y != ""), cmp.Compare(len(x), len(y)), strings.Compare(x, y))
	})
	var groups [][]*Sighting
next:
	for _, s := range all {
		for i, g := range groups {
			if r.sameProduct(g[0].Component.PID, s.Component.PID) {
				groups[i] = append(groups[i], s)
				continue next
			}
		}
		groups = append(groups, []*Sighting{s})
	}
	return groups
}

func (r *run) newUnit(serial string, places []*Sighting, key string) *unit {
	slices.SortStableFunc(places, func(a, b *Sighting) int {
		return cmp.Or(b.Last.Compare(a.Last), compareBool(r.verified(a.Node), r.verified(b.Node)), b.First.Compare(a.First),
			strings.Compare(a.Node, b.Node), strings.Compare(a.Slot, b.Slot))
	})
	u := &unit{serial: serial, key: key, at: places[0], places: places, pid: places[0].Component.PID}
	u.node = r.node(u.at.Node)
	if u.serial == "" {
		u.first, u.last = u.at.First, u.at.Last
	}
	for _, s := range places {
		u.pid = cmp.Or(u.pid, s.Component.PID)
		u.pids = append(u.pids, s.Component.PID)
	}
	for _, s := range r.seen[serial] {
		if !r.sameProduct(s.Component.PID, u.pid) {
			continue
		}
		if u.first.IsZero() || s.First.Before(u.first) {
			u.first = s.First
		}
		if s.Last.After(u.last) {
			u.last = s.Last
		}
	}
	return u
}

// node returns what is known of a node; of one that is not known, its name.
func (r *run) node(id string) Node {
	if n, ok := r.nodes[id]; ok {
		return n
	}
	return Node{ID: id, Address: id}
}

func (u *unit) described() Unit {
	c := u.at.Component
	d := Unit{
		Serial: cmp.Or(u.serial, inventory.CleanText(c.Serial)), PID: u.pid, Site: u.node.Site, Node: nodeName(u.node), Address: u.node.Address,
		Slot: u.at.Slot, Class: c.Class, Platform: u.node.Platform, Description: c.Description,
		Coverage: u.Coverage, Reason: u.Reason, FirstSeen: u.first, LastSeen: u.last,
	}
	if u.line != nil {
		d.Contract, d.ServiceLevel, d.LineEnd = u.line.Contract, u.line.ServiceLevel, u.line.End
		if len(u.lines) == 0 {
			d.LineEnd = "" // the line is its predecessor's: it is on none yet
		}
	}
	return d
}

func nodeName(n Node) string { return cmp.Or(n.Name, n.Address, n.ID) }
