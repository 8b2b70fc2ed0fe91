package show

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"rollcall/pkg/inventory"
)

// trees reads the command lines whose objects form a tree: FXOS of Firepower
// chassis, UCS Manager of fabric interconnects, CIMC of servers. An object is a
// block of labels and values, or a row of a table:
//
//	Chassis 1:                     Chassis    PID          Vendor            Serial (SN) HW Revision
//	    PID: FPR-C9300-AC          ---------- ------------ ----------------- ----------- -----------
//	    Serial (SN): JMX2001A0AA            1 FPR-C9300-AC Cisco Systems Inc JMX2001A0AA 0
type trees struct {
	parts  []inventory.Component
	block  *object
	head   string   // header of the table at hand
	ruler  []int    // where its columns begin
	column []string // their names
	kind   string   // what its rows are
}

// object is one block.
type object struct {
	kind, name string
	indent     int
	flat       bool // the labels stand no further in than the name
	fields     map[string]string
}

// treeKinds are the objects that are parts of their own, with the classes that
// SNMP gives them.
var treeKinds = []struct {
	pattern *regexp.Regexp
	class   inventory.Class
	unit    bool
}{
	{regexp.MustCompile(`(?i)^(?:chassis|fabric[- ]interconnect|rack[- ]?unit)\b`), inventory.ClassChassis, true},
	{regexp.MustCompile(`(?i)^(?:psu|power supply)\b`), inventory.ClassPowerSupply, false},
	{regexp.MustCompile(`(?i)^fan`), inventory.ClassFan, false},
	{regexp.MustCompile(`(?i)^(?:server|blade|iom|io module|card|module|fabric extender|adapter)\b`), inventory.ClassModule, false},
}

var (
	treeHead  = regexp.MustCompile(`(?i)^((?:chassis|fabric[- ]interconnect|rack[- ]?unit|psu|power supply|fan(?: module)?|server|blade|iom|io module|card|module|adapter)(?: [\w/.-]{1,16})?) ?:$`)
	treeField = regexp.MustCompile(`^([A-Za-z][\w ()/.#-]{0,48}?) ?:(?: +(.*))?$`)
	// treeLone is the table of a server, which is one: "show chassis" of CIMC.
	treeLone  = regexp.MustCompile(`^Power\s+Serial Number\s.*\bPID\b`)
	treeTable = regexp.MustCompile(`(?i)^(\S+(?: \S+)?)\s.*\bPID\b.*\bSerial \(SN\)`)
)

// line reads one line, with the space in front of it, and says whether it
// belongs to an output of this kind.
func (t *trees) line(raw string) bool {
	s := strings.TrimSpace(raw)
	indent := len(raw) - len(strings.TrimLeft(raw, " \t"))
	switch {
	case treeHead.MatchString(s):
		t.end()
		t.block = &object{name: treeHead.FindStringSubmatch(s)[1], indent: indent, fields: map[string]string{}}
		t.block.kind = t.block.name
		return true
	case treeLone.MatchString(s):
		t.end()
		t.head, t.kind = raw, "Chassis"
		return true
	case treeTable.MatchString(s):
		t.end()
		t.head = raw
		t.kind = treeTable.FindStringSubmatch(s)[1]
		return true
	case t.head != "" && t.ruler == nil && moduleRuler.MatchString(s):
		t.setColumns(raw)
		return true
	case t.ruler != nil:
		return t.row(raw)
	case t.block == nil:
		return false
	}
	m := treeField.FindStringSubmatch(s)
	if m == nil {
		return false
	}
	if len(t.block.fields) == 0 {
		t.block.flat = indent <= t.block.indent
	}
	if indent <= t.block.indent && !t.block.flat {
		t.end() // a field of what holds the object
		return true
	}
	label := treeLabel(m[1])
	if _, again := t.block.fields[label]; !again {
		t.block.fields[label] = m[2]
	}
	return true
}

// treeLabel brings the labels of one thing to one form.
func treeLabel(s string) string {
	s = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "equipped ")
	if strings.HasPrefix(s, "serial") {
		return "serial"
	}
	return s
}

// setColumns finds the columns of a table by its ruler.
func (t *trees) setColumns(ruler string) {
	t.ruler, t.column = columnStarts(ruler), nil
	for i := range t.ruler {
		t.column = append(t.column, treeLabel(cut(t.head, t.ruler, i)))
	}
}

// cut is the text in a column.
func cut(line string, starts []int, i int) string {
	end := len(line)
	if i+1 < len(starts) {
		end = min(end, starts[i+1])
	}
	if starts[i] >= end {
		return ""
	}
	return strings.TrimSpace(line[starts[i]:end])
}

// row reads a row of the table at hand. The row of an empty slot has its number
// and a word for that.
func (t *trees) row(raw string) bool {
	o := object{kind: t.kind, fields: map[string]string{}}
	filled := 0
	for i, label := range t.column {
		if o.fields[label] = cut(raw, t.ruler, i); o.fields[label] != "" {
			filled++
		}
	}
	if filled < 2 {
		return false
	}
	o.name = t.kind
	if t.column[0] != "power" {
		o.name = strings.TrimSpace(t.kind + " " + o.fields[t.column[0]])
	}
	t.add(o)
	return true
}

// end makes a part of the block at hand.
func (t *trees) end() {
	if t.block != nil {
		t.add(*t.block)
	}
	t.block, t.head, t.ruler = nil, "", nil
}

func (t *trees) add(o object) {
	sn := inventory.CleanSerial(o.fields["serial"])
	if sn == "" || len(sn) > maxSerial || len(t.parts) >= maxComponents {
		return
	}
	c := inventory.Component{
		Serial: sn, PID: bounded(cleanPID(o.fields["pid"])), VID: bounded(cleanVID(o.fields["vid"])), Class: inventory.ClassUnknown,
		Name: bounded(inventory.CleanText(o.name)), Description: bounded(cleanPID(o.fields["product name"])),
	}
	if c.PID == "" {
		c.PID = bounded(cleanPID(o.fields["model"]))
	}
	// "Fabric Interconnect:" has "ID: A", "Chassis:" has "Chassis: 1".
	if id := inventory.CleanText(cmp.Or(o.fields["id"], o.fields[strings.ToLower(o.name)])); id != "" && len(id) <= 8 && !strings.HasSuffix(c.Name, " "+id) {
		c.Name += " " + id
	}
	for _, k := range treeKinds {
		if k.pattern.MatchString(o.kind) {
			c.Class, c.Unit = k.class, k.unit
			break
		}
	}
	t.parts = append(t.parts, c)
}

// treePlatforms tells who prints trees by what is in them.
var treePlatforms = []struct {
	pattern  *regexp.Regexp
	platform string
}{
	{regexp.MustCompile(`(?i)^FPR`), inventory.PlatformFXOS},
	{regexp.MustCompile(`(?i)^(?:UCSC|HX|R[24]\d\d|C2[0-9]{2}|BE[67])`), inventory.PlatformCIMC},
	{regexp.MustCompile(`(?i)^(?:UCS-FI|N10-S|N20-C|UCSB-51)`), inventory.PlatformNXOS},
}

func (t *trees) platform() string {
	for _, p := range treePlatforms {
		if slices.ContainsFunc(t.parts, func(c inventory.Component) bool { return p.pattern.MatchString(c.PID) }) {
			return p.platform
		}
	}
	return ""
}
