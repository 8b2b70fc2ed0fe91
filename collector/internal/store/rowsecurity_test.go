package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/peer"
)

// needServer skips a test of what PostgreSQL alone does.
func needServer(t *testing.T) {
	t.Helper()
	if server == nil {
		t.Skip("of PostgreSQL alone: it runs there")
	}
}

func connect(t testing.TB, role, database string) *sql.DB {
	t.Helper()
	return connectTo(t, server.DSN(role, database))
}

func connectTo(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// fill leaves a row of the organization in every table that holds some.
func fillTables(t testing.TB, s *store.Store, c *clock, name string) store.Agent {
	t.Helper()
	ctx := context.Background()
	a := agent(t, s, name, "Main", "agent-1")
	s = s.As(name)
	send(t, s, c, a, report(c, 1, device("192.0.2.1", part("1", "C9300-48P", "FCW0000A001"))))
	line := contract.Line{Contract: "1", Serial: "FCW0000A001", End: "2027-01-01"}
	_, errImport := s.ImportContract(ctx, a.Organization, contract.File{Name: name, SHA256: name, Lines: []contract.Line{line}}, c.now())
	_, errRMA := s.SaveRMA(ctx, a.Organization, 0, contract.RMA{OldSerial: "FOCA", RMANumber: name}, name)
	_, errJob := s.Reconcile(ctx, a.Organization, func(reconcile.Facts) reconcile.Result {
		return reconcile.Result{Units: []reconcile.Unit{{Serial: name, Site: "Main"}}, Findings: []reconcile.Finding{{Key: "k", Subject: name}}}
	})
	_, errUpload := s.SaveUpload(ctx, a.Organization, store.Upload{Kind: store.ContractImport, Name: name, Content: []byte(name)})
	if err := errors.Join(errImport, errRMA, errJob, errUpload,
		s.Declare(ctx, a.Organization, reconcile.Declaration{Serial: "FCW0000A001", Kind: reconcile.DeclaredSpare, Author: name, Reason: name}),
		s.RejectReplacement(ctx, a.Organization, reconcile.Rejection{OldSerial: "FOCC", NewSerial: "FOCD", Author: name}),
		s.Retire(ctx, a.Organization, reconcile.Retirement{Kind: reconcile.RetiredSite, Name: "Main", Author: name, Reason: name}),
		s.SaveSupport(ctx, a.Organization, "", store.EoXAPI, []store.SupportAnswer{{Subject: "C9300-48P", Content: contract.Product{}}}),
		s.Audit(ctx, a.Organization, "test", name, nil),
	); err != nil {
		t.Fatal(err)
	}
	return a
}

// tables are all but that of the migrations.
func allTables(t testing.TB, db *sql.DB) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'goose_db_version' ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// within runs do in a transaction of the role that serves that may see some
// organizations, as the store begins it; and rolls it back.
func within(t testing.TB, db *sql.DB, scope string, do func(*sql.Tx)) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if scope != "unset" {
		if _, err := tx.ExecContext(t.Context(), `SELECT set_config('rollcall.organizations', $1, true)`, scope); err != nil {
			t.Fatal(err)
		}
	}
	do(tx)
}

func contents(t testing.TB, tx *sql.Tx, table string) (rows int, text string) {
	t.Helper()
	err := tx.QueryRowContext(t.Context(), `SELECT COUNT(*), COALESCE(string_agg(to_jsonb(x)::text, ' '), '') FROM `+table+` x`).Scan(&rows, &text)
	if err != nil {
		t.Fatalf("%s: %v", table, err)
	}
	return rows, text
}

// Queries without any filter see and change rows of the scope alone.
func TestRowSecurityHoldsWithoutFilters(t *testing.T) {
	needServer(t)
	c := newClock()
	dir := t.TempDir()
	s := open(t, dir, c)
	fillTables(t, s, c, "alphaorg")
	fillTables(t, s, c, "betaorg")
	db := connect(t, peer.AppRole, server.of(t, dir))
	// Empty without a web server or agents' credentials of their own.
	var filled []string
	for _, table := range allTables(t, db) {
		var total int
		var whole string
		within(t, db, "*", func(tx *sql.Tx) { total, whole = contents(t, tx, table) })
		owned := strings.Contains(whole, "alphaorg")
		if owned {
			filled = append(filled, table)
		}
		within(t, db, "unset", func(tx *sql.Tx) {
			if n, text := contents(t, tx, table); n > 0 && table != "audit_head" {
				t.Errorf("%s without a scope gives %s", table, text)
			}
		})
		within(t, db, "alphaorg", func(tx *sql.Tx) {
			n, text := contents(t, tx, table)
			if strings.Contains(text, "betaorg") {
				t.Errorf("%s within alphaorg gives %s", table, text)
			}
			if owned && (n == 0 || n >= total) {
				t.Errorf("%s within alphaorg has %d rows of %d", table, n, total)
			}
		})
	}
	for _, table := range []string{"agents", "organizations", "nodes", "sightings", "units", "findings", "imports", "lines", "declarations", "ledger_entries", "audit", "uploads"} {
		if !slices.Contains(filled, table) {
			t.Errorf("the test left nothing in %s", table)
		}
	}
	// Those that name no organization, by what they belong to.
	for _, table := range []string{"reports", "watermarks", "line_changes", "import_contracts"} {
		within(t, db, "alphaorg", func(tx *sql.Tx) {
			if n, _ := contents(t, tx, table); n != 1 {
				t.Errorf("%s within alphaorg has %d rows, want 1 of 2", table, n)
			}
			res, err := tx.ExecContext(t.Context(), `DELETE FROM `+table)
			if err != nil {
				t.Fatal(err)
			}
			if n, _ := res.RowsAffected(); n != 1 {
				t.Errorf("%d rows of %s were deleted within alphaorg, want 1 of 2", n, table)
			}
		})
	}
	for _, q := range []string{
		`INSERT INTO sites (organization, name, created) VALUES ('betaorg', 'Other', 1)`,
		`INSERT INTO organizations (id, name, created) VALUES ('gamma', 'gamma', 1)`,
		`INSERT INTO reports (agent, report_id, epoch, seq, received) SELECT '` + agentID(t, s, "betaorg") + `', 'x', 1, 1, 1`,
		`UPDATE declarations SET organization = 'betaorg'`,
	} {
		within(t, db, "alphaorg", func(tx *sql.Tx) {
			if _, err := tx.ExecContext(t.Context(), q); err == nil || !strings.Contains(err.Error(), "row-level security") {
				t.Errorf("%s within alphaorg: %v", q, err)
			}
		})
	}
	within(t, db, "alphaorg", func(tx *sql.Tx) {
		res, err := tx.ExecContext(t.Context(), `UPDATE findings SET severity = 'x'`)
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := res.RowsAffected(); n != 1 {
			t.Errorf("%d findings were changed within alphaorg, want 1 of 2", n)
		}
	})
}

func agentID(t testing.TB, s *store.Store, org string) string {
	t.Helper()
	all, err := s.Agents(t.Context(), org)
	if err != nil || len(all) != 1 {
		t.Fatalf("agents %v, %v", all, err)
	}
	return all[0].ID
}

// Every table is kept, for reading and for writing, and for its owner too; the
// role that serves can change none of it.
func TestRowSecurityOfEveryTable(t *testing.T) {
	needServer(t)
	dir := t.TempDir()
	open(t, dir, newClock())
	database := server.of(t, dir)
	db := connect(t, "postgres", database)
	for _, table := range allTables(t, db) {
		var enabled, forced bool
		var policies, whole int
		if err := db.QueryRowContext(t.Context(), `SELECT c.relrowsecurity, c.relforcerowsecurity,
			(SELECT COUNT(*) FROM pg_policy p WHERE p.polrelid = c.oid),
			(SELECT COUNT(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*' AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL)
			FROM pg_class c WHERE c.oid = $1::regclass`, table).Scan(&enabled, &forced, &policies, &whole); err != nil {
			t.Fatal(err)
		}
		if !enabled || !forced || policies != 1 || whole != 1 {
			t.Errorf("%s: enabled %v, forced %v, %d policies, %d of them with USING and WITH CHECK", table, enabled, forced, policies, whole)
		}
		var above, owns bool
		if err := db.QueryRowContext(t.Context(), `SELECT has_table_privilege($1, $2, 'TRUNCATE, REFERENCES, TRIGGER'),
			pg_has_role($1, (SELECT relowner FROM pg_class WHERE oid = $2::regclass), 'USAGE')`, peer.AppRole, table).Scan(&above, &owns); err != nil {
			t.Fatal(err)
		}
		if above || owns {
			t.Errorf("%s: the role that serves has more rights than it needs (%v), or those of the owner (%v)", table, above, owns)
		}
	}
	app := connect(t, peer.AppRole, database)
	for _, q := range []string{
		`UPDATE audit SET actor = ''`, `DELETE FROM audit`, `DELETE FROM audit_head`, `UPDATE goose_db_version SET version_id = 0`,
		`ALTER TABLE agents NO FORCE ROW LEVEL SECURITY`, `CREATE TABLE mine (n INT)`, `DROP POLICY x ON agents`, `SET ROLE ` + peer.OwnerRole,
	} {
		if _, err := app.ExecContext(t.Context(), q); err == nil {
			t.Errorf("the role that serves may do %s", q)
		}
	}
}

// A setting of one transaction never reaches the next on the same connection.
func TestRowSecurityWithOneConnection(t *testing.T) {
	needServer(t)
	c := newClock()
	s := open(t, t.TempDir(), c)
	orgs := []string{"alphaorg", "betaorg"}
	for _, org := range orgs {
		fillTables(t, s, c, org)
	}
	store.LimitConnections(s, 1)
	var g errgroup.Group
	for i := range 4 {
		g.Go(func() error {
			view := s.Within(orgs[i%2])
			for range 500 {
				all, err := view.AgentsAll(t.Context())
				if err != nil {
					return err
				}
				if len(all) != 1 || all[0].Organization != orgs[i%2] {
					return fmt.Errorf("a view of %s sees %v", orgs[i%2], all)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// Whoever starts the collector with a role for which the rules do not hold is
// told so.
func TestRowSecurityWarns(t *testing.T) {
	needServer(t)
	dir := t.TempDir()
	open(t, dir, newClock())
	database := server.of(t, dir)
	for role, want := range map[string]string{peer.AppRole: "", peer.OwnerRole: "switched off", "postgres": "protects nothing"} {
		_, warnings, err := store.CheckDatabase(t.Context(), store.Database{DSN: server.DSN(role, database)})
		if err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		s, err := store.Open(t.Context(), store.Options{Database: store.Database{DSN: server.DSN(role, database)}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for _, said := range []string{strings.Join(warnings, " "), log.String()} {
			if (want == "") != (said == "") || !strings.Contains(said, want) {
				t.Errorf("with role %s it says %q, want %q", role, said, want)
			}
		}
	}
}

// Errors of the start say what to do, and show no password.
func TestPostgresSaysWhatIsWrong(t *testing.T) {
	needServer(t)
	empty, err := server.CreateDatabase("")
	if err != nil {
		t.Fatal(err)
	}
	for dsn, want := range map[string]string{
		"postgres://rollcall:hunter22@127.0.0.1:1/x?sslmode=disable": "database.dsn",
		"hunter22":                              "postgres://ROLE:PASSWORD@HOST",
		server.DSN("nobody", empty):             "nobody",
		server.DSN(peer.AppRole, "absent"):      "absent",
		server.DSN(peer.AppRole, empty):         "database.owner_dsn",
		"postgres://u:hunter22@[::1:5432/x":     "postgres://ROLE:PASSWORD@HOST",
		"postgres://u:hunter22@h/x?sslmode=odd": "postgres://ROLE:PASSWORD@HOST",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		_, err := store.Open(ctx, store.Options{Database: store.Database{DSN: dsn}})
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("with %s the error is %v, want one that says %q", dsn, err, want)
		}
	}
}
