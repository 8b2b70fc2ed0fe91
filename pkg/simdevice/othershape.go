package simdevice

import (
	"fmt"
)

// catosShape is CatOS: CISCO-STACK-MIB alone.
func catosShape() shape {
	return shape{
		sysDescr: func(d Device) string {
			return fmt.Sprintf("Cisco Systems %s\r\nCisco Catalyst Operating System Software, Version %s\r\nCopyright (c) 1995-2009 by Cisco Systems\r\n",
				d.model(), d.Software)
		},
		objectID: fixed("1.3.6.1.4.1.9.5.44"), tables: catosTables, cli: catosDialect(),
	}
}

// catosTables give serials as strings; the deprecated integer objects answer
// 0 when a serial is alphanumeric.
func catosTables(d Device, b *builder) {
	const chassis, module = "1.3.6.1.4.1.9.5.1.2.", "1.3.6.1.4.1.9.5.1.3.1.1."
	u := d.Units[0]
	b.integer(chassis+"14.0", 6)
	b.text(chassis+"16.0", u.PID)
	b.integer(chassis+"17.0", numericSerial(u.Serial))
	b.text(chassis+"19.0", u.Serial)
	for i, p := range catosModules(u) {
		n := uint32(i + 1)
		b.integer(module+"1", i+1, n)
		b.integer(module+"2", 1, n)
		b.integer(module+"3", numericSerial(p.Serial), n)
		b.text(module+"13", p.Name, n)
		b.text(module+"17", p.PID, n)
		b.text(module+"18", "3.1", n)
		b.text(module+"19", "8.1(3)", n)
		b.text(module+"20", d.Software, n)
		b.integer(module+"25", i+1, n)
		b.text(module+"26", p.Serial, n)
	}
}

// cimcShape is the management controller of a UCS C-series server.
func cimcShape() shape {
	return shape{
		sysDescr: func(d Device) string {
			return fmt.Sprintf("Cisco Integrated Management Controller(Cisco IMC) [%s\n], Firmware Version %s Copyright (c) 2008-2022, Cisco Systems, Inc.",
				d.model(), d.Software)
		},
		objectID: fixed("1.3.6.1.4.1.9.1.2178"), tables: cimcTables, cli: cimcDialect(),
	}
}

// cimcTables are those of CISCO-UNIFIED-COMPUTING-MIB with the instance that
// servers of the fourth generation use, 1; the sixth uses 0.
func cimcTables(d Device, b *builder) {
	const ucs = "1.3.6.1.4.1.9.9.719.1."
	for i, u := range d.Units {
		n := uint32(i + 1)
		b.text(ucs+"9.35.1.2", fmt.Sprintf("sys/rack-unit-%d", n), n)
		b.text(ucs+"9.35.1.32", u.PID, n)
		b.text(ucs+"9.35.1.47", u.Serial, n)
		b.text(ucs+"9.6.1.6", u.PID, n)
		b.text(ucs+"9.6.1.14", u.Serial, n)
		supply, other := uint32(0), uint32(0)
		for _, p := range u.Parts {
			if classNumber(p.Class) == classPowerSupply {
				supply++
				b.text(ucs+"15.56.1.2", fmt.Sprintf("sys/rack-unit-%d/psu-%d", n, supply), n*1000+supply)
				b.text(ucs+"15.56.1.6", p.PID, n*1000+supply)
				b.text(ucs+"15.56.1.13", p.Serial, n*1000+supply)
				continue
			}
			other++
			b.text(ucs+"45.4.1.7", p.PID, n*1000+other)
			b.text(ucs+"45.4.1.12", p.Serial, n*1000+other)
		}
	}
}

// iseShape is an Identity Services Engine appliance: one root row of class
// other.
func iseShape() shape {
	return shape{
		sysDescr: fixed("Cisco Identity Services Engine"), objectID: fixed("1.3.6.1.4.1.9.1.2266"),
		entities: func(d Device) []entity {
			u := d.Units[0]
			return []entity{{
				index: 1, class: classOther, pos: -1, descr: "Cisco Application Deployment Engine", hw: u.VID,
				sw: "Cisco ADE-OS " + d.Software, serial: u.Serial, pid: u.PID, maker: "Cisco Systems Inc.",
			}}
		},
		cli: iseDialect(),
	}
}

// apicShape is an ACI controller: its serial is in sysDescr.
func apicShape() shape {
	return shape{
		sysDescr: func(d Device) string {
			return fmt.Sprintf("APIC VERSION %s; PID %s; Serial %s", d.Software, d.Units[0].PID, d.Units[0].Serial)
		},
		objectID: fixed("1.3.6.1.4.1.9.1.2238"), cli: apicDialect(),
	}
}

// merakiShape is a cloud-managed switch: a root row of class other and a
// chassis below it with the same serial.
func merakiShape() shape {
	return shape{
		sysDescr: func(d Device) string { return "Meraki " + d.model() }, objectID: fixed("1.3.6.1.4.1.29671.2.100"),
		entities: func(d Device) []entity {
			u := d.Units[0]
			root := entity{index: 1, class: classOther, pos: -1, name: u.PID, descr: "Meraki " + u.PID, serial: u.Serial, pid: u.PID, maker: "Meraki"}
			chassis := root
			chassis.index, chassis.parent, chassis.class, chassis.pos = 2, 1, classChassis, 1
			return []entity{root, chassis}
		},
		cli: merakiDialect(),
	}
}

// addPhones adds LLDP-MED's remote inventory, indexed by time, port and
// neighbour. The extension's number is 4795 (0x12bb).
func addPhones(d Device, b *builder) {
	const table = "1.0.8802.1.1.2.1.5.4795.1.3.3.1."
	const neighbours = "1.0.8802.1.1.2.1.4.1.1."
	for i, p := range d.Phones {
		index := []uint32{0, max(p.Port, 1), uint32(i + 1)}
		mac := macAddress(p.Serial)
		b.integer(neighbours+"4", 5, index...) // chassis id: network address
		b.add(neighbours+"5", value{tag: tagOctets, body: []byte{1, 192, 0, 2, byte(100 + i%100)}}, index...)
		b.add(neighbours+"7", value{tag: tagOctets, body: mac[:]}, index...)
		b.text(neighbours+"9", p.Name, index...)
		b.text(neighbours+"10", "Cisco IP Phone "+p.PID, index...)
		b.text(table+"1", "", index...)
		b.text(table+"2", "", index...)
		b.text(table+"3", "sip88xx.14-1-1", index...)
		b.text(table+"4", p.Serial, index...)
		b.text(table+"5", "Cisco Systems, Inc.", index...)
		b.text(table+"6", p.PID, index...)
		b.text(table+"7", "", index...)
	}
}
