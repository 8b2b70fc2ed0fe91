package collector

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/mail"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/ingest"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/collector/internal/web"
	"rollcall/pkg/config"
	"rollcall/pkg/table"
)

// Config are the settings of a collector, as written in collector.yaml.
type Config struct {
	// Listen is host:port for agents, pages, API and metrics.
	Listen string `yaml:"listen"`
	// PublicURL is where agents and browsers find the collector, where that is
	// not Listen: a proxy in front has the name.
	PublicURL string `yaml:"public_url"`
	// InsecureListen allows Listen to be reached from other machines without
	// TLS. Else the collector has a certificate of its own there.
	InsecureListen bool `yaml:"insecure_listen"`
	TLS            TLS  `yaml:"tls"`
	// Hosts are names by which browsers ask for the collector where a proxy in
	// front has them, beside those of this machine.
	Hosts []string `yaml:"hosts"`
	// Proxies are the addresses and networks of reverse proxies in front, whose
	// word is taken for who asks and how.
	Proxies []string `yaml:"proxies"`
	// ProxyHeaders are those in which proxies say it.
	ProxyHeaders string `yaml:"proxy_headers"`
	Limits       Limits `yaml:"limits"`
	Debug        Debug  `yaml:"debug"`
	// DataDir holds the database. It is made when it is not there.
	DataDir  string   `yaml:"data_dir"`
	Database Database `yaml:"database"`
	// HistoryDays is how long what is over is kept: components that went away,
	// findings that were resolved, the notes of runs, what old imports changed.
	HistoryDays int `yaml:"history_days"`
	// Login is required, or off where only this machine reaches Listen: then
	// everybody who does is an admin.
	Login    string   `yaml:"login"`
	Session  Session  `yaml:"session"`
	Log      Log      `yaml:"log"`
	Settings Settings `yaml:"settings"`
	// AgentInterval is how often agents should poll; 0 leaves that to each.
	AgentInterval config.Duration `yaml:"agent_interval"`
	Agents        Agents          `yaml:"agents"`
	Metrics       Metrics         `yaml:"metrics"`
	OIDC          OIDC            `yaml:"oidc"`
	// SupportAPI are accounts for Cisco's Support APIs; none by default.
	SupportAPI []SupportAPI `yaml:"support_api"`
	Notify     Notify       `yaml:"notify"`
}

// TLS are the certificate and the key that the collector serves with. Both are
// PEM files, read again when they change, as is ClientCAFile.
type TLS struct {
	CertFile string `yaml:"cert_file"` // with intermediate certificates
	KeyFile  string `yaml:"key_file"`
	// ClientCAFile has the authorities of agents' client certificates. With it,
	// agents are taken with such a certificate alone.
	ClientCAFile string `yaml:"client_ca_file"`
	// RequireAgentKey takes reports over connections alone on which the agent
	// has shown the key that it joined with.
	RequireAgentKey bool `yaml:"require_agent_key"`
}

func (t TLS) enabled() bool { return t.CertFile != "" || t.KeyFile != "" }

// Log says what is logged and how.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // text or json
}

// Session says when a login ends by itself.
type Session struct {
	Idle config.Duration `yaml:"idle"` // without use
	Life config.Duration `yaml:"life"` // in any case
}

// Values of Config.Login.
const (
	LoginRequired = "required"
	LoginOff      = "off"
)

// Agents are the settings of how agents identify themselves.
type Agents struct {
	// CredentialLife is how long a credential is valid that an agent got. It
	// asks for the next at two thirds of it.
	CredentialLife config.Duration `yaml:"credential_life"`
}

// JoinTokenLife is how long a join token is good when nothing else is said.
const JoinTokenLife = 24 * time.Hour

// Settings are what contracts and agents are judged by.
type Settings struct {
	ExpiringDays      []int           `yaml:"expiring_days"`
	StaleDays         int             `yaml:"stale_days"`
	LineNotSeenDays   int             `yaml:"line_not_seen_days"`
	ReplacementWindow config.Duration `yaml:"replacement_window"`
	AgentSilentAfter  int             `yaml:"agent_silent_after"`
	ActivationDays    int             `yaml:"activation_days"`
	// TermYears, ShortTermDays and ShortTermToleranceDays are of the
	// program's terms.
	TermYears              int `yaml:"term_years"`
	ShortTermDays          int `yaml:"short_term_days"`
	ShortTermToleranceDays int `yaml:"short_term_tolerance_days"`
	// DonatedOnlySince is a day as YYYY-MM-DD.
	DonatedOnlySince string `yaml:"donated_only_since"`
	ProgramMail      string `yaml:"program_mail"`
}

// DefaultConfig serves this machine alone, with a database below the current
// directory.
func DefaultConfig() Config {
	d := reconcile.DefaultSettings()
	return Config{
		Listen:  "127.0.0.1:8480",
		DataDir: "./rollcall-data", HistoryDays: int(store.DefaultHistory / (24 * time.Hour)),
		Log:     Log{Level: "info", Format: "text"},
		Login:   LoginRequired,
		Metrics: Metrics{Access: MetricsAuto},
		Session: Session{Idle: config.Duration(web.DefaultSessionIdle), Life: config.Duration(web.DefaultSessionLife)},
		Settings: Settings{
			ExpiringDays: d.ExpiringDays, StaleDays: d.StaleDays, LineNotSeenDays: d.LineNotSeenDays,
			ReplacementWindow: config.Duration(d.ReplacementWindow), AgentSilentAfter: d.AgentSilentAfter,
			ActivationDays: d.ActivationDays, TermYears: d.TermYears, ShortTermDays: d.ShortTermDays,
			ShortTermToleranceDays: d.ShortTermTolerance, DonatedOnlySince: string(d.DonatedOnlySince), ProgramMail: d.ProgramMail,
		},
		Hosts: []string{}, SupportAPI: []SupportAPI{}, Notify: defaultNotify(), Proxies: defaultProxies(), ProxyHeaders: HeadersXForwarded, Limits: defaultLimits(),
		Agents: Agents{CredentialLife: config.Duration(ingest.DefaultLife)},
	}
}

// LoadConfig reads the file at path over the defaults and validates the whole.
// For "" it returns the defaults.
func LoadConfig(path string) (Config, error) {
	c := DefaultConfig()
	if path == "" {
		return c, nil
	}
	if err := config.Load(path, &c); err != nil {
		return Config{}, err
	}
	secrets := append(c.Notify.secrets(), c.Database.DSN, c.Database.OwnerDSN)
	for _, a := range c.SupportAPI {
		secrets = append(secrets, a.ClientID, a.ClientSecret)
	}
	secrets = append(secrets, c.OIDC.ClientSecret)
	if err := config.CheckInline(path, secrets...); err != nil {
		return Config{}, err
	}
	if err := c.Validate(); err != nil {
		return Config{}, errors.New(path + ": " + strings.ReplaceAll(err.Error(), "\n", "\n"+path+": "))
	}
	return c, nil
}

// maxDays bounds the periods that are given in days.
const maxDays = 3650

// minHistory keeps what a year's contracts are compared with.
const minHistory = 400

// Validate says all that is wrong, each on a line that begins with the path of
// the setting in the file.
func (c Config) Validate() error {
	errs := []error{c.validateListen(), c.validatePublicURL(), c.validateTLS(), c.Database.validate()}
	const day = 24 * time.Hour
	if c.HistoryDays < minHistory || c.HistoryDays > maxDays {
		errs = append(errs, fmt.Errorf("history_days: %d is not between %d and %d", c.HistoryDays, minHistory, maxDays))
	} else if w := c.Settings.ReplacementWindow.D(); time.Duration(c.HistoryDays)*day < w {
		errs = append(errs, fmt.Errorf("history_days: %d is shorter than settings.replacement_window, which asks for older components", c.HistoryDays))
	}
	if strings.TrimSpace(c.DataDir) == "" {
		errs = append(errs, errors.New("data_dir: is empty: name the directory for the database"))
	}
	if d := c.AgentInterval.D(); d != 0 && (d < time.Minute || d > 7*24*time.Hour) {
		errs = append(errs, fmt.Errorf("agent_interval: %s is not between 1m and 7d, or 0 for what each agent is set to", d))
	}
	for i, h := range c.Hosts {
		if h == "" || strings.ContainsAny(h, "/: \t") {
			errs = append(errs, fmt.Errorf("hosts[%d]: %q is not a host name: write it without https:// and without a port", i, h))
		}
	}
	errs = append(errs, c.validateLogin()...)
	errs = append(errs, c.Metrics.validate()...)
	errs = append(errs, c.OIDC.validate()...)
	if _, err := c.Log.level(); err != nil {
		errs = append(errs, err)
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		errs = append(errs, fmt.Errorf("log.format: %q is not known: use text or json", c.Log.Format))
	}
	if life := c.Agents.CredentialLife.D(); life < time.Hour || life > maxDays*24*time.Hour {
		errs = append(errs, fmt.Errorf("agents.credential_life: %v is not between 1h and %dd", life, maxDays))
	}
	errs = append(errs, c.Settings.validate()...)
	errs = append(errs, c.Limits.validate()...)
	errs = append(errs, c.validateProxies()...)
	errs = append(errs, c.Debug.validate())
	errs = append(errs, c.Notify.validate()...)
	return errors.Join(append(errs, c.validateSupportAPI()...)...)
}

func (c Config) validateListen() error {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %q is not an address: write it as 127.0.0.1:8480", c.Listen)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("listen: port %q is not a number from 0 to 65535", port)
	} else if n == 0 && !isLoopback(host) {
		return errors.New("listen: port 0 takes any free port, which agents would not find: name a port")
	}
	return nil
}

func (c Config) validateLogin() []error {
	var errs []error
	host, _, _ := net.SplitHostPort(c.Listen)
	switch {
	case c.Login != LoginRequired && c.Login != LoginOff:
		errs = append(errs, fmt.Errorf("login: %q is not known: use required or off", c.Login))
	case c.Login == LoginOff && !isLoopback(host):
		errs = append(errs, fmt.Errorf("login: off lets everybody do everything, and other machines can reach %q: set login: required, or listen on 127.0.0.1", c.Listen))
	case c.Login == LoginOff && len(c.publicNames()) > 0:
		errs = append(errs, errors.New("login: off lets everybody do everything, and hosts or public_url says that others come through a proxy: set login: required"))
	}
	const year = 366 * 24 * time.Hour
	for _, d := range []struct {
		path string
		d    time.Duration
	}{{"session.idle", c.Session.Idle.D()}, {"session.life", c.Session.Life.D()}} {
		if d.d < time.Minute || d.d > year {
			errs = append(errs, fmt.Errorf("%s: %v is not between 1m and 366d", d.path, d.d))
		}
	}
	return errs
}

// isLoopback says that only this machine reaches the host. A name is not
// looked up: what it means may change.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// goesBy says by which names browsers may ask for the collector; nil for all. On
// loopback it is those of this machine and Hosts: any other one was made to lead
// here by somebody else. Beyond loopback names are not known.
func (c Config) goesBy() func(host string) bool {
	if host, _, err := net.SplitHostPort(c.Listen); err != nil || !isLoopback(host) {
		return nil
	}
	names := c.publicNames()
	return func(asked string) bool {
		host, _, err := net.SplitHostPort(asked)
		if err != nil {
			host = strings.Trim(asked, "[]")
		}
		return isLoopback(strings.ToLower(host)) || slices.ContainsFunc(names, func(h string) bool { return strings.EqualFold(h, host) })
	}
}

func (c Config) validateTLS() error {
	switch {
	case c.TLS.CertFile != "" && c.TLS.KeyFile == "":
		return errors.New("tls.key_file: is missing: tls.cert_file needs its key")
	case c.TLS.CertFile == "" && c.TLS.KeyFile != "":
		return errors.New("tls.cert_file: is missing: tls.key_file needs its certificate")
	case c.TLS.ClientCAFile != "" && c.Scheme() == "http":
		return errors.New("tls.client_ca_file: needs TLS: set tls.cert_file and tls.key_file too")
	}
	switch {
	case !c.TLS.RequireAgentKey:
	case c.Scheme() == "http":
		return errors.New("tls.require_agent_key: needs TLS: set tls.cert_file and tls.key_file too")
	case c.TLS.ClientCAFile != "":
		return errors.New("tls.require_agent_key: agents cannot show both their own key and a certificate of tls.client_ca_file: leave one out")
	}
	if c.TLS.ClientCAFile != "" {
		if _, err := c.TLS.clientAuthorities(); err != nil {
			return fmt.Errorf("tls.client_ca_file: %w", err)
		}
	}
	if !c.TLS.enabled() {
		return nil
	}
	info, err := os.Stat(c.TLS.KeyFile)
	if err != nil {
		return fmt.Errorf("tls.key_file: cannot be read: %w", err)
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o007 != 0 {
		return fmt.Errorf("tls.key_file: %s can be read by everyone (mode %04o): run chmod 640 %s", c.TLS.KeyFile, info.Mode().Perm(), c.TLS.KeyFile)
	}
	if _, err := newCertificate(c.TLS, slog.New(slog.DiscardHandler)); err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	return nil
}

func (s Settings) validate() []error {
	var errs []error
	between := func(path string, n, low, high int) {
		if n < low || n > high {
			errs = append(errs, fmt.Errorf("settings.%s: %d is not between %d and %d", path, n, low, high))
		}
	}
	if len(s.ExpiringDays) == 0 || len(s.ExpiringDays) > 10 {
		errs = append(errs, fmt.Errorf("settings.expiring_days: has %d windows: give 1 to 10, such as [90, 60, 30]", len(s.ExpiringDays)))
	}
	for i, n := range s.ExpiringDays {
		between(fmt.Sprintf("expiring_days[%d]", i), n, 1, maxDays)
	}
	between("stale_days", s.StaleDays, 1, maxDays)
	between("line_not_seen_days", s.LineNotSeenDays, 1, maxDays)
	between("agent_silent_after", s.AgentSilentAfter, 1, 1000)
	between("activation_days", s.ActivationDays, 1, maxDays)
	between("term_years", s.TermYears, 1, 10)
	between("short_term_days", s.ShortTermDays, 1, maxDays)
	between("short_term_tolerance_days", s.ShortTermToleranceDays, 1, 180)
	if s.ShortTermDays+s.ShortTermToleranceDays >= s.TermYears*365 {
		errs = append(errs, fmt.Errorf("settings.short_term_days: %d days and %d of tolerance are not shorter than the %d years of settings.term_years",
			s.ShortTermDays, s.ShortTermToleranceDays, s.TermYears))
	}
	if _, err := contract.ParseDate(s.DonatedOnlySince); err != nil {
		errs = append(errs, fmt.Errorf("settings.donated_only_since: %w", err))
	}
	if a, err := mail.ParseAddress(s.ProgramMail); err != nil || a.Address != s.ProgramMail {
		errs = append(errs, fmt.Errorf("settings.program_mail: %q is not a mail address", s.ProgramMail))
	}
	const day = 24 * time.Hour
	if w := s.ReplacementWindow.D(); w < day || w > maxDays*day {
		errs = append(errs, fmt.Errorf("settings.replacement_window: %v is not between 1d and %dd", w, maxDays))
	}
	return errs
}

func (s Settings) reconcile() reconcile.Settings {
	return reconcile.Settings{
		ExpiringDays: s.ExpiringDays, StaleDays: s.StaleDays, LineNotSeenDays: s.LineNotSeenDays,
		ReplacementWindow: s.ReplacementWindow.D(), AgentSilentAfter: s.AgentSilentAfter,
		ActivationDays: s.ActivationDays, TermYears: s.TermYears, ShortTermDays: s.ShortTermDays,
		ShortTermTolerance: s.ShortTermToleranceDays, DonatedOnlySince: contract.Date(s.DonatedOnlySince), ProgramMail: s.ProgramMail,
	}
}

func (l Log) level() (slog.Level, error) {
	switch l.Level {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("log.level: %q is not known: use debug, info, warn or error", l.Level)
}

// Logger returns a logger of this level and format that writes to w. Its level
// is set in, and changes with it; nil is one that stays.
func (l Log) Logger(w io.Writer, in *slog.LevelVar) (*slog.Logger, error) {
	level, err := l.level()
	if err != nil {
		return nil, err
	}
	if in == nil {
		in = new(slog.LevelVar)
	}
	in.Set(level)
	o := &slog.HandlerOptions{Level: in}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(table.JSONLines(w), o)), nil
	}
	return slog.New(slog.NewTextHandler(w, o)), nil
}
