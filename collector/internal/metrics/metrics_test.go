package metrics_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"rollcall/collector/internal/metrics"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
	"rollcall/pkg/wire"
)

var update = flag.Bool("update", false, "write golden files anew")

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// hostile are the payloads that devices and files may carry, one per way to
// break a page, a log or the text format of Prometheus.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`,
	"\x1b[31mred\x1b[0m", "\x1b]8;;http://192.0.2.1/\x07link\x1b]8;;\x07", "\x1b]52;c;aGk=\x07",
	"safe\u202egnp.exe", "zero\u200bwidth", `=cmd|'/C calc'!A0`, "+1", "-1", "@x", "\tx", "\rx",
	`{{template "x"}}`, `%s%n`, "a\r\nrollcall_units 9\r\n", `quote" }`, `back\slash`, "new\nline",
	"bad\xff\xfeutf8", strings.Repeat("long ", 100), strings.Repeat("é", 200), "",
}

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{DataDir: t.TempDir(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func newAgent(t testing.TB, s *store.Store, org, site, name string) store.Agent {
	t.Helper()
	a, _, err := s.CreateAgent(context.Background(), org, site, name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func saveResult(t testing.TB, s *store.Store, org string, r reconcile.Result) {
	t.Helper()
	if err := s.SaveResult(context.Background(), org, r); err != nil {
		t.Fatal(err)
	}
}

// sendReports makes three nodes: one read completely, one not, one silent.
func sendReports(t testing.TB, s *store.Store, a store.Agent) {
	t.Helper()
	batch := wire.Batch{Schema: wire.BatchSchema, Agent: a.Name, SentAt: now, Interval: 3600}
	for i, r := range []wire.Report{{Answered: true}, {Answered: true}, {Answered: false}} {
		r.Device = inventory.Device{
			Address: fmt.Sprintf("192.0.2.%d", i+1), Platform: inventory.PlatformIOS, Complete: i == 0,
			Components: []inventory.Component{}, Via: []string{}, Errors: []inventory.Problem{},
		}
		if r.Answered {
			r.Device.Components = append(r.Device.Components, inventory.Component{
				Serial: fmt.Sprintf("FCW0000A00%d", i), PID: "C9300-48P", Class: inventory.ClassChassis, Unit: true, Aliases: []string{},
			})
		}
		r.ReportID, r.Epoch, r.Seq, r.PolledAt = fmt.Sprintf("report-%d", i), 1, int64(i+1), now
		r.Fingerprint = r.Device.Fingerprint()
		batch.Reports = append(batch.Reports, r)
	}
	receipt, err := s.SaveReports(context.Background(), a, batch)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range receipt.Results {
		if r.Status != wire.Stored {
			t.Fatalf("report %s: %s %s", r.ReportID, r.Status, r.Reason)
		}
	}
}

// fill makes a store with a little of everything.
func fill(t testing.TB, s *store.Store) {
	t.Helper()
	a := newAgent(t, s, "Riverside Food Bank", "Main", "agent-1")
	newAgent(t, s, "Riverside Food Bank", "Depot", "agent-1")
	newAgent(t, s, "Hill School", "Main", "agent-1")
	sendReports(t, s, a)
	saveResult(t, s, a.Organization, reconcile.Result{
		Units: []reconcile.Unit{
			{Serial: "FCW0000A000", PID: "C9300-48P", Site: "Main", Class: inventory.ClassChassis, Coverage: reconcile.Covered},
			{Serial: "FCW0000A001", PID: "C9300-48P", Site: "Main", Class: inventory.ClassChassis, Coverage: reconcile.Uncovered},
			{Serial: "FCW0000A002", PID: "C9300-48P", Site: "Main", Class: inventory.ClassModule, Coverage: reconcile.Uncovered},
		},
		Findings: []reconcile.Finding{
			{Key: "a", Kind: reconcile.UncoveredUnit, Severity: reconcile.Critical, Site: "Main", Node: "sw1", Serial: "FCW0000A001", PID: "C9300-48P"},
			{Key: "b", Kind: reconcile.UncoveredUnit, Severity: reconcile.Critical, Site: "Main", Node: "sw2", Serial: "FCW0000A002", PID: "C9300-48P"},
			{Key: "c", Kind: reconcile.DataStale, Severity: reconcile.Warning, Contract: "2041234"},
		},
		Figures: reconcile.Figures{
			Contracts: []reconcile.ContractFigures{{
				Contract: "2041234", Imported: now.Add(-24 * time.Hour), NextEnd: "2026-01-31", LastEnd: "2027-01-31", Window: 30,
				Lines: map[reconcile.LineState]int{reconcile.LineMatched: 2, reconcile.LineUnmatched: 1, reconcile.LineLicence: 0, reconcile.LineQuantity: 0},
				Units: map[reconcile.Coverage]int{reconcile.Covered: 1, reconcile.Expiring: 1, reconcile.Expired: 0, reconcile.Future: 0},
			}},
			Donated:   map[reconcile.DonationState]int{reconcile.DonationOnContract: 3, reconcile.DonationOverdue: 1},
			TermShort: 2,
		},
	})
}

// TestCollect holds a whole scrape against testdata/metrics.txt.
func TestCollect(t *testing.T) {
	s := openStore(t)
	fill(t, s)
	c := metrics.New(s, metrics.Options{Version: "1.2.3", Settings: reconcile.DefaultSettings()})
	got := strings.ReplaceAll(scrape(t, c), runtime.Version(), "GOVERSION")
	path := filepath.Join("testdata", "metrics.txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	promtool(t, got)
}

// TestHandler asks as Prometheus does: for all, for one organization, and in
// either format.
func TestHandler(t *testing.T) {
	s := openStore(t)
	fill(t, s)
	c := metrics.New(s, metrics.Options{Settings: reconcile.DefaultSettings()})
	registry := prometheus.NewPedanticRegistry()
	internal := prometheus.NewCounter(prometheus.CounterOpts{Name: "rollcall_internal_total", Help: "Of the collector's own work."})
	registry.MustRegister(c, internal)
	handler := c.Handler(registry, promhttp.HandlerOpts{})
	tests := []struct {
		name, query, accept string
		status              int
		has, hasNot         []string
	}{
		{"all", "", "", 200, []string{`organization="hill-school"`, `organization="riverside-food-bank"`, "rollcall_internal_total 0"}, []string{"# EOF"}},
		{"one organization", "?organization=hill-school", "", 200, []string{`organization="hill-school"`, "rollcall_build_info", "rollcall_setting_stale_seconds"}, []string{"riverside", "rollcall_internal_total"}},
		{"the other", "?organization=riverside-food-bank", "", 200, []string{"rollcall_finding_info{", `contract="2041234"`}, []string{"hill-school"}},
		{"OpenMetrics", "?organization=hill-school", "application/openmetrics-text; version=1.0.0", 200, []string{`organization="hill-school"`, "# EOF"}, []string{"riverside"}},
		{"OpenMetrics of all", "", "application/openmetrics-text; version=1.0.0", 200, []string{"# TYPE rollcall_internal counter", "# EOF"}, nil},
		{"unknown", "?organization=nobody", "", 404, []string{"no organization of that ID"}, []string{"riverside", "hill-school", "rollcall_units"}},
		{"empty", "?organization=", "", 400, []string{"one organization by its ID"}, []string{"rollcall_units"}},
		{"two", "?organization=hill-school&organization=riverside-food-bank", "", 400, []string{"one organization by its ID"}, []string{"rollcall_units"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/metrics"+tt.query, nil)
			r.Header.Set("Accept", tt.accept)
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, r)
			body := answer.Body.String()
			if answer.Code != tt.status {
				t.Errorf("status %d, want %d: %s", answer.Code, tt.status, body)
			}
			for _, want := range tt.has {
				if !strings.Contains(body, want) {
					t.Errorf("no %s in:\n%s", want, body)
				}
			}
			for _, not := range tt.hasNot {
				if strings.Contains(body, not) {
					t.Errorf("%s is in:\n%s", not, body)
				}
			}
		})
	}
}

// TestHandlerInFlight: a scrape of one organization counts as any other.
func TestHandlerInFlight(t *testing.T) {
	s := fake{snapshot: organizations("a"), entered: make(chan struct{}), leave: make(chan struct{})}
	handler := metrics.New(s, metrics.Options{}).Handler(prometheus.NewRegistry(), promhttp.HandlerOpts{MaxRequestsInFlight: 1})
	ask := func() int {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics?organization=a", nil))
		return answer.Code
	}
	first := make(chan int)
	go func() { first <- ask() }()
	<-s.entered
	if code := ask(); code != http.StatusServiceUnavailable {
		t.Errorf("status %d of the second, want 503", code)
	}
	close(s.leave)
	if code := <-first; code != http.StatusOK {
		t.Errorf("status %d of the first, want 200", code)
	}
	if code := ask(); code != http.StatusOK {
		t.Errorf("status %d of the next, want 200", code)
	}
}

// TestFindingsAreReadOncePerRun: a finding holds pages of text, and a scrape
// every 15 seconds of 100,000 must not read them all.
func TestFindingsAreReadOncePerRun(t *testing.T) {
	s := fake{
		snapshot: organizations("a", "b"), reads: map[string]int{},
		findings: []store.Finding{{ID: 1, Organization: "a", Finding: reconcile.Finding{Kind: reconcile.WeakAccess, Severity: reconcile.Info}}},
	}
	c := metrics.New(&s, metrics.Options{})
	scrape(t, c)
	s.findings = nil
	if text := scrape(t, c); !strings.Contains(text, "rollcall_finding_info{") {
		t.Error("a finding is gone before a run resolved it")
	}
	s.snapshot.Runs[0].At = now.Add(time.Millisecond)
	if text := scrape(t, c); strings.Contains(text, "rollcall_finding_info{") {
		t.Error("a finding is shown after a run resolved it")
	}
	s.findings = []store.Finding{{ID: 2, Organization: "b", Finding: reconcile.Finding{Kind: reconcile.UncoveredUnit, Severity: reconcile.Info}}}
	s.snapshot.Runs[1].At = now.Add(time.Millisecond)
	if text := scrape(t, c); !strings.Contains(text, `finding="2"`) {
		t.Error("a finding of another organization's run is not shown")
	}
	if diff := cmp.Diff(map[string]int{"a": 2, "b": 2}, s.reads); diff != "" {
		t.Errorf("reads of findings (-want +got):\n%s", diff)
	}
	s.snapshot.Runs = s.snapshot.Runs[1:]
	if text := scrape(t, c); strings.Contains(text, `organization="a"`) {
		t.Error("an organization that has gone is shown")
	}
}

// TestBoundedContracts: numbers of contracts come from files.
func TestBoundedContracts(t *testing.T) {
	s := fake{snapshot: organizations("a")}
	f := store.Figures{Organization: "a"}
	for i := range 10 {
		f.Contracts = append(f.Contracts, reconcile.ContractFigures{Contract: fmt.Sprint(i), Imported: now})
	}
	s.snapshot.Figures = []store.Figures{f}
	text := scrape(t, metrics.New(s, metrics.Options{Contracts: 3}))
	if n := strings.Count(text, "\nrollcall_contract_data_imported_timestamp_seconds{"); n != 3 {
		t.Errorf("%d contracts have series, want 3", n)
	}
	if want := `rollcall_contracts_omitted{organization="a"} 7`; !strings.Contains(text, want) {
		t.Errorf("no %s in:\n%s", want, text)
	}
}

// scrape returns what Prometheus would read.
func scrape(t testing.TB, c prometheus.Collector) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

func promtool(t *testing.T, text string) {
	t.Helper()
	cmd := exec.Command(peer.Need(t, "promtool", "prometheus"), "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

func TestHostileLabels(t *testing.T) {
	s := openStore(t)
	a := newAgent(t, s, "Riverside Food Bank", "Main", "agent-1")
	var r reconcile.Result
	for i, p := range hostile {
		p = strings.ToValidUTF8(p, "\uFFFD") // what the store's JSON does; TestClean has the raw bytes
		r.Units = append(r.Units, reconcile.Unit{Serial: p, PID: p, Site: p, Node: p, Coverage: reconcile.Uncovered})
		r.Findings = append(r.Findings, reconcile.Finding{
			Key: fmt.Sprint(i), Kind: reconcile.UncoveredUnit, Severity: reconcile.Critical, Subject: p, Site: p, Node: p, Serial: p, PID: p, Contract: p,
		})
	}
	saveResult(t, s, a.Organization, r)
	text := scrape(t, metrics.New(s, metrics.Options{}))
	promtool(t, text)
	if got := strings.Count(text, "\nrollcall_finding_info{"); got != len(hostile) {
		t.Errorf("%d finding series, want %d", got, len(hostile))
	}
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "rollcall_") && line != "" {
			t.Errorf("a payload made a line of its own: %q", line)
		}
		if strings.ContainsAny(line, "\x1b\x07\r\u202e\u200b") {
			t.Errorf("control characters in %q", line)
		}
	}
}

// TestNamesThatCleanToOne has two sites and two agents that differ only in what
// cleaning takes away; a series that is there twice would fail the scrape.
func TestNamesThatCleanToOne(t *testing.T) {
	s := fake{snapshot: organizations("a")}
	s.snapshot.Units = []store.Count{
		{Organization: "a", Site: "x", Coverage: reconcile.Covered, Class: inventory.ClassChassis, N: 1},
		{Organization: "a", Site: "x\u200b", Coverage: reconcile.Covered, Class: inventory.ClassChassis, N: 2},
	}
	s.snapshot.Agents = []store.Agent{
		{ID: "1", Organization: "a", Site: "x", Name: "pi"},
		{ID: "2", Organization: "a", Site: "x", Name: "p\x01i"},
		{ID: "3", Organization: "a", Site: "x", Name: "off", Disabled: true},
	}
	s.snapshot.Figures = []store.Figures{{Organization: "a", Figures: reconcile.Figures{Contracts: []reconcile.ContractFigures{
		{Contract: "1", Imported: now, NextEnd: "2026-05-01", LastEnd: "2026-05-01", Window: 90},
		{Contract: "1\r", Imported: now.Add(-time.Second), NextEnd: "2026-04-01", LastEnd: "2027-05-01", Window: 30},
	}}}}
	text := scrape(t, metrics.New(s, metrics.Options{}))
	for _, want := range []string{
		`rollcall_units{class="chassis",coverage="covered",organization="a",site="x"} 3`,
		`agent="1 pi"`, `agent="2 pi"`,
		`rollcall_contract_data_imported_timestamp_seconds{contract="1",organization="a"} 1.767323044e+09`,
		`rollcall_contract_next_end_timestamp_seconds{contract="1",organization="a"} 1.775088e+09`,
		`rollcall_contract_last_end_timestamp_seconds{contract="1",organization="a"} 1.809216e+09`,
		`rollcall_contract_expiring_window_seconds{contract="1",organization="a"} 2.592e+06`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in:\n%s", want, text)
		}
	}
	if strings.Contains(text, `agent="off"`) {
		t.Error("a disabled agent has a series: it would alert for ever")
	}
}

func TestBoundedFindings(t *testing.T) {
	s := fake{snapshot: organizations("a", "b")}
	for i := range 10 {
		s.findings = append(s.findings, store.Finding{ID: int64(i + 1), Organization: "a", Finding: reconcile.Finding{Kind: reconcile.WeakAccess, Severity: reconcile.Info}})
	}
	s.findings = append(s.findings,
		store.Finding{ID: 11, Organization: "a", Finding: reconcile.Finding{Kind: reconcile.UncoveredUnit, Severity: reconcile.Critical}},
		store.Finding{ID: 12, Organization: "b", Finding: reconcile.Finding{Kind: reconcile.UncoveredUnit, Severity: reconcile.Warning}},
	)
	c := metrics.New(s, metrics.Options{FindingSeries: 3})
	text := scrape(t, c)
	var ids []string
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "rollcall_finding_info{") {
			_, rest, _ := strings.Cut(line, `finding="`)
			id, _, _ := strings.Cut(rest, `"`)
			ids = append(ids, id)
		}
	}
	// The critical one is kept though it came last; of the rest, the oldest.
	if diff := cmp.Diff([]string{"1", "11", "12", "2"}, sorted(ids)); diff != "" {
		t.Errorf("findings with a series (-want +got):\n%s", diff)
	}
	for _, want := range []string{
		`rollcall_finding_info_omitted{organization="a"} 8`, `rollcall_finding_info_omitted{organization="b"} 0`,
		`rollcall_findings{kind="weak_access",organization="a",severity="info",site=""} 10`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in:\n%s", want, text)
		}
	}
}

// TestFailedReadFailsTheScrape: no metrics are better than ones that say that
// nothing is wrong. The client is not told the cause, the log is.
func TestFailedReadFailsTheScrape(t *testing.T) {
	for _, part := range []string{"snapshot", "findings"} {
		t.Run(part, func(t *testing.T) {
			var log strings.Builder
			s := fake{snapshot: organizations("a"), broken: part}
			registry := prometheus.NewPedanticRegistry()
			registry.MustRegister(metrics.New(s, metrics.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}))
			answer := httptest.NewRecorder()
			promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			body := answer.Body.String()
			if answer.Code != http.StatusInternalServerError || !strings.Contains(body, "the collector's log has the cause") {
				t.Errorf("status %d, body %q; want 500 and where the cause is", answer.Code, body)
			}
			if strings.Contains(body, "disk on fire") {
				t.Errorf("the client sees the cause: %q", body)
			}
			if !strings.Contains(log.String(), "disk on fire") {
				t.Errorf("the log lacks the cause: %q", log.String())
			}
		})
	}
}

func TestLint(t *testing.T) {
	s := openStore(t)
	fill(t, s)
	c := metrics.New(s, metrics.Options{Settings: reconcile.DefaultSettings()})
	problems, err := testutil.CollectAndLint(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	promtool(t, scrape(t, c))
}

// TestEmptyStore is a collector on its first day.
func TestEmptyStore(t *testing.T) {
	text := scrape(t, metrics.New(openStore(t), metrics.Options{}))
	if !strings.Contains(text, "rollcall_build_info{") {
		t.Errorf("no build info in:\n%s", text)
	}
	promtool(t, text)
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}
