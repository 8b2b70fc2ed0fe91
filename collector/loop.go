package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/requestid"
	"rollcall/collector/internal/store"
)

const (
	// pollInterval is how often the loop looks for changes that another process
	// made, such as the import command.
	pollInterval = time.Second
	// debounce lets the batches of one scan end in one run.
	debounce = 200 * time.Millisecond
	// silenceInterval is how often the loop looks for agents that became silent.
	silenceInterval = time.Minute
	// workers bounds the organizations that are reconciled at once. One large
	// one leaves a worker to all others.
	workers = 2
	// restFactor is how many times the duration of its last run an organization
	// rests, so that one that changes all the time leaves room for others; and
	// that all rest while agents are sent away for want of room.
	restFactor = 4
	// dayLease is for what one collector of a database does when a day begins, and
	// dayTime how long another waits for it.
	dayLease = "day"
	dayTime  = 10 * time.Minute
	// maxBackoff bounds the wait after a failure, which doubles from a second.
	maxBackoff = 5 * time.Minute
	// stallTime is how long nothing may be finished while organizations wait,
	// before the collector says that it is not ready.
	stallTime = 15 * time.Minute
)

// A facter keeps what the loop works on.
type facter interface {
	Changed(ctx context.Context) ([]string, error)
	Changes() <-chan struct{}
	ChangedBy(ctx context.Context, org string) (requestID string, err error)
	// Reconcile returns false when another collector on the same database has
	// the organization, or was faster.
	Reconcile(ctx context.Context, org string, judge func(reconcile.Facts) reconcile.Result) (done bool, err error)
	MarkAllChanged(ctx context.Context, before time.Time) error
	MarkSilent(ctx context.Context, missed int) error
	Lease(ctx context.Context, name string, d time.Duration) (taken bool, err error)
	EndLease(ctx context.Context, name string) error
	Prune(ctx context.Context) error
	AuditHead(ctx context.Context) (seq int64, hash string, err error)
}

// A loop reconciles each organization after something of it changed, and all of
// them when a new day begins. Loops of several collectors on one database share
// the work.
type loop struct {
	store     facter
	reconcile func(reconcile.Facts) reconcile.Result
	settings  func() reconcile.Settings
	now       func() time.Time
	log       *slog.Logger
	metrics   *loopMetrics
	poll      time.Duration // pollInterval, shorter in tests
	// crowded says that agents were sent away and come back soon: what they bring
	// would make most verdicts of now be made again. nil is never.
	crowded func() bool

	waiting atomic.Pointer[waits] // nil when nothing waits

	// The rest belongs to the goroutine of run.
	day      string               // of the last daily run
	silence  time.Time            // when silent agents were last looked for
	queue    []string             // organizations to reconcile next
	running  map[string]bool      //
	rest     map[string]time.Time // organizations that may not begin before
	failures map[string]int       // in a row
	pause    time.Time            // before which none may begin
}

// outcome is how one run ended.
type outcome struct {
	org      string
	request  string // that it was for
	duration time.Duration
	done     bool // by this collector
	err      error
}

// run works until the context ends, and returns when no run is left.
func (l *loop) run(ctx context.Context) {
	l.running, l.rest, l.failures = map[string]bool{}, map[string]time.Time{}, map[string]int{}
	done := make(chan outcome, workers)
	var wg sync.WaitGroup
	defer wg.Wait()
	tick := time.NewTicker(l.poll)
	defer tick.Stop()
	var settle <-chan time.Time // runs while changes come in
	l.daily(ctx)
	l.refill(ctx)
	for {
		l.begin(ctx, &wg, done)
		select {
		case <-ctx.Done():
			return
		case <-l.store.Changes():
			if settle == nil {
				settle = time.After(debounce)
			}
		case <-settle:
			settle = nil
			l.refill(ctx)
		case <-tick.C:
			l.daily(ctx)
			l.silent(ctx)
			l.refill(ctx)
		case o := <-done:
			l.ended(ctx, o)
		}
	}
}

// daily marks all organizations once a day, for coverage ends with the clock.
// A failure is tried again at the next tick.
func (l *loop) daily(ctx context.Context) {
	now := l.now().UTC()
	if l.day == now.Format(time.DateOnly) {
		return
	}
	// One collector at a time. The next finds that little is left to do.
	taken, err := l.store.Lease(ctx, dayLease, dayTime)
	if err == nil && !taken {
		return
	}
	if err == nil {
		midnight := now.Truncate(24 * time.Hour)
		err = errors.Join(l.store.MarkAllChanged(ctx, midnight), l.store.Prune(ctx), l.store.EndLease(ctx, dayLease))
	}
	if err == nil && l.day != "" { // the start does it itself
		err = l.tellAudit(ctx)
	}
	if err != nil {
		l.report(ctx, "cannot begin the day", err)
		return
	}
	l.day = now.Format(time.DateOnly)
}

// tellAudit logs how far the audit log goes, so that one that was cut off or
// written anew is found by whoever keeps the logs elsewhere.
func (l *loop) tellAudit(ctx context.Context) error {
	seq, hash, err := l.store.AuditHead(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the audit log: %w", err)
	}
	l.log.InfoContext(ctx, "audit log", "entries", seq, "hash", hash)
	return nil
}

// silent marks the organizations of agents that became silent.
func (l *loop) silent(ctx context.Context) {
	if now := time.Now(); now.Sub(l.silence) >= silenceInterval {
		l.silence = now
		if err := l.store.MarkSilent(ctx, l.settings().AgentSilentAfter); err != nil {
			l.report(ctx, "cannot look for silent agents", err)
		}
	}
}

// refill asks the store what changed.
func (l *loop) refill(ctx context.Context) {
	changed, err := l.store.Changed(ctx)
	if err != nil {
		l.report(ctx, "cannot look for changes", err)
		return
	}
	now := time.Now()
	for org, until := range l.rest {
		if now.After(until) {
			delete(l.rest, org)
		}
	}
	l.queue = l.queue[:0]
	for _, org := range changed {
		if _, rests := l.rest[org]; !rests && !l.running[org] {
			l.queue = append(l.queue, org)
		}
	}
	l.metrics.pending.Set(float64(len(changed)))
	before := l.waiting.Load()
	switch {
	case len(changed) == 0:
		l.waiting.Store(nil)
	case before == nil || len(changed) < before.organizations: // another collector may have done it
		l.waiting.Store(&waits{len(changed), now})
	default:
		l.waiting.Store(&waits{len(changed), before.since})
	}
}

// waits are organizations that changed and are not reconciled, and when the last
// one was, or they began to wait.
type waits struct {
	organizations int
	since         time.Time
}

// stalled says that organizations wait although there was time for them; it
// returns nil when all is well.
func (l *loop) stalled(now time.Time) error {
	w := l.waiting.Load()
	if w == nil || now.Sub(w.since) < stallTime {
		return nil
	}
	return fmt.Errorf("reconciling is stalled: %d organizations wait, and none was finished for %v",
		w.organizations, now.Sub(w.since).Round(time.Second))
}

// begin starts runs until all workers have one. In a crowd they take turns.
func (l *loop) begin(ctx context.Context, wg *sync.WaitGroup, done chan<- outcome) {
	most := workers
	if l.crowded != nil && l.crowded() {
		if most = 1; time.Now().Before(l.pause) {
			return
		}
	}
	for len(l.queue) > 0 && len(l.running) < most && ctx.Err() == nil {
		org := l.queue[0]
		l.queue = l.queue[1:]
		l.running[org] = true
		wg.Go(func() {
			began, ctx := time.Now(), l.named(ctx, org)
			did, err := l.one(ctx, org)
			done <- outcome{org, requestid.From(ctx), time.Since(began), did, err} // has room for every worker
		})
	}
}

// one reconciles an organization. A panic is an error of this organization: its
// data must not keep others from their results.
func (l *loop) one(ctx context.Context, org string) (done bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return l.store.Reconcile(ctx, org, func(f reconcile.Facts) reconcile.Result {
		f.Settings = l.settings()
		return l.reconcile(f)
	})
}

// named returns a context of the request that changed the organization, so that
// the log tells of both under one ID.
func (l *loop) named(ctx context.Context, org string) context.Context {
	id, err := l.store.ChangedBy(ctx, org)
	if err != nil {
		return ctx // what follows meets the error, too
	}
	return requestid.With(ctx, id)
}

func (l *loop) ended(ctx context.Context, o outcome) {
	delete(l.running, o.org)
	if ctx.Err() != nil {
		return
	}
	ctx = requestid.With(ctx, o.request)
	l.pause = time.Now().Add(restFactor * o.duration)
	// One organization that fails again and again is its own matter; when there
	// are others, something should go well among them.
	if waiting := l.waiting.Load(); waiting != nil && (o.err == nil || waiting.organizations < 2) {
		l.waiting.Store(&waits{waiting.organizations, time.Now()})
	}
	if o.err == nil && !o.done {
		return // another collector has it
	}
	l.metrics.duration.Observe(o.duration.Seconds())
	if o.err == nil {
		delete(l.failures, o.org)
		l.rest[o.org] = time.Now().Add(restFactor * o.duration)
		l.metrics.runs.WithLabelValues("ok").Inc()
		l.metrics.last.Set(float64(l.now().UnixMilli()) / 1000)
		l.log.DebugContext(ctx, "organization reconciled", "organization", o.org, "duration", o.duration)
		return
	}
	l.metrics.runs.WithLabelValues("error").Inc()
	if errors.Is(o.err, store.ErrNotFound) {
		return // it is not there any more
	}
	wait := min(time.Second<<min(l.failures[o.org], 20), maxBackoff)
	l.failures[o.org]++
	l.rest[o.org] = time.Now().Add(wait)
	l.log.ErrorContext(ctx, "cannot reconcile, will try again", "organization", o.org, "wait", wait, "error", o.err)
}

// report logs what keeps the loop from its work, but not that it was stopped.
func (l *loop) report(ctx context.Context, message string, err error) {
	if ctx.Err() == nil {
		l.log.ErrorContext(ctx, message, "error", err) //nolint:sloglint // constant at each call
	}
}

type loopMetrics struct {
	duration prometheus.Histogram
	runs     *prometheus.CounterVec
	last     prometheus.Gauge
	pending  prometheus.Gauge
}

func newLoopMetrics(reg prometheus.Registerer) *loopMetrics {
	m := &loopMetrics{
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "rollcall_reconcile_duration_seconds", Help: "Time to reconcile one organization and save the result.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_reconcile_runs_total", Help: "Organizations that were reconciled, by how it ended.",
		}, []string{"result"}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "rollcall_reconcile_last_success_timestamp_seconds", Help: "When an organization was last reconciled, 0 when none was since the start.",
		}),
		pending: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "rollcall_reconcile_pending_organizations", Help: "Organizations that changed and are not reconciled yet.",
		}),
	}
	reg.MustRegister(m.duration, m.runs, m.last, m.pending)
	m.runs.WithLabelValues("ok")
	m.runs.WithLabelValues("error")
	return m
}
