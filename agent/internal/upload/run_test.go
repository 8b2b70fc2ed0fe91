package upload

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"
)

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
