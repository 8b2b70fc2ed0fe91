package simdevice

import (
	"fmt"
	"strings"
	"time"

	"rollcall/pkg/inventory"
)

// Wordings of refusals, as discovery of real devices meets them.
const (
	iosInvalid = "% Invalid input detected at '^' marker.\n\n"
	iosDenied  = "% Authorization failed.\n\n"
)

// iosErase wipes " --More-- " out.
var iosErase = strings.Repeat("\b", 9) + strings.Repeat(" ", 8) + strings.Repeat("\b", 9)

func iosDialect(d Device) dialect {
	plain := show("show inventory", iosInventory)
	raw, withOID := plain, plain
	raw.words, withOID.words = "show inventory raw", "show inventory oid"
	commands := append(sessionCommands(),
		show("show version", iosVersion),
		show("show module", iosModule),
		command{words: "terminal length *", run: setLength},
		command{words: "terminal width *", run: nothing},
	)
	if d.Platform != inventory.PlatformIOS || !hasNoUDI(d) {
		commands = append(commands, plain, raw, withOID)
	}
	if isSwitch(d.model()) && (d.Platform != inventory.PlatformIOS || !isModular(d.model())) {
		commands = append(commands, show("show switch", iosSwitch), show("show switch detail", iosSwitch))
	}
	if isWirelessController(d) {
		commands = append(commands, show("show ap summary", iosxeAPSummary), show("show ap config general", iosxeAPConfig))
	}
	return dialect{
		login: loginBySSH, prompt: iosPrompt, more: " --More-- ", erase: iosErase, exec: true, enable: true,
		invalid: iosInvalidAt, denied: iosDenied, commands: commands,
	}
}

// sessionCommands are those of privilege and of leaving.
func sessionCommands() []command {
	return []command{
		{words: "enable", run: enable},
		{words: "disable", run: func(sh *shell, _ Device, _ []string) string { sh.enabled = !sh.dialect.enable; return "" }},
		{words: "exit", run: leave},
		{words: "quit", run: leave},
		{words: "logout", run: leave},
	}
}

func leave(sh *shell, _ Device, _ []string) string { sh.over = true; return "" }

func nothing(*shell, Device, []string) string { return "" }

func setLength(sh *shell, _ Device, args []string) string {
	if args[0] == "" || strings.ContainsFunc(args[0], notDigit) || len(args[0]) > 3 {
		return sh.dialect.invalid("terminal length " + args[0])
	}
	sh.rows = atoi(args[0])
	return ""
}

// enable asks for the enable password, three times.
func enable(sh *shell, d Device, _ []string) string {
	if sh.enabled {
		return ""
	}
	for range 3 {
		sh.print("Password: ")
		secret, err := sh.readSecret()
		if err != nil {
			sh.over = true
			return ""
		}
		if secret == d.SSHEnable {
			sh.enabled = true
			return ""
		}
	}
	return "% Bad secrets\n\n"
}

func iosPrompt(d Device, sh *shell) string {
	if sh.enabled {
		return d.Name + "#"
	}
	return d.Name + ">"
}

// iosInvalidAt words the refusal of a line as IOS does, with the mark below
// the first letter that it did not understand.
func iosInvalidAt(line string) string {
	words := strings.Fields(line)
	switch {
	case len(words) == 1 && abbreviates(words[0], "show"):
		return "% Type \"show ?\" for a list of subcommands\n"
	case len(words) == 1 && len(words[0]) == 1:
		return fmt.Sprintf("%% Ambiguous command:  %q\n", words[0])
	case len(words) == 1:
		return "% Unknown command or computer name, or unable to find computer address\n"
	}
	at := strings.Index(line, words[1])
	return strings.Repeat(" ", at+10) + "^\n" + iosInvalid
}

func iosInventory(d Device) string {
	sh := shapeOf(d)
	head := ""
	if d.Platform == inventory.PlatformIOSXE && !isSwitch(d.model()) {
		rule := strings.Repeat("+", 71) + "\n"
		head = rule + "INFO: Please use \"show license UDI\" to get serial number for licensing.\n" + rule + "\n"
	}
	format := "NAME: \"%s\", DESCR: \"%s\"\nPID: %-18s, VID: %-4s, SN: %s\n\n"
	if strings.HasPrefix(d.model(), "WS-C65") {
		format = "NAME: \"%s\", DESCR: \"%s\"\nPID: %-18s,                     VID: %-3s, SN: %s\n\n"
	}
	return head + printInventory(listings(sh.entities(d)), format) + "\n"
}

func upTimeText(d time.Duration) string {
	days := int(d / (24 * time.Hour))
	return fmt.Sprintf("%d weeks, %d days, %d hours, %d minutes", days/7, days%7, int(d/time.Hour)%24, int(d/time.Minute)%60)
}

// iosVersion has the traps of the real one: the serial of the board, which is
// not the chassis', and on a stack one block for each member.
func iosVersion(d Device) string {
	var b strings.Builder
	u := d.Units[0]
	if d.Platform == inventory.PlatformIOSXE && codename(d) != "" {
		fmt.Fprintf(&b, "Cisco IOS XE Software, Version %s\n", d.Software)
	}
	b.WriteString(strings.ReplaceAll(shapeOf(d).sysDescr(d), "\r\n", "\n") + "\n\n")
	fmt.Fprintf(&b, "ROM: Bootstrap program\n\n%s uptime is %s\n", d.Name, upTimeText(ranBefore))
	fmt.Fprintf(&b, "System returned to ROM by power-on\nSystem image file is \"flash:image-%s.bin\"\n\n", d.Software)
	fmt.Fprintf(&b, "cisco %s (X86) processor with 1392780K/6147K bytes of memory.\nProcessor board ID %s\n", u.PID, u.Serial)
	b.WriteString("2048K bytes of non-volatile configuration memory.\n\n")
	if !isSwitch(u.PID) {
		b.WriteString("Configuration register is 0x2102\n\n")
		return b.String()
	}
	writeUnitVersion(&b, u)
	if len(d.Units) > 1 {
		b.WriteString("\nSwitch Ports Model              SW Version        SW Image              Mode   \n" +
			"------ ----- -----              ----------        ----------            ----   \n")
		for i, m := range d.Units {
			if m.Absent {
				continue
			}
			mark := " "
			if i == 0 {
				mark = "*"
			}
			fmt.Fprintf(&b, "%s %4d %-5d %-18s %-17s %-21s INSTALL\n", mark, i+1, portCount(m.PID), m.PID, d.Software, "UNIVERSALK9")
		}
		for i, m := range d.Units[1:] {
			if m.Absent {
				continue
			}
			fmt.Fprintf(&b, "\n\nSwitch %02d\n---------\nSwitch uptime                      : %s\n\n", i+2, upTimeText(ranBefore))
			writeUnitVersion(&b, m)
		}
	}
	b.WriteString("\nConfiguration register is 0x102\n\n")
	return b.String()
}

func writeUnitVersion(b *strings.Builder, u Unit) {
	mac := macAddress(u.Serial)
	fmt.Fprintf(b, "Base Ethernet MAC Address          : %02x:%02x:%02x:%02x:%02x:%02x\n", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5])
	fmt.Fprintf(b, "Motherboard Assembly Number        : 73-18274-03\nMotherboard Serial Number          : %s\n", boardSerial(u.Serial))
	fmt.Fprintf(b, "Model Revision Number              : A0\nMotherboard Revision Number        : A0\n")
	fmt.Fprintf(b, "Model Number                       : %s\nSystem Serial Number               : %s\n", u.PID, u.Serial)
}

func dottedMAC(mac [6]byte) string {
	return fmt.Sprintf("%02x%02x.%02x%02x.%02x%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5])
}

func iosSwitch(d Device) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Switch/Stack Mac Address : %s - Local Mac Address\nMac persistency wait time: Indefinite\n", dottedMAC(macAddress(d.Units[0].Serial)))
	b.WriteString("                                             H/W   Current\n" +
		"Switch#   Role    Mac Address     Priority Version  State \n" +
		"-------------------------------------------------------------------------------------\n")
	for i, u := range d.Units {
		mark, role, state, mac := " ", "Member", "Ready", dottedMAC(macAddress(u.Serial))
		switch {
		case u.Absent:
			state, mac = "Provisioned", "0000.0000.0000"
		case i == 0:
			mark, role = "*", "Active"
		case i == 1:
			role = "Standby"
		}
		fmt.Fprintf(&b, "%s%-9d%-8s%-18s%-7d%-9s%s\n", mark, i+1, role, mac, 15-min(i, 14), u.VID, state)
	}
	return b.String() + "\n"
}

func iosModule(d Device) string {
	var b strings.Builder
	b.WriteString("Mod Ports Card Type                              Model              Serial No.\n" +
		"--- ----- -------------------------------------- ------------------ -----------\n")
	n := 0
	for _, u := range d.Units {
		for _, p := range u.Parts {
			if classNumber(p.Class) != classModule {
				continue
			}
			n++
			fmt.Fprintf(&b, "%3d %4d  %-38s %-18s %s\n", n, portCount(p.PID), orElse(p.Description, p.PID), p.PID, p.Serial)
		}
	}
	if n == 0 {
		return iosInvalid
	}
	return b.String() + "\n"
}

func iosxeAPSummary(d Device) string {
	var b strings.Builder
	aps := accessPoints(d)
	fmt.Fprintf(&b, "Number of APs: %d\n\nAP Name                          Slots AP Model             Ethernet MAC    State\n%s\n", len(aps), strings.Repeat("-", 90))
	for _, ap := range aps {
		fmt.Fprintf(&b, "%-32s %-5d %-20s %-15s %s\n", ap.name, 2, ap.pid, dottedMAC(macAddress(ap.serial)), "Registered")
	}
	return b.String()
}

func iosxeAPConfig(d Device) string {
	var b strings.Builder
	for _, ap := range accessPoints(d) {
		fmt.Fprintf(&b, "Cisco AP Name   : %s\n%s\n\n", ap.name, strings.Repeat("=", 49))
		for _, field := range [][2]string{
			{"Cisco AP Identifier", dottedMAC(macAddress(ap.serial))},
			{"AP Mode", "Local"},
			{"AP Model", ap.pid},
			{"IOS Version", d.Software},
			{"AP Serial Number", ap.serial},
			{"AP Certificate type", "Manufacturer Installed Certificate"},
		} {
			fmt.Fprintf(&b, "%-48s: %s\n", field[0], field[1])
		}
	}
	return b.String()
}
