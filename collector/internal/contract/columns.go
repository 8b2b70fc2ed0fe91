package contract

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A fieldNames is a field and the headers under which files have it, best
// first. Where several columns of a file are of one field, the first of them
// that is not empty in a row counts.
type fieldNames struct {
	field string
	names []string
}

// The fields that decide what can be read; the others are named in the tables
// alone.
const (
	fieldSerial   = "serial"
	fieldPID      = "pid"
	fieldContract = "contract"
	fieldPAK      = "pak"
	fieldBegin    = "begin"
	fieldEnd      = "end"
	fieldCovered  = "covered"
)

// contractColumns are the headers of contract files: downloads of the Service
// Contract Center, install-base workbooks, reports in the manner of SNTC, and
// field names of Cisco's APIs that exporters use as headers. They are matched
// without case, spaces and punctuation. No official list exists, so this is
// data, to be added to. Names in other languages stand in translatedColumns.
func contractColumns() []fieldNames {
	columns := []fieldNames{
		{fieldSerial, []string{
			"serial number / pak number", "serial number", "serialnumber", "sr_no", "sn", "serial", "serial no", "serial #",
			"product serial number", "covered serial number", "serial numbers", "hardware serial number", "device serial number",
		}},
		{fieldPAK, []string{"pak number", "pak", "product authorization key"}},
		{fieldContract, []string{"contract number", "contractnumber", "service_contract_number", "service contract", "contract no", "contract #", "contract id", "service contract number", "support contract number", "contract"}},
		{"instance", []string{"instance number", "instance id", "instance_number", "contractinstancenumber", "contract instance id", "instance"}},
		{"parent", []string{"parent instance id", "parentcontractinstanceid", "parent instance number", "parent_instance_no", "parent_sr_no"}},
		{fieldPID, []string{
			"product number", "product id", "productid", "base_pid", "base product id", "orderable_pid", "pid", "sku", "part number", "product part number", "covered product", "covered product id", "covered product number", "equipment", "item name", "product",
		}},
		{"description", []string{"description", "product description", "item description", "product name"}},
		{"product_type", []string{"product type", "asset type", "hw type", "item type", "equipment type"}},
		{"service_level", []string{"service level", "servicelevel", "default service level", "service_line_descr", "service level description", "sla type"}},
		{"status", []string{
			"covered product status", "covered line status", "service line status", "coverage status", "coveragestatus", "line status", "contract status", "status", "coverage",
		}},
		{fieldCovered, []string{"is_covered"}},
		{fieldBegin, []string{
			"begin date", "covered line start date", "coveragestartdate", "covered begin date", "line start date", "line begin date", "coverage begin date", "coverage start date", "service start date", "start date",
		}},
		{fieldEnd, []string{
			"end date", "covered line end date", "coverage end date", "coverageenddate", "contract coverage ends", "covered_product_line_end_date",
			"line end date", "coverage ends", "service end date", "expiration date", "expiry date",
		}},
		{"contract_end", []string{"contractenddate", "contract end date", "contract expiration date"}},
		{"ship_date", []string{"product ship date", "ship date", "ordershipdate"}},
		{"last_support", []string{"last date of support", "last day of support", "lastdateofsupport", "ldos"}},
		{"warranty_end", []string{"warranty end date", "warrantyenddate"}},
		{"site", []string{
			"site name", "install site name", "installed-at site name", "installedatsitename", "contract_site_customer_name", "install site", "site",
		}},
		{"address_1", []string{"site address", "install site address 1", "installed-at address", "installedataddressline1", "contract_site_address1", "site address1"}},
		{"address_2", []string{"site address line2", "install site address 2", "installedataddressline2"}},
		{"address_3", []string{"site address line3", "install site address 3", "installedataddressline3"}},
		{"city", []string{"site city", "install site city", "installed-at city", "installedatcity", "contract_site_city"}},
		{"state", []string{
			"site state / province", "site state", "install site state", "installed-at state", "installedatstate", "installedatprovince", "contract_site_state_province",
		}},
		{"postal_code", []string{"site postal code", "install site postal code", "installed-at postal code", "installedatpostalcode"}},
		{"country", []string{"site country", "install site country", "installed-at country", "installedatcountry", "contract_site_country"}},
		{"sales_order", []string{"product so number", "product so", "sales order number", "sales order", "so number"}},
		{"quantity", []string{"product quantity", "item quantity", "quantity", "qty"}},
	}
	for i := range columns {
		columns[i].names = append(columns[i].names, translatedColumns()[columns[i].field]...)
	}
	return columns
}

// fold is the form in which headers are compared: letters and digits, lower
// case.
func fold(header string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, header)
}

// A layout says which columns of a file are which field.
type layout struct {
	headers []string
	fields  []string         // by column; "" for one that no field has
	columns map[string][]int // by field, best first
}

// synonyms are the names of a table by their folded form.
type synonyms map[string]synonym

type synonym struct {
	field string
	rank  int // 0 is the best name of the field
}

func foldNames(table []fieldNames) synonyms {
	s := synonyms{}
	for _, f := range table {
		for rank, name := range f.names {
			if _, taken := s[fold(name)]; !taken {
				s[fold(name)] = synonym{f.field, rank}
			}
		}
	}
	return s
}

// layOut understands a header row.
func layOut(cells []string, known synonyms) layout {
	l := layout{headers: make([]string, len(cells)), fields: make([]string, len(cells)), columns: map[string][]int{}}
	order := make([]int, len(cells))
	for i, c := range cells {
		l.headers[i] = clean(c)
		if len(c) > 100 { // no name of a column
			continue
		}
		s, ok := known[fold(c)]
		if !ok {
			continue
		}
		l.fields[i], order[i] = s.field, s.rank
		l.columns[s.field] = append(l.columns[s.field], i)
	}
	for _, columns := range l.columns {
		slices.SortStableFunc(columns, func(a, b int) int { return order[a] - order[b] })
	}
	return l
}

// has says that the file has a column of each field.
func (l layout) has(fields ...string) bool {
	for _, f := range fields {
		if len(l.columns[f]) == 0 {
			return false
		}
	}
	return true
}

// isDate says that a column is one of dates; nil is before the header row.
func (l *layout) isDate(column int) bool {
	if l == nil || column >= len(l.fields) {
		return false
	}
	switch l.fields[column] {
	case fieldBegin, fieldEnd, "contract_end", "ship_date", "last_support", "warranty_end",
		"opened_on", "shipped_on", "return_by", "ordered_on", "completed_on":
		return true
	}
	return false
}

// isSerial says that a column is one of serial numbers.
func (l *layout) isSerial(column int) bool {
	if l == nil || column >= len(l.fields) {
		return false
	}
	switch l.fields[column] {
	case fieldSerial, "old_serial", "new_serial":
		return true
	}
	return false
}

// described is the layout for people.
func (l layout) described() []Column {
	columns := make([]Column, len(l.headers))
	for i, h := range l.headers {
		columns[i] = Column{Header: h, Field: l.fields[i]}
	}
	return columns
}

// headerWithin is the number of rows among which the header row must be; above
// it stand titles and dates of the export.
const headerWithin = 50

// delimiters that files use, the likeliest first.
const delimiters = ",;\t|"

// findHeader returns the delimiter of the file and its header row: the row of
// most known fields, of those with the required ones.
func findHeader(head, name string, what spec, lim limits) (comma byte, header row, err error) {
	names := what.names()
	best, closest := 0, []string(nil)
	most := -1
	for _, d := range []byte(delimiters) {
		s := newRows(strings.NewReader(head), d, lim)
		for range headerWithin {
			r, err := s.next()
			if err != nil {
				break // the end of what is looked at
			}
			l := layOut(r.cells, names)
			n := len(l.columns)
			if (n > most || n == most && len(l.headers) > len(closest)) && !r.blank() {
				most, closest = n, l.headers
			}
			if n > best && l.has(what.required...) {
				best, comma, header = n, d, r
			}
		}
	}
	switch {
	case best == 0:
		return 0, row{}, noHeader(name, closest, most, what.columns, what.required)
	case header.fault != "":
		return 0, row{}, fmt.Errorf("cannot read %s: row %d, which has the headers: %s", name, header.number, header.fault)
	}
	return comma, header, nil
}

// A headerError says that a file has no header row with the columns that are
// needed.
type headerError struct {
	message string
	known   int // headers that are known, in the row that is closest to one
}

func (e headerError) Error() string { return e.message }

// isTable says that the file looks like a table all the same: a row of it has
// several headers that are known.
func (e headerError) isTable() bool { return e.known > 1 }

func noHeader(name string, closest []string, known int, table []fieldNames, required []string) error {
	var wanted []string
	for _, f := range table {
		if slices.Contains(required, f.field) {
			translated := translatedColumns()[f.field]
			english := slices.DeleteFunc(slices.Clone(f.names), func(n string) bool { return slices.Contains(translated, n) })
			wanted = append(wanted, fmt.Sprintf("one of %q", english))
		}
	}
	found := "no text at all"
	if len(closest) > 0 {
		found = fmt.Sprintf("%q", shortened(closest))
	}
	what := "no column with serial numbers"
	if !slices.Contains(required, fieldSerial) {
		what = "not all columns that it needs"
	}
	return headerError{known: known, message: fmt.Sprintf("cannot use %s: it has %s: looked for %s among the headers, in the first %d rows; found %s: "+
		"download the file again with English headers, or say by a mapping which column is which",
		name, what, strings.Join(wanted, " and "), headerWithin, found)}
}

// shortened makes the headers of a file fit into a message.
func shortened(headers []string) []string {
	var shown []string
	for _, h := range headers[:min(len(headers), 60)] {
		shown = append(shown, shorten(h))
	}
	return shown
}

// shorten makes what a file says fit into a message.
func shorten(s string) string {
	r := []rune(s)
	if len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}
