package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/collector/internal/requestid"
)

// Changed returns the organizations in which something changed since their last
// result, whichever process changed it.
func (s *Store) Changed(ctx context.Context) ([]string, error) {
	all, err := listAll(ctx, s, scanString, `SELECT id FROM organizations WHERE revision > reconciled ORDER BY id`)
	return keep(s, all, func(id string) string { return id }), err
}

// Changes receives a value after this process changed something. Changes of
// other processes are seen by asking Changed now and then. There is one
// channel, so one receiver.
func (s *Store) Changes() <-chan struct{} { return s.changed }

func (s *Store) notify() {
	select {
	case s.changed <- struct{}{}:
	default: // one that is not received yet stands for this one
	}
}

// markChanged says that verdicts of the organization may be out of date. In one
// transaction once is enough.
func markChanged(ctx context.Context, t *tx, org string) error {
	if slices.Contains(t.marked, org) {
		return nil
	}
	if _, err := t.ExecContext(ctx, `UPDATE organizations SET revision = revision + 1, request_id = $2 WHERE id = $1`,
		org, requestid.From(ctx)); err != nil {
		return fmt.Errorf("cannot mark organization as changed: %w", err)
	}
	t.marked = append(t.marked, org)
	return nil
}

// markCaughtUp marks the organization where its last result may have found a node
// overdue that now is not: nothing else tells that an unchanged node was polled
// again, and after a silence the old reports of a node come before the new ones.
// Two intervals are the fewest after which reconcile takes a node as overdue.
func markCaughtUp(ctx context.Context, t *tx, agent Agent, before, polled time.Time) error {
	may := 2 * agent.Interval
	if may <= 0 || t.now.Sub(before) <= may || t.now.Sub(polled) > may {
		return nil
	}
	var ran, due int64
	if err := t.QueryRowContext(ctx, `SELECT last_run, revision - reconciled FROM organizations WHERE id = $1`, agent.Organization).Scan(&ran, &due); err != nil {
		return fmt.Errorf("cannot read when the organization was reconciled: %w", err)
	}
	// A run that is due may have begun, and have read of the node what was before.
	if due <= 0 && ran < millis(before.Add(may)) {
		return nil
	}
	return markChanged(ctx, t, agent.Organization)
}

// ChangedBy returns the ID of the request that last changed something of the
// organization, "" when it was none, such as a command or the clock.
func (s *Store) ChangedBy(ctx context.Context, org string) (id string, err error) {
	err = s.viewOf(ctx, org, func(t *tx) error {
		err := t.QueryRowContext(ctx, `SELECT request_id FROM organizations WHERE id = $1`, org).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("organization %q: %w", org, ErrNotFound)
		}
		return err
	})
	return id, err
}

// MarkAllChanged marks every organization whose last result is older than the
// time given: the clock has moved what was covered to what is not.
func (s *Store) MarkAllChanged(ctx context.Context, before time.Time) error {
	return s.mark(ctx, `UPDATE organizations SET revision = revision + 1 WHERE revision <= reconciled AND last_run < $1`, millis(before))
}

// MarkSilent marks the organizations of agents that have become silent since
// their last result: that missed as many intervals as given.
func (s *Store) MarkSilent(ctx context.Context, missed int) error {
	return s.mark(ctx, `UPDATE organizations SET revision = revision + 1 WHERE revision <= reconciled AND EXISTS (
		SELECT 1 FROM agents a WHERE a.organization = organizations.id AND a.disabled = 0 AND a.last_seen > 0
		AND a.last_seen + $1 * a.interval_ms < $2 AND a.last_seen + $1 * a.interval_ms >= organizations.last_run)`,
		missed, millis(s.clock()))
}

func (s *Store) mark(ctx context.Context, query string, args ...any) error {
	if s.scope != nil {
		return errWhole
	}
	return s.update(ctx, func(t *tx) error {
		res, err := t.ExecContext(ctx, query, args...)
		if err != nil {
			return fmt.Errorf("cannot mark organizations as changed: %w", err)
		}
		n, err := res.RowsAffected()
		if n > 0 {
			t.marked = append(t.marked, "")
		}
		return err
	})
}

func scanString(scan func(...any) error, v *string) error { return scan(v) }
