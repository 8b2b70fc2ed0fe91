package collector

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"rollcall/pkg/wire"
)

// validatePublicURL says what is wrong with PublicURL, or nil.
func (c Config) validatePublicURL() error {
	if c.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("public_url: %q is not an address: write it as https://rollcall.example.org", c.PublicURL)
	}
	return nil
}

// publicNames are those by which a proxy is asked for the collector.
func (c Config) publicNames() []string {
	names := slices.Clone(c.Hosts)
	if u, err := url.Parse(c.PublicURL); err == nil && u.Hostname() != "" && !isLoopback(u.Hostname()) {
		names = append(names, u.Hostname())
	}
	return names
}

// AgentURL is where agents find the collector, as far as its settings tell, and
// whether they reach it over a network without TLS.
func (c Config) AgentURL() (address string, plain bool) {
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		return strings.TrimSuffix(c.PublicURL, "/"), err == nil && u.Scheme == "http" && !isLoopback(u.Hostname())
	}
	host, port, err := net.SplitHostPort(c.Listen)
	ip := net.ParseIP(host)
	local := isLoopback(host)
	if err != nil || host == "" || ip != nil && ip.IsUnspecified() {
		host = "NAME-OF-THIS-MACHINE"
	}
	return c.Scheme() + "://" + net.JoinHostPort(host, port), c.Scheme() == "http" && !local
}

// Ways to choose the pin of a join token.
const (
	PinAuto = "auto"
	PinYes  = "yes"
	PinNo   = "no"
)

// Pin is of the key that agents find at the collector, for a join token, or "".
// By itself it pins what nobody else vouches for: the collector's own
// certificate, and one of which this machine does not know the authority. One of
// a known authority often gets another key when it is renewed, and behind a
// proxy the key is the proxy's.
func (c Config) Pin(how string, now time.Time) (string, error) {
	switch {
	case how == PinNo, how == PinAuto && (c.PublicURL != "" || c.Scheme() == "http"):
		return "", nil
	case c.Scheme() == "http":
		return "", errors.New("cannot pin a key: the collector serves without TLS")
	}
	files, err := c.servingTLS(now)
	if err != nil {
		return "", err
	}
	leaf, between, err := files.leaf()
	if err != nil {
		return "", err
	}
	if how == PinAuto && !c.servesOwn() {
		pool := x509.NewCertPool()
		for _, cert := range between {
			pool.AddCert(cert)
		}
		if _, err := leaf.Verify(x509.VerifyOptions{Intermediates: pool, CurrentTime: now}); err == nil {
			return "", nil
		}
	}
	return wire.PinOf(leaf), nil
}
