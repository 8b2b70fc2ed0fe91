package metrics

import (
	"cmp"
	"slices"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// Keys of aggregates, by cleaned labels. Counting by them, and not by what the
// store says, keeps series apart when two names differ only in what cleaning
// takes away: one series twice would fail the whole scrape.
type (
	unitKey struct {
		org, site string
		coverage  reconcile.Coverage
	}
	findingKey struct{ org, site, kind, severity string }
	agentKey   struct{ org, site, agent string }
	nodeKey    struct{ org, site, state string }
	importKey  struct{ org, contract string }
)

// States of a node in rollcall_nodes.
const (
	nodeComplete   = "complete"
	nodeIncomplete = "incomplete"
	nodeUnanswered = "unanswered"
)

type findingInfo struct {
	findingKey

	node, serial, pid, contract string
	id                          int64
}

// A sample is what one scrape shows.
type sample struct {
	maxInfos int
	units    map[unitKey]int
	findings map[findingKey]int
	infos    []findingInfo
	omitted  map[string]int
	agents   map[agentKey]time.Time
	nodes    map[nodeKey]int
	imports  map[importKey]time.Time
}

func newSample(maxInfos int) *sample {
	return &sample{
		maxInfos: maxInfos,
		units:    map[unitKey]int{},
		findings: map[findingKey]int{},
		omitted:  map[string]int{},
		agents:   map[agentKey]time.Time{},
		nodes:    map[nodeKey]int{},
		imports:  map[importKey]time.Time{},
	}
}

// addSite makes all states of a site present, so that a graph of a state shows
// 0 and not a gap.
func (s *sample) addSite(org, site string) {
	for _, c := range reconcile.Coverages {
		s.units[unitKey{org, site, c}] += 0
	}
	for _, state := range []string{nodeComplete, nodeIncomplete, nodeUnanswered} {
		s.nodes[nodeKey{org, site, state}] += 0
	}
}

// addOrganization makes the metrics present that count down to 0.
func (s *sample) addOrganization(o store.Organization) { s.omitted[clean(o.ID)] += 0 }

func (s *sample) addUnits(counts []store.Count) {
	for _, c := range counts {
		org, site := clean(c.Organization), clean(c.Site)
		s.addSite(org, site)
		s.units[unitKey{org, site, reconcile.Coverage(clean(string(c.Coverage)))}] += c.N
	}
}

func (s *sample) addNodes(organization string, nodes []reconcile.Node) {
	org := clean(organization)
	for _, n := range nodes {
		state := nodeIncomplete
		switch {
		case !n.Answered:
			state = nodeUnanswered
		case n.Complete:
			state = nodeComplete
		}
		site := clean(n.Site)
		s.addSite(org, site)
		s.nodes[nodeKey{org, site, state}]++
	}
}

// addAgents takes the agents that are in use. They go by name, and by their ID
// before it where two of a site have one name after cleaning.
func (s *sample) addAgents(agents []store.Agent) {
	byKey := map[agentKey][]store.Agent{}
	for _, a := range agents {
		if a.Disabled {
			continue
		}
		org, site := clean(a.Organization), clean(a.Site)
		s.addSite(org, site)
		k := agentKey{org, site, clean(a.Name)}
		byKey[k] = append(byKey[k], a)
	}
	for k, same := range byKey {
		for _, a := range same {
			key := k
			if len(same) > 1 {
				key.agent = clean(a.ID + " " + a.Name)
			}
			s.agents[key] = a.LastSeen
		}
	}
}

// addImports keeps the older of two contracts that have one number after
// cleaning.
func (s *sample) addImports(imports []store.Import) {
	for _, i := range imports {
		k := importKey{clean(i.Organization), clean(i.Contract)}
		if old, ok := s.imports[k]; !ok || i.At.Before(old) {
			s.imports[k] = i.At
		}
	}
}

// addFindings counts all findings and keeps the first maxInfos of each
// organization as infos: most severe first, then oldest, so that the same ones
// stay from scrape to scrape.
func (s *sample) addFindings(findings []store.Finding) {
	sorted := slices.Clone(findings)
	slices.SortFunc(sorted, func(a, b store.Finding) int {
		return cmp.Or(cmp.Compare(severityRank(a.Severity), severityRank(b.Severity)), cmp.Compare(a.ID, b.ID))
	})
	infos := map[string]int{}
	for _, f := range sorted {
		k := findingKey{clean(f.Organization), clean(f.Site), clean(string(f.Kind)), clean(string(f.Severity))}
		s.findings[k]++
		if infos[k.org] >= s.maxInfos {
			s.omitted[k.org]++
			continue
		}
		infos[k.org]++
		s.infos = append(s.infos, findingInfo{
			findingKey: k,
			node:       clean(f.Node), serial: clean(f.Serial), pid: clean(f.PID), contract: clean(f.Contract),
			id: f.ID,
		})
	}
}

func severityRank(s reconcile.Severity) int {
	switch s {
	case reconcile.Critical:
		return 0
	case reconcile.Warning:
		return 1
	}
	return 2
}

// timestamp is in seconds since 1970, as Prometheus has it; 0 for never.
func timestamp(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
