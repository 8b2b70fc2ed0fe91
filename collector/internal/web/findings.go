package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"rollcall/collector/internal/document"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// findingsPage lists findings, open ones or all.
type findingsPage struct {
	Several  bool
	Filter   filter
	Kinds    []kindOption
	Sites    []string
	Findings []findingRow
	Pager    pager
	ClearURL string
}

type kindOption struct {
	Kind  reconcile.Kind
	Label string
}

func (s *server) showFindings(r *http.Request) (any, error) {
	f, err := newFilter(r)
	if err != nil {
		return nil, err
	}
	sc, err := s.scope(r.Context(), f)
	if err != nil {
		return nil, err
	}
	all, err := s.findings(r.Context(), sc.id(), f.State)
	if err != nil {
		return nil, err
	}
	p := findingsPage{Several: sc.several(), Filter: f, Kinds: kindsOf(all), ClearURL: filter{Organization: f.Organization}.url("/findings")}
	for _, x := range all {
		if x.Site != "" {
			p.Sites = append(p.Sites, x.Site)
		}
	}
	slices.Sort(p.Sites)
	p.Sites = slices.Compact(p.Sites)
	picked := keep(all, func(x store.Finding) bool { return f.finding(x, sc.Names) })
	sortFindings(picked)
	picked, p.Pager = cut(f, "/findings", picked)
	p.Findings = sc.findingRows(picked, s.now())
	return page{Template: "findings.html", Title: "What to do · Rollcall", Menu: sc.menu(findingsRoom), Data: p}, nil
}

// findings reads the open findings of an organization or of all, and with
// stateAll the resolved ones too.
func (s *server) findings(ctx context.Context, organization, state string) ([]store.Finding, error) {
	all, err := s.store.Findings(ctx, organization, true)
	if err != nil {
		return nil, fmt.Errorf("cannot read findings: %w", err)
	}
	if state == stateAll {
		resolved, err := s.store.Findings(ctx, organization, false)
		if err != nil {
			return nil, fmt.Errorf("cannot read resolved findings: %w", err)
		}
		all = append(all, resolved...)
	}
	return all, nil
}

// kindsOf returns the kinds that there are, by their words.
func kindsOf(findings []store.Finding) []kindOption {
	var kinds []kindOption
	seen := map[reconcile.Kind]bool{}
	for _, x := range findings {
		if !seen[x.Kind] {
			seen[x.Kind] = true
			kinds = append(kinds, kindOption{x.Kind, kindLabel(x.Kind)})
		}
	}
	slices.SortFunc(kinds, func(a, b kindOption) int { return cmp.Compare(a.Label, b.Label) })
	return kinds
}

// findingPage is all that is known of one finding.
type findingPage struct {
	findingRow
	says

	OrganizationURL string
	SiteURL         string
	UnitURL         string // "" when it is not about one unit
	Sheet           []sheetRow
	Missing         []string // labels of required fields that a person has to type
	SheetURL        string
	SheetFormats    []formatLink
	DocumentLabel   string // of another document that helps; "" for none
	DocumentURL     string
	Updated, Ended  moment
	Acked           moment
	AckNote         string
	Replaces        bool // it is about a replacement that a person can confirm
}

func (s *server) showFinding(r *http.Request) (any, error) {
	x, sc, err := s.finding(r)
	if err != nil {
		return nil, err
	}
	now := s.now()
	p := findingPage{
		says:            s.says(x.Organization),
		findingRow:      newFindingRow(x, sc.Names, now),
		OrganizationURL: filter{Organization: x.Organization}.url("/"),
		SiteURL:         filter{Organization: x.Organization, Site: x.Site}.url("/"),
		Sheet:           sheetRows(x.NextStep.Sheet),
		Missing:         x.NextStep.Sheet.Missing(),
		Updated:         newMoment(x.Updated, now),
		Ended:           newMoment(x.Resolved, now),
		Acked:           newMoment(x.Acknowledged, now),
		AckNote:         x.Note,
	}
	_, p.Replaces = x.Replacement()
	p.SheetURL = p.URL + "/sheet.txt"
	for _, f := range offered(document.Swap) {
		p.SheetFormats = append(p.SheetFormats, formatLink{formatLabels[f], p.URL + "/sheet." + f.Extension()})
	}
	if label, address, ok := findingDocument(x); ok && !p.Closed {
		p.DocumentLabel, p.DocumentURL = label, address
	}
	if x.Serial != "" {
		p.UnitURL = unitURL(x.Organization, x.PID, x.Serial)
	}
	return page{Template: "finding.html", Title: p.Label + " · Rollcall", Menu: sc.menu(findingsRoom), Data: p}, nil
}

// finding reads the one that the path names, and its organization.
func (s *server) finding(r *http.Request) (store.Finding, scope, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return store.Finding{}, scope{}, notFound("There is no finding %.40q: findings have numbers.", r.PathValue("id"))
	}
	x, err := s.store.Finding(r.Context(), id)
	if err != nil {
		return store.Finding{}, scope{}, fmt.Errorf("cannot read finding %d: %w", id, err)
	}
	sc, err := s.scope(r.Context(), filter{Organization: x.Organization})
	return x, sc, err
}
