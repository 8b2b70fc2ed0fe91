package nodelist

import (
	"net/netip"
	"regexp"
	"strings"
)

// missing are words that tools write for no value.
var missing = map[string]bool{"": true, "-": true, "—": true, "n/a": true, "na": true, "none": true, "null": true, "nil": true, "unknown": true, "tbd": true, "?": true}

func isMissing(s string) bool { return missing[strings.ToLower(strings.TrimSpace(s))] }

// label is one part of a host name (RFC 1123, 2.1), with the underscore that
// some networks use.
var label = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)

// parseAddress reads an IP address, also with the length of its network as
// NetBox writes it, or a host name. wrong says what is the matter.
func parseAddress(written string) (address, wrong string) {
	s := strings.TrimSpace(written)
	switch {
	case isMissing(s):
		return "", "there is no address: fill it in, or remove the row"
	case strings.Contains(s, "://"):
		return "", "a web address: write the device's address or name alone"
	case strings.Contains(s, "/"):
		return parseInterface(s)
	}
	if inner, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inner, "]") {
		s = inner[:len(inner)-1]
	}
	if ip, err := netip.ParseAddr(s); err == nil {
		return oneDevice(ip)
	}
	return parseName(s)
}

// parseInterface reads 192.0.2.1/24, the address of a device in its network.
func parseInterface(s string) (address, wrong string) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return "", "neither an address nor a name"
	}
	if p.Addr() == p.Masked().Addr() && p.Addr().BitLen()-p.Bits() > 1 {
		return "", "a network, not a device: sweep it as a target of its own"
	}
	return oneDevice(p.Addr())
}

func oneDevice(ip netip.Addr) (address, wrong string) {
	ip = ip.Unmap()
	switch {
	case ip.Zone() != "":
		return "", "an address with a zone, which means something on one machine only"
	case ip.IsUnspecified(), ip.IsMulticast(), ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "", "not the address of one device"
	}
	return ip.String(), ""
}

func parseName(s string) (address, wrong string) {
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	parts := strings.Split(name, ".")
	if last := parts[len(parts)-1]; len(parts) > 1 && strings.Trim(last, "0123456789") == "" {
		return "", "not an address: write it as 192.0.2.1 or 2001:db8::1"
	}
	if host, port, found := strings.Cut(name, ":"); found && host != "" && port != "" && strings.Trim(port, "0123456789") == "" {
		return "", "an address with a port: write the address alone, and the ports in the agent's configuration"
	}
	if len(name) > 253 {
		return "", "too long for a name"
	}
	for _, part := range parts {
		if !label.MatchString(part) {
			return "", "neither an address nor a name"
		}
	}
	return name, ""
}
