package simdevice

import (
	"fmt"
	"strings"

	"rollcall/pkg/inventory"
)

// smbShape is the Small Business family, SG/SF/CBS/C1200/C1300, and Linksys
// switches, which are of the same make and no longer Cisco's.
func smbShape(d Device) shape {
	sh := shape{sysDescr: smbDescr, objectID: smbObjectID, entities: smbEntities, tables: smbTables, cli: smbDialect(d)}
	if d.Platform == inventory.PlatformLinksys {
		sh.objectID = fixed("1.3.6.1.4.1.3955.1000.3.18.2")
	}
	return sh
}

func smbDescr(d Device) string {
	u := d.Units[0]
	return orElse(u.Description, fmt.Sprintf("%s %d-Port Gigabit Managed Switch", d.model(), max(portCount(u.PID), 8)))
}

func smbObjectID(d Device) string {
	switch {
	case strings.HasPrefix(d.model(), "CBS"):
		return "1.3.6.1.4.1.9.6.1.1004.28.5"
	case strings.HasPrefix(d.model(), "C1"):
		return "1.3.6.1.4.1.9.1.3210"
	}
	return "1.3.6.1.4.1.9.6.1.94.24.5"
}

// isStackableSMB are the families whose MIB always has a stack, with phantom
// rows for the units that could be there.
func isStackableSMB(d Device) bool {
	return len(d.Units) > 1 || strings.Contains(d.model(), "50X") || strings.Contains(d.model(), "550")
}

// smbUnitIndex is the index of a unit's chassis row: 67,109,120 for the first.
func smbUnitIndex(unit int) uint32 { return uint32(unit)<<26 + 256 }

// smbStackUnits is how many units the table of a stack has rows for.
const smbStackUnits = 4

func smbEntities(d Device) []entity {
	l := &entityList{}
	root := uint32(0)
	if isStackableSMB(d) {
		root = l.add(entity{index: 128, class: classStack, pos: -1, name: "Stack", descr: "Stack"})
	}
	maker := "Cisco"
	if d.Platform == inventory.PlatformLinksys {
		maker = "Linksys"
	}
	for i, u := range d.Units {
		pos, name := -1, d.model()
		if root != 0 {
			pos, name = i+1, fmt.Sprintf("%s Stack Unit %d", u.PID, i+1)
		}
		pid := u.PID
		if maker == "Linksys" {
			pid = "Linksys " + pid
		}
		start := smbUnitIndex(i + 1)
		row := entity{
			index: start, parent: root, class: classChassis, pos: pos, name: name, descr: orElse(u.Description, smbDescr(d)),
			hw: u.VID, fw: "1.0.0.22", sw: d.Software, serial: u.Serial, pid: pid, maker: maker,
		}
		if u.Absent {
			row = entity{index: start, parent: root, class: classChassis, pos: pos}
		}
		l.add(row)
		l.free = start + 385
		l.add(entity{parent: start, class: classPowerSupply, pos: 31, name: "Main PowerSupply", descr: "PowerSupply", fru: true})
		l.free = start + 1049344
		slot := l.container(start, 1, "Slot")
		l.free += 262655
		board := l.add(entity{parent: slot, class: classModule, pos: 1, descr: "motherboard"})
		l.sensors(board, "Thermal Sensor 1", "Thermal Sensor 2")
		l.ports(board, portCount(u.PID), "gi%d")
		for n, p := range u.Parts {
			part := partEntity(p, fmt.Sprintf("part %d", n+1), p.PID)
			part.parent, part.pos = board, n+1
			l.add(part)
		}
	}
	if root != 0 {
		for unit := len(d.Units) + 1; unit <= smbStackUnits; unit++ {
			l.add(entity{index: smbUnitIndex(unit), parent: root, class: classChassis, pos: unit})
		}
	}
	return l.rows
}

// smbTables adds rlPhdUnitGenParam of CISCOSB-Physicaldescription-MIB, or of
// the same MIB at Linksys.
func smbTables(d Device, b *builder) {
	table := "1.3.6.1.4.1.9.6.1.101.53.14.1."
	maker := "Cisco Systems, Inc."
	if d.Platform == inventory.PlatformLinksys {
		table, maker = "1.3.6.1.4.1.3955.1000.201.53.14.1.", "Linksys"
	}
	for i, u := range d.Units {
		if u.Absent {
			continue
		}
		n := uint32(i + 1)
		b.integer(table+"1", i+1, n)
		b.text(table+"2", d.Software, n)
		b.text(table+"3", "1.0.0.22", n)
		b.text(table+"4", u.VID, n)
		b.text(table+"5", u.Serial, n)
		b.text(table+"7", u.PID, n)
		b.text(table+"10", maker, n)
		b.text(table+"11", u.PID, n)
	}
}
