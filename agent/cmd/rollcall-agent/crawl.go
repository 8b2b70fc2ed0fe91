package main

import (
	"context"
	"sync"

	"rollcall/agent"
	"rollcall/agent/internal/crawl"
	"rollcall/agent/internal/poll"
	"rollcall/agent/internal/snmp"
	"rollcall/pkg/inventory"
)

// limits are the bounds of --crawl, nil without it.
func (c scanCmd) limits() (*crawl.Limits, error) {
	switch {
	case !c.Crawl && len(c.Allow) > 0:
		return nil, usage("--allow belongs to --crawl")
	case !c.Crawl:
		return nil, nil
	case len(c.Allow) == 0:
		return nil, usage("--crawl: name the networks in which neighbours may be asked, as in --allow 192.0.2.0/24")
	case c.Explain:
		return nil, usage("--explain is of one device: leave --crawl out")
	case c.Via == poll.ViaSSH:
		return nil, usage("--crawl needs SNMP, over which devices tell of their neighbours: leave --via ssh out")
	}
	allow, err := agent.ParseAllowed(c.Allow)
	if err != nil {
		return nil, usage("--allow%v", err)
	}
	l := crawl.Limits{Allow: allow, MaxNodes: c.MaxNodes, MaxDepth: c.MaxDepth, Concurrency: c.Concurrency, PerSecond: c.SweepRate}
	if err := l.Validate(); err != nil {
		return nil, usage("--max-nodes and --max-depth: %v", err)
	}
	return &l, nil
}

// crawl asks the neighbours of the devices that answered, and theirs. What was
// read before is not read again.
func (sc *scan) crawl(ctx context.Context, limits crawl.Limits, neighbours neighbourFunc, asking func(), step func()) {
	var seeds []string
	for _, address := range sc.order {
		if sc.results[address].answered {
			seeds = append(seeds, address)
		}
	}
	limits.MaxNodes = max(limits.MaxNodes, len(seeds))
	var mu sync.Mutex
	ask := func(ctx context.Context, address string) crawl.Answer {
		mu.Lock()
		got, known := sc.results[address]
		if !known {
			asking()
		}
		mu.Unlock()
		if !known {
			d, answered := sc.poller.Poll(ctx, sc.node(address, true))
			step()
			if ctx.Err() != nil && !answered {
				return crawl.Answer{}
			}
			got = reading{d, answered}
			mu.Lock()
			sc.results[address] = got
			mu.Unlock()
		}
		a := crawl.Answer{Answered: got.answered, Reason: reason(got.device), Device: got.device}
		if got.answered {
			a.Neighbours, _ = neighbours(ctx, sc.node(address, false))
		}
		return a
	}
	result, err := crawl.Run(ctx, seeds, limits, ask, sc.log)
	sc.crawled, sc.cut = &result, err != nil
}

// neighbourFunc asks a node for its neighbours.
type neighbourFunc func(ctx context.Context, n poll.Node) ([]snmp.Neighbour, []inventory.Problem)

// addCrawled adds what a crawl found to the result: devices that no target
// names, each at one address.
func (sc *scan) addCrawled(r *scanResult) {
	if sc.crawled == nil {
		return
	}
	r.Seen = agent.Seen(*sc.crawled)
	r.interrupted = r.interrupted || sc.cut
	for _, v := range sc.crawled.Visits {
		if _, named := sc.sweep[v.Address]; named {
			continue
		}
		r.total++
		if v.Answered && v.SameAs == "" {
			r.Devices = append(r.Devices, tidy(sc.results[v.Address].device))
		}
	}
}
