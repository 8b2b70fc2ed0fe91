package supportapi

import (
	"cmp"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/collector/internal/store"
)

// Metrics are of all accounts of a collector.
type Metrics struct {
	calls *prometheus.CounterVec
	due   *prometheus.GaugeVec
	last  *prometheus.GaugeVec
}

// NewMetrics registers the metrics. They have no series until there is an
// account.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_support_api_calls_total", Help: "Calls of Cisco's Support APIs, retries included, by how they ended.",
		}, []string{"account", "api", "result"}),
		due: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "rollcall_support_api_due", Help: "Serial numbers, products and RMAs that wait to be asked for.",
		}, []string{"account", "api"}),
		last: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "rollcall_support_api_last_success_timestamp_seconds", Help: "When a Support API last answered, 0 when it did not since the start.",
		}, []string{"account", "api"}),
	}
	reg.MustRegister(m.calls, m.due, m.last)
	return m
}

// begin makes the series of an account, so that rates begin at 0.
func (m *Metrics) begin(account string, apis []store.SupportAPI) {
	for _, api := range apis {
		m.last.WithLabelValues(account, string(api))
		m.due.WithLabelValues(account, string(api))
		for _, result := range append([]Kind{"ok"}, Kinds...) {
			m.calls.WithLabelValues(account, string(api), string(result))
		}
	}
	for _, result := range []Kind{"ok", Failed, Busy, Unauthorized} {
		m.calls.WithLabelValues(account, "token", string(result))
	}
}

func (m *Metrics) called(account string, api store.SupportAPI, err error, now time.Time) {
	result := "ok"
	var e *Error
	switch {
	case errors.As(err, &e):
		result = string(e.Kind)
	case err != nil:
		return // the collector stops
	case api != "":
		m.last.WithLabelValues(account, string(api)).Set(float64(now.UnixMilli()) / 1000)
	}
	m.calls.WithLabelValues(account, cmp.Or(string(api), "token"), result).Inc()
}

func (m *Metrics) waiting(account string, api store.SupportAPI, n int) {
	m.due.WithLabelValues(account, string(api)).Set(float64(n))
}
