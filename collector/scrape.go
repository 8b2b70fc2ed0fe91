package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"rollcall/collector/internal/metrics"
)

// Metrics says who may scrape /metrics.
type Metrics struct {
	Access string `yaml:"access"` // auto, open or token
	// Listen is host:port of a second listener, for /metrics alone; "" for none.
	Listen string `yaml:"listen"`
	// WebConfigFile is the file of Prometheus' exporter toolkit for TLS and
	// passwords of that listener.
	WebConfigFile string `yaml:"web_config_file"`
}

// Values of Metrics.Access.
const (
	MetricsAuto  = "auto" // open where only this machine reaches it
	MetricsOpen  = "open"
	MetricsToken = "token"
)

func (m Metrics) validate() []error {
	var errs []error
	if m.Access != MetricsAuto && m.Access != MetricsOpen && m.Access != MetricsToken {
		errs = append(errs, fmt.Errorf("metrics.access: %q is not known: use auto, open or token", m.Access))
	}
	if _, _, err := net.SplitHostPort(m.Listen); m.Listen != "" && err != nil {
		errs = append(errs, fmt.Errorf("metrics.listen: %q is not an address: write it as 127.0.0.1:8481", m.Listen))
	}
	if m.WebConfigFile == "" {
		return errs
	}
	if m.Listen == "" {
		errs = append(errs, errors.New("metrics.web_config_file: is for a listener of its own: set metrics.listen"))
	}
	if err := toolkit.Validate(m.WebConfigFile); err != nil {
		errs = append(errs, fmt.Errorf("metrics.web_config_file: %s: %w", m.WebConfigFile, err))
	}
	return errs
}

// openAt says that whoever reaches the address may scrape.
func (m Metrics) openAt(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return m.Access == MetricsOpen || m.Access == MetricsAuto && err == nil && isLoopback(host)
}

// metricsOpen says that a request that came to Listen is answered without a
// token. Names for a proxy mean that others reach that through it.
func (c Config) metricsOpen(r *http.Request) bool {
	return c.Metrics.openTo(c.Listen, r) && (c.Metrics.Access == MetricsOpen || len(c.publicNames()) == 0)
}

// openTo says that a request that came to an address is of somebody who may
// scrape: by itself of this machine.
func (m Metrics) openTo(listen string, r *http.Request) bool {
	return m.openAt(listen) && (m.Access == MetricsOpen || direct(r))
}

// direct says that nothing speaks for a proxy in between: it was asked for by a
// name of this machine, and there is none of what proxies add.
func direct(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = strings.Trim(r.Host, "[]")
	}
	return isLoopback(strings.ToLower(host)) && !slices.ContainsFunc([]string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"},
		func(header string) bool { return r.Header[header] != nil })
}

// newScrapeAnswers counts scrapes on whichever address, also those that are
// refused as there is no token or as too many are at it.
func newScrapeAnswers(reg prometheus.Registerer) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rollcall_scrapes_total", Help: "Scrapes of the collector's metrics, by HTTP status of the answer."}, []string{"code"})
	reg.MustRegister(c)
	for _, code := range []string{"200", "401", "503"} {
		c.WithLabelValues(code) // shown as 0 from the start
	}
	return c
}

// guarded asks for a token unless /metrics is open to a request.
func (c *Collector) guarded(scraped http.Handler, open func(*http.Request) bool) http.Handler {
	guard := metrics.Guard(scraped, c.store, c.log)
	return promhttp.InstrumentHandlerCounter(c.answered, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if open(r) {
			scraped.ServeHTTP(w, r)
			return
		}
		guard.ServeHTTP(w, r)
	}))
}

// scrapeServer serves /metrics alone on an address of its own; nil without one.
// Its web configuration file stands in for tokens.
func (c *Collector) scrapeServer(scraped http.Handler) *http.Server {
	m := c.config().Metrics
	if m.Listen == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", c.guarded(scraped, func(r *http.Request) bool { return m.WebConfigFile != "" || c.config().Metrics.openTo(m.Listen, r) }))
	return &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
	}
}

// startScrapes listens for scrapes where they have an address of their own.
func (c *Collector) startScrapes(ctx context.Context) error {
	if c.scrapes == nil {
		return nil
	}
	m := c.config().Metrics
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", m.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s for /metrics: %w", m.Listen, err)
	}
	c.scraped = l.Addr().String()
	c.tasks.Go(func() {
		flags := &toolkit.FlagConfig{WebListenAddresses: &[]string{m.Listen}, WebConfigFile: &m.WebConfigFile}
		if err := toolkit.Serve(l, c.scrapes, flags, c.log); !errors.Is(err, http.ErrServerClosed) {
			c.failed <- fmt.Errorf("cannot go on serving /metrics on %s: %w", m.Listen, err)
		}
	})
	return nil
}
