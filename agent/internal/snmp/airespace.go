package snmp

import (
	"context"
)

// AIRESPACE-SWITCHING-MIB agentInventory and AIRESPACE-WIRELESS-MIB bsnAPTable.
var (
	agentInventory = table{"agentInventory", parseOID("1.3.6.1.4.1.14179.1.1.1")}
	agentScalars   = agentInventory.columns(agentSerial, agentModel, agentProduct, agentVersion)
	bsnAPTable     = table{"bsnAPTable", parseOID("1.3.6.1.4.1.14179.2.2.1.1")}
)

const (
	agentModel   = 3
	agentSerial  = 4
	agentProduct = 13
	agentVersion = 14
)

const (
	apName     = 3
	apSoftware = 8
	apModel    = 16
	apSerial   = 17
)

// readAirespace reads the controller itself.
func readAirespace(ctx context.Context, s *session, in *gathered) {
	v := s.scalars(ctx, in, agentScalars...)
	if in.id.software == "" {
		in.id.software = words(v[3])
	}
	if sn := serial(v[0]); sn != "" {
		in.add(row{at: agentScalars[0].root.with(0), unit: true, class: classChassis, name: "Chassis", serial: sn, pid: pid(v[1]), descr: words(v[2])})
	}
}

// readAccessPoints reads the access points that joined the controller: units
// of their own, apart from it. IOS-XE answers the table on the C9800 and has
// none elsewhere.
func readAccessPoints(ctx context.Context, s *session, in *gathered) {
	for _, e := range s.entries(ctx, in, bsnAPTable, apSerial, apName, apSoftware, apModel) {
		in.add(row{
			at: e.object, unit: true, apart: true, title: true, class: classOther, serial: e.serial,
			name: words(e.cells[apName]), pid: pid(e.cells[apModel]), descr: "access point", version: words(e.cells[apSoftware]),
		})
	}
}
