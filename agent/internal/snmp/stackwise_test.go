package snmp

import "testing"

func TestStack(t *testing.T) {
	stack := system(iosxeDescr, "1.3.6.1.4.1.9.1.2494").with(
		phys(1, 0, 11, "c93xx Stack", "c93xx Stack", "V01", "FCW2301L0A1", "C9300-48P"),
		phys(1000, 1, 3, "Switch 1", "C9300-48P", "V01", "FCW2301L0A1", "C9300-48P"),
		phys(2000, 1, 3, "Switch 2", "C9300-24P", "V02", "FCW2301L0A2", "C9300-24P"),
		phys(2014, 2000, 6, "Switch 2 - Power Supply A", "Switch 2 - Power Supply A", "V01", "LIT2301L0A3", "PWR-C1-715WAC"),
	)
	state := func(first, second int) objects {
		const at = "1.3.6.1.4.1.9.9.500.1.2.1.1.6."
		return objects{at + "1000": first, at + "2000": second}
	}
	both := `CHASSIS FCW2301L0A1 C9300-48P V01 "Switch 1"
CHASSIS FCW2301L0A2 C9300-24P V02 "Switch 2"
powerSupply LIT2301L0A3 PWR-C1-715WAC V01 "Switch 2 - Power Supply A" in FCW2301L0A2
`
	one := `CHASSIS FCW2301L0A1 C9300-48P V01 "Switch 1"
`
	want := deviceTest{platform: "iosxe", model: "C9300-48P", software: "17.3.4", complete: true}
	tests := []deviceTest{
		{name: "the root repeats the active member", objects: stack, lines: both},
		{name: "both ready", objects: stack.with(state(4, 4)), lines: both},
		{name: "second only provisioned", objects: stack.with(state(4, 9)), lines: one},
		{name: "second removed", objects: stack.with(state(4, 11)), lines: one},
		{
			name: "nothing but the root has a serial",
			objects: system(iosxeDescr, "1.3.6.1.4.1.9.1.2494").with(
				phys(1, 0, 11, "c93xx Stack", "c93xx Stack", "V01", "FCW2301L0A1", "C9300-48P"),
				phys(1000, 1, 3, "Switch 1", "C9300-48P", "V01", "", ""),
			),
			lines: `CHASSIS FCW2301L0A1 C9300-48P V01 "c93xx Stack"
`,
		},
	}
	for i := range tests {
		tests[i].platform, tests[i].model, tests[i].software, tests[i].complete = want.platform, want.model, want.software, want.complete
	}
	runDeviceTests(t, tests)
}
