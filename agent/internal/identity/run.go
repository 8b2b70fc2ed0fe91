package identity

import (
	"context"
	"errors"
	"time"

	"rollcall/pkg/wire"
)

const (
	// tick is how often the clock, the token in the configuration and the file
	// are looked at: a clock may be set, a file may be written, and the machine
	// may have slept.
	tick = 30 * time.Second
	// Waiting times after a failure, at random up to a time that doubles.
	retryBase = 2 * time.Second
	retryCap  = 10 * time.Minute
	// refusedFirst is the first wait after the collector said no in its own
	// words; it doubles up to refusedCap.
	refusedFirst = time.Minute
	refusedCap   = time.Hour
)

// An attempt is what was tried last, and failed.
type attempt struct {
	what     string // "join" and the hash of a token, or "renew"
	failures int
	next     time.Time
}

// Run joins when there is a token for it, and renews the credential when it is
// time, until ctx ends. Failures are logged, shown by Status and tried again.
// It returns nil.
func (k *Keeper) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		wait := k.step(ctx)
		select {
		case <-k.wake:
		case <-k.opt.After(wait):
		case <-ctx.Done():
		}
	}
	return nil
}

// step does what is due, and returns when to look again.
func (k *Keeper) step(ctx context.Context) time.Duration {
	k.reload()
	if err := k.repair(); err != nil {
		k.fail("repair", err)
		return tick
	}
	what, do := k.due()
	if do == nil {
		return tick
	}
	k.mu.Lock()
	wait := k.attempt.next.Sub(k.opt.Now())
	other := k.attempt.what != what
	k.mu.Unlock()
	if wait > 0 && !other && wait <= refusedCap*2 {
		return min(wait, tick)
	}
	err := do(ctx)
	if ctx.Err() != nil {
		return 0
	}
	if err != nil {
		return min(k.fail(what, err), tick)
	}
	k.mu.Lock()
	k.attempt = attempt{}
	f := k.file
	k.mu.Unlock()
	k.log.Info("agent has a credential", "organization", f.Organization, "site", f.Site, "name", f.Agent, "collector", f.URL, "valid_until", f.Expires.Format(time.RFC3339))
	return 0
}

// due is what there is to do now, and nil for nothing.
func (k *Keeper) due() (what string, do func(context.Context) error) {
	token, static, err := k.configured()
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case static != "":
		k.problem = ""
		return "", nil
	case err != nil && !k.file.has():
		k.problem = err.Error()
		return "", nil
	case err == nil && token.Secret != "" && hashOf(token.Secret) != k.file.JoinedBy:
		return "join " + hashOf(token.Secret), func(ctx context.Context) error { return k.Join(ctx, token) }
	case k.file.has() && (k.refused == k.file.Token || !k.opt.Now().Before(k.file.Renew)):
		return "renew", k.renew
	}
	return "", nil
}

// fail notes why something was not done, and returns how long to wait.
func (k *Keeper) fail(what string, err error) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.attempt.what != what {
		k.attempt = attempt{what: what}
	}
	wait := max(time.Duration(k.opt.Rand()*float64(doubled(retryBase, retryCap, k.attempt.failures))), 100*time.Millisecond)
	if r, ok := errors.AsType[refusal](err); ok && r.final() {
		wait = doubled(refusedFirst, refusedCap, k.attempt.failures)
		wait += time.Duration(k.opt.Rand() * float64(wait) / 10)
		if r.code == wire.CodeUsed && k.file.has() {
			// The token is of no use to the agent, which has a credential.
			wait = refusedCap
		}
	}
	k.attempt.failures++
	k.attempt.next = k.opt.Now().Add(wait)
	k.problem = err.Error()
	k.log.Warn("agent has no new credential, what it reads is kept", "error", err, "next_try_in", wait.Round(100*time.Millisecond).String())
	return wait
}

func doubled(base, limit time.Duration, n int) time.Duration {
	for range n {
		if base >= limit {
			break
		}
		base *= 2
	}
	return min(base, limit)
}

// reload reads the file again when another program has written it, as
// rollcall-agent join does.
func (k *Keeper) reload() {
	k.mu.Lock()
	defer k.mu.Unlock()
	// One that has vanished is of no less use to who has read it.
	if at := modified(k.opt.Dir); at.IsZero() || at.Equal(k.written) {
		return
	}
	before := k.file.Token
	k.load()
	if k.file.Token != before {
		k.attempt = attempt{}
		signal(k.renewed)
	}
}

// Status says how the identity stands. It holds no secret.
type Status struct {
	State        string    `json:"state"` // one of the states below
	AgentID      string    `json:"agent_id"`
	Organization string    `json:"organization"`
	Site         string    `json:"site"`
	Agent        string    `json:"agent"` // its name at the collector
	URL          string    `json:"url"`
	Pin          string    `json:"pin"` // of the collector's key; "" for none
	ValidUntil   time.Time `json:"valid_until"`
	RenewAt      time.Time `json:"renew_at"`
	// Problem says why there is no credential, or not the next one.
	Problem string `json:"problem"`
}

// States of an identity.
const (
	Joined  = "joined"
	Joining = "joining" // there is a join token that was not used yet
	Static  = "static"  // with a token that is neither joined with nor renewed
	None    = "none"
)

// Status returns how the identity stands now.
func (k *Keeper) Status() Status {
	token, static, _ := k.configured() // an error of it is told by problem
	k.mu.Lock()
	defer k.mu.Unlock()
	s := Status{State: None, URL: k.url(), Problem: k.problem}
	switch {
	case static != "":
		s.State, s.Problem = Static, ""
	case k.file.has():
		f := k.file
		s = Status{
			State: Joined, AgentID: f.AgentID, Organization: f.Organization, Site: f.Site, Agent: f.Agent, URL: k.url(), Pin: f.Pin,
			ValidUntil: f.Expires, RenewAt: f.Renew, Problem: k.problem,
		}
	case token.Secret != "":
		s.State, s.Pin = Joining, token.Pin
	}
	return s
}
