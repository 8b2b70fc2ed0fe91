package simdevice

import (
	"fmt"
	"strings"
)

// nxosShape is NX-OS on a fixed Nexus, with its fabric extenders.
func nxosShape() shape {
	return shape{
		sysDescr: nxosDescr, objectID: fixed("1.3.6.1.4.1.9.12.3.1.3.1163"), entities: nxosEntities, lastChange: true,
		cli: nxosDialect(),
	}
}

func nxosDescr(d Device) string {
	return fmt.Sprintf("Cisco NX-OS(tm) nxos.%s.bin, Software (nxos), Version %s, RELEASE SOFTWARE Copyright (c) 2002-2022 by Cisco Systems, Inc. "+
		"Compiled 8/31/2022 12:00:00", strings.NewReplacer("(", ".", ")", ".").Replace(d.Software), d.Software)
}

// Indices of NX-OS rows.
const (
	nxosRoot        = 10
	nxosModule      = 22
	nxosChassis     = 149
	nxosSlot        = 214
	nxosSupplyBay   = 278
	nxosFanBay      = 342
	nxosSupply      = 470
	nxosFan         = 534
	nxosPort        = 5206
	nxosTransceiver = 48854
	nxosExtender    = 1000000 // a fabric extender's chassis; the value is a guess
)

const nxosMaker = "Cisco Systems, Inc."

// nxosEntities show the chassis' serial up to three times: at the class 11
// root, the chassis, and the fixed module that is its supervisor.
func nxosEntities(d Device) []entity {
	u := d.Units[0]
	l := &entityList{}
	l.add(entity{
		index: nxosRoot, class: classStack, pos: -1, name: "Fabric Stack Root", descr: "Fabric Stack Root", hw: u.VID,
		serial: u.Serial, pid: u.PID, maker: nxosMaker, fru: true,
	})
	l.add(entity{
		index: nxosChassis, parent: nxosRoot, class: classChassis, pos: 1, name: u.PID, descr: orElse(u.Description, u.PID), hw: u.VID,
		serial: u.Serial, pid: u.PID, maker: nxosMaker,
	})
	l.add(entity{index: nxosSlot, parent: nxosChassis, class: classContainer, pos: 1, name: "LinecardSlot-1", descr: "LinecardSlot-1", pid: "ModuleSlot"})
	l.add(entity{
		index: nxosModule, parent: nxosSlot, class: classModule, pos: 1, name: "Module-1 " + nxosModuleDescr(u), descr: nxosModuleDescr(u),
		hw: u.VID, sw: d.Software, serial: u.Serial, pid: u.PID, maker: nxosMaker, fru: true,
	})
	nxosParts(l, u)
	l.free = 25000
	l.sensors(nxosModule, "module-1 FRONT", "module-1 BACK", "module-1 CPU")
	l.free = nxosPort + 200
	l.ports(nxosModule, portCount(u.PID), "Linecard-1 Port-%d")
	for i, x := range d.Units[1:] {
		nxosExtenderRows(l, x, uint32(nxosExtender*(i+1)), 101+i)
	}
	return l.rows
}

func nxosModuleDescr(u Unit) string {
	return orElse(u.Description, fmt.Sprintf("%dx10/25G Supervisor", max(portCount(u.PID), 48)))
}

func nxosParts(l *entityList, u Unit) {
	supplies, fans, optics, slots := 0, 0, 0, 1
	for _, p := range u.Parts {
		row := partEntity(p, "", p.PID)
		switch row.class {
		case classPowerSupply:
			at := uint32(supplies)
			supplies++
			bay := fmt.Sprintf("PowerSupplyBay-%d", supplies)
			l.add(entity{index: nxosSupplyBay + at, parent: nxosChassis, class: classContainer, pos: supplies, name: bay, descr: bay, pid: bay})
			row.index, row.parent, row.pos, row.name = nxosSupply+at, nxosSupplyBay+at, 1, fmt.Sprintf("PowerSupply-%d", supplies)
			l.add(row)
			fan := row // the fan inside repeats the supply's serial
			fan.index, fan.parent, fan.class, fan.fru = nxosFan+5+at*5, row.index, classFan, false
			fan.name = row.name + " Fan-1"
			fan.descr = fan.name
			l.add(fan)
			continue
		case classFan:
			fans++
			bay := fmt.Sprintf("FanBay-%d", fans)
			at := uint32(fans)
			l.add(entity{index: nxosFanBay + at, parent: nxosChassis, class: classContainer, pos: fans, name: bay, descr: bay, pid: bay})
			row.index, row.parent, row.name = nxosFan+1000+at, nxosFanBay+at, fmt.Sprintf("FanModule-%d", fans)
		case classPort:
			at := uint32(optics)
			optics++
			row.class = classModule // NX-OS calls a transceiver a module
			row.index, row.parent = nxosTransceiver+at, nxosPort+at
			l.add(entity{index: row.parent, parent: nxosModule, class: classPort, pos: optics, name: fmt.Sprintf("Linecard-1 Port-%d cage", optics)})
			row.name = fmt.Sprintf("Transceiver(slot:1-port:%d)", optics)
			row.descr = row.name
		default:
			slots++
			row.index, row.parent, row.name = nxosModule+uint32(slots)-1, nxosSlot, fmt.Sprintf("Module-%d %s", slots, orElse(p.Description, p.PID))
		}
		l.add(row)
	}
}

func nxosExtenderRows(l *entityList, u Unit, start uint32, number int) {
	name := fmt.Sprintf("Fex-%d Nexus Chassis", number)
	l.free = start + 1
	chassis := l.add(entity{
		index: start, parent: nxosRoot, class: classChassis, pos: number, name: name, descr: orElse(u.Description, u.PID+" Fabric Extender"),
		hw: u.VID, serial: u.Serial, pid: u.PID, maker: nxosMaker, fru: true,
	})
	for i, p := range u.Parts {
		row := partEntity(p, fmt.Sprintf("Fex-%d part %d", number, i+1), p.PID)
		row.parent = chassis
		l.add(row)
	}
}

// nxosListings are what `show inventory` says, which words and numbers the
// same parts otherwise than SNMP does. Extenders and transceivers are in
// `show inventory all` only.
func nxosListings(d Device, all bool) []listing {
	u := d.Units[0]
	family := nxosFamily(u.PID)
	rows := []listing{
		{"Chassis", orElse(u.Description, family+" Chassis"), u.PID, u.VID, u.Serial},
		{"Slot 1", nxosModuleDescr(u), u.PID, u.VID, u.Serial},
	}
	slots, supplies, fans, optics := 1, 0, 0, 0
	for _, p := range u.Parts {
		row := listing{p.Name, p.Description, p.PID, p.VID, orElse(p.Serial, "N/A")}
		switch classNumber(p.Class) {
		case classPowerSupply:
			supplies++
			row.name, row.descr = fmt.Sprintf("Power Supply %d", supplies), orElse(p.Description, family+" Chassis Power Supply")
		case classFan:
			fans++
			row.name, row.descr = fmt.Sprintf("Fan %d", fans), orElse(p.Description, family+" Chassis Fan Module")
		case classPort:
			optics++
			if !all {
				continue
			}
			row.name, row.descr = fmt.Sprintf("Ethernet1/%d", optics), orElse(p.Description, "CISCO transceiver")
		default:
			slots++
			row.name, row.descr = fmt.Sprintf("Slot %d", slots), orElse(p.Description, p.PID)
		}
		rows = append(rows, row)
	}
	if !all {
		return rows
	}
	for i, x := range d.Units[1:] {
		name := fmt.Sprintf("FEX %d CHASSIS", 101+i)
		rows = append(rows, listing{name, orElse(x.Description, x.PID+" CHASSIS"), x.PID, x.VID, x.Serial})
		for n, p := range x.Parts {
			rows = append(rows, listing{fmt.Sprintf("FEX %d Part %d", 101+i, n+1), p.PID, p.PID, p.VID, p.Serial})
		}
	}
	return rows
}

// nxosFamily makes "Nexus9000 C93180YC-FX" of "N9K-C93180YC-FX".
func nxosFamily(pid string) string {
	generation, rest, ok := strings.Cut(pid, "K-")
	if !ok || !strings.HasPrefix(generation, "N") {
		return pid
	}
	return "Nexus" + strings.TrimPrefix(generation, "N") + "000 " + rest
}
