package document

import (
	"crypto/sha256"
	_ "embed" // the template and its style
	"encoding/base64"
	"html/template"
	"io"
	"net/url"
	"slices"
	"strings"
)

//go:embed document.html
var page string

//go:embed document.css
var style string

var pageTemplate = template.Must(template.New("document").Funcs(template.FuncMap{"whole": whole}).Parse(page))

// whole says that a cell is one word, such as a serial number or a day, that is
// not to be broken.
func whole(cell string) bool { return len(cell) <= 24 && !strings.Contains(cell, " ") }

// Policy is the content security policy with which the HTML can be served: its
// own style and nothing else.
func Policy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
}

// writeHTML writes a page that opens and prints by itself.
func writeHTML(w io.Writer, d Document) error {
	d.Sections = slices.Clone(d.Sections)
	for i, s := range d.Sections {
		if s.Table != nil {
			t := s.Table.used()
			d.Sections[i].Table = &t
		}
	}
	return pageTemplate.Execute(w, struct {
		Document

		Style template.CSS // ours
	}{d, template.CSS(style)})
}

// Address opens the mail in a mail program (RFC 6068).
func (m Mail) Address() template.URL {
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	return template.URL("mailto:" + strings.ReplaceAll(escape(m.To), "%40", "@") + "?subject=" + escape(m.Subject) + "&body=" + escape(strings.Join(m.Body, "\r\n")))
}

// Text is the body as it is written.
func (m Mail) Text() string { return strings.Join(m.Body, "\n") }
