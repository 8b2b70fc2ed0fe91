package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// day is a poll's moment, days from the day of the tests: day(-1) was yesterday.
func day(n int) time.Time {
	return time.Date(2026, time.June, 15, 6, 0, 0, 0, time.UTC).AddDate(0, 0, n)
}

func date(n int) contract.Date { return contract.DateOf(day(n)) }

// A world makes facts in the words of a story: what agents polled, day by day,
// and what was imported.
type world struct {
	Facts
	last map[string]inventory.Device // by node, the last that was polled
}

func newWorld() *world {
	return &world{Facts: Facts{Organization: "Riverside Food Bank", Now: day(0).Add(6 * time.Hour), Settings: DefaultSettings()}, last: map[string]inventory.Device{}}
}

// part makes a component: "C9300-48P FOC1" is a unit, "C9300-48P FOC1 @2" a stack
// member, "C9300-48P FOC1 also FOC2" one with an alias, "PWR FOC9 in FOC1" a power
// supply in a unit.
func part(s string) inventory.Component {
	f := strings.Fields(s)
	c := inventory.Component{PID: f[0], Class: inventory.ClassChassis, Unit: true, Name: f[0] + " chassis"}
	if len(f) > 1 {
		c.Serial = f[1]
	}
	for i := 2; i < len(f); i++ {
		switch {
		case strings.HasPrefix(f[i], "@"):
			c.Name = "Switch " + f[i][1:]
		case f[i] == "also":
			c.Aliases = append(c.Aliases, f[i+1])
			i++
		case f[i] == "in":
			c.Class, c.Unit, c.Parent, c.Name = inventory.ClassPowerSupply, false, f[i+1], "Power Supply A"
			i++
		}
	}
	if c.PID == "-" {
		c.PID = ""
	}
	return c
}

// poll is a complete report of a node, on a day, with these parts.
func (w *world) poll(on int, node string, parts ...string) {
	w.report(on, node, inventory.Device{Complete: true}, true, parts...)
}

// partial is an incomplete report.
func (w *world) partial(on int, node string, parts ...string) {
	w.report(on, node, inventory.Device{Errors: []inventory.Problem{{Kind: inventory.ProblemIncomplete, Message: "the walk was cut short."}}}, true, parts...)
}

// silence is a poll that got no answer.
func (w *world) silence(on int, node string) { w.report(on, node, inventory.Device{}, false) }

// report takes a report of "site/name" and applies it as the collector does.
func (w *world) report(on int, id string, d inventory.Device, answered bool, parts ...string) {
	site, name, _ := strings.Cut(id, "/")
	d.Address, d.Name = "192.0.2."+fmt.Sprint(len(name)), name
	for _, p := range parts {
		d.Components = append(d.Components, part(p))
	}
	at := day(on)
	var before []Sighting
	kept := w.Sightings[:0:0]
	for _, s := range w.Sightings {
		if s.Node == id && s.Present() {
			before = append(before, s)
		} else {
			kept = append(kept, s)
		}
	}
	w.Sightings = append(kept, Observe(before, id, d, at)...)
	i := slices.IndexFunc(w.Nodes, func(n Node) bool { return n.ID == id })
	if i < 0 {
		i = len(w.Nodes)
		w.Nodes = append(w.Nodes, Node{ID: id, Site: site, Agent: "agent-" + site, Address: d.Address, Name: name})
	}
	n := &w.Nodes[i]
	n.Answered, n.Complete, n.Polled, n.Problems = answered, answered && d.Complete, at, d.Errors
	if n.Complete {
		n.LastGood = at
	}
	if answered && n.Platform == "" {
		n.Platform = inventory.PlatformUnknown
	}
	w.last[id] = d
	w.agent(site, on)
}

// agent makes the agent of a site last seen on a day.
func (w *world) agent(site string, on int) {
	a := Agent{ID: "agent-" + site, Name: "agent-" + site, Site: site, LastSeen: day(on), Interval: 24 * time.Hour}
	if i := slices.IndexFunc(w.Agents, func(x Agent) bool { return x.ID == a.ID }); i >= 0 {
		w.Agents[i] = a
		return
	}
	w.Agents = append(w.Agents, a)
}

// problem adds a problem to a node's last report.
func (w *world) problem(node string, kind inventory.ProblemKind, message string) {
	i := slices.IndexFunc(w.Nodes, func(n Node) bool { return n.ID == node })
	w.Nodes[i].Problems = append(w.Nodes[i].Problems, inventory.Problem{Kind: kind, Message: message})
}

// imported sets when a contract was imported; contracts are fresh by default.
func (w *world) imported(number string, on int) {
	w.Imports = slices.DeleteFunc(w.Imports, func(i Import) bool { return i.Contract == number })
	w.Imports = append(w.Imports, Import{Contract: number, File: number + ".csv", At: day(on)})
}

// line adds a line of a contract, "C9300-48P FOC1", from one day to another.
func (w *world) line(number, what string, begin, end int) *contract.Line {
	pid, serial, _ := strings.Cut(what, " ")
	if !slices.ContainsFunc(w.Imports, func(i Import) bool { return i.Contract == number }) {
		w.imported(number, 0)
	}
	w.Lines = append(w.Lines, contract.Line{
		Contract: number, Serial: serial, PID: pid, Begin: date(begin), End: date(end), ServiceLevel: "SNT",
		Instance: fmt.Sprint(number, len(w.Lines)), Row: len(w.Lines) + 2,
	})
	return &w.Lines[len(w.Lines)-1]
}

// coverages are the units of a result as "serial: coverage reason".
func coverages(r Result) []string {
	var all []string
	for _, u := range r.Units {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s: %s %s", u.Serial, u.Coverage, u.Reason)))
	}
	slices.Sort(all)
	return all
}

func keys(r Result) []string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, f.Key)
	}
	slices.Sort(all)
	return all
}

func findingOf(t *testing.T, r Result, key string) Finding {
	t.Helper()
	for _, f := range r.Findings {
		if f.Key == key {
			return f
		}
	}
	t.Fatalf("no finding %s among %v", key, keys(r))
	return Finding{}
}

// A story is a case of the table: what happened, and what comes of it.
type story struct {
	name     string
	tell     func(*world)
	units    []string
	findings []string
}

func tellAll(t *testing.T, stories []story) {
	t.Helper()
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld()
			s.tell(w)
			r := Reconcile(w.Facts)
			slices.Sort(s.units)
			slices.Sort(s.findings)
			if diff := cmp.Diff(s.units, coverages(r)); diff != "" {
				t.Errorf("units (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(s.findings, keys(r)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			checkResult(t, r)
		})
	}
}

// checkResult checks what holds of every result.
func checkResult(t interface {
	Helper()
	Errorf(format string, args ...any)
}, r Result,
) {
	t.Helper()
	total := 0
	for _, c := range Coverages {
		n, ok := r.Summary[c]
		if !ok {
			t.Errorf("the summary lacks %s", c)
		}
		total += n
	}
	if total != len(r.Units) {
		t.Errorf("the summary counts %d units of %d", total, len(r.Units))
	}
	seen := map[string]bool{}
	for _, f := range r.Findings {
		if seen[f.Key] {
			t.Errorf("finding %s twice", f.Key)
		}
		seen[f.Key] = true
		if !strings.HasPrefix(f.Key, string(f.Kind)+"/") || f.Subject == "" || severityRank(f.Severity) < 0 {
			t.Errorf("finding %+v", f)
		}
		if len(f.Evidence) == 0 || f.NextStep.Title == "" || len(f.NextStep.Steps) == 0 || f.NextStep.Sheet == nil {
			t.Errorf("finding %s has no evidence or next step: %+v", f.Key, f)
		}
		for _, s := range append(slices.Clone(f.Evidence), f.NextStep.Steps...) {
			if strings.Contains(s, "0001-01-01") || strings.Contains(s, " on .") || strings.Contains(s, "  ") {
				t.Errorf("finding %s says %q", f.Key, s)
			}
		}
		if n := len(SheetFields(f.NextStep.Sheet)); n != len(f.NextStep.Sheet) {
			t.Errorf("finding %s has a sheet of %d fields, %d with a label", f.Key, len(f.NextStep.Sheet), n)
		}
	}
	for _, key := range r.Unproven {
		if seen[key] {
			t.Errorf("%s is both found and unproven", key)
		}
	}
}
