package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A Backup is a copy of the database as it was at one moment.
type Backup struct {
	File  string
	Taken time.Time
	Bytes int64
}

// Backup writes a copy of an SQLite database to a file that is not there yet,
// while others read and write. The copy is looked through before it gets its
// name, and only its owner may read it: it holds what the organizations own, and
// hashes of tokens and passwords. PostgreSQL has tools of its own for that.
func (s *Store) Backup(ctx context.Context, file string) (b Backup, err error) {
	if s.scope != nil {
		return b, errWhole
	}
	d, ok := s.db.(*sqlite)
	if !ok {
		return b, fmt.Errorf("%w: the data is in PostgreSQL, which is backed up by its own tools: pg_dump --format=custom, or pgBackRest where every minute counts", ErrInvalid)
	}
	file, err = filepath.Abs(file)
	if err != nil {
		return b, fmt.Errorf("cannot find %s: %w", file, err)
	}
	if _, err := os.Lstat(file); err == nil {
		return b, fmt.Errorf("%s: %w: it exists, and a backup overwrites nothing", file, ErrConflict)
	}
	part := file + ".part-" + rand.Text()
	defer func() {
		if err != nil {
			err = errors.Join(err, removeDatabase(part))
		}
	}()
	if err := touch(part); err != nil { // VACUUM INTO takes a file that is empty, and leaves its mode
		return b, err
	}
	b = Backup{File: file, Taken: s.clock()}
	if err := d.copyTo(ctx, part); err != nil {
		return b, fmt.Errorf("cannot copy the database: %w", err)
	}
	if err := finishCopy(ctx, part, b.Taken); err != nil {
		return b, err
	}
	info, err := os.Stat(part)
	if err != nil {
		return b, fmt.Errorf("cannot write the backup: %w", err)
	}
	b.Bytes = info.Size()
	return b, rename(part, file)
}

// copyTo writes one snapshot of the database to a file.
func (d *sqlite) copyTo(ctx context.Context, to string) error {
	var n int
	var name, from string
	if err := d.read[work].QueryRowContext(ctx, `SELECT seq, name, file FROM pragma_database_list WHERE name = 'main'`).Scan(&n, &name, &from); err != nil {
		return err
	}
	// A connection of its own: it takes as long as the database is large.
	db, err := openFile(from, 1, url.Values{"_pragma": {"busy_timeout(10000)"}})
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO $1`, to)
	return errors.Join(err, db.Close())
}

// finishCopy notes in the copy when it was taken, and looks through it.
func finishCopy(ctx context.Context, path string, taken time.Time) error {
	db, err := openFile(path, 1, url.Values{"_pragma": {"synchronous(FULL)"}})
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `INSERT INTO backups (taken_at) VALUES ($1)`, millis(taken))
	if err == nil {
		err = intact(ctx, db)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("the copy is not right: %w", err)
	}
	return nil
}

// intact looks through a whole database.
func intact(ctx context.Context, db *sql.DB) error {
	var said string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return fmt.Errorf("it is damaged: %s", said)
	}
	rows, err := db.QueryContext(ctx, `PRAGMA foreign_key_check`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // read only
	if rows.Next() {
		return errors.New("it is damaged: rows refer to others that are not there")
	}
	return rows.Err()
}

// rename gives a whole file its name, so that it is there after a power loss.
func rename(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", to, err)
	}
	if err := errors.Join(f.Sync(), f.Close(), os.Rename(from, to)); err != nil {
		return fmt.Errorf("cannot write %s: %w", to, err)
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", to, err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("cannot write %s: %w", to, err)
	}
	return nil
}

// beside are the endings of the files that SQLite has beside a database.
var beside = []string{"", "-wal", "-shm", "-journal"}

func removeDatabase(path string) error {
	var errs []error
	for _, end := range beside {
		if err := os.Remove(path + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// isBusy says that another process has the database.
func isBusy(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "SQLITE_BUSY") || strings.Contains(err.Error(), "database is locked"))
}
