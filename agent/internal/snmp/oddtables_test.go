package snmp

import (
	"testing"
)

// TestOddTables are tables with classes, containers and serials where the MIB
// does not put them, as some agents answer (discovery facts 5).
func TestOddTables(t *testing.T) {
	const (
		ios15 = "Cisco IOS Software, C3560E Software (C3560E-UNIVERSALK9-M), Version 15.2(4)E8, RELEASE SOFTWARE (fc3)"
		nx    = "Cisco NX-OS(tm) n7000, Software (n7000-s1-dk9), Version 6.2(8a), RELEASE SOFTWARE"
	)
	runDeviceTests(t, []deviceTest{
		{
			name: "chassis as module at the root",
			objects: system(ios15, "1.3.6.1.4.1.9.1.1226").with(
				phys(1001, 0, 9, "1", "WS-C3560X-48P", "V02", "FDO15A0000A", "WS-C3560X-48P-S"),
				phys(1010, 1001, 6, "Power supply 0", "FRU", "V01", "LIT15A0000B", "C3KX-PWR-715WAC")),
			platform: "ios", model: "WS-C3560X-48P-S", software: "15.2(4)E8", complete: true,
			lines: `CHASSIS FDO15A0000A WS-C3560X-48P-S V02 "1"
powerSupply LIT15A0000B C3KX-PWR-715WAC V01 "Power supply 0" in FDO15A0000A
`,
		},
		{
			name: "no class, PSU and fan at root",
			objects: system(ios15, "1.3.6.1.4.1.9.1.1226").with(
				phys(1, 0, 0, "Chassis", "Thing chassis", "V02", "FDO15A0000A", "WS-C3560X-48P-S"),
				phys(2, 0, 0, "Power supply 0", "PSU", "V01", "LIT15A0000B", "C3KX-PWR-715WAC"),
				phys(3, 0, 0, "Fan 0", "Fan", "V01", "LIT15A0000C", "C3KX-FAN")),
			platform: "ios", model: "WS-C3560X-48P-S", software: "15.2(4)E8", complete: true,
			lines: `CHASSIS FDO15A0000A WS-C3560X-48P-S V02 "Chassis"
unknown LIT15A0000B C3KX-PWR-715WAC V01 "Power supply 0" in FDO15A0000A
unknown LIT15A0000C C3KX-FAN V01 "Fan 0" in FDO15A0000A
`,
		},
		{
			name: "no class, and the vendor's types",
			objects: system(ios15, "1.3.6.1.4.1.9.1.1226").with(
				phys(7, -1, 0, "Box", "Thing", "V02", "FDO15A0000A", "THING-1"),
				phys(8, -1, 0, "Feed", "Thing", "V01", "LIT15A0000B", "THING-2"),
				phys(9, -1, 0, "Other", "Thing", "V01", "LIT15A0000C", "THING-3"),
				objects{
					"1.3.6.1.2.1.47.1.1.1.1.3.7": parseOID("1.3.6.1.4.1.9.12.3.1.3.1063"),
					"1.3.6.1.2.1.47.1.1.1.1.3.8": parseOID("1.3.6.1.4.1.9.12.3.1.6.290"),
					"1.3.6.1.2.1.47.1.1.1.1.3.9": parseOID("0.0"),
				}),
			platform: "ios", model: "THING-1", software: "15.2(4)E8", complete: true,
			lines: `CHASSIS FDO15A0000A THING-1 V02 "Box"
powerSupply LIT15A0000B THING-2 V01 "Feed" in FDO15A0000A
unknown LIT15A0000C THING-3 V01 "Other" in FDO15A0000A
`,
		},
		{
			name: "stack row over serialless chassis",
			objects: system(ios15, "1.3.6.1.4.1.9.1.1226").with(
				phys(1, 0, 11, "c93xx Stack", "c93xx Stack", "V02", "FDO15A0000A", "C9300-48P"),
				phys(2, 1, 3, "Switch 1", "C9300-48P", "V02", "", "C9300-48P"),
				phys(5, 2, 10, "Te1/1/1", "SFP", "V01", "AVD15A0000B", "SFP-10G-SR")),
			platform: "ios", model: "C9300-48P", software: "15.2(4)E8", complete: true,
			lines: `CHASSIS FDO15A0000A C9300-48P V02 "c93xx Stack"
port AVD15A0000B SFP-10G-SR V01 "Te1/1/1" in FDO15A0000A
`,
		},
		{
			name: "backplane has the serial",
			objects: system(ios15, "1.3.6.1.4.1.9.1.283").with(
				phys(1, 0, 3, "WS-C6509-E", "Cisco Systems Catalyst 6500 9-slot Chassis System", "V02", "", "WS-C6509-E"),
				phys(2, 1, 4, "Backplane", "Backplane", "", "SAL15A0000A", ""),
				phys(3, 1, 5, "Slot 1", "slot", "", "", ""),
				phys(4, 3, 9, "1", "WS-X6748-GE-TX", "V02", "SAL15A0000B", "WS-X6748-GE-TX")),
			platform: "ios", model: "WS-C6509-E", software: "15.2(4)E8", complete: true,
			lines: `CHASSIS SAL15A0000A WS-C6509-E V02 "WS-C6509-E"
module SAL15A0000B WS-X6748-GE-TX V02 "1" in SAL15A0000A
`,
		},
		{
			name: "NULs, quotes, blanks",
			objects: system(ios15, "1.3.6.1.4.1.9.1.1226").with(
				phys(1001, 0, 3, "1\x00", "WS-C3560X-48P\x00\x00", "V02 ", "\"FDO15A0000A\"\x00\x00\x00   ", "WS-C3560X-48P-S   \x00"),
				phys(1002, 1001, 10, "Gi1/1", "1000BaseSX SFP", "V01 ", "AGM15A0000B\n\x00", "GLC-SX-MMD  ")),
			platform: "ios", model: "WS-C3560X-48P-S", software: "15.2(4)E8", complete: true,
			lines: `CHASSIS FDO15A0000A WS-C3560X-48P-S V02 "1"
port AGM15A0000B GLC-SX-MMD V01 "Gi1/1" in FDO15A0000A
`,
		},
		{
			name:     "ironport",
			objects:  system("IronPort Model C390, AsyncOS Version: 13.5.1-277, Build Date: 2020-05-12, Serial #: FCH2101V0AA-0D9DE6A1AC72", "1.3.6.1.4.1.15497.1.1"),
			platform: "unknown", complete: true,
			lines: `CHASSIS FCH2101V0AA-0D9DE6A1AC72 - - "chassis"
`,
		},
		{
			name: "mobility express",
			objects: system("Cisco Controller", "1.3.6.1.4.1.9.1.2489").with(
				phys(1, 0, 3, "Chassis", "Cisco Mobility Express", "V01", "FGL21A0000A", "AIR-AP3802I-B-K9"),
				phys(2, 0, 3, "AP-2", "Cisco Aironet 1850", "V01", "FGL21A0000B", "AIR-AP1852I-B-K9")),
			platform: "aireos", model: "AIR-AP3802I-B-K9", complete: true,
			lines: `CHASSIS FGL21A0000A AIR-AP3802I-B-K9 V01 "Chassis"
CHASSIS FGL21A0000B AIR-AP1852I-B-K9 V01 "AP-2"
`,
		},
		{
			name: "cbw",
			objects: system("Cisco Business Wireless", "1.3.6.1.4.1.9.6.1.37.1").with(
				phys(1, 0, 3, "AP-1", "CBW240AC", "V01", "DNI21A0000A", "CBW240AC-B"),
				phys(2, 0, 3, "AP-2", "CBW145AC", "V01", "DNI21A0000B", "CBW145AC-B")),
			platform: "aireos", model: "CBW240AC-B", complete: true,
			lines: `CHASSIS DNI21A0000A CBW240AC-B V01 "AP-1"
CHASSIS DNI21A0000B CBW145AC-B V01 "AP-2"
`,
		},
		{
			name: "wap121",
			objects: system("Linux, Cisco Small Business WAP121 (WAP121-E-K9-G5), Version 1.0.6.5", "1.3.6.1.4.1.4413").with(
				phys(1, 0, 3, "WAP121", "Wireless-N Access Point", "V01", "DNI16A0000A", "WAP121-E-K9")),
			platform: "smb", model: "WAP121-E-K9", software: "1.0.6.5", complete: true,
			lines: `CHASSIS DNI16A0000A WAP121-E-K9 V01 "WAP121"
`,
		},
		{
			name: "nxos fex",
			objects: system(nx, "1.3.6.1.4.1.9.12.3.1.3.1062").with(
				phys(10, 0, 11, "Fabric Stack Root", "Nexus7000 C7010 (10 Slot) Chassis", "V02", "JAF13A0000A", "N7K-C7010"),
				phys(149, 10, 3, "Nexus7000 C7010 (10 Slot) Chassis", "Nexus7000 C7010 (10 Slot) Chassis", "V02", "JAF13A0000A", "N7K-C7010"),
				phys(22, 149, 9, "Supervisor module-1X", "Supervisor module-1X", "V07", "JAF13A0000B", "N7K-SUP1"),
				phys(102000149, 10, 3, "Fex-102 Nexus2232 chassis", "Fex-102 Nexus2232 chassis", "V02", "SSI15A0000C", "N2K-C2232PP-10GE"),
				phys(102000022, 102000149, 9, "Fex-102 Module-1", "Fabric Extender Module: 32x10GE, 8x10GE Supervisor", "V02", "FOX15A0000D", "N2K-C2232PP-10GE"),
				phys(102000470, 102000149, 6, "Fex-102 PowerSupply-1", "Fabric Extender AC power supply", "V02", "LIT15A0000E", "N2200-PAC-400W")),
			platform: "nxos", model: "N7K-C7010", software: "6.2(8a)", complete: true,
			lines: `CHASSIS JAF13A0000A N7K-C7010 V02 "Nexus7000 C7010 (10 Slot) Chassis"
CHASSIS SSI15A0000C N2K-C2232PP-10GE V02 "Fex-102 Nexus2232 chassis"
module JAF13A0000B N7K-SUP1 V07 "Supervisor module-1X" in JAF13A0000A
module FOX15A0000D N2K-C2232PP-10GE V02 "Fex-102 Module-1" in SSI15A0000C
powerSupply LIT15A0000E N2200-PAC-400W V02 "Fex-102 PowerSupply-1" in SSI15A0000C
`,
		},
		{
			name: "container and sensor with serials",
			objects: system(ios15, "1.3.6.1.4.1.9.1.1226").with(
				phys(1, 0, 3, "1", "WS-C3560X-48P", "V02", "FDO15A0000A", "WS-C3560X-48P-S"),
				phys(2, 1, 5, "Slot 1", "slot", "", "FDO15A0000B", "C3KX-NM-10G"),
				phys(3, 1, 8, "Temp", "sensor", "", "FDO15A0000A", "")),
			platform: "ios", model: "WS-C3560X-48P-S", software: "15.2(4)E8", complete: true,
			lines: `CHASSIS FDO15A0000A WS-C3560X-48P-S V02 "1" also ["Temp"]
container FDO15A0000B C3KX-NM-10G - "Slot 1" in FDO15A0000A
`,
		},
		{
			name: "psu same serial as chassis",
			objects: system(ios15, "1.3.6.1.4.1.9.1.1226").with(
				phys(1, 0, 3, "1", "WS-C3560X-48P", "V02", "FDO15A0000A", "WS-C3560X-48P-S"),
				phys(2, 1, 6, "PS A", "PSU", "V01", "FDO15A0000A", "C3KX-PWR-715WAC")),
			platform: "ios", model: "WS-C3560X-48P-S", software: "15.2(4)E8", complete: true,
			lines: `CHASSIS FDO15A0000A WS-C3560X-48P-S V02 "1" also ["PS A"]
`,
		},
		{
			name: "two psu of one serial",
			objects: system(ios15, "1.3.6.1.4.1.9.1.1226").with(
				phys(1, 0, 3, "1", "WS-C3560X-48P", "V02", "FDO15A0000A", "WS-C3560X-48P-S"),
				phys(2, 1, 6, "PS A", "PSU", "V01", "LIT15A0000A", "C3KX-PWR-715WAC"),
				phys(3, 2, 7, "PS A Fan", "fan", "V01", "LIT15A0000A", "C3KX-PWR-715WAC")),
			platform: "ios", model: "WS-C3560X-48P-S", software: "15.2(4)E8", complete: true,
			lines: `CHASSIS FDO15A0000A WS-C3560X-48P-S V02 "1"
powerSupply LIT15A0000A C3KX-PWR-715WAC V01 "PS A" in FDO15A0000A also ["PS A Fan"]
`,
		},
		{
			name: "loop",
			objects: system(ios15, "1.3.6.1.4.1.9.1.1226").with(
				phys(1, 2, 3, "1", "WS-C3560X-48P", "V02", "FDO15A0000A", "WS-C3560X-48P-S"),
				phys(2, 1, 9, "mod", "mod", "V02", "FDO15A0000B", "C3KX-NM-10G"),
				phys(3, 3, 9, "mod self", "mod", "V02", "FDO15A0000C", "C3KX-NM-10G")),
			platform: "ios", model: "WS-C3560X-48P-S", software: "15.2(4)E8", complete: true,
			lines: `CHASSIS FDO15A0000A WS-C3560X-48P-S V02 "1"
module FDO15A0000B C3KX-NM-10G V02 "mod" in FDO15A0000A
module FDO15A0000C C3KX-NM-10G V02 "mod self" in FDO15A0000A
`,
		},
		{
			name: "xr8",
			objects: system("Cisco IOS XR Software (8000), Version 7.3.2\n Copyright (c) 2013-2021 by Cisco Systems, Inc.", "1.3.6.1.4.1.9.1.2988").with(
				phys(1, 8384513, 9, "0/RP0/CPU0", "Cisco 8201 1RU", "V01", "FOC24A0000B", "8201"),
				phys(8384513, 0, 3, "Rack 0", "Cisco 8201 1RU Chassis", "V01", "FOC24A0000A", "8201-SYS")),
			platform: "iosxr", model: "8201-SYS", software: "7.3.2", complete: true,
			lines: `CHASSIS FOC24A0000A 8201-SYS V01 "Rack 0"
module FOC24A0000B 8201 V01 "0/RP0/CPU0" in FOC24A0000A
`,
		},
		{
			name: "ucs fi",
			objects: system("Cisco NX-OS(tm) ucs, Software (ucs-6100-k9-system), Version 5.0(3)N2(3.13e)", "1.3.6.1.4.1.9.12.3.1.3.1062").with(
				phys(149, 10, 3, "UCS 6248UP Chassis", "UCS 6248UP Chassis", "V01", "SSI15A0000A", "UCS-FI-6248UP"),
				objects{
					"1.3.6.1.4.1.9.9.719.1.15.7.1.2.11": "sys/chassis-1", "1.3.6.1.4.1.9.9.719.1.15.7.1.25.11": "N20-C6508", "1.3.6.1.4.1.9.9.719.1.15.7.1.32.11": "FOX15A0000C",
					"1.3.6.1.4.1.9.9.719.1.9.2.1.2.12": "sys/chassis-1/blade-1", "1.3.6.1.4.1.9.9.719.1.9.2.1.32.12": "UCSB-B200-M4", "1.3.6.1.4.1.9.9.719.1.9.2.1.47.12": "FCH15A0000D",
				}),
			platform: "nxos", model: "UCS-FI-6248UP", software: "5.0(3)N2(3.13e)", complete: true,
			lines: `CHASSIS SSI15A0000A UCS-FI-6248UP V01 "UCS 6248UP Chassis"
CHASSIS FOX15A0000C N20-C6508 - "chassis-1"
MODULE FCH15A0000D UCSB-B200-M4 - "chassis-1/blade-1" in FOX15A0000C
`,
		},
		{
			name: "3650 stack with class 11 not root, phantom",
			objects: system(iosxeDescr, "1.3.6.1.4.1.9.1.1745").with(
				phys(1, 0, 11, "c36xx Stack", "c36xx Stack", "V02", "FDO15A0000A", "WS-C3650-48PD"),
				phys(1000, 1, 3, "Switch 1", "WS-C3650-48PD", "V02", "FDO15A0000A", "WS-C3650-48PD"),
				phys(2000, 1, 3, "Switch 2", "WS-C3650-48PD", "", "", "WS-C3650-48PD"),
				phys(3000, 1, 3, "Switch 3", "WS-C3650-48PD - Provisioned", "", "FDO15A0000C", "WS-C3650-48PD"),
				objects{"1.3.6.1.4.1.9.9.500.1.2.1.1.6.1000": 4, "1.3.6.1.4.1.9.9.500.1.2.1.1.6.2000": 9, "1.3.6.1.4.1.9.9.500.1.2.1.1.6.3000": 11}),
			platform: "iosxe", model: "WS-C3650-48PD", software: "17.3.4", complete: true,
			lines: `CHASSIS FDO15A0000A WS-C3650-48PD V02 "Switch 1"
`,
		},
		{
			name: "ftd low fan",
			objects: system("Cisco Firepower Threat Defense, Version 6.4.0", "1.3.6.1.4.1.9.1.2324").with(
				phys(1, 0, 7, "FAN-1", "Fan", "", "DCH15A0000C", "FPR4K-FAN"),
				phys(4, 0, 3, "CHASSIS-1", "Cisco Firepower 4110", "", "", "FPR-4110-K9"),
				phys(9, 4, 9, "MODULE-1", "Security module", "V01", "FLM15A0000B", "FPR4K-SM-12")),
			platform: "ftd", model: "FPR-4110-K9", software: "6.4.0",
			lines: `fan DCH15A0000C FPR4K-FAN - "FAN-1"
module FLM15A0000B FPR4K-SM-12 V01 "MODULE-1"
`,
		},
		{
			name: "7206",
			objects: system("Cisco IOS Software, 7200 Software (C7200-ADVENTERPRISEK9-M), Version 12.4(24)T8", "1.3.6.1.4.1.9.1.222").with(
				phys(1, 0, 3, "Chassis", "Cisco 7206VXR, 6-slot chassis", "", "29572345", "CISCO7206VXR"),
				phys(2, 1, 9, "NPE-G1 0", "Cisco 7200 Series Network Processing Engine NPE-G1", "", "31493825", "NPE-G1"),
				phys(3, 1, 9, "module 1", "PA", "", "0", "PA-2FE-TX")),
			platform: "ios", model: "CISCO7206VXR", software: "12.4(24)T8", complete: true,
			lines: `CHASSIS 29572345 CISCO7206VXR - "Chassis"
module 31493825 NPE-G1 - "NPE-G1 0" in 29572345
`,
		},
		{
			name: "a chassis without serial, and modules without PID",
			objects: system(iosxrDescr, "1.3.6.1.4.1.9.1.1017").with(
				phys(24555730, 0, 3, "chassis ASR-9006", "ASR 9006 4 Line Card Slot Chassis", "V02", "N/A", "ASR-9006"),
				phys(9000010, 24555730, 9, "module mau 0/0/0/4", "GE T", "N/A", "MTC17180A04 ", "N/A")),
			platform: "iosxr", model: "ASR-9006", software: "6.6.3",
			lines: `module MTC17180A04 - - "module mau 0/0/0/4"
`,
		},
		{
			name: "class 2 everything",
			objects: system("Cisco Something New", "1.3.6.1.4.1.9.1.3500").with(
				phys(1, 0, 2, "Box", "Box", "V01", "FOC24A0000A", "BOX-1"),
				phys(2, 1, 2, "Card", "Card", "V01", "FOC24A0000B", "CARD-1")),
			platform: "unknown", model: "BOX-1", complete: true,
			lines: `CHASSIS FOC24A0000A BOX-1 V01 "Box"
unknown FOC24A0000B CARD-1 V01 "Card" in FOC24A0000A
`,
		},
	})
}
