package simdevice

import (
	"fmt"

	"rollcall/pkg/inventory"
)

// aireosShape is an AireOS wireless controller and its access points.
func aireosShape() shape {
	return shape{
		sysDescr: fixed("Cisco Controller"), objectID: fixed("1.3.6.1.4.1.9.1.1069"), entities: aireosEntities,
		tables: aireosTables, cli: aireosDialect(),
	}
}

// An accessPoint is an AP that a controller knows.
type accessPoint struct{ name, pid, vid, serial, descr string }

// isAccessPoint says that the part of a controller is an access point.
func isAccessPoint(p Part) bool { return p.Class == inventory.ClassChassis }

// accessPoints are the units after the first of an AireOS controller, and the
// parts of class chassis of any.
func accessPoints(d Device) []accessPoint {
	var aps []accessPoint
	add := func(name, pid, vid, serial, descr string) {
		name = orElse(name, fmt.Sprintf("AP-%02d", len(aps)+1))
		aps = append(aps, accessPoint{name, pid, vid, serial, orElse(descr, "Cisco Access Point")})
	}
	for i, u := range d.Units {
		if i > 0 && d.Platform == inventory.PlatformAireOS {
			add("", u.PID, u.VID, u.Serial, u.Description)
		}
		for _, p := range u.Parts {
			if isAccessPoint(p) {
				add(p.Name, p.PID, p.VID, p.Serial, p.Description)
			}
		}
	}
	return aps
}

func aireosEntities(d Device) []entity {
	u := d.Units[0]
	l := &entityList{free: 2}
	chassis := l.add(entity{
		index: 1, class: classChassis, pos: -1, name: "Chassis", descr: orElse(u.Description, "Cisco Wireless Controller"), hw: u.VID,
		sw: d.Software, serial: u.Serial, pid: u.PID, maker: "Cisco Systems Inc.",
	})
	for i, p := range u.Parts {
		if isAccessPoint(p) {
			continue
		}
		row := partEntity(p, fmt.Sprintf("Slot %d", i+1), p.PID)
		row.parent = chassis
		l.add(row)
	}
	l.ports(chassis, 4, "Port %d")
	return l.rows
}

// airespace is the root of AIRESPACE-SWITCHING-MIB and AIRESPACE-WIRELESS-MIB.
const airespace = "1.3.6.1.4.1.14179."

func aireosTables(d Device, b *builder) {
	u := d.Units[0]
	mac := macAddress(u.Serial)
	const group = airespace + "1.1.1." // agentInventory
	b.text(group+"2.0", "")
	b.text(group+"3.0", u.PID)
	b.text(group+"4.0", u.Serial)
	b.add(group+"9.0", value{tag: tagOctets, body: mac[:]})
	b.text(group+"12.0", "Cisco Systems Inc.")
	b.text(group+"13.0", "Cisco Controller")
	b.text(group+"14.0", d.Software)
	addAccessPoints(d, b)
}

// addAccessPoints adds bsnAPTable, indexed by the six octets of the AP's MAC.
func addAccessPoints(d Device, b *builder) {
	const table = airespace + "2.2.1.1."
	for i, ap := range accessPoints(d) {
		mac := macAddress(ap.serial)
		index := make([]uint32, 0, len(mac))
		for _, octet := range mac {
			index = append(index, uint32(octet))
		}
		b.add(table+"1", value{tag: tagOctets, body: mac[:]}, index...)
		b.text(table+"3", ap.name, index...)
		b.integer(table+"6", 1, index...) // associated
		b.text(table+"8", d.Software, index...)
		b.text(table+"16", ap.pid, index...)
		b.text(table+"17", ap.serial, index...)
		b.add(table+"19", value{tag: tagIPAddress, body: []byte{192, 0, 2, byte(10 + i%200)}}, index...)
		b.text(table+"31", "15.3(3)JPN1$", index...)
		b.add(table+"33", value{tag: tagOctets, body: mac[:]}, index...)
	}
}
