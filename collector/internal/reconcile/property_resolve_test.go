package reconcile

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// mended are the facts after somebody did what a finding asks for; ok is false
// for kinds that only a device can mend.
func mended(f Facts, x Finding) (Facts, bool) {
	f = copyFacts(f)
	of := func(l contract.Line) bool { return inventory.CleanSerial(l.Serial) == x.Serial }
	covers := func(serial, pid string) {
		f.Lines = append(f.Lines, contract.Line{Contract: "9", Serial: serial, PID: pid, Begin: date(0), End: date(3000)})
		f.Imports = append(f.Imports, Import{Contract: "9", At: f.Now})
	}
	switch x.Kind {
	case UncoveredUnit:
		covers(x.Serial, x.PID)
	case CoverageExpired, CoverageExpiring:
		for i := range f.Lines {
			f.Lines[i].Begin, f.Lines[i].End = date(-3000), date(3000)
		}
	case TermShort:
		for i, l := range f.Lines {
			if l.Contract == x.Contract {
				f.Lines[i].End = l.Begin.AddDays(1826)
			}
		}
	case DuplicateLine:
		first := slices.IndexFunc(f.Lines, of)
		keep := f.Lines[first]
		f.Lines = append(slices.DeleteFunc(f.Lines, of), keep)
	case PIDMismatch:
		for i, l := range f.Lines {
			if of(l) {
				f.Lines[i].PID = x.PID
			}
		}
	case SiteMismatch:
		for i := range f.Lines {
			f.Lines[i].Site = ""
		}
	case LineNotSeen:
		f.Lines = slices.DeleteFunc(f.Lines, of)
	case RMAMismatch:
		parts := strings.Split(x.Key, "/")
		if parts[1] == parts[2] {
			f.RMAs = nil
			break
		}
		f.Lines = slices.DeleteFunc(f.Lines, func(l contract.Line) bool { return inventory.CleanSerial(l.Serial) == parts[1] })
		covers(parts[2], x.PID)
	case ActivationOverdue:
		for _, o := range f.Orders {
			covers(cmp.Or(inventory.CleanSerial(o.Serial), "FOC8888A0AA"), o.ProductID)
		}
	case DataStale:
		for i := range f.Imports {
			f.Imports[i].At = f.Now
		}
		for i, l := range f.Lines {
			if l.End == "" {
				f.Lines[i].End = date(3000)
			}
		}
		if strings.HasSuffix(x.Key, "/none") {
			covers("FOC9999A0AA", "C9300-48P")
		}
	case AgentSilent:
		for i := range f.Agents {
			f.Agents[i].LastSeen = f.Now
		}
	case NodeUnreachable, Incomplete:
		for i := range f.Nodes {
			n := &f.Nodes[i]
			n.Answered, n.Complete, n.Polled, n.LastGood, n.Problems = true, true, f.Now, f.Now, nil
		}
	default:
		return f, false
	}
	return f, true
}

// A finding is there as long as its cause is, whatever time does, and is gone,
// not merely in doubt, when that was mended.
func TestFindingResolves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		r := Reconcile(w.Facts)
		if len(r.Findings) == 0 {
			return
		}
		x := r.Findings[rapid.IntRange(0, len(r.Findings)-1).Draw(t, "finding")]
		f := copyFacts(w.Facts)
		f.Now = f.Now.Add(time.Hour)
		if again := Reconcile(f); !slices.Contains(keys(again), x.Key) {
			t.Errorf("%s is resolved by an hour", x.Key)
		}
		f, ok := mended(w.Facts, x)
		if !ok {
			return
		}
		if after := Reconcile(f); slices.Contains(keys(after), x.Key) {
			t.Errorf("%s stays though its cause is gone: %+v", x.Key, findingNamed(after, x.Key))
		}
	})
}

func findingNamed(r Result, key string) Finding {
	return r.Findings[slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Key == key })]
}
