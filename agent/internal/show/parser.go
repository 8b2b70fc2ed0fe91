package show

import (
	"regexp"
	"strings"

	"rollcall/pkg/inventory"
)

// section is the command whose output the lines at hand belong to.
type section int

const (
	sectionUnknown section = iota
	sectionInventory
	sectionVersion
	sectionModule
	sectionSystemID
	sectionEEPROM
	sectionAccessPoints
	sectionExtenders
	sectionSerial
	sectionOther
)

// parser walks over the lines once and sorts them by section. It holds no
// state between two texts.
type parser struct {
	warn    warnings
	section section

	rows     []row
	open     *row   // a NAME line whose PID line has not come yet
	apName   string // "Inventory for NAME" of AireOS
	nameless bool   // a unit has told that it has no serial number
	prose    bool   // the module table stands inside `show version`
	version  []string
	modules  moduleTables
	systemID systemID
	eeproms  eeproms
	aps      accessPoints
	fex      extenders
	trees    trees
	hardware hardwareTable
}

// row is one block of `show inventory` as printed.
type row struct {
	line                      int
	name, descr, pid, vid, sn string
	ap                        string
	bare                      bool // no NAME line came before
}

func newParser(start section) *parser { return &parser{section: start} }

func (p *parser) read(text string) {
	lines := splitLines(text, &p.warn)
	for i := 0; i < len(lines); i++ {
		i += p.line(lines, i)
	}
	p.closeRow()
	p.closeBlocks()
}

// closeBlocks ends the blocks of outputs other than `show inventory`.
func (p *parser) closeBlocks() {
	p.eeproms.end()
	p.aps.end()
	p.trees.end()
}

var (
	nameStart = regexp.MustCompile(`(?i)^NAME ?:`)
	nameLine  = regexp.MustCompile(`(?im)^\s*NAME ?:\s*(?:"|.*\bDESCR ?:)`)
	pidStart  = regexp.MustCompile(`(?i)^PID ?:`)
	apHeader  = regexp.MustCompile(`(?i)^Inventory for (?:AP )?(\S.*)$`)

	versionStart = regexp.MustCompile(`(?i)^(?:Cisco (?:IOS|Internetwork Operating System|Nexus Operating|NX-OS|Adaptive Security|PIX|FirePower|Firepower|FX-OS|ASA)` +
		`|-{3,}\[ \S{1,64} \]-{3,}$|Model +: +Cisco .*Threat Defense|IOS \(tm\)|WS-C\d+ Software|Documents: https?:|TAC support: https?:|ROM: |SW version +\d|Active-image:)`)
)

// line reads the line at i and returns how many lines after it went with it.
func (p *parser) line(lines []string, i int) int {
	s := strings.TrimSpace(lines[i])
	if s == "" {
		return 0
	}
	isName, isPID := nameStart.MatchString(s), pidStart.MatchString(s)
	if !isName && !isPID && len(s) <= maxSessionLine && p.sessionLine(s) {
		return 0
	}
	switch {
	case isName && nameLine.MatchString(s), p.section == sectionInventory && isName:
		p.closeRow()
		p.section = sectionInventory
		joined, extra := joinName(lines, i)
		p.openRow(joined, i+1)
		return extra
	case isPID && p.section != sectionVersion && (p.trees.block == nil || pidSN.MatchString(s)):
		p.section = sectionInventory
		joined, extra := joinPID(lines, i)
		p.pidRow(joined, i+1)
		return extra
	case versionStart.MatchString(s) && p.section != sectionOther:
		p.section = sectionVersion
	case moduleHeader.MatchString(s) && (p.section != sectionVersion || strings.Contains(strings.ToLower(s), "serial")):
		// CatOS has its cards inside `show version`, with prose around them.
		p.prose = p.section == sectionVersion || p.prose && p.section == sectionModule
		p.section = sectionModule
	case p.section == sectionUnknown && (eepromSlot.MatchString(s) || eepromNamed.MatchString(s)):
		p.section = sectionEEPROM
	}
	p.inSection(lines[i], s, i+1)
	return 0
}

// sessionLine handles prompts and echoed commands, which part the sections.
func (p *parser) sessionLine(s string) bool {
	typed := s
	if strings.ContainsAny(s, ">#$)") {
		if promptOnly.MatchString(s) {
			return true
		}
		if m := promptEcho.FindStringSubmatch(s); m != nil {
			typed = m[1]
		}
	}
	if m := commandLine.FindStringSubmatch(typed); m != nil {
		p.closeBlocks()
		p.section = p.sectionOf(m[1])
		p.apName, p.prose = "", false
		return true
	}
	return session.MatchString(typed)
}

func (p *parser) sectionOf(args string) section {
	words := strings.Fields(strings.ToLower(args))
	has := func(prefix string) bool {
		for _, w := range words {
			if strings.HasPrefix(w, prefix) {
				return true
			}
		}
		return false
	}
	switch {
	case words[0] == "ap" && has("conf"):
		return sectionAccessPoints
	case has("inv"), words[0] == "udi", words[0] == "detail", words[0] == "chassis", has("detail") && treeHead.MatchString(words[0]+":"):
		return sectionInventory
	case words[0] == "diag", words[0] == "idprom", words[0] == "c7200":
		return sectionEEPROM
	case words[0] == "serial-number":
		return sectionSerial
	case words[0] == "fex":
		return sectionExtenders
	case strings.HasPrefix(words[0], "ver"), strings.HasPrefix(words[0], "sysinfo"), strings.HasPrefix(words[0], "hardw"):
		return sectionVersion
	case strings.HasPrefix(words[0], "mod"):
		return sectionModule
	case strings.HasPrefix(words[0], "sys") && len(words) > 1 && words[1] == "id":
		return sectionSystemID
	}
	p.warn.addf("the output of \"show %s\" is not read: rollcall reads `show inventory`, `show version`, `show module` and what stands in for them", excerpt(args))
	return sectionOther
}

// inSection reads a line that opens nothing by itself.
func (p *parser) inSection(raw, s string, n int) {
	short := len(s) <= maxSessionLine
	switch p.section {
	case sectionVersion:
		p.version = append(p.version, s)
		p.modules.supply(s)
		return
	case sectionOther:
		return
	case sectionAccessPoints: // most of it is how the access point is set up
		p.aps.line(s)
		return
	}
	if short && p.structured(raw, s) {
		return
	}
	if m := apHeader.FindStringSubmatch(s); m != nil {
		p.apName = inventory.CleanText(m[1])
		return
	}
	if short && noise.MatchString(s) || strings.Trim(s, "-+=*_#~ ") == "" {
		return
	}
	if p.warn.full() { // what the line is matters no more, only that there was one
		p.warn.dropped++
		return
	}
	switch Refused(s) {
	case Unauthorized:
		p.warn.addf("line %d: the device refused a command for want of privilege: %q", n, excerpt(s))
	case Unsupported:
		p.warn.addf("line %d: the device did not know a command: %q", n, excerpt(s))
	case Accepted:
		p.warn.addf("line %d was not understood: %q", n, excerpt(s))
	}
}

// structured reads a line of an output that has a form of its own, and says
// whether it is one.
func (p *parser) structured(raw, s string) bool {
	switch p.section {
	case sectionModule:
		return p.modules.line(raw) || p.prose
	case sectionEEPROM:
		return p.eeproms.line(s)
	case sectionExtenders:
		return p.fex.line(s) || extenderHead.MatchString(s)
	case sectionSerial:
		return p.systemID.lone(s)
	case sectionUnknown, sectionInventory, sectionSystemID:
		return p.hardware.line(raw) || p.trees.line(raw) || p.systemID.line(s) || p.aps.line(s)
	}
	return false
}

// closeRow ends a block whose PID line never came.
func (p *parser) closeRow() {
	if p.open == nil {
		return
	}
	p.warn.lostf("line %d: %q has no PID line after it", p.open.line, excerpt(p.open.name))
	p.open = nil
}

var descrAt = regexp.MustCompile(`(?i)\s*,?\s*\bDESCR ?:\s*`)

func (p *parser) openRow(s string, n int) {
	body := nameStart.ReplaceAllString(s, "")
	// Some write the whole block on one line.
	pid := ""
	if at := inlinePID.FindStringIndex(body); at != nil {
		body, pid = body[:at[0]], strings.TrimSpace(body[at[0]:])
	}
	r := row{line: n, ap: p.apName}
	if at := descrAt.FindStringIndex(body); at != nil {
		r.name, r.descr = unquote(body[:at[0]]), unquote(body[at[1]:])
	} else {
		r.name = unquote(body)
	}
	p.open = &r
	if pid != "" {
		p.pidRow(pid, n)
	}
}

var (
	inlinePID  = regexp.MustCompile(`(?i)[\s,]PID ?: .*\bSN ?:`)
	leadingSep = regexp.MustCompile(`^[\s,]+`)
	pidVIDSN   = regexp.MustCompile(`(?i)^PID ?:\s*(.*?)\s*,?\s*\bVID ?:\s*(.*?)\s*,?\s*\bSN ?:\s*(.*)$`)
	pidSN      = regexp.MustCompile(`(?i)^PID ?:\s*(.*?)\s*,?\s*()\bSN ?:\s*(.*)$`)
)

func (p *parser) pidRow(s string, n int) {
	s = leadingSep.ReplaceAllString(s, "")
	m := pidVIDSN.FindStringSubmatch(s)
	if m == nil {
		m = pidSN.FindStringSubmatch(s)
	}
	if m == nil {
		p.warn.lostf("line %d was not understood: %q", n, excerpt(s))
		p.open = nil
		return
	}
	r := row{line: n, ap: p.apName}
	if p.open != nil {
		r = *p.open
		p.open = nil
	} else {
		r.bare = true
	}
	r.pid, r.vid, r.sn = cleanPID(m[1]), cleanVID(m[2]), m[3]
	if len(p.rows) >= maxComponents {
		p.warn.lostf("more than %d parts: the rest was not read", maxComponents)
		return
	}
	p.rows = append(p.rows, r)
}

// joinName puts a NAME line together with the lines that a narrow terminal
// wrapped it to.
func joinName(lines []string, i int) (string, int) {
	s := strings.TrimSpace(lines[i])
	extra := 0
	for extra < 3 && i+extra+1 < len(lines) {
		next := strings.TrimSpace(lines[i+extra+1])
		whole := descrAt.MatchString(s) && strings.Count(s, `"`)%2 == 0
		if whole || next == "" || pidStart.MatchString(next) || nameStart.MatchString(next) {
			break
		}
		// An unterminated quote is common; only its end proves a wrap.
		if descrAt.MatchString(s) && !strings.HasSuffix(next, `"`) {
			break
		}
		s = joinWrapped(s, lines[i+extra], next)
		extra++
	}
	return s, extra
}

var serialTail = regexp.MustCompile(`^[0-9A-Z-]{1,15}$`)

// joinPID does the same for a PID line, which is whole when it has its SN.
func joinPID(lines []string, i int) (string, int) {
	s := strings.TrimSpace(lines[i])
	extra := 0
	for extra < 3 && i+extra+1 < len(lines) {
		next := strings.TrimSpace(lines[i+extra+1])
		if next == "" || pidStart.MatchString(next) || nameStart.MatchString(next) {
			break
		}
		if pidSN.MatchString(s) && (len(lines[i+extra]) != terminalWidth || !serialTail.MatchString(next)) {
			break
		}
		s = joinWrapped(s, lines[i+extra], next)
		extra++
	}
	if !pidSN.MatchString(s) {
		return strings.TrimSpace(lines[i]), 0
	}
	return s, extra
}

// terminalWidth is where devices wrap unless told otherwise, in columns.
const terminalWidth = 80

func joinWrapped(s, raw, next string) string {
	if len(raw) >= terminalWidth-2 {
		return s + next
	}
	return s + " " + next
}

// unquote takes the quotes and the separating comma off a NAME or DESCR.
func unquote(s string) string {
	s = strings.TrimSpace(s)
	s = strings.TrimSpace(strings.TrimRight(s, ","))
	s = strings.TrimPrefix(s, `"`)
	s = strings.TrimSuffix(s, `"`)
	return inventory.CleanText(s)
}

// cleanPID is inventory.CleanPID plus what only `show inventory` prints.
func cleanPID(s string) string {
	s = inventory.CleanPID(strings.Trim(strings.TrimSpace(s), `,"`))
	if strings.HasPrefix(strings.ToUpper(s), "UNKNOWN") || strings.Trim(s, "-") == "" {
		return ""
	}
	return s
}

// cleanVID drops the placeholders of old routers (0xFF) and of XR ("-", "N/A").
func cleanVID(s string) string {
	s = cleanPID(s)
	switch strings.ToLower(s) {
	case "0xff", "0x00", "0x0":
		return ""
	}
	return s
}
