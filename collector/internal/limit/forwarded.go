package limit

import (
	"errors"
	"mime"
	"net/netip"
	"strings"
)

// lastHop is the last element of Forwarded (RFC 7239) whose client is not a proxy
// itself: proxies in front have written that one and all that follow it, and
// anybody those before.
func (a *Addresses) lastHop(lines []string) (last hop) {
	for rest := strings.Join(lines, ","); rest != ""; {
		var element string
		rest, element = cutLast(rest)
		said, err := parseElement(element)
		if err != nil {
			return hop{}
		}
		last = said
		if !a.isProxy(said.client) {
			return last
		}
	}
	last.client = netip.Addr{}
	return last
}

// cutLast cuts the last element of a list off, at a comma that no quotes are
// around. It is looked for from the end, which a proxy wrote, so that a quote
// that a client opened and never closed hides nothing.
func cutLast(list string) (before, last string) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch {
		case list[i] == '"' && !escaped(list[:i]):
			quoted = !quoted
		case list[i] == ',' && !quoted:
			return list[:i], list[i+1:]
		}
	}
	return "", list
}

// escaped says that what follows the text is, by an odd number of backslashes.
func escaped(text string) bool {
	return (len(text)-len(strings.TrimRight(text, `\`)))%2 == 1
}

// parseElement reads an element: pairs as they also follow a media type, each
// name at most once.
func parseElement(element string) (hop, error) {
	_, pairs, err := mime.ParseMediaType("element;" + element)
	if err != nil {
		return hop{}, err
	}
	h := hop{proto: pairs["proto"], host: pairs["host"]}
	if h.client, err = parseNode(pairs["for"]); err != nil {
		h.client = netip.Addr{} // "unknown", or a name that stands for an address
	}
	return h, nil
}

// parseNode reads an address, of IPv6 in brackets, and leaves the port.
func parseNode(node string) (netip.Addr, error) {
	host, after, ok := strings.Cut(strings.TrimPrefix(node, "["), "]")
	if strings.HasPrefix(node, "[") {
		if !ok || after != "" && after[0] != ':' {
			return netip.Addr{}, errors.New("it is not an address in brackets")
		}
	} else {
		host, _, _ = strings.Cut(node, ":")
	}
	addr, err := netip.ParseAddr(host)
	return addr.Unmap().WithZone(""), err
}
