package contract

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"rollcall/pkg/inventory"
)

// A lineBuilder makes lines of rows. Dates whose order is not known yet wait
// until the whole file was seen.
type lineBuilder struct {
	file     string
	table    *table
	contract string // for files without the column
	order    DateOrder

	lines   []Line
	dropped []bool // by line: refused after all
	parts   []part // of an archive; one for a file by itself
	refused []Refusal
	waiting []waitingDate
	// offContract counts the rows that are off any contract.
	offContract int
	// notCovered says that all rows are: the file lists what has no contract.
	notCovered bool
	// partial says that the file answers for serials and no contract; asked
	// are its rows that are off any contract.
	partial  bool
	asked    []Line
	warnings []Refusal

	monthFirst, dayFirst bool // dates that can only be that were seen

	dateFields []dateField
	known      map[string]readDay // a file has few days, many times
	texts      map[string]string  // nor has it many products, sites and levels
	extras     map[string]map[string]string
}

// A part are the lines of one file of an archive, up to the next part.
type part struct {
	file   string
	number string // of the contract, as the file's name has it
	first  int
}

// partOf is the part that a row is of.
func (b *lineBuilder) partOf(r record) part {
	if n := len(b.parts); n > 0 && b.parts[n-1].file == r.file {
		return b.parts[n-1]
	}
	p := part{file: r.file, number: cmp.Or(b.contract, contractInName.FindString(path.Base(r.file))), first: len(b.lines)}
	b.parts = append(b.parts, p)
	return p
}

// fileOf is the name of the file that has a line.
func (b *lineBuilder) fileOf(line int) string {
	i, _ := slices.BinarySearchFunc(b.parts, line, func(p part, line int) int {
		if p.first <= line {
			return -1
		}
		return 1
	})
	return b.parts[i-1].file
}

// mostTexts is how many different texts of a file are kept once.
const mostTexts = 50_000

// own is a text without the row that it was cut from, which would stay in memory
// with it; texts that come again and again are kept once.
func (b *lineBuilder) own(s string) string {
	if s == "" {
		return ""
	}
	if known, ok := b.texts[s]; ok {
		return known
	}
	s = strings.Clone(s)
	if len(b.texts) < mostTexts {
		b.texts[s] = s
	}
	return s
}

// A readDay is what a cell says as a date.
type readDay struct {
	date  Date
	err   error
	order DateOrder // that it shows
}

// readDay reads a date, in the order that was told.
func (b *lineBuilder) readDay(value string) readDay {
	d, ok := b.known[value]
	if !ok {
		d.date, d.err = readDate(value, b.order)
		d.order = orderOf(value)
		if len(b.known) < 10_000 {
			b.known[strings.Clone(value)] = d
		}
	}
	return d
}

// A waitingDate is a date that is one of two days.
type waitingDate struct {
	line          int
	field         dateField
	header, value string
}

// A dateField is a field of dates. A line is refused when one that decides
// can't be read; any other unreadable date is kept as text.
type dateField struct {
	name    string
	decides bool
	of      func(*Line) *Date
}

func dateFields() []dateField {
	return []dateField{
		{fieldBegin, true, func(l *Line) *Date { return &l.Begin }},
		{fieldEnd, true, func(l *Line) *Date { return &l.End }},
		{"last_support", true, func(l *Line) *Date { return &l.LastSupport }},
		{"contract_end", false, func(l *Line) *Date { return &l.ContractEnd }},
		{"ship_date", false, func(l *Line) *Date { return &l.ShipDate }},
		{"warranty_end", false, func(l *Line) *Date { return &l.WarrantyEnd }},
	}
}

// add takes a row. Its error is about the whole file.
func (b *lineBuilder) add(r record) error {
	if r.fault != "" {
		serial, _ := r.get(fieldSerial)
		b.refuse(r.refuse("", r.beginning(), r.fault), inventory.CleanSerial(serial))
		return nil
	}
	p := b.partOf(r)
	b.noteOrders(r)
	l, refusal := b.line(r, p)
	if refusal == nil {
		refusal = b.dates(r, &l)
	}
	if refusal != nil {
		b.refuse(*refusal, l.Serial)
		return nil
	}
	if b.isOffContract(r, l) {
		b.offContract++
		if b.partial {
			b.asked = append(b.asked, l)
		}
		return nil
	}
	b.warn(r)
	b.table.extra += len(l.Extra)
	if b.table.extra > b.table.lim.extra {
		return fmt.Errorf("cannot use %s: it has more than %d cells in columns that Rollcall does not know; split it, or leave columns out",
			b.file, b.table.lim.extra)
	}
	b.lines = append(b.lines, l)
	b.dropped = append(b.dropped, false)
	return nil
}

// isOffContract says that the row is of a product that the file itself has under
// no contract: install-base files list all that was ever bought, and the Support
// APIs answer for every serial number that they are asked for.
func (b *lineBuilder) isOffContract(r record, l Line) bool {
	begin, _ := r.get(fieldBegin)
	end, _ := r.get(fieldEnd)
	if !noDate(begin) || !noDate(end) {
		return false
	}
	covered, _ := r.get(fieldCovered)
	return b.notCovered || r.layout.has(fieldContract) && l.Contract == "" || strings.EqualFold(covered, "NO")
}

// warn says what may be wrong with a row that is used all the same.
func (b *lineBuilder) warn(r record) {
	c := r.column(fieldSerial)
	if r.kinds[c] == cellNumber {
		b.warnings = append(b.warnings, r.refuse(r.layout.headers[c], r.cells[c], "the workbook has the serial number as a number: "+
			"zeros at its beginning are lost, if it had any; compare it with the label"))
	}
}

func (b *lineBuilder) refuse(r Refusal, serial string) {
	r.Serial = strings.Clone(serial)
	b.refused = append(b.refused, r)
}

// noteOrders learns from every date of the file, also of rows that are refused.
func (b *lineBuilder) noteOrders(r record) {
	for _, f := range b.dateFields {
		value, _ := r.get(f.name)
		switch b.readDay(value).order {
		case MonthFirst:
			b.monthFirst = true
		case DayFirst:
			b.dayFirst = true
		}
	}
}

var (
	// exponent is what spreadsheets make of long numbers: 1.2E+10.
	exponent = regexp.MustCompile(`^\d(?:[.,]\d+)?[Ee]\+\d+$`)
	// serialShape are the characters that serials have.
	serialShape = regexp.MustCompile(`^[A-Z0-9][A-Z0-9._/+-]{0,49}$`)
)

// spoiltDate is why a serial number is refused that is a date in its workbook.
const spoiltDate = "a spreadsheet turned the serial number into a date: download the file again and give it as it is"

// line reads all of a row but its dates.
func (b *lineBuilder) line(r record, p part) (Line, *Refusal) {
	text := func(field string) string { v, _ := r.get(field); return b.own(v) }
	once := func(field string) string { v, _ := r.get(field); return strings.Clone(v) } // each line has its own
	l := Line{
		Contract: b.own(strings.TrimPrefix(text(fieldContract), "'")), Instance: once("instance"), Parent: once("parent"),
		PID: b.own(inventory.CleanPID(strings.TrimPrefix(text(fieldPID), "'"))), Description: text("description"),
		ProductType: text("product_type"), ServiceLevel: text("service_level"), Status: cmp.Or(text("status"), text(fieldCovered)),
		Site: text("site"), SiteAddress: b.own(b.address(r)), SalesOrder: text("sales_order"), Row: r.number, Extra: b.extra(r),
	}
	if !r.layout.has(fieldContract) {
		l.Contract = p.number
	}
	if strings.Contains(l.PID, " ") { // "Catalyst 9300 switch" under "Product"
		if l.Description == "" {
			l.Description = l.PID
		}
		l.PID = ""
	}
	if isService(l.PID) { // the service's own product, as resellers list it
		l.ServiceLevel = cmp.Or(l.ServiceLevel, l.PID)
		l.PID = ""
		for _, c := range r.layout.columns[fieldPID] { // another column may have the equipment's
			if pid := inventory.CleanPID(r.cell(c)); l.PID == "" && !isService(pid) && !strings.Contains(pid, " ") {
				l.PID = b.own(pid)
			}
		}
	}
	value, header := r.get(fieldSerial)
	value = strings.TrimPrefix(value, "'")
	l.Serial = strings.Clone(inventory.CleanSerial(value))
	if exponent.MatchString(value) {
		refusal := r.refuse(header, value, "a spreadsheet turned the serial number into a number and lost digits: "+
			"download the file again and give it as it is, or make the column text before the file is opened")
		l.Serial = "" // which serial number it was, nobody can say
		return l, &refusal
	}
	if r.kinds[r.column(fieldSerial)] == cellDate {
		refusal := r.refuse(header, value, spoiltDate)
		l.Serial = ""
		return l, &refusal
	}
	if l.Serial != "" && !serialShape.MatchString(l.Serial) {
		refusal := r.refuse(header, value, "it is not one serial number: one row has one, of letters and digits")
		l.Serial = ""
		return l, &refusal
	}
	if l.Serial != "" && !strings.ContainsAny(l.Serial, "0123456789") { // "Total" under the last row
		refusal := r.refuse(header, value, "it has no digit, so it is no serial number; a row of totals may be left out")
		l.Serial = ""
		return l, &refusal
	}
	if pak := text(fieldPAK); pak != "" && l.Serial == "" && !softwareType.MatchString(l.ProductType) {
		l.ProductType = strings.TrimSpace("Software (PAK) " + l.ProductType)
	}
	if value, header := r.get("quantity"); value != "" {
		n, ok := quantity(value)
		if !ok {
			l.keep(header, value)
		}
		l.Quantity = n
	}
	if l.Serial == "" && l.PID == "" && l.Instance == "" && l.Quantity == 0 {
		refusal := r.refuse(header, r.beginning(), "the row has no serial number, product or quantity")
		return l, &refusal
	}
	return l, nil
}

// isService says that a PID is a service's: CON-SNT-C93004PE.
func isService(pid string) bool { return strings.HasPrefix(strings.ToUpper(pid), "CON-") }

// quantity reads 1, 1.0 and 1,000.
func quantity(s string) (int, bool) {
	s = strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(s, ".00"), ".0"), ",", "")
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, false
	}
	return n, true
}

// address is the install site's address in one line.
func (b *lineBuilder) address(r record) string {
	var parts []string
	for _, f := range []string{"address_1", "address_2", "address_3", "city", "state", "postal_code", "country"} {
		if v, _ := r.get(f); v != "" {
			parts = append(parts, v)
		}
	}
	return strings.Join(parts, ", ")
}

// extra keeps the columns that no field has. Lines that say the same share it.
func (b *lineBuilder) extra(r record) map[string]string {
	var extra map[string]string
	var says []byte
	for i, c := range r.cells {
		if c == "" || i >= len(r.layout.fields) || r.layout.fields[i] != "" {
			continue
		}
		says = append(append(append(says, r.layout.headers[i]...), 0), c...)
		says = append(says, 0)
	}
	if known, ok := b.extras[string(says)]; ok {
		return known
	}
	for i, c := range r.cells {
		if c == "" || i >= len(r.layout.fields) || r.layout.fields[i] != "" {
			continue
		}
		header := r.layout.headers[i]
		if _, taken := extra[header]; taken || header == "" {
			continue
		}
		if extra == nil {
			extra = map[string]string{}
		}
		extra[header] = b.own(c)
	}
	if len(b.extras) < mostTexts {
		b.extras[string(says)] = extra
	}
	return extra
}

// keep puts a value that can't be read beside the columns without a field.
func (l *Line) keep(header, value string) {
	l.Extra = maps.Clone(l.Extra) // other lines may have it too
	if l.Extra == nil {
		l.Extra = map[string]string{}
	}
	l.Extra[header] = strings.Clone(value)
}

// dates reads the dates of a row into the line that comes next.
func (b *lineBuilder) dates(r record, l *Line) *Refusal {
	var waiting []waitingDate
	for _, f := range b.dateFields {
		value, header := r.get(f.name)
		read := b.readDay(value)
		d, err := read.date, read.err
		switch {
		case errors.Is(err, errAmbiguous):
			waiting = append(waiting, waitingDate{line: len(b.lines), field: f, header: header, value: b.own(value)})
		case err != nil && f.decides:
			refusal := r.refuse(header, value, err.Error())
			return &refusal
		case err != nil:
			l.keep(header, value)
		}
		*f.of(l) = d
	}
	b.waiting = append(b.waiting, waiting...)
	return nil
}

// finish returns the lines and refusals, after settling the dates that waited.
func (b *lineBuilder) finish() ([]Line, []Refusal) {
	order, ambiguous := b.order, errAmbiguous
	switch {
	case order != OrderUnknown:
	case b.monthFirst && b.dayFirst:
		ambiguous = errors.New("day and month could be either way round, and the file's other dates have both: write it as YYYY-MM-DD")
	case b.monthFirst:
		order = MonthFirst
	case b.dayFirst:
		order = DayFirst
	}
	for _, w := range b.waiting {
		l := &b.lines[w.line]
		d, err := readDate(w.value, order)
		if errors.Is(err, errAmbiguous) {
			err = ambiguous
		}
		switch {
		case err == nil:
			*w.field.of(l) = d
		case w.field.decides:
			b.drop(w.line, w.header, w.value, err.Error())
		default:
			l.keep(w.header, w.value)
		}
	}
	for i, l := range b.lines {
		if l.Begin != "" && l.End != "" && l.End < l.Begin {
			b.drop(i, b.headerOf(fieldEnd), string(l.End), fmt.Sprintf("the line ends before it begins, on %s", l.Begin))
		}
	}
	lines := b.lines[:0]
	for i, l := range b.lines {
		if !b.dropped[i] {
			lines = append(lines, l)
		}
	}
	if lines == nil {
		lines = []Line{}
	}
	slices.SortStableFunc(b.refused, func(x, y Refusal) int { return cmp.Or(strings.Compare(x.File, y.File), x.Row-y.Row) })
	return lines, append([]Refusal{}, b.refused...)
}

// drop refuses a line after all, for its first reason only.
func (b *lineBuilder) drop(line int, column, value, reason string) {
	if b.dropped[line] {
		return
	}
	b.dropped[line] = true
	l := b.lines[line]
	b.refuse(Refusal{File: b.fileOf(line), Row: l.Row, Column: column, Value: shorten(value), Reason: reason}, l.Serial)
}

func (b *lineBuilder) headerOf(field string) string {
	if columns := b.table.layout.columns[field]; len(columns) > 0 {
		return b.table.layout.headers[columns[0]]
	}
	return field
}
