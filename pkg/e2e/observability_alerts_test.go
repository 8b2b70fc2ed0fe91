package e2e_test

import (
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/model"

	"rollcall/collector"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
	"rollcall/pkg/simdevice"
)

// What Prometheus, Alertmanager and Grafana make of a collector.
func TestObservability(t *testing.T) {
	peer.Need(t, "prometheus", "prometheus")
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(bin, "rollcall-collector")
	t.Run("alerts by their causes", func(t *testing.T) { t.Parallel(); alertsByTheirCauses(t, program) })
	t.Run("dashboards on the demo", func(t *testing.T) { t.Parallel(); dashboardsOnDemo(t, program) })
	t.Run("killed while telling", func(t *testing.T) { t.Parallel(); killedWhileTelling(t, program) })
}

// Every alert fires by a real cause and resolves when it is mended, and every
// message is what it should be.
func alertsByTheirCauses(t *testing.T, program string) {
	s := newStand(t, program)
	ran, scenes := 0, []struct {
		name string
		play func(*testing.T, *stand)
	}{
		{"an import drops thirty lines, and the collector goes away", dropped},
		{"a unit is swapped, and its agent stops", swapped},
		{"a donation, its contract, and old data", donated},
		{"one serial at two places", twice},
		{"a contract ends", ending},
		{"an agent cannot bring its reports away", waiting},
		{"mails and webhooks do not arrive", unheard},
		{"a webhook is gone for good", forsaken},
		{"an organization is not judged", unjudged},
		{"devices and people write what others run", hostile},
	}
	// At once, though there are fewer processors: they wait most of the time.
	var all sync.WaitGroup
	var mu sync.Mutex
	for _, x := range scenes {
		all.Go(func() {
			t.Run(x.name, func(t *testing.T) {
				mu.Lock()
				ran++
				mu.Unlock()
				x.play(t, s)
			})
		})
	}
	all.Wait()
	if ran == len(scenes) && !t.Failed() { // not some that were asked for by name
		s.whole()
	}
}

func some(v model.Vector) bool { return len(v) > 0 }

// covered starts an agent with a device, at a site, and waits until a contract of
// the rows covers all its units.
func (c *scene) covered(rows []string, site string, sw *simdevice.Server) (stop func()) {
	c.t.Helper()
	_, stop = c.startAgent(site, site, sw)
	c.importContract(rows...)
	c.until("all units to be covered", func() bool {
		units := c.units()
		return !slices.ContainsFunc(sw.Device().Units, func(u simdevice.Unit) bool { return units[u.Serial] != "covered" })
	})
	return stop
}

// An import that drops thirty lines of two sites is one message. A collector that
// is killed and comes back, and one that answers late, change nothing; one that
// stays away is told.
func dropped(t *testing.T, s *stand) {
	// An agent that the collector does not hear while it is away is not silent.
	c := s.newScene(t, "dropped", 0, func(c *collector.Config) { c.Settings.AgentSilentAfter = 1000 })
	var rows []string
	units := func(n int) (all []simdevice.Unit) {
		for range n {
			u := unit(fmt.Sprintf("FCW2431L%03d", len(rows)), "C9300-48P")
			all, rows = append(all, u), append(rows, u.Serial+" "+u.PID)
		}
		return all
	}
	office := device(t, "127.81.6.1", "core-sw1", inventory.PlatformIOSXE, units(24)...)
	warehouse := device(t, "127.81.6.2", "wh-sw1", inventory.PlatformIOSXE, units(8)...)
	c.covered(rows, "Main office", office)
	c.covered(rows, "Warehouse", warehouse)
	c.watch()
	c.prom.WaitFor(fmt.Sprintf(`count_over_time(rollcall:organization_reconciled_timestamp_seconds:held{collector=%q}[1m]) > 3`, c.url), some)
	if got := s.in.of(c.url); len(got) > 0 {
		t.Errorf("messages before anything happened: %+v", got)
	}

	c.importContract(rows[:2]...)
	const uncovered = "RollcallUnitsUncovered"
	c.told("units-uncovered-by-one-import", uncovered, "site=Main office")
	c.expect("firing", uncovered, "site=Warehouse")
	messages := len(s.in.of(c.url))
	if letters := len(s.in.lettersWith(c.url)); messages != 1 || letters != 1 {
		t.Errorf("one import that drops 30 lines is %d messages and %d mails, want one", messages, letters)
	}

	// The program itself, that is killed, comes back, and answers late.
	c.leave()
	p := c.serve()
	gone := func(scrapes int) {
		t.Helper()
		c.prom.WaitFor(fmt.Sprintf(`count_over_time((up{collector=%q} == 0)[5s:250ms]) >= %d`, c.url, scrapes), some)
	}
	back := func() {
		t.Helper()
		c.prom.WaitFor(fmt.Sprintf(`min_over_time(up{collector=%q}[2s]) == 1 and on (collector) rollcall_findings{kind="uncovered_unit"}`, c.url), some)
	}
	back()
	p.kill()
	gone(5)
	p = c.serve()
	back()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	gone(5)
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	back()
	if down := c.prom.Query(fmt.Sprintf(`count_over_time(ALERTS{alertname="RollcallCollectorDown",alertstate="firing",collector=%q}[10m])`, c.url)); len(down) == 0 {
		if n := len(s.in.of(c.url)); n != messages {
			t.Errorf("a restart and late scrapes made %d messages", n-messages)
		}
	} else { // each was longer than a restart should be
		t.Logf("the collector was away for longer than %s, as this machine is busy", away)
	}
	if same := c.prom.Query(fmt.Sprintf(`changes(ALERTS_FOR_STATE{alertname=%q,collector=%q}[10m]) == 0`, uncovered, c.url)); len(same) != 2 {
		t.Errorf("%d of 2 alerts went on through a restart and late scrapes", len(same))
	}

	p.kill()
	c.told("collector-down", "RollcallCollectorDown")
	if got := c.expect("firing", uncovered, "site=Warehouse"); got.Status != "firing" {
		t.Errorf("an alert is %s though only the collector is away", got.Status)
	}
	c.serve()
	c.ended("RollcallCollectorDown")
	c.run("import", c.contractFile(4, rows...))
	c.ended(uncovered, "site=Main office")
	c.ended(uncovered, "site=Warehouse")
}

// serve starts the collector's program in the place of the one in the test.
func (c *scene) serve() *process {
	c.t.Helper()
	return serveProgram(c.t, c.s.program, c.dir, c.listen, "settings: {agent_silent_after: 1000}\n")
}

// A serial that is swapped is told until an import proves the swap. Once the
// agent is silent that alone is told, of its site.
func swapped(t *testing.T, s *stand) {
	// An agent that is late on a busy machine is not silent again: what resolves
	// while it is held back is never told as resolved.
	c := s.newScene(t, "swapped", 0, func(c *collector.Config) { c.Settings.AgentSilentAfter = 30 })
	sw := device(t, "127.81.7.1", "core-sw1", inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P"), unit("FCW2431L0B2", "C9300-48P"), unit("FCW2431L0C3", "C9300-48P"))
	lab := device(t, "127.81.7.2", "lab-sw1", inventory.PlatformIOSXE, unit("FCW2431L0D4", "C9300-48P"))
	all := []string{"FCW2431L0A7 C9300-48P", "FCW2431L0B2 C9300-48P", "FCW2431L0C3 C9300-48P", "FCW2431L0D4 C9300-48P"}
	stop := c.covered(all, "Main office", sw)
	c.covered(all, "Lab", lab)
	c.watch()

	const mismatch, uncovered, silent = "RollcallRMAMismatch", "RollcallUnitsUncovered", "RollcallAgentSilent"
	sw.Update(func(d *simdevice.Device) { d.Units[1].Serial = "FCW2718H7KD" })
	c.told("rma-mismatch", mismatch)
	c.importContract(all[:2]...) // without a unit of each site
	c.expect("firing", uncovered, "site=Main office")
	c.expect("firing", uncovered, "site=Lab")

	stop()
	c.offset.Store(int64(time.Minute)) // the agent polls each second, and may miss thirty
	c.importContract(append(all[:2:2], "FOC1947W2QP WS-C2960X-24PS-L")...)
	c.told("agent-silent", silent, "site=Main office")
	c.holds(silent, mismatch)
	c.holds(silent, uncovered)
	c.until("the alert of a site with an agent not to be held back", func() bool {
		return slices.ContainsFunc(s.alerts(t), func(a knownAlert) bool {
			return a.Labels["collector"] == c.url && a.Labels["alertname"] == uncovered && a.Labels["site"] == "Lab" && len(a.Status.InhibitedBy) == 0
		})
	})

	c.startAgent("Main office", "Main office", sw)
	c.ended(silent, "site=Main office")
	c.importContract("FCW2431L0A7 C9300-48P", "FCW2718H7KD C9300-48P", all[2], all[3])
	c.ended(mismatch)
	c.ended(uncovered, "site=Main office")
	c.ended(uncovered, "site=Lab")
}

// A donation whose contract does not come, a line of what was sent back, and a
// term of one year: each is told until it is mended. Once the data is stale that
// alone is told.
func donated(t *testing.T, s *stand) {
	c := s.newScene(t, "donated", 0, nil)
	covered := "FCW2431L0A7 C9300-48P"
	c.covered([]string{covered}, "Main office", device(t, "127.81.8.1", "core-sw1", inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P")))
	c.watch()

	const overdue, unseen, short, stale, expiring = "RollcallActivationOverdue", "RollcallLineNotSeen", "RollcallTermShort", "RollcallContractDataStale", "RollcallCoverageExpiring"
	file := func(name, text string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ago := func(days int) string { return time.Now().AddDate(0, 0, -days).Format(time.DateOnly) }
	c.run("import", "--orders", file("orders.csv", fmt.Sprintf("order_number,organization,product_id,serial,quantity,ordered_on,completed_on\n"+
		"TS-1,,C9300-24T,FOC2502T1QX,1,%s,%s\n", ago(150), ago(110))))
	c.told("activation-overdue", overdue)
	c.importContract(covered, "FOC2502T1QX C9300-24T")
	c.ended(overdue)
	c.run("declare", "set", "--as", "returned", "--by", "test", "--reason", "sent back", "--serial", "FOC2502T1QX")
	c.told("line-not-seen", unseen)
	c.importContract(covered)
	c.ended(unseen)

	const header = "SERIAL NUMBER,CONTRACT NUMBER,SERVICE LEVEL,PRODUCT NUMBER,BEGIN DATE,END DATE\n"
	oneYear := fmt.Sprintf("FOC2502T1QX,204517788,SNT,C9300-24T,%s,%s\n", ago(100), ago(-265))
	c.run("declare", "withdraw", "--serial", "FOC2502T1QX")
	c.run("import", file("204517788.csv", header+oneYear))
	c.told("term-short", short)
	c.importContract(covered)
	c.ended(short)

	// Of one contract a line ends soon, one is of one year, and one is not seen.
	c.run("import", file("204517788.csv", header+oneYear+fmt.Sprintf("FCW2431L0A7,204517788,SNT,C9300-48P,%s,%s\nFOC1947W2QP,204517788,SNT,WS-C2960X-24PS-L,%s,%s\n",
		ago(300), ago(-80), ago(300), ago(-300))))
	c.run("declare", "set", "--as", "returned", "--by", "test", "--reason", "sent back", "--serial", "FOC1947W2QP")
	for _, name := range []string{unseen, short, expiring} {
		c.expect("firing", name)
	}
	c.offset.Store(int64(46 * 24 * time.Hour))
	c.told("contract-data-stale", stale)
	for _, name := range []string{unseen, short, expiring} {
		c.holds(stale, name)
	}
	c.importContract(covered)
	c.ended(stale)
}

func twice(t *testing.T, s *stand) {
	c := s.newScene(t, "twice", 0, nil)
	rows := []string{"FCW2431L0A7 C9300-48P", "FOC1947W2QP WS-C2960X-24PS-L"}
	c.covered(rows[:1], "Main office", device(t, "127.81.9.1", "core-sw1", inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P")))
	c.watch()
	double := device(t, "127.81.9.2", "lab-sw1", inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P"))
	c.startAgent("Lab", "lab", double)
	// What has just come to another place may have moved there: only when both
	// have been asked again it is in two, and unchanged reports make no run.
	c.prom.WaitFor(fmt.Sprintf(`rollcall_nodes{site="Lab",state="complete",collector=%q} == 1`, c.url), some)
	polled := stored(t, c.registry)
	c.until("both devices to be asked again", func() bool { return stored(t, c.registry) >= polled+4 })
	c.importContract(rows...)
	c.told("duplicate-serial", "RollcallDuplicateSerial")
	double.Update(func(d *simdevice.Device) { d.Units[0].Serial = "FCW2431L0C9" })
	c.ended("RollcallDuplicateSerial")
}

// The clock moves through the windows before the end of a contract and past it,
// and the contract is renewed.
func ending(t *testing.T, s *stand) {
	c := s.newScene(t, "ending", 0, nil)
	stop := c.covered([]string{"FCW2431L0A7 C9300-48P"}, "Main office", device(t, "127.81.10.1", "core-sw1", inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P")))
	stop()
	c.watch()
	const expiring, expired = "RollcallCoverageExpiring", "RollcallCoverageExpired"
	const day = 24 * time.Hour
	end := int(time.Until(time.Now().AddDate(4, 0, 0)) / day)
	at := func(days int) { // before the end
		c.offset.Store(int64(end-days+1) * int64(day))
		c.importContract("FCW2431L0A7 C9300-48P", fmt.Sprintf("FOC1947W%03d WS-C2960X-24PS-L", 100+days)) // the data is not stale
	}
	// What is renewed before it ends is settled.
	for _, days := range []int{90, 30} {
		at(days)
		c.expect("firing", expiring, fmt.Sprint("days=", days))
		c.importFile(c.contractFile(8, "FCW2431L0A7 C9300-48P"))
		c.ended(expiring, fmt.Sprint("days=", days))
	}
	settled := len(s.in.lettersWith(c.url, "Settled:"))

	for _, days := range []int{90, 60, 30} {
		at(days)
		c.told(fmt.Sprint("coverage-expiring-", days), expiring, fmt.Sprint("days=", days))
	}
	c.holds(expiring, expiring)
	at(-1)
	c.told("coverage-expired", expired)
	c.holds(expired, expiring)
	if bad := s.in.lettersWith(c.url, "Settled:"); len(bad) > settled {
		t.Errorf("a narrower window, or the end, is told as if all were well:\n%s", bad[settled].Text)
	}
	c.importFile(c.contractFile(8, "FCW2431L0A7 C9300-48P"))
	c.ended(expired)
}

// An agent that cannot reach the collector is told once its reports take as much
// room as a limit of one's own allows, which is in a file of one's own.
func waiting(t *testing.T, s *stand) {
	c := s.newScene(t, "waiting", 0, nil)
	metrics, _ := c.startAgent("Main office", "main-office", device(t, "127.81.11.1", "core-sw1", inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P")))
	c.until("the unit to be seen", func() bool { return len(c.units()) == 1 })
	ofAgent := httptest.NewServer(promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	t.Cleanup(ofAgent.Close)
	s.write("agent-waiting.json", fmt.Sprintf(`[{"targets": [%q]}]`, ofAgent.Listener.Addr().String()))
	c.leave()
	const ratio = `rollcall_agent_spool_bytes / rollcall_agent_spool_max_bytes`
	c.prom.WaitFor(`min_over_time((`+ratio+`)[2s:250ms]) > 0`, some)
	if early := c.prom.Query(`ALERTS{alertname="RollcallAgentSpoolFilling"}`); len(early) > 0 {
		t.Errorf("a spool of which a small part is used is told: %v", early)
	}
	s.write("limits.yml", "groups: [{name: limits, rules: [{record: rollcall_alert_threshold, labels: {name: spool_ratio}, expr: vector(0)}]}]")
	c.prom.Reload()
	c.told("agent-spool-filling", "RollcallAgentSpoolFilling")
	c.startCollector()
	c.ended("RollcallAgentSpoolFilling")
}

// An organization is not judged, for another program keeps the database locked.
// Nobody watches it and its data is stale, too: once the collector is away that
// alone is told.
func unjudged(t *testing.T, s *stand) {
	const day = 24 * time.Hour
	c := s.newScene(t, "unjudged", -100*day, nil)
	sw := device(t, "127.81.12.1", "core-sw1", inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P"))
	stop := c.covered([]string{"FCW2431L0A7 C9300-48P"}, "Main office", sw)
	stop()
	c.offset.Store(int64(-50 * day))
	findings := func() float64 { return sum(t, c.registry, "rollcall_findings") }
	c.until("the next day to be judged", func() bool { return c.units()["FCW2431L0A7"] == "unverified" && findings() >= 2 })
	db, err := sql.Open("sqlite", "file:"+filepath.Join(c.dir, "collector", "rollcall.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	c.offset.Store(0)
	c.watch()
	const old, silent, stale, down = "RollcallResultsOld", "RollcallAgentSilent", "RollcallContractDataStale", "RollcallCollectorDown"
	c.told("results-old", old)
	c.expect("firing", silent)
	c.expect("firing", stale)

	c.leave()
	c.expect("firing", down)
	for _, name := range []string{old, silent, stale} {
		c.holds(down, name)
	}
	if _, err := db.Exec(`ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	c.startCollector()
	c.ended(down)
	c.ended(old)
	c.importContract("FCW2431L0A7 C9300-48P")
	c.ended(stale)
	c.startAgent("Main office", "Main office", sw)
	c.ended(silent)
}

// What the collector itself is to tell does not arrive: neither by mail nor by
// webhook.
func unheard(t *testing.T, s *stand) {
	// Nobody else listens at this address meanwhile.
	_, port, err := net.SplitHostPort(freePort(t))
	if err != nil {
		t.Fatal(err)
	}
	hook, server := net.JoinHostPort("127.81.13.8", port), net.JoinHostPort("127.81.13.9", port)
	c := s.newScene(t, "unheard", -5*time.Hour, func(c *collector.Config) {
		n := &c.Notify
		n.Allow = []string{"127.81.13.8/32"}
		n.Mail.Server, n.Mail.TLS, n.Mail.From, n.Mail.To = server, "none", "rollcall@example.org", []string{"admin@example.org"}
		n.Webhooks = []collector.NotifyWebhook{{Name: "desk", URL: "http://" + hook + "/", Secret: config.Plain("whsec_" + strings.Repeat("A", 32))}}
	})
	c.covered([]string{"FCW2431L0A7 C9300-48P", "FCW2431L0B2 C9300-48P"}, "Main office", device(t, "127.81.13.1", "core-sw1", inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P"), unit("FCW2431L0B2", "C9300-48P")))
	c.importContract("FCW2431L0A7 C9300-48P")
	c.until("the dropped line to be judged", func() bool { return c.units()["FCW2431L0B2"] == "uncovered" })
	c.offset.Store(int64(-3 * time.Hour)) // the mail waits no more for other changes
	c.leave()
	c.startCollector() // looks at once
	waits := func(receiver string) bool {
		return sumWhere(t, c.registry, "rollcall_notify_waiting", "receiver", receiver) > 0
	}
	c.until("mail and webhook to wait", func() bool { return waits("mail") && waits("desk") })
	c.offset.Store(0)
	c.watch()
	const unsent, down = "RollcallMessagesWaiting", "RollcallCollectorDown"
	c.expect("firing", unsent, "receiver=mail")
	c.told("messages-waiting", unsent, "receiver=desk")
	c.leave()
	c.expect("firing", down)
	c.holds(down, unsent)

	var letters, posts atomic.Int32
	peer.ServeMail(t, peer.MailServer{Address: server, Take: func(peer.Letter) error { letters.Add(1); return nil }})
	desk := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { posts.Add(1) }))
	_ = desk.Listener.Close()
	if desk.Listener, err = net.Listen("tcp", hook); err != nil {
		t.Fatal(err)
	}
	desk.Start()
	t.Cleanup(desk.Close)
	c.offset.Store(int64(time.Hour)) // it is time to try again
	c.startCollector()
	c.ended(down)
	c.ended(unsent, "receiver=mail")
	c.ended(unsent, "receiver=desk")
	if letters.Load() != 1 || posts.Load() == 0 {
		t.Errorf("%d mails and %d messages of the webhook came at last, want one mail and each change", letters.Load(), posts.Load())
	}
}

// A webhook is gone for good: what it does not take is given up in time, and that
// is told until nobody wants it to be told any more.
func forsaken(t *testing.T, s *stand) {
	c := s.newScene(t, "forsaken", 0, func(c *collector.Config) {
		c.Notify.Allow = []string{"127.0.0.1/32"}
		c.Notify.Webhooks = []collector.NotifyWebhook{{Name: "desk", URL: "http://127.0.0.1:1/", Secret: config.Plain("whsec_" + strings.Repeat("A", 32))}}
	})
	c.covered([]string{"FCW2431L0A7 C9300-48P"}, "Main office", device(t, "127.81.16.1", "core-sw1", inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P")))
	c.importContract("FOC1947W2QP WS-C2960X-24PS-L")
	c.until("the webhook not to take the change", func() bool { return sumWhere(t, c.registry, "rollcall_notify_failures_total", "receiver", "desk") > 0 })
	c.watch()
	c.offset.Store(int64(4 * 24 * time.Hour))
	c.told("messages-given-up", "RollcallMessagesGivenUp", "receiver=desk")
	c.leave()
	configure := c.configure
	c.configure = func(theirs *collector.Config) { configure(theirs); theirs.Notify.Webhooks = nil }
	c.startCollector()
	c.ended("RollcallMessagesGivenUp")
}
