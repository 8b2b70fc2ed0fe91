package upload

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollcall/agent/internal/spool"
	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

// maxReason bounds what a collector may say about one report, in runes.
const maxReason = 300

// A parcel is a spooled item and the report in it.
type parcel struct {
	item   int64
	report wire.Report
}

// unpack reads the reports. One that cannot be read, or that no collector would
// take, is set aside here.
func (u *Uploader) unpack(ctx context.Context, items []spool.Item) ([]parcel, int, error) {
	parcels := make([]parcel, 0, len(items))
	unreadable := 0
	for _, it := range items {
		var r wire.Report
		err := json.Unmarshal(it.Payload, &r)
		if err == nil {
			err = r.Validate()
		}
		if err == nil {
			parcels = append(parcels, parcel{it.ID, r})
			continue
		}
		unreadable++
		if err := u.setAside(ctx, it.ID, it.Key, "not a report: "+err.Error()); err != nil {
			return nil, 0, err
		}
	}
	return parcels, unreadable, nil
}

func (u *Uploader) setAside(ctx context.Context, item int64, node, reason string) error {
	u.log.Error("report is set aside, it will not be delivered", "device", node, "item", item, "reason", reason)
	return u.spool.Quarantine(ctx, item, reason)
}

func (u *Uploader) envelope(parcels []parcel) wire.Batch {
	b := wire.Batch{
		Agent: u.opt.Agent, Version: u.opt.Version, SentAt: u.opt.Now().UTC(), Interval: int(u.opt.Interval().Seconds()),
		Reports: make([]wire.Report, 0, len(parcels)), Instance: u.opt.Instance,
	}
	for _, p := range parcels {
		b.Reports = append(b.Reports, p.report)
	}
	return b
}

// A round is what becomes of the parcels of one step.
type round struct {
	*Uploader
	settled  int // delivered or set aside
	accepted int // of these, stored or duplicate
	suspects []suspect
}

// A suspect is a report that was refused alone, by something of which it is
// not known whether it is a collector.
type suspect struct {
	parcel
	why error
}

// deliver sends the parcels. When they are refused together they are halved,
// until the report that cannot be taken is alone and is set aside: it never
// holds up the others.
func (r *round) deliver(ctx context.Context, parcels []parcel) error {
	if len(parcels) == 0 {
		return nil
	}
	body, err := r.encode(ctx, parcels)
	switch {
	case errors.Is(err, wire.ErrTooLarge):
		return r.halve(ctx, parcels, fault{err: err, tooLarge: true, fromCollector: true})
	case err != nil:
		return err
	}
	id := rand.Text()
	receipt, err := r.post(ctx, id, body)
	attempt := Attempt{Reports: len(parcels), Bytes: len(body), Err: err}
	log := r.log.With("request_id", id, "reports", len(parcels), "bytes", len(body))
	if err == nil {
		err = r.apply(ctx, parcels, receipt, &attempt)
		r.opt.Observe(attempt)
		log.DebugContext(ctx, "batch delivered", "stored", attempt.Stored, "duplicate", attempt.Duplicate, "refused", attempt.Refused)
		return err
	}
	r.opt.Observe(attempt)
	log.DebugContext(ctx, "batch not delivered", "error", err)
	f := asFault(err)
	f.request = id
	if f.tooLarge || f.refused {
		return r.halve(ctx, parcels, f)
	}
	return f
}

func (r *round) encode(ctx context.Context, parcels []parcel) ([]byte, error) {
	stats, err := r.spool.Stats(ctx)
	if err != nil {
		return nil, err
	}
	b := r.envelope(parcels)
	b.Spool = &wire.Spool{
		Epoch: stats.Epoch, Acked: stats.Acked, Waiting: stats.Items,
		Quarantined: stats.Quarantined, Reason: stats.Refusal, Corrupt: stats.Corrupt,
	}
	if !stats.Oldest.IsZero() {
		b.Spool.Oldest = &stats.Oldest
	}
	for reason, n := range stats.Dropped {
		if n > 0 {
			if b.Dropped == nil {
				b.Dropped = map[string]int64{}
			}
			b.Dropped[reason] = n
		}
	}
	return wire.EncodeBatch(b)
}

func (r *round) halve(ctx context.Context, parcels []parcel, f fault) error {
	if n := len(parcels); n > 1 {
		if err := r.deliver(ctx, parcels[:n/2]); err != nil {
			return err
		}
		return r.deliver(ctx, parcels[n/2:])
	}
	p := parcels[0]
	if f.tooLarge || f.fromCollector {
		r.settled++
		return r.setAside(ctx, p.item, p.report.Device.Address, f.Error())
	}
	r.suspects = append(r.suspects, suspect{p, f})
	return nil
}

// settleSuspects sets aside what was refused without a word from the collector,
// once another report of the same round was taken. Where none was, a proxy may
// be refusing everything, and the reports stay.
func (r *round) settleSuspects(ctx context.Context) error {
	if len(r.suspects) > 0 && r.accepted == 0 {
		return r.suspects[0].why
	}
	for _, s := range r.suspects {
		if err := r.setAside(ctx, s.item, s.report.Device.Address, s.why.Error()); err != nil {
			return err
		}
		r.settled++
	}
	return nil
}

// apply does what the receipt says. A report that it does not name stays.
func (r *round) apply(ctx context.Context, parcels []parcel, receipt wire.Receipt, attempt *Attempt) error {
	results := make(map[string]wire.Result, len(receipt.Results))
	for _, res := range receipt.Results {
		results[res.ReportID] = res
	}
	var done []int64
	for _, p := range parcels {
		res, found := results[p.report.ReportID]
		if !found {
			continue
		}
		switch res.Status {
		case wire.Stored:
			attempt.Stored++
			done = append(done, p.item)
		case wire.Duplicate:
			attempt.Duplicate++
			done = append(done, p.item)
		case wire.Refused:
			attempt.Refused++
			r.settled++
			if err := r.setAside(ctx, p.item, p.report.Device.Address, "collector: "+clean(res.Reason)); err != nil {
				return err
			}
		}
	}
	if len(done) > 0 {
		if err := r.spool.Ack(ctx, done...); err != nil {
			return fmt.Errorf("delivered, and will be delivered again: %w", err)
		}
		r.settled += len(done)
		r.accepted += len(done)
	}
	if receipt.Interval > 0 {
		r.opt.Pace(time.Duration(receipt.Interval) * time.Second)
	}
	return r.again(ctx, receipt.SendAgain)
}

// again does what a collector asks that has lost what it acknowledged.
func (r *round) again(ctx context.Context, ask *wire.SendAgain) error {
	if ask == nil {
		return nil
	}
	n, err := r.spool.SendAgain(ctx, ask.Epoch, ask.After)
	if err != nil {
		return err
	}
	r.log.Warn("collector has lost reports that it had acknowledged, as by a restore: what is kept of them is sent again, the next polls bring the rest",
		"known_seq", ask.After, "reports", n)
	return nil
}

// clean makes text of the other side fit for a log line.
func clean(s string) string {
	text := []rune(inventory.CleanText(s))
	return string(text[:min(len(text), maxReason)])
}
