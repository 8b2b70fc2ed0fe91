package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler serves the metrics as text or OpenMetrics, as the client wants them:
// all that the registry has, or with ?organization=ID what the collector has of
// that organization alone.
func (c *Collector) Handler(registry *prometheus.Registry, o promhttp.HandlerOpts) http.Handler {
	o.Registry, o.EnableOpenMetrics = registry, true
	all := promhttp.HandlerFor(registry, o)
	o.Registry = nil // the handler's own metrics are those of all
	// A handler made for one request cannot count those in flight.
	flying := make(chan struct{}, max(o.MaxRequestsInFlight, 1))
	o.MaxRequestsInFlight = 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		named, asked := r.URL.Query()["organization"]
		if !asked {
			all.ServeHTTP(w, r)
			return
		}
		// An empty name must not show all: it is a template's that was not
		// filled in.
		if len(named) != 1 || named[0] == "" {
			http.Error(w, "Name one organization by its ID, such as /metrics?organization=riverside-food-bank, or leave the parameter out for all.", http.StatusBadRequest)
			return
		}
		select {
		case flying <- struct{}{}:
			defer func() { <-flying }()
		default:
			http.Error(w, "Too many scrapes at once: try again later.", http.StatusServiceUnavailable)
			return
		}
		one := c.of(named[0])
		x, err := c.src.Snapshot(r.Context(), one.only)
		if err != nil {
			c.Log.ErrorContext(r.Context(), "metrics cannot be read", "error", err)
			http.Error(w, "The metrics cannot be read: the collector's log has the cause.", http.StatusInternalServerError)
			return
		}
		if len(x.Runs) == 0 {
			http.Error(w, noSuchOrganization, http.StatusNotFound)
			return
		}
		own := prometheus.NewRegistry()
		if err := own.Register(one); err != nil {
			c.Log.ErrorContext(r.Context(), "metrics cannot be registered", "error", err)
			http.Error(w, "The metrics cannot be read: the collector's log has the cause.", http.StatusInternalServerError)
			return
		}
		promhttp.HandlerFor(own, o).ServeHTTP(w, r)
	})
}
