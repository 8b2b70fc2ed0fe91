package simdevice

import (
	"fmt"
	"strings"

	"rollcall/pkg/inventory"
)

// entPhysicalEntry is the row of ENTITY-MIB's entPhysicalTable (RFC 6933).
const entPhysicalEntry = "1.3.6.1.2.1.47.1.1.1.1"

// PhysicalClass of RFC 6933.
const (
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

// classNumber returns the number of the class, 0 for none.
func classNumber(c inventory.Class) int {
	switch c {
	case inventory.ClassOther:
		return classOther
	case inventory.ClassUnknown:
		return classUnknown
	case inventory.ClassChassis:
		return classChassis
	case inventory.ClassBackplane:
		return classBackplane
	case inventory.ClassContainer:
		return classContainer
	case inventory.ClassPowerSupply:
		return classPowerSupply
	case inventory.ClassFan:
		return classFan
	case inventory.ClassSensor:
		return classSensor
	case inventory.ClassModule, "":
		return classModule
	case inventory.ClassPort:
		return classPort
	case inventory.ClassStack:
		return classStack
	case inventory.ClassCPU:
		return classCPU
	}
	return 0
}

// An entity is one row of entPhysicalTable.
type entity struct {
	index, parent uint32
	class         int // 0: the agent gives no class, containment or position
	pos           int
	name, descr   string
	hw, fw, sw    string
	serial, pid   string
	maker         string
	fru           bool
	// unlisted keeps the row out of `show inventory`.
	unlisted bool
}

func addEntities(b *builder, rows []entity, longBytes int) {
	column := func(n int) string { return fmt.Sprintf("%s.%d", entPhysicalEntry, n) }
	for i, e := range rows {
		if i == 0 && longBytes > 0 {
			e.descr = strings.Repeat("x", min(longBytes, 60000))
		}
		b.text(column(2), e.descr, e.index)
		if e.class != 0 {
			b.objectID(column(3), vendorTypeOID(e), e.index)
			b.integer(column(4), int(e.parent), e.index)
			b.integer(column(5), e.class, e.index)
			b.integer(column(6), e.pos, e.index)
		}
		b.text(column(7), e.name, e.index)
		b.text(column(8), e.hw, e.index)
		b.text(column(9), e.fw, e.index)
		b.text(column(10), e.sw, e.index)
		b.text(column(11), e.serial, e.index)
		b.text(column(12), e.maker, e.index)
		b.text(column(13), e.pid, e.index)
		b.text(column(14), "", e.index)
		b.text(column(15), "", e.index)
		fru := 2 // TruthValue: false
		if e.fru {
			fru = 1
		}
		b.integer(column(16), fru, e.index)
	}
}

// vendorTypeOID is cevUnknown of CISCO-ENTITY-VENDORTYPE-OID-MIB, by class.
func vendorTypeOID(e entity) string {
	branch := map[int]int{
		classChassis: 3, classBackplane: 4, classContainer: 5, classPowerSupply: 6, classFan: 7,
		classSensor: 8, classModule: 9, classPort: 10, classStack: 11,
	}[e.class]
	if branch == 0 {
		return "1.3.6.1.4.1.9.12.3.1.2"
	}
	return fmt.Sprintf("1.3.6.1.4.1.9.12.3.1.%d.1", branch)
}

// entityList hands out indices while rows are added.
type entityList struct {
	rows []entity
	free uint32 // the next index that container, port and sensor rows may take
}

// add appends a row at the next free index and returns that.
func (l *entityList) add(e entity) uint32 {
	if e.index == 0 {
		e.index = l.free
		l.free++
	}
	l.rows = append(l.rows, e)
	return e.index
}

// container adds a row without a serial, into which a part goes.
func (l *entityList) container(parent uint32, pos int, name string) uint32 {
	return l.add(entity{parent: parent, class: classContainer, pos: pos, name: name, descr: name, unlisted: true})
}

// sensors add rows without serial below the parent.
func (l *entityList) sensors(parent uint32, names ...string) {
	for i, name := range names {
		l.add(entity{parent: parent, class: classSensor, pos: i, name: name, descr: name, unlisted: true})
	}
}

// ports add interface rows without serial below the parent.
func (l *entityList) ports(parent uint32, n int, format string) {
	for i := range n {
		name := fmt.Sprintf(format, i+1)
		l.add(entity{parent: parent, class: classPort, pos: i + 1, name: name, descr: name, unlisted: true})
	}
}

// partEntity is the row of a part, without index and place.
func partEntity(p Part, name, descr string) entity {
	return entity{
		class: classNumber(p.Class), name: orElse(p.Name, name), descr: orElse(p.Description, descr),
		hw: p.VID, serial: p.Serial, pid: p.PID, fru: true, maker: "Cisco Systems, Inc.",
	}
}

func orElse(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}

// portCount guesses how many ports a product has from its PID: 48 of
// "C9300-48P". It is for looks only.
func portCount(pid string) int {
	run := 0
	for _, field := range strings.FieldsFunc(pid, func(r rune) bool { return r < '0' || r > '9' }) {
		switch field {
		case "8", "10", "12", "16", "18", "24", "28", "48", "52":
			run = max(run, atoi(field))
		}
	}
	return run
}

func atoi(digits string) int {
	n := 0
	for _, r := range digits {
		n = n*10 + int(r-'0')
	}
	return n
}

// pad fills with spaces to the width, as devices do with serials and PIDs read
// from a module's memory.
func pad(s string, width int) string { return fmt.Sprintf("%-*s", width, s) }
