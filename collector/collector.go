// Package collector is the collector as a part that can be started: it wires
// the store, the endpoint for agents, the reconcile loop, the pages and the
// metrics, and runs them. It has no flags and no signals; those are the
// command's, in cmd/rollcall-collector. What each part does is in the packages
// below internal.
package collector

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"rollcall/collector/internal/ingest"
	"rollcall/collector/internal/limit"
	"rollcall/collector/internal/metrics"
	"rollcall/collector/internal/notify"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/requestid"
	"rollcall/collector/internal/store"
	"rollcall/collector/internal/supportapi"
	"rollcall/collector/internal/web"
	"rollcall/pkg/filesystem"
	"rollcall/pkg/wire"
)

// stopTime bounds how long requests in flight may take once the collector is
// stopping.
const stopTime = 8 * time.Second

// Options are what a collector gets from its surroundings.
type Options struct {
	Log      *slog.Logger         // nil logs nothing
	Registry *prometheus.Registry // of this collector alone; nil is a new one
	Now      func() time.Time     // nil is time.Now
	Version  string               // of the program, for metrics; "" is the module's
	// Offer is given the link to make the first account, where there is none
	// yet; nil logs it.
	Offer func(link string)
	Level *slog.LevelVar // of Log, for a reload; nil cannot be changed
}

// A Collector is made by New, started once and stopped once.
type Collector struct {
	config Config
	log    *slog.Logger
	store  *store.Store
	server *http.Server
	loop   *loop
	limits *limit.Limits
	offer  func(link string)
	reader *metrics.Collector
	judged atomic.Pointer[reconcile.Settings]

	options   Options
	reloading sync.Mutex
	reloads   reloadMetrics
	pulling   pulling
	cert      *certificate // nil without TLS, and before the start
	debug     *http.Server // nil without debug.listen
	// scrapes serves /metrics on an address of its own; nil without one.
	scrapes *http.Server
	scraped string // its address, with the real port
	notify  *notify.Notifier

	mu       sync.Mutex
	listener net.Listener
	endLoop  context.CancelFunc // nil before Start, as endAll
	endAll   context.CancelFunc // ends also requests in flight
	tasks    sync.WaitGroup
	failed   chan error // the server's end, when nobody stopped it
	stopped  sync.Once
	stopErr  error
}

// New opens the data directory and wires all parts. Nothing runs or listens
// until Start. The caller calls Stop, also when it never starts the collector.
func New(ctx context.Context, c Config, o Options) (*Collector, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Log = requestid.Log(o.Log)
	told := c.Notify.settings()
	s, err := c.OpenStore(ctx, store.Options{Now: o.Now, Log: o.Log, Receivers: told.Receivers})
	if err != nil {
		return nil, err
	}
	reader := metrics.New(s, metrics.Options{Settings: c.Settings.reconcile(), Version: o.Version, Log: o.Log})
	if err := o.Registry.Register(reader); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot register metrics: %w", err), s.Close())
	}
	col := &Collector{config: c, log: o.Log, store: s, offer: o.Offer, failed: make(chan error, 3), limits: limit.New(c.limits(), o.Registry), reader: reader, options: o}
	if err := col.tellRestore(ctx, o.Registry); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	judged := c.Settings.reconcile()
	col.judged.Store(&judged)
	col.reloads = newReloadMetrics(o.Registry)
	col.loop = &loop{
		store: s.Unattended(), reconcile: reconcile.Reconcile, settings: func() reconcile.Settings { return *col.judged.Load() }, now: o.Now, log: o.Log,
		metrics: newLoopMetrics(o.Registry), poll: pollInterval,
	}
	col.pulling.metrics = supportapi.NewMetrics(o.Registry)
	col.pulling.pullers = c.pullers(s.Unattended(), o, col.pulling.metrics)
	col.notify = notify.New(notify.Options{
		Store: s.Unattended(), Settings: told, Judge: col.loop.settings, Version: o.Version, Log: o.Log, Registry: o.Registry, Now: o.Now,
	})
	col.server = &http.Server{
		Handler: col.limits.Connections.Serving(requestid.Handler(col.limits.Handler(col.routes(o, reader)))),
		// An upload extends the two in the middle for itself.
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
		// More streams than a browser uses only help an attacker.
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: 100, WriteByteTimeout: 30 * time.Second},
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug), // mostly handshakes of strangers
	}
	return col, nil
}

// routes mounts what the parts serve.
func (c *Collector) routes(o Options, reader *metrics.Collector) http.Handler {
	mux := http.NewServeMux()
	agents := ingest.New(ingest.Options{
		Store: c.store.Unattended(), Registry: o.Registry, Log: o.Log, Limits: c.limits, AgentInterval: c.config.AgentInterval.D(),
		Now: o.Now, CredentialLife: c.config.Agents.CredentialLife.D(), NeedCertificate: c.config.TLS.ClientCAFile != "",
	})
	for _, path := range ingest.Paths() {
		mux.Handle(path, agents)
	}
	// A scrape that cannot be whole fails, for half of the organizations would
	// be taken for all.
	scraped := reader.Handler(o.Registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, Timeout: 30 * time.Second, ErrorHandling: promhttp.HTTPErrorOnError,
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelError),
	})
	mux.Handle("GET /metrics", c.guarded(scraped, c.config.metricsOpen()))
	c.scrapes = c.scrapeServer(scraped)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", c.ready)
	mux.Handle("/", c.limits.Page(web.New(web.Options{
		Store: c.store, Log: o.Log, Now: o.Now, Settings: c.loop.settings, Hosts: c.config.goesBy(),
		People: c.store, LoginOff: c.config.Login == LoginOff, SessionIdle: c.config.Session.Idle.D(), SessionLife: c.config.Session.Life.D(),
		Provider: c.config.OIDC.provider(), ProviderName: c.config.OIDC.Label, Client: c.limits.Addresses.Client,
		View: func(actor string, organizations []string, all bool) web.Store {
			view := c.store.As(actor)
			if all {
				return view
			}
			return view.Within(organizations...)
		},
	})))
	return mux
}

// ready says whether agents and people can be served, and why not.
func (c *Collector) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	err := c.store.Ready(ctx)
	if err == nil {
		err = c.loop.stalled(time.Now())
	}
	if err != nil {
		plain(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	plain(w, http.StatusOK, "ready")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // whoever asked is gone
}

// Start listens and begins the work, which ends with Stop. The context is for
// the start alone.
func (c *Collector) Start(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener != nil {
		return errors.New("the collector was started already")
	}
	cert, err := c.certificate()
	if err != nil {
		return err
	}
	if cert != nil {
		c.server.TLSConfig, c.cert = cert.config(), cert
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.config.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", c.config.Listen, err)
	}
	if err := c.startDebug(ctx); err != nil {
		return errors.Join(err, listener.Close())
	}
	c.listener = listener
	lifetime, endAll := context.WithCancel(context.WithoutCancel(ctx))
	working, endLoop := context.WithCancel(lifetime)
	c.endAll, c.endLoop = endAll, endLoop
	c.server.BaseContext = func(net.Listener) context.Context { return lifetime }
	c.tasks.Go(func() {
		serve := c.server.Serve
		if cert != nil {
			serve = func(l net.Listener) error { return c.server.ServeTLS(l, "", "") }
		}
		if err := serve(c.limits.Connections.Listener(listener)); !errors.Is(err, http.ErrServerClosed) {
			c.failed <- fmt.Errorf("cannot go on serving: %w", err)
		}
	})
	c.tasks.Go(func() { c.loop.run(working) })
	c.pulling.start(working)
	c.tasks.Go(func() { c.notify.Run(working) })
	if host, _, err := net.SplitHostPort(c.config.Listen); err == nil && !isLoopback(host) && cert == nil {
		c.log.Warn("other machines can reach this address without encryption: whoever listens on the network reads passwords and tokens",
			"address", listener.Addr().String())
	}
	if c.config.Login == LoginOff {
		c.log.Warn("login is off: whoever is on this machine may do everything")
	}
	if open := filesystem.MaxOpen(); c.config.Limits.connections(open) < c.config.Limits.Connections {
		c.log.Warn("the system allows fewer open files than limits.connections asks for: raise LimitNOFILE or ulimit -n, or lower the setting",
			"open_files", open, "connections", c.config.Limits.connections(open), "limits.connections", c.config.Limits.Connections)
	}
	c.log.Info("collector started", "url", c.url(), "data_dir", c.config.DataDir)
	if err := c.startScrapes(ctx); err != nil {
		return err
	}
	if err := c.auditStart(ctx); err != nil {
		return err
	}
	return c.offerSetup(ctx)
}

// auditStart writes into the audit log that the collector started, and with
// which settings by their hash; and into its own log how far the audit log goes,
// so that one that was cut off is found by whoever keeps the logs elsewhere.
func (c *Collector) auditStart(ctx context.Context) error {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%+v", c.config))) // secrets print as <secret>
	if err := c.store.Audit(ctx, "", "collector.start", "settings", map[string]any{"sha256": hex.EncodeToString(sum[:]), "login": c.config.Login}); err != nil {
		return err
	}
	seq, hash, err := c.store.AuditHead(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the audit log: %w", err)
	}
	c.log.Info("audit log", "entries", seq, "hash", hash)
	return nil
}

// certificate is what the collector serves with; nil for plain HTTP.
func (c *Collector) certificate() (*certificate, error) {
	files, err := c.config.servingTLS(c.loop.now())
	if err != nil || !files.enabled() {
		return nil, err
	}
	cert, err := newCertificate(files, c.log)
	if err != nil || !c.config.servesOwn() {
		return cert, err
	}
	cert.renew = func() error { return c.config.ownCertificate().renew(c.loop.now()) }
	leaf, _, err := files.leaf()
	if err != nil {
		return nil, err
	}
	c.log.Info("serving with a certificate of the collector's own: agents know it by their join token, browsers ask once whether to trust it",
		"sha256", fmt.Sprintf("%X", sha256.Sum256(leaf.Raw)), "pin", wire.PinOf(leaf), "names", leaf.DNSNames)
	return cert, nil
}

// Addr is the address that the collector listens on, with the real port; ""
// before it is started.
func (c *Collector) Addr() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener == nil {
		return ""
	}
	return c.listener.Addr().String()
}

// URL is where people open the collector; "" before it is started.
func (c *Collector) URL() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener == nil {
		return ""
	}
	return c.url()
}

func (c *Collector) url() string {
	if c.config.PublicURL != "" {
		return strings.TrimSuffix(c.config.PublicURL, "/") + "/"
	}
	return c.config.Scheme() + "://" + c.listener.Addr().String() + "/"
}

// Stop lets requests in flight end, stops the work and closes the data
// directory, within 10 seconds. Later calls return what the first did.
func (c *Collector) Stop() error {
	c.stopped.Do(func() {
		c.mu.Lock()
		endLoop, endAll := c.endLoop, c.endAll
		c.mu.Unlock()
		if endLoop != nil {
			defer endAll()
			endLoop()
		}
		ctx, done := context.WithTimeout(context.Background(), stopTime)
		defer done()
		err := c.server.Shutdown(ctx)
		if c.scrapes != nil {
			err = errors.Join(err, c.scrapes.Shutdown(ctx))
		}
		if errors.Is(err, context.DeadlineExceeded) {
			c.log.Warn("requests in flight were cut off")
			err = c.server.Close()
		}
		if c.debug != nil {
			err = errors.Join(err, c.debug.Close())
		}
		c.tasks.Wait()
		c.pulling.wait()
		c.stopErr = errors.Join(err, c.store.Close())
		c.log.Info("collector stopped")
	})
	return c.stopErr
}

// Run starts the collector and stops it when the context ends.
func (c *Collector) Run(ctx context.Context) error {
	if err := c.Start(ctx); err != nil {
		return errors.Join(err, c.Stop())
	}
	return c.Wait(ctx)
}

// Wait stops the collector, which was started, when the context ends or it
// cannot go on.
func (c *Collector) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return c.Stop()
	case err := <-c.failed:
		return errors.Join(err, c.Stop())
	}
}
