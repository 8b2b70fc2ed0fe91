package notify

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"rollcall/pkg/config"
	"rollcall/pkg/peer"
)

// Addresses that a webhook may be at, and those that it may not.
func TestGuardAddresses(t *testing.T) {
	tests := []struct {
		name, address string
		allowed       bool
	}{
		{"public", "8.8.8.8", true},
		{"public, beside a private network", "172.15.255.255", true},
		{"public, behind a private network", "172.32.0.1", true},
		{"public, before shared space", "100.63.255.255", true},
		{"public, after shared space", "100.128.0.1", true},
		{"public IPv6", "2606:4700::1111", true},
		{"public IPv6 of another registry", "2a00:1450:4001::1", true},
		{"public in IPv6", "::ffff:8.8.8.8", true},
		{"this machine", "127.0.0.1", false},
		{"this machine, another of its addresses", "127.255.255.254", false},
		{"this machine in IPv6", "::1", false},
		{"this machine, mapped", "::ffff:127.0.0.1", false},
		{"this machine, compatible", "::127.0.0.1", false},
		{"this machine by 6to4", "2002:7f00:1::", false},
		{"this machine by NAT64", "64:ff9b::7f00:1", false},
		{"this machine by a NAT64 of one's own", "64:ff9b:1::7f00:1", false},
		{"this machine by Teredo", "2001:0:4136:e378:8000:63bf:80ff:fffe", false},
		{"any", "0.0.0.0", false},
		{"any, another", "0.1.2.3", false},
		{"any in IPv6", "::", false},
		{"metadata of a cloud", "169.254.169.254", false},
		{"metadata, mapped", "::ffff:169.254.169.254", false},
		{"metadata of a cloud in IPv6", "fd00:ec2::254", false},
		{"metadata of another cloud", "100.100.100.200", false},
		{"metadata of a third", "192.0.0.192", false},
		{"private 10", "10.0.0.1", false},
		{"private 10, mapped", "::ffff:10.255.255.255", false},
		{"private 172", "172.16.0.1", false},
		{"private 172, its end", "172.31.255.255", false},
		{"private 192", "192.168.1.1", false},
		{"shared", "100.64.0.1", false},
		{"link", "169.254.0.1", false},
		{"link in IPv6", "fe80::1", false},
		{"link in IPv6 with a zone", "fe80::1%eth0", false},
		{"site in IPv6", "fec0::1", false},
		{"unique local", "fc00::1", false},
		{"unique local, the other half", "fdff:ffff::1", false},
		{"documentation", "192.0.2.1", false},
		{"documentation in IPv6", "2001:db8::1", false},
		{"measurement", "198.18.0.1", false},
		{"multicast", "224.0.0.1", false},
		{"multicast in IPv6", "ff02::1", false},
		{"reserved", "240.0.0.1", false},
		{"broadcast", "255.255.255.255", false},
		{"discard", "100::1", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := netip.MustParseAddr(tt.address)
			if err := (guard{}).check(a); (err == nil) != tt.allowed {
				t.Errorf("%s: %v, want allowed %t", a, err, tt.allowed)
			}
			all := guard{prefixes("0.0.0.0/0", "::/0")}
			if err := all.check(a); err != nil {
				t.Errorf("%s is refused although it was allowed: %v", a, err)
			}
		})
	}
	if err := (guard{}).check(netip.Addr{}); err == nil {
		t.Error("no address is allowed")
	}
}

// Ways to write this machine into a URL: none gets a connection, neither at first
// nor by a redirect.
func TestGuardURLs(t *testing.T) {
	var asked atomic.Int32
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer inner.Close()
	_, port, _ := net.SplitHostPort(inner.Listener.Addr().String())
	client := guard{}.client(nil)
	h := Webhook{Name: "desk", Secret: config.Plain(testSecret)}
	for _, host := range []string{
		"127.0.0.1", "localhost", "LOCALHOST", "localhost.", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "127.1", "2130706433", "0x7f000001", "017700000001",
		"0177.0.0.1", "0.0.0.0", "[::]", "user:secret@127.0.0.1", "%31%32%37.0.0.1",
	} {
		h.URL = "http://" + host + ":" + port + "/"
		if err := h.post(context.Background(), client, message{ID: "evt_1"}, time.Now(), "test"); err == nil {
			t.Errorf("%s was posted to", h.URL)
		}
	}
	outer := httptest.NewServer(http.RedirectHandler(inner.URL, http.StatusTemporaryRedirect))
	defer outer.Close()
	h.URL = outer.URL
	own := guard{prefixes("127.0.0.0/8")}.client(nil)
	if err := h.post(context.Background(), own, message{ID: "evt_1"}, time.Now(), "test"); err == nil || !strings.Contains(err.Error(), "not followed") {
		t.Errorf("a redirect: %v, want that it is not followed", err)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the inner server was asked %d times", n)
	}
	h.URL = inner.URL
	if err := h.post(context.Background(), own, message{ID: "evt_1"}, time.Now(), "test"); err != nil {
		t.Errorf("an address that was allowed: %v", err)
	}
}

// A name that means a public address when it is looked at and this machine when
// it is dialled gets no connection: what is dialled counts.
func TestGuardRebinding(t *testing.T) {
	var asked, looked atomic.Int32
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer inner.Close()
	names := peer.ServeNames(t, "127.0.0.1:0", func() ([4]byte, dnsmessage.RCode) {
		if looked.Add(1) == 1 {
			return [4]byte{198, 18, 0, 1}, dnsmessage.RCodeSuccess // refused too, so that nothing leaves this machine
		}
		return [4]byte{127, 0, 0, 1}, dnsmessage.RCodeSuccess
	})
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", names)
	}}
	_, port, _ := net.SplitHostPort(inner.Listener.Addr().String())
	client := guard{}.client(resolver)
	h := Webhook{Name: "desk", Secret: config.Plain(testSecret), URL: "http://hook.example.org:" + port + "/"}
	for range 3 {
		if err := h.post(context.Background(), client, message{ID: "evt_1"}, time.Now(), "test"); err == nil || !strings.Contains(err.Error(), "notify.allow") {
			t.Errorf("%v, want that the address is refused", err)
		}
	}
	if asked.Load() != 0 || looked.Load() < 3 {
		t.Errorf("the inner server was asked %d times, the name was looked up %d times", asked.Load(), looked.Load())
	}
	if err := h.post(context.Background(), guard{prefixes("127.0.0.1/32")}.client(resolver), message{ID: "evt_1"}, time.Now(), "test"); err != nil || asked.Load() != 1 {
		t.Errorf("allowed: %v, asked %d times", err, asked.Load())
	}
}
