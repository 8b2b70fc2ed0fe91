package e2e_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
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
	"rollcall/pkg/peer"
)

// proxyName is the name by which people ask the proxy.
const proxyName = "rollcall.example.org"

// A real proxy ends TLS in front of a collector that listens on loopback: an agent
// joins, delivers and renews its credential through it, people log in with the
// cookies of HTTPS, and limits see the client behind the proxy, whatever it
// claims. It makes no difference whether the proxy passes the name on, nor in
// which headers it says who asks.
func TestBehindProxy(t *testing.T) {
	for name, tt := range map[string]struct {
		headers  string
		frontend []string
	}{
		"keeps the name": {collector.HeadersXForwarded, []string{"option forwardfor", "http-request set-header X-Forwarded-Proto https"}},
		"asks by another one": {collector.HeadersXForwarded, []string{
			"option forwardfor", "http-request set-header X-Forwarded-Proto https",
			"http-request set-header X-Forwarded-Host %[req.hdr(Host)]", "http-request set-header Host 127.0.0.1",
		}},
		"says it as RFC 7239": {collector.HeadersForwarded, []string{
			`http-request add-header Forwarded for=%[src];proto=https;host=\"%[req.hdr(Host)]\"`, "http-request set-header Host 127.0.0.1",
		}},
	} {
		t.Run(name, func(t *testing.T) { newProxied(t, tt.headers, tt.frontend).holds() })
	}
}

// A page is what is left of a response that was read.
type page struct {
	status  int
	cookies []*http.Cookie
	body    string
}

// A proxied is a collector behind a proxy.
type proxied struct {
	t        *testing.T
	col      *collector.Collector
	registry *prometheus.Registry
	ahead    atomic.Int64 // of the clock
	link     string       // for the first account
	proxy    string       // its address
	public   string       // by which people ask for it
	caFile   string
	roots    *x509.CertPool
}

func newProxied(t *testing.T, headers string, frontend []string) *proxied {
	peer.Need(t, "haproxy", "haproxy")
	p := &proxied{t: t, registry: prometheus.NewRegistry(), roots: x509.NewCertPool()}
	c := collector.DefaultConfig()
	c.Listen, c.DataDir, c.Proxies = "127.0.0.1:0", filepath.Join(t.TempDir(), "collector"), []string{"127.0.0.1"}
	c.ProxyHeaders = headers
	c.Limits.Address = collector.Rate{PerSecond: 0.01, Burst: 40}
	// Where the proxy is, is known once it runs, which is after the collector.
	c.PublicURL = "https://" + proxyName
	col, err := collector.New(c, collector.Options{Registry: p.registry, Now: p.now, Offer: func(link string) { p.link = link }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := col.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := col.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.col = col
	p.proxy = peer.HAProxyTLS(t, p.certificate(), col.Addr(), frontend...)
	_, port, _ := strings.Cut(p.proxy, ":")
	c.PublicURL += ":" + port
	p.public = c.PublicURL
	if _, err := col.Reload(t.Context(), func() (collector.Config, error) { return c, nil }); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *proxied) now() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) }

// certificate makes one for the proxy, which holds for the years that the clock
// is put ahead, and returns the file of it with its key.
func (p *proxied) certificate() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: proxyName}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		DNSNames: []string{proxyName}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		p.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	p.roots.AppendCertsFromPEM(cert)
	dir := p.t.TempDir()
	p.caFile = filepath.Join(dir, "ca.pem")
	both := filepath.Join(dir, "both.pem")
	for path, text := range map[string][]byte{p.caFile: cert, both: append(cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	return both
}

// browser is at an address of this machine, and finds the proxy by its name.
func (p *proxied) browser(address string) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, p.proxy)
		},
		TLSClientConfig: &tls.Config{RootCAs: p.roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
	}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (p *proxied) do(client *http.Client, method, target string, form url.Values, header ...string) page {
	p.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = p.public + target
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return page{res.StatusCode, res.Cookies(), string(body)}
}

func (p *proxied) holds() {
	p.people()
	p.metrics()
	p.limits()
	p.agents()
}

// people open the link, log out and in, and are not led by pages of elsewhere.
func (p *proxied) people() {
	t := p.t
	ada := p.browser("127.0.0.2")
	const password = "a long enough password"
	_, code, ok := strings.Cut(p.link, "https://"+proxyName+"/setup?code=")
	if !ok {
		t.Fatalf("the link for the first account is %s", p.link)
	}
	got := p.do(ada, http.MethodPost, "/setup", url.Values{"code": {code}, "name": {"ada"}, "password": {password}, "again": {password}}, "Origin", p.public)
	if got.status != http.StatusSeeOther {
		t.Fatalf("the first account: status %d\n%.400s", got.status, got.body)
	}
	p.do(ada, http.MethodPost, "/logout", nil, "Origin", p.public)
	got = p.do(ada, http.MethodPost, "/login", url.Values{"name": {"ada"}, "password": {password}, "next": {"/account"}}, "Origin", p.public)
	var session *http.Cookie
	for _, c := range got.cookies {
		if c.Name == "__Host-rollcall_session" {
			session = c
		}
	}
	if session == nil || !session.Secure || !session.HttpOnly || session.Path != "/" || session.Domain != "" {
		t.Fatalf("login: status %d, cookies %v\n%.400s", got.status, got.cookies, got.body)
	}
	if got := p.do(ada, http.MethodGet, "/account", nil); got.status != http.StatusOK || !strings.Contains(got.body, "127.0.0.2") {
		t.Errorf("the page of her sessions: status %d, and she is not said to come from 127.0.0.2", got.status)
	}
	// As a browser that does not say Sec-Fetch-Site: Origin is held against the name.
	if got := p.do(ada, http.MethodPost, "/do/end_other_sessions", nil, "Origin", "https://elsewhere.example.org"); got.status != http.StatusForbidden {
		t.Errorf("a form of another site's page: status %d", got.status)
	}
	if got := p.do(ada, http.MethodPost, "/do/end_other_sessions", nil, "Origin", p.public); got.status >= 400 {
		t.Errorf("a form of the collector's own page: status %d\n%.400s", got.status, got.body)
	}
	got = p.do(ada, http.MethodPost, "/do/create_account", url.Values{"name": {"bob"}, "organization": {""}, "role": {"viewer"}}, "Origin", p.public)
	if !strings.Contains(got.body, p.public+"/setup?code=") {
		t.Errorf("the link for another account does not lead to %s: status %d\n%.400s", p.public, got.status, got.body)
	}
}

// metrics are not open to the world because the proxy is on this machine.
func (p *proxied) metrics() {
	if got := p.do(p.browser("127.0.0.2"), http.MethodGet, "/metrics", nil); got.status != http.StatusUnauthorized {
		p.t.Errorf("/metrics through the proxy: status %d", got.status)
	}
}

// limits count the client's address, and not one that it claims.
func (p *proxied) limits() {
	flood := p.browser("127.0.0.3")
	refused := 0
	for range 60 {
		if got := p.do(flood, http.MethodGet, "/healthz", nil, "X-Forwarded-For", "198.51.100.7", "Forwarded", `for=198.51.100.7, for="`); got.status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < 15 || refused > 20 { // 40 at once, and one each 100 seconds
		p.t.Errorf("%d of 60 requests were beyond the limit of the client, want 20", refused)
	}
	if got := p.do(p.browser("127.0.0.2"), http.MethodGet, "/healthz", nil); got.status != http.StatusOK {
		p.t.Errorf("another client: status %d", got.status)
	}
}

// agents join, deliver, and renew before and after their credential's end.
func (p *proxied) agents() {
	t := p.t
	token, err := p.col.InviteAgent(t.Context(), organizationName, "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	c := agent.DefaultConfig()
	c.DataDir, c.Collector.URL, c.Collector.CAFile = filepath.Join(t.TempDir(), "agent"), "https://"+p.proxy, p.caFile
	c.Collector.Token = config.Plain(token)
	c.Interval, c.StartSpread = config.Duration(time.Second), 0
	c.Credentials = []agent.Credential{{Name: "ro", SNMP: &agent.SNMPCredential{Community: config.Plain("canary")}}}
	c.Targets = []agent.Target{{Address: "127.0.0.1", SNMPPort: 1, Via: "snmp", Timeout: config.Duration(50 * time.Millisecond)}}
	renewed := func() float64 {
		return sumWhere(t, p.registry, "rollcall_ingest_credentials_total", "request", "renew")
	}
	for _, ahead := range []time.Duration{0, 61 * 24 * time.Hour, 200 * 24 * time.Hour} {
		p.ahead.Store(int64(ahead))
		before, renewals := stored(t, p.registry), renewed()
		a, err := agent.New(c, agent.Options{Registry: prometheus.NewRegistry(), Now: p.now, FirstPollNow: true})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- a.Run(ctx) }()
		await(t, "a report through the proxy", func() bool { return stored(t, p.registry) > before })
		if ahead > 0 {
			await(t, "a new credential through the proxy", func() bool { return renewed() > renewals })
		}
		if id := a.Status().Identity; id.State != agent.IdentityJoined || id.Pin != "" {
			t.Errorf("%v ahead: identity %+v", ahead, id)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.Collector.Token = config.Secret{} // good once
	}
}
