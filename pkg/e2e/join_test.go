package e2e_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/agent"
	"rollcall/collector"
	"rollcall/pkg/config"
)

// selfSigned writes a certificate that nobody vouches for, that names nobody,
// and that ended long ago.
func selfSigned(t *testing.T) collector.TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nobody"}, NotBefore: time.Now().AddDate(-2, 0, 0), NotAfter: time.Now().AddDate(-1, 0, 0),
	}
	cert, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := collector.TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	for path, block := range map[string]*pem.Block{files.CertFile: {Type: "CERTIFICATE", Bytes: cert}, files.KeyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// await asks often until done says so.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline.C:
			t.Fatalf("waited %s for %s in vain", patience, what)
		case <-tick.C:
		}
	}
}

// An agent is started while the collector is down: it polls, joins when the
// collector is back, and brings what it has read. It goes on after a restart
// without its token, shows its key to a collector that now asks for it, and goes
// on after a year away, longer than its credential lives.
func TestJoin(t *testing.T) {
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	dir := t.TempDir()
	settings := collector.DefaultConfig()
	settings.Listen, settings.DataDir, settings.TLS = "127.0.0.1:0", filepath.Join(dir, "collector"), selfSigned(t)
	startCollector := func() (*collector.Collector, *prometheus.Registry) {
		registry := prometheus.NewRegistry()
		col, err := collector.New(settings, collector.Options{Registry: registry, Now: now, Offer: func(string) {}})
		if err != nil {
			t.Fatal(err)
		}
		if err := col.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		return col, registry
	}
	col, _ := startCollector()
	token, err := col.InviteAgent(t.Context(), organizationName, "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	settings.Listen = col.Addr()
	if err := col.Stop(); err != nil {
		t.Fatal(err)
	}

	c := agent.DefaultConfig()
	c.DataDir, c.Collector.URL, c.Collector.Token = filepath.Join(dir, "agent"), "https://"+settings.Listen, config.Plain(token)
	c.Interval, c.StartSpread = config.Duration(time.Second), 0
	c.Credentials = []agent.Credential{{Name: "ro", SNMP: &agent.SNMPCredential{Community: config.Plain("canary")}}}
	c.Targets = []agent.Target{{Address: "127.0.0.1", SNMPPort: 1, Via: "snmp", Timeout: config.Duration(50 * time.Millisecond)}}
	startAgent := func() (a *agent.Agent, registry *prometheus.Registry, stop func()) {
		registry = prometheus.NewRegistry()
		a, err := agent.New(c, agent.Options{Registry: registry, Now: now, FirstPollNow: true})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- a.Run(ctx) }()
		return a, registry, func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	a, agentMetrics, stop := startAgent()
	await(t, "a report to wait", func() bool { return sum(t, agentMetrics, "rollcall_agent_spool_reports") > 0 })
	await(t, "the failed join to be told", func() bool {
		return strings.Contains(strings.Join(a.Status().Wrong, " "), "has not joined its collector")
	})

	col, registry := startCollector()
	delivered := func() float64 { return stored(t, registry) }
	await(t, "the first report", func() bool { return delivered() > 0 })
	if id := a.Status().Identity; id.State != agent.IdentityJoined || id.Organization != organizationName || id.Site != "Main" || id.Agent != "agent-1" || id.Pin == "" {
		t.Errorf("identity %+v", id)
	}
	stop()
	if err := col.Stop(); err != nil {
		t.Fatal(err)
	}

	settings.TLS.RequireAgentKey = true
	col, registry = startCollector()
	c.Collector.Token, c.Collector.URL = config.Secret{}, ""
	_, _, stop = startAgent()
	before := delivered()
	await(t, "a report after a restart", func() bool { return delivered() > before })
	stop()

	ahead.Store(int64(366 * 24 * time.Hour))
	a, _, stop = startAgent()
	before = delivered()
	await(t, "a report after a year", func() bool { return delivered() > before })
	if id := a.Status().Identity; id.ValidUntil.Before(now()) {
		t.Errorf("identity %+v", id)
	}
	stop()
	if err := col.Stop(); err != nil {
		t.Error(err)
	}
}
