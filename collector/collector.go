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
	"golang.org/x/time/rate"

	"rollcall/collector/internal/ingest"
	"rollcall/collector/internal/limit"
	"rollcall/collector/internal/login"
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
	force  atomic.Pointer[Config] // see config
	log    *slog.Logger
	store  *store.Store // nil until the start has opened it
	server *http.Server
	front  exchangeable // what is served: that the collector starts, and then all
	pages  exchangeable // of people, by the settings in force
	viewed *web.Metrics // of all pages
	loop   *loop
	limits *limit.Limits
	offer  func(link string)
	reader *metrics.Collector
	judged atomic.Pointer[reconcile.Settings]
	told   atomic.Pointer[notify.Settings]
	// unready limits what the log says of it, for anybody may ask.
	unready rate.Sometimes

	options   Options
	reloading sync.Mutex
	reloads   reloadMetrics
	provider  *login.Provider // of the settings in force; nil for none
	asked     *supportapi.Metrics
	pulling   crew // asks Support APIs
	letters   *notify.Metrics
	telling   crew         // tells of findings
	cert      *certificate // nil without TLS, and before the start
	newKey    bool         // of the collector's own certificate: it was made at this start
	debug     *http.Server // nil without debug.listen
	// scrapes serves /metrics on an address of its own; nil without one.
	scrapes  *http.Server
	answered *prometheus.CounterVec // of all scrapes
	scraped  string                 // its address, with the real port

	mu       sync.Mutex
	listener net.Listener
	endLoop  context.CancelFunc // nil before Start, as endAll
	endAll   context.CancelFunc // ends also requests in flight
	tasks    sync.WaitGroup
	failed   chan error // the server's end, when nobody stopped it
	stopped  sync.Once
	stopErr  error
}

// New returns a collector of the settings. Nothing is opened, runs or listens
// until Start.
func New(c Config, o Options) (*Collector, error) {
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
	col := &Collector{log: o.Log, offer: o.Offer, failed: make(chan error, 3), limits: limit.New(c.limits(), o.Registry), options: o, unready: rate.Sometimes{Interval: time.Minute}}
	col.putInForce(c)
	col.reloads, col.viewed = newReloadMetrics(o.Registry), web.NewMetrics(o.Registry)
	col.front.set(starting(openingDatabase))
	col.server = &http.Server{
		Handler: col.limits.Connections.Serving(requestid.Handler(col.limits.Handler(&col.front))),
		// An upload extends the two in the middle for itself.
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
		// More streams than a browser uses only help an attacker.
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: 100, WriteByteTimeout: 30 * time.Second},
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug), // mostly handshakes of strangers
	}
	return col, nil
}

// open opens the database, which may take a while where it has to be migrated,
// and wires all parts that need it.
func (c *Collector) open(ctx context.Context) error {
	o := c.options
	s, err := c.openStore(ctx, store.Options{
		Now: o.Now, Log: o.Log, Receivers: func(x store.Organization) []string { return c.told.Load().Receivers(x) },
		Migrating: func() { c.front.set(starting(migratingDatabase)) },
	})
	if err != nil {
		return err
	}
	c.store = s
	c.reader = metrics.New(s, metrics.Options{Settings: *c.judged.Load(), Version: o.Version, Log: o.Log})
	if err := o.Registry.Register(c.reader); err != nil {
		return fmt.Errorf("cannot register metrics: %w", err)
	}
	if err := errors.Join(c.tellRestore(ctx, o.Registry), c.tellNewKey(ctx)); err != nil {
		return err
	}
	c.loop = &loop{
		store: s.Unattended(), reconcile: reconcile.Reconcile, settings: c.settings, now: o.Now, log: o.Log,
		metrics: newLoopMetrics(o.Registry), poll: pollInterval, crowded: func() bool { return c.limits.Turns.Due(time.Now()) },
	}
	c.asked, c.letters = supportapi.NewMetrics(o.Registry), notify.NewMetrics(o.Registry)
	c.provider = c.config().OIDC.provider()
	return nil
}

// config are the settings in force. A reload may put others there.
func (c *Collector) config() Config { return *c.force.Load() }

// putInForce is for what reads settings when it needs them.
func (c *Collector) putInForce(next Config) {
	judged, told := next.Settings.reconcile(), next.Notify.settings()
	c.judged.Store(&judged)
	c.told.Store(&told)
	c.force.Store(&next)
}

// settings are those that everything is judged by.
func (c *Collector) settings() reconcile.Settings { return *c.judged.Load() }

// pullers ask Support APIs, by the settings in force.
func (c *Collector) pullers() []job {
	var jobs []job
	for _, p := range c.config().pullers(c.store.Unattended(), c.options, c.asked) {
		jobs = append(jobs, p.Run)
	}
	return jobs
}

// tellers tell of findings, by the settings in force.
func (c *Collector) tellers() []job {
	o := c.options
	return []job{notify.New(notify.Options{
		Store: c.store.Unattended(), Settings: *c.told.Load(), Judge: c.settings, Version: o.Version, Log: o.Log, Metrics: c.letters, Now: o.Now,
	}).Run}
}

// routes mounts what the parts serve.
func (c *Collector) routes() http.Handler {
	o, mux := c.options, http.NewServeMux()
	agents := ingest.New(ingest.Options{
		Store: c.store.Unattended(), Registry: o.Registry, Log: o.Log, Limits: c.limits, Now: o.Now,
		NeedCertificate: c.config().TLS.ClientCAFile != "", NeedKey: c.config().TLS.RequireAgentKey,
		Terms: func() ingest.Terms {
			now := c.config()
			return ingest.Terms{Interval: now.AgentInterval.D(), CredentialLife: now.Agents.CredentialLife.D()}
		},
	})
	for _, path := range ingest.Paths() {
		mux.Handle(path, agents)
	}
	// A scrape that cannot be whole fails, for half of the organizations would
	// be taken for all.
	scraped := c.reader.Handler(o.Registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, Timeout: 30 * time.Second, ErrorHandling: promhttp.HTTPErrorOnError,
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelError),
	})
	c.answered = newScrapeAnswers(o.Registry)
	mux.Handle("GET /metrics", c.guarded(scraped, func(r *http.Request) bool { return c.config().metricsOpen(r) }))
	c.scrapes = c.scrapeServer(scraped)
	mux.HandleFunc("GET /healthz", healthy)
	mux.HandleFunc("GET /readyz", c.ready)
	c.pages.set(c.newPages())
	mux.Handle("/", c.limits.Page(&c.pages))
	return mux
}

// newPages are those of the settings in force.
func (c *Collector) newPages() http.Handler {
	now := c.config()
	return web.New(web.Options{
		Store: c.store, Log: c.log, Now: c.options.Now, Settings: c.settings, Hosts: now.goesBy(), PublicURL: now.PublicURL,
		People: c.store, LoginOff: now.Login == LoginOff, SessionIdle: now.Session.Idle.D(), SessionLife: now.Session.Life.D(),
		Provider: c.provider, ProviderName: now.OIDC.Label, Client: c.limits.Addresses.Client,
		Receivers: c.store.Receivers, Metrics: c.viewed,
		View: func(actor string, organizations []string, all bool) web.Store {
			view := c.store.As(actor)
			if all {
				return view
			}
			return view.Within(organizations...)
		},
	})
}

// Start listens, opens the database and begins the work, which ends with Stop.
// Until the database is open whoever asks is told to come back. The context is
// for the start alone. The caller calls Stop, also when Start fails.
func (c *Collector) Start(ctx context.Context) error {
	working, err := c.listen(ctx)
	if err != nil {
		return err
	}
	if err := c.open(ctx); err != nil {
		return err
	}
	c.front.set(c.routes())
	c.tasks.Go(func() { c.loop.run(working) })
	c.pulling.start(working, c.pullers())
	c.telling.start(working, c.tellers())
	if host, _, err := net.SplitHostPort(c.config().Listen); err == nil && !isLoopback(host) && c.cert == nil {
		c.log.Warn("other machines can reach this address without encryption: whoever listens on the network reads passwords and tokens",
			"address", c.listener.Addr().String())
	}
	if c.config().Login == LoginOff {
		c.log.Warn("login is off: whoever is on this machine may do everything")
	}
	if open := filesystem.MaxOpen(); c.config().Limits.connections(open) < c.config().Limits.Connections {
		c.log.Warn("the system allows fewer open files than limits.connections asks for: raise LimitNOFILE or ulimit -n, or lower the setting",
			"open_files", open, "connections", c.config().Limits.connections(open), "limits.connections", c.config().Limits.Connections)
	}
	if err := c.startScrapes(ctx); err != nil {
		return err
	}
	if err := c.auditStart(ctx); err != nil {
		return err
	}
	if err := c.offerSetup(ctx); err != nil {
		return err
	}
	c.log.Info("collector started", "url", c.url(), "data_dir", c.config().DataDir)
	return nil
}

// listen begins to serve, and returns the context of the work.
func (c *Collector) listen(ctx context.Context) (working context.Context, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener != nil {
		return nil, errors.New("the collector was started already")
	}
	cert, err := c.certificate()
	if err != nil {
		return nil, err
	}
	if cert != nil {
		c.server.TLSConfig, c.cert = c.limits.Connections.TLS(cert.config()), cert
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.config().Listen)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", c.config().Listen, err)
	}
	if err := c.startDebug(ctx); err != nil {
		return nil, errors.Join(err, listener.Close())
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
	return working, nil
}

// auditStart writes into the audit log that the collector started, and with
// which settings by their hash.
func (c *Collector) auditStart(ctx context.Context) error {
	if err := c.auditSettings(ctx, "collector.start"); err != nil {
		return err
	}
	return c.loop.tellAudit(ctx)
}

// auditSettings writes which settings are in force since something was done.
func (c *Collector) auditSettings(ctx context.Context, what string) error {
	now := c.config()
	sum := sha256.Sum256([]byte(fmt.Sprintf("%+v", now))) // secrets print as <secret>
	return c.store.Audit(ctx, "", what, "settings", map[string]any{"sha256": hex.EncodeToString(sum[:]), "login": now.Login})
}

// certificate is what the collector serves with; nil for plain HTTP.
func (c *Collector) certificate() (*certificate, error) {
	c.newKey = c.config().servesOwn() && !c.config().ownCertificate().hasKey()
	files, err := c.config().servingTLS(c.options.Now())
	if err != nil || !files.enabled() {
		return nil, err
	}
	cert, err := newCertificate(files, c.log)
	if err != nil || !c.config().servesOwn() {
		return cert, err
	}
	cert.renew = func() error { return c.config().ownCertificate().renew(c.options.Now()) }
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
	if c.config().PublicURL != "" {
		return strings.TrimSuffix(c.config().PublicURL, "/") + "/"
	}
	return c.config().Scheme() + "://" + c.listener.Addr().String() + "/"
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
		c.telling.wait()
		if c.store != nil {
			err = errors.Join(err, c.store.Close())
		}
		c.stopErr = err
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
