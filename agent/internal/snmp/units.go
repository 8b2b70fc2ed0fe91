package snmp

import (
	"cmp"
	"regexp"
	"slices"

	"rollcall/pkg/inventory"
)

// A step is the rule that told which rows are units.
type step string

// The steps of the chassis rule, best first; a fallback goes by its own name.
// None of them is "the row with the lowest index": that is a line card on
// virtual-switch pairs and the route processor on IOS-XR.
const (
	stepTable   step = "maker's table"         // a table that lists units says so
	stepClass   step = "class chassis"         // rows of class chassis(3)
	stepRoot    step = "root"                  // rows contained in nothing
	stepName    step = "named chassis"         // Name or Descr says chassis
	stepBack    step = "backplane"             // the memory on the backplane of a chassis that tells none itself
	stepModel   step = "model"                 // PID is the model of sysDescr
	stepPID     step = "product"               // PID is one of a chassis, in tables that tell no class
	stepOnly    step = "only part"             // the only serial of a device that tells nothing else of its parts
	stepNothing step = "no serial of any unit" // none

	stepDescriptions step = "serial in descriptions" // the fallback of that name
)

var (
	namedChassis = regexp.MustCompile(`(?i)chassis`)
	// supplies are parts that agents without classes list beside the chassis.
	supplies = regexp.MustCompile(`(?i)\b(fan|power[ -]?(supply|module)|psu)\b`)
	// notChassis are parts of a chassis that are named after it.
	notChassis = regexp.MustCompile(`(?i)\b(fan|power|psu|supply|slot|tray|module|sensor|clock|backplane|midplane|card|bay)`)
)

// maybeUnit says that the row's class does not speak against it.
func (r row) maybeUnit() bool {
	switch r.class {
	case classContainer, classPowerSupply, classFan, classSensor, classPort, classStack, classCPU:
		return false
	}
	return r.serial != "" && !r.apart && !isIMEI(r)
}

// label is what a row calls itself.
func (r row) label() string { return r.name + " " + r.descr }

// markUnits sets unit on the rows that are physical units by the first step
// that finds any (discovery rules 5.2), and says which step that was. Rows
// that a maker's table has marked stay marked.
func markUnits(rows []row, model string) step {
	for i := range rows {
		if rows[i].unit && !rows[i].apart {
			markClass(rows)
			return stepTable
		}
	}
	if markClass(rows) {
		return stepClass
	}
	bare := bareChassis(rows)
	steps := []struct {
		name step
		fits func(row) bool
	}{
		{stepRoot, atRoot(rows)},
		{stepName, func(r row) bool { return namedChassis.MatchString(r.label()) && !notChassis.MatchString(r.label()) }},
		{stepBack, func(r row) bool { return r.class == classBackplane && r.hasIn && bare[r.in].class == classChassis }},
		{stepModel, func(r row) bool { return model != "" && r.pid != "" && samePID(r.pid, model) }},
		{stepPID, func(r row) bool { return inventory.IsChassisPID(r.pid) && !notChassis.MatchString(r.label()) }},
	}
	for _, st := range steps {
		found := false
		stands := func(int) bool { return true }
		if st.name.guesses() {
			stands = oneForEach(rows, bare, st.fits)
		}
		for i := range rows {
			if !rows[i].maybeUnit() || !st.fits(rows[i]) || !stands(i) {
				continue
			}
			if st.name == stepBack {
				rows[i].standFor(bare[rows[i].in])
			}
			rows[i].unit, found = true, true
			if len(bare) == 0 || st.name == stepBack {
				// Whatever the agent calls it, it stands for the chassis.
				rows[i].class = classChassis
			}
		}
		if found {
			return st.name
		}
	}
	return markOnly(rows)
}

// guesses says that the step goes by the product alone, which cards and route
// processors can have in common with their chassis.
func (st step) guesses() bool { return st == stepModel || st == stepPID }

// heads are the parts that stand for a chassis rather than others of its product.
var heads = regexp.MustCompile(`(?i)route processor|\bmodule R\d\b|supervisor|mother ?board`)

// oneForEach says of rows that fit which ones stand for the chassis that tells
// no serial itself: those of one serial in each. Rows in no such chassis all do.
func oneForEach(rows []row, bare map[uint32]row, fits func(row) bool) func(int) bool {
	byIndex := map[uint32]row{}
	for _, r := range rows {
		byIndex[r.index] = r
	}
	holder := make([]uint32, len(rows))
	chosen := map[uint32]int{} // by the chassis
	for i, r := range rows {
		if !r.maybeUnit() || !fits(r) {
			continue
		}
		up, ok := within(r, byIndex, func(o row) bool { return bare[o.index].class == classChassis })
		if !ok {
			continue
		}
		holder[i] = up.index
		if at, known := chosen[up.index]; !known || !heads.MatchString(rows[at].label()) && heads.MatchString(r.label()) {
			chosen[up.index] = i
		}
	}
	return func(i int) bool {
		at, ok := chosen[holder[i]]
		return !ok || holder[i] == 0 || rows[at].serial == rows[i].serial
	}
}

// atRoot fits the rows that are contained in nothing. Agents that tell no class
// put power supplies and fans there too, beside the chassis.
func atRoot(rows []row) func(row) bool {
	root := func(r row) bool { return r.hasIn && r.in == 0 }
	supply := func(r row) bool { return r.class <= classUnknown && supplies.MatchString(r.label()) }
	beside := slices.ContainsFunc(rows, func(r row) bool { return r.maybeUnit() && root(r) && !supply(r) })
	return func(r row) bool { return root(r) && (!beside || !supply(r)) }
}

// bareChassis are the chassis that tell no serial, by index.
func bareChassis(rows []row) map[uint32]row {
	bare := map[uint32]row{}
	for _, r := range rows {
		if r.class == classChassis && r.serial == "" {
			bare[r.index] = r
		}
	}
	return bare
}

// standFor takes name and product of the chassis that the row is the memory of.
func (r *row) standFor(chassis row) {
	r.name, r.descr = cmp.Or(chassis.name, r.name), cmp.Or(chassis.descr, r.descr)
	r.pid, r.vid = cmp.Or(r.pid, chassis.pid), cmp.Or(r.vid, chassis.vid)
}

// markOnly marks the rows of the only serial that there is, if nothing says
// what they are and no other row is the chassis.
func markOnly(rows []row) step {
	only := ""
	for _, r := range rows {
		switch {
		case r.class == classChassis, r.serial == "" && namedChassis.MatchString(r.label()):
			return stepNothing
		case r.serial == "" || r.apart:
		case r.class > classUnknown || !r.maybeUnit() || notChassis.MatchString(r.label()) || only != "" && r.serial != only:
			return stepNothing
		default:
			only = r.serial
		}
	}
	if only == "" {
		return stepNothing
	}
	for i := range rows {
		if rows[i].serial == only {
			rows[i].unit = true
		}
	}
	return stepOnly
}

func markClass(rows []row) (found bool) {
	for i := range rows {
		if rows[i].class == classChassis && rows[i].maybeUnit() {
			rows[i].unit, found = true, true
		}
	}
	return found
}
