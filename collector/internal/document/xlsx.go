package document

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// Widths of columns, in characters.
const (
	minWidth = 8
	maxWidth = 60
)

// writeXLSX writes a workbook: the main table first, then tables of other
// columns, then what stands around them. Cells are strings or whole numbers and
// never formulas.
func writeXLSX(w io.Writer, d Document) (err error) {
	f := excelize.NewFile()
	defer func() { err = errors.Join(err, f.Close()) }()
	book := workbook{File: f}
	if book.head, err = f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Alignment: &excelize.Alignment{Vertical: "top", WrapText: true}}); err != nil {
		return err
	}
	if book.cell, err = f.NewStyle(&excelize.Style{Alignment: &excelize.Alignment{Vertical: "top", WrapText: true}}); err != nil {
		return err
	}
	main := d.main()
	if err := book.table(string(d.Kind), main); err != nil {
		return err
	}
	var columns []Column
	for _, s := range d.Sections {
		switch {
		case s.Table == nil:
		case columns == nil:
			columns = s.Table.Columns
		case !slices.Equal(s.Table.Columns, columns):
			if err := book.table(s.Title, *s.Table); err != nil {
				return err
			}
		}
	}
	if err := book.table("about", d.around()); err != nil {
		return err
	}
	return f.Write(w)
}

// around is what stands around the tables, line by line.
func (d Document) around() Table {
	t := Table{Columns: []Column{{Label: d.Title}, {Label: ""}}}
	add := func(cells ...string) { t.Rows = append(t.Rows, append(cells, make([]string, 2-len(cells))...)) }
	add("Organization", d.Organization)
	add("Day", string(d.Date))
	for _, s := range d.Basis {
		add("Basis", s)
	}
	for _, s := range d.Sections {
		if s.Table == nil && len(s.Fields)+len(s.Sheet) > 0 && len(d.Sections) > 1 {
			continue // a row of the main table
		}
		for _, f := range s.Fields {
			add(f.Label, f.Value)
		}
		for _, x := range s.Text {
			add(s.Title, x)
		}
		for i, step := range s.Steps {
			title := ""
			if i == 0 {
				title = s.StepsTitle
			}
			add(title, step)
		}
		for _, f := range s.Sheet {
			add(f.Label, f.Value)
		}
	}
	for _, s := range d.LeftOut {
		add("Left out", s)
	}
	return t
}

type workbook struct {
	*excelize.File

	head, cell int // styles
	sheets     []string
}

// table adds a sheet with the table, its header fixed above the rows.
func (b *workbook) table(name string, t Table) error {
	name = b.sheetName(name)
	if len(b.sheets) == 0 {
		if err := b.SetSheetName("Sheet1", name); err != nil {
			return err
		}
	} else if _, err := b.NewSheet(name); err != nil {
		return err
	}
	b.sheets = append(b.sheets, name)
	// Not by a StreamWriter: it puts the sheets into the file in any order.
	if err := b.SetPanes(name, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	for i, c := range t.Columns {
		letter, err := excelize.ColumnNumberToName(i + 1)
		if err != nil {
			return err
		}
		width := utf8.RuneCountInString(c.Label)
		for n, row := range t.Rows {
			width = max(width, utf8.RuneCountInString(row[i]))
			if err := b.value(name, letter+strconv.Itoa(n+2), row[i], c.Number); err != nil {
				return err
			}
		}
		err = errors.Join(b.SetCellStr(name, letter+"1", c.Label), b.SetColWidth(name, letter, letter, float64(min(max(width+2, minWidth), maxWidth))),
			b.SetCellStyle(name, letter+"2", letter+strconv.Itoa(len(t.Rows)+2), b.cell), b.SetCellStyle(name, letter+"1", letter+"1", b.head))
		if err != nil {
			return err
		}
	}
	return nil
}

// value writes a cell. Whatever it begins with, a string is never run.
func (b *workbook) value(sheet, cell, v string, number bool) error {
	if v == "" {
		return nil
	}
	if n, err := strconv.Atoi(v); err == nil && number {
		return b.SetCellInt(sheet, cell, int64(n))
	}
	return b.SetCellStr(sheet, cell, v)
}

// sheetName is a name that a workbook takes: short, without marks, and its own.
func (b *workbook) sheetName(name string) string {
	const longest = 28 // 31, and room for a number
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`:\/?*[]'`, r) {
			return ' '
		}
		return r
	}, name)
	if runes := []rune(name); len(runes) > longest {
		name = string(runes[:longest])
	}
	if slices.Contains(b.sheets, name) || name == "" {
		name += strconv.Itoa(len(b.sheets) + 1)
	}
	return name
}
