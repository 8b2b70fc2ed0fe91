package show

import (
	"encoding/binary"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// splitLines cuts the text into lines as a terminal would show them: without
// line ends, escape sequences, pagers, and what backspaces took away.
func splitLines(text string, w *warnings) []string {
	if len(text) > MaxText {
		w.lostf("the text is longer than %d MiB: the rest was not read", MaxText>>20)
		text = text[:MaxText]
	}
	text = decode(text)
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	var lines []string
	for raw := range strings.SplitSeq(text, "\n") {
		if len(raw) > MaxLine {
			w.lostf("line %d is longer than %d KiB: the rest of it was not read", len(lines)+1, MaxLine>>10)
			raw = raw[:MaxLine]
		}
		line := cleanLine(raw)
		if line != "" && (line[0] == '[' || line[0] == '2') && len(line) <= maxSessionLine {
			line = stamped.ReplaceAllString(line, "$1")
		}
		lines = append(lines, line)
	}
	return unquoted(lines)
}

// stamped is a line that a terminal program has logged with its time:
// "[2026-11-23 10:11:12.123] PID: …".
var stamped = regexp.MustCompile(`^\[?\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\]?[ \t:]+(\S.*)$`)

// maxQuotes is how often a mail may have been answered.
const maxQuotes = 4

// unquoted takes off the ">" that mail programs put before each line of what
// they answer. A few lines that begin so are prompts.
func unquoted(lines []string) []string {
	for range maxQuotes {
		quoted, filled := 0, 0
		for _, line := range lines {
			if line != "" {
				filled++
			}
			if strings.HasPrefix(line, ">") {
				quoted++
			}
		}
		if filled < 2 || quoted*4 < filled*3 {
			break
		}
		for i, line := range lines {
			lines[i] = strings.TrimPrefix(strings.TrimPrefix(line, ">"), " ")
		}
	}
	return lines
}

// pasted are characters that browsers, mail and word processors put into a
// copied text.
var pasted = strings.NewReplacer("\u00a0", " ", "\u201c", `"`, "\u201d", `"`)

// decode makes UTF-8 of what Windows saves: with a byte order mark, or as
// UTF-16, which is what `>` writes in PowerShell.
func decode(text string) string {
	if len(text) >= 2 {
		var order binary.ByteOrder
		switch text[:2] {
		case "\xff\xfe":
			order = binary.LittleEndian
		case "\xfe\xff":
			order = binary.BigEndian
		}
		if order != nil {
			units := make([]uint16, 0, len(text)/2)
			for i := 2; i+1 < len(text); i += 2 {
				units = append(units, order.Uint16([]byte(text[i:i+2])))
			}
			text = string(utf16.Decode(units))
		}
	}
	return pasted.Replace(strings.TrimPrefix(text, "\ufeff"))
}

var (
	// escapes are CSI, OSC and two-byte escape sequences (ECMA-48). SG350
	// puts ESC[K before its lines.
	escapes = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_=>78]`)
	// pager is what the pagers of IOS, NX-OS, ASA, AireOS and small-business
	// switches leave in a line.
	pager = regexp.MustCompile(`(?i)\s*<?-+ ?more ?-+>?( or \(q\)uit)?(\(\d+%\))?\s*|\s*-+more or \(q\)uit-+\s*` +
		`|\s*more: <space>, +quit: q(?: or ctrl\+z)?, +one line: <return>\s*|^\s*press any key to continue.*?$`)
)

func cleanLine(raw string) string {
	if !utf8.ValidString(raw) { // Latin-1, as in the columns of ENTITY-MIB
		runes := make([]rune, 0, len(raw))
		for i := range len(raw) {
			runes = append(runes, rune(raw[i]))
		}
		raw = string(runes)
	}
	if !needsCleaning(raw) {
		return strings.TrimRight(raw, " \t\r")
	}
	s := escapes.ReplaceAllString(raw, "")
	s = afterReturns(s)
	if strings.Contains(s, "\b") {
		s = overstrike(s)
	}
	if mayHoldPager(s) {
		s = pager.ReplaceAllString(s, "")
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	return strings.TrimRight(s, " \t")
}

func needsCleaning(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return mayHoldPager(s)
}

// mayHoldPager spares lines that cannot the cost of looking closely.
func mayHoldPager(s string) bool {
	return strings.Contains(s, "ore") || strings.Contains(s, "ORE") || strings.Contains(s, "any key")
}

// maxSessionLine bounds lines that prompts, echoes and notes of the device can
// be, in bytes; longer ones are not compared with their patterns.
const maxSessionLine = 512

// afterReturns keeps what stands after the last carriage return: what was
// before it has been written over. Blanks that only wipe a pager do not count.
func afterReturns(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	kept := ""
	for part := range strings.SplitSeq(s, "\r") {
		if strings.TrimSpace(part) != "" {
			kept = part
		}
	}
	return kept
}

// overstrike applies backspaces as a terminal does: the cursor goes back and
// the next character takes the place.
func overstrike(s string) string {
	var out []rune
	at := 0
	for _, r := range s {
		switch {
		case r == '\b':
			at = max(at-1, 0)
		case at < len(out):
			out[at] = r
			at++
		default:
			out = append(out, r)
			at++
		}
	}
	return string(out)
}

// Lines that belong to the session or to the device's manners and say nothing
// of parts.
var (
	// promptOnly and promptEcho are the prompts of discovery: host names with
	// a mode, "RP/0/RSP0/CPU0:r1#", "sysadmin-vm:0_RP0#", "(Cisco Controller) >",
	// and with a scope, "fp9300 /chassis #".
	promptOnly = regexp.MustCompile(`^(?:[\w.\-@]{1,63}> \(enable\)|[\w.\-@/:]{1,63}(?:\([\w.\- ]*\))?(?:/[\w.\-]+)*[>#]|\([\w. \-]{1,63}\) ?>|[\w.\-]{1,63} /[\w/.\-]{1,63} ?#)\s*$`)
	promptEcho = regexp.MustCompile(`^(?:[\w.\-@]{1,63}> \(enable\)|[\w.\-@/:]{0,63}(?:\([\w.\- ]*\))?(?:/[\w.\-]+)*[>#$]|\([\w. \-]{1,63}\) ?>|[\w.\-]{1,63} /[\w/.\-]{1,63} ?#)\s*(\S.*)$`)
	// command is what people and programs type around an inventory.
	commandLine = regexp.MustCompile(`(?i)^(?:do |admin )?(?:sh|sho|show) +([a-z].*)$`)
	session     = regexp.MustCompile(`(?i)^(?:terminal|term|conf|config|configure|enable|en|exit|quit|logout|end|admin|no pager|pager|set length|disable|scope|top|changeto)\b.{0,60}$`)

	noise = regexp.MustCompile(`(?i)^(?:` + strings.Join([]string{
		`[-+=*_#~ ]{3,}`,
		`INFO: Please use "show license UDI".*`,
		`Load for five secs.*`,
		`Time source is .*`,
		`OID: ?.*`,
		`(?:mon|tue|wed|thu|fri|sat|sun)\w* +(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w* +\d+ +\d\d:\d\d.*`,
		`\.?\*?\d\d:\d\d:\d\d(?:\.\d+)? \w+ \w{3} \w{3} +\d+ \d{4}`,
		`[^.:"]{2,60}\.{3,} ?.*`, // AireOS: "Burned-in MAC Address........ 70:1F:…"
		`Power Supply \d.*(?:Present|OK|Absent).*`,
		`<output omitted>`, `Chassis Type: .*`,
		`[*.]?(?:\d+: )?(?:\S+: )?[*.]?(?:\w{3} +\d+ |\d{4} \w{3} +\d+ )[\d:. ]*\d(?: \w+)*: .*%[A-Z0-9_]+(?:-[A-Z0-9_]+)*-\d-[A-Z0-9_]+:.*`, // a log message among the output
		`=~.*`,                                                                            // the head of a PuTTY log
		`\(\*\) .*`, `(?:Total RAM|CPU Core|CPU \d|Hard Disk|Disk \d|NIC (?:\d|Count)).*`, // ISE adds its machine
		`#?\s*\^`, `>`, // the mark below a mistake; the prompt of FTD
		`Connection to \S+ closed.*`,
		`(?:User|Username|Password|User Name|login|login as):.*`, `\S+@\S+ password:.*`, `Using username .*`,
	}, "|") + `)$`)
)
