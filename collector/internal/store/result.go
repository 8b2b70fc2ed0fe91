package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
)

// A Unit is a unit of the last result of an organization.
type Unit struct {
	Organization string
	reconcile.Unit
}

// A Count is the number of units of one sort.
type Count struct {
	Organization string
	Site         string
	Coverage     reconcile.Coverage
	Class        inventory.Class
	N            int
}

// Reconcile makes what judge says of the facts the result of an organization.
// On PostgreSQL one process at a time does so: where another has the
// organization, or has brought it up to date already, nothing is done and false
// is returned. What a process had that died is free for another at once.
func (s *Store) Reconcile(ctx context.Context, org string, judge func(reconcile.Facts) reconcile.Result) (done bool, err error) {
	release, claimed, err := s.db.claim(ctx, org)
	if err != nil {
		return false, fmt.Errorf("cannot claim organization %q: %w", org, err)
	}
	if !claimed {
		return false, nil
	}
	defer release()
	facts, err := s.Facts(ctx, org)
	if err != nil {
		return false, err
	}
	return true, s.SaveResult(ctx, org, judge(facts))
}

// SaveResult makes r the result of the organization. Findings live on by their
// key: new ones open, those that r no longer has are resolved, but for those
// that it cannot tell of. A result of older facts than those of the saved one is
// dropped.
func (s *Store) SaveResult(ctx context.Context, org string, r reconcile.Result) error {
	s.mu.Lock()
	revision, seen := s.seen[org]
	delete(s.seen, org)
	s.mu.Unlock()
	err := s.change(ctx, org, func(t *tx) error {
		var reconciled, newest int64
		err := t.QueryRowContext(ctx, `SELECT reconciled, revision FROM organizations WHERE id = $1`, org).Scan(&reconciled, &newest)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return ErrNotFound
		case err != nil:
			return fmt.Errorf("cannot read organization: %w", err)
		case seen && revision < reconciled:
			return nil // its claim was lost, and another took it up
		case seen && revision > newest:
			return nil // to settle what the numbers are given to next would hide that
		}
		if err := writeUnits(ctx, t, org, r.Units); err != nil {
			return err
		}
		if err := writeFigures(ctx, t, org, r.Figures); err != nil {
			return err
		}
		opened, resolved, err := s.writeFindings(ctx, t, org, r)
		if err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `INSERT INTO runs (organization, ran_at, units, findings, opened, resolved) VALUES ($1, $2, $3, $4, $5, $6)`,
			org, millis(t.now), len(r.Units), len(r.Findings), opened, resolved); err != nil {
			return fmt.Errorf("cannot note the run: %w", err)
		}
		if !seen {
			revision = 0
		}
		if _, err := t.ExecContext(ctx, `UPDATE organizations SET last_run = $1, reconciled = CASE WHEN reconciled < $2 THEN $2 ELSE reconciled END
			WHERE id = $3`, millis(t.now), revision, org); err != nil {
			return fmt.Errorf("cannot settle changes: %w", err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot save the result of organization %q: %w", org, err)
	}
	return nil
}

func writeUnits(ctx context.Context, t *tx, org string, units []reconcile.Unit) error {
	for _, q := range []string{`DELETE FROM units WHERE organization = $1`, `DELETE FROM unit_counts WHERE organization = $1`} {
		if _, err := t.ExecContext(ctx, q, org); err != nil {
			return fmt.Errorf("cannot remove the units of the result before: %w", err)
		}
	}
	insert, err := t.PrepareContext(ctx, `INSERT INTO units (organization, ordinal, site, address, slot, serial, unit) VALUES ($1, $2, $3, $4, $5, $6, $7)`)
	if err != nil {
		return fmt.Errorf("cannot save units: %w", err)
	}
	defer func() { _ = insert.Close() }()
	counts := map[Count]int{}
	for i, u := range units {
		raw, err := encode(u)
		if err != nil {
			return err
		}
		if _, err := insert.ExecContext(ctx, org, i, u.Site, u.Address, u.Slot, u.Serial, raw); err != nil {
			return fmt.Errorf("cannot save unit %s: %w", u.Serial, err)
		}
		counts[Count{Site: u.Site, Coverage: u.Coverage, Class: u.Class}]++
	}
	for c, n := range counts {
		if _, err := t.ExecContext(ctx, `INSERT INTO unit_counts (organization, site, coverage, class, n) VALUES ($1, $2, $3, $4, $5)`,
			org, c.Site, string(c.Coverage), string(c.Class), n); err != nil {
			return fmt.Errorf("cannot save counts of units: %w", err)
		}
	}
	return nil
}

// Units returns the units of the last result of an organization, or of all for
// "", in the order of the result. When each was last seen is of now: an
// unchanged report makes no new result.
func (s *Store) Units(ctx context.Context, org string) ([]Unit, error) {
	all, err := listAll(ctx, s, func(scan func(...any) error, u *Unit) error {
		var raw string
		var last int64
		if err := scan(&u.Organization, &raw, &last); err != nil {
			return err
		}
		if err := decode(raw, &u.Unit); err != nil {
			return err
		}
		if seen := moment(last); seen.After(u.LastSeen) {
			u.LastSeen = seen
		}
		return nil
	}, `SELECT u.organization, u.unit, COALESCE((SELECT MAX(CASE WHEN s.in_last = 1 THEN n.polled ELSE s.last_seen END)`+sightingTables+
		`WHERE s.organization = u.organization AND s.site = u.site AND s.address = u.address AND s.slot = u.slot AND s.serial = u.serial AND s.gone = 0), 0)
		FROM units u WHERE u.organization = $1 OR $1 = '' ORDER BY u.organization, u.ordinal`, s.reach(org))
	return keep(s, all, func(u Unit) string { return u.Organization }), err
}

// Summary counts the units of the last results, by organization, site, coverage
// and class.
func (s *Store) Summary(ctx context.Context) ([]Count, error) {
	all, err := listAll(ctx, s, func(scan func(...any) error, c *Count) error {
		return scan(&c.Organization, &c.Site, &c.Coverage, &c.Class, &c.N)
	}, `SELECT organization, site, coverage, class, n FROM unit_counts ORDER BY organization, site, coverage, class`)
	return keep(s, all, func(c Count) string { return c.Organization }), err
}

// LastRun returns when the organization was last reconciled, zero when never.
func (s *Store) LastRun(ctx context.Context, org string) (time.Time, error) {
	var at int64
	if err := s.viewOf(ctx, org, func(t *tx) error {
		return t.QueryRowContext(ctx, `SELECT COALESCE(MAX(last_run), 0) FROM organizations WHERE id = $1`, org).Scan(&at)
	}); err != nil {
		return time.Time{}, fmt.Errorf("cannot read the last run of organization %q: %w", org, err)
	}
	return moment(at), nil
}
