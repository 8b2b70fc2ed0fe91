package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// MoveOptions say which data goes to which server.
type MoveOptions struct {
	DataDir  string   // of SQLite, which nobody may be using
	Database Database // without data
	Now      func() time.Time
	Actor    string       // who does it, for the audit log
	Log      *slog.Logger // of migrations
	// Progress is told how many rows of how many of a table are copied; nil is
	// nobody.
	Progress func(table string, rows, of int64)
}

// A Moved database is served from PostgreSQL.
type Moved struct {
	ID       string
	Began    time.Time
	Finished time.Time    // zero for one that was killed, or whose end is not known
	Tables   []MovedTable // none where the copy was there already, from one that was killed at its end
}

// A MovedTable was the same on both sides before the copy was kept.
type MovedTable struct {
	Name   string
	Rows   int64
	Digest string // see tableSum
}

// Move copies all data of SQLite to a PostgreSQL database, in one transaction
// there, and from then on nothing serves the file. It has the file for itself
// meanwhile: agents keep their reports until a collector answers again.
//
// The file is marked before the first row is copied and the copy has the same
// mark, so that a move that was killed at any moment is known when it is run
// again: either nothing is there yet, or all is. Without that a collector could
// take reports into the file after the copy was complete.
func Move(ctx context.Context, o MoveOptions) (m Moved, err error) {
	from, err := openSource(ctx, o)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if m, err = readMove(ctx, from); err != nil {
		return m, err
	}
	if !m.Finished.IsZero() {
		return m, fmt.Errorf("%w: %w", ErrConflict, m.refusal(o.DataDir))
	}
	to, err := openTarget(ctx, o)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if m.ID != "" {
		there, err := to.has(ctx, m.ID)
		if err != nil {
			return m, err
		}
		if there {
			return m, finishMove(ctx, from, &m, o.Now())
		}
	}
	m = Moved{ID: rand.Text(), Began: o.Now().UTC().Truncate(time.Millisecond)}
	if err := mark(ctx, from, m); err != nil {
		return m, err
	}
	if err := to.fill(ctx, from, &m, o); err != nil {
		if errors.Is(err, errUnknownEnd) {
			return m, fmt.Errorf("%w: run the move again to see, the file is not served until then", err)
		}
		return m, errors.Join(err, unmark(context.WithoutCancel(ctx), from))
	}
	return m, finishMove(ctx, from, &m, o.Now())
}

// UndoMove lets the file be served again, as it was when it moved. What
// PostgreSQL took since is not in it, which is noted as after a restore: agents
// send again what they still keep.
func UndoMove(ctx context.Context, o MoveOptions) (m Moved, err error) {
	db, err := openSource(ctx, o)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if m, err = readMove(ctx, db); err != nil {
		return m, err
	}
	if m.ID == "" {
		return m, fmt.Errorf("the data in %s: %w: it has not moved", o.DataDir, ErrNotFound)
	}
	if m.Finished.IsZero() {
		return m, unmark(ctx, db)
	}
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return m, fmt.Errorf("cannot begin a transaction: %w", err)
	}
	defer func() { _ = t.Rollback() }() // after a commit it does nothing
	r := Restored{ID: rand.Text(), Restored: o.Now().UTC().Truncate(time.Millisecond), Taken: m.Finished}
	if err := errors.Join(noteRestore(ctx, t, r, o.Actor), unmark(ctx, t)); err != nil {
		return m, err
	}
	return m, t.Commit()
}

// openSource opens the database of a data directory for this process alone, and
// brings its schema up to date.
func openSource(ctx context.Context, o MoveOptions) (*sql.DB, error) {
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return nil, fmt.Errorf("cannot find data directory %s: %w", o.DataDir, err)
	}
	path := filepath.Join(dir, fileName)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("cannot find the data: %w", err)
	}
	db, err := seize(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := migrateSQLite(ctx, dir, db, witness{Logger: o.Log}); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// readMove returns the move that is noted, a zero one where there is none.
func readMove(ctx context.Context, q rowQuerier) (m Moved, err error) {
	var began, finished int64
	err = q.QueryRowContext(ctx, `SELECT id, began, finished FROM moves`).Scan(&m.ID, &began, &finished)
	if errors.Is(err, sql.ErrNoRows) {
		return Moved{}, nil
	}
	if err != nil {
		return m, fmt.Errorf("cannot read whether the data moved: %w", err)
	}
	m.Began, m.Finished = moment(began), moment(finished)
	return m, nil
}

// refusal is why the file of a data directory is not served.
func (m Moved) refusal(dir string) error {
	if m.Finished.IsZero() {
		return fmt.Errorf("a move of the data in %s to PostgreSQL began on %s and is not known to have ended: run the command migrate again, or migrate --undo to stay with the file",
			dir, m.Began.Format(time.RFC3339))
	}
	return fmt.Errorf("the data in %s moved to PostgreSQL on %s: name that database with database.dsn in the settings, or go back to the file with the command migrate --undo",
		dir, m.Finished.Format(time.RFC3339))
}

// refuseMoved is an error where the data is elsewhere.
func refuseMoved(ctx context.Context, dir string, db *sql.DB) error {
	m, err := readMove(ctx, db)
	if err != nil || m.ID == "" {
		return err
	}
	return fmt.Errorf("%w: %w", ErrConflict, m.refusal(dir))
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// mark notes a move in the place of one that was killed.
func mark(ctx context.Context, db *sql.DB, m Moved) error {
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("cannot begin a transaction: %w", err)
	}
	defer func() { _ = t.Rollback() }() // after a commit it does nothing
	if err := errors.Join(unmark(ctx, t), insertMove(ctx, t, m)); err != nil {
		return err
	}
	return t.Commit()
}

func insertMove(ctx context.Context, e execer, m Moved) error {
	if _, err := e.ExecContext(ctx, `INSERT INTO moves (id, began, finished) VALUES ($1, $2, $3)`, m.ID, millis(m.Began), millis(m.Finished)); err != nil {
		return fmt.Errorf("cannot note the move: %w", err)
	}
	return nil
}

func unmark(ctx context.Context, e execer) error {
	if _, err := e.ExecContext(ctx, `DELETE FROM moves`); err != nil {
		return fmt.Errorf("cannot take back the note of the move: %w", err)
	}
	return nil
}

// finishMove notes in the file that the copy is there.
func finishMove(ctx context.Context, from *sql.DB, m *Moved, now time.Time) error {
	m.Finished = now.UTC().Truncate(time.Millisecond)
	if _, err := from.ExecContext(ctx, `UPDATE moves SET finished = $1 WHERE id = $2`, millis(m.Finished), m.ID); err != nil {
		return fmt.Errorf("all data is in PostgreSQL, but the file cannot be marked: run the move again: %w", err)
	}
	return nil
}

// A target is a PostgreSQL database, reached as the owner of its tables.
type target struct {
	db   *sql.DB
	conn *sql.Conn
	name string // of the server and the database
	role string // that serves
}

// openTarget makes or updates the tables of the database, with their rules.
func openTarget(ctx context.Context, o MoveOptions) (_ *target, err error) {
	serving, name, err := openServer(o.Database.DSN, 1)
	if err != nil {
		return nil, fmt.Errorf("database.dsn: %w", err)
	}
	defer func() { _ = serving.Close() }()
	role, err := lookAt(ctx, serving)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, serving, o.Database, witness{Logger: o.Log}); err != nil {
		return nil, err
	}
	dsn := o.Database.OwnerDSN
	if dsn == "" {
		dsn = o.Database.DSN
	}
	t := &target{name: name, role: role.name}
	if t.db, _, err = openServer(dsn, 1, stdlib.OptionAfterConnect(seeEverything)); err != nil {
		return nil, fmt.Errorf("database.owner_dsn: %w", err)
	}
	owner, err := lookAt(ctx, t.db)
	if err == nil && !owner.owner && !owner.above {
		err = fmt.Errorf("role %s does not own the tables: name the role that does with database.owner_dsn, for the move at least", owner.name)
	}
	if err == nil {
		t.conn, err = t.db.Conn(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, t.db.Close())
	}
	return t, nil
}

func (t *target) Close() error { return errors.Join(t.conn.Close(), t.db.Close()) }

// has says that the move with this ID filled the database.
func (t *target) has(ctx context.Context, id string) (there bool, err error) {
	if err := t.conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM moves WHERE id = $1)`, id).Scan(&there); err != nil {
		return false, fmt.Errorf("cannot look whether the data is there: %w", err)
	}
	return there, nil
}
