package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"golang.org/x/sync/errgroup"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/peer"
	"rollcall/pkg/torture"
	"rollcall/pkg/wire"
)

// threeStores are three collectors on one database.
func threeStores(t testing.TB, c *clock) [3]*store.Store {
	t.Helper()
	dir := t.TempDir()
	return [3]*store.Store{open(t, dir, c), open(t, dir, c), open(t, dir, c)}
}

// Each report comes up to five times, in any order and to any of three stores at
// once: it counts once, and the newest is what is known.
func TestReportsInDisorderToThreeStores(t *testing.T) {
	c := newClock()
	stores := threeStores(t, c)
	a := agent(t, stores[0], "Riverside Food Bank", "Main", "agent-1")
	reports := torture.Times(60, 5000)
	random := rand.New(rand.NewPCG(3, 4))
	var sent []int64
	for n := range int64(reports) {
		for range 1 + random.IntN(5) {
			sent = append(sent, n+1)
		}
	}
	random.Shuffle(len(sent), func(i, j int) { sent[i], sent[j] = sent[j], sent[i] })
	var stored atomic.Int64
	var g errgroup.Group
	g.SetLimit(32)
	for i, n := range sent {
		g.Go(func() error {
			results, err := stores[i%3].SaveReports(t.Context(), a, wire.Batch{SentAt: c.now(), Reports: []wire.Report{numbered(n)}})
			if err == nil && results.Results[0].Status == wire.Stored {
				stored.Add(1)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if stored.Load() != int64(reports) {
		t.Errorf("%d reports were stored, want %d", stored.Load(), reports)
	}
	var present []string
	for _, s := range facts(t, stores[1], a.Organization).Sightings {
		if s.Gone.IsZero() {
			present = append(present, s.Component.Serial)
		}
	}
	if want := numbered(int64(reports)).Device.Components[0].Serial; len(present) != 1 || present[0] != want {
		t.Errorf("the node has %v, want %s alone", present, want)
	}
	torture.Figure(t, "R10", "%d reports sent %d times in any order to three stores by 32 at once: each stored once, the newest stands", reports, len(sent))
}

// What three stores tell of a node is as if there were one, that keeps the newest
// report: porcupine finds an order of all calls that explains every answer.
func TestReportsLinearize(t *testing.T) {
	if server == nil {
		t.Skip("of several processes: it runs on PostgreSQL")
	}
	type call struct {
		read bool
		seq  int
	}
	// A register that keeps the greatest.
	model := porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, input, output any) (bool, any) {
			in := input.(call)
			if in.read {
				return output.(int) == state.(int), state
			}
			return true, max(state.(int), in.seq)
		},
	}
	c := newClock()
	stores := threeStores(t, c)
	histories, operations, checked := torture.Times(20, 100), torture.Times(200, 1000), 0
	for h := range histories {
		a := agent(t, stores[0], fmt.Sprint("Organization ", h), "Main", "agent-1")
		var mu sync.Mutex
		var history []porcupine.Operation
		began := time.Now()
		var g errgroup.Group
		const clients = 6
		for client := range clients {
			random := rand.New(rand.NewPCG(uint64(h), uint64(client)))
			s := stores[client%3]
			g.Go(func() error {
				for n := range operations / clients {
					in, out := call{read: random.IntN(2) == 0, seq: n*clients + client + 1}, 0
					if random.IntN(4) == 0 {
						in.seq = 1 + random.IntN(in.seq) // late
					}
					from := time.Since(began).Nanoseconds()
					if in.read {
						nodes, err := s.Nodes(t.Context(), a.Organization)
						if err != nil {
							return err
						}
						if len(nodes) > 0 {
							out, _ = strconv.Atoi(nodes[0].Name)
						}
					} else {
						r := numbered(int64(in.seq))
						r.Device.Name = fmt.Sprint(in.seq)
						if _, err := s.SaveReports(t.Context(), a, wire.Batch{SentAt: c.now(), Reports: []wire.Report{r}}); err != nil {
							return err
						}
					}
					mu.Lock()
					history = append(history, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: from, Return: time.Since(began).Nanoseconds()})
					mu.Unlock()
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if result := porcupine.CheckOperationsTimeout(model, history, time.Minute); result != porcupine.Ok {
			t.Fatalf("history %d of %d calls: %s", h, len(history), result)
		}
		checked += len(history)
	}
	torture.Figure(t, "R11", "%d histories of %d calls together to three stores on one PostgreSQL: each is as of one register that keeps the newest", histories, checked)
}

// Three stores look for work at once, as the loops of three collectors do: each
// change is reconciled once, and none is left.
func TestReplicasReconcileOnce(t *testing.T) {
	if server == nil {
		t.Skip("of several processes: it runs on PostgreSQL")
	}
	c := newClock()
	stores := threeStores(t, c)
	const organizations = 20
	for n := range organizations {
		agent(t, stores[0], fmt.Sprint("Organization ", n), "Main", "agent-1")
	}
	var mu sync.Mutex
	judged := map[string]int{}
	var g errgroup.Group
	for i := range 6 {
		g.Go(func() error {
			s := stores[i%3]
			for {
				changed, err := s.Changed(t.Context())
				if err != nil || len(changed) == 0 {
					return err
				}
				for _, org := range changed {
					if _, err := s.Reconcile(t.Context(), org, func(f reconcile.Facts) reconcile.Result {
						mu.Lock()
						defer mu.Unlock()
						judged[f.Organization]++
						return reconcile.Result{}
					}); err != nil {
						return err
					}
				}
			}
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(judged) != organizations {
		t.Errorf("%d organizations were reconciled, want %d", len(judged), organizations)
	}
	for org, n := range judged {
		if n != 1 {
			t.Errorf("%s was reconciled %d times", org, n)
		}
	}
}

// claimDSN and claimOrganization turn the test binary into a collector that is
// reconciling and never ends.
const (
	claimDSN          = "ROLLCALL_TEST_CLAIM_DSN"
	claimOrganization = "ROLLCALL_TEST_CLAIM_ORGANIZATION"
)

func claimForEver(dsn, org string) error {
	s, err := store.Open(context.Background(), store.Options{Database: store.Database{DSN: dsn}})
	if err != nil {
		return err
	}
	_, err = s.Reconcile(context.Background(), org, func(reconcile.Facts) reconcile.Result {
		fmt.Println("claimed") //nolint:forbidigo // the child's only output, read by the test
		select {}
	})
	return errors.Join(err, errors.New("the organization was not free"))
}

// What a collector was reconciling when it was killed is taken up by another;
// while it lives nobody else does, and agents' reports do not wait for it.
func TestReplicasTakeUpWhatADeadOneHad(t *testing.T) {
	if server == nil {
		t.Skip("of several processes: it runs on PostgreSQL")
	}
	c := newClock()
	dir := t.TempDir()
	s := open(t, dir, c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), claimDSN+"="+server.DSN(peer.AppRole, server.of(t, dir)), claimOrganization+"="+a.Organization)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if lines := bufio.NewScanner(out); !lines.Scan() || lines.Text() != "claimed" {
		t.Fatalf("the child said %q", lines.Text())
	}
	nothing := func(reconcile.Facts) reconcile.Result { return reconcile.Result{} }
	done, err := s.Reconcile(t.Context(), a.Organization, nothing)
	if err != nil || done {
		t.Errorf("beside a living collector: %v, %v", done, err)
	}
	send(t, s, c, a, report(c, 1, device("192.0.2.1", part("1", "C9300-48P", "FCW0000A001"))))
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !done {
		if done, err = s.Reconcile(ctx, a.Organization, nothing); err != nil {
			t.Fatal(err)
		}
	}
}

// A lease is one store's until it ends, by itself or by its holder.
func TestLease(t *testing.T) {
	c := newClock()
	stores := threeStores(t, c)
	take := func(i int, want bool) {
		t.Helper()
		if got, err := stores[i].Lease(t.Context(), "work", time.Minute); err != nil || got != want {
			t.Errorf("store %d: %v, %v, want %v", i, got, err, want)
		}
	}
	take(0, true)
	take(1, false)
	c.advance(50 * time.Second)
	take(0, true) // renewed
	c.advance(50 * time.Second)
	take(1, false)
	c.advance(10 * time.Second)
	take(2, true)
	take(0, false)
	for i := range stores { // of another it changes nothing
		take(1, false)
		if err := stores[i].EndLease(t.Context(), "work"); err != nil {
			t.Fatal(err)
		}
	}
	take(1, true)
}

// Texts that PostgreSQL cannot hold are the caller's mistake, on both databases.
func TestNULIsInvalid(t *testing.T) {
	s := open(t, t.TempDir(), newClock())
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	_, err := s.ImportRMAs(t.Context(), a.Organization, "a\x00b", nil)
	if !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a file name with NUL: %v", err)
	}
	for _, bad := range []string{"\x00", "a\x00b", "\xff\xfe"} {
		if _, err := s.OrganizationByName(t.Context(), bad); err == nil || !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrInvalid) {
			t.Errorf("OrganizationByName(%q): %v", bad, err)
		}
		if _, err := s.Units(t.Context(), bad); err != nil && !errors.Is(err, store.ErrInvalid) {
			t.Errorf("Units(%q): %v", bad, err)
		}
		if _, err := s.Upload(t.Context(), a.Organization, bad); !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrInvalid) {
			t.Errorf("Upload(%q): %v", bad, err)
		}
		if err := s.Declare(t.Context(), bad, reconcile.Declaration{Serial: "FCW0000A001", Kind: reconcile.DeclaredSpare, Author: "Ada", Reason: "x"}); !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrInvalid) {
			t.Errorf("Declare(%q): %v", bad, err)
		}
	}
}

// A server that is killed at any moment, as a whole or one process of it, keeps
// what was acknowledged, once; and the stores go on by themselves. What was
// acknowledged is in the ledger here, and the server is asked without the store.
func TestReplicas(t *testing.T) {
	// What a killed process wrote the system still has, so short runs need no
	// disk, which after each kill is asked for every file.
	p := peer.NeedPostgres(t, "15", torture.Long())
	name, err := p.CreateDatabase("")
	if err != nil {
		t.Fatal(err)
	}
	o := store.Options{Database: store.Database{DSN: p.DSN(peer.AppRole, name), OwnerDSN: p.DSN(peer.OwnerRole, name)}}
	var stores [3]*store.Store
	var agents [3]store.Agent
	for i := range stores {
		if stores[i], err = store.Open(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = stores[i].Close() })
		agents[i] = agent(t, stores[i], "Riverside Food Bank", "Main", fmt.Sprint("agent-", i))
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var last [3]atomic.Int64 // acknowledged by each store
	var g errgroup.Group
	for i, s := range stores {
		g.Go(func() error {
			for n := int64(1); ctx.Err() == nil; {
				r := numbered(n)
				r.Device.Address = fmt.Sprint("192.0.2.", i+1)
				r.Device.Components[0].Serial = fmt.Sprintf("FC%d%08d", i, n)
				results, err := s.SaveReports(ctx, agents[i], wire.Batch{SentAt: start, Reports: []wire.Report{r}})
				if err != nil {
					select { // the agent sends it again, not at once
					case <-ctx.Done():
					case <-time.After(20 * time.Millisecond):
					}
					continue
				}
				if st := results.Results[0].Status; st != wire.Stored && st != wire.Duplicate {
					return fmt.Errorf("report %d: %s", n, st)
				}
				last[i].Store(n)
				n++
			}
			return nil
		})
	}
	random := rand.New(rand.NewPCG(5, 6))
	progress := func() {
		t.Helper()
		deadline := time.After(time.Minute)
		for i := range last {
			for from, some := last[i].Load(), int64(1+random.IntN(5)); last[i].Load() < from+some; {
				select {
				case <-deadline:
					t.Fatalf("store %d does not go on", i)
				case <-time.After(time.Millisecond):
				}
			}
		}
	}
	serverKills := torture.Times(20, 300)
	for k := range serverKills {
		progress()
		if k%2 == 0 {
			err = p.KillBackend(peer.AppRole)
		} else if err = p.Kill(); err == nil {
			err = p.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	progress()
	stop()
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	db := connectTo(t, p.DSN("postgres", name))
	for i := range stores {
		acknowledged := last[i].Load()
		for _, q := range []string{
			`SELECT COUNT(*), COUNT(DISTINCT seq), MAX(seq) FROM reports WHERE agent = '` + agents[i].ID + `'`,
			`SELECT COUNT(*), COUNT(DISTINCT serial), MAX(substr(serial, 4)::bigint) FROM sightings WHERE serial LIKE 'FC` + fmt.Sprint(i) + `%'`,
		} {
			var rows, distinct, newest int64
			if err := db.QueryRowContext(t.Context(), q).Scan(&rows, &distinct, &newest); err != nil {
				t.Fatal(err)
			}
			// There may be one whose acknowledgement was lost.
			if rows != distinct || rows != newest || rows < acknowledged || rows > acknowledged+1 {
				t.Errorf("%s: %d rows, %d of them distinct, the newest %d, and %d were acknowledged", q, rows, distinct, newest, acknowledged)
			}
		}
	}
	if strings.Contains(p.Log(), "PANIC") {
		t.Errorf("the server said:\n%s", p.Log())
	}
	if err := p.Check(name); err != nil {
		t.Error(err)
	}
	torture.Figure(t, "R2", "PostgreSQL: server or a process of it killed %d times while three stores save, %d reports acknowledged, 0 lost, 0 doubled; pg_amcheck finds every table and index whole",
		serverKills, last[0].Load()+last[1].Load()+last[2].Load())
}
