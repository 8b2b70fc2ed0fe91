package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"rollcall/collector/internal/document"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// How much of each list the first page shows.
const (
	dashboardFindings      = 12
	dashboardOrganizations = 10
)

// A dashboard is the first page: how things stand, what to do, and all units.
type dashboard struct {
	Several       bool   // organizations are named in rows
	Name          string // of the chosen organization
	Filter        filter
	AllUnits      int
	Headline      headline
	Tiles         []tile
	Organizations []organizationRow // where none is chosen: the ones that need someone first
	TotalOrgs     int
	Findings      []findingRow
	MoreFindings  int
	FindingsURL   string
	ResolvedURL   string // of resolved findings too
	NoUnits       bool   // units are not listed: too many organizations
	Units         []unitRow
	Pager         pager
	ClearURL      string
	DocumentsURL  string
	Downloads     []formatLink // of the list of units
	Sites         []string
	Sources       sources
	Start         *firstSteps // nil when nothing is missing
	Unheard       []unheard
}

// A tile counts the units of one state and filters by it.
type tile struct {
	State    word
	Count    int
	Selected bool
	URL      string
}

func (s *server) showDashboard(r *http.Request) (any, error) {
	f, err := newFilter(r)
	if err != nil {
		return nil, err
	}
	sc, err := s.scope(r.Context(), f)
	if err != nil {
		return nil, err
	}
	in, err := s.dashboardInput(r.Context(), f, sc)
	if err != nil {
		return nil, err
	}
	d := newDashboard(f, sc, in, s.now())
	d.Start = newFirstSteps(sc, d.AllUnits, in.sources)
	if d.Start != nil && d.Start.NoContract && d.AllUnits > 0 {
		d.Headline = headline{
			Text: fmt.Sprintf("%s seen; no contract was imported yet, so nothing can be checked.", count(d.AllUnits, "unit")),
			Tone: toneOpen, Icon: "question",
		}
	}
	if d.Unheard, err = s.unheard(r.Context()); err != nil {
		return nil, err
	}
	title := "Rollcall"
	if sc.Chosen != nil {
		title = sc.Chosen.Name + " · Rollcall"
	}
	return page{Template: "dashboard.html", Title: title, Menu: sc.menu(overviewRoom), Data: d}, nil
}

// A dashboardInput is what the store says for the first page.
type dashboardInput struct {
	counts   []store.Count
	units    []store.Unit
	noUnits  bool // units were not read
	findings []store.Finding
	sources  sources
}

// dashboardInput reads the units only where they are asked for: not for the
// overview of many organizations, whose counts come from the store's summary.
func (s *server) dashboardInput(ctx context.Context, f filter, sc scope) (in dashboardInput, err error) {
	in.noUnits = sc.several() && len(sc.All) > maxListedOrgs && f == f.nothing()
	if !in.noUnits {
		if in.units, err = s.store.Units(ctx, sc.id()); err != nil {
			return in, fmt.Errorf("cannot read units: %w", err)
		}
	}
	if sc.Chosen != nil {
		in.counts = countUnits(in.units)
	} else if in.counts, err = s.store.Summary(ctx); err != nil {
		return in, fmt.Errorf("cannot count units: %w", err)
	}
	if in.findings, err = s.findings(ctx, sc.id(), stateOpen); err != nil {
		return in, err
	}
	in.sources, err = s.sources(ctx, sc)
	return in, err
}

func newDashboard(f filter, sc scope, in dashboardInput, now time.Time) dashboard {
	d := dashboard{
		Several: sc.several(), Filter: f, NoUnits: in.noUnits, TotalOrgs: len(sc.All), Sites: sitesOf(in.counts),
		ClearURL: filter{Organization: f.Organization}.url("/"), Sources: in.sources,
	}
	if sc.Chosen != nil {
		d.Name = sc.Chosen.Name
		d.DocumentsURL = "/documents?" + url.Values{"organization": {sc.id()}}.Encode()
		for _, f := range offered(document.Units) {
			d.Downloads = append(d.Downloads, formatLink{formatLabels[f], documentURL(sc.id(), document.Units, "", "", f)})
		}
	}
	if d.Several {
		d.Organizations = organizationRows(sc.All, in.counts, in.findings)
		d.Organizations = d.Organizations[:min(len(d.Organizations), dashboardOrganizations)]
	}
	_, d.AllUnits = byCoverage(in.counts, "")
	counts, total := byCoverage(in.counts, f.Site)
	d.Headline = newHeadline(counts)
	d.Tiles = newTiles(f, counts, total)

	here := f.place()
	open := keep(in.findings, func(x store.Finding) bool { return here.finding(x, sc.Names) })
	sortFindings(open)
	shown := open[:min(len(open), dashboardFindings)]
	d.Findings = sc.findingRows(shown, now)
	d.MoreFindings = len(open) - len(shown)
	d.FindingsURL = here.url("/findings")
	here.State = stateAll
	d.ResolvedURL = here.url("/findings")

	picked := keep(in.units, func(u store.Unit) bool { return f.unit(u, sc.Names) })
	sortUnits(picked, sc.Names)
	picked, d.Pager = cut(f, "/", picked)
	d.Units = sc.unitRows(picked, now)
	return d
}

// newTiles has one tile for all units and one for each state that has any.
func newTiles(f filter, counts map[reconcile.Coverage]int, total int) []tile {
	tiles := []tile{{State: word{"All units", toneNone, "all"}, Count: total, Selected: f.Coverage == "", URL: f.withCoverage("").url("/")}}
	for _, c := range reconcile.Coverages {
		if n := counts[c]; n > 0 || f.Coverage == c {
			tiles = append(tiles, tile{State: coverageWord(c), Count: n, Selected: f.Coverage == c, URL: f.withCoverage(c).url("/")})
		}
	}
	return tiles
}

// maxSites bounds the drop-down list of sites; more are found by search.
const maxSites = 500

func sitesOf(counts []store.Count) []string {
	var sites []string
	seen := map[string]bool{}
	for _, c := range counts {
		if !seen[c.Site] {
			seen[c.Site] = true
			sites = append(sites, c.Site)
		}
	}
	slices.Sort(sites)
	return sites[:min(len(sites), maxSites)]
}

// An organizationRow is one organization at a glance.
type organizationRow struct {
	store.Organization

	URL               string
	Units             int
	Bad, Soon, Open   int // units by tone of their state
	Good, None        int
	Critical, Warning int // open findings
	Worst             word
}

// organizationRows has a row for each organization, those that need someone
// first.
func organizationRows(orgs []store.Organization, counts []store.Count, findings []store.Finding) []organizationRow {
	rows := make([]organizationRow, len(orgs))
	index := make(map[string]int, len(orgs))
	for i, o := range orgs {
		rows[i] = organizationRow{Organization: o, URL: filter{Organization: o.ID}.url("/")}
		index[o.ID] = i
	}
	for _, c := range counts {
		if i, ok := index[c.Organization]; ok {
			rows[i].count(coverageWord(c.Coverage).Tone, c.N)
		}
	}
	for _, x := range findings {
		i, ok := index[x.Organization]
		switch {
		case !ok:
		case x.Severity == reconcile.Critical:
			rows[i].Critical++
		case x.Severity == reconcile.Warning:
			rows[i].Warning++
		}
	}
	for i := range rows {
		rows[i].Worst = rows[i].worst()
	}
	slices.SortStableFunc(rows, func(a, b organizationRow) int {
		return cmp.Or(cmp.Compare(b.Critical, a.Critical), cmp.Compare(b.Bad, a.Bad), cmp.Compare(b.Warning, a.Warning),
			cmp.Compare(b.Soon, a.Soon), cmp.Compare(b.Open, a.Open), cmp.Compare(a.Name, b.Name))
	})
	return rows
}

func (o *organizationRow) count(t tone, n int) {
	o.Units += n
	switch t {
	case toneBad:
		o.Bad += n
	case toneSoon:
		o.Soon += n
	case toneOpen:
		o.Open += n
	case toneGood:
		o.Good += n
	case toneNone:
		o.None += n
	}
}

// SoonOrOpen is the number of units that will be without support, or may be.
func (o organizationRow) SoonOrOpen() int { return o.Soon + o.Open }

func (o organizationRow) worst() word {
	switch {
	case o.Bad > 0 || o.Critical > 0:
		return word{"Needs someone", toneBad, "stop"}
	case o.Warning > 0 || o.Soon > 0:
		return word{"Something to do", toneSoon, "warning"}
	case o.Open > 0:
		return word{"Not verified", toneOpen, "question"}
	case o.Units == 0:
		return word{"Nothing seen yet", toneOpen, "dots"}
	}
	return word{"In order", toneGood, "check"}
}
