package limit

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// What clients write before a proxy appends to it, in whatever form, is neither
// believed nor in the way of what the proxy says.
func TestForwarded(t *testing.T) {
	var a Addresses
	a.set(Settings{
		Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("192.0.2.0/28"), netip.MustParsePrefix("2001:db8:f::/48")},
		Names:   []string{"rollcall.example.org"}, Forwarded: true,
	})
	const proxy, stranger, own = "127.0.0.1:1", "198.51.100.1:1", "own.example.org"
	for _, tt := range []struct {
		name, remote string
		said         []string
		client       string // "" is not known
		scheme, host string
	}{
		{"a stranger says", stranger, []string{"for=203.0.113.9;proto=https;host=rollcall.example.org"}, stranger, "http", own},
		{"a proxy says nothing", proxy, nil, "", "http", own},
		{"a proxy says", proxy, []string{"for=203.0.113.9;proto=https;host=rollcall.example.org"}, "203.0.113.9:0", "https", "rollcall.example.org"},
		{"in other letters", proxy, []string{"For=203.0.113.9 ; PROTO=HTTPS; Host=Rollcall.example.org"}, "203.0.113.9:0", "https", "Rollcall.example.org"},
		{"quoted, with ports", proxy, []string{`for="203.0.113.9:4711";host="rollcall.example.org:8443"`}, "203.0.113.9:0", "http", "rollcall.example.org:8443"},
		{"with a port that is hidden", proxy, []string{`for="203.0.113.9:_x"`}, "203.0.113.9:0", "http", own},
		{"IPv6", proxy, []string{`for="[2001:db8::9]";proto=https`}, "[2001:db8::9]:0", "https", own},
		{"IPv6 with a port", proxy, []string{`for="[2001:db8::9]:4711"`}, "[2001:db8::9]:0", "http", own},
		{"IPv6 with a zone", proxy, []string{`for="[fe80::1%eth0]"`}, "[fe80::1]:0", "http", own},
		{"mapped", proxy, []string{`for="[::ffff:203.0.113.9]"`}, "203.0.113.9:0", "http", own},
		{"a mapped proxy", proxy, []string{`for=203.0.113.9;proto=https, for="[::ffff:192.0.2.4]"`}, "203.0.113.9:0", "https", own},
		{"by three", proxy, []string{`for=203.0.113.9;proto=https, for="[2001:db8:f::1]:443";proto=http`, "for=192.0.2.4;proto=http"}, "203.0.113.9:0", "https", own},
		{"a client that lies before", proxy, []string{"for=10.0.0.1;proto=https;host=rollcall.example.org", "for=203.0.113.9"}, "203.0.113.9:0", "http", own},
		{"a client that says it is a proxy", proxy, []string{"for=203.0.113.9, for=192.0.2.4;proto=http"}, "203.0.113.9:0", "http", own},
		{"all are proxies", proxy, []string{"for=192.0.2.4;proto=https"}, "", "https", own},
		{"unknown", proxy, []string{"for=203.0.113.9, for=unknown;proto=https"}, "", "https", own},
		{"a hidden name", proxy, []string{"for=_secret;proto=https"}, "", "https", own},
		{"a quote that is never closed before", proxy, []string{`for="203.0.113.7`, "for=203.0.113.9;proto=https"}, "203.0.113.9:0", "https", own},
		{"a quote and a backslash before", proxy, []string{`for="203.0.113.7\`, `for="[2001:db8::9]";proto=https`}, "[2001:db8::9]:0", "https", own},
		{"a comma within quotes", proxy, []string{`for=203.0.113.9;host="a, for=10.0.0.1"`}, "203.0.113.9:0", "http", own},
		{"a quote within quotes", proxy, []string{`for=203.0.113.9;host="a\", for=10.0.0.1"`}, "203.0.113.9:0", "http", own},
		{"nonsense before", proxy, []string{"\x01;;=,==,", "for=203.0.113.9"}, "203.0.113.9:0", "http", own},
		{"nonsense", proxy, []string{"for=203.0.113.9, ;;="}, "", "http", own},
		{"twice the same", proxy, []string{"for=203.0.113.9;for=203.0.113.8;proto=https"}, "", "http", own},
		{"IPv6 without quotes", proxy, []string{"for=[2001:db8::9];proto=https"}, "", "http", own},
		{"IPv6 without brackets", proxy, []string{`for="2001:db8::9";proto=https`}, "", "https", own},
		{"more after the brackets", proxy, []string{`for="[2001:db8::9]x"`}, "", "http", own},
		{"brackets that stay open", proxy, []string{`for="[2001:db8::9"`}, "", "http", own},
		{"another way to ask", proxy, []string{"for=203.0.113.9;proto=javascript;host=evil.example.org"}, "203.0.113.9:0", "http", own},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr, r.Host, r.Header["Forwarded"] = tt.remote, own, tt.said
			// Clients write these, and the proxy passes them on.
			r.Header.Set("X-Forwarded-For", "10.0.0.1")
			r.Header.Set("X-Forwarded-Proto", "https")
			r.Header.Set("X-Forwarded-Host", "rollcall.example.org")
			client, known := a.Client(r)
			want := tt.client
			if want == "" {
				want = tt.remote
			}
			if client.String() != want || known != (tt.client != "") {
				t.Errorf("client %v, known %v; want %s", client, known, want)
			}
			if got := a.AsAsked(r); got.URL.Scheme != tt.scheme || got.Host != tt.host || got.RemoteAddr != want {
				t.Errorf("asked by %s as %s from %s, want %s, %s and %s", got.URL.Scheme, got.Host, got.RemoteAddr, tt.scheme, tt.host, want)
			}
		})
	}
}

// Whatever a client wrote, what the proxy appends decides, in the same line and in
// one of its own.
func FuzzForwarded(f *testing.F) {
	for _, wrote := range []string{"", "for=10.0.0.1", `for="`, `for="\`, `"\",`, "for=127.0.0.1;proto=http,", `host="a, for=10.0.0.1"`, ";;=", "\x00"} {
		f.Add(wrote)
	}
	var a Addresses
	a.set(Settings{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Names: []string{"rollcall.example.org"}, Forwarded: true})
	const appended = `for="[2001:db8::9]:4711";proto=https;host="rollcall.example.org"`
	f.Fuzz(func(t *testing.T, wrote string) {
		for _, lines := range [][]string{{wrote + ", " + appended}, {wrote, appended}} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr, r.Header["Forwarded"] = "127.0.0.1:1", lines
			got := a.AsAsked(r)
			if got.RemoteAddr != "[2001:db8::9]:0" || got.URL.Scheme != "https" || got.Host != "rollcall.example.org" {
				t.Errorf("%q: asked by %s as %s from %s", lines, got.URL.Scheme, got.Host, got.RemoteAddr)
			}
		}
	})
}
