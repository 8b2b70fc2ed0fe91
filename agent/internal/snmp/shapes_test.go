package snmp

import (
	"fmt"
	"testing"
)

// cells are a column or two of a row, for tables that have not more.
func cells(index int, columns map[int]any) objects {
	o := objects{}
	for c, v := range columns {
		o[fmt.Sprintf("1.3.6.1.2.1.47.1.1.1.1.%d.%d", c, index)] = v
	}
	return o
}

const ios12 = "Cisco IOS Software, C2960S Software (C2960S-UNIVERSALK9-M), Version 12.2(58)SE2, RELEASE SOFTWARE (fc1)"

// Shapes of switches as the facts tell of them (discovery facts 2.3, 5).
func TestSwitchShapes(t *testing.T) {
	runDeviceTests(t, []deviceTest{
		{
			name: "catalyst 3850 stack: cables at both ends, the root repeats the active member",
			objects: system("Cisco IOS Software, IOS-XE Software, Catalyst L3 Switch Software (CAT3K_CAA-UNIVERSALK9-M), Version 03.06.06E RELEASE SOFTWARE (fc1)", "1.3.6.1.4.1.9.1.1745").with(
				phys(1, 0, 11, "c38xx Stack", "c38xx Stack", "V01", "FOC1932X0A2", "WS-C3850-24P-E"),
				phys(1000, 1, 3, "Switch 1", "WS-C3850-24P-E", "V01", "FCW1932D0A1", "WS-C3850-24P-E"),
				phys(1061, 1000, 5, "Switch 1 - StackPort Container 1", "container", "", "", ""),
				phys(1062, 1061, 10, "StackPort1/1", "StackPort1/1", "V01", "LCC1921G0A1", "STACK-T1-50CM"),
				phys(1063, 1061, 10, "StackPort1/2", "StackPort1/2", "V01", "LCC1921G0A2", "STACK-T1-50CM"),
				phys(2000, 1, 3, "Switch 2", "WS-C3850-24P-E", "V04", "FOC1932X0A2", "WS-C3850-24P-E"),
				phys(2062, 2000, 10, "StackPort2/1", "StackPort2/1", "V01", "LCC1921G0A2", "STACK-T1-50CM"),
				phys(2063, 2000, 10, "StackPort2/2", "StackPort2/2", "V01", "LCC1921G0A1", "STACK-T1-50CM"),
				phys(2014, 2000, 6, "Switch 2 - Power Supply A", "Switch 2 - Power Supply A", "V01", "LIT1509D0A1", "C3KX-PWR-715WAC"),
			),
			platform: "iosxe", model: "WS-C3850-24P-E", software: "03.06.06E", complete: true,
			lines: `CHASSIS FCW1932D0A1 WS-C3850-24P-E V01 "Switch 1"
CHASSIS FOC1932X0A2 WS-C3850-24P-E V04 "Switch 2"
port LCC1921G0A1 STACK-T1-50CM V01 "StackPort1/1" in FCW1932D0A1 also ["StackPort2/2"]
port LCC1921G0A2 STACK-T1-50CM V01 "StackPort1/2" in FCW1932D0A1 also ["StackPort2/1"]
powerSupply LIT1509D0A1 C3KX-PWR-715WAC V01 "Switch 2 - Power Supply A" in FOC1932X0A2
`,
		},
		{
			name: "catalyst 9500 StackWise Virtual: supervisors repeat their chassis, one cable of two ends",
			objects: system(iosxeDescr, "1.3.6.1.4.1.9.1.2593").with(
				phys(1, 0, 11, "c95xx Stack", "c95xx Stack", "V01", "CAT2242L0A1", "C9500-32QC"),
				phys(2, 1, 3, "Switch 1 Chassis", "Cisco Catalyst 9500 Series Chassis", "V01", "CAT2242L0A1", "C9500-32QC"),
				phys(3, 2, 9, "Switch 1 Slot 1 Supervisor", "Cisco Catalyst 9500 Series Router", "V01", "CAT2242L0A1", "C9500-32QC"),
				phys(4, 3, 10, "FortyGigabitEthernet1/0/4", "QSFP 40GE CU3M", "V03", "TED2122K0A1-B", "QSFP-H40G-CU3M"),
				phys(5, 2, 6, "Switch 1 Power Supply Module 0", "650W AC Power Supply", "V01", "ART2216F0A1", "C9K-PWR-650WAC-R"),
				phys(500, 1, 3, "Switch 2 Chassis", "Cisco Catalyst 9500 Series Chassis", "V01", "CAT2242L0A2", "C9500-32QC"),
				phys(501, 500, 9, "Switch 2 Slot 1 Supervisor", "Cisco Catalyst 9500 Series Router", "V01", "CAT2242L0A2", "C9500-32QC"),
				phys(502, 501, 10, "FortyGigabitEthernet2/0/4", "QSFP 40GE CU3M", "V03", "TED2122K0A1-A", "QSFP-H40G-CU3M"),
			),
			platform: "iosxe", model: "C9500-32QC", software: "17.3.4", complete: true,
			lines: `CHASSIS CAT2242L0A1 C9500-32QC V01 "Switch 1 Chassis" also ["Switch 1 Slot 1 Supervisor"]
CHASSIS CAT2242L0A2 C9500-32QC V01 "Switch 2 Chassis" also ["Switch 2 Slot 1 Supervisor"]
port TED2122K0A1-B QSFP-H40G-CU3M V03 "FortyGigabitEthernet1/0/4" in CAT2242L0A1
powerSupply ART2216F0A1 C9K-PWR-650WAC-R V01 "Switch 1 Power Supply Module 0" in CAT2242L0A1
port TED2122K0A1-A QSFP-H40G-CU3M V03 "FortyGigabitEthernet2/0/4" in CAT2242L0A2
`,
		},
		{
			name: "catalyst 6500 virtual switch: clocks of one serial, a supervisor's daughter cards",
			objects: system("Cisco IOS Software, s2t54 Software (s2t54-IPSERVICESK9-M), Version 15.1(2)SY14, RELEASE SOFTWARE (fc4)", "1.3.6.1.4.1.9.1.896").with(
				phys(1, 0, 11, "VSS", "Virtual switch", "", "", ""),
				phys(2, 1, 3, "WS-C6504-E 1", "Cisco Systems Cisco 6500 4-slot Chassis System", "V01", "FXS1712Q0A1", "WS-C6504-E"),
				phys(11, 2, 9, "Switch 1 CLK-7600 1", "OSR-7600 Clock FRU 1", "", "FXS170800A2", "CLK-7600"),
				phys(12, 2, 9, "Switch 1 CLK-7600 2", "OSR-7600 Clock FRU 2", "", "FXS170800A2", "CLK-7600"),
				phys(20, 2, 5, "Switch 1 Slot 1", "slot", "", "", ""),
				phys(21, 20, 9, "Switch 1 slot 1", "VS-SUP2T-10G 5 ports Supervisor Engine 2T 10GE w/ CTS Rev. 1.5", "V05", "SAL17150A03", "VS-SUP2T-10G"),
				phys(22, 21, 9, "msfc sub-module of 1", "VS-F6K-MSFC5 CPU Daughterboard Rev. 2.0", "", "SAL17150A04", "VS-F6K-MSFC5"),
				phys(23, 21, 10, "Transceiver Te1/1/4", "X2 Transceiver 10Gbase-SR", "V06", "ONT17020A05", "X2-10GB-SR"),
				phys(1002, 1, 3, "WS-C6504-E 2", "Cisco Systems Cisco 6500 4-slot Chassis System", "V01", "FXS1712Q0A6", "WS-C6504-E"),
				phys(1010, 1002, 6, "Switch 2 PS 1", "AC power supply", "V02", "APS17070A07", "PWR-2700-AC/4"),
			),
			platform: "ios", model: "WS-C6504-E", software: "15.1(2)SY14", complete: true,
			lines: `CHASSIS FXS1712Q0A1 WS-C6504-E V01 "WS-C6504-E 1"
CHASSIS FXS1712Q0A6 WS-C6504-E V01 "WS-C6504-E 2"
module FXS170800A2 CLK-7600 - "Switch 1 CLK-7600 1" in FXS1712Q0A1 also ["Switch 1 CLK-7600 2"]
module SAL17150A03 VS-SUP2T-10G V05 "Switch 1 slot 1" in FXS1712Q0A1
module SAL17150A04 VS-F6K-MSFC5 - "msfc sub-module of 1" in SAL17150A03
port ONT17020A05 X2-10GB-SR V06 "Transceiver Te1/1/4" in SAL17150A03
powerSupply APS17070A07 PWR-2700-AC/4 V02 "Switch 2 PS 1" in FXS1712Q0A6
`,
		},
		{
			name: "nexus 5000 with extenders that hold power supplies",
			objects: system("Cisco NX-OS(tm) n5000, Software (n5000-uk9), Version 7.3(8)N1(1), RELEASE SOFTWARE", "1.3.6.1.4.1.9.12.3.1.3.1038").with(
				phys(10, 0, 11, "Fabric Stack Root", "Fabric Stack Root", "V02", "SSI17150A01", "N5K-C5548UP"),
				phys(22, 149, 9, "Module-1", "O2 32X10GE/Modular Universal Platform Supervisor", "V02", "FOC17150A02", "N5K-C5548UP"),
				phys(149, 10, 3, "Nexus5548 chassis", "Nexus5548 chassis", "V02", "SSI17150A01", "N5K-C5548UP"),
				phys(300017445, 22, 9, "Ethernet1/1", "10Gbase-SR", "V03", "FNS17150A03     ", "SFP-10G-SR          "),
				phys(100000100, 10, 3, "Fex-100 Nexus2248 Chassis", "Nexus2248 Chassis", "V03", "SSI17150A04", "N2K-C2248TP-1GE"),
				phys(100000200, 100000100, 6, "Fex-100 Power Supply 1", "PSU", "V01", "LIT17150A05", "N2200-PAC-400W"),
				phys(101000100, 10, 3, "Fex-101 Nexus2248 Chassis", "Nexus2248 Chassis", "V03", "SSI17150A06", "N2K-C2248TP-1GE"),
			),
			platform: "nxos", model: "N5K-C5548UP", software: "7.3(8)N1(1)", complete: true,
			lines: `CHASSIS SSI17150A01 N5K-C5548UP V02 "Nexus5548 chassis"
CHASSIS SSI17150A04 N2K-C2248TP-1GE V03 "Fex-100 Nexus2248 Chassis"
CHASSIS SSI17150A06 N2K-C2248TP-1GE V03 "Fex-101 Nexus2248 Chassis"
module FOC17150A02 N5K-C5548UP V02 "Module-1" in SSI17150A01
powerSupply LIT17150A05 N2200-PAC-400W V01 "Fex-100 Power Supply 1" in SSI17150A04
module FNS17150A03 SFP-10G-SR V03 "Ethernet1/1" in FOC17150A02
`,
		},
		{
			name: "storage switch speaks as a nexus",
			objects: system("Cisco NX-OS(tm) m9100, Software (m9100-s6ek9-mz), Version 8.4(2c), RELEASE SOFTWARE", "1.3.6.1.4.1.9.12.3.1.3.1731").with(
				phys(10, 0, 11, "Fabric Stack Root", "Fabric Stack Root", "V02", "JPG21370A01", "DS-C9148T-K9"),
				phys(149, 10, 3, "MDS 9148T chassis", "MDS 9148T chassis", "V02", "JPG21370A01", "DS-C9148T-K9"),
				phys(470, 149, 6, "PowerSupply-1", "PSU", "V01", "LIT21370A02", "DS-CAC-300W"),
			),
			platform: "nxos", model: "DS-C9148T-K9", software: "8.4(2c)", complete: true,
			lines: `CHASSIS JPG21370A01 DS-C9148T-K9 V02 "MDS 9148T chassis"
powerSupply LIT21370A02 DS-CAC-300W V01 "PowerSupply-1" in JPG21370A01
`,
		},
		{
			name: "partial table: serials and models alone, no class, no container",
			objects: system(ios12, "1.3.6.1.4.1.9.1.1208").with(
				cells(1001, map[int]any{11: "FOC1601W0A1", 13: "WS-C2960S-48TS-L"}), cells(1016, map[int]any{11: "FDO16010A02", 13: "C2960S-STACK"}),
				cells(2001, map[int]any{11: "FOC1601W0A3", 13: "WS-C2960S-24PS-L"}),
			),
			platform: "ios", model: "WS-C2960S-48TS-L", software: "12.2(58)SE2", complete: true,
			lines: `CHASSIS FOC1601W0A1 WS-C2960S-48TS-L - ""
CHASSIS FOC1601W0A3 WS-C2960S-24PS-L - ""
unknown FDO16010A02 C2960S-STACK - ""
`,
		},
		{
			name: "partial table of a nexus: rows of one serial",
			objects: system(nxosDescr, "1.3.6.1.4.1.9.12.3.1.3.1163").with(
				cells(10, map[int]any{11: "FOC2201R0AA", 13: "N9K-C93180YC-EX"}), cells(149, map[int]any{11: "FOC2201R0AA", 13: "N9K-C93180YC-EX"}),
				cells(300, map[int]any{11: "FNS2201R0AB", 13: "SFP-10G-SR"}),
			),
			platform: "nxos", model: "N9K-C93180YC-EX", software: "9.3(8)", complete: true,
			lines: `CHASSIS FOC2201R0AA N9K-C93180YC-EX - ""
unknown FNS2201R0AB SFP-10G-SR - "" in FOC2201R0AA
`,
		},
		{
			name:     "the only serial of an appliance that says nothing else",
			objects:  system("Cisco Prime Network Analysis", "1.3.6.1.4.1.9.1.1863").with(cells(1, map[int]any{11: "FCH1801V0A1"})),
			platform: "unknown", complete: true,
			lines: `CHASSIS FCH1801V0A1 - - ""
`,
		},
		{
			name:     "industrial switch with a transceiver and a card",
			objects:  system(iosDescr, "1.3.6.1.4.1.9.1.1729").with(phys(1001, 0, 3, "1", "IE-2000U-16TC-GP", "V02", "FOC1801V0A1", "IE-2000U-16TC-GP"), phys(1017, 1001, 9, "GigabitEthernet0/17", "100BASE-FX SFP", "V01", "FNS18010A02", "GLC-FE-100FX-RGD")),
			platform: "ios", model: "IE-2000U-16TC-GP", software: "15.2(7)E4", complete: true,
			lines: `CHASSIS FOC1801V0A1 IE-2000U-16TC-GP V02 "1"
module FNS18010A02 GLC-FE-100FX-RGD V01 "GigabitEthernet0/17" in FOC1801V0A1
`,
		},
	})
}

// Shapes of routers.
func TestRouterShapes(t *testing.T) {
	asr1k := system("Cisco IOS Software [Fuji], ASR1000 Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version 16.9.6, RELEASE SOFTWARE (fc2)", "1.3.6.1.4.1.9.1.925")
	runDeviceTests(t, []deviceTest{
		{
			name: "ASR 1001 whose chassis tells no serial: one board stands in",
			objects: system(iosxeDescr, "1.3.6.1.4.1.9.1.1116").with(
				phys(1, 0, 3, "Chassis", "Cisco ASR1001 Chassis", "V01", "", "ASR1001"),
				phys(7000, 1, 9, "module 0", "Cisco ASR1001 SPA Interface Processor", "V01", "JAE15A00003", "ASR1001"),
				phys(9000, 1, 9, "module R0", "Cisco ASR1001 Route Processor", "V01", "JAE15A00001", "ASR1001"),
				phys(9500, 1, 9, "module F0", "Cisco ASR1001 Embedded Services Processor", "V01", "JAE15A00002", "ASR1001"),
				phys(20, 1, 6, "Power Supply Module 0", "AC Power Supply", "V01", "ART15A00009", "ASR1001-PWR-AC")),
			platform: "iosxe", model: "ASR1001", software: "17.3.4",
			lines: `MODULE JAE15A00001 ASR1001 V01 "module R0"
powerSupply ART15A00009 ASR1001-PWR-AC V01 "Power Supply Module 0" in JAE15A00001
module JAE15A00003 ASR1001 V01 "module 0" in JAE15A00001
module JAE15A00002 ASR1001 V01 "module F0" in JAE15A00001
`,
		},
		{
			name: "a route processor beside its chassis that tells no serial",
			objects: system(iosxeDescr, "1.3.6.1.4.1.9.1.1116").with(
				phys(1, 0, 3, "Chassis", "Cisco ASR1002 Chassis", "V01", "", "ASR1002"),
				phys(7000, 0, 9, "module R0", "Cisco ASR1002 Route Processor 1", "V01", "JAE15A00001", "ASR1002-RP1")),
			platform: "iosxe", model: "ASR1002-RP1", software: "17.3.4",
			lines: `MODULE JAE15A00001 ASR1002-RP1 V01 "module R0"
`,
		},
		{
			name: "ASR 1006",
			objects: asr1k.with(
				phys(1, 0, 3, "Chassis", "Cisco ASR1006 Chassis", "V01", "FOX1204G0A1", "ASR1006"),
				phys(2, 1, 5, "slot R0", "slot", "", "", ""),
				phys(1000, 1, 5, "slot 0", "slot", "", "", ""),
				phys(1001, 1000, 9, "module 0", "Cisco ASR1000 SPA Interface Processor 40", "V02", "JAE200600A2", "ASR1000-SIP40"),
				phys(1010, 1001, 5, "subslot 0/0", "subslot", "", "", ""),
				phys(1027, 1010, 9, "SPA subslot 0/0", "5-port Gigabit Ethernet Shared Port Adapter", "V02", "JAE151200A3", "SPA-5X1GE-V2"),
				phys(1090, 1027, 5, "subslot 0/0 transceiver container 0", "container", "", "", ""),
				phys(1091, 1090, 9, "subslot 0/0 transceiver 0", "GE T", "E   ", "MTC164200A4     ", "SP7041-E            "),
				phys(7000, 2, 9, "module R0", "Cisco ASR1000 Route Processor 2", "V02", "JAE153400A5", "ASR1000-RP2"),
				phys(9000, 1, 9, "module F0", "Cisco ASR1000 Embedded Services Processor, 20Gbps", "V01", "JAE123900A6", "ASR1000-ESP20"),
				phys(14, 1, 6, "Power Supply Module 0", "Cisco ASR1006 AC Power Supply", "V01", "ART121000A7", "ASR1006-PWR-AC"),
			),
			platform: "iosxe", model: "ASR1006", software: "16.9.6", complete: true,
			lines: `CHASSIS FOX1204G0A1 ASR1006 V01 "Chassis"
powerSupply ART121000A7 ASR1006-PWR-AC V01 "Power Supply Module 0" in FOX1204G0A1
module JAE200600A2 ASR1000-SIP40 V02 "module 0" in FOX1204G0A1
module JAE151200A3 SPA-5X1GE-V2 V02 "SPA subslot 0/0" in JAE200600A2
module MTC164200A4 SP7041-E E "subslot 0/0 transceiver 0" in JAE151200A3
module JAE153400A5 ASR1000-RP2 V02 "module R0" in FOX1204G0A1
module JAE123900A6 ASR1000-ESP20 V01 "module F0" in FOX1204G0A1
`,
		},
		{
			name: "ASR 9006: cards and their IDPROMs, optics of other makers, indices of all sizes",
			objects: system(iosxrDescr, "1.3.6.1.4.1.9.1.1017").with(
				phys(1, 24555730, 9, "module 0/RSP0/CPU0", "ASR9K Route Switch Processor", "V05", "FOC1808N0A1", "A9K-RSP440-TR"),
				phys(5225733, 1, 9, "module 0/RSP0/CPU0 - MB IDPROM", "IDPROM", "V05", "FOC1808N0A1", "A9K-RSP440-TR"),
				phys(8384513, 24555730, 5, "slot 0/0", "slot", "", "", ""),
				phys(9000000, 8384513, 9, "module 0/0/CPU0", "80G Modular Linecard", "V08", "FOC1941N0A2", "A9K-MOD80-SE"),
				phys(9000001, 9000000, 9, "module 0/0/0", "ASR 9000 20-port 1GE Modular Port Adapter", "V03", "FOC1946N0A3", "A9K-MPA-20X1GE"),
				phys(9000002, 9000000, 9, "module 0/0/0 DB-IDPROM", "daughtercard", "V03", "FOC1946N0A3", "A9K-MPA-20X1GE"),
				phys(9000010, 9000001, 9, "module mau 0/0/0/4", "GE T", "N/A", "MTC17180A04 ", "N/A"),
				phys(9000011, 9000001, 9, "GigabitEthernet0/0/0/2", "Non-Cisco SFP 1G Pluggable Optics Module", "1.0", "ECI50L257", "EN-SFP1G-LX-CO"),
				phys(24555730, 0, 3, "chassis ASR-9006", "ASR 9006 4 Line Card Slot Chassis", "V02", "FOX1746H0A5", "ASR-9006"),
				phys(24555731, 24555730, 7, "fantray 0/FT0/SP", "ASR-9006 Fan Tray V2", "V02", "FOC1744N0A6", "ASR-9006-FAN-V2"),
				phys(24555732, 24555731, 7, "fan0 0/FT0/SP", "ASR9K Generic Fan", "N/A", "N/A", "N/A"),
			),
			platform: "iosxr", model: "ASR-9006", software: "6.6.3", complete: true,
			lines: `CHASSIS FOX1746H0A5 ASR-9006 V02 "chassis ASR-9006"
module FOC1808N0A1 A9K-RSP440-TR V05 "module 0/RSP0/CPU0" in FOX1746H0A5 also ["module 0/RSP0/CPU0 - MB IDPROM"]
module FOC1941N0A2 A9K-MOD80-SE V08 "module 0/0/CPU0" in FOX1746H0A5
module FOC1946N0A3 A9K-MPA-20X1GE V03 "module 0/0/0" in FOC1941N0A2 also ["module 0/0/0 DB-IDPROM"]
module MTC17180A04 - - "module mau 0/0/0/4" in FOC1946N0A3
module ECI50L257 EN-SFP1G-LX-CO 1.0 "GigabitEthernet0/0/0/2" in FOC1946N0A3
fan FOC1744N0A6 ASR-9006-FAN-V2 V02 "fantray 0/FT0/SP" in FOX1746H0A5
`,
		},
		{
			name: "ISR 1100 with a cellular modem",
			objects: system("Cisco IOS Software [Gibraltar], ISR Software (ARMV8EB_LINUX_IOSD-UNIVERSALK9_IAS-M), Version 16.12.4, RELEASE SOFTWARE (fc5)", "1.3.6.1.4.1.9.1.2658").with(
				phys(1, 0, 3, "Chassis", "Cisco C1111-8PLTEEA Chassis", "V01", "FGL2301L0A1", "C1111-8PLTEEA"),
				phys(4000, 1, 9, "NIM subslot 0/2", "Cellular LTE", "V01", "FOC23010A02", "C1111-LTE"),
				phys(4001, 4000, 9, "Modem 0 on Cellular0/2/0", "Sierra Wireless WP7607", "1.0", "356129072000011", "WP7607"),
				phys(7000, 1, 9, "module R0", "Cisco C1111-8PLTEEA Route Processor", "V01", "FOC23010A03", "C1111-8PLTEEA"),
			),
			platform: "iosxe", model: "C1111-8PLTEEA", software: "16.12.4", complete: true,
			lines: `CHASSIS FGL2301L0A1 C1111-8PLTEEA V01 "Chassis"
module FOC23010A02 C1111-LTE V01 "NIM subslot 0/2" in FGL2301L0A1
module 356129072000011 WP7607 1.0 "Modem 0 on Cellular0/2/0" in FOC23010A02
module FOC23010A03 C1111-8PLTEEA V01 "module R0" in FGL2301L0A1
`,
		},
		{
			name:     "host of voice software",
			objects:  system("Hardware:VMware, 2  Intel(R) Xeon(R), 8192 MB Memory: Software:UCOS 6.0.0.0-2", "1.3.6.1.4.1.99.1.1.3.28"),
			platform: "ucos",
		},
	})
}

// Shapes of firewalls, wireless and the rest.
func TestApplianceShapes(t *testing.T) {
	const smb = "1.3.6.1.4.1.9.6.1.101"
	runDeviceTests(t, []deviceTest{
		{
			name: "ASA 5516: chassis at index 4, serial of another maker in the power supply",
			objects: system("Cisco Adaptive Security Appliance Version 9.16(4)", "1.3.6.1.4.1.9.1.2117").with(
				phys(1, 4, 12, "Processor 0/0", "Accelerator", "", "", ""),
				phys(4, 0, 3, "Chassis", "ASA 5516-X with FirePOWER services, 8GE, AC, DES", "V03", "JMX2301L0A1", "ASA5516"),
				phys(9, 4, 5, "Storage slot", "slot", "", "", ""),
				phys(10, 9, 1, "Storage Device 1", "ASA 5516-X SSD", "N/A", "MSA23010A02", "ASA5516-SSD"),
				phys(18, 4, 6, "power supply 1", "AC power supply", "N/A", "29V1A7", "ASA-PWR-AC"),
			),
			platform: "asa", model: "ASA5516", software: "9.16(4)", complete: true,
			lines: `CHASSIS JMX2301L0A1 ASA5516 V03 "Chassis"
other MSA23010A02 ASA5516-SSD - "Storage Device 1" in JMX2301L0A1
powerSupply 29V1A7 ASA-PWR-AC - "power supply 1" in JMX2301L0A1
`,
		},
		{
			name: "firepower 1010 with class data",
			objects: system("Cisco Firepower Threat Defense, Version 7.2.5 (Build 208), ASA Version 9.18(3)56", "1.3.6.1.4.1.9.1.2761").with(
				phys(1, 0, 3, "FPR-1010", "Cisco Firepower 1010", "V01", "JMX2401X0A1", "FPR-1010"),
				phys(2, 1, 9, "module 0", "FPR-1010 module", "V01", "JAD24010A02", "FPR-1010-MB"),
			),
			platform: "ftd", model: "FPR-1010", software: "7.2.5", complete: true,
			lines: `CHASSIS JMX2401X0A1 FPR-1010 V01 "FPR-1010"
module JAD24010A02 FPR-1010-MB V01 "module 0" in JMX2401X0A1
`,
		},
		{
			name:     "firepower 2100: names alone, the chassis has the model",
			objects:  system("Cisco FirePOWER Threat Defense, Version 6.6.1", "1.3.6.1.4.1.9.1.2521").with(cells(9, map[int]any{7: "CHASSIS-1", 11: "JMX2201X0A1", 13: "FPR-2110"}), cells(10, map[int]any{7: "FAN TRAY-1", 11: "DCH2201X0A2"}), cells(20, map[int]any{7: "PSU-1", 11: "LIT2201X0A3", 13: "FPR2K-PWR-AC-400"})),
			platform: "ftd", model: "FPR-2110", software: "6.6.1", complete: true,
			lines: `CHASSIS JMX2201X0A1 FPR-2110 - "CHASSIS-1"
unknown DCH2201X0A2 - - "FAN TRAY-1" in JMX2201X0A1
unknown LIT2201X0A3 FPR2K-PWR-AC-400 - "PSU-1" in JMX2201X0A1
`,
		},
		{
			name: "AireOS 2504: ENTITY-MIB and the controller's own table agree",
			objects: system("Cisco Controller", "1.3.6.1.4.1.9.1.1279").with(
				cells(1, map[int]any{2: "Cisco 2500 Series Wireless Controller", 7: "Chassis", 11: "PSZ18010A01", 13: "AIR-CT2504-K9"}),
				objects{"1.3.6.1.4.1.14179.1.1.1.3.0": "AIR-CT2504-K9", "1.3.6.1.4.1.14179.1.1.1.4.0": "PSZ18010A01", "1.3.6.1.4.1.14179.1.1.1.14.0": "8.5.182.0"},
			),
			platform: "aireos", model: "AIR-CT2504-K9", software: "8.5.182.0", complete: true,
			lines: `CHASSIS PSZ18010A01 AIR-CT2504-K9 - "Chassis"
`,
		},
		{
			name:     "SG300: units alone",
			objects:  system("26-Port Gigabit Managed Switch", "1.3.6.1.4.1.9.6.1.83.26.1").with(smallUnit(smb, 1, "1.4.11.5", "V02", "DNI18010A01", "SG300-26")),
			platform: "smb", model: "SG300-26", software: "1.4.11.5", complete: true,
			lines: `CHASSIS DNI18010A01 SG300-26 V02 "1"
`,
		},
		{
			name: "CBS250 with a transceiver in ENTITY-MIB",
			objects: system("CBS250-24P-4G 24-Port Gigabit PoE Smart Switch", "1.3.6.1.4.1.9.6.1.1004.28.2").with(
				phys(67109120, 0, 3, "CBS250-24P-4G", "switch", "V01", "FOC24010A01", "CBS250-24P-4G"),
				phys(68420352, 67109120, 5, "container", "container", "", "", ""),
				phys(68420353, 68420352, 10, "gi25", "SFP", "", "FNS24010A02", "MGBLH1"),
				phys(134217984, 0, 3, "", "", "", "", ""),
				smallUnit(smb, 1, "3.2.1.1", "V01", "FOC24010A01", "CBS250-24P-4G"),
			),
			platform: "smb", model: "CBS250-24P-4G", software: "3.2.1.1", complete: true,
			lines: `CHASSIS FOC24010A01 CBS250-24P-4G V01 "1" also ["CBS250-24P-4G"]
port FNS24010A02 MGBLH1 - "gi25" in FOC24010A01
`,
		},
		{
			name:     "cable gateway that was Scientific-Atlanta's",
			objects:  system("EPC3928AD", "1.3.6.1.4.1.1429.78.4.9").with(objects{"1.3.6.1.4.1.1429.78.4.1.1.0": "EPC3928AD", "1.3.6.1.4.1.1429.78.4.1.2.0": "1.0", "1.3.6.1.4.1.1429.78.4.1.3.0": "249123456"}),
			platform: "unknown", model: "EPC3928AD", complete: true,
			lines: `CHASSIS 249123456 EPC3928AD 1.0 "chassis"
`,
		},
		{
			name:     "satellite receiver",
			objects:  system("D9800", "1.3.6.1.4.1.1429.2.2.5.42").with(objects{"1.3.6.1.4.1.1429.2.2.5.42.2.1.1.6.1": "12345678"}),
			platform: "unknown", complete: true,
			lines: `CHASSIS 12345678 - - "chassis"
`,
		},
		{
			name:     "meraki firewall tells no serial",
			objects:  system("Meraki MX84 Cloud Managed Security Appliance", "1.3.6.1.4.1.29671.2.18"),
			platform: "meraki",
		},
	})
}
