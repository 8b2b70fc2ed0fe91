package agent

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"rollcall/agent/internal/dial"
	"rollcall/agent/internal/identity"
	"rollcall/pkg/wire"
)

// IdentityStatus says who an agent is at its collector.
type IdentityStatus = identity.Status

// States of an identity.
const (
	IdentityJoined  = identity.Joined
	IdentityJoining = identity.Joining // there is a join token that was not used yet
	IdentityStatic  = identity.Static  // a token that is neither joined with nor renewed
	IdentityNone    = identity.None
)

func (a *Agent) keeper() *identity.Keeper {
	c := a.cfg.Collector
	return identity.New(identity.Options{
		Dir: a.cfg.DataDir, URL: c.URL, Token: c.Token, Agent: a.cfg.Name, Version: a.opt.Version, Log: a.log, Now: a.opt.Now,
		Trust: dial.Trust{CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile},
	})
}

// newKeeper is keeper for an agent that is somebody, or can become so. One whose
// identity is damaged keeps what it reads until it has joined again.
func (a *Agent) newKeeper() (*identity.Keeper, error) {
	who := a.keeper()
	if s := who.Status(); s.State == identity.None && s.Problem == "" && !a.cfg.Collector.Token.IsSet() {
		return nil, identity.ErrNoIdentity
	}
	a.who.Store(who)
	return who, nil
}

// CheckIdentity says that the agent has not joined and cannot, or nil.
func (a *Agent) CheckIdentity() error {
	_, err := a.newKeeper()
	return err
}

// Identity is who the agent is, as its data folder says.
func (a *Agent) Identity() IdentityStatus { return a.keeper().Status() }

// Ping asks the collector whether it takes reports from this agent. With a join
// token that was not used yet it asks whether the collector is there; the token
// stays good.
func (a *Agent) Ping(ctx context.Context) error {
	who, err := a.newKeeper()
	if err != nil {
		return err
	}
	if who.Status().State == identity.Joining {
		return who.Reach(ctx)
	}
	u, err := a.newUploader(nil, who)
	if err != nil {
		return err
	}
	return u.Ping(ctx)
}

// Join joins the collector at the address with a join token, and keeps who the
// agent then is in its data folder. Whatever it was before is replaced.
func (a *Agent) Join(ctx context.Context, token string) (IdentityStatus, error) {
	t, err := wire.ParseJoinToken(strings.TrimSpace(token))
	if err != nil {
		return IdentityStatus{}, err
	}
	who := a.keeper()
	if err := who.Join(ctx, t); err != nil {
		return IdentityStatus{}, err
	}
	return who.Status(), nil
}

// CheckURL says what is wrong with an address of a collector, or nil.
func CheckURL(address string, allowPlainHTTP bool) error {
	var m mistakes
	c := CollectorConfig{URL: address, AllowPlainHTTP: allowPlainHTTP}
	c.validate(&m)
	if u, err := url.Parse(address); err == nil && plain(u) && !allowPlainHTTP {
		return fmt.Errorf("%q would send the token readable for everybody on the way: write https://, or add --allow-plain-http on a network that you trust", address)
	}
	if len(m) > 0 {
		return errors.New(strings.TrimPrefix(m[0], "collector.url: "))
	}
	return nil
}
