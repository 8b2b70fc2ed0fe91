package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/agent"
	"rollcall/collector"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
	"rollcall/pkg/simdevice"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
)

const (
	organizationName = "Riverside Food Bank"
	organizationID   = "riverside-food-bank"
	patience         = 3 * time.Minute
)

// A line is the whole way of the data within one test.
type line struct {
	t         *testing.T
	dir       string
	listen    string
	collector *collector.Collector
	registry  *prometheus.Registry
	tokens    map[string]string // by agent
	clock     func() time.Time  // of agents; nil is the machine's
	log       *slog.Logger      // of both; nil logs nothing
	now       func() time.Time  // the collector's clock; nil is the machine's
	configure func(*collector.Config)

	organization string // its name; "" is organizationName
}

// owner is the name of the line's organization.
func (l *line) owner() string {
	if l.organization == "" {
		return organizationName
	}
	return l.organization
}

func newLine(t *testing.T) *line {
	t.Helper()
	l := &line{t: t, dir: t.TempDir(), listen: "127.0.0.1:0", tokens: map[string]string{}}
	l.startCollector()
	t.Cleanup(l.stopCollector)
	return l
}

// startCollector begins another life of the collector on the same data and,
// after the first, the same address.
func (l *line) startCollector() {
	l.t.Helper()
	c := collector.DefaultConfig()
	c.Listen, c.DataDir = l.listen, filepath.Join(l.dir, "collector")
	c.Login = collector.LoginOff
	if l.configure != nil {
		l.configure(&c)
	}
	l.registry = prometheus.NewRegistry()
	col, err := collector.New(c, collector.Options{Registry: l.registry, Log: l.log, Now: l.now})
	if err != nil {
		l.t.Fatal(err)
	}
	if err := col.Start(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	l.collector, l.listen = col, col.Addr()
}

func (l *line) stopCollector() {
	if err := l.collector.Stop(); err != nil {
		l.t.Errorf("collector: %v", err)
	}
}

// startAgent polls the devices every second. The returned function ends the
// agent, which first brings away what it has; it can be started again.
func (l *line) startAgent(site, name string, devices ...*simdevice.Server) (registry *prometheus.Registry, stop func()) {
	l.t.Helper()
	token, joined := l.tokens[name]
	if !joined {
		var err error
		if token, err = l.collector.InviteAgent(l.t.Context(), l.owner(), site, name); err != nil {
			l.t.Fatal(err)
		}
		l.tokens[name] = token
	}
	c := agent.DefaultConfig()
	c.Name, c.DataDir = name, filepath.Join(l.dir, name)
	c.Collector.URL, c.Collector.Token = "http://"+l.listen, config.Plain(token)
	c.Interval, c.StartSpread = config.Duration(time.Second), 0
	c.Credentials = []agent.Credential{
		{Name: "v3", SNMP: &agent.SNMPCredential{
			User: v3User.User, AuthProtocol: v3User.AuthProtocol, AuthPassword: config.Plain(v3User.AuthPassword),
			PrivProtocol: v3User.PrivProtocol, PrivPassword: config.Plain(v3User.PrivPassword),
		}},
		{Name: "ssh", SSH: &agent.SSHCredential{User: "rollcall", Password: config.Plain("an-ssh-password")}},
	}
	for _, d := range devices {
		host, port := split(l.t, d.SNMPAddr())
		target := agent.Target{Address: host, SNMPPort: port, Timeout: config.Duration(2 * time.Second)}
		if d.SSHAddr() != "" {
			_, target.SSHPort = split(l.t, d.SSHAddr())
		}
		c.Targets = append(c.Targets, target)
	}
	registry = prometheus.NewRegistry()
	a, err := agent.New(c, agent.Options{Registry: registry, FirstPollNow: true, Now: l.clock, Log: l.log})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(l.t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-done; err != nil {
			l.t.Errorf("agent %s: %v", name, err)
		}
	}
	l.t.Cleanup(stop)
	return registry, stop
}

func (l *line) importContract(rows ...string) {
	l.t.Helper()
	l.importFile(l.contractFile(4, rows...))
}

func (l *line) importFile(path string) {
	l.t.Helper()
	refused, err := l.collector.ImportContract(l.t.Context(), l.owner(), path)
	if err != nil || len(refused) > 0 {
		l.t.Fatalf("import: %v, refused %v", err, refused)
	}
}

// contractFile writes a contract that ends in some years, each row as "SERIAL
// PID".
func (l *line) contractFile(years int, rows ...string) (path string) {
	l.t.Helper()
	path = filepath.Join(l.t.TempDir(), "204517788.csv")
	text := "SERIAL NUMBER,CONTRACT NUMBER,SERVICE LEVEL,PRODUCT NUMBER,BEGIN DATE,END DATE\n"
	for _, r := range rows {
		serial, pid, _ := strings.Cut(r, " ")
		text += fmt.Sprintf("%s,204517788,SNT,%s,%s,%s\n", serial, pid,
			time.Now().AddDate(-1, 0, 0).Format(time.DateOnly), time.Now().AddDate(years, 0, 0).Format(time.DateOnly))
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return path
}

var v3User = simdevice.V3User{
	User: "rollcall", AuthProtocol: "SHA256", AuthPassword: "an-auth-password", PrivProtocol: "AES", PrivPassword: "a-priv-password",
}

// device starts one at an address of its own, as each node has one.
func device(t *testing.T, host, name, platform string, units ...simdevice.Unit) *simdevice.Server {
	t.Helper()
	s, err := simdevice.Start(simdevice.Device{
		Name: name, Platform: platform, Software: "17.9.4", Units: units,
		V3: []simdevice.V3User{v3User}, SSHUser: "rollcall", SSHPassword: "an-ssh-password",
	}, simdevice.Options{SNMPAddr: host + ":0", SSHAddr: host + ":0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func unit(serial, pid string) simdevice.Unit {
	return simdevice.Unit{Serial: serial, PID: pid, VID: "V01"}
}

// Two agents, a collector and a real Prometheus, which is asked for the units
// without cover.
func TestUncoveredUnitsInPrometheus(t *testing.T) {
	l := newLine(t)
	prometheus := peer.StartPrometheus(t, l.listen)
	l.startAgent("Main office", "main-office",
		device(t, "127.81.1.1", "core-sw1", inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P"), unit("FCW2431L0B2", "C9300-48P"), unit("FOC2502T1QX", "C9300-24T")),
		device(t, "127.81.1.2", "fw1", inventory.PlatformASA, unit("JMX2251Y0GH", "ASA5516")))
	l.startAgent("Warehouse", "warehouse",
		device(t, "127.81.2.1", "nx1", inventory.PlatformNXOS, unit("FDO24120HQ9", "N9K-C93180YC-FX")),
		device(t, "127.81.2.2", "wh-sw1", inventory.PlatformIOS, unit("FOC1947W2QP", "WS-C2960X-24PS-L")))
	l.importContract("FCW2431L0A7 C9300-48P", "FCW2431L0B2 C9300-48P", "JMX2251Y0GH ASA5516", "FDO24120HQ9 N9K-C93180YC-FX")

	vector := prometheus.WaitFor(`rollcall_units{coverage="uncovered"} > 0`, func(v model.Vector) bool { return len(v) == 2 })
	got := map[string]float64{}
	for _, s := range vector {
		got[string(s.Metric["organization"]+"/"+s.Metric["site"])] = float64(s.Value)
	}
	if diff := cmp.Diff(map[string]float64{organizationID + "/Main office": 1, organizationID + "/Warehouse": 1}, got); diff != "" {
		t.Errorf("uncovered units by site (-want +got):\n%s", diff)
	}
	serials := map[string]string{}
	for _, s := range prometheus.Query(`rollcall_finding_info{kind="uncovered_unit"}`) {
		serials[string(s.Metric["serial"])] = string(s.Metric["node"])
	}
	if diff := cmp.Diff(map[string]string{"FOC2502T1QX": "core-sw1", "FOC1947W2QP": "wh-sw1"}, serials); diff != "" {
		t.Errorf("uncovered units by serial (-want +got):\n%s", diff)
	}
	covered := prometheus.Query(`sum(rollcall_units{coverage="covered"})`)
	if len(covered) != 1 || covered[0].Value != 4 {
		t.Errorf("covered units: %v, want 4", covered)
	}
}

// While the collector is away reports wait on disk; afterwards each is stored
// once, and what changed meanwhile is known.
func TestCollectorAway(t *testing.T) {
	l := newLine(t)
	sw := device(t, "127.81.3.1", "core-sw1", inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P"), unit("FCW2431L0B2", "C9300-48P"))
	other := device(t, "127.81.3.2", "acc-sw1", inventory.PlatformIOS, unit("FOC1947W2QP", "WS-C2960X-24PS-L"))
	metrics, stopAgent := l.startAgent("Main office", "main-office", sw, other)
	l.importContract("FCW2431L0A7 C9300-48P", "FCW2431L0B2 C9300-48P", "FOC1947W2QP WS-C2960X-24PS-L")
	l.until("both devices to be seen", func() bool { return len(l.units()) == 3 })

	firstLife := l.registry
	l.stopCollector()
	polledBefore := sum(t, metrics, "rollcall_agent_polls_total")
	sw.Update(func(d *simdevice.Device) { d.Units[1].Serial = "FCW2718H7KD" })
	l.until("a dozen reports to wait in the spool", func() bool { return sum(t, metrics, "rollcall_agent_spool_reports") >= 12 })
	if polled := sum(t, metrics, "rollcall_agent_polls_total"); polled <= polledBefore {
		t.Errorf("%v polls before and %v after the collector left, want more", polledBefore, polled)
	}
	l.startCollector()
	l.until("the spool to drain and the new serial to be seen", func() bool {
		return l.units()["FCW2718H7KD"] != "" && sum(t, metrics, "rollcall_agent_spool_reports") == 0
	})
	stopAgent()

	polls := sum(t, metrics, "rollcall_agent_polls_total")
	stored := stored(t, firstLife) + stored(t, l.registry)
	if lost := sum(t, metrics, "rollcall_agent_reports_lost_total"); polls != stored || lost != 0 {
		t.Errorf("%v polls, %v reports stored, %v lost: want each poll stored once", polls, stored, lost)
	}
	want := map[string]string{"FCW2431L0A7": "covered", "FCW2718H7KD": "rma_pending", "FOC1947W2QP": "covered"}
	l.until("the swap to be judged", func() bool { return cmp.Equal(want, l.units()) })
	if diff := cmp.Diff(want, l.units()); diff != "" {
		t.Errorf("units (-want +got):\n%s", diff)
	}
}

// units are the coverages by serial, as the API has them.
func (l *line) units() map[string]string {
	l.t.Helper()
	resp, err := http.Get("http://" + l.listen + "/api/v1/units")
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	var answer struct {
		Units []struct{ Serial, Coverage string }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		l.t.Fatalf("units: %v\n%s", err, body)
	}
	units := map[string]string{}
	for _, u := range answer.Units {
		units[u.Serial] = u.Coverage
	}
	return units
}

// until asks ten times a second until done says so.
func (l *line) until(what string, done func() bool) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			l.t.Fatalf("waited %s for %s in vain; units are %v", patience, what, l.units())
		case <-tick.C:
		}
	}
}
