package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"rollcall/agent/internal/spool"
	"rollcall/agent/internal/upload"
)

// Results of polls, as label values.
const (
	resultComplete   = "complete"
	resultIncomplete = "incomplete"
	resultUnanswered = "unanswered"
	resultSilent     = "silent" // an address of a sweep without a device
	resultFailed     = "failed" // the agent's own fault
)

// metrics are the agent's own. It never has a series per device: the collector
// knows the devices.
type metrics struct {
	polls         *prometheus.CounterVec
	pollDuration  prometheus.Histogram
	lastPoll      prometheus.Gauge
	reportsLost   prometheus.Counter
	uploads       *prometheus.CounterVec
	uploadBytes   prometheus.Counter
	reports       *prometheus.CounterVec
	uploadSuccess prometheus.Gauge
	// sourceFailures counts lists of devices, as of NetBox, that could not be
	// read.
	sourceFailures prometheus.Counter

	mu     sync.Mutex
	spool  *spool.Spool
	health health
}

// health is what /healthz answers.
type health struct {
	Status       string     `json:"status"` // "ok", or what is wrong
	LastPoll     *time.Time `json:"last_poll,omitempty"`
	LastUpload   *time.Time `json:"last_upload,omitempty"`
	UploadError  string     `json:"upload_error,omitempty"`
	SpoolReports int64      `json:"spool_reports"`
	spoolError   string
	uploadFailed time.Time
}

func newMetrics(reg prometheus.Registerer, version string, spoolMax int64, targets *roster, now func() time.Time) (*metrics, error) {
	counter := func(name, help string) prometheus.CounterOpts { return prometheus.CounterOpts{Name: name, Help: help} }
	gauge := func(name, help string) prometheus.GaugeOpts { return prometheus.GaugeOpts{Name: name, Help: help} }
	m := &metrics{
		polls: prometheus.NewCounterVec(counter("rollcall_agent_polls_total", "Polls of one address, by result."), []string{"result"}),
		pollDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "rollcall_agent_poll_duration_seconds", Help: "Time that one poll took.", Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600},
		}),
		lastPoll:      prometheus.NewGauge(gauge("rollcall_agent_last_poll_timestamp_seconds", "When a poll last ended.")),
		reportsLost:   prometheus.NewCounter(counter("rollcall_agent_reports_lost_total", "Reports that could not be written to the spool.")),
		uploads:       prometheus.NewCounterVec(counter("rollcall_agent_uploads_total", "Batches sent to the collector, by result."), []string{"result"}),
		uploadBytes:   prometheus.NewCounter(counter("rollcall_agent_upload_bytes_total", "Bytes of the batches sent, compressed.")),
		reports:       prometheus.NewCounterVec(counter("rollcall_agent_reports_total", "Reports that the collector answered for, by status."), []string{"status"}),
		uploadSuccess: prometheus.NewGauge(gauge("rollcall_agent_last_upload_success_timestamp_seconds", "When the collector last took a batch.")),

		sourceFailures: prometheus.NewCounter(counter("rollcall_agent_source_failures_total", "Times that a NetBox could not be read.")),
	}
	for _, result := range []string{resultComplete, resultIncomplete, resultUnanswered, resultSilent, resultFailed} {
		m.polls.WithLabelValues(result)
	}
	for _, result := range []string{"ok", "failed"} {
		m.uploads.WithLabelValues(result)
	}
	for _, status := range []string{"stored", "duplicate", "refused"} {
		m.reports.WithLabelValues(status)
	}
	info := prometheus.NewGaugeVec(gauge("rollcall_agent_build_info", "Always 1; the label tells the version."), []string{"version"})
	info.WithLabelValues(version).Set(1)
	limit := prometheus.NewGauge(gauge("rollcall_agent_spool_max_bytes", "How large the reports that wait may become, as spool.max_mib says."))
	limit.Set(float64(spoolMax))
	for _, c := range []prometheus.Collector{
		info, limit, m.polls, m.pollDuration, m.lastPoll, m.reportsLost, m.uploads, m.uploadBytes, m.reports, m.uploadSuccess, m.sourceFailures, newSpoolCollector(m), newAddressCollector(targets, now),
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("cannot register metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) polled(result string, took time.Duration) {
	m.polls.WithLabelValues(result).Inc()
	m.pollDuration.Observe(took.Seconds())
	m.lastPoll.SetToCurrentTime()
	now := time.Now().UTC()
	m.mu.Lock()
	m.health.LastPoll = &now
	m.mu.Unlock()
}

// kept books whether a report got into the spool.
func (m *metrics) kept(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.health.spoolError = ""
	if err != nil {
		m.reportsLost.Inc()
		m.health.spoolError = err.Error()
	}
}

// attempt books an upload.
func (m *metrics) attempt(a upload.Attempt, now time.Time) {
	m.uploadBytes.Add(float64(a.Bytes))
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.Err != nil {
		m.uploads.WithLabelValues("failed").Inc()
		m.health.UploadError, m.health.uploadFailed = a.Err.Error(), now.UTC()
		return
	}
	m.uploads.WithLabelValues("ok").Inc()
	m.reports.WithLabelValues("stored").Add(float64(a.Stored))
	m.reports.WithLabelValues("duplicate").Add(float64(a.Duplicate))
	m.reports.WithLabelValues("refused").Add(float64(a.Refused))
	m.uploadSuccess.Set(float64(now.Unix()))
	at := now.UTC()
	m.health.LastUpload, m.health.UploadError = &at, ""
}

// watch makes the spool's figures part of the metrics.
func (m *metrics) watch(s *spool.Spool) {
	m.mu.Lock()
	m.spool, m.health.spoolError = s, ""
	m.mu.Unlock()
}

func (m *metrics) stats() (spool.Stats, error) {
	m.mu.Lock()
	s := m.spool
	m.mu.Unlock()
	if s == nil {
		return spool.Stats{}, errors.New("spool is not open")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return s.Stats(ctx)
}

// addressCollector counts at each scrape what is polled.
type addressCollector struct {
	targets *roster
	now     func() time.Time
	desc    *prometheus.Desc
}

func newAddressCollector(targets *roster, now func() time.Time) addressCollector {
	return addressCollector{targets, now, prometheus.NewDesc("rollcall_agent_addresses",
		"Addresses that are polled: listed by themselves, or of sweeps with and without a device.", []string{"kind"}, nil)}
}

// Describe implements prometheus.Collector.
func (c addressCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

// Collect implements prometheus.Collector.
func (c addressCollector) Collect(ch chan<- prometheus.Metric) {
	n := map[string]float64{"listed": 0, "found": 0, "swept": 0}
	now := c.now()
	for _, t := range c.targets.all() {
		switch {
		case !t.sweep:
			n["listed"]++
		case t.isNode(now):
			n["found"]++
		default:
			n["swept"]++
		}
	}
	for kind, v := range n {
		ch <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, v, kind)
	}
}

// spoolCollector asks the spool at each scrape.
type spoolCollector struct {
	m                                                     *metrics
	reports, bytes, oldest, quarantined, dropped, corrupt *prometheus.Desc
}

func newSpoolCollector(m *metrics) spoolCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("rollcall_agent_spool_"+name, help, labels, nil)
	}
	return spoolCollector{
		m: m, reports: desc("reports", "Reports that wait for the collector."),
		bytes:       desc("bytes", "Size of the reports that wait, compressed."),
		oldest:      desc("oldest_timestamp_seconds", "When the oldest report that waits was made; absent when none waits."),
		quarantined: desc("quarantined", "Reports set aside because the collector will never take them."),
		dropped:     desc("dropped_total", "Superseded reports that were given up, by reason.", "reason"),
		corrupt:     desc("corrupt_total", "Corrupt spools that were set aside since the agent was started."),
	}
}

// Describe implements prometheus.Collector.
func (c spoolCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.reports, c.bytes, c.oldest, c.quarantined, c.dropped, c.corrupt} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. While the spool cannot be read its
// series are absent.
func (c spoolCollector) Collect(ch chan<- prometheus.Metric) {
	st, err := c.m.stats()
	if err != nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(c.reports, float64(st.Items))
	gauge(c.bytes, float64(st.Bytes))
	gauge(c.quarantined, float64(st.Quarantined))
	if !st.Oldest.IsZero() {
		gauge(c.oldest, float64(st.Oldest.Unix()))
	}
	for reason, n := range st.Dropped {
		ch <- prometheus.MustNewConstMetric(c.dropped, prometheus.CounterValue, float64(n), reason)
	}
	ch <- prometheus.MustNewConstMetric(c.corrupt, prometheus.CounterValue, float64(len(st.SetAside)))
}

// check is the answer of /healthz: well unless the spool cannot be used. A
// collector that is away is no fault of the agent's.
func (m *metrics) check() (health, bool) {
	st, err := m.stats()
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.health
	h.Status, h.SpoolReports = "ok", st.Items
	switch {
	case err != nil:
		h.Status = err.Error()
	case h.spoolError != "":
		h.Status = h.spoolError
	}
	return h, h.Status == "ok"
}

// status fills in what the metrics know.
func (m *metrics) status(s *Status) {
	st, err := m.stats()
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.health
	s.LastPoll = h.LastPoll
	s.Spool = SpoolStatus{Reports: st.Items, Bytes: st.Bytes, Oldest: pointer(st.Oldest), Quarantined: st.Quarantined, Error: h.spoolError}
	if err != nil && s.Spool.Error == "" {
		s.Spool.Error = err.Error()
	}
	s.Uploads = UploadStatus{LastSuccess: h.LastUpload, LastFailure: pointer(h.uploadFailed), Error: h.UploadError}
}

// opening notes why the spool is not open yet.
func (m *metrics) opening(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.health.spoolError = err.Error()
}

// server shows metrics and health, or the status.
type server struct {
	http   *http.Server
	answer func() error // answers requests until http is shut down
}

func (r *run) listen(ctx context.Context) (*server, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", r.cfg.Metrics.Listen)
	if err != nil {
		return nil, fmt.Errorf("cannot serve metrics.listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r.opt.Registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second, EnableOpenMetrics: true}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		h, well := r.metrics.check()
		w.Header().Set("Content-Type", "application/json")
		if !well {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(h) // the client is gone: nobody to tell
	})
	r.addr.Store(l.Addr().String())
	r.log.Info("metrics are served", "address", l.Addr().String())
	s := newServer(mux)
	web := &toolkit.FlagConfig{WebListenAddresses: &[]string{r.cfg.Metrics.Listen}, WebConfigFile: &r.cfg.Metrics.WebConfigFile}
	return &server{http: s, answer: func() error { return toolkit.Serve(l, s, web, r.log) }}, nil
}

func newServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
}

// serve returns when ctx has ended and requests in progress are answered.
func (s *server) serve(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.answer() }()
	select {
	case err := <-failed:
		return fmt.Errorf("cannot serve metrics: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := s.http.Shutdown(end); err != nil {
		_ = s.http.Close()
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve metrics: %w", err)
	}
	return nil
}
