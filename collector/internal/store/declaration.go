package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
)

// maxReason bounds the reason of a declaration, in bytes.
const maxReason = 1000

// Declare saves what a person said of a unit, in the place of what was said of
// that serial and PID before. Its date is today where it has none.
func (s *Store) Declare(ctx context.Context, org string, d reconcile.Declaration) error {
	err := s.change(ctx, org, func(t *tx) error {
		if d.Date == "" {
			d.Date = contract.DateOf(t.now)
		}
		d, err := checkDeclaration(d)
		if err != nil {
			return err
		}
		if err := organizationExists(ctx, t, org); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `INSERT INTO declarations (organization, serial, pid, kind, author, declared_on, reason, obtained)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (organization, serial, pid) DO UPDATE SET kind = excluded.kind, author = excluded.author,
			declared_on = excluded.declared_on, reason = excluded.reason, obtained = excluded.obtained`,
			org, d.Serial, d.PID, string(d.Kind), d.Author, string(d.Date), d.Reason, string(d.Obtained)); err != nil {
			return err
		}
		if err := markChanged(ctx, t, org); err != nil {
			return err
		}
		return t.audit(ctx, org, "declaration.save", strings.TrimSpace(d.PID+" "+d.Serial), detail{"author": d.Author, "kind": d.Kind, "reason": d.Reason})
	})
	if err != nil {
		return fmt.Errorf("cannot declare %s: %w", d.Serial, err)
	}
	return nil
}

// checkDeclaration returns the declaration cleaned.
func checkDeclaration(d reconcile.Declaration) (reconcile.Declaration, error) {
	author, err := checkName("author", d.Author)
	if err != nil {
		return d, err
	}
	d.Serial, d.PID, d.Author, d.Reason = inventory.CleanSerial(d.Serial), inventory.CleanPID(d.PID), author, inventory.CleanText(d.Reason)
	switch {
	case d.Serial == "" || len(d.Serial) > maxName || len(d.PID) > maxName:
		return d, fmt.Errorf("%w: it is no serial number or product", ErrInvalid)
	case !slices.Contains(reconcile.DeclarationKinds, d.Kind):
		return d, fmt.Errorf("%w: %q is not one of %v", ErrInvalid, d.Kind, reconcile.DeclarationKinds)
	case d.Reason == "" || len(d.Reason) > maxReason:
		return d, fmt.Errorf("%w: the reason is empty or longer than %d bytes", ErrInvalid, maxReason)
	}
	for _, day := range []contract.Date{d.Date, d.Obtained} {
		if _, err := contract.ParseDate(string(day)); day != "" && err != nil {
			return d, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return d, nil
}

// Undeclare takes back what was said of a serial, and of that PID alone unless
// it is "".
func (s *Store) Undeclare(ctx context.Context, org, serial, pid string) error {
	err := s.change(ctx, org, func(t *tx) error {
		if err := changeOne(ctx, t, org, `DELETE FROM declarations WHERE organization = $1 AND serial = $2 AND ($3 = '' OR pid = $3)`,
			org, inventory.CleanSerial(serial), inventory.CleanPID(pid)); err != nil {
			return err
		}
		return t.audit(ctx, org, "declaration.withdraw", strings.TrimSpace(pid+" "+serial), nil)
	})
	if err != nil {
		return fmt.Errorf("cannot take back what is declared of %s: %w", serial, err)
	}
	return nil
}

// Declarations returns what was said of the units of an organization, by serial.
func (s *Store) Declarations(ctx context.Context, org string) ([]reconcile.Declaration, error) {
	return listOf(ctx, s, org, declarations)
}

func declarations(ctx context.Context, q querier, org string) ([]reconcile.Declaration, error) {
	return list(ctx, q, func(scan func(...any) error, d *reconcile.Declaration) error {
		return scan(&d.Serial, &d.PID, &d.Kind, &d.Author, &d.Date, &d.Reason, &d.Obtained)
	}, `SELECT serial, pid, kind, author, declared_on, reason, obtained FROM declarations WHERE organization = $1 ORDER BY serial, pid`, org)
}
