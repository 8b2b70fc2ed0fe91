package snmp

import (
	"context"
	"slices"
	"strconv"
)

// CISCO-STACK-MIB, of CatOS and of IOS on the Catalyst 6000.
var (
	chassisModel  = table{"chassisModel", parseOID("1.3.6.1.4.1.9.5.1.2.16")}
	chassisString = table{"chassisSerialNumberString", parseOID("1.3.6.1.4.1.9.5.1.2.19")}
	moduleTable   = table{"moduleTable", parseOID("1.3.6.1.4.1.9.5.1.3.1.1")}
)

const (
	moduleSerialNumber = 3 // INTEGER, 0 when the serial is alphanumeric
	moduleName         = 13
	moduleModel        = 17
	moduleHwVersion    = 18
	moduleSerialString = 26
)

// readCatOS reads chassis and modules. chassisSerialNumber, the number, answers
// 0 for every alphanumeric serial and is never asked.
func readCatOS(ctx context.Context, s *session, in *gathered) {
	readStackMIBChassis(ctx, s, in)
	columns := []uint32{moduleName, moduleModel, moduleHwVersion}
	found := s.entriesOf(ctx, in, wanted{moduleTable, moduleSerialString, columns}, wanted{moduleTable, moduleSerialNumber, columns})
	told := map[string]bool{} // rows with a string, before which the number is none
	for _, e := range found[0] {
		told[e.at.String()] = true
	}
	modules := append(found[0], slices.DeleteFunc(found[1], func(e entry) bool { return told[e.at.String()] })...)
	for _, e := range modules {
		r := row{
			at: e.object, class: classModule, name: words(e.cells[moduleName]), serial: e.serial,
			pid: pid(e.cells[moduleModel]), vid: vid(e.cells[moduleHwVersion]),
		}
		if r.name == "" {
			r.name = "module " + index(e.at)
		}
		in.add(r)
	}
}

func readStackMIBChassis(ctx context.Context, s *session, in *gathered) {
	v := s.scalars(ctx, in, chassisString, chassisModel)
	sn := serial(v[0])
	if sn == "" {
		return
	}
	r := row{at: chassisString.root.with(0), unit: true, class: classChassis, name: "chassis", serial: sn, pid: pid(v[1])}
	if r.pid == "" {
		r.pid = in.id.model
	}
	in.add(r)
}

// decimal gives an INTEGER serial, where 0 is none.
func decimal(v any) string {
	n, ok := number(v)
	if !ok || n <= 0 {
		return ""
	}
	return serial(strconv.FormatInt(n, 10))
}
