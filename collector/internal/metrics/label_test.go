package metrics

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "FCW0000A001", "FCW0000A001"},
		{"empty", "", ""},
		{"accents stay", "Sûreté", "Sûreté"},
		{"escape sequence", "\x1b[31mred", "[31mred"},
		{"line ends", "a\r\nb", "ab"},
		{"C1", "a\u009bb", "ab"},
		{"bidi and zero width", "a\u202eb\u200bc", "abc"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
		{"quotes stay, the format escapes them", `a"b\`, `a"b\`},
		{"cut between characters", strings.Repeat("é", 200), strings.Repeat("é", 128)},
		{"cut inside a character", "x" + strings.Repeat("é", 200), "x" + strings.Repeat("é", 127)},
		{"much too long", strings.Repeat("\x01", 2000) + "b", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := clean(tt.in); got != tt.want {
				t.Errorf("clean(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "plain", "\xff", "a\u202eb", strings.Repeat("é", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := clean(s)
		if len(got) > maxLabel || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) }) {
			t.Errorf("clean(%q) = %q", s, got)
		}
		if again := clean(got); again != got {
			t.Errorf("clean is not stable: %q, then %q", got, again)
		}
	})
}
