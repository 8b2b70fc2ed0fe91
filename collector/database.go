package collector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollcall/collector/internal/store"
	"rollcall/pkg/config"
)

// Database names a PostgreSQL server to use in the place of the file in the
// data directory. Any number of collectors may use it.
type Database struct {
	// DSN is of the role that serves, postgres://ROLE:PASSWORD@HOST/DATABASE.
	DSN config.Secret `yaml:"dsn"`
	// OwnerDSN is of the role that owns the tables, for migrations alone.
	OwnerDSN config.Secret `yaml:"owner_dsn"`
}

func (d Database) validate() error {
	if d.OwnerDSN.IsSet() && !d.DSN.IsSet() {
		return errors.New("database.dsn: is missing: database.owner_dsn is for migrations alone")
	}
	_, err := d.resolve()
	return err
}

// resolve reads the secrets.
func (d Database) resolve() (r store.Database, err error) {
	if r.DSN, err = d.DSN.Value(); err != nil {
		return r, fmt.Errorf("database.dsn: %w", err)
	}
	if r.OwnerDSN, err = d.OwnerDSN.Value(); err != nil {
		return r, fmt.Errorf("database.owner_dsn: %w", err)
	}
	return r, nil
}

func (c Config) history() time.Duration { return time.Duration(c.HistoryDays) * 24 * time.Hour }

// OpenStore opens the database that the settings name. The caller closes it.
func (c Config) OpenStore(ctx context.Context, o store.Options) (*store.Store, error) {
	var err error
	o.DataDir, o.History = c.DataDir, c.history()
	if o.Database, err = c.Database.resolve(); err != nil {
		return nil, err
	}
	return store.Open(ctx, o)
}

// Move copies the data of the data directory to the server of database.dsn, which
// o need not name.
func (c Config) Move(ctx context.Context, o store.MoveOptions) (m store.Moved, err error) {
	if o.Database, err = c.Database.resolve(); err != nil {
		return m, err
	}
	return store.Move(ctx, o)
}

// CheckDatabase connects to the server of database.dsn and says which it is, ""
// where none is set, and what a person should know of how it is set up.
func (c Config) CheckDatabase(ctx context.Context) (version string, warnings []string, err error) {
	d, err := c.Database.resolve()
	if err != nil || d.DSN == "" {
		return "", nil, err
	}
	return store.CheckDatabase(ctx, d)
}
