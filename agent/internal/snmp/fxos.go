package snmp

import (
	"context"
)

// fxosTables are answered at the management address of the FXOS supervisor
// (Firepower 4100 and 9300, and the platform of 1000 and 2100), not by the
// logical device on it.
var fxosTables = []dnTable{
	{name: "cfprEquipmentChassisTable", path: []uint32{20, 21, 1}, model: 27, serial: 37, class: classChassis, unit: true},
	{name: "cfprComputeRackUnitTable", path: []uint32{12, 52, 1}, model: 36, serial: 55, class: classChassis, unit: true, spare: true},
	{name: "cfprComputeBladeTable", path: []uint32{12, 2, 1}, model: 36, serial: 56, class: classModule},
	{name: "cfprEquipmentPsuTable", path: []uint32{20, 109, 1}, model: 7, serial: 21, class: classPowerSupply},
	{name: "cfprEquipmentFanModuleTable", path: []uint32{20, 35, 1}, model: 7, serial: 16, class: classFan},
	{name: "cfprEquipmentFanTable", path: []uint32{20, 34, 1}, model: 7, serial: 16, class: classFan},
}

func readFXOS(ctx context.Context, s *session, in *gathered) {
	readDnTables(ctx, s, in, fxosObjects, fxosTables)
}
