package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// DefaultHistory is how long what is over is kept where nothing else is said.
const DefaultHistory = 2 * 365 * 24 * time.Hour

// KeepHistory says how long what is over is kept from now on.
func (s *Store) KeepHistory(d time.Duration) { s.history.Store(int64(d)) }

// pruneBatch bounds the rows that one transaction deletes, so that agents and
// people do not wait for it.
const pruneBatch = 1000

// Prune forgets what no longer decides anything: the ids of old reports, and,
// when it is older than the history that is kept, runs, findings that were
// resolved, and components that went away. Replacements that were found stay,
// for people rejected or confirmed them, and so do imports, which can be undone.
func (s *Store) Prune(ctx context.Context) error {
	if s.scope != nil {
		return errWhole
	}
	now, history := s.clock(), time.Duration(s.history.Load())
	for _, p := range []struct {
		what, query string
		before      time.Time
	}{
		{"ids of reports", `DELETE FROM reports WHERE (agent, report_id) IN (SELECT agent, report_id FROM reports WHERE received < $1 ORDER BY received LIMIT $2)`, now.Add(-keepReports)},
		{"gaps", `DELETE FROM agent_gaps WHERE noted_at < $1 AND $2 > 0`, now.Add(-keepReports)},
		{"runs", `DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE ran_at < $1 ORDER BY id LIMIT $2)`, now.Add(-history)},
		{"findings", `DELETE FROM findings WHERE id IN (SELECT id FROM findings WHERE resolved > 0 AND resolved < $1 AND kind <> 'rma_mismatch' ORDER BY id LIMIT $2)`, now.Add(-history)},
		{"components", `DELETE FROM sightings WHERE id IN (SELECT id FROM sightings WHERE gone > 0 AND gone < $1 ORDER BY id LIMIT $2)`, now.Add(-history)},
	} {
		for n := int64(pruneBatch); n >= pruneBatch; {
			if err := s.update(ctx, func(t *tx) error {
				res, err := t.ExecContext(ctx, p.query, millis(p.before), pruneBatch)
				if err != nil {
					return err
				}
				n, err = res.RowsAffected()
				return err
			}); err != nil {
				return fmt.Errorf("cannot forget old %s: %w", p.what, err)
			}
		}
	}
	return s.update(ctx, func(t *tx) error { return errors.Join(pruneUploads(ctx, t), pruneCredentials(ctx, t)) })
}
