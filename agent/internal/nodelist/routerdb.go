package nodelist

import (
	"net/netip"
	"regexp"
	"strings"

	"rollcall/pkg/inventory"
)

// A routerLine is one line of a router.db.
type routerLine struct {
	number int
	fields []string
}

const (
	// judgedLines are looked at to learn the layout of a file.
	judgedLines = 2000
	// judgedFields are those in which an address may stand.
	judgedFields = 8
)

// routerDB reads RANCID's router.db(5), "name;type;state;comment", with ":" in
// versions before 3, and Oxidized's source csv of the same name, whose columns
// each admin chooses: name and model, and the address behind either. What else
// stands in a line is a user name or a password: it is never kept.
func (b *builder) routerDB(text string) error {
	separator := routerSeparator(text)
	var lines []routerLine
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		fields := splitRouter(line, separator)
		if len(fields) < 2 && separator == ";" {
			fields = splitRouter(line, ":")
		}
		switch {
		case len(fields) < 2:
			b.refuse(n, "1", fields[0], "the line has one field: write it as name;type;up")
		case colonsOfAddress(line, fields):
			b.refuse(n, "1", fields[0], "an IPv6 address cannot stand in a line parted by colons: part it by semicolons, as RANCID 3 does")
		default:
			lines = append(lines, routerLine{n, fields})
		}
		if len(lines) > MaxEntries {
			return errFull
		}
	}
	layout := routerLayoutOf(lines)
	for _, l := range lines {
		if err := b.add(layout.entry(l)); err != nil {
			return err
		}
	}
	return nil
}

// splitRouter parts a line; an IPv6 address in brackets is one field.
func splitRouter(line, separator string) []string {
	var fields []string
	if end := strings.Index(line, "]"); separator == ":" && line[0] == '[' && end > 0 {
		fields, line = append(fields, line[:end+1]), strings.TrimPrefix(line[end+1:], ":")
	}
	for f := range strings.SplitSeq(line, separator) {
		fields = append(fields, strings.TrimSpace(f))
	}
	return fields
}

// groups is the beginning of an IPv6 address whose colons part fields.
var groups = regexp.MustCompile(`^[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:`)

// colonsOfAddress says that the colons that parted the line belong to an
// address, which is the first field or the second.
func colonsOfAddress(line string, fields []string) bool {
	if strings.Contains(line, ";") || len(fields) < 4 || line[0] == '[' {
		return false
	}
	_, rest, _ := strings.Cut(line, ":")
	return groups.MatchString(line) || groups.MatchString(rest) && strings.ContainsAny(fields[1], "0123456789")
}

// routerSeparator is the one of RANCID's two separators that fits the file.
func routerSeparator(text string) string {
	semicolons, colons, n := 0, 0, 0
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		semicolons += routerScore(splitRouter(line, ";"))
		colons += routerScore(splitRouter(line, ":"))
		if n++; n >= judgedLines {
			break
		}
	}
	if colons > semicolons {
		return ":"
	}
	return ";"
}

var typeWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// routerScore says how much the fields look like a line of router.db.
func routerScore(fields []string) int {
	score := 0
	if len(fields) >= 2 && typeWord.MatchString(fields[1]) {
		score++
	}
	if len(fields) >= 3 && routerState(fields[2]) {
		score += 2
	}
	for _, f := range fields[min(1, len(fields)):min(3, len(fields))] {
		if isIP(f) {
			score += 2
		}
	}
	return score
}

// looksLikeRouterDB says that the lines have the fields of a router.db.
func looksLikeRouterDB(text string) bool {
	lines, score := 0, 0
	separator := routerSeparator(text)
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' || isIP(line) {
			continue
		}
		lines++
		if routerScore(splitRouter(line, separator)) > 0 {
			score++
		}
	}
	return lines > 0 && 2*score > lines
}

// routerState says that a word is a state of RANCID's: up, or one of those
// that people write for down.
func routerState(s string) bool {
	switch strings.ToLower(s) {
	case "up", "down", "ticketed", "off", "ignore", "disabled":
		return true
	}
	return false
}

func isIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// A routerLayout says which field is what.
type routerLayout struct {
	rancid  bool // the third field is the state
	address int  // field of the address, 0 for the name
	model   int
}

func routerLayoutOf(lines []routerLine) routerLayout {
	states, addresses := 0, make([]int, judgedFields)
	judged := lines[:min(len(lines), judgedLines)]
	for _, l := range judged {
		if len(l.fields) > 2 && routerState(l.fields[2]) {
			states++
		}
		for i, f := range l.fields[:min(len(l.fields), judgedFields)] {
			if i > 0 && isIP(f) {
				addresses[i]++
			}
		}
	}
	if len(judged) > 0 && 2*states >= len(judged) {
		return routerLayout{rancid: true, model: 1}
	}
	layout := routerLayout{model: 1}
	for i, n := range addresses {
		if n > 0 && 2*n >= len(judged) && (layout.address == 0 || n > addresses[layout.address]) {
			layout.address = i
		}
	}
	if layout.address == 1 {
		layout.model = 2
	}
	return layout
}

func (l routerLayout) entry(line routerLine) found {
	field := func(i int) string {
		if i < len(line.fields) {
			return line.fields[i]
		}
		return ""
	}
	d := found{Entry: Entry{Line: line.number, Address: field(0), Name: strings.Trim(field(0), "[]"), Platform: field(l.model)}, addressColumn: "1"}
	if !l.rancid && !inventory.NamesMaker(d.Platform) {
		d.Platform = "" // it may as well be a user name
	}
	if l.address > 0 && isIP(field(l.address)) {
		d.Address = field(l.address)
	}
	if state := field(2); l.rancid && !strings.EqualFold(state, "up") {
		d.Skip = "marked as not up in router.db"
		if routerState(state) {
			d.Skip = "marked " + strings.ToLower(state) + " in router.db"
		}
	}
	return d
}
