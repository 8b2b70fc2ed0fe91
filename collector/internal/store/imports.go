package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
)

// A Diff is what an import changed against the ones before.
type Diff struct {
	Added, Removed, Changed int      // lines
	Unchanged               bool     // this very file was the newest already; its age is now that of this import
	Contracts               []string // numbers, in the order of the file
}

// An Import is the newest import of one contract of one organization.
type Import struct {
	Organization string
	reconcile.Import
}

// ImportContract takes a contract file: its lines replace those of every
// contract that it names. Contracts that it does not name stay as they are.
func (s *Store) ImportContract(ctx context.Context, org string, f contract.File, at time.Time) (Diff, error) {
	var diff Diff
	err := s.change(ctx, org, func(t *tx) error {
		var err error
		if diff, err = importContract(ctx, t, org, f, at); err != nil {
			return err
		}
		return t.audit(ctx, org, "import.contract", f.Name, diff.detail(f.SHA256))
	})
	if err != nil {
		return Diff{}, fmt.Errorf("cannot import %s: %w", f.Name, err)
	}
	return diff, nil
}

// detail is what the audit log says of an import.
func (d Diff) detail(sum string) detail {
	x := detail{"added": d.Added, "removed": d.Removed, "changed": d.Changed}
	if sum != "" {
		x["sha256"] = sum
	}
	if d.Unchanged {
		x["unchanged"] = true
	}
	if len(d.Contracts) > 0 {
		x["contracts"] = d.Contracts[:min(len(d.Contracts), maxAudited)]
	}
	return x
}

func importContract(ctx context.Context, t *tx, org string, f contract.File, at time.Time) (Diff, error) {
	if len(f.Lines) == 0 {
		return Diff{}, fmt.Errorf("%w: it has no line that can be used", ErrInvalid)
	}
	if err := organizationExists(ctx, t, org); err != nil {
		return Diff{}, err
	}
	if at.IsZero() {
		at = t.now
	}
	changes, err := compare(ctx, t, org, f)
	if err != nil {
		return Diff{}, err
	}
	diff := Diff{Contracts: f.Contracts()}
	for _, c := range changes {
		switch {
		case c.before == "":
			diff.Added++
		case c.after < 0:
			diff.Removed++
		default:
			diff.Changed++
		}
	}
	if err := markChanged(ctx, t, org); err != nil {
		return Diff{}, err
	}
	current, err := currentImports(ctx, t, org, f)
	if err != nil {
		return Diff{}, err
	}
	// The same bytes may be read otherwise by a newer version of this program:
	// then they are an import like any other.
	if current != nil && len(changes) == 0 {
		diff.Unchanged = true
		for _, id := range current {
			if _, err := t.ExecContext(ctx, `UPDATE imports SET imported_at = $1, file = $2 WHERE id = $3`, millis(at), f.Name, id); err != nil {
				return Diff{}, fmt.Errorf("cannot save the age of the import: %w", err)
			}
		}
		return diff, nil
	}
	return diff, writeImport(ctx, t, org, f, at, diff, changes)
}

// currentImports returns the imports of all contracts in the file, when each
// was of this very file, or nil.
func currentImports(ctx context.Context, t *tx, org string, f contract.File) ([]int64, error) {
	var ids []int64
	for _, number := range f.Contracts() {
		same, err := list(ctx, t, func(scan func(...any) error, id *int64) error { return scan(id) },
			`SELECT i.id FROM contracts c JOIN imports i ON i.id = c.import WHERE c.organization = $1 AND c.number = $2 AND i.sha256 = $3`,
			org, number, f.SHA256)
		if err != nil || len(same) == 0 {
			return nil, err
		}
		ids = append(ids, same...)
	}
	return ids, nil
}

// A lineChange is one line before, "" for none, and where it is in the file now,
// -1 for nowhere.
type lineChange struct {
	lineID
	before string // JSON
	after  int    // in File.Lines
}

type lineID struct {
	contract, key string
	ordinal       int
}

// compare returns what the file changes, in a fixed order. The row of a line in
// its file is no part of the line. A file may have a million lines: what is new
// in it is not copied here.
func compare(ctx context.Context, t *tx, org string, f contract.File) ([]lineChange, error) {
	of := map[string][]int{}
	for i, l := range f.Lines {
		of[l.Contract] = append(of[l.Contract], i)
	}
	var changes []lineChange
	for _, number := range f.Contracts() {
		more, err := compareContract(ctx, t, org, number, f.Lines, of[number])
		if err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	slices.SortFunc(changes, func(a, b lineChange) int {
		return cmp.Or(cmp.Compare(a.contract, b.contract), cmp.Compare(a.key, b.key), cmp.Compare(a.ordinal, b.ordinal))
	})
	return changes, nil
}

// compareContract is compare for one contract, whose lines are those at the
// places in all.
func compareContract(ctx context.Context, t *tx, org, number string, all []contract.Line, places []int) ([]lineChange, error) {
	after, err := numberLines(number, all, places)
	if err != nil {
		return nil, err
	}
	changes, err := list(ctx, t, func(scan func(...any) error, c *lineChange) error {
		c.contract, c.after = number, -1
		if err := scan(&c.key, &c.ordinal, &c.before); err != nil {
			return err
		}
		now, still := after[c.lineID]
		if !still {
			return nil
		}
		delete(after, c.lineID)
		c.after = now
		var was contract.Line
		if err := decode(c.before, &was); err != nil {
			return err
		}
		if sameLine(was, all[now]) {
			*c = lineChange{} // none
		}
		return nil
	}, `SELECT line_key, ordinal, line FROM lines WHERE organization = $1 AND contract = $2`, org, number)
	if err != nil {
		return nil, fmt.Errorf("cannot read lines of contract %q: %w", number, err)
	}
	changes = slices.DeleteFunc(changes, func(c lineChange) bool { return c == lineChange{} })
	for id, place := range after {
		changes = append(changes, lineChange{lineID: id, after: place})
	}
	return changes, nil
}

func sameLine(a, b contract.Line) bool {
	a.Row, b.Row = 0, 0
	x, errX := encode(a)
	y, errY := encode(b)
	return errX == nil && errY == nil && x == y
}

// numberLines gives each line of a contract its identity, with its place. Lines
// of one key are numbered by what they say, so that another order in the file is
// no change.
func numberLines(number string, all []contract.Line, places []int) (map[lineID]int, error) {
	type keyed struct {
		key, text string
		place     int
	}
	sorted := make([]keyed, len(places))
	for i, place := range places {
		sorted[i] = keyed{key: all[place].Key(), place: place}
	}
	slices.SortStableFunc(sorted, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	numbered := make(map[lineID]int, len(places))
	for len(sorted) > 0 {
		n := slices.IndexFunc(sorted, func(k keyed) bool { return k.key != sorted[0].key })
		if n < 0 {
			n = len(sorted)
		}
		same := sorted[:n]
		sorted = sorted[n:]
		for i := range same {
			if n == 1 {
				break
			}
			bare := all[same[i].place]
			bare.Row = 0
			text, err := encode(bare)
			if err != nil {
				return nil, err
			}
			same[i].text = text
		}
		slices.SortStableFunc(same, func(a, b keyed) int { return cmp.Compare(a.text, b.text) })
		for i, k := range same {
			numbered[lineID{number, k.key, i}] = k.place
		}
	}
	return numbered, nil
}

func writeImport(ctx context.Context, t *tx, org string, f contract.File, at time.Time, diff Diff, changes []lineChange) error {
	if f.Refused == nil {
		f.Refused = []contract.Refusal{}
	}
	refusals, err := encode(f.Refused)
	if err != nil {
		return err
	}
	var id int64
	if err := t.QueryRowContext(ctx, `INSERT INTO imports (organization, file, sha256, imported_at, lines, refusals, added, removed, changed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`, org, f.Name, f.SHA256, millis(at), len(f.Lines), refusals,
		diff.Added, diff.Removed, diff.Changed).Scan(&id); err != nil {
		return fmt.Errorf("cannot save import: %w", err)
	}
	for _, number := range diff.Contracts {
		if _, err := t.ExecContext(ctx, `INSERT INTO contracts (organization, number, import) VALUES ($1, $2, $3)
			ON CONFLICT (organization, number) DO UPDATE SET import = excluded.import`, org, number, id); err != nil {
			return fmt.Errorf("cannot save contract %q: %w", number, err)
		}
		if _, err := t.ExecContext(ctx, `INSERT INTO import_contracts (import, contract) VALUES ($1, $2)`, id, number); err != nil {
			return fmt.Errorf("cannot save contract %q of the import: %w", number, err)
		}
	}
	return writeLines(ctx, t, org, id, f.Lines, changes)
}

// writeLines applies the changes and notes them for their import.
func writeLines(ctx context.Context, t *tx, org string, importID int64, all []contract.Line, changes []lineChange) error {
	var statements [3]*sql.Stmt
	for i, query := range []string{
		`INSERT INTO line_changes (import, contract, line_key, ordinal, line_before, line_after) VALUES ($1, $2, $3, $4, $5, $6)`,
		`DELETE FROM lines WHERE organization = $1 AND contract = $2 AND line_key = $3 AND ordinal = $4`,
		`INSERT INTO lines (organization, contract, line_key, ordinal, line) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (organization, contract, line_key, ordinal) DO UPDATE SET line = excluded.line`,
	} {
		s, err := t.PrepareContext(ctx, query)
		if err != nil {
			return fmt.Errorf("cannot save lines: %w", err)
		}
		defer func() { _ = s.Close() }()
		statements[i] = s
	}
	note, remove, write := statements[0], statements[1], statements[2]
	for _, c := range changes {
		after := ""
		if c.after >= 0 {
			raw, err := encode(all[c.after])
			if err != nil {
				return err
			}
			after = raw
		}
		_, err := note.ExecContext(ctx, importID, c.contract, c.key, c.ordinal, c.before, after)
		switch {
		case err != nil:
		case after == "":
			_, err = remove.ExecContext(ctx, org, c.contract, c.key, c.ordinal)
		default:
			_, err = write.ExecContext(ctx, org, c.contract, c.key, c.ordinal, after)
		}
		if err != nil {
			return fmt.Errorf("cannot save line %q of contract %q: %w", c.key, c.contract, err)
		}
	}
	return nil
}

// refused returns the rows that could not be used of the imports that are the
// newest of a contract.
func refused(ctx context.Context, q querier, org string) ([]contract.Refusal, error) {
	lists, err := list(ctx, q, func(scan func(...any) error, l *[]contract.Refusal) error { return scanJSON(scan, l) },
		`SELECT i.refusals FROM imports i WHERE i.organization = $1 AND i.id IN (SELECT c.import FROM contracts c WHERE c.organization = $1) ORDER BY i.id`, org)
	return slices.Concat(lists...), err
}

// dropped returns the lines that an earlier import of a contract listed and the
// newest does not, each as it last was.
func dropped(ctx context.Context, q querier, org string) ([]contract.Line, error) {
	return list(ctx, q, func(scan func(...any) error, l *contract.Line) error { return scanJSON(scan, l) },
		`SELECT d.line_before FROM line_changes d JOIN imports i ON i.id = d.import
		WHERE i.organization = $1 AND i.undone = 0 AND d.line_after = ''
		AND NOT EXISTS (SELECT 1 FROM lines l WHERE l.organization = $1 AND l.contract = d.contract AND l.line_key = d.line_key AND l.ordinal = d.ordinal)
		AND NOT EXISTS (SELECT 1 FROM line_changes e JOIN imports j ON j.id = e.import
			WHERE j.organization = $1 AND j.undone = 0 AND e.contract = d.contract AND e.line_key = d.line_key AND e.ordinal = d.ordinal AND e.import > d.import)
		ORDER BY d.import, d.contract, d.line_key, d.ordinal`, org)
}

func organizationExists(ctx context.Context, t *tx, org string) error {
	var n int
	if err := t.QueryRowContext(ctx, `SELECT COUNT(*) FROM organizations WHERE id = $1`, org).Scan(&n); err != nil {
		return fmt.Errorf("cannot read organization: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("organization %q: %w", org, ErrNotFound)
	}
	return nil
}

// Imports returns the newest import of each contract of an organization that is
// not retired, by contract.
func (s *Store) Imports(ctx context.Context, org string) ([]reconcile.Import, error) {
	return listOf(ctx, s, org, func(ctx context.Context, q querier, org string) ([]reconcile.Import, error) {
		all, err := imports(ctx, q, org)
		if err != nil {
			return nil, err
		}
		f, err := standingFacts(ctx, q, org)
		ended := f.Standing().Contracts
		return slices.DeleteFunc(all, func(i reconcile.Import) bool { _, ok := ended[i.Contract]; return ok }), err
	})
}

const importTables = ` FROM contracts c JOIN imports i ON i.id = c.import `

func imports(ctx context.Context, q querier, org string) ([]reconcile.Import, error) {
	return list(ctx, q, scanImport, `SELECT c.number, i.file, i.imported_at`+importTables+`WHERE c.organization = $1 ORDER BY c.number`, org)
}

// ImportsAll is Imports of all organizations, by organization and contract.
func (s *Store) ImportsAll(ctx context.Context) ([]Import, error) {
	// As reconcile.Facts.Standing says of contracts, for all at once.
	all, err := listAll(ctx, s, func(scan func(...any) error, i *Import) error {
		return scanImport(func(into ...any) error { return scan(append([]any{&i.Organization}, into...)...) }, &i.Import)
	}, `SELECT c.organization, c.number, i.file, i.imported_at`+importTables+`WHERE NOT EXISTS (SELECT 1 FROM retirements r
		WHERE r.organization = c.organization AND r.kind = 'contract' AND r.name = c.number AND r.said >= i.imported_at) ORDER BY c.organization, c.number`)
	return keep(s, all, func(i Import) string { return i.Organization }), err
}

func scanImport(scan func(...any) error, i *reconcile.Import) error {
	var at int64
	if err := scan(&i.Contract, &i.File, &at); err != nil {
		return err
	}
	i.At = moment(at)
	return nil
}
