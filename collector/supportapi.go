package collector

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"rollcall/collector/internal/store"
	"rollcall/collector/internal/supportapi"
	"rollcall/pkg/config"
)

// SupportAPI is an account for Cisco's Support APIs. There is none by default:
// it takes an application registered in Cisco's API console, and an entitlement
// that most organizations do not have.
type SupportAPI struct {
	Name         string        `yaml:"name"`
	ClientID     config.Secret `yaml:"client_id"`
	ClientSecret config.Secret `yaml:"client_secret"`
	// Organizations are asked for with the account, by name or ID; none are all
	// that no other account names.
	Organizations []string `yaml:"organizations"`
	APIs          []string `yaml:"apis"`      // coverage, eox, rma
	RMAUsers      []string `yaml:"rma_users"` // whose RMAs are asked for
	TokenURL      string   `yaml:"token_url"`
	CoverageURL   string   `yaml:"coverage_url"`
	EoXURL        string   `yaml:"eox_url"`
	RMAURL        string   `yaml:"rma_url"`
	// Calls that the account may make. Cisco publishes no limits.
	PerSecond int `yaml:"per_second"`
	PerMinute int `yaml:"per_minute"`
	PerDay    int `yaml:"per_day"`
	// Ages at which answers are asked for again.
	CoverageRefresh config.Duration `yaml:"coverage_refresh"`
	EoXRefresh      config.Duration `yaml:"eox_refresh"`
	RMARefresh      config.Duration `yaml:"rma_refresh"`
}

// orDefault is the account with what was left out.
func (a SupportAPI) orDefault() SupportAPI {
	text := func(p *string, value string) {
		if *p == "" {
			*p = value
		}
	}
	number := func(p *int, value int) {
		if *p == 0 {
			*p = value
		}
	}
	age := func(p *config.Duration, value time.Duration) {
		if *p == 0 {
			*p = config.Duration(value)
		}
	}
	const day = 24 * time.Hour
	text(&a.Name, "default")
	text(&a.TokenURL, supportapi.DefaultTokenURL)
	text(&a.CoverageURL, supportapi.DefaultCoverageURL)
	text(&a.EoXURL, supportapi.DefaultEoXURL)
	text(&a.RMAURL, supportapi.DefaultRMAURL)
	number(&a.PerSecond, 2)
	number(&a.PerMinute, 60)
	number(&a.PerDay, 5000)
	age(&a.CoverageRefresh, 7*day)
	age(&a.EoXRefresh, 30*day)
	age(&a.RMARefresh, day)
	if len(a.APIs) == 0 {
		a.APIs = []string{string(store.CoverageAPI), string(store.EoXAPI)}
	}
	return a
}

// Limits on what an account may be set to.
const (
	maxPerSecond = 100
	maxPerDay    = 1_000_000
	minRefresh   = time.Hour
)

func (c Config) validateSupportAPI() []error {
	var errs []error
	names, orgs, rest := map[string]bool{}, map[string]string{}, ""
	for i, given := range c.SupportAPI {
		a, path := given.orDefault(), fmt.Sprintf("support_api[%d]", i)
		wrong := func(key, format string, args ...any) {
			errs = append(errs, fmt.Errorf("%s.%s: %s", path, key, fmt.Sprintf(format, args...)))
		}
		if names[a.Name] {
			wrong("name", "%q is the name of another account", a.Name)
		}
		names[a.Name] = true
		if len(a.Name) > 100 {
			wrong("name", "has %d bytes: at most 100", len(a.Name))
		}
		for _, s := range []struct {
			key string
			is  config.Secret
		}{{"client_id", a.ClientID}, {"client_secret", a.ClientSecret}} {
			if !s.is.IsSet() {
				wrong(s.key, "is missing: Cisco's API console shows it for the application")
			} else if _, err := s.is.Value(); err != nil {
				wrong(s.key, "%v", err)
			}
		}
		for _, o := range a.Organizations {
			if other, twice := orgs[o]; twice {
				wrong("organizations", "%q is of the account %q already", o, other)
			}
			orgs[o] = a.Name
		}
		if len(a.Organizations) == 0 {
			if rest != "" {
				wrong("organizations", "is empty, and the account %q is the one for all others already", rest)
			}
			rest = a.Name
		}
		a.validateAPIs(wrong)
		a.validateLimits(wrong)
	}
	return errs
}

func (a SupportAPI) validateAPIs(wrong func(key, format string, args ...any)) {
	known := []string{string(store.CoverageAPI), string(store.EoXAPI), string(store.RMAAPI)}
	for _, api := range a.APIs {
		if !slices.Contains(known, api) {
			wrong("apis", "%q is not known: use coverage, eox or rma", api)
		}
	}
	if len(a.RMAUsers) > 0 && len(a.Organizations) != 1 {
		wrong("rma_users", "needs one organization: the RMAs of a user do not say of which they are")
	}
	for _, x := range [][2]string{{"token_url", a.TokenURL}, {"coverage_url", a.CoverageURL}, {"eox_url", a.EoXURL}, {"rma_url", a.RMAURL}} {
		key, address := x[0], x[1]
		u, err := url.Parse(address)
		switch {
		case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "":
			wrong(key, "%q is not an address: write it as https://host/path", address)
		case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
			wrong(key, "%q is not https: the account's secret would be readable on the way", address)
		}
	}
}

func (a SupportAPI) validateLimits(wrong func(key, format string, args ...any)) {
	for _, n := range []struct {
		key      string
		is, most int
	}{{"per_second", a.PerSecond, maxPerSecond}, {"per_minute", a.PerMinute, 60 * maxPerSecond}, {"per_day", a.PerDay, maxPerDay}} {
		if n.is < 1 || n.is > n.most {
			wrong(n.key, "%d is not between 1 and %d", n.is, n.most)
		}
	}
	for _, d := range []struct {
		key string
		is  time.Duration
	}{{"coverage_refresh", a.CoverageRefresh.D()}, {"eox_refresh", a.EoXRefresh.D()}, {"rma_refresh", a.RMARefresh.D()}} {
		if d.is < minRefresh || d.is > maxDays*24*time.Hour {
			wrong(d.key, "%s is not between 1h and %dd", d.is, maxDays)
		}
	}
}

func (a SupportAPI) client(version string, now func() time.Time) *supportapi.Client {
	return supportapi.NewClient(supportapi.Options{
		Account: a.Name, ClientID: a.ClientID, ClientSecret: a.ClientSecret, TokenURL: a.TokenURL, CoverageURL: a.CoverageURL, EoXURL: a.EoXURL, RMAURL: a.RMAURL,
		PerSecond: a.PerSecond, PerMinute: a.PerMinute, UserAgent: "rollcall/" + version, Now: now,
	})
}

// pullers are one for each account.
func (c Config) pullers(s *store.Store, o Options, metrics *supportapi.Metrics) []*supportapi.Puller {
	var taken []string
	for _, a := range c.SupportAPI {
		taken = append(taken, a.Organizations...)
	}
	var list []*supportapi.Puller
	for _, given := range c.SupportAPI {
		a := given.orDefault()
		apis := make([]store.SupportAPI, len(a.APIs))
		for i, api := range a.APIs {
			apis[i] = store.SupportAPI(api)
		}
		list = append(list, supportapi.NewPuller(supportapi.PullerOptions{
			Store: s, Client: a.client(o.Version, o.Now), Organizations: a.Organizations, Except: taken, APIs: apis, RMAUsers: a.RMAUsers, PerDay: a.PerDay,
			Refresh: a.CoverageRefresh.D(), EoXRefresh: a.EoXRefresh.D(), RMARefresh: a.RMARefresh.D(), Log: o.Log, Metrics: metrics,
		}))
	}
	return list
}

// ConnectSupportAPI asks for a token with each account, which shows that Cisco
// takes it. It returns the names of the accounts that it does take.
func (c Config) ConnectSupportAPI(ctx context.Context, version string) (taken []string, errs []error) {
	for _, given := range c.SupportAPI {
		a := given.orDefault()
		client := a.client(version, time.Now)
		err := client.Connect(ctx)
		client.Close()
		if err != nil {
			errs = append(errs, fmt.Errorf("support_api account %s: %w", a.Name, err))
			continue
		}
		taken = append(taken, a.Name)
	}
	return taken, errs
}
