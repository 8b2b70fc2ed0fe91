package snmp

import (
	"fmt"
	"testing"
)

func TestPhones(t *testing.T) {
	phone := func(mark, port, class int, serial, maker, model, name string) objects {
		index := fmt.Sprintf("%d.%d.1", mark, port)
		at := func(c int) string { return fmt.Sprintf("1.0.8802.1.1.2.1.5.4795.1.3.3.1.%d.%s", c, index) }
		return objects{
			at(1): "V01", at(3): "sip88xx.14-2-1", at(4): serial, at(5): maker, at(6): model,
			"1.0.8802.1.1.2.1.5.4795.1.3.1.1.3." + index: class,
			"1.0.8802.1.1.2.1.4.1.1.9." + index:          name,
		}
	}
	runDeviceTests(t, []deviceTest{{
		name: "phones and adapters on an access switch",
		objects: system(iosDescr, "1.3.6.1.4.1.9.1.1208").with(
			phys(1001, 0, 3, "1", "WS-C2960X-24PS-L", "V02", "FCW1931A0A1", "WS-C2960X-24PS-L"),
			phone(120, 1, 3, "FCH2301A0A2", "Cisco Systems, Inc.", "CP-8845", "SEP00005E005301"),
			phone(900, 1, 3, "FCH2301A0A2", "Cisco Systems, Inc.", "CP-8845", "SEP00005E005301"),
			phone(130, 2, 1, "FCH2301A0A3", "Cisco Systems, Inc.", "ATA191-K9", ""),
			phone(140, 3, 3, "64167F00A004", "Example Phones", "VVX 350", "phone"),
			phone(150, 4, 4, "FCW1931A0A5", "Cisco", "WS-C2960X-48TS-L", "another switch"),
		),
		platform: "ios", model: "WS-C2960X-24PS-L", software: "15.2(7)E4", complete: true,
		lines: `CHASSIS FCW1931A0A1 WS-C2960X-24PS-L V02 "1"
OTHER FCH2301A0A2 CP-8845 V01 "SEP00005E005301"
OTHER FCH2301A0A3 ATA191-K9 V01 "phone FCH2301A0A3"
`,
	}})
}

func TestSecondSerials(t *testing.T) {
	runDeviceTests(t, []deviceTest{{
		name: "a second serial is an alias",
		objects: system(iosxrDescr, "1.3.6.1.4.1.9.1.2658").with(
			phys(1, 0, 3, "Rack 0", "ASR 9901 Chassis", "V01", "FOC2301A0A1", "ASR-9901"),
			objects{"1.3.6.1.4.1.9.9.195.1.4.1.1.1": "FOC2301A0B9"},
		),
		platform: "iosxr", model: "ASR-9901", software: "6.6.3", complete: true,
		lines: `CHASSIS FOC2301A0A1 ASR-9901 V01 "Rack 0" also ["FOC2301A0B9"]
`,
	}})
}
