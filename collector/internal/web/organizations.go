package web

import (
	"fmt"
	"net/http"
)

// organizationsPage lists all organizations, those that need someone first.
type organizationsPage struct {
	Filter filter
	Rows   []organizationRow
	Pager  pager
}

// choosePage stands for a room that is of one organization while none is
// chosen.
type choosePage struct {
	Room  string
	Total int // organizations that there are
}

func choose(sc scope, path, name string) page {
	return page{Template: "choose.html", Title: name + " · Rollcall", Menu: sc.menu(path), Data: choosePage{name, len(sc.All)}}
}

func (s *server) showOrganizations(r *http.Request) (any, error) {
	f, err := newFilter(r)
	if err != nil {
		return nil, err
	}
	sc, err := s.scope(r.Context(), filter{})
	if err != nil {
		return nil, err
	}
	counts, err := s.store.Summary(r.Context())
	if err != nil {
		return nil, fmt.Errorf("cannot count units: %w", err)
	}
	findings, err := s.findings(r.Context(), "", stateOpen)
	if err != nil {
		return nil, err
	}
	rows := keep(organizationRows(sc.All, counts, findings), func(o organizationRow) bool { return f.matches(o.Name, o.ID) })
	p := organizationsPage{Filter: f}
	p.Rows, p.Pager = cut(f, "/organizations", rows)
	return page{Template: "organizations.html", Title: "Organizations · Rollcall", Menu: sc.menu(""), Data: p}, nil
}
