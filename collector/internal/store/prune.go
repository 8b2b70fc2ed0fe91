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

// forgettable are the imports i that may be forgotten when they are old: those
// that do not count, or that a later one has to be undone before.
const forgettable = `i.forgotten = 0 AND (i.undone > 0 OR i.kind = 'contract' AND NOT EXISTS (SELECT 1 FROM contracts c WHERE c.import = i.id)
	OR i.kind <> 'contract' AND EXISTS (SELECT 1 FROM imports j WHERE j.organization = i.organization AND j.kind = i.kind AND j.undone = 0 AND j.id > i.id))`

// decided are the changes d of forgotten imports i that decide nothing any more.
// Where a line went away, that it was there once still does (reconcile.Facts.
// Dropped), until it has gone away again in an import that cannot be undone.
const decided = `i.forgotten = 1 AND (d.line_after <> '' OR i.undone > 0 OR EXISTS (SELECT 1 FROM imports j JOIN line_changes e ON e.import = j.id
	WHERE j.organization = i.organization AND j.forgotten = 1 AND j.undone = 0 AND j.id > i.id
	AND e.contract = d.contract AND e.line_key = d.line_key AND e.ordinal = d.ordinal AND e.line_after = ''))`

// superseded are the forgotten imports i that no undoing makes the newest of a
// contract again: they were undone, or all their contracts are in later imports
// that cannot be.
const superseded = `i.forgotten = 1 AND (i.undone > 0 OR NOT EXISTS (SELECT 1 FROM import_contracts a WHERE a.import = i.id
	AND NOT EXISTS (SELECT 1 FROM imports j JOIN import_contracts b ON b.import = j.id
		WHERE j.organization = i.organization AND j.forgotten = 1 AND j.undone = 0 AND j.id > i.id AND b.contract = a.contract)))`

// Prune forgets what no longer decides anything: the ids of old reports, and,
// when it is older than the history that is kept, runs, findings that were
// resolved, components that went away, and what imports changed or could not use
// that others have followed. What people rejected or recorded stays, and so does
// the audit log.
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
		{"findings", `DELETE FROM findings WHERE id IN (SELECT id FROM findings WHERE resolved > 0 AND resolved < $1 ORDER BY id LIMIT $2)`, now.Add(-history)},
		{"components", `DELETE FROM sightings WHERE id IN (SELECT id FROM sightings WHERE gone > 0 AND gone < $1 ORDER BY id LIMIT $2)`, now.Add(-history)},
		{"imports", `UPDATE imports SET forgotten = 1 WHERE id IN (SELECT i.id FROM imports i WHERE i.imported_at < $1 AND ` + forgettable + ` ORDER BY i.id LIMIT $2)`, now.Add(-history)},
		{"changes of lines", `DELETE FROM line_changes WHERE (import, contract, line_key, ordinal) IN (SELECT d.import, d.contract, d.line_key, d.ordinal
			FROM imports i JOIN line_changes d ON d.import = i.id WHERE i.imported_at < $1 AND ` + decided + ` LIMIT $2)`, now.Add(-history)},
		{"refused rows", `UPDATE imports SET refusals = '[]' WHERE id IN (SELECT i.id FROM imports i WHERE i.imported_at < $1 AND i.refusals <> '[]' AND ` + superseded + `
			ORDER BY i.id LIMIT $2)`, now.Add(-history)},
		{"entries of ledgers", `DELETE FROM ledger_entries WHERE id IN (SELECT e.id FROM imports i JOIN ledger_entries e ON e.ended = i.id
			WHERE i.imported_at < $1 AND i.forgotten = 1 ORDER BY e.id LIMIT $2)`, now.Add(-history)},
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
