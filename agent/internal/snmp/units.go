package snmp

import (
	"regexp"
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
	stepModel   step = "model"                 // PID is the model of sysDescr
	stepPID     step = "product"               // PID is one of a chassis, in tables that tell no class
	stepOnly    step = "only part"             // the only serial of a device that tells nothing else of its parts
	stepNothing step = "no serial of any unit" // none

	stepDescriptions step = "serial in descriptions" // the fallback of that name
)

var (
	namedChassis = regexp.MustCompile(`(?i)chassis`)
	// notChassis are parts of a chassis that are named after it.
	notChassis = regexp.MustCompile(`(?i)\b(fan|power|psu|supply|slot|tray|module|sensor|clock|backplane|midplane|card|bay)`)
)

// chassisPID is a product identifier of a chassis or a fixed device. It serves
// only where a table has no classes: modules have names of their own (-NM-,
// -LC-, -STACK, N9K-X, A9K-) that do not fit.
var chassisPID = regexp.MustCompile(`^(?:` +
	`(?:WS-)?(?:CBS|C)\d{4}[A-Z]*-[A-Z]?\d|WS-C\d{4}|C9[46]\d\dR|ME-\d{4}|IE-\d{4}|` + // switches; C9300-48P but not C9300-NM-8X
	`(?:CISCO|C)\d{3,4}\w*(?:/|$)|ISR\d{4}|ISR-?1100|C8\d{3}L?-|ASR\d{4}|ASR-9\d{3}|NCS-?\d{3,4}|IR\d{3,4}|VG\d{3}|` + // routers
	`N\dK-C\d{2,}|N77-C7\d{3}|DS-C9\d{3}|UCS-FI-|` +
	`ASA-?55\d\d|FPR-?\d{4}|PIX-|AIR-CT\d{4}|AIR-WLC\d{4}|SNS-\d{4}|` +
	`(?:SG|SF|SX|CBS|ESW|LGS)\d|MS\d{2,3})`)

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
	steps := []struct {
		name step
		fits func(row) bool
	}{
		{stepRoot, func(r row) bool { return r.hasIn && r.in == 0 }},
		{stepName, func(r row) bool { return namedChassis.MatchString(r.label()) && !notChassis.MatchString(r.label()) }},
		{stepModel, func(r row) bool { return model != "" && samePID(r.pid, model) }},
		{stepPID, func(r row) bool { return chassisPID.MatchString(r.pid) && !notChassis.MatchString(r.label()) }},
	}
	for _, st := range steps {
		found := false
		for i := range rows {
			if rows[i].maybeUnit() && st.fits(rows[i]) {
				rows[i].unit, found = true, true
			}
		}
		if found {
			return st.name
		}
	}
	return markOnly(rows)
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
