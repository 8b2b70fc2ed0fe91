package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"rollcall/collector/internal/store"
)

type backupCmd struct {
	Data   dataFlags `embed:""`
	Output string    `help:"The file to write (default: rollcall-backup-TIME.db here)." type:"path" placeholder:"FILE"`
}

// Run writes the backup; a collector may serve meanwhile.
func (c *backupCmd) Run(ctx context.Context, std stdio) (err error) {
	s, err := c.Data.open(ctx, std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	file := c.Output
	if file == "" {
		file = "rollcall-backup-" + time.Now().UTC().Format("20060102T150405Z") + ".db"
	}
	b, err := s.Backup(ctx, file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, `%s: %d bytes, whole and checked. Keep it where this machine's fate does not matter, and as
safe as the data itself. The settings, the certificate and the secrets that they name are not in it: keep those apart.
`, b.File, b.Bytes)
	return err
}

type restoreCmd struct {
	Data    dataFlags `embed:""`
	File    string    `arg:"" help:"What backup wrote." type:"path"`
	Replace bool      `help:"Put it in the place of the database that is there, which is kept beside it."`
}

// Run puts a backup in the place of the database, while no collector runs.
func (c *restoreCmd) Run(ctx context.Context, std stdio) error {
	config, err := c.Data.settings()
	if err != nil {
		return err
	}
	if config.Database.DSN.IsSet() {
		return errors.New("cannot restore: the settings name a PostgreSQL database, which is restored by its own tools: pg_restore, or pgBackRest")
	}
	r, err := store.Restore(ctx, store.RestoreOptions{
		DataDir: config.DataDir, File: c.File, Replace: c.Replace, Now: time.Now, Actor: actor(),
		Log: slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if errors.Is(err, store.ErrConflict) && !c.Replace {
		return fmt.Errorf("%w: add --replace to put the backup in its place; what is there is kept under another name", err)
	}
	if err != nil {
		return err
	}
	kept := ""
	if r.Kept != "" {
		kept = "What was there before is kept as " + r.Kept + ".\n"
	}
	_, err = fmt.Fprintf(std.out, `Restored: the data in %s is that of %s.
%sStart the collector now. Agents send again what they delivered since, as far as they still keep it; what is missing
then is shown as a gap. What people did since is not there: imports, accounts, and what was revoked. Tokens and
passwords that were revoked since the backup are good again, so revoke them anew.
`, config.DataDir, r.Taken.Format(time.RFC3339), kept)
	return err
}
