package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"
	"golang.org/x/sync/errgroup"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/peer"
)

// An older database is one that a version before this one wrote.
type older struct {
	t  testing.TB
	db *sql.DB
	p  *goose.Provider
	o  store.Options
}

// older returns an empty database without any table.
func newOlder(t testing.TB) older {
	t.Helper()
	dir := t.TempDir()
	o := store.Options{DataDir: dir, Now: newClock().now}
	dialect, folder, driver, dsn := goose.DialectSQLite3, "sqlite", "sqlite", filepath.Join(dir, "rollcall.db")
	if server != nil {
		name, err := server.CreateDatabase("")
		if err != nil {
			t.Fatal(err)
		}
		o.Database = server.database(name)
		dialect, folder, driver, dsn = goose.DialectPostgres, "postgres", "pgx", server.DSN(peer.OwnerRole, name)
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p, err := goose.NewProvider(dialect, db, os.DirFS(filepath.Join("migrations", folder)), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	return older{t: t, db: db, p: p, o: o}
}

// open opens it by this version.
func (o older) open() *store.Store {
	o.t.Helper()
	s, err := store.Open(context.Background(), o.o)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { _ = s.Close() })
	return s
}

func (o older) upTo(version int64) {
	o.t.Helper()
	if _, err := o.p.UpTo(context.Background(), version); err != nil {
		o.t.Fatal(err)
	}
}

func (o older) exec(queries ...string) {
	o.t.Helper()
	for _, q := range queries {
		if _, err := o.db.ExecContext(context.Background(), q); err != nil {
			o.t.Fatalf("%s: %v", q, err)
		}
	}
}

// fill leaves what the first version knew: an organization with a node, a
// contract that changed, and ledgers.
func (o older) fill() {
	o.t.Helper()
	const columns = ` (id, organization, file, sha256, imported_at, lines, refusals, added, removed, changed) VALUES `
	o.exec(
		`INSERT INTO organizations (id, name, created) VALUES ('o', 'O', 1)`,
		`INSERT INTO sites (organization, name, created) VALUES ('o', 'Main', 1)`,
		`INSERT INTO agents (id, organization, site, name, token_hash, created) VALUES ('a', 'o', 'Main', 'agent-1', 'h', 1)`,
		`INSERT INTO reports (agent, report_id, epoch, seq, received) VALUES ('a', 'r', 1, 1, 1000)`,
		`INSERT INTO watermarks (agent, address, epoch, seq) VALUES ('a', '192.0.2.1', 1, 1)`,
		`INSERT INTO nodes (organization, site, address, agent, name, platform, model, software, answered, complete, polled, last_good, problems, fingerprint)
			VALUES ('o', 'Main', '192.0.2.1', 'a', 'sw1', 'ios', 'm', 's', 1, 1, 1000, 1000, '[]', 'f')`,
		`INSERT INTO sightings (organization, site, address, slot, serial, pid, component, first_seen, in_last, last_seen)
			VALUES ('o', 'Main', '192.0.2.1', '1', 'S2', 'P', '{"serial":"S2","pid":"P"}', 1000, 1, 1000)`,
		`INSERT INTO ledgers (organization, kind, file, imported_at, entries) VALUES ('o', 'rma', 'rma.csv', 1000, '[{"old_serial":"S1","new_serial":"S2","row":2},{"old_serial":"S3","row":3}]')`,
		`INSERT INTO ledgers (organization, kind, file, imported_at, entries) VALUES ('o', 'orders', 'orders.csv', 1000, '[]')`,
		`INSERT INTO imports`+columns+`(101, 'o', 'a.csv', 'a', 1000, 1, '[]', 1, 0, 0), (102, 'o', 'b.csv', 'b', 2000, 1, '[]', 0, 0, 1), (103, 'o', 'c.csv', 'c', 3000, 1, '[]', 0, 0, 0)`,
		`INSERT INTO contracts (organization, number, import) VALUES ('o', '1', 103)`, // the third changed no line
		`INSERT INTO lines (organization, contract, line_key, ordinal, line) VALUES ('o', '1', 'k', 0, '{"contract":"1","serial":"S2"}')`,
		`INSERT INTO line_changes (import, contract, line_key, ordinal, line_before, line_after) VALUES (101, '1', 'k', 0, '', '{"contract":"1","serial":"S1"}'),
			(102, '1', 'k', 0, '{"contract":"1","serial":"S1"}', '{"contract":"1","serial":"S2"}')`,
		`INSERT INTO findings (organization, finding_key, kind, severity, site, finding, opened, updated) VALUES ('o', 'k', 'uncovered_unit', 'warning', 'Main', '{"key":"k"}', 1000, 1000)`,
	)
	if server != nil { // IDs that were given count
		o.exec(`SELECT setval(pg_get_serial_sequence('imports', 'id'), 103)`)
	}
}

// served says what is read after the migrations of a database filled before
// version 3, which read ledgers as they are since.
func served(t testing.TB, s *store.Store, ledgers bool) {
	t.Helper()
	f := facts(t, s, "o")
	var rmas []contract.RMA
	if ledgers {
		rmas = []contract.RMA{{OldSerial: "S1", NewSerial: "S2", Row: 2}, {OldSerial: "S3", Row: 3}}
	}
	if diff := cmp.Diff(rmas, f.RMAs); diff != "" {
		t.Errorf("replacements (-want +got):\n%s", diff)
	}
	if len(f.Lines) != 1 || f.Lines[0].Serial != "S2" || len(f.Sightings) != 1 || f.Sightings[0].Component.Serial != "S2" || len(f.Nodes) != 1 || f.Nodes[0].Name != "sw1" {
		t.Errorf("lines %+v, sightings %+v, nodes %+v", f.Lines, f.Sightings, f.Nodes)
	}
	if open, err := s.Findings(t.Context(), "o", true); err != nil || len(open) != 1 {
		t.Errorf("findings %+v, %v", open, err)
	}
	if done, err := s.Reconcile(t.Context(), "o", func(reconcile.Facts) reconcile.Result { return reconcile.Result{} }); err != nil || !done && server == nil {
		t.Errorf("reconciled %v, %v", done, err)
	}
	agent(t, s, "O", "Main", "agent-2")
}

// versionsBefore are those of migrations, from the file names.
func versionsBefore(t testing.TB) []int64 {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("migrations", "sqlite", "*.sql"))
	if err != nil {
		t.Fatal(err)
	}
	var all []int64
	for _, f := range files {
		number, _, _ := strings.Cut(filepath.Base(f), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
		if _, err := os.Stat(filepath.Join("migrations", "postgres", filepath.Base(f))); err != nil {
			t.Errorf("%s has no like in migrations/postgres", f)
		}
	}
	return all
}

// From each earlier schema the data is served by this version.
func TestMigrateFromEveryVersion(t *testing.T) {
	for _, version := range versionsBefore(t) {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			o := newOlder(t)
			o.upTo(version)
			o.fill()
			served(t, o.open(), version < 3)
		})
	}
}

// A process that is killed in a migration leaves none by half: whatever the
// moment, the next start goes on.
func TestMigrateInterrupted(t *testing.T) {
	for after := time.Millisecond; after < 500*time.Millisecond; after *= 3 {
		o := newOlder(t)
		o.upTo(1)
		o.fill()
		ctx, cancel := context.WithTimeout(t.Context(), after)
		if _, err := o.p.Up(ctx); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
		cancel()
		served(t, o.open(), true)
	}
}

// Three collectors that start at once on an older database apply each migration
// once.
func TestMigrateAtOnce(t *testing.T) {
	o := newOlder(t)
	o.upTo(1)
	o.fill()
	var g errgroup.Group
	for range 3 {
		g.Go(func() error {
			s, err := store.Open(t.Context(), o.o)
			if err != nil {
				return err
			}
			return errors.Join(s.Ready(t.Context()), s.Close())
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	var rows, distinct int
	if err := o.db.QueryRowContext(t.Context(), `SELECT COUNT(*), COUNT(DISTINCT version_id) FROM goose_db_version`).Scan(&rows, &distinct); err != nil || rows != distinct {
		t.Errorf("%d migrations were noted, %d of them distinct, %v", rows, distinct, err)
	}
	served(t, o.open(), true)
}

// What versions before this one kept can be undone.
func TestMigrateLedgers(t *testing.T) {
	o := newOlder(t)
	o.upTo(2)
	o.fill()
	s := o.open()
	all, _, err := s.ImportLog(t.Context(), "o", 10, 0)
	if err != nil || len(all) != 5 {
		t.Fatalf("%d imports, %v", len(all), err)
	}
	for i, want := range []string{"3000 S2 0", "3000 S2 0", "2000 S2 0", "1000 S1 0", ""} { // after each is undone, the newest first
		if _, err := s.UndoImport(t.Context(), "o", all[i].ID, "Admin"); err != nil {
			t.Error(err)
		}
		got := ""
		if f := facts(t, s, "o"); len(f.Lines) > 0 {
			got = fmt.Sprint(f.Imports[0].At.UnixMilli(), " ", f.Lines[0].Serial, " ", len(f.Dropped))
		}
		if got != want {
			t.Errorf("after import %d was undone: %q, want %q", all[i].ID, got, want)
		}
	}
	if f := known(t, s, "o"); len(f.Lines)+len(f.Imports)+len(f.RMAs)+len(f.Orders) != 0 {
		t.Errorf("after all was undone: %+v", f)
	}
}
