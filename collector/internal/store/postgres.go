package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Database names a PostgreSQL server and the roles on it. The zero value is
// SQLite.
type Database struct {
	DSN      string // of the role that serves, as a URL or as key=value
	OwnerDSN string // of the role that owns the tables, for migrations alone; "" is DSN
}

// oldestPostgres is the oldest server that the store works on, and oldestNumber
// how the server says it.
const (
	oldestPostgres = "15"
	oldestNumber   = 150000
)

// peopleConnections and workConnections bound the connections of one collector
// to the server, which by default has 100 for all.
const (
	peopleConnections = 8
	workConnections   = 12
)

// Limits on what one transaction may hold up, in milliseconds. A claim waits
// idle for as long as an organization is reconciled.
const (
	viewTimeout   = 30_000
	updateTimeout = 120_000
	lockTimeout   = 30_000
	idleTimeout   = 120_000
	claimTimeout  = 1_800_000
)

// postgres is a server that other collectors may use at the same time.
type postgres struct {
	pools [2]*sql.DB // by lane
}

func openPostgres(ctx context.Context, d Database, log witness) (*postgres, error) {
	p := &postgres{}
	for l, n := range map[lane]int{people: peopleConnections, work: workConnections} {
		db, _, err := openServer(d.DSN, n, notForEver()...)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("database.dsn: %w", err), p.Close())
		}
		p.pools[l] = db
	}
	if err := prepare(ctx, p.pools[work], d, log); err != nil {
		return nil, errors.Join(asAway(err), p.Close())
	}
	return p, nil
}

func (p *postgres) Close() error {
	var errs []error
	for _, db := range p.pools {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// all is the scope of what may see every organization. An ID has neither this
// nor a comma.
const all = "*"

// settings begin each transaction, and end with it: they hold behind a pooler
// too, where a session is not one's own. A commit is on the disk before it is
// acknowledged, that of the standby where one is waited for, whatever the server
// or the role is set to.
const settings = `SELECT set_config('rollcall.organizations', $1, true), set_config('statement_timeout', $2, true),
	set_config('lock_timeout', $3, true), set_config('idle_in_transaction_session_timeout', $4, true),
	set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN 'on' ELSE current_setting('synchronous_commit') END, true)`

func (p *postgres) begin(ctx context.Context, scope []string, l lane, write bool) (*sql.Tx, error) {
	within := all
	if scope != nil {
		within = strings.Join(scope, ",")
	}
	if write {
		return p.beginTx(ctx, l, nil, within, updateTimeout, idleTimeout)
	}
	return p.beginTx(ctx, l, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, within, viewTimeout, idleTimeout)
}

func (p *postgres) beginTx(ctx context.Context, l lane, o *sql.TxOptions, within string, statement, idle int) (*sql.Tx, error) {
	var err error
	// After a restart of the server every connection at hand is a dead one, and
	// nothing was done yet: each failure throws one away.
	for range peopleConnections + workConnections {
		var t *sql.Tx
		if t, err = p.pools[l].BeginTx(ctx, o); err == nil {
			if _, err = t.ExecContext(ctx, settings, within, fmt.Sprint(statement), fmt.Sprint(lockTimeout), fmt.Sprint(idle)); err == nil {
				return t, nil
			}
			_ = t.Rollback() // the cause is err
		}
		if !isDead(err) || ctx.Err() != nil {
			break
		}
	}
	return nil, asAway(explainConnect(err))
}

// isDead says that a connection was lost, not that none can be made.
func isDead(err error) bool {
	if _, connects := errors.AsType[*pgconn.ConnectError](err); connects {
		return false
	}
	if e, said := errors.AsType[*pgconn.PgError](err); said {
		// Class 57P is the server's end, and 25P03 a transaction that it ended.
		return strings.HasPrefix(e.Code, "57P") || e.Code == "25P03"
	}
	return true
}

// hold locks the organization's row, which every change of it writes.
func (p *postgres) hold(ctx context.Context, t *tx, org string) error {
	var n int
	err := t.QueryRowContext(ctx, `SELECT 1 FROM organizations WHERE id = $1 FOR NO KEY UPDATE`, org).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // whoever asks finds that it is not there
	}
	return err
}

// claim holds a row for as long as the organization is reconciled. The server
// gives it free when this process dies. It is no row that agents' reports wait
// for.
func (p *postgres) claim(ctx context.Context, org string) (release func(), claimed bool, err error) {
	t, held, err := p.lockJob(ctx, org)
	if err == nil && !held {
		// Another has it, or it was never claimed before.
		var made bool
		if made, err = p.makeJob(ctx, org); err == nil && made {
			t, held, err = p.lockJob(ctx, org)
		}
	}
	if err != nil || !held {
		return nil, false, err
	}
	// Only now, for another may have done it while the row was asked for.
	var n int
	if err := t.QueryRowContext(ctx, `SELECT COUNT(*) FROM organizations WHERE id = $1 AND revision > reconciled`, org).Scan(&n); err != nil || n == 0 {
		return nil, false, errors.Join(err, t.Rollback())
	}
	return func() { _ = t.Rollback() }, true, nil // nothing was written
}

// lockJob returns the transaction that holds the row, unless another does or
// there is none.
func (p *postgres) lockJob(ctx context.Context, org string) (t *sql.Tx, held bool, err error) {
	t, err = p.beginTx(ctx, work, nil, all, updateTimeout, claimTimeout)
	if err != nil {
		return nil, false, err
	}
	var n int
	err = t.QueryRowContext(ctx, `SELECT 1 FROM reconcile_jobs WHERE organization = $1 FOR UPDATE SKIP LOCKED`, org).Scan(&n)
	if err == nil {
		return t, true, nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return nil, false, errors.Join(err, t.Rollback())
}

// makeJob makes the row that is claimed, once for each organization.
func (p *postgres) makeJob(ctx context.Context, org string) (made bool, err error) {
	t, err := p.beginTx(ctx, work, nil, all, updateTimeout, idleTimeout)
	if err != nil {
		return false, err
	}
	res, err := t.ExecContext(ctx, `INSERT INTO reconcile_jobs (organization) SELECT id FROM organizations WHERE id = $1 ON CONFLICT DO NOTHING`, org)
	if err != nil {
		return false, errors.Join(err, t.Rollback())
	}
	n, err := res.RowsAffected()
	return n > 0, errors.Join(err, t.Commit())
}

// probe writes a row that nothing reads.
func (p *postgres) probe(ctx context.Context, t *tx) error {
	_, err := t.ExecContext(ctx, `INSERT INTO leases (name, holder, expires) VALUES ('ready', '', $1)
		ON CONFLICT (name) DO UPDATE SET expires = excluded.expires`, millis(t.now))
	return err
}

func (p *postgres) advice() string { return "see the log of the PostgreSQL server" }

// explain knows the errors by their SQLSTATE (PostgreSQL's documentation,
// appendix A).
func (p *postgres) explain(err error) (error, bool) {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return asAway(err), false
	}
	switch e.Code {
	case "40001", "40P01", // serialization failure, deadlock
		readOnly: // its connection is closed, and the next leads to the server that is the primary by then
		return err, true
	case "22021", "22P05": // NUL or what is not UTF-8, in a text
		return fmt.Errorf("%w: it has a character that cannot be kept", ErrInvalid), false
	}
	return asAway(err), false
}
