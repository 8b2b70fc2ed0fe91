package show

import (
	"regexp"
	"slices"
	"strings"

	"rollcall/pkg/inventory"
)

// moduleTables reads the tables of `show module`: Cat4500, Cat6500 and Cat9400
// with the serial in the card table, sub-modules in a table of their own, and
// NX-OS with models in one table and serials in another.
type moduleTables struct {
	kind   moduleTable
	models map[string]string // NX-OS: module number → model
	head   string            // header line of the table at hand
	ruler  []int             // column starts of the table at hand
	parts  []inventory.Component
	last   string // the number of the last card, which sub-modules are on
}

type moduleTable int

const (
	tableOther      moduleTable = iota
	tableCards                  // … Model  Serial No.
	tableSubModules             // … Model  Serial  Hw  Status
	tableNXModels               // Mod Ports Module-Type Model Status
	tableNXSerials              // Mod MAC-Address(es) Serial-Num
	tableCatOS                  // Mod Port Model Serial # Versions, inside `show version`
	tableStack                  // Switch Ports Model Serial No. MAC address Hw Sw (Catalyst 9000)
)

var (
	moduleHeader = regexp.MustCompile(`(?i)^(?:Mod|M|Xbar|Lem)\s+.*(?:Model|Serial|MAC|Status|Version|Online Diag|Sw\b)|^(?:Switch|Chassis)\s+Ports\s+Model\s+Serial`)
	moduleRuler  = regexp.MustCompile(`^[-+ ]*-{2,}[-+ ]*$`)
	moduleNumber = regexp.MustCompile(`^\d{1,3}$`)
	serialShape  = regexp.MustCompile(`^[0-9A-Z]{6,16}$`)
)

// line reads one line of a table and says whether it could.
func (t *moduleTables) line(raw string) bool {
	s := strings.TrimSpace(raw)
	switch {
	case moduleHeader.MatchString(s):
		t.head = raw
		t.header(s)
		return true
	case moduleRuler.MatchString(s):
		t.ruler = columnStarts(raw)
		return true
	}
	fields := strings.Fields(s)
	if t.kind == tableCatOS && len(fields) >= 3 && strings.EqualFold(fields[2], "Hw") && serialShape.MatchString(fields[1]) {
		// "         WS-F6K-PFC3A        SAD08010A0B Hw : 2.1"
		t.add(inventory.ClassModule, "sub-module of "+t.last, fields[0], fields[1], "")
		return true
	}
	if len(fields) < 2 || !moduleNumber.MatchString(fields[0]) {
		return strings.HasPrefix(s, "* ") || strings.HasPrefix(strings.ToLower(s), "chassis type") || strings.HasPrefix(s, "Power consumed") || strings.HasPrefix(strings.ToLower(s), "mod ")
	}
	t.cells(raw, fields)
	return true
}

func (t *moduleTables) header(s string) {
	lower := strings.ToLower(s)
	t.ruler = nil
	switch {
	case strings.HasPrefix(lower, "switch"), strings.HasPrefix(lower, "chassis"):
		t.kind = tableStack
	case strings.Contains(lower, "sub-module"), strings.Contains(lower, "sub-type"):
		t.kind = tableSubModules
	case strings.Contains(lower, "serial #"):
		t.kind = tableCatOS
	case strings.Contains(lower, "serial-num"):
		t.kind = tableNXSerials
	case strings.Contains(lower, "module-type"):
		t.kind = tableNXModels
		if t.models == nil {
			t.models = map[string]string{}
		}
	case strings.HasSuffix(lower, "serial no."), strings.HasSuffix(lower, "serial no"), strings.HasSuffix(lower, "serial number"):
		t.kind = tableCards
	default:
		t.kind = tableOther
	}
}

func (t *moduleTables) cells(raw string, fields []string) {
	last := len(fields) - 1
	switch t.kind {
	case tableCards:
		if last >= 2 {
			first := 1
			if last >= 3 && moduleNumber.MatchString(fields[1]) {
				first = 2 // the number of ports
			}
			t.add(inventory.ClassModule, fields[0], fields[last-1], fields[last], between(raw, fields[first], fields[last-1]))
		}
	case tableSubModules:
		// Serial is the last field of a serial's shape that has a model before it.
		for i := last; i >= 2; i-- {
			if serialShape.MatchString(fields[i]) && strings.ContainsAny(fields[i], "0123456789") {
				t.add(inventory.ClassModule, "sub-module of "+fields[0], fields[i-1], fields[i], between(raw, fields[1], fields[i-1]))
				return
			}
		}
	case tableNXModels:
		if model := t.column(raw, "Model"); model != "" {
			t.models[fields[0]] = model
		}
	case tableNXSerials:
		t.add(inventory.ClassModule, "Slot "+fields[0], t.models[fields[0]], fields[last], "")
	case tableStack:
		if last >= 3 {
			t.add(inventory.ClassChassis, "Switch "+fields[0], fields[2], fields[3], "")
		}
	case tableCatOS:
		// The tables of memory that follow have rows of numbers too.
		if last >= 4 && strings.EqualFold(fields[4], "Hw") {
			t.last = fields[0]
			t.add(inventory.ClassModule, "Slot "+fields[0], fields[2], fields[3], "")
		}
	case tableOther:
	}
}

// catSupply is a power supply in `show version` of CatOS:
//
//	PS1  Module: WS-CAC-3000W       Serial #: APQ0801A0AA
var catSupply = regexp.MustCompile(`(?i)^(PS\d) +Module: *(\S*) +Serial #: *(\S+)$`)

func (t *moduleTables) supply(s string) {
	if m := catSupply.FindStringSubmatch(s); m != nil {
		t.add(inventory.ClassPowerSupply, m[1], m[2], m[3], "")
	}
}

func (t *moduleTables) add(class inventory.Class, name, pid, serial, descr string) {
	sn := inventory.CleanSerial(serial)
	if sn == "" || len(sn) > maxSerial || len(t.parts) >= maxComponents {
		return
	}
	t.parts = append(t.parts, inventory.Component{
		Serial: sn, PID: bounded(cleanPID(pid)), Class: class, Name: name, Description: bounded(descr), Unit: class == inventory.ClassChassis,
	})
}

// column is the text below the column of that name, as far as the dashes of
// the ruler go.
func (t *moduleTables) column(raw, name string) string {
	n := slices.IndexFunc(t.ruler, func(start int) bool { return start < len(t.head) && strings.HasPrefix(t.head[start:], name) })
	if n < 0 || t.ruler[n] >= len(raw) {
		return ""
	}
	end := len(raw)
	if n+1 < len(t.ruler) {
		end = min(end, t.ruler[n+1])
	}
	return cleanPID(raw[t.ruler[n]:end])
}

// columnStarts finds where the dash groups of a ruler begin.
func columnStarts(ruler string) []int {
	var starts []int
	for i := range len(ruler) {
		if ruler[i] == '-' && (i == 0 || ruler[i-1] != '-') {
			starts = append(starts, i)
		}
	}
	return starts
}

// between is the text from the first field up to the second.
func between(raw, from, to string) string {
	start := strings.Index(raw, from)
	end := strings.LastIndex(raw, to)
	if start < 0 || end <= start {
		return ""
	}
	return inventory.CleanText(raw[start:end])
}
