package limit

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Connections bounds the open connections of a server. When there are too many,
// the one that has waited longest without a request makes room: one that shakes
// hands, sends a header byte by byte, or rests between two requests. So whoever
// asks something gets in, however many do not.
type Connections struct {
	open    prometheus.Gauge
	refused *prometheus.CounterVec
	// handshakes has room for those that are worked on at once.
	handshakes chan struct{}

	mu         sync.Mutex
	max        int
	perAddress int
	addresses  *Addresses
	all        map[string]*conn // by remote address and port
	of         map[string]int   // open, by key of the address
	waiting    *list.List       // of *conn, the longest first
}

// A conn is one connection. Its fields but the first two are guarded by the mutex
// of Connections.
type conn struct {
	net.Conn
	shakes atomic.Bool // has a place in handshakes

	in   *Connections
	id   string        // remote address and port
	key  string        // "" for a proxy's
	busy int           // requests in flight
	at   *list.Element // in waiting, while busy is 0
	gone bool
}

func newConnections(reg prometheus.Registerer) *Connections {
	c := &Connections{
		open: prometheus.NewGauge(prometheus.GaugeOpts{Name: "rollcall_connections", Help: "Open connections of agents, browsers and scrapers."}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_connections_refused_total",
			Help: "Connections that were closed for being too many: of one address, at the total, to make room while no request was in flight, or while too many shook hands.",
		}, []string{"reason"}),
		handshakes: make(chan struct{}, handshakes()),
		all:        map[string]*conn{}, of: map[string]int{}, waiting: list.New(),
	}
	reg.MustRegister(c.open, c.refused)
	for _, reason := range []string{"address", "total", "made_room", "handshakes"} {
		c.refused.WithLabelValues(reason)
	}
	return c
}

func (c *Connections) set(most, perAddress int, addresses *Addresses) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.max, c.perAddress, c.addresses = most, perAddress, addresses
}

// Listener returns l with the limits.
func (c *Connections) Listener(l net.Listener) net.Listener { return &listener{l, c} }

type listener struct {
	net.Listener
	in *Connections
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if taken := l.in.take(raw); taken != nil {
			return taken, nil
		}
		_ = raw.Close() // it was refused, and is not missed
	}
}

// take returns nil for a connection that is one too many.
func (c *Connections) take(raw net.Conn) *conn {
	x := &conn{Conn: raw, in: c, id: raw.RemoteAddr().String()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if addr, err := netip.ParseAddrPort(x.id); err == nil && !c.addresses.isProxy(addr.Addr().Unmap()) {
		x.key = key(addr.Addr().Unmap())
	}
	if x.key != "" && c.of[x.key] >= c.perAddress {
		c.refused.WithLabelValues("address").Inc()
		return nil
	}
	for len(c.all) >= c.max {
		longest := c.waiting.Front()
		if longest == nil {
			c.refused.WithLabelValues("total").Inc()
			return nil
		}
		c.refused.WithLabelValues("made_room").Inc()
		c.drop(longest.Value.(*conn))
	}
	c.all[x.id] = x
	if x.key != "" {
		c.of[x.key]++
	}
	x.at = c.waiting.PushBack(x)
	c.open.Inc()
	return x
}

// drop closes a connection and forgets it. The caller holds the mutex.
func (c *Connections) drop(x *conn) {
	c.forget(x)
	_ = x.Conn.Close() // the server's next read or write fails, and it cleans up
}

func (c *Connections) forget(x *conn) {
	if x.gone {
		return
	}
	x.gone = true
	if x.at != nil {
		c.waiting.Remove(x.at)
	}
	delete(c.all, x.id)
	if x.key != "" {
		if c.of[x.key]--; c.of[x.key] == 0 {
			delete(c.of, x.key)
		}
	}
	c.open.Dec()
}

// Close implements net.Conn.
func (x *conn) Close() error {
	x.shaken()
	x.in.mu.Lock()
	x.in.forget(x)
	x.in.mu.Unlock()
	return x.Conn.Close()
}

// Serving marks the connection of each request as busy while it is answered.
func (c *Connections) Serving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := c.begin(r.RemoteAddr)
		defer c.end(x)
		next.ServeHTTP(w, r)
	})
}

func (c *Connections) begin(id string) *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.all[id]
	if x == nil {
		return nil
	}
	x.busy++
	if x.at != nil {
		c.waiting.Remove(x.at)
		x.at = nil
	}
	return x
}

func (c *Connections) end(x *conn) {
	if x == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if x.busy--; x.busy == 0 && !x.gone {
		x.at = c.waiting.PushBack(x)
	}
}
