// Package dial makes the connections of an agent to its collector: which
// certificate it believes, which one it shows, and the words for what goes wrong
// on the way. What is said over them is the business of packages identity and
// upload.
package dial

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"rollcall/pkg/wire"
)

// Trust says which collector is believed.
type Trust struct {
	// CAFile is a PEM file of authorities beside the system's; "" for none.
	CAFile string
	// Pin is of the collector's key (wire.PinOf), or "". With a pin that very
	// key is believed, whatever else its certificate says, and no other: the
	// person who made the join token has vouched for the key, while names
	// change, and an agent without a clock, or one whose collector's certificate
	// has expired, must not fall silent over a date that adds nothing to that.
	Pin string
	// CertFile and KeyFile are PEM files of a client certificate, read again
	// for each handshake so that it can be renewed; "" for none.
	CertFile, KeyFile string
	// Key is the agent's own, which a collector that asks for it is shown where
	// there is no CertFile; nil for none.
	Key ed25519.PrivateKey
}

// errPin is of a collector with another key than the one that is pinned.
var errPin = errors.New("the collector's certificate is not the one that the join token vouches for")

// NewClient returns a client for the collector. It follows no redirect, as that
// would carry the token elsewhere.
func NewClient(t Trust) (*http.Client, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read the collector's authority: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot use %s: there is no PEM certificate in it", t.CAFile)
		}
		conf.RootCAs = pool
	}
	if t.Pin != "" {
		conf.InsecureSkipVerify = true // of the authority, the name and the dates
		conf.VerifyConnection = func(c tls.ConnectionState) error {
			if wire.PinOf(c.PeerCertificates[0]) != t.Pin {
				return errPin
			}
			return nil
		}
	}
	switch {
	case t.CertFile != "":
		if _, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); err != nil {
			return nil, fmt.Errorf("cannot use the client certificate %s with key %s: %w", t.CertFile, t.KeyFile, err)
		}
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
			if err != nil {
				return nil, fmt.Errorf("cannot use the client certificate %s with key %s: %w", t.CertFile, t.KeyFile, err)
			}
			return &pair, nil
		}
	case t.Key != nil:
		own, err := wire.KeyCertificate(t.Key)
		if err != nil {
			return nil, err
		}
		conf.GetClientCertificate = func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if asked.SupportsCertificate(&own) != nil {
				return &tls.Certificate{}, nil // a certificate of an authority is asked for, as by a proxy
			}
			return &own, nil
		}
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
			TLSClientConfig:     conf,
			TLSHandshakeTimeout: 20 * time.Second,
			IdleConnTimeout:     time.Minute,
			MaxIdleConns:        1,
			ForceAttemptHTTP2:   true,
			// A connection that died without a word is found by its pings.
			HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
		},
	}, nil
}

// Explain adds to an error of a request what a volunteer can do about it.
// patience is how long the answer was waited for, and now the time of this
// machine.
func Explain(err error, patience time.Duration, now time.Time) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err // without method and address, which the log line has
	}
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %s", patience.Round(time.Second))
	case errors.Is(err, errPin):
		return fmt.Errorf("%w: another machine answers in its place, a proxy that opens TLS stands in between, or the collector has a new key: "+
			"in that case make a new join token with rollcall-collector token create --replace", err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("%w: check the clock of this machine, which says %s, and the collector's certificate", err, now.UTC().Format(time.RFC3339))
	case errors.As(err, &name):
		return fmt.Errorf("%w: write a name that the certificate has into collector.url", err)
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: name the authority that signed it in collector.ca_file, or join with a token that pins it", err)
	case errors.As(err, &dns):
		return fmt.Errorf("%w: check collector.url and this machine's name server", err)
	}
	return err
}
