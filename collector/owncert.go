package collector

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

const (
	// ownLife is how long the collector's own certificate is valid. Some
	// browsers take none of more than 825 days.
	ownLife = 730 * 24 * time.Hour
	// ownRenewal is how long before its end it is made anew, with its key.
	ownRenewal = ownLife / 3
	// ownAhead is how far it reaches into the past, for the clocks of others.
	ownAhead = 24 * time.Hour
	// maxNames bounds the names of a certificate.
	maxNames = 100
)

// Scheme is how the collector serves, "http" or "https": with TLS beyond loopback, unless
// InsecureListen says otherwise, and wherever it has files for it.
func (c Config) Scheme() string {
	if c.TLS.enabled() || c.servesOwn() {
		return "https"
	}
	return "http"
}

// servesOwn says that the collector serves with a certificate of its own.
func (c Config) servesOwn() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	return err == nil && !c.TLS.enabled() && !isLoopback(host) && !c.InsecureListen
}

// servingTLS are the files that the collector serves with, its own made where
// they are not there. Without any it serves plain HTTP.
func (c Config) servingTLS(now time.Time) (TLS, error) {
	if !c.servesOwn() {
		return c.TLS, nil
	}
	own := c.ownCertificate()
	if err := own.make(now, c.names()); err != nil {
		return TLS{}, err
	}
	files := c.TLS
	files.CertFile, files.KeyFile = own.cert, own.key
	return files, nil
}

// An ownCertificate is what the collector makes for itself in its data
// directory: a key that stays, so that agents can pin it, and a certificate that
// is renewed.
type ownCertificate struct{ cert, key string }

func (c Config) ownCertificate() ownCertificate {
	dir := filepath.Join(c.DataDir, "tls")
	return ownCertificate{filepath.Join(dir, "own.crt"), filepath.Join(dir, "own.key")}
}

// names are those by which this machine may be asked for.
func (c Config) names() []string {
	list := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil {
		list = append(list, host)
	}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil {
		list = append(list, host)
	}
	if u, err := url.Parse(c.PublicURL); err == nil {
		list = append(list, u.Hostname())
	}
	list = append(list, c.Hosts...)
	if addresses, err := net.InterfaceAddrs(); err == nil {
		for _, a := range addresses {
			if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
				list = append(list, n.IP.String())
			}
		}
	}
	slices.Sort(list)
	list = slices.DeleteFunc(slices.Compact(list), func(name string) bool {
		ip := net.ParseIP(name)
		return name == "" || ip != nil && ip.IsUnspecified()
	})
	return list[:min(len(list), maxNames)]
}

// make makes what is missing: the key once, the certificate also when its end
// is near or it lacks a name.
func (o ownCertificate) make(now time.Time, names []string) error {
	key, err := o.readKey()
	if errors.Is(err, fs.ErrNotExist) {
		key, err = o.makeKey()
	}
	if err != nil {
		return fmt.Errorf("cannot use the collector's own key: %w: set tls.cert_file and tls.key_file, or remove it so that another is made, which agents do not know", err)
	}
	if o.due(now, key, names) {
		return o.sign(now, key, names)
	}
	return nil
}

// hasKey says that there is a key already, or what is not to be taken for none.
func (o ownCertificate) hasKey() bool {
	_, err := os.Stat(o.key)
	return !errors.Is(err, fs.ErrNotExist)
}

// renew makes another certificate for the same names when the end of this one
// is near.
func (o ownCertificate) renew(now time.Time) error {
	key, err := o.readKey()
	if err != nil {
		return err
	}
	cert, err := o.readCertificate()
	if err != nil {
		return err
	}
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if o.due(now, key, names) {
		return o.sign(now, key, names)
	}
	return nil
}

func (o ownCertificate) due(now time.Time, key *ecdsa.PrivateKey, names []string) bool {
	cert, err := o.readCertificate()
	if err != nil || !key.PublicKey.Equal(cert.PublicKey) || now.Before(cert.NotBefore) || now.After(cert.NotAfter.Add(-ownRenewal)) {
		return true
	}
	return slices.ContainsFunc(names, func(name string) bool { return cert.VerifyHostname(name) != nil })
}

func (o ownCertificate) readCertificate() (*x509.Certificate, error) {
	raw, err := os.ReadFile(o.cert)
	if err != nil {
		return nil, fmt.Errorf("cannot read certificate: %w", err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("cannot read certificate %s: there is none in it", o.cert)
	}
	return x509.ParseCertificate(block.Bytes)
}

func (o ownCertificate) readKey() (*ecdsa.PrivateKey, error) {
	raw, err := os.ReadFile(o.key)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("there is no key in %s", o.key)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", o.key, err)
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the key in %s is not ECDSA", o.key)
	}
	return private, nil
}

// makeKey makes the key, unless another process has just done so: the first one
// counts.
func (o ownCertificate) makeKey() (*ecdsa.PrivateKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(o.key), 0o700); err != nil {
		return nil, err
	}
	whole, err := os.CreateTemp(filepath.Dir(o.key), ".key-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(whole.Name()) }()
	err = errors.Join(pem.Encode(whole, &pem.Block{Type: "PRIVATE KEY", Bytes: raw}), whole.Sync(), whole.Close())
	if err == nil {
		err = os.Link(whole.Name(), o.key)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return o.readKey()
}

// sign makes the certificate of the key.
func (o ownCertificate) sign(now time.Time, key *ecdsa.PrivateKey, names []string) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return fmt.Errorf("cannot make certificate: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "collector"
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: host, Organization: []string{"Rollcall collector"}},
		NotBefore: now.Add(-ownAhead), NotAfter: now.Add(ownLife), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if !strings.ContainsFunc(name, func(r rune) bool { return r > 0x7e || r <= ' ' }) {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return fmt.Errorf("cannot make certificate: %w", err)
	}
	if err := renameio.WriteFile(o.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600); err != nil {
		return fmt.Errorf("cannot keep certificate: %w", err)
	}
	return nil
}

// leaf is the certificate that the files serve with.
func (t TLS) leaf() (*x509.Certificate, []*x509.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read certificate %s with key %s: %w", t.CertFile, t.KeyFile, err)
	}
	var between []*x509.Certificate
	for _, raw := range pair.Certificate[1:] {
		cert, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot read certificate %s: %w", t.CertFile, err)
		}
		between = append(between, cert)
	}
	return pair.Leaf, between, nil
}
