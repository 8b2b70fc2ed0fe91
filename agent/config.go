package agent

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"

	"rollcall/agent/internal/crawl"
	"rollcall/agent/internal/identity"
	"rollcall/agent/internal/poll"
	"rollcall/pkg/config"
	"rollcall/pkg/table"
)

// Limits on what a configuration may say.
const (
	minInterval    = time.Second
	maxInterval    = 7 * 24 * time.Hour
	maxConcurrency = 1000
	maxTimeout     = 5 * time.Minute
	maxName        = 100
	maxSweepRate   = 10_000
	maxSSHLogins   = 20
)

// DefaultSweepRate is how many addresses of networks and ranges are begun in a
// second: a /24 takes five seconds, and no router or firewall on the way sees a
// burst.
const DefaultSweepRate = 50

// Config is what agent.yaml says. Validate it before use.
type Config struct {
	Name        string          `yaml:"name"`
	DataDir     string          `yaml:"data_dir"`
	Collector   CollectorConfig `yaml:"collector"`
	Interval    config.Duration `yaml:"interval"`
	StartSpread config.Duration `yaml:"start_spread"`
	Concurrency int             `yaml:"concurrency"`
	SweepRate   float64         `yaml:"sweep_rate"` // addresses of sweeps a second; 0 for no limit
	SSHLogins   int             `yaml:"ssh_logins"` // different SSH credentials a device is tried with in one poll
	Credentials []Credential    `yaml:"credentials"`
	Targets     []Target        `yaml:"targets"`
	Crawl       CrawlConfig     `yaml:"crawl"`
	Spool       SpoolConfig     `yaml:"spool"`
	Metrics     MetricsConfig   `yaml:"metrics"`
	Log         LogConfig       `yaml:"log"`
}

// CollectorConfig says where reports go.
type CollectorConfig struct {
	URL            string        `yaml:"url"`
	Token          config.Secret `yaml:"token"`
	AllowPlainHTTP bool          `yaml:"allow_plain_http"`
	CAFile         string        `yaml:"ca_file"`
	// CertFile and KeyFile are a client certificate, for a collector that asks
	// for one.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// SpoolConfig bounds what is kept while the collector cannot be reached.
type SpoolConfig struct {
	MaxMiB int64           `yaml:"max_mib"`
	MaxAge config.Duration `yaml:"max_age"`
}

// MetricsConfig says where the agent shows its own metrics.
type MetricsConfig struct {
	Listen string `yaml:"listen"`
	// WebConfigFile is the file of Prometheus' exporter toolkit for TLS and
	// passwords; "" for none.
	WebConfigFile string `yaml:"web_config_file"`
}

// LogConfig says what is logged to standard error, and how.
type LogConfig struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// DefaultConfig is what holds where the file says nothing.
func DefaultConfig() Config {
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "agent"
	}
	return Config{
		Name: name, DataDir: "rollcall-agent-data",
		Interval: config.Duration(6 * time.Hour), StartSpread: config.Duration(5 * time.Minute), Concurrency: 16,
		SweepRate: DefaultSweepRate, SSHLogins: poll.DefaultLogins,
		Crawl: CrawlConfig{MaxNodes: crawl.DefaultLimits().MaxNodes, MaxDepth: crawl.DefaultLimits().MaxDepth},
		Spool: SpoolConfig{MaxMiB: 256, MaxAge: config.Duration(90 * 24 * time.Hour)},
		Log:   LogConfig{Level: "info", Format: "text"},
	}
}

// LoadConfig reads the file at path over the defaults and validates it. It reads
// no secret; see CheckSecrets.
func LoadConfig(path string) (Config, error) {
	c := DefaultConfig()
	if err := config.Load(path, &c); err != nil {
		return Config{}, err
	}
	if err := c.Validate(); err != nil {
		if m, ok := errors.AsType[mistakes](err); ok {
			return Config{}, m.in(path)
		}
		return Config{}, err
	}
	var all []config.Secret
	for _, s := range c.secrets() {
		all = append(all, s.secret)
	}
	if err := config.CheckInline(path, all...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// DataDir is the data_dir of the configuration at path, which may be wrong in
// other points: a running agent can be asked all the same. Without a path it
// is the default.
func DataDir(path string) (string, error) {
	c := DefaultConfig()
	if path == "" {
		return c.DataDir, nil
	}
	if err := config.Load(path, &c); err != nil {
		return "", err
	}
	if c.DataDir == "" {
		return "", mistakes{"data_dir: is empty: name a folder for the spool and the SSH host keys"}.in(path)
	}
	return c.DataDir, nil
}

// mistakes are everything that is wrong with a configuration, one a line.
type mistakes []string

func (m mistakes) Error() string { return strings.Join(m, "\n") }

func (m *mistakes) add(path, format string, args ...any) {
	*m = append(*m, path+": "+fmt.Sprintf(format, args...))
}

func (m mistakes) in(file string) mistakes {
	named := make(mistakes, len(m))
	for i, s := range m {
		named[i] = file + ": " + s
	}
	return named
}

// Validate says all that is wrong, with the YAML path and the value, or nil. It
// reads files of targets, but no secret.
func (c Config) Validate() error {
	var m mistakes
	if c.Name == "" || len(c.Name) > maxName || strings.ContainsFunc(c.Name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		m.add("name", "%q is not a name of 1 to %d characters", c.Name, maxName)
	}
	if c.DataDir == "" {
		m.add("data_dir", "is empty: name a folder for the spool and the SSH host keys")
	}
	c.Collector.validate(&m)
	if d := c.Interval.D(); d < minInterval || d > maxInterval {
		m.add("interval", "%s is not between %s and %s", d, minInterval, "7d")
	}
	if d := c.StartSpread.D(); d < 0 || d > maxInterval {
		m.add("start_spread", "%s is not between 0s and 7d", d)
	}
	if c.Concurrency < 1 || c.Concurrency > maxConcurrency {
		m.add("concurrency", "%d is not between 1 and %d", c.Concurrency, maxConcurrency)
	}
	if c.SweepRate < 0 || c.SweepRate > maxSweepRate || math.IsNaN(c.SweepRate) {
		m.add("sweep_rate", "%g is not between 0 (no limit) and %d", c.SweepRate, maxSweepRate)
	}
	if c.SSHLogins < 1 || c.SSHLogins > maxSSHLogins {
		m.add("ssh_logins", "%d is not between 1 and %d", c.SSHLogins, maxSSHLogins)
	}
	validateCredentials(&m, "credentials", c.Credentials)
	c.validateTargets(&m)
	if c.Spool.MaxMiB < 1 || c.Spool.MaxMiB > 1<<20 {
		m.add("spool.max_mib", "%d is not between 1 and %d", c.Spool.MaxMiB, 1<<20)
	}
	if c.Spool.MaxAge.D() < time.Hour {
		m.add("spool.max_age", "%s is less than 1h", c.Spool.MaxAge.D())
	}
	if c.Metrics.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Metrics.Listen); err != nil {
			m.add("metrics.listen", "%q is not an address with a port: write it as 127.0.0.1:9469", c.Metrics.Listen)
		}
	}
	if file := c.Metrics.WebConfigFile; file != "" {
		if c.Metrics.Listen == "" {
			m.add("metrics.web_config_file", "is for /metrics: set metrics.listen")
		}
		if err := toolkit.Validate(file); err != nil {
			m.add("metrics.web_config_file", "%s: %v", file, err)
		}
	}
	if _, err := c.Log.level(); err != nil {
		m.add("log.level", "%q is not debug, info, warn or error", c.Log.Level)
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		m.add("log.format", "%q is not text or json", c.Log.Format)
	}
	if len(m) > 0 {
		return m
	}
	return nil
}

func (l LogConfig) level() (slog.Level, error) {
	var level slog.Level
	err := level.UnmarshalText([]byte(l.Level))
	return level, err
}

func (c CollectorConfig) validate(m *mistakes) {
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "" && !c.Token.IsSet(): // as it was joined, see Agent.Run
	case c.URL == "":
		m.add("collector.url", "is missing: write the collector's address, as in https://rollcall.example.org")
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		m.add("collector.url", "%q is not an address: write it as https://rollcall.example.org", c.URL)
	case u.User != nil:
		m.add("collector.url", "has a user or password in it: write the token as collector.token")
	case u.RawQuery != "" || u.Fragment != "":
		m.add("collector.url", "%q has more than an address and a path", c.URL)
	case plain(u) && !c.AllowPlainHTTP:
		m.add("collector.url", "%q would send the token readable for everybody on the way: write https://, or set allow_plain_http: true on a network that you trust", c.URL)
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		m.add("collector.cert_file", "and collector.key_file are needed both, or neither")
	}
}

// plain says that everybody on the way can read what is sent there.
func plain(u *url.URL) bool { return u.Scheme == "http" && !isLoopback(u.Hostname()) }

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || (ip != nil && ip.IsLoopback())
}

// namedSecret is a secret and its YAML path.
type namedSecret struct {
	path   string
	secret config.Secret
}

// secrets are all, that of the collector first.
func (c Config) secrets() []namedSecret {
	list := []namedSecret{{"collector.token", c.Collector.Token}}
	for i, cr := range c.Credentials {
		list = append(list, cr.secrets(fmt.Sprintf("credentials[%d]", i))...)
	}
	for i, t := range c.Targets {
		if t.NetBox != nil {
			list = append(list, namedSecret{fmt.Sprintf("targets[%d].netbox.token", i), t.NetBox.Token})
		}
	}
	return list
}

// Logger makes the logger that the configuration asks for.
func (l LogConfig) Logger(w io.Writer) *slog.Logger {
	level, err := l.level()
	if err != nil {
		level = slog.LevelInfo
	}
	opt := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(table.JSONLines(w), opt))
	}
	return slog.New(slog.NewTextHandler(w, opt))
}

// InlineSecrets are the YAML paths of the secrets that stand in the file in
// plain text.
func (c Config) InlineSecrets() []string {
	var list []string
	for _, s := range c.secrets() {
		if s.secret.Inline() {
			list = append(list, s.path)
		}
	}
	return list
}

// CheckSecrets resolves every secret and says all that cannot be. A join token
// may be gone once the agent has joined with it.
func (c Config) CheckSecrets() error {
	list := c.secrets()
	if identity.Exists(c.DataDir) {
		list = list[1:]
	}
	return resolve(list)
}

func resolve(list []namedSecret) error {
	var m mistakes
	for _, s := range list {
		if !s.secret.IsSet() {
			continue
		}
		if _, err := s.secret.Value(); err != nil {
			m.add(s.path, "%v", err)
		}
	}
	if len(m) > 0 {
		return m
	}
	return nil
}
