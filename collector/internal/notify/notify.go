// Package notify tells people and programs what changed: mails about an
// organization, weekly and after changes, and webhooks for findings that were
// opened and resolved. Both are off until they are set up.
//
// What is to be told is in the store, written with the change itself, and stays
// there until a receiver has taken it: everything is told at least once, also
// when the collector is killed at any moment, and by one of several collectors
// on one database. What a finding is and says is decided by reconcile; here it is
// only carried.
package notify

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

const (
	// pollInterval is how often it is looked for something to tell.
	pollInterval = 2 * time.Second
	// calm is how many times longer it takes for what has no hurry.
	calm = 5
	// batch is how many messages of a webhook are claimed at once, and workers
	// how many are sent at once: all of them end well within their lease.
	batch   = 8
	workers = 4
	// lease and mailLease are how long what was claimed is left alone when its
	// process died.
	lease     = time.Minute
	mailLease = 5 * time.Minute
	// Waits after failures are a random part of a time that doubles.
	firstWait = 10 * time.Second
	longWait  = 15 * time.Minute
	leastWait = time.Second
	// grace is how long what is under way may take once the collector stops: what
	// is broken off may have arrived, and would be sent again.
	grace = 4 * time.Second
)

// Settings say who is told and how.
type Settings struct {
	URL         string        // where people open the collector; "" makes no links
	GiveUpAfter time.Duration // age of a change that was not told in spite of attempts
	Allow       []netip.Prefix
	Mail        Mail
	Webhooks    []Webhook
}

// Receivers are those who are told of changes in an organization, by the names
// that the store knows them by.
func (s Settings) Receivers(o store.Organization) []string {
	var names []string
	if len(s.Mail.to(o)) > 0 {
		names = append(names, store.MailReceiver)
	}
	for _, h := range s.Webhooks {
		if len(h.Organizations) == 0 || slices.ContainsFunc(h.Organizations, o.Is) {
			names = append(names, h.Name)
		}
	}
	return names
}

// names are all receivers.
func (s Settings) names() []string {
	var all []string
	if s.Mail.Server != "" {
		all = append(all, store.MailReceiver)
	}
	for _, h := range s.Webhooks {
		all = append(all, h.Name)
	}
	return all
}

// Options are what a notifier gets from its surroundings.
type Options struct {
	Store    *store.Store // opened with Settings.Receivers
	Settings Settings
	Judge    func() reconcile.Settings // by which findings are made
	Version  string
	Log      *slog.Logger
	Metrics  *Metrics // of all notifiers that follow one another
	Now      func() time.Time

	Poll     time.Duration  // 0 is pollInterval
	Rand     func() float64 // of [0, 1); nil is math/rand
	Resolver *net.Resolver  // of webhooks' names; nil is the system's
}

// A Notifier does nothing until Run.
type Notifier struct {
	o       Options
	client  *http.Client
	metrics *Metrics
}

// New returns a notifier for the settings.
func New(o Options) *Notifier {
	if o.Poll == 0 {
		o.Poll = pollInterval
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	return &Notifier{o: o, client: guard{o.Settings.Allow}.client(o.Resolver), metrics: o.Metrics}
}

// Run tells what is to be told until the context ends, and returns when nothing
// is under way any more.
func (n *Notifier) Run(ctx context.Context) {
	n.metrics.begin(n.o.Settings.names())
	var all sync.WaitGroup
	defer n.client.CloseIdleConnections()
	defer all.Wait()
	all.Go(func() { n.every(ctx, calm*n.o.Poll, n.sweep) })
	if n.o.Settings.Mail.Server != "" {
		all.Go(func() { n.every(ctx, calm*n.o.Poll, n.mails) })
	}
	for _, h := range n.o.Settings.Webhooks {
		all.Go(func() {
			n.every(ctx, n.o.Poll, func(ctx context.Context, failures int) (bool, time.Duration) { return n.tell(ctx, h, failures) })
		})
	}
}

// every runs do until the context ends. It says whether there may be more to do
// at once, or how long to wait at least after a failure.
func (n *Notifier) every(ctx context.Context, poll time.Duration, do func(ctx context.Context, failures int) (more bool, rest time.Duration)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	failures := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		more, rest := do(ctx, failures)
		switch {
		case rest > 0:
			failures++
			timer.Reset(rest)
		case more:
			failures = 0
			timer.Reset(0)
		default:
			timer.Reset(poll)
		}
	}
}

// backoff is a random part of a time that doubles with each failure ("full
// jitter"), so that what failed together does not come back together.
func (n *Notifier) backoff(failures int) time.Duration {
	most := min(firstWait<<min(failures, 20), longWait)
	return max(time.Duration(n.o.Rand()*float64(most)), leastWait)
}

// tell sends a webhook what is next. It rests when the receiver itself is in
// trouble, so that what waits is not tried one by one.
func (n *Notifier) tell(ctx context.Context, h Webhook, failures int) (more bool, rest time.Duration) {
	notices, err := n.o.Store.ClaimNotices(ctx, h.Name, batch, lease)
	if err != nil {
		return false, n.trouble(ctx, "cannot look for messages to send", h.Name, err, failures)
	}
	if len(notices) == 0 {
		return false, 0
	}
	names, err := n.names(ctx)
	if err != nil {
		n.release(ctx, notices)
		return false, n.trouble(ctx, "cannot read organizations", h.Name, err, failures)
	}
	var mu sync.Mutex // of what follows
	var skipped []store.Notice
	next := make(chan store.Notice, len(notices))
	for _, x := range notices {
		next <- x
	}
	close(next)
	var all sync.WaitGroup
	for range min(workers, len(notices)) {
		all.Go(func() {
			for x := range next {
				mu.Lock()
				stop := rest > 0 || ctx.Err() != nil
				if stop {
					skipped = append(skipped, x)
				}
				mu.Unlock()
				if stop {
					continue
				}
				wait := n.one(ctx, h, x, names[x.Finding.Organization], failures)
				mu.Lock()
				rest = max(rest, wait)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	n.release(ctx, skipped)
	return true, rest
}

// one sends one message, notes how that ended, and returns how long the receiver
// is to be left alone.
func (n *Notifier) one(ctx context.Context, h Webhook, x store.Notice, o store.Organization, failures int) (rest time.Duration) {
	sending, end := graceful(ctx)
	defer end()
	err := h.post(sending, n.client, newMessage(x, o, n.o.Settings.URL), n.o.Now(), n.agent())
	// What was sent is noted although the collector stops: it would be sent again.
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), mailTime)
	defer cancel()
	if err == nil {
		n.metrics.sent.WithLabelValues(h.Name).Inc()
		if err := n.o.Store.NoticesSent(keep, h.Name, x.ID); err != nil {
			return n.trouble(ctx, "cannot note that a message was sent, it will be sent again", h.Name, err, failures)
		}
		return 0
	}
	if sending.Err() != nil {
		n.release(ctx, []store.Notice{x})
		return 0
	}
	n.metrics.failed.WithLabelValues(h.Name).Inc()
	wait := n.backoff(x.Attempts)
	rest = n.backoff(failures)
	if r, ok := errors.AsType[*refusal](err); ok {
		wait = max(wait, r.after)
		rest = max(rest, r.after)
		if r.own {
			rest = 0
		}
	}
	n.o.Log.WarnContext(ctx, "a webhook did not take a message, will try again", "webhook", h.Name, "event", x.Event, "organization", o.ID, "attempts", x.Attempts+1,
		"wait", wait, "error", err)
	if err := n.o.Store.NoticeFailed(keep, h.Name, x.ID, n.o.Now().Add(wait), err.Error()); err != nil {
		return n.trouble(ctx, "cannot note that a message was not taken", h.Name, err, failures)
	}
	return rest
}

// graceful returns a context that ends some time after ctx.
func graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	after, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return after, func() { stop(); cancel() }
}

// release gives back what was claimed and not tried.
func (n *Notifier) release(ctx context.Context, notices []store.Notice) {
	if len(notices) == 0 {
		return
	}
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), mailTime)
	defer cancel()
	ids := make([]int64, len(notices))
	for i, x := range notices {
		ids[i] = x.ID
	}
	if err := n.o.Store.ReleaseNotices(keep, ids...); err != nil {
		n.o.Log.ErrorContext(ctx, "cannot give back messages, they are sent when their lease ends", "error", err)
	}
}

// trouble logs what keeps the notifier from its work, but not that it was
// stopped, and returns how long to wait.
func (n *Notifier) trouble(ctx context.Context, message, receiver string, err error, failures int) time.Duration {
	if ctx.Err() == nil {
		n.o.Log.ErrorContext(ctx, message, "receiver", receiver, "error", err) //nolint:sloglint // constant at each call
	}
	return n.backoff(failures)
}

func (n *Notifier) names(ctx context.Context) (map[string]store.Organization, error) {
	all, err := n.o.Store.Organizations(ctx)
	if err != nil {
		return nil, err
	}
	names := make(map[string]store.Organization, len(all))
	for _, o := range all {
		names[o.ID] = o
	}
	return names, nil
}

func (n *Notifier) agent() string { return "rollcall/" + n.o.Version }

// sweep gives up what is too old, and measures what waits.
func (n *Notifier) sweep(ctx context.Context, failures int) (more bool, rest time.Duration) {
	now := n.o.Now()
	dropped, err := n.o.Store.GiveUpNotices(ctx, now.Add(-n.o.Settings.GiveUpAfter), n.o.Settings.names())
	if err != nil {
		return false, n.trouble(ctx, "cannot give up old messages", "", err, failures)
	}
	for receiver, count := range dropped {
		n.o.Log.ErrorContext(ctx, "changes of findings were not told and are given up: see what is open on the pages or by the API",
			"receiver", receiver, "changes", count, "give_up_after", n.o.Settings.GiveUpAfter)
		n.metrics.gaveUp(receiver, count)
	}
	states, err := n.o.Store.Receivers(ctx)
	if err != nil {
		return false, n.trouble(ctx, "cannot measure what waits", "", err, failures)
	}
	n.metrics.measure(n.o.Settings.names(), states)
	return false, 0
}
