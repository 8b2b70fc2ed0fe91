package limit

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A Room bounds what is inside at once, and gives one key no more than half of
// it, so that nobody can fill it alone.
type Room struct {
	limited  prometheus.Counter
	inFlight prometheus.Gauge

	mu       sync.Mutex
	size     int
	inside   int
	of       map[string]int // inside, by key
	bodyRate int
	left     chan struct{} // closed and made anew when somebody leaves
}

func newRoom(limited prometheus.Counter, inFlight prometheus.Gauge) *Room {
	return &Room{limited: limited, inFlight: inFlight, of: map[string]int{}, left: make(chan struct{})}
}

func (r *Room) set(size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.size = size
}

func (r *Room) setBodyRate(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bodyRate = n
}

// Enter waits until there is room for the key, "" for one of whom nothing is
// known and who has no share. ok is false when there was none in time; otherwise
// the caller calls leave.
func (r *Room) Enter(ctx context.Context, key string, patience time.Duration) (leave func(), ok bool) {
	var late <-chan time.Time
	for {
		r.mu.Lock()
		if r.inside < r.size && (key == "" || r.of[key] < max(r.size/2, 1)) {
			r.inside++
			r.of[key]++
			r.mu.Unlock()
			r.inFlight.Inc()
			return sync.OnceFunc(func() { r.leave(key) }), true
		}
		left := r.left
		r.mu.Unlock()
		if late == nil {
			timer := time.NewTimer(patience)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-left:
		case <-late:
			r.limited.Inc()
			return nil, false
		case <-ctx.Done():
			return nil, false
		}
	}
}

func (r *Room) leave(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inside--
	if r.of[key]--; r.of[key] == 0 {
		delete(r.of, key)
	}
	close(r.left)
	r.left = make(chan struct{})
	r.inFlight.Dec()
}

// grace is how long a body may rest beyond what it has earned by coming fast.
const grace = 20 * time.Second

// Paced reads a body that must keep to the room's rate on the whole: before each
// read the deadline is moved to when the bytes so far, and grace, are used up,
// but never beyond until.
func (r *Room) Paced(body io.Reader, until time.Time, setDeadline func(time.Time) error) io.Reader {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &paced{body: body, began: time.Now(), until: until, rate: int64(max(r.bodyRate, 1)), setDeadline: setDeadline}
}

type paced struct {
	body        io.Reader
	began       time.Time
	until       time.Time
	rate        int64 // bytes a second
	read        int64
	setDeadline func(time.Time) error
}

// Read implements io.Reader.
func (p *paced) Read(b []byte) (int, error) {
	deadline := p.began.Add(grace + time.Duration(p.read)*time.Second/time.Duration(p.rate))
	if deadline.After(p.until) {
		deadline = p.until
	}
	if err := p.setDeadline(deadline); err != nil {
		return 0, err
	}
	n, err := p.body.Read(b)
	p.read += int64(n)
	return n, err
}
