package ingest

import (
	"github.com/prometheus/client_golang/prometheus"

	"rollcall/pkg/wire"
)

type metrics struct {
	reports     *prometheus.CounterVec
	batches     *prometheus.CounterVec
	credentials *prometheus.CounterVec
	duration    prometheus.Histogram
	queue       prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_ingest_reports_total", Help: "Reports of agents that were answered, by what became of them.",
		}, []string{"status"}),
		batches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_ingest_batches_total", Help: "Uploads of agents, by HTTP status of the answer.",
		}, []string{"code"}),
		credentials: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_ingest_credentials_total", Help: "Requests of agents for a credential: to join or to renew, by HTTP status of the answer.",
		}, []string{"request", "code"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "rollcall_ingest_duration_seconds", Help: "Time from the first byte of an upload to its answer.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 180},
		}),
		queue: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "rollcall_ingest_waiting_batches", Help: "Batches that have arrived and wait to be decoded and saved.",
		}),
	}
	reg.MustRegister(m.reports, m.batches, m.credentials, m.duration, m.queue)
	for _, status := range []wire.Status{wire.Stored, wire.Duplicate, wire.Refused} {
		m.reports.WithLabelValues(string(status)) // shown as 0 from the start
	}
	m.batches.WithLabelValues("200")
	for _, request := range []string{"join", "renew"} {
		m.credentials.WithLabelValues(request, "200")
	}
	return m
}
