package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
)

// A Retirement is one that a person said, and whether it holds.
type Retirement struct {
	reconcile.Retirement
	Holds bool // false when something newer was seen since
}

// Retire saves that a contract, node or site is gone, in the place of what was
// said of it before. It has to be known. Its time is now, and its date today
// where it has none.
func (s *Store) Retire(ctx context.Context, org string, r reconcile.Retirement) error {
	err := s.change(ctx, org, func(t *tx) (err error) {
		r.At = t.now
		if r.Date == "" {
			r.Date = contract.DateOf(t.now)
		}
		if r, err = checkRetirement(r); err != nil {
			return err
		}
		if err := organizationExists(ctx, t, org); err != nil {
			return err
		}
		query := map[reconcile.RetirementKind]string{
			reconcile.RetiredContract: `SELECT COUNT(*) FROM contracts WHERE organization = $1 AND number = $2`,
			reconcile.RetiredNode:     `SELECT COUNT(*) FROM nodes WHERE organization = $1 AND site || '/' || address = $2`,
			reconcile.RetiredSite:     `SELECT COUNT(*) FROM sites WHERE organization = $1 AND name = $2`,
		}[r.Kind]
		var n int
		if err := t.QueryRowContext(ctx, query, org, r.Name).Scan(&n); err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		if _, err := t.ExecContext(ctx, `INSERT INTO retirements (organization, kind, name, author, since, said, reason) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (organization, kind, name) DO UPDATE SET author = excluded.author, since = excluded.since, said = excluded.said, reason = excluded.reason`,
			org, string(r.Kind), r.Name, r.Author, string(r.Date), millis(r.At), r.Reason); err != nil {
			return err
		}
		if err := markChanged(ctx, t, org); err != nil {
			return err
		}
		return t.audit(ctx, org, "retirement.save", string(r.Kind)+" "+r.Name, detail{"author": r.Author, "reason": r.Reason, "since": r.Date})
	})
	if err != nil {
		return fmt.Errorf("cannot retire %s %.100q: %w", r.Kind, r.Name, err)
	}
	return nil
}

// checkRetirement returns the retirement cleaned.
func checkRetirement(r reconcile.Retirement) (reconcile.Retirement, error) {
	author, err := checkName("author", r.Author)
	if err != nil {
		return r, err
	}
	r.Author, r.Reason = author, inventory.CleanText(r.Reason)
	if !slices.Contains(reconcile.RetirementKinds, r.Kind) {
		return r, fmt.Errorf("%w: %.40q is not one of %v", ErrInvalid, r.Kind, reconcile.RetirementKinds)
	}
	if r.Reason == "" || len(r.Reason) > maxReason {
		return r, fmt.Errorf("%w: the reason is empty or longer than %d bytes", ErrInvalid, maxReason)
	}
	if _, err := contract.ParseDate(string(r.Date)); err != nil {
		return r, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return r, nil
}

// Unretire takes back that a contract, node or site is gone.
func (s *Store) Unretire(ctx context.Context, org string, kind reconcile.RetirementKind, name string) error {
	err := s.change(ctx, org, func(t *tx) error {
		if err := changeOne(ctx, t, org, `DELETE FROM retirements WHERE organization = $1 AND kind = $2 AND name = $3`, org, string(kind), name); err != nil {
			return err
		}
		return t.audit(ctx, org, "retirement.withdraw", string(kind)+" "+name, nil)
	})
	if err != nil {
		return fmt.Errorf("cannot take back that %.20s %.100q is retired: %w", kind, name, err)
	}
	return nil
}

// Retirements returns what people said is gone, by kind and name.
func (s *Store) Retirements(ctx context.Context, org string) ([]Retirement, error) {
	var all []Retirement
	err := s.viewOf(ctx, org, func(t *tx) error {
		f, err := standingFacts(ctx, t, org)
		if err != nil {
			return err
		}
		standing := f.Standing()
		for _, r := range f.Retirements {
			all = append(all, Retirement{r, standing.Holds(r)})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read what is retired of organization %q: %w", org, err)
	}
	return all, nil
}

func retirements(ctx context.Context, q querier, org string) ([]reconcile.Retirement, error) {
	return list(ctx, q, func(scan func(...any) error, r *reconcile.Retirement) error {
		var said int64
		err := scan(&r.Kind, &r.Name, &r.Author, &r.Date, &said, &r.Reason)
		r.At = moment(said)
		return err
	}, `SELECT kind, name, author, since, said, reason FROM retirements WHERE organization = $1 ORDER BY kind, name`, org)
}

// standingFacts are those that say which retirements hold; nothing else is read
// of an organization without any.
func standingFacts(ctx context.Context, q querier, org string) (f reconcile.Facts, err error) {
	if f.Retirements, err = retirements(ctx, q, org); err != nil || len(f.Retirements) == 0 {
		return f, err
	}
	var errs [3]error
	f.Imports, errs[0] = imports(ctx, q, org)
	f.Nodes, errs[1] = nodes(ctx, q, org)
	f.Agents, errs[2] = agents(ctx, q, org)
	return f, errors.Join(errs[:]...)
}
