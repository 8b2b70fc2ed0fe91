package limit

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
)

// Addresses knows who asks. The zero value knows of no proxies.
type Addresses struct {
	proxies   atomic.Pointer[[]netip.Prefix]
	names     atomic.Pointer[[]string] // by which clients ask proxies
	forwarded atomic.Bool              // proxies write Forwarded
}

func (a *Addresses) set(s Settings) {
	a.proxies.Store(&s.Proxies)
	a.names.Store(&s.Names)
	a.forwarded.Store(s.Forwarded)
}

func (a *Addresses) isProxy(addr netip.Addr) bool {
	proxies := a.proxies.Load()
	if proxies == nil {
		return false
	}
	for _, p := range *proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Client is who asks: the other end of the connection, or where that is a proxy
// whom it asks for. known is false for a proxy that does not say.
func (a *Addresses) Client(r *http.Request) (addr netip.AddrPort, known bool) {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return addr, false // not a TCP connection
	}
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	if !a.isProxy(addr.Addr()) {
		return addr, true
	}
	if client := a.behind(r).client; client.IsValid() {
		return netip.AddrPortFrom(client, 0), true
	}
	return addr, false
}

// A hop is what a proxy says of who asked it: client is invalid, and the others
// "", where it does not say.
type hop struct {
	client      netip.Addr
	proto, host string
}

// behind is what the proxies in front say of their client. Of the two ways to say
// it one alone is read: proxies pass on what a client wrote in the other.
func (a *Addresses) behind(r *http.Request) hop {
	if a.forwarded.Load() {
		return a.lastHop(r.Header.Values("Forwarded"))
	}
	return hop{a.lastClient(r.Header.Values("X-Forwarded-For")), firstOf(r, "X-Forwarded-Proto"), firstOf(r, "X-Forwarded-Host")}
}

// lastClient is the last address of X-Forwarded-For that is not a proxy itself.
// What stands before that one anybody may have written.
func (a *Addresses) lastClient(lines []string) (client netip.Addr) {
	for _, text := range slices.Backward(strings.Split(strings.Join(lines, ","), ",")) {
		addr, err := parse(strings.TrimSpace(text))
		if err != nil {
			break
		}
		if addr = addr.Unmap().WithZone(""); !a.isProxy(addr) {
			return addr
		}
	}
	return client
}

// parse reads an address, which some proxies give with the client's port.
func parse(text string) (netip.Addr, error) {
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr(), nil
	}
	return netip.ParseAddr(text)
}

// AsAsked returns the request as the client made it, who may have asked a proxy:
// with the client's address where that is known, the scheme by which it asked as
// URL.Scheme ("http" or "https", whatever the request itself says), and as Host
// the name by which it asked, where that is one of Settings.Names: what a proxy
// passes on of the client's own making leads to no other name.
func (a *Addresses) AsAsked(r *http.Request) *http.Request {
	asked := r.WithContext(r.Context()) // a copy: the caller's request stays
	to := *r.URL
	asked.URL = &to
	if to.Scheme = "http"; r.TLS != nil {
		to.Scheme = "https"
	}
	if client, known := a.Client(r); known {
		asked.RemoteAddr = client.String()
	}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err != nil || !a.isProxy(peer.Addr().Unmap()) {
		return asked
	}
	said := a.behind(r)
	switch {
	case strings.EqualFold(said.proto, "https"):
		to.Scheme = "https"
	case strings.EqualFold(said.proto, "http"):
		to.Scheme = "http"
	}
	if a.goesBy(said.host) {
		asked.Host = said.host
	}
	return asked
}

// firstOf is what the proxy next to the client said, where several did.
func firstOf(r *http.Request, header string) string {
	first, _, _ := strings.Cut(r.Header.Get(header), ",")
	return strings.TrimSpace(first)
}

// goesBy takes a name with or without a port.
func (a *Addresses) goesBy(host string) bool {
	names := a.names.Load()
	if names == nil {
		return false
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return slices.ContainsFunc(*names, func(name string) bool { return strings.EqualFold(name, host) })
}

// key is by what an address is counted: a network of IPv6 belongs to one
// customer, who has 2^64 addresses in it.
func key(addr netip.Addr) string {
	if addr.Is6() {
		if p, err := addr.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}
