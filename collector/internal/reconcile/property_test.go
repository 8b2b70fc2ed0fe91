package reconcile

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

var (
	somePIDs    = []string{"C9300-48P", "C9300-48P=", "C9300-24P", "WS-C2960X-24TS-L", "C8000V", "LGS318P", "-"}
	someSerials = []string{"FOC1111A0AA", "FOC1111A0BB", "FOC1111A0CC", "FOC1111A0DD", "FOC1111A0EE", "FOC1111A0FF", "N/A", "123456789012345"}
)

// drawWorld makes a random history of few things, so that they collide.
func drawWorld(t *rapid.T) *world {
	w := newWorld()
	pids := map[string]string{}
	for _, s := range someSerials {
		pids[s] = rapid.SampledFrom(somePIDs).Draw(t, "pid of "+s)
	}
	nodes := []string{"Main/sw1", "Main/sw22", "Annex/sw333"}
	for range rapid.IntRange(1, 12).Draw(t, "polls") {
		drawPoll(t, w, rapid.SampledFrom(nodes).Draw(t, "node"), pids)
	}
	for _, n := range slices.Clone(w.Nodes) {
		if rapid.IntRange(0, 3).Draw(t, "as before today") > 0 {
			w.report(0, n.ID, inventory.Device{Complete: true, Components: w.last[n.ID].Components}, true)
		}
	}
	for range rapid.IntRange(0, 8).Draw(t, "lines") {
		drawLine(t, w)
	}
	for _, i := range slices.Clone(w.Imports) {
		w.imported(i.Contract, -rapid.SampledFrom([]int{0, 45, 46, 200}).Draw(t, "age"))
	}
	if rapid.Bool().Draw(t, "recorded") {
		drawRMA(t, w)
	}
	if rapid.Bool().Draw(t, "ordered") {
		drawOrder(t, w)
	}
	for range rapid.IntRange(0, 3).Draw(t, "declarations") {
		drawDeclaration(t, w)
	}
	if rapid.Bool().Draw(t, "rejected") {
		w.Rejections = append(w.Rejections, Rejection{OldSerial: rapid.SampledFrom(someSerials).Draw(t, "not replaced"), NewSerial: rapid.SampledFrom(someSerials).Draw(t, "no replacement")})
	}
	if rapid.IntRange(0, 3).Draw(t, "retired") == 0 {
		w.retire(RetiredContract, rapid.SampledFrom([]string{"1", "2"}).Draw(t, "retired contract"), 1)
	}
	return w
}

func drawPoll(t *rapid.T, w *world, node string, pids map[string]string) {
	on := -300
	for _, n := range w.Nodes { // a node is polled later and later
		if n.ID == node {
			on = days(day(0), n.Polled)
		}
	}
	on += rapid.SampledFrom([]int{1, 10, 95, 199, 300}).Draw(t, "days later")
	if on > 0 {
		return
	}
	if rapid.IntRange(0, 9).Draw(t, "silent") == 0 {
		w.silence(on, node)
		return
	}
	var parts []string
	for i, s := range rapid.SliceOfNDistinct(rapid.SampledFrom(someSerials), 0, 3, rapid.ID[string]).Draw(t, "serials") {
		slot := i + 1
		if rapid.Bool().Draw(t, "another slot") {
			slot = 4 - i
		}
		parts = append(parts, fmt.Sprintf("%s %s @%d", pids[s], s, slot))
	}
	if rapid.IntRange(0, 4).Draw(t, "half") == 0 {
		w.partial(on, node, parts...)
		return
	}
	w.poll(on, node, parts...)
}

func drawLine(t *rapid.T, w *world) *contract.Line {
	begin := rapid.SampledFrom([]int{-1000, -100, 0, 1}).Draw(t, "begin")
	end := begin + rapid.SampledFrom([]int{0, 99, 100, 130, 365, 1826, 2000}).Draw(t, "length")
	number := rapid.SampledFrom([]string{"1", "2"}).Draw(t, "contract")
	what := rapid.SampledFrom(somePIDs).Draw(t, "product") + " " + rapid.SampledFrom(someSerials).Draw(t, "serial")
	l := w.line(number, strings.TrimPrefix(what, "-"), begin, end)
	l.Site = rapid.SampledFrom([]string{"", "MAIN", "FOOD BANK ANNEX", "HILLSIDE"}).Draw(t, "install site")
	if rapid.IntRange(0, 9).Draw(t, "endless") == 0 {
		l.End = ""
	}
	return l
}

func drawRMA(t *rapid.T, w *world) {
	w.RMAs = append(w.RMAs, contract.RMA{
		OldSerial: rapid.SampledFrom(someSerials).Draw(t, "old"), NewSerial: rapid.SampledFrom(append(someSerials, "")).Draw(t, "new"), OpenedOn: date(-20),
	})
}

func drawOrder(t *rapid.T, w *world) {
	o := contract.Order{
		OrderNumber: "TS-1", ProductID: rapid.SampledFrom(somePIDs).Draw(t, "ordered product"), Quantity: 1,
		OrderedOn: date(-rapid.SampledFrom([]int{60, 1000}).Draw(t, "ordered")),
	}
	if rapid.Bool().Draw(t, "by serial") {
		o.Serial = rapid.SampledFrom(someSerials).Draw(t, "ordered serial")
	}
	if rapid.Bool().Draw(t, "complete") {
		o.CompletedOn = date(-rapid.SampledFrom([]int{0, 21, 22}).Draw(t, "complete since"))
	}
	w.Orders = append(w.Orders, o)
}

func drawDeclaration(t *rapid.T, w *world) {
	d := w.declare(rapid.SampledFrom(someSerials).Draw(t, "declared serial"), rapid.SampledFrom(DeclarationKinds).Draw(t, "declared as"))
	d.PID = rapid.SampledFrom([]string{"", "", "C9300-48P", "LGS318P"}).Draw(t, "declared product")
	d.Date = date(-rapid.IntRange(0, 2).Draw(t, "declared on"))
	d.Obtained = rapid.SampledFrom([]contract.Date{"", "2005-01-01", "2020-01-01"}).Draw(t, "obtained")
}

func copyFacts(f Facts) Facts {
	f.Agents, f.Nodes, f.Sightings, f.Lines = slices.Clone(f.Agents), slices.Clone(f.Nodes), slices.Clone(f.Sightings), slices.Clone(f.Lines)
	f.Imports, f.Refused, f.Dropped = slices.Clone(f.Imports), slices.Clone(f.Refused), slices.Clone(f.Dropped)
	f.RMAs, f.Orders, f.Declarations = slices.Clone(f.RMAs), slices.Clone(f.Orders), slices.Clone(f.Declarations)
	f.Rejections, f.Retirements = slices.Clone(f.Rejections), slices.Clone(f.Retirements)
	return f
}

// verdicts are the coverages by serial and product, and so by unit.
func verdicts(r Result) map[string]Unit {
	m := map[string]Unit{}
	for _, u := range r.Units {
		key := u.Serial + " " + inventory.PIDFamily(u.PID)
		if inventory.CleanSerial(u.Serial) == "" {
			key += " " + u.Node + " " + u.Slot
		}
		m[key] = u
	}
	return m
}

// The order of the facts does not matter, and running twice changes nothing.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for range rapid.IntRange(0, 2).Draw(t, "more retired") {
			w.retire(RetiredNode, rapid.SampledFrom([]string{"Main/sw1", "Annex/sw333"}).Draw(t, "retired node"), -rapid.IntRange(0, 300).Draw(t, "days ago"))
			w.retire(RetiredSite, rapid.SampledFrom([]string{"Main", "Annex"}).Draw(t, "closed site"), -rapid.IntRange(0, 300).Draw(t, "days ago"))
		}
		f := copyFacts(w.Facts)
		want := Reconcile(w.Facts)
		if diff := cmp.Diff(f, w.Facts); diff != "" {
			t.Fatalf("the facts were changed:\n%s", diff)
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		shuffle(rng, f.Agents)
		shuffle(rng, f.Nodes)
		shuffle(rng, f.Sightings)
		shuffle(rng, f.Lines)
		shuffle(rng, f.Imports)
		shuffle(rng, f.RMAs)
		shuffle(rng, f.Orders)
		shuffle(rng, f.Declarations)
		shuffle(rng, f.Rejections)
		shuffle(rng, f.Retirements)
		if diff := cmp.Diff(want, Reconcile(f)); diff != "" {
			t.Fatalf("another order, another result:\n%s", diff)
		}
	})
}

func shuffle[T any](rng *rand.Rand, s []T) {
	rng.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}

// Every unit that is present has exactly one coverage, and nothing else has one.
func TestOneCoveragePerUnit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		r := Reconcile(w.Facts)
		checkResult(rt, r)
		present := map[string]bool{}
		for _, s := range w.Sightings {
			if s.Present() && s.Component.Unit {
				present[s.Component.Serial] = true
			}
		}
		for _, u := range r.Units {
			if !slices.Contains(Coverages, u.Coverage) || !present[u.Serial] {
				rt.Errorf("unit %+v", u)
			}
			if (u.Coverage == Unverified || u.Coverage == Ineligible) != (u.Reason != "") {
				rt.Errorf("unit %s is %s for the reason %q", u.Serial, u.Coverage, u.Reason)
			}
		}
		if got := verdicts(r); len(got) != len(r.Units) {
			rt.Errorf("%d units of %d identities", len(r.Units), len(got))
		}
		for serial := range present {
			if !slices.ContainsFunc(r.Units, func(u Unit) bool { return u.Serial == serial }) {
				rt.Errorf("%s has no coverage", serial)
			}
		}
	})
}

// An answer cut short, no answer, a silent agent or old data change no verdict
// but to unverified, and make no finding about units or lines.
func TestUnknownIsNotUncovered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		before := Reconcile(w.Facts)
		f := copyFacts(w.Facts)
		switch what := rapid.SampledFrom([]string{"half an answer", "no answer", "silent agent", "old data"}).Draw(t, "what"); {
		case what == "old data" && len(f.Imports) > 0:
			f.Imports[rapid.IntRange(0, len(f.Imports)-1).Draw(t, "import")].At = day(-100)
		case what == "silent agent" && len(f.Agents) > 0:
			f.Agents[rapid.IntRange(0, len(f.Agents)-1).Draw(t, "agent")].LastSeen = day(-50)
		case len(f.Nodes) > 0:
			n := &f.Nodes[rapid.IntRange(0, len(f.Nodes)-1).Draw(t, "node")]
			n.Complete, n.Answered = false, n.Answered && what == "half an answer"
		}
		after := Reconcile(f)
		now := verdicts(after)
		for key, was := range verdicts(before) {
			is, ok := now[key]
			if !ok {
				t.Errorf("%s is removed", key)
			}
			if is.Coverage != was.Coverage && is.Coverage != Unverified {
				t.Errorf("%s was %s, is %s", key, was.Coverage, is.Coverage)
			}
		}
		for _, x := range after.Findings {
			switch x.Kind {
			case UncoveredUnit, RMAMismatch, LineNotSeen, CoverageExpired, CoverageExpiring, ActivationOverdue, TermShort, SiteMismatch:
				if !slices.Contains(keys(before), x.Key) {
					t.Errorf("new finding %s", x.Key)
				}
			}
		}
		for _, x := range before.Findings {
			switch x.Kind {
			case UncoveredUnit, RMAMismatch, LineNotSeen, CoverageExpired, CoverageExpiring, ActivationOverdue, TermShort, SiteMismatch:
				if !slices.Contains(keys(after), x.Key) && !slices.Contains(after.Unproven, x.Key) {
					t.Errorf("finding %s is resolved by not knowing", x.Key)
				}
			}
		}
	})
}

// More evidence never makes a covered unit uncovered.
func TestMoreEvidence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		before := Reconcile(w.Facts)
		switch rapid.IntRange(0, 4).Draw(t, "what") {
		case 0:
			drawLine(t, w)
		case 1:
			drawRMA(t, w)
		case 2:
			drawOrder(t, w)
		case 4:
			drawDeclaration(t, w)
		case 3:
			drawPoll(t, w, rapid.SampledFrom([]string{"Main/sw1", "Main/sw22", "Annex/sw333"}).Draw(t, "node"), map[string]string{})
		}
		now := map[string]Unit{}
		for _, u := range Reconcile(w.Facts).Units {
			now[u.Serial] = u
		}
		for _, was := range before.Units {
			if is, ok := now[was.Serial]; ok && (was.Coverage == Covered || was.Coverage == Expiring) && is.Coverage == Uncovered {
				t.Errorf("%s was %s, is uncovered", was.Serial, was.Coverage)
			}
		}
	})
}

// Whatever member leads a stack, and however the device orders its answer,
// nothing is replaced, missing or double.
func TestMasterChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, still := newWorld(), newWorld()
		members := rapid.IntRange(2, 8).Draw(t, "members")
		var parts []string
		for i := range members {
			serial := fmt.Sprintf("FOC1111A00%d", i)
			parts = append(parts, fmt.Sprintf("C9300-48P %s @%d", serial, i+1))
			if rapid.Bool().Draw(t, "on the contract") {
				w.line("1", "C9300-48P "+serial, -100, 1000)
			}
		}
		w.imported("1", 0)
		still.Lines, still.Imports = w.Lines, w.Imports
		for _, on := range []int{-40, -30, -20, -10, 0} {
			still.poll(on, "Main/sw1", parts...)
			w.poll(on, "Main/sw1", rapid.Permutation(parts).Draw(t, "order")...)
		}
		before, after := Reconcile(still.Facts), Reconcile(w.Facts)
		if diff := cmp.Diff(coverages(before), coverages(after)); diff != "" {
			t.Errorf("units:\n%s", diff)
		}
		for _, x := range after.Findings {
			if x.Kind != UncoveredUnit {
				t.Errorf("finding %s", x.Key)
			}
		}
	})
}

// A swap is settled by an import that shows the new serial and not the old one,
// and by nothing else.
func TestSwapSettles(t *testing.T) {
	const sw, old, now = "Main/sw1", "FOC1111A0AA", "FOC2222A0BB"
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		w.poll(-500, sw, "C9300-48P "+old)
		w.poll(-499, sw, "C9300-48P "+now)
		oldLine := contract.Line{Contract: "1", Serial: old, PID: "C9300-48P", Instance: "1", Begin: date(-1000), End: date(1000)}
		newLine := contract.Line{Contract: "1", Serial: now, PID: "C9300-48P", Instance: "2", Begin: date(-1000), End: date(1000)}
		other := contract.Line{Contract: "1", Serial: "FOC9999A0AA", PID: "C9300-48P", Instance: "3", Begin: date(-1000), End: date(1000)}
		w.imported("1", -499)
		w.Lines = []contract.Line{oldLine, other}
		on := -499
		for range rapid.IntRange(1, 10).Draw(t, "events") {
			on += rapid.IntRange(1, 40).Draw(t, "days later")
			switch rapid.SampledFrom([]string{"poll", "half", "silence", "import", "time"}).Draw(t, "event") {
			case "poll":
				w.poll(on, sw, "C9300-48P "+now)
			case "half":
				w.partial(on, sw)
			case "silence":
				w.silence(on, sw)
			case "import":
				w.imported("1", on)
				w.Lines = []contract.Line{other}
				w.Dropped = nil
				if rapid.Bool().Draw(t, "lists the old") {
					w.Lines = append(w.Lines, oldLine)
				} else {
					w.Dropped = []contract.Line{oldLine}
				}
				if rapid.Bool().Draw(t, "lists the new") {
					w.Lines = append(w.Lines, newLine)
				}
			}
			w.Now = day(on).Add(time.Hour)
			r := Reconcile(w.Facts)
			settled := slices.ContainsFunc(w.Lines, func(l contract.Line) bool { return l.Serial == now }) &&
				!slices.ContainsFunc(w.Lines, func(l contract.Line) bool { return l.Serial == old })
			if open := slices.Contains(keys(r), "rma_mismatch/"+old+"/"+now); open == settled {
				t.Fatalf("on %s the contract has %d lines, and the finding is open: %v (%v)", date(on), len(w.Lines), open, keys(r))
			}
		}
	})
}
