package contract

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"rollcall/pkg/inventory"
)

// Options say what a file can't.
type Options struct {
	// DateOrder is for files that write 02/03/2026 and have no date that shows
	// which number is the month.
	DateOrder DateOrder
	// Contract is the number of the contract for files without such a column;
	// without it a file named by its contract, as the Service Contract Center
	// does, gives it.
	Contract string
	// Mapping is for files with headers of their own: the name of the field by
	// header, see Fields. It comes before the headers that are known.
	Mapping map[string]string
	// Sheet is the name of a workbook's sheet, for workbooks with several that
	// could be meant.
	Sheet string
	// Progress is called now and then while a large file is read; nil for never.
	Progress func(Progress)

	size int64 // of the file; 0 when it is not known
}

// Progress is how far the reading of a file has come.
type Progress struct {
	Rows, Refused int
	Part          float64 // of the file, 0 to 1; 0 when it is not known
}

// progressEvery is how many rows are read between two calls of Options.Progress.
const progressEvery = 10_000

func (t *table) progress(rows, refused int) Progress {
	p := Progress{Rows: rows, Refused: refused}
	if t.part != nil {
		p.Part = min(t.part(), 1)
	}
	return p
}

// ReadFile reads a contract file by its path.
func ReadFile(path string, o Options) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, fmt.Errorf("cannot read contract file: %w", err)
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		o.size = info.Size()
	}
	return Read(path, f, o)
}

// Read reads a contract file: delimited text (comma, semicolon, tab or bar) in
// any usual encoding, a workbook (XLSX), an answer of Cisco's Support APIs
// (JSON), or a zip archive with one of them or several with the same columns.
// The formats are told apart by their
// header row, which must have a column of serial numbers. Rows that can't be used are in Refused, the rest in Lines. An
// error means that nothing can be used; it says why and what to do.
func Read(name string, r io.Reader, o Options) (File, error) {
	return read(name, r, o, defaultLimits())
}

func read(name string, r io.Reader, o Options, lim limits) (File, error) {
	base := filepath.Base(name)
	t, err := openTable(base, r, spec{contractColumns(), []string{fieldSerial}, o.Mapping, o.Sheet}, lim)
	if err == nil && t.part == nil && o.size > 0 {
		t.part = func() float64 { return float64(t.file.most-t.file.left) / float64(o.size) }
	}
	if err != nil {
		return File{}, err
	}
	format := t.layout.format()
	if format.refusal != "" {
		return File{}, fmt.Errorf("cannot use %s: %s", base, format.refusal)
	}
	number := o.Contract
	if number == "" {
		number = cmp.Or(contractInName.FindString(base), contractInName.FindString(t.member))
	}
	b := lineBuilder{file: base, notCovered: format.notCovered, partial: format.partial, table: t, contract: number, order: o.DateOrder, dateFields: dateFields(), known: map[string]readDay{}, texts: map[string]string{}, extras: map[string]map[string]string{}}
	for n := 1; ; n++ {
		rec, err := t.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return File{}, err
		}
		if err := b.add(rec); err != nil {
			return File{}, err
		}
		if n%progressEvery != 0 {
			continue
		}
		p := t.progress(n, len(b.refused))
		if n == progressEvery && p.Part > 0 {
			// Room for all at once, for a large slice that grows is there twice.
			b.lines = slices.Grow(b.lines, int(min(1.02*float64(n)/p.Part, float64(lim.rows)))-len(b.lines))
		}
		if o.Progress != nil {
			o.Progress(p)
		}
	}
	lines, refused := b.finish()
	sum, err := t.sum()
	if err != nil {
		return File{}, err
	}
	return File{
		Name: base, SHA256: sum, Format: format.name, Sheet: t.sheet, Lines: lines, Refused: refused, Warnings: b.warnings,
		NotCovered: b.offContract, Partial: format.partial && t.answer, OffContract: b.asked, Columns: t.layout.described(),
	}, nil
}

// contractInName is a contract number that begins the name of a file.
var contractInName = regexp.MustCompile(`^\d{5,12}\b`)

// sum is the SHA-256 of the whole file, in hex.
func (t *table) sum() (string, error) {
	if _, err := io.Copy(io.Discard, t.all); err != nil { // half a character at the end
		return "", fmt.Errorf("cannot read %s: %w", t.name, err)
	}
	return hex.EncodeToString(t.hash.Sum(nil)), nil
}

// A record is a row by field.
type record struct {
	row
	layout *layout
	file   string // its name, for people
}

// column returns the column that get takes the value of a field from.
func (r record) column(field string) int {
	for _, c := range r.layout.columns[field] {
		if c < len(r.cells) && r.cells[c] != "" {
			return c
		}
	}
	return -1
}

// get returns the first value of a field that is not empty, and the header of
// its column.
func (r record) get(field string) (value, header string) {
	columns := r.layout.columns[field]
	for _, c := range columns {
		if c < len(r.cells) && r.cells[c] != "" {
			return r.cells[c], r.layout.headers[c]
		}
	}
	if len(columns) > 0 {
		return "", r.layout.headers[columns[0]]
	}
	return "", ""
}

// cell is that in a column, "" for one that the row does not have.
func (r record) cell(column int) string {
	if column >= len(r.cells) {
		return ""
	}
	return r.cells[column]
}

// refuse makes a refusal of the row.
func (r record) refuse(column, value, reason string) Refusal {
	return Refusal{File: r.file, Row: r.number, Column: column, Value: strings.Clone(shorten(value)), Reason: reason}
}

// beginning shows the first cells that say something, of a row that is refused
// as a whole.
func (r record) beginning() string {
	var said []string
	for _, c := range r.cells {
		if c != "" && len(said) < 4 {
			said = append(said, c)
		}
	}
	return shorten(strings.Join(said, ", "))
}

// clean is the text of a cell: one line, without control characters, and
// without the ="…" by which exporters keep spreadsheets from changing numbers.
func clean(cell string) string {
	if plainText(cell) {
		return cell
	}
	s := inventory.CleanText(cell)
	if strings.HasPrefix(s, `="`) && strings.HasSuffix(s, `"`) && len(s) > 2 {
		s = strings.TrimSpace(s[2 : len(s)-1])
	}
	return s
}

// plainText says quickly that nothing is to be cleaned.
func plainText(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' || c == '"' || c == '=' || c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			return false
		}
	}
	return true
}

// limited is the first bytes of a file, and an error where there are more.
type limited struct {
	r          io.Reader
	most, left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	if l.left < 0 {
		return 0, fmt.Errorf("it is larger than %d MiB; split it by contract", l.most>>20)
	}
	return n, err
}
