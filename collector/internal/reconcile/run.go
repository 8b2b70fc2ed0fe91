package reconcile

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// A run holds the facts in the order and by the keys that rules need. Rules
// read it and add findings; they change no fact.
type run struct {
	Facts
	today contract.Date

	agents  map[string]Agent
	nodes   map[string]Node
	imports map[string]Import
	stale   []Import // contracts whose data is too old for a verdict

	sightings []*Sighting       // sorted
	families  map[string]string // by PID: inventory.PIDFamily

	lines     []*line            // that can stand for a unit
	onLine    map[string][]*line // by serial
	unseen    map[string][]*line // active, and their serial is nowhere: by PID family
	seen      map[string][]*Sighting
	atNode    map[string][]*Sighting
	inSlot    map[[2]string][]*Sighting  // units, by node and slot
	dropped   map[string][]contract.Line // by serial: of Dropped
	refused   map[string]bool            // serials of rows that could not be used
	declared  map[string][]Declaration   // by serial, the newest first
	rejected  map[[2]string]bool         // pairs of serials, the old one first
	retired   Standing
	partsGone map[*Sighting]Retirement // what was at a retired node, and went with it
	// denied are the answers that know a serial and no contract of it.
	denied map[string]*contract.Lookup
	// supportEnds is the last date of support by PID family.
	supportEnds map[string]contract.Date
	// What several findings need is worked out once.
	serialsAt   map[string][]string // of the units at a node
	unseenWords map[string]string   // see unseenOf

	units        []*unit
	parts        []*unit // no units, but with lines of their own
	bySerial     map[string][]*unit
	replacements []*replacement
	records      map[string]*contract.RMA // by the serial that went: those that say what came
	replacedBy   map[string]*replacement  // by the serial that went
	replaces     map[*unit]*replacement   // by the unit that came
	activations  map[*unit]contract.Order

	findings []Finding
	unproven []string
}

// Reconcile holds what was seen against what is under contract. It is pure: the
// order of the facts does not matter, and nothing is read but them.
func Reconcile(f Facts) Result {
	r := newRun(f)
	for _, u := range r.units {
		u.verdict = r.judge(u)
	}
	for _, rule := range findingRules() {
		rule(r)
	}
	return r.result()
}

func newRun(f Facts) *run {
	r := &run{
		Facts: f, today: f.Today(), families: map[string]string{}, agents: map[string]Agent{}, nodes: map[string]Node{}, imports: map[string]Import{},
		serialsAt: map[string][]string{}, unseenWords: map[string]string{},
		onLine: map[string][]*line{}, seen: map[string][]*Sighting{}, atNode: map[string][]*Sighting{}, inSlot: map[[2]string][]*Sighting{}, bySerial: map[string][]*unit{},
		dropped: map[string][]contract.Line{}, records: map[string]*contract.RMA{}, replacedBy: map[string]*replacement{}, replaces: map[*unit]*replacement{}, activations: map[*unit]contract.Order{},
	}
	r.Settings = withDefaults(f.Settings)
	r.sortFacts()
	for _, a := range r.Agents {
		r.agents[a.ID] = a
	}
	for _, n := range r.Nodes {
		r.nodes[n.ID] = n
	}
	r.retire()
	for _, i := range r.Imports {
		r.imports[i.Contract] = i // the newest comes last
	}
	for _, i := range r.Imports {
		if i == r.imports[i.Contract] && r.isStale(i.Contract) {
			r.stale = append(r.stale, i)
		}
	}
	r.indexSightings()
	r.indexLines()
	r.indexLookups()
	r.indexSupport()
	r.indexRefused()
	r.indexDeclarations()
	r.indexRejections()
	r.indexUnseen()
	r.makeUnits()
	r.makeParts()
	r.findReplacements()
	r.findActivations()
	return r
}

// withDefaults fills settings that are not set.
func withDefaults(s Settings) Settings {
	d := DefaultSettings()
	windows := slices.DeleteFunc(slices.Clone(s.ExpiringDays), func(n int) bool { return n < 0 })
	slices.Sort(windows)
	if len(windows) == 0 {
		windows = slices.Sorted(slices.Values(d.ExpiringDays))
	}
	return Settings{
		ExpiringDays:       slices.Compact(windows),
		StaleDays:          cmp.Or(max(s.StaleDays, 0), d.StaleDays),
		LineNotSeenDays:    cmp.Or(max(s.LineNotSeenDays, 0), d.LineNotSeenDays),
		ReplacementWindow:  cmp.Or(max(s.ReplacementWindow, 0), d.ReplacementWindow),
		AgentSilentAfter:   cmp.Or(max(s.AgentSilentAfter, 0), d.AgentSilentAfter),
		ActivationDays:     cmp.Or(max(s.ActivationDays, 0), d.ActivationDays),
		TermYears:          cmp.Or(max(s.TermYears, 0), d.TermYears),
		ShortTermDays:      cmp.Or(max(s.ShortTermDays, 0), d.ShortTermDays),
		ShortTermTolerance: cmp.Or(max(s.ShortTermTolerance, 0), d.ShortTermTolerance),
		DonatedOnlySince:   cmp.Or(s.DonatedOnlySince, d.DonatedOnlySince),
		ProgramMail:        cmp.Or(s.ProgramMail, d.ProgramMail),
	}
}

// sortFacts puts the facts in one order, in copies, so that results do not
// depend on that of the caller.
func (r *run) sortFacts() {
	r.Agents = slices.SortedFunc(slices.Values(r.Agents), func(a, b Agent) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), a.LastSeen.Compare(b.LastSeen), strings.Compare(a.Name, b.Name), strings.Compare(a.Site, b.Site))
	})
	r.Nodes = slices.SortedFunc(slices.Values(r.Nodes), func(a, b Node) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), a.Polled.Compare(b.Polled), strings.Compare(a.Name, b.Name))
	})
	r.sightings = make([]*Sighting, len(r.Sightings))
	for i := range r.Sightings {
		r.sightings[i] = &r.Sightings[i]
	}
	slices.SortFunc(r.sightings, compareSightings)
	r.Lines = slices.SortedFunc(slices.Values(r.Lines), compareLines)
	r.Dropped = slices.SortedFunc(slices.Values(r.Dropped), compareLines)
	r.Imports = slices.SortedFunc(slices.Values(r.Imports), func(a, b Import) int {
		return cmp.Or(strings.Compare(a.Contract, b.Contract), a.At.Compare(b.At), strings.Compare(a.File, b.File))
	})
	r.Refused = slices.SortedFunc(slices.Values(r.Refused), func(a, b contract.Refusal) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Row, b.Row), strings.Compare(a.Serial, b.Serial), strings.Compare(a.Value, b.Value))
	})
	r.RMAs = slices.SortedFunc(slices.Values(r.RMAs), func(a, b contract.RMA) int {
		return cmp.Or(cmp.Compare(a.OpenedOn, b.OpenedOn), strings.Compare(a.OldSerial, b.OldSerial), strings.Compare(a.NewSerial, b.NewSerial),
			strings.Compare(a.RMANumber, b.RMANumber), strings.Compare(a.CaseNumber, b.CaseNumber), cmp.Compare(a.Row, b.Row))
	})
	r.Orders = slices.SortedFunc(slices.Values(r.Orders), func(a, b contract.Order) int {
		return cmp.Or(strings.Compare(a.OrderNumber, b.OrderNumber), strings.Compare(a.ProductID, b.ProductID), strings.Compare(a.Serial, b.Serial),
			cmp.Compare(a.OrderedOn, b.OrderedOn), cmp.Compare(a.CompletedOn, b.CompletedOn), cmp.Compare(a.Quantity, b.Quantity), cmp.Compare(a.Row, b.Row))
	})
}

func compareSightings(a, b *Sighting) int {
	c, d := a.Component, b.Component
	return cmp.Or(strings.Compare(a.Node, b.Node), strings.Compare(a.Slot, b.Slot), a.First.Compare(b.First), a.Last.Compare(b.Last), a.Gone.Compare(b.Gone),
		strings.Compare(c.Serial, d.Serial), strings.Compare(c.PID, d.PID), strings.Compare(string(c.Class), string(d.Class)),
		strings.Compare(c.Name, d.Name), strings.Compare(c.Description, d.Description), compareBool(c.Unit, d.Unit))
}

func compareLines(a, b contract.Line) int {
	return cmp.Or(strings.Compare(a.Contract, b.Contract), strings.Compare(a.Serial, b.Serial), strings.Compare(a.PID, b.PID),
		strings.Compare(a.Instance, b.Instance), cmp.Compare(a.End, b.End), cmp.Compare(a.Begin, b.Begin), strings.Compare(a.ServiceLevel, b.ServiceLevel),
		strings.Compare(a.Site, b.Site), cmp.Compare(a.LastSupport, b.LastSupport), cmp.Compare(a.ShipDate, b.ShipDate),
		strings.Compare(a.ProductType, b.ProductType), cmp.Compare(a.Quantity, b.Quantity), cmp.Compare(a.Row, b.Row))
}

// compareBool puts true first.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func (r *run) indexSightings() {
	for _, s := range r.sightings {
		if serial := inventory.CleanSerial(s.Component.Serial); serial != "" {
			r.seen[serial] = append(r.seen[serial], s)
		}
		r.atNode[s.Node] = append(r.atNode[s.Node], s)
		if s.Component.Unit {
			slot := [2]string{s.Node, s.Slot}
			r.inSlot[slot] = append(r.inSlot[slot], s)
		}
	}
}

// result puts together what the rules found, in one order.
func (r *run) result() Result {
	res := Result{Units: []Unit{}, Findings: []Finding{}, Summary: map[Coverage]int{}}
	res.Lines, res.Unmatched = r.countLines()
	res.Figures = r.figures()
	for _, c := range Coverages {
		res.Summary[c] = 0
	}
	for _, u := range r.units {
		res.Units = append(res.Units, u.described())
		res.Summary[u.Coverage]++
	}
	slices.SortStableFunc(res.Units, func(a, b Unit) int {
		return cmp.Or(strings.Compare(a.Site, b.Site), strings.Compare(a.Node, b.Node), strings.Compare(a.Address, b.Address),
			compareNatural(a.Slot, b.Slot), strings.Compare(a.Serial, b.Serial), strings.Compare(a.PID, b.PID))
	})
	open := map[string]bool{}
	for _, f := range r.findings {
		if open[f.Key] { // a rule that gives a key twice has found it once
			continue
		}
		open[f.Key] = true
		res.Findings = append(res.Findings, f)
	}
	slices.SortStableFunc(res.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(severityRank(a.Severity), severityRank(b.Severity)), strings.Compare(string(a.Kind), string(b.Kind)),
			strings.Compare(a.Site, b.Site), strings.Compare(a.Subject, b.Subject), strings.Compare(a.Key, b.Key))
	})
	slices.Sort(r.unproven)
	for _, key := range slices.Compact(r.unproven) {
		if !open[key] {
			res.Unproven = append(res.Unproven, key)
		}
	}
	return res
}

func severityRank(s Severity) int { return slices.Index([]Severity{Critical, Warning, Info}, s) }

// compareNatural compares slots, "2" before "10".
func compareNatural(a, b string) int {
	if len(a) != len(b) && isNumber(a) && isNumber(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// dayOf is the UTC day of a moment, "" for the zero time.
func dayOf(t time.Time) contract.Date {
	if t.IsZero() {
		return ""
	}
	return contract.DateOf(t)
}
