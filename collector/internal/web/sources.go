package web

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

const (
	// maxListedOrgs is up to how many organizations their sources and units are
	// listed together; beyond, one has to be chosen.
	maxListedOrgs = 40
	// maxSourceRows bounds each list of sources; the oldest are shown.
	maxSourceRows = 12
)

// sources are what the verdicts rest on, with their age, oldest first.
type sources struct {
	TooMany                          bool // organizations: none were read
	Imports                          []importRow
	Agents                           []agentRow
	MoreImports, MoreAgents          int
	Complete, Incomplete, Unanswered int // nodes by their last poll
	OldestImport, OldestAgent        moment
}

type importRow struct {
	Organization string // its name
	Contract     string
	File         string
	At           moment
	at           time.Time
}

type agentRow struct {
	Organization string // its name
	Site         string
	Name         string
	Seen         moment
	Notes        []string // what is wrong with what it brings, a sentence each
	seen         time.Time
}

func (s *server) sources(ctx context.Context, sc scope) (sources, error) {
	orgs := sc.All
	if sc.Chosen != nil {
		orgs = []store.Organization{*sc.Chosen}
	}
	var src sources
	if len(orgs) > maxListedOrgs {
		src.TooMany = true
		return src, nil
	}
	now := s.now()
	for _, o := range orgs {
		imports, err := s.store.Imports(ctx, o.ID)
		if err != nil {
			return sources{}, fmt.Errorf("cannot read imports of %q: %w", o.ID, err)
		}
		for _, i := range imports {
			src.Imports = append(src.Imports, importRow{o.Name, i.Contract, i.File, newMoment(i.At, now), i.At})
		}
		agents, err := s.store.Agents(ctx, o.ID)
		if err != nil {
			return sources{}, fmt.Errorf("cannot read agents of %q: %w", o.ID, err)
		}
		gaps, err := s.store.Gaps(ctx, o.ID, now.Add(-store.GapsShown))
		if err != nil {
			return sources{}, fmt.Errorf("cannot read gaps of %q: %w", o.ID, err)
		}
		for _, a := range agents {
			src.Agents = append(src.Agents, agentRow{o.Name, a.Site, cmp.Or(a.Name, a.ID), newMoment(a.LastSeen, now), agentNotes(a, gaps), a.LastSeen})
		}
		nodes, err := s.store.Nodes(ctx, o.ID)
		if err != nil {
			return sources{}, fmt.Errorf("cannot read nodes of %q: %w", o.ID, err)
		}
		src.countNodes(nodes)
	}
	src.trim()
	return src, nil
}

func (src *sources) countNodes(nodes []reconcile.Node) {
	for _, n := range nodes {
		switch {
		case !n.Answered:
			src.Unanswered++
		case n.Complete:
			src.Complete++
		default:
			src.Incomplete++
		}
	}
}

// Nodes is the number of devices that were ever asked.
func (src sources) Nodes() int { return src.Complete + src.Incomplete + src.Unanswered }

// trim sorts the lists by age and bounds them.
func (src *sources) trim() {
	slices.SortStableFunc(src.Imports, func(a, b importRow) int { return a.at.Compare(b.at) })
	slices.SortStableFunc(src.Agents, func(a, b agentRow) int { return a.seen.Compare(b.seen) })
	if len(src.Imports) > 0 {
		src.OldestImport = src.Imports[0].At
	}
	if len(src.Agents) > 0 {
		src.OldestAgent = src.Agents[0].Seen
	}
	src.MoreImports = max(0, len(src.Imports)-maxSourceRows)
	src.Imports = src.Imports[:len(src.Imports)-src.MoreImports]
	src.MoreAgents = max(0, len(src.Agents)-maxSourceRows)
	src.Agents = src.Agents[:len(src.Agents)-src.MoreAgents]
}

// agentNotes say what is wrong with what an agent brings.
func agentNotes(a reconcile.Agent, gaps []store.Gap) []string {
	var notes []string
	if a.RunsTwice {
		notes = append(notes, "Two programs report as this agent: its machine was copied, or an old copy of it runs again. Switch one off, or make it an agent of its own with a new join token.")
	}
	if a.Refused > 0 {
		notes = append(notes, fmt.Sprintf("%s set aside there, because the collector refused the last: %s.", are(a.Refused, "report"), strings.TrimSuffix(a.Refusal, ".")))
	}
	for _, g := range gaps {
		if g.Agent == a.ID {
			notes = append(notes, gapWords(g))
		}
	}
	return notes
}

// gapWords say what is missing, and that the next polls bring what counts.
func gapWords(g store.Gap) string {
	day := g.Noted.Format(time.DateOnly)
	switch g.Reason {
	case store.GapCorrupt:
		return fmt.Sprintf("Its spool was corrupt and was set aside (noted on %s): what it had not sent yet is not here. The next polls replaced it.", day)
	case store.GapRestore:
		return fmt.Sprintf("The collector's database went back, as by a restore: up to %s missing here (noted on %s). The agent sent again what it keeps.", are(g.Missing, "report"), day)
	case store.GapUnsaved:
		return fmt.Sprintf("%s missing here, for the disk of the agent took none (noted on %s).", are(g.Missing, "report"), day)
	}
	return fmt.Sprintf("%s missing here, for the agent had no room for old ones (noted on %s). It kept the newest of each device.", are(g.Missing, "report"), day)
}

func are(n int64, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return fmt.Sprintf("%d %ss are", n, what)
}
