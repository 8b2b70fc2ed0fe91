package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

// maxAge is the oldest that a report can be. One that claims more was polled
// before its agent's clock was set.
const maxAge = 90 * 24 * time.Hour

// keepReports is how long a report_id is remembered: longer than an agent may
// keep the report. After that (epoch, seq) alone keeps it from being applied.
const keepReports = maxAge + 30*24*time.Hour

// SaveReports takes a batch of the agent, in one transaction. Each report is
// taken, recognised as a duplicate or refused by itself; the results are in the
// order of the batch. After an error nothing of the batch was taken; it is that
// of the agent's state where that has changed since the agent was looked up. What
// the receipt says beside the results is the caller's to add, but for SendAgain.
func (s *Store) SaveReports(ctx context.Context, agent Agent, b wire.Batch) (wire.Receipt, error) {
	var receipt wire.Receipt
	err := s.change(ctx, agent.Organization, func(t *tx) error {
		receipt = wire.Receipt{Results: make([]wire.Result, 0, len(b.Reports))}
		if err := touchAgent(ctx, t, agent, b); err != nil {
			return err
		}
		agent.Interval = intervalOf(b)
		for _, r := range b.Reports {
			result, err := s.saveReport(ctx, t, agent, b.SentAt, r)
			if err != nil {
				return fmt.Errorf("report %.64q of node %.255q: %w", r.ReportID, r.Device.Address, err)
			}
			receipt.Results = append(receipt.Results, result)
		}
		var err error
		receipt.SendAgain, err = s.noteSpool(ctx, t, agent, b, receipt.Results)
		return err
	})
	if err != nil {
		return wire.Receipt{}, fmt.Errorf("cannot save batch of agent %q: %w", agent.Name, err)
	}
	return receipt, nil
}

// touchAgent notes that the agent was heard. One that comes back after a
// silence changes verdicts though its nodes may not.
func touchAgent(ctx context.Context, t *tx, agent Agent, b wire.Batch) error {
	before, err := agentByID(ctx, t, agent.ID)
	if err != nil {
		return err
	}
	if err := errors.Join(before.taken(), noteFirstUse(ctx, t, agent), noteInstance(ctx, t, before, b.Instance)); err != nil {
		return err
	}
	interval := intervalOf(b).Milliseconds()
	var skew int64
	if !b.SentAt.IsZero() {
		skew = millis(b.SentAt) - millis(t.now)
	}
	if _, err := t.ExecContext(ctx, `UPDATE agents SET last_seen = $1, interval_ms = $2, clock_skew_ms = $3, version = $4 WHERE id = $5`,
		millis(t.now), interval, skew, shorten(inventory.CleanText(b.Version), maxName), agent.ID); err != nil {
		return fmt.Errorf("cannot save when the agent was seen: %w", err)
	}
	missed := before.Interval > 0 && t.now.Sub(before.LastSeen) > 2*before.Interval
	if before.LastSeen.IsZero() || missed || before.Interval.Milliseconds() != interval {
		return markChanged(ctx, t, before.Organization)
	}
	return nil
}

// intervalOf is the time between two polls of a node, as the agent says.
func intervalOf(b wire.Batch) time.Duration {
	return time.Duration(min(max(int64(b.Interval), 0), math.MaxInt32)) * time.Second
}

func (s *Store) saveReport(ctx context.Context, t *tx, agent Agent, sentAt time.Time, r wire.Report) (wire.Result, error) {
	result := wire.Result{ReportID: r.ReportID, Status: wire.Stored}
	if err := checkReport(r); err != nil {
		result.Status, result.Reason = wire.Refused, err.Error()
		return result, nil
	}
	fresh, err := t.ExecContext(ctx, `INSERT INTO reports (agent, report_id, epoch, seq, received) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (agent, report_id) DO NOTHING`, agent.ID, r.ReportID, r.Epoch, r.Seq, millis(t.now))
	if err != nil {
		return result, fmt.Errorf("cannot save report: %w", err)
	}
	if n, err := fresh.RowsAffected(); err != nil || n == 0 {
		result.Status = wire.Duplicate
		return result, err
	}
	// Only a newer report of this agent moves the mark: a late one is taken,
	// and changes nothing.
	newer, err := t.ExecContext(ctx, `INSERT INTO watermarks (agent, address, epoch, seq) VALUES ($1, $2, $3, $4)
		ON CONFLICT (agent, address) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq
		WHERE watermarks.epoch < excluded.epoch OR watermarks.epoch = excluded.epoch AND watermarks.seq < excluded.seq`,
		agent.ID, r.Device.Address, r.Epoch, r.Seq)
	if err != nil {
		return result, fmt.Errorf("cannot save order of report: %w", err)
	}
	if n, err := newer.RowsAffected(); err != nil || n == 0 {
		s.log.DebugContext(ctx, "report is older than what is known", "agent", agent.Name, "node", r.Device.Address, "epoch", r.Epoch, "seq", r.Seq)
		return result, err
	}
	return result, applyReport(ctx, t, agent, r, polledAt(t.now, sentAt, r.PolledAt))
}

// polledAt is when the node was polled by the collector's clock, which is the
// agent's word only for how long before the upload that was.
func polledAt(now, sentAt, polled time.Time) time.Time {
	if sentAt.IsZero() {
		sentAt = now
	}
	age := sentAt.Sub(polled)
	if age < 0 || age > maxAge {
		return now
	}
	return now.Add(-age).Truncate(time.Millisecond)
}
