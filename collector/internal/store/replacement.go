package store

import (
	"context"
	"errors"
	"fmt"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
)

// A Replacement says which unit came for which, as recorded or as once found.
type Replacement struct {
	OldSerial, OldPID string
	NewSerial, NewPID string
	RMANumber         string
	Entry             int64 // of the ledger of replacements, 0 when it is not recorded
	Finding           int64 // about it, the newest; 0 for none
}

// Replacement is the one that a finding of kind RMAMismatch is about, as a
// record of it would begin; false for other findings.
func (f Finding) Replacement() (contract.RMA, bool) {
	sheet := f.NextStep.Sheet
	r := contract.RMA{OldSerial: sheet["remove_serial"], OldPID: sheet["remove_pid"], NewSerial: sheet["add_serial"], NewPID: sheet["add_pid"], Contract: sheet["contract"]}
	return r, f.Kind == reconcile.RMAMismatch && r.OldSerial != "" && r.NewSerial != "" && r.OldSerial != r.NewSerial
}

// ConfirmReplacement records a replacement that was inferred, or completes the
// record of it: fields that are empty leave what is known. A rejection of it is
// forgotten. It returns the ID of the ledger's entry.
func (s *Store) ConfirmReplacement(ctx context.Context, org string, r contract.RMA, author string) (id int64, err error) {
	err = s.change(ctx, org, func(t *tx) error {
		r, err := checkRMA(r)
		if err != nil {
			return err
		}
		if r.NewSerial == "" {
			return fmt.Errorf("%w: new_serial: a serial number is needed", ErrInvalid)
		}
		all, err := currentEntries[contract.RMA](ctx, t, org, RMAImport)
		if err != nil {
			return err
		}
		id = 0
		for _, e := range all {
			if rmaIdentity(e.Entry) == rmaIdentity(r) {
				id, r = e.ID, complete(r, e.Entry)
			}
		}
		if id, err = saveRMA(ctx, t, org, id, r, author); err != nil {
			return err
		}
		if _, err = t.ExecContext(ctx, `DELETE FROM rejections WHERE organization = $1 AND old_serial = $2 AND new_serial = $3`, org, r.OldSerial, r.NewSerial); err != nil {
			return err
		}
		return t.audit(ctx, org, "replacement.confirm", r.OldSerial+" by "+r.NewSerial, detail{"author": author, "rma": r.RMANumber})
	})
	if err != nil {
		return 0, fmt.Errorf("cannot confirm the replacement: %w", err)
	}
	return id, nil
}

// complete fills the empty fields of a record by those of another.
func complete(r, known contract.RMA) contract.RMA {
	for _, f := range []struct {
		to   *string
		from string
	}{
		{&r.RMANumber, known.RMANumber},
		{&r.CaseNumber, known.CaseNumber},
		{&r.Contract, known.Contract},
		{&r.OldPID, known.OldPID},
		{&r.NewPID, known.NewPID},
	} {
		if *f.to == "" {
			*f.to = f.from
		}
	}
	for _, f := range []struct {
		to   *contract.Date
		from contract.Date
	}{{&r.OpenedOn, known.OpenedOn}, {&r.ShippedOn, known.ShippedOn}, {&r.ReturnBy, known.ReturnBy}} {
		if *f.to == "" {
			*f.to = f.from
		}
	}
	return r
}

// RejectReplacement saves that one unit did not replace another. ErrConflict is
// returned where the replacement is recorded: the record is to be deleted.
func (s *Store) RejectReplacement(ctx context.Context, org string, x reconcile.Rejection) error {
	err := s.change(ctx, org, func(t *tx) (err error) {
		if x.Date == "" {
			x.Date = contract.DateOf(t.now)
		}
		if x, err = checkRejection(x); err != nil {
			return err
		}
		if err := organizationExists(ctx, t, org); err != nil {
			return err
		}
		all, err := currentEntries[contract.RMA](ctx, t, org, RMAImport)
		if err != nil {
			return err
		}
		for _, e := range all {
			if rmaIdentity(e.Entry) == (identity{x.OldSerial, x.NewSerial}) {
				return fmt.Errorf("%w: entry %d of the ledger of replacements records it: delete that one", ErrConflict, e.ID)
			}
		}
		if _, err := t.ExecContext(ctx, `INSERT INTO rejections (organization, old_serial, new_serial, author, rejected_on, reason) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (organization, old_serial, new_serial) DO UPDATE SET author = excluded.author, rejected_on = excluded.rejected_on, reason = excluded.reason`,
			org, x.OldSerial, x.NewSerial, x.Author, string(x.Date), x.Reason); err != nil {
			return err
		}
		if err := markChanged(ctx, t, org); err != nil {
			return err
		}
		return t.audit(ctx, org, "replacement.reject", x.OldSerial+" by "+x.NewSerial, detail{"author": x.Author, "reason": x.Reason})
	})
	if err != nil {
		return fmt.Errorf("cannot reject the replacement: %w", err)
	}
	return nil
}

func checkRejection(x reconcile.Rejection) (reconcile.Rejection, error) {
	author, err := checkName("author", x.Author)
	if err != nil {
		return x, err
	}
	x.Author, x.Reason = author, inventory.CleanText(x.Reason)
	x.OldSerial, x.NewSerial = inventory.CleanSerial(x.OldSerial), inventory.CleanSerial(x.NewSerial)
	c := fieldCheck{}
	c.serial("old_serial", x.OldSerial, true)
	c.serial("new_serial", x.NewSerial, true)
	c.day("date", x.Date)
	if c.err == nil && len(x.Reason) > maxReason {
		c.err = fmt.Errorf("%w: the reason is longer than %d bytes", ErrInvalid, maxReason)
	}
	return x, c.err
}

// UnrejectReplacement lets a replacement be inferred again.
func (s *Store) UnrejectReplacement(ctx context.Context, org, oldSerial, newSerial string) error {
	err := s.change(ctx, org, func(t *tx) error {
		if err := changeOne(ctx, t, org, `DELETE FROM rejections WHERE organization = $1 AND old_serial = $2 AND new_serial = $3`,
			org, inventory.CleanSerial(oldSerial), inventory.CleanSerial(newSerial)); err != nil {
			return err
		}
		return t.audit(ctx, org, "replacement.withdraw_rejection", oldSerial+" by "+newSerial, nil)
	})
	if err != nil {
		return fmt.Errorf("cannot take back the rejection of %.60q by %.60q: %w", oldSerial, newSerial, err)
	}
	return nil
}

// Rejections returns the inferred replacements that people said are none.
func (s *Store) Rejections(ctx context.Context, org string) ([]reconcile.Rejection, error) {
	return listOf(ctx, s, org, rejections)
}

func rejections(ctx context.Context, q querier, org string) ([]reconcile.Rejection, error) {
	return list(ctx, q, func(scan func(...any) error, x *reconcile.Rejection) error {
		return scan(&x.OldSerial, &x.NewSerial, &x.Author, &x.Date, &x.Reason)
	}, `SELECT old_serial, new_serial, author, rejected_on, reason FROM rejections WHERE organization = $1 ORDER BY old_serial, new_serial`, org)
}

// Replacements returns which unit came for which in an organization: what is
// recorded, and what was ever found and not rejected, each pair once.
func (s *Store) Replacements(ctx context.Context, org string) ([]Replacement, error) {
	var all []Replacement
	err := s.viewOf(ctx, org, func(t *tx) error {
		records, err := currentEntries[contract.RMA](ctx, t, org, RMAImport)
		if err != nil {
			return err
		}
		rejected, errRejected := rejections(ctx, t, org)
		found, errFound := list(ctx, t, scanFinding, `SELECT `+findingColumns+` FROM findings WHERE organization = $1 AND kind = $2 ORDER BY id`, org, string(reconcile.RMAMismatch))
		if err := errors.Join(errRejected, errFound); err != nil {
			return err
		}
		at := map[identity]int{}
		for _, e := range records {
			r := e.Entry
			if id := rmaIdentity(r); id[1] != "" && id[0] != id[1] {
				at[id] = len(all)
				all = append(all, Replacement{OldSerial: id[0], OldPID: r.OldPID, NewSerial: id[1], NewPID: r.NewPID, RMANumber: r.RMANumber, Entry: e.ID})
			}
		}
		for _, x := range rejected {
			if _, recorded := at[identity{x.OldSerial, x.NewSerial}]; !recorded {
				at[identity{x.OldSerial, x.NewSerial}] = -1
			}
		}
		for _, f := range found {
			r, ok := f.Replacement()
			id := rmaIdentity(r)
			i, known := at[id]
			switch {
			case !ok || i < 0:
			case known:
				all[i].Finding = f.ID
			default:
				at[id] = len(all)
				all = append(all, Replacement{OldSerial: id[0], OldPID: r.OldPID, NewSerial: id[1], NewPID: r.NewPID, Finding: f.ID})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the replacements of organization %q: %w", org, err)
	}
	return all, nil
}
