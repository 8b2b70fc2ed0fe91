package collector

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pressly/goose/v3/lock"

	"rollcall/collector/internal/store"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
	"rollcall/pkg/torture"
	"rollcall/pkg/wire"
)

func TestReadySaysWhyNot(t *testing.T) {
	var log journal
	col := start(t, testConfig(t), Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	expect := func(path string, status int, want string) {
		t.Helper()
		if got, body := get(t, http.DefaultClient, col.URL()+path); got != status || body != want {
			t.Errorf("%s: status %d, %q; want %d and %q", path, got, body, status, want)
		}
	}
	expect("readyz", http.StatusOK, "ready\n")
	expect("healthz", http.StatusOK, "ok\n")
	if err := col.store.Close(); err != nil {
		t.Fatal(err)
	}
	expect("readyz", http.StatusServiceUnavailable, "cannot read the database: the collector's log has the cause\n")
	expect("healthz", http.StatusOK, "ok\n") // a restart would mend nothing
	if !strings.Contains(log.String(), `msg="not ready" error="cannot read`) || !strings.Contains(log.String(), "database is closed") {
		t.Errorf("the log does not say why:\n%s", log.String())
	}
}

// While the database is migrated, or waited for, agents and people are told to
// come back, and strangers nothing that is not theirs.
func TestStartWaitsForDatabase(t *testing.T) {
	query := func(db *sql.DB, q string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), q, args...); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name  string
		setUp func(t *testing.T, c *Config) (holder *sql.DB, hold string)
		why   string
	}{
		{"SQLite, another process migrates", func(t *testing.T, c *Config) (*sql.DB, string) {
			if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", filepath.Join(c.DataDir, "migrate.lock"))
			if err != nil {
				t.Fatal(err)
			}
			return db, `BEGIN EXCLUSIVE`
		}, openingDatabase},
		{"PostgreSQL, a migration hangs", func(t *testing.T, c *Config) (*sql.DB, string) {
			server := peer.NeedPostgres(t, "15", false)
			name, err := server.CreateDatabase("")
			if err != nil {
				t.Fatal(err)
			}
			c.Database = Database{DSN: config.Plain(server.DSN(peer.AppRole, name)), OwnerDSN: config.Plain(server.DSN(peer.OwnerRole, name))}
			db, err := sql.Open("pgx", server.DSN("postgres", name))
			if err != nil {
				t.Fatal(err)
			}
			return db, fmt.Sprintf(`SELECT pg_advisory_lock(%d)`, lock.DefaultLockID)
		}, migratingDatabase},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := testConfig(t)
			holder, hold := tt.setUp(t, &c)
			holder.SetMaxOpenConns(1)
			query(holder, hold)
			col, err := New(c, Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := col.Stop(); err != nil {
					t.Errorf("stop: %v", err)
				}
			})
			started := make(chan error, 1)
			go func() { started <- col.Start(t.Context()) }()
			url := awaitURL(t, col)
			await(t, url+"readyz", tt.why+"\n")
			if status, body := get(t, http.DefaultClient, url+"healthz"); status != http.StatusOK || body != "ok\n" {
				t.Errorf("healthz: status %d, %q", status, body)
			}
			for path, want := range map[string]string{
				"": tt.why + "\n", "metrics": tt.why + "\n", "login": tt.why + "\n", wire.ReportsPath[1:]: `{"error":"` + tt.why + `"}` + "\n",
			} {
				res, err := http.Post(url+path, "text/plain", bytes.NewReader([]byte("x")))
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				wait, number := strconv.Atoi(res.Header.Get("Retry-After"))
				if err != nil || res.StatusCode != http.StatusServiceUnavailable || string(body) != want || number != nil || wait < startRetry || wait >= startRetry+startSpread {
					t.Errorf("%s: status %d, Retry-After %d, %q", path, res.StatusCode, wait, body)
				}
			}
			select {
			case err := <-started:
				t.Fatalf("started while the database was held: %v", err)
			default:
			}
			if err := holder.Close(); err != nil { // and what it holds
				t.Fatal(err)
			}
			if err := <-started; err != nil {
				t.Fatal(err)
			}
			if status, body := get(t, http.DefaultClient, url+"readyz"); status != http.StatusOK {
				t.Errorf("afterwards: status %d, %q", status, body)
			}
		})
	}
}

// A server that is started after the collector is waited for, and one that
// refuses is not.
func TestStartWaitsForServer(t *testing.T) {
	server := peer.NeedPostgres(t, "15", false)
	name, err := server.CreateDatabase("")
	if err != nil {
		t.Fatal(err)
	}
	c := testConfig(t)
	c.Database = Database{DSN: config.Plain(server.DSN(peer.AppRole, name)), OwnerDSN: config.Plain(server.DSN(peer.OwnerRole, name))}
	server.Stop()
	col, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan error, 1)
	go func() { started <- col.Start(t.Context()) }()
	await(t, awaitURL(t, col)+"readyz", awaitingDatabase+"\n")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if err := <-started; err != nil {
		t.Error(err)
	}
	if err := col.Stop(); err != nil {
		t.Error(err)
	}

	c.Database.DSN = config.Plain(server.DSN(peer.AppRole, "nosuch"))
	col, err = New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := col.Start(t.Context()); err == nil || errors.Is(err, store.ErrAway) {
		t.Errorf("a database that is not there: %v", err)
	}
	if err := col.Stop(); err != nil {
		t.Error(err)
	}
}

// While the server of the database hangs, agents and people are told to come
// back, and all goes on by itself when it answers again.
func TestDatabaseHangs(t *testing.T) {
	server := peer.NeedPostgres(t, "15", false)
	name, err := server.CreateDatabase("")
	if err != nil {
		t.Fatal(err)
	}
	c := testConfig(t)
	c.Database = Database{
		DSN:      config.Plain(server.DSN(peer.AppRole, name) + "&connect_timeout=1"), // so that it takes no longer
		OwnerDSN: config.Plain(server.DSN(peer.OwnerRole, name)),
	}
	col := start(t, c, Options{})
	_, token, err := col.store.CreateAgent(t.Context(), "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	device := inventory.Device{Address: "192.0.2.1", Name: "sw1", Platform: inventory.PlatformIOSXE, Complete: true}
	upload(t, col.URL(), token, device)
	t.Cleanup(func() { _ = server.Thaw() })
	if err := server.Freeze(); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	expect := func(r *http.Request, words string) {
		all.Go(func() {
			status, header, body := do(t, http.DefaultClient, r)
			if status != http.StatusServiceUnavailable || !strings.Contains(body, words) {
				t.Errorf("%s: status %d, want 503 that says %q:\n%s", r.URL, status, words, body)
			}
			if header.Get("Retry-After") == "" && r.URL.Path != "/readyz" {
				t.Errorf("%s: no Retry-After", r.URL)
			}
		})
	}
	for range torture.Times(3, 30) { // in the long form more than there are connections
		expect(uploadOf(t, col.URL(), token, device), "try again later")
	}
	for path, words := range map[string]string{"": "The database does not answer now", "api/v1/units": "The database does not answer now", "readyz": "cannot read the database"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, col.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		expect(r, words)
	}
	all.Wait()
	if err := server.Thaw(); err != nil {
		t.Fatal(err)
	}
	await(t, col.URL()+"readyz", "ready")
	upload(t, col.URL(), token, device)
	if status, body := get(t, http.DefaultClient, col.URL()); status != http.StatusOK {
		t.Errorf("the page afterwards: status %d: %s", status, body)
	}
}

// A start that is given up while it waits ends, and leaves nothing behind that
// serves.
func TestStartGivenUp(t *testing.T) {
	c := testConfig(t)
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	holder, err := sql.Open("sqlite", filepath.Join(c.DataDir, "migrate.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Close() }()
	holder.SetMaxOpenConns(1)
	if _, err := holder.ExecContext(t.Context(), `BEGIN EXCLUSIVE`); err != nil {
		t.Fatal(err)
	}
	col, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, giveUp := context.WithCancel(t.Context())
	started := make(chan error, 1)
	go func() { started <- col.Start(ctx) }()
	url := awaitURL(t, col)
	giveUp()
	if err := <-started; err == nil {
		t.Error("started")
	}
	if err := col.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if res, err := http.Get(url + "healthz"); err == nil {
		_ = res.Body.Close()
		t.Error("still serves")
	}
}

// awaitURL waits until a collector listens that may not have started yet.
func awaitURL(t *testing.T, col *Collector) string {
	t.Helper()
	awaitTrue(t, "listens", func() bool { return col.URL() != "" })
	return col.URL()
}

func awaitTrue(t *testing.T, what string, is func() bool) {
	t.Helper()
	every := time.NewTicker(time.Millisecond)
	defer every.Stop()
	late := time.After(patience)
	for !is() {
		select {
		case <-every.C:
		case <-late:
			t.Fatal("never " + what)
		}
	}
}
