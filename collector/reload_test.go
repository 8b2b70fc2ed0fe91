package collector

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// A journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func TestReload(t *testing.T) {
	var level slog.LevelVar
	registry := prometheus.NewRegistry()
	c := testConfig(t)
	col := start(t, c, Options{Registry: registry, Level: &level})
	token, err := col.CreateAgent(t.Context(), "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	upload(t, col.URL(), token, unit)
	await(t, col.URL()+"metrics", "rollcall_reconcile_pending_organizations 0\n")
	reload := func(edit func(*Config), fail error) ([]string, error) {
		next := c
		if edit != nil {
			edit(&next)
		}
		return col.Reload(t.Context(), func() (Config, error) { return next, fail })
	}
	if keys, err := reload(nil, nil); err != nil || len(keys) > 0 {
		t.Errorf("the same again: %v, %v", keys, err)
	}
	runs := gauge(t, registry, "rollcall_reconcile_runs_total")
	keys, err := reload(func(c *Config) {
		c.Settings.StaleDays = 7
		c.Limits.Pages = 2
		c.Log.Level = "debug"
		c.Log.Format = "json"
		c.DataDir = "elsewhere"
		c.Debug.Listen = "127.0.0.1:1"
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"debug.listen", "data_dir", "log.format"}, keys); diff != "" {
		t.Errorf("need a restart (-want +got):\n%s", diff)
	}
	await(t, col.URL()+"metrics", "rollcall_setting_stale_seconds 604800\n")
	awaitTrue(t, "makes every verdict anew", func() bool { return gauge(t, registry, "rollcall_reconcile_runs_total") > runs })
	if got := col.loop.settings().StaleDays; got != 7 {
		t.Errorf("judged with %d stale days, want 7", got)
	}
	if level.Level() != slog.LevelDebug {
		t.Errorf("log level %v, want debug", level.Level())
	}
	for name, bad := range map[string]struct {
		edit func(*Config)
		fail error
	}{"unreadable": {nil, errors.New("no such file")}, "wrong": {func(c *Config) { c.Settings.StaleDays, c.Limits.Pages = 0, 40 }, nil}} {
		if _, err := reload(bad.edit, bad.fail); err == nil || !strings.HasPrefix(err.Error(), "the settings before stay in force: ") {
			t.Errorf("%s: error %v", name, err)
		}
		if got := gauge(t, registry, "rollcall_config_last_reload_successful"); got != 0 {
			t.Errorf("%s: successful is %v, want 0", name, got)
		}
		if got := col.loop.settings().StaleDays; got != 7 {
			t.Errorf("%s: judged with %d stale days, want 7", name, got)
		}
	}
	if _, err := reload(nil, nil); err != nil {
		t.Error(err)
	}
	if got := gauge(t, registry, "rollcall_config_last_reload_successful"); got != 1 {
		t.Errorf("afterwards successful is %v, want 1", got)
	}
}

// A reload reads the certificate at once; a broken one leaves all as it was.
func TestReloadCertificate(t *testing.T) {
	c := testConfig(t)
	c.TLS = tlsFiles(t)
	newPair(t, c.TLS)
	col := start(t, c, Options{})
	client := newPair(t, c.TLS)
	if _, err := col.Reload(t.Context(), func() (Config, error) { return c, nil }); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, client, col.URL()+"healthz"); status != http.StatusOK {
		t.Errorf("with the new certificate: status %d", status)
	}
	if err := os.WriteFile(c.TLS.CertFile, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := col.Reload(t.Context(), func() (Config, error) { return c, nil }); err == nil {
		t.Error("a broken certificate was taken")
	}
	if status, _ := get(t, client, col.URL()+"healthz"); status != http.StatusOK {
		t.Errorf("with a broken certificate: status %d", status)
	}
}

// One ID leads from the agent's request through the answer to the reconciling.
func TestRequestID(t *testing.T) {
	var log journal
	col := start(t, testConfig(t), Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	token, err := col.CreateAgent(t.Context(), "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	id := upload(t, col.URL(), token, unit).Get("X-Request-ID")
	if id == "" {
		t.Fatal("the answer has no ID")
	}
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	late := time.After(patience)
	for {
		var taken, judged bool
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "request_id="+id) {
				taken = taken || strings.Contains(line, `msg="batch taken"`) && strings.Contains(line, "agent=agent-1")
				judged = judged || strings.Contains(line, `msg="organization reconciled" organization=riverside-food-bank`)
			}
		}
		if taken && judged {
			return
		}
		select {
		case <-every.C:
		case <-late:
			t.Fatalf("ID %s: taken %v, reconciled %v:\n%s", id, taken, judged, log.String())
		}
	}
}

func TestDebugListen(t *testing.T) {
	c := testConfig(t)
	var log journal
	c.Debug.Listen = "127.0.0.1:0"
	col := start(t, c, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	_, url, _ := strings.Cut(log.String(), `msg="profiles are served" url=`)
	url, _, _ = strings.Cut(url, "\n")
	if status, body := get(t, http.DefaultClient, url+"goroutine?debug=1"); status != http.StatusOK || !strings.Contains(body, "goroutine profile") {
		t.Errorf("status %d: %.100s", status, body)
	}
	if status, _ := get(t, http.DefaultClient, col.URL()+"debug/pprof/"); status != http.StatusNotFound {
		t.Errorf("profiles at the address of all: status %d", status)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "rebound.example.org"
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("by another name: status %d", res.StatusCode)
	}
	for listen, want := range map[string]string{"0.0.0.0:1": "debug.listen: ", "192.0.2.1:1": "debug.listen: ", "x": "debug.listen: "} {
		c.Debug.Listen = listen
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v", listen, err)
		}
	}
}

// What is not finished in good time is told.
func TestStalled(t *testing.T) {
	now := time.Now()
	tests := []struct {
		name    string
		waiting *waits
		want    bool
	}{
		{"nothing waits", nil, false},
		{"waits a little", &waits{3, now.Add(-time.Minute)}, false},
		{"waits long", &waits{3, now.Add(-stallTime)}, true},
	}
	for _, tt := range tests {
		l := &loop{}
		l.waiting.Store(tt.waiting)
		if err := l.stalled(now); (err != nil) != tt.want {
			t.Errorf("%s: %v, want an error: %v", tt.name, err, tt.want)
		}
	}
}
