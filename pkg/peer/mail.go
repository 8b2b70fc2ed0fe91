package peer

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// A Letter is a mail as it arrived.
type Letter struct {
	To         string // of the envelope; several are divided by commas
	Header     mail.Header
	Subject    string // decoded
	Text, HTML string // with \n at the end of each line
	Files      map[string][]byte
	Encrypted  bool // it came over TLS
}

// A MailServer says how a server of mails behaves. The zero value takes all of
// them in clear, from everybody, and forgets them.
type MailServer struct {
	Address  string                            // host:port; "" is a free port of 127.0.0.1
	TLS      *tls.Config                       // nil speaks none
	Implicit bool                              // TLS from the first byte, instead of STARTTLS
	Login    func(user, password string) error // nil asks for none; otherwise it needs TLS
	Refuse   func(to string) error             // nil refuses nobody
	Take     func(Letter) error                // its error refuses the mail
}

// ServeMail starts a server of mails (SMTP) for the test and returns its address.
// It refuses a mail that cannot be read.
func ServeMail(t testing.TB, m MailServer) (address string) {
	t.Helper()
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &mailSession{server: m, conn: c}, nil }))
	server.Domain, server.ErrorLog, server.TLSConfig = "127.0.0.1", log.New(io.Discard, "", 0), m.TLS
	if m.Address == "" {
		m.Address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", m.Address)
	if err != nil {
		t.Fatal(err)
	}
	address = listener.Addr().String()
	if m.Implicit {
		listener = tls.NewListener(listener, m.TLS)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return address
}

type mailSession struct {
	server   MailServer
	conn     *smtp.Conn
	loggedIn bool
	to       []string
}

func (s *mailSession) AuthMechanisms() []string {
	if s.server.Login == nil {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if s.server.Login == nil {
			return smtp.ErrAuthUnsupported
		}
		if err := s.server.Login(user, password); err != nil {
			return err
		}
		s.loggedIn = true
		return nil
	}), nil
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if s.server.Login != nil && !s.loggedIn {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.server.Refuse != nil {
		if err := s.server.Refuse(to); err != nil {
			return err
		}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	l, err := readLetter(r)
	if err != nil {
		return err
	}
	_, l.Encrypted = s.conn.TLSConnectionState()
	if _, direct := s.conn.Conn().(*tls.Conn); direct {
		l.Encrypted = true
	}
	l.To = strings.Join(s.to, ",")
	if s.server.Take == nil {
		return nil
	}
	return s.server.Take(l)
}

func (s *mailSession) Reset()      { s.to = nil }
func (*mailSession) Logout() error { return nil }

func readLetter(r io.Reader) (Letter, error) {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return Letter{}, err
	}
	l := Letter{Header: m.Header, Files: map[string][]byte{}}
	if l.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return Letter{}, err
	}
	return l, l.part(m.Header.Get, m.Body)
}

// part reads one part of a mail, and those in it.
func (l *Letter) part(header func(string) string, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		for parts := multipart.NewReader(body, params["boundary"]); ; {
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
		l.Text = text
	case "text/html":
		l.HTML = text
	default:
		_, disposition, err := mime.ParseMediaType(header("Content-Disposition"))
		if err != nil {
			return err
		}
		l.Files[disposition["filename"]] = raw
	}
	return nil
}
