package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"rollcall/collector/internal/contract"
)

// Kinds of ledgers.
const (
	rmaLedger   = "rma"
	orderLedger = "orders"
)

// ImportRMAs makes the entries the ledger of replacements of an organization,
// in the place of those before: people keep it as one file.
func (s *Store) ImportRMAs(ctx context.Context, org, file string, entries []contract.RMA) error {
	if entries == nil {
		entries = []contract.RMA{}
	}
	return s.importLedger(ctx, org, rmaLedger, file, entries)
}

// ImportOrders is ImportRMAs for the ledger of donated gear.
func (s *Store) ImportOrders(ctx context.Context, org, file string, entries []contract.Order) error {
	if entries == nil {
		entries = []contract.Order{}
	}
	return s.importLedger(ctx, org, orderLedger, file, entries)
}

func (s *Store) importLedger(ctx context.Context, org, kind, file string, entries any) error {
	raw, err := encode(entries)
	if err != nil {
		return err
	}
	err = s.update(ctx, func(t *tx) error {
		if err := organizationExists(ctx, t, org); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `INSERT INTO ledgers (organization, kind, file, imported_at, entries) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (organization, kind) DO UPDATE SET file = excluded.file, imported_at = excluded.imported_at, entries = excluded.entries`,
			org, kind, file, millis(t.now), raw); err != nil {
			return fmt.Errorf("cannot save ledger: %w", err)
		}
		return markChanged(ctx, t, org)
	})
	if err != nil {
		return fmt.Errorf("cannot import %s: %w", file, err)
	}
	return nil
}

// ledger reads the newest ledger of a kind, and leaves into as it is when there
// is none.
func ledger(ctx context.Context, t *tx, org, kind string, into any) error {
	var raw string
	err := t.QueryRowContext(ctx, `SELECT entries FROM ledgers WHERE organization = $1 AND kind = $2`, org, kind).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return decode(raw, into)
}
