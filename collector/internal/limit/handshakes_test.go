package limit

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// A handshake waits for its turn without its clock running, for some time; one
// who says nothing keeps nobody away, and a place is free again when the server
// has done its part.
func TestHandshakes(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	const helloTime = 5 * time.Second // that package net/http gives before
	synctest.Test(t, func(t *testing.T) {
		c := New(settings(), prometheus.NewRegistry()).Connections
		conf := c.TLS(&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}, MinVersion: tls.VersionTLS13})
		// shake returns the ends of a connection once nothing moves any more, and
		// how its handshakes end.
		shake := func(says bool) (client, server net.Conn, ended chan error) {
			here, there := net.Pipe()
			x := c.take(there)
			if err := x.SetDeadline(time.Now().Add(helloTime)); err != nil {
				t.Fatal(err)
			}
			ended = make(chan error, 2)
			go func() { ended <- tls.Server(x, conf).HandshakeContext(context.Background()) }()
			if says {
				go func() {
					tlsClient := tls.Client(here, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // what it sees is not the matter
					ended <- tlsClient.HandshakeContext(context.Background())
					_, _ = tlsClient.Read(make([]byte, 1)) // what the server says beside
				}()
			}
			synctest.Wait()
			return here, x, ended
		}
		done := func(ended chan error) {
			t.Helper()
			for range 2 {
				if err := <-ended; err != nil {
					t.Errorf("a handshake in its turn: %v", err)
				}
			}
		}
		var open []net.Conn
		for range 10 * cap(c.handshakes) {
			client, server, _ := shake(false)
			open = append(open, client, server)
		}
		client, server, ended := shake(true)
		open = append(open, client, server)
		done(ended)
		if n := len(c.handshakes); n > 0 {
			t.Fatalf("%d places are taken, want none", n)
		}

		for range cap(c.handshakes) {
			c.handshakes <- struct{}{}
		}
		client, server, waits := shake(true)
		open = append(open, client, server)
		<-time.After(2 * helloTime)
		if len(waits) > 0 {
			t.Errorf("a handshake without a place: %v", <-waits)
		}
		<-c.handshakes
		done(waits)

		c.handshakes <- struct{}{}
		client, server, waits = shake(true)
		open = append(open, client, server)
		<-time.After(handshakePatience)
		if err := <-waits; err == nil {
			t.Error("a handshake that waited too long has ended well")
		}
		if got := testutil.ToFloat64(c.refused.WithLabelValues("handshakes")); got != 1 {
			t.Errorf("%v refused, want 1", got)
		}
		for _, end := range open {
			_ = end.Close()
		}
	})
}
