// Package table writes rows for people: in columns on a terminal, and as CSV
// that a spreadsheet opens without running any of it. Values come from devices
// and files that others control, so no control character reaches a terminal, and
// no formula a spreadsheet.
package table

import (
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"
)

// Text makes a value safe to show on a terminal and in one line: control and
// formatting characters (terminal escapes, line ends, bidirectional overrides)
// become "·", and what is not UTF-8 becomes "?".
func Text(s string) string { return strings.Map(safe, strings.ToValidUTF8(s, "?")) }

func safe(r rune) rune {
	switch {
	case r == unicode.ReplacementChar:
		return '?'
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
		return '·'
	}
	return r
}

// Terminal writes text of several lines, such as a document for programs that is
// shown to a person, as Text does, but for line ends and tabs. A rune may come
// in parts; one that is never whole is not written. Several may write at once.
func Terminal(w io.Writer) io.Writer { return &terminal{w: w} }

type terminal struct {
	mu   sync.Mutex
	w    io.Writer
	part []byte // the beginning of a rune
}

// Write implements io.Writer.
func (t *terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := append(t.part, b...)
	whole := len(text)
	for i := max(len(text)-utf8.UTFMax+1, 0); i < len(text); i++ {
		if utf8.RuneStart(text[i]) && !utf8.FullRune(text[i:]) {
			whole = i
			break
		}
	}
	shown := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return safe(r)
	}, strings.ReplaceAll(strings.ToValidUTF8(string(text[:whole]), "?"), "\r\n", "\n"))
	t.part = append([]byte(nil), text[whole:]...)
	if _, err := io.WriteString(t.w, shown); err != nil {
		return 0, err
	}
	return len(b), nil
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
