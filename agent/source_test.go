package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/poll"
	"rollcall/agent/internal/snmp"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
)

// fakeNetBox names devices, until it is broken.
type fakeNetBox struct {
	*httptest.Server

	mu      sync.Mutex
	devices []string // addresses
	broken  bool
	asked   int
	query   string
}

func newFakeNetBox(t *testing.T, devices ...string) *fakeNetBox {
	t.Helper()
	n := &fakeNetBox{devices: devices}
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.asked++
		n.query = r.URL.Query().Get("site")
		if n.broken || r.Header.Get("Authorization") != "Token canary-netbox" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		results := []any{}
		for i, address := range n.devices {
			results = append(results, map[string]any{
				"id": i + 1, "name": "sw" + fmt.Sprint(i), "primary_ip": map[string]string{"address": address + "/24"},
				"status": map[string]string{"value": "active"}, "device_type": map[string]any{"manufacturer": map[string]string{"name": "Cisco"}, "model": "C9300"},
			})
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"count": len(results), "next": nil, "results": results})
	}))
	t.Cleanup(n.Close)
	return n
}

func (n *fakeNetBox) set(broken bool, devices ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.broken, n.devices = broken, devices
}

func netboxConfig(t *testing.T, url string, n *fakeNetBox) Config {
	t.Helper()
	cfg := testConfig(t, url)
	cfg.Interval = config.Duration(time.Second)
	cfg.Targets = []Target{{NetBox: &NetBoxTarget{URL: n.URL, Token: config.Plain("canary-netbox"), Filter: "site=hq"}}}
	return cfg
}

// until reads reports until one is of the address.
func (c *fakeCollector) until(t *testing.T, address string) {
	t.Helper()
	for c.next(t).Device.Address != address {
	}
}

func source1(a *Agent) SourceStatus {
	list, _ := a.roster.sources()
	return list[0]
}

// The devices of a NetBox are polled; the list is read again, kept while NetBox
// is away, and known after a restart.
func TestRunFollowsNetBox(t *testing.T) {
	c := newFakeCollector(t)
	n := newFakeNetBox(t, "192.0.2.1", "192.0.2.2")
	cfg := netboxConfig(t, c.URL, n)
	p := fakePoller{}
	for i := range 4 {
		address := fmt.Sprintf("192.0.2.%d", i+1)
		p[address] = answers(device(address))
	}
	a := newAgent(t, cfg, p, Options{})
	stop := start(t, a)
	c.until(t, "192.0.2.1")
	c.until(t, "192.0.2.2")
	n.set(false, "192.0.2.2", "192.0.2.3")
	c.until(t, "192.0.2.3")
	if a.roster.task("192.0.2.1") != nil || a.Addresses() != 2 {
		t.Errorf("what NetBox no longer names is still polled: %d addresses", a.Addresses())
	}
	n.set(true)
	eventually(t, func() bool { return source1(a).Error != "" })
	c.until(t, "192.0.2.2")
	s := a.Status()
	if s.Well || len(s.Wrong) != 1 || !strings.Contains(s.Wrong[0], "it answers with status 503") || s.Sources[0].Devices != 2 || s.Sources[0].ReadAt == nil {
		t.Errorf("status while NetBox is away: %+v", s)
	}
	stop()
	if n.query != "hq" {
		t.Errorf("NetBox was asked for site %q, want hq", n.query)
	}

	// NetBox is still away when the agent starts again.
	a = newAgent(t, cfg, p, Options{})
	stop = start(t, a)
	c.until(t, "192.0.2.3")
	eventually(t, func() bool { return source1(a).Error != "" })
	n.set(false) // a list without devices is a mistake of the filter
	asked := n.asked
	eventually(t, func() bool { n.mu.Lock(); defer n.mu.Unlock(); return n.asked > asked+1 })
	if s := source1(a); s.Devices != 2 || !strings.Contains(s.Error, "names no device") {
		t.Errorf("source %+v, want the devices of before and a word about the empty list", s)
	}
	stop()
}

// neighbourly is a poller with neighbours.
type neighbourly struct {
	fakePoller

	hears map[string][]snmp.Neighbour
	mu    sync.Mutex
	polls map[string]int
}

func (p *neighbourly) Poll(ctx context.Context, n poll.Node) (inventory.Device, bool) {
	p.mu.Lock()
	p.polls[n.Address]++
	p.mu.Unlock()
	return p.fakePoller.Poll(ctx, n)
}

func (p *neighbourly) Neighbours(_ context.Context, n poll.Node) ([]snmp.Neighbour, []inventory.Problem) {
	return p.hears[n.Address], nil
}

func named(address, name, serial string) inventory.Device {
	d := device(address)
	d.Name, d.Serial, d.Model = name, serial, d.Components[0].PID
	d.Components[0].Serial = serial
	return d
}

func hears(name, address string) snmp.Neighbour {
	return snmp.Neighbour{LocalPort: "Gi1/0/1", Name: name, Address: address, Platform: "cisco C9300-24T", Source: "cdp"}
}

// Devices that neighbours tell of are reported, each at one address, within the
// bounds; they stay known after a restart, also while the seed is away.
func TestRunCrawls(t *testing.T) {
	c := newFakeCollector(t)
	cfg := testConfig(t, c.URL, "192.0.2.1")
	cfg.Targets[0].Crawl = true
	cfg.Crawl.Allow = []string{"192.0.2.0/24"}
	p := &neighbourly{polls: map[string]int{}, fakePoller: fakePoller{
		"192.0.2.1":    answers(named("192.0.2.1", "sw1", "FOC0000X001")),
		"192.0.2.2":    answers(named("192.0.2.2", "sw2", "FOC0000X002")),
		"192.0.2.12":   answers(named("192.0.2.12", "sw2", "FOC0000X002")),
		"192.0.2.3":    answers(named("192.0.2.3", "sw3", "FOC0000X003")),
		"198.51.100.1": answers(named("198.51.100.1", "far", "FOC0000X009")),
	}, hears: map[string][]snmp.Neighbour{
		"192.0.2.1": {hears("sw2", "192.0.2.2"), hears("far", "198.51.100.1"), hears("dead", "192.0.2.99")},
		"192.0.2.2": {hears("sw3", "192.0.2.3")},
		"192.0.2.3": {hears("odd-name", "192.0.2.12")},
	}}
	reported := func(n int) map[string]string {
		t.Helper()
		got := map[string]string{}
		for range n {
			r := c.next(t)
			got[r.Device.Address] = r.Device.Serial
		}
		return got
	}
	a := newAgent(t, cfg, p, Options{})
	stop := start(t, a)
	want := map[string]string{"192.0.2.1": "FOC0000X001", "192.0.2.2": "FOC0000X002", "192.0.2.3": "FOC0000X003"}
	if diff := cmp.Diff(want, reported(3)); diff != "" {
		t.Errorf("reports (-want +got):\n%s", diff)
	}
	eventually(t, func() bool { return source1(a).ReadAt != nil })
	s := a.Status()
	var seen []string
	for _, n := range s.Seen {
		seen = append(seen, n.Name+" "+n.Why)
	}
	if diff := cmp.Diff([]string{"dead silent", "far not_allowed"}, seen); diff != "" || s.States[StateComplete] != 3 {
		t.Errorf("states %v, seen (-want +got):\n%s", s.States, diff)
	}
	stop()
	if diff := cmp.Diff(map[string]int{"192.0.2.1": 1, "192.0.2.2": 1, "192.0.2.12": 1, "192.0.2.3": 1, "192.0.2.99": 1}, p.polls); diff != "" || len(c.reports) != 0 {
		t.Errorf("%d more reports; polls by address, each once (-want +got):\n%s", len(c.reports), diff)
	}

	delete(p.fakePoller, "192.0.2.1")
	stop = start(t, newAgent(t, cfg, p, Options{}))
	want["192.0.2.1"] = ""
	if diff := cmp.Diff(want, reported(3)); diff != "" {
		t.Errorf("reports after a restart, the seed being away (-want +got):\n%s", diff)
	}
	stop()
}
