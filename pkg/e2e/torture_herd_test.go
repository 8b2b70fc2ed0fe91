package e2e_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/collector"
	"rollcall/pkg/torture"
	"rollcall/pkg/wire"
)

// All agents come back within a second, with twelve reports each, over TLS to the
// real program: it takes what it can, asks the others to come later, and serves
// its pages meanwhile. In the end all is stored once, and the next interval is as
// even as any: the herd leaves no echo.
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
	h := &herd{fleet: newFleet(t, c, torture.Times(120, 10_000)), to: "https://" + r.listen, trust: trust}
	program := r.startCollector()
	resting := rss(t, program)

	quit, pages := make(chan struct{}), make(chan []time.Duration)
	go func() { pages <- h.look(quit) }()
	const each = 12
	began := time.Now()
	h.all(time.Second, func(i int) []wire.Report {
		var reports []wire.Report
		for n := range each {
			reports = append(reports, seen(n, i*each+n+1))
		}
		return reports
	})
	drained := time.Since(began)
	close(quit)
	waits := <-pages
	slices.Sort(waits)
	p99 := waits[len(waits)*99/100]
	peak := memoryOf(t, fmt.Sprintf("/proc/%d/status", program.cmd.Process.Pid), "VmHWM:")
	asked, failed := h.later(), h.unanswered()
	if drained > 10*time.Minute {
		t.Errorf("drained in %s, want 10 minutes at most", drained)
	}
	if peak > 1<<30 {
		t.Errorf("the collector had %d MiB of memory, want 1024 at most", peak>>20)
	}
	if p99 > 10*time.Second { // 2 s on a machine that has nothing else to do
		t.Errorf("p99 of a page is %s", p99)
	}
	h.check()

	echo := ""
	if torture.Long() {
		const interval = 100 * time.Second
		h.reset()
		h.all(interval, func(i int) []wire.Report { return []wire.Report{seen(0, len(h.tokens)*each+i+1)} })
		h.check()
		mean, peak := h.perSecond(interval)
		echo = fmt.Sprintf("; one interval later %.0f requests a second, %d at most", mean, peak)
		if mean >= 50 && float64(peak) > 2*mean { // of fewer, chance alone makes it as many
			t.Errorf("an echo: %d requests in a second, %.0f on average", peak, mean)
		}
	}
	h.stored(filepath.Join(r.dir, "collector", "rollcall.db"), each)
	if err := program.stop(10 * time.Second); err != nil {
		t.Error(err)
	}
	torture.Figure(t, "R12", "%d agents with %d reports each within a second over TLS: drained in %s, %d times asked to come later, %d without an answer; p99 of a page %s; RSS of the collector %d MiB, %d at most%s",
		len(h.tokens), each, drained.Round(time.Second), asked, failed, p99.Round(time.Millisecond), resting>>20, peak>>20, echo)
}

// A herd is a fleet whose agents come at once, and what they were answered.
type herd struct {
	*fleet

	to    string // URL of the collector
	trust *tls.Config

	mu       sync.Mutex
	began    time.Time
	arrived  []time.Duration // when requests were sent
	statuses map[int]int     // 0 is none
	faults   map[string]int  // why there was none
}

// all has every agent come at a random moment within the time, and again until
// its reports are stored.
func (h *herd) all(within time.Duration, reports func(agent int) []wire.Report) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Minute)
	defer cancel()
	h.reset()
	var all sync.WaitGroup
	for i, token := range h.tokens {
		all.Go(func() {
			want := reports(i)
			body := pack(h.t, want...)
			a := comer{address: fmt.Sprintf("127.%d.%d.%d", 90+i/62500, i/250%250, i%250+1), trust: h.trust}
			for wait, attempt := mathrand.N(within), 0; ; attempt++ {
				select {
				case <-time.After(wait):
				case <-ctx.Done():
					h.t.Errorf("agent %d has no receipt", i)
					return
				}
				answer := a.send(ctx, h.to, token, body)
				h.note(answer)
				if answer.stored == len(want) {
					return
				}
				if wait = answer.wait; wait == 0 { // full jitter, as package upload has it
					wait = mathrand.N(min(time.Second<<min(attempt, 10), 10*time.Minute))
				}
			}
		})
	}
	all.Wait()
}

func (h *herd) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.began, h.arrived, h.statuses, h.faults = time.Now(), nil, map[int]int{}, map[string]int{}
}

func (h *herd) note(a answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.arrived = append(h.arrived, a.sent.Sub(h.began))
	h.statuses[a.status]++
	if a.err != nil {
		h.faults[fault(a.err)]++
	}
}

// fault is the last part of an error, without addresses.
func fault(err error) string {
	parts := strings.Split(err.Error(), ": ")
	return parts[len(parts)-1]
}

func (h *herd) later() int {
	return h.statuses[http.StatusServiceUnavailable] + h.statuses[http.StatusTooManyRequests]
}

func (h *herd) unanswered() int { return h.statuses[0] }

// check holds that there was no answer but a receipt, or a time to come later.
func (h *herd) check() {
	h.t.Helper()
	for status, n := range h.statuses {
		switch status {
		case 0:
			h.t.Errorf("%d requests had no answer, want 503 or 429 with Retry-After instead: %v", n, h.faults)
		case http.StatusOK, http.StatusServiceUnavailable, http.StatusTooManyRequests:
		default:
			h.t.Errorf("%d answers of status %d", n, status)
		}
	}
}

// perSecond is how many requests came in a second, on average and at most, within
// the time after the beginning.
func (h *herd) perSecond(within time.Duration) (mean float64, most int) {
	seconds := make([]int, int(within.Seconds()))
	for _, at := range h.arrived {
		if s := int(at.Seconds()); s < len(seconds) {
			seconds[s]++
		}
	}
	return float64(total(seconds)) / float64(len(seconds)), slices.Max(seconds)
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

// A comer is an agent that waits as package upload does.
type comer struct {
	address string
	trust   *tls.Config
}

// An answer is what a comer got for a request.
type answer struct {
	sent   time.Time
	status int           // 0 for none
	stored int           // reports acknowledged
	wait   time.Duration // that the collector asks for
	err    error
}

// patienceOfAgents is how long an agent waits for an answer.
const patienceOfAgents = 45 * time.Second

func (c comer) send(ctx context.Context, to, token string, body []byte) answer {
	a := answer{sent: time.Now()}
	client := &http.Client{Timeout: patienceOfAgents, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: c.trust, TLSHandshakeTimeout: 20 * time.Second,
		DialContext: (&net.Dialer{Timeout: 15 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.address)}}).DialContext,
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to+wire.ReportsPath, bytes.NewReader(body))
	if err != nil {
		a.err = err
		return a
	}
	req.Header.Set("Content-Type", wire.BatchType)
	req.Header.Set("Content-Encoding", wire.Encoding)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	if err != nil {
		a.err = err
		return a
	}
	defer func() { _ = resp.Body.Close() }()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		a.err = err
		return a
	}
	a.status = resp.StatusCode
	if resp.StatusCode == http.StatusOK {
		a.stored = strings.Count(string(said), `"status":"stored"`) + strings.Count(string(said), `"status":"duplicate"`)
		return a
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		d := time.Duration(seconds) * time.Second
		a.wait = d + mathrand.N(d/10+1)
	}
	return a
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
