package collector

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/collector/internal/supportapi"
)

// reloadable are the settings, by their keys at the top, that a collector takes
// while it serves. Of log it is the level alone.
var reloadable = map[string]bool{"limits": true, "proxies": true, "settings": true, "support_api": true, "log": true}

// Reload puts the settings that load returns in force, without a pause. When
// they are bad, those before stay, and so do single ones that need a restart:
// those are returned by their keys.
func (c *Collector) Reload(ctx context.Context, load func() (Config, error)) (needRestart []string, err error) {
	c.reloading.Lock()
	defer c.reloading.Unlock()
	defer func() { c.reloads.ended(err) }()
	next, err := load()
	if err == nil {
		err = next.Validate()
	}
	if err != nil {
		return nil, fmt.Errorf("the settings before stay in force: %w", err)
	}
	if c.cert != nil {
		if err := c.cert.reread(); err != nil {
			return nil, fmt.Errorf("the settings before stay in force: %w", err)
		}
	}
	c.mu.Lock()
	old := c.config
	c.config = old.with(next)
	c.mu.Unlock()
	needRestart = old.needRestart(next, c.options.Level != nil)

	c.limits.Set(next.limits())
	if c.options.Level != nil {
		level, _ := next.Log.level() // valid
		c.options.Level.Set(level)
	}
	if !reflect.DeepEqual(old.SupportAPI, next.SupportAPI) {
		c.pulling.restart(next.pullers(c.store.Unattended(), c.options, c.pulling.metrics))
	}
	if !reflect.DeepEqual(old.Settings, next.Settings) {
		judged := next.Settings.reconcile()
		c.judged.Store(&judged)
		c.reader.SetSettings(judged)
		// Every verdict may be another one now.
		if err := c.store.Unattended().MarkAllChanged(ctx, c.options.Now().Add(time.Minute)); err != nil {
			return needRestart, fmt.Errorf("the new settings are in force, and verdicts follow by midnight only: %w", err)
		}
	}
	return needRestart, nil
}

// with returns c with what a reload takes of next.
func (c Config) with(next Config) Config {
	c.Limits, c.Proxies, c.Settings, c.SupportAPI, c.Log.Level = next.Limits, next.Proxies, next.Settings, next.SupportAPI, next.Log.Level
	return c
}

// needRestart names the settings that differ and that a reload does not take.
func (c Config) needRestart(next Config, level bool) []string {
	var keys []string
	old, now := reflect.ValueOf(c), reflect.ValueOf(next)
	for i := range old.NumField() {
		key, _, _ := strings.Cut(old.Type().Field(i).Tag.Get("yaml"), ",")
		if !reloadable[key] && !reflect.DeepEqual(old.Field(i).Interface(), now.Field(i).Interface()) {
			keys = append(keys, key)
		}
	}
	if c.Log.Format != next.Log.Format {
		keys = append(keys, "log.format")
	}
	if c.Log.Level != next.Log.Level && !level {
		keys = append(keys, "log.level")
	}
	return keys
}

// ReloadAndLog is Reload, and tells the log how it went.
func (c *Collector) ReloadAndLog(ctx context.Context, load func() (Config, error)) {
	needRestart, err := c.Reload(ctx, load)
	switch {
	case err != nil:
		c.log.ErrorContext(ctx, "cannot reload the settings", "error", err)
	case len(needRestart) > 0:
		c.log.WarnContext(ctx, "settings reloaded, but some need a restart", "need_restart", needRestart)
	default:
		c.log.InfoContext(ctx, "settings reloaded")
	}
}

// reloadMetrics are named as Prometheus names its own.
type reloadMetrics struct {
	successful prometheus.Gauge
	last       prometheus.Gauge
}

func newReloadMetrics(reg prometheus.Registerer) reloadMetrics {
	m := reloadMetrics{
		successful: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "rollcall_config_last_reload_successful", Help: "Whether the last reload of the settings went well; also 1 when there was none since the start.",
		}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "rollcall_config_last_reload_success_timestamp_seconds", Help: "When settings were last taken, by the start or a reload.",
		}),
	}
	reg.MustRegister(m.successful, m.last)
	m.ended(nil)
	return m
}

func (m reloadMetrics) ended(err error) {
	if err != nil {
		m.successful.Set(0)
		return
	}
	m.successful.Set(1)
	m.last.SetToCurrentTime()
}

// pulling are the pullers of Support APIs that run.
type pulling struct {
	metrics *supportapi.Metrics

	mu      sync.Mutex
	pullers []*supportapi.Puller
	working context.Context // of all, nil before the start
	end     context.CancelFunc
	tasks   sync.WaitGroup
}

// start runs the pullers until the context ends.
func (p *pulling) start(working context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.working = working
	p.run()
}

// run begins those at hand. The caller holds the mutex.
func (p *pulling) run() {
	ctx, end := context.WithCancel(p.working)
	p.end = end
	for _, puller := range p.pullers {
		p.tasks.Go(func() { puller.Run(ctx) })
	}
}

// restart ends those that run, and runs others.
func (p *pulling) restart(others []*supportapi.Puller) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.end != nil {
		p.end()
	}
	p.tasks.Wait()
	p.pullers = others
	if p.working != nil {
		p.run()
	}
}

// wait returns when none runs, after the context has ended.
func (p *pulling) wait() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tasks.Wait()
	if p.end != nil {
		p.end()
	}
}

// reread reads the files now.
func (c *certificate) reread() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.load()
}
