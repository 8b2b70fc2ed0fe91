package upload

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"rollcall/agent/internal/dial"
	"rollcall/pkg/wire"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// discard is an http.ResponseWriter for a batch that is stored while its
// receipt is lost.
func discard() http.ResponseWriter { return httptest.NewRecorder() }

func hangUp(w http.ResponseWriter, reset bool) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// The network's own faults: nothing is lost, and what the collector stored
// although its receipt was lost comes again under the same report_id.
func TestNetworkFaults(t *testing.T) {
	tests := []struct {
		name   string
		fault  func(*collector, http.ResponseWriter, *http.Request)
		stored int // by the first request, before its receipt was lost
	}{
		{"reset before reading", func(_ *collector, w http.ResponseWriter, _ *http.Request) { hangUp(w, true) }, 0},
		{"closed without an answer", func(_ *collector, w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			hangUp(w, false)
		}, 0},
		{"stored, receipt lost", func(c *collector, w http.ResponseWriter, r *http.Request) {
			c.accept(discard(), r)
			hangUp(w, true)
		}, 3},
		{"stored, receipt cut short", func(c *collector, w http.ResponseWriter, r *http.Request) {
			c.accept(discard(), r)
			w.Header().Set("Content-Type", wire.ReceiptType)
			w.Header().Set("Content-Length", "500")
			_, _ = io.WriteString(w, `{"schema":"rollcall.receipt/1","results":[`)
			hangUp(w, false)
		}, 3},
		{"stored, no answer at all", func(c *collector, _ http.ResponseWriter, r *http.Request) {
			c.accept(discard(), r)
			<-r.Context().Done() // until the agent gives up
		}, 3},
		{"endless answer", func(_ *collector, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", wire.ReceiptType)
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSpool(t, 3)
			c := newCollector(t)
			c.script = []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) { tt.fault(c, w, r) }}
			u := newUploader(t, s, c.URL, func(o *Options) { o.Patience = 3 * time.Second })
			if err := u.Drain(t.Context()); err == nil {
				t.Fatal("no error from the fault")
			}
			if st := left(t, s); st.Items != 3 {
				t.Fatalf("%d reports are left, want all 3", st.Items)
			}
			if got := len(c.got()); got != tt.stored {
				t.Fatalf("%d stored by the first request, want %d", got, tt.stored)
			}
			u.opt.Patience = time.Minute
			if err := u.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := slices.Concat(reportIDs(1, tt.stored), reportIDs(1, 3))
			if diff := cmp.Diff(want, c.got()); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			u.opt.Client.CloseIdleConnections()
		})
	}
}

func TestNothingListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := newSpool(t, 1)
	u := newUploader(t, s, "http://"+addr, nil)
	// Full jitter: half of a second that doubles, up to half of ten minutes.
	want := []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}
	for _, seconds := range want {
		err := u.Drain(t.Context())
		if err == nil {
			t.Fatal("no error")
		}
		if got := u.delay(err); got != seconds*time.Second {
			t.Errorf("waits %s, want %ds", got, seconds)
		}
	}
	if st := left(t, s); st.Items != 1 {
		t.Errorf("%d reports are left, want 1", st.Items)
	}
}

// A hostile redirect must not get the token or the reports.
func TestRedirectIsNotFollowed(t *testing.T) {
	var asked atomic.Bool
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) }))
	defer thief.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := newSpool(t, 1)
		c := newCollector(t, answer(status, "text/plain", "", "Location", thief.URL+wire.ReportsPath))
		if err := newUploader(t, s, c.URL, nil).Drain(t.Context()); err == nil {
			t.Errorf("%d: no error", status)
		}
		if asked.Load() {
			t.Fatalf("%d: the redirect was followed", status)
		}
	}
}

// Random faults of all sorts while reports are appended: in the end each report
// was stored at least once, and nothing is set aside or dropped.
func TestChaos(t *testing.T) {
	r := mathrand.New(mathrand.NewPCG(3, 5))
	s := newSpool(t, 0)
	c := newCollector(t)
	faults := []http.HandlerFunc{
		c.accept,
		c.accept,
		func(w http.ResponseWriter, _ *http.Request) { hangUp(w, true) },
		func(w http.ResponseWriter, r *http.Request) { c.accept(discard(), r); hangUp(w, true) },
		answer(200, "text/html", "<html>"),
		answer(407, "text/html", "<html>"),
		faultAnswer(429, "slower", "Retry-After", "1"),
		faultAnswer(500, "oops"),
	}
	u := newUploader(t, s, c.URL, nil)
	for range 100 {
		for range r.IntN(4) {
			add(t, s, nil)
		}
		c.mu.Lock()
		c.script = append(c.script, faults[r.IntN(len(faults))])
		c.mu.Unlock()
		_ = u.Drain(t.Context()) // fails as often as not
	}
	c.mu.Lock()
	c.script = nil
	c.mu.Unlock()
	add(t, s, nil)
	if err := u.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	st := left(t, s)
	got := c.got()
	doubled := len(got)
	slices.SortFunc(got, func(a, b string) int { return len(a)*100 - len(b)*100 + strings.Compare(a, b) })
	got = slices.Compact(got)
	t.Logf("%d reports, %d sent twice", len(got), doubled-len(got))
	if diff := cmp.Diff(reportIDs(1, len(got)), got); diff != "" || len(got) < 50 {
		t.Errorf("%d stored (-want +got):\n%s", len(got), diff)
	}
	if st.Items != 0 || st.Quarantined != 0 || st.Dropped["full"] != 0 {
		t.Errorf("stats %+v, want an empty spool", st)
	}
}

func TestPing(t *testing.T) {
	tests := []struct {
		name   string
		script []http.HandlerFunc
		says   string
	}{
		{"well", nil, ""},
		{"token refused", []http.HandlerFunc{faultAnswer(401, "no such token")}, "no such token"},
		{"captive portal", []http.HandlerFunc{answer(200, "text/html", "<html>")}, "login page"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCollector(t, tt.script...)
			err := newUploader(t, newSpool(t, 1), c.URL, nil).Ping(t.Context())
			switch {
			case tt.says == "" && err != nil:
				t.Errorf("error %v, want none", err)
			case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
				t.Errorf("error %v, want one about %q", err, tt.says)
			}
			if got := c.got(); len(got) > 0 {
				t.Errorf("a ping delivered %v", got)
			}
		})
	}
}

// certificate makes a self-signed one for 127.0.0.1 of two days that end at
// notAfter.
func certificate(t *testing.T, notAfter time.Time) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "collector"}, NotBefore: notAfter.Add(-48 * time.Hour), NotAfter: notAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func TestTLS(t *testing.T) {
	tests := []struct {
		name     string
		notAfter time.Time
		useCA    bool
		says     string
	}{
		{"authority named", time.Now().Add(time.Hour), true, ""},
		{"authority unknown", time.Now().Add(time.Hour), false, "collector.ca_file"},
		{"expired, or a wrong clock", time.Now().Add(-time.Hour), true, "check the clock"},
		{"not valid yet, or a wrong clock", time.Now().Add(72 * time.Hour), true, "check the clock"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cert, file := certificate(t, tt.notAfter)
			c := newCollector(t)
			c.Close()
			c.Server = httptest.NewUnstartedServer(c)
			c.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
			c.Config.ErrorLog = log.New(io.Discard, "", 0)
			c.EnableHTTP2 = true
			c.StartTLS()
			defer c.Close()
			if !tt.useCA {
				file = ""
			}
			client, err := dial.NewClient(dial.Trust{CAFile: file})
			if err != nil {
				t.Fatal(err)
			}
			defer client.CloseIdleConnections()
			s := newSpool(t, 1)
			err = newUploader(t, s, c.URL, func(o *Options) { o.Client = client }).Drain(t.Context())
			if tt.says == "" {
				if err != nil || len(c.got()) != 1 {
					t.Errorf("error %v and %d stored, want 1 stored", err, len(c.got()))
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want one about %q", err, tt.says)
			}
			if st := left(t, s); st.Items != 1 {
				t.Errorf("%d reports left, want 1", st.Items)
			}
		})
	}
}
