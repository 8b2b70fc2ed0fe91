package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/document"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// fieldPrefix stands before the names of a document's fields in a query, which
// has words of its own.
const fieldPrefix = "field."

// A file is an answer to keep or to print.
type file struct {
	body        []byte
	contentType string
	name        string // of the file; "" to be shown, not kept
	policy      string // content security policy; "" for that of all pages
}

// header sets what a file has beside its type.
func (f file) header(h http.Header) {
	if f.name != "" {
		h.Set("Content-Disposition", "attachment; filename="+f.name) // its letters need no quotes
	}
	if f.policy != "" {
		h.Set("Content-Security-Policy", f.policy)
	}
}

// documentsPage is all that an organization can take away.
type documentsPage struct {
	Organization    string
	OrganizationURL string
	Lists, Forms    []documentRow
	Drafts          []documentRow
}

// A documentRow is one document with its addresses.
type documentRow struct {
	About   string
	URL     string // of its form; "" when it has none
	Formats []formatLink
}

type formatLink struct{ Label, URL string }

var formatLabels = map[document.Format]string{
	document.HTML: "To print", document.XLSX: "Excel", document.CSV: "CSV", document.Text: "As plain text", document.JSON: "JSON",
}

// offered are the formats of a document, the most wanted first.
func offered(k document.Kind) []document.Format {
	all := []document.Format{document.HTML, document.Text, document.XLSX, document.CSV, document.JSON}
	return slices.DeleteFunc(all, func(f document.Format) bool { return document.Check(k, f) != nil })
}

// documentURL is the address of a document in a format, or of its form.
func documentURL(organization string, k document.Kind, of, about string, f document.Format) string {
	q := url.Values{"organization": {organization}}
	for name, value := range map[string]string{"of": of, "about": about} {
		if value != "" {
			q.Set(name, value)
		}
	}
	path := "/documents/" + string(k)
	if f != "" {
		path += "." + f.Extension()
	}
	return path + "?" + q.Encode()
}

func (s *server) showDocuments(r *http.Request) (any, error) {
	f, err := newFilter(r)
	if err != nil {
		return nil, err
	}
	sc, err := s.scope(r.Context(), f)
	if err != nil {
		return nil, err
	}
	if sc.Chosen == nil {
		return choose(sc, documentsRoom, "Documents"), nil
	}
	p := documentsPage{Organization: sc.Chosen.Name, OrganizationURL: filter{Organization: sc.id()}.url("/")}
	for _, k := range document.Kinds {
		row := documentRow{About: upperFirst(k.About())}
		for _, f := range offered(k) {
			row.Formats = append(row.Formats, formatLink{formatLabels[f], documentURL(sc.id(), k, "", "", f)})
		}
		switch k {
		case document.Draft:
			for _, d := range document.Drafts() {
				p.Drafts = append(p.Drafts, documentRow{About: upperFirst(d.About), URL: documentURL(sc.id(), k, d.Name, "", "")})
			}
		case document.Units, document.Findings, document.Sites, document.Nodes:
			p.Lists = append(p.Lists, row)
		case document.TAC: // needs what only people know
			p.Forms = append(p.Forms, documentRow{About: tacAbout, URL: documentURL(sc.id(), k, "", "", "")})
		default:
			row.URL = documentURL(sc.id(), k, "", "", "")
			p.Forms = append(p.Forms, row)
		}
	}
	return page{Template: "documents.html", Title: "Documents · Rollcall", Menu: sc.menu(documentsRoom), Data: p}, nil
}

// tacAbout names the cards for cases at Cisco's TAC where no unit is named.
const tacAbout = "Cards for cases at Cisco's TAC, of all units that are covered"

// documentPage is the form of one document: what is known, and what only people
// know.
type documentPage struct {
	Organization, OrganizationURL string
	DocumentsURL                  string
	About                         string
	Hidden                        []formatLink // of the query, by name and value
	Fields                        []document.Field
	Missing                       []string
	Notes, LeftOut                []string
	Buttons                       []formatLink
}

// showDocument answers with a document when the address ends in a format, and
// otherwise with the form that asks for what only people know.
func (s *server) showDocument(r *http.Request) (any, error) {
	name, extension, written := strings.Cut(r.PathValue("file"), ".")
	request, err := documentRequest(r, document.Kind(name))
	if err != nil {
		return nil, err
	}
	// Not newFilter, which bounds what is typed into a field too.
	sc, err := s.scope(r.Context(), filter{Organization: r.URL.Query().Get("organization")})
	if err != nil {
		return nil, err
	}
	if sc.Chosen == nil {
		return nil, invalid("A document is of one organization: this address lacks it.")
	}
	in, err := s.documentInput(r.Context(), *sc.Chosen)
	if err != nil {
		return nil, err
	}
	d, err := document.Make(in, request)
	if written {
		if err != nil {
			return nil, refusedDocument(err)
		}
		return writeDocument(d, extension)
	}
	p := documentPage{
		Organization: sc.Chosen.Name, OrganizationURL: filter{Organization: sc.id()}.url("/"), DocumentsURL: "/documents?" + url.Values{"organization": {sc.id()}}.Encode(),
		About: upperFirst(request.Kind.About()), Hidden: []formatLink{{"organization", sc.id()}}, Fields: d.Form, Notes: d.Notes, LeftOut: d.LeftOut,
	}
	if incomplete, ok := errors.AsType[*document.Incomplete](err); ok {
		p.Fields = incomplete.Form
		for _, f := range incomplete.Missing {
			p.Missing = append(p.Missing, f.Label)
		}
	} else if err != nil {
		return nil, refusedDocument(err)
	}
	for _, x := range document.Drafts() {
		if request.Kind == document.Draft && x.Name == request.Of {
			p.About = "Draft of a mail: " + x.About
		}
	}
	if request.Kind == document.TAC {
		p.About = tacAbout
		if request.Of != "" {
			p.About = "For a case at Cisco's TAC: " + strings.TrimSpace(request.PID+" "+request.Of)
		}
	}
	for _, h := range []formatLink{{"of", request.Of}, {"about", request.About}, {"pid", request.PID}} {
		if h.URL != "" {
			p.Hidden = append(p.Hidden, h)
		}
	}
	for _, f := range offered(request.Kind) {
		p.Buttons = append(p.Buttons, formatLink{formatLabels[f], "/documents/" + name + "." + f.Extension()})
	}
	return page{Template: "document.html", Title: p.About + " · Rollcall", Menu: sc.menu(documentsRoom), Data: p}, nil
}

// documentRequest reads the query.
func documentRequest(r *http.Request, kind document.Kind) (document.Request, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return document.Request{}, badQuery()
	}
	if !slices.Contains(document.Kinds, kind) {
		return document.Request{}, notFound("There is no document %.40q.", kind)
	}
	request := document.Request{Kind: kind, Of: q.Get("of"), About: q.Get("about"), PID: q.Get("pid"), Fields: map[string]string{}}
	for name := range q {
		if field, ok := strings.CutPrefix(name, fieldPrefix); ok {
			request.Fields[field] = q.Get(name)
		}
	}
	return request, nil
}

// documentInput reads what the documents of an organization are made from.
func (s *server) documentInput(ctx context.Context, org store.Organization) (document.Input, error) {
	facts, err := s.store.Facts(ctx, org.ID)
	if err != nil {
		return document.Input{}, fmt.Errorf("cannot read what documents are made from: %w", err)
	}
	facts.Now, facts.Settings = s.now().UTC(), s.settings()
	in := document.Input{Facts: facts}
	units, err := s.store.Units(ctx, org.ID)
	if err != nil {
		return document.Input{}, fmt.Errorf("cannot read units: %w", err)
	}
	for _, u := range units {
		in.Units = append(in.Units, u.Unit)
	}
	findings, err := s.findings(ctx, org.ID, stateOpen)
	if err != nil {
		return document.Input{}, err
	}
	for _, x := range findings {
		in.Findings = append(in.Findings, documentFinding(x))
	}
	return in, nil
}

func documentFinding(x store.Finding) document.Finding {
	return document.Finding{Finding: x.Finding, Number: x.ID, Opened: contract.DateOf(x.Opened)}
}

// writeDocument is the document as a file to keep, or to look at where a browser
// shows it.
func writeDocument(d document.Document, extension string) (any, error) {
	i := slices.IndexFunc(document.Formats, func(f document.Format) bool { return f.Extension() == extension })
	if i < 0 {
		return nil, notFound("There is no format %.40q.", extension)
	}
	format := document.Formats[i]
	if err := document.Check(d.Kind, format); err != nil {
		return nil, refusedDocument(err)
	}
	var b bytes.Buffer
	if err := document.Write(&b, d, format); err != nil {
		return nil, err
	}
	f := file{body: b.Bytes(), contentType: format.ContentType()}
	switch format {
	case document.Text:
	case document.HTML:
		f.policy = document.Policy()
	default:
		f.name = d.Name + "." + extension
	}
	return f, nil
}

// refusedDocument tells why there is no such document.
func refusedDocument(err error) error {
	var incomplete *document.Incomplete
	var none *document.Nothing
	var wrong *document.Invalid
	message := upperFirst(err.Error()) + "."
	switch {
	case errors.As(err, &incomplete):
		return &failure{kind: kindIncomplete, message: message}
	case errors.As(err, &none):
		return notFound("%s", message)
	case errors.As(err, &wrong):
		return invalid("%s", message)
	}
	return err
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// findingDocument is the document that helps with a finding beside its sheet: a
// mail to write, a checklist, a list for a reseller. ok is false when there is
// none.
func findingDocument(x store.Finding) (label, address string, ok bool) {
	number := strconv.FormatInt(x.ID, 10)
	switch x.Kind {
	case reconcile.TermShort, reconcile.ActivationOverdue:
		return "Write the mail", documentURL(x.Organization, document.Draft, string(x.Kind), number, ""), true
	case reconcile.UncoveredUnit:
		return "Draft of a mail, if it was donated and you can't find its contract", documentURL(x.Organization, document.Draft, "contract_not_found", number, ""), true
	case reconcile.LineNotSeen:
		return "Takeback checklist", documentURL(x.Organization, document.Takeback, number, "", ""), true
	case reconcile.CoverageExpiring, reconcile.CoverageExpired:
		return "Renewal list for a reseller", documentURL(x.Organization, document.Renewal, x.Contract, "", ""), true
	}
	return "", "", false
}
