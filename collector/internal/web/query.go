package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// Limits on what a query may ask for.
const (
	maxQueryText = 200 // bytes of one value
	pageSize     = 100 // rows of a page's table
	maxPage      = 1_000_000

	defaultLimit = 100 // of the API
	maxLimit     = 1000
	maxOffset    = 1_000_000_000
)

// A filter is what the query of a page or API call picks.
type filter struct {
	Organization string // ID, "" for all
	Site         string
	Coverage     reconcile.Coverage
	Kind         reconcile.Kind
	Q            string // part of any text shown, in any case
	State        string // of findings: "open" or "all"
	Page         int    // from 1
}

// States of findings to ask for.
const (
	stateOpen = "open"
	stateAll  = "all"
)

func newFilter(r *http.Request) (filter, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return filter{}, badQuery()
	}
	for name, values := range q {
		for _, v := range values {
			if len(v) > maxQueryText {
				return filter{}, invalid("The value of %.40q is longer than %d bytes.", name, maxQueryText)
			}
		}
	}
	f := filter{
		Organization: q.Get("organization"),
		Site:         q.Get("site"),
		Coverage:     reconcile.Coverage(q.Get("coverage")),
		Kind:         reconcile.Kind(q.Get("kind")),
		Q:            strings.TrimSpace(q.Get("q")),
		State:        q.Get("state"),
	}
	if f.Coverage != "" && !slices.Contains(reconcile.Coverages, f.Coverage) {
		return filter{}, invalid("There is no coverage %q: it is one of %s.", f.Coverage, join(reconcile.Coverages))
	}
	if f.State == "" {
		f.State = stateOpen
	}
	if f.State != stateOpen && f.State != stateAll {
		return filter{}, invalid("There is no state %q: it is %s or %s.", f.State, stateOpen, stateAll)
	}
	f.Page, err = number(q, "page", 1, 1, maxPage)
	return f, err
}

func badQuery() error {
	return invalid("The query of this address cannot be read: write special characters as %%XX.")
}

func join[T ~string](values []T) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	return strings.Join(words, ", ")
}

// number reads a whole number of the query, within bounds.
func number(q url.Values, name string, unset, least, most int) (int, error) {
	text := q.Get(name)
	if text == "" {
		return unset, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, invalid("The value of %s is %q: it has to be a whole number from %d to %d.", name, text, least, most)
	}
	return n, nil
}

// url is the address of path with the filter as its query.
func (f filter) url(path string) string {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("organization", f.Organization)
	set("site", f.Site)
	set("coverage", string(f.Coverage))
	set("kind", string(f.Kind))
	set("q", f.Q)
	if f.State == stateAll {
		q.Set("state", stateAll)
	}
	if f.Page > 1 {
		q.Set("page", strconv.Itoa(f.Page))
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// place is the filter's organization and site only.
func (f filter) place() filter {
	return filter{Organization: f.Organization, Site: f.Site, State: stateOpen}
}

// nothing is the filter of the same organization that picks all.
func (f filter) nothing() filter {
	return filter{Organization: f.Organization, State: stateOpen, Page: 1}
}

func (f filter) withPage(n int) filter {
	f.Page = n
	return f
}

func (f filter) withCoverage(c reconcile.Coverage) filter {
	f.Coverage = c
	f.Page = 1
	return f
}

// unit says that the unit is picked; names are of organizations, by ID.
func (f filter) unit(u store.Unit, names map[string]string) bool {
	return (f.Site == "" || f.Site == u.Site) &&
		(f.Coverage == "" || f.Coverage == u.Coverage) &&
		f.matches(u.Serial, u.PID, u.Site, u.Node, u.Address, u.Slot, u.Description, u.Contract, names[u.Organization])
}

func (f filter) finding(x store.Finding, names map[string]string) bool {
	return (f.Site == "" || f.Site == x.Site) &&
		(f.Kind == "" || f.Kind == x.Kind) &&
		f.matches(x.Serial, x.PID, x.Site, x.Node, x.Subject, x.Contract, kindLabel(x.Kind), names[x.Organization])
}

func (f filter) matches(texts ...string) bool {
	if f.Q == "" {
		return true
	}
	part := strings.ToLower(f.Q)
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), part) })
}

// keep returns the values that hold, in their order.
func keep[T any](values []T, holds func(T) bool) []T {
	kept := make([]T, 0, len(values))
	for _, v := range values {
		if holds(v) {
			kept = append(kept, v)
		}
	}
	return kept
}

// A pager says which rows are shown, and leads to the others.
type pager struct {
	From, To, Total int
	Previous, Next  string // addresses; "" at either end
}

// cut returns the rows of the filter's page, and the pager below them.
func cut[T any](f filter, path string, rows []T) ([]T, pager) {
	from := min((f.Page-1)*pageSize, len(rows))
	to := min(from+pageSize, len(rows))
	p := pager{From: from + 1, To: to, Total: len(rows)}
	if from == to {
		p.From = 0
	}
	if f.Page > 1 {
		p.Previous = f.withPage(min(f.Page-1, max(1, (len(rows)+pageSize-1)/pageSize))).url(path)
	}
	if to < len(rows) {
		p.Next = f.withPage(f.Page + 1).url(path)
	}
	return rows[from:to], p
}
