package simdevice

import (
	"fmt"
	"strings"
)

const asaFormat = "Name: \"%s\", DESCR: \"%s\"\nPID: %-18s, VID: %-8s, SN: %s\n\n"

// asaDialect is an ASA: paging can be turned off by the privileged only, and
// there are no single commands.
func asaDialect() dialect {
	return dialect{
		login: loginBySSH,
		prompt: func(d Device, sh *shell) string {
			if sh.enabled {
				return d.Name + "# "
			}
			return d.Name + "> "
		},
		more: "<--- More --->", erase: "\r              \r", enable: true,
		invalid: func(line string) string {
			return strings.Repeat(" ", strings.LastIndex(line, " ")+1) + "^\nERROR: % Invalid input detected at '^' marker.\n"
		},
		denied: "ERROR: % Command authorization failed\n",
		commands: append(sessionCommands(),
			show("show inventory", func(d Device) string { return printInventory(asaListings(d), asaFormat) }),
			show("show version", asaVersion),
			command{words: "terminal pager *", privileged: true, run: setLength},
			command{words: "terminal pager lines *", privileged: true, run: setLength},
		),
	}
}

func asaVersion(d Device) string {
	u := d.Units[0]
	return fmt.Sprintf("\nCisco Adaptive Security Appliance Software Version %s\nDevice Manager Version 7.18(1)152\n\nCompiled on Wed 03-Aug-22 03:28 GMT by builders\n"+
		"System image file is \"disk0:/asa.bin\"\n\n%s up 26 days 4 hours\n\nHardware:   %s, 4096 MB RAM, CPU Atom C2000 series 1250 MHz, 1 CPU (4 cores)\n\n"+
		"Licensed features for this platform:\nMaximum VLANs                     : 100            perpetual\n\nThis platform has a Base license.\n\n"+
		"Serial Number: %s\nConfiguration register is 0x1\n", d.Software, d.Name, u.PID, u.Serial)
}

// ftdDialect is the command line of a threat defence device.
func ftdDialect() dialect {
	return dialect{
		login:   loginBySSH,
		prompt:  func(Device, *shell) string { return "> " },
		more:    "--More--",
		erase:   "\r        \r",
		invalid: func(line string) string { return fmt.Sprintf("Syntax error: Illegal command %q\n", line) },
		denied:  "Command authorization failed\n",
		commands: append(sessionCommands()[2:],
			show("show inventory", func(d Device) string {
				u := d.Units[0]
				rows := []listing{{"Chassis", orElse(u.Description, u.PID+" Appliance"), u.PID, u.VID, u.Serial}}
				for i, p := range u.Parts {
					rows = append(rows, listing{orElse(p.Name, fmt.Sprintf("module %d", i+1)), orElse(p.Description, p.PID), p.PID, p.VID, p.Serial})
				}
				return printInventory(rows, asaFormat)
			}),
			show("show version", func(d Device) string {
				return fmt.Sprintf("-------------------[ %s ]--------------------\nModel                     : Cisco %s Threat Defense (80) Version %s (Build 208)\n"+
					"UUID                      : 00000000-0000-0000-0000-000000000000\nVDB version               : 361\n----------------------------------------------------\n",
					d.Name, d.Units[0].PID, d.Software)
			}),
			show("show serial-number", func(d Device) string { return d.Units[0].Serial + "\n" }),
		),
	}
}

// scope moves to a part of the object tree, as FXOS and CIMC do.
func scope(sh *shell, _ Device, args []string) string {
	sh.scope = strings.Join(args, "-")
	return ""
}

func scoped(words, within string, text func(Device) string) command {
	return command{words: words, inventory: true, run: func(sh *shell, d Device, _ []string) string {
		if !strings.HasPrefix(sh.scope, within) {
			return sh.dialect.invalid(words)
		}
		return text(d)
	}}
}

func scopedPrompt(d Device, sh *shell) string {
	if sh.scope == "" {
		return d.Name + "# "
	}
	return fmt.Sprintf("%s /%s # ", d.Name, sh.scope)
}

// fxosDialect is the supervisor of a Firepower chassis.
func fxosDialect() dialect {
	return dialect{
		login: loginBySSH, prompt: scopedPrompt, more: "--More--", erase: "\r        \r",
		invalid: func(line string) string {
			return strings.Repeat(" ", strings.LastIndex(line, " ")+1) + "^\n% Invalid Command at '^' marker\n"
		},
		denied: "% Permission denied\n",
		commands: append(sessionCommands()[2:],
			command{words: "scope ...", run: scope},
			command{words: "top", run: func(sh *shell, _ Device, _ []string) string { sh.scope = ""; return "" }},
			command{words: "terminal length *", run: setLength},
			show("show version", func(d Device) string { return "Version: " + d.Software + "\n" }),
			scoped("show inventory", "chassis", func(d Device) string {
				u := d.Units[0]
				return fmt.Sprintf("Chassis 1:\n    Product Name: %s\n    PID: %s\n    VID: %s\n    Vendor: Cisco Systems, Inc.\n    Serial (SN): %s\n",
					orElse(u.Description, u.PID), u.PID, u.VID, u.Serial)
			}),
			show("show chassis inventory", func(d Device) string {
				u := d.Units[0]
				return fmt.Sprintf("Chassis    PID        Vendor            Serial (SN) HW Revision\n---------- ---------- ----------------- ----------- -----------\n"+
					"         1 %-10s %-17s %-11s 0\n", u.PID, "Cisco Systems Inc", u.Serial)
			}),
		),
	}
}

// cimcDialect is a server's management controller.
func cimcDialect() dialect {
	return dialect{
		login: loginBySSH, prompt: scopedPrompt,
		invalid: func(string) string { return "Invalid command\n" }, denied: "Permission denied\n",
		commands: append(sessionCommands()[2:],
			command{words: "scope ...", run: scope},
			command{words: "top", run: func(sh *shell, _ Device, _ []string) string { sh.scope = ""; return "" }},
			scoped("show detail", "chassis", func(d Device) string {
				u := d.Units[0]
				return fmt.Sprintf("Chassis:\n    Power: on\n    Serial Number: %s\n    Product Name: %s\n    PID : %s\n    UUID: 00000000-0000-0000-0000-000000000000\n",
					u.Serial, orElse(u.Description, u.PID), u.PID)
			}),
		),
	}
}

// iseDialect is the ADE-OS of ISE.
func iseDialect() dialect {
	return dialect{
		login:  loginByKeyboard,
		prompt: func(d Device, _ *shell) string { return d.Name + "/admin#" },
		more:   "--More--", erase: "\r        \r",
		invalid: func(line string) string {
			return strings.Repeat(" ", strings.LastIndex(line, " ")+1) + "^\n% invalid command detected at '^' marker.\n"
		},
		denied: "% Authorization failed\n",
		commands: append(sessionCommands()[2:],
			show("show inventory", func(d Device) string {
				u := d.Units[0]
				return printInventory([]listing{{u.PID + " chassis", orElse(u.Description, u.PID+" chassis"), u.PID, u.VID, u.Serial}},
					"NAME: \"%s\", DESCR: \"%s\"\nPID: %s, VID: %s, SN: %s\n") + "Total RAM Memory: 65700380 kB\nCPU Core Count: 16\n"
			}),
			show("show udi", func(d Device) string {
				u := d.Units[0]
				return fmt.Sprintf("SPID: %s\nVPID: %s\nSerial: %s\n", u.PID, u.VID, u.Serial)
			}),
			show("show version", func(d Device) string {
				return fmt.Sprintf("Cisco Application Deployment Engine OS Release: 3.1\n\nCisco Identity Services Engine\n-----\nVersion      : %s\n", d.Software)
			}),
			command{words: "terminal length *", run: setLength},
		),
	}
}

// apicDialect is the shell of an ACI controller, as far as it says a serial.
func apicDialect() dialect {
	return dialect{
		login: loginByKeyboard, prompt: func(d Device, _ *shell) string { return d.Name + "# " }, exec: true,
		invalid: func(line string) string { return fmt.Sprintf("bash: %s: command not found\n", strings.Fields(line)[0]) },
		denied:  "Error: Permission denied\n",
		commands: append(sessionCommands()[2:],
			show("show version", func(d Device) string {
				return fmt.Sprintf(" Role        Pod         Node        Name                      Version\n ----------  ----------  ----------  ------------------------  ------\n"+
					" controller  1           1           %-24s  %s\n", d.Name, d.Software)
			}),
		),
	}
}

// merakiDialect has nothing to say: these are managed in the cloud.
func merakiDialect() dialect {
	return dialect{
		login: loginBySSH, prompt: func(Device, *shell) string { return "> " },
		invalid: func(string) string { return "Unknown command\n" }, denied: "Denied\n", commands: sessionCommands()[2:],
	}
}
