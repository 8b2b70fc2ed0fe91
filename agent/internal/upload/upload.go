// Package upload brings spooled reports to the collector and forgets only what
// a receipt names. It decides when to ask, when to wait and what to set aside;
// what the batch looks like is package wire's, and how reports are kept is
// package spool's.
package upload

import (
	"context"
	cryptorand "crypto/rand"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"rollcall/agent/internal/spool"
	"rollcall/pkg/wire"
)

// Waiting times after a failure.
const (
	backoffBase = time.Second
	backoffCap  = 10 * time.Minute
	backoffMin  = 100 * time.Millisecond
	// refusedWait is the wait after the collector refused the token. The agent
	// never takes itself off: a person at the collector can let it in again.
	refusedWait = time.Hour
	// refusedFirst is the first wait after a 401 or 403 that may come from a
	// proxy in between; it doubles up to refusedWait.
	refusedFirst = time.Minute
	// retryAfterCap bounds what Retry-After may ask for.
	retryAfterCap = time.Hour
)

// finishWait is how long a request in flight may go on at a stop.
const finishWait = 2 * time.Second

const (
	// firstBatch is the number of reports of the first batch. The number
	// halves when a batch does not get through and doubles when one does.
	firstBatch = 200
	// maxBatchBytes is what is read from the spool for one batch, in bytes
	// before compression: it bounds the agent's memory, and a larger batch
	// travels no better.
	maxBatchBytes = 2 << 20
)

// Options of an Uploader. Credential and Client are needed.
type Options struct {
	Credential Credential
	Client     *http.Client         // from package dial; http.DefaultClient follows redirects
	Instance   string               // of the program, as in wire.Batch
	Agent      string               // the agent's name, for people
	Version    string               // of the program
	Interval   func() time.Duration // between two polls of a node; nil does not say
	// Patience is how long to wait for an answer, beyond the time that a slow
	// link needs for the batch; 45 s by default.
	Patience time.Duration
	Log      *slog.Logger
	Now      func() time.Time
	// After and Rand stand for time.After and rand.Float64.
	After func(time.Duration) <-chan time.Time
	Rand  func() float64
	// Observe is told of each batch that was sent.
	Observe func(Attempt)
	// Pace is told how often the collector wants nodes to be polled.
	Pace func(interval time.Duration)
	// StartSpread is the time within which what a former run left is sent
	// first, at random, so that the agents that a power cut ended do not
	// come back as one.
	StartSpread time.Duration
}

// A Credential is what the uploader shows the collector, and where that is.
type Credential interface {
	// URL is where the collector is, without a slash at its end. It may be ""
	// for as long as there is no token.
	URL() string
	// Token is the bearer token of the next batch; "" for none.
	Token() (string, error)
	// Refused is told that the collector does not know the token, or no longer.
	Refused(token string)
	// Renewed receives a value when there is another token.
	Renewed() <-chan struct{}
}

// An Attempt is one batch that was sent, or could not be.
type Attempt struct {
	Reports int   // in the batch
	Bytes   int   // of its body
	Err     error // nil when a valid receipt came back
	// What the receipt said, by the number of reports.
	Stored, Duplicate, Refused int
}

// Uploader sends what is in a spool. Run and Drain may not overlap.
type Uploader struct {
	spool *spool.Spool
	opt   Options
	log   *slog.Logger

	mu       sync.Mutex // held while sending
	batch    int        // reports in the next batch
	failures int        // in a row
}

// New makes an Uploader. It sends nothing yet.
func New(s *spool.Spool, opt Options) *Uploader {
	if opt.Patience <= 0 {
		opt.Patience = 45 * time.Second
	}
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
		opt.Rand = rand.Float64
	}
	if opt.Observe == nil {
		opt.Observe = func(Attempt) {}
	}
	if opt.Pace == nil {
		opt.Pace = func(time.Duration) {}
	}
	if opt.Interval == nil {
		opt.Interval = func() time.Duration { return 0 }
	}
	return &Uploader{spool: s, opt: opt, log: opt.Log, batch: firstBatch}
}

// Run sends until ctx ends: at once when something was appended, and after a
// failure when its wait is over. A request in flight then may take finishWait
// more, so that its receipt is not lost. It returns nil.
func (u *Uploader) Run(ctx context.Context) error {
	work, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	finish := time.AfterFunc(time.Duration(math.MaxInt64), abandon)
	defer finish.Stop()
	defer context.AfterFunc(ctx, func() { finish.Reset(finishWait) })()
	u.awaitStart(ctx)
	for ctx.Err() == nil {
		empty, err := u.step(work)
		var wait <-chan time.Time
		var appended <-chan struct{}
		switch {
		case err != nil && ctx.Err() == nil:
			d := u.delay(err)
			log := u.log
			if id := asFault(err).request; id != "" {
				log = log.With("request_id", id) // by which the collector's log tells why
			}
			log.Warn("reports are not delivered, kept in the spool", "error", err, "next_try_in", d.Round(100*time.Millisecond).String())
			wait = u.opt.After(d)
		case empty:
			appended = u.spool.Appended()
		default:
			continue
		}
		select {
		case <-wait:
		case <-appended:
		case <-u.opt.Credential.Renewed():
		case <-ctx.Done():
		}
	}
	return nil
}

// awaitStart waits a random part of StartSpread where something waits to be sent.
func (u *Uploader) awaitStart(ctx context.Context) {
	st, err := u.spool.Stats(ctx)
	if err != nil || st.Items == 0 || u.opt.StartSpread <= 0 {
		return
	}
	d := time.Duration(u.opt.Rand() * float64(u.opt.StartSpread))
	u.log.Info("reports of before wait to be sent", "reports", st.Items, "sent_in", d.Round(100*time.Millisecond).String())
	select {
	case <-u.opt.After(d):
	case <-ctx.Done():
	}
}

// Drain sends until the spool is empty, and gives up at the first failure.
func (u *Uploader) Drain(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		empty, err := u.step(ctx)
		if err != nil {
			return err
		}
		if empty {
			return nil
		}
	}
}

// Ping sends a batch without reports: it holds that the address, the
// certificate, the token and the way back are right.
func (u *Uploader) Ping(ctx context.Context) error {
	b := u.envelope(nil)
	b.Instance = "" // the agent that runs beside this one is none the worse
	body, err := wire.EncodeBatch(b)
	if err != nil {
		return err
	}
	_, err = u.post(ctx, cryptorand.Text(), body)
	return err
}

// step sends one batch. empty says that there was nothing to send.
func (u *Uploader) step(ctx context.Context) (empty bool, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	items, err := u.spool.Next(ctx, maxBatchBytes, u.batch)
	if err != nil {
		return false, err
	}
	if len(items) == 0 {
		return true, nil
	}
	parcels, unreadable, err := u.unpack(ctx, items)
	if err != nil {
		return false, err
	}
	r := round{Uploader: u}
	err = r.deliver(ctx, parcels)
	if err == nil {
		err = r.settleSuspects(ctx)
	}
	if err == nil && r.settled+unreadable == 0 {
		err = fmt.Errorf("receipt names none of the %d reports that were sent", len(parcels))
	}
	u.adapt(r, err)
	return false, err
}

// adapt makes batches smaller where they do not get through, as on a link that
// breaks every few seconds, and larger where they do.
func (u *Uploader) adapt(r round, err error) {
	if r.settled > 0 {
		u.failures = 0
	}
	switch {
	case err == nil:
		u.batch = min(u.batch*2, wire.MaxReports)
	case asFault(err).size:
		u.batch = max(u.batch/2, 1)
	}
	if err != nil {
		u.failures++
	}
}

// delay is how long to wait after err: what the collector asks for, or a random
// part of a time that doubles with each failure ("full jitter"), so that many
// agents do not come back at once.
func (u *Uploader) delay(err error) time.Duration {
	f := asFault(err)
	spread := func(d time.Duration) time.Duration { return d + time.Duration(u.opt.Rand()*float64(d)/10) }
	switch {
	case f.unauthorized && f.fromCollector:
		return spread(refusedWait)
	case f.unauthorized:
		return spread(doubled(refusedFirst, refusedWait, u.failures-1))
	case f.retryAfter > 0:
		return spread(min(f.retryAfter, retryAfterCap))
	}
	return max(time.Duration(u.opt.Rand()*float64(doubled(backoffBase, backoffCap, u.failures))), backoffMin)
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
