// Package nodelist reads the lists of devices that an admin already has in
// other tools: CSV, RANCID and Oxidized router.db, NetBox (its CSV export, its
// JSON and its REST API), Ansible inventories in INI and YAML, and plain lists.
// Bytes go in, entries and refusals come out.
//
// It does not ask any device, resolves no name, and keeps none of the passwords
// that such files may hold: they are never copied into an entry or a refusal.
package nodelist

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"rollcall/pkg/inventory"
)

// Limits on a list.
const (
	// MaxFile bounds a list, in bytes.
	MaxFile = 16 << 20
	// MaxEntries bounds its devices.
	MaxEntries = 200_000
	// MaxField bounds a field that is used, in bytes.
	MaxField = 1 << 10
	// maxRefused bounds the refusals that are kept; the others are counted.
	maxRefused = 1000
)

// A Format is what a list is written in.
type Format string

// The formats. Auto tells them apart by name and content. CSV is also what
// NetBox exports.
const (
	Auto        Format = ""
	CSV         Format = "csv"
	RouterDB    Format = "router.db"
	NetBoxJSON  Format = "netbox-json"
	AnsibleINI  Format = "ansible-ini"
	AnsibleYAML Format = "ansible-yaml"
	Plain       Format = "plain"
)

// Formats lists what Parse takes, Auto aside.
func Formats() []Format {
	return []Format{CSV, RouterDB, NetBoxJSON, AnsibleINI, AnsibleYAML, Plain}
}

// An Entry is one device of a list.
type Entry struct {
	Address  string // an IP address or a name; "" only where Skip says why
	Name     string // as the list calls it
	Platform string // as written: an operating system, a type, a model
	Site     string
	Line     int // of the file, from 1; of NetBox's API, the device's number
	// Skip says why the device is not to be asked, "" when it is.
	Skip string
}

// A Refusal is a row that cannot be used.
type Refusal struct {
	File   string
	Line   int    // 0 for the file as a whole
	Column string // header, key or number of the field
	Value  string // cleaned and cut to a few words
	Reason string // what is wrong, and what would be right
}

// Error names file, line, column and value, and says why.
func (r Refusal) Error() string {
	where := r.File
	if r.Line > 0 {
		where = fmt.Sprintf("%s:%d", r.File, r.Line)
	}
	if r.Column != "" {
		where += fmt.Sprintf(", column %q", r.Column)
	}
	if r.Value != "" {
		where += fmt.Sprintf(", value %q", r.Value)
	}
	return where + ": " + r.Reason
}

// A List is what came of reading.
type List struct {
	Format  Format
	Entries []Entry
	// Refused are the first refusals, MoreRefused counts the others.
	Refused     []Refusal
	MoreRefused int
}

// Ask returns the entries that are to be asked, in their order.
func (l List) Ask() []Entry {
	var list []Entry
	for _, e := range l.Entries {
		if e.Skip == "" {
			list = append(list, e)
		}
	}
	return list
}

// Read is Parse for the file at path.
func Read(path string, format Format) (List, error) {
	f, err := os.Open(path)
	if err != nil {
		return List{}, fmt.Errorf("cannot read list of devices: %w", err)
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return List{}, fmt.Errorf("cannot read list of devices %s: %w", path, err)
	}
	return Parse(path, raw, format)
}

// Parse reads a list. The file's name is for messages and for telling the
// format. An error means that nothing of it can be used.
func Parse(file string, raw []byte, format Format) (List, error) {
	b := newBuilder(file)
	if err := b.parse(raw, format); err != nil {
		return List{}, fmt.Errorf("cannot read list of devices %s: %w", file, err)
	}
	return b.list, nil
}

func (b *builder) parse(raw []byte, format Format) error {
	if len(raw) > MaxFile {
		return fmt.Errorf("it is larger than %d MiB: split it", MaxFile>>20)
	}
	if bytes.HasPrefix(raw, []byte("PK\x03\x04")) {
		return errors.New("it is an Excel workbook: save it as CSV")
	}
	text, err := decode(raw)
	if err != nil {
		return err
	}
	if format == Auto {
		format = detect(b.file, text)
	}
	b.list.Format = format
	switch format {
	case CSV:
		err = b.csv(text)
	case RouterDB:
		err = b.routerDB(text)
	case NetBoxJSON:
		err = b.netboxJSON(text)
	case AnsibleINI:
		err = b.ansibleINI(text)
	case AnsibleYAML:
		err = b.ansibleYAML(text)
	case Plain:
		err = b.plain(text)
	default:
		return fmt.Errorf("there is no format %q: write one of %q", format, Formats())
	}
	switch {
	case err != nil:
		return err
	case len(b.list.Entries) == 0 && len(b.list.Refused) == 0:
		return errors.New("it names no device")
	}
	return nil
}

// A builder collects what a parser finds.
type builder struct {
	file string
	list List
	line map[string]int // where an address was first
}

func newBuilder(file string) *builder {
	return &builder{file: file, line: map[string]int{}}
}

var errFull = fmt.Errorf("it has more than %d devices: split it", MaxEntries)

// refuse keeps a refusal. Value must be the one field that is wrong: the rest
// of a line may be a password.
func (b *builder) refuse(line int, column, value, reason string) {
	if len(b.list.Refused) >= maxRefused {
		b.list.MoreRefused++
		return
	}
	b.list.Refused = append(b.list.Refused, Refusal{File: b.file, Line: line, Column: inventory.CleanText(cut(column, 60)), Value: inventory.CleanText(cut(value, 60)), Reason: reason})
}

// cut shortens a text to so many bytes, whole characters.
func cut(s string, size int) string {
	if len(s) <= size {
		return s
	}
	for size > 0 && s[size]&0xC0 == 0x80 {
		size--
	}
	return s[:size] + "…"
}

// A found is a device as a parser finds it, with the names of its columns.
type found struct {
	Entry
	addressColumn string
	vendor        string // the maker, where the list names it beside the platform
}

// add checks an entry and takes it. An entry that the parser skips needs no
// good address.
func (b *builder) add(d found) error {
	for _, field := range []*string{&d.Address, &d.Name, &d.Platform, &d.Site, &d.vendor} {
		if len(*field) > MaxField {
			b.refuse(d.Line, "", *field, fmt.Sprintf("it is longer than %d bytes", MaxField))
			return nil
		}
	}
	e := Entry{
		Name: inventory.CleanText(d.Name), Platform: inventory.CleanText(d.Platform), Site: inventory.CleanText(d.Site),
		Line: d.Line, Skip: d.Skip,
	}
	address, wrong := parseAddress(d.Address)
	if wrong != "" && d.Skip == "" {
		b.refuse(d.Line, d.addressColumn, d.Address, wrong)
		return nil
	}
	e.Address = address
	if maker, other := inventory.OtherMaker(d.vendor, d.Platform); other && e.Skip == "" {
		e.Skip = "not Cisco's: " + maker
	}
	if line, again := b.line[address]; again && e.Skip == "" {
		e.Skip = fmt.Sprintf("the same address as in line %d", line)
	} else if address != "" && e.Skip == "" {
		b.line[address] = e.Line
	}
	if len(b.list.Entries) >= MaxEntries {
		return errFull
	}
	b.list.Entries = append(b.list.Entries, e)
	return nil
}
