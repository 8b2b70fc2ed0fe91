package show

import (
	"regexp"
	"strconv"
	"strings"

	"rollcall/pkg/inventory"
)

// systemID reads the commands that print the serials of units and no more:
// `show system id` of small-business switches, one line for a single unit or a
// table for a stack, and `show serial-number`, which name no product; and `show
// udi` of ADE-OS, which does:
//
//	SPID: SNS-3595-K9
//	VPID: A0
//	Serial: FCH2301W0AA
type systemID struct {
	table    bool
	pid, vid string // of the unit whose serial is next
	units    []inventory.Component
}

var (
	systemSerial = regexp.MustCompile(`(?i)^(?:unit (?:id )?(\d+)[ :,]+)?serial number ?:? *(\S+)$`)
	systemHeader = regexp.MustCompile(`(?i)^unit(?: id)?\s+serial(?: number)?$`)
	udiField     = regexp.MustCompile(`(?i)^(spid|vpid|serial) ?: *(\S*)$`)
	systemRow    = regexp.MustCompile(`^(\d{1,2})\s+([0-9A-Za-z-]{6,20})$`)
)

func (u *systemID) line(s string) bool {
	if systemHeader.MatchString(s) {
		u.table = true
		return true
	}
	if m := udiField.FindStringSubmatch(s); m != nil {
		switch strings.ToLower(m[1]) {
		case "spid":
			u.pid = cleanPID(m[2])
		case "vpid":
			u.vid = cleanVID(m[2])
		default:
			u.add(m[2], "Chassis")
		}
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
		u.units = append(u.units, inventory.Component{
			Serial: sn, PID: bounded(u.pid), VID: bounded(u.vid), Class: inventory.ClassChassis, Name: name, Unit: true,
		})
	}
	u.pid, u.vid = "", ""
}
