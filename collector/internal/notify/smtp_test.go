package notify_test

import (
	"crypto/tls"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"rollcall/pkg/peer"
)

// A mailbox is a real SMTP server on loopback, with TLS and login, that keeps what
// it takes.
type mailbox struct {
	addr, caFile string

	mu      sync.Mutex
	refuse  func(to string) error // nil refuses nobody
	letters []peer.Letter
	logins  int
	arrived chan struct{} // receives a value after each letter
}

const mailUser, mailPassword = "rollcall", "canary-mail-77aa"

// startMailbox starts a server; implicit is TLS from the first byte.
func startMailbox(t *testing.T, implicit bool) *mailbox {
	t.Helper()
	// A certificate for 127.0.0.1 that signs itself.
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS()
	t.Cleanup(cert.Close)
	b := &mailbox{arrived: make(chan struct{}, 1000), caFile: filepath.Join(t.TempDir(), "ca.pem")}
	raw := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate().Raw})
	if err := os.WriteFile(b.caFile, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	b.addr = peer.ServeMail(t, peer.MailServer{
		TLS: &tls.Config{Certificates: cert.TLS.Certificates, MinVersion: tls.VersionTLS12}, Implicit: implicit,
		Login: b.login, Refuse: b.refuses, Take: b.take,
	})
	return b
}

func (b *mailbox) login(user, password string) error {
	if user != mailUser || password != mailPassword {
		return smtp.ErrAuthFailed
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.logins++
	return nil
}

func (b *mailbox) refuses(to string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse == nil {
		return nil
	}
	return b.refuse(to)
}

func (b *mailbox) take(l peer.Letter) error {
	b.mu.Lock()
	b.letters = append(b.letters, l)
	b.mu.Unlock()
	b.arrived <- struct{}{}
	return nil
}

// wait waits for the n-th letter and returns all.
func (b *mailbox) wait(t *testing.T, n int) []peer.Letter {
	t.Helper()
	for {
		if all := b.all(); len(all) >= n {
			return all
		}
		select {
		case <-b.arrived:
		case <-time.After(time.Minute):
			t.Fatalf("%d letters came, want %d", len(b.all()), n)
		}
	}
}

func (b *mailbox) all() []peer.Letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]peer.Letter(nil), b.letters...)
}
