package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
)

// RestoreOptions say what takes the place of which database.
type RestoreOptions struct {
	DataDir string
	File    string // that Backup wrote
	Replace bool   // of a database that is there
	Now     func() time.Time
	Actor   string       // who does it, for the audit log
	Log     *slog.Logger // of migrations
}

// A Restored database continues another history than the one before.
type Restored struct {
	ID       string
	Restored time.Time
	Taken    time.Time // when the backup was: what came after it is not there
	Kept     string    // where the database before is; "" when there was none
}

// Restore puts a backup in the place of the database of a data directory, which
// nobody may be using. It checks the backup and brings it up to date beside the
// database first; what is replaced is kept under another name. Agents send again
// what they delivered since the backup, as far as they still have it.
func Restore(ctx context.Context, o RestoreOptions) (r Restored, err error) {
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return r, fmt.Errorf("cannot find data directory %s: %w", o.DataDir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return r, fmt.Errorf("cannot make data directory: %w", err)
	}
	live := filepath.Join(dir, fileName)
	_, err = os.Lstat(live)
	there := err == nil
	if there && !o.Replace {
		return r, fmt.Errorf("%s: %w: there is a database already", live, ErrConflict)
	}
	part := live + ".part-" + rand.Text()
	defer func() {
		if err != nil {
			err = errors.Join(err, removeDatabase(part))
		}
	}()
	if err := copyFile(o.File, part); err != nil {
		return r, err
	}
	r = Restored{ID: rand.Text(), Restored: o.Now().UTC().Truncate(time.Millisecond)}
	if r.Taken, err = prepareRestored(ctx, dir, part, r, o); err != nil {
		return r, fmt.Errorf("%s cannot be restored: %w", o.File, err)
	}
	if there {
		release, err := takeAway(ctx, live)
		if err != nil {
			return r, err
		}
		defer release()
		r.Kept = live + ".before-" + r.Restored.Format("20060102T150405.000Z")
		for _, end := range beside {
			if err := os.Rename(live+end, r.Kept+end); err != nil && !errors.Is(err, os.ErrNotExist) {
				return r, fmt.Errorf("cannot keep the database that is there: %w", err)
			}
		}
	}
	return r, rename(part, live)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("cannot read the backup: %w", err)
	}
	defer func() { _ = in.Close() }() // read only
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("cannot write the database: %w", err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("cannot copy the backup: %w", err)
	}
	return nil
}

// prepareRestored checks the copy, brings its schema up to date, and notes that
// it was restored.
func prepareRestored(ctx context.Context, dir, path string, r Restored, o RestoreOptions) (taken time.Time, err error) {
	db, err := openFile(path, 1, url.Values{"_txlock": {"immediate"}, "_pragma": {"synchronous(FULL)", "foreign_keys(1)"}})
	if err != nil {
		return taken, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := intact(ctx, db); err != nil {
		return taken, err
	}
	var ms sql.NullInt64
	if err := db.QueryRowContext(ctx, `SELECT MAX(taken_at) FROM backups`).Scan(&ms); err != nil || !ms.Valid {
		return taken, errors.New("it is no backup of a collector: take one with the command backup")
	}
	p, err := newProvider(goose.DialectSQLite3, db)
	if err != nil {
		return taken, err
	}
	if current, target, err := p.GetVersions(ctx); err != nil || current > target {
		return taken, errors.Join(err, fmt.Errorf("it was written by a newer version of this program (schema %d, this one knows %d): update the program first", current, target))
	}
	if err := migrateSQLite(ctx, dir, db, witness{Logger: o.Log}); err != nil {
		return taken, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return taken, err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	r.Taken = moment(ms.Int64)
	if err := noteRestore(ctx, tx, r, o.Actor); err != nil {
		return taken, err
	}
	return r.Taken, tx.Commit()
}

// noteRestore notes that the database went back to what it was at r.Taken. The
// audit log has it, too: what was revoked since is good again.
func noteRestore(ctx context.Context, t *sql.Tx, r Restored, actor string) error {
	for _, q := range []struct {
		text string
		args []any
	}{
		{`DELETE FROM backups`, nil},
		{`INSERT INTO restores (id, restored_at, taken_at) VALUES ($1, $2, $3)`, []any{r.ID, millis(r.Restored), millis(r.Taken)}},
		{`UPDATE organizations SET revision = revision + 1, request_id = ''`, nil}, // the clock went on
	} {
		if _, err := t.ExecContext(ctx, q.text, q.args...); err != nil {
			return fmt.Errorf("cannot note that the database went back: %w", err)
		}
	}
	return (&tx{Tx: t, actor: actor, now: r.Restored}).audit(ctx, "", "database.restore", r.Taken.Format(time.RFC3339), nil)
}

// takeAway makes sure that nobody uses a database, and folds its journal into
// it, until release. One that is damaged is nobody's.
func takeAway(ctx context.Context, path string) (release func(), err error) {
	db, err := seize(ctx, path)
	if errors.Is(err, ErrConflict) {
		return nil, err
	}
	return func() {
		if db != nil {
			_ = db.Close() // nothing was written
		}
	}, nil
}

// seize opens a database that nobody uses, and keeps everyone else from it until
// it is closed. An error that is no ErrConflict says that it is damaged.
func seize(ctx context.Context, path string) (*sql.DB, error) {
	db, err := openFile(path, 1, url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(2000)", "locking_mode(EXCLUSIVE)", "synchronous(FULL)", "foreign_keys(1)"}})
	if err != nil {
		return nil, err
	}
	// The lock is kept after the transaction, for that is the mode.
	var mode string
	err = db.QueryRowContext(ctx, `PRAGMA journal_mode = DELETE`).Scan(&mode)
	if err == nil {
		_, err = db.ExecContext(ctx, `BEGIN EXCLUSIVE; COMMIT`)
	}
	if isBusy(err) || err == nil && mode != "delete" {
		err = fmt.Errorf("%s: %w: a collector or a command is using it: stop that first", path, ErrConflict)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// LastRestore returns how the database last went back, nil when it never did.
func (s *Store) LastRestore(ctx context.Context) (*Restored, error) {
	if _, ok := s.db.(*sqlite); !ok {
		return nil, nil // PostgreSQL is restored by its own tools, which leave no note
	}
	var r Restored
	var restored, taken int64
	err := s.view(ctx, func(t *tx) error {
		return t.QueryRowContext(ctx, `SELECT id, restored_at, taken_at FROM restores ORDER BY restored_at DESC, id LIMIT 1`).Scan(&r.ID, &restored, &taken)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the last restore: %w", err)
	}
	r.Restored, r.Taken = moment(restored), moment(taken)
	return &r, nil
}
