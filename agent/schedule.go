package agent

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/agent/internal/poll"
	"rollcall/pkg/inventory"
)

const (
	// jitter is the part of the interval by which each poll may come early
	// or late, so that nodes do not move in step.
	jitter = 0.05
	// graceToFinish is how long polls may go on after the order to stop.
	graceToFinish = 4 * time.Second
	// forgetAfter is how long an address of a sweep that answered once is
	// taken for a node: it may have been given to something else since.
	forgetAfter = 30 * 24 * time.Hour
)

// A task is one address that is polled again and again.
type task struct {
	node   poll.Node
	sweep  bool // it is one of many addresses where a device may be
	target int  // index of the target that it comes from

	// turn is held by whoever polls the node, as the crawl does beside the
	// schedule.
	turn sync.Mutex

	mu sync.Mutex // guards what follows
	// answeredAt is when an address of a sweep last answered; zero if never.
	answeredAt time.Time
	complained bool // that it refuses the credentials was logged
	last       outcome

	// What follows is the schedule's alone.
	due   time.Time
	began time.Time
	probe bool // the poll in progress counts as one of a sweep
	known bool // the schedule has the task
	gone  bool // the task is no longer wanted, and ends with the poll in progress
}

// An outcome is what the last poll of an address came to.
type outcome struct {
	began  time.Time // of the poll, by the monotonic clock; zero if there was none
	at     time.Time // the same by the wall clock
	result string
	device inventory.Device // without the parts that are no units
	words  string           // what is wrong, for people
}

// isNode says that the agent is responsible for the address: it was listed, or
// it answered not long ago. Only then is silence worth a report.
func (t *task) isNode(now time.Time) bool {
	if !t.sweep {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.answeredAt.IsZero() && now.Sub(t.answeredAt) < forgetAfter
}

// outcome is that of the last poll.
func (t *task) outcome() outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

func (t *task) note(o outcome) {
	t.mu.Lock()
	t.last = o
	t.mu.Unlock()
}

// answered notes that an address of a sweep has a node. It says whether that is
// news, once a day.
func (t *task) answered(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.answeredAt) < rememberEvery {
		return false
	}
	t.answeredAt = now
	return true
}

// complain says once that something is to be said.
func (t *task) complain() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.complained
	t.complained = true
	return !before
}

// gist is what is kept of a device: who it is, and its units.
func gist(d inventory.Device) inventory.Device {
	return inventory.Device{
		Address: d.Address, Name: d.Name, Platform: d.Platform, Model: d.Model, Serial: d.Serial, Complete: d.Complete, Components: d.Units(),
	}
}

// maxWords bounds what is kept of the problems of a device, in bytes.
const maxWords = 1000

// words are the problems of a device that a person should mend to have it read.
// How it is read is not among them.
func words(d inventory.Device) string {
	var list []string
	for _, p := range d.Errors {
		if p.Kind != inventory.ProblemWeakAccess && p.Kind != inventory.ProblemParse {
			list = append(list, p.Message)
		}
	}
	text := strings.Join(list, " ")
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + "…"
	}
	return text
}

// queue is the tasks by due time.
type queue []*task

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(*task)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last], *q = nil, (*q)[:last]
	return t
}

// lane is the polls of one kind. Sweeps have a lane of their own, as most of
// their addresses keep a worker until the time-out: they must not hold up the
// nodes.
type lane struct {
	limit  int
	active map[*task]bool // polled now
	ready  []*task
}

func probesAtOnce(concurrency int) int { return max(1, concurrency/2) }

// schedule polls each task once an interval. It goes by the monotonic clock: a
// wall clock that is set does not move it.
type schedule struct {
	interval time.Duration
	wall     func() time.Time // for the age of answers alone
	rand     func() float64
	waiting  queue
	spread   time.Duration
	nodes    lane
	probes   lane
	wg       sync.WaitGroup
	done     chan *task

	wake chan struct{} // has a value when wanted was set
	next atomic.Int64  // when the next poll is due, in Unix nanoseconds; 0 if none is

	mu     sync.Mutex
	wanted []*task       // the tasks from now on, where renew is set
	paced  time.Duration // the interval from now on, 0 if it stays
	renew  bool
}

// newSchedule spreads the first polls over spread.
func newSchedule(tasks []*task, interval, spread time.Duration, concurrency int, wall func() time.Time) *schedule {
	s := &schedule{
		interval: interval, spread: min(spread, interval), wall: wall, rand: rand.Float64, done: make(chan *task), wake: make(chan struct{}, 1),
		nodes: lane{limit: concurrency, active: map[*task]bool{}}, probes: lane{limit: probesAtOnce(concurrency), active: map[*task]bool{}},
	}
	s.adopt(tasks)
	return s
}

// replace makes the schedule go on with these tasks. It does not wait for that.
func (s *schedule) replace(tasks []*task) {
	s.mu.Lock()
	s.wanted, s.renew = tasks, true
	s.mu.Unlock()
	s.rouse()
}

// setInterval makes the schedule go on with another interval. It does not wait
// for that.
func (s *schedule) setInterval(d time.Duration) {
	s.mu.Lock()
	s.paced = d
	s.mu.Unlock()
	s.rouse()
}

func (s *schedule) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// repace plans what waits anew, an interval after its last poll. What is overdue
// by the new interval is spread as the first polls are.
func (s *schedule) repace(d time.Duration) {
	s.interval, s.spread = d, min(s.spread, d)
	now := time.Now()
	for _, t := range s.waiting {
		if !t.began.IsZero() {
			t.due = t.began.Add(s.after())
		}
		if t.due.Before(now) || t.due.After(now.Add(2*d)) {
			t.due = now.Add(time.Duration(s.rand() * float64(s.spread)))
		}
	}
	heap.Init(&s.waiting)
}

// adopt takes tasks in place of those before. One that was polled already is
// due an interval later, one that is new within spread.
func (s *schedule) adopt(tasks []*task) {
	wanted := make(map[*task]bool, len(tasks))
	for _, t := range tasks {
		wanted[t] = true
	}
	unwanted := func(t *task) bool {
		t.known = t.known && wanted[t]
		return !wanted[t]
	}
	s.waiting = slices.DeleteFunc(s.waiting, unwanted)
	s.nodes.drop(wanted, unwanted)
	s.probes.drop(wanted, unwanted)
	now := time.Now()
	for _, t := range tasks {
		if t.known {
			continue
		}
		t.known = true
		t.due = now.Add(time.Duration(s.rand() * float64(s.spread)))
		if last := t.outcome(); !last.began.IsZero() {
			t.due = last.began.Add(s.after())
		}
		s.waiting = append(s.waiting, t)
	}
	heap.Init(&s.waiting)
}

// drop leaves out what is not wanted any more. Polls in progress end first.
func (l *lane) drop(wanted map[*task]bool, unwanted func(*task) bool) {
	l.ready = slices.DeleteFunc(l.ready, unwanted)
	for t := range l.active {
		t.gone = !wanted[t]
	}
}

// nextDue is when the next poll is due, zero if none is.
func (s *schedule) nextDue() time.Time {
	if n := s.next.Load(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

// run polls until ctx ends. Then polls in progress may finish for a while, and
// those that do not have their context ended; run returns when all have
// returned.
func (s *schedule) run(ctx context.Context, do func(context.Context, *task)) {
	work, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		s.sortDue(time.Now())
		s.start(work, &s.nodes, do)
		s.start(work, &s.probes, do)
		s.announce()
		if len(s.waiting) > 0 {
			timer.Reset(time.Until(s.waiting[0].due))
		}
		select {
		case t := <-s.done:
			s.finish(t)
		case <-timer.C:
		case <-s.wake:
			s.mu.Lock()
			tasks, renew, paced := s.wanted, s.renew, s.paced
			s.wanted, s.renew, s.paced = nil, false, 0
			s.mu.Unlock()
			if renew {
				s.adopt(tasks)
			}
			if paced > 0 {
				s.repace(paced)
			}
		case <-ctx.Done():
		}
	}
	grace := time.AfterFunc(graceToFinish, abandon)
	defer grace.Stop()
	for len(s.nodes.active)+len(s.probes.active) > 0 {
		s.finish(<-s.done)
	}
	s.wg.Wait()
}

// announce says when the next poll is due: now, where some wait for a worker.
func (s *schedule) announce() {
	switch {
	case len(s.nodes.ready)+len(s.probes.ready) > 0:
		s.next.Store(time.Now().UnixNano())
	case len(s.waiting) > 0:
		s.next.Store(s.waiting[0].due.UnixNano())
	default:
		s.next.Store(0)
	}
}

// sortDue moves what is due to its lane.
func (s *schedule) sortDue(now time.Time) {
	for len(s.waiting) > 0 && !s.waiting[0].due.After(now) {
		t := heap.Pop(&s.waiting).(*task)
		t.probe = !t.isNode(s.wall())
		l := s.laneOf(t)
		l.ready = append(l.ready, t)
	}
}

func (s *schedule) laneOf(t *task) *lane {
	if t.probe {
		return &s.probes
	}
	return &s.nodes
}

func (s *schedule) start(ctx context.Context, l *lane, do func(context.Context, *task)) {
	n := min(l.limit-len(l.active), len(l.ready))
	for _, t := range l.ready[:n] {
		t.began = time.Now()
		l.active[t] = true
		s.wg.Go(func() {
			do(ctx, t)
			s.done <- t
		})
	}
	l.ready = slices.Delete(l.ready, 0, n)
}

// finish plans the next poll an interval after the last began, with jitter. A
// poll that took longer than that leaves the device alone for a tenth of the
// interval.
func (s *schedule) finish(t *task) {
	delete(s.laneOf(t).active, t)
	if t.gone {
		t.known = false
		return
	}
	t.due = t.began.Add(s.after())
	if rest := time.Now().Add(s.interval / 10); t.due.Before(rest) {
		t.due = rest
	}
	heap.Push(&s.waiting, t)
}

// after is the time to the next poll.
func (s *schedule) after() time.Duration {
	offset := 1 + jitter*(2*s.rand()-1)
	return time.Duration(offset * float64(s.interval))
}
