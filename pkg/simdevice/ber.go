package simdevice

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ASN.1 tags of SNMP messages: RFC 1157 section 4, RFC 3416 section 3.
const (
	tagInteger     = 0x02
	tagOctets      = 0x04
	tagNull        = 0x05
	tagOID         = 0x06
	tagSequence    = 0x30
	tagIPAddress   = 0x40
	tagCounter32   = 0x41
	tagGauge32     = 0x42
	tagTimeTicks   = 0x43
	tagCounter64   = 0x46
	tagNoObject    = 0x80
	tagNoInstance  = 0x81
	tagEndOfView   = 0x82
	tagGet         = 0xa0
	tagGetNext     = 0xa1
	tagResponse    = 0xa2
	tagSet         = 0xa3
	tagGetBulk     = 0xa5
	tagReport      = 0xa8
	maxSubID       = 128 // sub-identifiers of one OID, RFC 3416 section 4.1
	maxLengthBytes = 4
)

var errBER = errors.New("malformed BER")

// oid is an object identifier, one number per sub-identifier.
type oid []uint32

// parseOID reads the dotted form, with or without a dot in front.
func parseOID(s string) (oid, error) {
	var o oid
	for part := range strings.SplitSeq(strings.TrimPrefix(s, "."), ".") {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("cannot read OID %q: sub-identifier %q", s, part)
		}
		o = append(o, uint32(n))
	}
	if len(o) < 2 || len(o) > maxSubID || o[0] > 2 || (o[0] < 2 && o[1] > 39) {
		return nil, fmt.Errorf("cannot read OID %q: not an object identifier", s)
	}
	return o, nil
}

// under says that o lies below the prefix.
func (o oid) under(prefix oid) bool {
	return len(o) > len(prefix) && slices.Equal(o[:len(prefix)], prefix)
}

// with returns o followed by more sub-identifiers, in memory of its own.
func (o oid) with(more ...uint32) oid { return append(slices.Clone(o), more...) }

func (o oid) String() string {
	var b strings.Builder
	for i, n := range o {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.FormatUint(uint64(n), 10))
	}
	return b.String()
}

// appendTLV appends one tag, length and contents in definite form.
func appendTLV(dst []byte, tag byte, body []byte) []byte {
	dst = append(dst, tag)
	switch n := len(body); {
	case n < 0x80:
		dst = append(dst, byte(n))
	case n <= 0xff:
		dst = append(dst, 0x81, byte(n))
	case n <= 0xffff:
		dst = append(dst, 0x82, byte(n>>8), byte(n))
	default:
		dst = append(dst, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(dst, body...)
}

// integerBody is the shortest two's complement form, which INTEGER, Counter,
// Gauge and TimeTicks share.
func integerBody(n int64) []byte {
	raw := binary.BigEndian.AppendUint64(nil, uint64(n))
	for len(raw) > 1 && ((raw[0] == 0 && raw[1] < 0x80) || (raw[0] == 0xff && raw[1] >= 0x80)) {
		raw = raw[1:]
	}
	return raw
}

func appendInteger(dst []byte, n int64) []byte { return appendTLV(dst, tagInteger, integerBody(n)) }

func appendOctets(dst []byte, s string) []byte { return appendTLV(dst, tagOctets, []byte(s)) }

func oidBody(o oid) []byte {
	if len(o) < 2 {
		return []byte{0}
	}
	out := appendBase128(nil, o[0]*40+o[1])
	for _, n := range o[2:] {
		out = appendBase128(out, n)
	}
	return out
}

func appendBase128(dst []byte, n uint32) []byte {
	for shift := 28; shift > 0; shift -= 7 {
		if n>>shift != 0 {
			dst = append(dst, byte(n>>shift)|0x80)
		}
	}
	return append(dst, byte(n)&0x7f)
}

// A berReader takes one element after another off a message.
type berReader struct{ rest []byte }

// next returns the next element. A length beyond the end is an error.
func (r *berReader) next() (tag byte, body []byte, err error) {
	if len(r.rest) < 2 {
		return 0, nil, errBER
	}
	tag, length, head := r.rest[0], int(r.rest[1]), 2
	if length >= 0x80 {
		n := length & 0x7f
		if n == 0 || n > maxLengthBytes || len(r.rest) < 2+n {
			return 0, nil, errBER
		}
		length, head = 0, 2+n
		for _, b := range r.rest[2:head] {
			length = length<<8 | int(b)
		}
	}
	if length < 0 || length > len(r.rest)-head {
		return 0, nil, errBER
	}
	body, r.rest = r.rest[head:head+length], r.rest[head+length:]
	return tag, body, nil
}

func (r *berReader) expect(want byte) ([]byte, error) {
	tag, body, err := r.next()
	if err != nil {
		return nil, err
	}
	if tag != want {
		return nil, fmt.Errorf("%w: tag 0x%02x where 0x%02x belongs", errBER, tag, want)
	}
	return body, nil
}

func (r *berReader) integer() (int64, error) {
	body, err := r.expect(tagInteger)
	if err != nil {
		return 0, err
	}
	return parseInteger(body)
}

func (r *berReader) octets() (string, error) {
	body, err := r.expect(tagOctets)
	return string(body), err
}

func parseInteger(body []byte) (int64, error) {
	if len(body) == 0 || len(body) > 8 {
		return 0, errBER
	}
	n := int64(int8(body[0]))
	for _, b := range body[1:] {
		n = n<<8 | int64(b)
	}
	return n, nil
}

func parseOIDBody(body []byte) (oid, error) {
	if len(body) == 0 || body[len(body)-1]&0x80 != 0 {
		return nil, errBER
	}
	var o oid
	var n uint64
	for _, b := range body {
		n = n<<7 | uint64(b&0x7f)
		if n > 0xffffffff {
			return nil, errBER
		}
		if b&0x80 != 0 {
			continue
		}
		if o == nil {
			first := min(n/40, 2)
			o = oid{uint32(first), uint32(n - first*40)}
		} else {
			o = append(o, uint32(n))
		}
		if len(o) > maxSubID {
			return nil, errBER
		}
		n = 0
	}
	return o, nil
}
