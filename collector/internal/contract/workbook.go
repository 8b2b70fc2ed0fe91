package contract

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// A workbook is an XLSX file (ECMA-376, "SpreadsheetML"), read part by part
// from memory as a stream: sheets are never held as a whole and nothing is
// unpacked to disk.
type workbook struct {
	name    string
	zip     *zip.Reader
	budget  *unpacked
	lim     limits
	sheets  []sheetPart
	strings []string
	formats []numberFormat // by style
	// days1904 says that day 0 is 1 January 1904, as on old Macintoshes.
	days1904 bool
}

// A sheetPart is one sheet: its name and where it is in the archive.
type sheetPart struct {
	name   string
	path   string
	hidden bool
}

// Parts that are read as a whole are small; styles are the largest.
const (
	mostPart   = 8 << 20
	mostSheets = 200
	// mostToken bounds one cell or tag before it is looked at.
	mostToken = 1 << 20
)

// openWorkbook reads all of a workbook but its sheets.
func openWorkbook(name string, z *zip.Reader, budget *unpacked, lim limits) (*workbook, error) {
	w := &workbook{name: name, zip: z, budget: budget, lim: lim}
	var book struct {
		Props struct {
			Date1904 string `xml:"date1904,attr"`
		} `xml:"workbookPr"`
		Sheets []struct {
			Name  string `xml:"name,attr"`
			State string `xml:"state,attr"`
			ID    string `xml:"id,attr"`
		} `xml:"sheets>sheet"`
	}
	var relations struct {
		All []struct {
			ID     string `xml:"Id,attr"`
			Type   string `xml:"Type,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	if err := w.part("xl/workbook.xml", &book); err != nil {
		return nil, err
	}
	if err := w.part("xl/_rels/workbook.xml.rels", &relations); err != nil {
		return nil, err
	}
	w.days1904 = book.Props.Date1904 == "1" || strings.EqualFold(book.Props.Date1904, "true")
	worksheets := map[string]string{}
	texts, styles := "", ""
	for _, r := range relations.All {
		target := path.Join("xl", r.Target)
		if strings.HasPrefix(r.Target, "/") {
			target = strings.TrimPrefix(path.Clean(r.Target), "/")
		}
		switch path.Base(r.Type) {
		case "worksheet":
			worksheets[r.ID] = target
		case "sharedStrings":
			texts = target
		case "styles":
			styles = target
		}
	}
	for _, s := range book.Sheets {
		if target, ok := worksheets[s.ID]; ok { // others are charts
			w.sheets = append(w.sheets, sheetPart{s.Name, target, s.State == "hidden" || s.State == "veryHidden"})
		}
	}
	if len(w.sheets) == 0 || len(w.sheets) > mostSheets {
		return nil, fmt.Errorf("cannot use %s: the workbook has %d sheets; give one with the sheet of the contract", name, len(w.sheets))
	}
	if err := w.readStyles(styles); err != nil {
		return nil, err
	}
	return w, w.readStrings(texts)
}

// open returns a part of the archive, nil when it is not there.
func (w *workbook) open(name string) (io.ReadCloser, error) {
	f := w.file(name)
	if f == nil {
		return nil, nil
	}
	r, err := f.Open()
	if err != nil {
		return nil, w.damaged(err)
	}
	return r, nil
}

func (w *workbook) file(name string) *zip.File {
	for _, f := range w.zip.File {
		if strings.EqualFold(f.Name, name) {
			return f
		}
	}
	return nil
}

// part reads a small part as a whole.
func (w *workbook) part(name string, into any) error {
	r, err := w.open(name)
	if err != nil {
		return err
	}
	if r == nil {
		return w.damaged(fmt.Errorf("it has no part %s", name))
	}
	defer func() { _ = r.Close() }()
	raw, err := io.ReadAll(io.LimitReader(w.budget.reader(r), mostPart+1))
	if err != nil {
		return w.damaged(err)
	}
	if len(raw) > mostPart {
		return fmt.Errorf("cannot use %s: its part %s is larger than %d MiB", w.name, name, mostPart>>20)
	}
	if err := xml.Unmarshal(raw, into); err != nil {
		return w.damaged(err)
	}
	return nil
}

// damaged says that the workbook can't be read any further. Nothing of it is
// used then: lines that are missing would count as ones that ended.
func (w *workbook) damaged(err error) error {
	if big, ok := errors.AsType[*tooBigError](err); ok {
		return fmt.Errorf("cannot use %s: %w", w.name, big)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it ends in the middle")
	}
	return fmt.Errorf("cannot read %s: the workbook is damaged: %w; download it again, or open it and save it anew", w.name, err)
}

// readStrings reads the texts that cells share.
func (w *workbook) readStrings(name string) error {
	r, err := w.open(name)
	if err != nil || r == nil {
		return err
	}
	defer func() { _ = r.Close() }()
	d := newTokens(w.budget.reader(r))
	size := 0
	for {
		t, err := d.next()
		if err != nil {
			return w.damaged(err)
		}
		switch e := t.(type) {
		case xml.StartElement:
			if e.Name.Local != "si" {
				continue
			}
			s, err := d.text("si")
			if err != nil {
				return w.damaged(err)
			}
			if size += len(s) + 16; size > w.lim.strings {
				return fmt.Errorf("cannot use %s: its texts are more than %d MiB; split it by contract", w.name, w.lim.strings>>20)
			}
			w.strings = append(w.strings, s)
		case xml.EndElement:
			if e.Name.Local == "sst" {
				return nil
			}
		}
	}
}

// readStyles learns which numbers are dates.
func (w *workbook) readStyles(name string) error {
	if name == "" {
		return nil
	}
	var sheet struct {
		Formats []struct {
			ID   int    `xml:"numFmtId,attr"`
			Code string `xml:"formatCode,attr"`
		} `xml:"numFmts>numFmt"`
		Cells []struct {
			Format int `xml:"numFmtId,attr"`
		} `xml:"cellXfs>xf"`
	}
	if err := w.part(name, &sheet); err != nil {
		return err
	}
	codes := map[int]string{}
	for _, f := range sheet.Formats {
		codes[f.ID] = f.Code
	}
	for _, c := range sheet.Cells {
		w.formats = append(w.formats, formatOf(c.Format, codes[c.Format]))
	}
	return nil
}

// A numberFormat is what a style makes of a number, as far as it matters here.
type numberFormat struct {
	date, scientific bool
	zeros            int // digits that are shown at least, as in 00000000
}

var (
	quotedInFormat = regexp.MustCompile(`"[^"]*"|\\.|\[[^\]]*\]|_.|\*.`)
	zerosOnly      = regexp.MustCompile(`^0{2,20}$`)
)

// formatOf understands a number format: by its number where it is built in
// (ECMA-376 part 1, 18.8.30; 27 to 36 and 50 to 58 are dates of East Asia), else
// by its code.
func formatOf(id int, code string) numberFormat {
	if code == "" {
		return numberFormat{
			date:       id >= 14 && id <= 17 || id == 22 || id >= 27 && id <= 36 || id >= 50 && id <= 58,
			scientific: id == 11 || id == 48,
		}
	}
	plain := strings.ToLower(quotedInFormat.ReplaceAllString(code, ""))
	first, _, _ := strings.Cut(plain, ";")
	if first == "general" {
		return numberFormat{}
	}
	f := numberFormat{
		date:       strings.ContainsAny(first, "yd"),
		scientific: strings.Contains(first, "e+") || strings.Contains(first, "e-"),
	}
	if zerosOnly.MatchString(first) {
		f.zeros = len(first)
	}
	return f
}

// Day numbers of spreadsheets.
const (
	days1904To1900 = 1462  // between the two day 0
	mostDay        = 65535 // in the year 2079
	leastDay       = 29221 // 1 January 1980; see firstYear
)

// A cellKind says what a spreadsheet holds in a cell, as opposed to what it
// shows.
type cellKind uint8

const (
	cellText cellKind = iota
	cellNumber
	cellDate
)

// number is the text of a number: a date as an ISO date, and digits as they are.
// inDates says that the column is one of dates, so that a number without a
// style is one too.
func (w *workbook) number(value string, style int, inDates bool) (string, cellKind) {
	x, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return value, cellText
	}
	var f numberFormat
	if style >= 0 && style < len(w.formats) {
		f = w.formats[style]
	}
	if f.date || inDates {
		days := x
		if w.days1904 && x != 0 {
			days += days1904To1900
		}
		if days >= leastDay && days <= mostDay {
			d, err := spreadsheetDay(strconv.Itoa(int(days)))
			if err == nil {
				return string(d), cellDate
			}
		}
	}
	whole := x == float64(int64(x)) && x > -1e15 && x < 1e15 // what a spreadsheet keeps exactly
	exponential := f.scientific || strings.ContainsAny(value, "eE") && x >= 1e9
	switch {
	case exponential && !(whole && hasAllDigits(int64(x))), !whole && (x >= 1e15 || x <= -1e15):
		return strconv.FormatFloat(x, 'E', -1, 64), cellNumber
	case whole && f.zeros > 0 && x >= 0:
		return fmt.Sprintf("%0*d", f.zeros, int64(x)), cellText // nothing is lost
	case whole:
		return strconv.FormatInt(int64(x), 10), cellNumber
	}
	return value, cellNumber
}

// shownDigits are the most digits that a spreadsheet shows of a number such as
// 1.23457E+10. What was saved as text in between has no more of them.
const shownDigits = 6

// hasAllDigits says that a number is more exact than it would be if it had been
// shown with an exponent and read again.
func hasAllDigits(n int64) bool {
	return len(strings.TrimRight(strconv.FormatInt(max(n, -n), 10), "0")) > shownDigits
}

// tokens reads XML, no more than mostToken for one of them.
type tokens struct {
	d    *xml.Decoder
	left *tokenLimit
}

func newTokens(r io.Reader) *tokens {
	l := &tokenLimit{r: r}
	d := xml.NewDecoder(l)
	return &tokens{d: d, left: l}
}

// next is io.EOF at the end of the text, wherever that is.
func (t *tokens) next() (xml.Token, error) {
	t.left.n = mostToken
	return t.d.RawToken()
}

// text is all text up to the end of the element, but not how it is to be
// pronounced.
func (t *tokens) text(element string) (string, error) {
	var s []byte
	inText, aside := false, 0
	for {
		tok, err := t.next()
		if err != nil {
			return "", err
		}
		switch e := tok.(type) {
		case xml.StartElement:
			inText = e.Name.Local == "t"
			if e.Name.Local == "rPh" {
				aside++
			}
		case xml.CharData:
			if inText && aside == 0 {
				s = append(s, e...)
			}
			if len(s) > mostToken {
				return "", &tooBigError{fmt.Sprintf("a cell is larger than %d KiB", mostToken>>10)}
			}
		case xml.EndElement:
			inText = false
			switch e.Name.Local {
			case "rPh":
				aside--
			case element:
				return unescape(string(s)), nil
			}
		}
	}
}

var escaped = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

// unescape reads _x000D_, as which workbooks keep what XML can't.
func unescape(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	return escaped.ReplaceAllStringFunc(s, func(e string) string {
		n, err := strconv.ParseUint(e[2:6], 16, 16)
		if err != nil {
			return e
		}
		return string(rune(n))
	})
}

// tokenLimit ends a token that is too large to be held.
type tokenLimit struct {
	r io.Reader
	n int
}

func (l *tokenLimit) Read(p []byte) (int, error) {
	if l.n <= 0 {
		return 0, &tooBigError{fmt.Sprintf("a cell is larger than %d KiB", mostToken>>10)}
	}
	n, err := l.r.Read(p[:min(len(p), l.n)])
	l.n -= n
	return n, err
}

// A tooBigError says which limit a file is over.
type tooBigError struct{ what string }

func (e *tooBigError) Error() string { return e.what }

// unpacked counts what comes out of an archive, whatever it says about itself.
type unpacked struct{ most, left int64 }

// part returns how to tell how much of a file, which is read from now on, was
// read.
func (u *unpacked) part(f *zip.File) func() float64 {
	before, size := u.left, f.UncompressedSize64
	return func() float64 { return float64(before-u.left) / float64(max(size, 1)) }
}

func (u *unpacked) reader(r io.Reader) io.Reader { return &unpacking{u, r} }

type unpacking struct {
	*unpacked
	r io.Reader
}

func (u *unpacking) Read(p []byte) (int, error) {
	if int64(len(p)) > u.left+1 {
		p = p[:u.left+1]
	}
	n, err := u.r.Read(p)
	u.left -= int64(n)
	if u.left < 0 {
		return 0, &tooBigError{fmt.Sprintf("it unpacks to more than %d MiB; split it by contract", u.most>>20)}
	}
	return n, err
}

// entries is a rough count of an archive's files, made before its directory is
// read into memory.
func entries(raw []byte) int { return bytes.Count(raw, []byte("PK\x01\x02")) }
