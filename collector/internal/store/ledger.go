package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// A LedgerEntry is one entry of a ledger that people keep.
type LedgerEntry[T contract.RMA | contract.Order] struct {
	ID      int64
	Entry   T
	File    string    // with which it came, "" for one that was entered here
	Author  string    // of its last change here, "" for one that is as in the file
	Changed time.Time // its last change, or its import
}

// ImportRMAs makes the entries of a file the ledger of replacements of an
// organization, in the place of those of the file before: people keep it as one
// file. Entries that a person entered or corrected here stay beside them, but
// for replacements that the file has.
func (s *Store) ImportRMAs(ctx context.Context, org, file string, entries []contract.RMA) (Diff, error) {
	return importLedger(ctx, s, org, RMAImport, file, entries, rmaIdentity)
}

// ImportOrders is ImportRMAs for the ledger of donated gear.
func (s *Store) ImportOrders(ctx context.Context, org, file string, entries []contract.Order) (Diff, error) {
	return importLedger(ctx, s, org, OrderImport, file, entries, orderIdentity)
}

// An identity tells one entry of a ledger from another.
type identity [3]string

func rmaIdentity(r contract.RMA) identity {
	return identity{inventory.CleanSerial(r.OldSerial), inventory.CleanSerial(r.NewSerial)}
}

func orderIdentity(o contract.Order) identity {
	return identity{o.OrderNumber, inventory.CleanPID(o.ProductID), inventory.CleanSerial(o.Serial)}
}

func importLedger[T contract.RMA | contract.Order](ctx context.Context, s *Store, org string, kind ImportKind, file string, entries []T, identify func(T) identity) (Diff, error) {
	var diff Diff
	err := s.change(ctx, org, func(t *tx) error {
		diff = Diff{}
		if err := organizationExists(ctx, t, org); err != nil {
			return err
		}
		before, err := currentEntries[T](ctx, t, org, kind)
		if err != nil {
			return err
		}
		if err := markChanged(ctx, t, org); err != nil {
			return err
		}
		if diff.Unchanged, err = sameLedger(ctx, t, org, kind, file, before, entries); err == nil && !diff.Unchanged {
			err = replaceLedger(ctx, t, org, kind, file, before, entries, identify, &diff)
		}
		if err != nil {
			return err
		}
		return t.audit(ctx, org, "import."+string(kind), file, diff.detail(""))
	})
	if err != nil {
		return Diff{}, fmt.Errorf("cannot import %s: %w", file, err)
	}
	return diff, nil
}

// sameLedger says that the entries are those of the newest import, unchanged,
// and notes that they came again.
func sameLedger[T contract.RMA | contract.Order](ctx context.Context, t *tx, org string, kind ImportKind, file string, before []LedgerEntry[T], entries []T) (bool, error) {
	var last int64
	var sum string
	err := t.QueryRowContext(ctx, `SELECT id, sha256 FROM imports WHERE organization = $1 AND kind = $2 AND undone = 0 ORDER BY id DESC LIMIT 1`, org, string(kind)).Scan(&last, &sum)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var fromFile []T
	for _, e := range before {
		if e.File != "" && e.Author == "" {
			fromFile = append(fromFile, e.Entry)
		}
	}
	was, err := digest(fromFile)
	if err != nil {
		return false, err
	}
	is, err := digest(entries)
	if err != nil || was != is || sum != is { // an entry that was corrected or deleted here comes back
		return false, err
	}
	_, err = t.ExecContext(ctx, `UPDATE imports SET imported_at = $1, file = $2 WHERE id = $3`, millis(t.now), file, last)
	return err == nil, err
}

// digest is of the entries, wherever they stood in their file.
func digest[T contract.RMA | contract.Order](entries []T) (string, error) {
	sum := sha256.New()
	for _, e := range entries {
		raw, err := encode(withoutRow(e))
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprintln(sum, raw) // a hash takes all
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func withoutRow[T contract.RMA | contract.Order](e T) any {
	switch e := any(e).(type) {
	case contract.RMA:
		e.Row = 0
		return e
	case contract.Order:
		e.Row = 0
		return e
	}
	return e
}

func replaceLedger[T contract.RMA | contract.Order](ctx context.Context, t *tx, org string, kind ImportKind, file string, before []LedgerEntry[T], entries []T, identify func(T) identity, diff *Diff) error {
	sum, err := digest(entries)
	if err != nil {
		return err
	}
	is := map[identity]any{}
	for _, e := range entries {
		is[identify(e)] = withoutRow(e)
	}
	was := map[identity]any{}
	var ended []int64
	for _, e := range before {
		if _, listed := is[identify(e.Entry)]; e.Author == "" || listed {
			was[identify(e.Entry)] = withoutRow(e.Entry)
			ended = append(ended, e.ID)
		}
	}
	for id, e := range is {
		switch old, known := was[id]; {
		case !known:
			diff.Added++
		case old != e:
			diff.Changed++
		}
	}
	for id := range was {
		if _, still := is[id]; !still {
			diff.Removed++
		}
	}
	var id int64
	if err := t.QueryRowContext(ctx, `INSERT INTO imports (organization, kind, file, sha256, imported_at, lines, refusals, added, removed, changed)
		VALUES ($1, $2, $3, $4, $5, $6, '[]', $7, $8, $9) RETURNING id`, org, string(kind), file, sum, millis(t.now), len(entries),
		diff.Added, diff.Removed, diff.Changed).Scan(&id); err != nil {
		return fmt.Errorf("cannot save import: %w", err)
	}
	for _, e := range ended {
		if _, err := t.ExecContext(ctx, `UPDATE ledger_entries SET ended = $1 WHERE id = $2`, id, e); err != nil {
			return fmt.Errorf("cannot end an entry: %w", err)
		}
	}
	for _, e := range entries {
		if _, err := insertEntry(ctx, t, org, kind, e, id, ""); err != nil {
			return err
		}
	}
	return nil
}

// insertEntry adds an entry, with 0 for no import.
func insertEntry(ctx context.Context, t *tx, org string, kind ImportKind, entry any, importID int64, author string) (id int64, err error) {
	raw, err := encode(entry)
	if err != nil {
		return 0, err
	}
	if err := t.QueryRowContext(ctx, `INSERT INTO ledger_entries (organization, kind, entry, import, author, changed)
		VALUES ($1, $2, $3, NULLIF($4, 0), $5, $6) RETURNING id`, org, string(kind), raw, importID, author, millis(t.now)).Scan(&id); err != nil {
		return 0, fmt.Errorf("cannot save an entry: %w", err)
	}
	return id, nil
}

func currentEntries[T contract.RMA | contract.Order](ctx context.Context, q querier, org string, kind ImportKind) ([]LedgerEntry[T], error) {
	return list(ctx, q, func(scan func(...any) error, e *LedgerEntry[T]) error {
		var raw string
		var changed int64
		if err := scan(&e.ID, &raw, &e.File, &e.Author, &changed); err != nil {
			return err
		}
		e.Changed = moment(changed)
		return decode(raw, &e.Entry)
	}, `SELECT e.id, e.entry, COALESCE(i.file, ''), e.author, e.changed FROM ledger_entries e LEFT JOIN imports i ON i.id = e.import
		WHERE e.organization = $1 AND e.kind = $2 AND e.ended IS NULL ORDER BY e.id`, org, string(kind))
}

// entries are those of a ledger that count, by themselves; nil for none.
func entries[T contract.RMA | contract.Order](ctx context.Context, q querier, org string, kind ImportKind) ([]T, error) {
	all, err := currentEntries[T](ctx, q, org, kind)
	var bare []T
	for _, e := range all {
		bare = append(bare, e.Entry)
	}
	return bare, err
}

// RMAs returns the ledger of replacements of an organization, in the order of
// its file, with those entered here at the end.
func (s *Store) RMAs(ctx context.Context, org string) ([]LedgerEntry[contract.RMA], error) {
	return listOf(ctx, s, org, func(ctx context.Context, q querier, org string) ([]LedgerEntry[contract.RMA], error) {
		return currentEntries[contract.RMA](ctx, q, org, RMAImport)
	})
}

// Orders is RMAs for the ledger of donated gear.
func (s *Store) Orders(ctx context.Context, org string) ([]LedgerEntry[contract.Order], error) {
	return listOf(ctx, s, org, func(ctx context.Context, q querier, org string) ([]LedgerEntry[contract.Order], error) {
		return currentEntries[contract.Order](ctx, q, org, OrderImport)
	})
}

// SaveRMA corrects the entry of that ID, or for 0 adds one, and returns its ID.
// ErrConflict is returned when another entry has the same pair of serials.
func (s *Store) SaveRMA(ctx context.Context, org string, id int64, r contract.RMA, author string) (saved int64, err error) {
	err = s.change(ctx, org, func(t *tx) (err error) {
		saved, err = saveRMA(ctx, t, org, id, r, author)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("cannot save the replacement: %w", err)
	}
	return saved, nil
}

func saveRMA(ctx context.Context, t *tx, org string, id int64, r contract.RMA, author string) (int64, error) {
	r, err := checkRMA(r)
	if err != nil {
		return 0, err
	}
	return saveEntry(ctx, t, org, RMAImport, id, r, author, rmaIdentity)
}

// SaveOrder is SaveRMA for the ledger of donated gear.
func (s *Store) SaveOrder(ctx context.Context, org string, id int64, o contract.Order, author string) (saved int64, err error) {
	err = s.change(ctx, org, func(t *tx) error {
		o, err := checkOrder(o)
		if err == nil {
			saved, err = saveEntry(ctx, t, org, OrderImport, id, o, author, orderIdentity)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("cannot save the order: %w", err)
	}
	return saved, nil
}

func saveEntry[T contract.RMA | contract.Order](ctx context.Context, t *tx, org string, kind ImportKind, id int64, entry T, author string, identify func(T) identity) (int64, error) {
	author, err := checkName("author", author)
	if err != nil {
		return 0, err
	}
	if err := organizationExists(ctx, t, org); err != nil {
		return 0, err
	}
	all, err := currentEntries[T](ctx, t, org, kind)
	if err != nil {
		return 0, err
	}
	known := id == 0
	for _, e := range all {
		known = known || e.ID == id
		if e.ID != id && identify(e.Entry) == identify(entry) {
			return 0, fmt.Errorf("%w: entry %d says the same: correct that one", ErrConflict, e.ID)
		}
	}
	if !known {
		return 0, fmt.Errorf("entry %d: %w", id, ErrNotFound)
	}
	if err := markChanged(ctx, t, org); err != nil {
		return 0, err
	}
	if id == 0 {
		if id, err = insertEntry(ctx, t, org, kind, entry, 0, author); err != nil {
			return 0, err
		}
	} else {
		raw, err := encode(entry)
		if err != nil {
			return 0, err
		}
		if _, err = t.ExecContext(ctx, `UPDATE ledger_entries SET entry = $1, author = $2, changed = $3 WHERE id = $4`, raw, author, millis(t.now), id); err != nil {
			return 0, err
		}
	}
	return id, t.audit(ctx, org, string(kind)+".save", strconv.FormatInt(id, 10), detail{"author": author, "entry": entry})
}

// DeleteRMA takes an entry out of the ledger of replacements. One that came with
// a file comes back with the next import of a file that has it.
func (s *Store) DeleteRMA(ctx context.Context, org string, id int64) error {
	return s.deleteEntry(ctx, org, RMAImport, id)
}

// DeleteOrder is DeleteRMA for the ledger of donated gear.
func (s *Store) DeleteOrder(ctx context.Context, org string, id int64) error {
	return s.deleteEntry(ctx, org, OrderImport, id)
}

func (s *Store) deleteEntry(ctx context.Context, org string, kind ImportKind, id int64) error {
	err := s.change(ctx, org, func(t *tx) error {
		if err := changeOne(ctx, t, org, `DELETE FROM ledger_entries WHERE organization = $1 AND kind = $2 AND id = $3 AND ended IS NULL`, org, string(kind), id); err != nil {
			return err
		}
		return t.audit(ctx, org, string(kind)+".delete", strconv.FormatInt(id, 10), nil)
	})
	if err != nil {
		return fmt.Errorf("cannot delete entry %d: %w", id, err)
	}
	return nil
}

// changeOne runs a statement that has to change something of the organization,
// or returns ErrNotFound.
func changeOne(ctx context.Context, t *tx, org, query string, args ...any) error {
	res, err := t.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	switch n, err := res.RowsAffected(); {
	case err != nil:
		return err
	case n == 0:
		return ErrNotFound
	}
	return markChanged(ctx, t, org)
}

// serialText is what serials are written in.
var serialText = regexp.MustCompile(`^[A-Z0-9][A-Z0-9._/+-]{0,39}$`)

// checkRMA returns the entry cleaned, or what is wrong with it.
func checkRMA(r contract.RMA) (contract.RMA, error) {
	r.Row = 0
	for _, s := range []*string{&r.OldSerial, &r.NewSerial} {
		*s = inventory.CleanSerial(*s)
	}
	for _, s := range []*string{&r.OldPID, &r.NewPID} {
		*s = inventory.CleanPID(*s)
	}
	for _, s := range []*string{&r.RMANumber, &r.CaseNumber, &r.Contract} {
		*s = inventory.CleanText(*s)
	}
	c := fieldCheck{}
	c.serial("old_serial", r.OldSerial, true)
	c.serial("new_serial", r.NewSerial, false)
	c.short("rma_number", r.RMANumber)
	c.short("case_number", r.CaseNumber)
	c.short("contract_number", r.Contract)
	c.short("old_pid", r.OldPID)
	c.short("new_pid", r.NewPID)
	c.day("opened_on", r.OpenedOn)
	c.day("shipped_on", r.ShippedOn)
	c.day("return_by", r.ReturnBy)
	if c.err == nil && r.OldSerial == r.NewSerial {
		c.err = fmt.Errorf("%w: new_serial: %s is the serial number that went back: a replacement has another one, see the label or `show inventory`", ErrInvalid, r.NewSerial)
	}
	return r, c.err
}

// checkOrder returns the entry cleaned, or what is wrong with it.
func checkOrder(o contract.Order) (contract.Order, error) {
	o.Row = 0
	o.OrderNumber, o.Organization = inventory.CleanText(o.OrderNumber), inventory.CleanText(o.Organization)
	o.ProductID, o.Serial = inventory.CleanPID(o.ProductID), inventory.CleanSerial(o.Serial)
	o.Quantity = cmp.Or(o.Quantity, 1)
	c := fieldCheck{}
	c.short("order_number", o.OrderNumber)
	c.short("organization", o.Organization)
	c.short("product_id", o.ProductID)
	c.serial("serial", o.Serial, false)
	c.day("ordered_on", o.OrderedOn)
	c.day("completed_on", o.CompletedOn)
	switch {
	case c.err != nil:
	case o.OrderNumber == "":
		c.err = fmt.Errorf("%w: order_number: an order needs its number", ErrInvalid)
	case o.ProductID == "" && o.Serial == "":
		c.err = fmt.Errorf("%w: product_id: an order needs a product or a serial number", ErrInvalid)
	case o.Quantity < 1 || o.Quantity > 100000:
		c.err = fmt.Errorf("%w: quantity: %d is not a number of products", ErrInvalid, o.Quantity)
	}
	return o, c.err
}

// fieldCheck keeps the first thing that is wrong with what a person typed.
type fieldCheck struct{ err error }

func (c *fieldCheck) serial(field, value string, needed bool) {
	switch {
	case c.err != nil:
	case value == "" && needed:
		c.err = fmt.Errorf("%w: %s: a serial number is needed", ErrInvalid, field)
	case value != "" && !serialText.MatchString(value):
		c.err = fmt.Errorf("%w: %s: %.60q is not one serial number", ErrInvalid, field, value)
	}
}

func (c *fieldCheck) short(field, value string) {
	if c.err == nil && len(value) > maxName {
		c.err = fmt.Errorf("%w: %s: it is longer than %d bytes", ErrInvalid, field, maxName)
	}
}

func (c *fieldCheck) day(field string, value contract.Date) {
	if c.err != nil || value == "" {
		return
	}
	if _, err := contract.ParseDate(string(value)); err != nil {
		c.err = fmt.Errorf("%w: %s: %w", ErrInvalid, field, err)
	}
}
