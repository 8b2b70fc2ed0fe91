package simdevice

import (
	"fmt"
	"strings"
)

// nxosDialect is NX-OS: keyboard-interactive, always privileged.
func nxosDialect() dialect {
	text := func(all bool) func(Device) string {
		return func(d Device) string {
			return "\n" + printInventory(nxosListings(d, all), "NAME: \"%s\",  DESCR: \"%s\"\nPID: %-20s,  VID: %-3s ,  SN: %s\n\n")
		}
	}
	return dialect{
		login:  loginByKeyboard,
		prompt: func(d Device, _ *shell) string { return d.Name + "# " },
		more:   "\x1b[7m--More--\x1b[27m", erase: "\r        \r", exec: true,
		invalid: func(line string) string {
			return strings.Repeat(" ", strings.LastIndex(line, " ")+2) + "^\n% Invalid command at '^' marker.\n"
		},
		denied: "% Permission denied for the role\n",
		commands: append(sessionCommands(),
			show("show inventory", text(false)), show("show inventory all", text(true)),
			show("show version", nxosVersion), show("show fex", nxosExtenders),
			command{words: "terminal length *", run: setLength},
			command{words: "terminal width *", run: nothing},
		),
	}
}

func nxosVersion(d Device) string {
	return fmt.Sprintf("Cisco Nexus Operating System (NX-OS) Software\nTAC support: http://www.cisco.com/tac\n"+
		"Copyright (C) 2002-2022, Cisco and/or its affiliates.\nAll rights reserved.\n\nSoftware\n  BIOS: version 05.45\n  NXOS: version %s\n\n"+
		"Hardware\n  cisco %s Chassis\n  Intel(R) Xeon(R) CPU  with 24571032 kB of memory.\n  Processor Board ID %s\n\n"+
		"  Device name: %s\n  bootflash:   53298520 kB\n\nKernel uptime is 26 day(s), 4 hour(s), 11 minute(s), 0 second(s)\n\nLast reset\n  Reason: Unknown\n"+
		"  System version: %s\n  Service:\n\nplugin\n  Core Plugin, Ethernet Plugin\n\n",
		d.Software, nxosFamily(d.Units[0].PID), boardSerial(d.Units[0].Serial), d.Name, d.Software)
}

func nxosExtenders(d Device) string {
	if len(d.Units) == 1 {
		return ""
	}
	var b strings.Builder
	b.WriteString("  FEX         FEX           FEX               FEX               Fex\nNumber    Description      State            Model            Serial\n" +
		strings.Repeat("-", 72) + "\n")
	for i, u := range d.Units[1:] {
		fmt.Fprintf(&b, "%-10d%-17s%-17s%-17s%s\n", 101+i, fmt.Sprintf("FEX%04d", 101+i), "Online", u.PID, u.Serial)
	}
	return b.String()
}

// iosxrDialect is IOS-XR: a line with the time goes in front of each output.
func iosxrDialect() dialect {
	text := func(admin bool) func(Device) string {
		return func(d Device) string {
			return printInventory(iosxrListings(d, admin), "NAME: \"%s\", DESCR: \"%s\"\nPID: %s, VID: %s, SN: %s\n\n")
		}
	}
	return dialect{
		login:  loginBySSH,
		prompt: func(d Device, _ *shell) string { return "RP/0/RSP0/CPU0:" + d.Name + "#" },
		more:   " --More-- ", erase: "\r          \r", exec: true, before: "Mon Nov 23 09:08:06.986 UTC\n",
		invalid: func(line string) string {
			return strings.Repeat(" ", strings.LastIndex(line, " ")+20) + "^\n" + iosInvalid
		},
		denied: "% This command is not authorized\n",
		commands: append(sessionCommands()[2:],
			show("show inventory", text(false)), show("show inventory all", text(false)), show("admin show inventory", text(true)),
			show("show version", func(d Device) string {
				return fmt.Sprintf("Cisco IOS XR Software, Version %s\nCopyright (c) 2013-2023 by Cisco Systems, Inc.\n\n%s uptime is %s\n"+
					"cisco %s Series processor\n%s\n", d.Software, d.Name, upTimeText(ranBefore), iosxrSeries(d), d.Units[0].PID)
			}),
			command{words: "terminal length *", run: setLength},
			command{words: "terminal width *", run: nothing},
			command{words: "terminal exec prompt no-timestamp", run: func(sh *shell, _ Device, _ []string) string { sh.dialect.before = ""; return "" }},
		),
	}
}

// catosDialect is CatOS.
func catosDialect() dialect {
	return dialect{
		login: loginBySSH,
		prompt: func(d Device, sh *shell) string {
			if sh.enabled {
				return d.Name + "> (enable) "
			}
			return d.Name + "> "
		},
		more: "--More--", erase: "\r        \r", enable: true,
		invalid: func(line string) string {
			return fmt.Sprintf("Unknown command %q.  Use '?' for more info.\n", strings.Fields(line)[0])
		},
		denied: "Command authorization failed.\n",
		commands: append(sessionCommands(),
			show("show version", catosVersion), show("show module", catosModule),
			command{words: "set length *", run: setLength},
		),
	}
}

func catosVersion(d Device) string {
	var b strings.Builder
	u := d.Units[0]
	fmt.Fprintf(&b, "%s Software, Version NmpSW: %s\nCopyright (c) 1995-2009 by Cisco Systems\n\nSystem Bootstrap Version: 8.1(3)\n\n", u.PID, d.Software)
	fmt.Fprintf(&b, "Hardware Version: 3.0  Model: %s  Serial #: %s\n\n", u.PID, u.Serial)
	supplies := 0
	for _, p := range u.Parts {
		if classNumber(p.Class) == classPowerSupply {
			supplies++
			fmt.Fprintf(&b, "PS%d  Module: %-18s Serial #: %s\n", supplies, p.PID, p.Serial)
		}
	}
	b.WriteString("\nMod Port Model               Serial #    Versions\n--- ---- ------------------- ----------- --------------------------------------\n")
	for i, p := range catosModules(u) {
		fmt.Fprintf(&b, "%-3d %-4d %-19s %-11s Hw : 3.1\n                                         Fw : 8.1(3)\n                                         Sw : %s\n",
			i+1, max(portCount(p.PID), 2), p.PID, p.Serial, d.Software)
	}
	return b.String() + "\n"
}

func catosModules(u Unit) []Part {
	var out []Part
	for _, p := range u.Parts {
		if classNumber(p.Class) == classModule {
			out = append(out, p)
		}
	}
	return out
}

func catosModule(d Device) string {
	var b strings.Builder
	b.WriteString("Mod Slot Ports Module-Type               Model               Sub Status\n--- ---- ----- ------------------------- ------------------- --- --------\n")
	modules := catosModules(d.Units[0])
	for i, p := range modules {
		fmt.Fprintf(&b, "%-3d %-4d %-5d %-25s %-19s yes ok\n", i+1, i+1, max(portCount(p.PID), 2), orElse(p.Description, p.PID), p.PID)
	}
	b.WriteString("\nMod Module-Name          Serial-Num\n--- -------------------- -----------\n")
	for i, p := range modules {
		fmt.Fprintf(&b, "%-3d %-20s %s\n", i+1, p.Name, p.Serial)
	}
	return b.String() + "\n"
}
