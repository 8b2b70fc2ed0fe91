package snmp

import (
	"context"
	"regexp"
	"strings"
)

// OLD-CISCO-CHASSIS-MIB, of routers before UDI.
var (
	chassisID = table{"chassisId", parseOID("1.3.6.1.4.1.9.3.6.3")}
	cardTable = table{"cardTable", parseOID("1.3.6.1.4.1.9.3.6.11.1")}
)

const (
	cardDescr     = 3
	cardSerial    = 4 // INTEGER, 0 when there is none
	cardHwVersion = 5
	cardSlot      = 7
)

// serialShape is what a chassisId must look like to be a serial: the object can
// be written, and people write names into it. Serials have three digits at
// least.
var serialShape = regexp.MustCompile(`^[0-9A-Z]*(?:[0-9][0-9A-Z]*){3}$`)

// readOldChassis reads chassisId, and the cards where ENTITY-MIB has none.
func readOldChassis(ctx context.Context, s *session, in *gathered) {
	v := s.scalars(ctx, in, chassisID)
	if sn := serial(v[0]); len(sn) >= 6 && len(sn) <= 14 && serialShape.MatchString(sn) && !strings.EqualFold(sn, in.id.name) {
		in.add(row{
			at: chassisID.root.with(0), unit: true, class: classChassis, name: "chassis", serial: sn, pid: in.id.model,
			descr: "serial from chassisId, which `snmp-server chassis-id` can overwrite",
		})
	}
	if in.serials() > 1 {
		return
	}
	cards := s.column(ctx, in, cardTable, cardSerial, decimal)
	var objects []oid
	for _, e := range cards {
		for _, c := range []uint32{cardDescr, cardHwVersion, cardSlot} {
			objects = append(objects, cardTable.root.with(c).with(e.at...))
		}
	}
	values, short := s.get(ctx, cardTable.name, objects)
	in.note(short)
	for _, e := range cards {
		cell := func(c uint32) any { return values[cardTable.root.with(c).with(e.at...).String()] }
		in.add(row{class: classModule, serial: e.serial, descr: words(cell(cardDescr)), vid: vid(cell(cardHwVersion)), name: slotName(cell(cardSlot))})
	}
}

func slotName(v any) string {
	if n, ok := number(v); ok && n >= 0 {
		return "slot " + text(v, maxText)
	}
	return "card" // cardSlotNumber is -1 for cards without a slot
}

// writtenSerial is how old IOS writes a serial into entPhysicalDescr:
// "Hw Serial#: 1234567, Hw Revision: 0x03".
var writtenSerial = regexp.MustCompile(`(?i)serial#?:\s*([a-z0-9]+)`)

// readDescriptions is the last resort: serials written into descriptions.
func readDescriptions(ctx context.Context, s *session, in *gathered) {
	found := map[uint32]*row{}
	root := column(colDescr)
	in.note(s.walk(ctx, table{"entPhysicalDescr", root}, func(v varbind) {
		descr := words(v.value)
		m := writtenSerial.FindStringSubmatch(descr)
		at := v.oid.below(root)
		if m == nil || len(at) != 1 || len(found) >= maxRows {
			return
		}
		if sn := serial(m[1]); sn != "" {
			found[at[0]] = &row{index: at[0], descr: descr, serial: sn, class: in.classes[at[0]]}
		}
	}))
	if len(found) == 0 {
		return
	}
	p := physical{rows: found, classes: in.classes}
	in.note(s.readContainers(ctx, &p))
	known := map[uint32]int{}
	for i, r := range in.rows {
		known[r.index] = i
	}
	for _, r := range sorted(found) {
		if i, ok := known[r.index]; !ok {
			in.rows = append(in.rows, r)
		} else if in.rows[i].serial == "" {
			in.rows[i].serial, in.rows[i].descr = r.serial, r.descr
		}
	}
}

// saidSerial is how appliances write their serial into sysDescr:
// "Serial #: 70708BAABBCC-FCH2301V0A1" of mail and web security appliances,
// "S/N: FTT2301A0A1" of video codecs. The part before the dash is a MAC
// address.
var saidSerial = regexp.MustCompile(`(?i)(?:\bserial(?: number| no\.?)? ?#?|\bS/N) ?: ?(?:[0-9A-F]{12}-)?([0-9A-Z-]{5,40})`)

func readSaidSerial(_ context.Context, _ *session, in *gathered) {
	if sn := serial(group(saidSerial, in.id.descr)); sn != "" {
		in.add(row{unit: true, class: classChassis, name: "chassis", serial: sn, pid: in.id.model, descr: "serial from sysDescr"})
	}
}

// useStackRow takes the stack's own serial, a copy of the active member's,
// when no other row has one.
func useStackRow(_ context.Context, _ *session, in *gathered) {
	if len(in.stack) == 0 {
		return
	}
	r := in.stack[0]
	r.class, r.unit = classChassis, true
	for i := range in.rows {
		if in.rows[i].index == r.index {
			in.rows[i] = r
		}
	}
}
