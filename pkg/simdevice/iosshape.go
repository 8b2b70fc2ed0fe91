package simdevice

import (
	"fmt"
	"strings"
)

// iosShape is classic IOS: fixed switches and FlexStack stacks, routers, and
// virtual switches of modular ones.
func iosShape(d Device) shape {
	sh := shape{
		sysDescr: iosDescr, objectID: iosObjectID, entities: iosEntities, lastChange: true,
		tables: iosTables, cli: iosDialect(d),
	}
	if hasNoUDI(d) {
		sh.entities = nil
	}
	return sh
}

// hasNoUDI says that the software knows neither ENTITY-MIB rows with serials
// nor `show inventory`: before 12.3(4)T, 12.0(27)S, 12.2(18)SXE5 and 12.2(25)S.
func hasNoUDI(d Device) bool {
	first, second := majorMinor(d)
	if first != 12 || second >= 3 {
		return first < 12
	}
	_, rest, _ := strings.Cut(d.Software, "(")
	build, train, _ := strings.Cut(rest, ")")
	return !strings.HasPrefix(train, "S") || atoi(strings.FieldsFunc(build+".0", notDigit)[0]) < 18
}

// imageFamily makes "C2960X" of "WS-C2960X-48FPD-L" and "C1921" of
// "CISCO1921/K9".
func imageFamily(pid string) string {
	pid = strings.TrimPrefix(strings.ToUpper(pid), "WS-")
	pid, _, _ = strings.Cut(pid, "-")
	pid, _, _ = strings.Cut(pid, "/")
	if rest, ok := strings.CutPrefix(pid, "CISCO"); ok {
		return "C" + rest
	}
	return pid
}

func iosDescr(d Device) string {
	family := imageFamily(d.model())
	if hasNoUDI(d) {
		return fmt.Sprintf("Cisco Internetwork Operating System Software \r\nIOS (tm) %s Software (%s-I-M), Version %s, RELEASE SOFTWARE (fc1)\r\n"+
			"Copyright (c) 1986-2002 by cisco Systems, Inc.\r\nCompiled Mon 25-Mar-02 20:33 by builders", family, family, d.Software)
	}
	return fmt.Sprintf("Cisco IOS Software, %s Software (%s-UNIVERSALK9-M), Version %s, RELEASE SOFTWARE (fc3)\r\n"+
		"Technical Support: http://www.cisco.com/techsupport\r\nCopyright (c) 1986-2022 by Cisco Systems, Inc.\r\n"+
		"Compiled Tue 10-May-22 06:40 by prod_rel_team", family, family, d.Software)
}

func iosObjectID(d Device) string {
	model := d.model()
	for _, known := range []struct{ prefix, id string }{
		{"WS-C2960X", "1208"},
		{"WS-C2960S", "1208"},
		{"WS-C3560G-24TS", "615"},
		{"WS-C3560", "634"},
		{"WS-C4948E", "1178"},
		{"IR809", "2105"},
		{"WS-C3750", "516"},
	} {
		if strings.HasPrefix(model, known.prefix) {
			return "1.3.6.1.4.1.9.1." + known.id
		}
	}
	return "1.3.6.1.4.1.9.1.1045" // a Cisco 2911
}

// isStackable says that the switch is of a family with a stack root row, even
// when it stands alone.
func isStackable(d Device) bool {
	if len(d.Units) > 1 {
		return true
	}
	for _, p := range []string{"WS-C2960X", "WS-C2960S", "WS-C2960XR", "WS-C3750"} {
		if strings.HasPrefix(d.model(), p) {
			return true
		}
	}
	return false
}

// isModular says that two units are one virtual switch (VSS, StackWise
// Virtual) and not a stack.
func isModular(pid string) bool {
	for _, p := range []string{"WS-C65", "WS-C68", "WS-C45", "C9400", "C94", "C9500", "C9600", "C96", "C95"} {
		if strings.HasPrefix(pid, p) {
			return true
		}
	}
	return false
}

func isSwitch(pid string) bool {
	if strings.HasPrefix(pid, "C9800") {
		return false
	}
	return strings.HasPrefix(pid, "WS-C") || strings.HasPrefix(pid, "C9") || strings.HasPrefix(pid, "IE-")
}

func iosEntities(d Device) []entity {
	switch {
	case isModular(d.model()):
		return modularEntities(d)
	case isSwitch(d.model()) && isStackable(d):
		return flexStackEntities(d)
	case isSwitch(d.model()):
		l := &entityList{}
		iosSwitchUnit(l, d, 0, 0)
		return l.rows
	}
	return routerEntities(d)
}

// flexStackEntities are a 2960-X stack's: root row 1 without a serial, members
// at 1001, 2001 and so on.
func flexStackEntities(d Device) []entity {
	l := &entityList{}
	l.add(entity{index: 1, class: classStack, pos: -1, name: "C29xx Stacking", descr: "Catalyst C29xx Switch Stack"})
	for i := range d.Units {
		iosSwitchUnit(l, d, i, 1)
	}
	return l.rows
}

func iosSwitchUnit(l *entityList, d Device, i int, parent uint32) {
	u, n := d.Units[i], i+1
	if u.Absent {
		l.add(entity{index: uint32(n)*1000 + 1, parent: parent, class: classChassis, pos: n, name: fmt.Sprint(n), descr: u.PID})
		return
	}
	l.free = uint32(n)*1000 + 2
	chassis := l.add(entity{
		index: uint32(n)*1000 + 1, parent: parent, class: classChassis, pos: n, name: fmt.Sprint(n), descr: orElse(u.Description, u.PID),
		hw: u.VID, fw: "15.2(4r)E5", sw: d.Software, serial: u.Serial, pid: u.PID, fru: true,
	})
	label := fmt.Sprintf("Switch %d - %s", n, u.PID)
	board := l.add(entity{parent: chassis, class: classModule, pos: 1, name: label + " - Fixed Module 0", descr: label + " - Fixed Module 0"})
	l.container(chassis, 2, fmt.Sprintf("Switch %d - Fan Container", n))
	supply := l.container(chassis, 3, fmt.Sprintf("Switch %d - Power Supply Container", n))
	supplies, sfps := 0, 0
	for _, p := range u.Parts {
		switch classNumber(p.Class) {
		case classPowerSupply:
			row := partEntity(p, fmt.Sprintf("%s - Power Supply %d", label, supplies), fmt.Sprintf("%s - Power Supply %d", label, supplies))
			row.parent, row.pos = supply, supplies+1
			supplies++
			l.add(row)
		case classPort:
			port := portCount(u.PID) + sfps + 1
			sfps++
			cage := l.container(board, port, fmt.Sprintf("GigabitEthernet%d/0/%d Container", n, port))
			row := partEntity(p, fmt.Sprintf("GigabitEthernet%d/0/%d", n, port), p.PID)
			row.parent, row.pos = cage, 1
			l.add(row)
		default:
			row := partEntity(p, fmt.Sprintf("%s - Module %d", label, len(l.rows)), p.PID)
			row.parent, row.pos = chassis, 5
			l.add(row)
		}
	}
	l.sensors(chassis, label+" - Sensor 0")
	l.ports(board, portCount(u.PID), fmt.Sprintf("GigabitEthernet%d/0/", n)+"%d")
}

// modularEntities are those of a chassis with slots, or of two as one virtual
// switch: then the root is a class 11 row and the chassis lie at 2 and 500.
func modularEntities(d Device) []entity {
	l := &entityList{}
	parent, starts := uint32(0), []uint32{1}
	if len(d.Units) > 1 {
		active := d.Units[0]
		parent, starts = l.add(entity{
			index: 1, class: classStack, pos: -1, name: "Virtual Stack", descr: "Virtual Stack", hw: active.VID,
			serial: active.Serial, pid: active.PID, unlisted: true,
		}), []uint32{2, 500}
	}
	for i, u := range d.Units {
		start := uint32(i) * 1000
		if i < len(starts) {
			start = starts[i]
		}
		name, prefix := orElse(u.PID, "Chassis"), ""
		if len(d.Units) > 1 {
			name, prefix = fmt.Sprintf("Switch %d Chassis", i+1), fmt.Sprintf("Switch %d ", i+1)
		}
		l.free = start + 1
		chassis := l.add(entity{
			index: start, parent: parent, class: classChassis, pos: i, name: name,
			descr: orElse(u.Description, "Cisco Systems "+u.PID+" Chassis System"), hw: u.VID, serial: u.Serial, pid: u.PID,
		})
		for n, p := range u.Parts {
			slot := l.container(chassis, n+1, fmt.Sprintf("%sPhysical Slot %d", prefix, n+1))
			row := partEntity(p, fmt.Sprintf("%s%d", prefix, n+1), p.PID)
			row.parent, row.sw = slot, d.Software
			at := l.add(row)
			if row.class == classModule {
				l.sensors(at, row.name+" outlet temperature Sensor", row.name+" inlet temperature Sensor")
			}
		}
	}
	return l.rows
}

// routerEntities are a classic router's: chassis at 1, slots and cards below.
func routerEntities(d Device) []entity {
	u := d.Units[0]
	l := &entityList{free: 2}
	family := imageFamily(u.PID)
	chassis := l.add(entity{
		index: 1, class: classChassis, pos: -1, name: orElse(strings.TrimPrefix(family, "C"), u.PID) + " chassis",
		descr: orElse(u.Description, u.PID+" chassis"), hw: u.VID, sw: d.Software, serial: u.Serial, pid: u.PID, maker: "Cisco",
	})
	for n, p := range u.Parts {
		slot := l.container(chassis, n, fmt.Sprintf("%s Slot %d", family, n))
		row := partEntity(p, fmt.Sprintf("%s on Slot %d", orElse(p.Description, p.PID), n), p.PID)
		row.parent = slot
		l.add(row)
	}
	l.ports(chassis, 2, "GigabitEthernet0/%d")
	l.sensors(chassis, "intake temperature", "exhaust temperature")
	return l.rows
}

// oldChassis is the chassis group of OLD-CISCO-CHASSIS-MIB.
const oldChassis = "1.3.6.1.4.1.9.3.6."

func iosTables(d Device, b *builder) {
	u := d.Units[0]
	b.integer(oldChassis+"1.0", 1)
	b.text(oldChassis+"2.0", u.VID)
	b.text(oldChassis+"3.0", u.Serial)
	b.text(oldChassis+"4.0", "System Bootstrap")
	for i, p := range u.Parts {
		if classNumber(p.Class) != classModule {
			continue
		}
		n := uint32(i + 1)
		card := oldChassis + "11.1."
		b.integer(card+"1", i+1, n)
		b.integer(card+"2", 1, n)
		b.text(card+"3", orElse(p.Description, p.PID), n)
		b.integer(card+"4", numericSerial(p.Serial), n)
		b.text(card+"5", p.VID, n)
		b.text(card+"6", "", n)
		b.integer(card+"7", i, n)
		b.integer(card+"8", 0, n)
		b.integer(card+"9", 2, n)
	}
	b.integer(oldChassis+"12.0", len(u.Parts)+1)
	addStackWise(d, b)
}

// numericSerial is the serial where it is a number, else 0, which old MIBs say
// for "unavailable".
func numericSerial(s string) int {
	if s == "" || len(s) > 9 || strings.ContainsFunc(s, notDigit) {
		return 0
	}
	return atoi(s)
}

// stackWise is ciscoStackWiseMIBObjects.
const stackWise = "1.3.6.1.4.1.9.9.500.1."

// addStackWise adds CISCO-STACKWISE-MIB: cswSwitchInfoTable by the index of
// each member's chassis row.
func addStackWise(d Device, b *builder) {
	if !isSwitch(d.model()) || isModular(d.model()) || !isStackable(d) {
		return
	}
	b.add(stackWise+"1.1.0", unsigned(tagGauge32, 8))
	b.integer(stackWise+"1.3.0", 1)
	for i, u := range d.Units {
		index := uint32(i+1)*1000 + 1
		if isNextGeneration(d) {
			index--
		}
		role, state := 2, 4 // member, ready
		if i == 0 {
			role = 1 // master
		}
		if i == 1 {
			role = 4 // standby
		}
		if u.Absent {
			role, state = 3, 9 // notMember, provisioned
		}
		mac := macAddress(u.Serial)
		b.add(stackWise+"2.1.1.1", unsigned(tagGauge32, uint32(i+1)), index)
		b.integer(stackWise+"2.1.1.3", role, index)
		b.add(stackWise+"2.1.1.4", unsigned(tagGauge32, uint32(15-min(i, 14))), index)
		b.integer(stackWise+"2.1.1.6", state, index)
		b.add(stackWise+"2.1.1.7", value{tag: tagOctets, body: mac[:]}, index)
	}
}
