package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/wire"
)

// Bodies of the API. Names are those of `reconcile --format json` and never
// change; more may be added.
type (
	apiPage struct {
		Total  int `json:"total"` // rows that the filter picks, of which these are some
		Limit  int `json:"limit"`
		Offset int `json:"offset"`
	}
	apiOrganizationList struct {
		Organizations []apiOrganization `json:"organizations"`
		apiPage
	}
	apiUnitList struct {
		Units []apiUnit `json:"units"`
		apiPage
	}
	apiFindingList struct {
		Findings []apiFindingBody `json:"findings"`
		apiPage
	}
	apiOrganization struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	apiUnit struct {
		Organization string `json:"organization"` // ID
		reconcile.Unit
	}
	apiFindingBody struct {
		ID           int64  `json:"id"`
		Organization string `json:"organization"` // ID
		reconcile.Finding
		Opened   time.Time  `json:"opened"`
		Updated  time.Time  `json:"updated"`
		Resolved *time.Time `json:"resolved"` // null while open
		// Acknowledged is null while nobody has said "seen".
		Acknowledged   *time.Time `json:"acknowledged"`
		AcknowledgedBy string     `json:"acknowledged_by"`
	}
	// apiError is a wire.Fault that also names its kind.
	apiError struct {
		wire.Fault
		Kind string `json:"kind"`
	}
)

func newAPIFinding(x store.Finding) apiFindingBody {
	// Lists and forms are never null: programs loop over them.
	if x.Evidence == nil {
		x.Evidence = []string{}
	}
	if x.NextStep.Steps == nil {
		x.NextStep.Steps = []string{}
	}
	if x.NextStep.Sheet == nil {
		x.NextStep.Sheet = reconcile.Sheet{}
	}
	return apiFindingBody{
		ID: x.ID, Organization: x.Organization, Finding: x.Finding, Opened: x.Opened, Updated: x.Updated,
		Resolved: timeOrNull(x.Resolved), Acknowledged: timeOrNull(x.Acknowledged), AcknowledgedBy: x.AcknowledgedBy,
	}
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// cutList makes bodies of the rows that limit and offset of the query pick.
func cutList[T, B any](r *http.Request, rows []T, body func(T) B) ([]B, apiPage, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, apiPage{}, badQuery()
	}
	limit, err := number(q, "limit", defaultLimit, 1, maxLimit)
	if err != nil {
		return nil, apiPage{}, err
	}
	offset, err := number(q, "offset", 0, 0, maxOffset)
	if err != nil {
		return nil, apiPage{}, err
	}
	from := min(offset, len(rows))
	to := min(from+limit, len(rows))
	bodies := make([]B, 0, to-from)
	for _, row := range rows[from:to] {
		bodies = append(bodies, body(row))
	}
	return bodies, apiPage{Total: len(rows), Limit: limit, Offset: offset}, nil
}

func (s *server) apiOrganizations(r *http.Request) (any, error) {
	orgs, err := s.store.Organizations(r.Context())
	if err != nil {
		return nil, fmt.Errorf("cannot list organizations: %w", err)
	}
	rows, cut, err := cutList(r, orgs, func(o store.Organization) apiOrganization { return apiOrganization(o) })
	return apiOrganizationList{rows, cut}, err
}

func (s *server) apiUnits(r *http.Request) (any, error) {
	f, sc, err := s.apiScope(r)
	if err != nil {
		return nil, err
	}
	units, err := s.store.Units(r.Context(), sc.id())
	if err != nil {
		return nil, fmt.Errorf("cannot read units: %w", err)
	}
	picked := keep(units, func(u store.Unit) bool { return f.unit(u, sc.Names) })
	sortUnits(picked, sc.Names)
	rows, cut, err := cutList(r, picked, func(u store.Unit) apiUnit { return apiUnit{u.Organization, u.Unit} })
	return apiUnitList{rows, cut}, err
}

func (s *server) apiFindings(r *http.Request) (any, error) {
	f, sc, err := s.apiScope(r)
	if err != nil {
		return nil, err
	}
	findings, err := s.findings(r.Context(), sc.id(), f.State)
	if err != nil {
		return nil, err
	}
	picked := keep(findings, func(x store.Finding) bool { return f.finding(x, sc.Names) })
	sortFindings(picked)
	rows, cut, err := cutList(r, picked, newAPIFinding)
	return apiFindingList{rows, cut}, err
}

func (s *server) apiFinding(r *http.Request) (any, error) {
	x, _, err := s.finding(r)
	if err != nil {
		return nil, err
	}
	return newAPIFinding(x), nil
}

// apiScope reads the query of a list, in which an unknown parameter is an
// error: a misspelt filter would give all rows.
func (s *server) apiScope(r *http.Request) (filter, scope, error) {
	known := []string{"organization", "site", "coverage", "kind", "state", "q", "limit", "offset"}
	for name := range r.URL.Query() {
		if !slices.Contains(known, name) {
			return filter{}, scope{}, invalid("There is no parameter %.40q: there are %s.", name, join(known))
		}
	}
	f, err := newFilter(r)
	if err != nil {
		return filter{}, scope{}, err
	}
	sc, err := s.scope(r.Context(), f)
	return f, sc, err
}
