package e2e_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector"
	"rollcall/pkg/config"
	"rollcall/pkg/peer"
	"rollcall/pkg/torture"
)

// PostgreSQL goes back to a moment, and to a dump, by the commands of the
// documentation: every row is as it was then, agents send again what they keep,
// the gap is shown, and the next polls mend the rest.
func TestRecovery(t *testing.T) {
	server := peer.NeedPostgres(t, "15", torture.Long())
	if err := server.Exec("postgres", `CREATE DATABASE rollcall OWNER `+peer.OwnerRole+` TEMPLATE template0`); err != nil {
		t.Fatal(err)
	}
	c := collector.DefaultConfig()
	c.Listen, c.DataDir = "127.0.0.1:0", t.TempDir()
	c.Database = collector.Database{DSN: config.Plain(server.DSN(peer.AppRole, "rollcall")), OwnerDSN: config.Plain(server.DSN(peer.OwnerRole, "rollcall"))}
	fleet := newFleet(t, c, torture.Times(5, 500), 20)
	r := &recovery{rig: newRigWith(t, servedBy(server.DSN(peer.AppRole, "rollcall"), ""), func(string) {}), server: server}
	r.rig.server = server.DSN("postgres", "rollcall")
	r.commands = r.commandsOf("postgresql.md", "## Backup and restore")
	const setUp, dump, reload, archive, base, goBack, settle = 0, 1, 2, 3, 4, 5, 6 // in the order of the document
	if len(r.commands) != settle+1 || !strings.HasPrefix(r.commands[setUp], "export PGDATA=") {
		t.Fatalf("the document has other commands: %q", r.commands)
	}

	r.run(archive)
	r.restart()
	a, col := r.startAgent(), r.startCollector()
	fleet.targets = []string{r.listen}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	over := fleet.report(ctx)
	r.settle()
	r.run(base)
	dumped, _ := r.still(func() { r.run(dump) })
	r.awaitKept(r.promised() + torture.Times(1, 40)*len(r.devices))
	then, moment := r.still(func() {})
	r.settle()
	acknowledged, _ := over()
	for _, p := range []*process{a, col} { // the agent first, which brings away all
		if err := p.stop(10 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
	promised := r.promised()
	server.Stop() // as it crashes: the last of its log is not archived
	r.run(goBack, "TIME="+moment)
	r.restart()
	r.awaitWritable()
	r.run(settle)
	r.same("after going back to "+moment, then)
	if err := server.Check("rollcall"); err != nil {
		t.Error(err)
	}
	const off = 2
	for _, d := range r.devices[:off] {
		_ = d.Close() // they cannot be polled afresh
	}
	lost, told, again := r.heals(off)

	r.run(reload)
	r.same("of the dump", dumped)
	r.heals(off)
	torture.Figure(t, "R16", "PostgreSQL: base backup, dump and log archived while %d agents report (%d reports); back to a moment, and to the dump, by the documented commands: all rows of %d tables equal; "+
		"%d acknowledged reports of an agent were after that moment: told that %d may be missing, %d came again by themselves, with the newest of devices that could not be polled afresh",
		len(fleet.tokens)+1, total(acknowledged)+promised, len(then), lost, told, again)
}

// A recovery is a rig on a server that goes back, by commands.
type recovery struct {
	*rig
	server   *peer.Postgres
	commands []string
}

// commandsOf are the blocks of commands below a heading of a document.
func (r *recovery) commandsOf(document, heading string) (blocks []string) {
	r.t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "configs", "docs", document))
	if err != nil {
		r.t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(raw), "\n"+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	within := false
	for line := range strings.Lines(section) {
		command, indented := strings.CutPrefix(line, "    ")
		if indented && !within {
			blocks = append(blocks, "")
		}
		if within = indented; within {
			blocks[len(blocks)-1] += command
		}
	}
	return blocks
}

func (r *recovery) run(n int, env ...string) {
	r.t.Helper()
	if err := r.server.Shell(r.commands[n], env...); err != nil {
		r.t.Fatal(err)
	}
}

func (r *recovery) restart() {
	r.t.Helper()
	r.server.Stop()
	if err := r.server.Start(); err != nil {
		r.t.Fatal(err)
	}
}

// awaitWritable waits until the server has come to the moment and takes writes.
func (r *recovery) awaitWritable() {
	r.t.Helper()
	db := r.database()
	defer func() { _ = db.Close() }()
	limit := time.After(patience)
	for recovering := true; recovering; {
		if err := db.QueryRow(`SELECT pg_is_in_recovery()`).Scan(&recovering); err != nil {
			r.t.Fatal(err)
		}
		select {
		case <-limit:
			r.t.Fatalf("the server does not come to an end with its recovery:\n%s", r.server.Log())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// heals has both programs go on with a database that went back, and ends them. It
// counts the agent's reports that were gone, those that the collector tells of, and
// those that came again.
func (r *recovery) heals(off int) (lost, told, again int) {
	r.t.Helper()
	var gone []string
	stored := r.stored()
	for _, id := range r.kept {
		if stored[id] == 0 {
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 {
		r.t.Fatal("nothing is gone: it proves nothing")
	}
	col, a := r.startCollector(), r.startAgent()
	r.awaitFresh()
	again = r.awaitAgain(gone, off)
	if told = r.missing(); told < len(gone) {
		r.t.Errorf("of %d reports it is told that they may be missing, and %d are", told, len(gone))
	}
	r.checkEffect()
	end(r.t, r.rig, a, col)
	return len(gone), told, again
}

// still runs do while nobody writes, and returns the sums and the server's time
// then.
func (r *recovery) still(do func()) (sums map[string]string, moment string) {
	r.t.Helper()
	db := r.database()
	defer func() { _ = db.Close() }()
	tx := r.hold(db)
	defer func() { _ = tx.Rollback() }() // it has only read
	sums = r.sums(tx)
	do()
	if err := tx.QueryRow(`SELECT clock_timestamp()::text`).Scan(&moment); err != nil {
		r.t.Fatal(err)
	}
	return sums, moment
}

// hold keeps others from writing until the transaction ends.
func (r *recovery) hold(db *sql.DB) *sql.Tx {
	r.t.Helper()
	for limit := time.Now().Add(patience); ; {
		tx, err := db.Begin()
		if err != nil {
			r.t.Fatal(err)
		}
		if _, err = tx.Exec(`LOCK TABLE ` + strings.Join(r.tables(tx), ", ") + ` IN SHARE MODE`); err == nil {
			return tx
		}
		_ = tx.Rollback() // a writer that waited for it too was in its way
		if time.Now().After(limit) {
			r.t.Fatal(err)
		}
	}
}

// same holds that the database has the rows.
func (r *recovery) same(when string, want map[string]string) {
	r.t.Helper()
	db := r.database()
	defer func() { _ = db.Close() }()
	tx, err := db.Begin()
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }() // it has only read
	if diff := cmp.Diff(want, r.sums(tx)); diff != "" {
		r.t.Errorf("%s there are other rows (-want +got):\n%s", when, diff)
	}
}

func (r *recovery) tables(tx *sql.Tx) (names []string) {
	r.t.Helper()
	rows, err := tx.Query(`SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name`)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			r.t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil || len(names) < 40 {
		r.t.Fatalf("tables %v, %v", names, err)
	}
	return names
}

// sums are the number of rows of each table, and a hash of all that they hold.
func (r *recovery) sums(tx *sql.Tx) map[string]string {
	r.t.Helper()
	sums := map[string]string{}
	for _, table := range r.tables(tx) {
		var n int
		var hash string
		if err := tx.QueryRow(`SELECT COUNT(*), md5(COALESCE(string_agg(x::text, ' ' ORDER BY x::text), '')) FROM `+table+` x`).Scan(&n, &hash); err != nil {
			r.t.Fatal(err)
		}
		sums[table] = fmt.Sprint(n, " rows, ", hash)
	}
	return sums
}
