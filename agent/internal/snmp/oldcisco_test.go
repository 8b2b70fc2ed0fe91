package snmp

import (
	"fmt"
	"testing"
)

func TestOldCisco(t *testing.T) {
	old := system("Cisco Internetwork Operating System Software \r\nIOS (tm) C2600 Software (C2600-I-M), Version 12.0(7)T,  RELEASE SOFTWARE (fc2)", "1.3.6.1.4.1.9.1.209")
	card := func(i int, descr string, serial, slot int) objects {
		at := func(c int) string { return fmt.Sprintf("1.3.6.1.4.1.9.3.6.11.1.%d.%d", c, i) }
		return objects{at(3): descr, at(4): serial, at(5): "2.3", at(7): slot}
	}
	const chassisID = "1.3.6.1.4.1.9.3.6.3.0"
	runDeviceTests(t, []deviceTest{
		{
			name: "chassisId and cards",
			objects: old.with(objects{chassisID: "JAB0401A0A1 (1234)"}, objects{chassisID: "JAB0401A0A1"},
				card(1, "2600 Chassis FE", 20101234, 0), card(2, "WAN Interface Card", 0, -1), card(3, "Two port T1", 20105678, -1)),
			platform: "ios", software: "12.0(7)T", complete: true,
			lines: `CHASSIS JAB0401A0A1 - - "chassis"
module 20101234 - 2.3 "slot 0" in JAB0401A0A1
module 20105678 - 2.3 "card" in JAB0401A0A1
`,
		},
		{
			name:     "chassisId set to the name",
			objects:  old.with(objects{chassisID: "DEVICE"}),
			platform: "ios", software: "12.0(7)T",
		},
		{
			name:     "chassisId set to words",
			objects:  old.with(objects{chassisID: "third floor 2"}),
			platform: "ios", software: "12.0(7)T",
		},
		{
			name: "serials in CISCO-ENTITY-ASSET-MIB",
			objects: system("Cisco Internetwork Operating System Software IOS (tm) GS Software (GSR-P-M), Version 12.0(33)S", "1.3.6.1.4.1.9.1.182").with(
				objects{"1.3.6.1.2.1.47.1.1.1.1.2.1": "GSR chassis", "1.3.6.1.2.1.47.1.1.1.1.4.1": 0, "1.3.6.1.2.1.47.1.1.1.1.5.1": 3},
				objects{"1.3.6.1.2.1.47.1.1.1.1.2.5": "GRP", "1.3.6.1.2.1.47.1.1.1.1.4.5": 1, "1.3.6.1.2.1.47.1.1.1.1.5.5": 9},
				objects{"1.3.6.1.4.1.9.9.92.1.1.1.2.1": "TBA0401A0A1", "1.3.6.1.4.1.9.9.92.1.1.1.3.1": "GSR8/40"},
				objects{"1.3.6.1.4.1.9.9.92.1.1.1.2.5": "SAD0401A0A2", "1.3.6.1.4.1.9.9.92.1.1.1.3.5": "GRP-B"},
			),
			platform: "ios", model: "GSR8/40", software: "12.0(33)S", complete: true,
			lines: `CHASSIS TBA0401A0A1 GSR8/40 - ""
module SAD0401A0A2 GRP-B - "" in TBA0401A0A1
`,
		},
		{
			name:     "mail security appliance: serial in sysDescr, behind a MAC address",
			objects:  system("Cisco Model C195, AsyncOS Version: 13.0.0-375, Build Date: 2020-04-29, Serial #: 70708BAABBCC-FCH2301V0A1", "1.3.6.1.4.1.15497.1.2"),
			platform: "unknown", complete: true,
			lines: `CHASSIS FCH2301V0A1 - - "chassis"
`,
		},
		{
			name: "serials in descriptions alone",
			objects: old.with(
				objects{"1.3.6.1.2.1.47.1.1.1.1.2.1": "2611 chassis, Hw Serial#: 26110001, Hw Revision: 0x00", "1.3.6.1.2.1.47.1.1.1.1.4.1": 0, "1.3.6.1.2.1.47.1.1.1.1.5.1": 3},
				objects{"1.3.6.1.2.1.47.1.1.1.1.2.2": "WIC, Hw Serial#: 26110002", "1.3.6.1.2.1.47.1.1.1.1.4.2": 1, "1.3.6.1.2.1.47.1.1.1.1.5.2": 9},
			),
			platform: "ios", software: "12.0(7)T", complete: true,
			lines: `CHASSIS 26110001 - - ""
module 26110002 - - "" in 26110001
`,
		},
	})
}
