package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"rollcall/collector"
	"rollcall/collector/internal/store"
)

type migrateCmd struct {
	From    string `help:"What holds the data now: sqlite." enum:",sqlite" default:"" placeholder:"sqlite"`
	To      string `help:"What is to hold it: postgres." enum:",postgres" default:"" placeholder:"postgres"`
	Config  string `help:"Settings of the collector, which name the data directory and, with database.dsn, where the data goes." type:"path" placeholder:"FILE"`
	DataDir string `help:"The data directory (default: the one of the settings, or ./rollcall-data)." type:"path" placeholder:"DIR"`
	Undo    bool   `help:"Go back: let the file in the data directory be served again, as it was when it moved."`
}

// Help says how a move goes.
func (c *migrateCmd) Help() string {
	return `1. Make an empty database and name it with database.dsn in the settings (configs/docs/postgresql.md).
2. Stop the collector. Agents keep their reports meanwhile, and lose none.
3. rollcall-collector migrate --from sqlite --to postgres --config FILE
4. Start the collector.

The file stays as it was, and is not served any more. A move that is interrupted is run again: it begins anew, or says
that all was copied.`
}

// Validate wants the direction said, or --undo.
func (c *migrateCmd) Validate() error {
	if c.Undo && (c.From != "" || c.To != "") {
		return errors.New("--undo goes without --from and --to")
	}
	if !c.Undo && (c.From == "" || c.To == "") {
		return errors.New("say the direction: --from sqlite --to postgres, which is the only one; --undo goes back")
	}
	return nil
}

// Run moves the data, or takes a move back.
func (c *migrateCmd) Run(ctx context.Context, std stdio) error {
	config, err := collector.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	if c.DataDir != "" {
		config.DataDir = c.DataDir
	}
	o := store.MoveOptions{
		DataDir: config.DataDir, Now: time.Now, Actor: actor(), Log: slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Progress: func(table string, rows, of int64) {
			if of > 0 {
				_, _ = fmt.Fprintf(std.err, "%s: %s: %d of %s copied\n", program, table, rows, plural(int(of), "row"))
			}
		},
	}
	if c.Undo {
		return c.undo(ctx, std, o)
	}
	if !config.Database.DSN.IsSet() {
		return errors.New("cannot move: no PostgreSQL database is named: set database.dsn in the settings and give them with --config")
	}
	began := time.Now()
	m, err := config.Move(ctx, o)
	if err != nil {
		return fmt.Errorf("cannot move: %w", err)
	}
	return tellMoved(std.out, config.DataDir, m, time.Since(began))
}

func tellMoved(out io.Writer, dir string, m store.Moved, took time.Duration) error {
	rows := int64(0)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(m.Tables) > 0 {
		_, _ = fmt.Fprintln(w, "TABLE\tROWS\tDIGEST OF BOTH SIDES") // an error comes with Flush
	}
	for _, t := range m.Tables {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%.16s\n", t.Name, t.Rows, t.Digest)
		rows += t.Rows
	}
	if err := w.Flush(); err != nil {
		return err
	}
	how := fmt.Sprintf("%s in %s", plural(int(rows), "row"), took.Round(time.Millisecond))
	if len(m.Tables) == 0 {
		how = "the move that was interrupted had copied everything"
	}
	_, err := fmt.Fprintf(out, `
Moved: PostgreSQL has what was in %s (%s).
Start the collector now, with database.dsn set as it is. The file stays as it was and is not served any more; to go back
to it: %s migrate --undo. Delete it once you will not.
`, dir, how, program)
	return err
}

func (c *migrateCmd) undo(ctx context.Context, std stdio, o store.MoveOptions) error {
	m, err := store.UndoMove(ctx, o)
	if err != nil {
		return fmt.Errorf("cannot go back: %w", err)
	}
	lost := `Agents send again what they delivered to PostgreSQL since, as far as they still keep it; what is missing then is shown as
a gap. What people did since is not there: imports, accounts, and what was revoked, so revoke that anew.
`
	if m.Finished.IsZero() {
		lost = "The move had not ended.\n"
	}
	_, err = fmt.Fprintf(std.out, `The file in %s is served again, as it was when it moved (%s).
%sTake database.dsn out of the settings before you start the collector. Before another move, empty the PostgreSQL database.
`, o.DataDir, m.Began.Format(time.RFC3339), lost)
	return err
}
