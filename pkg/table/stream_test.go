package table_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"
	"unicode"

	"rollcall/pkg/table"
)

// hostile are texts as devices, files and requests may have them.
var hostile = []string{
	"sw1\nlevel=ERROR msg=forged", "a\r\nb", "\x1b[2J\x1b]52;c;QUFB\x07", "c1 \u0085 \u009b31m", "lines \u2028 \u2029 \v \f", "bidi \u202e \u2066 zero \u200b \ufeff",
	`quote " back \ " \u000a`, "del \x7f nul \x00", "not UTF-8 \xff\xc2", "tag \U000e0041 music \U0001d173 face \U0001f600", "Zürich 東京", "=cmd|'/C calc'!A0", "",
}

// One record of a log is one line for every reader, with nothing in it that does
// not print, and reads back as what was logged.
func TestJSONLines(t *testing.T) {
	for _, text := range hostile {
		var b bytes.Buffer
		log := slog.New(slog.NewJSONHandler(table.JSONLines(&b), nil))
		log.Info("polled", "name", text, "error", os.ErrInvalid)
		log.Info("again")
		said, ended := strings.CutSuffix(b.String(), "\n")
		if !ended || strings.Count(said, "\n") != 1 {
			t.Errorf("%q: %d lines: %q", text, strings.Count(said, "\n")+1, said)
			continue
		}
		line, _, _ := strings.Cut(said, "\n")
		if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%q: what does not print is in the line at %d: %q", text, i, line)
		}
		var record struct{ Msg, Name string }
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Errorf("%q: %v: %s", text, err, line)
		}
		if want := strings.ToValidUTF8(text, "\ufffd"); record.Name != want && record.Name != strings.ReplaceAll(text, "\xff\xc2", "\ufffd\ufffd") || record.Msg != "polled" {
			t.Errorf("%q reads back as %q", text, record.Name)
		}
	}
}

// What is no terminal gets every byte.
func TestStreamOfFile(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	out := table.Stream(f)
	if out != f || table.IsTerminal(out) || table.Raw(out) != f {
		t.Errorf("a file became %v", out)
	}
}
