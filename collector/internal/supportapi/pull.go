package supportapi

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"rollcall/collector/internal/store"
)

const (
	// idle is how often it is looked for something to ask.
	idle = 5 * time.Minute
	// again is when a call that failed is asked again, after others.
	again = 15 * time.Minute
	// authRest and entitlementRest are how long an account, or one of its APIs,
	// rests when Cisco does not take it: a person has to act first.
	authRest        = time.Hour
	entitlementRest = 24 * time.Hour
	// longRest bounds the rest after failures, which doubles from a minute.
	longRest = time.Hour
	// leaseTime is when another collector on the same database takes over the
	// account of one that died. It is longer than idle, so that one keeps it.
	leaseTime = 3 * idle
)

// A keeper knows what to ask and keeps the answers; store.Store is one.
type keeper interface {
	Organizations(ctx context.Context) ([]store.Organization, error)
	SupportDue(ctx context.Context, org string, api store.SupportAPI, users []string, limit int) (due []string, all int, err error)
	SaveSupport(ctx context.Context, org, account string, api store.SupportAPI, answers []store.SupportAnswer) error
	DelaySupport(ctx context.Context, org, account string, api store.SupportAPI, subjects []string, due time.Time, problem string) error
	SharedProduct(ctx context.Context, account, pid string) (store.SupportAnswer, bool, error)
	CountSupportCall(ctx context.Context, account string, most int) (bool, error)
	Lease(ctx context.Context, name string, d time.Duration) (bool, error)
}

// PullerOptions say what one account is asked for.
type PullerOptions struct {
	Store  keeper
	Client *Client
	// Organizations are asked for, by name or ID; none are all but Except,
	// which have accounts of their own.
	Organizations, Except []string
	APIs                  []store.SupportAPI
	RMAUsers              []string // whose RMAs are asked for; with one organization only
	PerDay                int      // calls
	// Refresh is the age at which an answer on coverage is asked for again,
	// EoXRefresh and RMARefresh those of the others.
	Refresh, EoXRefresh, RMARefresh time.Duration
	Log                             *slog.Logger
	Metrics                         *Metrics
}

// A Puller asks for what is due with one account: one call at a time, and of each
// organization one call's worth in its turn. What was asked and when is in the
// store, so that a restart goes on where it was.
type Puller struct {
	o        PullerOptions
	account  string
	now      func() time.Time
	rest     map[store.SupportAPI]time.Time // "" for all
	failures map[store.SupportAPI]int       // in a row
	leased   time.Time                      // when the lease was last renewed
}

// NewPuller returns a puller that does nothing until Run.
func NewPuller(o PullerOptions) *Puller {
	p := &Puller{o: o, account: o.Client.o.Account, now: o.Client.o.Now, rest: map[store.SupportAPI]time.Time{}, failures: map[store.SupportAPI]int{}}
	o.Client.before = func(ctx context.Context) error {
		allowed, err := o.Store.CountSupportCall(ctx, p.account, o.PerDay)
		if err == nil && !allowed {
			err = &Error{Kind: Quota, Text: "as many calls were made today as per_day allows"}
		}
		return err
	}
	o.Client.after = func(api store.SupportAPI, err error) { o.Metrics.called(p.account, api, err, p.now()) }
	o.Metrics.begin(p.account, o.APIs)
	return p
}

// Run asks until the context ends.
func (p *Puller) Run(ctx context.Context) {
	defer p.o.Client.Close()
	for ctx.Err() == nil {
		asked, err := p.round(ctx)
		if err != nil && ctx.Err() == nil {
			p.o.Log.ErrorContext(ctx, "cannot see what to ask Cisco for, will try again", "account", p.account, "error", err)
		}
		if asked == 0 || err != nil {
			_ = p.o.Client.o.Wait(ctx, idle) // the loop asks the context
		}
	}
}

// round gives each organization one turn and returns the number of subjects
// that were asked for.
func (p *Puller) round(ctx context.Context) (asked int, err error) {
	if mine, err := p.lease(ctx); err != nil || !mine {
		return 0, err
	}
	orgs, err := p.o.Store.Organizations(ctx)
	if err != nil {
		return 0, err
	}
	waiting := map[store.SupportAPI]int{}
	for _, org := range orgs {
		if !p.mine(org) {
			continue
		}
		if mine, err := p.lease(ctx); err != nil || !mine {
			return asked, err
		}
		for _, api := range p.o.APIs {
			n, left, err := p.step(ctx, org.ID, api)
			if err != nil {
				return asked, err
			}
			asked += n
			waiting[api] += left
		}
	}
	for _, api := range p.o.APIs {
		p.o.Metrics.waiting(p.account, api, waiting[api])
	}
	return asked, nil
}

// lease says that no other collector asks with the account.
func (p *Puller) lease(ctx context.Context) (bool, error) {
	if now := p.now(); now.Sub(p.leased) < idle && !now.Before(p.leased) {
		return true, nil
	}
	taken, err := p.o.Store.Lease(ctx, "support "+p.account, leaseTime)
	if taken {
		p.leased = p.now()
	}
	return taken, err
}

func (p *Puller) mine(org store.Organization) bool {
	if len(p.o.Organizations) > 0 {
		return slices.ContainsFunc(p.o.Organizations, org.Is)
	}
	return !slices.ContainsFunc(p.o.Except, org.Is)
}

// step makes one call for an organization where something is due, and returns
// for how many subjects, and how many are left. Its error is the store's; those
// of the API are noted and end here.
func (p *Puller) step(ctx context.Context, org string, api store.SupportAPI) (asked, left int, err error) {
	due, all, err := p.o.Store.SupportDue(ctx, org, api, p.o.RMAUsers, fits(api))
	if err != nil {
		return 0, 0, err
	}
	if api == store.EoXAPI {
		due, err = p.shared(ctx, org, due)
		if err != nil {
			return 0, 0, err
		}
	}
	if len(due) == 0 || p.now().Before(p.rest[api]) || p.now().Before(p.rest[""]) {
		return 0, all, ctx.Err()
	}
	err = p.ask(ctx, org, api, due)
	var e *Error
	switch {
	case err == nil:
		p.failures[api] = 0
		return len(due), all - len(due), nil
	case ctx.Err() != nil:
		return 0, all, ctx.Err()
	case !errors.As(err, &e):
		return 0, all, err
	}
	return len(due), all, p.failed(ctx, org, api, due, e)
}

// shared takes answers on products that another organization of the account has,
// and returns the products that are still to be asked for.
func (p *Puller) shared(ctx context.Context, org string, due []string) ([]string, error) {
	var have []store.SupportAnswer
	var ask []string
	for _, pid := range due {
		a, known, err := p.o.Store.SharedProduct(ctx, p.account, pid)
		switch {
		case err != nil:
			return nil, err
		case known:
			have = append(have, a)
		default:
			ask = append(ask, pid)
		}
	}
	if len(have) == 0 {
		return ask, nil
	}
	return ask, p.o.Store.SaveSupport(ctx, org, p.account, store.EoXAPI, have)
}

// ask asks and saves. Where an input is not taken it asks for each half by
// itself, so that one does not keep the others from their answers.
func (p *Puller) ask(ctx context.Context, org string, api store.SupportAPI, subjects []string) error {
	got, err := p.o.Client.ask(ctx, api, subjects)
	if err == nil {
		return p.save(ctx, org, api, subjects, got)
	}
	var e *Error
	if !errors.As(err, &e) || e.Kind != Refused && e.Kind != TooMuch {
		return err
	}
	if len(subjects) == 1 {
		p.o.Log.WarnContext(ctx, "a question is not taken by Cisco", "account", p.account, "api", string(api), "organization", org, "subject", subjects[0], "error", e)
		return p.o.Store.DelaySupport(ctx, org, p.account, api, subjects, p.due(api), e.Error())
	}
	half := len(subjects) / 2
	if err := p.ask(ctx, org, api, subjects[:half]); err != nil {
		return err
	}
	return p.ask(ctx, org, api, subjects[half:])
}

func (p *Puller) save(ctx context.Context, org string, api store.SupportAPI, subjects []string, got answers) error {
	var all []store.SupportAnswer
	for _, s := range subjects {
		if why, bad := got.bad[s]; bad {
			if err := p.o.Store.DelaySupport(ctx, org, p.account, api, []string{s}, p.due(api), why); err != nil {
				return err
			}
			continue
		}
		all = append(all, store.SupportAnswer{Subject: s, Due: p.due(api), Content: got.known[s]})
	}
	p.o.Log.DebugContext(ctx, "answered by Cisco", "account", p.account, "api", string(api), "organization", org, "subjects", len(subjects), "unusable", len(got.bad))
	return p.o.Store.SaveSupport(ctx, org, p.account, api, all)
}

// due is when to ask again: a little early, so that what was asked at once is
// not asked at once for ever.
func (p *Puller) due(api store.SupportAPI) time.Time {
	refresh := map[store.SupportAPI]time.Duration{store.CoverageAPI: p.o.Refresh, store.EoXAPI: p.o.EoXRefresh, store.RMAAPI: p.o.RMARefresh}[api]
	return p.now().Add(refresh - rand.N(refresh/10+1)) //nolint:gosec // jitter, no secret
}

// failed notes a call without an answer and lets the account, or one of its
// APIs, rest. What was answered before stays.
func (p *Puller) failed(ctx context.Context, org string, api store.SupportAPI, subjects []string, e *Error) error {
	now := p.now()
	of := api
	var until time.Time
	switch e.Kind {
	case Quota:
		of, until = "", now.UTC().Truncate(24*time.Hour).Add(24*time.Hour+rand.N(10*time.Minute)) //nolint:gosec // jitter, no secret
		if e.RetryAfter > 0 {
			until = now.Add(e.RetryAfter)
		}
	case Unauthorized, Expired:
		of, until = "", now.Add(authRest)
	case Forbidden:
		until = now.Add(entitlementRest)
	default:
		if e.API == "" { // the token's server concerns all
			of = ""
		}
		until = now.Add(max(min(time.Minute<<min(p.failures[of], 10), longRest), e.RetryAfter))
		p.failures[of]++
	}
	p.rest[of] = until
	what := "no answer from Cisco, will ask again"
	if e.Kind == Unauthorized || e.Kind == Forbidden {
		what = "Cisco does not take the account, will ask again"
	}
	p.o.Log.WarnContext(ctx, what, "account", p.account, "api", string(api), "kind", string(e.Kind), "until", until, "error", e) //nolint:sloglint // one of two
	if e.Kind != Failed || e.API == "" {
		return nil // it was not for the subjects
	}
	// Where one subject makes Cisco fail, halves that are asked apart find it.
	half := len(subjects) / 2
	return errors.Join(p.o.Store.DelaySupport(ctx, org, p.account, api, subjects[:half], now.Add(again), e.Error()),
		p.o.Store.DelaySupport(ctx, org, p.account, api, subjects[half:], now.Add(2*again), e.Error()))
}
