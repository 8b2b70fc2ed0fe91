package document

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"rollcall/pkg/table"
)

// writeText writes what goes into a mail or a ticket, or onto a terminal. Of a
// draft it is the mail alone.
func writeText(w io.Writer, d Document) error {
	var b strings.Builder
	line := func(format string, args ...any) {
		fmt.Fprintf(&b, format, args...)
		b.WriteByte('\n')
	}
	if m := d.Mail; m != nil {
		line("To: %s", m.To)
		line("Subject: %s", m.Subject)
		line("")
		for _, s := range m.Body {
			line("%s", s)
		}
		_, err := io.WriteString(w, b.String())
		return err
	}
	line("%s", d.Title)
	line("%s", strings.TrimPrefix(d.Organization+", "+string(d.Date), ", "))
	for _, s := range d.Basis {
		line("%s", s)
	}
	for _, s := range d.Sections {
		if err := textSection(&b, s); err != nil {
			return err
		}
	}
	if len(d.LeftOut) > 0 {
		line("\nLeft out")
		for _, s := range d.LeftOut {
			line("- %s", s)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func textSection(b *strings.Builder, s Section) error {
	line := func(format string, args ...any) {
		fmt.Fprintf(b, format, args...)
		b.WriteByte('\n')
	}
	line("")
	switch {
	case s.Title != "" && s.Table != nil:
		line("%s (%d)", s.Title, len(s.Table.Rows))
	case s.Title != "":
		line("%s", s.Title)
	}
	for _, t := range s.Text {
		line("- %s", t)
	}
	textFields(b, s.Fields)
	if s.Table != nil {
		if len(s.Fields) > 0 {
			line("")
		}
		if err := textTable(b, *s.Table); err != nil {
			return err
		}
	}
	if len(s.Steps) > 0 && (s.Title != "" || len(s.Text)+len(s.Fields) > 0) {
		line("")
	}
	if s.StepsTitle != "" {
		line("%s", s.StepsTitle)
	}
	for i, step := range s.Steps {
		if s.Checklist {
			line("[ ] %s", step)
		} else {
			line("%d. %s", i+1, step)
		}
	}
	if len(s.Sheet) > 0 {
		line("")
		textFields(b, s.Sheet)
	}
	return nil
}

func textFields(b *strings.Builder, fields []Field) {
	width := 0
	for _, f := range fields {
		width = max(width, utf8.RuneCountInString(f.Label))
	}
	for _, f := range fields {
		fmt.Fprintf(b, "%s:%s  %s\n", f.Label, strings.Repeat(" ", width-utf8.RuneCountInString(f.Label)), f.Value)
	}
}

// textTable leaves out columns that are empty in all rows: a terminal is narrow.
func textTable(w io.Writer, t Table) error {
	t = t.used()
	header := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		header[i] = strings.ToUpper(c.Label)
	}
	rows := make([][]string, len(t.Rows))
	for n, row := range t.Rows {
		rows[n] = make([]string, len(row))
		for i, cell := range row {
			rows[n][i] = cmp.Or(cell, "-")
		}
	}
	return table.Columns(w, "  ", header, rows)
}

// used is the table without the columns that are empty in all rows.
func (t Table) used() Table {
	var keep []int
	for i := range t.Columns {
		for _, row := range t.Rows {
			if row[i] != "" {
				keep = append(keep, i)
				break
			}
		}
	}
	var u Table
	for _, i := range keep {
		u.Columns = append(u.Columns, t.Columns[i])
	}
	for _, row := range t.Rows {
		cells := make([]string, len(keep))
		for n, i := range keep {
			cells[n] = row[i]
		}
		u.Rows = append(u.Rows, cells)
	}
	return u
}
