package store_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"rollcall/collector/internal/store"
	"rollcall/pkg/peer"
)

// The tests of this package run on SQLite, on PostgreSQL 15, and those of
// newestServer on PostgreSQL 18 too. Each run has one server, and each test a
// database of its own there.

// onlyOnSQLite are tests of the file itself, or of nothing that a database does.
const onlyOnSQLite = `^(TestKill|TestPowerCut|TestSyncFails|TestFullDisk|TestRestoreGap|TestOpenSaysWhatIsWrong|TestOddDirectoryName|TestFilesAreForTheOwnerAlone|TestStolenDatabase|TestPostgres|TestReplicas)$`

// newestServer are the tests that run on the newest PostgreSQL too: of the
// migrations, of reports and of what keeps organizations apart.
const newestServer = `^(TestMigrateFromEveryVersion|TestMigrateAtOnce|TestMove|TestReport.*|TestDuplicate.*|TestOld.*|TestWithinOfWithin|TestRowSecurity.*|TestReopen|TestOpenAtOnce)$`

// underRaceDetector are the tests that run on PostgreSQL under the race detector:
// those of much at once. make test runs all without it, too.
const underRaceDetector = `^(TestReportsInDisorderToThreeStores|TestReplicas.*|TestLease|TestNoticesClaimedOnce|TestJoinOnce|TestOpenAtOnce|TestTries|TestAuditChain)$`

// server is the one of this run; nil on SQLite.
var server *testServer

type testServer struct {
	*peer.Postgres

	mu        sync.Mutex
	databases map[string]string // by data directory
}

// template is the database that others are copies of, migrated once.
const template = "rollcall_template"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := saveForEver(dir, os.Getenv(childToken), os.Getenv(childFrom)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv(moveDir); dir != "" {
		fmt.Fprintln(os.Stderr, moveByStep(dir))
		os.Exit(1)
	}
	if dsn := os.Getenv(claimDSN); dsn != "" {
		fmt.Fprintln(os.Stderr, claimForEver(dsn, os.Getenv(claimOrganization)))
		os.Exit(1)
	}
	flag.Parse()
	if raceDetector { // which makes each world several times dearer
		if err := flag.Set("rapid.checks", "10"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	code := m.Run()
	if raceDetector {
		if code == 0 && flag.Lookup("test.run").Value.String() == "" {
			code = runOn(m, "15", underRaceDetector, onlyOnSQLite)
		}
		os.Exit(code)
	}
	if given := flag.Lookup("test.bench"); code == 0 && given.Value.String() == "" {
		code = runOn(m, "15", "", onlyOnSQLite)
	}
	if asked := flag.Lookup("test.run").Value.String(); code == 0 && asked == "" && flag.Lookup("test.fuzz").Value.String() == "" {
		code = runOn(m, "18", newestServer, onlyOnSQLite)
	}
	os.Exit(code)
}

// runOn runs the tests on a server of a version, where it is there. Where it is
// not, TestPostgres says so.
func runOn(m *testing.M, version, run, skip string) int {
	if !peer.HasPostgres(version) {
		return 0
	}
	p, err := peer.StartPostgres(version, false)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer p.Remove()
	server = &testServer{Postgres: p, databases: map[string]string{}}
	defer func() { server = nil }()
	if err := server.makeTemplate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for name, value := range map[string]string{"test.run": run, "test.skip": skip, "rapid.checks": "10"} {
		if value == "" {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	fmt.Fprintln(os.Stderr, "on PostgreSQL", version)
	return m.Run()
}

func (s *testServer) makeTemplate() error {
	if err := s.Exec("postgres", `CREATE DATABASE `+template+` OWNER `+peer.OwnerRole+` TEMPLATE template0`); err != nil {
		return err
	}
	opened, err := store.Open(context.Background(), store.Options{Database: s.database(template)})
	if err != nil {
		return err
	}
	return opened.Close()
}

// database is how the collector names a database.
func (s *testServer) database(name string) store.Database {
	return store.Database{DSN: s.DSN(peer.AppRole, name), OwnerDSN: s.DSN(peer.OwnerRole, name)}
}

// of returns the database that stands for a data directory.
func (s *testServer) of(t testing.TB, dir string) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if name, known := s.databases[dir]; known {
		return name
	}
	name, err := s.CreateDatabase(template)
	if err != nil {
		t.Fatal(err)
	}
	s.databases[dir] = name
	return name
}

// options are those of a store in dir, or in the database that stands for it.
func options(t testing.TB, dir string, c *clock) store.Options {
	t.Helper()
	o := store.Options{DataDir: dir, Now: c.now}
	if server != nil {
		o.Database = server.database(server.of(t, dir))
	}
	return o
}

// TestPostgres counts the servers that are missing.
func TestPostgres(t *testing.T) {
	for _, version := range []string{"15", "18"} {
		t.Run(version, func(t *testing.T) {
			if !peer.HasPostgres(version) {
				peer.Skip(t, "the store was not tested on PostgreSQL "+version+": run .ci/peers")
			}
		})
	}
}
