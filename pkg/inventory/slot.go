package inventory

import (
	"regexp"
	"strings"
)

var (
	// memberNumber finds the number of a stack member, a chassis of a virtual
	// switch or a rack in its name: "2", "Switch 2", "Switch 2 Chassis",
	// "SG350X-24P Stack Unit 2", "Rack 0".
	memberNumber = regexp.MustCompile(`(?i)^(?:(?:\S+ )?(?:stack unit|switch|member|chassis|rack|unit)[ -]?#?)?(\d{1,2})(?:(?: ?- ?| )(?:\S+ )?chassis)?$`)
	// extender finds the number of a fabric extender: "Fex-101 Nexus2348
	// chassis" over SNMP, "FEX 101 CHASSIS" in `show inventory`.
	extender = regexp.MustCompile(`(?i)^fex[ -]?(\d{3})\b`)
	// chassisName is a name that says no more than what the thing is.
	chassisName = regexp.MustCompile(`(?i)\bchassis\b`)
)

// Slot names the place of a component inside its node in a form that SNMP and
// SSH agree on: "1", "2" for stack members and virtual-switch chassis,
// "fex101" for fabric extenders, "chassis" for the only chassis of a node, and
// the component's own name for all else. Together with site and node it is the
// place that a replacement (RMA) keeps while the serial changes. Indices are no
// places: they change at reboot.
func (d Device) Slot(c Component) string {
	name := strings.TrimSpace(c.Name)
	if c.Unit {
		// The only rack of IOS-XR is 0 over SSH and has no number over SNMP.
		if m := memberNumber.FindStringSubmatch(name); m != nil && (m[1] != "0" || d.chassis("") > 1) {
			return m[1]
		}
		if m := extender.FindStringSubmatch(name); m != nil {
			return "fex" + m[1]
		}
		if c.Class == ClassChassis && (d.chassis("") <= 1 || chassisName.MatchString(name) && d.chassis("chassis") == 1) {
			return "chassis"
		}
	}
	if name == "" {
		return string(c.Class)
	}
	return name
}

// chassis counts the units of class chassis; for "chassis" those that are
// named so and have no number.
func (d Device) chassis(named string) int {
	n := 0
	for _, c := range d.Components {
		if !c.Unit || c.Class != ClassChassis {
			continue
		}
		name := strings.TrimSpace(c.Name)
		if named == "" || chassisName.MatchString(name) && !memberNumber.MatchString(name) && !extender.MatchString(name) {
			n++
		}
	}
	return n
}
