package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// shownImports bounds the imports on the page of records, and shownChanges the
// lines on that of one import.
const (
	shownImports = 50
	shownChanges = 200
)

// recordsPage is what people keep and say of an organization, and what they
// imported.
type recordsPage struct {
	says

	Organization, ID, OrganizationURL string
	ImportURL                         string
	Imports                           []loggedRow
	MoreImports                       int // beyond those
	RMAs                              []store.LedgerEntry[contract.RMA]
	Orders                            []store.LedgerEntry[contract.Order]
	Rejections                        []reconcile.Rejection
	Declarations                      []declarationRow
	Retirements                       []store.Retirement
	Sites                             []reconcile.Site
	RetirementKinds                   []reconcile.RetirementKind
}

type loggedRow struct {
	store.LoggedImport

	When    moment
	Gone    moment // when it was undone
	URL     string
	CanUndo bool
}

type declarationRow struct {
	reconcile.Declaration

	Label string
	URL   string
}

var declarationWords = map[reconcile.DeclarationKind]string{
	reconcile.DeclaredElsewhere: "obtained elsewhere",
	reconcile.DeclaredSpare:     "a spare",
	reconcile.DeclaredReturned:  "returned to Cisco",
	reconcile.DeclaredRetired:   "retired",
	reconcile.DeclaredNotOurs:   "not ours",
}

func recordsURL(organization string) string {
	return "/records?" + url.Values{"organization": {organization}}.Encode()
}

func uploadURL(organization string) string {
	return "/import?" + url.Values{"organization": {organization}}.Encode()
}

// chosen is the one organization that a page of it is about.
func (s *server) chosen(r *http.Request) (scope, error) {
	sc, err := s.scope(r.Context(), filter{Organization: r.URL.Query().Get("organization")})
	if err == nil && sc.Chosen == nil && len(sc.All) > 0 {
		err = invalid("This page is of one organization: its address lacks it. Choose it on the overview.")
	}
	if err == nil && sc.Chosen == nil {
		err = notFound("There is no organization yet: make a token for its first agent.")
	}
	return sc, err
}

func (s *server) showRecords(r *http.Request) (any, error) {
	sc, err := s.scope(r.Context(), filter{Organization: r.URL.Query().Get("organization")})
	if err != nil {
		return nil, err
	}
	if sc.Chosen == nil {
		return choose(sc, recordsRoom, "Records"), nil
	}
	ctx, org := r.Context(), sc.id()
	p := recordsPage{says: s.says(org), Organization: sc.Chosen.Name, ID: org, OrganizationURL: filter{Organization: org}.url("/"), ImportURL: uploadURL(org), RetirementKinds: reconcile.RetirementKinds}
	logged, total, errImports := s.store.ImportLog(ctx, org, shownImports, 0)
	var errs [6]error
	p.RMAs, errs[0] = s.store.RMAs(ctx, org)
	p.Orders, errs[1] = s.store.Orders(ctx, org)
	p.Rejections, errs[2] = s.store.Rejections(ctx, org)
	p.Retirements, errs[3] = s.store.Retirements(ctx, org)
	p.Sites, errs[4] = s.store.Sites(ctx, org)
	declared, err := s.store.Declarations(ctx, org)
	errs[5] = err
	if err := errors.Join(append(errs[:], errImports)...); err != nil {
		return nil, fmt.Errorf("cannot read the records: %w", err)
	}
	for _, i := range logged {
		p.Imports = append(p.Imports, s.loggedRow(i))
	}
	p.MoreImports = total - len(logged)
	for _, d := range declared {
		p.Declarations = append(p.Declarations, declarationRow{d, declarationWords[d.Kind], unitURL(org, d.PID, d.Serial)})
	}
	return page{Template: "records.html", Title: "Records · Rollcall", Menu: sc.menu(recordsRoom), Data: p}, nil
}

func (s *server) loggedRow(i store.LoggedImport) loggedRow {
	now := s.now()
	return loggedRow{
		LoggedImport: i, When: newMoment(i.At, now), Gone: newMoment(i.Undone, now), CanUndo: i.Undone.IsZero() && i.Later == 0 && !i.Forgotten,
		URL: "/imports/" + strconv.FormatInt(i.ID, 10) + "?" + url.Values{"organization": {i.Organization}}.Encode(),
	}
}

// importPage is one import with what it changed.
type importPage struct {
	says

	loggedRow

	OrganizationName, OrganizationURL, RecordsURL string
	Changes                                       []changeRow
	More                                          bool
}

type changeRow struct{ Contract, Before, After string }

func (s *server) showImport(r *http.Request) (any, error) {
	sc, err := s.chosen(r)
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return nil, notFound("There is no import %.40q: imports have numbers.", r.PathValue("id"))
	}
	i, changes, err := s.store.ImportByID(r.Context(), sc.id(), id, shownChanges+1, 0)
	if err != nil {
		return nil, err
	}
	p := importPage{
		says:      s.says(sc.id()),
		loggedRow: s.loggedRow(i), OrganizationName: sc.Chosen.Name, OrganizationURL: filter{Organization: sc.id()}.url("/"), RecordsURL: recordsURL(sc.id()),
		More: len(changes) > shownChanges,
	}
	for _, c := range changes[:min(len(changes), shownChanges)] {
		before, after := differing(c.Before, c.After)
		p.Changes = append(p.Changes, changeRow{c.Contract, before, after})
	}
	return page{Template: "import.html", Title: "Import " + i.File + " · Rollcall", Menu: sc.menu(recordsRoom), Data: p}, nil
}

// apiRecords are what people keep and say, for programs.
type apiRecords struct {
	Imports      []apiImport             `json:"imports"`
	RMAs         []apiEntry              `json:"rmas"`
	Orders       []apiEntry              `json:"orders"`
	Rejections   []reconcile.Rejection   `json:"rejections"`
	Declarations []reconcile.Declaration `json:"declarations"`
	Retirements  []apiRetirement         `json:"retirements"`
	Sites        []reconcile.Site        `json:"sites"`
}

type apiImport struct {
	ID        int64    `json:"id"`
	Kind      string   `json:"kind"`
	File      string   `json:"file"`
	At        string   `json:"at"` // RFC 3339
	Contracts []string `json:"contracts"`
	Lines     int      `json:"lines"`
	Added     int      `json:"added"`
	Removed   int      `json:"removed"`
	Changed   int      `json:"changed"`
	Refused   int      `json:"refused"`
	Undone    bool     `json:"undone"`
	// UndoFirst is the import that has to be undone before this one; 0 for none.
	UndoFirst int64 `json:"undo_first"`
	Forgotten bool  `json:"forgotten"` // what it changed is not kept any more
}

type apiEntry struct {
	ID     int64  `json:"id"`
	Entry  any    `json:"entry"`
	File   string `json:"file"`
	Author string `json:"author"`
}

type apiRetirement struct {
	reconcile.Retirement

	Holds bool `json:"holds"` // false when something newer was seen since
}

func (s *server) apiRecords(r *http.Request) (any, error) {
	answer, err := s.showRecords(r)
	if err != nil {
		return nil, err
	}
	p := answer.(page).Data.(recordsPage) //nolint:forcetypeassert // it is what showRecords returns
	a := apiRecords{
		Imports: []apiImport{}, RMAs: []apiEntry{}, Orders: []apiEntry{}, Rejections: append([]reconcile.Rejection{}, p.Rejections...),
		Declarations: []reconcile.Declaration{}, Retirements: []apiRetirement{}, Sites: append([]reconcile.Site{}, p.Sites...),
	}
	for _, i := range p.Imports {
		a.Imports = append(a.Imports, apiImport{
			ID: i.ID, Kind: string(i.Kind), File: i.File, At: i.When.ISO, Contracts: append([]string{}, i.Contracts...), Lines: i.Lines,
			Added: i.Added, Removed: i.Removed, Changed: i.Changed, Refused: len(i.Refused), Undone: !i.Undone.IsZero(), UndoFirst: i.Later, Forgotten: i.Forgotten,
		})
	}
	for _, e := range p.RMAs {
		a.RMAs = append(a.RMAs, apiEntry{e.ID, e.Entry, e.File, e.Author})
	}
	for _, e := range p.Orders {
		a.Orders = append(a.Orders, apiEntry{e.ID, e.Entry, e.File, e.Author})
	}
	for _, d := range p.Declarations {
		a.Declarations = append(a.Declarations, d.Declaration)
	}
	for _, x := range p.Retirements {
		a.Retirements = append(a.Retirements, apiRetirement{x.Retirement, x.Holds})
	}
	return a, nil
}

// declarationOptions are the kinds to choose from, with their words.
func declarationOptions() []declarationRow {
	var all []declarationRow
	for _, k := range reconcile.DeclarationKinds {
		all = append(all, declarationRow{reconcile.Declaration{Kind: k}, declarationWords[k], ""})
	}
	return slices.Clip(all)
}
