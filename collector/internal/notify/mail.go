package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"rollcall/collector/internal/store"
	"rollcall/pkg/config"
)

// Ways to speak to a mail server.
const (
	StartTLS = "starttls" // begins in clear and insists on TLS (RFC 3207)
	TLS      = "tls"      // from the first byte (RFC 8314)
	NoTLS    = "none"
)

// Mail says how and when mails are sent.
type Mail struct {
	Server   string // host:port; "" sends none
	TLS      string // StartTLS, TLS or NoTLS
	CAFile   string // PEM of who signs the server's certificate; "" are the system's
	From     string
	Username string
	Password config.Secret
	// To gets the mails about organizations that Recipients does not name.
	To         []string
	Recipients []Recipients
	Weekly     Weekly
	// AllIsWell is whether the weekly mail is sent when it has nothing to tell.
	AllIsWell bool
	OnChange  bool
	// Severity is the least that a change has to be to cause a mail before the
	// week has passed.
	Severity     string
	Quiet, Pause time.Duration // as in store.DigestRule
}

// Recipients get the mails about one organization.
type Recipients struct {
	Organization string // its name or ID
	To           []string
}

// Weekly is when the weekly mail is due; the zero value is never.
type Weekly struct {
	Day          time.Weekday
	Hour, Minute int
	Zone         *time.Location // nil for never
}

// last is the last moment at which a weekly mail was due.
func (w Weekly) last(now time.Time) time.Time {
	if w.Zone == nil {
		return time.Time{}
	}
	now = now.In(w.Zone)
	back := (int(now.Weekday()) - int(w.Day) + 7) % 7
	at := time.Date(now.Year(), now.Month(), now.Day()-back, w.Hour, w.Minute, 0, 0, w.Zone)
	if at.After(now) {
		at = time.Date(now.Year(), now.Month(), now.Day()-back-7, w.Hour, w.Minute, 0, 0, w.Zone)
	}
	return at
}

// to are the recipients of mails about an organization.
func (m Mail) to(o store.Organization) []string {
	if m.Server == "" {
		return nil
	}
	i := slices.IndexFunc(m.Recipients, func(r Recipients) bool { return o.Is(r.Organization) })
	if i < 0 {
		return m.To
	}
	return m.Recipients[i].To
}

// mailTime bounds each step of the talk with a mail server.
const mailTime = 20 * time.Second

// client is made for each mail: the password and the certificates may have
// changed.
func (m Mail) client() (*mail.Client, error) {
	host, portText, err := net.SplitHostPort(m.Server)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, err
	}
	trust := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if m.CAFile != "" {
		raw, err := os.ReadFile(m.CAFile)
		if err != nil {
			return nil, err
		}
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(raw) {
			return nil, fmt.Errorf("%s has no certificate in PEM", m.CAFile)
		}
	}
	options := []mail.Option{mail.WithPort(port), mail.WithTimeout(mailTime), mail.WithTLSConfig(trust)}
	switch m.TLS {
	case TLS:
		options = append(options, mail.WithSSL())
	case NoTLS:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if m.Username != "" {
		password, err := m.Password.Value()
		if err != nil {
			return nil, fmt.Errorf("the password %w", err)
		}
		auth := mail.SMTPAuthAutoDiscover
		if m.TLS == NoTLS { // the settings allow it on loopback alone
			auth = mail.SMTPAuthPlainNoEnc
		}
		options = append(options, mail.WithSMTPAuth(auth), mail.WithUsername(m.Username), mail.WithPassword(password))
	}
	return mail.NewClient(host, options...)
}

// A letter is one mail to one recipient.
type letter struct {
	subject, text, html string
	attached            string // name of the file, "" for none
	file                []byte
}

// A refused recipient keeps no mail from the others: the server says that it
// never takes mail for them.
type refused struct{ error }

// send hands a letter to the mail server and returns nil once the server has
// taken it.
func (m Mail) send(ctx context.Context, to string, l letter, now time.Time) error {
	msg := mail.NewMsg()
	if err := errors.Join(msg.FromFormat("Rollcall", m.From), msg.To(to)); err != nil {
		return refused{fmt.Errorf("the addresses cannot be used: %w", err)}
	}
	msg.Subject(l.subject)
	msg.SetDateWithValue(now)
	msg.SetMessageID()
	// Holiday notes and the like are not to answer (RFC 3834).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetBodyString(mail.TypeTextPlain, l.text)
	if l.html != "" {
		msg.AddAlternativeString(mail.TypeTextHTML, l.html)
	}
	if l.attached != "" {
		if err := msg.AttachReader(l.attached, bytes.NewReader(l.file)); err != nil {
			return fmt.Errorf("cannot attach %s: %w", l.attached, err)
		}
	}
	client, err := m.client()
	if err != nil {
		return err
	}
	err = client.DialAndSendWithContext(ctx, msg)
	var e *mail.SendError
	switch {
	case err == nil || errors.As(err, &e) && msg.IsDelivered(): // taken, and the goodbye failed
		return nil
	case errors.As(err, &e) && e.Reason == mail.ErrSMTPRcptTo && e.ErrorCode()/100 == 5:
		return refused{err}
	}
	return m.withoutPassword(err)
}

// connect greets the mail server and logs in, and sends nothing.
func (m Mail) connect(ctx context.Context) error {
	client, err := m.client()
	if err != nil {
		return err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return m.withoutPassword(err)
	}
	return client.Close()
}

// withoutPassword is an error of the mail server without what some repeat of a
// login that they refuse: the password, in the forms of PLAIN (RFC 4616) and
// LOGIN.
func (m Mail) withoutPassword(err error) error {
	password, e := m.Password.Value()
	if e != nil || password == "" {
		return err
	}
	text := err.Error()
	for _, form := range []string{
		base64.StdEncoding.EncodeToString([]byte("\x00" + m.Username + "\x00" + password)), base64.StdEncoding.EncodeToString([]byte(password)), password,
	} {
		text = strings.ReplaceAll(text, form, m.Password.String())
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}
