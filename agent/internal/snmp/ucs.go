package snmp

import (
	"context"
	"regexp"
	"strings"

	"rollcall/pkg/inventory"
)

// A dnTable is a table of CISCO-UNIFIED-COMPUTING-MIB or
// CISCO-FIREPOWER-EQUIPMENT-MIB and its kin: column 2 is the distinguished
// name, "sys/rack-unit-1/psu-1", which says what holds what. The instance
// differs between generations (.1 on M4, .0 on M6), so tables are walked.
type dnTable struct {
	name          string
	path          []uint32 // below the MIB
	model, serial uint32
	class         int
	unit          bool
	spare         bool // a unit only where no table before it has one
}

const columnDn = 2

var (
	ucsObjects  = parseOID("1.3.6.1.4.1.9.9.719.1")
	fxosObjects = parseOID("1.3.6.1.4.1.9.9.826.1")

	oneWord = regexp.MustCompile(`^\S*[0-9]\S*$`)
)

var ucsTables = []dnTable{
	{name: "cucsComputeRackUnitTable", path: []uint32{9, 35, 1}, model: 32, serial: 47, class: classChassis, unit: true},
	{name: "cucsEquipmentChassisTable", path: []uint32{15, 7, 1}, model: 25, serial: 32, class: classChassis, unit: true},
	{name: "cucsComputeBladeTable", path: []uint32{9, 2, 1}, model: 32, serial: 47, class: classModule, unit: true},
	{name: "cucsEquipmentFexTable", path: []uint32{15, 19, 1}, model: 19, serial: 26, class: classChassis, unit: true},
	// A server without a serial of its own is known by that of its board.
	{name: "cucsComputeBoardTable", path: []uint32{9, 6, 1}, model: 6, serial: 14, class: classModule, unit: true, spare: true},
	{name: "cucsEquipmentPsuTable", path: []uint32{15, 56, 1}, model: 6, serial: 13, class: classPowerSupply},
	{name: "cucsEquipmentFanModuleTable", path: []uint32{15, 13, 1}, model: 6, serial: 13, class: classFan},
	{name: "cucsEquipmentIOCardTable", path: []uint32{15, 30, 1}, model: 23, serial: 33, class: classModule},
	{name: "cucsEquipmentSwitchCardTable", path: []uint32{15, 70, 1}, model: 7, serial: 15, class: classModule},
	{name: "cucsMemoryUnitTable", path: []uint32{30, 11, 1}, model: 12, serial: 19, class: classOther},
	{name: "cucsProcessorUnitTable", path: []uint32{41, 9, 1}, model: 8, serial: 15, class: classCPU},
	{name: "cucsStorageLocalDiskTable", path: []uint32{45, 4, 1}, model: 7, serial: 12, class: classOther},
	{name: "cucsStorageControllerTable", path: []uint32{45, 1, 1}, model: 5, serial: 14, class: classModule},
}

// mayUCS says that the device is a server's management controller, or the
// fabric interconnect of many servers, which calls itself NX-OS.
func mayUCS(in *gathered) bool {
	return in.id.platform == inventory.PlatformCIMC ||
		in.id.platform == inventory.PlatformNXOS && strings.Contains(strings.ToLower(in.id.descr), "ucs")
}

func readUCS(ctx context.Context, s *session, in *gathered) {
	readDnTables(ctx, s, in, ucsObjects, ucsTables)
}

// in names the table below its MIB.
func (tb dnTable) in(mib oid) table { return table{tb.name, mib.with(tb.path...)} }

func lookDnTables(mib oid, tables []dnTable) func(identity) []table {
	var list []table
	for _, tb := range tables {
		list = append(list, tb.in(mib).columns(tb.serial)...)
	}
	return look(list...)
}

// readDnTables reads the tables and links their rows by distinguished name.
func readDnTables(ctx context.Context, s *session, in *gathered, mib oid, tables []dnTable) {
	first := len(in.rows)
	list := make([]wanted, len(tables))
	for i, tb := range tables {
		list[i] = wanted{tb.in(mib), tb.serial, []uint32{columnDn, tb.model}}
	}
	units := false
	for i, entries := range s.entriesOf(ctx, in, list...) {
		tb, found := tables[i], false
		for _, e := range entries {
			r := row{at: e.object, class: tb.class, serial: e.serial, dn: words(e.cells[columnDn])}
			r.name = strings.TrimPrefix(r.dn, "sys/")
			r.pid, r.descr = model(e.cells[tb.model])
			if r.unit = tb.unit && (!tb.spare || !units); r.unit {
				found = true
				if tb.spare {
					r.class = classChassis
				}
			}
			in.add(r)
		}
		units = units || found
	}
	linkByName(in.rows[first:])
}

// linkByName sets the container of each row to the row with the longest name
// above its own.
func linkByName(rows []row) {
	byName := map[string]uint32{}
	for _, r := range rows {
		if r.dn != "" {
			byName[r.dn] = r.index
		}
	}
	for i := range rows {
		for name := rows[i].dn; ; {
			cut := strings.LastIndexByte(name, '/')
			if cut < 0 {
				break
			}
			name = name[:cut]
			if up, ok := byName[name]; ok && up != rows[i].index {
				rows[i].in, rows[i].hasIn = up, true
				break
			}
		}
	}
}
