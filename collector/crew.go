package collector

import (
	"context"
	"sync"
)

// A job works until its context ends.
type job = func(context.Context)

// A crew is work in the background that can be exchanged while the collector
// serves.
type crew struct {
	mu      sync.Mutex
	working context.Context // of all, nil before the start
	end     context.CancelFunc
	tasks   sync.WaitGroup
}

// start runs the jobs until the context ends.
func (c *crew) start(working context.Context, jobs []job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.working = working
	c.run(jobs)
}

// run begins them. The caller holds the mutex.
func (c *crew) run(jobs []job) {
	ctx, end := context.WithCancel(c.working)
	c.end = end
	for _, do := range jobs {
		c.tasks.Go(func() { do(ctx) })
	}
}

// restart ends those that run, and runs others.
func (c *crew) restart(others []job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
	c.tasks.Wait()
	c.run(others)
}

// wait returns when none runs, after the context has ended.
func (c *crew) wait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tasks.Wait()
	if c.end != nil {
		c.end()
	}
}
