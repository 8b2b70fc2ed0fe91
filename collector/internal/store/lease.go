package store

import (
	"context"
	"fmt"
	"time"
)

// Lease takes the work of that name for this store, for as long as given, or
// renews it; false while another store of the same database has it. It ends by
// itself, so that the work of a process that died goes on elsewhere. The clocks
// of the processes are compared: the time is to be long against what they
// differ by, and the work is to do no harm when two do it.
func (s *Store) Lease(ctx context.Context, name string, d time.Duration) (taken bool, err error) {
	err = s.update(ctx, func(t *tx) error {
		res, err := t.ExecContext(ctx, `INSERT INTO leases (name, holder, expires) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires = excluded.expires WHERE leases.holder = excluded.holder OR leases.expires <= $4`,
			name, s.holder, millis(t.now.Add(d)), millis(t.now))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		taken = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("cannot take the lease %q: %w", name, err)
	}
	return taken, nil
}

// EndLease gives free what Lease took.
func (s *Store) EndLease(ctx context.Context, name string) error {
	return s.update(ctx, func(t *tx) error {
		if _, err := t.ExecContext(ctx, `DELETE FROM leases WHERE name = $1 AND holder = $2`, name, s.holder); err != nil {
			return fmt.Errorf("cannot end the lease %q: %w", name, err)
		}
		return nil
	})
}
