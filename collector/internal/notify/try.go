package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"
)

// A Trial is how it went with one receiver.
type Trial struct {
	What string // in words: "mail to a@example.org was sent"
	Err  error  // nil when it went well
}

// Try shows whether the settings work: it greets the mail server and logs in,
// and connects to each webhook. With send it sends them something too, which
// says that it is a trial.
func Try(ctx context.Context, s Settings, version string, send bool) []Trial {
	var all []Trial
	if s.Mail.Server != "" {
		if err := s.Mail.connect(ctx); err != nil {
			all = append(all, Trial{"mail server " + s.Mail.Server, err})
		} else {
			all = append(all, Trial{What: "the mail server " + s.Mail.Server + " lets Rollcall in"})
			if send {
				all = append(all, s.Mail.try(ctx)...)
			}
		}
	}
	g := guard{s.Allow}
	client := g.client(nil)
	defer client.CloseIdleConnections()
	for _, h := range s.Webhooks {
		if !send {
			err := h.connect(ctx, g)
			if err != nil {
				all = append(all, Trial{"webhook " + h.Name, err})
			} else {
				all = append(all, Trial{What: "webhook " + h.Name + " can be reached"})
			}
			continue
		}
		now := time.Now().UTC().Truncate(time.Millisecond)
		m := message{Schema: Schema, Type: typeTest, Timestamp: now, ID: "evt_test_" + fmt.Sprint(now.UnixNano())}
		if err := h.post(ctx, client, m, now, "rollcall/"+version); err != nil {
			all = append(all, Trial{"webhook " + h.Name, err})
		} else {
			all = append(all, Trial{What: "webhook " + h.Name + " took a message"})
		}
	}
	return all
}

// try sends each recipient a mail.
func (m Mail) try(ctx context.Context) []Trial {
	to := slices.Clone(m.To)
	for _, r := range m.Recipients {
		to = append(to, r.To...)
	}
	slices.Sort(to)
	var all []Trial
	for _, recipient := range slices.Compact(to) {
		l := letter{
			subject: "Rollcall: a trial",
			text:    "This mail shows that Rollcall can reach you. There is nothing to do.\n\nIf you did not expect it, somebody has put your address into the settings of a Rollcall collector.\n",
		}
		if err := m.send(ctx, recipient, l, time.Now()); err != nil {
			all = append(all, Trial{"mail to " + recipient, err})
		} else {
			all = append(all, Trial{What: "the mail server took a mail to " + recipient})
		}
	}
	return all
}

// connect dials the webhook and shakes hands, and sends nothing.
func (h Webhook) connect(ctx context.Context, g guard) error {
	u, err := url.Parse(h.URL)
	if err != nil {
		return errors.New("the URL cannot be used")
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme // a name that the dialer knows
	}
	dialer := &net.Dialer{Timeout: dialTime, Control: g.control}
	address := net.JoinHostPort(u.Hostname(), port)
	var c net.Conn
	if u.Scheme == "https" {
		c, err = (&tls.Dialer{NetDialer: dialer, Config: &tls.Config{MinVersion: tls.VersionTLS12}}).DialContext(ctx, "tcp", address)
	} else {
		c, err = dialer.DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return fmt.Errorf("cannot be reached: %w", err)
	}
	return c.Close()
}
