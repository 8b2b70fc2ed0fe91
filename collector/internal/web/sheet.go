package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"rollcall/pkg/inventory"

	"rollcall/collector/internal/reconcile"
)

// maxTyped bounds what a person types into one field, in bytes.
const maxTyped = 2000

// A sheetRow is one field of a form to copy from. One without a value is to be
// typed in.
type sheetRow struct {
	Name     string
	Label    string
	Value    string
	Required bool
}

func sheetRows(sheet reconcile.Sheet) []sheetRow {
	fields := reconcile.SheetFields(sheet)
	rows := make([]sheetRow, len(fields))
	for i, f := range fields {
		rows[i] = sheetRow{f.Name, f.Label, sheet[f.Name], f.Required}
	}
	return rows
}

// typed fills the fields of the sheet that are empty with those of the query.
// What Rollcall knows is not overwritten.
func typed(r *http.Request, sheet reconcile.Sheet) (reconcile.Sheet, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badQuery()
	}
	filled := maps.Clone(sheet)
	for name, value := range sheet {
		if value != "" {
			continue
		}
		if filled[name] = oneLine(q.Get(name)); len(filled[name]) > maxTyped {
			return nil, invalid("The value of %q is longer than %d bytes.", name, maxTyped)
		}
	}
	return filled, nil
}

// showSheet is the sheet as text: to paste into a mail or a ticket. It may end
// up on a terminal, so it carries no control character. It is refused while a
// field is empty that the other side needs.
func (s *server) showSheet(r *http.Request) (any, error) {
	x, sc, err := s.finding(r)
	if err != nil {
		return nil, err
	}
	sheet, err := typed(r, x.NextStep.Sheet)
	if err != nil {
		return nil, err
	}
	rows := sheetRows(sheet)
	if len(rows) == 0 {
		return nil, notFound("There is no sheet to fill in for finding %d.", x.ID)
	}
	if missing := sheet.Missing(); len(missing) > 0 {
		return nil, &failure{kind: kindIncomplete, message: fmt.Sprintf(
			"The sheet of finding %d is not complete, and sent like this it would come back. Still to fill in: %s.", x.ID, strings.Join(missing, ", "))}
	}
	rows = keep(rows, func(row sheetRow) bool { return row.Value != "" })
	width := 0
	for _, row := range rows {
		width = max(width, utf8.RuneCountInString(row.Label))
	}
	var b strings.Builder
	line := func(format string, args ...any) {
		fmt.Fprintf(&b, format, args...)
		b.WriteByte('\n')
	}
	line("%s", oneLine(kindLabel(x.Kind)+": "+x.Subject))
	if name := sc.Names[x.Organization]; name != "" {
		line("%s", oneLine(name))
	}
	line("")
	for _, row := range rows {
		line("%s  %s", pad(oneLine(row.Label)+":", width+1), oneLine(row.Value))
	}
	if len(x.NextStep.Steps) > 0 {
		line("")
		line("%s", oneLine(x.NextStep.Title))
		for i, step := range x.NextStep.Steps {
			line("%d. %s", i+1, oneLine(step))
		}
	}
	return plainText(b.String()), nil
}

// oneLine drops what would break or colour the line.
func oneLine(s string) string { return inventory.CleanText(s) }

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}
