package snmp

import (
	"fmt"
	"testing"
)

func TestViptela(t *testing.T) {
	item := func(hwType, i int, part, serial, descr string) objects {
		at := func(c int) string { return fmt.Sprintf("1.3.6.1.4.1.41916.3.1.1.1.%d.%d.%d", c, hwType, i) }
		return objects{at(3): "1.0", at(4): part, at(5): serial, at(6): descr}
	}
	runDeviceTests(t, []deviceTest{{
		name: "edge router",
		objects: system("Viptela SNMP agent", "1.3.6.1.4.1.41916.3.2.1").with(
			item(1, 0, "vEdge-1000-AC", "11OD11234567890", "vEdge-1000"), item(2, 0, "None", "None", "Quad-Core Octeon-II"),
			item(9, 0, "SFP-GE-T", "AVC230100A2", "1000BASE-T"), item(11, 0, "PEM-AC", "1207230100A3", "power"),
		),
		platform: "viptela", model: "vEdge-1000-AC", complete: true,
		lines: `CHASSIS 11OD11234567890 vEdge-1000-AC 1.0 "chassis 0"
module AVC230100A2 SFP-GE-T 1.0 "module 0" in 11OD11234567890
powerSupply 1207230100A3 PEM-AC 1.0 "powerSupply 0" in 11OD11234567890
`,
	}})
}

func TestAPIC(t *testing.T) {
	runDeviceTests(t, []deviceTest{
		{
			name:     "serial in sysDescr",
			objects:  system("APIC VERSION 5.2(1g); PID APIC-SERVER-M3; Serial WZP2301A0A1", "1.3.6.1.4.1.9.1.2238"),
			platform: "apic", model: "APIC-SERVER-M3", software: "5.2(1g)", complete: true,
			lines: `CHASSIS WZP2301A0A1 APIC-SERVER-M3 - ""
`,
		},
		{
			name:     "serial blanked",
			objects:  system("APIC VERSION 5.2(1g); PID APIC-SERVER-M3; Serial xxxxxxxxxxx", "1.3.6.1.4.1.9.1.2238"),
			platform: "apic", model: "APIC-SERVER-M3", software: "5.2(1g)",
		},
	})
}
