package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"rollcall/collector"
	"rollcall/pkg/torture"
)

// All agents come back within a second, with twelve reports each, over TLS to the
// real program: it takes what it can, asks the others to come later, and serves
// its pages meanwhile. In the end all is stored once, and the next interval is as
// even as any: the herd leaves no echo.
//
// Real are the program with its default limits, its database on the disk, each
// agent's address, token, connection, handshake and waiting, and the pages with
// their reader. Not real are the agents' spools: their batches are made before.
// They stand for other machines, so their process has to leave the processors to
// the collector where there are not enough for both.
func TestHerd(t *testing.T) {
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dir: t.TempDir(), bin: bin, listen: freePort(t)}
	trust := certificateFor(t, r.dir)
	text := r.collectorSettings() + fmt.Sprintf("login: off\ntls: {cert_file: %q, key_file: %q}\n", filepath.Join(r.dir, "cert.pem"), filepath.Join(r.dir, "key.pem"))
	if err := os.WriteFile(filepath.Join(r.dir, "collector.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := collector.DefaultConfig()
	c.Listen, c.DataDir = "127.0.0.1:0", filepath.Join(r.dir, "collector")
	agents := torture.Times(120, 10_000)
	h := &herd{fleet: newFleet(t, c, agents, agents/10), to: "https://" + r.listen, dir: r.dir, trust: trust}
	program := r.startCollector()
	resting := rss(t, program)

	const each = 12
	come := h.ready(rush{Within: time.Second, Each: each})
	quit, pages := make(chan struct{}), make(chan []time.Duration)
	go func() { pages <- h.look(quit) }()
	began := time.Now()
	first := come()
	drained := time.Since(began)
	close(quit)
	waits := <-pages
	slices.Sort(waits)
	p99 := waits[len(waits)*99/100]
	peak := memoryOf(t, fmt.Sprintf("/proc/%d/status", program.cmd.Process.Pid), "VmHWM:")
	if drained > 10*time.Minute {
		t.Errorf("drained in %s, want 10 minutes at most", drained)
	}
	if peak > 1<<30 {
		t.Errorf("the collector had %d MiB of memory, want 1024 at most", peak>>20)
	}
	if p99 > 10*time.Second { // 2 s on a machine that has nothing else to do
		t.Errorf("p99 of a page is %s", p99)
	}
	h.check(first)

	echo := ""
	if torture.Long() {
		const interval = 100 * time.Second
		second := h.ready(rush{Within: interval, Each: 1, From: len(h.tokens) * each})()
		h.check(second)
		mean, peak := second.perSecond(interval)
		echo = fmt.Sprintf("; one interval later %.0f requests a second, %d at most", mean, peak)
		if mean >= 50 && float64(peak) > 2*mean { // of fewer, chance alone makes it as many
			t.Errorf("an echo: %d requests in a second, %.0f on average", peak, mean)
		}
	}
	h.stored(filepath.Join(r.dir, "collector", "rollcall.db"), each)
	if err := program.stop(10 * time.Second); err != nil {
		t.Error(err)
	}
	torture.Figure(t, "R12", "%d agents of %d organizations with %d reports each within a second over TLS: drained in %s, %d times asked to come later, %d without an answer; p99 of %d pages %s, %s at most; RSS of the collector %d MiB, %d at most%s",
		agents, agents/10, each, drained.Round(time.Second), first.later(), first.Statuses[0], len(waits), p99.Round(time.Millisecond), waits[len(waits)-1].Round(time.Millisecond),
		resting>>20, peak>>20, echo)
}

// A herd is a fleet whose agents come at once, from a process of their own.
type herd struct {
	*fleet

	to    string // URL of the collector
	dir   string // of its certificate
	trust *tls.Config
}

// ready makes the agents ready to come, and returns what lets them.
func (h *herd) ready(r rush) (come func() arrivals) {
	h.t.Helper()
	r.To, r.CertFile, r.Tokens = h.to, filepath.Join(h.dir, "cert.pem"), h.tokens
	come, err := startRush(h.t.Context(), r)
	if err != nil {
		h.t.Fatal(err)
	}
	return come
}

// check holds that there was no answer but a receipt, or a time to come later,
// and a receipt for each agent in the end.
func (h *herd) check(a arrivals) {
	h.t.Helper()
	if a.Failed != "" {
		h.t.Fatalf("the agents' process: %s", a.Failed)
	}
	for status, n := range a.Statuses {
		switch status {
		case 0:
			h.t.Errorf("%d requests had no answer, want 503 or 429 with Retry-After instead: %v", n, a.Faults)
		case http.StatusOK, http.StatusServiceUnavailable, http.StatusTooManyRequests:
		default:
			h.t.Errorf("%d answers of status %d", n, status)
		}
	}
}

// stored holds, read without the program, that each report is there once.
func (h *herd) stored(path string, each int) {
	h.t.Helper()
	r := rig{t: h.t, dir: filepath.Dir(filepath.Dir(path))}
	db := r.database()
	defer func() { _ = db.Close() }()
	var agents, wrong int
	want := each
	if torture.Long() {
		want++
	}
	err := db.QueryRow(`SELECT COUNT(*), COALESCE(SUM(CASE WHEN n <> $1 OR ids <> $1 THEN 1 ELSE 0 END), 0)
		FROM (SELECT COUNT(*) AS n, COUNT(DISTINCT report_id) AS ids FROM reports GROUP BY agent) AS counts`, want).Scan(&agents, &wrong)
	if err != nil {
		h.t.Fatal(err)
	}
	if agents != len(h.tokens) || wrong > 0 {
		h.t.Errorf("%d agents have reports, want %d; of these %d have another number than %d", agents, len(h.tokens), wrong, want)
	}
}

// look asks for pages again and again until quit, and says how long each took.
func (h *herd) look(quit chan struct{}) []time.Duration {
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: h.trust}}
	defer client.CloseIdleConnections()
	var took []time.Duration
	for n := 0; ; n++ {
		began := time.Now()
		resp, err := client.Get(h.to + []string{"/readyz", "/", "/findings", "/api/v1/organizations"}[n%4])
		if err != nil {
			h.t.Errorf("a page: %v", err)
		} else {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK && (resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "") {
				h.t.Errorf("a page is answered by %s", resp.Status)
			}
		}
		took = append(took, time.Since(began))
		select {
		case <-quit:
			return took
		case <-time.After(500 * time.Millisecond): // as a few people and a scraper do
		}
	}
}

// certificateFor writes a certificate for 127.0.0.1 to cert.pem and key.pem, and
// returns what believes it.
func certificateFor(t *testing.T, dir string) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: secret}} {
		raw := pem.EncodeToMemory(block)
		pool.AppendCertsFromPEM(raw)
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &tls.Config{RootCAs: pool}
}
