package agent

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/agent/internal/poll"
)

// log of polls: when each began, since the start.
type polls struct {
	mu    sync.Mutex
	start time.Time
	began map[string][]time.Duration
}

func (p *polls) note(t *task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.began[t.node.Address] = append(p.began[t.node.Address], time.Since(p.start))
}

func makeTasks(n int, sweep bool) []*task {
	var list []*task
	for i := range n {
		list = append(list, &task{node: poll.Node{Address: fmt.Sprintf("%v-%d", sweep, i)}, sweep: sweep})
	}
	return list
}

// runFor runs a schedule in a bubble of fake time for d, with do as the poll.
func runFor(t *testing.T, tasks []*task, interval, spread, d time.Duration, concurrency int, do func(context.Context, *task)) *polls {
	t.Helper()
	p := &polls{start: time.Now(), began: map[string][]time.Duration{}}
	s := newSchedule(tasks, interval, spread, concurrency, time.Now)
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	s.run(ctx, func(ctx context.Context, tk *task) {
		p.note(tk)
		do(ctx, tk)
	})
	return p
}

func TestScheduleSpreadsAndRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := runFor(t, makeTasks(200, false), time.Hour, 10*time.Minute, 24*time.Hour+30*time.Minute, 16, func(context.Context, *task) {})
		var early, late int
		for name, at := range p.began {
			if at[0] > 10*time.Minute {
				t.Errorf("%s was first polled after %s, want within 10m", name, at[0])
			}
			if at[0] < 5*time.Minute {
				early++
			} else {
				late++
			}
			for i := 1; i < len(at); i++ {
				if gap := at[i] - at[i-1]; gap < 57*time.Minute || gap > 63*time.Minute {
					t.Errorf("%s was polled %s after the poll before, want 1h give or take 5%%", name, gap)
				}
			}
			if n := len(at); n < 23 || n > 26 {
				t.Errorf("%s was polled %d times in a day, want about 24", name, n)
			}
		}
		if len(p.began) != 200 || early < 50 || late < 50 {
			t.Errorf("%d nodes were polled, %d of them in the first half of the spread and %d in the second: not spread", len(p.began), early, late)
		}
	})
}

func TestScheduleStartsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := runFor(t, makeTasks(10, false), time.Hour, 0, time.Minute, 16, func(context.Context, *task) {})
		for name, at := range p.began {
			if len(at) != 1 || at[0] != 0 {
				t.Errorf("%s was polled at %v, want once, at once", name, at)
			}
		}
		if len(p.began) != 10 {
			t.Errorf("%d nodes were polled, want 10", len(p.began))
		}
	})
}

// Slow nodes and a large silent sweep delay no other node.
func TestScheduleSlownessDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tasks := append(makeTasks(10, false), makeTasks(2000, true)...)
		p := runFor(t, tasks, time.Hour, 0, 10*time.Hour, 4, func(ctx context.Context, tk *task) {
			d := time.Second
			switch {
			case tk.sweep:
				d = 15 * time.Second
			case tk.node.Address == "false-0":
				d = 3 * time.Hour // longer than the interval
			}
			select {
			case <-time.After(d):
			case <-ctx.Done():
			}
		})
		for i := 1; i < 10; i++ {
			at := p.began[fmt.Sprint("false-", i)]
			if at[0] > 10*time.Second || len(at) < 9 {
				t.Errorf("node %d was first polled after %s and %d times in 10 hours, want at once and hourly", i, at[0], len(at))
			}
		}
		if n := len(p.began["false-0"]); n != 4 {
			t.Errorf("the node that takes 3 hours was polled %d times in 10 hours, want 4", n)
		}
		if n := len(p.began); n != 2010 {
			t.Errorf("%d addresses were polled, want 2010: the sweep must end, too", n)
		}
	})
}

func TestScheduleHoldsConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running := map[bool]int{}
		most := map[bool]int{}
		tasks := append(makeTasks(50, false), makeTasks(50, true)...)
		runFor(t, tasks, time.Hour, 0, 3*time.Hour, 6, func(_ context.Context, tk *task) {
			mu.Lock()
			running[tk.sweep]++
			most[tk.sweep] = max(most[tk.sweep], running[tk.sweep])
			mu.Unlock()
			<-time.After(time.Minute)
			mu.Lock()
			running[tk.sweep]--
			mu.Unlock()
		})
		if most[false] != 6 || most[true] != 3 {
			t.Errorf("at most %d nodes and %d addresses of sweeps at once, want 6 and 3", most[false], most[true])
		}
	})
}

func TestScheduleAddressThatAnsweredBecomesANode(t *testing.T) {
	tests := []struct {
		name       string
		sweep      bool
		answeredAt time.Duration // ago; 0 for never
		want       bool
	}{
		{"listed", false, 0, true},
		{"of a sweep, silent", true, 0, false},
		{"of a sweep, answered a week ago", true, 7 * 24 * time.Hour, true},
		{"of a sweep, answered two months ago", true, 60 * 24 * time.Hour, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Now()
			tk := &task{sweep: tt.sweep}
			if tt.answeredAt > 0 {
				tk.answeredAt = now.Add(-tt.answeredAt)
			}
			if got := tk.isNode(now); got != tt.want {
				t.Errorf("is a node: %v, want %v", got, tt.want)
			}
		})
	}
}

func TestScheduleStop(t *testing.T) {
	tests := []struct {
		name      string
		takes     time.Duration // of the poll that is running when the order comes
		finished  bool
		stopsWith time.Duration
	}{
		{"polls that end soon are finished", 2 * time.Second, true, 2 * time.Second},
		{"polls that do not are abandoned", time.Hour, false, graceToFinish},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				finished := false
				start := time.Now()
				runFor(t, makeTasks(1, false), 24*time.Hour, 0, time.Minute, 1, func(ctx context.Context, _ *task) {
					select {
					case <-time.After(time.Minute + tt.takes):
						finished = true
					case <-ctx.Done():
					}
				})
				if took := time.Since(start) - time.Minute; took != tt.stopsWith || finished != tt.finished {
					t.Errorf("stopped after %s, finished %v; want %s and %v", took, finished, tt.stopsWith, tt.finished)
				}
			})
		})
	}
}

// What is no longer wanted is not polled again, what is new is within the
// spread, and what stays keeps its time.
func TestScheduleReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tasks := makeTasks(3, false)
		s := newSchedule(tasks, time.Hour, 10*time.Minute, 4, time.Now)
		p := &polls{start: time.Now(), began: map[string][]time.Duration{}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.run(ctx, func(ctx context.Context, tk *task) {
				p.note(tk)
				if tk == tasks[2] { // is polled while the list changes
					select {
					case <-time.After(40 * time.Minute):
					case <-ctx.Done():
					}
				}
			})
		}()
		<-time.After(30 * time.Minute)
		if due := s.nextDue(); due.Before(time.Now()) || due.After(p.start.Add(73*time.Minute+30*time.Second)) {
			t.Errorf("the next poll is announced for %s after the start", due.Sub(p.start))
		}
		fresh := &task{node: poll.Node{Address: "new"}}
		polled := &task{node: poll.Node{Address: "polled before"}}
		polled.note(outcome{began: time.Now().Add(-10 * time.Minute)})
		s.replace([]*task{tasks[0], fresh, polled})
		<-time.After(10 * time.Hour)
		cancel()
		<-done
		count := map[string]int{}
		for name, at := range p.began {
			count[name] = len(at)
		}
		if count["false-1"] != 1 || count["false-2"] != 1 || count["false-0"] < 10 || count["new"] < 10 {
			t.Errorf("polls in ten and a half hours: %v; want one of each that was dropped, and hourly ones of the others", count)
		}
		if at := p.began["new"][0]; at > 40*time.Minute {
			t.Errorf("the new node was first polled after %s, want within 10m of being named", at)
		}
		if at := p.began["polled before"][0]; at < 76*time.Minute || at > 84*time.Minute {
			t.Errorf("the node that was polled before came after %s, want an hour after that, give or take 5%%", at)
		}
		for i := 1; i < len(p.began["false-0"]); i++ {
			if gap := p.began["false-0"][i] - p.began["false-0"][i-1]; gap > 63*time.Minute {
				t.Errorf("the node that stayed was left alone for %s", gap)
			}
		}
	})
}

// A list that changes back and forth while a node is polled loses nothing.
func TestScheduleReplaceBackAndForth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tasks := makeTasks(2, false)
		s := newSchedule(tasks, time.Hour, 0, 2, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.run(ctx, func(context.Context, *task) { <-time.After(30 * time.Minute) })
		}()
		for i := range 20 {
			<-time.After(7 * time.Minute)
			s.replace(tasks[:1+i%2])
		}
		<-time.After(time.Hour)
		s.replace(tasks)
		cancel()
		<-done
		if n := len(s.waiting) + len(s.nodes.ready); n > 2 || len(s.nodes.active) != 0 {
			t.Errorf("%d tasks wait and %d are polled after the end", n, len(s.nodes.active))
		}
	})
}

// Another interval holds for what waits, too: what it makes overdue is spread,
// and what was planned for later comes sooner.
func TestScheduleSetInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tasks := makeTasks(40, false)
		s := newSchedule(tasks, 24*time.Hour, 10*time.Minute, 4, time.Now)
		p := &polls{start: time.Now(), began: map[string][]time.Duration{}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.run(ctx, func(_ context.Context, tk *task) { p.note(tk) })
		}()
		<-time.After(5 * time.Hour)
		s.setInterval(time.Hour)
		<-time.After(5*time.Hour + 30*time.Minute)
		cancel()
		<-done
		early := 0
		for name, at := range p.began {
			if len(at) < 6 || len(at) > 7 {
				t.Errorf("%s was polled %d times, want once and then hourly", name, len(at))
				continue
			}
			if wait := at[1] - 5*time.Hour; wait < 0 || wait > 10*time.Minute {
				t.Errorf("%s came %s after it was made overdue, want within the spread", name, wait)
			} else if wait < time.Minute {
				early++
			}
		}
		if early > 20 {
			t.Errorf("%d of 40 were polled at once, want them spread", early)
		}
	})
}

// So many devices are polled at once as there are open files to ask them by.
func TestConcurrencyWithinOpenFiles(t *testing.T) {
	for open, want := range map[int]int{0: 100, 10: 1, 64: 8, 340: 100, 8192: 100} {
		c := DefaultConfig()
		c.Concurrency = 100
		a := &Agent{cfg: c, log: slog.New(slog.DiscardHandler)}
		if got := a.concurrency(open); got != want {
			t.Errorf("with %d open files %d devices at once, want %d", open, got, want)
		}
	}
}
