package limit

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func settings() Settings {
	many := Rate{1000, 1000}
	return Settings{Connections: 1000, PerAddress: 1000, Pages: 4, Uploads: 4, BodyRate: 1000, Address: many, Organization: many, Agent: many}
}

func TestRates(t *testing.T) {
	s := settings()
	s.Agent = Rate{PerSecond: 0.5, Burst: 3}
	l := New(s, prometheus.NewRegistry())
	now := time.Unix(1_700_000_000, 0)
	take := func(key string, after time.Duration, want int) {
		t.Helper()
		if got := l.Agent.Take(key, now.Add(after)); got != want {
			t.Errorf("%s after %v: told to wait %d s, want %d", key, after, got, want)
		}
	}
	for range 3 {
		take("a", 0, 0)
	}
	take("a", 0, 2)
	take("a", 0, 2) // to ask too early costs nothing
	take("b", 0, 0) // and is nobody else's matter
	take("a", 1500*time.Millisecond, 1)
	take("a", 2*time.Second, 0)
	take("a", time.Hour, 0)
	l.Set(s) // the same again: nothing is forgotten
	take("a", time.Hour, 0)
	take("a", time.Hour, 0)
	take("a", time.Hour, 2)
	s.Agent.Burst = 4
	l.Set(s)
	take("a", time.Hour, 0)
	if got := testutil.ToFloat64(l.Agent.limited); got != 4 {
		t.Errorf("%v limited, want 4", got)
	}
	var none *Rates
	if none.Take("a", now) != 0 {
		t.Error("no limit limits")
	}
}

func TestRatesForgetTheOldest(t *testing.T) {
	s := settings()
	s.Address = Rate{PerSecond: 1, Burst: 1}
	l := New(s, prometheus.NewRegistry())
	now := time.Unix(1_700_000_000, 0)
	for i := range keys + 100 {
		l.Address.Take(fmt.Sprint(i), now)
		l.Address.Take("busy", now)
	}
	if n, m := len(l.Address.known), l.Address.order.Len(); n != keys || m != keys {
		t.Errorf("%d and %d keys are known, want %d", n, m, keys)
	}
	if l.Address.Take("busy", now) == 0 {
		t.Error("one that comes all the time was forgotten")
	}
}

func TestRoom(t *testing.T) {
	l := New(settings(), prometheus.NewRegistry()) // room for 4, 2 of each
	enter := func(key string, want bool) func() {
		t.Helper()
		leave, ok := l.Pages.Enter(t.Context(), key, 0)
		if ok != want {
			t.Fatalf("%q enters: %v, want %v", key, ok, want)
		}
		return leave
	}
	first := enter("a", true)
	enter("a", true)
	enter("a", false)
	enter("b", true)
	fourth := enter("", true)
	enter("c", false)
	entered := make(chan bool)
	go func() {
		_, ok := l.Pages.Enter(context.Background(), "c", time.Hour)
		entered <- ok
	}()
	first()
	first() // leaves once
	if !<-entered {
		t.Error("one who waited was not let in")
	}
	enter("c", false)
	fourth()
	enter("", true)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := l.Pages.Enter(gone, "d", time.Hour); ok {
		t.Error("one who has gone was let in")
	}
	if got := testutil.ToFloat64(l.Pages.inFlight); got != 4 {
		t.Errorf("%v inside, want 4", got)
	}
}

func TestClient(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("192.0.2.0/28")}
	tests := []struct {
		name, remote string
		forwarded    []string
		want         string
		known        bool
	}{
		{"direct", "198.51.100.1:1234", nil, "198.51.100.1:1234", true},
		{"direct, and lies", "198.51.100.1:1234", []string{"203.0.113.9"}, "198.51.100.1:1234", true},
		{"by a proxy", "127.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9:0", true},
		{"by two", "192.0.2.3:1", []string{"203.0.113.9, 192.0.2.4"}, "203.0.113.9:0", true},
		{"by two, in two lines", "192.0.2.3:1", []string{"203.0.113.9", "192.0.2.4"}, "203.0.113.9:0", true},
		{"by a proxy, and lies before", "127.0.0.1:1", []string{"10.0.0.1, 203.0.113.9"}, "203.0.113.9:0", true},
		{"a proxy asks for itself", "127.0.0.1:1", nil, "127.0.0.1:1", false},
		{"a proxy and nonsense", "127.0.0.1:1", []string{"203.0.113.9, unknown"}, "127.0.0.1:1", false},
		{"by a proxy that tells ports", "127.0.0.1:1", []string{"203.0.113.9:4711"}, "203.0.113.9:0", true},
		{"by a proxy that tells ports, IPv6", "127.0.0.1:1", []string{"[2001:db8::9]:4711"}, "[2001:db8::9]:0", true},
		{"mapped", "[::ffff:198.51.100.1]:1234", nil, "198.51.100.1:1234", true},
		{"IPv6 with a zone", "127.0.0.1:1", []string{"fe80::1%eth0"}, "[fe80::1]:0", true},
		{"no address", "@", nil, "invalid AddrPort", false},
	}
	var a Addresses
	a.set(Settings{Proxies: proxies})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr, r.Header["X-Forwarded-For"] = tt.remote, tt.forwarded
			if got, known := a.Client(r); got.String() != tt.want || known != tt.known {
				t.Errorf("client %v, known %v; want %s, %v", got, known, tt.want, tt.known)
			}
		})
	}
}

// What a proxy says of how it was asked is believed of a proxy alone, and of a
// name only where it is one of the collector's.
func TestAsAsked(t *testing.T) {
	var a Addresses
	a.set(Settings{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Names: []string{"rollcall.example.org"}})
	const proxy, stranger = "127.0.0.1:1", "198.51.100.1:1"
	for _, tt := range []struct {
		name, target, remote string
		tls                  bool
		proto, host          string
		wantScheme, wantHost string
	}{
		{"direct", "/", stranger, false, "", "", "http", "own.example.org"},
		{"direct by TLS", "/", stranger, true, "", "", "https", "own.example.org"},
		{"a stranger says", "/", stranger, false, "https", "rollcall.example.org", "http", "own.example.org"},
		{"a stranger's target says", "https://own.example.org/", stranger, false, "", "", "http", "own.example.org"},
		{"a proxy says", "/", proxy, false, "https", "rollcall.example.org", "https", "rollcall.example.org"},
		{"a proxy says with a port", "/", proxy, false, "HTTPS", "Rollcall.example.org:8443", "https", "Rollcall.example.org:8443"},
		{"a proxy says another name", "/", proxy, false, "https", "127.0.0.1", "https", "own.example.org"},
		{"two proxies say", "/", proxy, false, "https, http", "rollcall.example.org, inner", "https", "rollcall.example.org"},
		{"a proxy by TLS, its client without", "/", proxy, true, "http", "", "http", "own.example.org"},
		{"a proxy by TLS says nothing", "/", proxy, true, "", "", "https", "own.example.org"},
		{"a proxy says nonsense", "/", proxy, false, "javascript", "a b", "http", "own.example.org"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.target, nil)
			r.RemoteAddr, r.Host, r.TLS = tt.remote, "own.example.org", nil
			if tt.tls {
				r.TLS = &tls.ConnectionState{}
			}
			r.Header.Set("X-Forwarded-Proto", tt.proto)
			r.Header.Set("X-Forwarded-Host", tt.host)
			before := *r.URL
			got := a.AsAsked(r)
			if got.URL.Scheme != tt.wantScheme || got.Host != tt.wantHost {
				t.Errorf("asked by %s as %s, want %s and %s", got.URL.Scheme, got.Host, tt.wantScheme, tt.wantHost)
			}
			if *r.URL != before || r.Host != "own.example.org" {
				t.Error("the request itself was changed")
			}
		})
	}
}

func TestKey(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := key(netip.MustParseAddr(in)); got != want {
			t.Errorf("key(%s) = %s, want %s", in, got, want)
		}
	}
}

// A pipe is a connection from an address, and what closes it.
type pipe struct {
	net.Conn
	from   string
	closed bool
}

func (p *pipe) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(p.from)) }
func (p *pipe) Close() error         { p.closed = true; return nil }

func TestConnections(t *testing.T) {
	s := settings()
	s.Connections, s.PerAddress = 4, 2
	s.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	c := New(s, prometheus.NewRegistry()).Connections
	take := func(from string, want bool) (*pipe, *conn) {
		t.Helper()
		p := &pipe{from: from}
		x := c.take(p)
		if (x != nil) != want {
			t.Fatalf("%s is taken: %v, want %v", from, x != nil, want)
		}
		return p, x
	}
	idle, _ := take("192.0.2.1:1", true)
	_, _ = take("192.0.2.1:2", true)
	_, _ = take("192.0.2.1:3", false)
	busy, served := take("127.0.0.1:1", true)
	_, _ = take("127.0.0.1:2", true)
	c.begin("127.0.0.1:1")
	// The total is reached: the one that waits longest makes room.
	last, _ := take("127.0.0.1:3", true)
	if !idle.closed || busy.closed {
		t.Errorf("closed: idle %v, busy %v; want the idle one alone", idle.closed, busy.closed)
	}
	for _, id := range []string{"192.0.2.1:2", "127.0.0.1:2", "127.0.0.1:3"} {
		c.begin(id)
	}
	take("192.0.2.9:1", false) // all are busy
	c.end(served)
	take("192.0.2.9:1", true)
	if !busy.closed || last.closed {
		t.Errorf("closed: the one that ended %v, a busy one %v; want the first alone", busy.closed, last.closed)
	}
	for _, x := range c.all {
		_ = x.Close()
		_ = x.Close()
	}
	if len(c.all)+len(c.of)+c.waiting.Len() > 0 {
		t.Errorf("after all closed: %v, %v, %d wait", c.all, c.of, c.waiting.Len())
	}
	if got := testutil.ToFloat64(c.open); got != 0 {
		t.Errorf("%v open, want 0", got)
	}
	for reason, want := range map[string]float64{"address": 1, "total": 1, "made_room": 2} {
		if got := testutil.ToFloat64(c.refused.WithLabelValues(reason)); got != want {
			t.Errorf("%v closed for %s, want %v", got, reason, want)
		}
	}
}

// A body earns time by its bytes, and no more than there is.
func TestPaced(t *testing.T) {
	room := New(settings(), prometheus.NewRegistry()).Uploads
	began := time.Now()
	until := began.Add(25 * time.Second)
	var deadlines []time.Time
	r := room.Paced(strings.NewReader(strings.Repeat("x", 10_000)), until, func(at time.Time) error {
		deadlines = append(deadlines, at)
		return nil
	})
	buffer := make([]byte, 2000)
	for range 3 {
		if _, err := io.ReadFull(r, buffer); err != nil {
			t.Fatal(err)
		}
	}
	ended := time.Now()
	for i, want := range []time.Duration{20 * time.Second, 22 * time.Second, 24 * time.Second} {
		if got := deadlines[i]; got.Before(began.Add(want)) || got.After(ended.Add(want)) {
			t.Errorf("read %d: %v after the beginning, want %v", i, got.Sub(began), want)
		}
	}
	if _, err := io.Copy(io.Discard, r); err != nil || deadlines[len(deadlines)-1] != until {
		t.Errorf("%v, last deadline %v, want %v", err, deadlines[len(deadlines)-1], until)
	}
	fails := room.Paced(strings.NewReader("x"), until, func(time.Time) error { return net.ErrClosed })
	if _, err := fails.Read(buffer); err == nil {
		t.Error("a connection that is gone is read")
	}
}

func TestHandler(t *testing.T) {
	s := settings()
	s.Address = Rate{PerSecond: 0.01, Burst: 2}
	s.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	var seen []string
	h := New(s, prometheus.NewRegistry()).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = append(seen, r.RemoteAddr) }))
	ask := func(path, remote, forwarded string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.RemoteAddr = remote
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	ask("/", "192.0.2.1:1", "")
	ask("/", "127.0.0.1:1", "192.0.2.1")
	for path, contentType := range map[string]string{"/": "text/plain; charset=utf-8", "/api/v1/units": "application/json"} {
		w := ask(path, "192.0.2.1:2", "")
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "100" || w.Header().Get("Content-Type") != contentType {
			t.Errorf("%s beyond the limit: %d, %v", path, w.Code, w.Header())
		}
	}
	for range 5 {
		ask("/", "127.0.0.1:1", "") // of whom nothing is known
	}
	if got, want := strings.Join(seen[:3], " "), "192.0.2.1:1 192.0.2.1:0 127.0.0.1:1"; len(seen) != 7 || got != want {
		t.Errorf("%d came through as %v, want 7 that begin with %s", len(seen), seen, want)
	}
}
