package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// errUnknownEnd is the kind of error of a copy whose commit was asked for and
// not answered.
var errUnknownEnd = errors.New("it is not known whether PostgreSQL kept the copy")

// toldEvery is how many rows are copied between two words about it.
const toldEvery = 50_000

// moveTable is a table of the file, with all columns.
type moveTable struct {
	name    string
	columns []string
	parents []string // tables that it refers to, itself not among them
	given   int64    // the highest ID that an autoincrement gave
}

// columnList is for a query on either database.
func (t moveTable) columnList() string {
	quoted := make([]string, len(t.columns))
	for i, c := range t.columns {
		quoted[i] = pgx.Identifier{c}.Sanitize()
	}
	return strings.Join(quoted, ", ")
}

// notMoved are the tables of which each database has its own.
var notMoved = []string{versions, "moves"}

// headTable is the only one in which the migrations leave a row of their own.
const headTable = "audit_head"

// moveTables are the tables of the file, those that others refer to first.
func moveTables(ctx context.Context, from *sql.DB) ([]moveTable, error) {
	names, err := list(ctx, from, func(scan func(...any) error, name *string) error { return scan(name) },
		`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("cannot list the tables: %w", err)
	}
	text := func(scan func(...any) error, s *string) error { return scan(s) }
	var waiting []moveTable
	for _, name := range names {
		if slices.Contains(notMoved, name) {
			continue
		}
		t := moveTable{name: name}
		var errs [3]error
		t.columns, errs[0] = list(ctx, from, text, `SELECT name FROM pragma_table_info($1) ORDER BY cid`, name)
		t.parents, errs[1] = list(ctx, from, text, `SELECT DISTINCT "table" FROM pragma_foreign_key_list($1) WHERE "table" <> $1`, name)
		errs[2] = from.QueryRowContext(ctx, `SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = $1`, name).Scan(&t.given)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("cannot read the form of table %s: %w", name, err)
		}
		waiting = append(waiting, t)
	}
	var ordered []moveTable
	for len(waiting) > 0 {
		i := slices.IndexFunc(waiting, func(t moveTable) bool {
			return !slices.ContainsFunc(t.parents, func(p string) bool {
				return slices.ContainsFunc(waiting, func(w moveTable) bool { return w.name == p })
			})
		})
		if i < 0 {
			return nil, fmt.Errorf("tables refer to each other in a circle, among them %s", waiting[0].name)
		}
		ordered = append(ordered, waiting[i])
		waiting = slices.Delete(waiting, i, i+1)
	}
	return ordered, nil
}

// fill copies all tables in one transaction, and keeps them only where what the
// server then has is what was read.
func (t *target) fill(ctx context.Context, from *sql.DB, m *Moved, o MoveOptions) error {
	all, err := moveTables(ctx, from)
	if err != nil {
		return err
	}
	x, err := t.conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("cannot begin a transaction in %s: %w", t.name, err)
	}
	defer func() { _ = x.Rollback() }() // after a commit it does nothing
	if err := t.takeOver(ctx, x, from, all); err != nil {
		return err
	}
	for _, table := range all {
		sum, err := t.copyTable(ctx, from, table, o.Progress)
		if err != nil {
			return fmt.Errorf("cannot copy table %s to %s: %w", table.name, t.name, err)
		}
		m.Tables = append(m.Tables, MovedTable{Name: table.name, Rows: sum.rows, Digest: sum.String()})
	}
	for i, table := range all {
		sum, err := sumOf(ctx, x, table)
		if err != nil {
			return fmt.Errorf("cannot read table %s of %s back: %w", table.name, t.name, err)
		}
		if want := m.Tables[i]; sum.rows != want.Rows || sum.String() != want.Digest {
			return fmt.Errorf("table %s is not the same in %s: %d rows with digest %.16s, and %d with %.16s in the file: nothing was kept",
				table.name, t.name, sum.rows, sum, want.Rows, want.Digest)
		}
	}
	if err := t.handOver(ctx, x, all); err != nil {
		return err
	}
	if err := insertMove(ctx, x, Moved{ID: m.ID, Began: m.Began, Finished: o.Now()}); err != nil {
		return err
	}
	if err := x.Commit(); err != nil {
		return fmt.Errorf("%w: %w", errUnknownEnd, err)
	}
	return nil
}

// takeOver has the tables for this transaction alone, without the rules that a
// COPY does not know, and makes sure that they fit and are empty.
func (t *target) takeOver(ctx context.Context, x *sql.Tx, from *sql.DB, copied []moveTable) error {
	if _, err := x.ExecContext(ctx, settings, all, "0", fmt.Sprint(lockTimeout), "0"); err != nil {
		return fmt.Errorf("cannot prepare the transaction in %s: %w", t.name, err)
	}
	const newest = `SELECT COALESCE(MAX(version_id), 0) FROM ` + versions
	var here, there int64
	if err := errors.Join(from.QueryRowContext(ctx, newest).Scan(&here), x.QueryRowContext(ctx, newest).Scan(&there)); err != nil {
		return fmt.Errorf("cannot compare the versions of both databases: %w", err)
	}
	if here != there {
		return fmt.Errorf("%w: the file has version %d of the tables and %s has %d: use the newest program that has been on either", ErrConflict, here, t.name, there)
	}
	for _, table := range copied {
		if _, err := x.ExecContext(ctx, `ALTER TABLE `+pgx.Identifier{table.name}.Sanitize()+` NO FORCE ROW LEVEL SECURITY`); err != nil {
			return fmt.Errorf("cannot have table %s of %s alone; does a collector use it? %w", table.name, t.name, err)
		}
	}
	for _, table := range append(slices.Clone(copied), moveTable{name: "moves"}) {
		query := `SELECT EXISTS (SELECT 1 FROM ` + pgx.Identifier{table.name}.Sanitize() + `)`
		if table.name == headTable {
			query = `SELECT EXISTS (SELECT 1 FROM ` + headTable + ` WHERE seq > 0)`
		}
		var holds bool
		if err := x.QueryRowContext(ctx, query).Scan(&holds); err != nil {
			return fmt.Errorf("cannot look into table %s of %s: %w", table.name, t.name, err)
		}
		if holds {
			return fmt.Errorf("%w: %s holds data already, in table %s at least, and a move writes over nothing: name a new, empty database, or DROP DATABASE and CREATE DATABASE where nobody needs what is there",
				ErrConflict, t.name, table.name)
		}
	}
	for _, q := range []string{`ALTER TABLE ` + headTable + ` DISABLE TRIGGER USER`, `DELETE FROM ` + headTable} {
		if _, err := x.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("cannot make room for the audit log in %s: %w", t.name, err)
		}
	}
	return nil
}

// handOver sets what numbers are given next, and has the rules hold again.
func (t *target) handOver(ctx context.Context, x *sql.Tx, all []moveTable) error {
	if _, err := x.ExecContext(ctx, `ALTER TABLE `+headTable+` ENABLE TRIGGER USER`); err != nil {
		return fmt.Errorf("cannot protect the audit log in %s: %w", t.name, err)
	}
	for _, table := range all {
		name := pgx.Identifier{table.name}.Sanitize()
		columns, err := list(ctx, x, func(scan func(...any) error, s *string) error { return scan(s) },
			`SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attidentity <> ''`, table.name)
		for _, c := range columns {
			_, e := x.ExecContext(ctx, `SELECT setval(pg_get_serial_sequence($1, $2), n) FROM
				(SELECT GREATEST(COALESCE(MAX(`+pgx.Identifier{c}.Sanitize()+`), 0), $3::bigint) AS n FROM `+name+`) AS highest WHERE n > 0`, table.name, c, table.given)
			err = errors.Join(err, e)
		}
		if err != nil {
			return fmt.Errorf("cannot set the next number of table %s in %s: %w", table.name, t.name, err)
		}
		for _, q := range []string{`ALTER TABLE ` + name + ` FORCE ROW LEVEL SECURITY`, `ANALYZE ` + name} {
			if _, err := x.ExecContext(ctx, q); err != nil {
				return fmt.Errorf("cannot finish table %s in %s: %w", table.name, t.name, err)
			}
		}
	}
	done, err := prepared(ctx, x, t.role)
	if err == nil && !done {
		err = errors.New("the rules between organizations do not hold as they should")
	}
	if err != nil {
		return fmt.Errorf("cannot check the tables of %s: %w", t.name, err)
	}
	return nil
}

// copyTable copies the rows of a table as they are read, and returns their sum.
func (t *target) copyTable(ctx context.Context, from *sql.DB, table moveTable, progress func(string, int64, int64)) (sum tableSum, err error) {
	var of int64
	if err := from.QueryRowContext(ctx, `SELECT COUNT(*) FROM `+pgx.Identifier{table.name}.Sanitize()).Scan(&of); err != nil {
		return sum, err
	}
	rows, err := openTable(ctx, from, table)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	err = t.conn.Raw(func(driver any) error {
		_, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{table.name}, table.columns, pgx.CopyFromFunc(func() ([]any, error) {
			values, err := rows.next(&sum)
			if err == nil && progress != nil && (values == nil || sum.rows%toldEvery == 0) {
				progress(table.name, sum.rows, of)
			}
			return values, err
		}))
		return err
	})
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Where != "" {
		err = fmt.Errorf("%w, at %s", err, e.Where)
	}
	return sum, err
}

// sumOf reads all rows of a table.
func sumOf(ctx context.Context, q querier, table moveTable) (sum tableSum, err error) {
	rows, err := openTable(ctx, q, table)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		values, err := rows.next(&sum)
		if err != nil || values == nil {
			return sum, err
		}
	}
}

// tableRows are the rows of a table, one after the other.
type tableRows struct {
	*sql.Rows
	values []any
	into   []any // where each of values is
}

func openTable(ctx context.Context, q querier, table moveTable) (*tableRows, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+table.columnList()+` FROM `+pgx.Identifier{table.name}.Sanitize()) //nolint:rowserrcheck // next does
	if err != nil {
		return nil, err
	}
	r := &tableRows{Rows: rows, values: make([]any, len(table.columns)), into: make([]any, len(table.columns))}
	for i := range r.values {
		r.into[i] = &r.values[i]
	}
	return r, nil
}

// next returns the values of the next row, which the one after takes the place
// of, and adds it to the sum; nil after the last.
func (r *tableRows) next(sum *tableSum) ([]any, error) {
	if !r.Next() {
		return nil, r.Err()
	}
	if err := r.Scan(r.into...); err != nil {
		return nil, err
	}
	for i, v := range r.values {
		if raw, ok := v.([]byte); ok && raw == nil {
			r.values[i] = []byte{} // how the driver of SQLite says an empty one
		}
	}
	return r.values, sum.add(r.values)
}

// A tableSum is of the rows of a table in any order: their number, and the sum
// of the SHA-256 of each, as numbers of 256 bits.
type tableSum struct {
	rows int64
	sum  [4]uint64
}

// add adds a row: each value is its kind, its length and itself, so that no two
// rows are the same to the hash.
func (s *tableSum) add(values []any) error {
	var row bytes.Buffer
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			row.WriteByte('n')
		case int64:
			row.WriteByte('i')
			row.Write(binary.BigEndian.AppendUint64(nil, uint64(v)))
		case string:
			row.WriteByte('t')
			row.Write(binary.BigEndian.AppendUint64(nil, uint64(len(v))))
			row.WriteString(v)
		case []byte:
			row.WriteByte('b')
			row.Write(binary.BigEndian.AppendUint64(nil, uint64(len(v))))
			row.Write(v)
		default:
			return fmt.Errorf("a value of kind %T is not known", v)
		}
	}
	hash := sha256.Sum256(row.Bytes())
	carry := uint64(0)
	for i := range s.sum {
		s.sum[i], carry = bits.Add64(s.sum[i], binary.LittleEndian.Uint64(hash[8*i:]), carry)
	}
	s.rows++
	return nil
}

func (s tableSum) String() string {
	return fmt.Sprintf("%016x%016x%016x%016x", s.sum[3], s.sum[2], s.sum[1], s.sum[0])
}
