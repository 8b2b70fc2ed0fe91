package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
)

// Parts of the renewal list of one contract, in their order.
const (
	partEnded = iota
	partThree // months
	partSix
	partTwelve
	partPlain   // licences, and lines without a serial number
	partUnseen  // nobody sees it
	partGone    // declared as returned, retired or not the organization's
	partSupport // past the last date of support
	parts
)

var partTitles = [parts]string{
	"has ended", "ends within 3 months", "ends within 6 months", "ends within 12 months", "licences and lines without serial number that end within 12 months",
	"not seen: make sure that you still use it before you renew", "declared as gone: do not renew", "not worth renewing: Cisco no longer supports the product",
}

// A renewalRow is one line that ends, or one unit that has none.
type renewalRow struct {
	contract, serial, pid, description, level, instance, site, place string
	quantity                                                         int
	end, support                                                     contract.Date
	part                                                             int
}

// makeRenewal lists what ends within a year by the line's own end, contract by
// contract, for a reseller (FAQ 3.4): what is worth renewing, what is not, and
// what is on no contract and could be added.
func makeRenewal(in Input, r Request) (Document, error) {
	if r.About != "" || r.PID != "" {
		return Document{}, invalid("a renewal list is of a contract or of all: it takes no %q", cmp.Or(r.About, r.PID))
	}
	if err := in.hasContract(r.Of); err != nil {
		return Document{}, err
	}
	rows := in.renewalRows(r.Of)
	free := in.addable()
	if len(rows) == 0 && len(free) == 0 {
		return Document{}, nothing("nothing ends within 12 months, and nothing is on no contract: there is nothing to renew")
	}
	form := []Field{
		{Name: "organization", Label: "Organization", Value: in.organization()},
		{Name: "contact", Label: "Contact person"},
	}
	if slices.ContainsFunc(rows, func(x renewalRow) bool { return x.contract == "" }) {
		form = append(form, Field{Name: "contract", Label: "Contract number", Required: true})
	}
	form, err := complete("the renewal list", form, r.Fields)
	if err != nil {
		return Document{}, err
	}
	for i := range rows {
		rows[i].contract = cmp.Or(rows[i].contract, value(form, "contract"))
	}
	d := Document{Name: "renewal-" + r.Of, Title: "Support to renew", Form: form}
	if contact := value(form, "contact"); contact != "" {
		d.Sections = append(d.Sections, Section{Fields: []Field{{Name: "contact", Label: "Contact person", Value: contact}}})
	}
	d.Sections = append(d.Sections, in.renewalSections(rows)...)
	if len(free) > 0 {
		d.Sections = append(d.Sections, Section{Title: "On no contract, and could be added", Table: in.renewalTable(free)})
	}
	d.Sections = append(d.Sections, quantities(slices.Concat(rows, free)))
	d.Notes = append(d.Notes, "Find a reseller of SMARTnet with the Partner Locator in Cisco's Service Contract Center (SCC).")
	if len(free) > 0 {
		d.Notes = append(d.Notes, "What is on no contract can't be added to a donated one unless it came as a donation: ask for an agreement of its own.")
	}
	return d, nil
}

// hasContract refuses a number that no import has.
func (in Input) hasContract(number string) error {
	var known []string
	for _, l := range in.Facts.Lines {
		if l.Contract == number {
			return nil
		}
		known = append(known, l.Contract)
	}
	if number == "" {
		return nil
	}
	slices.Sort(known)
	known = slices.Compact(known)
	if len(known) > 10 {
		known = append(known[:10], "and others")
	}
	return nothing("there is no contract %q: there are %s", number, cmp.Or(strings.Join(known, ", "), "none"))
}

// renewalRows are the lines of a contract, or of all, that end within 12 months
// or have ended and are still needed.
func (in Input) renewalRows(number string) []renewalRow {
	today := in.Facts.Today()
	support := in.lastSupport()
	lines := in.linesBySerial()
	var rows []renewalRow
	decided := map[string]bool{} // serials of units: their other lines are history, or ahead
	for _, u := range in.Units {
		if serial := inventory.CleanSerial(u.Serial); serial != "" {
			decided[serial] = true
		}
		switch u.Coverage {
		case reconcile.Covered, reconcile.Expiring, reconcile.Expired:
		default:
			continue
		}
		l, ok := lineOf(u, lines)
		if !ok || number != "" && l.Contract != number {
			continue
		}
		row := newRenewalRow(l, cmp.Or(l.LastSupport, support.of(u.PID)), today)
		row.serial, row.pid, row.description, row.place = u.Serial, cmp.Or(u.PID, l.PID), cmp.Or(l.Description, u.Description), where(u)
		if kind, ok := in.declared(u.Serial, u.PID); ok && (kind == reconcile.DeclaredReturned || kind == reconcile.DeclaredRetired || kind == reconcile.DeclaredNotOurs) {
			row.part, row.place = min(row.part, partGone), declaredLabels[kind]
			if row.part <= partTwelve {
				row.part = partGone
			}
		}
		rows = append(rows, row)
	}
	for _, l := range in.Facts.Lines {
		serial := inventory.CleanSerial(l.Serial)
		if number != "" && l.Contract != number || decided[serial] && l.Kind() == contract.LineUnit || l.End < today || l.Terminated() {
			continue // what is not in use and has ended is over
		}
		row := newRenewalRow(l, cmp.Or(l.LastSupport, support.of(l.PID)), today)
		if row.part > partTwelve {
			rows = append(rows, row)
			continue
		}
		row.part = partPlain
		if l.Kind() == contract.LineUnit {
			row.part = partUnseen
			if kind, ok := in.declared(serial, l.PID); ok {
				row.place = declaredLabels[kind]
				switch kind {
				case reconcile.DeclaredSpare, reconcile.DeclaredElsewhere:
				default:
					row.part = partGone
				}
			}
		}
		rows = append(rows, row)
	}
	rows = slices.DeleteFunc(rows, func(x renewalRow) bool { return x.end == "" || x.part != partEnded && x.end > addMonths(today, 12) })
	slices.SortStableFunc(rows, func(a, b renewalRow) int {
		return cmp.Or(strings.Compare(a.contract, b.contract), a.part-b.part, cmp.Compare(a.end, b.end), strings.Compare(a.pid, b.pid),
			strings.Compare(a.serial, b.serial), strings.Compare(a.instance, b.instance))
	})
	return rows
}

func newRenewalRow(l contract.Line, support, today contract.Date) renewalRow {
	row := renewalRow{
		contract: l.Contract, serial: l.Serial, pid: l.PID, description: l.Description, level: l.ServiceLevel, instance: l.Instance, site: l.Site,
		quantity: max(l.Quantity, 1), end: l.End, support: support, part: partTwelve,
	}
	switch {
	case support != "" && support < today:
		row.part = partSupport
	case l.End < today, l.Terminated():
		row.part = partEnded
	case l.End <= addMonths(today, 3):
		row.part = partThree
	case l.End <= addMonths(today, 6):
		row.part = partSix
	}
	return row
}

// RenewFirst says in plain words which renewal comes first: what has ended, then
// what ends next. It is empty where nothing that is worth renewing ends within a
// year.
func (in Input) RenewFirst() string {
	var ended, ahead []renewalRow
	for _, x := range in.renewalRows("") {
		switch {
		case x.part == partEnded:
			ended = append(ended, x)
		case x.part <= partTwelve:
			ahead = append(ahead, x)
		}
	}
	soonest := func(rows []renewalRow) (first renewalRow, others string) {
		first = slices.MinFunc(rows, func(a, b renewalRow) int { return cmp.Compare(a.end, b.end) })
		same := 0
		for _, x := range rows {
			if x.end == first.end {
				same++
			}
		}
		if same > 1 {
			others = fmt.Sprintf(", and %d more on the same day", same-1)
		}
		return first, others
	}
	name := func(x renewalRow) string {
		words := strings.TrimSpace(x.pid + " " + x.serial)
		if x.place != "" {
			words += " in " + x.place
		}
		return words + ", " + contractName(x.contract)
	}
	words := ""
	if len(ended) > 0 {
		first, others := soonest(ended)
		words = fmt.Sprintf("Renew first what has no cover any more: %s, ended on %s%s.", name(first), day(first.end), others)
	}
	if len(ahead) > 0 {
		first, others := soonest(ahead)
		lead := "Renew first"
		if words != "" {
			words, lead = words+" ", "Then"
		}
		left := "today"
		switch n := in.Facts.Today().DaysUntil(first.end); n {
		case 0:
		case 1:
			left = "tomorrow"
		default:
			left = fmt.Sprintf("in %d days", n)
		}
		words += fmt.Sprintf("%s: %s, ends on %s, %s%s.", lead, name(first), day(first.end), left, others)
	}
	return words
}

// addable are the units on no contract that Cisco still supports.
func (in Input) addable() []renewalRow {
	support := in.lastSupport()
	var rows []renewalRow
	for _, u := range in.Units {
		if u.Coverage == reconcile.Uncovered {
			rows = append(rows, renewalRow{serial: u.Serial, pid: u.PID, description: u.Description, quantity: 1, support: support.of(u.PID), place: where(u), part: -1})
		}
	}
	return rows
}

func (in Input) renewalSections(rows []renewalRow) []Section {
	var all []Section
	for i := 0; i < len(rows); {
		end := i
		for end < len(rows) && rows[end].contract == rows[i].contract && rows[end].part == rows[i].part {
			end++
		}
		all = append(all, Section{Title: upperFirst(contractName(rows[i].contract)) + ": " + partTitles[rows[i].part], Table: in.renewalTable(rows[i:end])})
		i = end
	}
	return all
}

func (in Input) renewalTable(rows []renewalRow) *Table {
	t := &Table{Columns: []Column{
		{Name: "contract", Label: "Contract"},
		{Name: "serial", Label: "Serial number"},
		{Name: "pid", Label: "Product"},
		{Name: "description", Label: "Description"},
		{Name: "quantity", Label: "Quantity", Number: true},
		{Name: "service_level", Label: "Service level"},
		{Name: "line", Label: "Line (instance)"},
		{Name: "line_end", Label: "Ends"},
		{Name: "days", Label: "Days left", Number: true},
		{Name: "last_support", Label: "Supported until"},
		{Name: "install_site", Label: "Install site"},
		{Name: "place", Label: "Place"},
	}}
	for _, x := range rows {
		days := ""
		if x.end >= in.Facts.Today() {
			days = fmt.Sprint(in.Facts.Today().DaysUntil(x.end))
		}
		t.Rows = append(t.Rows, []string{
			x.contract, x.serial, x.pid, x.description, fmt.Sprint(x.quantity), x.level, x.instance, day(x.end), days, day(x.support), x.site, x.place,
		})
	}
	return t
}

// quantities adds up by product what is worth an offer.
func quantities(rows []renewalRow) Section {
	type group struct{ contract, pid, level string }
	sums, firsts := map[group]int{}, map[group]contract.Date{}
	var groups []group
	for _, x := range rows {
		if x.part > partPlain {
			continue
		}
		g := group{x.contract, x.pid, x.level}
		if sums[g] == 0 {
			groups = append(groups, g)
			firsts[g] = x.end
		}
		sums[g] += x.quantity
		firsts[g] = min(firsts[g], x.end)
	}
	slices.SortStableFunc(groups, func(a, b group) int {
		// What is on no contract comes last.
		return cmp.Or(compareEmpty(a.contract, b.contract), strings.Compare(a.contract, b.contract), strings.Compare(a.pid, b.pid), strings.Compare(a.level, b.level))
	})
	t := &Table{Columns: []Column{
		{Name: "pid", Label: "Product"},
		{Name: "quantity", Label: "Quantity", Number: true},
		{Name: "service_level", Label: "Service level"},
		{Name: "contract", Label: "Contract"},
		{Name: "first_end", Label: "First end"},
	}}
	for _, g := range groups {
		t.Rows = append(t.Rows, []string{g.pid, fmt.Sprint(sums[g]), g.level, g.contract, day(firsts[g])})
	}
	s := Section{Title: "Quantities for an offer", Table: t}
	if len(groups) == 0 {
		s = Section{Title: s.Title, Text: []string{"None: nothing of this is worth renewing as it stands."}}
	}
	return s
}

// compareEmpty puts "" last.
func compareEmpty(a, b string) int {
	switch {
	case (a == "") == (b == ""):
		return 0
	case a == "":
		return 1
	}
	return -1
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
