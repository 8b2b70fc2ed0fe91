package reconcile

import (
	"fmt"
	"testing"
	"time"

	"rollcall/collector/internal/contract"
)

// BenchmarkReconcile is one organization: of many switches with trouble of all
// sorts, and of those that would hurt by having all of one sort.
func BenchmarkReconcile(b *testing.B) {
	for _, bench := range []struct {
		name  string
		facts Facts
	}{
		{"10,000 units", organization(10_000)},
		{"10,000 access points of one controller", controller(10_000)},
		{"2,000 short lines of one contract", shortLines(2_000)},
		{"2,500 uncovered and 2,500 not seen", misses(2_500)},
		{"1,000 orders and 10,000 units", orders(1_000, 10_000)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			units := 0
			for b.Loop() {
				units += len(Reconcile(bench.facts).Units)
			}
			b.ReportMetric(float64(units)/b.Elapsed().Seconds(), "units/s")
		})
	}
}

// BenchmarkOrganizations is many organizations of 50 units each, one after the
// other.
func BenchmarkOrganizations(b *testing.B) {
	facts := organization(50)
	b.ReportAllocs()
	for b.Loop() {
		Reconcile(facts)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orgs/s")
	b.ReportMetric(10_000*b.Elapsed().Seconds()/float64(b.N), "s/10,000-orgs")
}

// controller is one node with n access points as units, half of which replaced
// others, and another node that reports the same: a pair for high availability.
func controller(n int) Facts {
	w := newWorld()
	was, now := make([]string, n), make([]string, n)
	for i := range n {
		was[i] = fmt.Sprintf("AIR-AP2802I-B-K9 FGL%06dA @%d", i, i)
		now[i] = was[i]
		if i%2 == 0 {
			now[i] = fmt.Sprintf("AIR-AP2802I-B-K9 FGL%06dB @%d", i, i)
		}
		w.line("1", fmt.Sprintf("AIR-AP2802I-B-K9 FGL%06dA", i), -100, 1000).Site = fmt.Sprint("FLOOR ", i)
	}
	for _, node := range []string{"Main/wlc1", "Main/wlc22"} {
		w.poll(-20, node, was...)
		w.poll(0, node, now...)
		w.Nodes[len(w.Nodes)-1].Name = "wlc"
	}
	return w.Facts
}

// shortLines is n units on lines of a year, on one contract, with one of five.
func shortLines(n int) Facts {
	w := newWorld()
	for i := range n {
		what := fmt.Sprintf("C9300-48P FOC%08d", i)
		w.poll(0, fmt.Sprintf("Main/sw%d", i), what)
		w.line("1", what, -100, 265).Site = fmt.Sprint("PLACE ", i)
	}
	w.line("1", caseOther, -100, 1726)
	return w.Facts
}

// misses is n units on no line, and n lines of units that nobody sees.
func misses(n int) Facts {
	w := newWorld()
	for i := range n {
		w.poll(0, fmt.Sprintf("Main/sw%d", i), fmt.Sprintf("C9300-48P FOC%08d", i))
		w.line("1", fmt.Sprintf("C9300-48P FDO%08d", i), -100, 1000)
	}
	return w.Facts
}

// orders is n donations without serials, and units that they may be of.
func orders(n, units int) Facts {
	f := organization(units)
	for i := range n {
		o := contract.Order{OrderNumber: fmt.Sprint("TS-", i), ProductID: "C9300-48P", Quantity: 5, OrderedOn: date(-70), CompletedOn: date(-i % 60)}
		f.Orders = append(f.Orders, o)
	}
	return f
}

// organization is one of n units at n/4 stacks, each with five parts, 30 sites,
// 20 contracts, and trouble of all sorts.
func organization(n int) Facts {
	w := newWorld()
	at := time.Date(2026, time.June, 15, 6, 0, 0, 0, time.UTC)
	for i := range n {
		site := fmt.Sprintf("Site %d", i/4%30)
		id := fmt.Sprintf("%s/192.0.2.%d", site, i/4)
		if i%4 == 0 {
			w.Nodes = append(w.Nodes, Node{ID: id, Site: site, Agent: site, Address: id, Name: fmt.Sprintf("sw%d", i/4), Answered: true, Complete: i%400 > 0, Polled: at, LastGood: at})
		}
		serial := fmt.Sprintf("FOC%08d", i)
		first := at.AddDate(0, 0, -60)
		if i%50 == 0 { // came from an RMA
			w.Sightings = append(w.Sightings, Sighting{
				Component: part(fmt.Sprintf("C9300-48P OLD%08d", i)), Node: id, Slot: fmt.Sprint(i%4 + 1), First: first, Last: at.AddDate(0, 0, -31), Gone: at.AddDate(0, 0, -30),
			})
			first = at.AddDate(0, 0, -30)
			w.Lines = append(w.Lines, contract.Line{Contract: fmt.Sprint(i % 20), Serial: fmt.Sprintf("OLD%08d", i), PID: "C9300-48P-E", Begin: date(-100), End: date(1000)})
		} else if i%17 > 0 {
			w.Lines = append(w.Lines, contract.Line{Contract: fmt.Sprint(i % 20), Serial: serial, PID: "C9300-48P-E", Begin: date(-100), End: date(i % 2000)})
		}
		w.Sightings = append(w.Sightings, Sighting{Component: part("C9300-48P " + serial), Node: id, Slot: fmt.Sprint(i%4 + 1), First: first, Last: at})
		for p := range 5 {
			c := part(fmt.Sprintf("PWR-C1-715WAC DCA%d%08d in %s", p, i, serial))
			w.Sightings = append(w.Sightings, Sighting{Component: c, Node: id, Slot: fmt.Sprint("PS", p, i), First: first, Last: at})
		}
	}
	for i := range 30 {
		w.Agents = append(w.Agents, Agent{ID: fmt.Sprintf("Site %d", i), Site: fmt.Sprintf("Site %d", i), LastSeen: at, Interval: time.Hour * 24})
	}
	for i := range 20 {
		w.imported(fmt.Sprint(i), -1)
	}
	return w.Facts
}
