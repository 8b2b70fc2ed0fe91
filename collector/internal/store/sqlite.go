package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// fileName is the database in the data directory.
const fileName = "rollcall.db"

// readers and workReaders bound the connections that read beside the one that
// writes. Two of the latter are left to agents while two large organizations are
// reconciled.
const (
	readers     = 4
	workReaders = 4
)

// sqlite is the database in one data directory. It has one writer at a time, so
// a transaction that writes holds all there is. Organizations are kept apart by
// the queries alone.
type sqlite struct {
	write *sql.DB // one connection, so that writers queue here and not in SQLite
	read  [2]*sql.DB
}

func openSQLite(ctx context.Context, dataDir string, log witness) (*sqlite, error) {
	dir, err := filepath.Abs(dataDir)
	if err != nil {
		return nil, fmt.Errorf("cannot find data directory %s: %w", dataDir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make data directory: %w", err)
	}
	path := filepath.Join(dir, fileName)
	if err := touch(path); err != nil {
		return nil, err
	}
	d := &sqlite{}
	// FULL, not NORMAL: with WAL, NORMAL may lose a committed transaction at
	// power loss, and a commit here lets an agent forget a report.
	d.write, err = openFile(path, 1, url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
	}})
	if err != nil {
		return nil, err
	}
	if err := migrateSQLite(ctx, dir, d.write, log); err != nil {
		return nil, errors.Join(ofDisk(dir, err), d.Close())
	}
	if err := refuseMoved(ctx, dir, d.write); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	for l, n := range map[lane]int{people: readers, work: workReaders} {
		if d.read[l], err = openFile(path, n, url.Values{"_pragma": {"busy_timeout(10000)", "query_only(1)"}}); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return d, nil
}

// ofDisk adds what the system says of the directory where no file can be made
// there, which SQLite calls "unable to open database file".
func ofDisk(dir string, err error) error {
	f, perr := os.CreateTemp(dir, "probe-*")
	if perr != nil {
		return fmt.Errorf("%w: %w", err, perr)
	}
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// touch makes the database's file where it is not there, for its owner alone:
// the directory may be one that others can read. SQLite gives its other files
// the same mode.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("cannot open the database: %w", err)
	}
	return f.Close()
}

func openFile(path string, connections int, params url.Values) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: params.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func (d *sqlite) Close() error {
	var errs []error
	for _, db := range []*sql.DB{d.read[people], d.read[work], d.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

func (d *sqlite) begin(ctx context.Context, _ []string, l lane, write bool) (*sql.Tx, error) {
	if write {
		return d.write.BeginTx(ctx, nil)
	}
	return d.read[l].BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
}

func (d *sqlite) hold(context.Context, *tx, string) error { return nil }

func (d *sqlite) claim(context.Context, string) (func(), bool, error) { return func() {}, true, nil }

// probe makes and drops a table: a write that changes nothing would not reach
// the disk.
func (d *sqlite) probe(ctx context.Context, t *tx) error {
	for _, q := range []string{`CREATE TABLE ready_probe (n INTEGER)`, `DROP TABLE ready_probe`} {
		if _, err := t.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func (d *sqlite) advice() string {
	return "check the free space and the permissions of the data directory"
}

func (d *sqlite) explain(err error) (error, bool) { return err, false }
