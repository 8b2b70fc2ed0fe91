package snmp

import (
	"context"
	"strings"

	"rollcall/pkg/inventory"
)

// rlPhdUnitGenParamTable of CISCOSB-Physicaldescription-MIB, one row for each
// unit of a stack, and rlInventoryEntTable of CISCOSB-RLINVENTORYENT-MIB, one
// row for each unit and transceiver; the same under Linksys' number.
var (
	ciscoUnits       = table{"rlPhdUnitGenParamTable", parseOID("1.3.6.1.4.1.9.6.1.101.53.14.1")}
	ciscoInventory   = table{"rlInventoryEntTable", parseOID("1.3.6.1.4.1.9.6.1.101.217.1")}
	linksysUnits     = table{"rlPhdUnitGenParamTable", parseOID("1.3.6.1.4.1.3955.1000.201.53.14.1")}
	linksysInventory = table{"rlInventoryEntTable", parseOID("1.3.6.1.4.1.3955.1000.201.217.1")}
)

const (
	unitSoftware   = 2
	unitHardware   = 4
	unitSerial     = 5
	unitServiceTag = 7
	unitModel      = 11

	// Columns of rlInventoryEntTable, whose index is a kind (unit(0) or
	// ifindex(1)) and the unit's number or the ifIndex.
	itemMaker  = 3
	itemPID    = 4
	itemName   = 5
	itemDescr  = 6
	itemSerial = 7
	itemUnit   = 8

	itemIsUnit = 0
)

func unitsOf(id identity) (units, items table) {
	if id.platform == inventory.PlatformLinksys {
		return linksysUnits, linksysInventory
	}
	return ciscoUnits, ciscoInventory
}

func lookSmallBusiness(id identity) []table {
	units, items := unitsOf(id)
	return append(units.columns(unitSerial, unitSoftware, unitHardware, unitServiceTag, unitModel), items.columns(itemSerial)...)
}

// readSmallBusiness reads the stack units of SG, SF, CBS, Catalyst 1200 and
// 1300, and Linksys switches, and their transceivers. ENTITY-MIB of these has
// chassis rows for units that are not there, and no transceivers.
func readSmallBusiness(ctx context.Context, s *session, in *gathered) {
	units, items := unitsOf(in.id)
	found := s.entriesOf(ctx, in,
		wanted{units, unitSerial, []uint32{unitSoftware, unitHardware, unitServiceTag, unitModel}},
		wanted{items, itemSerial, []uint32{itemMaker, itemPID, itemName, itemDescr, itemUnit}})
	numbers := map[string]uint32{} // rows by the number of the unit
	for _, e := range found[0] {
		r := row{at: e.object, unit: true, class: classChassis, title: true, name: index(e.at), serial: e.serial, vid: vid(e.cells[unitHardware]), version: words(e.cells[unitSoftware])}
		for _, c := range []uint32{unitModel, unitServiceTag} {
			if r.pid == "" {
				r.pid = entityPID(pid(e.cells[c]), "", "")
			}
		}
		numbers[r.name] = in.add(r)
	}
	for _, e := range found[1] {
		r := row{at: e.object, class: classPort, serial: e.serial, name: words(e.cells[itemName]), descr: words(e.cells[itemDescr]), maker: words(e.cells[itemMaker])}
		r.pid = entityPID(pid(e.cells[itemPID]), r.descr, r.maker)
		if len(e.at) > 0 && e.at[0] == itemIsUnit {
			r.unit, r.class = true, classChassis
			if r.name == "" {
				r.name = index(e.at)
			}
		} else if up, ok := numbers[strings.TrimSpace(text(e.cells[itemUnit], maxText))]; ok {
			r.in, r.hasIn = up, true
		}
		in.add(r)
	}
}
