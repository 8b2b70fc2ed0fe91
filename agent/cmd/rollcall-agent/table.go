package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"rollcall/pkg/inventory"
	"rollcall/pkg/table"
)

// A listing writes text for people, and keeps the first error of the writer.
type listing struct {
	w   io.Writer
	err error
}

// line writes one line; strings among args are made safe for a terminal.
func (l *listing) line(format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = table.Text(inventory.CleanText(s))
		}
	}
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, format+"\n", args...)
	}
}

// columns writes rows in columns of their own.
func (l *listing) columns(header []string, rows [][]string) {
	for _, row := range rows {
		for i, cell := range row {
			row[i] = inventory.CleanText(cell)
		}
	}
	if l.err == nil {
		l.err = table.Columns(l.w, "  ", header, rows)
	}
}

// components lists parts; units are marked.
func (l *listing) components(list []inventory.Component) {
	if len(list) == 0 {
		return
	}
	var rows [][]string
	for _, c := range list {
		unit := "-"
		if c.Unit {
			unit = "unit"
		}
		rows = append(rows, []string{unit, string(c.Class), orDash(c.PID), c.Serial, orDash(c.VID), c.Name})
	}
	l.columns([]string{"UNIT", "CLASS", "PID", "SERIAL", "VID", "NAME"}, rows)
}

// device writes one device and its parts.
func (l *listing) device(d inventory.Device) {
	name := d.Name
	if name == "" {
		name = d.Address
	}
	complete := "complete"
	if !d.Complete {
		complete = "NOT complete"
	}
	l.line("%s  address %s  platform %s  model %s  serial %s  software %s  %s", name, d.Address, orDash(d.Platform), orDash(d.Model),
		orDash(d.Serial), orDash(d.Software), complete)
	l.components(d.Components)
	for _, p := range d.Errors {
		l.line("  ! %s", p.Message)
	}
	l.line("")
}

// seenHeader and seenRow show a neighbour without a serial number.
var seenHeader = []string{"SEEN, NO SERIAL", "ADDRESS", "PLATFORM", "WHERE", "WHY"}

func seenRow(s inventory.Seen) []string {
	return []string{orDash(s.Name), orDash(s.Address), orDash(s.Platform), s.Where, s.Reason}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// writeJSON writes v indented. Characters that a terminal or an editor would
// act on are escaped; encoding/json leaves some of them.
func writeJSON(out io.Writer, v any) error {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("cannot write JSON: %w", err)
	}
	_, err := io.WriteString(out, escapeControls(b.String()))
	return err
}

// escapeControls escapes C1 controls, DEL and format characters (as those that
// turn the direction of text). In JSON they stand inside of strings only.
func escapeControls(s string) string {
	if !strings.ContainsFunc(s, isTricky) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !isTricky(r):
			b.WriteRune(r)
		case r > 0xffff: // format characters beyond the first plane, as tags
			b.WriteString("\ufffd")
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func isTricky(r rune) bool {
	return r >= 0x7f && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
}

var csvHeader = []string{
	"address", "name", "platform", "software", "complete", "serial", "pid", "vid", "class", "unit", "component", "description", "parent", "aliases",
}

// writeCSV writes one row a component.
func writeCSV(out io.Writer, devices []inventory.Device) error {
	var rows [][]string
	for _, d := range devices {
		for _, c := range d.Components {
			row := []string{
				d.Address, d.Name, d.Platform, d.Software, strconv.FormatBool(d.Complete), c.Serial, c.PID, c.VID, string(c.Class),
				strconv.FormatBool(c.Unit), c.Name, c.Description, c.Parent, strings.Join(c.Aliases, "; "),
			}
			for i, cell := range row {
				row[i] = inventory.CleanText(cell)
			}
			rows = append(rows, row)
		}
	}
	return table.CSV(out, csvHeader, rows)
}

// notNil makes a list that is "[]" in JSON when it is empty.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func fillAliases(list []inventory.Component) {
	for i := range list {
		list[i].Aliases = notNil(list[i].Aliases)
	}
}
