package collector

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"rollcall/pkg/wire"
)

// certificateAge is how long a certificate serves before its files are looked
// at again.
const certificateAge = 10 * time.Second

// A certificate is read again when its files change, so that a renewal needs no
// restart. One that cannot be read leaves the old one in use.
type certificate struct {
	files TLS
	log   *slog.Logger
	renew func() error // makes files anew that are the collector's own; nil for others

	mu      sync.Mutex
	current *tls.Config
	written [3]time.Time // modification times of what is current
	checked time.Time
}

func newCertificate(files TLS, log *slog.Logger) (*certificate, error) {
	c := &certificate{files: files, log: log}
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *certificate) load() error {
	written, err := c.modified()
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.files.CertFile, c.files.KeyFile)
	if err != nil {
		return fmt.Errorf("cannot read certificate %s with key %s: %w", c.files.CertFile, c.files.KeyFile, err)
	}
	// TLS 1.2 is the oldest version that agents and browsers of today need.
	conf := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}
	switch {
	case c.files.ClientCAFile != "":
		if conf.ClientCAs, err = c.files.clientAuthorities(); err != nil {
			return err
		}
		// Browsers have none; what agents ask for is refused without one.
		conf.ClientAuth = tls.VerifyClientCertIfGiven
	case c.files.RequireAgentKey:
		if err := wire.AskForKey(conf); err != nil {
			return err
		}
	}
	c.current, c.written, c.checked = conf, written, time.Now()
	return nil
}

// clientAuthorities are those of ClientCAFile.
func (t TLS) clientAuthorities() (*x509.CertPool, error) {
	raw, err := os.ReadFile(t.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("there is no PEM certificate in %s", t.ClientCAFile)
	}
	return pool, nil
}

func (c *certificate) modified() (times [3]time.Time, err error) {
	for i, path := range []string{c.files.CertFile, c.files.KeyFile, c.files.ClientCAFile} {
		if path == "" {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return times, fmt.Errorf("cannot read certificate: %w", err)
		}
		times[i] = info.ModTime()
	}
	return times, nil
}

// config is for the server.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.now(), nil },
		// The server wants to see one; GetConfigForClient comes before it.
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &c.now().Certificates[0], nil },
	}
}

// now is what is in use for a new connection.
func (c *certificate) now() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.checked) < certificateAge {
		return c.current
	}
	c.checked = time.Now()
	if c.renew != nil {
		if err := c.renew(); err != nil {
			c.log.Error("cannot renew the collector's own certificate, the old one stays in use", "error", err)
		}
	}
	if written, err := c.modified(); err == nil && written == c.written {
		return c.current
	}
	if err := c.load(); err != nil {
		c.log.Error("cannot renew the certificate, the old one stays in use", "error", err)
	} else {
		c.log.Info("certificate renewed", "file", c.files.CertFile)
	}
	return c.current
}
