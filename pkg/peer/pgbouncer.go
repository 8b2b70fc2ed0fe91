package peer

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// PoolSize is how many connections to the server a PgBouncer has at most for one
// role and database.
const PoolSize = 60

// A PgBouncer is a real pooler in front of a Postgres.
type PgBouncer struct{ address string }

// NeedPgBouncer starts a pooler of a mode ("session" or "transaction") that ends
// with the test, or skips the test.
func NeedPgBouncer(t testing.TB, p *Postgres, mode string) *PgBouncer {
	t.Helper()
	path := Need(t, "pgbouncer", "pgbouncer")
	dir, err := os.MkdirTemp("", "rollcall-pgbouncer-")
	if err != nil {
		t.Fatal(err)
	}
	var running *program
	t.Cleanup(func() {
		running.kill()
		if t.Failed() {
			t.Log(logsIn(dir))
		}
		_ = os.RemoveAll(dir) // below the system's folder for such
	})
	user, err := giveToPostgres(dir)
	b := &PgBouncer{address: freeTCP(t)}
	_, port, _ := strings.Cut(b.address, ":")
	err = errors.Join(
		err,
		os.WriteFile(filepath.Join(dir, "users.txt"), []byte(`"`+AppRole+`" ""`+"\n"+`"`+OwnerRole+`" ""`+"\n"), 0o644), //nolint:gosec // no secrets, for another user
		os.WriteFile(filepath.Join(dir, "pgbouncer.ini"), fmt.Appendf(nil, `[databases]
* = host=127.0.0.1 port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = trust
auth_file = %s/users.txt
pool_mode = %s
default_pool_size = %d
`, p.port, port, dir, mode, PoolSize), 0o644), //nolint:gosec // the same
	)
	if err != nil {
		t.Fatal(err)
	}
	if running, err = runAs(user, dir, "pgbouncer", syscall.SIGKILL, path, filepath.Join(dir, "pgbouncer.ini")); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", b.DSN(AppRole, "postgres")+"&default_query_exec_mode=exec")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for limit := time.After(postgresPatience); ; {
		if err = db.PingContext(t.Context()); err == nil {
			return b
		}
		select {
		case <-limit:
			t.Fatalf("PgBouncer does not answer: %v\n%s", err, logsIn(dir))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// DSN is the address of a database for a role, by the pooler.
func (b *PgBouncer) DSN(role, database string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", role, b.address, database)
}
