package nodelist

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decode makes text with lines that end in "\n". It knows UTF-8, UTF-16 with a
// byte order mark, as spreadsheets write, and takes all else for Latin-1.
func decode(raw []byte) (string, error) {
	var text string
	switch {
	case bytes.HasPrefix(raw, []byte("\xff\xfe")):
		text = decodeUTF16(raw[2:], binary.LittleEndian)
	case bytes.HasPrefix(raw, []byte("\xfe\xff")):
		text = decodeUTF16(raw[2:], binary.BigEndian)
	case utf8.Valid(raw):
		text = strings.TrimPrefix(string(raw), "\ufeff")
	default:
		runes := make([]rune, len(raw))
		for i, b := range raw {
			runes[i] = rune(b)
		}
		text = string(runes)
	}
	if strings.ContainsRune(text, 0) {
		return "", errors.New("it is not text")
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.ReplaceAll(text, "\r", "\n"), nil
}

func decodeUTF16(raw []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = order.Uint16(raw[2*i:])
	}
	return string(utf16.Decode(units))
}

var (
	sectionLine = regexp.MustCompile(`(?m)^\[[A-Za-z0-9_.-]+(:(vars|children|hosts))?\]\s*([#;].*)?$`)
	yamlStart   = regexp.MustCompile(`^(---\s*(#.*)?$|['"]?[\w.-]+['"]?:\s*([#&{].*)?$)`)
	jsonStart   = regexp.MustCompile(`^(\{|\[\s*[{\]])`)
	hostVars    = regexp.MustCompile(`^\S+\s+\w+=`)
)

// detectBytes is how much of a file is looked at to tell its format.
const detectBytes = 64 << 10

// detect tells the format by the file's name, then by its first lines.
func detect(file, text string) Format {
	base := strings.ToLower(filepath.Base(file))
	if base == "router.db" || filepath.Ext(base) == ".db" {
		return RouterDB
	}
	switch filepath.Ext(base) {
	case ".json":
		return NetBoxJSON
	case ".yml", ".yaml":
		return AnsibleYAML
	case ".ini":
		return AnsibleINI
	case ".csv", ".tsv":
		return CSV
	}
	text = strings.TrimSpace(text[:min(len(text), detectBytes)])
	line := firstLine(text)
	switch {
	case jsonStart.MatchString(text):
		return NetBoxJSON
	case sectionLine.MatchString(text), hostVars.MatchString(line):
		return AnsibleINI
	case yamlStart.MatchString(line):
		return AnsibleYAML
	case looksLikeCSV(text):
		return CSV
	case looksLikeRouterDB(text):
		return RouterDB
	}
	return Plain
}

// firstLine is the first line that is neither empty nor a comment.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != ';' {
			return line
		}
	}
	return ""
}
