package notify

import (
	"bytes"
	"cmp"
	_ "embed" // the templates
	"errors"
	"fmt"
	htmltemplate "html/template"
	"net/url"
	"slices"
	"strings"
	texttemplate "text/template"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/document"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/table"
)

// Limits on what one mail shows; the rest is counted, and on the pages.
const (
	maxItems   = 8 // of one sort
	maxRenewal = 8 // rows of one part of the renewal list
)

// A digest is a mail about one organization, in texts that are safe in one line.
type digest struct {
	Organization string
	Date         contract.Date
	Weekly       bool
	Headline     string
	Opened       []group // new since the mail before
	Settled      []group
	Open         []group // open since before; in the weekly mail
	Seen         int     // open ones that somebody has acknowledged
	RenewFirst   string  // which renewal comes first, "" where none does
	Renewal      []renewal
	Attached     string // name of the file with the whole renewal list, "" for none
	Basis        string // what it rests on
	URL          string // of the collector's page of the organization
	RenewalURL   string

	opened, settled, open int
	list                  []byte // the file
}

// A group is findings of one sort.
type group struct {
	Label  string
	Count  int
	Urgent bool
	Step   string // what to do about each
	Items  []item
	More   int // that are not shown
}

type item struct {
	Subject string
	Why     string
	URL     string
}

// A renewal is a part of the renewal list.
type renewal struct {
	Title string
	Rows  []renewalRow
	More  int
}

type renewalRow struct {
	What, Place string
	Ends        string // when, in words; "" for what has no line
}

// newDigest makes the mail from what is known of the organization now and what
// changed since the mail before.
func newDigest(in document.Input, d store.Digest, acknowledged map[int64]bool, base string) (digest, error) {
	m := digest{
		Organization: table.Text(d.Organization.Name), Date: in.Facts.Today(), Weekly: d.Weekly,
		URL: organizationURL(base, "/", d.Organization.ID), RenewalURL: organizationURL(base, "/documents/renewal.html", d.Organization.ID),
	}
	counts := map[reconcile.Coverage]int{}
	for _, u := range in.Units {
		counts[u.Coverage]++
	}
	m.Headline, _ = document.Headline(counts)
	opened, settled := lasting(d.Notices)
	told := map[string]bool{}
	var fresh, before []document.Finding
	for _, f := range opened {
		fresh = append(fresh, f)
		told[f.Key] = true
	}
	for _, f := range in.Findings {
		switch {
		case told[f.Key]:
		case acknowledged[f.Number]:
			m.Seen++
		default:
			before = append(before, f)
		}
	}
	m.opened, m.settled, m.open = len(fresh), len(settled), len(before)
	m.Opened, m.Settled = groups(fresh, base, false), groups(settled, "", true)
	ends := slices.ContainsFunc(fresh, func(f document.Finding) bool {
		return f.Kind == reconcile.CoverageExpiring || f.Kind == reconcile.CoverageExpired
	})
	if d.Weekly {
		m.Open = groups(before, base, false)
	}
	m.Basis = table.Text(strings.Join(in.Basis(), " "))
	if d.Weekly && !m.Well() || ends {
		return m, m.renew(in)
	}
	return m, nil
}

// lasting is what notices say when those that cancel each other are left out: a
// finding that came and went between two mails is nobody's concern.
func lasting(notices []store.Notice) (opened, settled []document.Finding) {
	type life struct{ first, last store.Notice }
	lives, keys := map[string]life{}, []string{}
	for _, n := range notices {
		l, known := lives[n.Finding.Key]
		if !known {
			l.first = n
			keys = append(keys, n.Finding.Key)
		}
		l.last = n
		lives[n.Finding.Key] = l
	}
	for _, key := range keys {
		l := lives[key]
		was, is := l.first.Change != store.FindingOpened, l.last.Change != store.FindingResolved
		f := document.Finding{Finding: l.last.Finding.Finding, Number: l.last.Finding.ID, Opened: contract.DateOf(l.last.Finding.Opened)}
		switch {
		case is && (!was || l.last.Change == store.FindingUpdated):
			opened = append(opened, f)
		case was && !is:
			settled = append(settled, f)
		}
	}
	return opened, settled
}

// groups puts findings of one sort together, the most severe first.
func groups(findings []document.Finding, base string, settled bool) []group {
	rank := func(s reconcile.Severity) int {
		return slices.Index([]reconcile.Severity{reconcile.Critical, reconcile.Warning, reconcile.Info}, s)
	}
	sorted := slices.SortedStableFunc(slices.Values(findings), func(a, b document.Finding) int {
		return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.NextStep.Title, b.NextStep.Title))
	})
	var all []group
	for _, f := range sorted {
		label, step := table.Text(document.KindLabel(f.Kind)), table.Text(f.NextStep.Title)
		if settled {
			step = ""
		}
		i := slices.IndexFunc(all, func(g group) bool { return g.Label == label && g.Step == step })
		if i < 0 {
			i = len(all)
			all = append(all, group{Label: label, Step: step, Urgent: f.Severity == reconcile.Critical && !settled})
		}
		g := &all[i]
		g.Count++
		if len(g.Items) == maxItems {
			g.More++
			continue
		}
		x := item{Subject: table.Text(f.Subject), URL: findingURL(base, f.Number)}
		if !settled && len(f.Evidence) > 0 {
			x.Why = table.Text(f.Evidence[0])
		}
		g.Items = append(g.Items, x)
	}
	return all
}

// renew shortens the renewal list for a mail, and keeps all of it as a file.
func (m *digest) renew(in document.Input) error {
	list, err := document.Make(in, document.Request{Kind: document.Renewal})
	if _, lacks := errors.AsType[*document.Incomplete](err); lacks { // lines of a contract whose number nobody has said
		list, err = document.Make(in, document.Request{Kind: document.Renewal, Fields: map[string]string{"contract": "without a number"}})
	}
	if _, nothing := errors.AsType[*document.Nothing](err); nothing {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot make the renewal list: %w", err)
	}
	var file bytes.Buffer
	if err := document.Write(&file, list, document.XLSX); err != nil {
		return err
	}
	m.RenewFirst = table.Text(in.RenewFirst())
	m.Attached, m.list = list.Name+"."+document.XLSX.Extension(), file.Bytes()
	for _, s := range list.Sections {
		if s.Table == nil || s.Title == "" {
			continue
		}
		at := map[string]int{}
		for i, c := range s.Table.Columns {
			at[c.Name] = i
		}
		if _, ok := at["serial"]; !ok { // the quantities are for the reseller
			continue
		}
		r := renewal{Title: s.Title}
		for _, row := range s.Table.Rows {
			if len(r.Rows) == maxRenewal {
				r.More++
				continue
			}
			x := renewalRow{What: strings.TrimSpace(row[at["pid"]] + " " + row[at["serial"]]), Place: row[at["place"]]}
			if end := row[at["line_end"]]; end != "" {
				x.Ends = "ends " + end
				if end < string(in.Facts.Today()) {
					x.Ends = "ended " + end
				}
			}
			r.Rows = append(r.Rows, x)
		}
		m.Renewal = append(m.Renewal, r)
	}
	return nil
}

// Well says that there is nothing to look at and nothing new.
func (m digest) Well() bool { return m.opened+m.settled+m.open+m.Seen == 0 }

// Subject tells the most that fits.
func (m digest) Subject() string {
	things := func(n int, adjective string) string {
		if n == 1 {
			return "1 " + adjective + "thing to look at"
		}
		return fmt.Sprintf("%d %sthings to look at", n, adjective)
	}
	var parts []string
	switch {
	case m.opened > 0:
		parts = append(parts, things(m.opened, "new "))
	case m.Weekly && m.open > 0:
		parts = append(parts, things(m.open, ""))
	case m.Weekly && m.Well():
		parts = append(parts, "all is well")
	case m.Weekly && m.settled == 0:
		parts = append(parts, "nothing new")
	}
	if m.settled > 0 {
		parts = append(parts, fmt.Sprintf("%d settled", m.settled))
	}
	return m.Organization + ": " + strings.Join(parts, ", ")
}

// organizationURL is a page of the collector about an organization.
func organizationURL(base, path, id string) string {
	if base == "" {
		return ""
	}
	return strings.TrimSuffix(base, "/") + path + "?" + url.Values{"organization": {id}}.Encode()
}

var (
	//go:embed digest.txt
	digestText string
	//go:embed digest.html
	digestHTML string

	textTemplate = texttemplate.Must(texttemplate.New("digest.txt").Parse(digestText))
	htmlTemplate = htmltemplate.Must(htmltemplate.New("digest.html").Parse(digestHTML))
)

// write makes the two bodies of the mail.
func (m digest) write() (text, html string, err error) {
	var a, b bytes.Buffer
	if err := errors.Join(textTemplate.Execute(&a, m), htmlTemplate.Execute(&b, m)); err != nil {
		return "", "", fmt.Errorf("cannot write the mail: %w", err)
	}
	return a.String(), b.String(), nil
}
