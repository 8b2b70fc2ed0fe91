package simdevice

import (
	"fmt"
	"strings"

	"rollcall/pkg/inventory"
)

// iosxeShape is IOS-XE: Catalyst stacks, StackWise Virtual pairs, ISR and ASR
// routers, and the C9800 wireless controller.
func iosxeShape(d Device) shape {
	return shape{
		sysDescr: iosxeDescr, objectID: iosxeObjectID, entities: iosxeEntities, lastChange: true,
		tables: iosxeTables, cli: iosDialect(d),
	}
}

func isWirelessController(d Device) bool { return strings.HasPrefix(d.model(), "C9800") }

// isNextGeneration says that stack members lie at 1000, 2000 and so on, and the
// root row copies the active member: Catalyst 3650, 3850 and 9000.
func isNextGeneration(d Device) bool { return d.Platform == inventory.PlatformIOSXE }

// codename is the train's name, which IOS-XE puts into sysDescr from 16 on.
func codename(d Device) string {
	first, second := majorMinor(d)
	for _, t := range []struct {
		first, second int
		name          string
	}{
		{17, 13, "IOSXE"},
		{17, 10, "Dublin"},
		{17, 7, "Cupertino"},
		{17, 4, "Bengaluru"},
		{17, 1, "Amsterdam"},
		{16, 10, "Gibraltar"},
		{16, 7, "Fuji"},
		{16, 4, "Everest"},
		{16, 1, "Denali"},
	} {
		if first > t.first || (first == t.first && second >= t.second) {
			return t.name
		}
	}
	return ""
}

func iosxeSoftware(d Device) string {
	switch {
	case isWirelessController(d):
		return "C9800 Software (C9800_IOSXE-K9)"
	case strings.HasPrefix(d.model(), "C9"):
		return "Catalyst L3 Switch Software (CAT9K_IOSXE)"
	case isSwitch(d.model()):
		return "Catalyst L3 Switch Software (CAT3K_CAA-UNIVERSALK9-M)"
	}
	return "ISR Software (X86_64_LINUX_IOSD-UNIVERSALK9-M)"
}

func iosxeDescr(d Device) string {
	train := "Cisco IOS Software, IOS-XE Software"
	if name := codename(d); name != "" {
		train = "Cisco IOS Software [" + name + "]"
	}
	return fmt.Sprintf("%s, %s, Version %s, RELEASE SOFTWARE (fc1)\r\nTechnical Support: http://www.cisco.com/techsupport\r\n"+
		"Copyright (c) 1986-2023 by Cisco Systems, Inc.\r\nCompiled Tue 18-Jul-23 09:35 by mcpre", train, iosxeSoftware(d), d.Software)
}

func iosxeObjectID(d Device) string {
	for _, known := range []struct{ prefix, id string }{
		{"C9300", "2494"}, {"C9800", "2530"}, {"WS-C3850", "1745"}, {"WS-C3650", "1745"}, {"ISR43", "2093"}, {"IR1101", "2661"},
	} {
		if strings.HasPrefix(d.model(), known.prefix) {
			return "1.3.6.1.4.1.9.1." + known.id
		}
	}
	return "1.3.6.1.4.1.9.1.2494"
}

func iosxeEntities(d Device) []entity {
	switch {
	case isWirelessController(d):
		return wirelessControllerEntities(d)
	case isModular(d.model()):
		return modularEntities(d)
	case isSwitch(d.model()):
		return stackWiseEntities(d)
	}
	return isrEntities(d)
}

// stackWiseEntities are a Catalyst 3850 or 9300 stack's: the class 11 root
// row repeats the active member's serial and PID.
func stackWiseEntities(d Device) []entity {
	active := d.Units[0]
	family := "c93xx"
	if strings.HasPrefix(active.PID, "WS-C3") {
		family = "c38xx"
	}
	l := &entityList{}
	l.add(entity{
		index: 1, class: classStack, pos: -1, name: family + " Stack", descr: family + " Stack", hw: active.VID,
		serial: active.Serial, pid: active.PID, unlisted: len(d.Units) == 1,
	})
	for i, u := range d.Units {
		if u.Absent {
			l.add(entity{index: uint32(i+1) * 1000, parent: 1, class: classChassis, pos: i, name: fmt.Sprintf("Switch %d", i+1), descr: u.PID})
			continue
		}
		stackWiseUnit(l, d, u, i+1)
	}
	return l.rows
}

func stackWiseUnit(l *entityList, d Device, u Unit, n int) {
	l.free = uint32(n)*1000 + 1
	label := fmt.Sprintf("Switch %d", n)
	chassis := l.add(entity{
		index: uint32(n) * 1000, parent: 1, class: classChassis, pos: n - 1, name: label, descr: orElse(u.Description, u.PID), hw: u.VID,
		fw: "17.9.1r", sw: d.Software, serial: u.Serial, pid: u.PID, maker: "Cisco Systems Inc", fru: true,
	})
	cables, supplies, modules, optics := 0, 0, 0, 0
	for _, p := range u.Parts {
		row := entity{}
		switch class := classNumber(p.Class); {
		case inventory.IsCablePID(p.PID) && strings.HasPrefix(p.PID, "STACK-"):
			cables++
			row = partEntity(p, fmt.Sprintf("StackPort%d/%d", n, cables), fmt.Sprintf("StackPort%d/%d", n, cables))
			row.class, row.parent, row.fru = classOther, chassis, false
		case class == classPowerSupply:
			bay := string(rune('A' + supplies))
			supplies++
			name := label + " - Power Supply " + bay
			row = partEntity(p, name, name)
			row.parent = l.container(chassis, supplies, name+" Container")
		case class == classFan:
			row = partEntity(p, fmt.Sprintf("%s - Fan %d", label, len(l.rows)), "Fan")
			row.parent = l.container(chassis, 4, label+" - Fan Container")
		case class == classPort:
			optics++
			row = partEntity(p, fmt.Sprintf("Te%d/1/%d", n, optics), p.PID)
			row.parent = l.container(chassis, optics, fmt.Sprintf("Te%d/1/%d Container", n, optics))
			row.serial, row.pid = pad(p.Serial, 16), pad(p.PID, 20)
		default:
			modules++
			row = partEntity(p, fmt.Sprintf("%s FRU Uplink Module %d", label, modules), p.PID)
			row.parent = l.container(chassis, 5, fmt.Sprintf("%s FRU Uplink Module %d Container", label, modules))
		}
		l.add(row)
	}
	l.sensors(chassis, label+" - Inlet Temp Sensor", label+" - Outlet Temp Sensor", label+" - HotSpot Temp Sensor")
	l.ports(chassis, portCount(u.PID), fmt.Sprintf("GigabitEthernet%d/0/", n)+"%d")
}

// bogusModuleSerial stands on built-in modules of every ISR4321 alike
// (netdisco, nav#1701).
const bogusModuleSerial = "JAB092709EL"

// isrEntities are an ISR4000 router's: built-in controllers with the chassis's
// PID, and serials that are no serials.
func isrEntities(d Device) []entity {
	u := d.Units[0]
	base, _, _ := strings.Cut(u.PID, "/")
	l := &entityList{free: 2}
	chassis := l.add(entity{
		index: 1, class: classChassis, pos: -1, name: "Chassis", descr: orElse(u.Description, "Cisco "+base+" Chassis"), hw: u.VID,
		sw: d.Software, serial: u.Serial, pid: u.PID, maker: "Cisco Systems Inc", fru: true,
	})
	bay := l.container(chassis, 9, "Power Supply Bay 0")
	supplies := 0
	for _, p := range u.Parts {
		if classNumber(p.Class) != classPowerSupply {
			continue
		}
		row := partEntity(p, fmt.Sprintf("Power Supply Module %d", supplies), "AC Power Supply for Cisco "+base)
		row.parent = bay
		supplies++
		at := l.add(row)
		l.add(entity{parent: at, class: classFan, name: fmt.Sprintf("Fan 0/%d", supplies), descr: "Fan", unlisted: true})
	}
	l.add(entity{
		parent: chassis, class: classFan, name: "Fan Tray", descr: "Cisco " + base + " Fan Assembly",
		pid: "ACS-" + strings.TrimPrefix(base, "ISR") + "-FANASSY",
	})
	l.free = 1000
	controller := l.add(entity{
		parent: chassis, class: classModule, name: "module 0", descr: "Cisco " + base + " Built-In NIM controller", sw: d.Software,
		serial: bogusModuleSerial, pid: u.PID,
	})
	isrModules(l, u, base, controller)
	l.free = 7000
	processor := l.add(entity{
		parent: chassis, class: classModule, pos: 6, name: "module R0", descr: "Cisco " + base + " Route Processor", hw: u.VID,
		sw: d.Software, serial: boardSerial(u.Serial), pid: u.PID, maker: "Cisco Systems Inc",
	})
	l.sensors(processor, "Temp: Inlet", "Temp: Outlet", "Temp: CPU", "V: 12v", "V: 5v", "V: 3.3v")
	l.free = 9000
	l.add(entity{
		parent: chassis, class: classModule, pos: 7, name: "module F0", descr: "Cisco " + base + " Forwarding Processor",
		sw: d.Software, pid: u.PID,
	})
	return l.rows
}

func isrModules(l *entityList, u Unit, base string, controller uint32) {
	front := l.add(entity{
		parent: controller, class: classModule, name: "NIM subslot 0/0", descr: "Front Panel 3 ports Gigabitethernet Module", hw: "V01",
		serial: bogusModuleSerial, pid: base + "-3x1GE",
	})
	l.ports(front, 3, "GigabitEthernet0/0/%d")
	slots, optics := 0, 0
	for _, p := range u.Parts {
		var row entity
		switch classNumber(p.Class) {
		case classPowerSupply:
			continue
		case classPort:
			row = partEntity(p, fmt.Sprintf("subslot 0/0 transceiver %d", optics), p.PID)
			row.class = classModule // what Catalyst 9000 calls a port
			row.parent = l.container(front, optics, fmt.Sprintf("subslot 0/0 transceiver container %d", optics))
			row.serial, row.pid, row.maker = pad(p.Serial, 16), pad(p.PID, 20), pad("CISCO", 16)
			optics++
		default:
			slots++
			row = partEntity(p, fmt.Sprintf("NIM subslot 0/%d", slots), p.PID)
			row.parent = l.container(controller, slots, fmt.Sprintf("subslot 0/%d", slots))
		}
		l.add(row)
	}
}

// wirelessControllerEntities are a C9800's: one chassis, two in a high
// availability pair. Access points are in bsnAPTable.
func wirelessControllerEntities(d Device) []entity {
	l := &entityList{}
	for i, u := range d.Units {
		name := fmt.Sprintf("Chassis %d", i+1)
		l.free = uint32(i)*1000 + 2
		chassis := l.add(entity{
			index: l.free - 1, class: classChassis, pos: i, name: name, descr: orElse(u.Description, "Cisco "+u.PID+" Chassis"),
			hw: u.VID, sw: d.Software, serial: u.Serial, pid: u.PID, maker: "Cisco Systems Inc", fru: true,
		})
		supplies := 0
		for _, p := range u.Parts {
			if isAccessPoint(p) {
				continue
			}
			row := partEntity(p, fmt.Sprintf("%s module %d", name, supplies), p.PID)
			if row.class == classPowerSupply {
				row.name = fmt.Sprintf("%s Power Supply Module %d", name, supplies)
			}
			row.parent = l.container(chassis, supplies, row.name+" Bay")
			supplies++
			l.add(row)
		}
		l.sensors(chassis, name+" Temp: Inlet", name+" Temp: Outlet")
	}
	return l.rows
}

func iosxeTables(d Device, b *builder) {
	if isWirelessController(d) {
		addAccessPoints(d, b)
		return
	}
	b.text(oldChassis+"3.0", d.Units[0].Serial)
	addStackWise(d, b)
}
