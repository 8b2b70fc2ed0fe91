package web

import "github.com/prometheus/client_golang/prometheus"

// What there are few places for, as label values.
const (
	hashing = "password"
	reading = "file"
)

// Metrics count what pages and API refuse, and who waits there. They outlive a
// handler, which is made anew with other settings.
type Metrics struct {
	failures *prometheus.CounterVec
	costly   *prometheus.GaugeVec
}

// NewMetrics panics when the registry has them already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_page_failures_total", Help: "Requests of people and programs that were refused or failed, by HTTP status of the answer.",
		}, []string{"code"}),
		costly: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "rollcall_page_costly_requests", Help: "Requests that have, or wait for, one of the few places to hash a password or to read a file, by what it is for.",
		}, []string{"for"}),
	}
	reg.MustRegister(m.failures, m.costly)
	for _, code := range []string{"401", "403", "429", "503"} {
		m.failures.WithLabelValues(code) // shown as 0 from the start
	}
	m.costly.WithLabelValues(hashing)
	m.costly.WithLabelValues(reading)
	return m
}

// begin counts one who comes for a place, until end.
func (m *Metrics) begin(what string) (end func()) {
	waiting := m.costly.WithLabelValues(what)
	waiting.Inc()
	return waiting.Dec
}
