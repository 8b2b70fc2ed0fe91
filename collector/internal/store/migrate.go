package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
)

// Both folders have the same numbers, so that a version means the same.
//
//go:embed migrations/sqlite/*.sql migrations/postgres/*.sql
var migrations embed.FS

// newProvider returns what applies the migrations of a dialect to a database.
func newProvider(dialect goose.Dialect, db *sql.DB, o ...goose.ProviderOption) (*goose.Provider, error) {
	folder := "migrations/sqlite"
	if dialect == goose.DialectPostgres {
		folder = "migrations/postgres"
	}
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return nil, fmt.Errorf("cannot read migrations: %w", err)
	}
	p, err := goose.NewProvider(dialect, db, files, append(o, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))...)
	if err != nil {
		return nil, fmt.Errorf("cannot read migrations: %w", err)
	}
	return p, nil
}

// A witness is told of migrations.
type witness struct {
	*slog.Logger
	migrating func() // as Options.Migrating
}

func (w witness) begins() {
	if w.migrating != nil {
		w.migrating()
	}
}

// migrate brings the schema up to date, one transaction per file. A schema
// newer than this program is left alone: migrations only add, so that the
// program before the last still serves it.
func migrate(ctx context.Context, p *goose.Provider, where string, log witness) error {
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the version of the database in %s: %w", where, err)
	}
	if current > target {
		log.WarnContext(ctx, "the database was written by a newer version of this program",
			"database", where, "database_version", current, "program_version", target)
		return nil
	}
	if current == target {
		return nil
	}
	log.begins()
	applied, err := p.Up(ctx)
	if err != nil {
		return fmt.Errorf("cannot bring the database in %s up to date: %w", where, err)
	}
	for _, m := range applied {
		log.DebugContext(ctx, "migration applied", "version", m.Source.Version, "duration", m.Duration)
	}
	if current == 0 {
		log.InfoContext(ctx, "database made", "database", where, "version", target)
	} else {
		log.InfoContext(ctx, "database brought up to date", "database", where, "from_version", current, "version", target)
	}
	return nil
}

func migrateSQLite(ctx context.Context, dir string, db *sql.DB, log witness) (err error) {
	unlock, err := lockFile(ctx, filepath.Join(dir, "migrate.lock"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	p, err := newProvider(goose.DialectSQLite3, db)
	if err != nil {
		return err
	}
	return migrate(ctx, p, dir, log)
}

// lockTime is how long another process may migrate the database before this one
// gives up.
const lockTime = time.Minute

// lockFile keeps other processes from migrating at the same time. It is the
// write lock of an empty database of its own, which the system drops when the
// process dies, on every system that SQLite knows. Nothing is written for it, so
// that a full disk is not in the way. SQLite itself waits without an ear for the
// context, so that it is let wait a little at a time.
func lockFile(ctx context.Context, path string) (func() error, error) {
	db, err := openFile(path, 1, url.Values{"_txlock": {"exclusive"}, "_pragma": {"busy_timeout(100)", "journal_mode(MEMORY)"}})
	if err != nil {
		return nil, err
	}
	until := time.Now().Add(lockTime)
	held, err := db.BeginTx(ctx, nil)
	for isBusy(err) && ctx.Err() == nil && time.Now().Before(until) {
		held, err = db.BeginTx(ctx, nil)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot lock %s: %w", path, err), db.Close())
	}
	return func() error { return errors.Join(held.Rollback(), db.Close()) }, nil
}
