// Package table writes rows for people: in columns on a terminal, and as CSV
// that a spreadsheet opens without running any of it. Values come from devices
// and files that others control, so neither form lets a control character or a
// formula through.
package table

import (
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"
	"unicode"
)

// Text makes a value safe to show on a terminal and in one line: control and
// formatting characters (terminal escapes, line ends, bidirectional overrides)
// become "·", and what is not UTF-8 becomes "?".
func Text(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == unicode.ReplacementChar:
			return '?'
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return '·'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// formulaStart is what a spreadsheet takes for the beginning of a formula, full
// width forms too, which some fold; with spaces before it, and after the marks
// that part cells where a comma does not.
var formulaStart = regexp.MustCompile(`^ *[=+\-@\t\r\n＝＋－＠]|[;\t] *[=+\-@＝＋－＠]`)

// Cell makes a value safe for a spreadsheet: what begins as a formula does gets
// an apostrophe in front, as OWASP advises against CSV injection. Many countries
// part cells by ";", so what follows one counts as a beginning too.
func Cell(s string) string {
	return formulaStart.ReplaceAllStringFunc(s, func(start string) string {
		if start[0] == ';' || start[0] == '\t' && len(start) > 1 {
			return start[:1] + "'" + start[1:]
		}
		return "'" + start
	})
}

// Columns writes a header and rows in aligned columns, each line indented.
func Columns(w io.Writer, indent string, header []string, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = Text(c)
		}
		if _, err := fmt.Fprintln(tw, strings.TrimRight(indent+strings.Join(cells, "\t"), "\t")); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// CSV writes a header and rows as RFC 4180 has it, with every cell defused.
func CSV(w io.Writer, header []string, rows [][]string) error {
	cw := csv.NewWriter(w)
	for _, row := range append([][]string{header}, rows...) {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = Cell(c)
		}
		if err := cw.Write(cells); err != nil {
			return err
		}
	}
	cw.Flush()
	return cw.Error()
}
