package contract

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// limits bound what a file may hold. Text and the sheets of workbooks are read
// as a stream, so their size costs time alone; what is held in memory is bounded
// by archive, strings and json while a file is read, and by rows and extra after
// it: a row of a contract is about half a KiB.
type limits struct {
	bytes   int64 // of the file
	archive int64 // of a zip archive or workbook, which is held as a whole
	rows    int
	columns int
	cell    int // bytes, after decoding
	record  int // bytes, after decoding: one row
	extra   int // cells kept in Extra

	unpacked int64 // bytes that come out of an archive
	cells    int   // of a workbook's sheet
	strings  int   // bytes of the texts that the cells of a workbook share
	json     int64 // bytes of a JSON file
}

func defaultLimits() limits {
	return limits{
		bytes: 1 << 30, archive: 64 << 20, rows: 1_500_000, columns: 500, cell: 32 << 10, record: 1 << 20, extra: 5_000_000,
		unpacked: 1 << 30, cells: 20_000_000, strings: 128 << 20, json: 32 << 20,
	}
}

// A row of a file. number counts rows as a spreadsheet does: 1 is the first, and
// line breaks inside quotes make no new one.
type row struct {
	number int
	cells  []string
	fault  string // why the row can't be used; "" when it can
	file   string // of an archive, which has the row; "" for the file itself
	// kinds are the cells of serial numbers that a workbook has not as text.
	kinds map[int]cellKind
}

func (r row) blank() bool {
	for _, c := range r.cells {
		if strings.TrimSpace(c) != "" {
			return false
		}
	}
	return r.fault == ""
}

// rows reads delimited text row by row as RFC 4180 has it, and goes on after a
// row that is broken. encoding/csv takes a quote that is never closed for the
// start of a cell that swallows the rows after it; here it costs its own row.
type rows struct {
	r      *bufio.Reader
	comma  byte
	lim    limits
	width  int      // cells of the header; 0 until it is known
	queue  []string // physical lines read ahead, to be read again
	long   bool     // after these comes one that was too long
	number int
	// whole says that a physical line is a row by itself, so that it can't be
	// the inside of a quoted cell; nil until the header is known.
	whole func(cells []string) bool
}

func newRows(r io.Reader, comma byte, lim limits) *rows {
	return &rows{r: bufio.NewReaderSize(r, 64<<10), comma: comma, lim: lim}
}

// errLineTooLong is a physical line over the limit of a record.
var errLineTooLong = errors.New("line too long")

// next returns the next row, io.EOF after the last.
func (s *rows) next() (row, error) {
	line, err := s.line()
	if err != nil && !errors.Is(err, errLineTooLong) {
		return row{}, err
	}
	s.number++
	if err != nil {
		return row{number: s.number, fault: fmt.Sprintf("the row is longer than %d KiB", s.lim.record>>10)}, nil
	}
	cells, state := split(line, s.comma)
	if state != openQuote {
		return s.check(row{number: s.number, cells: cells}), nil
	}
	return s.joined(line)
}

// maxBreaks is how many line breaks the quoted cells of a row may hold.
const maxBreaks = 100

// joined returns the row that begins with line and goes on inside a quote.
func (s *rows) joined(line string) (row, error) {
	var more []string
	whole := line
	for len(more) < maxBreaks && len(whole) <= len(line)+s.lim.cell {
		l, err := s.line()
		if errors.Is(err, errLineTooLong) {
			s.long = true
			break
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return row{}, err
		}
		more = append(more, l)
		whole += "\n" + l
		if !strings.Contains(l, `"`) {
			continue
		}
		cells, state := split(whole, s.comma)
		if state == openQuote {
			continue
		}
		if state == wellQuoted && s.fits(cells) && !slices.ContainsFunc(more, s.isWhole) {
			return s.check(row{number: s.number, cells: cells}), nil
		}
		break
	}
	// The quote was no beginning of a cell: its row is lost, not the ones
	// after it.
	s.queue = append(more, s.queue...)
	cells, _ := split(strings.ReplaceAll(line, `"`, ""), s.comma)
	return s.check(row{number: s.number, cells: cells, fault: "a quotation mark in the row is not closed"}), nil
}

// fits says that a row has the cells of the header, and no more than blanks
// beyond.
func (s *rows) fits(cells []string) bool {
	return s.width == 0 || len(cells) >= s.width && row{cells: cells[s.width:]}.blank()
}

func (s *rows) isWhole(line string) bool {
	if s.whole == nil {
		return false
	}
	cells, _ := split(line, s.comma)
	return len(cells) >= s.width && s.whole(cells)
}

// check holds a row against the limits.
func (s *rows) check(r row) row {
	if len(r.cells) > s.lim.columns {
		r.fault = fmt.Sprintf("the row has more than %d columns", s.lim.columns)
		r.cells = r.cells[:s.lim.columns]
	}
	for i, c := range r.cells {
		if len(c) > s.lim.cell {
			r.fault = fmt.Sprintf("the cell in column %d is longer than %d KiB", i+1, s.lim.cell>>10)
			r.cells[i] = c[:64]
		}
	}
	return r
}

// line returns a physical line without the LF at its end.
func (s *rows) line() (string, error) {
	if len(s.queue) > 0 {
		l := s.queue[0]
		s.queue = s.queue[1:]
		return l, nil
	}
	if s.long {
		s.long = false
		return "", errLineTooLong
	}
	var b []byte
	for {
		chunk, err := s.r.ReadSlice('\n')
		if len(b)+len(chunk) > s.lim.record {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = s.r.ReadSlice('\n')
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return "", err
			}
			return "", errLineTooLong
		}
		b = append(b, chunk...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) && len(b) == 0 {
			return "", io.EOF
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		break
	}
	return strings.TrimSuffix(string(b), "\n"), nil
}

// quoting is how the quotes of a row turned out.
type quoting int

const (
	wellQuoted     quoting = iota
	textAfterQuote         // a closing quote was followed by more than a delimiter
	openQuote              // the last quote was never closed
)

// split cuts a row into cells. Two quotes inside a quoted cell are one; a quote
// inside a cell that does not begin with one is a character like any other, as
// in 24" rack.
func split(text string, comma byte) ([]string, quoting) {
	var cells []string
	state := wellQuoted
	for {
		if !strings.HasPrefix(text, `"`) {
			cell, rest, found := strings.Cut(text, string(comma))
			cells = append(cells, cell)
			if !found {
				return cells, state
			}
			text = rest
			continue
		}
		cell, rest, closed := quoted(text[1:])
		if !closed {
			return append(cells, cell), openQuote
		}
		if rest != "" && rest[0] != comma {
			if strings.Trim(rest, " ") != "" {
				state = textAfterQuote
			}
			tail, after, found := strings.Cut(rest, string(comma))
			cell += tail
			rest = ""
			if found {
				rest = string(comma) + after
			}
		}
		cells = append(cells, cell)
		if rest == "" {
			return cells, state
		}
		text = rest[1:]
	}
}

// quoted reads a quoted cell up to its closing quote.
func quoted(text string) (cell, rest string, closed bool) {
	i := strings.IndexByte(text, '"')
	if i < 0 {
		return text, "", false
	}
	if !strings.HasPrefix(text[i+1:], `"`) {
		return text[:i], text[i+1:], true
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '"')
		switch {
		case i < 0:
			return b.String() + text, "", false
		case strings.HasPrefix(text[i+1:], `"`):
			b.WriteString(text[:i+1])
			text = text[i+2:]
		default:
			return b.String() + text[:i], text[i+1:], true
		}
	}
}
