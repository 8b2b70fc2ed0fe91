package agent

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"rollcall/agent/internal/poll"
	"rollcall/agent/internal/snmp"
	"rollcall/agent/internal/spool"
	"rollcall/agent/internal/sshcli"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second // for what must happen, whenever

// fakePoller answers for the addresses that it knows.
type fakePoller map[string]func(ctx context.Context) (inventory.Device, bool)

func (f fakePoller) Poll(ctx context.Context, n poll.Node) (inventory.Device, bool) {
	if answer, ok := f[n.Address]; ok {
		return answer(ctx)
	}
	return silent(n.Address), false
}

func (fakePoller) Neighbours(context.Context, poll.Node) ([]snmp.Neighbour, []inventory.Problem) {
	return nil, nil
}

func silent(address string) inventory.Device {
	return inventory.Device{
		Address: address, Components: []inventory.Component{},
		Errors: []inventory.Problem{{Kind: inventory.ProblemUnreachable, Via: "snmp", Message: "No answer."}},
	}
}

func device(address string) inventory.Device {
	return inventory.Device{
		Address: address, Name: "sw1", Platform: inventory.PlatformIOS, Complete: true, Via: []string{"snmp"}, Errors: []inventory.Problem{},
		Components: []inventory.Component{{Serial: "FOC0000X001", PID: "WS-C2960X-24TS-L", Class: inventory.ClassChassis, Name: "1", Unit: true, Aliases: []string{}}},
	}
}

func answers(d inventory.Device) func(context.Context) (inventory.Device, bool) {
	return func(context.Context) (inventory.Device, bool) { return d, true }
}

// fakeCollector takes everything, unless away, and tells of each report.
type fakeCollector struct {
	*httptest.Server
	reports chan wire.Report
	mu      sync.Mutex
	away    bool
	batch   wire.Batch // the last
}

func newFakeCollector(t *testing.T) *fakeCollector {
	t.Helper()
	c := &fakeCollector{reports: make(chan wire.Report, 1000)}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		b, err := wire.DecodeBatch(r.Body)
		if c.away || err != nil || r.Header.Get("Authorization") != "Bearer canary-token" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		c.batch = b
		receipt := wire.Receipt{Schema: wire.ReceiptSchema}
		for _, rep := range b.Reports {
			c.reports <- rep
			receipt.Results = append(receipt.Results, wire.Result{ReportID: rep.ReportID, Status: wire.Stored})
		}
		w.Header().Set("Content-Type", wire.ReceiptType)
		_ = json.NewEncoder(w).Encode(receipt)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *fakeCollector) setAway(away bool) {
	c.mu.Lock()
	c.away = away
	c.mu.Unlock()
}

func (c *fakeCollector) next(t *testing.T) wire.Report {
	t.Helper()
	select {
	case r := <-c.reports:
		return r
	case <-time.After(patience):
		t.Fatal("no report came")
		panic("unreachable")
	}
}

func testConfig(t *testing.T, url string, targets ...string) Config {
	t.Helper()
	c := DefaultConfig()
	c.Name = "agent-1"
	c.DataDir = filepath.Join(t.TempDir(), "data")
	c.Collector = CollectorConfig{URL: url, Token: config.Plain("canary-token")}
	c.Credentials = []Credential{{Name: "ro", SNMP: &SNMPCredential{Community: config.Plain("canary-community")}}}
	for _, target := range targets {
		c.Targets = append(c.Targets, Target{Address: target})
	}
	return c
}

func newAgent(t *testing.T, c Config, p poller, opt Options) *Agent {
	t.Helper()
	opt.FirstPollNow = true
	a, err := New(c, opt)
	if err != nil {
		t.Fatal(err)
	}
	a.newPoller = func(*sshcli.HostKeys, *poll.Memory, *slog.Logger) poller { return p }
	return a
}

// start runs the agent; the returned function stops it and holds that it stops
// in time.
func start(t *testing.T, a *Agent) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			began := time.Now()
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run returned %v", err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("stopping took %s, want 10s at most", took)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func TestRunReports(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := newFakeCollector(t)
	cfg := testConfig(t, c.URL, "192.0.2.1", "192.0.2.2")
	cfg.Interval = config.Duration(2 * time.Hour)
	a := newAgent(t, cfg, fakePoller{"192.0.2.1": answers(device("192.0.2.1"))}, Options{Version: "1.2.3", Now: func() time.Time { return now }})
	stop := start(t, a)
	got := map[string]wire.Report{}
	for range 2 {
		r := c.next(t)
		got[r.Device.Address] = r
	}
	stop()
	seen := got["192.0.2.1"]
	if err := seen.Validate(); err != nil {
		t.Error(err)
	}
	if !seen.Answered || !seen.PolledAt.Equal(now) || seen.Fingerprint != device("192.0.2.1").Fingerprint() || seen.Epoch != now.UnixMilli() {
		t.Errorf("report %+v", seen)
	}
	if diff := cmp.Diff(device("192.0.2.1"), seen.Device); diff != "" {
		t.Errorf("device (-want +got):\n%s", diff)
	}
	gone := got["192.0.2.2"]
	if gone.Answered || len(gone.Device.Errors) != 1 || gone.ReportID == seen.ReportID || gone.Seq == seen.Seq {
		t.Errorf("report of the silent device %+v, want one of its own with the problem", gone)
	}
	if c.batch.Agent != "agent-1" || c.batch.Version != "1.2.3" || c.batch.Interval != 7200 {
		t.Errorf("envelope %+v", c.batch)
	}
}

// What cannot be delivered is kept over a restart, and delivered before what
// comes later.
func TestRunKeepsReportsWhileTheCollectorIsAway(t *testing.T) {
	c := newFakeCollector(t)
	c.setAway(true)
	cfg := testConfig(t, c.URL, "192.0.2.1")
	polled := make(chan struct{}, 10)
	p := fakePoller{"192.0.2.1": func(context.Context) (inventory.Device, bool) {
		polled <- struct{}{}
		return device("192.0.2.1"), true
	}}
	stop := start(t, newAgent(t, cfg, p, Options{}))
	wait(t, polled)
	stop()
	if len(c.reports) != 0 {
		t.Fatal("a report came through")
	}
	c.setAway(false)
	stop = start(t, newAgent(t, cfg, p, Options{}))
	first, second := c.next(t), c.next(t)
	stop()
	if first.Seq != 1 || second.Seq != 2 || first.Epoch != second.Epoch {
		t.Errorf("reports %d and %d, want 1 and 2 of one epoch", first.Seq, second.Seq)
	}
}

func wait(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal("nothing happened")
	}
}

func TestRunSweep(t *testing.T) {
	c := newFakeCollector(t)
	cfg := testConfig(t, c.URL, "192.0.2.0/29", "192.0.2.6") // .6 is listed as well
	printer := inventory.Device{Address: "192.0.2.3", Platform: inventory.PlatformUnknown, Components: []inventory.Component{}, Errors: []inventory.Problem{}}
	linux := inventory.Device{Address: "192.0.2.4", Errors: []inventory.Problem{{Kind: inventory.ProblemCredentialRefused, Via: "ssh", Message: "The password is wrong."}}}
	p := fakePoller{
		"192.0.2.2": answers(device("192.0.2.2")),
		"192.0.2.3": answers(printer),
		"192.0.2.4": func(context.Context) (inventory.Device, bool) { return linux, false },
	}
	a := newAgent(t, cfg, p, Options{})
	stop := start(t, a)
	got := map[string]bool{}
	for range 2 {
		r := c.next(t)
		got[r.Device.Address] = r.Answered
	}
	eventually(t, func() bool { return testutil.ToFloat64(a.metrics.polls.WithLabelValues(resultSilent)) == 4 })
	stop()
	if diff := cmp.Diff(map[string]bool{"192.0.2.2": true, "192.0.2.6": false}, got); diff != "" || len(c.reports) > 0 {
		t.Errorf("%d more reports; answered by address (-want +got):\n%s", len(c.reports), diff)
	}

	// After a restart the device that was found is missed; the others are not.
	delete(p, "192.0.2.2")
	a = newAgent(t, cfg, p, Options{})
	stop = start(t, a)
	got = map[string]bool{}
	for range 2 {
		r := c.next(t)
		got[r.Device.Address] = r.Answered
	}
	stop()
	if diff := cmp.Diff(map[string]bool{"192.0.2.2": false, "192.0.2.6": false}, got); diff != "" {
		t.Errorf("after a restart, answered by address (-want +got):\n%s", diff)
	}
}

func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		if cond() {
			return
		}
	}
	t.Fatal("did not happen")
}

// A panic over what one device sent costs the report of that device alone.
func TestRunSurvivesAPanic(t *testing.T) {
	c := newFakeCollector(t)
	a := newAgent(t, testConfig(t, c.URL, "192.0.2.1", "192.0.2.2"), fakePoller{
		"192.0.2.1": func(context.Context) (inventory.Device, bool) { panic("index out of range") },
		"192.0.2.2": answers(device("192.0.2.2")),
	}, Options{})
	stop := start(t, a)
	for range 2 {
		r := c.next(t)
		if r.Device.Address == "192.0.2.1" && (r.Device.Complete || !r.Answered || len(r.Device.Errors) != 1) {
			t.Errorf("report %+v, want an incomplete one that proves no absence", r)
		}
	}
	stop()
	if n := testutil.ToFloat64(a.metrics.polls.WithLabelValues(resultFailed)); n != 1 {
		t.Errorf("%v failed polls are counted, want 1", n)
	}
}

// A poll that is cut off by the stop makes no report: it says nothing about the
// device.
func TestRunStopAbandonsPolls(t *testing.T) {
	c := newFakeCollector(t)
	began := make(chan struct{}, 1)
	a := newAgent(t, testConfig(t, c.URL, "192.0.2.1"), fakePoller{"192.0.2.1": func(ctx context.Context) (inventory.Device, bool) {
		began <- struct{}{}
		<-ctx.Done()
		return silent("192.0.2.1"), false
	}}, Options{})
	stop := start(t, a)
	wait(t, began)
	stop() // holds that it takes 10 s at most
	if len(c.reports) != 0 {
		t.Errorf("an abandoned poll made the report %+v", <-c.reports)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

func TestMetricsAndHealth(t *testing.T) {
	c := newFakeCollector(t)
	c.setAway(true)
	cfg := testConfig(t, c.URL, "192.0.2.1")
	cfg.Metrics.Listen = "127.0.0.1:0"
	var log strings.Builder
	a := newAgent(t, cfg, fakePoller{"192.0.2.1": answers(device("192.0.2.1"))}, Options{
		Version: "1.2.3", Log: slog.New(slog.NewTextHandler(&lockedWriter{w: &log}, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	stop := start(t, a)
	eventually(t, func() bool { return testutil.ToFloat64(a.metrics.uploads.WithLabelValues("failed")) > 0 })
	status, body := get(t, "http://"+a.Addr()+"/metrics")
	for _, want := range []string{
		`rollcall_agent_build_info{version="1.2.3"} 1`, `rollcall_agent_polls_total{result="complete"} 1`, `rollcall_agent_spool_reports 1`,
		`rollcall_agent_spool_dropped_total{reason="full"} 0`, `rollcall_agent_addresses{kind="listed"} 1`, `rollcall_agent_reports_total{status="stored"} 0`,
		`rollcall_agent_spool_oldest_timestamp_seconds`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics (%d) lacks %s", status, want)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.Addr()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/openmetrics-text;") {
		t.Errorf("who asks for OpenMetrics gets %s", kind)
	}
	healthStatus, healthBody := get(t, "http://"+a.Addr()+"/healthz")
	if healthStatus != http.StatusOK || !strings.Contains(healthBody, `"spool_reports":1`) || !strings.Contains(healthBody, "502") {
		t.Errorf("/healthz answers %d %s, want 200, one report and the collector's 502", healthStatus, healthBody)
	}
	stop()
	for _, text := range []string{body, healthBody, log.String()} {
		if strings.Contains(text, "canary") {
			t.Errorf("a secret is in %s", text)
		}
	}
	problems, err := testutil.GatherAndLint(a.opt.Registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v %v", problems, err)
	}
}

// The file of Prometheus' exporter toolkit stands before all that is served.
func TestMetricsBehindPassword(t *testing.T) {
	cfg := testConfig(t, newFakeCollector(t).URL, "192.0.2.1")
	cfg.Metrics = MetricsConfig{Listen: "127.0.0.1:0", WebConfigFile: filepath.Join("testdata", "web.yml")}
	a := newAgent(t, cfg, fakePoller{"192.0.2.1": answers(device("192.0.2.1"))}, Options{})
	defer start(t, a)()
	eventually(t, func() bool { return a.Addr() != "" })
	for _, path := range []string{"/metrics", "/healthz"} {
		if status, _ := get(t, "http://"+a.Addr()+path); status != http.StatusUnauthorized {
			t.Errorf("%s without a password: status %d", path, status)
		}
		if status, body := get(t, "http://prometheus:scrape%20it@"+a.Addr()+path); status != http.StatusOK || body == "" {
			t.Errorf("%s with the password: status %d\n%s", path, status, body)
		}
	}
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func TestRunFails(t *testing.T) {
	c := newFakeCollector(t)
	tests := []struct {
		name string
		edit func(*testing.T, *Config)
		want string
	}{
		{"secret missing", func(_ *testing.T, c *Config) { c.Collector.Token = config.Reference("env:ROLLCALL_TEST_NONE") }, "collector.token: cannot read env:"},
		{"spool in use", func(t *testing.T, c *Config) {
			c.DataDir = t.TempDir()
			s, err := spool.Open(filepath.Join(c.DataDir, spoolFile), spool.Options{Ballast: -1})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
		}, "another rollcall-agent is using it"},
		{"data_dir is a file", func(t *testing.T, c *Config) { c.DataDir = writeFile(t, "data", "x", 0o600) }, "cannot make data_dir"},
		{"port in use", func(_ *testing.T, cfg *Config) { cfg.Metrics.Listen = c.Listener.Addr().String() }, "cannot serve metrics.listen"},
		{"no authority in ca_file", func(t *testing.T, c *Config) { c.Collector.CAFile = writeFile(t, "ca.pem", "x", 0o600) }, "no PEM certificate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig(t, c.URL, "192.0.2.1")
			tt.edit(t, &cfg)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := newAgent(t, cfg, fakePoller{}, Options{}).Run(ctx)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %q", err, tt.want)
			}
		})
	}
}

func TestPing(t *testing.T) {
	c := newFakeCollector(t)
	a := newAgent(t, testConfig(t, c.URL, "192.0.2.1"), fakePoller{}, Options{})
	if err := a.Ping(t.Context()); err != nil {
		t.Errorf("error %v, want none", err)
	}
	c.setAway(true)
	if err := a.Ping(t.Context()); err == nil {
		t.Error("no error though the collector is away")
	}
}

func TestTasksAreUnique(t *testing.T) {
	cfg := testConfig(t, "https://rollcall.example.org", "192.0.2.0/30", "192.0.2.1", "192.0.2.2-192.0.2.3", "sw1", "SW1.")
	cfg.Targets[1].SNMPPort = 1161
	r, err := newRoster(cfg)
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		Address string
		Sweep   bool
		Port    int
		Retries int
	}
	var got []row
	for _, tk := range r.all() {
		got = append(got, row{tk.node.Address, tk.sweep, tk.node.SNMPPort, tk.node.Retries})
	}
	want := []row{{"192.0.2.1", false, 1161, 2}, {"192.0.2.2", true, 0, 1}, {"192.0.2.3", true, 0, 1}, {"sw1", false, 0, 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
}
