package collector

import (
	"fmt"
	"net/netip"

	"rollcall/collector/internal/limit"
	"rollcall/pkg/filesystem"
)

// Limits keep one client from taking the collector away from all others.
type Limits struct {
	Connections           int  `yaml:"connections"`             // open at once
	ConnectionsPerAddress int  `yaml:"connections_per_address"` // of these, from one address
	Pages                 int  `yaml:"pages"`                   // requests of people and programs at once
	Uploads               int  `yaml:"uploads"`                 // of agents that are received or saved at once
	BodyRate              int  `yaml:"body_bytes_per_second"`   // slower than this on the whole is cut off
	Address               Rate `yaml:"address"`                 // all requests of one address
	Organization          Rate `yaml:"organization"`            // uploads of all its agents
	Agent                 Rate `yaml:"agent"`                   // uploads
}

// A Rate is how often something may come: Burst at once, PerSecond in the long
// run.
type Rate struct {
	PerSecond float64 `yaml:"per_second"`
	Burst     int     `yaml:"burst"`
}

// defaultLimits are far above what well-behaved clients do. An agent with a
// backlog sends its batches one after the other, each answered after a commit to
// disk, and its burst is more than the largest spool fills.
func defaultLimits() Limits {
	return Limits{
		Connections: 10000, ConnectionsPerAddress: 256, Pages: 64, Uploads: 128, BodyRate: 1024,
		Address: Rate{100, 2000}, Organization: Rate{50, 2000}, Agent: Rate{10, 500},
	}
}

// Values of Config.ProxyHeaders.
const (
	HeadersXForwarded = "x-forwarded" // X-Forwarded-For, -Proto and -Host
	HeadersForwarded  = "forwarded"   // Forwarded (RFC 7239)
)

// defaultProxies are of this machine, where a proxy commonly is.
func defaultProxies() []string { return []string{"127.0.0.0/8", "::1"} }

func (l Limits) validate() []error {
	var errs []error
	between := func(path string, n, low, high float64) {
		if !(n >= low && n <= high) { // false also for what is not a number
			errs = append(errs, fmt.Errorf("limits.%s: %v is not between %v and %v", path, n, low, high))
		}
	}
	between("connections", float64(l.Connections), 10, 1_000_000)
	between("connections_per_address", float64(l.ConnectionsPerAddress), 1, 1_000_000)
	between("pages", float64(l.Pages), 2, 10_000)
	between("uploads", float64(l.Uploads), 2, 10_000)
	// The slowest line that is promised to do carries 8 kB a second.
	between("body_bytes_per_second", float64(l.BodyRate), 1, 4096)
	for path, r := range map[string]Rate{"address": l.Address, "organization": l.Organization, "agent": l.Agent} {
		between(path+".per_second", r.PerSecond, 0.01, 1_000_000)
		between(path+".burst", float64(r.Burst), 1, 1_000_000)
	}
	return errs
}

func (c Config) validateProxies() []error {
	var errs []error
	for i, p := range c.Proxies {
		if _, err := parseProxy(p); err != nil {
			errs = append(errs, fmt.Errorf("proxies[%d]: %q is neither an address nor a network: write 192.0.2.7 or 192.0.2.0/28", i, p))
		}
	}
	if c.ProxyHeaders != HeadersXForwarded && c.ProxyHeaders != HeadersForwarded {
		errs = append(errs, fmt.Errorf("proxy_headers: %q is not known: use %s or %s", c.ProxyHeaders, HeadersXForwarded, HeadersForwarded))
	}
	return errs
}

// parseProxy reads an address or a network.
func parseProxy(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Unmap().Prefix(addr.Unmap().BitLen())
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

// filesKept is how many open files are left to the database and to what the
// collector itself asks others, of few the half.
const filesKept = 64

// connections are those that the system allows beside the files of the collector,
// where that is fewer than the settings say.
func (l Limits) connections(maxOpen int) int {
	if maxOpen <= 0 {
		return l.Connections
	}
	return min(l.Connections, maxOpen-min(filesKept, maxOpen/2))
}

// limits are those in force by the settings, which are valid.
func (c Config) limits() limit.Settings {
	l := c.Limits
	s := limit.Settings{
		Connections: l.connections(filesystem.MaxOpen()), PerAddress: l.ConnectionsPerAddress, Pages: l.Pages, Uploads: l.Uploads, BodyRate: l.BodyRate,
		Address: limit.Rate(l.Address), Organization: limit.Rate(l.Organization), Agent: limit.Rate(l.Agent),
	}
	for _, p := range c.Proxies {
		if prefix, err := parseProxy(p); err == nil {
			s.Proxies = append(s.Proxies, prefix)
		}
	}
	s.Names, s.Forwarded = c.publicNames(), c.ProxyHeaders == HeadersForwarded
	return s
}
