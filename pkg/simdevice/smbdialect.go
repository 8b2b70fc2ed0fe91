package simdevice

import (
	"fmt"
	"strings"
)

// smbDialect is a Small Business switch: it asks for user and password in the
// shell, unless `ip ssh password-auth` is set.
func smbDialect(d Device) dialect {
	commands := append(sessionCommands(),
		show("show version", func(d Device) string {
			return fmt.Sprintf("Active-image: flash://system/images/image1.bin\n  Version: %s\n  MD5 Digest: 00000000000000000000000000000000\n  Date: 11-Jan-2022\n", d.Software)
		}),
		show("show system id", smbSystemID),
		show("show unit", smbUnits),
		command{words: "terminal datadump", run: func(sh *shell, _ Device, _ []string) string { sh.rows = 0; return "" }},
		command{words: "terminal width *", run: nothing},
	)
	if !isOldSMB(d) {
		commands = append(commands, show("show inventory", smbInventory))
	}
	prefix := ""
	if strings.HasPrefix(d.model(), "SG350") {
		prefix = "\x1b[K"
	}
	return dialect{
		login:  loginInShellSMB,
		prompt: iosPrompt, linePrefix: prefix, more: "More: <space>,  Quit: q or CTRL+Z, One line: <return> ",
		erase: "\r                                                     \r", enable: true,
		invalid: func(string) string { return "% Unrecognized command\n" }, denied: "% Authorization failed\n",
		commands: commands,
	}
}

// isOldSMB are the 300 series, which know `show system id` and no `show
// inventory`.
func isOldSMB(d Device) bool {
	return strings.HasPrefix(d.model(), "SG300") || strings.HasPrefix(d.model(), "SF300")
}

func smbInventory(d Device) string {
	var rows []listing
	for i, u := range d.Units {
		if !u.Absent {
			rows = append(rows, listing{fmt.Sprint(i + 1), orElse(u.Description, smbDescr(d)), u.PID, u.VID, u.Serial})
		}
	}
	return "\n" + printInventory(rows, "NAME: \"%s\", DESCR: \"%s\"\nPID: %s, VID: %s, SN: %s\n\n")
}

func smbSystemID(d Device) string {
	if len(d.Units) == 1 {
		return fmt.Sprintf("\nSerial number : %s\n\n", d.Units[0].Serial)
	}
	var b strings.Builder
	b.WriteString("\nUnit    Serial number\n----    -------------\n")
	for i, u := range d.Units {
		fmt.Fprintf(&b, " %-6d %s\n", i+1, u.Serial)
	}
	return b.String() + "\n"
}

func smbUnits(d Device) string {
	var b strings.Builder
	b.WriteString("\nUnit   MAC Address        Software  Master  Product\n----   -----------------  --------  ------  -------\n")
	for i, u := range d.Units {
		role := "Slave"
		if i == 0 {
			role = "Master"
		}
		mac := macAddress(u.Serial)
		fmt.Fprintf(&b, "%-6d %02x:%02x:%02x:%02x:%02x:%02x  %-8s  %-6s  %s\n", i+1, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], d.Software, role, u.PID)
	}
	return b.String() + "\n"
}

// aireosDialect is an AireOS controller.
func aireosDialect() dialect {
	return dialect{
		login:  loginInShellAireOS,
		prompt: func(d Device, _ *shell) string { return "(" + orElse(d.Name, "Cisco Controller") + ") >" },
		more:   "--More-- or (q)uit", erase: "\r                  \r",
		invalid: func(line string) string {
			if len(strings.Fields(line)) > 1 {
				return "\nIncorrect usage.  Use the '?' or <TAB> key to list commands.\n\n"
			}
			return "\nIncorrect input! Use 'help' or '?'\n\n"
		},
		denied: "\nAuthorization Failed: No sufficient privileges\n\n",
		commands: append(sessionCommands()[2:],
			show("show inventory", aireosInventory),
			show("show udi", func(d Device) string {
				return printInventory([]listing{aireosChassis(d)}, "NAME: \"%s\"    , DESCR: \"%s\"\nPID: %s,  VID: %s,  SN: %s\n")
			}),
			show("show sysinfo", aireosSysinfo),
			show("show ap summary", aireosAPSummary),
			show("show ap inventory all", aireosAPInventory),
			command{words: "show ap config general *", inventory: true, run: aireosAPConfig},
			command{words: "config paging disable", run: func(sh *shell, _ Device, _ []string) string { sh.rows = 0; return "" }},
			command{words: "config paging enable", run: func(sh *shell, _ Device, _ []string) string { sh.rows = 24; return "" }},
		),
	}
}

func aireosChassis(d Device) listing {
	u := d.Units[0]
	return listing{"Chassis", orElse(u.Description, "Cisco Wireless Controller"), u.PID, u.VID, u.Serial}
}

// dots leads from a label to its value, as AireOS prints them.
func dots(label, text string) string {
	return label + strings.Repeat(".", max(49-len(label), 1)) + " " + text + "\n"
}

func colonMAC(mac [6]byte) string {
	return fmt.Sprintf("%02X:%02X:%02X:%02X:%02X:%02X", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5])
}

func aireosInventory(d Device) string {
	return "\n" + dots("Burned-in MAC Address", colonMAC(macAddress(d.Units[0].Serial))) +
		dots("Power Supply 1", "Present, OK") + dots("Power Supply 2", "Absent") + dots("Maximum number of APs supported", "150") +
		printInventory([]listing{aireosChassis(d)}, "NAME: \"%s\"    , DESCR: \"%s\"\nPID: %s,  VID: %s,  SN: %s\n") + "\n"
}

func aireosSysinfo(d Device) string {
	return "\n" + dots("Manufacturer's Name", "Cisco Systems Inc.") + dots("Product Name", "Cisco Controller") +
		dots("Product Version", d.Software) + dots("System Name", d.Name) + dots("System Up Time", "26 days 4 hrs 11 mins 0 secs") + "\n"
}

func aireosAPSummary(d Device) string {
	var b strings.Builder
	aps := accessPoints(d)
	fmt.Fprintf(&b, "\n%s\nAP Name             Slots  AP Model              Ethernet MAC       Location          Country\n%s\n",
		dots("Number of APs", fmt.Sprint(len(aps))), "------------------  -----  --------------------  -----------------  ----------------  -------")
	for _, ap := range aps {
		fmt.Fprintf(&b, "%-18s  %-5d  %-20s  %-17s  %-16s  %s\n", ap.name, 2, ap.pid, strings.ToLower(colonMAC(macAddress(ap.serial))), "default location", "US")
	}
	return b.String() + "\n"
}

func aireosAPInventory(d Device) string {
	var b strings.Builder
	for _, ap := range accessPoints(d) {
		fmt.Fprintf(&b, "\nInventory for %s\n\nNAME: \"AP\"    , DESCR: \"%s\"\nPID: %s,  VID: %s,  SN: %s\n", ap.name, ap.descr, ap.pid, ap.vid, ap.serial)
	}
	return b.String() + "\n"
}

func aireosAPConfig(_ *shell, d Device, args []string) string {
	for i, ap := range accessPoints(d) {
		if ap.name != args[0] {
			continue
		}
		return "\n" + dots("Cisco AP Identifier", fmt.Sprint(i+1)) + dots("Cisco AP Name", ap.name) + dots("MAC Address", strings.ToLower(colonMAC(macAddress(ap.serial)))) +
			dots("AP Model", ap.pid) + dots("AP Image", "C3700-K9W8-M") + dots("AP Serial Number", ap.serial) + dots("AP Certificate Type", "Manufacture Installed") + "\n"
	}
	return "\nCisco AP name is invalid.\n\n"
}
