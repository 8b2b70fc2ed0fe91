package limit

import (
	"cmp"
	"sync"
	"time"
)

const (
	// firstTurn is how long the work for one takes as far as is known before any
	// was done. Too short costs some another way, too long leaves the collector
	// without work.
	firstTurn = 20 * time.Millisecond
	// turnWeight is how many of the last ones the average is of, roughly.
	turnWeight = 64
	// turnGrowth is how many times the average one counts for at most: a database
	// that hangs for a minute is not slow after that.
	turnGrowth = 4
	// longestWait bounds what one is asked to wait: the work may go faster then,
	// and the collector would have none.
	longestWait = 5 * time.Minute
)

// Turns gives those who come together, and for whom there is no room, a time to
// come again: one after the other, as fast as the work for others is done. So
// however many are sent away, about as many come back in a second as are taken
// in one, and few come again for nothing. The zero value has seen no work. It is
// safe for concurrent use.
type Turns struct {
	mu      sync.Mutex
	working int
	since   time.Time     // the last end of work, or its beginning after a rest
	each    time.Duration // between two ends while there is work, on average
	last    time.Time     // that was given
}

// Begin says that the work for one begins.
func (t *Turns) Begin(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.working == 0 {
		t.since = now
	}
	t.working++
}

// End says that the work for one has ended.
func (t *Turns) End(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	each := cmp.Or(t.each, firstTurn)
	t.each = each + (min(now.Sub(t.since), turnGrowth*each)-each)/turnWeight
	t.since = now
	t.working--
}

// Next gives the next turn, in seconds from now.
func (t *Turns) Next(now time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last.Before(now) {
		t.last = now
	}
	if t.last = t.last.Add(cmp.Or(t.each, firstTurn)); t.last.Sub(now) > longestWait {
		t.last = now.Add(longestWait / 2) // beside those who have the same
	}
	return seconds(t.last.Sub(now))
}

// Due says that somebody was given a turn that has not come.
func (t *Turns) Due(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last.After(now)
}
