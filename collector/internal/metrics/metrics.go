// Package metrics tells Prometheus how the stored inventory stands: units by
// coverage, open findings, contracts and their ends, and the age of what all
// that rests on. It reads what reconcile left in the store at each scrape and
// computes no verdict itself. There are aggregates by organization, site and
// contract, and one info series per open finding, bounded; never one series per
// component, node or line. The metrics of the collector's own work are made
// where that work is done.
package metrics

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

const (
	// DefaultFindingSeries is how many rollcall_finding_info series one
	// organization may have.
	DefaultFindingSeries = 10000
	// DefaultContracts is how many contracts of one organization may have
	// series.
	DefaultContracts = 1000
	// readTimeout bounds the reads of one scrape; Prometheus gives up after
	// 10 seconds by default.
	readTimeout = 9 * time.Second
)

// A Source holds the results of the last reconciling, of an organization by ID
// or of all for "".
type Source interface {
	Snapshot(ctx context.Context, organization string) (store.Snapshot, error)
	Findings(ctx context.Context, organization string, open bool) ([]store.Finding, error)
}

// Options say what a collector shows beside the source.
type Options struct {
	Settings reconcile.Settings
	// Version is the program's, for rollcall_build_info; "" is the module's.
	Version string
	// FindingSeries and Contracts bound the series of each organization; 0 are
	// the defaults.
	FindingSeries, Contracts int
	Log                      *slog.Logger // of failed reads; nil logs nothing
}

// A Collector reads a Source at each scrape. It is a prometheus.Collector.
type Collector struct {
	Options

	src      Source
	families families
	known    *known
	only     string // the organization to show, "" for all
}

// known is what the collectors of all organizations and of single ones share.
type known struct {
	settings atomic.Pointer[reconcile.Settings]

	mu       sync.Mutex
	findings map[string]*findings // by organization
	shown    []*findings          // of the last scrape of all, and
	infos    *batch               // the series that were made of them
}

// New returns a collector of all organizations, for a registry.
func New(src Source, o Options) *Collector {
	if o.Version == "" {
		o.Version = moduleVersion()
	}
	if o.FindingSeries <= 0 {
		o.FindingSeries = DefaultFindingSeries
	}
	if o.Contracts <= 0 {
		o.Contracts = DefaultContracts
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Collector{Options: o, src: src, families: newFamilies(), known: &known{findings: map[string]*findings{}}}
	c.SetSettings(o.Settings)
	return c
}

// SetSettings shows other settings from now on.
func (c *Collector) SetSettings(s reconcile.Settings) { c.known.settings.Store(&s) }

// of returns a collector of one organization.
func (c *Collector) of(organization string) *Collector {
	one := *c
	one.only = organization
	return &one
}

func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) { c.families.describe(ch) }

// Collect reads the source and sends all metrics, or none but an invalid one
// where a read failed: a scrape that fails is better than one that says that
// nothing is uncovered. The log has the cause.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	s, open, err := c.read(ctx)
	if err != nil {
		c.Log.Error("metrics cannot be read", "error", err)
		ch <- prometheus.NewInvalidMetric(c.families.units.desc,
			errors.New("cannot read the stored results: the collector's log has the cause"))
		return
	}
	c.send(ch, s)
	c.sendFindings(ch, open)
	c.sendSettings(ch)
}

func (c *Collector) read(ctx context.Context) (*sample, []*findings, error) {
	x, err := c.src.Snapshot(ctx, c.only)
	if err != nil {
		return nil, nil, err
	}
	open, err := c.refresh(ctx, x.Runs)
	if err != nil {
		return nil, nil, err
	}
	s := newSample(c.Contracts)
	for _, r := range x.Runs {
		s.addRun(r)
	}
	s.addUnits(x.Units)
	s.addNodes(x.Nodes)
	s.addAgents(x.Agents)
	s.addSpools(x.Spools, x.Gaps)
	s.addFigures(x.Figures)
	return s, open, nil
}

// send turns the sample into metrics.
func (c *Collector) send(ch chan<- prometheus.Metric, s *sample) {
	f := c.families
	info, reconciled := f.organization.batch(len(s.names)), f.reconciled.batch(len(s.reconciled))
	for org, name := range s.names {
		info.add(1, &name, &org)
		reconciled.add(timestamp(s.reconciled[org]), &org)
	}
	info.send(ch)
	reconciled.send(ch)
	sendAll(ch, f.units, s.units, func(k *unitKey) []*string { return []*string{&k.class, &k.coverage, &k.org, &k.site} })
	sendAll(ch, f.nodes, s.nodes, func(k *nodeKey) []*string { return []*string{&k.org, &k.site, &k.state} })
	agent, seen, interval, skew := f.agent.batch(len(s.agents)), f.agentSeen.batch(len(s.agents)), f.agentInterval.batch(len(s.agents)), f.agentSkew.batch(len(s.agents))
	twice := f.agentTwice.batch(len(s.agents))
	for k, a := range s.agents {
		running := 0.0
		if a.RunsTwice(a.LastSeen) {
			running = 1
		}
		twice.add(running, &k.agent, &k.org, &k.site)
		agent.add(1, &k.agent, &k.org, &k.site, &a.Version)
		seen.add(timestamp(a.LastSeen), &k.agent, &k.org, &k.site)
		interval.add(a.Interval.Seconds(), &k.agent, &k.org, &k.site)
		skew.add(a.ClockSkew.Seconds(), &k.agent, &k.org, &k.site)
	}
	for _, b := range []*batch{agent, seen, interval, skew, twice} {
		b.send(ch)
	}
	one := func(k *agentKey) []*string { return []*string{&k.agent, &k.org, &k.site} }
	sendAll(ch, f.agentWaiting, s.waiting, one)
	sendAll(ch, f.agentRefused, s.refused, one)
	sendAll(ch, f.agentGaps, s.gaps, func(k *gapKey) []*string { return []*string{&k.agent, &k.org, &k.reason, &k.site} })
	sendAll(ch, f.lines, s.lines, func(k *lineKey) []*string { return []*string{&k.contract, &k.org, &k.state} })
	sendAll(ch, f.contractUnits, s.covered, func(k *lineKey) []*string { return []*string{&k.contract, &k.state, &k.org} })
	contract := func(k *contractKey) []*string { return []*string{&k.contract, &k.org} }
	sendAll(ch, f.imported, s.imports, contract)
	sendAll(ch, f.window, s.window, contract)
	sendAll(ch, f.nextEnd, s.nextEnd, contract)
	sendAll(ch, f.lastEnd, s.lastEnd, contract)
	org := func(k *string) []*string { return []*string{k} }
	sendAll(ch, f.contractsOmitted, s.omitted, org)
	sendAll(ch, f.termShort, s.termShort, org)
	sendAll(ch, f.donated, s.donated, func(k *orgKey) []*string { return []*string{&k.org, &k.state} })
}

// sendAll sends one series for each key.
func sendAll[K comparable, V int | time.Duration | time.Time](ch chan<- prometheus.Metric, f family, values map[K]V, labels func(*K) []*string) {
	b := f.batch(len(values))
	for k, v := range values {
		b.add(number(v), labels(&k)...)
	}
	b.send(ch)
}

func (c *Collector) sendFindings(ch chan<- prometheus.Metric, open []*findings) {
	counts := 0
	for _, f := range open {
		counts += len(f.counts)
	}
	count, omitted := c.families.findings.batch(counts), c.families.findingInfoOmitted.batch(len(open))
	for _, f := range open {
		for k, n := range f.counts {
			count.add(float64(n), &k.kind, &f.org, &k.severity, &k.site)
		}
		omitted.add(float64(f.omitted), &f.org)
	}
	count.send(ch)
	omitted.send(ch)
	c.infos(open).sendSorted(ch)
}

// sendSettings lets alerts use the limits that are set here, and not their own.
func (c *Collector) sendSettings(ch chan<- prometheus.Metric) {
	f, goVersion, version, settings := c.families, runtime.Version(), clean(c.Version), c.known.settings.Load()
	one := func(f family, value float64, labels ...*string) {
		b := f.batch(1)
		b.add(value, labels...)
		b.send(ch)
	}
	windows := map[int]bool{}
	for _, n := range settings.ExpiringDays {
		if name := strconv.Itoa(n); !windows[n] {
			windows[n] = true
			one(f.expiring, days(n).Seconds(), &name)
		}
	}
	one(f.stale, days(settings.StaleDays).Seconds())
	one(f.notSeen, days(settings.LineNotSeenDays).Seconds())
	one(f.activation, days(settings.ActivationDays).Seconds())
	one(f.silentIntervals, float64(settings.AgentSilentAfter))
	one(f.build, 1, &goVersion, &version)
}

func number[V int | time.Duration | time.Time](v V) float64 {
	switch v := any(v).(type) {
	case time.Duration:
		return v.Seconds()
	case time.Time:
		return timestamp(v)
	case int:
		return float64(v)
	}
	return 0
}

// timestamp is in seconds since 1970, as Prometheus has it; 0 for never.
func timestamp(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// endOf is the moment after the last covered day, in UTC; zero when it is not
// known.
func endOf(d contract.Date) time.Time {
	t, err := time.Parse(time.DateOnly, string(d.AddDays(1)))
	if err != nil {
		return time.Time{}
	}
	return t
}
