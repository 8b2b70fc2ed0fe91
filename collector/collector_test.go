package collector

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

func testConfig(t *testing.T) Config {
	t.Helper()
	c := DefaultConfig()
	c.Listen, c.DataDir = "127.0.0.1:0", filepath.Join(t.TempDir(), "data")
	c.Login = LoginOff
	return c
}

// start runs a collector until the test ends.
func start(t *testing.T, c Config, o Options) *Collector {
	t.Helper()
	col, err := New(c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := col.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	if err := col.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return col
}

func get(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	status, _, body := do(t, client, r)
	return status, body
}

func do(t *testing.T, client *http.Client, r *http.Request) (status int, header http.Header, body string) {
	t.Helper()
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(raw)
}

// await asks until the answer has the words.
func await(t *testing.T, url, words string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	for {
		_, body := get(t, http.DefaultClient, url)
		if strings.Contains(body, words) {
			return
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			t.Fatalf("%s never says %q:\n%s", url, words, body)
		}
	}
}

func upload(t *testing.T, url, token string, d inventory.Device) http.Header {
	t.Helper()
	header, _ := receiptOf(t, url, token, d)
	return header
}

func receiptOf(t *testing.T, url, token string, d inventory.Device) (http.Header, wire.Receipt) {
	t.Helper()
	status, header, body := do(t, http.DefaultClient, uploadOf(t, url, token, d))
	var receipt wire.Receipt
	if err := json.Unmarshal([]byte(body), &receipt); err != nil || status != http.StatusOK {
		t.Fatalf("status %d: %s", status, body)
	}
	return header, receipt
}

// uploadOf is the request with a batch of one report.
func uploadOf(t *testing.T, url, token string, d inventory.Device) *http.Request {
	t.Helper()
	body, err := wire.EncodeBatch(wire.Batch{Agent: "agent-1", SentAt: time.Now(), Interval: 3600, Reports: []wire.Report{{
		ReportID: "report-1", Epoch: 1, Seq: 1, PolledAt: time.Now(), Answered: true, Fingerprint: d.Fingerprint(), Device: d,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.TrimSuffix(url, "/")+wire.ReportsPath, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", wire.BatchType)
	r.Header.Set("Content-Encoding", wire.Encoding)
	return r
}

// From an upload and a contract file to the API and the metrics.
func TestCollector(t *testing.T) {
	before := goleak.IgnoreCurrent()
	registry := prometheus.NewRegistry()
	col := start(t, testConfig(t), Options{Registry: registry, Version: "1.2.3"})
	_, token, err := col.store.CreateAgent(t.Context(), "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	unit := inventory.Component{Serial: "FOC2211A0AA", PID: "C9300-48P", Class: inventory.ClassChassis, Name: "1", Unit: true}
	upload(t, col.URL(), token, inventory.Device{Address: "192.0.2.1", Name: "sw1", Platform: inventory.PlatformIOSXE, Complete: true, Components: []inventory.Component{unit}})
	await(t, col.URL()+"api/v1/units", `"unverified"`)
	file := filepath.Join(t.TempDir(), "contract.csv")
	text := fmt.Sprintf("Contract Number,Serial Number,Product ID,Begin Date,End Date\n204100001,FOC2211A0AA,C9300-48P,2020-01-01,%d-01-01\n204100001,FOC2211A0BB,C9300-48P,2020-01-01,someday\n", time.Now().Year()+3)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	refused, err := col.ImportContract(t.Context(), "Riverside Food Bank", file)
	if err != nil {
		t.Fatal(err)
	}
	if len(refused) != 1 || !strings.Contains(refused[0].Error(), "row 3") {
		t.Errorf("refused %v, want row 3", refused)
	}
	await(t, col.URL()+"api/v1/units", `"covered"`)
	await(t, col.URL()+"metrics", `version="1.2.3"`)
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v, %v", problems, err)
	}
	if err := col.Stop(); err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, before)
}

func TestNewIsInert(t *testing.T) {
	col, err := New(testConfig(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if col.Addr() != "" || col.URL() != "" {
		t.Errorf("listens on %q before the start", col.Addr())
	}
	for range 2 {
		if err := col.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
}

func TestNewRefusesBadConfig(t *testing.T) {
	c := testConfig(t)
	c.Listen = "127.0.0.1"
	if _, err := New(c, Options{}); err == nil || !strings.HasPrefix(err.Error(), "listen: ") {
		t.Errorf("error %v, want one about listen", err)
	}
}

// A request in flight is answered; new ones are not taken.
func TestStopFinishesRequests(t *testing.T) {
	col := start(t, testConfig(t), Options{})
	conn, err := net.Dial("tcp", col.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, token, err := col.store.CreateAgent(t.Context(), "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	body, err := wire.EncodeBatch(wire.Batch{SentAt: time.Now(), Reports: []wire.Report{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Encoding: zstd\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		wire.ReportsPath, token, wire.BatchType, len(body)); err != nil {
		t.Fatal(err)
	}
	// The collector asks for the body: the request is in flight.
	buffer := make([]byte, 25)
	if _, err := io.ReadFull(conn, buffer); err != nil || !strings.HasPrefix(string(buffer), "HTTP/1.1 100 Continue") {
		t.Fatalf("%v: %q", err, buffer)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- col.Stop() }()
	for { // until the listener is closed
		probe, err := net.Dial("tcp", col.Addr())
		if err != nil {
			break
		}
		_ = probe.Close()
	}
	if _, err := conn.Write(body); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 OK") {
		t.Errorf("%v: %q", err, answer)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// Connections leave some of the files that the system allows to the database.
func TestConnectionsWithinOpenFiles(t *testing.T) {
	for open, want := range map[int]int{0: 10_000, 10: 5, 64: 32, 1024: 960, 1 << 20: 10_000} {
		if got := defaultLimits().connections(open); got != want {
			t.Errorf("with %d open files %d connections, want %d", open, got, want)
		}
	}
}
