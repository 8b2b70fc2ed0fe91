package contract

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"rollcall/pkg/inventory"
)

// mostMembers is how many contract files one archive may hold: one is open at a
// time, but the beginning of each is looked at first.
const mostMembers = 500

// besides are the kinds of files that come with a contract and are none.
var besides = []string{".pdf", ".doc", ".docx", ".htm", ".html", ".rtf", ".md", ".png", ".jpg", ".gif", ".ini", ".db"}

// filesIn are the files of an archive that a person put there and that may be
// contract files.
func (t *table) filesIn(z *zip.Reader) ([]*zip.File, error) {
	var files []*zip.File
	for _, f := range z.File {
		base := path.Base(f.Name)
		if f.FileInfo().IsDir() || strings.HasPrefix(f.Name, "__MACOSX/") || strings.HasPrefix(base, ".") {
			continue
		}
		files = append(files, f)
	}
	if len(files) > 1 {
		files = slices.DeleteFunc(files, func(f *zip.File) bool { return slices.Contains(besides, strings.ToLower(path.Ext(f.Name))) })
	}
	switch {
	case len(files) == 0:
		return nil, fmt.Errorf("cannot use %s: there is no file in the zip archive", t.name)
	case len(files) > mostMembers:
		return nil, fmt.Errorf("cannot use %s: there are %d files in the zip archive; unpack it and give them a few at a time", t.name, len(files))
	}
	return files, nil
}

// openMember reads one file of an archive in the place of the archive.
func (t *table) openMember(f *zip.File, s spec, budget *unpacked) error {
	inner, err := f.Open()
	if err != nil {
		return fmt.Errorf("cannot read %s: %s in it: %w", t.name, shorten(f.Name), err)
	}
	t.part = budget.part(f)
	// All of it is in memory, and no file stays open.
	return t.open(bufio.NewReaderSize(budget.reader(inner), 64<<10), s, budget)
}

// openMembers reads several files of an archive one after the other, as if they
// were one: several contracts that were downloaded together. They must have the
// same columns. Anything that can't be read refuses the archive, since half of
// it would look like a contract with lines removed; only notes are passed over.
func (t *table) openMembers(files []*zip.File, s spec, budget *unpacked) error {
	m := &members{archive: t, spec: s, budget: budget}
	for _, f := range files {
		first, err := m.open(f)
		if isNote(f, err) {
			continue
		}
		if err != nil {
			return err
		}
		if len(m.files) == 0 {
			t.layout, t.comma, t.answer, t.sheet = first.layout, first.comma, first.answer, first.sheet
		} else if !slices.EqualFunc(t.layout.headers, first.layout.headers, func(a, b string) bool { return fold(a) == fold(b) }) || t.comma != first.comma {
			return fmt.Errorf("cannot use %s: %s and %s in it have not the same columns; unpack it and give the contract files one by one",
				t.name, inArchive(m.files[0]), inArchive(f))
		}
		m.files = append(m.files, f)
	}
	if len(m.files) == 0 {
		return fmt.Errorf("cannot use %s: none of the %d files in the zip archive has a header row with serial numbers; unpack it and look into them", t.name, len(files))
	}
	whole := uint64(0)
	for _, f := range m.files {
		whole += f.UncompressedSize64
	}
	before := budget.left
	t.part = func() float64 { return float64(before-budget.left) / float64(max(whole, 1)) }
	t.rows = m
	return nil
}

// isNote says that a file which could not be read is a note beside the
// contracts: it is called so (.txt), can be read as a text, and nothing in it
// looks like a table.
func isNote(f *zip.File, err error) bool {
	var h headerError
	return strings.EqualFold(path.Ext(f.Name), ".txt") && (errors.Is(err, errEmpty) || errors.As(err, &h) && !h.isTable())
}

// members are the rows of several files of an archive, each with the name of its
// file.
type members struct {
	archive *table
	spec    spec
	budget  *unpacked
	files   []*zip.File
	now     *table // the file that is read; nil before the first and between two
	at      int
}

// open reads a file of the archive up to its header row.
func (m *members) open(f *zip.File) (*table, error) {
	t := &table{name: m.archive.name + "/" + inventory.CleanText(path.Base(f.Name)), lim: m.archive.lim}
	return t, t.openMember(f, m.spec, m.budget)
}

func inArchive(f *zip.File) string { return shorten(inventory.CleanText(path.Base(f.Name))) }

func (m *members) next() (row, error) {
	for m.at < len(m.files) {
		if m.now == nil {
			t, err := m.open(m.files[m.at])
			if err != nil {
				return row{}, err
			}
			m.now = t
		}
		r, err := m.now.rows.next()
		if errors.Is(err, io.EOF) {
			m.now = nil
			m.at++
			continue
		}
		r.file = m.now.name
		return r, err
	}
	return row{}, io.EOF
}
