package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// findTermShort finds donated gear whose line runs about one year where the
// program gives five (FAQ 1.3, 1.4): one finding per contract, since the program
// extends contracts. The program's word is that nothing needs to be done, until
// the line has ended and was not extended (FAQ 2.4).
//
// It claims only what is known. The term is from the line's begin, else from the
// day of shipping, and without either there is no claim: the year in a serial
// says when a unit was made. That a unit was donated is known by the ledger of
// orders; without any ledger it is likely where other lines of the contract run
// the program's term, for nothing else may be on a donated contract (FAQ 3.6).
func findTermShort(r *run) {
	groups, stale := r.shortTerms()
	for _, number := range stale {
		r.unproven = append(r.unproven, termKey(number))
	}
	for _, number := range slices.Sorted(maps.Keys(groups)) {
		r.findings = append(r.findings, r.termFinding(number, groups[number]))
	}
}

// shortTerms returns the lines that are short, by contract, and the contracts
// whose data is too old to say so.
func (r *run) shortTerms() (groups map[string][]shortTerm, stale []string) {
	donations := r.donations()
	programTerm := r.programTerms()
	groups = map[string][]shortTerm{}
	for _, l := range r.lines {
		term, short := r.short(l)
		if d, ok := r.declaration(l.serial, l.PID); !short || !r.inUse(l) || ok && d.Kind != DeclaredSpare {
			continue
		}
		order, known := donations[l]
		if !known && (len(r.Orders) > 0 || !programTerm[l.Contract]) {
			continue
		}
		if r.isRenewal(term, order) {
			continue
		}
		if !l.fresh {
			stale = append(stale, l.Contract)
			continue
		}
		groups[l.Contract] = append(groups[l.Contract], shortTerm{line: l, term: term, order: order})
	}
	return groups, stale
}

func termKey(number string) string { return string(TermShort) + "/" + number }

// A shortTerm is a line that is shorter than the program's term.
type shortTerm struct {
	*line
	term  termSpan
	order contract.Order // zero when no ledger names the unit
}

// A termSpan is the days from one to another.
type termSpan struct{ begin, end contract.Date }

func (s termSpan) days() int { return s.begin.DaysUntil(s.end) }

// termOf is the term of a line; ok is false when the file does not say it.
func termOf(l *contract.Line) (s termSpan, ok bool) {
	s = termSpan{cmp.Or(l.Begin, l.ShipDate), l.End}
	return s, s.begin != "" && s.begin < s.end
}

// short says that a line is of about one year and that no other line of its
// serial makes the term longer. A line that begins long after its unit was
// shipped follows on an earlier one that the file does not show.
func (r *run) short(l *line) (termSpan, bool) {
	term, ok := termOf(l.Line)
	if !ok || l.state == lineAhead || !r.aboutShort(term.days()) || l.ShipDate.DaysUntil(term.begin) > r.Settings.ShortTermDays {
		return term, false
	}
	whole := term
	for _, o := range r.onLine[l.serial] {
		if o.End == "" {
			return term, false
		}
		if t, ok := termOf(o.Line); ok {
			whole.begin = min(whole.begin, t.begin)
		}
		whole.end = max(whole.end, o.End)
	}
	return term, r.aboutShort(whole.days())
}

// isRenewal says that a line begins so long after its unit was donated that it
// follows on the donated one.
func (r *run) isRenewal(term termSpan, o contract.Order) bool {
	return cmp.Or(o.CompletedOn, o.OrderedOn).DaysUntil(term.begin) > r.Settings.ShortTermDays
}

func (r *run) aboutShort(days int) bool {
	return max(days-r.Settings.ShortTermDays, r.Settings.ShortTermDays-days) <= r.Settings.ShortTermTolerance
}

// inUse says that a line matters still: it has not ended, or its unit is there.
func (r *run) inUse(l *line) bool { return l.state == lineActive || r.isPresent(l.serial) }

// programTerms are the contracts of which a line runs the term that the program
// gives, and none has another length than that or the short one.
func (r *run) programTerms() map[string]bool {
	of := map[string]bool{}
	for _, l := range r.lines {
		term, ok := termOf(l.Line)
		if given, known := of[l.Contract]; !ok || known && !given {
			continue
		}
		given := term.begin.DaysUntil(r.programEnd(term.begin))
		switch n := term.days(); {
		case max(n-given, given-n) <= r.Settings.ShortTermTolerance:
			of[l.Contract] = true
		case !r.aboutShort(n):
			of[l.Contract] = false // it has terms of its own
		}
	}
	return of
}

// programEnd is when a term of the program that begins on a day ends.
func (r *run) programEnd(begin contract.Date) contract.Date {
	t, err := time.Parse(time.DateOnly, string(begin))
	if err != nil {
		return ""
	}
	return contract.DateOf(t.AddDate(r.Settings.TermYears, 0, 0))
}

// donations returns the lines of donated units with their orders: those whose
// serial an order names, and of an order without serials the lines of the
// product that began since, unless there are more of them than were ordered, for
// then nobody knows which.
func (r *run) donations() map[*line]contract.Order {
	known := map[*line]contract.Order{}
	for _, o := range r.Orders {
		for _, l := range r.onLine[inventory.CleanSerial(o.Serial)] {
			if r.sameProduct(o.ProductID, l.PID) {
				known[l] = o
			}
		}
	}
	for _, o := range r.Orders {
		if inventory.CleanSerial(o.Serial) != "" || o.OrderedOn == "" || r.family(o.ProductID) == "" {
			continue
		}
		var candidates []*line
		serials := map[string]bool{}
		for _, l := range r.lines {
			begin := cmp.Or(l.Begin, l.ShipDate)
			if _, taken := known[l]; !taken && l.PID != "" && begin >= o.OrderedOn && r.sameProduct(l.PID, o.ProductID) {
				candidates = append(candidates, l)
				serials[l.serial] = true
			}
		}
		if len(serials) > o.Quantity {
			continue
		}
		for _, l := range candidates {
			known[l] = o
		}
	}
	return known
}

func (r *run) termFinding(number string, short []shortTerm) Finding {
	slices.SortStableFunc(short, func(a, b shortTerm) int {
		return cmp.Or(cmp.Compare(a.End, b.End), strings.Compare(a.serial, b.serial), strings.Compare(a.Instance, b.Instance))
	})
	f := Finding{
		Key: termKey(number), Kind: TermShort, Severity: Info, Contract: number,
		Subject: fmt.Sprintf("%s: %s of about one year where the program gives %s", upperFirst(contractName(number)), count(len(short), "line"), count(r.Settings.TermYears, "year")),
	}
	if len(short) == 1 {
		f.Serial, f.PID = short[0].serial, short[0].PID
	}
	var orders, organizations, said []string
	ended := 0
	for _, s := range short {
		if s.state == lineEnded {
			ended++
		}
		if s.order.OrderNumber != "" {
			orders = append(orders, s.order.OrderNumber)
		}
		organizations = append(organizations, r.organizationName(s.order))
		expected := r.programEnd(s.term.begin)
		said = append(said, fmt.Sprintf("%s: from %s to %s instead of %s", describe(s.PID, s.serial), s.term.begin, s.term.end, expected))
		f.Evidence = append(f.Evidence, r.termEvidence(s, expected))
	}
	f.Evidence = capped(f.Evidence)
	if ended > 0 {
		f.Severity = Warning
	}
	slices.Sort(orders)
	f.NextStep = r.extension(number, ended > 0)
	f.NextStep.Sheet = Sheet{
		"to": r.Settings.ProgramMail, "organization": organizations[0], "order_number": strings.Join(slices.Compact(orders), ", "),
		"reason": fmt.Sprintf("%s was not extended to %s: %s.", upperFirst(contractName(number)), count(r.Settings.TermYears, "year"), strings.Join(capped(said), "; ")),
	}
	return f
}

func (r *run) termEvidence(s shortTerm, expected contract.Date) string {
	e := fmt.Sprintf("%s has a line from %s to %s, %s.", describe(s.PID, s.serial), s.term.begin, s.term.end, count(s.term.days(), "day"))
	if s.Begin == "" {
		e += " It begins with the day of shipping, for the file has no other."
	}
	e += fmt.Sprintf(" %s from then would end about %s.", upperFirst(count(r.Settings.TermYears, "year")), expected)
	if s.order.OrderNumber != "" {
		return e + fmt.Sprintf(" It was donated with order %s.", s.order.OrderNumber)
	}
	return e + " No ledger of orders says that it was donated, but other lines of the contract run the term that the program gives."
}

// extension is what to do: nothing, while the line runs.
func (r *run) extension(number string, ended bool) NextStep {
	check := fmt.Sprintf("Download %s again from Cisco's Service Contract Center (SCC) and import it: this is settled when the lines run %s.",
		contractName(number), count(r.Settings.TermYears, "year"))
	mail := "send the mail below to " + r.Settings.ProgramMail + ". It needs your organization's name, the order number and the reason."
	if ended {
		return NextStep{Title: "Ask the program for the extension: the short line has ended", Steps: []string{
			"The program extends such contracts by itself, but this one has ended without it. " + check,
			"If they still end too early, " + mail,
		}}
	}
	return NextStep{Title: "No action needed: the program extends the contract by itself", Steps: []string{
		fmt.Sprintf("By the program's word a contract of one year for donated gear is extended to %s after the fact. You need not do anything.", count(r.Settings.TermYears, "year")),
		check,
		"If it is not extended by the time it ends, " + mail,
	}}
}

// organizationName is who writes to the program.
func (r *run) organizationName(o contract.Order) string {
	return cmp.Or(o.Organization, r.Name, r.Organization)
}
