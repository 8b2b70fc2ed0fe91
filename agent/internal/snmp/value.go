package snmp

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"rollcall/pkg/inventory"
)

// Limits on what a device may say about itself, in bytes. SnmpAdminString is
// 255 octets (RFC 3411), a serial number 32 (RFC 6933).
const (
	maxText   = 255
	maxDescr  = 1024
	maxSerial = 64
)

// text gives an octet string or number as text, at most limit bytes of it.
func text(v any, limit int) string {
	var s string
	switch v := v.(type) {
	case []byte:
		s = string(v[:min(len(v), 4*limit)])
	case string:
		s = v[:min(len(v), 4*limit)]
	default:
		n, ok := number(v)
		if !ok {
			return ""
		}
		s = strconv.FormatInt(n, 10)
	}
	s = inventory.CleanText(strings.TrimRight(s, "\x00 "))
	if len(s) > limit {
		s = s[:limit]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	return s
}

// words is text for names and descriptions: a placeholder is no name.
func words(v any) string {
	s := text(v, maxText)
	switch strings.ToLower(s) {
	case "n/a", "<private>", "null", "unspecified":
		return ""
	}
	return s
}

// serial gives a cleaned serial number, "" when the value is none.
func serial(v any) string {
	s := inventory.CleanSerial(text(v, maxText))
	if len(s) > maxSerial {
		return ""
	}
	return s
}

// pid gives a cleaned product identifier.
func pid(v any) string { return inventory.CleanPID(words(v)) }

// number gives an integer of any of the SNMP types.
func number(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case uint:
		return int64(n), true // counters beyond 2^63 are no index and no class
	case uint32:
		return int64(n), true
	case uint64:
		return int64(n), true // as above
	}
	return 0, false
}
