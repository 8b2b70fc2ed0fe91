package agent

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"rollcall/agent/internal/crawl"
	"rollcall/agent/internal/nodelist"
	"rollcall/agent/internal/poll"
	"rollcall/pkg/config"
)

// A Target is what to poll, and how. It has an address or a NetBox.
type Target struct {
	Address string        `yaml:"address"` // an address, a name, a network, a range or @file
	NetBox  *NetBoxTarget `yaml:"netbox"`
	// Crawl asks the neighbours that the target's devices hear, too.
	Crawl bool `yaml:"crawl"`
	// Credentials are names of credentials, in the order to try them; all when
	// empty.
	Credentials []string        `yaml:"credentials"`
	Via         string          `yaml:"via"`
	SNMPPort    int             `yaml:"snmp_port"`
	SSHPort     int             `yaml:"ssh_port"`
	Timeout     config.Duration `yaml:"timeout"`
}

// NetBoxTarget is a NetBox whose devices are polled. Its list is read again each
// interval.
type NetBoxTarget struct {
	URL   string        `yaml:"url"`
	Token config.Secret `yaml:"token"`
	// Filter narrows the list as in the address of NetBox's own pages:
	// "site=hq&role=access".
	Filter         string `yaml:"filter"`
	AllowPlainHTTP bool   `yaml:"allow_plain_http"`
	CAFile         string `yaml:"ca_file"`
}

// source is how to ask the NetBox. It reads the authority's file.
func (n NetBoxTarget) source() (nodelist.NetBox, error) {
	filter, err := url.ParseQuery(strings.TrimPrefix(n.Filter, "?"))
	if err != nil {
		return nodelist.NetBox{}, fmt.Errorf("filter: %q is not written as site=hq&role=access", n.Filter)
	}
	nb := nodelist.NetBox{URL: n.URL, Token: n.Token, AllowPlainHTTP: n.AllowPlainHTTP, Filter: filter}
	if err := nb.Validate(); err != nil {
		return nodelist.NetBox{}, err
	}
	if n.CAFile == "" {
		return nb, nil
	}
	pem, err := os.ReadFile(n.CAFile)
	if err != nil {
		return nodelist.NetBox{}, fmt.Errorf("ca_file: %w", err)
	}
	if nb.RootCAs, err = x509.SystemCertPool(); err != nil {
		nb.RootCAs = x509.NewCertPool()
	}
	if !nb.RootCAs.AppendCertsFromPEM(pem) {
		return nodelist.NetBox{}, fmt.Errorf("ca_file: no PEM certificate is in %s", n.CAFile)
	}
	return nb, nil
}

// CrawlConfig bounds the crawls of all targets.
type CrawlConfig struct {
	Allow    []string `yaml:"allow"`     // networks in which neighbours may be asked
	MaxNodes int      `yaml:"max_nodes"` // addresses asked in one crawl
	MaxDepth int      `yaml:"max_depth"` // hops from the target's devices
}

// Limits on what a configuration may say of crawls.
const (
	maxCrawlNodes = 100_000
	maxCrawlDepth = 1000
)

// limits are those of a crawl by this agent.
func (c Config) limits() (crawl.Limits, error) {
	allow, err := ParseAllowed(c.Crawl.Allow)
	if err != nil {
		return crawl.Limits{}, fmt.Errorf("crawl.allow%w", err)
	}
	switch {
	case c.Crawl.MaxNodes < 1 || c.Crawl.MaxNodes > maxCrawlNodes:
		return crawl.Limits{}, fmt.Errorf("crawl.max_nodes: %d is not between 1 and %d", c.Crawl.MaxNodes, maxCrawlNodes)
	case c.Crawl.MaxDepth < 1 || c.Crawl.MaxDepth > maxCrawlDepth:
		return crawl.Limits{}, fmt.Errorf("crawl.max_depth: %d is not between 1 and %d", c.Crawl.MaxDepth, maxCrawlDepth)
	}
	return crawl.Limits{Allow: allow, MaxNodes: c.Crawl.MaxNodes, MaxDepth: c.Crawl.MaxDepth, Concurrency: probesAtOnce(c.Concurrency), PerSecond: c.SweepRate}, nil
}

// ParseAllowed reads the networks and addresses in which a crawl may ask. An
// error begins with the place in the list.
func ParseAllowed(list []string) ([]netip.Prefix, error) {
	var allow []netip.Prefix
	for i, written := range list {
		text := strings.TrimSpace(written)
		if addr, err := netip.ParseAddr(text); err == nil {
			allow = append(allow, netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %q is not a network: write it as 192.0.2.0/24", i, written)
		}
		allow = append(allow, p.Masked())
	}
	return allow, nil
}

func (c Config) validateTargets(m *mistakes) {
	if len(c.Targets) == 0 {
		m.add("targets", "is empty: name one device, network or range to poll at least")
	}
	total, crawls := 0, false
	for i, t := range c.Targets {
		path := fmt.Sprintf("targets[%d]", i)
		total += t.validateSource(m, path)
		c.validateTarget(m, path, t)
		crawls = crawls || t.Crawl
	}
	if total > maxTargets {
		m.add("targets", "%d addresses in all are more than %d", total, maxTargets)
	}
	if _, err := c.limits(); err != nil {
		*m = append(*m, err.Error())
	} else if crawls && len(c.Crawl.Allow) == 0 {
		m.add("crawl.allow", "is missing: name the networks in which neighbours may be asked, as in [192.0.2.0/24]")
	}
}

// validateSource says what is wrong with where the target's addresses come
// from, and counts them as far as they are known.
func (t Target) validateSource(m *mistakes, path string) int {
	if t.NetBox != nil {
		if t.Address != "" {
			m.add(path, "has both address and netbox: make two targets of it")
		}
		if _, err := t.NetBox.source(); err != nil {
			m.add(path+".netbox", "%v", err)
		}
		return 0
	}
	list, err := ReadTargets(t.Address)
	switch {
	case err != nil:
		m.add(path+".address", "%v", err)
	case len(list.Groups) == 0 && len(list.Refused) > 0:
		m.add(path+".address", "no line of the file can be used: %s", list.Refused[0])
	}
	return list.Count()
}

func (c Config) validateTarget(m *mistakes, path string, t Target) {
	var overSNMP, overSSH int
	for i, name := range t.Credentials {
		j := slices.IndexFunc(c.Credentials, func(cr Credential) bool { return cr.Name == name })
		if j < 0 {
			m.add(fmt.Sprintf("%s.credentials[%d]", path, i), "there is no credential %q", name)
		}
	}
	for _, cr := range c.credentialsOf(t) {
		if cr.SNMP != nil {
			overSNMP++
		}
		if cr.SSH != nil {
			overSSH++
		}
	}
	switch via := viaOf(t.Via); {
	case overSNMP+overSSH == 0 && len(t.Credentials) == 0:
		m.add(path, "there is no credential to open it with: write one under credentials")
	case via != poll.ViaAuto && via != poll.ViaSNMP && via != poll.ViaSSH:
		m.add(path+".via", "%q is not auto, snmp or ssh", t.Via)
	case via == poll.ViaSNMP && overSNMP == 0:
		m.add(path+".via", "is snmp, and there is no SNMP credential for it")
	case via == poll.ViaSSH && overSSH == 0:
		m.add(path+".via", "is ssh, and there is no SSH credential for it")
	}
	if t.Crawl && (viaOf(t.Via) == poll.ViaSSH || overSNMP == 0) {
		m.add(path+".crawl", "needs SNMP, over which devices tell of their neighbours: give the target an SNMP credential, and via auto or snmp")
	}
	for key, port := range map[string]int{"snmp_port": t.SNMPPort, "ssh_port": t.SSHPort} {
		if port < 0 || port > 65535 {
			m.add(path+"."+key, "%d is not a port", port)
		}
	}
	if d := t.Timeout.D(); d < 0 || d > maxTimeout {
		m.add(path+".timeout", "%s is not between 0s and %s", d, maxTimeout)
	}
}

func viaOf(via string) string {
	if via == "" {
		return poll.ViaAuto
	}
	return via
}

// credentialsOf are those that a target names, or all.
func (c Config) credentialsOf(t Target) []Credential {
	if len(t.Credentials) == 0 {
		return c.Credentials
	}
	var list []Credential
	for _, name := range t.Credentials {
		for _, cr := range c.Credentials {
			if cr.Name == name {
				list = append(list, cr)
			}
		}
	}
	return list
}

// SweepTime is about how long one round over the addresses of all sweeps takes
// at most, when no device is at any of them.
func (c Config) SweepTime() time.Duration {
	var total, paced time.Duration
	for _, t := range c.Targets {
		list := t.sweeps()
		overSNMP, overSSH := Transports(c.credentialsOf(t))
		var each time.Duration
		if viaOf(t.Via) != poll.ViaSSH {
			attempt := min(cmp.Or(t.Timeout.D(), poll.SweepTimeout), poll.SweepTimeout)
			each += time.Duration(len(overSNMP)*(1+SweptRetries)) * attempt
		}
		if viaOf(t.Via) != poll.ViaSNMP && len(overSSH) > 0 {
			each += poll.KnockTimeout
		}
		for _, g := range list {
			total += each * time.Duration(len(g.List))
			if c.SweepRate > 0 {
				paced += time.Duration(float64(len(g.List)) / c.SweepRate * float64(time.Second))
			}
		}
	}
	return max(total/time.Duration(probesAtOnce(c.Concurrency)), paced)
}

// sweeps are the networks and ranges of a target.
func (t Target) sweeps() []Addresses {
	if t.NetBox != nil {
		return nil
	}
	list, err := ReadTargets(t.Address)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(list.Groups, func(g Addresses) bool { return !g.Sweep })
}

// Planned is one target and how it would be polled.
type Planned struct {
	Target      string
	Addresses   int // below 0 where only NetBox knows
	Via         string
	Crawl       bool
	Credentials []string // names, in the order to try them
	Refused     []string // lines of the target's file that cannot be used
	Skipped     []string // devices in it that are not asked
}

// Plan says what the agent would poll, target by target.
func (c Config) Plan() ([]Planned, error) {
	var plan []Planned
	for i, t := range c.Targets {
		p := Planned{Target: t.written(), Addresses: -1, Via: viaOf(t.Via), Crawl: t.Crawl}
		if t.NetBox == nil {
			list, err := ReadTargets(t.Address)
			if err != nil {
				return nil, fmt.Errorf("targets[%d].address: %w", i, err)
			}
			p.Addresses, p.Refused, p.Skipped = list.Count(), list.Refused, list.Skipped
		}
		for _, cr := range c.credentialsOf(t) {
			if p.Via == poll.ViaAuto || (p.Via == poll.ViaSNMP) == (cr.SNMP != nil) {
				p.Credentials = append(p.Credentials, cr.Name)
			}
		}
		plan = append(plan, p)
	}
	return plan, nil
}

// written is the target as people know it.
func (t Target) written() string {
	if t.NetBox == nil {
		return t.Address
	}
	if t.NetBox.Filter == "" {
		return "NetBox " + t.NetBox.URL
	}
	return "NetBox " + t.NetBox.URL + "?" + strings.TrimPrefix(t.NetBox.Filter, "?")
}
