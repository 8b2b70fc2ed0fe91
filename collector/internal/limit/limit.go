// Package limit keeps one client from taking the collector away from all
// others: it bounds connections, how often an address, an agent or an
// organization may come, and how many requests of a kind are worked on at once.
// What is beyond a limit is told so at once and asked to come back; nothing
// waits without an end. How large a body may be is said where it is read.
package limit

import (
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Settings are the limits in force. All are above 0.
type Settings struct {
	// Connections are open at most; PerAddress from one address.
	Connections, PerAddress int
	// Proxies are the addresses of reverse proxies in front. Their word is taken
	// for who asks and how, and they may have any number of connections.
	Proxies []netip.Prefix
	// Forwarded is that they say it in Forwarded (RFC 7239), and not in
	// X-Forwarded-For, -Proto and -Host.
	Forwarded bool
	// Names are those by which clients may ask a proxy for the collector.
	Names []string
	// How often each may come.
	Address, Organization, Agent Rate
	// Pages and Uploads are the requests of people and programs, and the uploads
	// of agents, that are in flight at most.
	Pages, Uploads int
	// BodyRate is how fast a body must come, in bytes a second.
	BodyRate int
}

// Wide are limits that only bound memory, for a server that nobody else can
// reach.
func Wide() Settings {
	often := Rate{PerSecond: 1e6, Burst: 1e6}
	return Settings{Connections: 1e6, PerAddress: 1e6, Address: often, Organization: often, Agent: often, Pages: 1000, Uploads: 256, BodyRate: 1024}
}

// A Rate is how often something may come: Burst at once, and PerSecond in the
// long run.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Names of what was beyond a limit, as label values.
const (
	byAddress      = "address"
	byOrganization = "organization"
	byAgent        = "agent"
	byPages        = "pages"
	byUploads      = "uploads"
)

// keys bounds what is remembered of each kind. What came longest ago is
// forgotten, which is as if it had not come.
const keys = 20000

// Limits are all limits of one collector. The settings may change while it
// serves.
type Limits struct {
	Connections *Connections
	Addresses   *Addresses
	// Address, Organization and Agent count who comes, by address and by ID.
	Address, Organization, Agent *Rates
	// Pages and Uploads have room for so many requests at once.
	Pages, Uploads *Room
	// Turns are of those agents for whose uploads there is no room.
	Turns Turns
}

// New returns limits with their metrics in the registry. It panics when the
// registry has them already.
func New(s Settings, reg prometheus.Registerer) *Limits {
	limited := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rollcall_requests_limited_total", Help: "Requests that were beyond a limit and asked to come back, by the limit.",
	}, []string{"limit"})
	inFlight := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "rollcall_requests_in_flight", Help: "Requests that are worked on, by the limit that bounds them.",
	}, []string{"limit"})
	reg.MustRegister(limited, inFlight)
	for _, by := range []string{byAddress, byOrganization, byAgent, byPages, byUploads} {
		limited.WithLabelValues(by) // shown as 0 from the start
	}
	l := &Limits{
		Connections: newConnections(reg), Addresses: &Addresses{},
		Address:      newRates(limited.WithLabelValues(byAddress)),
		Organization: newRates(limited.WithLabelValues(byOrganization)),
		Agent:        newRates(limited.WithLabelValues(byAgent)),
		Pages:        newRoom(limited.WithLabelValues(byPages), inFlight.WithLabelValues(byPages)),
		Uploads:      newRoom(limited.WithLabelValues(byUploads), inFlight.WithLabelValues(byUploads)),
	}
	l.Set(s)
	return l
}

// Set puts other limits in force. Whoever is inside already may stay.
func (l *Limits) Set(s Settings) {
	l.Addresses.set(s)
	l.Connections.set(s.Connections, s.PerAddress, l.Addresses)
	l.Address.set(s.Address)
	l.Organization.set(s.Organization)
	l.Agent.set(s.Agent)
	l.Pages.set(s.Pages)
	l.Uploads.set(s.Uploads)
	l.Uploads.setBodyRate(s.BodyRate)
}

// seconds rounds a wait up to what Retry-After can say.
func seconds(d time.Duration) int { return max(int((d+time.Second-1)/time.Second), 1) }
