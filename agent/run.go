package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"rollcall/agent/internal/identity"
	"rollcall/agent/internal/poll"
	"rollcall/agent/internal/spool"
	"rollcall/agent/internal/upload"
	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

const (
	// drainWait bounds the last upload before the agent ends. With
	// graceToFinish and the uploader's own it keeps a stop below ten seconds.
	drainWait = 2 * time.Second
	// rememberEvery is how often it is noted that an address of a sweep
	// still answers.
	rememberEvery = 24 * time.Hour
	// notesAge is how long it is remembered which credentials an address that
	// is silent took or refused.
	notesAge = 180 * 24 * time.Hour
	// nodeNotes is what the keys of these notes begin with.
	nodeNotes = "node "
	// partial ends the spool's key of reports that are not whole.
	partial = " partial"
)

// run is an Agent at work.
type run struct {
	*Agent

	spool    *spool.Spool
	poller   poller
	pace     *rate.Limiter // of addresses of sweeps
	schedule *schedule
}

// NewPace lets so many addresses of sweeps a second begin; all at once when 0.
func NewPace(perSecond float64) *rate.Limiter {
	if perSecond <= 0 {
		return rate.NewLimiter(rate.Inf, 1)
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/10)))
}

// note keeps what was learnt about the credentials of a node.
func (r *run) note(ctx context.Context, address string, note []byte) {
	if err := r.spool.Note(ctx, nodeNotes+address, note); err != nil {
		r.log.Error("what a device said to credentials is not remembered over a restart", "device", address, "error", err)
	}
}

// recall marks the addresses of sweeps that answered before the agent was
// started, and brings back what is known of credentials.
func (r *run) recall(ctx context.Context, memory *poll.Memory) error {
	err := r.spool.Notes(ctx, nodeNotes, r.opt.Now().Add(-notesAge), func(key string, note []byte) {
		if err := memory.Recall(strings.TrimPrefix(key, nodeNotes), note); err != nil {
			r.log.Warn("what was remembered about a device cannot be used", "error", err)
		}
	})
	if err != nil {
		return err
	}
	if r.opt.RetryRefused {
		memory.Forgive()
	}
	known, err := r.spool.Remembered(ctx, r.opt.Now().Add(-forgetAfter))
	if err != nil {
		return err
	}
	r.roster.recall(known)
	return r.recallSources(ctx)
}

// all runs poller, uploader and metrics server. At the end polls stop first,
// and what they brought is uploaded if that is quickly done.
func (r *run) all(ctx context.Context, uploader *upload.Uploader, who *identity.Keeper) error {
	group, ctx := errgroup.WithContext(ctx)
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSending()
	if r.cfg.Metrics.Listen != "" {
		server, err := r.listen(ctx)
		if err != nil {
			return err
		}
		group.Go(func() error { return server.serve(ctx) })
	}
	group.Go(func() error { return who.Run(ctx) })
	group.Go(func() error {
		defer stopSending()
		r.schedule.run(ctx, r.scheduled)
		return nil
	})
	for i := range r.cfg.Targets {
		if r.roster.netbox[i] != nil {
			group.Go(func() error { r.followNetBox(ctx, i); return nil })
		}
		if r.roster.found[i] != nil {
			group.Go(func() error { r.followCrawl(ctx, i); return nil })
		}
	}
	group.Go(func() error {
		if err := uploader.Run(sending); err != nil {
			return err
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(sending), drainWait)
		defer cancel()
		if err := uploader.Drain(last); err != nil {
			r.log.Info("reports stay in the spool until the next start", "error", err)
		}
		return nil
	})
	return group.Wait()
}

// scheduled polls a node whose turn has come, unless the crawl has done so not
// long ago.
func (r *run) scheduled(ctx context.Context, t *task) {
	t.turn.Lock()
	defer t.turn.Unlock()
	if last := t.outcome(); last.began.IsZero() || time.Since(last.began) > r.interval()/2 {
		r.poll(ctx, t)
	}
}

// poll is one poll of one address. The caller holds the task's turn.
func (r *run) poll(ctx context.Context, t *task) {
	n := t.node
	if t.isNode(r.opt.Now()) {
		n.Retries = ListedRetries
	} else if n.Sweep = true; r.pace.Wait(ctx) != nil {
		return
	}
	began := time.Now()
	polledAt := r.opt.Now()
	d, answered, panicked := r.ask(ctx, n)
	if ctx.Err() != nil {
		return // abandoned at a stop: what came says nothing about the device
	}
	took := time.Since(began)
	result := resultComplete
	switch {
	case t.sweep && !r.swept(ctx, t, d, answered, polledAt):
		result = resultSilent
	case panicked:
		result = resultFailed
	case !answered:
		result = resultUnanswered
	case !d.Complete:
		result = resultIncomplete
	}
	r.metrics.polled(result, took)
	t.note(outcome{began: began, at: polledAt, result: result, device: gist(d), words: words(d)})
	if result == resultSilent {
		return
	}
	log := r.log.With("device", t.node.Address, "took", took.Round(time.Millisecond).String())
	if result == resultComplete {
		log.Info("device polled", "name", d.Name, "platform", d.Platform, "components", len(d.Components))
	} else {
		log.Warn("device polled, not all is known", "result", result, "name", d.Name, "components", len(d.Components), "problems", problemText(d))
	}
	err := r.keep(ctx, t, d, answered, polledAt)
	r.metrics.kept(err)
	if err != nil {
		log.Error("report is lost, the next poll replaces it", "error", err)
	}
}

// ask polls. A panic over what a device sent must cost its own report alone.
func (r *run) ask(ctx context.Context, n poll.Node) (d inventory.Device, answered, panicked bool) {
	defer func() {
		if v := recover(); v != nil {
			r.log.Error("poll panicked: please report this to Rollcall's developers", "device", n.Address, "panic", v, "stack", string(debug.Stack()))
			d = inventory.Device{
				Address: n.Address, Platform: inventory.PlatformUnknown, Via: []string{}, Components: []inventory.Component{},
				Errors: []inventory.Problem{{
					Kind: inventory.ProblemIncomplete, Message: "The agent failed over an answer of this device. Its log has the details: please report them to Rollcall's developers.",
				}},
			}
			answered, panicked = true, true
		}
	}()
	d, answered = r.poller.Poll(ctx, n)
	return d, answered, false
}

// swept says whether the poll of an address of a sweep is worth a report: only
// a device that answers, or did so before, is one that can be missed.
func (r *run) swept(ctx context.Context, t *task, d inventory.Device, answered bool, now time.Time) bool {
	known := t.isNode(now)
	if !answered {
		if !known && refuses(d) && t.complain() {
			r.log.Warn("address of a sweep has something that refuses the credentials", "device", t.node.Address, "problems", problemText(d))
		}
		return known
	}
	if len(d.Components) == 0 && d.Platform == inventory.PlatformUnknown && !known {
		return false // a printer or a server that knows the community
	}
	if t.answered(now) {
		if err := r.spool.Remember(ctx, t.node.Address); err != nil {
			r.log.Error("found device is not remembered", "device", t.node.Address, "error", err)
		}
	}
	return true
}

func refuses(d inventory.Device) bool {
	for _, p := range d.Errors {
		if p.Kind != inventory.ProblemUnreachable {
			return true
		}
	}
	return false
}

func problemText(d inventory.Device) string {
	var list []string
	for _, p := range d.Errors {
		list = append(list, p.Message)
	}
	return strings.Join(list, " ")
}

// keep makes the report and spools it.
func (r *run) keep(ctx context.Context, t *task, d inventory.Device, answered bool, at time.Time) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("cannot make a report id: %w", err)
	}
	report := wire.Report{
		ReportID: id.String(), PolledAt: at.UTC(), Answered: answered, Fingerprint: d.Fingerprint(), Device: d,
	}
	// A poll that brought less never takes the place of the last whole one.
	key := t.node.Address
	if !answered || !d.Complete {
		key += partial
	}
	err = r.spool.Append(ctx, key, func(epoch, seq int64) ([]byte, error) {
		report.Epoch, report.Seq = epoch, seq
		return json.Marshal(report)
	})
	if err == nil {
		// From here on the report is promised.
		r.log.Debug("report kept", "device", t.node.Address, "report_id", report.ReportID, "epoch", report.Epoch, "seq", report.Seq)
	}
	return err
}
