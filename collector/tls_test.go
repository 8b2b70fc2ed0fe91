package collector

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/collector/internal/ingest"
	"rollcall/pkg/wire"
)

func tlsFiles(t *testing.T) TLS {
	dir := t.TempDir()
	return TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
}

// newPair writes a certificate for the loopback address, and returns a client
// that trusts this one alone.
func newPair(t *testing.T, files TLS) *http.Client {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "collector"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for path, raw := range map[string][]byte{files.CertFile: cert, files.KeyFile: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})} {
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestTLS(t *testing.T) {
	c := testConfig(t)
	c.TLS = tlsFiles(t)
	client := newPair(t, c.TLS)
	col := start(t, c, Options{})
	if !strings.HasPrefix(col.URL(), "https://127.0.0.1:") {
		t.Errorf("URL %s", col.URL())
	}
	if status, body := get(t, client, col.URL()+"healthz"); status != http.StatusOK {
		t.Errorf("status %d: %s", status, body)
	}
	if err := os.Chmod(c.TLS.KeyFile, 0o604); err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), "tls.key_file: ") {
		t.Errorf("a key that everyone can read: error %v", err)
	}
}

// A renewed certificate serves without a restart; one that cannot be read
// leaves the old one in use.
func TestCertificateRenewal(t *testing.T) {
	files := tlsFiles(t)
	newPair(t, files)
	c, err := newCertificate(files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	serial := func() string {
		t.Helper()
		c.checked = time.Now().Add(-certificateAge)
		cert, err := c.config().GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return cert.Leaf.SerialNumber.String()
	}
	first := serial()
	newPair(t, files)
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(files.CertFile, later, later); err != nil {
		t.Fatal(err)
	}
	second := serial()
	if second == first {
		t.Error("the renewed certificate is not in use")
	}
	if err := os.WriteFile(files.CertFile, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != second {
		t.Errorf("with a broken file certificate %s, want %s", got, second)
	}
}

// With client authorities agents are taken with a certificate alone, and
// browsers without one.
func TestClientAuthorities(t *testing.T) {
	c := testConfig(t)
	c.TLS = tlsFiles(t)
	client := newPair(t, c.TLS)
	c.TLS.ClientCAFile = c.TLS.CertFile // which is an authority, too
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	col := start(t, c, Options{})
	pair, err := tls.LoadX509KeyPair(c.TLS.CertFile, c.TLS.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	with := client.Transport.(*http.Transport).Clone()
	with.TLSClientConfig.Certificates = []tls.Certificate{pair}
	t.Cleanup(with.CloseIdleConnections)
	for _, path := range ingest.Paths() {
		for name, tt := range map[string]struct {
			client  *http.Client
			refused bool
		}{"with": {&http.Client{Transport: with}, false}, "without": {client, true}} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, col.URL()+strings.TrimPrefix(path, "/"), nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := tt.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if (res.StatusCode == http.StatusForbidden) != tt.refused {
				t.Errorf("%s %s: status %d", path, name, res.StatusCode)
			}
		}
	}
	if status, body := get(t, client, col.URL()+"healthz"); status != http.StatusOK {
		t.Errorf("a browser: status %d: %s", status, body)
	}
}

// With tls.require_agent_key a credential alone is of no use: reports are taken
// from who shows the key that it is of, and browsers are asked for nothing that
// they could have.
func TestRequireAgentKey(t *testing.T) {
	c := testConfig(t)
	c.TLS = tlsFiles(t)
	c.TLS.RequireAgentKey = true
	client := newPair(t, c.TLS)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	col := start(t, c, Options{})
	showing := func(key ed25519.PrivateKey) *http.Client {
		t.Helper()
		own, err := wire.KeyCertificate(key)
		if err != nil {
			t.Fatal(err)
		}
		with := client.Transport.(*http.Transport).Clone()
		with.TLSClientConfig.GetClientCertificate = func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if n := len(asked.AcceptableCAs); n != 1 {
				t.Errorf("%d names of authorities are told, want the agents' alone", n)
			}
			return &own, asked.SupportsCertificate(&own)
		}
		t.Cleanup(with.CloseIdleConnections)
		return &http.Client{Transport: with}
	}
	post := func(client *http.Client, path, contentType, token string, body []byte) (int, []byte) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.TrimSuffix(col.URL(), "/")+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("Authorization", "Bearer "+token)
		status, _, answer := do(t, client, req)
		return status, []byte(answer)
	}
	join := func(name string) (ed25519.PrivateKey, string) {
		t.Helper()
		_, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := col.InviteAgent(t.Context(), "Riverside Food Bank", "Main", name)
		if err != nil {
			t.Fatal(err)
		}
		token, err := wire.ParseJoinToken(text)
		if err != nil {
			t.Fatal(err)
		}
		asked, err := json.Marshal(wire.NewJoin(token.Secret, key, name, "test", time.Now()))
		if err != nil {
			t.Fatal(err)
		}
		status, raw := post(client, wire.JoinPath, wire.CredentialType, "", asked)
		var got wire.Credential
		if err := json.Unmarshal(raw, &got); err != nil || status != http.StatusOK {
			t.Fatalf("join: status %d, %v: %s", status, err, raw)
		}
		return key, got.Token
	}
	key, credential := join("agent-1")
	other, _ := join("agent-2")
	_, static, err := col.store.CreateAgent(t.Context(), "Riverside Food Bank", "Main", "agent-3")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		client *http.Client
		token  string
		want   int // 415 comes after all that asks who it is
	}{
		"its key":                   {showing(key), credential, http.StatusUnsupportedMediaType},
		"no key":                    {client, credential, http.StatusForbidden},
		"another agent's key":       {showing(other), credential, http.StatusForbidden},
		"no key, and a static one":  {client, static, http.StatusForbidden},
		"a key, and a static token": {showing(key), static, http.StatusForbidden},
	} {
		status, raw := post(tt.client, wire.ReportsPath, "text/plain", tt.token, nil)
		if said := strings.Contains(string(raw), "tls.require_agent_key"); status != tt.want || said != (tt.want == http.StatusForbidden) {
			t.Errorf("%s: status %d: %s", name, status, raw)
		}
	}
	if status, body := get(t, client, col.URL()+"healthz"); status != http.StatusOK {
		t.Errorf("a browser: status %d: %s", status, body)
	}
}
