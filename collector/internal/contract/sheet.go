package contract

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// mostRow is the last row that a sheet can have.
const mostRow = 1 << 20

// sheetRows reads one sheet of a workbook row by row.
type sheetRows struct {
	book   *workbook
	open   io.Closer
	part   func() float64 // of the sheet that is read
	d      *tokens
	number int
	cells  int // so far
	done   bool
	layout *layout // nil until the header row is known
}

func (w *workbook) rows(s sheetPart) (*sheetRows, error) {
	r, err := w.open(s.path)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, w.damaged(fmt.Errorf("it has no part %s", s.path))
	}
	return &sheetRows{book: w, open: r, part: w.budget.part(w.file(s.path)), d: newTokens(w.budget.reader(r))}, nil
}

// next returns the next row of the sheet, io.EOF after the last. A sheet that
// ends before its end is an error.
func (s *sheetRows) next() (row, error) {
	if s.done {
		return row{}, io.EOF
	}
	for {
		t, err := s.d.next()
		if err != nil {
			return row{}, s.book.damaged(err)
		}
		switch e := t.(type) {
		case xml.StartElement:
			if e.Name.Local == "row" {
				return s.row(e)
			}
		case xml.EndElement:
			if e.Name.Local == "worksheet" {
				s.done = true
				return row{}, errors.Join(io.EOF, s.open.Close())
			}
		}
	}
}

func (s *sheetRows) row(e xml.StartElement) (row, error) {
	number := s.number + 1
	if r := attribute(e, "r"); r != "" {
		n, err := strconv.Atoi(r)
		if err != nil || n <= s.number {
			return row{}, s.book.damaged(fmt.Errorf("row %q comes after row %d", shorten(r), s.number))
		}
		number = n
	}
	if number > mostRow {
		return row{}, fmt.Errorf("cannot use %s: it has more than %d rows; split it by contract", s.book.name, mostRow)
	}
	s.number = number
	r := row{number: number}
	column := -1
	for {
		t, err := s.d.next()
		if err != nil {
			return row{}, s.book.damaged(err)
		}
		switch e := t.(type) {
		case xml.StartElement:
			if e.Name.Local != "c" {
				continue
			}
			column++
			if ref := attribute(e, "r"); ref != "" {
				if column = columnOf(ref); column < 0 {
					return row{}, s.book.damaged(fmt.Errorf("%q is no name of a cell", shorten(ref)))
				}
			}
			if s.cells++; s.cells > s.book.lim.cells {
				return row{}, fmt.Errorf("cannot use %s: it has more than %d cells; split it by contract, or leave columns out", s.book.name, s.book.lim.cells)
			}
			if err := s.cell(e, &r, column); err != nil {
				return row{}, s.book.damaged(err)
			}
		case xml.EndElement:
			if e.Name.Local == "row" {
				return r, nil
			}
		}
	}
}

// cell reads a cell into its place in the row.
func (s *sheetRows) cell(e xml.StartElement, r *row, column int) error {
	kind := attribute(e, "t")
	style, _ := strconv.Atoi(attribute(e, "s")) // none is the first
	value, err := s.value(kind)
	if err != nil || value == "" {
		return err
	}
	text, is := value, cellText
	switch kind {
	case "s":
		i, err := strconv.Atoi(value)
		if err != nil || i < 0 || i >= len(s.book.strings) {
			return fmt.Errorf("the cell's text %q is not in it", shorten(value))
		}
		text = s.book.strings[i]
	case "", "n":
		text, is = s.book.number(value, style, s.layout.isDate(column))
	case "b":
		text = map[string]string{"1": "TRUE", "0": "FALSE"}[value]
	}
	lim := s.book.lim
	switch {
	case strings.TrimSpace(text) == "":
		return nil
	case column >= lim.columns:
		r.fault = fmt.Sprintf("the row has more than %d columns", lim.columns)
		return nil
	case len(text) > lim.cell:
		r.fault = fmt.Sprintf("the cell in column %d is longer than %d KiB", column+1, lim.cell>>10)
		text = text[:64]
	}
	for len(r.cells) <= column {
		r.cells = append(r.cells, "")
	}
	r.cells[column] = text
	if is != cellText && s.layout.isSerial(column) {
		if r.kinds == nil {
			r.kinds = map[int]cellKind{}
		}
		r.kinds[column] = is
	}
	return nil
}

// value is what stands in the cell, up to its end: of a formula the result that
// was saved with it.
func (s *sheetRows) value(kind string) (string, error) {
	var b []byte
	inValue := false
	for {
		t, err := s.d.next()
		if err != nil {
			return "", err
		}
		switch e := t.(type) {
		case xml.StartElement:
			inValue = e.Name.Local == "v"
			if e.Name.Local == "is" && kind == "inlineStr" {
				text, err := s.d.text("is")
				if err != nil {
					return "", err
				}
				b = append(b, text...)
			}
		case xml.CharData:
			if inValue {
				b = append(b, e...)
			}
		case xml.EndElement:
			inValue = false
			if e.Name.Local == "c" {
				if kind == "str" {
					return unescape(string(b)), nil
				}
				return string(b), nil
			}
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// columnOf is the column of a cell's name, 0 for "A1"; -1 for what is no name.
// Columns past the last that a sheet can have, XFD, are no columns.
func columnOf(ref string) int {
	n, i := 0, 0
	for ; i < len(ref) && ref[i] >= 'A' && ref[i] <= 'Z'; i++ {
		if n = n*26 + int(ref[i]-'A') + 1; n > 16384 {
			return -1
		}
	}
	if i == 0 || i == len(ref) {
		return -1
	}
	return n - 1
}

// A found is a sheet with a header row.
type found struct {
	sheet  sheetPart
	header row
	fields int
}

// find looks for the sheet with the header row: the only visible one that has
// it, or the one that was told.
func (w *workbook) find(s spec) (found, error) {
	names := s.names()
	var fits, hidden []found
	var closest []string
	most := -1
	for _, sheet := range w.sheets {
		if s.sheet != "" && !strings.EqualFold(sheet.name, s.sheet) {
			continue
		}
		best, near, err := w.headerIn(sheet, names, s.required)
		if err != nil {
			return found{}, err
		}
		if n := len(layOut(near, names).columns); n > most && len(near) > 0 {
			most, closest = n, near
		}
		switch {
		case best.fields == 0:
		case sheet.hidden && s.sheet == "":
			hidden = append(hidden, best)
		default:
			fits = append(fits, best)
		}
	}
	switch {
	case len(fits) == 1 && fits[0].header.fault != "":
		return found{}, fmt.Errorf("cannot read %s: row %d, which has the headers: %s", w.name, fits[0].header.number, fits[0].header.fault)
	case len(fits) == 1:
		return fits[0], nil
	case len(fits) > 1:
		return found{}, fmt.Errorf("cannot use %s: several of its sheets could be meant, %s: say which one (--sheet NAME, or Sheet on the page), or delete or hide the others and save it anew", w.name, sheetNames(fits))
	case len(hidden) > 0:
		return found{}, fmt.Errorf("cannot use %s: only hidden sheets have serial numbers, %s: say which one (--sheet NAME, or Sheet on the page), or show it and save it anew", w.name, sheetNames(hidden))
	}
	return found{}, noHeader(w.name, closest, most, s.columns, s.required)
}

// headerIn returns the best header row of a sheet, and the row that is closest
// to one.
func (w *workbook) headerIn(sheet sheetPart, names synonyms, required []string) (best found, near []string, err error) {
	rows, err := w.rows(sheet)
	if err != nil {
		return found{}, nil, err
	}
	defer func() { _ = rows.open.Close() }()
	most := -1
	for range headerWithin {
		r, err := rows.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return found{}, nil, err
		}
		if r.blank() {
			continue
		}
		l := layOut(r.cells, names)
		n := len(l.columns)
		if n > most {
			most, near = n, l.headers
		}
		if n > best.fields && l.has(required...) {
			best = found{sheet, r, n}
		}
	}
	return best, near, nil
}

func sheetNames(all []found) string {
	var names []string
	for _, f := range all[:min(len(all), 5)] {
		names = append(names, strconv.Quote(shorten(f.sheet.name)))
	}
	return strings.Join(names, ", ")
}
