package snmp

import (
	"context"
	"fmt"
	"slices"

	"rollcall/pkg/inventory"
)

// A source is a table, or a few, of one maker or platform that says more than
// ENTITY-MIB, or says it where ENTITY-MIB is silent.
type source struct {
	name  string
	wants func(in *gathered) bool
	read  func(ctx context.Context, s *session, in *gathered)
	// looks lists the columns whose beginnings are worth a look before
	// anything else is known, where expects, or else wants, says so of a
	// device without rows. Nil for none.
	looks   func(id identity) []table
	expects func(in *gathered) bool
}

// sources are asked in this order on every device that wants them. They may
// mark rows as units; the chassis rule comes after them.
var sources = []source{
	{name: "stack members", wants: mayStack, read: dropPhantoms, looks: look(cswSwitchState), expects: onPlatform(inventory.PlatformIOS, inventory.PlatformIOSXE)},
	{name: "small business units", wants: onPlatform(inventory.PlatformSMB, inventory.PlatformLinksys), read: readSmallBusiness, looks: lookSmallBusiness},
	{name: "catos chassis and modules", wants: onPlatform(inventory.PlatformCatOS), read: readCatOS, looks: look(moduleTable.columns(moduleSerialString, moduleName, moduleModel, moduleHwVersion)...)},
	{name: "airespace controller", wants: onPlatform(inventory.PlatformAireOS), read: readAirespace, looks: look(agentScalars...)},
	{name: "access points", wants: onPlatform(inventory.PlatformAireOS, inventory.PlatformIOSXE), read: readAccessPoints, looks: look(bsnAPTable.columns(apSerial)...)},
	{name: "ucs", wants: mayUCS, read: readUCS, looks: lookDnTables(ucsObjects, ucsTables)},
	{name: "fxos supervisor", wants: onPlatform(inventory.PlatformFXOS, inventory.PlatformFTD), read: readFXOS, looks: lookDnTables(fxosObjects, fxosTables)},
	{name: "viptela", wants: onPlatform(inventory.PlatformViptela), read: readViptela, looks: look(viptelaTable.columns(viptelaSerial)...)},
	{name: "scientific atlanta", wants: isScientificAtlanta, read: readScientificAtlanta, looks: lookScientificAtlanta},
	{name: "apic", wants: onPlatform(inventory.PlatformAPIC), read: readAPIC},
	{name: "second serials", wants: hasRows, read: readSecondSerials, looks: look(secondSerial), expects: isCisco},
	{
		name: "phones", wants: onPlatform(inventory.PlatformIOS, inventory.PlatformIOSXE, inventory.PlatformNXOS, inventory.PlatformSMB),
		read: readPhones, looks: look(medInventory.columns(medSerial)...),
	},
}

// fallbacks are asked in this order while a device of Cisco's has no unit
// (step 4 of the chassis rule).
var fallbacks = []source{
	{name: "catos chassis", wants: isCisco, read: readStackMIBChassis, looks: look(chassisString, chassisModel), expects: expectOld},
	{name: "old chassis and cards", wants: isCisco, read: readOldChassis, looks: look(append(cardTable.columns(cardSerial), chassisID, assetTable.columns(assetSerial)[0])...), expects: expectOld},
	{name: string(stepDescriptions), wants: isCisco, read: readDescriptions},
	{name: "serial in sysDescr", wants: isCisco, read: readSaidSerial},
	{name: "stack row", wants: isCisco, read: useStackRow},
}

func look(tables ...table) func(identity) []table {
	return func(identity) []table { return tables }
}

// columns are the columns of a table.
func (tb table) columns(numbers ...uint32) []table {
	list := make([]table, len(numbers))
	for i, n := range numbers {
		list[i] = table{tb.name, tb.root.with(n)}
	}
	return list
}

func onPlatform(platforms ...string) func(*gathered) bool {
	return func(in *gathered) bool { return slices.Contains(platforms, in.id.platform) }
}

func isCisco(in *gathered) bool { return !in.id.foreign }

func hasRows(in *gathered) bool { return isCisco(in) && len(in.rows) > 0 }

// An entry is one row of a table, with the cells that were asked for.
type entry struct {
	at     oid // the index
	object oid // of the serial
	serial string
	cells  map[uint32]any
}

// A wanted table is one whose rows with a serial number in one column are
// read, and other columns of these rows.
type wanted struct {
	table
	serial  uint32
	columns []uint32
}

// entries reads the rows of a table that have a serial number in one column,
// and other columns of these rows alone.
func (s *session) entries(ctx context.Context, in *gathered, tb table, serialColumn uint32, columns ...uint32) []entry {
	return s.entriesOf(ctx, in, wanted{tb, serialColumn, columns})[0]
}

// entriesOf is entries for several tables at once.
func (s *session) entriesOf(ctx context.Context, in *gathered, list ...wanted) [][]entry {
	var ahead []table
	for _, w := range list {
		// In these tables most rows have a serial: where more is to come than
		// a look has shown, all columns are read side by side.
		if c := s.columns[w.root.with(w.serial).String()]; c == nil || !c.done {
			ahead = append(ahead, w.table.columns(append([]uint32{w.serial}, w.columns...)...)...)
		}
	}
	s.prefetch(ctx, ahead...)
	found := make([][]entry, len(list))
	var objects []oid
	for i, w := range list {
		found[i] = s.column(ctx, in, w.table, w.serial, serial)
		for _, e := range found[i] {
			for _, c := range w.columns {
				objects = append(objects, w.root.with(c).with(e.at...))
			}
		}
	}
	values, short := s.get(ctx, list[0].name, objects)
	in.note(short)
	for i, w := range list {
		for j, e := range found[i] {
			cells := map[uint32]any{}
			for _, c := range w.columns {
				cells[c] = values[w.root.with(c).with(e.at...).String()]
			}
			found[i][j].cells = cells
		}
	}
	return found
}

// column walks one column and keeps the rows for which read gives a serial.
func (s *session) column(ctx context.Context, in *gathered, tb table, column uint32, read func(any) string) []entry {
	var list []entry
	root := tb.root.with(column)
	crowded := false
	w, short := s.watch(ctx, table{tb.name, root}, func(v varbind) {
		sn := read(v.value)
		switch {
		case sn == "":
		case len(list) >= maxRows:
			crowded = true
		default:
			list = append(list, entry{at: v.oid.below(root), object: v.oid, serial: sn})
		}
	})
	in.note(short)
	in.watched = append(in.watched, w)
	if crowded {
		in.note(&shortfall{tb.name, "it has more parts than any device has"})
	}
	return list
}

// scalars reads single objects, given without the 0 of their instance; a
// missing one is nil.
func (s *session) scalars(ctx context.Context, in *gathered, objects ...table) []any {
	names := make([]oid, len(objects))
	for i, tb := range objects {
		names[i] = tb.root.with(0)
	}
	values, short := s.get(ctx, objects[0].name, names)
	in.note(short)
	list := make([]any, len(objects))
	for i, o := range names {
		list[i] = values[o.String()]
	}
	return list
}

// add takes a row of a table other than entPhysicalTable, and gives the index
// by which others may say that they are in it.
func (in *gathered) add(r row) uint32 {
	in.extra++
	r.index = extraIndex + in.extra
	in.rows = append(in.rows, r)
	return r.index
}

func (in *gathered) note(short *shortfall) {
	if short != nil {
		in.shorts = append(in.shorts, short)
	}
}

// model gives a cell as the PID where it is one word with a digit, and as
// words about the part otherwise: the UCS tables have both.
func model(v any) (pid, words string) {
	p := entityPID(inventory.CleanPID(text(v, maxText)), "", "")
	if !oneWord.MatchString(p) {
		return "", p
	}
	return p, ""
}

func index(at oid) string {
	if len(at) == 0 {
		return ""
	}
	return fmt.Sprint(at[len(at)-1])
}
