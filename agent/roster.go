package agent

import (
	"fmt"
	"sync"
	"time"
)

// A roster is the addresses of all targets, each once. What is listed by itself
// takes precedence over the same address in a sweep or a crawl, and else the
// first does.
type roster struct {
	cfg    Config
	lists  []TargetList // of each target, as written
	mu     sync.Mutex
	netbox []*source // of each target, nil without one
	found  []*source // what the crawls of each target found, nil without any
	tasks  []*task
	at     map[string]*task
	known  map[string]time.Time // when addresses of sweeps answered before the start
	change func([]*task)        // is told of a new list of tasks
}

// newRoster reads the files of targets.
func newRoster(cfg Config) (*roster, error) {
	n := len(cfg.Targets)
	r := &roster{cfg: cfg, lists: make([]TargetList, n), netbox: make([]*source, n), found: make([]*source, n), change: func([]*task) {}}
	for i, t := range cfg.Targets {
		if t.Crawl {
			r.found[i] = &source{kind: sourceCrawl, target: t.written()}
		}
		if t.NetBox != nil {
			r.netbox[i] = &source{kind: sourceNetBox, target: t.written()}
			continue
		}
		list, err := ReadTargets(t.Address)
		if err != nil {
			return nil, fmt.Errorf("targets[%d].address: %w", i, err)
		}
		r.lists[i] = list
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rebuild()
	return r, nil
}

// all are the tasks of now. The caller does not change the list.
func (r *roster) all() []*task {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tasks
}

// task is the task of an address, nil if it is not polled.
func (r *roster) task(address string) *task {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at[address]
}

// recall takes when addresses of sweeps answered before the agent was started.
func (r *roster) recall(known map[string]time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known = known
	for _, t := range r.tasks {
		t.mu.Lock()
		t.answeredAt = known[t.node.Address]
		t.mu.Unlock()
	}
}

// onChange has change told of every new list of tasks from now on.
func (r *roster) onChange(change func([]*task)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.change = change
}

// dynamic are the sources that change while the agent runs.
func (r *roster) dynamic() []*source {
	var list []*source
	for i := range r.lists {
		for _, src := range []*source{r.netbox[i], r.found[i]} {
			if src != nil {
				list = append(list, src)
			}
		}
	}
	return list
}

// update changes what a source names, and the tasks with it.
func (r *roster) update(src *source, change func()) {
	src.set(change)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rebuild()
	r.change(r.tasks)
}

// rebuild makes the list of tasks. A task whose address stays with its target
// stays as it is. r.mu is held.
func (r *roster) rebuild() {
	before := r.at
	r.tasks, r.at = nil, map[string]*task{}
	place := map[string]int{}
	add := func(target int, address string, sweep bool) {
		i, there := place[address]
		switch {
		case there && (sweep || !r.tasks[i].sweep):
			return
		case !there && len(r.tasks) >= maxTargets:
			return
		case !there:
			i = len(r.tasks)
			place[address] = i
			r.tasks = append(r.tasks, nil)
		}
		t := r.reuse(before[address], target, address, sweep)
		r.tasks[i], r.at[address] = t, t
	}
	for i := range r.cfg.Targets {
		for _, g := range r.lists[i].Groups {
			for _, address := range g.List {
				add(i, address, g.Sweep)
			}
		}
		for _, address := range r.netbox[i].names() {
			add(i, address, false)
		}
	}
	for i, src := range r.found {
		for _, address := range src.names() {
			add(i, address, true)
		}
	}
}

// reuse is the task of before where it is the same, and else one that knows of
// the address what that knew.
func (r *roster) reuse(t *task, target int, address string, sweep bool) *task {
	if t != nil && t.target == target && t.sweep == sweep {
		return t
	}
	next := &task{node: r.cfg.node(r.cfg.Targets[target], address, sweep), sweep: sweep, target: target}
	next.answeredAt = r.known[address]
	if t != nil {
		t.mu.Lock()
		next.answeredAt, next.last = t.answeredAt, t.last
		t.mu.Unlock()
	}
	return next
}
