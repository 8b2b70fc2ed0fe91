// Package store keeps what the collector knows: organizations, their agents,
// nodes and components with their history, contract lines, and the results of
// reconciling them. It holds the SQL and the transactions, and decides what is
// new, what is a duplicate and what is out of date; what a thing means for a
// person is decided by reconcile, and who may see it by web.
//
// The database is SQLite, in one data directory. A transaction has one `now`,
// and every method that writes is one transaction: what it returned without an
// error survives a crash.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// fileName is the database in the data directory.
const fileName = "rollcall.db"

// readers bounds the connections that read beside the one that writes.
const readers = 4

// Options say where the data is and what time it is.
type Options struct {
	DataDir string           // made when it is not there
	Now     func() time.Time // nil is time.Now
	Log     *slog.Logger     // nil logs nothing
}

// A Store is a view of one database, for one who acts. It is safe for concurrent
// use, also by several processes on one data directory.
type Store struct {
	*database

	actor string // who is written into the audit log; "" is the collector itself
}

// A database is what all views of it share.
type database struct {
	write *sql.DB // one connection, so that writers queue here and not in SQLite
	read  *sql.DB
	now   func() time.Time
	log   *slog.Logger

	changed chan struct{}

	mu       sync.Mutex
	seen     map[string]int64 // organization → lowest revision that Facts gave since the last SaveResult
	writeErr error            // of the last write; nil when it went well
}

// Open opens the data directory, making it and bringing its schema up to date
// where needed. The caller closes the store.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return nil, fmt.Errorf("cannot find data directory %s: %w", o.DataDir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make data directory: %w", err)
	}
	s := &Store{database: &database{now: o.Now, log: o.Log, changed: make(chan struct{}, 1), seen: map[string]int64{}}}
	path := filepath.Join(dir, fileName)
	if err := touch(path); err != nil {
		return nil, err
	}
	// FULL, not NORMAL: with WAL, NORMAL may lose a committed transaction at
	// power loss, and a commit here lets an agent forget a report.
	s.write, err = open(path, 1, url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
	}})
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, dir, s.write, s.log); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.read, err = open(path, readers, url.Values{"_pragma": {"busy_timeout(10000)", "query_only(1)"}})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
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

func open(path string, connections int, params url.Values) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: params.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// As returns the same database for one who acts: what is done through it is
// theirs in the audit log.
func (s *Store) As(actor string) *Store {
	view := *s
	view.actor = actor
	return &view
}

// Close ends all connections of all views. It may be called twice.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Ready returns nil when the store can be read and, as far as is known,
// written, and otherwise says why not.
func (s *Store) Ready(ctx context.Context) error {
	var n int
	if err := s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM organizations WHERE id = ''`).Scan(&n); err != nil {
		return fmt.Errorf("cannot read the database: %w", err)
	}
	s.mu.Lock()
	failed := s.writeErr
	s.mu.Unlock()
	if failed == nil {
		return nil
	}
	// The last write failed; perhaps the cause is gone. A write that changes
	// nothing would not reach the disk, so this one makes and drops a table.
	if err := s.update(ctx, func(t *tx) error {
		for _, q := range []string{`CREATE TABLE ready_probe (n INTEGER)`, `DROP TABLE ready_probe`} {
			if _, err := t.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return fmt.Errorf("cannot write to the database: %w: check the free space and the permissions of the data directory", err)
	}
	return nil
}

// A tx is a transaction with its one time.
type tx struct {
	*sql.Tx
	now    time.Time
	actor  string
	marked bool // an organization was marked as changed
}

// update runs do in a transaction that writes, and commits it.
func (s *Store) update(ctx context.Context, do func(*tx) error) error {
	raw, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.wrote(ctx, fmt.Errorf("cannot begin a transaction: %w", err))
	}
	t := &tx{Tx: raw, now: s.clock(), actor: s.actor}
	if err := do(t); err != nil {
		_ = raw.Rollback() // the cause is err
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrConflict) {
			return err
		}
		return s.wrote(ctx, err)
	}
	if err := raw.Commit(); err != nil {
		return s.wrote(ctx, fmt.Errorf("cannot commit: %w", err))
	}
	if t.marked {
		s.notify()
	}
	return s.wrote(ctx, nil)
}

// wrote remembers for Ready how the last write ended; one that the caller gave
// up says nothing.
func (s *Store) wrote(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeErr = err
	return err
}

// view runs do on one snapshot of the database.
func (s *Store) view(ctx context.Context, do func(*tx) error) error {
	raw, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("cannot begin to read: %w", err)
	}
	defer func() { _ = raw.Rollback() }() // nothing was written
	return do(&tx{Tx: raw, now: s.clock()})
}

// clock is the time in the precision in which it is kept.
func (s *Store) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }
