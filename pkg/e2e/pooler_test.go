package e2e_test

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"rollcall/collector"
	"rollcall/pkg/config"
	"rollcall/pkg/peer"
)

// Collectors work behind PgBouncer, also where it gives each transaction another
// connection of the server, with what configs/docs/postgresql.md has one set; and
// say so where it is not.
func TestPgBouncer(t *testing.T) {
	server := peer.NeedPostgres(t, "15", false)
	for mode, more := range map[string]string{"session": "", "transaction": "&default_query_exec_mode=exec"} {
		t.Run(mode, func(t *testing.T) {
			bouncer := peer.NeedPgBouncer(t, server, mode)
			name, err := server.CreateDatabase("")
			if err != nil {
				t.Fatal(err)
			}
			dsn := bouncer.DSN(peer.AppRole, name) + more
			c := collector.DefaultConfig()
			c.Listen, c.DataDir = "127.0.0.1:0", t.TempDir()
			c.Database = collector.Database{DSN: config.Plain(dsn), OwnerDSN: config.Plain(server.DSN(peer.OwnerRole, name))}
			fleet := newFleet(t, c, 40, 20)
			for range 2 {
				r := newReplica(t, dsn, "")
				r.startCollector()
				fleet.targets = append(fleet.targets, r.listen)
			}
			fleet.awaitReady()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			over := fleet.report(ctx)
			idle(2 * time.Second)
			acknowledged, _ := over()
			fleet.check(server.DSN("postgres", name), acknowledged)
			if more != "" {
				saysWhatIsNotSet(t, bouncer.DSN(peer.AppRole, name))
			}
		})
	}
}

// saysWhatIsNotSet holds that a collector tells what a pooler of transactions
// needs: one that comes upon the statements that another has prepared, which is
// the second where the pooler gives both the same connection, and comes to pass
// when each of the pool has some.
func saysWhatIsNotSet(t *testing.T, dsn string) {
	t.Helper()
	r := newReplica(t, dsn, "")
	const want = "add default_query_exec_mode=exec to database.dsn"
	var said []byte
	for n := 0; n <= peer.PoolSize && !bytes.Contains(said, []byte(want)); n++ {
		said, _ = exec.Command(filepath.Join(r.bin, "rollcall-collector"), "check", "--config", filepath.Join(r.dir, "collector.yaml")).CombinedOutput()
	}
	if !bytes.Contains(said, []byte(want)) {
		t.Errorf("check says %s, want %q", said, want)
	}
}
