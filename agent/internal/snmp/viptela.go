package snmp

import (
	"context"
)

// hardwareInventoryTable of VIPTELA-HARDWARE, indexed by type and number.
var viptelaTable = table{"hardwareInventoryTable", parseOID("1.3.6.1.4.1.41916.3.1.1.1")}

const (
	viptelaVersion = 3
	viptelaPart    = 4
	viptelaSerial  = 5
	viptelaDescr   = 6
)

// viptelaClass maps HwTypeEnum of VIPTELA-HARDWARE.
func viptelaClass(hwType uint32) int {
	switch hwType {
	case 1: // Chassis
		return classChassis
	case 2: // CPU
		return classCPU
	case 8, 9, 12: // PIM, Transceiver, NIM
		return classModule
	case 10: // Fan Tray
		return classFan
	case 11: // PEM
		return classPowerSupply
	}
	return classOther
}

func readViptela(ctx context.Context, s *session, in *gathered) {
	for _, e := range s.entries(ctx, in, viptelaTable, viptelaSerial, viptelaVersion, viptelaPart, viptelaDescr) {
		if len(e.at) != 2 {
			continue
		}
		r := row{
			at: e.object, class: viptelaClass(e.at[0]), serial: e.serial, pid: pid(e.cells[viptelaPart]),
			vid: vid(e.cells[viptelaVersion]), descr: words(e.cells[viptelaDescr]),
		}
		r.unit = r.class == classChassis
		r.name = string(r.classWord()) + " " + index(e.at)
		in.add(r)
	}
}
