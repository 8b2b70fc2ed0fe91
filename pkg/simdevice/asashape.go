package simdevice

import (
	"fmt"
	"strings"
)

// asaShape is an ASA firewall.
func asaShape() shape {
	return shape{
		sysDescr:   func(d Device) string { return "Cisco Adaptive Security Appliance Version " + d.Software },
		objectID:   fixed("1.3.6.1.4.1.9.1.2404"),
		entities:   asaEntities,
		lastChange: true,
		cli:        asaDialect(),
	}
}

// asaEntities give power supplies a serial that is not of Cisco's form, and no
// PID.
func asaEntities(d Device) []entity {
	u := d.Units[0]
	l := &entityList{free: 2}
	chassis := l.add(entity{
		index: 1, class: classChassis, name: "Chassis", descr: orElse(u.Description, u.PID+" Adaptive Security Appliance"), hw: u.VID,
		sw: d.Software, serial: u.Serial, pid: u.PID, maker: "cisco Systems Inc.",
	})
	for i := range 4 {
		l.add(entity{
			parent: chassis, class: classCPU, pos: i, name: fmt.Sprintf("Processor 0/%d", i),
			descr: strings.TrimSuffix(u.PID, "-X") + " CPU", unlisted: true,
		})
	}
	supplies := 0
	for i, p := range u.Parts {
		row := partEntity(p, fmt.Sprintf("module %d", i+1), p.PID)
		row.parent, row.pos = chassis, i
		if row.class == classPowerSupply {
			row.name = fmt.Sprintf("Power Supply %d", supplies)
			row.descr, row.pid, row.hw, row.maker = row.name, "", "", ""
			supplies++
		}
		l.add(row)
	}
	for i := range 2 {
		l.add(entity{parent: chassis, class: classFan, pos: i, name: fmt.Sprintf("Chassis Fan %d", i+1), descr: "Chassis Fan", unlisted: true})
	}
	l.sensors(chassis, "CPU Temperature 0/0", "Chassis Ambient Temperature 1", "Chassis Fan Speed 1")
	l.ports(chassis, 8, "GigabitEthernet0/%d")
	return l.rows
}

// asaListings have the PIDs that SNMP leaves out.
func asaListings(d Device) []listing {
	u := d.Units[0]
	rows := []listing{{"Chassis", orElse(u.Description, u.PID+" Adaptive Security Appliance"), u.PID, u.VID, u.Serial}}
	supplies := 0
	for i, p := range u.Parts {
		row := listing{orElse(p.Name, fmt.Sprintf("module %d", i+1)), orElse(p.Description, p.PID), orElse(p.PID, "N/A"), orElse(p.VID, "N/A"), p.Serial}
		if classNumber(p.Class) == classPowerSupply {
			row.name = fmt.Sprintf("power supply %d", supplies)
			row.descr = orElse(p.Description, u.PID+" AC Power Supply")
			supplies++
		}
		rows = append(rows, row)
	}
	return rows
}

// ftdShape is Firepower Threat Defense: rows without class or containment, the
// chassis row without a serial, and a fan tray that has one.
func ftdShape() shape {
	return shape{
		sysDescr: func(d Device) string {
			return fmt.Sprintf("Cisco Firepower Threat Defense, Version %s (Build 208), ASA Version 9.18(3)39", d.Software)
		},
		objectID: fixed("1.3.6.1.4.1.9.1.3055"),
		entities: ftdEntities,
		cli:      ftdDialect(),
	}
}

func ftdEntities(d Device) []entity {
	l := &entityList{free: 9}
	l.add(entity{name: "CHASSIS-1"})
	for i, p := range d.Units[0].Parts {
		name := fmt.Sprintf("MODULE-%d", i+1)
		switch classNumber(p.Class) {
		case classFan:
			name = fmt.Sprintf("FAN TRAY-%d", i+1)
		case classPowerSupply:
			name = fmt.Sprintf("PSU-%d", i+1)
		}
		l.add(entity{name: name, serial: p.Serial})
		l.add(entity{name: fmt.Sprintf("FAN-%d", i+1)})
	}
	return l.rows
}

// fxosShape is the supervisor of a Firepower chassis: no ENTITY-MIB, but
// CISCO-FIREPOWER-EQUIPMENT-MIB.
func fxosShape() shape {
	return shape{
		sysDescr: func(d Device) string {
			return fmt.Sprintf("Cisco FX-OS(tm) fxos-k9-system.5.0.3.N2.%s.SPA, Software (fxos), Version %s", d.Software, d.Software)
		},
		objectID: fixed("1.3.6.1.4.1.9.1.2295"),
		tables:   fxosTables,
		cli:      fxosDialect(),
	}
}

// firepower is ciscoFirepowerMIBObjects.
const firepower = "1.3.6.1.4.1.9.9.826.1."

func fxosTables(d Device, b *builder) {
	for i, u := range d.Units {
		n := uint32(i + 1)
		dn := fmt.Sprintf("sys/chassis-%d", n)
		b.text(firepower+"20.21.1.2", dn, n)
		b.text(firepower+"20.21.1.27", u.PID, n)
		b.text(firepower+"20.21.1.37", u.Serial, n)
		for j, p := range u.Parts {
			k := n*1000 + uint32(j+1)
			switch classNumber(p.Class) {
			case classPowerSupply:
				b.text(firepower+"20.109.1.2", fmt.Sprintf("%s/psu-%d", dn, j+1), k)
				b.text(firepower+"20.109.1.7", p.PID, k)
				b.text(firepower+"20.109.1.21", p.Serial, k)
			case classFan:
				b.text(firepower+"20.35.1.2", fmt.Sprintf("%s/fan-module-%d", dn, j+1), k)
				b.text(firepower+"20.35.1.7", p.PID, k)
				b.text(firepower+"20.35.1.16", p.Serial, k)
			default:
				b.text(firepower+"12.2.1.2", fmt.Sprintf("%s/blade-%d", dn, j+1), k)
				b.text(firepower+"12.2.1.36", p.PID, k)
				b.text(firepower+"12.2.1.56", p.Serial, k)
			}
		}
	}
}
