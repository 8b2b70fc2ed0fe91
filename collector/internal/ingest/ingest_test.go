package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"rollcall/collector/internal/ingest"
	"rollcall/collector/internal/limit"
	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

// A keeper is the methods that ingest calls.
type keeper interface {
	Join(ctx context.Context, j wire.Join, life time.Duration) (store.Agent, wire.Credential, error)
	Renew(ctx context.Context, r wire.Renewal, life time.Duration) (store.Agent, wire.Credential, error)
	AgentByToken(ctx context.Context, token string) (store.Agent, error)
	SaveReports(ctx context.Context, agent store.Agent, b wire.Batch) (wire.Receipt, error)
}

// broken fails in one of its methods, or both.
type broken struct {
	keeper
	find, save error
}

func (b broken) AgentByToken(ctx context.Context, token string) (store.Agent, error) {
	if b.find != nil {
		return store.Agent{}, b.find
	}
	return b.keeper.AgentByToken(ctx, token)
}

func (b broken) SaveReports(ctx context.Context, a store.Agent, batch wire.Batch) (wire.Receipt, error) {
	if b.save != nil {
		return wire.Receipt{}, b.save
	}
	return b.keeper.SaveReports(ctx, a, batch)
}

type site struct {
	url      string
	store    *store.Store
	token    string
	agent    store.Agent
	registry *prometheus.Registry
}

func serve(t *testing.T, find, save error) site {
	t.Helper()
	return serveWith(t, find, save, limit.Wide())
}

func serveWith(t *testing.T, find, save error, limits limit.Settings) site {
	t.Helper()
	return serveBy(t, limits, func(k keeper) keeper { return broken{k, find, save} })
}

// serveBy serves with what by makes of the store.
func serveBy(t *testing.T, limits limit.Settings, by func(keeper) keeper) site {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	a, token, err := s.CreateAgent(context.Background(), "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	server := httptest.NewServer(ingest.New(ingest.Options{
		Store: by(s), Registry: reg, Log: slog.New(slog.DiscardHandler), Limits: limit.New(limits, reg),
	}))
	t.Cleanup(server.Close)
	return site{server.URL + wire.ReportsPath, s, token, a, reg}
}

func report(n int) wire.Report {
	d := inventory.Device{
		Address: "192.0.2.1", Name: "sw1", Complete: true,
		Components: []inventory.Component{{Serial: "FCW0000A001", PID: "C9300-48P", Class: inventory.ClassChassis, Name: "1", Unit: true}},
	}
	return wire.Report{
		ReportID: fmt.Sprint("report-", n), Epoch: 1, Seq: int64(n), PolledAt: time.Now(), Answered: true, Fingerprint: d.Fingerprint(), Device: d,
	}
}

func encode(t *testing.T, reports ...wire.Report) []byte {
	t.Helper()
	raw, err := wire.EncodeBatch(wire.Batch{Agent: "agent-1", SentAt: time.Now(), Interval: 60, Reports: reports})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func compress(t *testing.T, raw []byte) []byte {
	t.Helper()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = enc.Close() }()
	return enc.EncodeAll(raw, nil)
}

// An answer is a response whose body was read.
type answer struct {
	status int
	header http.Header
}

// post sends the body; edit may change the request.
func post(t *testing.T, s site, body io.Reader, edit func(*http.Request)) (answer, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", wire.BatchType)
	r.Header.Set("Content-Encoding", wire.Encoding)
	if edit != nil {
		edit(r)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header}, raw
}

func TestReceipt(t *testing.T) {
	s := serve(t, nil, nil)
	bad, nameless := report(2), report(4)
	nameless.ReportID = ""
	bad.Device.Name = "sw\x00"
	send := func() wire.Receipt {
		t.Helper()
		res, raw := post(t, s, bytes.NewReader(encode(t, report(1), bad, report(3), report(1), nameless)), nil)
		if res.status != http.StatusOK || res.header.Get("Content-Type") != wire.ReceiptType {
			t.Fatalf("status %d, %s: %s", res.status, res.header.Get("Content-Type"), raw)
		}
		var got wire.Receipt
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	want := func(status wire.Status) wire.Receipt {
		return wire.Receipt{Schema: wire.ReceiptSchema, Results: []wire.Result{
			{ReportID: "report-1", Status: status},
			{ReportID: "report-2", Status: wire.Refused, Reason: "device.name has a NUL character"},
			{ReportID: "report-3", Status: status},
			{ReportID: "report-1", Status: wire.Duplicate},
			{Status: wire.Refused, Reason: "report_id is empty or longer than 64 bytes"},
		}}
	}
	if diff := cmp.Diff(want(wire.Stored), send()); diff != "" {
		t.Errorf("first time (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want(wire.Duplicate), send()); diff != "" {
		t.Errorf("second time (-want +got):\n%s", diff)
	}
	nodes, err := s.store.Nodes(context.Background(), s.agent.Organization)
	if err != nil {
		t.Fatal(err)
	}
	if len(nodes) != 1 {
		t.Errorf("%d nodes stored, want 1", len(nodes))
	}
	wantMetrics := `
# HELP rollcall_ingest_batches_total Uploads of agents, by HTTP status of the answer.
# TYPE rollcall_ingest_batches_total counter
rollcall_ingest_batches_total{code="200"} 2
# HELP rollcall_ingest_reports_total Reports of agents that were answered, by what became of them.
# TYPE rollcall_ingest_reports_total counter
rollcall_ingest_reports_total{status="duplicate"} 4
rollcall_ingest_reports_total{status="refused"} 4
rollcall_ingest_reports_total{status="stored"} 2
`
	if err := testutil.GatherAndCompare(s.registry, strings.NewReader(wantMetrics), "rollcall_ingest_batches_total", "rollcall_ingest_reports_total"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(s.registry); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v, %v", problems, err)
	}
}

func TestFaults(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	good := encode(t, report(1))
	tests := []struct {
		name   string
		body   []byte
		edit   func(*http.Request)
		status int
		text   string
	}{
		{"no token", good, func(r *http.Request) { r.Header.Del("Authorization") }, 401, "no token"},
		{"other scheme", good, header("Authorization", "Basic eDp5"), 401, "no token"},
		{"unknown token", good, header("Authorization", "Bearer rca_x"), 401, "token create"},
		{"other type", good, header("Content-Type", "application/json"), 415, wire.BatchType},
		{"not compressed", good, header("Content-Encoding", ""), 415, "zstd"},
		{"gzip", good, header("Content-Encoding", "gzip"), 415, "zstd"},
		{"long", bytes.Repeat([]byte("x"), wire.MaxCompressed+1), nil, 413, "1048576 bytes"},
		{"bomb", compress(t, bytes.Repeat([]byte(" "), wire.MaxDecoded+1)), nil, 413, "too large"},
		{"bomb in a bomb", compress(t, compress(t, bytes.Repeat([]byte(" "), 1<<26))), nil, 400, "cannot decode batch"},
		{"empty", nil, nil, 400, "cannot de"},
		{"not zstd", []byte("hello"), nil, 400, "cannot decompress"},
		{"schema of tomorrow", compress(t, []byte(`{"schema":"rollcall.batch/2"}`)), nil, 415, "update the collector"},
		{"GET", nil, func(r *http.Request) { r.Method = http.MethodGet }, 405, ""},
	}
	s := serve(t, nil, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, raw := post(t, s, bytes.NewReader(tt.body), tt.edit)
			if res.status != tt.status {
				t.Fatalf("status %d, want %d: %s", res.status, tt.status, raw)
			}
			if res.header.Get("Content-Type") == wire.ReceiptType {
				t.Error("a fault has the type of a receipt")
			}
			checkFault(t, raw, tt.text)
		})
	}
	t.Run("revoked token", func(t *testing.T) {
		if err := s.store.RevokeAgent(context.Background(), s.agent.ID); err != nil {
			t.Fatal(err)
		}
		res, raw := post(t, s, bytes.NewReader(good), nil)
		if res.status != http.StatusForbidden {
			t.Fatalf("status %d, want 403: %s", res.status, raw)
		}
		checkFault(t, raw, "revoked")
	})
}

func checkFault(t *testing.T, raw []byte, text string) {
	t.Helper()
	if text == "" {
		return
	}
	var f wire.Fault
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatalf("not a fault: %s", raw)
	}
	if !strings.Contains(f.Error, text) {
		t.Errorf("fault %q, want one about %q", f.Error, text)
	}
}

// What the database says stays in the collector's log.
func TestStoreFails(t *testing.T) {
	cause := errors.New("disk full at /var/lib/rollcall")
	for name, s := range map[string]site{"looking up the token": serve(t, cause, nil), "saving": serve(t, nil, cause)} {
		t.Run(name, func(t *testing.T) {
			res, raw := post(t, s, bytes.NewReader(encode(t, report(1))), nil)
			if res.status != http.StatusServiceUnavailable || res.header.Get("Retry-After") == "" {
				t.Errorf("status %d, Retry-After %q; want 503 with one", res.status, res.header.Get("Retry-After"))
			}
			checkFault(t, raw, "later")
			if bytes.Contains(raw, []byte("/var/lib")) {
				t.Errorf("the answer tells the cause: %s", raw)
			}
		})
	}
}

// A database that hangs is let go of before the agent, which waits 45 s, gives up.
func TestStoreHangs(t *testing.T) {
	hang := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	for name, s := range map[string]hanging{"looking up the token": {find: hang}, "saving": {save: hang}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := ingest.New(ingest.Options{Store: s, Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)})
				var all sync.WaitGroup
				for range 10 { // more than are decoded at once
					all.Go(func() {
						began := time.Now()
						r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, wire.ReportsPath, bytes.NewReader(encode(t, report(1))))
						r.Header.Set("Authorization", "Bearer x")
						r.Header.Set("Content-Type", wire.BatchType)
						r.Header.Set("Content-Encoding", wire.Encoding)
						w := httptest.NewRecorder()
						h.ServeHTTP(w, r)
						if took := time.Since(began); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || took > 40*time.Second {
							t.Errorf("status %d, Retry-After %q after %s; want 503 with one within 40s", w.Code, w.Header().Get("Retry-After"), took)
						}
					})
				}
				all.Wait()
			})
		})
	}
}

// A hanging keeper does nothing but what is set.
type hanging struct {
	keeper
	find, save func(context.Context) error
}

func (h hanging) AgentByToken(ctx context.Context, _ string) (store.Agent, error) {
	if h.find != nil {
		return store.Agent{}, h.find(ctx)
	}
	return store.Agent{}, nil
}

func (h hanging) SaveReports(ctx context.Context, _ store.Agent, _ wire.Batch) (wire.Receipt, error) {
	return wire.Receipt{}, h.save(ctx)
}

// A body that is cut short is not a reason for the agent to set the batch aside.
func TestCutShort(t *testing.T) {
	s := serve(t, nil, nil)
	conn, err := net.Dial("tcp", strings.TrimPrefix(strings.TrimSuffix(s.url, wire.ReportsPath), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Encoding: zstd\r\nContent-Length: 1000\r\n\r\nabc",
		wire.ReportsPath, s.token, wire.BatchType); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, _ := strings.Cut(string(raw), "\r\n"); status != "HTTP/1.1 408 Request Timeout" {
		t.Errorf("answer %q, want 408", status)
	}
}

// Fifty at once, of two agents, each report once.
func TestManyAtOnce(t *testing.T) {
	s := serve(t, nil, nil)
	second, token, err := s.store.CreateAgent(context.Background(), "Riverside Food Bank", "Depot", "agent-2")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	count := map[wire.Status]int{}
	for n := range 50 {
		body := encode(t, report(n%10+1))
		wg.Go(func() {
			res, raw := post(t, s, bytes.NewReader(body), func(r *http.Request) {
				if n%2 == 1 {
					r.Header.Set("Authorization", "Bearer "+token)
				}
			})
			var receipt wire.Receipt
			if err := json.Unmarshal(raw, &receipt); err != nil || len(receipt.Results) != 1 {
				t.Errorf("status %d: %s", res.status, raw)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			count[receipt.Results[0].Status]++
		})
	}
	wg.Wait()
	// n%10+1 and n%2: five reports of each agent, each sent five times.
	if diff := cmp.Diff(map[wire.Status]int{wire.Stored: 10, wire.Duplicate: 40}, count); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	nodes, err := s.store.Nodes(context.Background(), second.Organization)
	if err != nil {
		t.Fatal(err)
	}
	if len(nodes) != 2 {
		t.Errorf("%d nodes, want one of each site", len(nodes))
	}
}
