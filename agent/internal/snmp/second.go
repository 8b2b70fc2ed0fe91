package snmp

import (
	"context"
)

// ceEntPhysicalSecondSerialNum (CISCO-ENTITY-EXT-MIB), by entPhysicalIndex.
var secondSerial = table{"ceEntPhysicalSecondSerialNum", parseOID("1.3.6.1.4.1.9.9.195.1.4.1.1")}

// readSecondSerials keeps a part's second serial number as an alias: a label
// or a contract may name that one.
func readSecondSerials(ctx context.Context, s *session, in *gathered) {
	second := map[uint32]string{}
	w, short := s.watch(ctx, secondSerial, func(v varbind) {
		at := v.oid.below(secondSerial.root)
		if sn := serial(v.value); sn != "" && len(at) == 1 && len(second) < maxRows {
			second[at[0]] = sn
		}
	})
	in.note(short)
	in.watched = append(in.watched, w)
	for i, r := range in.rows {
		if sn := second[r.index]; sn != "" && sn != r.serial {
			in.rows[i].aliases = append(in.rows[i].aliases, sn)
		}
	}
}
