package snmp

import (
	"fmt"
	"testing"
)

func TestCatOS(t *testing.T) {
	module := func(i, number int, serial, model string) objects {
		at := func(c int) string { return fmt.Sprintf("1.3.6.1.4.1.9.5.1.3.1.1.%d.%d", c, i) }
		return objects{at(3): number, at(13): "", at(17): model, at(18): "3.0", at(26): serial}
	}
	catos := system("Cisco Systems WS-C6506-E\r\nCisco Catalyst Operating System Software, Version 8.6(6a)\r\nCopyright (c) 1995-2009 by Cisco Systems", "1.3.6.1.4.1.9.5.44")
	const chassis = "1.3.6.1.4.1.9.5.1.2."
	runDeviceTests(t, []deviceTest{
		{
			name: "alphanumeric serials",
			objects: catos.with(
				objects{chassis + "16.0": "WS-C6506-E", chassis + "17.0": 0, chassis + "19.0": "SAL1001A0A1"},
				module(1, 0, "SAL1001A0A2", "WS-SUP720-3B"), module(3, 0, "SAL1001A0A3", "WS-X6748-GE-TX"),
			),
			platform: "catos", model: "WS-C6506-E", software: "8.6(6a)", complete: true,
			lines: `CHASSIS SAL1001A0A1 WS-C6506-E - "chassis"
module SAL1001A0A2 WS-SUP720-3B 3.0 "module 1" in SAL1001A0A1
module SAL1001A0A3 WS-X6748-GE-TX 3.0 "module 3" in SAL1001A0A1
`,
		},
		{
			name: "numbers for modules, from before strings",
			objects: catos.with(
				objects{chassis + "19.0": "066001234"}, module(1, 10012345, "", "WS-X5530"), module(2, 0, "", "WS-X5224"), module(3, 10012346, "10012346", "WS-X5225R"),
			),
			platform: "catos", model: "WS-C6506-E", software: "8.6(6a)", complete: true,
			lines: `CHASSIS 066001234 WS-C6506-E - "chassis"
module 10012346 WS-X5225R 3.0 "module 3" in 066001234
module 10012345 WS-X5530 3.0 "module 1" in 066001234
`,
		},
		{
			name: "late CatOS repeats the chassis in ENTITY-MIB",
			objects: catos.with(
				objects{chassis + "16.0": "WS-C6506-E", chassis + "19.0": "SAL1001A0A1"},
				phys(1, 0, 3, "WS-C6506-E", "chassis", "2.0", "SAL1001A0A1", "WS-C6506-E"),
			),
			platform: "catos", model: "WS-C6506-E", software: "8.6(6a)", complete: true,
			lines: `CHASSIS SAL1001A0A1 WS-C6506-E 2.0 "WS-C6506-E" also ["chassis"]
`,
		},
		{
			name:     "IOS on a Catalyst 6000 without ENTITY-MIB",
			objects:  system("Cisco Internetwork Operating System Software IOS (tm) c6sup2_rp Software, Version 12.1(13)E", "1.3.6.1.4.1.9.1.283").with(objects{chassis + "16.0": "WS-C6509", chassis + "19.0": "SAL1001A0A9"}),
			platform: "ios", model: "WS-C6509", software: "12.1(13)E", complete: true,
			lines: `CHASSIS SAL1001A0A9 WS-C6509 - "chassis"
`,
		},
	})
}
