package contract

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"slices"
	"strings"

	"rollcall/pkg/inventory"
)

// A spec is what is looked for in a file.
type spec struct {
	columns  []fieldNames
	required []string
	mapping  map[string]string // the user's own: field by header
	sheet    string            // of a workbook; "" for the only one that fits
}

// names are the headers that are known, the user's own before all.
func (s spec) names() synonyms {
	names := foldNames(s.columns)
	for header, field := range s.mapping {
		names[fold(header)] = synonym{field, -1}
	}
	return names
}

// A source gives the rows of a file, whatever it is kept as, and io.EOF after
// the last.
type source interface {
	next() (row, error)
}

// A table is a file after its header row.
type table struct {
	name   string
	sheet  string // of a workbook
	member string // of an archive with one file: its name
	answer bool   // of an API: JSON
	file   *limited
	all    io.Reader // the file, as its hash has it
	hash   hash.Hash
	part   func() float64 // see Progress; nil when it is not known
	rows   source
	comma  byte // 0 where no cell can fall apart
	layout layout
	lim    limits
	count  int
	extra  int
}

var (
	zipMagic    = []byte("PK\x03\x04")
	emptyZip    = []byte("PK\x05\x06")
	mostEntries = 5000 // files in an archive
)

// openTable finds out what the file is, and its header row.
func openTable(name string, r io.Reader, s spec, lim limits) (*table, error) {
	if err := s.check(name); err != nil {
		return nil, err
	}
	t := &table{name: name, hash: sha256.New(), lim: lim}
	t.file = &limited{r: r, most: lim.bytes, left: lim.bytes}
	t.all = io.TeeReader(t.file, t.hash)
	if err := t.open(bufio.NewReaderSize(t.all, 64<<10), s, nil); err != nil {
		return nil, err
	}
	for header := range s.mapping {
		known := func(h string) bool { return fold(h) == fold(header) }
		if !slices.ContainsFunc(t.layout.headers, known) {
			return nil, fmt.Errorf("cannot use %s: the mapping names the header %q, which the file does not have: its headers are %q",
				name, shorten(header), shortened(t.layout.headers))
		}
	}
	return t, nil
}

var errEmpty = errors.New("the file is empty")

// open finds out what the bytes are. budget is nil outside an archive.
func (t *table) open(raw *bufio.Reader, s spec, budget *unpacked) error {
	head, err := raw.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("cannot read %s: %w", t.name, err)
	}
	switch {
	case len(head) == 0:
		return fmt.Errorf("cannot use %s: %w", t.name, errEmpty)
	case bytes.HasPrefix(head, zipMagic), bytes.HasPrefix(head, emptyZip):
		return t.openZip(raw, s, budget)
	case isJSON(head):
		return t.openJSON(raw, s)
	}
	if why := notText(head); why != "" {
		return fmt.Errorf("cannot use %s: %s", t.name, why)
	}
	return t.openText(raw, s)
}

// openText reads delimited text.
func (t *table) openText(raw *bufio.Reader, s spec) error {
	decoded := bufio.NewReaderSize(newText(raw), 64<<10)
	start, err := decoded.Peek(64 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("cannot read %s: %w", t.name, err)
	}
	comma, header, err := findHeader(string(start), t.name, s, t.lim)
	if err != nil {
		return err
	}
	rows := newRows(decoded, comma, t.lim)
	for range header.number {
		if _, err := rows.next(); err != nil {
			return fmt.Errorf("cannot read %s: %w", t.name, err)
		}
	}
	t.rows, t.comma, t.layout = rows, comma, layOut(header.cells, s.names())
	rows.width = len(header.cells)
	serial := t.layout.columns[s.required[0]][0]
	rows.whole = func(cells []string) bool {
		s := inventory.CleanSerial(cells[serial])
		return serialShape.MatchString(s) && strings.ContainsAny(s, "0123456789")
	}
	return nil
}

// openZip reads a workbook, or the archive as which the Service Contract Center
// hands contracts out.
func (t *table) openZip(raw *bufio.Reader, s spec, budget *unpacked) error {
	all, err := io.ReadAll(&limited{r: raw, most: t.lim.archive, left: t.lim.archive})
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", t.name, err)
	}
	if entries(all) > mostEntries {
		return fmt.Errorf("cannot use %s: the archive has more than %d files", t.name, mostEntries)
	}
	z, err := zip.NewReader(bytes.NewReader(all), int64(len(all)))
	if err != nil {
		return fmt.Errorf("cannot read %s: the zip archive is damaged (%w); download it again", t.name, err)
	}
	nested := budget != nil
	if !nested {
		budget = &unpacked{most: t.lim.unpacked, left: t.lim.unpacked}
	}
	switch what := archiveOf(z); {
	case what == archiveXLSX:
		return t.openSheet(z, s, budget)
	case what != "":
		return fmt.Errorf("cannot use %s: %s", t.name, what)
	case nested:
		return fmt.Errorf("cannot use %s: there is a zip archive inside the zip archive; unpack it and give the CSV file or workbook in it", t.name)
	}
	files, err := t.filesIn(z)
	if err != nil {
		return err
	}
	if len(files) > 1 {
		return t.openMembers(files, s, budget)
	}
	t.member = path.Base(files[0].Name)
	return t.openMember(files[0], s, budget)
}

// archiveXLSX is no message but the kind that can be read.
const archiveXLSX = "xlsx"

// archiveOf says what else than a few files a zip archive is, and what to do.
func archiveOf(z *zip.Reader) string {
	for _, f := range z.File {
		switch strings.ToLower(f.Name) {
		case "xl/workbook.xml":
			return archiveXLSX
		case "xl/workbook.bin":
			return "it is a binary Excel workbook (.xlsb); open it, save it as .xlsx or CSV, and give that file"
		case "content.xml":
			return "it is an OpenDocument spreadsheet; open it, save it as .xlsx or CSV, and give that file"
		case "word/document.xml":
			return "it is a text document; download the contract as CSV or workbook instead"
		}
	}
	return ""
}

// openSheet finds the sheet of a workbook.
func (t *table) openSheet(z *zip.Reader, s spec, budget *unpacked) error {
	w, err := openWorkbook(t.name, z, budget, t.lim)
	if err != nil {
		return err
	}
	f, err := w.find(s)
	if err != nil {
		return err
	}
	rows, err := w.rows(f.sheet)
	if err != nil {
		return err
	}
	t.layout, t.part = layOut(f.header.cells, s.names()), rows.part
	for rows.number < f.header.number {
		if _, err := rows.next(); err != nil {
			return err
		}
	}
	rows.layout = &t.layout
	t.rows, t.sheet = rows, f.sheet.name
	return nil
}

// next returns the next row that is not blank, io.EOF after the last.
func (t *table) next() (record, error) {
	for {
		r, err := t.rows.next()
		if errors.Is(err, io.EOF) {
			return record{}, err
		}
		if err != nil {
			if strings.HasPrefix(err.Error(), "cannot ") { // it names the file
				return record{}, err
			}
			return record{}, fmt.Errorf("cannot read %s: %w", t.name, err)
		}
		if r.blank() {
			continue
		}
		if t.count++; t.count > t.lim.rows {
			return record{}, fmt.Errorf("cannot use %s: it has more than %d rows; split it", t.name, t.lim.rows)
		}
		for i, c := range r.cells {
			r.cells[i] = clean(c)
		}
		if slices.Equal(r.cells, t.layout.headers) {
			continue // some exports say the headers again on every page
		}
		width := len(t.layout.headers)
		if t.comma != 0 && r.fault == "" && len(r.cells) > width && !(row{cells: r.cells[width:]}).blank() {
			r.fault = fmt.Sprintf("it has %d cells under %d headers: a %q in one of them is not in quotation marks", len(r.cells), width, t.comma)
		}
		return record{row: r, layout: &t.layout, file: cmp.Or(r.file, t.name)}, nil
	}
}
