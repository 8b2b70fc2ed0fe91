package sshcli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"rollcall/pkg/inventory"
)

// Dial connects, checks the host key, logs in and waits for the prompt. The
// pager is off when it returns, where the device can. The caller closes the
// session. An error is an *Error.
func Dial(ctx context.Context, t Target, log *slog.Logger) (*Session, error) {
	t = t.defaults()
	log = log.With("device", t.Address, "via", Via)
	d := &dialer{target: t, log: log, address: joinAddress(t.Address, t.Port)}
	if t.HostKeys == nil {
		return nil, fmt.Errorf("cannot connect to %s: no store of host keys was given", t.Address)
	}
	if err := t.Credential.Validate(); err != nil {
		return nil, d.fail(inventory.ProblemCredentialRefused, err.Error(), nil)
	}
	var err error
	if d.password, err = t.Credential.Password.Value(); err != nil {
		return nil, d.fail(inventory.ProblemCredentialRefused, fmt.Sprintf("the password of SSH credential %s cannot be read: %v", t.Credential.Name, err), nil)
	}
	if d.enable, err = enableSecret(t.Credential); err != nil {
		return nil, d.fail(inventory.ProblemCredentialRefused, fmt.Sprintf("the enable password of SSH credential %s cannot be read: %v", t.Credential.Name, err), nil)
	}
	leave, err := t.HostKeys.lines.take(ctx, d.address)
	if err != nil {
		return nil, d.fail(inventory.ProblemBusy, "another session of this program was still open when the time for the poll was over", err)
	}
	s, err := d.patiently(ctx)
	if err != nil {
		leave()
		return nil, err
	}
	s.leaveLine = leave
	return s, nil
}

// patiently dials once more where the device was busy, for a line is free as
// soon as somebody leaves; not after a password was shown, as that try may
// count as a failed one.
func (d *dialer) patiently(ctx context.Context) (*Session, error) {
	l := &d.target.HostKeys.lines
	if until := l.rests(d.address, time.Now()); !until.IsZero() {
		return nil, d.fail(inventory.ProblemBusy, fmt.Sprintf("the device was busy or blocked logins a moment ago: it is left alone until %s", until.UTC().Format("15:04:05 UTC")), nil)
	}
	s, err := d.dial(ctx)
	if KindOf(err) == inventory.ProblemBusy && !d.shown && pause(ctx, min(d.target.limits.busy, d.target.Timeout)) {
		d.log.Info("ssh is busy, trying once more", "error", err)
		s, err = d.dial(ctx)
	}
	l.note(d.address, KindOf(err) == inventory.ProblemBusy, time.Now())
	return s, err
}

// pause waits, and says whether there is time left.
func pause(ctx context.Context, t time.Duration) bool {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func enableSecret(c Credential) (string, error) {
	if !c.Enable.IsSet() {
		return "", nil
	}
	return c.Enable.Value()
}

// dialer is one attempt to get a session; it may connect twice.
type dialer struct {
	target           Target
	log              *slog.Logger
	address          string
	password, enable string
	shown            bool // the password was sent
	weakKey          int  // bits of a host key that is too short, 0 for others
	offered          offers
}

func (d *dialer) fail(kind inventory.ProblemKind, message string, cause error) *Error {
	return &Error{Kind: kind, Address: d.target.Address, Message: message, cause: cause}
}

func (d *dialer) dial(ctx context.Context) (*Session, error) {
	client, err := d.handshake(ctx, modern())
	old := false
	if tooOld(err) && d.target.Credential.Legacy {
		d.log.Info("device has no modern ssh algorithms, trying old ones")
		old = true
		client, err = d.handshake(ctx, legacy())
	}
	if err != nil {
		return nil, d.explain(ctx, err)
	}
	s := newSession(client, d, old)
	if err := s.start(ctx); err != nil {
		_ = s.abandon() // the first error is the one to tell
		return nil, err
	}
	return s, nil
}

// tooOld says that old algorithms may help: there is none in common, or the
// device answers group exchange with a group that Go finds too small.
func tooOld(err error) bool {
	var none *ssh.AlgorithmNegotiationError
	return errors.As(err, &none) || err != nil && strings.Contains(err.Error(), "gex p is out of range")
}

// handshake is TCP, key exchange with the check of the host key, and login.
func (d *dialer) handshake(ctx context.Context, a algorithms) (*connection, error) {
	dial := net.Dialer{Timeout: d.target.Timeout}
	raw, err := dial.DialContext(ctx, "tcp", d.address)
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: raw, limit: d.target.limits.receive, end: time.Now().Add(d.target.limits.session)}
	// Time-outs of ssh.ClientConfig cover TCP alone.
	if err := raw.SetDeadline(time.Now().Add(max(2*d.target.Timeout, d.target.limits.login))); err != nil {
		_ = raw.Close()
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	config, err := d.config(a, raw.RemoteAddr())
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	conn, channels, requests, err := ssh.NewClientConn(c, d.address, config)
	d.offered = readOffers(c.beginning())
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	c.client = ssh.NewClient(conn, channels, requests)
	if !stop() {
		_ = c.client.Close()
		return nil, context.Cause(ctx)
	}
	if err := raw.SetDeadline(c.end); err != nil {
		_ = c.client.Close()
		return nil, err
	}
	return c, nil
}

func (d *dialer) config(a algorithms, remote net.Addr) (*ssh.ClientConfig, error) {
	hostKeys, err := d.target.HostKeys.algorithms(d.address, remote, a.hostKeys)
	if err != nil {
		return nil, err
	}
	banner := 0
	return &ssh.ClientConfig{
		Config:            ssh.Config{Ciphers: a.ciphers, MACs: a.macs, KeyExchanges: a.keyExchanges},
		User:              d.target.Credential.User,
		HostKeyAlgorithms: hostKeys,
		HostKeyCallback: func(address string, remote net.Addr, key ssh.PublicKey) error {
			if d.weakKey = weakKey(key); d.weakKey > 0 && !d.target.Credential.Legacy {
				return d.fail(inventory.ProblemLegacyCrypto, fmt.Sprintf("the device's SSH key is RSA of %d bits, which can be broken. No password was sent. %s", d.weakKey, newKeyHint), nil)
			}
			v, err := d.target.HostKeys.check(address, remote, key)
			if v == keyPinned && err == nil {
				d.log.Info("pinned the ssh key of a new device", "fingerprint", ssh.FingerprintSHA256(key), "type", key.Type())
			}
			return err
		},
		BannerCallback: func(message string) error {
			if banner += len(message); banner > d.target.limits.banner {
				return errBanner
			}
			return nil
		},
		Auth: []ssh.AuthMethod{
			ssh.PasswordCallback(func() (string, error) { d.shown = true; return d.password, nil }),
			ssh.KeyboardInteractive(func(_, _ string, questions []string, echos []bool) ([]string, error) {
				return d.answers(questions, echos)
			}),
		},
	}, nil
}

var (
	errBanner  = errors.New("the banner is too long")
	errRefused = errors.New("the password was refused before")
	errExpired = errors.New("the device wants a new password")
)

// answers gives the password to questions that do not show what is typed, and
// nothing to others. It gives it once: another try would count towards a
// lock-out. Nothing is ever given to those who ask for a new password.
func (d *dialer) answers(questions []string, echos []bool) ([]string, error) {
	answers := make([]string, len(questions))
	for i, q := range questions {
		if wantsNew.MatchString(q) {
			return nil, errExpired
		}
		if i < len(echos) && echos[i] {
			continue
		}
		if d.shown {
			return nil, errRefused
		}
		d.shown = true
		answers[i] = d.password
	}
	return answers, nil
}

// connection counts what is received, so that no peer can send without end.
type connection struct {
	net.Conn
	client   *ssh.Client
	end      time.Time
	limit    int64
	received atomic.Int64

	mu    sync.Mutex
	begun bool   // what follows is of no interest
	first []byte // what came first, at most maxOffers
}

// beginning returns what the peer sent first, and lets go of it.
func (c *connection) beginning() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := c.first
	c.first, c.begun = nil, true
	return first
}

var errTooMuch = errors.New("the peer sent too much")

// Read implements net.Conn.
func (c *connection) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	if keep := min(n, maxOffers-len(c.first)); !c.begun && keep > 0 {
		c.first = append(c.first, p[:keep]...)
	}
	c.mu.Unlock()
	if c.received.Add(int64(n)) > c.limit {
		return n, errTooMuch
	}
	return n, err
}
