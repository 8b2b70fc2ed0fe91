package collector

import (
	"bytes"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"rollcall/pkg/inventory"
)

// slow is how many connections send a byte now and then while others are served.
var slow = flag.Int("slow", 400, "slow connections of TestSlowConnections; each takes two files")

var unit = inventory.Device{
	Address: "192.0.2.1", Name: "sw1", Platform: inventory.PlatformIOSXE, Complete: true,
	Components: []inventory.Component{{Serial: "FOC2211A0AA", PID: "C9300-48P", Class: inventory.ClassChassis, Name: "1", Unit: true}},
}

// fresh is a client that opens a connection for each request.
func fresh() *http.Client { return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} }

// Many connections that never come to an end of their request, from few
// addresses and from many, do not keep others away.
func TestSlowConnections(t *testing.T) {
	c := testConfig(t)
	c.Proxies = []string{}
	c.Limits.Connections, c.Limits.ConnectionsPerAddress = max(*slow/4, 20), max(*slow/8, 10)
	registry := prometheus.NewRegistry()
	col := start(t, c, Options{Registry: registry})
	_, token, err := col.store.CreateAgent(t.Context(), "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	dial := func(from string) net.Conn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := d.DialContext(t.Context(), "tcp", col.Addr())
		if err != nil {
			t.Error(err)
			return nil
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHos") // it may be closed already
		return conn
	}
	ctx, stop := context.WithCancel(t.Context())
	var attack sync.WaitGroup
	defer attack.Wait()
	defer stop()
	begun := make(chan struct{})
	attack.Go(func() { // one byte for each connection, again and again
		var open []net.Conn
		for i := range *slow {
			if conn := dial(fmt.Sprintf("127.0.%d.2", i%16)); conn != nil {
				open = append(open, conn)
			}
		}
		close(begun)
		every := time.NewTicker(500 * time.Millisecond)
		defer every.Stop()
		for ctx.Err() == nil {
			for i, conn := range open {
				if _, err := io.WriteString(conn, "t"); err != nil {
					_ = conn.Close()
					open[i] = dial(fmt.Sprintf("127.0.%d.2", i%16))
				}
			}
			select {
			case <-every.C:
			case <-ctx.Done():
			}
		}
	})
	<-begun
	var took []time.Duration
	for range 20 {
		began := time.Now()
		if status, body := get(t, fresh(), col.URL()+"api/v1/organizations"); status != http.StatusOK {
			t.Fatalf("status %d: %s", status, body)
		}
		took = append(took, time.Since(began))
	}
	upload(t, col.URL(), token, unit)
	stop()
	slices.Sort(took)
	t.Logf("%d slow connections: a healthy client waits %v at the median, %v at most", *slow, took[len(took)/2], took[len(took)-1])
	if n := gauge(t, registry, "rollcall_connections"); n > float64(c.Limits.Connections) {
		t.Errorf("%v connections are open, at most %d are allowed", n, c.Limits.Connections)
	}
	if gauge(t, registry, "rollcall_connections_refused_total") == 0 {
		t.Error("no connection was refused")
	}
}

// gauge is the sum of a metric over its labels.
func gauge(t *testing.T, registry *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
		return sum
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// While pages are full, uploads are taken, and health is told; and the other way
// round.
func TestPagesAndUploadsApart(t *testing.T) {
	col := start(t, testConfig(t), Options{})
	_, token, err := col.store.CreateAgent(t.Context(), "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	fill := func(enter func() (func(), bool)) (leave func()) {
		t.Helper()
		var inside []func()
		for {
			leave, ok := enter()
			if !ok {
				return func() {
					for _, leave := range inside {
						leave()
					}
				}
			}
			inside = append(inside, leave)
		}
	}
	leave := fill(func() (func(), bool) { return col.limits.Pages.Enter(t.Context(), "", 0) })
	upload(t, col.URL(), token, unit)
	if status, body := get(t, http.DefaultClient, col.URL()+"healthz"); status != http.StatusOK {
		t.Errorf("health: status %d: %s", status, body)
	}
	status, body := get(t, http.DefaultClient, col.URL()+"api/v1/units")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, `{"error":"the collector is busy`) {
		t.Errorf("a page too many: status %d: %s", status, body)
	}
	leave()
	defer fill(func() (func(), bool) { return col.limits.Uploads.Enter(t.Context(), "", 0) })()
	if status, body := get(t, http.DefaultClient, col.URL()+"api/v1/units"); status != http.StatusOK {
		t.Errorf("with uploads full: status %d: %s", status, body)
	}
}

// A framer speaks HTTP/2 as no browser does.
func framer(t *testing.T, col *Collector, client *http.Client) (*http2.Framer, *tls.Conn) {
	t.Helper()
	config := client.Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos = []string{"h2"}
	d := tls.Dialer{Config: config}
	conn, err := d.DialContext(t.Context(), "tcp", col.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	f := http2.NewFramer(conn, conn)
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return f, conn.(*tls.Conn)
}

func TestHTTP2Floods(t *testing.T) {
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, h := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "127.0.0.1"}, {":path", "/api/v1/organizations"}} {
		if err := enc.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}); err != nil {
			t.Fatal(err)
		}
	}
	const flood = 64 << 20 // bytes; no server may take them all
	tests := []struct {
		name string
		send func(*http2.Framer) error // until the server ends the connection
		ends bool                      // whether it must; it may refuse each stream
	}{
		{"endless CONTINUATION", func(f *http2.Framer) error {
			if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes()}); err != nil {
				return err
			}
			var junk bytes.Buffer
			enc := hpack.NewEncoder(&junk)
			_ = enc.WriteField(hpack.HeaderField{Name: "x-junk", Value: strings.Repeat("x", 8000), Sensitive: true}) // to a buffer
			for sent := 0; sent < flood; sent += junk.Len() {
				if err := f.WriteContinuation(1, false, junk.Bytes()); err != nil {
					return err
				}
			}
			return nil
		}, true},
		{"streams that are reset at once", func(f *http2.Framer) error {
			for id := uint32(1); id < 2*20_000; id += 2 {
				if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true}); err != nil {
					return err
				}
				if err := f.WriteRSTStream(id, http2.ErrCodeCancel); err != nil {
					return err
				}
			}
			return nil
		}, false}, // it ends the connection where it falls behind, and else has the work of each request for nothing
		{"streams beyond the limit", func(f *http2.Framer) error {
			for id := uint32(1); id < 2*10_000; id += 2 {
				if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true}); err != nil {
					return err
				}
			}
			return nil
		}, false},
	}
	c := testConfig(t)
	c.TLS = tlsFiles(t)
	client := newPair(t, c.TLS)
	col := start(t, c, Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, conn := framer(t, col, client)
			go func() { _, _ = io.Copy(io.Discard, conn) }() // until the end
			if err := tt.send(f); err == nil && tt.ends {
				t.Error("the server took all of the flood")
			}
			if status, body := get(t, client, col.URL()+"api/v1/organizations"); status != http.StatusOK {
				t.Errorf("afterwards: status %d: %s", status, body)
			}
		})
	}
}
