package notify

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/collector/internal/store"
)

// Metrics are of all notifiers of one collector, which follow one another.
type Metrics struct {
	sent, failed, givenUp *prometheus.CounterVec
	waiting, oldest       *prometheus.GaugeVec
	gaveUpLast            *prometheus.GaugeVec
}

// NewMetrics registers the metrics. They have no series until there is a
// receiver.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"receiver"})
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"receiver"})
	}
	m := &Metrics{
		sent:    counter("rollcall_notify_sent_total", "Messages that a receiver has taken: mails, one for each recipient, or messages of a webhook."),
		failed:  counter("rollcall_notify_failures_total", "Attempts to send a message that failed."),
		givenUp: counter("rollcall_notify_given_up_total", "Changes of findings that were never told, for their receiver did not take them in time."),
		waiting: gauge("rollcall_notify_waiting", "Messages of a webhook that are not sent yet, or mails that could not be sent yet."),
		oldest: gauge("rollcall_notify_oldest_waiting_timestamp_seconds",
			"Since when the oldest message waits that is not sent yet, or since when mails cannot be sent, 0 when none waits."),
		gaveUpLast: gauge("rollcall_notify_last_given_up_timestamp_seconds", "When changes of findings were last given up, before the start of the collector too, 0 when never."),
	}
	reg.MustRegister(m.sent, m.failed, m.givenUp, m.waiting, m.oldest, m.gaveUpLast)
	return m
}

// begin shows the receivers from the start, and what waits for no others.
func (m *Metrics) begin(receivers []string) {
	gauges := []*prometheus.GaugeVec{m.waiting, m.oldest, m.gaveUpLast}
	for _, g := range gauges {
		g.Reset()
	}
	for _, r := range receivers {
		for _, c := range []*prometheus.CounterVec{m.sent, m.failed, m.givenUp} {
			c.WithLabelValues(r)
		}
		for _, g := range gauges {
			g.WithLabelValues(r)
		}
	}
}

// gaveUp counts also for a receiver that is not in the settings any more.
func (m *Metrics) gaveUp(receiver string, n int) { m.givenUp.WithLabelValues(receiver).Add(float64(n)) }

func (m *Metrics) measure(receivers []string, states []store.ReceiverState) {
	for _, r := range receivers {
		var state store.ReceiverState
		for _, s := range states {
			if s.Name == r {
				state = s
			}
		}
		m.waiting.WithLabelValues(r).Set(float64(state.Waiting))
		m.oldest.WithLabelValues(r).Set(seconds(state.Oldest))
		m.gaveUpLast.WithLabelValues(r).Set(seconds(state.GaveUp))
	}
}

// seconds are those of Unix time, 0 for a moment that never was.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
