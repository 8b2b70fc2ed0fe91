package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"rollcall/pkg/inventory"
)

// total prepares the list of addresses, each once, and counts them. An address
// that is also listed by itself is no part of a sweep.
func (sc *scan) total() int {
	sc.sweep, sc.results = map[string]bool{}, map[string]reading{}
	for _, g := range sc.groups {
		for _, address := range g.List {
			swept, there := sc.sweep[address]
			if !there {
				sc.order = append(sc.order, address)
			}
			sc.sweep[address] = g.Sweep && (swept || !there)
		}
	}
	return len(sc.order)
}

// run asks the addresses, and calls step for each that is done. When ctx ends,
// what was not asked has no result. Sweeps come last: their pace holds up no
// address that is listed.
func (sc *scan) run(ctx context.Context, step func()) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, sc.concurrency)
	for _, address := range sc.listedFirst() {
		if sc.sweep[address] && sc.pace.Wait(ctx) != nil {
			break
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			d, answered := sc.poller.Poll(ctx, sc.node(address, sc.sweep[address]))
			if ctx.Err() != nil && !answered {
				return // cut off, which says nothing about the device
			}
			mu.Lock()
			sc.results[address] = reading{d, answered}
			mu.Unlock()
			step()
		})
	}
	wg.Wait()
}

func (sc *scan) listedFirst() []string {
	list := slices.Clone(sc.order)
	slices.SortStableFunc(list, func(a, b string) int {
		switch {
		case sc.sweep[a] == sc.sweep[b]:
			return 0
		case sc.sweep[b]:
			return -1
		}
		return 1
	})
	return list
}

// result puts together what was read, in the order of the targets.
func (sc *scan) result() scanResult {
	r := scanResult{
		Scan:  inventory.Scan{Schema: inventory.ScanSchema, Started: sc.started, Devices: []inventory.Device{}, Unanswered: []inventory.Unanswered{}},
		total: len(sc.order),
	}
	for _, address := range sc.order {
		if _, asked := sc.results[address]; !asked {
			r.notAsked++
		}
	}
	r.interrupted = r.notAsked > 0
	done := map[string]bool{}
	for _, g := range sc.groups {
		answered := 0
		for _, address := range g.List {
			got, asked := sc.results[address]
			if got.answered {
				answered++
			}
			if done[address] {
				continue
			}
			done[address] = true
			switch {
			case !asked:
				r.Unanswered = append(r.Unanswered, inventory.Unanswered{Address: address, Reason: "The scan was interrupted before it was asked."})
			case got.answered:
				r.Devices = append(r.Devices, tidy(got.device))
			case !sc.sweep[address]:
				r.missing = append(r.missing, address)
				r.Unanswered = append(r.Unanswered, inventory.Unanswered{Address: address, Reason: reason(got.device)})
			case !silent(got.device): // something is there
				r.Unanswered = append(r.Unanswered, inventory.Unanswered{Address: address, Reason: reason(got.device)})
			}
		}
		if g.Sweep && answered == 0 && !r.interrupted {
			r.missing = append(r.missing, g.Written)
			r.Unanswered = append(r.Unanswered, inventory.Unanswered{Address: g.Written, Reason: fmt.Sprintf("None of its %d addresses answered.", len(g.List))})
		}
	}
	sc.addCrawled(&r)
	return r
}

// silent says that there was no sign of a device.
func silent(d inventory.Device) bool {
	for _, p := range d.Errors {
		if p.Kind != inventory.ProblemUnreachable {
			return false
		}
	}
	return true
}

func reason(d inventory.Device) string {
	var list []string
	for _, p := range d.Errors {
		list = append(list, p.Message)
	}
	if len(list) == 0 {
		return "No answer."
	}
	return strings.Join(list, " ")
}

// tidy makes every list of a device one that JSON shows as a list.
func tidy(d inventory.Device) inventory.Device {
	d.Via, d.Errors, d.Components = notNil(d.Via), notNil(d.Errors), notNil(d.Components)
	fillAliases(d.Components)
	return d
}
