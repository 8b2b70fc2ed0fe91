// Package demo shows Rollcall at work on one machine: simulated devices, an
// agent for each site and a collector, all on loopback and with a throw-away
// database. The devices are simulated (pkg/simdevice); agents, collector,
// contract files and all that lies between them are the real programs' code,
// and so it is the one package that imports both programs.
//
// A demo has two days. On the first, in the past, everything is seen once. Then
// its clock moves to the present, where some things have changed meanwhile, as
// findings that take weeks to arise need weeks.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"rollcall/collector"
	"rollcall/collector/internal/contract"
)

const (
	// listenFirst is where serve listens too, so that a viewer finds the demo
	// where the real thing will be.
	listenFirst = "127.0.0.1:8480"
	// past is how long before the present the devices were first seen.
	past = 75 * 24 * time.Hour
	// setUpWithin bounds each of the two days' first round of polls.
	setUpWithin = 2 * time.Minute
)

// Options are what a demo needs from its command.
type Options struct {
	Out      io.Writer     // what the viewer reads
	Log      *slog.Logger  // of collector and agents; nil logs nothing
	Version  string        // of the program
	RMAAfter time.Duration // from the moment that all is up; 0 is at once
	Interval time.Duration // between two polls of a device
	// Ready, when set, is called with the page's address when all is up.
	Ready func(url string)
	// Swapped, when set, is called when the collector has found the RMA.
	Swapped func()
}

// clock is the demo's time: the real one, moved.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) move(from time.Duration) { c.offset.Store(int64(from)) }

// A demo is one run of it.
type demo struct {
	options   Options
	dir       string
	clock     clock
	world     []organization
	devices   *devices
	collector *collector.Collector
	registry  *prometheus.Registry
	tokens    map[string]string // by agent
}

// Run shows the demo until the context ends, and leaves nothing behind.
func Run(ctx context.Context, o Options) (err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &demo{options: o, world: world(), registry: prometheus.NewRegistry(), tokens: map[string]string{}}
	if d.dir, err = os.MkdirTemp("", "rollcall-demo-"); err != nil {
		return fmt.Errorf("cannot make a folder for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
	d.say("Rollcall demo: starting %s, agents and a collector ...\n", d.counts())
	if d.devices, err = startDevices(d.world, o.Log); err != nil {
		return err
	}
	defer d.devices.close()
	if err := d.startCollector(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.collector.Stop()) }()
	if err := d.show(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	d.say("\nStopped. Nothing is left behind.\n")
	return nil
}

func (d *demo) say(format string, args ...any) {
	_, _ = fmt.Fprintf(d.options.Out, format, args...) // the page tells the same
}

func (d *demo) counts() string {
	sites, nodes := 0, 0
	for _, org := range d.world {
		sites += len(org.sites)
		for _, s := range org.sites {
			nodes += len(s.nodes)
		}
	}
	return fmt.Sprintf("%d simulated devices at %d sites of %d organizations", nodes, sites, len(d.world))
}

// startCollector listens where serve does, or on any free port.
func (d *demo) startCollector(ctx context.Context) error {
	d.clock.move(-past)
	start := func(listen string) error {
		c := collector.DefaultConfig()
		c.Listen, c.DataDir = listen, filepath.Join(d.dir, "collector")
		c.Login = collector.LoginOff
		registry := prometheus.NewRegistry()
		col, err := collector.New(c, collector.Options{Log: d.options.Log, Registry: registry, Now: d.clock.now, Version: d.options.Version})
		if err != nil {
			return err
		}
		if err := col.Start(ctx); err != nil {
			return errors.Join(err, col.Stop())
		}
		d.collector, d.registry = col, registry
		return nil
	}
	if err := start(listenFirst); err == nil || ctx.Err() != nil {
		return err
	}
	return start("127.0.0.1:0")
}

// show plays both days, then the RMA, and waits for the end.
func (d *demo) show(ctx context.Context) error {
	if err := d.setUp(ctx); err != nil {
		return err
	}
	if err := d.firstDay(ctx); err != nil {
		return err
	}
	d.clock.move(0)
	d.devices.later(d.world)
	if err := errors.Join(d.importContracts(ctx, true), d.importOrders(ctx)); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	if err := d.startAgents(ctx, group, func(s site) bool { return !s.silent }); err != nil {
		return err
	}
	group.Go(func() error { return d.present(ctx) })
	return group.Wait()
}

// setUp makes the agents' tokens, and the sample contracts as files.
func (d *demo) setUp(ctx context.Context) error {
	today := contract.DateOf(time.Now())
	for _, org := range d.world {
		for _, s := range org.sites {
			token, err := d.collector.InviteAgent(ctx, org.name, s.name, s.agent)
			if err != nil {
				return err
			}
			d.tokens[s.agent] = token
		}
		for _, f := range org.contracts {
			text, err := f.csv(today)
			if err != nil {
				return err
			}
			if err := writeSample(d.contractPath(f), text); err != nil {
				return err
			}
		}
	}
	return d.importContracts(ctx, false)
}

// importOrders takes the ledgers of those that were given gear.
func (d *demo) importOrders(ctx context.Context) error {
	path := filepath.Join(d.dir, "orders.csv")
	for _, org := range d.world {
		if len(org.orders) == 0 {
			continue
		}
		text, err := ordersCSV(org, contract.DateOf(time.Now()))
		if err != nil {
			return err
		}
		if err := writeSample(path, text); err != nil {
			return err
		}
		refused, err := d.collector.ImportOrders(ctx, org.name, path)
		if err := errors.Join(append(refused, err)...); err != nil {
			return err
		}
	}
	return nil
}

func writeSample(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("cannot write sample file: %w", err)
	}
	return nil
}

func (d *demo) contractPath(f contractFile) string { return filepath.Join(d.dir, f.number+".csv") }

// importContracts takes all sample contracts, or those that were downloaded
// again.
func (d *demo) importContracts(ctx context.Context, again bool) error {
	for _, org := range d.world {
		for _, f := range org.contracts {
			if again && f.stale {
				continue
			}
			refused, err := d.collector.ImportContract(ctx, org.name, d.contractPath(f))
			if err := errors.Join(append(refused, err)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// firstDay runs all agents until each device has been asked, and judged.
func (d *demo) firstDay(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	if err := d.startAgents(ctx, group, func(site) bool { return true }); err != nil {
		return err
	}
	group.Go(func() error {
		defer stop()
		err := d.until(ctx, "every device to be asked once", func() bool { return d.gauge("rollcall_nodes", nil) == d.devices.count() })
		if err != nil {
			return err
		}
		// What is found at a silent site is found today, or never.
		return d.until(ctx, "the first day's findings", func() bool { return d.gauge("rollcall_findings", map[string]string{"kind": "site_mismatch"}) > 0 })
	})
	return group.Wait()
}

// present tells the viewer where to look, and lets the RMA happen.
func (d *demo) present(ctx context.Context) error {
	silent, gone := d.missing()
	err := d.until(ctx, "every device to be asked again", func() bool {
		return d.gauge("rollcall_findings", map[string]string{"kind": "agent_silent"}) == silent &&
			d.gauge("rollcall_findings", map[string]string{"kind": "host_key_changed"}) > 0 &&
			// Those that were not asked since the first day are among them.
			d.gauge("rollcall_findings", map[string]string{"kind": "node_unreachable"}) == gone
	})
	if err != nil {
		return err
	}
	d.welcome()
	if d.options.Ready != nil {
		d.options.Ready(d.collector.URL())
	}
	if !pause(ctx, d.options.RMAAfter) {
		return nil
	}
	rma := rma()
	if err := d.devices.swap(rma); err != nil {
		return err
	}
	d.say("\n%s  RMA: %s came back with member %d replaced: serial %s is now %s.\n", time.Now().Format(time.TimeOnly), rma.device, rma.unit+1, rma.old, rma.new)
	err = d.until(ctx, "the RMA to be found", func() bool {
		return d.gauge("rollcall_findings", map[string]string{"kind": "rma_mismatch"}) > 0
	})
	if err != nil {
		return err
	}
	d.say("%s  Rollcall found it: the contract still lists %s. The swap sheet is on the page.\n", time.Now().Format(time.TimeOnly), rma.old)
	if d.options.Swapped != nil {
		d.options.Swapped()
	}
	<-ctx.Done()
	return nil
}

// missing counts the sites whose agent is silent in the present, and at the
// others the devices that do not answer.
func (d *demo) missing() (silent, gone int) {
	for _, org := range d.world {
		for _, s := range org.sites {
			if s.silent {
				silent++
				continue
			}
			for _, n := range s.nodes {
				if n.gone {
					gone++
				}
			}
		}
	}
	return silent, gone
}

func (d *demo) welcome() {
	url := strings.TrimSuffix(d.collector.URL(), "/")
	var b strings.Builder
	fmt.Fprintf(&b, "\nOpen  %s/\n\n", url)
	fmt.Fprintf(&b, "  Metrics for Prometheus   %s/metrics\n", url)
	fmt.Fprintf(&b, "  Units as JSON            %s/api/v1/units\n", url)
	fmt.Fprintf(&b, "  Findings as JSON         %s/api/v1/findings\n", url)
	fmt.Fprintf(&b, "\nThe devices answer SNMP and SSH on loopback; core-sw1, for example:\n%s", d.devices.hint("core-sw1"))
	if after := d.options.RMAAfter.Round(time.Second); after > 0 {
		fmt.Fprintf(&b, "\nIn %s a member of the stack core-sw1 comes back from repair with another serial: watch the page.\n", after)
	}
	b.WriteString("Ctrl-C ends the demo and leaves nothing behind.\n")
	d.say("%s", b.String())
}

// until asks several times a second until done says so.
func (d *demo) until(ctx context.Context, what string, done func() bool) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(setUpWithin)
	defer deadline.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("waited %s for %s in vain", setUpWithin, what)
		case <-tick.C:
		}
	}
	return nil
}

// pause waits, and says whether the context is still alive.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// gauge sums the series of a metric of the collector that have these labels:
// what the demo waits for is what Prometheus would see.
func (d *demo) gauge(name string, labels map[string]string) int {
	families, err := d.registry.Gather()
	if err != nil {
		return -1
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	series:
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if want, asked := labels[l.GetName()]; asked && want != l.GetValue() {
					continue series
				}
			}
			sum += m.GetGauge().GetValue()
		}
	}
	return int(sum)
}
