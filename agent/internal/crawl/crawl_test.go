package crawl_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"rollcall/agent/internal/crawl"
	"rollcall/agent/internal/snmp"
	"rollcall/pkg/inventory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// A device of a made network.
type device struct {
	name, model, serial string
	silent              string // why it does not answer
	units               []inventory.Component
	hears               []snmp.Neighbour
}

// A network is devices by address; two addresses may lead to one device.
type network struct {
	devices map[string]*device
	mu      sync.Mutex
	asked   []string
	now     atomic.Int64
	most    atomic.Int64
}

func (n *network) poll(_ context.Context, address string) crawl.Answer {
	for now, most := n.now.Add(1), n.most.Load(); now > most && !n.most.CompareAndSwap(most, now); {
		most = n.most.Load()
	}
	defer n.now.Add(-1)
	runtime.Gosched() // lets others go first
	n.mu.Lock()
	n.asked = append(n.asked, address)
	n.mu.Unlock()
	d := n.devices[address]
	switch {
	case d == nil:
		return crawl.Answer{Reason: "no answer."}
	case d.silent != "":
		return crawl.Answer{Reason: d.silent}
	}
	a := crawl.Answer{Answered: true, Neighbours: d.hears, Device: inventory.Device{Address: address, Name: d.name, Model: d.model, Serial: d.serial}}
	if d.serial != "" {
		a.Device.Components = append(a.Device.Components, inventory.Component{Serial: d.serial, PID: d.model, Class: inventory.ClassChassis, Unit: true})
	}
	a.Device.Components = append(a.Device.Components, d.units...)
	return a
}

// switchNamed is a switch with a serial of its own.
func switchNamed(name string, hears ...snmp.Neighbour) *device {
	return &device{name: name, model: "WS-C2960X-48FPS-L", serial: "FOC1929" + strings.ToUpper(name), hears: hears}
}

func heard(port, name, address string) snmp.Neighbour {
	return snmp.Neighbour{LocalPort: port, Name: name, Address: address, Platform: "cisco WS-C2960X-48FPS-L", Source: "cdp"}
}

func lan() crawl.Limits {
	l := crawl.DefaultLimits()
	l.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	l.PerSecond = 0
	return l
}

// lines words a result: a visit "address name", a seen neighbour "name address
// why".
func lines(r crawl.Result) []string {
	var list []string
	for _, v := range r.Visits {
		line := fmt.Sprintf("%d %s", v.Depth, v.Address)
		switch {
		case v.SameAs != "":
			line += " = " + v.SameAs
		case v.Answered:
			line += " " + v.Name
		default:
			line += " -"
		}
		list = append(list, line)
	}
	for _, s := range r.Seen {
		list = append(list, strings.Join(strings.Fields(fmt.Sprintf("seen %s %s %s", s.Name, s.Address, s.Why)), " "))
	}
	return list
}

func TestRun(t *testing.T) {
	sw := switchNamed
	mac := func(n snmp.Neighbour, mac string) snmp.Neighbour { n.MAC = mac; return n }
	serial := func(n snmp.Neighbour, serial string) snmp.Neighbour { n.Serial = serial; return n }
	phone := func(n snmp.Neighbour) snmp.Neighbour { n.Phone, n.Platform = true, "Cisco IP Phone 8841"; return n }
	platform := func(n snmp.Neighbour, p string) snmp.Neighbour { n.Platform = p; return n }
	part := func(name, serial string) inventory.Component {
		return inventory.Component{Name: name, Serial: serial, Class: inventory.ClassOther, Unit: true}
	}
	tests := []struct {
		name    string
		seeds   []string
		limits  func(*crawl.Limits)
		devices map[string]*device
		want    []string
	}{
		{
			name: "line", seeds: []string{"192.0.2.1"},
			devices: map[string]*device{
				"192.0.2.1": sw("a", heard("1", "b", "192.0.2.2")),
				"192.0.2.2": sw("b", heard("1", "a", "192.0.2.1"), heard("2", "c", "192.0.2.3")),
				"192.0.2.3": sw("c", heard("1", "b", "192.0.2.2")),
			},
			want: []string{"0 192.0.2.1 a", "1 192.0.2.2 b", "2 192.0.2.3 c"},
		},
		{
			name: "ring, seeds written twice", seeds: []string{"192.0.2.1", " 192.0.2.1", "::ffff:192.0.2.1"},
			devices: map[string]*device{
				"192.0.2.1": sw("a", heard("1", "b", "192.0.2.2"), heard("2", "c", "192.0.2.3")),
				"192.0.2.2": sw("b", heard("1", "c", "192.0.2.3"), heard("2", "a", "192.0.2.1")),
				"192.0.2.3": sw("c", heard("1", "a", "192.0.2.1"), heard("2", "b", "192.0.2.2"), heard("3", "c", "192.0.2.3")),
			},
			want: []string{"0 192.0.2.1 a", "1 192.0.2.2 b", "1 192.0.2.3 c"},
		},
		{
			name: "one device under another address of each neighbour, with and without domain and serial", seeds: []string{"192.0.2.1"},
			devices: map[string]*device{
				"192.0.2.1": sw("a", heard("1", "b.example.org", "192.0.2.2"), heard("2", "c", "192.0.2.3"), heard("3", "B", "192.0.2.12")),
				"192.0.2.2": sw("b", heard("1", "A.example.org.", "192.0.2.11"), serial(heard("2", "other", "192.0.2.13"), "FOC1929C")),
				"192.0.2.3": sw("c", serial(heard("1", "x", "192.0.2.21"), "FOC1929A")),
			},
			want: []string{"0 192.0.2.1 a", "1 192.0.2.2 b", "1 192.0.2.3 c"},
		},
		{
			name: "names that differ in their domain alone are two", seeds: []string{"192.0.2.1"},
			devices: map[string]*device{
				"192.0.2.1": sw("a", heard("1", "sw.north", "192.0.2.2"), heard("2", "sw.south", "192.0.2.3")),
				"192.0.2.2": sw("sw.north"), "192.0.2.3": sw("sw.south"),
			},
			want: []string{"0 192.0.2.1 a", "1 192.0.2.2 sw.north", "1 192.0.2.3 sw.south"},
		},
		{
			name: "default names do not identify", seeds: []string{"192.0.2.1"},
			devices: map[string]*device{
				"192.0.2.1": {name: "Switch", model: "WS-C2960X-24", serial: "FOC1929AAA1", hears: []snmp.Neighbour{heard("1", "Switch", "192.0.2.2"), heard("2", "Switch", "192.0.2.3")}},
				"192.0.2.2": {name: "Switch", model: "WS-C2960X-24", serial: "FOC1929AAA2", hears: []snmp.Neighbour{heard("1", "Switch", "192.0.2.1")}},
				"192.0.2.3": {name: "Switch", model: "WS-C2960X-24", serial: "FOC1929AAA3"},
			},
			want: []string{"0 192.0.2.1 Switch", "1 192.0.2.2 Switch", "1 192.0.2.3 Switch"},
		},
		{
			name: "two of one name by their serials, and by their MAC addresses", seeds: []string{"192.0.2.1"},
			devices: map[string]*device{
				"192.0.2.1": sw("a",
					serial(heard("1", "twin", "192.0.2.2"), "FOC1929TWIN"), serial(heard("2", "twin", "192.0.2.3"), "FOC1929TWO2"),
					mac(heard("3", "copy", "192.0.2.4"), "00:00:5e:00:53:04"), mac(heard("4", "copy", "192.0.2.5"), "00:00:5e:00:53:05"),
					mac(heard("5", "copy", "192.0.2.6"), "00:00:5e:00:53:04")),
				"192.0.2.2": sw("twin"), "192.0.2.3": {name: "twin", model: "C9300-24T", serial: "FOC1929TWO2"},
				"192.0.2.4": sw("copy"), "192.0.2.5": {name: "copy", model: "C9300-24T", serial: "FOC1929COP2"},
			},
			want: []string{"0 192.0.2.1 a", "1 192.0.2.2 twin", "1 192.0.2.3 twin", "1 192.0.2.4 copy", "1 192.0.2.5 copy"},
		},
		{
			name: "found to be one by its serial", seeds: []string{"192.0.2.1", "192.0.2.2"},
			devices: map[string]*device{
				"192.0.2.1": sw("a", heard("1", "c", "192.0.2.3")), "192.0.2.2": sw("a", heard("1", "d", "192.0.2.4")),
				"192.0.2.3": sw("c"),
			},
			want: []string{"0 192.0.2.1 a", "0 192.0.2.2 = 192.0.2.1", "1 192.0.2.3 c"},
		},
		{
			name: "copies of a virtual machine are two", seeds: []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"},
			devices: map[string]*device{
				"192.0.2.1": {name: "v1", model: "CSR1000V", serial: "9XXXXXXXXXX"}, "192.0.2.2": {name: "v2", model: "CSR1000V", serial: "9XXXXXXXXXX"},
				"192.0.2.3": {name: "V1", model: "CSR1000V", serial: "9XXXXXXXXXX"},
			},
			want: []string{"0 192.0.2.1 v1", "0 192.0.2.2 v2", "0 192.0.2.3 = 192.0.2.1"},
		},
		{
			name: "outside of what may be asked, and a seed there", seeds: []string{"198.51.100.1"},
			devices: map[string]*device{
				"198.51.100.1": sw("a", heard("1", "b", "198.51.100.2"), heard("2", "c", "2001:db8::3"), heard("3", "d", "::ffff:192.0.2.4"), heard("4", "e", "2001:db9::5")),
				"198.51.100.2": sw("b"), "2001:db8::3": sw("c"), "192.0.2.4": sw("d"), "2001:db9::5": sw("e"),
			},
			want: []string{"0 198.51.100.1 a", "1 2001:db8::3 c", "1 192.0.2.4 d", "seen b 198.51.100.2 not_allowed", "seen e 2001:db9::5 not_allowed"},
		},
		{
			name: "addresses that are nobody's", seeds: []string{"192.0.2.1"}, limits: func(l *crawl.Limits) {
				l.Allow = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
			},
			devices: map[string]*device{"192.0.2.1": sw("a", heard("1", "b", "224.0.0.1"), heard("2", "c", "0.0.0.0"), heard("3", "d", "fe80::1%eth0"), heard("4", "e", "e.example.org"), heard("5", "f", "ff02::1"))},
			want:    []string{"0 192.0.2.1 a", "seen b no_address", "seen c no_address", "seen d no_address", "seen e no_address", "seen f no_address"},
		},
		{
			name: "nothing allowed", seeds: []string{"192.0.2.1"}, limits: func(l *crawl.Limits) { l.Allow = nil },
			devices: map[string]*device{"192.0.2.1": sw("a", heard("1", "b", "192.0.2.2")), "192.0.2.2": sw("b")},
			want:    []string{"0 192.0.2.1 a", "seen b 192.0.2.2 not_allowed"},
		},
		{
			name: "telephones and access points", seeds: []string{"192.0.2.1", "192.0.2.2"},
			devices: map[string]*device{
				"192.0.2.1": {
					name: "a", model: "C9300-24T", serial: "FOC1929A", units: []inventory.Component{part("SEP00005E005301", "FCH1929P001")},
					hears: []snmp.Neighbour{
						phone(heard("1", "SEP00005E005301", "192.0.2.101")), phone(heard("2", "SEP00005E005302", "192.0.2.102")),
						heard("3", "ap-hall", "192.0.2.103"), heard("4", "ap-yard", "192.0.2.104"),
					},
				},
				"192.0.2.2": {name: "wlc1", model: "AIR-CT5520-K9", serial: "FCH1929W", units: []inventory.Component{part("ap-hall", "FCW1929H")}},
			},
			want: []string{"0 192.0.2.1 a", "0 192.0.2.2 wlc1", "1 192.0.2.104 -", "seen SEP00005E005302 192.0.2.102 phone", "seen ap-yard 192.0.2.104 silent"},
		},
		{
			name: "an access point asked before its controller", seeds: []string{"192.0.2.1"},
			devices: map[string]*device{
				"192.0.2.1": sw("a", heard("1", "ap-hall", "192.0.2.103"), heard("2", "wlc1", "192.0.2.2")),
				"192.0.2.2": {name: "wlc1", model: "AIR-CT5520-K9", serial: "FCH1929W", units: []inventory.Component{part("ap-hall", "FCW1929H")}},
			},
			want: []string{"0 192.0.2.1 a", "1 192.0.2.103 -", "1 192.0.2.2 wlc1"},
		},
		{
			name: "other makers, and one that says nothing", seeds: []string{"192.0.2.1"},
			devices: map[string]*device{
				"192.0.2.1": sw("a", platform(heard("1", "host", "192.0.2.2"), "VMware ESX"),
					snmp.Neighbour{LocalPort: "2", Name: "ap9", Address: "192.0.2.3", Description: "Ruckus R850 Wireless AP", Source: "lldp"},
					snmp.Neighbour{LocalPort: "3", Name: "small", Address: "192.0.2.4", Source: "lldp"}),
				"192.0.2.2": sw("host"), "192.0.2.3": sw("ap9"), "192.0.2.4": sw("small"),
			},
			want: []string{"0 192.0.2.1 a", "1 192.0.2.4 small", "seen ap9 192.0.2.3 other_maker", "seen host 192.0.2.2 other_maker"},
		},
		{
			name: "a silent one is asked at its other address", seeds: []string{"192.0.2.1", "192.0.2.9"},
			devices: map[string]*device{
				"192.0.2.1": sw("a", heard("1", "b", "192.0.2.2"), heard("2", "b", "198.51.100.2"), heard("3", "b", "192.0.2.3"), heard("4", "c", "192.0.2.4")),
				"192.0.2.9": sw("i"),
				"192.0.2.2": {silent: "no answer."}, "192.0.2.3": sw("b"), "192.0.2.4": {silent: "the community is wrong."},
			},
			want: []string{"0 192.0.2.1 a", "0 192.0.2.9 i", "1 192.0.2.2 -", "1 192.0.2.4 -", "1 192.0.2.3 b", "seen c 192.0.2.4 silent"},
		},
		{
			name: "nor at its other address once it is known", seeds: []string{"192.0.2.1"},
			devices: map[string]*device{
				"192.0.2.1": sw("a", heard("1", "b", "192.0.2.2"), mac(heard("2", "", "192.0.2.3"), "00:00:5e:00:53:03"), heard("3", "b", "192.0.2.4")),
				"192.0.2.3": sw("b"), "192.0.2.4": sw("b"),
			},
			want: []string{"0 192.0.2.1 a", "1 192.0.2.2 -", "1 192.0.2.3 b"},
		},
		{
			name: "tries of one device are few", seeds: []string{"192.0.2.1"},
			devices: map[string]*device{"192.0.2.1": sw("a", heard("1", "b", "192.0.2.2"), heard("2", "b", "192.0.2.3"), heard("3", "b", "192.0.2.4"), heard("4", "b", "192.0.2.5"))},
			want:    []string{"0 192.0.2.1 a", "1 192.0.2.2 -", "1 192.0.2.3 -", "1 192.0.2.4 -", "seen b 192.0.2.2 silent"},
		},
		{
			name: "one neighbour over both protocols and two ports", seeds: []string{"192.0.2.1"},
			devices: map[string]*device{
				"192.0.2.1": sw("a",
					mac(heard("1", "", "192.0.2.2"), "00:00:5e:00:53:02"),
					snmp.Neighbour{LocalPort: "1", Name: "b", MAC: "00:00:5e:00:53:02", Source: "lldp"},
					snmp.Neighbour{LocalPort: "2", MAC: "00:00:5e:00:53:02", Source: "lldp"}),
			},
			want: []string{"0 192.0.2.1 a", "1 192.0.2.2 -", "seen b 192.0.2.2 silent"},
		},
		{
			name: "a device known by name has no second life as a MAC address", seeds: []string{"192.0.2.1", "192.0.2.2"},
			devices: map[string]*device{
				"192.0.2.1": sw("a", mac(heard("1", "b", "192.0.2.12"), "00:00:5e:00:53:02"), snmp.Neighbour{LocalPort: "1", MAC: "00:00:5e:00:53:02", Source: "lldp"}),
				"192.0.2.2": sw("b"),
			},
			want: []string{"0 192.0.2.1 a", "0 192.0.2.2 b"},
		},
		{
			name: "hops", seeds: []string{"192.0.2.1"}, limits: func(l *crawl.Limits) { l.MaxDepth = 1 },
			devices: map[string]*device{
				"192.0.2.1": sw("a", heard("1", "b", "192.0.2.2")), "192.0.2.2": sw("b", heard("1", "c", "192.0.2.3")), "192.0.2.3": sw("c"),
			},
			want: []string{"0 192.0.2.1 a", "1 192.0.2.2 b", "seen c 192.0.2.3 too_far"},
		},
		{
			name: "devices", seeds: []string{"192.0.2.1"}, limits: func(l *crawl.Limits) { l.MaxNodes = 2 },
			devices: map[string]*device{
				"192.0.2.1": sw("a", heard("1", "b", "192.0.2.2"), heard("2", "c", "192.0.2.3")), "192.0.2.2": sw("b"), "192.0.2.3": sw("c"),
			},
			want: []string{"0 192.0.2.1 a", "1 192.0.2.2 b", "seen c 192.0.2.3 not_reached"},
		},
		{
			name: "a seed by name that does not answer", seeds: []string{"Core.example.org.", "192.0.2.1"},
			devices: map[string]*device{"192.0.2.1": sw("a", heard("1", "core.example.org", "198.51.100.7"))},
			want:    []string{"0 core.example.org -", "0 192.0.2.1 a", "seen core.example.org 198.51.100.7 not_allowed"},
		},
		{name: "nothing", want: nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			limits := lan()
			if tt.limits != nil {
				tt.limits(&limits)
			}
			net := &network{devices: tt.devices}
			r, err := crawl.Run(t.Context(), tt.seeds, limits, net.poll, quiet())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines(r)); diff != "" {
				t.Errorf("crawl (-want +got):\n%s", diff)
			}
			for _, s := range r.Seen {
				if s.Reason == "" || len(s.Where) == 0 {
					t.Errorf("%+v has no reason or place", s)
				}
			}
		})
	}
}

// What a seen neighbour tells: the words for the admin.
func TestSeen(t *testing.T) {
	net := &network{devices: map[string]*device{
		"192.0.2.1": switchNamed("a", snmp.Neighbour{
			LocalPort: "Gi1/0/1", Name: "b", Address: "192.0.2.2", Serial: "FOC1712R3XX", MAC: "00:00:5e:00:53:02", Source: "cdp",
			Platform: "Cisco SG300-10PP (PID:SG300-10PP-K9)-VSD",
		}, snmp.Neighbour{LocalPort: "Gi1/0/2", Name: "b", Source: "lldp"}),
		"192.0.2.2": {silent: "no answer: the device is off."},
	}}
	r, err := crawl.Run(t.Context(), []string{"192.0.2.1"}, lan(), net.poll, quiet())
	if err != nil {
		t.Fatal(err)
	}
	want := crawl.Result{
		Visits: []crawl.Visit{
			{Address: "192.0.2.1", Answered: true, Name: "a", Model: "WS-C2960X-48FPS-L", Serial: "FOC1929A"},
			{Address: "192.0.2.2", Depth: 1, From: "a Gi1/0/1 (cdp)", Reason: "no answer: the device is off."},
		},
		Seen: []crawl.Seen{{
			Name: "b", PID: "SG300-10PP-K9", Serial: "FOC1712R3XX", Address: "192.0.2.2", MAC: "00:00:5e:00:53:02",
			Where: []string{"a Gi1/0/1 (cdp)", "a Gi1/0/2 (lldp)"}, Why: crawl.WhySilent, Reason: "asked at 192.0.2.2: no answer: the device is off.",
		}},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

// Whatever devices say, only what may be asked is asked, once, and the result
// does not depend on who answers first.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		addresses := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "198.51.100.1", "198.51.100.2", "2001:db8::1", "fe80::1", "", "127.0.0.1", "junk"}
		names := []string{"", "a", "A.example.org", "a.example.net", "b", "switch", "192.0.2.9", "SEP00005E005301"}
		serials := []string{"", "", "FOC1929AAA1", "FOC1929AAA2", "FOC1929AAA3"}
		macs := []string{"", "00:00:5e:00:53:01", "00:00:5e:00:53:02"}
		neighbour := rapid.Custom(func(t *rapid.T) snmp.Neighbour {
			return snmp.Neighbour{
				LocalPort: "1", Source: "cdp", Name: rapid.SampledFrom(names).Draw(t, "name"), Address: rapid.SampledFrom(addresses).Draw(t, "address"),
				Serial: rapid.SampledFrom(serials).Draw(t, "serial"), MAC: rapid.SampledFrom(macs).Draw(t, "mac"), Phone: rapid.IntRange(0, 9).Draw(t, "phone") == 0,
			}
		})
		devices := map[string]*device{}
		for _, a := range addresses[:7] {
			if rapid.Bool().Draw(t, "there") {
				devices[a] = &device{
					name: rapid.SampledFrom(names).Draw(t, "name"), serial: rapid.SampledFrom(serials).Draw(t, "serial"), model: "C9300-24T",
					hears: rapid.SliceOfN(neighbour, 0, 6).Draw(t, "hears"),
				}
			}
		}
		seeds := rapid.SliceOfN(rapid.SampledFrom(addresses[:7]), 1, 3).Draw(t, "seeds")
		limits := lan()
		limits.MaxNodes = rapid.IntRange(1, 8).Draw(t, "nodes")
		limits.MaxDepth = rapid.IntRange(0, 4).Draw(t, "depth")
		var results []crawl.Result
		for _, limits.Concurrency = range []int{1, 8} {
			net := &network{devices: devices}
			r, err := crawl.Run(context.Background(), seeds, limits, net.poll, quiet())
			if err != nil {
				t.Fatal(err)
			}
			if len(net.asked) > limits.MaxNodes {
				t.Fatalf("%d asked, allowed %d", len(net.asked), limits.MaxNodes)
			}
			once := map[string]bool{}
			for _, a := range net.asked {
				if once[a] {
					t.Fatalf("%s was asked twice", a)
				}
				once[a] = true
				ip, err := netip.ParseAddr(a)
				if !slices.Contains(seeds, a) && (err != nil || !slices.ContainsFunc(limits.Allow, func(p netip.Prefix) bool { return p.Contains(ip) })) {
					t.Fatalf("%s may not be asked", a)
				}
			}
			serials := map[string]bool{}
			for _, v := range r.Visits {
				if v.Depth > limits.MaxDepth {
					t.Fatalf("%+v is too far", v)
				}
				if v.Serial != "" && v.SameAs == "" {
					if serials[v.Serial] {
						t.Fatalf("serial %s is two devices", v.Serial)
					}
					serials[v.Serial] = true
				}
			}
			for _, s := range r.Seen {
				if s.Why == "" || s.Reason == "" {
					t.Fatalf("%+v has no reason", s)
				}
			}
			results = append(results, r)
		}
		if diff := cmp.Diff(results[0], results[1]); diff != "" {
			t.Fatalf("one at once and eight differ:\n%s", diff)
		}
	})
}
