// Package identity keeps who the agent is at its collector. With a join token it
// makes a key, and gets the agent's first credential for it; it renews the
// credential in time, also one that has expired long ago, and keeps all that in
// one file of the agent's data folder. What the credential is shown for is
// package upload's business, and how the collector is believed is dial's.
package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"rollcall/agent/internal/dial"
	"rollcall/pkg/config"
	"rollcall/pkg/wire"
)

// Options of a Keeper.
type Options struct {
	Dir     string        // the agent's data folder
	URL     string        // of the collector; "" for the one that was joined
	Token   config.Secret // a join token, or a static token; may be missing
	Agent   string        // the agent's name for itself
	Version string        // of the program
	Trust   dial.Trust    // but for pin and key, which are the identity's own
	Log     *slog.Logger
	Now     func() time.Time
	// After and Rand stand for time.After and rand.Float64.
	After func(time.Duration) <-chan time.Time
	Rand  func() float64
}

// A Keeper knows the agent's credential. While Run runs, it sees to it that
// there is one.
type Keeper struct {
	opt     Options
	log     *slog.Logger
	renewed chan struct{}
	wake    chan struct{}

	mu      sync.Mutex
	file    file
	written time.Time // of the file, when it was read or written
	damaged error     // of the file; nil when it can be used
	problem string    // why there is no credential, or not the next one; "" for none
	refused string    // a token that the collector does not know
	attempt attempt

	clients sync.Mutex
	client  *http.Client
	of      bond // of client
}

// A bond is what ties an agent and its collector, each by a key of its own.
type bond struct {
	pin  string // of the collector's; "" for none
	seed string // of the agent's; "" before it has joined
}

// New reads the identity in the folder. It writes nothing.
func New(opt Options) *Keeper {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.After == nil {
		opt.After = time.After
	}
	if opt.Rand == nil {
		opt.Rand = mathrand.Float64
	}
	k := &Keeper{opt: opt, log: opt.Log, renewed: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.load()
	return k
}

// load reads the file. The caller holds mu.
func (k *Keeper) load() {
	k.file, k.damaged = read(k.opt.Dir)
	k.problem = ""
	if k.damaged != nil {
		k.problem = k.damaged.Error()
	}
	k.written = modified(k.opt.Dir)
}

func modified(dir string) time.Time {
	info, err := os.Stat(path(dir))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// configured is what collector.token says: at most one of a join token and a
// static one.
func (k *Keeper) configured() (join wire.JoinToken, static string, err error) {
	if !k.opt.Token.IsSet() {
		return wire.JoinToken{}, "", nil
	}
	text, err := k.opt.Token.Value()
	if err != nil {
		return wire.JoinToken{}, "", fmt.Errorf("cannot resolve collector.token: %w", err)
	}
	if !wire.IsJoinToken(text) {
		return wire.JoinToken{}, text, nil
	}
	join, err = wire.ParseJoinToken(text)
	if err != nil {
		err = fmt.Errorf("cannot use collector.token: %w", err)
	}
	return join, "", err
}

// ErrNoIdentity is returned for an agent that has neither joined nor a token.
var ErrNoIdentity = errors.New("this agent has not joined a collector, and collector.token is not set: make a join token with rollcall-collector token create, " +
	"and write it into a file that collector.token names, or run rollcall-agent join URL TOKEN")

// Token is what to show the collector. It implements upload.Credential.
func (k *Keeper) Token() (string, error) {
	_, static, err := k.configured()
	if static != "" {
		return static, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.file.has():
		return k.file.Token, nil // a join token that was used may be gone
	case k.problem != "":
		return "", fmt.Errorf("this agent has not joined yet: %s", k.problem)
	case err != nil:
		return "", err
	case !k.opt.Token.IsSet():
		return "", ErrNoIdentity
	}
	return "", errors.New("this agent has not joined yet")
}

// Refused is told that the collector does not know the token. It implements
// upload.Credential.
func (k *Keeper) Refused(token string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file.has() && token == k.file.Token {
		k.refused = token
		signal(k.wake)
	}
}

// Renewed receives a value when there is another token. It implements
// upload.Credential.
func (k *Keeper) Renewed() <-chan struct{} { return k.renewed }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // one that is not received yet stands for this one
	}
}

// URL is where the collector is, without a slash at its end.
func (k *Keeper) URL() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.url()
}

func (k *Keeper) url() string {
	if k.opt.URL != "" {
		return strings.TrimSuffix(k.opt.URL, "/")
	}
	return k.file.URL
}

// Client returns a client that believes the collector which the agent has
// joined, also when it joins another.
func (k *Keeper) Client() (*http.Client, error) {
	c, err := dial.NewClient(k.opt.Trust)
	if err != nil {
		return nil, err
	}
	return &http.Client{CheckRedirect: c.CheckRedirect, Transport: transport{k}}, nil
}

type transport struct{ *Keeper }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	c, err := t.current()
	if err != nil {
		return nil, err
	}
	return c.Transport.RoundTrip(r)
}

// CloseIdleConnections is for http.Client's method of this name.
func (t transport) CloseIdleConnections() {
	t.clients.Lock()
	defer t.clients.Unlock()
	if t.client != nil {
		t.client.CloseIdleConnections()
	}
}

// current is the client for the bond of now.
func (k *Keeper) current() (*http.Client, error) {
	k.mu.Lock()
	of := bond{k.file.Pin, string(k.file.Key)}
	k.mu.Unlock()
	k.clients.Lock()
	defer k.clients.Unlock()
	if k.client != nil && k.of == of {
		return k.client, nil
	}
	c, err := k.clientFor(of)
	if err != nil {
		return nil, err
	}
	if k.client != nil {
		k.client.CloseIdleConnections()
	}
	k.client, k.of = c, of
	return c, nil
}

func (k *Keeper) clientFor(b bond) (*http.Client, error) {
	trust := k.opt.Trust
	trust.Pin = b.pin
	if b.seed != "" {
		trust.Key = ed25519.NewKeyFromSeed([]byte(b.seed))
	}
	return dial.NewClient(trust)
}

// Exists says that there is an identity in the folder, whether or not it can be
// used.
func Exists(dir string) bool {
	_, err := os.Lstat(path(dir))
	return err == nil
}

// Join joins with a token, and replaces who the agent was before. The errors
// are for people. An answer that is lost costs nothing: the same token is good
// for the same key, which is kept.
func (k *Keeper) Join(ctx context.Context, token wire.JoinToken) error {
	if err := k.repair(); err != nil {
		return err
	}
	by := hashOf(token.Secret)
	k.mu.Lock()
	next := k.file
	url := k.url()
	k.mu.Unlock()
	if next.Joining == nil || next.Joining.By != by {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return fmt.Errorf("cannot make a key: %w", err)
		}
		next.Joining = &joining{By: by, Key: key.Seed()}
		if err := k.save(next); err != nil {
			return err
		}
	}
	client, err := k.clientFor(bond{pin: token.Pin})
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	key := ed25519.NewKeyFromSeed(next.Joining.Key)
	c, err := k.timed(func(at time.Time) (wire.Credential, error) {
		return k.ask(ctx, client, url+wire.JoinPath, wire.NewJoin(token.Secret, key, k.opt.Agent, k.opt.Version, at))
	})
	if err != nil {
		return err
	}
	joined := file{URL: url, Pin: token.Pin, Key: next.Joining.Key, JoinedBy: by}
	return k.save(k.with(joined, c))
}

// renew gets the next credential.
func (k *Keeper) renew(ctx context.Context) error {
	client, err := k.current()
	if err != nil {
		return err
	}
	k.mu.Lock()
	f, url := k.file, k.url()
	k.mu.Unlock()
	key := ed25519.NewKeyFromSeed(f.Key)
	c, err := k.timed(func(at time.Time) (wire.Credential, error) {
		return k.ask(ctx, client, url+wire.RenewPath, wire.NewRenewal(f.AgentID, key, k.opt.Version, at))
	})
	if err != nil {
		return err
	}
	return k.save(k.with(f, c))
}

// timed makes a request by this machine's clock, and by the collector's where
// that is too far away: an agent whose clock was never set joins all the same.
func (k *Keeper) timed(request func(at time.Time) (wire.Credential, error)) (wire.Credential, error) {
	c, err := request(k.opt.Now())
	if r, ok := errors.AsType[refusal](err); ok && r.code == wire.CodeClock && !r.time.IsZero() {
		k.log.Warn("the clock of this machine differs from the collector's", "here", k.opt.Now().UTC().Format(time.RFC3339), "collector", r.time.UTC().Format(time.RFC3339))
		c, err = request(r.time)
	}
	return c, err
}

// with puts a credential into an identity. Its times are by this machine's
// clock, as is when they are looked at.
func (k *Keeper) with(f file, c wire.Credential) file {
	now := k.opt.Now().UTC().Truncate(time.Second)
	f.AgentID, f.Organization, f.Site, f.Agent, f.Token = c.AgentID, c.Organization, c.Site, c.Agent, c.Token
	f.Issued, f.Expires, f.Renew = now, now.Add(time.Duration(c.ExpiresIn)*time.Second), now.Add(time.Duration(c.RenewIn)*time.Second)
	return f
}

// save keeps an identity and uses it. One that cannot be written is not used:
// what the collector knows and what is on disk would part.
func (k *Keeper) save(f file) error {
	if err := f.write(k.opt.Dir); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	other := f.Token != k.file.Token
	k.file, k.damaged, k.refused, k.written = f, nil, "", modified(k.opt.Dir)
	if other {
		k.problem = ""
		signal(k.renewed)
	}
	return nil
}

// repair sets a damaged file aside, so that another can be written.
func (k *Keeper) repair() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var d damage
	if k.damaged == nil || !errors.As(k.damaged, &d) {
		return k.damaged
	}
	name, err := setAside(k.opt.Dir, k.opt.Now())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w, and it cannot be replaced: %w", k.damaged, err)
	}
	k.log.Error("the agent's identity is damaged, set aside", "file", name, "error", k.damaged)
	k.problem = k.damaged.Error() + ": it was set aside; make a new join token with rollcall-collector token create --replace"
	k.damaged = nil
	return nil
}
