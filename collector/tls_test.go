package collector

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
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
