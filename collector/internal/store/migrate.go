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

	"github.com/pressly/goose/v3"
)

//go:embed migrations/sqlite/*.sql
var migrations embed.FS

// migrate brings the schema up to date, one transaction per file. A schema
// newer than this program is left alone: migrations only add, so that the
// program before the last still serves it.
func migrate(ctx context.Context, dir string, db *sql.DB, log *slog.Logger) (err error) {
	unlock, err := lock(ctx, filepath.Join(dir, "migrate.lock"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	files, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return fmt.Errorf("cannot read migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("cannot read migrations: %w", err)
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the version of the database in %s: %w", dir, err)
	}
	if current > target {
		log.WarnContext(ctx, "the database was written by a newer version of this program",
			"data_dir", dir, "database_version", current, "program_version", target)
		return nil
	}
	applied, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("cannot bring the database in %s up to date: %w", dir, err)
	}
	for _, m := range applied {
		log.InfoContext(ctx, "migration applied", "version", m.Source.Version, "duration", m.Duration)
	}
	return nil
}

// lock keeps other processes from migrating at the same time. It is the write
// lock of an empty database of its own, which the system drops when the process
// dies, on every system that SQLite knows.
func lock(ctx context.Context, path string) (func() error, error) {
	db, err := open(path, 1, url.Values{"_txlock": {"exclusive"}, "_pragma": {"busy_timeout(60000)"}})
	if err != nil {
		return nil, err
	}
	held, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot lock %s: %w", path, err), db.Close())
	}
	return func() error { return errors.Join(held.Rollback(), db.Close()) }, nil
}
