package agent

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/agent/internal/crawl"
	"rollcall/pkg/inventory"
)

// crawlRetry is the wait while none of a target's devices is known yet.
const crawlRetry = time.Minute

// followCrawl crawls from a target's devices now and each interval, until ctx
// ends.
func (r *run) followCrawl(ctx context.Context, target int) {
	for {
		wait := r.cfg.Interval.D()
		if !r.crawl(ctx, target) {
			wait = min(wait, crawlRetry)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// crawl asks the neighbours of a target's devices, and theirs. It says whether
// there were devices to begin with.
func (r *run) crawl(ctx context.Context, target int) bool {
	src := r.roster.found[target]
	seeds := r.roster.seeds(target, r.opt.Now())
	if len(seeds) == 0 {
		return false
	}
	limits, err := r.cfg.limits()
	if err != nil { // Validate has passed
		r.log.Error("crawl cannot begin", "source", src.target, "error", err)
		return true
	}
	c := crawler{run: r, target: target, met: map[string]*met{}}
	result, err := crawl.Run(ctx, seeds, limits, c.ask, r.log)
	if err != nil {
		return true // a stop: what was not asked is not known
	}
	c.take(ctx, src, result)
	return true
}

// seeds are the nodes of a target that no crawl has found.
func (r *roster) seeds(target int, now time.Time) []string {
	found := map[string]bool{}
	for _, address := range r.found[target].names() {
		found[address] = true
	}
	var list []string
	for _, t := range r.all() {
		if t.target == target && !found[t.node.Address] && t.isNode(now) {
			list = append(list, t.node.Address)
		}
	}
	return list
}

// A crawler is one crawl of one target.
type crawler struct {
	*run

	target int

	mu  sync.Mutex
	met map[string]*met // by address: those that are polled for no other reason
}

// A met is a device whose poll makes a report only when it turns out that no
// other address of it is polled.
type met struct {
	task   *task
	device inventory.Device
}

// ask polls a node, or takes what its last poll has given, and asks for its
// neighbours.
func (c *crawler) ask(ctx context.Context, address string) crawl.Answer {
	t := c.roster.task(address)
	if t == nil {
		t = c.stranger(address)
	}
	t.turn.Lock()
	defer t.turn.Unlock()
	last := t.outcome()
	if last.began.IsZero() || time.Since(last.began) > c.cfg.Interval.D() {
		c.askNow(ctx, t)
		last = t.outcome()
	}
	a := crawl.Answer{Answered: last.result == resultComplete || last.result == resultIncomplete, Reason: cmp.Or(last.words, "no answer"), Device: last.device}
	if a.Answered {
		a.Neighbours, _ = c.poller.Neighbours(ctx, t.node)
	}
	return a
}

func (c *crawler) stranger(address string) *task {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.met[address]
	if m == nil {
		m = &met{task: &task{node: c.cfg.node(c.cfg.Targets[c.target], address, true), sweep: true, target: c.target}}
		c.met[address] = m
	}
	return m.task
}

// askNow polls. Of a stranger it makes no report yet.
func (c *crawler) askNow(ctx context.Context, t *task) {
	c.mu.Lock()
	m := c.met[t.node.Address]
	c.mu.Unlock()
	if m == nil {
		c.poll(ctx, t)
		return
	}
	n := t.node
	n.Sweep = true
	o := outcome{began: time.Now(), at: c.opt.Now(), result: resultComplete}
	d, answered, panicked := c.run.ask(ctx, n)
	switch {
	case panicked:
		o.result = resultFailed
	case !answered, len(d.Components) == 0 && d.Platform == inventory.PlatformUnknown:
		o.result = resultSilent
	case !d.Complete:
		o.result = resultIncomplete
	}
	c.metrics.polled(o.result, time.Since(o.began))
	o.device, o.words = gist(d), words(d)
	t.note(o)
	c.mu.Lock()
	m.device = d
	c.mu.Unlock()
}

// take makes nodes of the devices that were found, and reports them.
func (c *crawler) take(ctx context.Context, src *source, result crawl.Result) {
	now := c.opt.Now()
	var found []*met
	for _, v := range result.Visits {
		m := c.met[v.Address]
		if m == nil || !v.Answered || v.SameAs != "" || c.roster.twin(m.task.outcome().device) {
			continue
		}
		found = append(found, m)
	}
	var addresses []string
	for _, address := range src.names() {
		if t := c.roster.task(address); t != nil && t.isNode(now) {
			addresses = append(addresses, address)
		}
	}
	for _, m := range found {
		m.task.answered(now)
		c.roster.introduce(m.task)
		addresses = append(addresses, m.task.node.Address)
	}
	slices.Sort(addresses)
	addresses = slices.Compact(addresses)
	seen := Seen(result)
	c.roster.update(src, func() { src.addresses, src.readAt, src.err, src.seen = addresses, now, "", seen })
	c.remember(ctx, src, sourceNote{Addresses: addresses, ReadAt: now, Seen: seen})
	for _, m := range found {
		c.report(ctx, m)
	}
	c.log.Info("neighbours are crawled", "source", src.target, "asked", len(result.Visits), "found", len(found), "seen_only", len(seen))
}

// report remembers and reports a device that was found.
func (c *crawler) report(ctx context.Context, m *met) {
	address, o := m.task.node.Address, m.task.outcome()
	if err := c.spool.Remember(ctx, address); err != nil {
		c.log.Error("found device is not remembered", "device", address, "error", err)
	}
	err := c.keep(ctx, m.task, m.device, true, o.at)
	c.metrics.kept(err)
	if err != nil {
		c.log.Error("report is lost, the next poll replaces it", "device", address, "error", err)
		return
	}
	c.log.Info("device found by its neighbours", "device", address, "name", m.device.Name, "platform", m.device.Platform, "components", len(m.device.Components))
}

// introduce makes the next rebuild take a task for its address, where there is
// none yet.
func (r *roster) introduce(t *task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at[t.node.Address] == nil {
		r.at[t.node.Address] = t
	}
}

// twin says that a device is polled at another address already.
func (r *roster) twin(d inventory.Device) bool {
	if d.Serial == "" {
		return false
	}
	for _, t := range r.all() {
		o := t.outcome()
		if o.device.Serial != d.Serial || o.device.Address == d.Address || o.result == resultSilent || inventory.PIDFamily(o.device.Model) != inventory.PIDFamily(d.Model) {
			continue
		}
		// Copies of a virtual machine share a serial.
		if !inventory.IsVirtualPID(d.Model) || o.device.Name == d.Name {
			return true
		}
	}
	return false
}

// Seen lists the neighbours that a crawl could not read.
func Seen(result crawl.Result) []inventory.Seen {
	list := []inventory.Seen{}
	for _, s := range result.Seen {
		list = append(list, inventory.Seen{
			Name: s.Name, Address: s.Address, Platform: s.PID, Where: strings.Join(s.Where, ", "), Reason: s.Reason, Why: string(s.Why), MAC: s.MAC, Serial: s.Serial,
		})
	}
	return list
}
