package dial

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rollcall/pkg/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

// sign makes a certificate for a name or an address that ends at a time.
func (a authority) sign(t *testing.T, name string, end time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "collector"}, NotBefore: end.AddDate(-1, 0, 0), NotAfter: end,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

func write(t *testing.T, name string, blocks ...*pem.Block) string {
	t.Helper()
	var text []byte
	for _, b := range blocks {
		text = append(text, pem.EncodeToMemory(b)...)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func certBlock(c *x509.Certificate) *pem.Block { return &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw} }

func serve(t *testing.T, conf *tls.Config) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) > 0 {
			_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Issuer.CommonName)
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = conf
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func get(t *testing.T, trust Trust, url string) (string, error) {
	t.Helper()
	client, err := NewClient(trust)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", Explain(err, time.Minute, time.Now())
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	return string(raw), err
}

func TestBelieves(t *testing.T) {
	old, next := newAuthority(t), newAuthority(t)
	good, ended := time.Now().AddDate(0, 6, 0), time.Now().AddDate(0, 0, -1)
	oldFile, both := write(t, "old.pem", certBlock(old.cert)), write(t, "both.pem", certBlock(old.cert), certBlock(next.cert))
	pin := func(c tls.Certificate) string { return wire.PinOf(c.Leaf) }
	right, wrongName, expired, rolled := old.sign(t, "127.0.0.1", good), old.sign(t, "rollcall.example.org", good), old.sign(t, "127.0.0.1", ended), next.sign(t, "127.0.0.1", good)
	tests := []struct {
		name  string
		cert  tls.Certificate
		trust Trust
		says  string // "" when it is believed
	}{
		{"authority", right, Trust{CAFile: oldFile}, ""},
		{"no authority", right, Trust{}, "collector.ca_file"},
		{"wrong name", wrongName, Trust{CAFile: oldFile}, "write a name that the certificate has"},
		{"expired, or a wrong clock", expired, Trust{CAFile: oldFile}, "check the clock"},
		{"next authority, not known yet", rolled, Trust{CAFile: oldFile}, "collector.ca_file"},
		{"next authority beside the old", rolled, Trust{CAFile: both}, ""},
		{"old authority beside the next", right, Trust{CAFile: both}, ""},
		{"pin", right, Trust{Pin: pin(right)}, ""},
		{"pin, wrong name", wrongName, Trust{Pin: pin(wrongName)}, ""},
		{"pin, expired", expired, Trust{Pin: pin(expired)}, ""},
		{"pin of another key", right, Trust{Pin: pin(rolled)}, "is not the one that the join token vouches for"},
		{"pin of another key, authority known", right, Trust{CAFile: oldFile, Pin: pin(rolled)}, "is not the one that the join token vouches for"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := get(t, tt.trust, serve(t, &tls.Config{Certificates: []tls.Certificate{tt.cert}}))
			if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("error %v, want one about %q", err, tt.says)
			}
		})
	}
	t.Run("TLS 1.1", func(t *testing.T) {
		url := serve(t, &tls.Config{Certificates: []tls.Certificate{right}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
		if _, err := get(t, Trust{Pin: pin(right)}, url); err == nil {
			t.Error("it is spoken")
		}
	})
}

// The client certificate is the one of the file at the time.
func TestClientCertificate(t *testing.T) {
	a := newAuthority(t)
	server := a.sign(t, "127.0.0.1", time.Now().AddDate(0, 6, 0))
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	url := serve(t, &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool})
	trust := Trust{Pin: wire.PinOf(server.Leaf)}
	if who, err := get(t, trust, url); err != nil || who != "" {
		t.Errorf("without: %q, %v", who, err)
	}
	pair := func(c tls.Certificate) {
		raw, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		trust.CertFile, trust.KeyFile = write(t, "client.pem", certBlock(c.Leaf)), write(t, "client.key", &pem.Block{Type: "PRIVATE KEY", Bytes: raw})
	}
	pair(a.sign(t, "agent-1", time.Now().AddDate(0, 6, 0)))
	if who, err := get(t, trust, url); err != nil || who != "authority" {
		t.Errorf("with one: %q, %v", who, err)
	}
	pair(a.sign(t, "agent-1", time.Now().AddDate(0, 0, -1)))
	if _, err := get(t, trust, url); err == nil {
		t.Error("one that has expired is taken")
	}
	if _, err := NewClient(Trust{CertFile: trust.CertFile, KeyFile: trust.CertFile}); err == nil {
		t.Error("a file without a key is taken")
	}
}

// The agent's own key is shown to who asks for it, and to nobody who asks for a
// certificate of an authority.
func TestOwnKey(t *testing.T) {
	a := newAuthority(t)
	server := a.sign(t, "127.0.0.1", time.Now().AddDate(0, 6, 0))
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	trust := Trust{Pin: wire.PinOf(server.Leaf), Key: key}
	keys := &tls.Config{Certificates: []tls.Certificate{server}}
	if err := wire.AskForKey(keys); err != nil {
		t.Fatal(err)
	}
	before := keys.Clone()
	before.MaxVersion = tls.VersionTLS12
	authority := &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: x509.NewCertPool()}
	authority.ClientCAs.AddCert(a.cert)
	for name, tt := range map[string]struct {
		asks *tls.Config
		want string
	}{
		"for the key": {keys, "Rollcall agent"}, "by TLS 1.2": {before, "Rollcall agent"}, "for an authority's": {authority, ""}, "for nothing": {&tls.Config{Certificates: []tls.Certificate{server}}, ""},
	} {
		if who, err := get(t, trust, serve(t, tt.asks)); err != nil || who != tt.want {
			t.Errorf("%s: %q, %v; want %q", name, who, err, tt.want)
		}
	}
}

func TestNewClientRefusesCAFile(t *testing.T) {
	for _, file := range []string{write(t, "ca.pem"), filepath.Join(t.TempDir(), "none.pem")} {
		if _, err := NewClient(Trust{CAFile: file}); err == nil {
			t.Errorf("%s was taken as an authority", file)
		}
	}
}
