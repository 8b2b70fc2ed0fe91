package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/metrics"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
	"rollcall/pkg/wire"
)

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
	results, err := s.SaveReports(context.Background(), a, batch)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Status != wire.Stored {
			t.Fatalf("report %s: %s %s", r.ReportID, r.Status, r.Reason)
		}
	}
}

func importContract(t testing.TB, s *store.Store, org, number string) {
	t.Helper()
	f := contract.File{Name: "c.csv", SHA256: number, Lines: []contract.Line{{Contract: number, Serial: "FCW0000A001", PID: "C9300-48P", Row: 2}}}
	if _, err := s.ImportContract(context.Background(), org, f, now.Add(-24*time.Hour)); err != nil {
		t.Fatal(err)
	}
}

func TestCollect(t *testing.T) {
	s := openStore(t)
	a := newAgent(t, s, "Riverside Food Bank", "Main", "agent-1")
	newAgent(t, s, "Riverside Food Bank", "Depot", "agent-1")
	newAgent(t, s, "Hill School", "Main", "agent-1")
	sendReports(t, s, a)
	importContract(t, s, a.Organization, "2041234")
	saveResult(t, s, a.Organization, reconcile.Result{
		Units: []reconcile.Unit{
			{Serial: "FCW0000A000", PID: "C9300-48P", Site: "Main", Coverage: reconcile.Covered},
			{Serial: "FCW0000A001", PID: "C9300-48P", Site: "Main", Coverage: reconcile.Uncovered},
			{Serial: "FCW0000A002", PID: "C9300-48P", Site: "Main", Class: inventory.ClassModule, Coverage: reconcile.Uncovered},
		},
		Findings: []reconcile.Finding{
			{Key: "a", Kind: reconcile.UncoveredUnit, Severity: reconcile.Critical, Site: "Main", Node: "sw1", Serial: "FCW0000A001", PID: "C9300-48P"},
			{Key: "b", Kind: reconcile.UncoveredUnit, Severity: reconcile.Critical, Site: "Main", Node: "sw2", Serial: "FCW0000A002", PID: "C9300-48P"},
			{Key: "c", Kind: reconcile.DataStale, Severity: reconcile.Warning, Contract: "2041234"},
		},
	})
	c := metrics.New(s, slog.New(slog.DiscardHandler))
	c.Version = "1.2.3"
	want := `
# HELP rollcall_agent_last_seen_timestamp_seconds When the agent last uploaded, by the collector's clock; 0 when never.
# TYPE rollcall_agent_last_seen_timestamp_seconds gauge
rollcall_agent_last_seen_timestamp_seconds{agent="agent-1",organization="hill-school",site="Main"} 0
rollcall_agent_last_seen_timestamp_seconds{agent="agent-1",organization="riverside-food-bank",site="Depot"} 0
rollcall_agent_last_seen_timestamp_seconds{agent="agent-1",organization="riverside-food-bank",site="Main"} 1.767323045e+09
# HELP rollcall_contract_data_imported_timestamp_seconds When the contract's newest data was imported.
# TYPE rollcall_contract_data_imported_timestamp_seconds gauge
rollcall_contract_data_imported_timestamp_seconds{contract="2041234",organization="riverside-food-bank"} 1.767236645e+09
# HELP rollcall_finding_info An open finding, always 1; the label finding is its number on the collector's pages.
# TYPE rollcall_finding_info gauge
rollcall_finding_info{contract="",finding="1",kind="uncovered_unit",node="sw1",organization="riverside-food-bank",pid="C9300-48P",serial="FCW0000A001",severity="critical",site="Main"} 1
rollcall_finding_info{contract="",finding="2",kind="uncovered_unit",node="sw2",organization="riverside-food-bank",pid="C9300-48P",serial="FCW0000A002",severity="critical",site="Main"} 1
rollcall_finding_info{contract="2041234",finding="3",kind="contract_data_stale",node="",organization="riverside-food-bank",pid="",serial="",severity="warning",site=""} 1
# HELP rollcall_finding_info_omitted Open findings without a rollcall_finding_info series, for the organization has too many.
# TYPE rollcall_finding_info_omitted gauge
rollcall_finding_info_omitted{organization="hill-school"} 0
rollcall_finding_info_omitted{organization="riverside-food-bank"} 0
# HELP rollcall_findings Open findings: things that a person should act on.
# TYPE rollcall_findings gauge
rollcall_findings{kind="contract_data_stale",organization="riverside-food-bank",severity="warning",site=""} 1
rollcall_findings{kind="uncovered_unit",organization="riverside-food-bank",severity="critical",site="Main"} 2
# HELP rollcall_nodes Management endpoints by their last poll: complete, incomplete or unanswered.
# TYPE rollcall_nodes gauge
` + threeSites(func(org, site string) string {
		n := 0
		if org == "riverside-food-bank" && site == "Main" {
			n = 1
		}
		return fmt.Sprintf("rollcall_nodes{organization=%q,site=%q,state=\"complete\"} %d\nrollcall_nodes{organization=%q,site=%q,state=\"incomplete\"} %d\nrollcall_nodes{organization=%q,site=%q,state=\"unanswered\"} %d\n",
			org, site, n, org, site, n, org, site, n)
	}) + `# HELP rollcall_units Units seen, by coverage; all states are present for each site, 0 included.
# TYPE rollcall_units gauge
` + threeSites(func(org, site string) string {
		var b strings.Builder
		for _, c := range []string{"activation_pending", "covered", "expired", "expiring", "future", "ineligible", "rma_pending", "uncovered", "unknown_serial", "unverified"} {
			n := 0
			if org == "riverside-food-bank" && site == "Main" {
				n = map[string]int{"covered": 1, "uncovered": 2}[c]
			}
			fmt.Fprintf(&b, "rollcall_units{coverage=%q,organization=%q,site=%q} %d\n", c, org, site, n)
		}
		return b.String()
	})
	names := []string{
		"rollcall_agent_last_seen_timestamp_seconds", "rollcall_contract_data_imported_timestamp_seconds", "rollcall_finding_info",
		"rollcall_finding_info_omitted", "rollcall_findings", "rollcall_nodes", "rollcall_units",
	}
	if err := testutil.CollectAndCompare(c, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
	if text := scrape(t, c); !strings.Contains(text, `rollcall_build_info{goversion="go1.`) || !strings.Contains(text, `version="1.2.3"} 1`) {
		t.Errorf("no build info in:\n%s", text)
	}
}

func threeSites(lines func(org, site string) string) string {
	return lines("hill-school", "Main") + lines("riverside-food-bank", "Depot") + lines("riverside-food-bank", "Main")
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
	text := scrape(t, metrics.New(s, slog.New(slog.DiscardHandler)))
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
	s := fake{
		orgs:    []store.Organization{{ID: "a"}},
		summary: []store.Count{{Organization: "a", Site: "x", Coverage: reconcile.Covered, N: 1}, {Organization: "a", Site: "x\u200b", Coverage: reconcile.Covered, N: 2}},
		agents: []store.Agent{
			{ID: "1", Organization: "a", Site: "x", Name: "pi"},
			{ID: "2", Organization: "a", Site: "x", Name: "p\x01i"},
			{ID: "3", Organization: "a", Site: "x", Name: "off", Disabled: true},
		},
		imports: []store.Import{
			{Organization: "a", Import: reconcile.Import{Contract: "1", At: now}},
			{Organization: "a", Import: reconcile.Import{Contract: "1\r", At: now.Add(-time.Second)}},
		},
	}
	text := scrape(t, metrics.New(s, slog.New(slog.DiscardHandler)))
	for _, want := range []string{
		`rollcall_units{coverage="covered",organization="a",site="x"} 3`,
		`agent="1 pi"`, `agent="2 pi"`,
		`rollcall_contract_data_imported_timestamp_seconds{contract="1",organization="a"} 1.767323044e+09`,
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
	s := fake{orgs: []store.Organization{{ID: "a"}, {ID: "b"}}}
	for i := range 10 {
		s.findings = append(s.findings, store.Finding{ID: int64(i + 1), Organization: "a", Finding: reconcile.Finding{Kind: reconcile.WeakAccess, Severity: reconcile.Info}})
	}
	s.findings = append(s.findings,
		store.Finding{ID: 11, Organization: "a", Finding: reconcile.Finding{Kind: reconcile.UncoveredUnit, Severity: reconcile.Critical}},
		store.Finding{ID: 12, Organization: "b", Finding: reconcile.Finding{Kind: reconcile.UncoveredUnit, Severity: reconcile.Warning}},
	)
	c := metrics.New(s, slog.New(slog.DiscardHandler))
	c.FindingSeries = 3
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
	for _, part := range []string{"organizations", "summary", "findings", "agents", "imports", "nodes"} {
		t.Run(part, func(t *testing.T) {
			var log strings.Builder
			s := fake{orgs: []store.Organization{{ID: "a"}}, broken: part}
			registry := prometheus.NewPedanticRegistry()
			registry.MustRegister(metrics.New(s, slog.New(slog.NewTextHandler(&log, nil))))
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
	s := fake{
		orgs:     []store.Organization{{ID: "a"}},
		summary:  []store.Count{{Organization: "a", Site: "x", Coverage: reconcile.Covered, N: 1}},
		findings: []store.Finding{{ID: 1, Organization: "a", Finding: reconcile.Finding{Kind: reconcile.WeakAccess, Severity: reconcile.Info}}},
		agents:   []store.Agent{{ID: "1", Organization: "a", Site: "x", Name: "pi", LastSeen: now}},
		imports:  []store.Import{{Organization: "a", Import: reconcile.Import{Contract: "1", At: now}}},
	}
	c := metrics.New(s, slog.New(slog.DiscardHandler))
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
	text := scrape(t, metrics.New(openStore(t), slog.New(slog.DiscardHandler)))
	if !strings.Contains(text, "rollcall_build_info{") {
		t.Errorf("no build info in:\n%s", text)
	}
	promtool(t, text)
}

// A fake is a source that holds what a real store cannot be brought to hold, or
// fails.
type fake struct {
	orgs     []store.Organization
	summary  []store.Count
	findings []store.Finding
	agents   []store.Agent
	imports  []store.Import
	broken   string
}

func (f fake) fail(part string) error {
	if f.broken == part {
		return errors.New("disk on fire")
	}
	return nil
}

func (f fake) Organizations(context.Context) ([]store.Organization, error) {
	return f.orgs, f.fail("organizations")
}

func (f fake) Summary(context.Context) ([]store.Count, error) { return f.summary, f.fail("summary") }

func (f fake) Findings(context.Context, string, bool) ([]store.Finding, error) {
	return f.findings, f.fail("findings")
}

func (f fake) AgentsAll(context.Context) ([]store.Agent, error) { return f.agents, f.fail("agents") }

func (f fake) ImportsAll(context.Context) ([]store.Import, error) {
	return f.imports, f.fail("imports")
}

func (f fake) Nodes(context.Context, string) ([]reconcile.Node, error) {
	return nil, f.fail("nodes")
}

// BenchmarkScrape renders 100,000 findings of 100 organizations.
func BenchmarkScrape(b *testing.B) {
	s := fake{}
	for o := range 100 {
		org := fmt.Sprintf("organization-%d", o)
		s.orgs = append(s.orgs, store.Organization{ID: org})
		for i := range 1000 {
			s.findings = append(s.findings, store.Finding{
				ID: int64(o*1000 + i + 1), Organization: org,
				Finding: reconcile.Finding{
					Kind: reconcile.UncoveredUnit, Severity: reconcile.Critical, Site: "Main", Node: fmt.Sprintf("sw%d", i),
					Serial: fmt.Sprintf("FCW%04dA%03d", o, i), PID: "C9300-48P", Contract: "2041234",
				},
			})
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(s, slog.New(slog.DiscardHandler)))
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true})
	b.ReportAllocs()
	var size int
	for b.Loop() {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		size = answer.Body.Len()
		if answer.Code != http.StatusOK {
			b.Fatal(answer.Body)
		}
	}
	b.ReportMetric(float64(size)/1e6, "MB/scrape")
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}
