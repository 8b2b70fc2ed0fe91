package peer

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// postgresPatience bounds the start of PostgreSQL, recovery after a kill
// included.
const postgresPatience = 60 * time.Second

// postgresHomes are where the programs of each version are: of Debian's package
// postgresql, and of the npm package that .ci/peers fetches.
var postgresHomes = map[string]string{
	"15": "/usr/lib/postgresql/15",
	"18": filepath.Join(cacheFolder(), "postgresql-18"),
}

// cacheFolder is where .ci/peers puts what no Debian package has.
func cacheFolder() string {
	dir := os.Getenv("XDG_CACHE_HOME")
	switch home, err := os.UserHomeDir(); {
	case dir != "":
	case os.Geteuid() == 0 || err != nil:
		dir = "/var/cache" // root's home is closed to the user that the server runs as
	default:
		dir = filepath.Join(home, ".cache")
	}
	return filepath.Join(dir, "rollcall-peers")
}

// A Postgres is a real server on loopback, with a superuser "postgres" that
// needs no password, and the roles OwnerRole and AppRole.
type Postgres struct {
	home, dir string
	port      int
	user      *syscall.Credential // nil for the user of the test
	safe      bool                // writes reach the disk

	mu   sync.Mutex
	stop func() // nil when it does not run
	log  bytes.Buffer
	made int // databases
}

// The roles of a database: one owns the tables, the other serves.
const (
	OwnerRole = "rollcall_owner"
	AppRole   = "rollcall"
)

// HasPostgres says that a version is there ("15" or "18").
func HasPostgres(version string) bool {
	_, err := os.Stat(filepath.Join(postgresHomes[version], "bin", "initdb"))
	return err == nil
}

// NeedPostgres starts a server of a version that ends with the test, or skips
// the test. Where safe is false nothing of it would survive a power loss, which
// makes it fast; a kill it survives.
func NeedPostgres(t testing.TB, version string, safe bool) *Postgres {
	t.Helper()
	if !HasPostgres(version) {
		Skip(t, "needs PostgreSQL "+version+" in "+postgresHomes[version]+": run .ci/peers")
	}
	p, err := StartPostgres(version, safe)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Remove()
		if t.Failed() {
			t.Logf("PostgreSQL said:\n%s", p.Log())
		}
	})
	return p
}

// StartPostgres is NeedPostgres for a server that many tests use. The caller
// calls Remove.
func StartPostgres(version string, safe bool) (*Postgres, error) {
	p := &Postgres{home: postgresHomes[version], safe: safe}
	dir, err := os.MkdirTemp("", "rollcall-postgres-")
	if err != nil {
		return nil, err
	}
	p.dir = dir
	if p.user, err = giveToPostgres(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	initdb := p.command("initdb", "-D", p.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w\n%s", err, out), os.RemoveAll(dir))
	}
	if err := p.Start(); err != nil {
		p.Remove()
		return nil, err
	}
	for _, q := range []string{`CREATE ROLE ` + OwnerRole + ` LOGIN`, `CREATE ROLE ` + AppRole + ` LOGIN`} {
		if err := p.Exec("postgres", q); err != nil {
			p.Remove()
			return nil, err
		}
	}
	return p, nil
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// giveToPostgres gives a folder to the user that programs run as which refuse to
// run as root: Debian's "postgres", or nobody. It is nil, for the user of the
// test, where that is not root.
func giveToPostgres(dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(errUID, errGID); err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, int(uid), int(gid))
}

// command is one of PostgreSQL's programs, or any other by its path.
func (p *Postgres) command(program string, args ...string) *exec.Cmd {
	if !filepath.IsAbs(program) {
		program = filepath.Join(p.home, "bin", program)
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "LD_LIBRARY_PATH="+filepath.Join(p.home, "lib"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.user, Setpgid: true}
	return cmd
}

// Start starts the server, on the port that it had before, and waits until it
// answers. One that was killed recovers first.
func (p *Postgres) Start() error {
	if p.port == 0 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		p.port = l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), postgresPatience)
	defer cancel()
	for {
		err := p.startOnce(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		// What is left of a server that was killed may not be gone yet.
		wait(ctx, 20*time.Millisecond)
	}
}

func (p *Postgres) startOnce(ctx context.Context) error {
	fsync := "off"
	if p.safe {
		fsync = "on"
	}
	cmd := p.command("postgres", "-D", p.data(), "-p", fmt.Sprint(p.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+p.dir,
		"-c", "fsync="+fsync, "-c", "max_connections=200", "-c", "shared_buffers=64MB", "-c", "log_min_messages=warning", "-c", "autovacuum_naptime=10s")
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	cmd.Stdout, cmd.Stderr = &lockedWriter{p}, &lockedWriter{p}
	ended, err := launch(cmd)
	if err != nil {
		return err
	}
	end := func(signal syscall.Signal) {
		_ = cmd.Process.Signal(signal)
		<-ended
	}
	for {
		select {
		case <-ended:
			return fmt.Errorf("PostgreSQL ended while it started:\n%s", p.Log())
		case <-ctx.Done():
			end(syscall.SIGKILL)
			return fmt.Errorf("PostgreSQL did not start:\n%s", p.Log())
		default:
		}
		if p.Exec("postgres", "SELECT 1") == nil {
			break
		}
		wait(ctx, 20*time.Millisecond)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop = func() { end(syscall.SIGQUIT) }
	return nil
}

// launch starts a program that gets its Pdeathsig when the test is killed: it
// ends with the thread that started it, so that this one stays. The channel is
// closed when the program has ended.
func launch(cmd *exec.Cmd) (ended <-chan struct{}, err error) {
	started, done := make(chan error, 1), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(done)
	}()
	return done, <-started
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

type lockedWriter struct{ p *Postgres }

func (w *lockedWriter) Write(b []byte) (int, error) {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	return w.p.log.Write(b)
}

// Log is what the server said.
func (p *Postgres) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// Kill kills the server with all its processes by SIGKILL.
func (p *Postgres) Kill() error {
	err := signalServer(p.data(), syscall.SIGKILL)
	p.Stop()
	return err
}

// Freeze stops the server with all its processes as they are, until Thaw:
// connections stay, new ones are taken by the system, and nothing answers.
func (p *Postgres) Freeze() error { return signalServer(p.data(), syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (p *Postgres) Thaw() error { return signalServer(p.data(), syscall.SIGCONT) }

// KillBackend kills one process of the server that serves a role, by SIGKILL: the
// server then ends every connection and recovers by itself.
func (p *Postgres) KillBackend(role string) error {
	db, err := sql.Open("pgx", p.DSN("postgres", "postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var pid int
	err = db.QueryRow(`SELECT pid FROM pg_stat_activity WHERE usename = $1 ORDER BY random() LIMIT 1`, role).Scan(&pid)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return ignoreGone(syscall.Kill(pid, syscall.SIGKILL))
}

func ignoreGone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// signalServer signals all processes of the server of a data directory.
func signalServer(data string, signal syscall.Signal) error {
	pids, err := postmaster(data)
	for _, pid := range pids {
		err = errors.Join(err, ignoreGone(syscall.Kill(pid, signal)))
	}
	return err
}

// postmaster are the first process of the server of a data directory, and its
// children.
func postmaster(data string) ([]int, error) {
	raw, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	master, err := strconv.Atoi(first)
	if err != nil {
		return nil, err
	}
	all := []int{master}
	children, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	for _, path := range children {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		// After the name in parentheses: the state and the parent.
		_, rest, _ := strings.Cut(string(raw), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 2 || fields[1] != fmt.Sprint(master) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			all = append(all, pid)
		}
	}
	return all, nil
}

// Stop ends the server at once, as a crash would; it may not run.
func (p *Postgres) Stop() {
	p.mu.Lock()
	stop := p.stop
	p.stop = nil
	p.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// Remove ends the server and removes its files.
func (p *Postgres) Remove() {
	p.Stop()
	_ = os.RemoveAll(p.dir) // below the system's folder for such
}

// DSN is the address of a database for a role.
func (p *Postgres) DSN(role, database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", role, p.port, database)
}

// Exec runs a statement as the superuser.
func (p *Postgres) Exec(database, query string) error {
	db, err := sql.Open("pgx", p.DSN("postgres", database))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(query); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}

// Shell has a shell run commands as the server's user, as the superuser of the
// server where they are programs of PostgreSQL. PGDATA is the server's folder, and
// BACKUPS one that lives as long.
func (p *Postgres) Shell(commands string, env ...string) error {
	cmd := p.command("/bin/sh", "-euc", commands)
	cmd.Env = append(append(cmd.Env, "PATH="+filepath.Join(p.home, "bin")+":"+os.Getenv("PATH"), "PGHOST=127.0.0.1", fmt.Sprint("PGPORT=", p.port), "PGUSER=postgres",
		"PGDATA="+p.data(), "BACKUPS="+filepath.Join(p.dir, "backups")), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s\n%w\n%s", commands, err, out)
	}
	return nil
}

// CreateDatabase makes a database that OwnerRole owns, a copy of another, or an
// empty one for "", and returns its name.
func (p *Postgres) CreateDatabase(template string) (string, error) {
	p.mu.Lock()
	p.made++
	name := fmt.Sprint("test_", p.made)
	p.mu.Unlock()
	if template == "" {
		template = "template0"
	}
	return name, p.Exec("postgres", `CREATE DATABASE `+name+` OWNER `+OwnerRole+` TEMPLATE `+template)
}

// Check has pg_amcheck look through every table and index of a database.
func (p *Postgres) Check(database string) error {
	if err := p.Exec(database, checking); err != nil {
		return err
	}
	return amcheck(p.home, fmt.Sprint("127.0.0.1:", p.port), database)
}

// checking is what pg_amcheck needs in a database.
const checking = `CREATE EXTENSION IF NOT EXISTS amcheck WITH SCHEMA pg_catalog`

// amcheck has pg_amcheck look at a database; about a healthy one it says nothing.
func amcheck(home, address, database string) error {
	host, port, _ := strings.Cut(address, ":")
	out, err := exec.Command(filepath.Join(home, "bin", "pg_amcheck"), "--heapallindexed",
		"--host="+host, "--port="+port, "--username=postgres", "--database="+database).CombinedOutput()
	if err == nil && len(out) > 0 {
		err = errors.New("it has something to say")
	}
	if err != nil {
		return fmt.Errorf("pg_amcheck at %s: %w\n%s", address, err, out)
	}
	return nil
}
