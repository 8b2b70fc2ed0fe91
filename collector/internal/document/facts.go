package document

import (
	"slices"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
)

// supportEnds are the last dates of support by PID family, as any line of the
// contracts has them; where lines differ the latest, as reconcile takes it.
type supportEnds map[string]contract.Date

func (in Input) lastSupport() supportEnds {
	ends := supportEnds{}
	for _, l := range in.Facts.Lines {
		if family := inventory.PIDFamily(l.PID); family != "" {
			ends[family] = max(ends[family], l.LastSupport)
		}
	}
	return ends
}

func (s supportEnds) of(pid string) contract.Date { return s[inventory.PIDFamily(pid)] }

// linesBySerial are the lines that can stand for a unit, by serial number.
func (in Input) linesBySerial() map[string][]contract.Line {
	by := map[string][]contract.Line{}
	for _, l := range in.Facts.Lines {
		if serial := inventory.CleanSerial(l.Serial); serial != "" && l.Kind() == contract.LineUnit {
			by[serial] = append(by[serial], l)
		}
	}
	return by
}

// lineOf returns the line that decided the coverage of a unit; ok is false when
// none did.
func lineOf(u reconcile.Unit, lines map[string][]contract.Line) (l contract.Line, ok bool) {
	if u.Contract == "" && u.LineEnd == "" {
		return contract.Line{}, false
	}
	for _, l := range lines[inventory.CleanSerial(u.Serial)] {
		if l.Contract == u.Contract && l.End == u.LineEnd && l.ServiceLevel == u.ServiceLevel {
			return l, true
		}
	}
	return contract.Line{}, false
}

// node returns the one that a unit sits in.
func (in Input) node(u reconcile.Unit) reconcile.Node {
	i := slices.IndexFunc(in.Facts.Nodes, func(n reconcile.Node) bool { return n.Site == u.Site && n.Address == u.Address })
	if i < 0 {
		return reconcile.Node{}
	}
	return in.Facts.Nodes[i]
}

// siteAddress is the postal address of a site, "" when it is not known.
func (in Input) siteAddress(name string) string {
	for _, s := range in.Facts.Sites {
		if s.Name == name {
			return s.Address()
		}
	}
	return ""
}

// declared returns what was last said of a part.
func (in Input) declared(serial, pid string) (reconcile.DeclarationKind, bool) {
	var last reconcile.Declaration
	for _, d := range in.Facts.Declarations {
		if sameSerial(d.Serial, serial) && (d.PID == "" || pid == "" || inventory.PIDFamily(d.PID) == inventory.PIDFamily(pid)) && (last.Kind == "" || d.Date >= last.Date) {
			last = d
		}
	}
	return last.Kind, last.Kind != ""
}

// order returns the order that a serial was donated with.
func (in Input) order(serial string) (contract.Order, bool) {
	i := slices.IndexFunc(in.Facts.Orders, func(o contract.Order) bool { return sameSerial(o.Serial, serial) })
	if i < 0 {
		return contract.Order{}, false
	}
	return in.Facts.Orders[i], true
}

// of returns the findings of a kind.
func (in Input) of(kind reconcile.Kind) []Finding {
	var all []Finding
	for _, f := range in.Findings {
		if f.Kind == kind {
			all = append(all, f)
		}
	}
	return all
}

// addMonths is the same day some months later; the last of the month where that
// has fewer days.
func addMonths(d contract.Date, n int) contract.Date {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return ""
	}
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return contract.DateOf(first.AddDate(0, 0, min(t.Day(), last)-1))
}
