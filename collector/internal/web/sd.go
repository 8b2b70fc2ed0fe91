package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// What agents found is a list for other tools too: Prometheus (this file),
// spreadsheets, Ansible and NetBox (nodelists.go).

// A listedNode is a node as other tools get it.
type listedNode struct {
	store.Organization
	reconcile.Node

	Units    []store.Unit // by slot
	Coverage reconcile.Coverage
}

// serial is the first unit's, "" for a node of which none is known.
func (n listedNode) serial() string {
	if len(n.Units) == 0 {
		return ""
	}
	return n.Units[0].Serial
}

// model is the product of the first unit, which is what a label says.
func (n listedNode) model() string {
	if len(n.Units) == 0 || n.Units[0].PID == "" {
		return n.Model
	}
	return n.Units[0].PID
}

// nodes returns those that the query picks: of an organization, a site, or with
// a coverage. An address at which nothing was ever found is none.
func (s *server) nodes(r *http.Request) ([]listedNode, error) {
	for name := range r.URL.Query() {
		if known := []string{"organization", "site", "coverage"}; !slices.Contains(known, name) {
			return nil, invalid("There is no parameter %.40q: there are %s.", name, join(known))
		}
	}
	f, err := newFilter(r)
	if err != nil {
		return nil, err
	}
	// A filter that was left empty must not give all.
	if q := r.URL.Query(); q.Has("organization") && f.Organization == "" {
		return nil, invalid("The value of organization is empty: name one by its ID, or leave it out for all.")
	}
	sc, err := s.scope(r.Context(), f)
	if err != nil {
		return nil, err
	}
	type place struct{ organization, site, address string }
	units := map[place][]store.Unit{}
	all, err := s.store.Units(r.Context(), sc.id())
	if err != nil {
		return nil, fmt.Errorf("cannot read units: %w", err)
	}
	for _, u := range all {
		p := place{u.Organization, u.Site, u.Address}
		units[p] = append(units[p], u)
	}
	var listed []listedNode
	for _, o := range sc.All {
		if sc.Chosen != nil && o.ID != sc.Chosen.ID {
			continue
		}
		nodes, err := s.store.Nodes(r.Context(), o.ID)
		if err != nil {
			return nil, fmt.Errorf("cannot read nodes: %w", err)
		}
		for _, n := range nodes {
			l := listedNode{Organization: o, Node: n, Units: units[place{o.ID, n.Site, n.Address}]}
			l.Coverage = worst(l.Units)
			found := n.Answered || n.Platform != "" || !n.LastGood.IsZero() || len(l.Units) > 0
			if found && (f.Site == "" || f.Site == n.Site) && (f.Coverage == "" || f.Coverage == l.Coverage) {
				listed = append(listed, l)
			}
		}
	}
	slices.SortFunc(listed, func(a, b listedNode) int {
		return cmp.Or(cmp.Compare(a.Organization.ID, b.Organization.ID), cmp.Compare(a.Site, b.Site), cmp.Compare(a.Node.Name, b.Node.Name), cmp.Compare(a.Address, b.Address))
	})
	return listed, nil
}

// worst is the coverage of the unit that needs people most, "" for no units.
func worst(units []store.Unit) reconcile.Coverage {
	for _, c := range reconcile.Coverages {
		if slices.ContainsFunc(units, func(u store.Unit) bool { return u.Coverage == c }) {
			return c
		}
	}
	return ""
}

// A targetGroup is one of Prometheus's HTTP service discovery.
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// sdNodes answers as Prometheus's http_sd_configs asks: a list, empty or not,
// with one group for each node. All labels are for relabelling; the target is
// the node's address, as snmp_exporter and blackbox_exporter take it.
func (s *server) sdNodes(r *http.Request) (any, error) {
	nodes, err := s.nodes(r)
	if err != nil {
		return nil, err
	}
	groups := make([]targetGroup, 0, len(nodes))
	for _, n := range nodes {
		labels := map[string]string{}
		for name, value := range map[string]string{
			"organization": n.Organization.ID, "organization_name": n.Organization.Name, "site": n.Site, "name": n.Node.Name,
			"platform": n.Platform, "model": n.model(), "serial": n.serial(), "software": n.Software,
			"coverage": string(n.Coverage), "answered": strconv.FormatBool(n.Answered),
		} {
			labels["__meta_rollcall_"+name] = value
		}
		groups = append(groups, targetGroup{Targets: []string{n.Address}, Labels: labels})
	}
	return groups, nil
}

// listFile is a list as a file of a type.
func listFile(contentType string, body []byte) asset {
	return asset{body: body, contentType: contentType, mark: "list"}
}

func listJSON(v any) (asset, error) {
	body, err := json.MarshalIndent(v, "", "  ")
	return listFile("application/json; charset=utf-8", append(body, '\n')), err
}
