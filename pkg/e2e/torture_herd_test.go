package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/pkg/torture"
	"rollcall/pkg/wire"
)

// All agents come back within a second, with twelve reports each: the collector
// takes what it can, asks the others to come later, and serves its pages
// meanwhile. In the end all is stored once.
func TestHerd(t *testing.T) {
	l := newLine(t)
	agents := torture.Times(120, 10_000)
	const each = 12
	tokens := make([]string, agents)
	for i := range tokens {
		var err error
		if tokens[i], err = l.collector.CreateAgent(t.Context(), fmt.Sprint("Organization ", i/20), "Main office", fmt.Sprint("agent-", i)); err != nil {
			t.Fatal(err)
		}
	}
	body := func(i int) []byte {
		var reports []wire.Report
		for n := range each {
			reports = append(reports, seen(n, i*each+n+1))
		}
		return pack(t, reports...)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var later, failed, stored atomic.Int64
	began := time.Now()
	var herd sync.WaitGroup
	for i, token := range tokens {
		herd.Go(func() {
			raw := body(i)
			idle(time.Second)
			a := comer{address: fmt.Sprintf("127.%d.%d.%d", 90+i/62500, i/250%250, i%250+1)}
			for attempt := 0; ctx.Err() == nil; attempt++ {
				wait, n := a.send(ctx, l.listen, token, raw)
				stored.Add(n)
				switch {
				case n == each:
					return
				case wait > 0:
					later.Add(1)
				default:
					failed.Add(1)
					wait = time.Duration(rand.Int64N(int64(min(time.Second<<min(attempt, 9), 10*time.Minute))))
				}
				select {
				case <-time.After(wait):
				case <-ctx.Done():
				}
			}
		})
	}
	quit, pages := make(chan struct{}), make(chan []time.Duration)
	go func() { pages <- l.look(quit) }()
	herd.Wait()
	drained := time.Since(began)
	close(quit)
	waits := <-pages
	if n := stored.Load(); n != int64(agents*each) {
		t.Errorf("%d reports were acknowledged, want %d", n, agents*each)
	}
	if failed.Load() > 0 {
		t.Errorf("%d requests had no answer: want 503 or 429 with Retry-After instead", failed.Load())
	}
	slices.Sort(waits)
	p99 := waits[len(waits)*99/100]
	torture.Figure(t, "R12", "%d agents with %d reports each within a second: drained in %s, %d times asked to come later, %d without an answer; p99 of a page %s; RSS at most %d MiB, clients included",
		agents, each, drained.Round(time.Second), later.Load(), failed.Load(), p99.Round(time.Millisecond), memoryOf(t, "/proc/self/status", "VmHWM:")>>20)
}

// A comer is an agent that waits as package upload does.
type comer struct{ address string }

// send returns how many reports were acknowledged, or how long the collector
// asks to wait, or 0 without an answer.
func (a comer) send(ctx context.Context, to, token string, body []byte) (wait time.Duration, stored int64) {
	client := &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: 15 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(a.address)}}).DialContext,
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+to+wire.ReportsPath, bytes.NewReader(body))
	if err != nil {
		return 0, 0
	}
	req.Header.Set("Content-Type", wire.BatchType)
	req.Header.Set("Content-Encoding", wire.Encoding)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	if err != nil {
		return 0, 0
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, 0
	}
	if resp.StatusCode == http.StatusOK {
		return 0, int64(strings.Count(string(answer), `"status":"stored"`) + strings.Count(string(answer), `"status":"duplicate"`))
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable && resp.StatusCode != http.StatusTooManyRequests {
		return 0, 0
	}
	d := time.Duration(seconds) * time.Second
	return d + rand.N(d/10+1), 0
}

// look asks for a page again and again until quit, and says how long each took.
func (l *line) look(quit chan struct{}) []time.Duration {
	var took []time.Duration
	for {
		began := time.Now()
		resp, err := http.Get("http://" + l.listen + "/readyz")
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		took = append(took, time.Since(began))
		select {
		case <-quit:
			return took
		case <-time.After(50 * time.Millisecond):
		}
	}
}
