package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rollcall/pkg/inventory"
)

const (
	// lateUpload is how long after the first upload of a new program one of
	// the program before it may come: it was on the way. The endpoint gives no
	// upload more than five minutes.
	lateUpload = 10 * time.Minute
	// keepInstances is how many programs of an agent are remembered.
	keepInstances = 20
	// maxInstance bounds the name of one, in bytes.
	maxInstance = 64
	// overlapShown is how long it is said that an agent ran twice, from the
	// last time that it did.
	overlapShown = 7 * 24 * time.Hour
)

// RunsTwice says that two programs are this agent: the machine was copied, or
// an old copy of it was brought back beside it.
func (a Agent) RunsTwice(now time.Time) bool {
	return !a.Overlapped.IsZero() && now.Sub(a.Overlapped) < max(overlapShown, 3*a.Interval)
}

// noteInstance notes which program the agent is. Each start of it is another
// one, also with a new spool, and the ones before never come back: where one
// does, both are running, with the same identity. That is noted and shown, and
// changes nothing else: to lock out one of them might be to lock out the right
// one.
func noteInstance(ctx context.Context, t *tx, a machine, instance string) error {
	if instance == "" || len(instance) > maxInstance || instance != inventory.CleanText(instance) || instance == a.instance {
		return nil
	}
	var left int64
	err := t.QueryRowContext(ctx, `SELECT last_seen FROM agent_instances WHERE agent = $1 AND instance = $2`, a.ID, instance).Scan(&left)
	back := err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("cannot read instances of agent: %w", err)
	}
	if back && t.now.Sub(a.since) < lateUpload {
		return nil
	}
	if back {
		a.Overlapped = t.now
		if err := markChanged(ctx, t, a.Organization); err != nil {
			return err
		}
	}
	if _, err := t.ExecContext(ctx, `UPDATE agents SET instance = $1, instance_since = $2, overlapped = $3 WHERE id = $4`,
		instance, millis(t.now), millis(a.Overlapped), a.ID); err != nil {
		return fmt.Errorf("cannot save instance of agent: %w", err)
	}
	if a.instance == "" {
		return nil
	}
	if _, err := t.ExecContext(ctx, `INSERT INTO agent_instances (agent, instance, organization, last_seen) VALUES ($1, $2, $3, $4)
		ON CONFLICT (agent, instance) DO UPDATE SET last_seen = excluded.last_seen`, a.ID, a.instance, a.Organization, millis(t.now)); err != nil {
		return fmt.Errorf("cannot save instance of agent: %w", err)
	}
	if _, err := t.ExecContext(ctx, `DELETE FROM agent_instances WHERE agent = $1 AND instance NOT IN
		(SELECT instance FROM agent_instances WHERE agent = $1 ORDER BY last_seen DESC, instance LIMIT $2)`, a.ID, keepInstances); err != nil {
		return fmt.Errorf("cannot forget old instances: %w", err)
	}
	return nil
}
