package snmp

import (
	"fmt"
	"testing"
)

// dnRow is a row of a table with distinguished names.
func dnRow(table string, instance int, dn string, modelColumn int, model string, serialColumn int, serial string) objects {
	at := func(c int) string { return fmt.Sprintf("%s.%d.%d", table, c, instance) }
	return objects{at(2): dn, at(modelColumn): model, at(serialColumn): serial}
}

func TestUCS(t *testing.T) {
	const mib = "1.3.6.1.4.1.9.9.719.1."
	cimc := system("Cisco Integrated Management Controller(Cisco IMC) [UCS C220 M6S], Firmware Version 4.2(1c) Copyright (c) 2008-2021, Cisco Systems, Inc.", "1.3.6.1.4.1.9.1.2178")
	psu := dnRow(mib+"15.56.1", 0, "sys/rack-unit-1/psu-1", 6, "UCSC-PSU1-1050W", 13, "DTM2301A0A3")
	memory := dnRow(mib+"30.11.1", 0, "sys/rack-unit-1/board/memarray-1/mem-1", 12, "unknown", 19, "NA").with(
		dnRow(mib+"30.11.1", 1, "sys/rack-unit-1/board/memarray-1/mem-2", 12, "UCS-MR-X32G2RW", 19, "47C50004"))
	board := dnRow(mib+"9.6.1", 0, "sys/rack-unit-1/board", 6, "UCSC-C220-M6S", 14, "FCH2301A0A2")
	disk := dnRow(mib+"45.4.1", 0, "sys/rack-unit-1/board/storage-SAS-MRAID/pd-1", 7, "HDD", 12, "WAE2BKVA0000A0A5")
	runDeviceTests(t, []deviceTest{
		{
			name:     "rack server with a serial of its own, instances from 0",
			objects:  cimc.with(dnRow(mib+"9.35.1", 0, "sys/rack-unit-1", 32, "UCSC-C220-M6S", 47, "WZP2301A0A1"), board, psu, memory, disk),
			platform: "cimc", model: "UCSC-C220-M6S", software: "4.2(1c)", complete: true,
			lines: `CHASSIS WZP2301A0A1 UCSC-C220-M6S - "rack-unit-1"
module FCH2301A0A2 UCSC-C220-M6S - "rack-unit-1/board" in WZP2301A0A1
powerSupply DTM2301A0A3 UCSC-PSU1-1050W - "rack-unit-1/psu-1" in WZP2301A0A1
other 47C50004 UCS-MR-X32G2RW - "rack-unit-1/board/memarray-1/mem-2" in FCH2301A0A2
other WAE2BKVA0000A0A5 - - "rack-unit-1/board/storage-SAS-MRAID/pd-1" in FCH2301A0A2
`,
		},
		{
			name:     "known by its board",
			objects:  cimc.with(board, psu),
			platform: "cimc", model: "UCSC-C220-M6S", software: "4.2(1c)", complete: true,
			lines: `CHASSIS FCH2301A0A2 UCSC-C220-M6S - "rack-unit-1/board"
powerSupply DTM2301A0A3 UCSC-PSU1-1050W - "rack-unit-1/psu-1" in FCH2301A0A2
`,
		},
		{
			name: "fabric interconnect with a chassis of blades",
			objects: system("Cisco NX-OS(tm) ucs, Software (ucs-6300-k9-system), Version 5.0(3)N2(4.13c), RELEASE SOFTWARE", "1.3.6.1.4.1.9.12.3.1.3.1847").with(
				phys(149, 0, 3, "UCS-FI-6332", "UCS-FI-6332", "V01", "FDO2301A0A1", "UCS-FI-6332"),
				dnRow(mib+"15.7.1", 1, "sys/chassis-1", 25, "UCSB-5108-AC2", 32, "FOX2301A0A2"),
				dnRow(mib+"9.2.1", 1, "sys/chassis-1/blade-1", 32, "UCSB-B200-M5", 47, "FCH2301A0A3"),
				dnRow(mib+"15.30.1", 1, "sys/chassis-1/slot-1", 23, "UCS-IOM-2208XP", 33, "FCH2301A0A4"),
			),
			platform: "nxos", model: "UCS-FI-6332", software: "5.0(3)N2(4.13c)", complete: true,
			lines: `CHASSIS FDO2301A0A1 UCS-FI-6332 V01 "UCS-FI-6332"
CHASSIS FOX2301A0A2 UCSB-5108-AC2 - "chassis-1"
MODULE FCH2301A0A3 UCSB-B200-M5 - "chassis-1/blade-1" in FOX2301A0A2
module FCH2301A0A4 UCS-IOM-2208XP - "chassis-1/slot-1" in FOX2301A0A2
`,
		},
	})
}

func TestFXOS(t *testing.T) {
	const mib = "1.3.6.1.4.1.9.9.826.1."
	runDeviceTests(t, []deviceTest{
		{
			name: "supervisor of a chassis with a blade",
			objects: system("Cisco FX-OS(tm) fxos, Software (fxos-k9-system), Version 2.10(1.179), RELEASE SOFTWARE", "1.3.6.1.4.1.9.1.2294").with(
				dnRow(mib+"20.21.1", 1, "sys/chassis-1", 27, "FPR-C9300-AC", 37, "JMX2301A0A1"),
				dnRow(mib+"12.2.1", 1, "sys/chassis-1/blade-1", 36, "FPR9K-SM-44", 56, "FCH2301A0A2"),
				dnRow(mib+"20.109.1", 1, "sys/chassis-1/psu-1", 7, "FPR9K-PS-AC", 21, "ART2301A0A3"),
				dnRow(mib+"20.35.1", 1, "sys/chassis-1/fan-module-1", 7, "FPR9K-FAN", 16, "ART2301A0A4"),
			),
			platform: "fxos", model: "FPR-C9300-AC", software: "2.10(1.179)", complete: true,
			lines: `CHASSIS JMX2301A0A1 FPR-C9300-AC - "chassis-1"
module FCH2301A0A2 FPR9K-SM-44 - "chassis-1/blade-1" in JMX2301A0A1
powerSupply ART2301A0A3 FPR9K-PS-AC - "chassis-1/psu-1" in JMX2301A0A1
fan ART2301A0A4 FPR9K-FAN - "chassis-1/fan-module-1" in JMX2301A0A1
`,
		},
		{
			name: "platform that calls itself a rack unit",
			objects: system("Cisco Firepower Threat Defense, Version 7.0.1", "1.3.6.1.4.1.9.1.2662").with(
				dnRow(mib+"12.52.1", 1, "sys/rack-unit-1", 36, "FPR-1120", 55, "JAD2301A0A1"),
			),
			platform: "ftd", model: "FPR-1120", software: "7.0.1", complete: true,
			lines: `CHASSIS JAD2301A0A1 FPR-1120 - "rack-unit-1"
`,
		},
	})
}
