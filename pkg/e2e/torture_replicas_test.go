package e2e_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/collector"
	"rollcall/pkg/config"
	"rollcall/pkg/peer"
	"rollcall/pkg/torture"
)

// Three collectors on one PostgreSQL are killed in turn, as are the server and
// its processes, while agents report to whichever answers. What was
// acknowledged is there once, the newest of each node stands, a fresh report of
// each agent comes through soon, and every organization is reconciled.
func TestReplicasKilled(t *testing.T) {
	server := peer.NeedPostgres(t, "15", torture.Long())
	name, err := server.CreateDatabase("")
	if err != nil {
		t.Fatal(err)
	}
	c := collector.DefaultConfig()
	c.Listen, c.DataDir = "127.0.0.1:0", t.TempDir()
	c.Database = collector.Database{DSN: config.Plain(server.DSN(peer.AppRole, name)), OwnerDSN: config.Plain(server.DSN(peer.OwnerRole, name))}
	fleet := newFleet(t, c, torture.Times(60, 2000), 20)

	lives := make([]*process, 3)
	replicas := make([]*rig, len(lives))
	for i := range replicas {
		replicas[i] = newReplica(t, server.DSN(peer.AppRole, name), server.DSN(peer.OwnerRole, name))
		lives[i] = replicas[i].startCollector()
		fleet.targets = append(fleet.targets, replicas[i].listen)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	over := fleet.report(ctx)
	faults := map[string]int{}
	for n := range torture.Times(6, 60) {
		idle(time.Second)
		switch n % 3 {
		case 0, 1:
			i := n / 3 % len(lives)
			lives[i].kill()
			idle(500 * time.Millisecond)
			lives[i] = replicas[i].startCollector()
			faults["collector"]++
		default:
			if n%2 == 0 {
				err = server.KillBackend(peer.AppRole)
				faults["process of the server"]++
			} else if err = server.Kill(); err == nil {
				err = server.Start()
				faults["server"]++
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	acknowledged, waited := over()
	fleet.check(server.DSN("postgres", name), acknowledged)
	if err := server.Check(name); err != nil {
		t.Error(err)
	}
	for _, p := range lives {
		if err := p.stop(10 * time.Second); err != nil {
			t.Errorf("a collector does not stop: %v", err)
		}
	}
	torture.Figure(t, "R2", "three collectors on PostgreSQL, %d agents, killed: %v: %d reports acknowledged, 0 lost, 0 doubled; all fresh %s after the last fault",
		len(fleet.tokens), faults, total(acknowledged), waited.Round(100*time.Millisecond))
}

// newReplica is a collector on a database that others serve too.
func newReplica(t *testing.T, dsn, ownerDSN string) *rig {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dir: t.TempDir(), bin: bin, listen: freePort(t), more: servedBy(dsn, ownerDSN)}
	if err := os.WriteFile(filepath.Join(r.dir, "collector.yaml"), []byte(r.collectorSettings()), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

// servedBy are the settings of a collector on a server; ownerDSN may be "".
func servedBy(dsn, ownerDSN string) string {
	return fmt.Sprintf("database: {dsn: %q, owner_dsn: %q}\n", dsn, ownerDSN)
}

// A fleet is agents that each look after one node at a site of their own.
type fleet struct {
	t       *testing.T
	tokens  []string
	targets []string // addresses of collectors
}

// newFleet makes the agents, of so many organizations, in the database of a
// configuration.
func newFleet(t *testing.T, c collector.Config, agents, organizations int) *fleet {
	t.Helper()
	col, err := collector.New(c, collector.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := col.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := &fleet{t: t, tokens: make([]string, agents)}
	for i := range f.tokens {
		if f.tokens[i], err = col.CreateAgent(t.Context(), fmt.Sprint("Organization ", i%organizations), fmt.Sprint("Site ", i), siteAgent(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := col.Stop(); err != nil {
		t.Fatal(err)
	}
	return f
}

func siteAgent(i int) string { return fmt.Sprint("agent-", i) }

// report has all agents report, about two hundred times a second together, each
// again and again to any collector until it has a receipt. The returned function
// says that the faults are over: each agent then makes one more report. It
// returns how many reports each has receipts for, all of them in a row, and how
// long the last took.
func (f *fleet) report(ctx context.Context) (over func() (acknowledged []int, waited time.Duration)) {
	var ended atomic.Bool
	var all sync.WaitGroup
	acknowledged := make([]int, len(f.tokens))
	pace := time.Duration(len(f.tokens)) * 10 * time.Millisecond // half of it on average
	for i, token := range f.tokens {
		all.Go(func() {
			a := newComer(fmt.Sprintf("127.%d.%d.%d", 100+i/62500, i/250%250, i%250+1), nil, nil)
			defer a.CloseIdleConnections()
			for last := false; !last; {
				last = ended.Load()
				seq := acknowledged[i] + 1
				for body := pack(f.t, seen(0, seq)); ; idle(300 * time.Millisecond) {
					if a.send(ctx, "http://"+f.targets[rand.IntN(len(f.targets))], token, body).stored == 1 {
						break
					}
					if ctx.Err() != nil {
						f.t.Errorf("agent %d has no receipt for report %d", i, seq)
						return
					}
				}
				acknowledged[i] = seq
				if !last {
					idle(pace)
				}
			}
		})
	}
	return func() ([]int, time.Duration) {
		began := time.Now()
		ended.Store(true)
		all.Wait()
		return acknowledged, time.Since(began)
	}
}

// check holds what is stored against the receipts, read without the programs.
func (f *fleet) check(dsn string, acknowledged []int) {
	f.t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	type state struct {
		stored, newest int
		serial         string
	}
	got := map[string]state{}
	rows, err := db.Query(`SELECT a.name, COUNT(r.report_id), MAX(r.seq),
		(SELECT string_agg(s.serial, ' ') FROM sightings s WHERE s.organization = a.organization AND s.site = a.site AND s.gone = 0)
		FROM agents a JOIN reports r ON r.agent = a.id GROUP BY a.id, a.name, a.organization, a.site`)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		var s state
		if err := rows.Scan(&name, &s.stored, &s.newest, &s.serial); err != nil {
			f.t.Fatal(err)
		}
		got[name] = s
	}
	if err := rows.Err(); err != nil {
		f.t.Fatal(err)
	}
	for i, n := range acknowledged {
		if want := (state{n, n, seen(0, n).Device.Serial}); got[siteAgent(i)] != want {
			f.t.Errorf("agent %d: %+v is stored, want %+v", i, got[siteAgent(i)], want)
		}
	}
	deadline := time.After(soon)
	for waiting := -1; waiting != 0; {
		if err := db.QueryRow(`SELECT COUNT(*) FROM organizations WHERE revision > reconciled`).Scan(&waiting); err != nil {
			f.t.Fatal(err)
		}
		select {
		case <-deadline:
			f.t.Fatalf("%d organizations are not reconciled", waiting)
		case <-time.After(100 * time.Millisecond):
		}
	}
	f.awaitReady()
}

// awaitReady waits until every collector says that it can serve.
func (f *fleet) awaitReady() {
	f.t.Helper()
	deadline := time.After(soon)
	for _, to := range f.targets {
		for why := "?"; why != ""; {
			why = notReady(to)
			select {
			case <-deadline:
				f.t.Fatalf("%s is not ready: %s", to, why)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}

// notReady is what a collector says where it cannot serve.
func notReady(listen string) string {
	resp, err := http.Get("http://" + listen + "/readyz")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	why, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Sprint(resp.Status, ": ", string(why), err)
	}
	return ""
}

func total(counts []int) (sum int) {
	for _, n := range counts {
		sum += n
	}
	return sum
}
