package peer

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// prometheusPatience bounds the start of Prometheus and each wait for a query.
const prometheusPatience = 60 * time.Second

// A Prometheus is a real server that ends with the test.
type Prometheus struct {
	t       testing.TB
	process *os.Process
	// API is the server's, for what the methods do not do.
	API promv1.API
}

// StartPrometheus starts a server that scrapes /metrics of target (host:port),
// or skips the test.
func StartPrometheus(t testing.TB, target string) *Prometheus {
	t.Helper()
	return StartPrometheusWith(t, fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: rollcall\n  static_configs:\n  - targets: [%q]\n", target))
}

// StartPrometheusWith starts a server with a configuration and flags, or skips the
// test.
func StartPrometheusWith(t testing.TB, configuration string, flags ...string) *Prometheus {
	t.Helper()
	path := Need(t, "prometheus", "prometheus")
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeTCP(t)
	cmd := exec.Command(path, append([]string{
		"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + address, "--log.level=warn",
	}, flags...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start prometheus: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus said:\n%s", stderr.String())
		}
	})
	client, err := api.NewClient(api.Config{Address: "http://" + address})
	if err != nil {
		t.Fatal(err)
	}
	awaitReady(t, "prometheus", "http://"+address+"/-/ready")
	return &Prometheus{t: t, process: cmd.Process, API: promv1.NewAPI(client)}
}

// In returns the server for a test within the one that started it.
func (p *Prometheus) In(t testing.TB) *Prometheus {
	theirs := *p
	theirs.t = t
	return &theirs
}

// AwaitAlertmanager waits until the server knows where to send alerts.
func (p *Prometheus) AwaitAlertmanager() {
	p.t.Helper()
	until(p.t, "prometheus to know an alertmanager", func(ctx context.Context) bool {
		known, err := p.API.AlertManagers(ctx)
		return err == nil && len(known.Active) > 0
	})
}

// Reload has the server read its files again.
func (p *Prometheus) Reload() {
	p.t.Helper()
	if err := p.process.Signal(syscall.SIGHUP); err != nil {
		p.t.Fatal(err)
	}
}

// Query returns what the server answers to an expression now.
func (p *Prometheus) Query(expr string) model.Vector {
	p.t.Helper()
	v, err := p.query(p.t.Context(), expr)
	if err != nil {
		p.t.Fatalf("prometheus: %s: %v", expr, err)
	}
	return v
}

// WaitFor asks until the answer fits, and returns it.
func (p *Prometheus) WaitFor(expr string, fits func(model.Vector) bool) model.Vector {
	p.t.Helper()
	var last model.Vector
	until(p.t, "prometheus to answer "+expr, func(ctx context.Context) bool {
		v, err := p.query(ctx, expr)
		last = v
		return err == nil && fits(v)
	})
	return last
}

func (p *Prometheus) query(ctx context.Context, expr string) (model.Vector, error) {
	v, _, _, err := p.API.Query(ctx, expr, time.Now())
	if err != nil {
		return nil, err
	}
	vector, ok := v.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("answer is a %s, want a vector", v.Type())
	}
	return vector, nil
}

// awaitReady waits until a server of the Prometheus family is ready.
func awaitReady(t testing.TB, name, url string) {
	t.Helper()
	until(t, name+" to be ready", func(ctx context.Context) bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// until asks again every tenth of a second until ready says so.
func until(t testing.TB, what string, ready func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), prometheusPatience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ready(ctx) {
		select {
		case <-ctx.Done():
			t.Fatalf("waited %s for %s in vain", prometheusPatience, what)
		case <-tick.C:
		}
	}
}

// freeTCP returns a loopback address that nobody listens on just now, for a
// program that can't be told to take any free port.
func freeTCP(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
