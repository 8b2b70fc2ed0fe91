package simdevice

import (
	"fmt"
	"strings"

	"rollcall/pkg/inventory"
)

// A shape is how one platform shows a device.
type shape struct {
	sysDescr   func(Device) string
	objectID   func(Device) string
	entities   func(Device) []entity // nil: no ENTITY-MIB
	lastChange bool                  // has entLastChangeTime
	tables     func(Device, *builder)
	cli        dialect
}

// shapeOf returns the shape of the device's platform.
func shapeOf(d Device) shape {
	switch d.Platform {
	case inventory.PlatformIOS:
		return iosShape(d)
	case inventory.PlatformIOSXE:
		return iosxeShape(d)
	case inventory.PlatformIOSXR:
		return iosxrShape()
	case inventory.PlatformNXOS:
		return nxosShape()
	case inventory.PlatformASA:
		return asaShape()
	case inventory.PlatformFTD:
		return ftdShape()
	case inventory.PlatformFXOS:
		return fxosShape()
	case inventory.PlatformAireOS:
		return aireosShape()
	case inventory.PlatformSMB, inventory.PlatformLinksys:
		return smbShape(d)
	case inventory.PlatformCatOS:
		return catosShape()
	case inventory.PlatformCIMC:
		return cimcShape()
	case inventory.PlatformISE:
		return iseShape()
	case inventory.PlatformAPIC:
		return apicShape()
	default:
		return merakiShape()
	}
}

func fixed(s string) func(Device) string { return func(Device) string { return s } }

// A dialect is the command line of one platform.
type dialect struct {
	login   loginStyle
	prompt  func(Device, *shell) string
	more    string // the pager's line; "" is no pager
	erase   string // what wipes that line out
	exec    bool   // single commands without a shell are served
	enable  bool   // knows unprivileged sessions
	invalid func(line string) string
	// denied words the refusal for want of privilege.
	denied   string
	commands []command
	// before goes in front of each output, as the time does on IOS-XR.
	before string
	// linePrefix goes in front of each line, as an escape does on the SG350.
	linePrefix string
}

// A loginStyle is where the password is asked for.
type loginStyle int

const (
	loginBySSH         loginStyle = iota // password or keyboard-interactive
	loginByKeyboard                      // keyboard-interactive only
	loginInShellAireOS                   // authentication "none", then User: and Password:
	loginInShellSMB                      // the same with User Name:
)

// A command is a line that the device understands. Words may be abbreviated;
// "*" stands for one argument, and a trailing "..." for any.
type command struct {
	words      string
	privileged bool
	inventory  bool // refused by Faults.DenyCommand
	run        func(sh *shell, d Device, args []string) string
}

// show is a command that prints the same for everybody.
func show(words string, text func(Device) string) command {
	return command{words: words, inventory: true, run: func(_ *shell, d Device, _ []string) string { return text(d) }}
}

// matchCommand returns the command that the line means and its arguments.
func matchCommand(commands []command, line string) (command, []string, bool) {
	typed := strings.Fields(line)
	for _, c := range commands {
		if args, ok := matchWords(strings.Fields(c.words), typed); ok {
			return c, args, true
		}
	}
	return command{}, nil, false
}

func matchWords(pattern, typed []string) ([]string, bool) {
	var args []string
	for i, word := range pattern {
		if word == "..." {
			return append(args, typed[i:]...), true
		}
		if i >= len(typed) {
			return nil, false
		}
		switch {
		case word == "*":
			args = append(args, typed[i])
		case !abbreviates(typed[i], word):
			return nil, false
		}
	}
	return args, len(typed) == len(pattern)
}

// abbreviates allows "sh" for "show", two letters at least.
func abbreviates(typed, word string) bool {
	typed = strings.ToLower(typed)
	return typed == word || (len(typed) >= 2 && strings.HasPrefix(word, typed))
}

// A listing is one part in the output of `show inventory`.
type listing struct{ name, descr, pid, vid, serial string }

// listings picks from the rows of ENTITY-MIB what `show inventory` prints:
// rows with a PID or a serial.
func listings(rows []entity) []listing {
	var out []listing
	for _, e := range rows {
		if e.unlisted || (e.pid == "" && e.serial == "") {
			continue
		}
		out = append(out, listing{e.name, e.descr, e.pid, e.hw, e.serial})
	}
	return out
}

// printInventory prints in the grammar of a platform: format gets name,
// description, PID, VID and serial.
func printInventory(rows []listing, format string) string {
	var b strings.Builder
	for _, l := range rows {
		fmt.Fprintf(&b, format, l.name, l.descr, l.pid, l.vid, l.serial)
	}
	return b.String()
}

// majorMinor returns the first two numbers of the software version.
func majorMinor(d Device) (int, int) {
	f := strings.FieldsFunc(d.Software+".0.0", notDigit)
	return atoi(f[0]), atoi(f[1])
}

func notDigit(r rune) bool { return r < '0' || r > '9' }

// boardSerial is the serial of the board inside a unit: real, and not the one
// a contract has. It follows from the unit's own.
func boardSerial(unit string) string {
	mac := macAddress("board " + unit)
	return fmt.Sprintf("FDO%02d%02d%02X%02X", 10+mac[3]%15, 1+mac[4]%52, mac[4], mac[3])
}
