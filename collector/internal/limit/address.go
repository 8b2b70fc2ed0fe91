package limit

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
)

// Addresses knows who asks. The zero value knows of no proxies.
type Addresses struct {
	proxies atomic.Pointer[[]netip.Prefix]
}

func (a *Addresses) set(proxies []netip.Prefix) { a.proxies.Store(&proxies) }

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
// whom it asks for, by the last address of X-Forwarded-For that is not a proxy
// itself. What stands before that one anybody may have written. known is false
// for a proxy that says nothing.
func (a *Addresses) Client(r *http.Request) (addr netip.AddrPort, known bool) {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return addr, false // not a TCP connection
	}
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	if !a.isProxy(addr.Addr()) {
		return addr, true
	}
	said := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, text := range slices.Backward(said) {
		client, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			return addr, false
		}
		if client = client.Unmap().WithZone(""); !a.isProxy(client) {
			return netip.AddrPortFrom(client, 0), true
		}
	}
	return addr, false
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
