package metrics

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// findings are the open ones of one organization, of its run at a moment.
// Labels are clean.
type findings struct {
	org     string
	run     time.Time
	counts  map[findingKey]int
	infos   []findingInfo
	omitted int
}

type findingKey struct{ site, kind, severity string }

type findingInfo struct {
	findingKey

	org, node, serial, pid, contract, id string
}

// compare is the order of the series: of their first two labels, of which the
// second is a finding's alone.
func (x *findingInfo) compare(y *findingInfo) int {
	return cmp.Or(cmp.Compare(x.contract, y.contract), cmp.Compare(x.id, y.id))
}

// newFindings counts all findings and keeps the first most of them as infos:
// most severe first, then oldest, so that the same ones stay from scrape to
// scrape.
func newFindings(run store.Run, all []store.Finding, most int) *findings {
	slices.SortFunc(all, func(a, b store.Finding) int {
		return cmp.Or(cmp.Compare(severityRank(a.Severity), severityRank(b.Severity)), cmp.Compare(a.ID, b.ID))
	})
	f := &findings{
		org: clean(run.ID), run: run.At, counts: map[findingKey]int{},
		infos: make([]findingInfo, 0, min(len(all), most)), omitted: max(0, len(all)-most),
	}
	for i, x := range all {
		k := findingKey{clean(x.Site), clean(string(x.Kind)), clean(string(x.Severity))}
		f.counts[k]++
		if i < most {
			f.infos = append(f.infos, findingInfo{
				k, f.org, clean(x.Node), clean(x.Serial), clean(x.PID), clean(x.Contract), strconv.FormatInt(x.ID, 10),
			})
		}
	}
	return f
}

// refresh brings the known findings up to date. Only a run opens or resolves
// findings, so those of an organization without a newer run are not read again:
// most of what a finding holds is text that no metric needs.
func (c *Collector) refresh(ctx context.Context, runs []store.Run) ([]*findings, error) {
	c.known.mu.Lock()
	defer c.known.mu.Unlock()
	open := make([]*findings, 0, len(runs))
	for _, r := range runs {
		f := c.known.findings[r.ID]
		if f == nil || !f.run.Equal(r.At) {
			all, err := c.src.Findings(ctx, r.ID, true)
			if err != nil {
				return nil, fmt.Errorf("cannot read findings of organization %q: %w", r.ID, err)
			}
			f = newFindings(r, all, c.FindingSeries)
			c.known.findings[r.ID] = f
		}
		open = append(open, f)
	}
	if c.only == "" && len(open) < len(c.known.findings) { // an organization has gone
		clear(c.known.findings)
		for i, r := range runs {
			c.known.findings[r.ID] = open[i]
		}
	}
	return open, nil
}

// infos returns the series of all findings, in their order. Those of the last
// scrape are used again while no run has changed a finding: to make 100,000
// takes longer than to send them.
func (c *Collector) infos(open []*findings) *batch {
	c.known.mu.Lock()
	defer c.known.mu.Unlock()
	if c.only == "" && c.known.infos != nil && slices.Equal(open, c.known.shown) {
		return c.known.infos
	}
	var sorted []*findingInfo
	for _, f := range open {
		for i := range f.infos {
			sorted = append(sorted, &f.infos[i])
		}
	}
	// Sorted before the series are made, these lie in memory in the order in
	// which they are written.
	slices.SortFunc(sorted, (*findingInfo).compare)
	b := c.families.findingInfo.batch(len(sorted))
	for _, x := range sorted {
		b.add(1, &x.contract, &x.id, &x.kind, &x.node, &x.org, &x.pid, &x.serial, &x.severity, &x.site)
	}
	if c.only == "" {
		c.known.shown, c.known.infos = open, b
	}
	return b
}

func severityRank(s reconcile.Severity) int {
	switch s {
	case reconcile.Critical:
		return 0
	case reconcile.Warning:
		return 1
	}
	return 2
}
