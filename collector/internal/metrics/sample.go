package metrics

import (
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
)

// Keys of aggregates, by cleaned labels. Counting by them, and not by what the
// store says, keeps series apart when two names differ only in what cleaning
// takes away: one series twice would fail the whole scrape.
type (
	siteKey  struct{ org, site string }
	unitKey  struct{ org, site, class, coverage string }
	agentKey struct{ org, site, agent string }
	gapKey   struct {
		agentKey
		reason string
	}
	nodeKey struct{ org, site, state string }
	orgKey  struct{ org, state string } // something of an organization, by a state
	lineKey struct{ org, contract, state string }
	// contractKey is of what a contract has once.
	contractKey struct{ org, contract string }
)

// States of a node in rollcall_nodes.
const (
	nodeComplete   = "complete"
	nodeIncomplete = "incomplete"
	nodeUnanswered = "unanswered"
)

// A sample is what one scrape shows, but for findings.
type sample struct {
	names      map[string]string // of organizations
	reconciled map[string]time.Time
	units      map[unitKey]int
	classes    map[siteKey]map[string]bool
	agents     map[agentKey]store.Agent
	waiting    map[agentKey]int
	refused    map[agentKey]int
	gaps       map[gapKey]int
	nodes      map[nodeKey]int
	imports    map[contractKey]time.Time
	lines      map[lineKey]int
	covered    map[lineKey]int // units by contract and coverage
	window     map[contractKey]time.Duration
	nextEnd    map[contractKey]time.Time
	lastEnd    map[contractKey]time.Time
	omitted    map[string]int // contracts
	donated    map[orgKey]int
	termShort  map[string]int

	maxContracts int
	contracts    map[string]map[string]bool // that have series, by organization
}

func newSample(maxContracts int) *sample {
	return &sample{
		names: map[string]string{}, reconciled: map[string]time.Time{},
		units: map[unitKey]int{}, classes: map[siteKey]map[string]bool{}, agents: map[agentKey]store.Agent{}, nodes: map[nodeKey]int{},
		imports: map[contractKey]time.Time{}, lines: map[lineKey]int{}, covered: map[lineKey]int{},
		window: map[contractKey]time.Duration{}, nextEnd: map[contractKey]time.Time{}, lastEnd: map[contractKey]time.Time{},
		waiting: map[agentKey]int{}, refused: map[agentKey]int{}, gaps: map[gapKey]int{},
		omitted: map[string]int{}, donated: map[orgKey]int{}, termShort: map[string]int{},
		maxContracts: maxContracts, contracts: map[string]map[string]bool{},
	}
}

// addSite makes all states of a site present, so that a graph of a state shows
// 0 and not a gap.
func (s *sample) addSite(org, site string) {
	if k := (siteKey{org, site}); s.classes[k] == nil {
		s.classes[k] = map[string]bool{}
		s.addClass(k, string(inventory.ClassChassis)) // a site without units has no other
		for _, state := range []string{nodeComplete, nodeIncomplete, nodeUnanswered} {
			s.nodes[nodeKey{org, site, state}] += 0
		}
	}
}

func (s *sample) addClass(k siteKey, class string) {
	if !s.classes[k][class] {
		s.classes[k][class] = true
		for _, c := range reconcile.Coverages {
			s.units[unitKey{k.org, k.site, class, string(c)}] += 0
		}
	}
}

// addRun makes the metrics present that each organization has.
func (s *sample) addRun(r store.Run) {
	org := clean(r.ID)
	s.names[org], s.reconciled[org] = clean(r.Name), r.At
	s.omitted[org] += 0
}

func (s *sample) addUnits(counts []store.Count) {
	for _, c := range counts {
		org, site, class := clean(c.Organization), clean(c.Site), clean(string(c.Class))
		s.addSite(org, site)
		s.addClass(siteKey{org, site}, class)
		s.units[unitKey{org, site, class, clean(string(c.Coverage))}] += c.N
	}
}

func (s *sample) addNodes(counts []store.NodeCount) {
	for _, c := range counts {
		state := nodeIncomplete
		switch {
		case !c.Answered:
			state = nodeUnanswered
		case c.Complete:
			state = nodeComplete
		}
		org, site := clean(c.Organization), clean(c.Site)
		s.addSite(org, site)
		s.nodes[nodeKey{org, site, state}] += c.N
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
			a.Version = clean(a.Version)
			s.agents[key] = a
		}
	}
}

// addSpools takes how the spools of the agents in use stood and what is missing
// of these.
func (s *sample) addSpools(spools []store.AgentSpool, gaps []store.Gap) {
	keys := make(map[string]agentKey, len(s.agents))
	for k, a := range s.agents {
		keys[a.ID] = k
	}
	for _, x := range spools {
		if k, used := keys[x.Agent]; used {
			s.waiting[k], s.refused[k] = int(x.Waiting), int(x.Quarantined)
		}
	}
	for _, g := range gaps {
		if k, used := keys[g.Agent]; used {
			s.gaps[gapKey{k, g.Reason}] = int(g.Missing)
		}
	}
}

// hasSeries bounds the contracts of an organization, for their numbers come
// from files; those that come first, by number, are kept.
func (s *sample) hasSeries(k contractKey) bool {
	kept := s.contracts[k.org]
	if kept == nil {
		kept = map[string]bool{}
		s.contracts[k.org] = kept
	}
	has, known := kept[k.contract]
	if !known {
		has = len(kept) < s.maxContracts
		kept[k.contract] = has
		if !has {
			s.omitted[k.org]++
		}
	}
	return has
}

// addFigures keeps the older data and the earlier end of two contracts that have
// one number after cleaning.
func (s *sample) addFigures(figures []store.Figures) {
	for _, f := range figures {
		org := clean(f.Organization)
		s.termShort[org] += f.TermShort
		for state, n := range f.Donated {
			s.donated[orgKey{org, clean(string(state))}] += n
		}
		for _, c := range f.Contracts {
			k := contractKey{org, clean(c.Contract)}
			if !s.hasSeries(k) {
				continue
			}
			if old := s.imports[k]; !c.Imported.IsZero() && (old.IsZero() || c.Imported.Before(old)) {
				s.imports[k] = c.Imported
			}
			for state, n := range c.Lines {
				s.lines[lineKey{org, k.contract, clean(string(state))}] += n
			}
			for coverage, n := range c.Units {
				s.covered[lineKey{org, k.contract, clean(string(coverage))}] += n
			}
			if w, ok := s.window[k]; c.Window > 0 && (!ok || days(c.Window) < w) {
				s.window[k] = days(c.Window)
			}
			if t := endOf(c.NextEnd); !t.IsZero() && (s.nextEnd[k].IsZero() || t.Before(s.nextEnd[k])) {
				s.nextEnd[k] = t
			}
			if t := endOf(c.LastEnd); t.After(s.lastEnd[k]) {
				s.lastEnd[k] = t
			}
		}
	}
}
