package snmp

import "testing"

const (
	iosDescr   = "Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E4, RELEASE SOFTWARE (fc2)"
	iosxeDescr = "Cisco IOS Software [Amsterdam], Catalyst L3 Switch Software (CAT9K_IOSXE), Version 17.3.4, RELEASE SOFTWARE (fc3)"
	iosxrDescr = "Cisco IOS XR Software (Cisco ASR9K Series),  Version 6.6.3[Default]\nCopyright (c) 2019 by Cisco Systems, Inc."
	nxosDescr  = "Cisco NX-OS(tm) nxos.9.3.8.bin, Software (nxos), Version 9.3(8), RELEASE SOFTWARE Copyright (c) 2002-2021 by Cisco Systems, Inc."
)

func TestEntity(t *testing.T) {
	runDeviceTests(t, []deviceTest{
		{
			// Indices 1 and 1000 give a line card and a supervisor here, and
			// one chassis would hide the other.
			name: "virtual switch pair",
			objects: system(iosxeDescr, "1.3.6.1.4.1.9.1.2494").with(
				phys(1, 0, 11, "c94xx Stack", "c94xx Stack", "V01", "FXS2101Q0A1", "C9407R"),
				phys(2, 1, 3, "Switch 1 Chassis", "Cisco Catalyst 9400 Series 7 Slot Chassis", "V01", "FXS2101Q0A1", "C9407R"),
				phys(10, 2, 5, "Switch 1 Slot 1", "Slot 1", "", "", ""),
				phys(11, 10, 9, "Switch 1 Slot 1 Linecard", "C9400-LC-48U", "V02", "JAE2102000B", "C9400-LC-48U"),
				phys(500, 1, 3, "Switch 2 Chassis", "Cisco Catalyst 9400 Series 7 Slot Chassis", "V01", "FXS2101Q0C3", "C9407R"),
				phys(1000, 500, 9, "Switch 2 Slot 3 Supervisor", "C9400-SUP-1", "V02", "JAE2102000D", "C9400-SUP-1"),
			),
			platform: "iosxe", model: "C9407R", software: "17.3.4", complete: true,
			lines: `CHASSIS FXS2101Q0A1 C9407R V01 "Switch 1 Chassis"
CHASSIS FXS2101Q0C3 C9407R V01 "Switch 2 Chassis"
module JAE2102000B C9400-LC-48U V02 "Switch 1 Slot 1 Linecard" in FXS2101Q0A1
module JAE2102000D C9400-SUP-1 V02 "Switch 2 Slot 3 Supervisor" in FXS2101Q0C3
`,
		},
		{
			name: "nexus: four rows for one serial, and an extender",
			objects: system(nxosDescr, "1.3.6.1.4.1.9.12.3.1.3.1163").with(
				phys(10, 0, 11, "Fabric Stack Root", "Fabric Stack Root", "V01", "FOC2201R0AA", "N9K-C93180YC-EX"),
				phys(22, 214, 9, "Module-1", "48x10/25G Supervisor", "V01", "FOC2201R0AA", "N9K-C93180YC-EX"),
				phys(26, 215, 9, "Module-27", "Supervisor", "V01", "FOC2201R0AA", "N9K-C93180YC-EX"),
				phys(149, 10, 3, "Nexus9000 C93180YC-EX chassis", "Nexus9000 C93180YC-EX chassis", "V01", "FOC2201R0AA", "N9K-C93180YC-EX"),
				phys(214, 149, 5, "Module-1 slot", "slot", "", "", ""),
				phys(215, 149, 5, "Module-27 slot", "slot", "", "", ""),
				phys(278, 149, 5, "PowerSupply-1 slot", "slot", "", "", ""),
				phys(470, 278, 6, "PowerSupply-1", "PSU", "V02", "LIT2201R0AB", "NXA-PAC-650W-PE"),
				phys(539, 470, 7, "PowerSupply-1 Fan-1", "fan", "V02", "LIT2201R0AB", "NXA-PAC-650W-PE"),
				phys(104857600, 10, 3, "Fex-101 Nexus2348 chassis", "FEX", "V01", "FOC2201R0AC", "N2K-C2348UPQ"),
			),
			platform: "nxos", model: "N9K-C93180YC-EX", software: "9.3(8)", complete: true,
			lines: `CHASSIS FOC2201R0AA N9K-C93180YC-EX V01 "Nexus9000 C93180YC-EX chassis" also ["Module-1" "Module-27"]
CHASSIS FOC2201R0AC N2K-C2348UPQ V01 "Fex-101 Nexus2348 chassis"
powerSupply LIT2201R0AB NXA-PAC-650W-PE V02 "PowerSupply-1" in FOC2201R0AA also ["PowerSupply-1 Fan-1"]
`,
		},
		{
			name: "IOS-XR: index 1 is the route processor, cards stand twice",
			objects: system(iosxrDescr, "1.3.6.1.4.1.9.1.1639").with(
				phys(1, 8384513, 9, "0/RP0/CPU0", "NCS 5500 Route Processor", "V01", "SAL2001A0A1", "NC55-RP"),
				phys(2, 1, 9, "0/RP0/CPU0 -IDPROM", "RP IDPROM", "V01", "SAL2001A0A1", "NC55-RP"),
				phys(77, 1, 9, "Optics0/0/0/1", "10GBASE-LR SFP+", "N/A", "FNS2001A0A2", "N/A"),
				phys(8384513, 0, 3, "Rack 0", "NCS 5504 Chassis", "V02", "FOX2001A0A3", "NCS-5504"),
			),
			platform: "iosxr", model: "NCS-5504", software: "6.6.3", complete: true,
			lines: `CHASSIS FOX2001A0A3 NCS-5504 V02 "Rack 0"
module SAL2001A0A1 NC55-RP V01 "0/RP0/CPU0" in FOX2001A0A3 also ["0/RP0/CPU0 -IDPROM"]
module FNS2001A0A2 - - "Optics0/0/0/1" in SAL2001A0A1
`,
		},
		{
			name: "router: bogus serials, padding, a modem's IMEI",
			objects: system("Cisco IOS Software [Bengaluru], ISR Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version 17.6.4, RELEASE SOFTWARE", "1.3.6.1.4.1.9.1.2093").with(
				phys(1, 0, 3, "Chassis", "Cisco ISR4321 Chassis", "V05", "FDO2249A0A1                         ", "ISR4321/K9          "),
				phys(1027, 1, 9, "NIM subslot 0/0", "Front Panel 2 ports Gigabitethernet Module", "V01", "JAB092709EL", "ISR4321-2x1GE"),
				phys(1091, 1027, 9, "subslot 0/0 transceiver 0", "GE LX", "V01", "\x00FNS17522EA2\r\n", "GLC-LH-SMD"),
				phys(4002, 1, 9, "Modem on Cellular0/1/0", "Sierra Wireless EM7455", "1.0", "356129072000003", "EM7455"),
				phys(7000, 1, 9, "module R0", "Cisco ISR4321 Route Processor", "0xFF", "FDO224720A4", "ISR4321/K9"),
			),
			platform: "iosxe", model: "ISR4321/K9", software: "17.6.4", complete: true,
			lines: `CHASSIS FDO2249A0A1 ISR4321/K9 V05 "Chassis"
module FNS17522EA2 GLC-LH-SMD V01 "subslot 0/0 transceiver 0" in FDO2249A0A1
module 356129072000003 EM7455 1.0 "Modem on Cellular0/1/0" in FDO2249A0A1
module FDO224720A4 ISR4321/K9 - "module R0" in FDO2249A0A1
`,
		},
		{
			name: "model in the description, a cable at both ends, an empty model",
			objects: system(iosxeDescr, "1.3.6.1.4.1.9.1.2494").with(
				phys(1, 0, 3, "1", "C9200L-24P-4X", "V01", "JAE2301A0A1", ""),
				phys(2, 1, 1, "StackPort1/1", "StackPort1/1", "V01", "LCC2301A0A2", "STACK-T4-50CM"),
				phys(3, 1, 1, "StackPort1/2", "StackPort1/2", "V01", "LCC2301A0A2", "STACK-T4-50CM"),
				phys(4, 1, 6, "Power Supply A", "Power Supply A", "", "LIT2301A0A3", "N/A"),
			),
			platform: "iosxe", model: "C9200L-24P-4X", software: "17.3.4", complete: true,
			lines: `CHASSIS JAE2301A0A1 C9200L-24P-4X V01 "1"
other LCC2301A0A2 STACK-T4-50CM V01 "StackPort1/1" in JAE2301A0A1 also ["StackPort1/2"]
powerSupply LIT2301A0A3 - - "Power Supply A" in JAE2301A0A1
`,
		},
		{
			// Partial tables of 2960-S: no class at all.
			name: "no classes: roots are units, what they hold is not",
			objects: system(iosDescr, "1.3.6.1.4.1.9.1.1208").with(
				phys(1001, 0, 0, "1", "", "", "FOC1601W0A1", "WS-C2960S-48TS-L"),
				phys(1002, 1001, 0, "FlexStack Module", "", "", "FDO16010A02", "C2960S-STACK"),
			),
			platform: "ios", model: "WS-C2960S-48TS-L", software: "15.2(7)E4", complete: true,
			lines: `CHASSIS FOC1601W0A1 WS-C2960S-48TS-L - "1"
unknown FDO16010A02 C2960S-STACK - "FlexStack Module" in FOC1601W0A1
`,
		},
		{
			name: "no classes, no containers: the row named chassis",
			objects: system("Cisco Firepower Threat Defense, Version 7.2.5 (Build 208), ASA Version 9.18(3)56", "1.3.6.1.4.1.9.1.2523").with(
				phys(9, -1, 0, "CHASSIS-1", "", "", "JMX2301A0A1", "FPR-2130"),
				phys(10, -1, 0, "FAN TRAY-1", "", "", "DCH2301A0A2", ""),
				phys(11, -1, 0, "Chassis Fan Tray", "", "", "DCH2301A0A3", ""),
			),
			platform: "ftd", model: "FPR-2130", software: "7.2.5", complete: true,
			lines: `CHASSIS JMX2301A0A1 FPR-2130 - "CHASSIS-1"
unknown DCH2301A0A2 - - "FAN TRAY-1" in JMX2301A0A1
unknown DCH2301A0A3 - - "Chassis Fan Tray" in JMX2301A0A1
`,
		},
		{
			name: "nothing but parts: no unit is made up, and absence is not proved",
			objects: system("Cisco Firepower Threat Defense, Version 7.4.1", "1.3.6.1.4.1.9.1.3055").with(
				phys(9, -1, 0, "CHASSIS-1", "", "", "", ""),
				phys(10, -1, 0, "FAN TRAY-1", "", "", "DCH2301A0A2", ""),
			),
			platform: "ftd", software: "7.4.1",
			lines: `unknown DCH2301A0A2 - - "FAN TRAY-1"
`,
		},
		{
			name: "identity services engine calls itself other",
			objects: system("Cisco Identity Services Engine", "1.3.6.1.4.1.9.1.2266").with(
				phys(1, 0, 1, "", "Cisco Application Deployment Engine", "A0", "FCH2301V0A1", "SNS-3695-K9"),
			),
			platform: "ise", model: "SNS-3695-K9", complete: true,
			lines: `CHASSIS FCH2301V0A1 SNS-3695-K9 A0 ""
`,
		},
		{
			name: "meraki switch: root and chassis are one",
			objects: system("Meraki MS225-48LP Cloud Managed PoE Switch", "1.3.6.1.4.1.29671.2.134").with(
				phys(1, 0, 1, "switch", "MS225-48LP", "", "Q2KW-AB12-CD34", "MS225-48LP"),
				phys(2, 1, 3, "chassis", "MS225-48LP", "", "Q2KW-AB12-CD34", "MS225-48LP"),
			),
			platform: "meraki", model: "MS225-48LP", complete: true,
			lines: `CHASSIS Q2KW-AB12-CD34 MS225-48LP - "chassis" also ["switch"]
`,
		},
		{
			name:     "meraki access point: the nines are a placeholder",
			objects:  system("Meraki MR46 Cloud Managed AP", "1.3.6.1.4.1.29671.2.117").with(phys(1, 0, 3, "MR46", "MR46", "", "9999999999", "MR46")),
			platform: "meraki", model: "MR46",
		},
		{
			name: "free text as sysDescr",
			objects: system("Dock door 4, do not unplug", "1.3.6.1.4.1.9.1.2685").with(
				phys(1, 0, 3, "IE-3300-8T2S", "IE-3300-8T2S", "V04", "FOC2301A0A1", "IE-3300-8T2S"),
				objects{"1.3.6.1.2.1.47.1.1.1.1.10.1": "17.6.4"},
			),
			platform: "iosxe", model: "IE-3300-8T2S", software: "17.6.4", complete: true,
			lines: `CHASSIS FOC2301A0A1 IE-3300-8T2S V04 "IE-3300-8T2S"
`,
		},
		{
			name: "another maker's switch has parts and no unit",
			objects: system("Example 24-port switch", "1.3.6.1.4.1.47196.4.1.1.1.100").with(
				phys(1, 0, 3, "1", "switch", "", "SG19EX0001", "JL661A"),
				phys(2, 1, 6, "1/1", "power supply", "", "CN19EX0002", "JL087A"),
			),
			platform: "unknown", complete: true,
			lines: `chassis SG19EX0001 JL661A - "1"
powerSupply CN19EX0002 JL087A - "1/1" in SG19EX0001
`,
		},
		{
			name: "two optics of other makers with one short number",
			objects: system(nxosDescr, "1.3.6.1.4.1.9.12.3.1.3.1163").with(
				phys(149, 0, 3, "chassis", "chassis", "V01", "FOC2201R0AA", "N9K-C93180YC-EX"),
				phys(300, 149, 9, "Ethernet1/1", "optic", "", "A0001", "SFP-GE-S"),
				phys(301, 149, 9, "Ethernet1/2", "optic", "", "A0001", "QSFP-40G-SR4"),
			),
			platform: "nxos", model: "N9K-C93180YC-EX", software: "9.3(8)", complete: true,
			lines: `CHASSIS FOC2201R0AA N9K-C93180YC-EX V01 "chassis"
module A0001 SFP-GE-S - "Ethernet1/1" in FOC2201R0AA
module A0001 QSFP-40G-SR4 - "Ethernet1/2" in FOC2201R0AA
`,
		},
		{
			// A fixed switch: what is in the chassis under its serial is the chassis.
			name: "one serial, one in the other, two PIDs",
			objects: system(iosDescr, "1.3.6.1.4.1.9.1.917").with(
				phys(1, 0, 3, "Switch System", "48 port switch", "V01", "CAT1601S0A1", "WS-C4948E"),
				phys(1000, 1, 9, "Linecard(slot 1)", "linecard", "V01", "CAT1601S0A1", "WS-X4948E-F"),
			),
			platform: "ios", model: "WS-C4948E", software: "15.2(7)E4", complete: true,
			lines: `CHASSIS CAT1601S0A1 WS-C4948E V01 "Switch System" also ["Linecard(slot 1)"]
`,
		},
		{
			name: "containers that hold each other",
			objects: system(iosDescr, "1.3.6.1.4.1.9.1.1208").with(
				phys(1, 2, 3, "1", "", "V01", "FOC1601W0A1", "WS-C2960X-24TS-L"),
				phys(2, 1, 9, "2", "", "V01", "FOC1601W0A2", "C2960X-STACK"),
			),
			platform: "ios", model: "WS-C2960X-24TS-L", software: "15.2(7)E4", complete: true,
			lines: `CHASSIS FOC1601W0A1 WS-C2960X-24TS-L V01 "1"
module FOC1601W0A2 C2960X-STACK V01 "2" in FOC1601W0A1
`,
		},
	})
}
