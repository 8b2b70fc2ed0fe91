package upload

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/dial"
	"rollcall/agent/internal/spool"
	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

const (
	token    = "canary-token-4711"
	deadline = 20 * time.Second // for what must happen, whenever
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// collector is a real HTTP server. Each request is answered by the first of
// script, which is then used up; with none left, by accept.
type collector struct {
	*httptest.Server
	mu      sync.Mutex
	script  []http.HandlerFunc
	stored  []string     // report ids in the order of arrival, duplicates too
	batches []wire.Batch // all that could be read
}

func newCollector(t *testing.T, script ...http.HandlerFunc) *collector {
	t.Helper()
	c := &collector{script: script}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	next := c.accept
	if len(c.script) > 0 {
		next, c.script = c.script[0], c.script[1:]
	}
	c.mu.Unlock()
	next(w, r)
}

func (c *collector) accept(w http.ResponseWriter, r *http.Request) {
	c.receive(w, r, func(rep wire.Report) wire.Result { return wire.Result{ReportID: rep.ReportID, Status: wire.Stored} })
}

func (c *collector) receive(w http.ResponseWriter, r *http.Request, judge func(wire.Report) wire.Result) {
	if r.Method != http.MethodPost || r.URL.Path != wire.ReportsPath || r.Header.Get("Authorization") != "Bearer "+token ||
		r.Header.Get("Content-Type") != wire.BatchType || r.Header.Get("Content-Encoding") != wire.Encoding {
		http.Error(w, "this is not how a batch comes", http.StatusTeapot)
		return
	}
	b, err := wire.DecodeBatch(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	receipt := wire.Receipt{Schema: wire.ReceiptSchema, Results: []wire.Result{}}
	c.mu.Lock()
	c.batches = append(c.batches, b)
	for _, rep := range b.Reports {
		res := judge(rep)
		if res.ReportID == "" {
			continue
		}
		receipt.Results = append(receipt.Results, res)
		if res.Status == wire.Stored {
			c.stored = append(c.stored, rep.ReportID)
		}
	}
	c.mu.Unlock()
	w.Header().Set("Content-Type", wire.ReceiptType)
	_ = json.NewEncoder(w).Encode(receipt)
}

func (c *collector) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.stored)
}

// answer is a handler with a fixed answer.
func answer(status int, contentType, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func faultAnswer(status int, text string, header ...string) http.HandlerFunc {
	raw, err := json.Marshal(wire.Fault{Error: text})
	if err != nil {
		panic(err)
	}
	return answer(status, "application/json", string(raw), header...)
}

// timer records the waits that are asked for and ends each when the test says so.
type timer struct {
	asked chan time.Duration
	fire  chan time.Time
}

func newTimer() *timer { return &timer{make(chan time.Duration, 100), make(chan time.Time)} }

func (tm *timer) After(d time.Duration) <-chan time.Time {
	tm.asked <- d
	return tm.fire
}

func newSpool(t *testing.T, reports int) *spool.Spool {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "spool") // disks are slow to sync
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s, err := spool.Open(filepath.Join(dir, "spool.db"), spool.Options{Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for range reports {
		add(t, s, nil)
	}
	return s
}

// add spools a report with the id "report-<seq>".
func add(t *testing.T, s *spool.Spool, edit func(*wire.Report)) {
	t.Helper()
	err := s.Append(t.Context(), "192.0.2.1", func(epoch, seq int64) ([]byte, error) {
		r := wire.Report{
			ReportID: fmt.Sprint("report-", seq), Epoch: epoch, Seq: seq, PolledAt: now, Answered: true,
			Device: inventory.Device{Address: "192.0.2.1", Components: []inventory.Component{}, Errors: []inventory.Problem{}},
		}
		if edit != nil {
			edit(&r)
		}
		return json.Marshal(r)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func newUploader(t *testing.T, s *spool.Spool, url string, edit func(*Options)) *Uploader {
	t.Helper()
	opt := Options{
		Credential: fixed{url: url}, Client: testClient(t), Agent: "agent-1", Version: "test", Interval: func() time.Duration { return time.Hour },
		Now: func() time.Time { return now }, Rand: func() float64 { return 0.5 }, After: newTimer().After,
	}
	if edit != nil {
		edit(&opt)
	}
	return New(s, opt)
}

// fixed is a credential that stays as it is.
type fixed struct{ url string }

func (f fixed) URL() string            { return f.url }
func (fixed) Token() (string, error)   { return token, nil }
func (fixed) Refused(string)           {}
func (fixed) Renewed() <-chan struct{} { return nil }

func testClient(t *testing.T) *http.Client {
	t.Helper()
	c, err := dial.NewClient(dial.Trust{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func left(t *testing.T, s *spool.Spool) spool.Stats {
	t.Helper()
	st, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func reportIDs(from, to int) []string {
	var list []string
	for i := from; i <= to; i++ {
		list = append(list, fmt.Sprint("report-", i))
	}
	return list
}

func TestDrain(t *testing.T) {
	s := newSpool(t, 450) // more than the first batch
	c := newCollector(t)
	var attempts []Attempt
	u := newUploader(t, s, c.URL, func(o *Options) { o.Observe = func(a Attempt) { attempts = append(attempts, a) } })
	if err := u.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(reportIDs(1, 450), c.got()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if st := left(t, s); st.Items != 0 {
		t.Errorf("%d reports are left, want 0", st.Items)
	}
	var stored int
	for _, a := range attempts {
		stored += a.Stored
	}
	if stored != 450 {
		t.Errorf("observed %d stored, want 450", stored)
	}
	b := c.batches[0]
	b.Reports = nil
	want := wire.Batch{Schema: wire.BatchSchema, Agent: "agent-1", Version: "test", SentAt: now, Interval: 3600, Spool: &wire.Spool{Epoch: s.Epoch(), Waiting: 450}}
	b.Spool.Oldest = nil // by the machine's clock
	if diff := cmp.Diff(want, b); diff != "" {
		t.Errorf("envelope (-want +got):\n%s", diff)
	}
}

// A collector that has lost what it acknowledged gets what is kept, once.
func TestSendAgain(t *testing.T) {
	s := newSpool(t, 3)
	c := newCollector(t)
	u := newUploader(t, s, c.URL, nil)
	if err := u.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"192.0.2.1", "192.0.2.2"} {
		add(t, s, func(r *wire.Report) { r.Device.Address = name })
	}
	lost := func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		c.accept(rec, r)
		var receipt wire.Receipt
		if err := json.Unmarshal(rec.Body.Bytes(), &receipt); err != nil {
			t.Error(err)
		}
		receipt.SendAgain = &wire.SendAgain{Epoch: s.Epoch(), After: 1}
		w.Header().Set("Content-Type", wire.ReceiptType)
		_ = json.NewEncoder(w).Encode(receipt)
	}
	c.script = []http.HandlerFunc{lost}
	if err := u.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	// All are of one key in this spool, so that only the newest is kept.
	if diff := cmp.Diff([]string{"report-1", "report-2", "report-3", "report-4", "report-5", "report-5"}, c.got()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	var acked []int64
	for _, b := range c.batches {
		acked = append(acked, b.Spool.Acked)
	}
	if diff := cmp.Diff([]int64{0, 3, 1}, acked); diff != "" {
		t.Errorf("what the agent said was acknowledged (-want +got):\n%s", diff)
	}
}

// What was given up and set aside is told with each batch, and the collector may
// set the pace.
func TestTellsOfTheSpool(t *testing.T) {
	s := newSpool(t, 2)
	c := newCollector(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", wire.ReceiptType)
		_, _ = io.WriteString(w, `{"schema":"rollcall.receipt/1","interval_seconds":900,"results":[{"report_id":"report-1","status":"refused","reason":"no good"},{"report_id":"report-2","status":"stored"}]}`)
	})
	var paces []time.Duration
	u := newUploader(t, s, c.URL, func(o *Options) { o.Pace = func(d time.Duration) { paces = append(paces, d) } })
	if err := u.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), "x", func(int64, int64) ([]byte, error) { return nil, io.ErrUnexpectedEOF }); err == nil {
		t.Fatal("no error of an append that fails")
	}
	add(t, s, nil)
	if err := u.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := c.batches[0]
	b.Spool.Oldest = nil
	if diff := cmp.Diff(&wire.Spool{Epoch: s.Epoch(), Acked: 2, Waiting: 1, Quarantined: 1, Reason: "collector: no good"}, b.Spool); diff != "" {
		t.Errorf("spool (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int64{"unsaved": 1}, b.Dropped); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]time.Duration{15 * time.Minute}, paces); diff != "" {
		t.Errorf("paces (-want +got):\n%s", diff)
	}
}

// The agents that a power cut ended do not come back as one: what was left waits
// a random while.
func TestStartSpread(t *testing.T) {
	s := newSpool(t, 1)
	c := newCollector(t)
	tm := newTimer()
	sent := make(chan Attempt, 1)
	u := newUploader(t, s, c.URL, func(o *Options) {
		o.StartSpread, o.After, o.Observe = 8*time.Minute, tm.After, func(a Attempt) { sent <- a }
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error)
	go func() { done <- u.Run(ctx) }()
	if d := <-tm.asked; d != 4*time.Minute {
		t.Errorf("waits %s, want half of 8m", d)
	}
	if got := c.got(); len(got) > 0 {
		t.Errorf("sent %v before its time", got)
	}
	tm.fire <- now
	if a := <-sent; a.Stored != 1 || a.Err != nil {
		t.Errorf("attempt %+v, want the one report stored", a)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Each answer but a receipt leaves every report in the spool, unless it says
// that they will never be taken.
func TestAnswers(t *testing.T) {
	html := "<html><script>alert(1)</script>Welcome to the hotel's WLAN</html>"
	receipt := func(results string) string { return `{"schema":"rollcall.receipt/1","results":[` + results + `]}` }
	tests := []struct {
		name        string
		answer      http.HandlerFunc
		wait        time.Duration // asked for after the failure
		quarantined int64
		says        string // part of the error
	}{
		{"captive portal", answer(200, "text/html; charset=utf-8", html), time.Second, 0, "login page"},
		{"receipt in HTML's clothes", answer(200, "text/html", receipt(`{"report_id":"report-1","status":"stored"}`)), time.Second, 0, "no receipt"},
		{"JSON that is no receipt", answer(200, "application/json", `{"ok":true}`), time.Second, 0, "no receipt"},
		{"empty 204", answer(204, "", ""), time.Second, 0, "no receipt"},
		{"receipt of another schema", answer(200, wire.ReceiptType, `{"schema":"rollcall.receipt/2","results":[{"report_id":"report-1","status":"stored"}]}`), time.Second, 0, "update the agent"},
		{"receipt cut short", answer(200, wire.ReceiptType, receipt("")[:20]), time.Second, 0, "cannot read receipt"},
		{"receipt for other reports", answer(200, wire.ReceiptType, receipt(`{"report_id":"report-9","status":"stored"}`)), time.Second, 0, "names none"},
		{"unknown status", answer(200, wire.ReceiptType, receipt(`{"report_id":"report-1","status":"maybe"}`)), time.Second, 0, "names none"},
		{"400 from the collector", faultAnswer(400, "no such thing"), 0, 2, ""},
		{"422 from the collector", faultAnswer(422, "no such thing"), 0, 2, ""},
		{"413 from the collector", faultAnswer(413, "too large"), 0, 2, ""},
		{"400 from a proxy", answer(400, "text/html", html), time.Second, 0, "400 Bad Request"},
		{"401 from the collector", faultAnswer(401, "token is revoked"), time.Hour + 3*time.Minute, 0, "token is revoked"},
		{"403 from the collector", faultAnswer(403, "agent is disabled"), time.Hour + 3*time.Minute, 0, "agent is disabled"},
		{"401 from a proxy", answer(401, "text/html", html), time.Minute + 3*time.Second, 0, "check collector.token"},
		{"404", answer(404, "text/plain", "404 page not found"), time.Second, 0, "check collector.url"},
		{"407", answer(407, "text/html", html), time.Second, 0, "HTTPS_PROXY"},
		{"429 in seconds", faultAnswer(429, "slower", "Retry-After", "100"), 105 * time.Second, 0, "slower"},
		{"503 with a date", faultAnswer(503, "busy", "Retry-After", now.Add(40*time.Second).Format(http.TimeFormat)), 42 * time.Second, 0, "busy"},
		{"503 until next year", faultAnswer(503, "busy", "Retry-After", "31536000"), time.Hour + 3*time.Minute, 0, "busy"},
		{"503 alone", answer(503, "text/html", html), time.Second, 0, "503"},
		{"500", answer(500, "text/plain", "oops"), time.Second, 0, "500"},
		{"502 from a proxy", answer(502, "text/html", html), time.Second, 0, "502"},
		{"301", answer(301, "text/html", html, "Location", "https://other.example.org/"), time.Second, 0, "https://other.example.org"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSpool(t, 2)
			c := newCollector(t)
			refuse := true
			c.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c.mu.Lock()
				no := refuse
				c.mu.Unlock()
				if no {
					tt.answer(w, r)
					return
				}
				c.accept(w, r)
			})
			u := newUploader(t, s, c.URL, nil)
			err := u.Drain(t.Context())
			if st := left(t, s); st.Items+st.Quarantined != 2 || st.Quarantined != tt.quarantined {
				t.Errorf("%d reports left and %d set aside, want %d set aside and the others left", st.Items, st.Quarantined, tt.quarantined)
			}
			if tt.quarantined > 0 {
				if err != nil {
					t.Errorf("error %v, want none: the queue is not held up", err)
				}
			} else {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("error %v, want one about %q", err, tt.says)
				}
				if strings.Contains(err.Error(), token) || strings.ContainsAny(err.Error(), "\x1b\n") {
					t.Errorf("error %q shows the token or control characters", err)
				}
				if got := u.delay(err); got != tt.wait {
					t.Errorf("waits %s, want %s", got, tt.wait)
				}
			}
			// Liveness: the next good answer takes what is left and what is new.
			c.mu.Lock()
			refuse = false
			c.mu.Unlock()
			add(t, s, nil)
			if err := u.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			if st := left(t, s); st.Items != 0 || !slices.Contains(c.got(), "report-3") {
				t.Errorf("%d reports left, stored %v, want all", st.Items, c.got())
			}
		})
	}
}

func TestReceiptIsPerReport(t *testing.T) {
	s := newSpool(t, 4)
	c := newCollector(t)
	c.script = []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
		c.receive(w, r, func(rep wire.Report) wire.Result {
			switch rep.Seq {
			case 1:
				return wire.Result{ReportID: rep.ReportID, Status: wire.Stored}
			case 2:
				return wire.Result{ReportID: rep.ReportID, Status: wire.Duplicate}
			case 3:
				return wire.Result{ReportID: rep.ReportID, Status: wire.Refused, Reason: "component 3 has no \x1b[31mserial"}
			}
			return wire.Result{} // left out
		})
	}}
	var first Attempt
	u := newUploader(t, s, c.URL, func(o *Options) {
		o.Observe = func(a Attempt) {
			if first.Reports == 0 {
				first = a
			}
		}
	})
	if err := u.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.Bytes = 0
	if diff := cmp.Diff(Attempt{Reports: 4, Stored: 1, Duplicate: 1, Refused: 1}, first); diff != "" {
		t.Errorf("first attempt (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"report-1", "report-4"}, c.got()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if st := left(t, s); st.Items != 0 || st.Quarantined != 1 {
		t.Errorf("stats %+v, want an empty queue and 1 set aside", st)
	}
}

// A report that makes the whole batch unacceptable is found and set aside; the
// others arrive.
func TestBadReportDoesNotHoldUpOthers(t *testing.T) {
	tests := []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"400 from the collector", faultAnswer(400, "bad")},
		{"413 from the collector", faultAnswer(413, "too large")},
		{"413 from a proxy", answer(413, "text/html", "<html>")},
		{"400 from something else", answer(400, "text/plain", "bad")},
		{"422 from something else", answer(422, "text/plain", "bad")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSpool(t, 13)
			c := newCollector(t)
			bad := map[int64]bool{1: true, 6: true, 13: true}
			c.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var body strings.Builder
				b, err := wire.DecodeBatch(io.TeeReader(r.Body, &body))
				if err != nil {
					t.Error(err)
				}
				if slices.ContainsFunc(b.Reports, func(rep wire.Report) bool { return bad[rep.Seq] }) {
					tt.answer(w, r)
					return
				}
				r.Body = io.NopCloser(strings.NewReader(body.String()))
				c.accept(w, r)
			})
			if err := newUploader(t, s, c.URL, nil).Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := slices.Concat(reportIDs(2, 5), reportIDs(7, 12))
			if diff := cmp.Diff(want, c.got()); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			if st := left(t, s); st.Items != 0 || st.Quarantined != 3 {
				t.Errorf("stats %+v, want an empty queue and 3 set aside", st)
			}
		})
	}
}

func TestUnreadableItemsAreSetAside(t *testing.T) {
	s := newSpool(t, 0)
	for _, raw := range []string{"not JSON", `{"report_id":"x"}`} {
		if err := s.Append(t.Context(), "n", func(int64, int64) ([]byte, error) { return []byte(raw), nil }); err != nil {
			t.Fatal(err)
		}
	}
	add(t, s, nil)
	c := newCollector(t)
	if err := newUploader(t, s, c.URL, nil).Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st := left(t, s); st.Items != 0 || st.Quarantined != 2 {
		t.Errorf("stats %+v, want an empty queue and 2 set aside", st)
	}
	if diff := cmp.Diff(reportIDs(3, 3), c.got()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestLargeReportsAreSplit(t *testing.T) {
	s := newSpool(t, 0)
	noise := make([]byte, 450<<10) // in base64, three make a batch of more than 1 MiB compressed
	r := rand.NewChaCha8([32]byte{1})
	for range 3 {
		_, _ = r.Read(noise) // never fails
		name := base64.StdEncoding.EncodeToString(noise)
		add(t, s, func(r *wire.Report) { r.Device.Name = name })
	}
	add(t, s, func(r *wire.Report) { r.Device.Name = strings.Repeat("x", wire.MaxDecoded+1) }) // fits nowhere
	add(t, s, nil)
	c := newCollector(t)
	if err := newUploader(t, s, c.URL, nil).Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"report-1", "report-2", "report-3", "report-5"}, c.got()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if n := len(c.batches[0].Reports); n >= 3 {
		t.Errorf("the first batch has %d reports, want fewer than 3: they do not fit together", n)
	}
	if st := left(t, s); st.Items != 0 || st.Quarantined != 1 {
		t.Errorf("stats %+v, want an empty queue and 1 set aside", st)
	}
}

func TestRunWakesAndStops(t *testing.T) {
	s := newSpool(t, 0)
	c := newCollector(t)
	tm := newTimer()
	attempts := make(chan Attempt, 10)
	u := newUploader(t, s, c.URL, func(o *Options) { o.After = tm.After; o.Observe = func(a Attempt) { attempts <- a } })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- u.Run(ctx) }()
	for range 3 { // each append is sent without a wait
		add(t, s, nil)
		if a := receive(t, attempts); a.Err != nil {
			t.Fatal(a.Err)
		}
	}
	// After a failure an append does not cut the wait short.
	c.mu.Lock()
	c.script = []http.HandlerFunc{faultAnswer(503, "busy", "Retry-After", "60")}
	c.mu.Unlock()
	add(t, s, nil)
	if a := receive(t, attempts); a.Err == nil {
		t.Fatal("no error, want the 503")
	}
	if d := receive(t, tm.asked); d != 63*time.Second {
		t.Errorf("waits %s, want 63s", d)
	}
	add(t, s, nil)
	select {
	case a := <-attempts:
		t.Errorf("sent %+v during the wait", a)
	case tm.fire <- now:
	}
	if a := receive(t, attempts); a.Stored != 2 {
		t.Errorf("attempt %+v after the wait, want 2 stored", a)
	}
	cancel()
	if err := receive(t, done); err != nil {
		t.Errorf("Run returned %v, want nil", err)
	}
}

func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(deadline):
		t.Fatal("nothing happened")
		panic("unreachable")
	}
}

// At a stop the request in flight gets its receipt, so that nothing is sent
// twice for no reason.
func TestRunFinishesTheRequestInFlight(t *testing.T) {
	s := newSpool(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var c *collector
	c = newCollector(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		c.accept(w, r)
	})
	if err := newUploader(t, s, c.URL, nil).Run(ctx); err != nil {
		t.Fatal(err)
	}
	if st := left(t, s); st.Items != 0 || len(c.got()) != 1 {
		t.Errorf("%d reports left and %d stored, want 0 and 1", st.Items, len(c.got()))
	}
}

// A collector that never answers does not hold up the stop.
func TestRunAbandonsTheRequestInFlight(t *testing.T) {
	s := newSpool(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	c := newCollector(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	began := time.Now()
	if err := newUploader(t, s, c.URL, nil).Run(ctx); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > deadline {
		t.Errorf("stopping took %s", took)
	}
	if st := left(t, s); st.Items != 1 {
		t.Errorf("%d reports left, want 1", st.Items)
	}
}
