package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

// start is the time at which tests begin.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// A clock stands still until it is moved.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(start.UnixMilli())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

func open(t testing.TB, dir string, c *clock) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), options(t, dir, c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func agent(t testing.TB, s *store.Store, org, site, name string) store.Agent {
	t.Helper()
	a, _, err := s.CreateAgent(context.Background(), org, site, name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// part is a unit at a stack position or slot.
func part(name, pid, serial string) inventory.Component {
	return inventory.Component{Serial: serial, PID: pid, Class: inventory.ClassChassis, Name: name, Unit: true, Aliases: []string{}}
}

func device(address string, parts ...inventory.Component) inventory.Device {
	return inventory.Device{
		Address: address, Name: "sw-" + address, Platform: inventory.PlatformIOS, Complete: true, Via: []string{"snmp"},
		Components: parts, Errors: []inventory.Problem{},
	}
}

// report is the seq-th report of the first epoch, polled now.
func report(c *clock, seq int64, d inventory.Device) wire.Report {
	return wire.Report{
		ReportID: fmt.Sprintf("report-%d-%s", seq, d.Address), Epoch: 1, Seq: seq, PolledAt: c.now(), Answered: true,
		Fingerprint: d.Fingerprint(), Device: d,
	}
}

func send(t testing.TB, s *store.Store, c *clock, a store.Agent, reports ...wire.Report) []wire.Status {
	t.Helper()
	receipt, err := s.SaveReports(context.Background(), a, wire.Batch{Schema: wire.BatchSchema, Agent: a.Name, SentAt: c.now(), Interval: 3600, Reports: reports})
	if err != nil {
		t.Fatal(err)
	}
	statuses := make([]wire.Status, 0, len(receipt.Results))
	for i, r := range receipt.Results {
		if r.ReportID != reports[i].ReportID {
			t.Fatalf("result %d names report %q, want %q", i, r.ReportID, reports[i].ReportID)
		}
		statuses = append(statuses, r.Status)
	}
	return statuses
}

func facts(t testing.TB, s *store.Store, org string) reconcile.Facts {
	t.Helper()
	f, err := s.Facts(context.Background(), org)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// settle ends with no organization changed.
func settle(t testing.TB, s *store.Store) {
	t.Helper()
	ctx := context.Background()
	for _, org := range changed(t, s) {
		facts(t, s, org)
		if err := s.SaveResult(ctx, org, reconcile.Result{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := changed(t, s); len(got) != 0 {
		t.Fatalf("changed after a result: %v", got)
	}
}

func changed(t testing.TB, s *store.Store) []string {
	t.Helper()
	orgs, err := s.Changed(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return orgs
}

func TestReopen(t *testing.T) {
	ctx := context.Background()
	dir, c := t.TempDir(), newClock()
	s := open(t, dir, c)
	a, token, err := s.CreateAgent(ctx, "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	send(t, s, c, a, report(c, 1, device("192.0.2.1", part("1", "C9300-48P", "FCW0000A001"))))
	want := facts(t, s, a.Organization)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, c)
	if diff := cmp.Diff(want, facts(t, s, a.Organization)); diff != "" {
		t.Errorf("facts after reopening (-want +got):\n%s", diff)
	}
	got, err := s.AgentByToken(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != a.ID {
		t.Errorf("token belongs to agent %q, want %q", got.ID, a.ID)
	}
	if err := s.Ready(ctx); err != nil {
		t.Errorf("not ready: %v", err)
	}
}

func TestFactsHoldAllThatWasSaved(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	d := device("192.0.2.1", part("1", "C9300-48P", "FCW0000A001"))
	send(t, s, c, a, report(c, 1, d))
	line := contract.Line{Contract: "2001", Serial: "FCW0000A001", PID: "C9300-48P", End: "2027-01-01", Row: 2}
	if _, err := s.ImportContract(ctx, a.Organization, contract.File{Name: "a.csv", SHA256: "aa", Lines: []contract.Line{line}}, c.now()); err != nil {
		t.Fatal(err)
	}
	want := reconcile.Facts{
		Organization: "riverside-food-bank", Name: "Riverside Food Bank", Now: start, Settings: reconcile.DefaultSettings(),
		Agents: []reconcile.Agent{{ID: a.ID, Name: "agent-1", Site: "Main", LastSeen: start, Interval: time.Hour}},
		Nodes: []reconcile.Node{{
			ID: "Main/192.0.2.1", Site: "Main", Agent: a.ID, Address: "192.0.2.1", Name: "sw-192.0.2.1", Platform: inventory.PlatformIOS,
			Answered: true, Complete: true, Polled: start, LastGood: start, Problems: []inventory.Problem{},
		}},
		Sightings: []reconcile.Sighting{{Component: d.Components[0], Node: "Main/192.0.2.1", Slot: "1", First: start, Last: start}},
		Lines:     []contract.Line{line},
		Imports:   []reconcile.Import{{Contract: "2001", File: "a.csv", At: start}},
	}
	if diff := cmp.Diff(want, facts(t, s, a.Organization)); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

// Several processes may start at once on an empty directory; goroutines with a
// store of their own stand for them, for SQLite locks between connections.
func TestOpenAtOnce(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	o := options(t, dir, c)
	var g errgroup.Group
	for i := range 8 {
		g.Go(func() error {
			s, err := store.Open(context.Background(), o)
			if err != nil {
				return err
			}
			_, _, err = s.CreateAgent(context.Background(), "Riverside Food Bank", "Main", fmt.Sprint("agent-", i))
			return errors.Join(err, s.Close())
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := facts(t, open(t, dir, c), "riverside-food-bank").Agents; len(got) != 8 {
		t.Errorf("%d agents, want 8", len(got))
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(context.Background(), store.Options{DataDir: dir}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v, want one that names %s", err, dir)
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rollcall.db"), []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(context.Background(), store.Options{DataDir: dir}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v, want one that names %s", err, dir)
	}
}

// A directory whose name needs escaping in a URI is found again.
func TestOddDirectoryName(t *testing.T) {
	dir, c := filepath.Join(t.TempDir(), "100% ok?#&x"), newClock()
	agent(t, open(t, dir, c), "Riverside Food Bank", "Main", "agent-1")
	if _, err := os.Stat(filepath.Join(dir, "rollcall.db")); err != nil {
		t.Fatal(err)
	}
	if got := facts(t, open(t, dir, c), "riverside-food-bank").Agents; len(got) != 1 {
		t.Errorf("%d agents, want 1", len(got))
	}
}

func TestFilesAreForTheOwnerAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	agent(t, open(t, dir, newClock()), "Riverside Food Bank", "Main", "agent-1")
	for _, name := range []string{"rollcall.db", "rollcall.db-wal", "rollcall.db-shm"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %04o, want 0600", name, mode)
		}
	}
}
