package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"rollcall/pkg/inventory"
)

// Kinds of sources, as in Status.
const (
	sourceNetBox = "netbox"
	sourceCrawl  = "crawl"
)

const (
	// sourceRetry is the wait after a source could not be read, where the
	// interval is not shorter.
	sourceRetry = 5 * time.Minute
	// sourceNotes is what the keys of notes about sources begin with.
	sourceNotes = "source "
	// maxShown bounds the refusals that are kept of a source.
	maxShown = 100
)

// A source names addresses beside those that the configuration holds, and
// changes while the agent runs.
type source struct {
	kind   string
	target string // as people know it

	mu        sync.Mutex // guards what follows
	addresses []string
	readAt    time.Time
	err       string
	refused   []string
	seen      []inventory.Seen
}

// key is that of the source's note in the spool.
func (s *source) key() string { return sourceNotes + s.kind + " " + s.target }

// names are the addresses; none of a source that is not there.
func (s *source) names() []string {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addresses
}

// set changes what is known of the source.
func (s *source) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *source) status() (SourceStatus, []inventory.Seen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return SourceStatus{
		Kind: s.kind, Target: s.target, Devices: len(s.addresses), ReadAt: pointer(s.readAt), Error: s.err, Refused: append([]string{}, s.refused...),
	}, s.seen
}

// A sourceNote is what is kept of a source over a restart: where NetBox is away
// then, its devices are polled all the same.
type sourceNote struct {
	Addresses []string         `json:"addresses"`
	ReadAt    time.Time        `json:"read_at"`
	Seen      []inventory.Seen `json:"seen,omitempty"`
}

// recallSources brings back what the sources named before the agent was
// started.
func (r *run) recallSources(ctx context.Context) error {
	notes := map[string][]byte{}
	err := r.spool.Notes(ctx, sourceNotes, r.opt.Now().Add(-notesAge), func(key string, note []byte) { notes[key] = note })
	if err != nil {
		return err
	}
	for _, src := range r.roster.dynamic() {
		raw, there := notes[src.key()]
		if !there {
			continue
		}
		var n sourceNote
		if err := json.Unmarshal(raw, &n); err != nil {
			r.log.Warn("what was remembered about a source of devices cannot be used", "source", src.target, "error", err)
			continue
		}
		r.roster.update(src, func() {
			src.addresses, src.readAt, src.seen = n.Addresses, n.ReadAt, n.Seen
		})
	}
	return nil
}

// remember keeps what a source names.
func (r *run) remember(ctx context.Context, src *source, n sourceNote) {
	raw, err := json.Marshal(n)
	if err == nil {
		err = r.spool.Note(ctx, src.key(), raw)
	}
	if err != nil {
		r.log.Error("what a source of devices names is not remembered over a restart", "source", src.target, "error", err)
	}
}

// followNetBox reads the list of a target's NetBox now and each interval, until
// ctx ends.
func (r *run) followNetBox(ctx context.Context, target int) {
	src := r.roster.netbox[target]
	for {
		wait := r.cfg.Interval.D()
		if err := r.readNetBox(ctx, target, src); err != nil && ctx.Err() == nil {
			wait = min(wait, sourceRetry)
			r.log.Error("netbox cannot be read, the devices that it named before are polled on", "source", src.target, "error", err, "next_try_in", wait.String())
			r.metrics.sourceFailures.Inc()
			src.set(func() { src.err = err.Error() })
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// Read asks the NetBox for its devices. A list without any is an error: it is a
// wrong filter, or a token that may view none.
func (n NetBoxTarget) Read(ctx context.Context) (TargetList, error) {
	nb, err := n.source()
	if err != nil {
		return TargetList{}, err
	}
	list, err := nb.Devices(ctx)
	if err != nil {
		return TargetList{}, err
	}
	if len(list.Ask()) == 0 {
		return TargetList{}, fmt.Errorf("NetBox at %s names no device that could be asked: check the filter, and that the token may view devices", n.URL)
	}
	return targetsOf(n.URL, list), nil
}

// readNetBox takes the list as it is now.
func (r *run) readNetBox(ctx context.Context, target int, src *source) error {
	list, err := r.cfg.Targets[target].NetBox.Read(ctx)
	if err != nil {
		return err
	}
	addresses, refused := list.Groups[0].List, list.Refused[:min(len(list.Refused), maxShown)]
	now := r.opt.Now()
	r.roster.update(src, func() {
		src.addresses, src.readAt, src.err, src.refused = addresses, now, "", refused
	})
	r.remember(ctx, src, sourceNote{Addresses: addresses, ReadAt: now})
	r.log.Info("netbox is read", "source", src.target, "devices", len(addresses), "refused", len(list.Refused))
	return nil
}
