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
	return page{Template: "organizations.html", Title: "Organizations · Rollcall", Switcher: sc.switcher(), Data: p}, nil
}
