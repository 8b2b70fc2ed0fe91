package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
)

// Facts returns all that is known of an organization, of one moment, with the
// default settings. SaveResult then settles the changes that the facts hold.
func (s *Store) Facts(ctx context.Context, org string) (reconcile.Facts, error) {
	f := reconcile.Facts{Organization: org, Settings: reconcile.DefaultSettings()}
	var revision int64
	err := s.viewOf(ctx, org, func(t *tx) (err error) {
		f.Now = t.now
		err = t.QueryRowContext(ctx, `SELECT name, revision FROM organizations WHERE id = $1`, org).Scan(&f.Name, &revision)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		if f.Agents, err = agents(ctx, t, org); err != nil {
			return fmt.Errorf("agents: %w", err)
		}
		if f.Nodes, err = nodes(ctx, t, org); err != nil {
			return fmt.Errorf("nodes: %w", err)
		}
		if f.Sightings, err = sightings(ctx, t, org); err != nil {
			return fmt.Errorf("components: %w", err)
		}
		if f.Imports, err = imports(ctx, t, org); err != nil {
			return fmt.Errorf("imports: %w", err)
		}
		if f.Lines, err = lines(ctx, t, org); err != nil {
			return fmt.Errorf("contract lines: %w", err)
		}
		if f.Refused, err = refused(ctx, t, org); err != nil {
			return fmt.Errorf("refused rows: %w", err)
		}
		if f.Dropped, err = dropped(ctx, t, org); err != nil {
			return fmt.Errorf("earlier contract lines: %w", err)
		}
		return said(ctx, t, &f)
	})
	if err != nil {
		return reconcile.Facts{}, fmt.Errorf("cannot read the facts of organization %q: %w", org, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// The lowest, for it is not known which of the facts a result is of.
	if seen, ok := s.seen[org]; !ok || revision < seen {
		s.seen[org] = revision
	}
	return f, nil
}

// said reads what people keep and say.
func said(ctx context.Context, t *tx, f *reconcile.Facts) (err error) {
	if f.RMAs, err = entries[contract.RMA](ctx, t, f.Organization, RMAImport); err != nil {
		return fmt.Errorf("replacements: %w", err)
	}
	if f.Orders, err = entries[contract.Order](ctx, t, f.Organization, OrderImport); err != nil {
		return fmt.Errorf("orders: %w", err)
	}
	if f.Declarations, err = declarations(ctx, t, f.Organization); err != nil {
		return fmt.Errorf("declarations: %w", err)
	}
	if f.Rejections, err = rejections(ctx, t, f.Organization); err != nil {
		return fmt.Errorf("rejections: %w", err)
	}
	if f.Retirements, err = retirements(ctx, t, f.Organization); err != nil {
		return fmt.Errorf("retirements: %w", err)
	}
	if err = supportFacts(ctx, t, f.Organization, f); err != nil {
		return fmt.Errorf("answers of the Support APIs: %w", err)
	}
	all, err := sites(ctx, t, f.Organization)
	if err != nil {
		return fmt.Errorf("sites: %w", err)
	}
	for _, s := range all {
		if s.Address() != "" {
			f.Sites = append(f.Sites, s)
		}
	}
	return nil
}

func lines(ctx context.Context, q querier, org string) ([]contract.Line, error) {
	return list(ctx, q, func(scan func(...any) error, l *contract.Line) error { return scanJSON(scan, l) },
		`SELECT line FROM lines WHERE organization = $1 ORDER BY contract, line_key, ordinal`, org)
}
