package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
)

// makeUnits lists all units, those that need someone first.
func makeUnits(in Input, r Request) (Document, error) {
	if err := takesNothing(r); err != nil {
		return Document{}, err
	}
	d := Document{Title: "Units and their coverage"}
	columns := []Column{
		{Name: "serial", Label: "Serial number"},
		{Name: "pid", Label: "Product"},
		{Name: "description", Label: "Description"},
		{Name: "site", Label: "Site"},
		{Name: "node", Label: "Device"},
		{Name: "address", Label: "Address"},
		{Name: "slot", Label: "Slot"},
		{Name: "coverage", Label: "Coverage"},
		{Name: "reason", Label: "Reason"},
		{Name: "contract", Label: "Contract"},
		{Name: "service_level", Label: "Service level"},
		{Name: "line_end", Label: "Line ends"},
		{Name: "last_support", Label: "Supported until"},
		{Name: "last_seen", Label: "Last seen"},
	}
	support := in.lastSupport()
	for _, c := range in.coverages() {
		t := &Table{Columns: columns}
		for _, u := range in.Units {
			if u.Coverage == c {
				t.Rows = append(t.Rows, []string{
					u.Serial, u.PID, u.Description, u.Site, u.Node, u.Address, u.Slot, string(c), u.Reason, u.Contract, u.ServiceLevel, day(u.LineEnd),
					day(support.of(u.PID)), dayOf(u.LastSeen),
				})
			}
		}
		d.Sections = append(d.Sections, Section{Title: CoverageLabel(c), Table: t})
	}
	if len(d.Sections) == 0 {
		return Document{}, nothing("no unit was seen yet, so there is nothing to list")
	}
	return d, nil
}

// coverages are the states that any unit has, in the order in which people see
// them.
func (in Input) coverages() []reconcile.Coverage {
	has := map[reconcile.Coverage]bool{}
	for _, u := range in.Units {
		has[u.Coverage] = true
	}
	all := slices.DeleteFunc(slices.Clone(reconcile.Coverages), func(c reconcile.Coverage) bool { return !has[c] })
	for _, u := range in.Units { // states of a later version
		if !slices.Contains(all, u.Coverage) {
			all = append(all, u.Coverage)
		}
	}
	return all
}

// makeFindings tells each finding with its evidence and what to do.
func makeFindings(in Input, r Request) (Document, error) {
	if err := takesNothing(r); err != nil {
		return Document{}, err
	}
	if len(in.Findings) == 0 {
		return Document{}, nothing("nothing is to do: there is no open finding")
	}
	d := Document{Title: "What to do"}
	for _, f := range in.sorted() {
		fields := []Field{
			{Name: "severity", Label: "Severity", Value: string(f.Severity)},
			{Name: "kind", Label: "Kind", Value: string(f.Kind)},
			{Name: "site", Label: "Site", Value: f.Site},
			{Name: "node", Label: "Device", Value: f.Node},
			{Name: "pid", Label: "Product", Value: f.PID},
			{Name: "serial", Label: "Serial number", Value: f.Serial},
			{Name: "contract", Label: "Contract", Value: f.Contract},
			{Name: "number", Label: "Finding", Value: number(f.Number)},
			{Name: "opened", Label: "Open since", Value: day(f.Opened)},
		}
		d.Sections = append(d.Sections, Section{
			Title: KindLabel(f.Kind) + ": " + f.Subject, Text: f.Evidence, Fields: filled(fields), StepsTitle: f.NextStep.Title, Steps: f.NextStep.Steps,
			Sheet: filled(sheetFields(f.NextStep.Sheet)),
		})
	}
	return d, nil
}

// sorted are the findings, the most severe first and otherwise as they are.
func (in Input) sorted() []Finding {
	rank := map[reconcile.Severity]int{reconcile.Critical: 0, reconcile.Warning: 1, reconcile.Info: 2}
	return slices.SortedStableFunc(slices.Values(in.Findings), func(a, b Finding) int { return cmp.Compare(rank[a.Severity], rank[b.Severity]) })
}

// day is a date as a cell.
func day(d contract.Date) string { return string(d) }

// dayOf is the day of a moment as a cell, "" for never.
func dayOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return day(contract.DateOf(t))
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// makeSites tells how each site stands.
func makeSites(in Input, r Request) (Document, error) {
	if err := takesNothing(r); err != nil {
		return Document{}, err
	}
	states := in.coverages()
	t := &Table{Columns: []Column{
		{Name: "site", Label: "Site"},
		{Name: "address", Label: "Address"},
		{Name: "agents", Label: "Agents"},
		{Name: "heard", Label: "Last heard"},
		{Name: "nodes", Label: "Devices", Number: true},
		{Name: "answered", Label: "Read in full", Number: true},
		{Name: "units", Label: "Units", Number: true},
	}}
	for _, c := range states {
		t.Columns = append(t.Columns, Column{Name: string(c), Label: CoverageLabel(c), Number: true})
	}
	sites := in.sites()
	if len(sites) == 0 {
		return Document{}, nothing("there is no site yet: it comes with its first agent")
	}
	for _, site := range sites {
		var agents []string
		var heard string
		for _, a := range in.Facts.Agents {
			if a.Site == site {
				agents = append(agents, a.Name)
				heard = max(heard, dayOf(a.LastSeen))
			}
		}
		nodes, complete, units := 0, 0, map[reconcile.Coverage]int{}
		for _, n := range in.Facts.Nodes {
			if n.Site == site {
				nodes++
				if n.Answered && n.Complete {
					complete++
				}
			}
		}
		total := 0
		for _, u := range in.Units {
			if u.Site == site {
				units[u.Coverage]++
				total++
			}
		}
		slices.Sort(agents)
		row := []string{site, in.siteAddress(site), strings.Join(agents, ", "), heard, fmt.Sprint(nodes), fmt.Sprint(complete), fmt.Sprint(total)}
		for _, c := range states {
			row = append(row, fmt.Sprint(units[c]))
		}
		t.Rows = append(t.Rows, row)
	}
	return Document{Title: "Sites", Sections: []Section{{Table: t}}}, nil
}

// sites are all that an agent, a device or a unit is at; "" is that of a scan.
func (in Input) sites() []string {
	var all []string
	for _, a := range in.Facts.Agents {
		all = append(all, a.Site)
	}
	for _, n := range in.Facts.Nodes {
		all = append(all, n.Site)
	}
	for _, u := range in.Units {
		all = append(all, u.Site)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// makeNodes lists the devices that agents ask.
func makeNodes(in Input, r Request) (Document, error) {
	if err := takesNothing(r); err != nil {
		return Document{}, err
	}
	t := &Table{Columns: []Column{
		{Name: "site", Label: "Site"},
		{Name: "node", Label: "Device"},
		{Name: "address", Label: "Address"},
		{Name: "platform", Label: "Platform"},
		{Name: "model", Label: "Model"},
		{Name: "software", Label: "Software"},
		{Name: "state", Label: "State"},
		{Name: "asked", Label: "Last asked"},
		{Name: "read", Label: "Last read in full"},
		{Name: "problems", Label: "Problems"},
	}}
	nodes := slices.SortedFunc(slices.Values(in.Facts.Nodes), func(a, b reconcile.Node) int {
		return cmp.Or(strings.Compare(a.Site, b.Site), strings.Compare(a.Name, b.Name), strings.Compare(a.Address, b.Address))
	})
	if len(nodes) == 0 {
		return Document{}, nothing("no device was asked yet, so there is nothing to list")
	}
	for _, n := range nodes {
		state := "read in full"
		switch {
		case !n.Answered:
			state = "does not answer"
		case !n.Complete:
			state = "read in part"
		}
		var problems []string
		for _, p := range n.Problems {
			problems = append(problems, p.Message)
		}
		t.Rows = append(t.Rows, []string{n.Site, n.Name, n.Address, n.Platform, n.Model, n.Software, state, dayOf(n.Polled), dayOf(n.LastGood), strings.Join(problems, "; ")})
	}
	return Document{Title: "Devices", Sections: []Section{{Table: t}}}, nil
}

// takesNothing refuses what a list of everything does not take.
func takesNothing(r Request) error {
	switch {
	case r.Of != "" || r.About != "" || r.PID != "":
		return invalid("%s is of everything: it takes no %q", r.Kind, cmp.Or(r.Of, r.About, r.PID))
	case len(r.Fields) > 0:
		return invalid("%s has no fields to fill in", r.Kind)
	}
	return nil
}
