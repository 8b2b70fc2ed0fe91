package metrics

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLabel bounds a label's value, in bytes.
const maxLabel = 256

// clean makes any text fit for a label: valid UTF-8 of at most maxLabel bytes,
// without control characters and without the invisible ones that reorder or
// hide text (Unicode's Cf). Text that is fit already comes back as it is.
func clean(s string) string {
	if fit(s) {
		return s
	}
	if len(s) > 4*maxLabel { // a rune has at most 4 bytes: no need to look at more
		s = s[:4*maxLabel]
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if !visible(r) {
			return -1
		}
		return r
	}, s)
	if len(s) <= maxLabel {
		return s
	}
	end := maxLabel
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

func fit(s string) bool {
	if len(s) > maxLabel {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' { // anything but printable ASCII takes the long way
			return false
		}
	}
	return true
}

func visible(r rune) bool { return !unicode.IsControl(r) && !unicode.Is(unicode.Cf, r) }
