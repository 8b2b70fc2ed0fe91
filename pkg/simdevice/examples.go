package simdevice

import (
	"slices"

	"rollcall/pkg/inventory"
)

// Examples returns the names that Example knows, sorted.
func Examples() []string {
	var names []string
	for _, e := range examples() {
		names = append(names, e.Name)
	}
	slices.Sort(names)
	return names
}

// Example returns a device that shows the ways of a platform, with invented
// serials. It answers community "public", the SNMPv3 user "rollcall" (SHA-256
// "auth-password", AES-128 "priv-password") and the SSH user "admin" with
// password "admin-password".
func Example(name string) (Device, bool) {
	for _, d := range examples() {
		if d.Name != name {
			continue
		}
		d.Community = "public"
		d.V3 = []V3User{{
			User: "rollcall", AuthProtocol: "SHA256", AuthPassword: "auth-password", PrivProtocol: "AES", PrivPassword: "priv-password",
		}}
		d.SSHUser, d.SSHPassword = "admin", "admin-password"
		return d, true
	}
	return Device{}, false
}

// examples name each device for what it shows.
func examples() []Device {
	return slices.Concat(exampleSwitches(), exampleRouters(), exampleAppliances())
}

func supply(serial, pid string) Part {
	return Part{Serial: serial, PID: pid, VID: "V01", Class: inventory.ClassPowerSupply}
}

func optic(serial, pid string) Part {
	return Part{Serial: serial, PID: pid, VID: "V01", Class: inventory.ClassPort}
}

func fan(serial, pid string) Part {
	return Part{Serial: serial, PID: pid, VID: "V01", Class: inventory.ClassFan}
}

func module(serial, pid string) Part {
	return Part{Serial: serial, PID: pid, VID: "V01", Class: inventory.ClassModule}
}

func exampleSwitches() []Device {
	return []Device{
		{
			Name: "ios-switch", Platform: inventory.PlatformIOS, Software: "15.0(2)SE11",
			Units: []Unit{{Serial: "FOC1601X0A1", PID: "WS-C3560G-24TS-S", VID: "V03", Parts: []Part{optic("FNS16010A01", "GLC-SX-MMD")}}},
		},
		{
			Name: "ios-stack", Platform: inventory.PlatformIOS, Software: "15.2(7)E8",
			Units: []Unit{
				{Serial: "FCW2001A0A1", PID: "WS-C2960X-48FPS-L", VID: "V02", Parts: []Part{supply("DCB2001A0A1", ""), optic("FNS20010A11", "GLC-SX-MMD")}},
				{Serial: "FCW2001A0A2", PID: "WS-C2960X-24PS-L", VID: "V02", Parts: []Part{supply("LIT2001A0A2", "")}},
				{PID: "WS-C2960X-24PS-L", Absent: true},
			},
		},
		{
			Name: "ios-chassis", Platform: inventory.PlatformIOS, Software: "15.1(2)SY14",
			Units: []Unit{
				{Serial: "FXS1501Q0A1", PID: "WS-C6504-E", VID: "V01", Parts: []Part{module("SAL15010A01", "VS-SUP2T-10G"), supply("APS15010A01", "PWR-2700-AC/4")}},
				{Serial: "FXS1501Q0A2", PID: "WS-C6504-E", VID: "V01", Parts: []Part{module("SAL15010A02", "VS-SUP2T-10G"), supply("APS15010A02", "PWR-2700-AC/4")}},
			},
		},
		{
			Name: "iosxe-stack", Platform: inventory.PlatformIOSXE, Software: "17.9.4",
			Units: []Unit{
				{Serial: "FCW2401G0A1", PID: "C9300-48P", VID: "V02", Parts: []Part{
					{Serial: "MOC2401A0A1", PID: "STACK-T1-50CM", VID: "V01", Class: inventory.ClassOther},
					{Serial: "LCC2401G0A2", PID: "STACK-T1-50CM", VID: "V01", Class: inventory.ClassOther},
					supply("LIT24010A01", "PWR-C1-715WAC"), module("FOC24010A01", "C9300-NM-8X"), optic("AVD24010A01", "SFP-10G-SR"),
				}},
				{Serial: "FCW2401G0A2", PID: "C9300-48P", VID: "V02", Parts: []Part{
					{Serial: "MOC2401A0A1", PID: "STACK-T1-50CM", VID: "V01", Class: inventory.ClassOther},
					{Serial: "LCC2401G0A2", PID: "STACK-T1-50CM", VID: "V01", Class: inventory.ClassOther},
					supply("LIT24010A02", "PWR-C1-715WAC"),
				}},
			},
			Phones: []Phone{{Serial: "FCH2401D0A1", PID: "CP-8845", Name: "SEP00000C0000A1", Port: 3}},
		},
		{
			Name: "nxos-switch", Platform: inventory.PlatformNXOS, Software: "9.3(10)",
			Units: []Unit{
				{Serial: "FDO2301A0A1", PID: "N9K-C93180YC-FX", VID: "V03", Parts: []Part{
					supply("LIT23010A01", "NXA-PAC-500W-PE"), supply("LIT23010A02", "NXA-PAC-500W-PE"), fan("", "NXA-FAN-30CFM-F"),
					optic("AVD23010A01", "SFP-10G-SR"),
				}},
				{Serial: "FOX2301A0A2", PID: "N2K-C2348UPQ-10GE", VID: "V02"},
			},
		},
		{
			Name: "smb-switch", Platform: inventory.PlatformSMB, Software: "3.2.1.1",
			Units: []Unit{{Serial: "FOC2501L0A1", PID: "CBS350-24P-4G", VID: "V01", Description: "CBS350-24P-4G 24-Port Gigabit PoE Managed Switch"}},
		},
		{
			Name: "smb-stack", Platform: inventory.PlatformSMB, Software: "2.5.9.13",
			Units: []Unit{
				{Serial: "DNI2301A0A1", PID: "SG350X-24P-K9", VID: "V04", Description: "SG350X-24P 24-Port Gigabit PoE Stackable Managed Switch"},
				{Serial: "DNI2301A0A2", PID: "SG350X-24P-K9", VID: "V04", Description: "SG350X-24P 24-Port Gigabit PoE Stackable Managed Switch"},
			},
		},
		{
			Name: "linksys-switch", Platform: inventory.PlatformLinksys, Software: "1.1.1.9",
			Units: []Unit{{Serial: "14A10C00000001", PID: "LGS318P", VID: "V02", Description: "LGS318P 18-Port Gigabit PoE+ Smart Switch"}},
		},
		{
			Name: "catos-switch", Platform: inventory.PlatformCatOS, Software: "8.6(6a)",
			Units: []Unit{{Serial: "FOX0801A0A1", PID: "WS-C6506-E", VID: "V01", Parts: []Part{
				module("SAD08010A01", "WS-SUP720"), module("SAL08010A02", "WS-X6148-GE-TX"), supply("APQ08010A01", "WS-CAC-3000W"),
			}}},
		},
		{
			Name: "meraki-switch", Platform: inventory.PlatformMeraki, Software: "15.22",
			Units: []Unit{{Serial: "Q2AA-AAAA-AAA1", PID: "MS220-8P"}},
		},
	}
}

func exampleRouters() []Device {
	return []Device{
		{
			Name: "ios-router", Platform: inventory.PlatformIOS, Software: "15.7(3)M8",
			Units: []Unit{{Serial: "FGL2101A0A1", PID: "CISCO1921/K9", VID: "V06", Parts: []Part{module("FOC21010A01", "EHWIC-4ESG")}}},
		},
		{
			Name: "ios-old-router", Platform: inventory.PlatformIOS, Software: "12.1(22)",
			Units: []Unit{{Serial: "JMX0501A0A1", PID: "CISCO2621", VID: "0x102", Parts: []Part{module("20123456", "NM-1E")}}},
		},
		{
			Name: "iosxe-router", Platform: inventory.PlatformIOSXE, Software: "17.6.4",
			Units: []Unit{{Serial: "FDO2401A0A1", PID: "ISR4321/K9", VID: "V05", Parts: []Part{
				{PID: "PWR-4320-AC", Class: inventory.ClassPowerSupply}, module("FOC24010B01", "NIM-ES2-4"), optic("FNS24010B01", "GLC-LH-SMD"),
			}}},
		},
		{
			Name: "iosxr-router", Platform: inventory.PlatformIOSXR, Software: "7.5.2",
			Units: []Unit{{Serial: "FOC2301N0A1", PID: "ASR-9001", VID: "V06", Parts: []Part{
				module("FOC2301N0A2", "ASR9001-RP"), module("FOC2301N0A3", "A9K-MPA-4X10GE"), supply("ART2301X0A1", "A9K-750W-AC"),
				fan("FOC2301N0A4", "ASR-9001-FAN"), optic("ECL23010A01", "SFP-10G-LR"),
			}}},
		},
	}
}

func exampleAppliances() []Device {
	return []Device{
		{
			Name: "asa-firewall", Platform: inventory.PlatformASA, Software: "9.16(4)",
			Units: []Unit{{
				Serial: "FCH2201J0A1", PID: "ASA5516", VID: "V01", Description: "ASA 5516-X with FirePOWER services, 8GE, AC, DES",
				Parts: []Part{supply("29A1G1", "ASA-PWR-AC"), {Serial: "MXA2201A0A1", PID: "ASA5516-SSD", Name: "Storage Device 1", Description: "ASA 5516-X SSD"}},
			}},
		},
		{
			Name: "ftd-firewall", Platform: inventory.PlatformFTD, Software: "7.2.5",
			Units: []Unit{{Serial: "FJC2701A0A1", PID: "FPR3110-NGFW-K9", VID: "V01", Parts: []Part{fan("DCH2701A0A1", "FPR3K-FAN")}}},
		},
		{
			Name: "fxos-chassis", Platform: inventory.PlatformFXOS, Software: "2.12(0.31)",
			Units: []Unit{{Serial: "JMX2601A0A1", PID: "FPR-C9300-AC", VID: "V01", Parts: []Part{
				module("FLM2601A0A1", "FPR9K-SM-44"), supply("ART2601X0A1", "FPR9K-PS-AC"), fan("NWG2601A0A1", "FPR9K-FAN"),
			}}},
		},
		{
			Name: "aireos-controller", Platform: inventory.PlatformAireOS, Software: "8.10.185.0",
			Units: []Unit{
				{Serial: "FOC2201D0A1", PID: "AIR-CT3504-K9", VID: "V01", Description: "Cisco 3500 Series Wireless LAN Controller"},
				{Serial: "FGL2201A0A1", PID: "AIR-AP2802I-B-K9", VID: "V02"},
				{Serial: "FGL2201A0A2", PID: "AIR-AP2802I-B-K9", VID: "V02"},
			},
		},
		{
			Name: "iosxe-controller", Platform: inventory.PlatformIOSXE, Software: "17.9.4",
			Units: []Unit{{Serial: "TTM2401A0A1", PID: "C9800-40-K9", VID: "V03", Parts: []Part{
				supply("LIT24010C01", "C9800-AC-750W-R"),
				{Serial: "FGL2401L0A1", PID: "C9120AXI-B", VID: "V02", Class: inventory.ClassChassis, Name: "AP-lobby"},
			}}},
		},
		{
			Name: "cimc-server", Platform: inventory.PlatformCIMC, Software: "4.1(2f)",
			Units: []Unit{{Serial: "FCH2301V0A1", PID: "UCSC-C220-M4S", Parts: []Part{supply("APS2301A0A1", "UCSC-PSU1-770W")}}},
		},
		{
			Name: "ise-server", Platform: inventory.PlatformISE, Software: "3.1.0.518",
			Units: []Unit{{Serial: "FCH2301W0A1", PID: "SNS-3595-K9", VID: "A0"}},
		},
		{
			Name: "apic-server", Platform: inventory.PlatformAPIC, Software: "5.2(7f)",
			Units: []Unit{{Serial: "FCH2301X0A1", PID: "APIC-SERVER-M3", VID: "V01"}},
		},
	}
}
