package metrics_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"rollcall/collector/internal/metrics"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
)

// benchmark renders what the collector gives, uncompressed.
func benchmark(b *testing.B, c prometheus.Collector) {
	b.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true})
	b.ReportAllocs()
	var answer *counter
	for b.Loop() {
		answer = &counter{header: http.Header{}}
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if answer.status > http.StatusOK {
			b.Fatal(answer.status)
		}
	}
	b.ReportMetric(float64(answer.bytes)/1e6, "MB/scrape")
	b.ReportMetric(float64(answer.lines), "lines")
}

// A counter is an answer that is not kept.
type counter struct {
	header               http.Header
	status, bytes, lines int
}

func (c *counter) Header() http.Header    { return c.header }
func (c *counter) WriteHeader(status int) { c.status = status }
func (c *counter) Write(b []byte) (int, error) {
	c.bytes += len(b)
	c.lines += bytes.Count(b, []byte{'\n'})
	return len(b), nil
}

// BenchmarkScrape renders 100,000 findings of 100 organizations, and beside it
// the same series in a GaugeVec.
func BenchmarkScrape(b *testing.B) {
	orgs := names(100)
	findings := open(orgs, 100_000)
	b.Run("collector", func(b *testing.B) {
		benchmark(b, metrics.New(fake{snapshot: organizations(orgs...), byOrganization: group(findings)}, metrics.Options{}))
	})
	b.Run("GaugeVec", func(b *testing.B) {
		vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "rollcall_finding_info", Help: "The same."},
			[]string{"contract", "finding", "kind", "node", "organization", "pid", "serial", "severity", "site"})
		for _, x := range findings {
			vec.WithLabelValues(x.Contract, fmt.Sprint(x.ID), string(x.Kind), x.Node, x.Organization, x.PID, x.Serial, string(x.Severity), x.Site).Set(1)
		}
		benchmark(b, vec)
	})
}

// BenchmarkOrganizations measures how many series organizations of a usual
// size make: one site, agent and contract, 10 units, 3 findings.
func BenchmarkOrganizations(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			orgs := names(n)
			s := fake{snapshot: organizations(orgs...), byOrganization: group(open(orgs, 3*n))}
			for _, org := range orgs {
				s.snapshot.Units = append(s.snapshot.Units, store.Count{Organization: org, Site: "Main", Coverage: reconcile.Covered, Class: inventory.ClassChassis, N: 10})
				s.snapshot.Agents = append(s.snapshot.Agents, store.Agent{ID: org, Organization: org, Site: "Main", Name: "agent", Version: "1.2.3", LastSeen: now})
				s.snapshot.Figures = append(s.snapshot.Figures, store.Figures{Organization: org, Figures: reconcile.Figures{Contracts: []reconcile.ContractFigures{{
					Contract: "2041234", Imported: now, NextEnd: "2026-01-31", LastEnd: "2027-01-31",
					Lines: map[reconcile.LineState]int{reconcile.LineMatched: 10, reconcile.LineUnmatched: 0, reconcile.LineLicence: 0, reconcile.LineQuantity: 0},
					Units: map[reconcile.Coverage]int{reconcile.Covered: 10, reconcile.Expiring: 0, reconcile.Expired: 0, reconcile.Future: 0},
				}}}})
			}
			benchmark(b, metrics.New(s, metrics.Options{Settings: reconcile.DefaultSettings()}))
		})
	}
}
