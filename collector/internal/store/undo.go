package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rollcall/collector/internal/contract"
)

// ImportKind says what a file that was imported is.
type ImportKind string

// The kinds of imports.
const (
	ContractImport ImportKind = "contract"
	RMAImport      ImportKind = "rma"    // ledger of replacements
	OrderImport    ImportKind = "orders" // ledger of donated gear
)

// A LoggedImport is one import of a file, of which the newest one of a contract
// or of a ledger counts.
type LoggedImport struct {
	ID            int64
	Organization  string
	Kind          ImportKind
	File          string
	SHA256        string
	At            time.Time // the newest time that this very file came
	Lines         int       // or entries
	Diff                    // Contracts are at most maxListedContracts
	MoreContracts int
	Refused       []contract.Refusal
	Undone        time.Time // zero while it counts
	UndoneBy      string
	// Forgotten says that it is older than the history that is kept, and a later
	// one follows: what it changed is not known any more.
	Forgotten bool
	// Later is the newest import of the same contracts or ledger that counts
	// and came after this one: it has to be undone first. 0 for none.
	Later int64
}

// maxListedContracts bounds the contracts that are named of one import.
const maxListedContracts = 50

// A LineChange is a line of a contract, or an entry of a ledger, before and
// after an import, as JSON: "" for none.
type LineChange struct {
	Contract      string
	Before, After string
}

const loggedColumns = `i.id, i.organization, i.kind, i.file, i.sha256, i.imported_at, i.lines, i.added, i.removed, i.changed, i.refusals, i.undone, i.undone_by, i.forgotten,
	COALESCE((SELECT MAX(j.id) FROM imports j WHERE j.organization = i.organization AND j.kind = i.kind AND j.undone = 0 AND j.id > i.id
		AND (i.kind <> 'contract' OR EXISTS (SELECT 1 FROM import_contracts a JOIN import_contracts b ON b.contract = a.contract WHERE a.import = i.id AND b.import = j.id))), 0)`

func scanLogged(scan func(...any) error, i *LoggedImport) error {
	var at, undone, forgotten int64
	var refusals string
	if err := scan(&i.ID, &i.Organization, &i.Kind, &i.File, &i.SHA256, &at, &i.Lines, &i.Added, &i.Removed, &i.Changed, &refusals, &undone, &i.UndoneBy, &forgotten, &i.Later); err != nil {
		return err
	}
	i.At, i.Undone, i.Forgotten = moment(at), moment(undone), forgotten != 0
	return decode(refusals, &i.Refused)
}

// ImportLog returns the imports of an organization, the newest first, those
// that were undone too: at most limit, after the first offset; and how many
// there are.
func (s *Store) ImportLog(ctx context.Context, org string, limit, offset int) (all []LoggedImport, total int, err error) {
	err = s.viewOf(ctx, org, func(t *tx) error {
		if err := t.QueryRowContext(ctx, `SELECT COUNT(*) FROM imports WHERE organization = $1`, org).Scan(&total); err != nil {
			return err
		}
		all, err = list(ctx, t, scanLogged, `SELECT `+loggedColumns+` FROM imports i WHERE i.organization = $1 ORDER BY i.id DESC LIMIT $2 OFFSET $3`, org, limit, offset)
		for i := range all {
			if err == nil {
				err = nameContracts(ctx, t, &all[i])
			}
		}
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("cannot list the imports of organization %q: %w", org, err)
	}
	return all, total, nil
}

// ImportByID returns one import of an organization, and what it changed: at most
// limit lines, after the first offset, and none of one that is forgotten.
func (s *Store) ImportByID(ctx context.Context, org string, id int64, limit, offset int) (i LoggedImport, changes []LineChange, err error) {
	err = s.viewOf(ctx, org, func(t *tx) error {
		if i, err = loggedImport(ctx, t, org, id); err != nil {
			return err
		}
		if i.Forgotten {
			return nil
		}
		query := `SELECT contract, line_before, line_after FROM line_changes WHERE import = $1 ORDER BY contract, line_key, ordinal LIMIT $2 OFFSET $3`
		if i.Kind != ContractImport {
			// An entry that a later import ended was this one's too.
			query = `SELECT '', CASE WHEN ended = $1 THEN entry ELSE '' END, CASE WHEN import = $1 THEN entry ELSE '' END
				FROM ledger_entries WHERE import = $1 OR ended = $1 ORDER BY id LIMIT $2 OFFSET $3`
		}
		changes, err = list(ctx, t, func(scan func(...any) error, c *LineChange) error { return scan(&c.Contract, &c.Before, &c.After) }, query, id, limit, offset)
		return err
	})
	if err != nil {
		return LoggedImport{}, nil, fmt.Errorf("cannot read import %d: %w", id, err)
	}
	return i, changes, nil
}

func loggedImport(ctx context.Context, t *tx, org string, id int64) (LoggedImport, error) {
	var i LoggedImport
	err := scanLogged(t.QueryRowContext(ctx, `SELECT `+loggedColumns+` FROM imports i WHERE i.organization = $1 AND i.id = $2`, org, id).Scan, &i)
	if errors.Is(err, sql.ErrNoRows) {
		return i, ErrNotFound
	}
	if err != nil {
		return i, err
	}
	return i, nameContracts(ctx, t, &i)
}

func nameContracts(ctx context.Context, t *tx, i *LoggedImport) (err error) {
	if i.Contracts, err = list(ctx, t, scanString, `SELECT contract FROM import_contracts WHERE import = $1 ORDER BY contract LIMIT $2`, i.ID, maxListedContracts); err != nil {
		return err
	}
	var n int
	err = t.QueryRowContext(ctx, `SELECT COUNT(*) FROM import_contracts WHERE import = $1`, i.ID).Scan(&n)
	i.MoreContracts = n - len(i.Contracts)
	return err
}

// UndoImport makes the lines of the import's contracts, or the entries of its
// ledger, what they were before it, and so their age. The import stays in the
// list as undone. It is refused with ErrConflict while a later import of the
// same contracts or ledger counts.
func (s *Store) UndoImport(ctx context.Context, org string, id int64, by string) (LoggedImport, error) {
	var i LoggedImport
	err := s.change(ctx, org, func(t *tx) (err error) {
		if by, err = checkName("author", by); err != nil {
			return err
		}
		i, err = loggedImport(ctx, t, org, id)
		switch {
		case err != nil:
			return err
		case !i.Undone.IsZero():
			return fmt.Errorf("%w: it was undone on %s already", ErrConflict, i.Undone.Format(time.DateOnly))
		case i.Later != 0:
			return fmt.Errorf("%w: import %d came after it and rests on it: undo that one first", ErrConflict, i.Later)
		case i.Forgotten:
			return fmt.Errorf("%w: it is older than history_days, and what it changed is not kept: import a file that says what is right", ErrConflict)
		}
		back := undoLedger
		if i.Kind == ContractImport {
			back = undoLines
		}
		if err := back(ctx, t, i); err != nil {
			return err
		}
		i.Undone, i.UndoneBy = t.now, by
		if _, err := t.ExecContext(ctx, `UPDATE imports SET undone = $1, undone_by = $2 WHERE id = $3`, millis(t.now), by, id); err != nil {
			return err
		}
		if err := markChanged(ctx, t, org); err != nil {
			return err
		}
		return t.audit(ctx, org, "import.undo", i.File, detail{"import": id, "kind": i.Kind, "author": by})
	})
	if err != nil {
		return LoggedImport{}, fmt.Errorf("cannot undo import %d: %w", id, err)
	}
	return i, nil
}

// undoLines works in the database alone: an import may have a million lines.
func undoLines(ctx context.Context, t *tx, i LoggedImport) error {
	for _, q := range []string{
		`DELETE FROM lines WHERE organization = $1 AND (contract, line_key, ordinal) IN
			(SELECT contract, line_key, ordinal FROM line_changes WHERE import = $2 AND line_before = '')`,
		`INSERT INTO lines (organization, contract, line_key, ordinal, line)
			SELECT $1, contract, line_key, ordinal, line_before FROM line_changes WHERE import = $2 AND line_before <> ''
			ON CONFLICT (organization, contract, line_key, ordinal) DO UPDATE SET line = excluded.line`,
		// The import before it is the newest again, where there was one.
		`UPDATE contracts SET import = COALESCE((SELECT MAX(j.id) FROM import_contracts b JOIN imports j ON j.id = b.import
				WHERE b.contract = contracts.number AND j.organization = $1 AND j.undone = 0 AND j.id < $2), import)
			WHERE organization = $1 AND import = $2`,
		`DELETE FROM contracts WHERE organization = $1 AND import = $2`,
	} {
		if _, err := t.ExecContext(ctx, q, i.Organization, i.ID); err != nil {
			return fmt.Errorf("cannot bring back the lines: %w", err)
		}
	}
	return nil
}

// undoLedger takes the import's entries away, corrected ones too, and has those
// count again that it ended.
func undoLedger(ctx context.Context, t *tx, i LoggedImport) error {
	for _, q := range []string{`DELETE FROM ledger_entries WHERE import = $1`, `UPDATE ledger_entries SET ended = NULL WHERE ended = $1`} {
		if _, err := t.ExecContext(ctx, q, i.ID); err != nil {
			return fmt.Errorf("cannot bring back the entries: %w", err)
		}
	}
	return nil
}
