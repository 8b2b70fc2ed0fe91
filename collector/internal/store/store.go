// Package store keeps what the collector knows: organizations, their agents,
// nodes and components with their history, contract lines, and the results of
// reconciling them. It holds the SQL and the transactions, and decides what is
// new, what is a duplicate and what is out of date; what a thing means for a
// person is decided by reconcile, and who may see it by web.
//
// The database is SQLite, in one data directory, or PostgreSQL, on which any
// number of collectors work side by side. What differs between the two is in
// sqlite.go and postgres.go; every other query runs on both. A transaction has
// one `now`, and every method that writes is one transaction: what it returned
// without an error survives a crash.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options say where the data is and what time it is.
type Options struct {
	DataDir  string           // of SQLite; made when it is not there
	Database Database         // PostgreSQL, in the place of SQLite
	History  time.Duration    // how long what is over is kept; 0 is DefaultHistory
	Now      func() time.Time // nil is time.Now
	Log      *slog.Logger     // nil logs nothing
	// Receivers names who is told of changes of an organization's findings; nil
	// is nobody. It is asked in the transaction that saves them, and must be
	// safe for concurrent use.
	Receivers func(Organization) []string
	// Migrating is called when the schema is about to be changed, which may take
	// a while, or another process is waited for that does; nil is nobody.
	Migrating func()
}

// A Store is a view of one database, for one who acts: see As, Within and
// Unattended. It is safe for concurrent use, also by several processes on one
// database.
type Store struct {
	*database

	actor string   // who is written into the audit log; "" is the collector itself
	scope []string // the organizations within reach; nil for all
	lane  lane
}

// A database is what all views of it share.
type database struct {
	db     engine
	now    func() time.Time
	log    *slog.Logger
	holder string // names this store among those of one database

	receivers func(Organization) []string // nil is nobody
	history   atomic.Int64                // that is kept, a time.Duration

	changed chan struct{}

	mu       sync.Mutex
	seen     map[string]int64 // organization → lowest revision that Facts gave since the last SaveResult
	writeErr error            // of the last write; nil when it went well
}

// An engine is what differs between the two databases.
type engine interface {
	// begin begins a transaction that writes, or one that reads a single
	// snapshot, which sees no rows but those of the scope.
	begin(ctx context.Context, scope []string, l lane, write bool) (*sql.Tx, error)
	// hold keeps other transactions from writing for the organization until t
	// ends, so that what t reads of it stays true.
	hold(ctx context.Context, t *tx, org string) error
	// claim takes the reconciling of an organization that has changed, unless
	// another process has it. It ends with release, or with this process.
	claim(ctx context.Context, org string) (release func(), claimed bool, err error)
	// probe writes something that has to reach the disk.
	probe(ctx context.Context, t *tx) error
	// advice is what a person looks at when nothing can be written.
	advice() string
	// explain says whether a transaction that failed may be tried again, and
	// returns the error with its kind.
	explain(err error) (kind error, again bool)
	Close() error
}

// A lane is a set of connections. Those that people wait for are apart from
// those of agents and of the work in the background, so that neither takes the
// last one from the other.
type lane int

const (
	people lane = iota
	work
)

// Open opens the database and brings its schema up to date where needed; of
// SQLite it makes the data directory. The caller closes the store.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.History == 0 {
		o.History = DefaultHistory
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{database: &database{now: o.Now, log: o.Log, receivers: o.Receivers, holder: rand.Text(), changed: make(chan struct{}, 1), seen: map[string]int64{}}}
	s.KeepHistory(o.History)
	var err error
	if o.Database.DSN == "" {
		s.db, err = openSQLite(ctx, o.DataDir, witness{o.Log, o.Migrating})
	} else {
		s.db, err = openPostgres(ctx, o.Database, witness{o.Log, o.Migrating})
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close ends all connections, of all views. It may be called twice.
func (s *Store) Close() error { return s.db.Close() }

// As returns the same database for one who acts: what is done through it is
// theirs in the audit log.
func (s *Store) As(actor string) *Store {
	view := *s
	view.actor = actor
	return &view
}

// Within returns a view of the store to which there are no other organizations
// than these, by ID: what is of another is not found, and cannot be changed. Of
// a view it is one of what both have. On PostgreSQL the database itself sees to
// that, also where a query forgets.
func (s *Store) Within(organizations ...string) *Store {
	within := slices.DeleteFunc(slices.Clone(organizations), func(org string) bool { return org == "" || !s.sees(org) })
	slices.Sort(within)
	view := *s
	view.scope = append([]string{}, slices.Compact(within)...)
	return &view
}

// Unattended returns a view of the store for agents and work in the background:
// it has connections of its own, and never waits for those of people.
func (s *Store) Unattended() *Store {
	view := *s
	view.lane = work
	return &view
}

// sees says that an organization is within reach.
func (s *Store) sees(org string) bool { return inScope(s.scope, org) }

func inScope(scope []string, org string) bool { return scope == nil || slices.Contains(scope, org) }

// reach is the organization to ask for, "" for all, where that is one.
func (s *Store) reach(org string) string {
	if org == "" && len(s.scope) == 1 {
		return s.scope[0]
	}
	return org
}

// keep leaves those that are of an organization within reach. PostgreSQL gives
// no others.
func keep[T any](s *Store, all []T, of func(T) string) []T {
	if s.scope == nil {
		return all
	}
	return slices.DeleteFunc(all, func(v T) bool { return !s.sees(of(v)) })
}

// Ready returns nil when the store can be read and, as far as is known,
// written, and otherwise says why not: with ErrUnwritable where it can be read.
func (s *Store) Ready(ctx context.Context) error {
	if err := s.view(ctx, func(t *tx) error {
		var n int
		return t.QueryRowContext(ctx, `SELECT COUNT(*) FROM organizations WHERE id = ''`).Scan(&n)
	}); err != nil {
		return fmt.Errorf("cannot read the database: %w", err)
	}
	s.mu.Lock()
	failed := s.writeErr
	s.mu.Unlock()
	if failed == nil {
		return nil
	}
	// The last write failed; perhaps the cause is gone.
	if err := s.update(ctx, func(t *tx) error { return s.db.probe(ctx, t) }); err != nil {
		return fmt.Errorf("%w: %w: %s", ErrUnwritable, err, s.db.advice())
	}
	return nil
}

// Advice is what a person looks at when nothing can be written.
func (s *Store) Advice() string { return s.db.advice() }

// A tx is a transaction with its one time.
type tx struct {
	*sql.Tx
	scope   []string
	actor   string
	now     time.Time
	invalid error    // text that cannot be kept was in a statement
	marked  []string // organizations that were marked as changed, "" for some
}

// refuse notes text that PostgreSQL cannot hold: a transaction that has it in a
// statement writes nothing, on both databases.
func (t *tx) refuse(args []any) {
	for _, a := range args {
		if text, ok := a.(string); ok && t.invalid == nil && strings.ContainsRune(text, 0) {
			t.invalid = fmt.Errorf("%w: %.60q has a NUL character", ErrInvalid, text)
		}
	}
}

// ExecContext is that of sql.Tx, without text that cannot be kept.
func (t *tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if t.refuse(args); t.invalid != nil {
		return nil, t.invalid
	}
	return t.Tx.ExecContext(ctx, query, args...)
}

// QueryRowContext is that of sql.Tx, also for statements that write and return.
func (t *tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	t.refuse(args)
	return t.Tx.QueryRowContext(ctx, query, args...)
}

// tries bounds how often a transaction is begun anew that others were in the
// way of.
const tries = 10

// change is update for a transaction that writes for one organization: no other
// writes for it at the same time, so that what is read stays true. One that is
// out of reach is not found.
func (s *Store) change(ctx context.Context, org string, do func(*tx) error) error {
	if !s.sees(org) {
		return fmt.Errorf("organization %q: %w", org, ErrNotFound)
	}
	return s.update(ctx, func(t *tx) error {
		if err := s.db.hold(ctx, t, org); err != nil {
			return fmt.Errorf("cannot hold the organization: %w", err)
		}
		return do(t)
	})
}

// update runs do in a transaction that writes, and commits it. Where the
// database ends it for the sake of another, it is run again from its beginning.
func (s *Store) update(ctx context.Context, do func(*tx) error) error {
	for n := 1; ; n++ {
		err := s.tryUpdate(ctx, do)
		if err == nil {
			return s.wrote(ctx, nil)
		}
		kind, again := s.db.explain(err)
		switch {
		case again && n < tries && rest(ctx, n):
			continue
		case isRefusal(kind):
			return kind
		}
		return s.wrote(ctx, kind)
	}
}

func (s *Store) tryUpdate(ctx context.Context, do func(*tx) error) error {
	raw, err := s.db.begin(ctx, s.scope, s.lane, true)
	if err != nil {
		return fmt.Errorf("cannot begin a transaction: %w", err)
	}
	t := &tx{Tx: raw, scope: s.scope, actor: s.actor, now: s.clock()}
	err = do(t)
	if t.invalid != nil {
		err = t.invalid // where another came of it
	}
	if err != nil {
		_ = raw.Rollback() // the cause is err
		return err
	}
	if err := raw.Commit(); err != nil {
		return fmt.Errorf("cannot commit: %w", err)
	}
	if len(t.marked) > 0 {
		s.notify()
	}
	return nil
}

// rest waits before the n-th transaction is tried again, longer each time and
// by chance, so that two do not meet again. It returns false when the context
// ended.
func rest(ctx context.Context, n int) bool {
	most := big.NewInt(int64(time.Millisecond) << min(n+2, 8))
	d, err := rand.Int(rand.Reader, most)
	if err != nil {
		d = most
	}
	timer := time.NewTimer(time.Duration(d.Int64()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// wrote remembers for Ready how the last write ended; one that the caller gave
// up says nothing, unless it took too long.
func (s *Store) wrote(ctx context.Context, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeErr = err
	return err
}

// view runs do on one snapshot of the database.
func (s *Store) view(ctx context.Context, do func(*tx) error) error {
	raw, err := s.db.begin(ctx, s.scope, s.lane, false)
	if err != nil {
		return fmt.Errorf("cannot begin to read: %w", err)
	}
	defer func() { _ = raw.Rollback() }() // nothing was written
	err, _ = s.db.explain(do(&tx{Tx: raw, scope: s.scope, actor: s.actor, now: s.clock()}))
	return err
}

// viewOf is view for what is read of one organization. One that is out of reach
// is not found.
func (s *Store) viewOf(ctx context.Context, org string, do func(*tx) error) error {
	if !s.sees(org) {
		return fmt.Errorf("organization %q: %w", org, ErrNotFound)
	}
	return s.view(ctx, do)
}

// clock is the time in the precision in which it is kept.
func (s *Store) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }
