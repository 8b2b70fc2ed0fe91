package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"rollcall/pkg/torture"
)

// Lines that are slow, break, hang or lie: while they last nothing is lost, and
// nothing but a receipt counts as one; afterwards all is stored once.
func TestBadLines(t *testing.T) {
	r := newRig(t)
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, "line", "127.0.0.1:0", r.listen)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	defer proxy.Stop()
	r.goBy("http://" + proxy.Listen)
	lines := []struct {
		name   string
		toxics []string
		long   bool // takes the whole of the agent's patience
	}{
		{"30% resets", []string{`{"name":"a","type":"reset_peer","stream":"upstream","toxicity":0.3,"attributes":{"timeout":20}}`}, false},
		{"8 kB/s", []string{`{"name":"a","type":"bandwidth","stream":"upstream","attributes":{"rate":8}}`, `{"name":"b","type":"bandwidth","stream":"downstream","attributes":{"rate":8}}`}, false},
		{"cut after 700 bytes", []string{`{"name":"a","type":"limit_data","stream":"upstream","attributes":{"bytes":700}}`}, false},
		{"receipt cut after 60 bytes", []string{`{"name":"a","type":"limit_data","stream":"downstream","attributes":{"bytes":60}}`}, false},
		{"slow close", []string{`{"name":"a","type":"slow_close","stream":"downstream","attributes":{"delay":1000}}`}, false},
		{"2 s latency", []string{`{"name":"a","type":"latency","stream":"downstream","attributes":{"latency":2000,"jitter":500}}`}, false},
		{"half-open: receipts vanish", []string{`{"name":"a","type":"timeout","stream":"downstream","attributes":{"timeout":0}}`}, true},
		{"black hole", []string{`{"name":"a","type":"timeout","stream":"upstream","attributes":{"timeout":0}}`}, true},
	}
	c := r.startCollector()
	ran := 0
	for _, line := range lines {
		if line.long && !torture.Long() {
			continue
		}
		ran++
		for _, toxic := range line.toxics {
			if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
				t.Fatalf("%s: %v", line.name, err)
			}
		}
		before := r.promised()
		a := r.startAgent()
		r.awaitKept(before + torture.Times(8, 400))
		a.kill()
		proxy.Toxics.ResetToxics(t.Context())
	}
	a := r.startAgent()
	n := r.settle()
	end(t, r, a, c)
	torture.Figure(t, "R8", "%d bad lines through toxiproxy, the agent killed on each: %d reports promised, 0 lost, 0 doubled", ran, n)
}

// Who answers in the collector's place never makes the agent forget, nor give
// up.
func TestImpostors(t *testing.T) {
	r := newRig(t)
	answers := []struct {
		status int
		kind   string
		body   string
	}{
		{200, "text/html", "<html><form>Accept the terms of this network</form></html>"},
		{200, "application/json", `{"schema":"rollcall.receipt/1","results":[]}`},
		{302, "text/html", ""},
		{400, "text/html", "<html>what is this?</html>"},
		{401, "text/html", "<html>who are you?</html>"},
		{403, "text/html", "<html>not here</html>"},
		{407, "text/html", "<html>proxy password?</html>"},
		{413, "text/html", "<html>too large</html>"},
		{502, "text/html", "<html>bad gateway</html>"},
		{503, "text/html", "<html>later</html>"},
	}
	var current, asked atomic.Int64
	impostor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		a := answers[current.Load()]
		w.Header().Set("Content-Type", a.kind)
		if a.status == 302 {
			w.Header().Set("Location", "http://192.0.2.1/login")
		}
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
		asked.Add(1)
	}))
	defer impostor.Close()
	direct := r.line.URL
	for i := range answers {
		current.Store(int64(i))
		r.goBy(impostor.URL)
		was := asked.Load()
		before := r.promised()
		a := r.startAgent()
		r.awaitKept(before)
		for limit := time.After(patience); asked.Load() == was; {
			select {
			case <-time.After(5 * time.Millisecond):
			case <-limit:
				t.Fatalf("%d: the impostor was never asked", answers[i].status)
			}
		}
		a.kill()
	}
	r.goBy(direct)
	a, c := r.startAgent(), r.startCollector()
	n := r.settle()
	end(t, r, a, c)
	torture.Figure(t, "R8", "%d answers of portals and proxies in the collector's place: %d reports promised, 0 lost, 0 doubled", len(answers), n)
}

// goBy makes the next lives of the agent use another way to the collector.
func (r *rig) goBy(url string) {
	r.t.Helper()
	path := filepath.Join(r.dir, "agent.yaml")
	raw, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	text := string(raw)
	i := strings.Index(text, `url: "`)
	j := strings.Index(text[i+6:], `"`)
	text = text[:i] + fmt.Sprintf("url: %q", url) + text[i+6+j+1:]
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}
