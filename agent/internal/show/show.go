// Package show reads what Cisco devices print for `show inventory`, `show
// version` and the commands that stand in for them on devices without, into
// components. Its functions
// are pure: text in, values out. Logging in and running commands is sshcli's,
// joining two sources of one device is poll's.
//
// The grammars are those that devices really print: quoted and unquoted names,
// padded and blank columns, timestamps, pagers, wrapped lines and command
// echoes. A line that is not understood becomes a warning, never an error: one
// odd line must not hide the serials around it.
package show

import (
	"fmt"
	"regexp"
	"slices"

	"rollcall/pkg/inventory"
)

// Limits on the text of one call. What lies beyond is dropped with a warning.
const (
	// MaxText bounds the whole text, in bytes.
	MaxText = 8 << 20
	// MaxLine bounds one line, in bytes.
	MaxLine = 64 << 10
	// maxComponents bounds the parts of one text; the largest routers have under
	// a thousand, the largest wireless controllers 6000 access points.
	maxComponents = 10000
	// maxWarnings bounds the warnings that are spelled out.
	maxWarnings = 50
)

// Result is what a text says about a device's parts. Components is never nil;
// units come as the device lists them. Warnings are sentences for people.
type Result struct {
	Platform   string
	Components []inventory.Component
	Warnings   []string
	// Lossy says that something which may have held a part was cut or not
	// understood, so that a part's absence proves nothing. The warnings say what.
	Lossy bool
}

// Inventory reads the output of `show inventory` and its variants ("all",
// "raw", "oid", `admin show inventory`). Platform is one of the inventory
// constants, or "" or "auto" to tell it from the text.
func Inventory(platform, text string) Result {
	p := newParser(sectionInventory)
	p.read(text)
	return p.result(platform)
}

// Parse reads one or several outputs pasted together, with prompts and echoes
// between them: `show inventory`, `show version`, `show module`, `show system
// id`. Platform is as for Inventory.
func Parse(platform, text string) Result {
	p := newParser(sectionUnknown)
	p.read(text)
	return p.result(platform)
}

// Output reads what a device printed for one command, which tells what to expect.
// Platform is as for Inventory.
func Output(platform, command, text string) Result {
	p := newParser(sectionUnknown)
	if m := commandLine.FindStringSubmatch(command); m != nil {
		p.section = p.sectionOf(m[1])
	}
	p.read(text)
	return p.result(platform)
}

// warnings collects sentences up to a limit, and counts the rest.
type warnings struct {
	list    []string
	dropped int
	lossy   bool // something that may have held a part was lost
}

// lostf is addf for what may have held a part.
func (w *warnings) lostf(format string, args ...any) {
	w.lossy = true
	w.addf(format, args...)
}

func (w *warnings) addf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if slices.Contains(w.list, text) {
		return
	}
	if len(w.list) >= maxWarnings {
		w.dropped++
		return
	}
	w.list = append(w.list, text)
}

func (w *warnings) full() bool { return len(w.list) >= maxWarnings }

func (w *warnings) all() []string {
	if w.dropped == 0 {
		return w.list
	}
	return append(slices.Clip(w.list), fmt.Sprintf("%d more warnings are not shown", w.dropped))
}

// telling are the words of a configuration, or of a log of commands, after which
// a secret stands. None of them is in an inventory.
var telling = regexp.MustCompile(`(?i)\b(community|communities|passwords?|passwd|passphrase|pre-shared-key|key-string|secret|token|tacacs-server|radius-server|snmp-server|username)\b.*`)

// excerpt is a line of a device in a form that is safe and short enough for a
// message, which leaves the machine: what a line of configuration between others
// may give away is left out.
func excerpt(line string) string {
	const limit = 80
	s := []rune(telling.ReplaceAllString(inventory.CleanText(line), "$1 <left out>"))
	if len(s) > limit {
		return string(s[:limit]) + "…"
	}
	return string(s)
}
