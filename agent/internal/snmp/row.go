package snmp

import (
	"rollcall/pkg/inventory"
)

// PhysicalClass of ENTITY-MIB (RFC 6933), 0 when the agent does not say.
const (
	classAbsent      = 0
	classOther       = 1
	classUnknown     = 2
	classChassis     = 3
	classBackplane   = 4
	classContainer   = 5
	classPowerSupply = 6
	classFan         = 7
	classSensor      = 8
	classModule      = 9
	classPort        = 10
	classStack       = 11
	classCPU         = 12
)

// A row is one part as a table tells of it: an entry of entPhysicalTable, or
// of a maker's table put into the same form. Text is cleaned; serial is never
// a placeholder.
type row struct {
	at      oid    // of the serial
	index   uint32 // entPhysicalIndex; rows of other tables count from extraIndex
	in      uint32 // entPhysicalContainedIn
	hasIn   bool
	class   int
	descr   string
	name    string
	vid     string
	version string // entPhysicalSoftwareRev
	serial  string
	maker   string
	pid     string

	unit    bool     // the table says that it is one: no rule is needed
	apart   bool     // outside the device: an access point, a phone
	title   bool     // its name is better than one of ENTITY-MIB for the same part
	aliases []string // further serials of the part
	dn      string   // distinguished name in the UCS and FXOS tables
}

// class words, in the order of PhysicalClass.
var classWords = []inventory.Class{
	inventory.ClassUnknown, inventory.ClassOther, inventory.ClassUnknown, inventory.ClassChassis, inventory.ClassBackplane,
	inventory.ClassContainer, inventory.ClassPowerSupply, inventory.ClassFan, inventory.ClassSensor, inventory.ClassModule,
	inventory.ClassPort, inventory.ClassStack, inventory.ClassCPU,
}

func (r row) classWord() inventory.Class {
	if r.class < 0 || r.class >= len(classWords) {
		return inventory.ClassUnknown
	}
	return classWords[r.class]
}

// rank orders the classes that one part is listed under: chassis over module
// over power supply and fan over port.
func (r row) rank() int {
	switch {
	case r.unit, r.class == classChassis:
		return 5
	case r.class == classModule:
		return 4
	case r.class == classPowerSupply:
		return 3
	case r.class == classFan:
		return 2
	case r.class == classPort:
		return 1
	}
	return 0
}
