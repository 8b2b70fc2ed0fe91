package e2e_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// sum adds all series of a metric.
func sum(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	return sumWhere(t, registry, name, "", "")
}

// stored is how many reports a collector has stored, duplicates not counted.
func stored(t *testing.T, registry *prometheus.Registry) float64 {
	t.Helper()
	return sumWhere(t, registry, "rollcall_ingest_reports_total", "status", "stored")
}

func sumWhere(t *testing.T, registry *prometheus.Registry, name, label, value string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		// A collector that was stopped can't read its database any more; its
		// counters are there all the same.
		t.Logf("gather: %v", err)
	}
	total := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	series:
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == label && l.GetValue() != value {
					continue series
				}
			}
			total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return total
}

func split(t *testing.T, address string) (host string, port int) {
	t.Helper()
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	if port, err = strconv.Atoi(text); err != nil {
		t.Fatal(err)
	}
	return host, port
}
