package collector

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateAge is how long a certificate serves before its files are looked
// at again.
const certificateAge = 10 * time.Second

// A certificate is read again when its files change, so that a renewal needs no
// restart. One that cannot be read leaves the old one in use.
type certificate struct {
	files TLS
	log   *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	written [2]time.Time // modification times of what is current
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
	c.current, c.written, c.checked = &pair, written, time.Now()
	return nil
}

func (c *certificate) modified() (times [2]time.Time, err error) {
	for i, path := range []string{c.files.CertFile, c.files.KeyFile} {
		info, err := os.Stat(path)
		if err != nil {
			return times, fmt.Errorf("cannot read certificate: %w", err)
		}
		times[i] = info.ModTime()
	}
	return times, nil
}

// config is for the server. TLS 1.2 is the oldest version that agents and
// browsers of today need.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if time.Since(c.checked) < certificateAge {
			return c.current, nil
		}
		c.checked = time.Now()
		if written, err := c.modified(); err == nil && written == c.written {
			return c.current, nil
		}
		if err := c.load(); err != nil {
			c.log.Error("cannot renew the certificate, the old one stays in use", "error", err)
		} else {
			c.log.Info("certificate renewed", "file", c.files.CertFile)
		}
		return c.current, nil
	}}
}
