package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/collector"
	"rollcall/pkg/config"
	"rollcall/pkg/peer"
	"rollcall/pkg/torture"
	"rollcall/pkg/wire"
)

// The primary of three PostgreSQL servers fails while agents report to three
// collectors, and Patroni makes another server the primary. Where commits wait
// for a standby nothing is lost. Where they do not, what was is told, and agents
// send again what they keep.
func TestFailover(t *testing.T) {
	cluster := peer.NeedPatroni(t, torture.Long())
	const database = "rollcall"
	if err := cluster.CreateDatabase(database); err != nil {
		t.Fatal(err)
	}
	f := &failover{Patroni: cluster, database: database}
	dsn := cluster.DSN(peer.AppRole, database)
	c := collector.DefaultConfig()
	c.Listen, c.DataDir = "127.0.0.1:0", t.TempDir()
	c.Database = collector.Database{DSN: config.Plain(dsn), OwnerDSN: config.Plain(cluster.DSN(peer.OwnerRole, database))}
	fleet := newFleet(t, c, torture.Times(60, 500), 20)
	// All servers, as libpq has it and as people forget it; and a proxy.
	for _, dsn := range []string{dsn, strings.ReplaceAll(dsn, "&target_session_attrs=read-write", ""), cluster.ProxyDSN(peer.AppRole, database)} {
		r := newReplica(t, dsn, "")
		r.startCollector()
		fleet.targets = append(fleet.targets, r.listen)
	}
	fleet.awaitReady()
	t.Run("synchronous", func(t *testing.T) { f.losesNothing(t, fleet) })
	f.check(t)
	t.Run("asynchronous", func(t *testing.T) { f.saysWhatIsLost(t, fleet.targets) })
	if torture.Long() {
		f.check(t)
	}
}

// A failover is a cluster whose primary fails, with the database that the
// collectors use.
type failover struct {
	*peer.Patroni
	database string
}

// check holds that all members are back, and that nothing is wrong with what
// they hold.
func (f *failover) check(t *testing.T) {
	t.Helper()
	if err := f.AwaitWhole(); err != nil {
		t.Fatal(err)
	}
	if err := f.Check(f.database); err != nil {
		t.Error(err)
	}
}

// losesNothing has the primary killed and frozen, until its watchdog would act,
// while a fleet reports, each time when the one of before is back as a standby.
func (f *failover) losesNothing(t *testing.T, fleet *fleet) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	over := fleet.report(ctx)
	faults := map[string]int{}
	for n := range torture.Times(2, 20) {
		if err := f.AwaitWhole(); err != nil {
			t.Fatal(err)
		}
		idle(time.Second)
		primary, err := f.Primary()
		if err != nil {
			t.Fatal(err)
		}
		fault, fail, mend := "killed", primary.Kill, primary.Start
		if n%2 == 1 {
			fault, fail, mend = "frozen", primary.Freeze, primary.Reset
		}
		faults[fault]++
		for _, step := range []func() error{fail, func() error { return f.AwaitOther(primary) }, f.AwaitStandby, mend} {
			if err := step(); err != nil {
				t.Fatalf("primary %s: %v", fault, err)
			}
		}
	}
	acknowledged, waited := over()
	fleet.check(f.DSN("postgres", f.database), acknowledged)
	torture.Figure(t, "R18", "synchronous: primary of three PostgreSQL servers %v, three collectors, %d agents: %d reports acknowledged, 0 lost, 0 doubled; all fresh %s after the last fault",
		faults, len(fleet.tokens), total(acknowledged), waited.Round(100*time.Millisecond))
}

// saysWhatIsLost has the primary killed when standbys lack what was
// acknowledged.
func (f *failover) saysWhatIsLost(t *testing.T, targets []string) {
	if err := f.Synchronous(false); err != nil {
		t.Fatal(err)
	}
	r := newRigWith(t, servedBy(f.DSN(peer.AppRole, f.database), ""), func(string) {})
	r.server = f.DSN("postgres", f.database)
	said := &receipts{}
	balancer := said.balance(t, targets)
	r.goBy(balancer.URL)
	a := r.startAgent()
	said.await(t, len(r.devices))
	primary, err := f.Primary()
	if err != nil {
		t.Fatal(err)
	}
	primary.Cut()
	before := len(said.list())
	said.await(t, before+4*len(r.devices))
	const off = 2
	for _, d := range r.devices[:off] {
		_ = d.Close() // they cannot be polled afresh
	}
	said.await(t, r.promised()-1) // the newest of these devices too
	if err := primary.Kill(); err != nil {
		t.Fatal(err)
	}
	only := said.list()[before:] // the dead server has these
	for _, step := range []func() error{func() error { return f.AwaitOther(primary) }, primary.Mend, primary.Start} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	r.awaitFresh()
	again := r.awaitAgain(only, off)
	acknowledged := said.list() // before it is looked up, for the agent goes on
	stored, lost := r.stored(), 0
	for _, id := range acknowledged {
		switch n := stored[id]; {
		case n == 0:
			lost++
		case n > 1:
			t.Errorf("report %s is stored %d times", id, n)
		}
	}
	if lost == 0 {
		t.Fatal("nothing was lost: it proves nothing")
	}
	r.checkEffect()
	told := r.missing()
	if told < lost {
		t.Errorf("of %d reports it is told that they may be missing, and %d are", told, lost)
	}
	if err := a.stop(10 * time.Second); err != nil {
		t.Error(err)
	}
	r.setAside()
	torture.Figure(t, "R18", "asynchronous: primary killed with %d acknowledged reports that no standby had: told that %d may be missing; %d came again by themselves, the newest of devices that could not be polled afresh; %d older ones are lost",
		len(only), told, again, lost)
}

// awaitAgain waits until some of the reports are stored again.
func (r *rig) awaitAgain(gone []string, some int) (again int) {
	r.t.Helper()
	limit := time.After(soon)
	for {
		stored := r.stored()
		again = 0
		for _, id := range gone {
			again += stored[id]
		}
		if again >= some {
			return again
		}
		select {
		case <-limit:
			r.t.Fatalf("%d of the %d reports that are gone came again, want the newest of each of %d devices", again, len(gone), some)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// missing is how many reports of the agent the collector says may be missing
// after its database went back.
func (r *rig) missing() (n int) {
	r.t.Helper()
	db := r.database()
	defer func() { _ = db.Close() }()
	if err := db.QueryRow(`SELECT COALESCE(SUM(missing), 0) FROM agent_gaps WHERE organization = $1 AND reason = 'restore'`, organizationID).Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n
}

// receipts are the reports that collectors acknowledged, in that order.
type receipts struct {
	mu   sync.Mutex
	ids  []string
	news chan struct{} // closed and made anew with each
}

func (l *receipts) list() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.ids...)
}

// await waits until more than n were acknowledged.
func (l *receipts) await(t *testing.T, n int) {
	t.Helper()
	limit := time.After(patience)
	for {
		l.mu.Lock()
		more, news := len(l.ids) > n, l.news
		l.mu.Unlock()
		if more {
			return
		}
		select {
		case <-news:
		case <-limit:
			t.Fatalf("no report is acknowledged in %s", patience)
		}
	}
}

// balance leads what is asked to any of the targets, and reads the receipts. What
// it answers for a collector that is not ready says nothing of when to come back,
// as that of most load balancers.
func (l *receipts) balance(t *testing.T, targets []string) *httptest.Server {
	l.news = make(chan struct{})
	s := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: targets[rand.IntN(len(targets))]})
		},
		ModifyResponse: func(resp *http.Response) error {
			resp.Header.Del("Retry-After")
			if resp.StatusCode != http.StatusOK {
				return nil
			}
			raw, err := io.ReadAll(resp.Body)
			if err != nil {
				return err
			}
			resp.Body = io.NopCloser(bytes.NewReader(raw))
			var receipt wire.Receipt
			if err := json.Unmarshal(raw, &receipt); err != nil {
				return err
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, r := range receipt.Results {
				if r.Status == wire.Stored {
					l.ids = append(l.ids, r.ReportID)
				}
			}
			close(l.news)
			l.news = make(chan struct{})
			return nil
		},
	})
	t.Cleanup(s.Close)
	return s
}
