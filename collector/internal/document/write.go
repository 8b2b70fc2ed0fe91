package document

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"rollcall/pkg/table"
)

// Format is how a document is written.
type Format string

// The formats.
const (
	Text Format = "text"
	CSV  Format = "csv"
	XLSX Format = "xlsx"
	HTML Format = "html" // opens and prints by itself: no other file, no script
	JSON Format = "json"
)

// Formats lists all formats.
var Formats = []Format{Text, CSV, XLSX, HTML, JSON}

// Extension is that of files, without the dot.
func (f Format) Extension() string {
	if f == Text {
		return "txt"
	}
	return string(f)
}

// ContentType is the media type of the format.
func (f Format) ContentType() string {
	return map[Format]string{
		Text: "text/plain; charset=utf-8", CSV: "text/csv; charset=utf-8", HTML: "text/html; charset=utf-8", JSON: "application/json; charset=utf-8",
		XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	}[f]
}

// Offered are the formats in which a document makes sense: a mail is no table.
func Offered(k Kind) []Format {
	if k == Draft {
		return []Format{Text, HTML, JSON}
	}
	return Formats
}

// Schema names the version of the JSON.
const Schema = "rollcall.document/1"

// Check refuses a format in which the kind is not offered; the error is an
// *Invalid.
func Check(k Kind, f Format) error {
	if slices.Contains(Offered(k), f) {
		return nil
	}
	if !slices.Contains(Formats, f) {
		return invalid("there is no format %q: it is one of %s", f, join(Formats))
	}
	return invalid("a %s is offered as %s, and not as %s: it is no table", k, join(Offered(k)), f)
}

// Write writes the document. The same document gives the same bytes.
func Write(w io.Writer, d Document, f Format) error {
	if err := Check(d.Kind, f); err != nil {
		return err
	}
	write := map[Format]func(io.Writer, Document) error{Text: writeText, CSV: writeCSV, XLSX: writeXLSX, HTML: writeHTML, JSON: writeJSON}[f]
	if err := write(w, d); err != nil {
		return fmt.Errorf("cannot write the %s as %s: %w", d.Kind, f, err)
	}
	return nil
}

func writeJSON(w io.Writer, d Document) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		Schema string `json:"schema"`
		Document
	}{Schema, d})
}

// writeCSV writes the main table, for programs: names for headers.
func writeCSV(w io.Writer, d Document) error {
	t := d.main()
	header := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		header[i] = c.Name
	}
	return table.CSV(w, header, t.Rows)
}

// main is the document as one table: of sections with tables all that have the
// columns of the first, and of sections with fields one row each.
func (d Document) main() Table {
	var tables []Section
	for _, s := range d.Sections {
		if s.Table != nil && (len(tables) == 0 || slices.Equal(s.Table.Columns, tables[0].Table.Columns)) {
			tables = append(tables, s)
		}
	}
	if len(tables) > 0 {
		return joined(tables)
	}
	return d.spread()
}

// joined puts tables below each other, with the title of each as a column.
func joined(sections []Section) Table {
	t := Table{Columns: sections[0].Table.Columns}
	titled := slices.ContainsFunc(sections, func(s Section) bool { return s.Title != "" })
	if titled {
		t.Columns = append([]Column{{Name: "list", Label: "List"}}, t.Columns...)
	}
	for _, s := range sections {
		for _, row := range s.Table.Rows {
			if titled {
				row = append([]string{s.Title}, row...)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// spread makes a row of each section, and a column of each field.
func (d Document) spread() Table {
	t := Table{}
	add := func(name, label string) {
		if !slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == name }) {
			t.Columns = append(t.Columns, Column{Name: name, Label: label})
		}
	}
	add("title", "Title")
	for _, s := range d.Sections {
		for _, f := range slices.Concat(s.Fields, s.Sheet) {
			add(f.Name, f.Label)
		}
	}
	if slices.ContainsFunc(d.Sections, func(s Section) bool { return len(s.Text) > 0 }) {
		add("evidence", "What was seen")
	}
	add("next_step", "What to do")
	add("steps", "Steps")
	for _, s := range d.Sections {
		row := make([]string, len(t.Columns))
		set := func(name, value string) {
			row[slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })] = value
		}
		set("title", s.Title)
		if s.Title == "" {
			set("title", d.Title)
		}
		for _, f := range slices.Concat(s.Sheet, s.Fields) {
			set(f.Name, f.Value)
		}
		if len(s.Text) > 0 {
			set("evidence", strings.Join(s.Text, " "))
		}
		set("next_step", s.StepsTitle)
		set("steps", strings.Join(numbered(s.Steps), " "))
		t.Rows = append(t.Rows, row)
	}
	return t
}

func numbered(steps []string) []string {
	all := make([]string, len(steps))
	for i, s := range steps {
		all[i] = fmt.Sprintf("%d. %s", i+1, s)
	}
	return all
}
