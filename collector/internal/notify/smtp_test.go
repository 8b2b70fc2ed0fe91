package notify_test

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// A mailbox is a real SMTP server on loopback, with TLS and login, that keeps what
// it takes.
type mailbox struct {
	addr, caFile string

	mu      sync.Mutex
	refuse  func(to string) error // nil refuses nobody
	letters []letter
	logins  int
	arrived chan struct{} // receives a value after each letter
}

// A letter is a mail as it arrived.
type letter struct {
	from, to, subject string
	header            mail.Header
	text, html        string
	files             map[string][]byte
	encrypted         bool
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
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{box: b, conn: c}, nil }))
	server.TLSConfig = &tls.Config{Certificates: cert.TLS.Certificates, MinVersion: tls.VersionTLS12}
	server.Domain, server.ErrorLog = "127.0.0.1", log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.addr = listener.Addr().String()
	if implicit {
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return b
}

type session struct {
	box       *mailbox
	conn      *smtp.Conn
	loggedIn  bool
	encrypted bool
	to        []string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != mailUser || password != mailPassword {
			return smtp.ErrAuthFailed
		}
		s.loggedIn = true
		s.box.mu.Lock()
		defer s.box.mu.Unlock()
		s.box.logins++
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error {
	if !s.loggedIn {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.box.mu.Lock()
	refuse := s.box.refuse
	s.box.mu.Unlock()
	if refuse != nil {
		if err := refuse(to); err != nil {
			return err
		}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	_, s.encrypted = s.conn.TLSConnectionState()
	if _, direct := s.conn.Conn().(*tls.Conn); direct {
		s.encrypted = true
	}
	l := letter{to: strings.Join(s.to, ","), header: m.Header, files: map[string][]byte{}, encrypted: s.encrypted}
	words := new(mime.WordDecoder)
	if l.subject, err = words.DecodeHeader(m.Header.Get("Subject")); err != nil {
		return err
	}
	l.from = m.Header.Get("From")
	if err := l.part(m.Header.Get, m.Body); err != nil {
		return err
	}
	s.box.mu.Lock()
	s.box.letters = append(s.box.letters, l)
	s.box.mu.Unlock()
	s.box.arrived <- struct{}{}
	return nil
}

// part reads one part of a mail, and those in it.
func (l *letter) part(header func(string) string, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := l.part(p.Header.Get, p); err != nil {
				return err
			}
		}
	}
	if header("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	switch kind {
	case "text/plain":
		l.text = text
	case "text/html":
		l.html = text
	default:
		_, disposition, err := mime.ParseMediaType(header("Content-Disposition"))
		if err != nil {
			return err
		}
		l.files[disposition["filename"]] = raw
	}
	return nil
}

func (s *session) Reset()        { s.to = nil }
func (s *session) Logout() error { return nil }

// wait waits for the n-th letter and returns all.
func (b *mailbox) wait(t *testing.T, n int) []letter {
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

func (b *mailbox) all() []letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]letter(nil), b.letters...)
}
