package poll

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rollcall/pkg/inventory"
)

// merge makes one device of what the transports gave. The rules:
//
//   - One physical part is one component: equal serial and PID family, or equal
//     serial where each side has just one such part, since SNMP and SSH may
//     word one PID in two ways (CISCO1921/K9 and C1921).
//   - All parts of both are kept. SNMP's name, PID and class are preferred, for
//     they are stable columns and no prose; empty fields are filled from SSH.
//   - Where SNMP has a board for a chassis that tells no serial, what a unit is
//     is for SSH to say.
//   - The device is complete when any transport read everything.
//   - Two complete readings that name different units are a disagreement,
//     which a person must settle.
func merge(address string, a, b source) inventory.Device {
	primary, other := a, b
	if !a.answered && b.answered {
		primary, other = b, a
	}
	d := primary.device
	d.Address = address
	o := other.device
	d.Complete = primary.answered && d.Complete || other.answered && o.Complete
	problems := keepProblems(primary, other, d.Complete)
	if primary.answered && other.answered {
		if disagreement, found := disagree(primary, other); found {
			problems = addProblems(problems, []inventory.Problem{disagreement})
		}
		d.Components = unite(d.Components, o.Components)
		if primary.standIn && hasUnit(o.Components) {
			d.Components = stoodIn(d.Components, o.Components)
		}
		d.Name, d.Software, d.Model = cmp.Or(d.Name, o.Name), cmp.Or(d.Software, o.Software), cmp.Or(d.Model, o.Model)
		if d.Platform == "" || d.Platform == inventory.PlatformUnknown {
			d.Platform = o.Platform
		}
	}
	d.Platform = cmp.Or(d.Platform, inventory.PlatformUnknown)
	d.Via = viaOf(a, b)
	d.Components = ordered(d.Components)
	d.Errors = problems
	if units := d.Units(); len(units) > 0 {
		d.Serial = units[0].Serial
		d.Model = cmp.Or(units[0].PID, d.Model)
	}
	return d
}

// stoodIn takes it from the other reading what is a unit: a board that stood for
// a chassis without a serial is a part of the one that it names, of the same
// product.
func stoodIn(united, told []inventory.Component) []inventory.Component {
	units := inventory.Device{Components: told}.Units()
	for i, c := range united {
		if !c.Unit || slices.ContainsFunc(units, func(o inventory.Component) bool { return o.Serial == c.Serial }) {
			continue
		}
		for _, o := range units {
			if o.PID == "" || inventory.PIDFamily(o.PID) == inventory.PIDFamily(c.PID) {
				united[i].Unit, united[i].Parent = false, o.Serial
				break
			}
		}
	}
	return united
}

// viaOf lists the transports that gave components.
func viaOf(sources ...source) []string {
	via := []string{}
	for _, s := range sources {
		if s.answered && len(s.device.Components) > 0 {
			via = append(via, s.via)
		}
	}
	return via
}

// keepProblems drops what no longer matters: that one transport was cut short
// or had no inventory says nothing where the other read all.
func keepProblems(a, b source, complete bool) []inventory.Problem {
	kept := []inventory.Problem{}
	for _, s := range []source{a, b} {
		for _, p := range s.device.Errors {
			partial := p.Kind == inventory.ProblemIncomplete || p.Kind == inventory.ProblemNoInventory
			if partial && complete && !s.device.Complete {
				continue
			}
			kept = addProblems(kept, []inventory.Problem{p})
		}
	}
	return kept
}

// addProblems appends without repeating.
func addProblems(list, more []inventory.Problem) []inventory.Problem {
	for _, p := range more {
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// disagree compares the units of two complete readings.
func disagree(a, b source) (inventory.Problem, bool) {
	if !a.device.Complete || !b.device.Complete {
		return inventory.Problem{}, false
	}
	ua, ub := a.device.Units(), b.device.Units()
	if len(ua) == 0 || len(ub) == 0 || sameUnits(ua, ub) {
		return inventory.Problem{}, false
	}
	return inventory.Problem{
		Kind: inventory.ProblemDisagreement,
		Message: fmt.Sprintf("%s names the units %s, %s names %s: compare them with the labels, then look whether a stack member is missing or provisioned only",
			strings.ToUpper(a.via), serials(ua), strings.ToUpper(b.via), serials(ub)),
	}, true
}

func sameUnits(a, b []inventory.Component) bool {
	return serials(a) == serials(b)
}

// serials is the sorted list of serials, for comparison and messages.
func serials(list []inventory.Component) string {
	var s []string
	for _, c := range list {
		s = append(s, c.Serial)
	}
	slices.Sort(s)
	const shown = 20
	s = slices.Compact(s)
	if len(s) > shown {
		return strings.Join(s[:shown], ", ") + fmt.Sprintf(" and %d more", len(s)-shown)
	}
	return strings.Join(s, ", ")
}

// unite is the union of two lists of parts; the first is preferred.
func unite(a, b []inventory.Component) []inventory.Component {
	united := make([]inventory.Component, 0, len(a)+len(b))
	united = append(united, a...)
	inA, inB := countSerials(a), countSerials(b)
	takeUnits := !hasUnit(a)
	index := map[string][]int{}
	for i, c := range a {
		index[c.Serial] = append(index[c.Serial], i)
	}
	for _, c := range b {
		at := -1
		for _, i := range index[c.Serial] {
			if inventory.SamePart(a[i], c) || inA[c.Serial] == 1 && inB[c.Serial] == 1 {
				at = i
				break
			}
		}
		if at < 0 {
			united = append(united, c)
			continue
		}
		united[at] = fill(united[at], c, takeUnits)
	}
	return united
}

func countSerials(list []inventory.Component) map[string]int {
	n := map[string]int{}
	for _, c := range list {
		n[c.Serial]++
	}
	return n
}

// fill takes from the other reading of a part what the first lacks. Whether it
// is a unit is the first's to say, unless that names no unit at all.
func fill(c, o inventory.Component, takeUnit bool) inventory.Component {
	c.PID, c.VID = cmp.Or(c.PID, o.PID), cmp.Or(c.VID, o.VID)
	c.Description, c.Parent = cmp.Or(c.Description, o.Description), cmp.Or(c.Parent, o.Parent)
	if c.Class == "" || c.Class == inventory.ClassUnknown || c.Class == inventory.ClassOther {
		c.Class = cmp.Or(o.Class, c.Class)
	}
	if takeUnit && o.Unit {
		c.Unit, c.Class, c.Parent = true, o.Class, o.Parent
	}
	c.Aliases = slices.Clone(c.Aliases)
	for _, name := range append([]string{o.Name}, o.Aliases...) {
		switch {
		case name == "" || name == c.Name || slices.Contains(c.Aliases, name):
		case c.Name == "":
			c.Name = name
		default:
			c.Aliases = append(c.Aliases, name)
		}
	}
	return c
}
