package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Changes are what a file changes in the contracts that it covers.
type Changes struct {
	Added, Removed, Changed []Line
}

// Compare holds a file against the lines that are known so far. Lines of
// contracts that the file does not name stay as they are. Lines of one key, such
// as quantities, are told apart by what they say, so that another order is no
// change.
func (f File) Compare(before []Line) Changes {
	covers := map[string]bool{}
	for _, number := range f.Contracts() {
		covers[number] = true
	}
	known, now := byKey(before), byKey(f.Lines)
	var c Changes
	for _, key := range slices.Sorted(maps.Keys(now)) {
		was, is := known[key], now[key]
		both := min(len(was), len(is))
		for i := range both {
			if was[i].says != is[i].says {
				c.Changed = append(c.Changed, is[i].Line)
			}
		}
		for _, l := range is[both:] {
			c.Added = append(c.Added, l.Line)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(known)) {
		was := known[key]
		for _, l := range was[min(len(was), len(now[key])):] {
			if covers[l.Contract] {
				c.Removed = append(c.Removed, l.Line)
			}
		}
	}
	return c
}

// A saidLine is a line with all that it says but where it was in its file.
type saidLine struct {
	Line
	says string
}

func byKey(lines []Line) map[string][]saidLine {
	all := map[string][]saidLine{}
	for _, l := range lines {
		bare := l
		bare.Row = 0
		raw, _ := json.Marshal(bare) // texts and numbers alone: it can't fail
		all[l.Key()] = append(all[l.Key()], saidLine{l, string(raw)})
	}
	for _, same := range all {
		slices.SortFunc(same, func(a, b saidLine) int { return strings.Compare(a.says, b.says) })
	}
	return all
}

// shownLines is how many lines of a kind a preview lists.
const shownLines = 20

// Preview is what an import would do, for a person to read before it is done:
// how the columns were understood, what is refused, and what changes.
func (f File) Preview(before []Line) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", f.Name, f.Format)
	if f.Sheet != "" {
		fmt.Fprintf(&b, ", sheet %q", f.Sheet)
	}
	b.WriteString("\n\nColumns:\n")
	for _, c := range f.Columns {
		field := c.Field
		switch {
		case c.Header == "":
			continue
		case field == "":
			field = "(kept as it is)"
		}
		fmt.Fprintf(&b, "  %-32s -> %s\n", shorten(c.Header), field)
	}
	kinds := map[LineKind]int{}
	for _, l := range f.Lines {
		kinds[l.Kind()]++
	}
	fmt.Fprintf(&b, "\nLines: %d (%d with a serial number, %d of licences, %d of quantities)\n",
		len(f.Lines), kinds[LineUnit], kinds[LineLicence], kinds[LineQuantity])
	if f.NotCovered > 0 {
		fmt.Fprintf(&b, "Left out, as the file has them under no contract: %d\n", f.NotCovered)
	}
	fmt.Fprintf(&b, "Contracts: %s\n", strings.Join(f.Contracts(), ", "))
	c := f.Compare(before)
	fmt.Fprintf(&b, "Against what is known of them: %d added, %d removed, %d changed\n", len(c.Added), len(c.Removed), len(c.Changed))
	list(&b, "+", c.Added)
	list(&b, "-", c.Removed)
	list(&b, "~", c.Changed)
	return b.String() + Told("Look at", f.Warnings) + Told("Refused", f.Refused)
}

func list(b *strings.Builder, mark string, lines []Line) {
	for _, l := range lines[:min(len(lines), shownLines)] {
		fmt.Fprintf(b, "  %s %s %s %s %s, until %s\n", mark, orNone(l.Contract), orNone(l.Serial), orNone(l.PID), orNone(l.ServiceLevel), orNone(string(l.End)))
	}
	if more := len(lines) - shownLines; more > 0 {
		fmt.Fprintf(b, "  %s and %d more\n", mark, more)
	}
}

// Told counts rows and names the first of them, a line each; "" for none.
func Told(what string, rows []Refusal) string {
	if len(rows) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d\n", what, len(rows))
	for _, r := range rows[:min(len(rows), shownLines)] {
		fmt.Fprintf(&b, "  %s\n", r.Error())
	}
	if more := len(rows) - shownLines; more > 0 {
		fmt.Fprintf(&b, "  and %d more\n", more)
	}
	return b.String()
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
