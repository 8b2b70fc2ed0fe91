package collector

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// takenAtReload are the settings that a collector takes while it serves, by their
// keys; what is below a key goes with it. Every setting is here or below.
var takenAtReload = []string{
	"public_url", "hosts", "proxies", "proxy_headers", "limits", "history_days", "login", "session", "log.level", "settings", "agent_interval", "agents",
	"metrics.access", "oidc", "support_api", "notify",
}

// takenAtStart are those that the next start takes: what is listened on and how,
// where the data is, and the log, which is there before the collector.
var takenAtStart = []string{
	"listen", "insecure_listen", "tls.cert_file", "tls.key_file", "tls.client_ca_file", "tls.require_agent_key", "debug.listen", "data_dir", "database.dsn", "database.owner_dsn",
	"log.format", "metrics.listen", "metrics.web_config_file",
}

// Reload puts the settings that load returns in force, without a pause. When
// they are bad, those before stay, all of them. What differs and takes a start
// is returned by its keys, and stays as it was.
func (c *Collector) Reload(ctx context.Context, load func() (Config, error)) (needRestart []string, err error) {
	c.reloading.Lock()
	defer c.reloading.Unlock()
	defer func() { c.reloads.ended(err) }()
	old := c.config()
	next, needRestart, err := old.reloaded(load, c.options.Level != nil)
	if err == nil {
		err = c.rereadCertificate(next)
	}
	if err != nil {
		return nil, fmt.Errorf("the settings before stay in force: %w", err)
	}

	c.putInForce(next)
	c.limits.Set(next.limits())
	if c.options.Level != nil {
		level, _ := next.Log.level() // valid
		c.options.Level.Set(level)
	}
	c.store.KeepHistory(next.history())
	if !reflect.DeepEqual(old, next) {
		if !reflect.DeepEqual(old.OIDC, next.OIDC) {
			c.provider = next.OIDC.provider()
		}
		c.pages.set(c.newPages())
	}
	if !reflect.DeepEqual(old.SupportAPI, next.SupportAPI) {
		c.pulling.restart(c.pullers())
	}
	if !reflect.DeepEqual(old.Notify, next.Notify) {
		c.telling.restart(c.tellers())
	}
	if !reflect.DeepEqual(old.Settings, next.Settings) {
		c.reader.SetSettings(c.settings())
		// Every verdict may be another one now.
		if err := c.store.Unattended().MarkAllChanged(ctx, c.options.Now().Add(time.Minute)); err != nil {
			return needRestart, fmt.Errorf("the new settings are in force, and verdicts follow by midnight only: %w", err)
		}
	}
	if reflect.DeepEqual(old, next) {
		return needRestart, nil
	}
	if err := c.auditSettings(ctx, "collector.reload"); err != nil {
		return needRestart, fmt.Errorf("the new settings are in force, and the audit log does not say so: %w", err)
	}
	if old.Login != next.Login {
		return needRestart, c.offerSetup(ctx)
	}
	return needRestart, nil
}

// reloaded returns c with what a reload takes of others, and which of these wait
// for the next start. Both the others and what comes out are valid.
func (c Config) reloaded(load func() (Config, error), level bool) (next Config, needRestart []string, err error) {
	written, err := load()
	if err == nil {
		err = written.Validate()
	}
	if err != nil {
		return c, nil, err
	}
	next = c.with(written)
	if !level {
		next.Log.Level = c.Log.Level
	}
	needRestart = next.differs(written)
	// What is right in the file may be wrong beside what it cannot change yet:
	// login: off on an address that others still reach.
	if err := next.Validate(); err != nil {
		return c, nil, fmt.Errorf("they can be taken by a start alone, for %s changed: %w", strings.Join(needRestart, ", "), err)
	}
	return next, needRestart, nil
}

// rereadCertificate reads the files anew, or makes the collector's own certificate
// anew where it lacks a name.
func (c *Collector) rereadCertificate(next Config) error {
	if c.cert == nil {
		return nil
	}
	if _, err := next.servingTLS(c.options.Now()); err != nil {
		return err
	}
	return c.cert.reread()
}

// with returns c with what a reload takes of next.
func (c Config) with(next Config) Config {
	for _, key := range takenAtReload {
		setting(reflect.ValueOf(&c).Elem(), key).Set(setting(reflect.ValueOf(next), key))
	}
	return c
}

// differs names what is in force, as far as others are written.
func (c Config) differs(written Config) []string {
	var keys []string
	for _, key := range append(takenAtStart, "log.level") {
		if !reflect.DeepEqual(setting(reflect.ValueOf(c), key).Interface(), setting(reflect.ValueOf(written), key).Interface()) {
			keys = append(keys, key)
		}
	}
	return keys
}

// setting is the field of a configuration by its key. It panics where there is
// none.
func setting(in reflect.Value, key string) reflect.Value {
	name, below, deeper := strings.Cut(key, ".")
	for i := range in.NumField() {
		if tag, _, _ := strings.Cut(in.Type().Field(i).Tag.Get("yaml"), ","); tag == name {
			if deeper {
				return setting(in.Field(i), below)
			}
			return in.Field(i)
		}
	}
	panic("there is no setting " + key)
}

// ReloadAndLog is Reload, and tells the log how it went.
func (c *Collector) ReloadAndLog(ctx context.Context, load func() (Config, error)) {
	needRestart, err := c.Reload(ctx, load)
	switch {
	case err != nil:
		c.log.ErrorContext(ctx, "cannot reload the settings", "error", err)
	case len(needRestart) > 0:
		c.log.WarnContext(ctx, "settings reloaded; what changed of some keys takes effect at the next start", "keys", needRestart)
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

// reread reads the files now.
func (c *certificate) reread() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.load()
}
