package web

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"rollcall/configs/docs"
)

// A helpPage is a document of configs/docs.
type helpPage struct {
	Title string
	Body  template.HTML // of our own text; goldmark writes no HTML that a text holds
}

// helpPages are the documents by name.
type helpPages map[string]helpPage

var helpTitle = regexp.MustCompile(`(?m)\A# (.+)$`)

// newHelpPages makes pages of all documents.
func newHelpPages(files fs.FS) (helpPages, error) {
	markdown := goldmark.New(goldmark.WithExtensions(extension.Table))
	names, err := fs.Glob(files, "*.md")
	if err != nil {
		return nil, err
	}
	pages := helpPages{}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		title := helpTitle.FindSubmatch(text)
		if title == nil {
			return nil, fmt.Errorf("help page %s does not begin with its title", name)
		}
		var body bytes.Buffer
		if err := markdown.Convert(text, &body); err != nil {
			return nil, fmt.Errorf("help page %s: %w", name, err)
		}
		pages[strings.TrimSuffix(name, ".md")] = helpPage{Title: string(title[1]), Body: template.HTML(body.String())}
	}
	return pages, nil
}

// mustHelpPages panics where the program's own documents cannot be read.
func mustHelpPages() helpPages {
	pages, err := newHelpPages(docs.Pages)
	if err != nil {
		panic("web: " + err.Error())
	}
	return pages
}

// showHelp shows the document that the path names, index for none.
func (s *server) showHelp(r *http.Request) (any, error) {
	name := r.PathValue("name")
	if name == "" {
		name = "index"
	}
	p, ok := s.help[name]
	if !ok {
		return nil, notFound("There is no help page of that name. /help/ lists them.")
	}
	return page{Template: "help.html", Title: p.Title + " · Rollcall", Data: p}, nil
}
