package show

import (
	"regexp"
	"strings"

	"rollcall/pkg/inventory"
)

// hardwareTable reads `show hardware inventory` of Viptela's vEdge routers,
// whose columns begin where their names do:
//
//	HW TYPE      INDEX  VERSION  PART NUMBER    SERIAL NUMBER  DESCRIPTION
//	----------------------------------------------------------------------
//	Chassis      0      3.1      vEdge-1000-AC  11OD145130012  vEdge-1000
type hardwareTable struct {
	parts  []inventory.Component
	starts []int // of the columns
}

// hardwareColumns are the columns by their places in hardwareTable.starts.
const (
	hardwareType = iota
	hardwareIndex
	hardwareVersion
	hardwarePart
	hardwareSN
	hardwareDescr
)

var (
	hardwareHead = regexp.MustCompile(`^\s*(HW TYPE)\s+((?:DEV )?INDEX)\s+(VERSION)\s+(PART NUMBER)\s+(SERIAL NUMBER)\s+(DESCRIPTION)\s*$`)
	// hardwareAbove are the lines of a header of two or three.
	hardwareAbove = regexp.MustCompile(`^(?:HW|DEV|HW DEV)$`)
)

// hardwareClasses are those that SNMP gives the types; the rest is unknown.
var hardwareClasses = map[string]inventory.Class{
	"chassis": inventory.ClassChassis, "cpu": inventory.ClassCPU, "pim": inventory.ClassModule, "nim": inventory.ClassModule,
	"transceiver": inventory.ClassPort, "fan tray": inventory.ClassFan, "fantray": inventory.ClassFan, "pem": inventory.ClassPowerSupply,
}

// line reads one line, with the space in front of it, and says whether it
// belongs to the table.
func (h *hardwareTable) line(raw string) bool {
	s := strings.TrimSpace(raw)
	if m := hardwareHead.FindStringSubmatchIndex(raw); m != nil {
		h.starts = nil
		for i := 2; i < len(m); i += 2 {
			h.starts = append(h.starts, m[i])
		}
		return true
	}
	if hardwareAbove.MatchString(s) {
		return true
	}
	if h.starts == nil || !moduleNumber.MatchString(cut(raw, h.starts, hardwareIndex)) {
		return false
	}
	kind := inventory.CleanText(cut(raw, h.starts, hardwareType))
	sn := inventory.CleanSerial(cut(raw, h.starts, hardwareSN))
	if sn == "" || len(sn) > maxSerial || len(h.parts) >= maxComponents {
		return true
	}
	class, known := hardwareClasses[strings.ToLower(kind)]
	if !known {
		class = inventory.ClassUnknown
	}
	h.parts = append(h.parts, inventory.Component{
		Serial: sn, PID: bounded(cleanPID(cut(raw, h.starts, hardwarePart))), VID: bounded(cleanVID(cut(raw, h.starts, hardwareVersion))), Class: class,
		Name: bounded(kind + " " + cut(raw, h.starts, hardwareIndex)), Description: bounded(inventory.CleanText(cut(raw, h.starts, hardwareDescr))),
		Unit: class == inventory.ClassChassis,
	})
	return true
}
