package collector

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"rollcall/pkg/wire"
)

// ownConfig serves beyond loopback. Tests do not listen there.
func ownConfig(t *testing.T) Config {
	t.Helper()
	c := testConfig(t)
	c.Listen = "0.0.0.0:8480"
	c.Hosts = []string{"rollcall.example.org"}
	if err := c.Validate(); err != nil {
		// With login off nothing beyond loopback is allowed.
		c.Login = LoginRequired
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func ownLeaf(t *testing.T, c Config, now time.Time) *x509.Certificate {
	t.Helper()
	files, err := c.servingTLS(now)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _, err := files.leaf()
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func TestOwnCertificate(t *testing.T) {
	c := ownConfig(t)
	now := time.Now()
	first := ownLeaf(t, c, now)
	for _, name := range []string{"localhost", "127.0.0.1", "rollcall.example.org"} {
		if err := first.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"own.crt", "own.key"} {
		info, err := os.Stat(filepath.Join(c.DataDir, "tls", name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if first.PublicKeyAlgorithm != x509.ECDSA || first.IsCA || !first.BasicConstraintsValid || first.NotAfter.Sub(first.NotBefore) > 825*24*time.Hour {
		t.Errorf("certificate %+v", first)
	}
	if again := ownLeaf(t, c, now.Add(time.Hour)); again.SerialNumber.Cmp(first.SerialNumber) != 0 {
		t.Error("it was made anew for no reason")
	}
	steps := []struct {
		name string
		at   time.Time
		edit func()
	}{
		{"its end is near", now.Add(ownLife * 3 / 4), func() {}},
		{"it has ended", now.Add(10 * 365 * 24 * time.Hour), func() {}},
		{"the clock was wrong when it was made", now, func() {}},
		{"another name", now, func() { c.PublicURL = "https://other.example.org" }},
		{"it is damaged", now, func() {
			if err := os.WriteFile(c.ownCertificate().cert, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	}
	before := first
	for _, s := range steps {
		s.edit()
		got := ownLeaf(t, c, s.at)
		if got.SerialNumber.Cmp(before.SerialNumber) == 0 {
			t.Errorf("%s: it was not renewed", s.name)
		}
		if wire.PinOf(got) != wire.PinOf(first) {
			t.Errorf("%s: it has another key", s.name)
		}
		before = got
	}
	if err := os.WriteFile(c.ownCertificate().key, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.servingTLS(now); err == nil {
		t.Error("a damaged key was replaced, which every agent pins")
	}
}

// Many processes at once, as serve and token create: one key.
func TestOwnCertificateAtOnce(t *testing.T) {
	c := ownConfig(t)
	var wg sync.WaitGroup
	pins := make([]string, 20)
	for i := range pins {
		wg.Go(func() {
			pin, err := c.Pin(PinAuto, time.Now())
			if err != nil {
				t.Error(err)
			}
			pins[i] = pin
		})
	}
	wg.Wait()
	for _, pin := range pins {
		if pin == "" || pin != pins[0] {
			t.Fatalf("pins %v", pins)
		}
	}
}

// A collector that runs for years renews its certificate without a restart, and
// without another key.
func TestOwnCertificateIsRenewed(t *testing.T) {
	c := ownConfig(t)
	now := time.Now()
	files, err := c.servingTLS(now)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := newCertificate(files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	cert.renew = func() error { return c.ownCertificate().renew(now) }
	first := handshake(t, cert)
	now = now.Add(ownLife - time.Hour)
	later := time.Now().Add(-time.Hour) // so that the files are looked at
	if err := os.Chtimes(files.CertFile, later, later); err != nil {
		t.Fatal(err)
	}
	cert.mu.Lock()
	cert.checked = time.Time{}
	cert.mu.Unlock()
	second := handshake(t, cert)
	if second.SerialNumber.Cmp(first.SerialNumber) == 0 || wire.PinOf(second) != wire.PinOf(first) || !second.NotAfter.After(now.Add(ownLife/2)) {
		t.Errorf("first until %s, then until %s", first.NotAfter, second.NotAfter)
	}
	names := append([]string{}, second.DNSNames...)
	if len(names) != len(first.DNSNames) || len(second.IPAddresses) != len(first.IPAddresses) {
		t.Errorf("names %v %v, want %v %v", names, second.IPAddresses, first.DNSNames, first.IPAddresses)
	}
}

// handshake returns the certificate that a client is shown.
func handshake(t *testing.T, cert *certificate) *x509.Certificate {
	t.Helper()
	here, there := net.Pipe()
	defer func() { _ = here.Close() }()
	done := make(chan error, 1)
	go func() { done <- tls.Server(there, cert.config()).HandshakeContext(t.Context()) }()
	client := tls.Client(here, &tls.Config{InsecureSkipVerify: true})
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return client.ConnectionState().PeerCertificates[0]
}

func TestPin(t *testing.T) {
	own := ownConfig(t)
	proxied := own
	proxied.PublicURL = "https://rollcall.example.org"
	plain := own
	plain.InsecureListen = true
	loopback := testConfig(t)
	given := own // self-signed, which this machine does not know
	files, err := own.servingTLS(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	given.TLS = files
	tests := []struct {
		name   string
		config Config
		how    string
		pinned bool
		fails  bool
	}{
		{"own", own, PinAuto, true, false},
		{"own, not wanted", own, PinNo, false, false},
		{"behind a proxy", proxied, PinAuto, false, false},
		{"behind a proxy that passes TLS on", proxied, PinYes, true, false},
		{"plain", plain, PinAuto, false, false},
		{"plain, wanted", plain, PinYes, false, true},
		{"loopback", loopback, PinAuto, false, false},
		{"an unknown authority", given, PinAuto, true, false},
	}
	for _, tt := range tests {
		pin, err := tt.config.Pin(tt.how, time.Now())
		if (err != nil) != tt.fails || (pin != "") != tt.pinned {
			t.Errorf("%s: pin %q, error %v", tt.name, pin, err)
		}
	}
}

func TestAgentURL(t *testing.T) {
	tests := []struct {
		listen, public string
		insecure       bool
		want           string
		plain          bool
	}{
		{"127.0.0.1:8480", "", false, "http://127.0.0.1:8480", false},
		{"0.0.0.0:8480", "", false, "https://NAME-OF-THIS-MACHINE:8480", false},
		{"[::]:8480", "", true, "http://NAME-OF-THIS-MACHINE:8480", true},
		{"192.0.2.1:8480", "", false, "https://192.0.2.1:8480", false},
		{"127.0.0.1:8480", "https://rollcall.example.org/", false, "https://rollcall.example.org", false},
		{"0.0.0.0:8480", "http://rollcall.example.org", true, "http://rollcall.example.org", true},
	}
	for _, tt := range tests {
		got, plain := Config{Listen: tt.listen, PublicURL: tt.public, InsecureListen: tt.insecure}.AgentURL()
		if got != tt.want || plain != tt.plain {
			t.Errorf("%s %s: %s, plain %v; want %s, %v", tt.listen, tt.public, got, plain, tt.want, tt.plain)
		}
	}
}
