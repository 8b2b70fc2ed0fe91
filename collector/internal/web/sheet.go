package web

import (
	"net/http"
	"net/url"
	"strings"

	"rollcall/collector/internal/document"
	"rollcall/collector/internal/reconcile"
)

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

// typed are the fields of the query that the sheet has and that are empty in it.
// What Rollcall knows is not overwritten.
func typed(r *http.Request, sheet reconcile.Sheet) (map[string]string, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badQuery()
	}
	given := map[string]string{}
	for name, value := range sheet {
		if value == "" {
			given[name] = q.Get(name)
		}
	}
	return given, nil
}

// showSheet is the sheet of a finding, to paste into a mail or a ticket, to
// print or to keep. It is refused while a field is empty that the other side
// needs.
func (s *server) showSheet(r *http.Request) (any, error) {
	extension, ok := strings.CutPrefix(r.PathValue("sheet"), "sheet.")
	if !ok {
		return nil, notFound("There is no page at this address.")
	}
	x, sc, err := s.finding(r)
	if err != nil {
		return nil, err
	}
	given, err := typed(r, x.NextStep.Sheet)
	if err != nil {
		return nil, err
	}
	if len(x.NextStep.Sheet) == 0 {
		return nil, notFound("There is no sheet to fill in for finding %d.", x.ID)
	}
	imports, err := s.store.Imports(r.Context(), x.Organization)
	if err != nil {
		return nil, err
	}
	d, err := document.Sheet(document.Input{Facts: reconcile.Facts{
		Organization: x.Organization, Name: sc.Names[x.Organization], Now: s.now().UTC(), Imports: imports,
	}}, documentFinding(x), given)
	if err != nil {
		return nil, refusedDocument(err)
	}
	return writeDocument(d, extension)
}
