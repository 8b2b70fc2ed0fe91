package notify

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// special are the networks that no webhook of the public Internet is in, by the
// registries of special-purpose addresses (RFC 6890 and IANA's lists): this
// machine, the networks behind it, the metadata services of clouds, and ranges
// that lead to such by translation.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
	"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
	"fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)

func prefixes(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(list))
	for i, s := range list {
		all[i] = netip.MustParsePrefix(s)
	}
	return all
}

// A guard keeps webhooks from addresses that only this machine or its networks
// reach: whoever may choose an address, or what a name means, must not reach
// with the collector's hands what they cannot reach themselves.
type guard struct {
	allowed []netip.Prefix // nevertheless, by whoever runs the collector
}

// check returns why a webhook may not be at the address.
func (g guard) check(a netip.Addr) error {
	a = a.Unmap().WithZone("")
	in := func(p netip.Prefix) bool { return p.Contains(a) }
	if slices.ContainsFunc(g.allowed, in) || a.IsValid() && !slices.ContainsFunc(special, in) {
		return nil
	}
	return fmt.Errorf("%s is an address of this machine or of a private network: add it to notify.allow if messages are to go there", a)
}

// control looks at the address that is dialled, after names were resolved: what
// a name meant a moment before does not count.
func (g guard) control(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%q is not an address", address)
	}
	return g.check(a.Addr())
}

// Limits on what a receiver may take of the collector.
const (
	dialTime    = 5 * time.Second
	postTime    = 15 * time.Second // for one message, from the dial to the end of the answer
	maxHeader   = 64 << 10
	maxAnswer   = 4 << 10 // read so that the connection can be used again; nothing of it is kept
	idlePerHook = 4
)

// client makes a client that dials what the guard lets through, follows no
// redirect, and goes through no proxy: a proxy would look up names by itself.
func (g guard) client(resolver *net.Resolver) *http.Client {
	dialer := &net.Dialer{Timeout: dialTime, Control: g.control, Resolver: resolver}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTime, ResponseHeaderTimeout: postTime, MaxResponseHeaderBytes: maxHeader,
			MaxIdleConnsPerHost: idlePerHook, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
		Timeout:       postTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
