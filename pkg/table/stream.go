package table

import (
	"fmt"
	"io"
	"os"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// Stream is a standard stream of a program: the file as it is, or where that is
// a terminal one that shows text as Terminal does. So nothing that a device, a
// file or a server has written is obeyed by a terminal, whatever prints it.
func Stream(f *os.File) io.Writer {
	if !term.IsTerminal(int(f.Fd())) {
		return f
	}
	return &screen{Writer: Terminal(f), file: f}
}

type screen struct {
	io.Writer
	file *os.File
}

// IsTerminal says that a stream is one, or is one of Stream.
func IsTerminal(stream any) bool {
	if _, ok := stream.(*screen); ok {
		return true
	}
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Raw is the terminal of Stream itself, for what draws on it with characters of
// its own, such as a bar.
func Raw(stream io.Writer) io.Writer {
	if s, ok := stream.(*screen); ok {
		return s.file
	}
	return stream
}

// JSONLines writes lines of JSON in which what cannot be printed is escaped, so
// that a line is one for every reader, and a terminal that is shown the file
// obeys nothing. encoding/json escapes control characters below space alone. A
// line comes whole, as slog writes it.
func JSONLines(w io.Writer) io.Writer { return jsonLines{w} }

type jsonLines struct{ w io.Writer }

// Write implements io.Writer.
func (j jsonLines) Write(b []byte) (int, error) {
	safe := make([]byte, 0, len(b)+64)
	for rest := b; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		switch {
		case r == '\n' || unicode.IsPrint(r) && r != utf8.RuneError:
			safe = append(safe, rest[:n]...)
		case r > 0xffff: // two halves, as in UTF-16 (RFC 8259, section 7)
			r -= 0x10000
			safe = fmt.Appendf(safe, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			safe = fmt.Appendf(safe, `\u%04x`, r)
		}
		rest = rest[n:]
	}
	if _, err := j.w.Write(safe); err != nil {
		return 0, err
	}
	return len(b), nil
}
