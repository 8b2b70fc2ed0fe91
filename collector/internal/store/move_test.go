package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/store"
	"rollcall/pkg/torture"
)

// movable makes a file with rows in every table, whatever tables there are: of
// odd texts, of NULL, and of numbers that only 64 bits hold. The audit log has
// what the store wrote.
func movable(t testing.TB, dir string) {
	t.Helper()
	c := newClock()
	s, err := store.Open(t.Context(), store.Options{DataDir: dir, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	for n := range int64(50) {
		send(t, s, c, a, report(c, n+1, device(fmt.Sprint("192.0.2.", n), part("1", "C9300-48P", fmt.Sprintf("FCW0000%04d", n)))))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := fileOf(t, dir)
	for range 20 { // as often as tables refer to tables that refer to …
		left := 0
		for _, name := range tableNames(t, db, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'`) {
			if slices.Contains([]string{"audit", "audit_head", "moves", "goose_db_version"}, name) {
				continue
			}
			if count(t, db, `SELECT COUNT(*) FROM `+name+` WHERE rowid >= 9000`) == 0 && !fillTable(t, db, name) {
				left++
			}
		}
		if left == 0 {
			// Numbers that were given and taken away are not given again.
			_, err := db.ExecContext(t.Context(), `UPDATE sqlite_sequence SET seq = 12000`)
			if err := errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("tables refer to each other in a circle")
}

// fillTable adds three rows, unless a table that it refers to has none yet.
func fillTable(t testing.TB, db *sql.DB, name string) bool {
	t.Helper()
	for n := range int64(3) {
		row := map[string]any{"rowid": 9000 + n}
		for _, c := range pairs(t, db, `SELECT name, type || CASE WHEN "notnull" = 0 AND pk = 0 THEN '?' ELSE '' END FROM pragma_table_info('`+name+`')`) {
			switch column, kind := c[0], c[1]; {
			case strings.HasSuffix(kind, "?"): // NULL
			case kind == "TEXT":
				row[column] = strings.Repeat(fmt.Sprintf("%s.%s %d é 😀 \\ \"'\t\n", name, column, n), int(n))
			case kind == "INTEGER":
				row[column] = int64(1)<<62 - n
			case kind == "BLOB":
				row[column] = []byte{0, 0xff, '\\', 'x', byte(n)}[:n]
			default:
				t.Fatalf("%s.%s is of type %s, which this test does not know", name, column, kind)
			}
		}
		for _, c := range pairs(t, db, `SELECT MAX(name), '' FROM pragma_table_info('`+name+`') WHERE pk > 0 HAVING COUNT(*) = 1 AND MAX(type) = 'INTEGER'`) {
			row[c[0]] = row["rowid"]
			delete(row, "rowid")
		}
		for _, f := range pairs(t, db, `SELECT "table" || '.' || "to", "from" FROM pragma_foreign_key_list('`+name+`')`) {
			parent, column, _ := strings.Cut(f[0], ".")
			var v any
			err := db.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT %s FROM %s WHERE rowid = $1`, column, parent), 9000+n).Scan(&v)
			if errors.Is(err, sql.ErrNoRows) {
				return false
			}
			if err != nil {
				t.Fatal(err)
			}
			row[f[1]] = v
		}
		var names, marks []string
		var values []any
		for k, v := range row {
			names, marks, values = append(names, k), append(marks, "?"), append(values, v)
		}
		if _, err := db.ExecContext(t.Context(), fmt.Sprintf(`INSERT INTO %s (%s) VALUES (%s)`, name, strings.Join(names, ", "), strings.Join(marks, ", ")), values...); err != nil {
			t.Fatalf("table %s: %v", name, err)
		}
	}
	return true
}

func fileOf(t testing.TB, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "rollcall.db"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func pairs(t testing.TB, db *sql.DB, query string) (all [][2]string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var p [2]string
		if err := rows.Scan(&p[0], &p[1]); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func tableNames(t testing.TB, db *sql.DB, query string) (all []string) {
	t.Helper()
	for _, p := range pairs(t, db, `SELECT name, '' FROM (`+query+`) AS x ORDER BY name`) {
		all = append(all, p[0])
	}
	return all
}

func count(t testing.TB, db *sql.DB, query string) (n int64) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// allRows is each row of each table as text, read without the store.
func allRows(t testing.TB, db *sql.DB, tables []string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, name := range tables {
		if name != "moves" && name != "goose_db_version" {
			all[name] = rowsOf(t, db, name)
		}
	}
	return all
}

func rowsOf(t testing.TB, db *sql.DB, table string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT * FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	all := []string{}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		fields := make([]string, len(columns))
		for i, v := range values {
			fields[i] = fmt.Sprintf("%s=%T:%q", columns[i], v, fmt.Sprint(v))
		}
		slices.Sort(fields) // the order of columns is free
		all = append(all, strings.Join(fields, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// A mover is a file and the database on the server that it moves to.
type mover struct {
	t      testing.TB
	o      store.MoveOptions
	name   string
	server *sql.DB // as the superuser, to whom no rule applies
}

func newMover(t testing.TB) mover {
	t.Helper()
	if server == nil {
		t.Skip("moves to PostgreSQL: it runs there")
	}
	m := mover{t: t, o: store.MoveOptions{DataDir: t.TempDir(), Now: newClock().now, Log: slog.New(slog.DiscardHandler)}}
	movable(t, m.o.DataDir)
	m.empty()
	return m
}

// empty has the file move to a new database.
func (m *mover) empty() {
	m.t.Helper()
	name, err := server.CreateDatabase("")
	if err != nil {
		m.t.Fatal(err)
	}
	m.name, m.o.Database = name, server.database(name)
	if m.server, err = sql.Open("pgx", server.DSN("postgres", name)); err != nil {
		m.t.Fatal(err)
	}
	db := m.server
	m.t.Cleanup(func() { _ = db.Close() })
}

// same holds the rows of both sides against each other.
func (m *mover) same() {
	m.t.Helper()
	file := fileOf(m.t, m.o.DataDir)
	here := tableNames(m.t, file, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'`)
	there := tableNames(m.t, m.server, `SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'public'`)
	if diff := cmp.Diff(here, there); diff != "" {
		m.t.Fatalf("tables (-file +server):\n%s", diff)
	}
	want := allRows(m.t, file, here)
	for name, rows := range want {
		if len(rows) == 0 && name != "backups" { // which a file that went back has none of
			m.t.Errorf("table %s has no row: it proves nothing", name)
		}
	}
	if diff := cmp.Diff(want, allRows(m.t, m.server, there)); diff != "" {
		m.t.Errorf("rows (-file +server):\n%s", diff)
	}
	if err := file.Close(); err != nil { // nobody may have it open
		m.t.Error(err)
	}
}

// open opens the file, or the database on the server.
func (m *mover) open(file bool) (*store.Store, error) {
	o := store.Options{DataDir: m.o.DataDir, Now: m.o.Now}
	if !file {
		o.Database = m.o.Database
	}
	s, err := store.Open(m.t.Context(), o)
	if err == nil {
		m.t.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

func TestMove(t *testing.T) {
	m := newMover(t)
	moved, err := store.Move(t.Context(), m.o)
	if err != nil {
		t.Fatal(err)
	}
	m.same()
	if len(moved.Tables) < 40 {
		t.Errorf("%d tables were copied", len(moved.Tables))
	}
	// The file is served no more, and does not move twice.
	if _, err := m.open(true); !errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "database.dsn") {
		t.Errorf("the file that moved was opened: %v", err)
	}
	if _, err := store.Move(t.Context(), m.o); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a second move: %v", err)
	}

	s, err := m.open(false)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.CheckAudit(t.Context()); err != nil || n == 0 {
		t.Errorf("the audit log has %d entries, %v", n, err)
	}
	if _, err := m.server.ExecContext(t.Context(), `DELETE FROM audit_head`); err == nil {
		t.Error("the audit log can be cut off")
	}
	agent(t, s, "Riverside Food Bank", "Main", "agent-2") // continues the log
	if _, err := s.CheckAudit(t.Context()); err != nil {
		t.Error(err)
	}
	var next int64
	for _, table := range []string{"findings", "imports", "ledger_entries", "runs", "sightings"} {
		if err := m.server.QueryRowContext(t.Context(), `SELECT nextval(pg_get_serial_sequence($1, 'id'))`, table).Scan(&next); err != nil || next <= 9002 {
			t.Errorf("the next id of %s is %d, %v", table, next, err)
		}
	}
	if next := count(t, m.server, `SELECT nextval(pg_get_serial_sequence('findings', 'id'))`); next <= 12000 {
		t.Errorf("the next finding is %d: it was given before", next)
	}
	if open := count(t, m.server, `SELECT COUNT(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT relforcerowsecurity AND relname <> 'goose_db_version'`); open != 0 {
		t.Errorf("row-level security does not hold on %d tables", open)
	}
}

// A move that is taken back leaves the file as it was, and says that it lacks
// what came since.
func TestMoveUndo(t *testing.T) {
	m := newMover(t)
	if _, err := store.UndoMove(t.Context(), m.o); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("undo without a move: %v", err)
	}
	moved, err := store.Move(t.Context(), m.o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.UndoMove(t.Context(), m.o); err != nil {
		t.Fatal(err)
	}
	s, err := m.open(true)
	if err != nil {
		t.Fatal(err)
	}
	// While it is served it cannot move.
	if _, err := store.Move(t.Context(), m.o); !errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "is using it") {
		t.Errorf("a move while the file is served: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file := fileOf(t, m.o.DataDir)
	if n := count(t, file, fmt.Sprint(`SELECT COUNT(*) FROM restores WHERE taken_at = `, moved.Finished.UnixMilli())); n != 1 {
		t.Errorf("%d restores are noted", n)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	// Nothing is written over, and the file is served on.
	if _, err := store.Move(t.Context(), m.o); !errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "holds data already") {
		t.Errorf("a move to where data is: %v", err)
	}
	if s, err = m.open(true); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	m.empty()
	if _, err := store.Move(t.Context(), m.o); err != nil {
		t.Fatal(err)
	}
	m.same()
}

// What the server refuses is said with its place, and nothing is kept.
func TestMoveRefused(t *testing.T) {
	m := newMover(t)
	file := fileOf(t, m.o.DataDir)
	if _, err := file.ExecContext(t.Context(), `UPDATE uploads SET name = 'a' || char(0) || 'b' WHERE rowid = 9002`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Move(t.Context(), m.o); err == nil || !strings.Contains(err.Error(), "table uploads") || !strings.Contains(err.Error(), "line 3, column name") {
		t.Errorf("a NUL character: %v", err)
	}
	if n := count(t, m.server, `SELECT COUNT(*) FROM organizations`); n != 0 {
		t.Errorf("%d organizations are on the server", n)
	}
	s, err := m.open(true)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// Without the owner the tables of another cannot be filled.
	m.o.Database.OwnerDSN = ""
	if _, err := store.Move(t.Context(), m.o); err == nil || !strings.Contains(err.Error(), "database.owner_dsn") {
		t.Errorf("without the owner: %v", err)
	}
}

// A large file moves in a memory that does not grow with it. ROLLCALL_TORTURE
// makes it larger.
func TestMoveMany(t *testing.T) {
	m := newMover(t)
	rows := torture.Times(20_000, 1_000_000)
	file := fileOf(t, m.o.DataDir)
	if _, err := file.ExecContext(t.Context(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO reports (agent, report_id, epoch, seq, received) SELECT (SELECT MIN(id) FROM agents), printf('%032d', i), 2, i, 1700000000000 + i FROM n`, rows); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most := uint64(0)
	m.o.Progress = func(string, int64, int64) {
		runtime.ReadMemStats(&after)
		most = max(most, after.HeapAlloc)
	}
	began := time.Now()
	moved, err := store.Move(t.Context(), m.o)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	if n := count(t, m.server, `SELECT COUNT(*) FROM reports WHERE epoch = 2`); n != int64(rows) {
		t.Errorf("%d reports are on the server, want %d", n, rows)
	}
	total := int64(0)
	for _, table := range moved.Tables {
		total += table.Rows
	}
	if grown := int64(most) - int64(before.HeapAlloc); grown > 32<<20 && !raceDetector { // which takes memory of its own
		t.Errorf("memory grew by %d bytes", grown)
	}
	torture.Figure(t, "R17", "%d rows moved to PostgreSQL and compared in %s, %.0f rows/s", total, took.Round(time.Millisecond), float64(total)/took.Seconds())
}
