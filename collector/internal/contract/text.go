package contract

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// newText decodes a file to UTF-8 with LF at the end of lines: from UTF-8 and
// UTF-16 with or without a byte order mark, and from Windows-1252, which
// spreadsheets on Windows write; from CR LF, and from the CR of spreadsheets on
// old Macintoshes.
func newText(r *bufio.Reader) *text {
	head, _ := r.Peek(1024) // a shorter file gives what it has
	mark, order := 0, binary.ByteOrder(nil)
	switch {
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		mark = 3
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		mark, order = 2, binary.LittleEndian
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		mark, order = 2, binary.BigEndian
	default:
		order = unmarkedOrder(head)
	}
	_, _ = r.Discard(mark) // was just peeked
	if order != nil {
		return &text{next: (&utf16Runes{r: r, order: order}).next}
	}
	return &text{next: (&utf8Runes{r: r}).next}
}

// unmarkedOrder finds UTF-16 without a mark: Latin text in it has a NUL in
// every other octet.
func unmarkedOrder(head []byte) binary.ByteOrder {
	even, odd := 0, 0
	for i, b := range head {
		switch {
		case b != 0:
		case i%2 == 0:
			even++
		default:
			odd++
		}
	}
	switch half := len(head) / 2; {
	case half > 2 && odd > half*3/4 && even == 0:
		return binary.LittleEndian
	case half > 2 && even > half*3/4 && odd == 0:
		return binary.BigEndian
	}
	return nil
}

// text is the reader of newText.
type text struct {
	next    func() (rune, error)
	afterCR bool
	left    []byte // of a character that did not fit into the last Read
	buf     [utf8.UTFMax]byte
}

func (t *text) Read(p []byte) (int, error) {
	n := copy(p, t.left)
	t.left = t.left[n:]
	for n < len(p) {
		r, err := t.next()
		if err != nil {
			if n > 0 {
				return n, nil // next will say it again
			}
			return 0, err
		}
		if r == '\n' && t.afterCR {
			t.afterCR = false
			continue
		}
		t.afterCR = r == '\r'
		if t.afterCR {
			r = '\n'
		}
		if r < utf8.RuneSelf {
			p[n] = byte(r)
			n++
			continue
		}
		size := utf8.EncodeRune(t.buf[:], r)
		fits := copy(p[n:], t.buf[:size])
		t.left = t.buf[fits:size]
		n += fits
	}
	return n, nil
}

// utf8Runes takes each octet that is no UTF-8 for Windows-1252, so that one
// stray letter does not spoil a file.
type utf8Runes struct {
	r *bufio.Reader
}

func (u *utf8Runes) next() (rune, error) {
	r, size, err := u.r.ReadRune()
	if err != nil || r != utf8.RuneError || size != 1 {
		return r, err
	}
	if err := u.r.UnreadRune(); err != nil {
		return 0, err
	}
	b, err := u.r.ReadByte()
	return fromWindows1252(b), err
}

// windows1252 are the characters of the octets 0x80 to 0x9F; five of them have
// none and become a replacement character. All other octets are Latin-1.
const windows1252 = "€\uFFFD‚ƒ„…†‡ˆ‰Š‹Œ\uFFFDŽ\uFFFD\uFFFD‘’“”•–—˜™š›œ\uFFFDžŸ"

func fromWindows1252(b byte) rune {
	if b < 0x80 || b >= 0xA0 {
		return rune(b)
	}
	return []rune(windows1252)[b-0x80]
}

// utf16Runes decodes UTF-16; half a character at the end of a file is dropped.
type utf16Runes struct {
	r      *bufio.Reader
	order  binary.ByteOrder
	unread rune // read after a first surrogate, and no second one
}

func (u *utf16Runes) next() (rune, error) {
	r := u.unread
	u.unread = 0
	if r == 0 {
		var err error
		if r, err = u.unit(); err != nil {
			return 0, err
		}
	}
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	second, err := u.unit()
	if err != nil {
		return 0, err
	}
	whole := utf16.DecodeRune(r, second)
	if whole == utf8.RuneError {
		u.unread = second
	}
	return whole, nil
}

func (u *utf16Runes) unit() (rune, error) {
	var b [2]byte
	_, err := io.ReadFull(u.r, b[:])
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return rune(u.order.Uint16(b[:])), err
}

// notText says what a file is that can't be read as CSV, and what to do; "" for
// one that may be text.
func notText(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte{0xD0, 0xCF, 0x11, 0xE0}):
		return "it is an old Excel workbook (.xls), or one with a password; open it, save it as .xlsx without a password or as CSV, and give that file"
	case bytes.HasPrefix(head, []byte("%PDF")):
		return "it is a PDF; download the contract as CSV instead"
	case bytes.HasPrefix(head, []byte{0x1F, 0x8B}):
		return "it is compressed with gzip; unpack it first"
	}
	start := strings.ToLower(string(bytes.TrimLeft(head[:min(len(head), 512)], "\xEF\xBB\xBF \t\r\n")))
	switch {
	case strings.HasPrefix(start, "<!doctype"), strings.HasPrefix(start, "<html"), strings.HasPrefix(start, "<?xml"):
		return "it is a web page or XML, perhaps a log-in page saved by mistake; download the contract again as CSV"
	}
	return ""
}
