package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

// A page is an answer in HTML: a template of this package and its data.
type page struct {
	Template string // file in templates
	Title    string
	Menu     menu // its zero value leads to the rooms alone
	Data     any
	Status   int           // 0 is 200
	Secret   bool          // it shows what nobody may keep
	After    time.Duration // when to try again, in the header Retry-After; 0 for none
	Who      above         // set where it is written
}

// templates are the pages by file name, each with the parts that all share.
type templates map[string]*template.Template

func newTemplates(files assets) templates {
	funcs := template.FuncMap{
		// asset is the address of a file below /static, which is another one
		// when its content is.
		"asset": func(name string) (string, error) {
			a, ok := files[name]
			if !ok {
				return "", fmt.Errorf("no static file %q", name)
			}
			return "/static/" + name + "?v=" + a.mark, nil
		},
		"spans": spans,
		// entry is what the form of an entry of a ledger begins with; nil for a
		// new one. typed says that people type their name.
		"entry": func(organization string, id int64, entry any, typed bool) map[string]any {
			return map[string]any{"Organization": organization, "ID": id, "Entry": entry, "Type": typed}
		},
	}
	shared := template.Must(template.New("").Funcs(funcs).ParseFS(templateFiles, "templates/base.html", "templates/icons.html", "templates/parts.html"))
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic("web: " + err.Error())
	}
	all := templates{}
	for _, name := range names {
		switch base := path.Base(name); base {
		case "base.html", "icons.html", "parts.html":
		default:
			all[base] = template.Must(template.Must(shared.Clone()).ParseFS(templateFiles, name))
		}
	}
	return all
}

// A span is a piece of a sentence. A command to type, which stands between
// backticks in the sentences of next steps, is a span of its own.
type span struct {
	Text    string
	Command bool
}

func spans(sentence string) []span {
	parts := strings.Split(sentence, "`")
	if len(parts)%2 == 0 { // one is not closed
		return []span{{Text: sentence}}
	}
	var all []span
	for i, part := range parts {
		if part != "" {
			all = append(all, span{part, i%2 == 1})
		}
	}
	return all
}

// render writes the page to memory, so that one that fails half way is never
// sent.
func (t templates) render(p page) ([]byte, error) {
	tmpl, ok := t[p.Template]
	if !ok {
		return nil, fmt.Errorf("no template %q", p.Template)
	}
	var buf bytes.Buffer
	if err := tmpl.ExecuteTemplate(&buf, "base", p); err != nil {
		return nil, fmt.Errorf("cannot render %s: %w", p.Template, err)
	}
	return buf.Bytes(), nil
}
