package e2e_test

import (
	"flag"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/prometheus/common/model"

	"rollcall/pkg/peer"
)

var sketches = flag.String("sketches", "", "draw what the dashboards have to show, as pictures in this folder")

// A sketch is a dashboard as a page of ours: its panels in their places and with
// their data. It shows what is beside what, what is empty and what is too much to
// read; Grafana draws it in another way.
type sketch struct {
	UID, Title string
	Panels     []sketched
}

type sketched struct {
	grafanaPanel
	Lines []string
}

func (p *sketched) add(answer model.Vector) {
	for _, s := range answer {
		p.Lines = append(p.Lines, said(model.Vector{s}))
	}
	slices.Sort(p.Lines)
}

// Column and Row are in a grid of the page, whose lines count from 1.
func (p sketched) Column() int { return p.GridPos.X + 1 }
func (p sketched) Row() int    { return p.GridPos.Y + 1 }

var sketchPage = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}}</title>
<style>
body { font: 13px sans-serif; margin: 12px; background: #f4f5f5 }
main { display: grid; grid-template-columns: repeat(24, 1fr); grid-auto-rows: 30px; gap: 8px }
section { background: #fff; border: 1px solid #ccc; border-radius: 2px; padding: 6px 8px; overflow: hidden }
h2 { font-size: 13px; margin: 0 0 4px } i { color: #666; font-weight: normal } p { margin: 0; white-space: nowrap }
@media (max-width: 760px) { main { display: block } section { margin-bottom: 8px } }
</style>
<h1>{{.Title}}</h1><p><i>Sketch of the panels and their data. It was not drawn by Grafana.</i></p>
<main>{{range .Panels}}{{if ne .Type "row"}}<section style="grid-column: {{.Column}} / span {{.GridPos.W}}; grid-row: {{.Row}} / span {{.GridPos.H}}">
<h2>{{.Title}} <i>{{.Type}}</i></h2>{{range .Lines}}<p>{{.}}</p>{{else}}<p><i>{{.Description}}</i></p>{{end}}</section>{{end}}{{end}}</main></html>`))

// draw makes the pictures where they are asked for, at the widths of a screen and
// of a phone.
func draw(t *testing.T, all []sketch) {
	t.Helper()
	if *sketches == "" {
		return
	}
	if err := os.MkdirAll(*sketches, 0o750); err != nil {
		t.Fatal(err)
	}
	browser := peer.Chromium(t)
	for _, s := range all {
		file := filepath.Join(t.TempDir(), s.UID+".html")
		out, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := sketchPage.Execute(out, s); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		for name, width := range map[string]int{"screen": 1280, "phone": 400} {
			page := browser.Page(width, 800, "light")
			page.Open("file://" + file)
			page.Screenshot(filepath.Join(*sketches, s.UID+"-"+name+".png"))
		}
	}
}
