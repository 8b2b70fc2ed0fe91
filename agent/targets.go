package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

const (
	// MaxSweep bounds the addresses of one network or range.
	MaxSweep = 1 << 16
	// maxTargets bounds the addresses of all targets together.
	maxTargets = 1 << 18
	// maxRefused bounds the refused lines that are named one by one.
	maxRefused = 1000
)

// Addresses are what one target stands for.
type Addresses struct {
	Written string // as the target was written
	// Sweep says that the target is a network or a range, where most
	// addresses have no device and silence means nothing.
	Sweep bool
	List  []string
}

// A TargetList is what one written target, which may name a file, came to.
type TargetList struct {
	Groups []Addresses
	// Refused says of each line of the file that cannot be used where it is and
	// why.
	Refused []string
	// Skipped says, by reason, of how many devices in the file none is asked:
	// they are not Cisco's, marked as down, or there twice.
	Skipped []string
}

// Count is the number of addresses.
func (t TargetList) Count() int {
	n := 0
	for _, g := range t.Groups {
		n += len(g.List)
	}
	return n
}

// ParseTarget reads an address, a name, a network (192.0.2.0/24) or a range
// (192.0.2.1-192.0.2.50).
func ParseTarget(written string) (Addresses, error) {
	text := strings.TrimSpace(written)
	single := func(address string, err error) (Addresses, error) {
		return Addresses{Written: text, List: []string{address}}, err
	}
	switch from, to, isRange := strings.Cut(text, "-"); {
	case text == "":
		return Addresses{}, errors.New(`"" is not an address, a name, a network or a range`)
	case strings.HasPrefix(text, "@"):
		return Addresses{}, fmt.Errorf("%q names a file of targets, which cannot stand here", text)
	case strings.Contains(text, "://"):
		return Addresses{}, fmt.Errorf("%q is a web address: write the device's address or name alone", text)
	case strings.Contains(text, "/"):
		return parseNetwork(text)
	case isRange && looksLikeAddress(strings.TrimSpace(from)):
		return parseRange(text, from, to)
	case looksLikeAddress(text):
		addr, err := parseAddress(text)
		if err != nil {
			return Addresses{}, err
		}
		return single(addr.String(), nil)
	}
	name, err := parseName(text)
	if err != nil {
		return Addresses{}, err
	}
	return single(name, nil)
}

// looksLikeAddress is true for what is meant as an address, well written or
// not: no host name ends in a number or holds two colons.
func looksLikeAddress(s string) bool {
	s = strings.TrimSuffix(s, ".")
	last := s[strings.LastIndexByte(s, '.')+1:]
	return strings.Count(s, ":") > 1 || (last != "" && strings.Trim(last, "0123456789") == "" && strings.Contains(s, "."))
}

func parseAddress(s string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q is not an address: write it as 192.0.2.1 or 2001:db8::1", s)
	}
	addr = addr.Unmap()
	if addr.IsUnspecified() || addr.IsMulticast() || addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return netip.Addr{}, fmt.Errorf("%q is not the address of one device", s)
	}
	return addr, nil
}

// label is one part of a name. The underscore is no part of a host name (RFC
// 1123, 2.1), but some networks use it.
var label = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)

func parseName(s string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if host, port, found := strings.Cut(name, ":"); found && host != "" && strings.Trim(port, "0123456789") == "" {
		return "", fmt.Errorf("%q has a port: write the address alone, and the ports as snmp_port and ssh_port", s)
	}
	if len(name) > 253 {
		return "", fmt.Errorf("%.40q... is too long for a name", s)
	}
	for part := range strings.SplitSeq(name, ".") {
		if !label.MatchString(part) {
			return "", fmt.Errorf("%q is not an address, a name, a network or a range", s)
		}
	}
	return name, nil
}

// parseNetwork lists the hosts of a network. Network and broadcast address of
// an IPv4 network are no hosts, but for /31 (RFC 3021) and /32.
func parseNetwork(text string) (Addresses, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return Addresses{}, fmt.Errorf("%q is not a network: write it as 192.0.2.0/24", text)
	}
	prefix = prefix.Masked()
	bits := prefix.Addr().BitLen() - prefix.Bits()
	if bits > 16 {
		return Addresses{}, fmt.Errorf("%q has more than %d addresses: sweep it in smaller networks", text, MaxSweep)
	}
	a := Addresses{Written: text, Sweep: bits > 0}
	for addr := prefix.Addr(); prefix.Contains(addr); addr = addr.Next() {
		a.List = append(a.List, addr.String())
	}
	if prefix.Addr().Is4() && bits > 1 {
		a.List = a.List[1 : len(a.List)-1]
	}
	if first := prefix.Addr(); first.IsMulticast() {
		return Addresses{}, fmt.Errorf("%q is a multicast network", text)
	}
	return a, nil
}

func parseRange(text, from, to string) (Addresses, error) {
	first, err := parseAddress(strings.TrimSpace(from))
	if err != nil {
		return Addresses{}, err
	}
	last, err := parseAddress(strings.TrimSpace(to))
	if err != nil {
		return Addresses{}, fmt.Errorf("%q is not a range: write both ends in full, as in 192.0.2.1-192.0.2.50", text)
	}
	if first.BitLen() != last.BitLen() || first.Zone() != last.Zone() {
		return Addresses{}, fmt.Errorf("%q is not a range: its ends are of different kinds", text)
	}
	if last.Less(first) {
		return Addresses{}, fmt.Errorf("%q is not a range: it ends before it begins", text)
	}
	a := Addresses{Written: text, Sweep: first != last}
	for addr := first; ; addr = addr.Next() {
		if len(a.List) >= MaxSweep {
			return Addresses{}, fmt.Errorf("%q has more than %d addresses: sweep it in smaller ranges", text, MaxSweep)
		}
		a.List = append(a.List, addr.String())
		if addr == last {
			return a, nil
		}
	}
}
