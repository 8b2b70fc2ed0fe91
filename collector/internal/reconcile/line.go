package reconcile

import (
	"cmp"
	"slices"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// A line is a contract line that can stand for a unit.
type line struct {
	*contract.Line        // of the facts, which is not to be changed
	serial         string // cleaned
	fresh          bool   // its contract's data is young enough for a verdict
	state          lineTime
	// answer is that of the Support API on which the line rests, or its end;
	// nil where a file has both. partial says that no file has the line.
	answer  *contract.Lookup
	partial bool
}

// lineTime says where today lies in a line.
type lineTime int

const (
	lineActive  lineTime = iota // the day it ends is still covered
	lineEnded                   // ended before today, or terminated
	lineEndless                 // begun, and the file does not say when it ends
	lineAhead                   // begins after today
)

func timeOf(l *contract.Line, today contract.Date) lineTime {
	switch {
	case l.Terminated():
		return lineEnded
	case l.Begin > today:
		return lineAhead
	case l.End == "":
		return lineEndless
	case l.End < today:
		return lineEnded
	}
	return lineActive
}

// indexLines keeps the lines that can stand for a unit, each once though two
// files may hold it.
func (r *run) indexLines() {
	type identity struct {
		contract, instance, serial, pid, level string
		begin, end                             contract.Date
	}
	known := map[identity]bool{}
	padded, second := r.padded(), r.secondSerials()
	for i := range r.Lines {
		l := &r.Lines[i]
		serial := r.ofSecond(r.withZeros(l, padded), l, second)
		if l.Kind() != contract.LineUnit || serial == "" {
			continue
		}
		id := identity{l.Contract, l.Instance, serial, inventory.MatchPID(l.PID), l.ServiceLevel, l.Begin, l.End}
		if known[id] {
			continue
		}
		known[id] = true
		x := &line{Line: l, serial: serial, fresh: !r.isStale(l.Contract), state: timeOf(l, r.today)}
		r.lines = append(r.lines, x)
		r.onLine[serial] = append(r.onLine[serial], x)
	}
	for _, l := range r.Dropped {
		serial := inventory.CleanSerial(l.Serial)
		r.dropped[serial] = append(r.dropped[serial], l)
	}
}

// padded are the serials in use that are all digits and begin with zeros, by what
// is left of them in a spreadsheet that takes them for numbers; "" where two
// would be the same.
func (r *run) padded() map[string]string {
	all := map[string]string{}
	for serial := range r.seen {
		number := strings.TrimLeft(serial, "0")
		if number == serial || !isNumber(number) {
			continue
		}
		if _, twice := all[number]; twice {
			serial = ""
		}
		all[number] = serial
	}
	return all
}

// withZeros is the serial of a line. Spreadsheets take serials of digits for
// numbers and drop the zeros before them, so one that nobody has is that of a
// unit of the same product which has it with zeros.
func (r *run) withZeros(l *contract.Line, padded map[string]string) string {
	serial := inventory.CleanSerial(l.Serial)
	whole := padded[serial]
	if l.PID == "" || len(r.seen[serial]) > 0 ||
		!slices.ContainsFunc(r.seen[whole], func(s *Sighting) bool { return s.Component.PID != "" && r.sameProduct(s.Component.PID, l.PID) }) {
		return serial
	}
	return whole
}

// secondSerials are the units in use by their aliases: devices tell a second
// serial number of some parts (ceEntPhysicalSecondSerialNum, discovery facts
// 2.2), and that one may stand on the label and on a contract. An alias of two
// units names neither.
func (r *run) secondSerials() map[string]*Sighting {
	all := map[string]*Sighting{}
	for _, s := range r.sightings {
		if !s.Component.Unit || !s.Present() {
			continue
		}
		own := inventory.CleanSerial(s.Component.Serial)
		for _, a := range s.Component.Aliases {
			serial := inventory.CleanSerial(a)
			if serial == "" || own == "" {
				continue
			}
			if other, known := all[serial]; known && (other == nil || inventory.CleanSerial(other.Component.Serial) != own) {
				all[serial] = nil
				continue
			}
			all[serial] = s
		}
	}
	return all
}

// ofSecond is the serial of the unit that a line names by its second one, which
// is no part's first and is of the same product, as far as the line says.
func (r *run) ofSecond(serial string, l *contract.Line, second map[string]*Sighting) string {
	s := second[serial]
	if s == nil || len(r.seen[serial]) > 0 || !r.sameProduct(s.Component.PID, l.PID) {
		return serial
	}
	return inventory.CleanSerial(s.Component.Serial)
}

// indexUnseen notes the active lines of nothing that is there.
func (r *run) indexUnseen() {
	r.unseen = map[string][]*line{}
	for _, l := range r.lines {
		if l.state == lineActive && !r.isPresent(l.serial) {
			r.unseen[r.family(l.PID)] = append(r.unseen[r.family(l.PID)], l)
		}
	}
}

// isStale says that the data of a contract is too old for a verdict, or that its
// age is not known.
func (r *run) isStale(number string) bool {
	i, ok := r.imports[number]
	return !ok || dayOf(i.At).DaysUntil(r.today) > r.Settings.StaleDays
}

// countLines says what became of every line, licences and quantities too, and
// which are of nothing that is seen.
func (r *run) countLines() (counts map[LineState]int, unmatched []contract.Line) {
	counts = map[LineState]int{LineMatched: 0, LineUnmatched: 0, LineLicence: 0, LineQuantity: 0}
	for _, l := range r.Lines {
		switch {
		case l.Kind() == contract.LineLicence:
			counts[LineLicence]++
		case l.Kind() == contract.LineQuantity, inventory.CleanSerial(l.Serial) == "":
			counts[LineQuantity]++
		}
	}
	for _, l := range r.lines {
		if r.isPresent(l.serial) {
			counts[LineMatched]++
		} else {
			counts[LineUnmatched]++
			unmatched = append(unmatched, *l.Line)
		}
	}
	return counts, unmatched
}

// isPresent says that the serial is at some place, as far as is known.
func (r *run) isPresent(serial string) bool {
	return slices.ContainsFunc(r.seen[serial], func(s *Sighting) bool { return s.Present() })
}

// A match is a line with the serial of a unit.
type match struct {
	*line
	exact bool // the PIDs are of one product too
}

// matches returns the lines of a unit, the one that decides first: of the
// active ones that which ends last (contract.Line.End, never the contract's own
// end). Lines of its very product go before lines that agree in the serial
// alone, for serials are unique only together with the PID. The age of the data
// plays no part here: a contract whose data grows old must not hand a unit, and
// the finding about its end, to another contract.
func (r *run) matches(u *unit) []match {
	var all []match
	for _, l := range r.onLine[u.serial] {
		all = append(all, match{l, slices.ContainsFunc(u.pids, func(pid string) bool { return r.sameProduct(pid, l.PID) })})
	}
	slices.SortStableFunc(all, func(a, b match) int {
		order := cmp.Or(cmp.Compare(a.state, b.state), compareBool(a.exact, b.exact), -cmp.Compare(a.End, b.End))
		if a.state == lineAhead && b.state == lineAhead {
			order = cmp.Or(compareBool(a.exact, b.exact), cmp.Compare(a.Begin, b.Begin), -cmp.Compare(a.End, b.End))
		}
		return cmp.Or(order, strings.Compare(a.Contract, b.Contract), strings.Compare(a.Instance, b.Instance))
	})
	return all
}
