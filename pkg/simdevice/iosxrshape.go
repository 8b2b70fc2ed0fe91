package simdevice

import (
	"fmt"
	"strings"
)

// iosxrShape is IOS-XR: the route processor lies at index 1, and the chassis,
// the only row of class 3, at a large one.
func iosxrShape() shape {
	return shape{
		sysDescr: func(d Device) string {
			return fmt.Sprintf("Cisco IOS XR Software (Cisco %s Series),  Version %s[Default]\r\nCopyright (c) 2023 by Cisco Systems, Inc.",
				iosxrSeries(d), d.Software)
		},
		objectID: fixed("1.3.6.1.4.1.9.1.1639"), entities: iosxrEntities, lastChange: true, cli: iosxrDialect(),
	}
}

func iosxrSeries(d Device) string {
	if strings.HasPrefix(d.model(), "ASR-9") {
		return "ASR9K"
	}
	return "NCS-5500"
}

// Indices of IOS-XR rows.
const (
	iosxrProcessor = 1
	iosxrChassis   = 8384513
	iosxrFirstCard = 4194304
)

// iosxrEntities list each card twice, as the card and as its IDPROM.
func iosxrEntities(d Device) []entity {
	u := d.Units[0]
	l := &entityList{free: iosxrFirstCard}
	l.add(entity{
		index: iosxrChassis, class: classChassis, pos: -1, name: "Rack 0", descr: orElse(u.Description, u.PID+" Chassis"), hw: u.VID,
		sw: d.Software, serial: u.Serial, pid: u.PID, maker: "Cisco Systems, Inc.", fru: true,
	})
	processor := false
	cards, optics := 0, 0
	for _, p := range u.Parts {
		row := partEntity(p, "", p.PID)
		row.sw = d.Software
		switch row.class {
		case classPowerSupply:
			row.name = orElse(p.Name, fmt.Sprintf("power-module 0/PS0/M%d/SP", cards))
		case classFan:
			row.name = orElse(p.Name, fmt.Sprintf("fantray 0/FT%d/SP", cards))
		case classPort:
			row.class = classModule
			row.name = orElse(p.Name, fmt.Sprintf("module mau 0/0/0/%d", optics))
			optics++
		default:
			row.name = orElse(p.Name, fmt.Sprintf("module 0/%d/CPU0", cards))
			if strings.Contains(p.PID, "-RP") || strings.Contains(p.PID, "RSP") {
				row.name = orElse(p.Name, "module 0/RSP0/CPU0")
				if !processor {
					processor, row.index = true, iosxrProcessor
				}
			}
		}
		cards++
		row.parent = l.add(entity{parent: iosxrChassis, class: classContainer, pos: cards, name: "slot " + row.name, descr: "Slot", pid: "N/A", serial: "N/A", unlisted: true})
		at := l.add(row)
		if row.class == classModule && !strings.Contains(row.name, "mau") {
			copyOf := row
			copyOf.index, copyOf.parent, copyOf.name, copyOf.fru = 0, at, row.name+"-IDPROM", false
			copyOf.unlisted = true
			l.add(copyOf)
			l.add(entity{parent: at, class: classSensor, name: "temperature " + row.name, descr: "Inlet Temperature", pid: "N/A", unlisted: true})
		}
	}
	return l.rows
}

// iosxrListings leave the chassis out of `show inventory`, and only the admin
// plane has it.
func iosxrListings(d Device, admin bool) []listing {
	var rows []listing
	for _, l := range listings(iosxrEntities(d)) {
		if l.name == "Rack 0" {
			if !admin {
				continue
			}
			l.name = "chassis " + d.Units[0].PID
		}
		rows = append(rows, l)
		if strings.HasPrefix(l.name, "fantray") {
			rows = append(rows, listing{strings.Replace(l.name, "fantray", "fan0", 1), "Generic Fan", "N/A", "N/A", ""})
		}
	}
	return rows
}
