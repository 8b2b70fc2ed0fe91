// Package metrics tells Prometheus how the stored inventory stands: units by
// coverage, open findings, and the age of what they rest on. It reads what
// reconcile left in the store at each scrape and computes no verdict itself.
// There are aggregates by organization and site and one info series per open
// finding, bounded; never one series per component or node. The metrics of the
// collector's own work are made where that work is done.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

const (
	// DefaultFindingSeries is how many rollcall_finding_info series one
	// organization may have.
	DefaultFindingSeries = 10000
	// readTimeout bounds the reads of one scrape; Prometheus gives up after
	// 10 seconds by default.
	readTimeout = 9 * time.Second
)

// A Source holds the results of the last reconciling, of all organizations.
type Source interface {
	Organizations(ctx context.Context) ([]store.Organization, error)
	Summary(ctx context.Context) ([]store.Count, error)
	Findings(ctx context.Context, organization string, open bool) ([]store.Finding, error) // "" for all
	AgentsAll(ctx context.Context) ([]store.Agent, error)
	ImportsAll(ctx context.Context) ([]store.Import, error)
	Nodes(ctx context.Context, organization string) ([]reconcile.Node, error)
}

// A Collector reads a Source at each scrape. It is a prometheus.Collector; the
// fields may be changed before it is registered.
type Collector struct {
	// FindingSeries bounds the rollcall_finding_info series of each
	// organization. The most severe and, of equal ones, the oldest are kept.
	FindingSeries int
	// Version is the program's, for rollcall_build_info.
	Version string

	src   Source
	log   *slog.Logger
	descs descs
}

// New returns a collector for a registry. It logs failed reads to log.
func New(src Source, log *slog.Logger) *Collector {
	return &Collector{
		FindingSeries: DefaultFindingSeries,
		Version:       moduleVersion(),
		src:           src, log: log, descs: newDescs(),
	}
}

func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// Describe sends the descriptions of all metrics, for the registry to check.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs.all() {
		ch <- d
	}
}

// Collect reads the source and sends all metrics, or none but an invalid one
// where a read failed: a scrape that fails is better than one that says that
// nothing is uncovered. The log has the cause.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	s, err := c.read(ctx)
	if err != nil {
		c.log.Error("metrics cannot be read", "error", err)
		ch <- prometheus.NewInvalidMetric(c.descs.units,
			errors.New("cannot read the stored results: the collector's log has the cause"))
		return
	}
	c.send(ch, s)
}

func (c *Collector) read(ctx context.Context) (*sample, error) {
	s := newSample(c.FindingSeries)
	orgs, err := c.src.Organizations(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot list organizations: %w", err)
	}
	for _, o := range orgs {
		nodes, err := c.src.Nodes(ctx, o.ID)
		if err != nil {
			return nil, fmt.Errorf("cannot read nodes of organization %q: %w", o.ID, err)
		}
		s.addOrganization(o)
		s.addNodes(o.ID, nodes)
	}
	counts, err := c.src.Summary(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot count units: %w", err)
	}
	s.addUnits(counts)
	findings, err := c.src.Findings(ctx, "", true)
	if err != nil {
		return nil, fmt.Errorf("cannot read findings: %w", err)
	}
	s.addFindings(findings)
	agents, err := c.src.AgentsAll(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read agents: %w", err)
	}
	s.addAgents(agents)
	imports, err := c.src.ImportsAll(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read imports: %w", err)
	}
	s.addImports(imports)
	return s, nil
}
