package wire

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

// keyIssuer is who has signed every KeyCertificate, as its own name says.
var keyIssuer = pkix.Name{CommonName: "Rollcall agent"}

// forever is the end of a certificate that has none (RFC 5280, section 4.1.2.5).
var forever = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// KeyCertificate is a certificate that an agent makes of its key, so that TLS
// shows a collector that it has the key. The key itself has signed it: who the
// agent is the collector knows by the key that it joined with (RFC 8705, section
// 2.2), so the certificate tells nothing, and has no end.
func KeyCertificate(key ed25519.PrivateKey) (tls.Certificate, error) {
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: keyIssuer, NotBefore: time.Unix(0, 0), NotAfter: forever,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("cannot make a certificate of the agent's key: %w", err)
	}
	leaf, err := x509.ParseCertificate(raw)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}, err
}

// AskForKey has a server ask its clients for a KeyCertificate, and for no other:
// a browser that has certificates of its user does not offer any.
func AskForKey(conf *tls.Config) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("cannot make a key: %w", err)
	}
	name, err := KeyCertificate(key) // of nobody: its name alone is told
	if err != nil {
		return err
	}
	conf.ClientCAs = x509.NewCertPool()
	conf.ClientCAs.AddCert(name.Leaf)
	conf.ClientAuth = tls.RequestClientCert
	return nil
}

// ShownKey is the key that the client of a connection has shown that it has, nil
// for none.
func ShownKey(c *tls.ConnectionState) ed25519.PublicKey {
	if c == nil || len(c.PeerCertificates) == 0 {
		return nil
	}
	key, _ := c.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	return key
}
