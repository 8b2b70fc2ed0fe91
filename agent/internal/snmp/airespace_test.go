package snmp

import (
	"fmt"
	"testing"
)

func TestAirespace(t *testing.T) {
	ap := func(last int, name, serial, model string) objects {
		at := func(c int) string { return fmt.Sprintf("1.3.6.1.4.1.14179.2.2.1.1.%d.0.26.30.0.0.%d", c, last) }
		return objects{at(3): name, at(8): "8.10.185.0", at(16): model, at(17): serial}
	}
	const agent = "1.3.6.1.4.1.14179.1.1.1."
	aps := ap(16, "ap-hall", "FGL2301A0A2", "AIR-AP2802I-E-K9").with(ap(32, "ap-yard", "FGL2301A0A3", "AIR-AP1562I-E-K9"), ap(48, "ap-new", "", "AIR-AP1562I-E-K9"))
	runDeviceTests(t, []deviceTest{
		{
			name: "AireOS controller with access points",
			objects: system("Cisco Controller", "1.3.6.1.4.1.9.1.1631").with(
				phys(1, 0, 3, "Chassis", "Cisco 5520 Wireless Controller", "V01", "FCH2301A0A1", "AIR-CT5520-K9"),
				objects{agent + "3.0": "AIR-CT5520-K9", agent + "4.0": "FCH2301A0A1", agent + "13.0": "Cisco Controller", agent + "14.0": "8.10.185.0"}, aps,
			),
			platform: "aireos", model: "AIR-CT5520-K9", software: "8.10.185.0", complete: true,
			lines: `CHASSIS FCH2301A0A1 AIR-CT5520-K9 V01 "Chassis"
OTHER FGL2301A0A2 AIR-AP2802I-E-K9 - "ap-hall"
OTHER FGL2301A0A3 AIR-AP1562I-E-K9 - "ap-yard"
`,
		},
		{
			name: "AireOS without ENTITY-MIB",
			objects: system("Cisco Controller", "1.3.6.1.4.1.14179.1.1.4.3").with(
				objects{agent + "3.0": "AIR-WLC4402-25-K9", agent + "4.0": "FOC1301A0A1", agent + "14.0": "7.0.252.0"},
			),
			platform: "aireos", model: "AIR-WLC4402-25-K9", software: "7.0.252.0", complete: true,
			lines: `CHASSIS FOC1301A0A1 AIR-WLC4402-25-K9 - "Chassis"
`,
		},
		{
			name: "C9800 pair with access points",
			objects: system("Cisco IOS Software [Cupertino], C9800 Software (C9800_IOSXE-K9), Version 17.9.4, RELEASE SOFTWARE", "1.3.6.1.4.1.9.1.2530").with(
				phys(1, 0, 11, "Multi Chassis System", "stack", "", "", ""),
				phys(2, 1, 3, "Chassis 1", "Cisco Catalyst 9800-40 Chassis", "V02", "TTM2301A0A1", "C9800-40-K9"),
				phys(500, 1, 3, "Chassis 2", "Cisco Catalyst 9800-40 Chassis", "V02", "TTM2301A0A4", "C9800-40-K9"), aps,
			),
			platform: "iosxe", model: "C9800-40-K9", software: "17.9.4", complete: true,
			lines: `CHASSIS TTM2301A0A1 C9800-40-K9 V02 "Chassis 1"
CHASSIS TTM2301A0A4 C9800-40-K9 V02 "Chassis 2"
OTHER FGL2301A0A2 AIR-AP2802I-E-K9 - "ap-hall"
OTHER FGL2301A0A3 AIR-AP1562I-E-K9 - "ap-yard"
`,
		},
		{
			// Each access point is a root row; the table of access points
			// knows them by the names that people gave.
			name: "mobility express",
			objects: system("Cisco Business Wireless", "1.3.6.1.4.1.9.6.1.37.240.1").with(
				phys(1, 0, 0, "Cisco Business Wireless", "Cisco Business Wireless 240AC Access Point", "V01", "PSZ2301A0A1", "CBW240AC-B"),
				phys(8, 0, 0, "CBW240", "access point", "V01", "PSZ2301A0A2", "CBW240AC-B"),
				phys(24, 0, 0, "CBW240", "access point", "V01", "PSZ2301A0A3", "CBW240AC-B"),
				ap(16, "ap-hall", "PSZ2301A0A2", "CBW240AC-B"),
			),
			platform: "aireos", model: "CBW240AC-B", complete: true,
			lines: `CHASSIS PSZ2301A0A1 CBW240AC-B V01 "Cisco Business Wireless"
CHASSIS PSZ2301A0A2 CBW240AC-B V01 "ap-hall" also ["CBW240"]
CHASSIS PSZ2301A0A3 CBW240AC-B V01 "CBW240"
`,
		},
	})
}
