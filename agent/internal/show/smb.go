package show

import (
	"regexp"
	"strconv"

	"rollcall/pkg/inventory"
)

// systemID reads the commands that print serials and no more: `show system id`
// of small-business switches, one line for a single unit or a table for a
// stack, and `show serial-number`. They name no product.
type systemID struct {
	table bool
	units []inventory.Component
}

var (
	systemSerial = regexp.MustCompile(`(?i)^(?:unit (?:id )?(\d+)[ :,]+)?serial number ?:? *(\S+)$`)
	systemHeader = regexp.MustCompile(`(?i)^unit(?: id)?\s+serial(?: number)?$`)
	systemRow    = regexp.MustCompile(`^(\d{1,2})\s+([0-9A-Za-z-]{6,20})$`)
)

func (u *systemID) line(s string) bool {
	if systemHeader.MatchString(s) {
		u.table = true
		return true
	}
	m := systemSerial.FindStringSubmatch(s)
	if m == nil && u.table {
		m = systemRow.FindStringSubmatch(s)
	}
	if m == nil {
		return false
	}
	name := m[1]
	if name == "" {
		name = strconv.Itoa(len(u.units) + 1)
	}
	u.add(m[2], name)
	return true
}

// loneSerial is all that `show serial-number` of FTD prints.
var loneSerial = regexp.MustCompile(`^[0-9A-Z]{8,16}$`)

func (u *systemID) lone(s string) bool {
	if !loneSerial.MatchString(s) {
		return false
	}
	u.add(s, "Chassis")
	return true
}

func (u *systemID) add(serial, name string) {
	if sn := inventory.CleanSerial(serial); sn != "" && len(sn) <= maxSerial {
		u.units = append(u.units, inventory.Component{Serial: sn, Class: inventory.ClassChassis, Name: name, Unit: true})
	}
}
