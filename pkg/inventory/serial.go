package inventory

import (
	"regexp"
	"strings"
	"unicode"
)

// CleanSerial turns what a device answers as a serial number into the serial
// itself, upper case, or "" when the value says that there is none. Devices pad
// serials to 16 or 36 characters, put control bytes and quotes around them, and
// answer with placeholders.
func CleanSerial(raw string) string {
	s := strings.ToUpper(CleanText(raw))
	if s == "" || isPlaceholder(s) {
		return ""
	}
	return s
}

// CleanPID is CleanSerial for product identifiers: trimmed, and "" for "N/A",
// "Unspecified" and the like. The case is kept, as PIDs are written in one.
func CleanPID(raw string) string {
	s := CleanText(raw)
	switch strings.ToUpper(s) {
	case "N/A", "NA", "UNSPECIFIED", "UNKNOWN", "NULL", "NONE", "0":
		return ""
	}
	return s
}

// CleanText removes control bytes, surrounding quotes and outer space, folds
// inner runs of space to one, and reads octets that are not UTF-8 as Latin-1.
func CleanText(raw string) string {
	s := toUTF8(raw)
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = strings.TrimSpace(s[1 : len(s)-1])
	}
	return s
}

func toUTF8(s string) string {
	if strings.ToValidUTF8(s, "") == s {
		return s
	}
	r := make([]rune, 0, len(s))
	for i := range len(s) {
		r = append(r, rune(s[i]))
	}
	return string(r)
}

var (
	onlyPrefixAndZeros = regexp.MustCompile(`^[A-Z]{3}0+$`)
	macAddress         = regexp.MustCompile(`^([0-9A-F]{2}[:-]){5}[0-9A-F]{2}$|^([0-9A-F]{4}\.){2}[0-9A-F]{4}$`)
	hexFill            = regexp.MustCompile(`^0X(0+|F+)$`)
	imei               = regexp.MustCompile(`^[0-9]{15}$`)
)

// bogusSerials are answered by many devices alike: JAB092709EL stands on the
// built-in modules of every ISR4321.
var bogusSerials = map[string]bool{"JAB092709EL": true}

// placeholders are what agents and BIOSes answer for "no serial", upper case.
var placeholders = map[string]bool{
	"N/A": true, "NA": true, "N.A.": true, "NONE": true, "NULL": true, "(NULL)": true, "NIL": true,
	"UNKNOWN": true, "UNSPECIFIED": true, "NOT AVAILABLE": true, "NOT SPECIFIED": true, "NOT APPLICABLE": true,
	"NOT PRESENT": true, "NOT SET": true, "INVALID": true, "EMPTY": true, "<PRIVATE>": true, "0XFF": true, "TBD": true,
	"DEFAULT STRING": true, "SYSTEM SERIAL NUMBER": true, "TO BE FILLED BY O.E.M.": true,
}

func isPlaceholder(s string) bool {
	return placeholders[s] || bogusSerials[s] || oneCharacter(s) || onlyPrefixAndZeros.MatchString(s) || hexFill.MatchString(s) || macAddress.MatchString(s)
}

// oneCharacter is true for "0", "XXXX", "FFFFFFFF", "9999-9999-9999" and the
// like.
func oneCharacter(s string) bool {
	s = strings.ReplaceAll(s, "-", "")
	return s == "" || strings.Trim(s, s[:1]) == ""
}

// IsIMEI says that the value is the 15-digit identity of a modem, which stands
// in entPhysicalSerialNum of LTE modules. It is no Cisco serial: it stays on the
// part and is never used for matching.
func IsIMEI(serial string) bool { return imei.MatchString(serial) }
