package poll

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/snmp"
	"rollcall/agent/internal/sshcli"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
	"rollcall/pkg/simdevice"
)

// asked is what a memory was told of readings over SNMP.
type asked struct{ full, unchanged, requests int }

func (a *asked) note(unchanged bool, requests int) {
	if unchanged {
		a.unchanged++
	} else {
		a.full++
	}
	a.requests += requests
}

// simulated runs a device and says how to poll it, with SNMPv2c and SSH.
func simulated(t testing.TB, d simdevice.Device) (*simdevice.Server, Node) {
	t.Helper()
	s, err := simdevice.Start(d, simdevice.Options{SNMPAddr: "127.0.0.1:0", SSHAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	// No figure depends on the time that there is.
	n := Node{Address: "127.0.0.1", Timeout: 10 * time.Second, SNMPPort: portOf(t, s.SNMPAddr()), SSHPort: portOf(t, s.SSHAddr())}
	n.SNMP = []snmp.Credential{{Name: "community", Version: "2c", Community: config.Plain("public")}}
	n.SSH = []sshcli.Credential{{Name: "account", User: "admin", Password: config.Plain("admin-password")}}
	return s, n
}

func portOf(t testing.TB, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func exampleOf(t testing.TB, name string) simdevice.Device {
	t.Helper()
	d, ok := simdevice.Example(name)
	if !ok {
		t.Fatalf("no example %q", name)
	}
	return d
}

// spoil writes over all that a poll has given, as its caller may.
func spoil(d inventory.Device) {
	clear(d.Via)
	clear(d.Errors)
	for _, c := range d.Components {
		clear(c.Aliases)
	}
	clear(d.Components)
}

// Every platform's device, polled again, costs what a probe does and makes the
// same report, with what only SSH tells.
func TestUnchangedNode(t *testing.T) {
	for _, name := range simdevice.Examples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, n := simulated(t, exampleOf(t, name))
			var a asked
			p := New(hostKeys(t), NewMemory(MemoryOptions{Readings: DefaultReadings, Asked: a.note}), slog.New(slog.DiscardHandler))
			first, answered := p.Poll(t.Context(), n)
			if !answered || a.unchanged != 0 || a.full != 1 || int64(a.requests) != s.Requests() {
				t.Fatalf("answered %v, %+v of %d requests: %v", answered, a, s.Requests(), first.Errors)
			}
			for i := range 2 {
				spoil(first)
				fresh, _ := New(hostKeys(t), NewMemory(MemoryOptions{}), slog.New(slog.DiscardHandler)).Poll(t.Context(), n)
				a = asked{}
				again, answered := p.Poll(t.Context(), n)
				if !answered || a.unchanged != 1 || a.requests > 2 {
					t.Errorf("poll %d: answered %v, %+v, want it unchanged after at most 2 requests", i+2, answered, a)
				}
				if diff := cmp.Diff(fresh, again); diff != "" {
					t.Errorf("poll %d: device (-read in full +read again):\n%s", i+2, diff)
				}
				if fresh.Fingerprint() != again.Fingerprint() {
					t.Errorf("poll %d: another fingerprint", i+2)
				}
				first = again
			}
		})
	}
}

// A change shows at the next poll, whichever transport told of the part.
func TestChangedNode(t *testing.T) {
	tests := []struct {
		name, device string
		change       func(*simdevice.Device)
	}{
		{"a member of a stack", "iosxe-stack", func(d *simdevice.Device) { d.Units[1].Serial = "FCW2401G0B7" }},
		{"a transceiver", "ios-switch", func(d *simdevice.Device) { d.Units[0].Parts[0].Serial = "FNS16010A99" }},
		{"an access point", "aireos-controller", func(d *simdevice.Device) { d.Units[2].Serial = "FGL2201A0B7" }},
		{"a phone", "iosxe-stack", func(d *simdevice.Device) { d.Phones[0].Serial = "FCH2401D0B7" }},
		// Its chassis is over SSH alone, and no table over SNMP tells of it.
		{"what SSH alone tells", "ftd-firewall", func(d *simdevice.Device) {
			d.Units[0].Parts = append(d.Units[0].Parts, simdevice.Part{Serial: "PSU2701A0B7", PID: "FPR3K-PWR-AC", Class: inventory.ClassPowerSupply})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, n := simulated(t, exampleOf(t, tt.device))
			p := New(hostKeys(t), NewMemory(MemoryOptions{Readings: DefaultReadings}), slog.New(slog.DiscardHandler))
			before, _ := p.Poll(t.Context(), n)
			s.Update(tt.change)
			after, answered := p.Poll(t.Context(), n)
			fresh, _ := New(hostKeys(t), NewMemory(MemoryOptions{}), slog.New(slog.DiscardHandler)).Poll(t.Context(), n)
			if diff := cmp.Diff(fresh, after); diff != "" || !answered {
				t.Errorf("answered %v, device (-read in full +polled):\n%s", answered, diff)
			}
			if before.Fingerprint() == after.Fingerprint() {
				t.Errorf("nothing has changed: %+v", after.Components)
			}
		})
	}
}

// What an unchanged reading over SNMP means for SSH.
func TestUnchangedAndSSH(t *testing.T) {
	shelf := module("FOC2001X0AB", "WS-C2960X-24PS-L", "1", "") // not known for the unit that it is
	tests := []struct {
		name     string
		snmp     []inventory.Component
		complete bool
		shell    func(*fakeShells)
		change   func(*fakeSNMP, *fakeShells)
		logins   int // of the second poll
		gone     bool
	}{
		{name: "SNMP has everything", snmp: []inventory.Component{unit("FOC2001X0AB", "WS-C2960X-24PS-L", "1")}, complete: true},
		{name: "SSH says which part is the unit", snmp: []inventory.Component{shelf}},
		{name: "SSH adds a part", snmp: []inventory.Component{module("FNS1", "GLC-SX-MMD", "Gi1/0/25", "")}, logins: 1},
		{name: "SNMP has no part", logins: 1},
		{
			name: "SNMP has changed", snmp: []inventory.Component{shelf}, logins: 1,
			change: func(s *fakeSNMP, _ *fakeShells) { s.changed = true },
		},
		{
			name: "SSH was cut short", snmp: []inventory.Component{shelf}, logins: 1,
			shell: func(f *fakeShells) { f.breaks = "show inventory" },
		},
		{
			name: "SSH was refused", snmp: []inventory.Component{shelf}, logins: 1,
			shell: func(f *fakeShells) { f.fail = &sshcli.Error{Kind: inventory.ProblemBusy, Message: "no line is free"} },
		},
		{
			// Of a device that is not Cisco's no unit is expected.
			name: "SSH was refused, and SNMP is content", snmp: []inventory.Component{shelf}, complete: true, logins: 1,
			shell: func(f *fakeShells) { f.fail = &sshcli.Error{Kind: inventory.ProblemBusy, Message: "no line is free"} },
		},
		{
			name: "SSH is away since", snmp: []inventory.Component{shelf},
			change: func(_ *fakeSNMP, f *fakeShells) {
				f.fail = &sshcli.Error{Kind: inventory.ProblemBusy, Message: "no line is free"}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &fakeSNMP{knows: "office", reading: snmp.Reading{Answered: true, Device: inventory.Device{Name: "sw-snmp", Complete: tt.complete, Components: tt.snmp}}}
			f := iosShell()
			if tt.shell != nil {
				tt.shell(f)
			}
			p := poller(s, f)
			p.memory = NewMemory(MemoryOptions{Readings: DefaultReadings})
			n := node(ViaAuto)
			n.SSH = n.SSH[1:]
			first, _ := p.Poll(t.Context(), n)
			f.dialed = nil
			if tt.change != nil {
				tt.change(s, f)
			}
			again, _ := p.Poll(t.Context(), n)
			if len(f.dialed) != tt.logins {
				t.Errorf("%d logins, want %d", len(f.dialed), tt.logins)
			}
			if diff := cmp.Diff(first, again); diff != "" {
				t.Errorf("device (-first +again):\n%s", diff)
			}
			// Without SSH, what it told once is not told on.
			alone, _ := p.Poll(t.Context(), node(ViaSNMP))
			if slices.Contains(alone.Via, ViaSSH) {
				t.Errorf("over SNMP alone: %v", alone.Via)
			}
		})
	}
}

// After any doubt everything is read.
func TestReadInFull(t *testing.T) {
	tests := []struct {
		name      string
		opt       MemoryOptions
		between   func(*testing.T, *Poller, *simdevice.Server, *Node)
		unchanged bool
	}{
		{name: "no doubt", opt: MemoryOptions{Readings: DefaultReadings}, unchanged: true},
		{name: "a scan", opt: MemoryOptions{}},
		{name: "the node did not answer once", opt: MemoryOptions{Readings: DefaultReadings}, between: func(t *testing.T, p *Poller, s *simdevice.Server, n *Node) {
			s.SetReachable(false)
			silent := *n
			silent.Timeout = 50 * time.Millisecond
			if _, answered := p.Poll(t.Context(), silent); answered {
				t.Error("it did")
			}
			s.SetReachable(true)
		}},
		{name: "the reading was cut short", opt: MemoryOptions{Readings: DefaultReadings}, between: func(t *testing.T, p *Poller, s *simdevice.Server, n *Node) {
			s.Update(func(d *simdevice.Device) { d.Faults.GenErrAfter = 1; d.Units[1].Serial = "FCW2001A0B7" })
			if d, _ := p.Poll(t.Context(), *n); d.Complete {
				t.Error("the reading is complete")
			}
			s.Update(func(d *simdevice.Device) { d.Faults = simdevice.Faults{} })
		}},
		{name: "another credential", opt: MemoryOptions{Readings: DefaultReadings}, between: func(_ *testing.T, _ *Poller, _ *simdevice.Server, n *Node) {
			n.SNMP[0].Name = "other"
		}},
		{name: "another port", opt: MemoryOptions{Readings: DefaultReadings}, between: func(t *testing.T, _ *Poller, s *simdevice.Server, n *Node) {
			_, other := simulated(t, s.Device())
			n.SNMPPort = other.SNMPPort
		}},
		{name: "the node was removed, and is back", opt: MemoryOptions{Readings: DefaultReadings}, between: func(_ *testing.T, p *Poller, _ *simdevice.Server, _ *Node) {
			p.memory.Retain(slices.Values([]string{"192.0.2.1"}))
		}},
		{name: "others were removed", opt: MemoryOptions{Readings: DefaultReadings}, unchanged: true, between: func(_ *testing.T, p *Poller, _ *simdevice.Server, n *Node) {
			p.memory.Retain(slices.Values([]string{"192.0.2.1", n.Address}))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, n := simulated(t, exampleOf(t, "ios-stack"))
			n.Via = ViaSNMP
			var a asked
			tt.opt.Asked = a.note
			p := New(nil, NewMemory(tt.opt), slog.New(slog.DiscardHandler))
			p.Poll(t.Context(), n)
			if tt.between != nil {
				tt.between(t, p, s, &n)
			}
			a = asked{}
			if d, _ := p.Poll(t.Context(), n); !d.Complete || (a.unchanged > 0) != tt.unchanged || a.full+a.unchanged != 1 {
				t.Errorf("complete %v, %+v; want it unchanged: %v", d.Complete, a, tt.unchanged)
			}
		})
	}
}

// The memory of readings has a bound, makes room by what is too old to go by,
// and takes what it says it does.
func TestReadingsAreBounded(t *testing.T) {
	c := &tick{noon}
	d := exampleOf(t, "ios-stack")
	for i := range 200 {
		d.Units[0].Parts = append(d.Units[0].Parts, simdevice.Part{Serial: fmt.Sprintf("FNS2001B%03d", i), PID: "GLC-SX-MMD", VID: "V01", Class: inventory.ClassPort})
	}
	_, n := simulated(t, d)
	target := snmp.Target{Address: n.Address, Port: n.SNMPPort, Credential: n.SNMP[0], Timeout: n.Timeout}
	r, last := snmp.ReadSince(t.Context(), target, nil, slog.New(slog.DiscardHandler))
	raw, err := json.Marshal(last)
	if err != nil {
		t.Fatal(err)
	}
	full := func() source { // with a Last of its own
		var own snmp.Last
		if err := json.Unmarshal(raw, &own); err != nil {
			t.Fatal(err)
		}
		return source{answered: true, device: r.Device, last: &own}
	}
	one := extent(last)

	const room = 50
	m := NewMemory(MemoryOptions{Now: c.Now, Readings: room * one * 11 / 10})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	name := func(i int) string { return "192.0.2." + strconv.Itoa(i) }
	for i := range 2 * room {
		m.remember(name(i), nil, full(), source{}, true)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	kept := len(m.pasts)
	if kept < room || kept > room+room/5 || m.bytes > m.opt.Readings {
		t.Fatalf("%d readings of %d bytes are kept, want about %d", kept, m.bytes, room)
	}
	if grown := int(after.HeapAlloc) - int(before.HeapAlloc); grown > 2*m.bytes || grown < m.bytes/4 {
		t.Errorf("%d bytes were taken, %d are said", grown, m.bytes)
	}
	if m.past(name(0)) == nil || m.past(name(2*room-1)) != nil {
		t.Error("the first have made room for the last")
	}
	c.now = c.now.Add(snmp.FullEvery)
	m.remember("192.0.2.200", nil, full(), source{}, true)
	if len(m.pasts) != 1 || m.past("192.0.2.200") == nil {
		t.Errorf("a day later %v are kept, want the one of that day", slices.Sorted(maps.Keys(m.pasts)))
	}
	// A reading that is found to hold is as old as it was.
	again := full()
	again.unchanged = true
	c.now = c.now.Add(snmp.FullEvery / 2)
	m.remember("192.0.2.200", m.past("192.0.2.200"), again, source{}, true)
	c.now = c.now.Add(snmp.FullEvery / 2)
	m.tidy(c.now)
	if len(m.pasts) != 0 || m.bytes != 0 {
		t.Errorf("%d readings of %d bytes are left", len(m.pasts), m.bytes)
	}
}

// A person who asks for an explanation is told that a probe was enough.
func TestExplainUnchanged(t *testing.T) {
	s := &fakeSNMP{knows: "office", reading: snmp.Reading{Answered: true, Device: inventory.Device{
		Components: []inventory.Component{module("FOC2001X0AB", "WS-C2960X-24PS-L", "1", "")},
	}}}
	p := poller(s, iosShell())
	p.memory = NewMemory(MemoryOptions{Readings: DefaultReadings})
	p.Poll(t.Context(), node(ViaAuto))
	var b strings.Builder
	p.Explain(t.Context(), node(ViaAuto), story(&b))
	for _, want := range []string{"nothing has changed since the last full reading", "SSH is not asked: nothing has changed since it answered", "in both: FOC2001X0AB"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("not told: %s\n%s", want, b.String())
		}
	}
}
