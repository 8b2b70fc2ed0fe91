package snmp

import (
	"context"
)

// Cable gear that was Scientific-Atlanta's answers under that company's number:
// saHwDescr of SA-HARDWARE-MIB, and on satellite receivers a table of their own.
var (
	saHardware  = table{"saHwDescr", parseOID("1.3.6.1.4.1.1429.78.4.1")}
	saScalars   = saHardware.columns(saSerial, saModel, saVersion)
	saReceivers = table{"serial numbers of receivers", parseOID("1.3.6.1.4.1.1429.2.2.5.42.2.1.1.6")}
)

const (
	saModel   = 1
	saVersion = 2
	saSerial  = 3
)

func isScientificAtlanta(in *gathered) bool { return in.id.under("1.3.6.1.4.1.1429") }

func lookScientificAtlanta(identity) []table {
	return append([]table{saReceivers}, saScalars...)
}

func readScientificAtlanta(ctx context.Context, s *session, in *gathered) {
	v := s.scalars(ctx, in, saScalars...)
	if sn := serial(v[0]); sn != "" {
		in.add(row{at: saScalars[0].root.with(0), unit: true, class: classChassis, name: "chassis", serial: sn, pid: pid(v[1]), vid: vid(v[2])})
	}
	w, short := s.watch(ctx, saReceivers, func(v varbind) {
		if sn := serial(v.value); sn != "" && in.extra < maxRows {
			in.add(row{at: v.oid, unit: true, class: classChassis, name: "chassis", serial: sn})
		}
	})
	in.watched = append(in.watched, w)
	in.note(short)
}
