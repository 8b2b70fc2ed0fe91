package show

import (
	"regexp"
	"strings"

	"rollcall/pkg/inventory"
)

// eeproms reads what devices from before `show inventory` print of the memories
// on their boards: `show diag` and `show c7200` of routers, `show idprom` of
// Catalyst 4500 and 6500. Blocks of three forms:
//
//	Slot 1:                            IDPROM for backplane #0           Supervisor Idprom :
//	    NM-1E port adapter               (FRU is 'Catalyst 9-slot')       Product Number = WS-X4515
//	    Serial number 2612 Part number   Product Number = 'WS-C6509'      Serial Number = JAB0543A0AA
//	    PCB Serial Number : JAE0543A0    Serial Number = 'SCA0423A0AA'
type eeproms struct {
	parts []inventory.Component
	block eeprom
	slot  string // the last slot, which a WIC slot is within
}

// eeprom is one block.
type eeprom struct {
	name, descr, pid, vid  string
	serial, chassis, board string // by the label in front of the number
}

var (
	eepromSlot  = regexp.MustCompile(`(?i)^((?:[a-z][\w/-]* )?slot \d{1,2}) ?:$`)
	eepromNamed = regexp.MustCompile(`(?i)^(?:IDPROM for ([^:]{1,60}?)|([^:=]{1,60}?) (?:EEPROM|Idprom)) ?:?$`)
	eepromFRU   = regexp.MustCompile(`(?i)^\(FRU is '?(.*?)'?\)$`)

	eepromSerial  = regexp.MustCompile(`(?i)^(pcb |chassis |vendor )?serial number\s*[:=]?\s*'?([^\s']*)'?(?:\s+part number\s.*)?$`)
	eepromProduct = regexp.MustCompile(`(?i)^(?:product \(fru\) number|product number|vendor part number)\s*[:=]\s*'?([^\s']*)'?$`)
	eepromVID     = regexp.MustCompile(`(?i)^version identifier(?: \(vid\))?\s*[:=]\s*'?(\S*?)'?$`)
	// eepromField is any other field, or a line of the memory in hexadecimal.
	eepromField = regexp.MustCompile(`(?i)^[a-z][\w ()/.#,-]{0,60}[:=]|^0x[0-9a-f]{1,4} ?:|^(?:hardware revision|test history|serial number|eeprom format|part number)\b`)
	eepromOuter = regexp.MustCompile(`(?i)\b(?:backplane|midplane|chassis)\b`)
)

// line reads one line and says whether it belongs to an output of this kind.
func (e *eeproms) line(s string) bool {
	switch m := eepromSlot.FindStringSubmatch(s); {
	case m != nil:
		name := m[1]
		if strings.HasPrefix(strings.ToLower(name), "slot") {
			e.slot = name
		} else if e.slot != "" {
			name = e.slot + ", " + name
		}
		e.begin(name)
		return true
	case strings.Contains(strings.ToLower(s), "eeprom contents"):
		return true // "EEPROM contents at hardware discovery:"
	}
	if m := eepromNamed.FindStringSubmatch(s); m != nil {
		e.slot = ""
		e.begin(m[1] + m[2])
		return true
	}
	if e.block.name == "" {
		return false
	}
	switch {
	case e.field(s):
	case e.block.descr == "":
		e.block.descr = bounded(inventory.CleanText(s))
	}
	return true
}

// field takes a field of the block, and says whether the line is one.
func (e *eeproms) field(s string) bool {
	b := &e.block
	if m := eepromSerial.FindStringSubmatch(s); m != nil {
		switch strings.ToLower(strings.TrimSpace(m[1])) {
		case "chassis":
			b.chassis = m[2]
		case "pcb":
			b.board = m[2]
		default:
			b.serial = m[2]
		}
		return true
	}
	set := func(to *string, m []string) bool {
		if m != nil && *to == "" {
			*to = bounded(cleanPID(m[1]))
		}
		return m != nil
	}
	return set(&b.pid, eepromProduct.FindStringSubmatch(s)) || set(&b.vid, eepromVID.FindStringSubmatch(s)) ||
		set(&b.descr, eepromFRU.FindStringSubmatch(s)) || eepromField.MatchString(s)
}

// begin ends the block before and opens one.
func (e *eeproms) begin(name string) {
	e.end()
	e.block = eeprom{name: bounded(inventory.CleanText(name))}
}

// end makes parts of the block: the chassis where its serial is named, and the
// board itself.
func (e *eeproms) end() {
	b := e.block
	e.block = eeprom{}
	if b.name == "" {
		return
	}
	e.add(inventory.Component{Serial: b.chassis, PID: b.pid, VID: b.vid, Class: inventory.ClassChassis, Name: "Chassis", Unit: true})
	c := inventory.Component{PID: b.pid, VID: b.vid, Name: b.name, Description: b.descr, Class: inventory.ClassModule}
	c.Serial = b.board
	if inventory.CleanSerial(c.Serial) == "" {
		c.Serial = b.serial
	}
	label := b.name + " " + b.descr
	switch {
	case powerWords.MatchString(label):
		c.Class = inventory.ClassPowerSupply
	case fanWords.MatchString(label):
		c.Class = inventory.ClassFan
	case portWords.MatchString(label):
		c.Class = inventory.ClassPort
	case eepromOuter.MatchString(b.name):
		c.Class, c.Unit = inventory.ClassChassis, true
	}
	e.add(c)
}

func (e *eeproms) add(c inventory.Component) {
	c.Serial = inventory.CleanSerial(c.Serial)
	if c.Serial != "" && len(c.Serial) <= maxSerial && len(e.parts) < maxComponents {
		e.parts = append(e.parts, c)
	}
}
