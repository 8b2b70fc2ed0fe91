package snmp

import (
	"fmt"
	"testing"
)

// smallUnit is a row of rlPhdUnitGenParamTable.
func smallUnit(root string, unit int, software, vid, serial, model string) objects {
	at := func(c int) string { return fmt.Sprintf("%s.53.14.1.%d.%d", root, c, unit) }
	return objects{at(2): software, at(4): vid, at(5): serial, at(7): model, at(11): model}
}

// smallItem is a row of rlInventoryEntTable.
func smallItem(root string, kind, id int, maker, model, name, serial string, unit int) objects {
	at := func(c int) string { return fmt.Sprintf("%s.217.1.%d.%d.%d", root, c, kind, id) }
	return objects{at(3): maker, at(4): model, at(5): name, at(6): "", at(7): serial, at(8): unit}
}

func TestSmallBusiness(t *testing.T) {
	const cisco, linksys = "1.3.6.1.4.1.9.6.1.101", "1.3.6.1.4.1.3955.1000.201"
	sg := system("SG350X-24P 24-Port Gigabit PoE Stackable Managed Switch", "1.3.6.1.4.1.9.6.1.94.24.5")
	runDeviceTests(t, []deviceTest{
		{
			name: "a stack whose ENTITY-MIB has phantom members",
			objects: sg.with(
				phys(128, 0, 11, "Stack", "Stack", "", "", ""),
				phys(67109120, 128, 3, "SG350X-24P Stack Unit 1", "switch", "V04", "DNI232300A1", "SG350X-24P-K9"),
				phys(134217984, 128, 3, "SG350X-24P Stack Unit 2", "switch", "V04", "DNI232300A2", "SG350X-24P-K9"),
				phys(201326848, 128, 3, "", "", "", "", ""),
				phys(268435712, 128, 3, "", "", "", "", ""),
				smallUnit(cisco, 1, "2.5.9.13", "V04", "DNI232300A1", "SG350X-24P"),
				smallUnit(cisco, 2, "2.5.9.13", "V04", "DNI232300A2", "SG350X-24P"),
				smallUnit(cisco, 3, "", "", "", ""),
			),
			platform: "smb", model: "SG350X-24P-K9", software: "2.5.9.13", complete: true,
			lines: `CHASSIS DNI232300A1 SG350X-24P-K9 V04 "1" also ["SG350X-24P Stack Unit 1"]
CHASSIS DNI232300A2 SG350X-24P-K9 V04 "2" also ["SG350X-24P Stack Unit 2"]
`,
		},
		{
			name: "transceivers, which ENTITY-MIB does not have",
			objects: sg.with(
				phys(67109120, 0, 3, "SG350X-24P Stack Unit 1", "switch", "V04", "DNI232300A1", "SG350X-24P-K9"),
				smallUnit(cisco, 1, "2.5.9.13", "V04", "DNI232300A1", "SG350X-24P"), smallUnit(cisco, 2, "2.5.9.13", "V04", "DNI232300A2", "SG350X-24P"),
				smallItem(cisco, 0, 1, "", "SG350X-24P", "", "DNI232300A1", 1), smallItem(cisco, 0, 2, "", "SG350X-24P", "", "DNI232300A2", 2),
				smallItem(cisco, 1, 25, "CISCO-FINISAR", "MGBSX1", "te1/0/1", "FNS232300A3 ", 1),
				smallItem(cisco, 1, 79, "CISCO-AVAGO", "SFP-10G-SR", "te2/0/1", "AGD232300A4", 2), smallItem(cisco, 1, 80, "", "", "te2/0/2", "", 2),
			),
			platform: "smb", model: "SG350X-24P-K9", software: "2.5.9.13", complete: true,
			lines: `CHASSIS DNI232300A1 SG350X-24P-K9 V04 "1" also ["SG350X-24P Stack Unit 1"]
CHASSIS DNI232300A2 SG350X-24P V04 "2"
port FNS232300A3 MGBSX1 - "te1/0/1" in DNI232300A1
port AGD232300A4 SFP-10G-SR - "te2/0/1" in DNI232300A2
`,
		},
		{
			name:     "no ENTITY-MIB",
			objects:  sg.with(smallUnit(cisco, 1, "1.4.11.5", "V02", "DNI232300A1", "SG300-28P")),
			platform: "smb", model: "SG300-28P", software: "1.4.11.5", complete: true,
			lines: `CHASSIS DNI232300A1 SG300-28P V02 "1"
`,
		},
		{
			name: "catalyst 1300 under a product number of Cisco's",
			objects: system("Catalyst 1300 Series Managed Switch, 24-port GE, PoE, 4x10G SFP+ (C1300-24P-4X)", "1.3.6.1.4.1.9.1.3225").with(
				smallUnit(cisco, 1, "4.1.6.53", "V01", "FOC2801Y0A1", "C1300-24P-4X"),
			),
			platform: "smb", model: "C1300-24P-4X", software: "4.1.6.53", complete: true,
			lines: `CHASSIS FOC2801Y0A1 C1300-24P-4X V01 "1"
`,
		},
		{
			name: "linksys, under its own number",
			objects: system("LGS528P 28-Port Gigabit PoE+ Managed Switch", "1.3.6.1.4.1.3955.1000.5.28.2").with(
				phys(67108992, 0, 3, "LGS528P", "switch", "V02", "14A10C95800001", "Linksys LGS528P"),
				smallUnit(linksys, 1, "1.1.1.9", "V02", "14A10C95800001", "LGS528P"),
			),
			platform: "linksys", model: "LGS528P", software: "1.1.1.9", complete: true,
			lines: `CHASSIS 14A10C95800001 LGS528P V02 "1" also ["LGS528P"]
`,
		},
		{
			name: "access point with the number of its chip's maker",
			objects: system("Linux, Cisco Small Business WAP121 (WAP121-E-K9), Version 1.0.6.8", "1.3.6.1.4.1.4413").with(
				phys(1, 0, 3, "WAP121-E-K9", "WAP121", "V03", "DNI181800A1", "WAP121-E-K9"),
			),
			platform: "smb", model: "WAP121-E-K9", software: "1.0.6.8", complete: true,
			lines: `CHASSIS DNI181800A1 WAP121-E-K9 V03 "WAP121-E-K9"
`,
		},
	})
}
