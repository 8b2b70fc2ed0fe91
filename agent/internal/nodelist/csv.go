package nodelist

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode"
)

// csvRoles are the columns that are used, with the headers that tools write
// for them, folded: small letters and digits alone. Where a file has several of
// one role, the first in this order that is filled counts. NetBox exports
// "Name", "IP Address", "Platform", "Manufacturer", "Site", "Status"; LibreNMS
// hostname, sysName, ip, os; monitoring tools "Caption", "Node Name" and the like.
var csvRoles = map[string][]string{
	"address": {
		"address", "ip", "ipaddress", "ipaddr", "ipv4address", "ipv4", "primaryip", "primaryip4", "primaryipaddress", "primaryipv4", "primaryipv4address",
		"managementip", "managementipaddress", "managementaddress", "mgmtip", "mgmtipaddress", "mgmtaddress", "mgmtipv4", "deviceip", "hostip", "nodeip",
		"pollingip", "pollingipaddress", "ansiblehost", "ipv6address", "ipv6", "primaryip6", "primaryipv6", "primaryipv6address", "mgmt", "management",
	},
	"host":     {"host", "fqdn", "dnsname", "dns", "hostname", "target"},
	"name":     {"name", "devicename", "hostname", "sysname", "systemname", "nodename", "node", "caption", "displayname", "device", "label", "title"},
	"platform": {"platform", "os", "networkos", "ansiblenetworkos", "ostype", "operatingsystem", "system", "devicetype", "machinetype", "type", "model", "devicemodel", "driver", "hardware", "product", "pid"},
	"vendor":   {"manufacturer", "vendor", "maker", "make", "brand"},
	"site":     {"site", "sitename", "location", "building", "office", "branch", "campus"},
	"status":   {"status", "state"},
}

// notInUse are states of a device's life in which it is not on the network.
// "Down" and "offline" are none: they may be what a monitoring tool saw.
var notInUse = map[string]bool{
	"planned": true, "inventory": true, "staged": true, "decommissioning": true, "decommissioned": true,
	"retired": true, "disposed": true, "disabled": true, "spare": true, "stored": true,
}

const (
	csvDelimiters = ",;\t|"
	// headerWithin is the number of lines in which the header must come.
	headerWithin = 20
	// quotedLines and quotedBytes bound a record with line ends in quotes: a
	// quotation mark that is never closed must not swallow the file.
	quotedLines = 200
	quotedBytes = 64 << 10
)

// A csvRecord is one row.
type csvRecord struct {
	line   int
	fields []string
}

// foldHeader makes one form of "IP Address", "ip_address" and "IP-Address".
func foldHeader(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// A csvHeader says which columns have which role, the preferred first.
type csvHeader struct {
	delimiter rune
	cells     []string
	columns   map[string][]int
}

// readHeader makes a header of a row; false when no column says how a device
// is reached.
func readHeader(delimiter rune, cells []string) (csvHeader, bool) {
	h := csvHeader{delimiter: delimiter, cells: cells, columns: map[string][]int{}}
	folded := make([]string, len(cells))
	for i, c := range cells {
		folded[i] = foldHeader(c)
	}
	for role, synonyms := range csvRoles {
		for _, s := range synonyms {
			if i := slices.Index(folded, s); i >= 0 {
				h.columns[role] = append(h.columns[role], i)
			}
		}
	}
	return h, len(h.columns["address"])+len(h.columns["host"])+len(h.columns["name"]) > 0
}

// looksLikeCSV says that there is a header row with more than one column.
func looksLikeCSV(text string) bool {
	h, _, _, err := findHeader(text)
	return err == nil && len(h.cells) > 1
}

// csv reads a file with a header row; lines before it are a title.
func (b *builder) csv(text string) error {
	header, rest, line, err := findHeader(text)
	if err != nil {
		return err
	}
	records := csvRecords{text: rest, line: line, delimiter: header.delimiter}
	for {
		r, ok := records.next()
		if !ok {
			return nil
		}
		if blank(r.fields) {
			continue
		}
		if err := b.csvRow(header, r); err != nil {
			return err
		}
	}
}

func blank(fields []string) bool {
	return !slices.ContainsFunc(fields, func(f string) bool { return strings.TrimSpace(f) != "" })
}

// findHeader returns the header row, what follows it and the number of the
// line where that begins.
func findHeader(text string) (h csvHeader, rest string, line int, err error) {
	rest = text
	for line = 1; line <= headerWithin && rest != ""; line++ {
		row, after, _ := strings.Cut(rest, "\n")
		rest = after
		for _, d := range csvDelimiters {
			cells, cerr := readCSV(row, d)
			if cerr != nil {
				continue
			}
			if got, ok := readHeader(d, cells); ok && len(cells) > len(h.cells) {
				h = got
			}
		}
		if len(h.cells) > 0 {
			return h, rest, line + 1, nil
		}
	}
	return h, "", 0, errors.New("it has no header row: begin it with the names of its columns, such as address,name,platform,site")
}

// readCSV reads one record, however its quotes are.
func readCSV(text string, delimiter rune) ([]string, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = delimiter, true, -1
	return r.Read()
}

// csvRecords parts a text into records.
type csvRecords struct {
	text      string
	line      int
	delimiter rune
}

// next returns the next record. One whose quotation marks do not close within
// reason ends with its line.
func (c *csvRecords) next() (csvRecord, bool) {
	for c.text != "" {
		end, lines := c.end()
		row := c.text[:end]
		r := csvRecord{line: c.line}
		c.text, c.line = c.text[end:], c.line+lines
		fields, err := readCSV(row, c.delimiter)
		if err != nil { // nothing but line ends
			continue
		}
		r.fields = fields
		return r, true
	}
	return csvRecord{}, false
}

// end is where the first record ends: at the first line end with an even
// number of quotation marks before it, if that makes a record, else at the
// first of all.
func (c *csvRecords) end() (bytes, lines int) {
	first, at, quotes := 0, 0, 0
	for lines = 1; lines <= quotedLines && at < quotedBytes; lines++ {
		size := strings.IndexByte(c.text[at:], '\n') + 1
		if size == 0 {
			size = len(c.text) - at
		}
		quotes += strings.Count(c.text[at:at+size], `"`)
		at += size
		if lines == 1 {
			first = at
		}
		switch {
		case quotes%2 == 0 && (lines == 1 || c.wellQuoted(at)):
			return at, lines
		case quotes%2 == 0, at == len(c.text):
			return first, 1
		}
	}
	return first, 1
}

// wellQuoted says that the text up to there is one record by RFC 4180: two
// rows with an odd mark each, as in 5" disk, are not.
func (c *csvRecords) wellQuoted(end int) bool {
	r := csv.NewReader(strings.NewReader(c.text[:end]))
	r.Comma, r.FieldsPerRecord = c.delimiter, -1
	if _, err := r.Read(); err != nil {
		return false
	}
	_, err := r.Read()
	return errors.Is(err, io.EOF)
}

// csvRow takes one device.
func (b *builder) csvRow(h csvHeader, r csvRecord) error {
	get := func(roles ...string) (value, column string) {
		for _, role := range roles {
			for _, i := range h.columns[role] {
				if i < len(r.fields) && !isMissing(r.fields[i]) {
					return strings.TrimSpace(r.fields[i]), h.cells[i]
				}
			}
		}
		return "", ""
	}
	d := found{Entry: Entry{Line: r.line}}
	d.Name, _ = get("name", "host")
	d.Platform, _ = get("platform", "vendor")
	d.vendor, _ = get("vendor")
	d.Site, _ = get("site")
	d.Address, d.addressColumn = get("address", "host")
	if d.Address == "" && len(h.columns["address"]) == 0 {
		d.Address, d.addressColumn = get("name")
	}
	status, _ := get("status")
	switch {
	case notInUse[strings.ToLower(status)]:
		d.Skip = "its status is " + strings.ToLower(status)
	case d.Address == "" && d.Name != "":
		d.Skip = "the list has no address for it"
	}
	return b.add(d)
}
