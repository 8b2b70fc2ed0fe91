package snmp

import (
	"slices"
	"strconv"
	"strings"
)

// An oid is an object identifier. Sub-identifiers are unsigned: indices of
// entPhysicalTable exceed 2^31 on some agents.
type oid []uint32

// maxArcs is the longest object identifier of SNMP (RFC 3416 section 4.1).
const maxArcs = 128

// parseOID reads "1.3.6.1" with or without a dot before it, as agents and
// people write both. It returns nil for anything else.
func parseOID(s string) oid {
	s = strings.TrimPrefix(strings.TrimSpace(s), ".")
	arcs := strings.Count(s, ".") + 1
	if arcs > maxArcs {
		return nil
	}
	o := make(oid, 0, arcs)
	for more := true; more; {
		var arc string
		arc, s, more = strings.Cut(s, ".")
		n, err := strconv.ParseUint(arc, 10, 32)
		if err != nil {
			return nil
		}
		o = append(o, uint32(n))
	}
	return o
}

func (o oid) String() string {
	b := make([]byte, 0, 64)
	for _, n := range o {
		b = append(b, '.')
		b = strconv.AppendUint(b, uint64(n), 10)
	}
	return string(b)
}

// with returns the identifier with these arcs after it.
func (o oid) with(arcs ...uint32) oid {
	return slices.Concat(o, arcs)
}

// in says that the identifier lies below prefix.
func (o oid) in(prefix oid) bool {
	return len(o) > len(prefix) && slices.Equal(o[:len(prefix)], prefix)
}

// below returns what follows prefix; o must lie below it.
func (o oid) below(prefix oid) oid { return o[len(prefix):] }
