package collector

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"rollcall/collector/internal/reconcile"
)

const patience = 20 * time.Second

// A shelf is a facter in memory.
type shelf struct {
	mu      sync.Mutex
	changed map[string]bool
	marks   []time.Time // of MarkAllChanged
	fail    error       // of MarkAllChanged
	heads   int         // calls of AuditHead
	notes   chan struct{}
	saved   chan string // organizations, in order
	facts   func(org string) error
}

func newShelf(orgs ...string) *shelf {
	s := &shelf{changed: map[string]bool{}, notes: make(chan struct{}, 1), saved: make(chan string, 100)}
	for _, o := range orgs {
		s.changed[o] = true
	}
	return s
}

func (s *shelf) Changed(context.Context) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var orgs []string
	for o := range s.changed {
		orgs = append(orgs, o)
	}
	return orgs, nil
}

func (s *shelf) Changes() <-chan struct{} { return s.notes }

func (s *shelf) mark(org string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed[org] = true
}

func (s *shelf) Reconcile(_ context.Context, org string, judge func(reconcile.Facts) reconcile.Result) (bool, error) {
	if s.facts != nil {
		if err := s.facts(org); err != nil {
			return false, err
		}
	}
	judge(reconcile.Facts{Organization: org})
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.changed, org)
	s.saved <- org
	return true, nil
}

func (s *shelf) Lease(context.Context, string, time.Duration) (bool, error) { return true, nil }
func (s *shelf) EndLease(context.Context, string) error                     { return nil }

func (s *shelf) AuditHead(context.Context) (int64, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heads++
	return 1, "ab", nil
}

func (s *shelf) MarkAllChanged(_ context.Context, before time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		defer func() { s.fail = nil }()
		return s.fail
	}
	s.marks = append(s.marks, before)
	s.changed["all"] = true
	return nil
}

func (s *shelf) ChangedBy(_ context.Context, org string) (string, error) {
	return "request-" + org, nil
}
func (s *shelf) MarkSilent(context.Context, int) error { return nil }
func (s *shelf) Prune(context.Context) error           { return nil }

func newLoop(s *shelf, verdict func(reconcile.Facts) reconcile.Result, now func() time.Time) *loop {
	return &loop{
		store: s, reconcile: verdict, now: now, log: slog.New(slog.DiscardHandler), metrics: newLoopMetrics(prometheus.NewRegistry()),
		poll: 5 * time.Millisecond, settings: func() reconcile.Settings { return reconcile.Settings{StaleDays: 7} },
	}
}

// startLoop runs a loop until the test ends.
func startLoop(t *testing.T, l *loop) *loop {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); l.run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended; goleak.VerifyNone(t) })
	return l
}

func empty(reconcile.Facts) reconcile.Result { return reconcile.Result{} }

func (s *shelf) next(t *testing.T) string {
	t.Helper()
	select {
	case org := <-s.saved:
		return org
	case <-time.After(patience):
		t.Fatal("no result was saved")
	}
	return ""
}

func noon() time.Time { return time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC) }

func TestLoopReconcilesWhatChanged(t *testing.T) {
	s := newShelf()
	startLoop(t, newLoop(s, func(f reconcile.Facts) reconcile.Result {
		if f.Settings.StaleDays != 7 {
			t.Errorf("settings %+v, want those of the loop", f.Settings)
		}
		return reconcile.Result{}
	}, noon))
	if got := s.next(t); got != "all" {
		t.Errorf("first %q, want the day's run", got)
	}
	s.mark("by notice")
	s.notes <- struct{}{}
	if got := s.next(t); got != "by notice" {
		t.Errorf("after a notice %q", got)
	}
	s.mark("by another process")
	if got := s.next(t); got != "by another process" {
		t.Errorf("without a notice %q", got)
	}
}

// One organization that takes for ever keeps one worker, not the others.
func TestLoopGoesOnBesideASlowOne(t *testing.T) {
	s := newShelf("slow")
	hold, entered := make(chan struct{}), make(chan struct{})
	startLoop(t, newLoop(s, func(f reconcile.Facts) reconcile.Result {
		if f.Organization == "slow" {
			close(entered)
			<-hold
		}
		return reconcile.Result{}
	}, noon))
	<-entered
	if got := s.next(t); got != "all" {
		t.Fatalf("beside the slow one %q, want the day's run", got)
	}
	want := []string{"a", "b", "c", "d"}
	for _, org := range want {
		s.mark(org)
		if got := s.next(t); got != org {
			t.Errorf("beside the slow one %q, want %q", got, org)
		}
	}
	close(hold)
	if got := s.next(t); got != "slow" {
		t.Errorf("at last %q, want the slow one", got)
	}
}

// While agents are sent away, runs come one after the other, and do come.
func TestLoopInACrowd(t *testing.T) {
	orgs := []string{"a", "b", "c", "d", "e", "f"}
	s := newShelf(orgs...)
	var running atomic.Int32
	l := newLoop(s, func(reconcile.Facts) reconcile.Result {
		if n := running.Add(1); n > 1 {
			t.Errorf("%d runs at once", n)
		}
		runtime.Gosched() // to another that should not be there
		running.Add(-1)
		return reconcile.Result{}
	}, noon)
	l.crowded = func() bool { return true }
	startLoop(t, l)
	got := map[string]bool{}
	for range len(orgs) + 1 { // and the day's
		got[s.next(t)] = true
	}
	if len(got) != len(orgs)+1 {
		t.Errorf("saved %v, want each once", got)
	}
}

// A failure, or a panic of a rule, is tried again, and concerns nobody else.
func TestLoopTriesAgain(t *testing.T) {
	s := newShelf("fails", "panics")
	var mu sync.Mutex
	tried := map[string]int{}
	first := func(org string) bool {
		mu.Lock()
		defer mu.Unlock()
		tried[org]++
		return tried[org] == 1
	}
	s.facts = func(org string) error {
		if org == "fails" && first(org) {
			return errors.New("disk full")
		}
		return nil
	}
	l := startLoop(t, newLoop(s, func(f reconcile.Facts) reconcile.Result {
		if f.Organization == "panics" && first(f.Organization) {
			panic("a rule went wrong")
		}
		return reconcile.Result{}
	}, noon))
	got := map[string]bool{}
	for range 3 {
		got[s.next(t)] = true
	}
	if diff := cmp.Diff(map[string]bool{"all": true, "fails": true, "panics": true}, got); diff != "" {
		t.Errorf("saved (-want +got):\n%s", diff)
	}
	if n := testutil.ToFloat64(l.metrics.runs.WithLabelValues("error")); n != 2 {
		t.Errorf("%v runs failed, want 2", n)
	}
}

func TestLoopPanicIsAnError(t *testing.T) {
	l := &loop{store: newShelf(), settings: func() reconcile.Settings { return reconcile.Settings{} }, reconcile: func(reconcile.Facts) reconcile.Result { panic("a rule went wrong") }}
	if _, err := l.one(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "a rule went wrong") {
		t.Errorf("error %v, want the panic", err)
	}
}

// All organizations are marked once a day, at the first look after midnight in
// UTC, and again when that failed.
func TestLoopDaily(t *testing.T) {
	var mu sync.Mutex
	now := time.Date(2026, 1, 2, 23, 59, 59, 0, time.UTC)
	s := newShelf()
	s.fail = errors.New("disk full")
	startLoop(t, newLoop(s, empty, func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}))
	s.next(t)
	mu.Lock()
	now = now.Add(time.Second).In(time.FixedZone("somewhere", -8*3600))
	mu.Unlock()
	s.next(t)
	s.mark("again") // some ticks later
	s.next(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	want := []time.Time{time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, s.marks); diff != "" {
		t.Errorf("marked before (-want +got):\n%s", diff)
	}
	if s.heads != 1 {
		t.Errorf("the end of the audit log was told %d times, want once, on the second day", s.heads)
	}
}
