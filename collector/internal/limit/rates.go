package limit

import (
	"container/list"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

// Rates counts how often each of many comes, by a key. The nil value lets all
// pass.
type Rates struct {
	limited prometheus.Counter

	mu    sync.Mutex
	rate  Rate
	known map[string]*list.Element // of order
	order *list.List               // of *counted, the latest first
}

type counted struct {
	key     string
	limiter *rate.Limiter
}

func newRates(limited prometheus.Counter) *Rates {
	return &Rates{limited: limited, known: map[string]*list.Element{}, order: list.New()}
}

// set begins to count anew when the rate is another one.
func (r *Rates) set(to Rate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rate == to {
		return
	}
	r.rate = to
	clear(r.known)
	r.order.Init()
}

// Take counts one coming of the key. It returns how many seconds the key should
// stay away, which is 0 when it may go on.
func (r *Rates) Take(key string, now time.Time) (retryAfter int) {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	found := r.known[key]
	if found == nil {
		found = r.order.PushFront(&counted{key, rate.NewLimiter(rate.Limit(r.rate.PerSecond), r.rate.Burst)})
		r.known[key] = found
		for r.order.Len() > keys {
			delete(r.known, r.order.Remove(r.order.Back()).(*counted).key)
		}
	}
	r.order.MoveToFront(found)
	taken := found.Value.(*counted).limiter.ReserveN(now, 1)
	wait := taken.DelayFrom(now)
	if wait == 0 {
		return 0
	}
	taken.CancelAt(now)
	r.limited.Inc()
	return seconds(wait)
}
