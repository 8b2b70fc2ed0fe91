package upload

import (
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
