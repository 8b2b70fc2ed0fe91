package collector

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// Debug is for who looks into a running collector.
type Debug struct {
	// Listen is host:port of this machine for profiles; "" for none.
	Listen string `yaml:"listen"`
}

func (d Debug) validate() error {
	if d.Listen == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(d.Listen)
	if err != nil {
		return fmt.Errorf("debug.listen: %q is not an address: write it as 127.0.0.1:8481", d.Listen)
	}
	if !isLoopback(host) {
		return fmt.Errorf("debug.listen: %q can be reached from other machines, and profiles show what is in memory: use 127.0.0.1", d.Listen)
	}
	return nil
}

// startDebug serves profiles on an address of their own, apart from everything
// that others can reach.
func (c *Collector) startDebug(ctx context.Context) error {
	if c.config().Debug.Listen == "" {
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.config().Debug.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen on debug.listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	// Not cmdline: it is in the system's own list, for those who may see it.
	c.debug = &http.Server{Handler: localOnly(mux), ReadHeaderTimeout: 5 * time.Second}
	c.tasks.Go(func() { _ = c.debug.Serve(listener) }) // until it is closed
	c.log.Info("profiles are served", "url", "http://"+listener.Addr().String()+"/debug/pprof/")
	return nil
}

// localOnly refuses what was asked for by a name that merely leads to this
// machine, as a page of elsewhere may have one.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !isLoopback(host) {
			plain(w, http.StatusMisdirectedRequest, "ask by 127.0.0.1 or localhost")
			return
		}
		next.ServeHTTP(w, r)
	})
}
