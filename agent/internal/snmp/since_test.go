package snmp

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gosnmp/gosnmp"

	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
	"rollcall/pkg/simdevice"
)

const (
	atUpTime     = "1.3.6.1.2.1.1.3.0"
	atLastChange = "1.3.6.1.2.1.47.1.4.1.0"
)

// kept passes a Last through JSON, as one that is kept on disk.
func kept(t testing.TB, l *Last) *Last {
	t.Helper()
	if l == nil {
		return nil
	}
	raw, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	again := &Last{}
	if err := json.Unmarshal(raw, again); err != nil {
		t.Fatal(err)
	}
	return again
}

// simulated starts a simulated device and says how to ask it.
func simulated(t testing.TB, d simdevice.Device) (*simdevice.Server, Target) {
	t.Helper()
	s, err := simdevice.Start(d, simdevice.Options{SNMPAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var port int
	if _, err := fmt.Sscanf(s.SNMPAddr(), "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	target := v2c(port, "public")
	target.Timeout = 10 * time.Second // no figure depends on it
	return s, target
}

func example(t testing.TB, name string) simdevice.Device {
	t.Helper()
	d, ok := simdevice.Example(name)
	if !ok {
		t.Fatalf("no example %q", name)
	}
	return d
}

func overV3(t Target) Target {
	t.Credential = Credential{
		Name: "site", Version: "3", User: "rollcall",
		AuthProtocol: "SHA256", AuthPassword: config.Plain("auth-password"), PrivProtocol: "AES", PrivPassword: config.Plain("priv-password"),
	}
	return t
}

// Every platform's device costs two requests at most while it does not change.
func TestUnchanged(t *testing.T) {
	for _, name := range simdevice.Examples() {
		for _, version := range []string{"2c", "3"} {
			t.Run(name+" v"+version, func(t *testing.T) {
				_, target := simulated(t, example(t, name))
				m := metered(t, target.Port)
				target.Port = m.port
				if version == "3" {
					target = overV3(target)
				}
				var first Reading
				var last *Last
				n := m.count(func() { first, last = ReadSince(context.Background(), target, nil, quiet()) })
				if !first.Answered || first.Unchanged || last == nil || first.Requests != int(n) {
					t.Fatalf("answered %v, unchanged %v, last %v after %d requests (%d reported): %v", first.Answered, first.Unchanged, last, n, first.Requests, first.Device.Errors)
				}
				for i := range 3 {
					var again Reading
					last = kept(t, last)
					n := m.count(func() { again, last = ReadSince(context.Background(), target, last, quiet()) })
					if !again.Answered || !again.Unchanged || n > 2 || again.Requests != int(n) {
						t.Errorf("poll %d: answered %v, unchanged %v after %d requests (%d reported), want it after at most 2", i+2, again.Answered, again.Unchanged, n, again.Requests)
					}
					if diff := cmp.Diff(first.Device, again.Device); diff != "" {
						t.Errorf("poll %d: device (-first +again):\n%s", i+2, diff)
					}
				}
			})
		}
	}
}

// Whatever changes on a device that keeps entLastChangeTime, or in a table
// outside ENTITY-MIB, shows at the next poll.
func TestChanged(t *testing.T) {
	part := simdevice.Part{Serial: "FNS20010A99", PID: "GLC-SX-MMD", VID: "V01", Class: inventory.ClassPort}
	tests := []struct {
		name, device string
		change       func(*simdevice.Device)
	}{
		{"another box with the same name and address", "ios-switch", func(d *simdevice.Device) { d.Units[0].Serial = "FOC1601X0B7" }},
		{"a stack member replaced", "ios-stack", func(d *simdevice.Device) { d.Units[1].Serial = "FCW2001A0B7" }},
		{"a module added", "iosxe-stack", func(d *simdevice.Device) { d.Units[0].Parts = append(d.Units[0].Parts, part) }},
		{"a module removed", "iosxr-router", func(d *simdevice.Device) { d.Units[0].Parts = d.Units[0].Parts[1:] }},
		{"a power supply replaced", "nxos-switch", func(d *simdevice.Device) { d.Units[0].Parts[0].Serial = "LIT22010A99" }},
		{"renamed", "asa-firewall", func(d *simdevice.Device) { d.Name = "another" }},
		{"upgraded", "asa-firewall", func(d *simdevice.Device) { d.Software = "9.20(2)" }},
		{"a phone plugged in", "ios-switch", func(d *simdevice.Device) {
			d.Phones = append(d.Phones, simdevice.Phone{Serial: "FCH22010A99", PID: "CP-8845", Name: "SEP00005E005399", Port: 7})
		}},
		{"a unit added to a small stack", "smb-stack", func(d *simdevice.Device) {
			d.Units = append(d.Units, simdevice.Unit{Serial: "DNI22010A99", PID: d.Units[0].PID, VID: "V01"})
		}},
		{"an access point joined", "aireos-controller", func(d *simdevice.Device) {
			d.Units = append(d.Units, simdevice.Unit{Serial: "FGL22010A99", PID: "AIR-AP2802I-E-K9", VID: "V01"})
		}},
		{"a controller replaced", "aireos-controller", func(d *simdevice.Device) { d.Units[0].Serial = "FCH22010B99" }},
		{"a module of CatOS replaced", "catos-switch", func(d *simdevice.Device) { d.Units[0].Parts[0].Serial = "SAL10010A99" }},
		{"a server replaced", "cimc-server", func(d *simdevice.Device) { d.Units[0].Serial = "WZP22010A99" }},
		{"an appliance replaced", "apic-server", func(d *simdevice.Device) { d.Units[0].Serial = "WZP22010A98" }},
	}
	for _, tt := range tests {
		for _, version := range []string{"2c", "3"} {
			t.Run(tt.name+" v"+version, func(t *testing.T) {
				s, target := simulated(t, example(t, tt.device))
				if version == "3" {
					target = overV3(target)
				}
				_, last := ReadSince(context.Background(), target, nil, quiet())
				s.Update(tt.change)
				again, next := ReadSince(context.Background(), target, kept(t, last), quiet())
				if again.Unchanged || !again.Answered || !again.Device.Complete || next == nil {
					t.Fatalf("answered %v, unchanged %v, complete %v: %v", again.Answered, again.Unchanged, again.Device.Complete, again.Device.Errors)
				}
				if diff := cmp.Diff(Read(context.Background(), target, quiet()).Device, again.Device); diff != "" {
					t.Errorf("device (-read in full +read since):\n%s", diff)
				}
				if after, _ := ReadSince(context.Background(), target, next, quiet()); !after.Unchanged {
					t.Error("the device that was read again counts as changed")
				}
			})
		}
	}
}

// A large device without entLastChangeTime is compared in turns: each change
// shows after a few probes.
func TestTurns(t *testing.T) {
	o := stackWith(8, 40).with(objects{atUpTime: uint32(500_000)})
	changed := func(change objects) objects { return o.with(change) }
	at := func(index uint32) string { return column(colSerialNum).with(index).String()[1:] }
	gone := maps.Clone(o)
	delete(gone, at(3061))
	tests := []struct {
		name    string
		objects objects
		probes  int // 1: a unit, which each probe compares
	}{
		{"a unit in the middle", changed(objects{at(4001): "FCW1929X031"}), 1},
		{"a part in the middle", changed(objects{at(4062): "FNS1930K999"}), 6},
		{"the last part", changed(objects{at(8099): "FNS1930K998"}), 6},
		{"a part more", o.with(phys(5049, 5001, 10, "new", "new", "V01", "FNS1930K997", "GLC-SX-MMD")), 6},
		{"a part more at the end", o.with(phys(9001, 8001, 10, "new", "new", "V01", "FNS1930K996", "GLC-SX-MMD")), 6},
		{"a part's row gone", gone, 6},
		{"a part's serial gone", changed(objects{at(7062): ""}), 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := serve(t, o, nil)
			_, last := ReadSince(context.Background(), a.target("2c"), nil, quiet())
			r, last := ReadSince(context.Background(), a.target("2c"), last, quiet())
			if !r.Unchanged || r.Requests != 2 {
				t.Fatalf("unchanged %v after %d requests, want 2", r.Unchanged, r.Requests)
			}
			a.set(tt.objects)
			for n := 1; ; n++ {
				r, last = ReadSince(context.Background(), a.target("2c"), kept(t, last), quiet())
				if !r.Unchanged {
					if diff := cmp.Diff(Read(context.Background(), a.target("2c"), quiet()).Device, r.Device); diff != "" {
						t.Errorf("device (-read in full +read since):\n%s", diff)
					}
					return
				}
				if n >= tt.probes {
					t.Fatalf("not seen after %d probes", n)
				}
			}
		})
	}
}

// When the probe is trusted, and when it is not (discovery facts 6.3).
func TestTrust(t *testing.T) {
	const up = 500_000 // hundredths of a second
	told := stackOf(3).with(objects{atUpTime: uint32(up), atLastChange: uint32(4217)})
	untold := stackOf(3).with(objects{atUpTime: uint32(up)})
	large := stackWith(8, 40).with(objects{atUpTime: uint32(up)})
	without := func(o objects, name string) objects {
		o = maps.Clone(o)
		delete(o, name)
		return o
	}
	part := phys(3069, 3001, 10, "new", "new", "V01", "FNS1930K997", "GLC-SX-MMD")
	tests := []struct {
		name          string
		before, after objects
		change        func(*state)
		target        func(*Target)
		unchanged     bool
	}{
		{name: "nothing", before: told, unchanged: true},
		{name: "nothing, entLastChangeTime missing", before: untold, unchanged: true},
		{name: "sysUpTime goes on", before: told, after: told.with(objects{atUpTime: uint32(up + 360_000)}), change: ago(time.Hour), unchanged: true},
		{name: "sysUpTime goes on a little slow", before: told, after: told.with(objects{atUpTime: uint32(up + 357_000)}), change: ago(time.Hour), unchanged: true},
		{name: "sysUpTime wraps", before: told.with(objects{atUpTime: ^uint32(0) - 100_000}), after: told.with(objects{atUpTime: uint32(260_000)}), change: ago(time.Hour), unchanged: true},
		{name: "restarted a minute ago", before: told, after: told.with(objects{atUpTime: uint32(6000)}), change: ago(time.Hour)},
		{name: "restarted, and up for longer than then", before: told, after: told.with(objects{atUpTime: uint32(up + 60_000)}), change: ago(time.Hour)},
		{name: "restarted just before the wrap", before: told.with(objects{atUpTime: ^uint32(0) - 100_000}), after: told.with(objects{atUpTime: uint32(6000)}), change: ago(time.Hour)},
		{name: "restarted, entLastChangeTime missing", before: untold, after: untold.with(objects{atUpTime: uint32(6000)}), change: ago(time.Hour)},
		{name: "entLastChangeTime rose", before: told, after: told.with(objects{atLastChange: uint32(490_000)})},
		{name: "entLastChangeTime appeared", before: untold, after: told},
		{name: "entLastChangeTime vanished", before: told, after: untold},
		{name: "sysUpTime vanished", before: told, after: without(told, atUpTime)},
		{name: "entLastChangeTime 0 for ever does not hide a new part", before: told.with(objects{atLastChange: uint32(0)}), after: told.with(objects{atLastChange: uint32(0)}, part)},
		{name: "entLastChangeTime 0 for ever", before: told.with(objects{atLastChange: uint32(0)}), unchanged: true},
		{name: "no sysUpTime, all serials in one answer", before: without(untold, atUpTime), unchanged: true},
		{name: "no sysUpTime, too many serials for one answer", before: without(large, atUpTime)},
		{name: "too many serials for one answer", before: large, unchanged: true},
		{name: "a table that was empty", before: told, after: told.with(objects{secondSerial.root.with(1001).String()[1:]: "FCW1929B999"})},
		{name: "another sysObjectID", before: told, after: told.with(objects{sysObjectID.String()[1:]: parseOID("1.3.6.1.4.1.9.1.1745")})},
		{name: "another software", before: told, after: told.with(objects{sysDescr.String()[1:]: iosxeDescr})},
		{name: "a full reading is due", before: told, change: ago(25 * time.Hour)},
		{name: "a full reading is due by the target's word", before: told, change: ago(2 * time.Hour), target: func(t *Target) { t.FullEvery = time.Hour }},
		{name: "full readings only", before: told, target: func(t *Target) { t.FullEvery = -1 }},
		{name: "our clock was set back", before: told, change: ago(-time.Hour)},
		{name: "of another address", before: told, change: func(s *state) { s.Address = "192.0.2.7" }},
		{name: "with another credential", before: told, target: func(t *Target) { t.Credential.Name = "other" }},
		{name: "of another version of this program", before: told, change: func(s *state) { s.Schema++ }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := serve(t, tt.before, nil)
			target := a.target("2c")
			first, last := ReadSince(context.Background(), target, nil, quiet())
			if last == nil {
				t.Fatalf("nothing to go on: %v", first.Device.Errors)
			}
			if tt.after != nil {
				a.set(tt.after)
			}
			if tt.change != nil {
				tt.change(&last.state)
			}
			if tt.target != nil {
				tt.target(&target)
			}
			r, next := ReadSince(context.Background(), target, last, quiet())
			if r.Unchanged != tt.unchanged || !r.Answered || next == nil {
				t.Errorf("unchanged %v, want %v; answered %v", r.Unchanged, tt.unchanged, r.Answered)
			}
			if r.Unchanged && r.Requests > 2 {
				t.Errorf("%d requests, want at most 2", r.Requests)
			}
			if diff := cmp.Diff(Read(context.Background(), target, quiet()).Device, r.Device); diff != "" {
				t.Errorf("device (-read in full +read since):\n%s", diff)
			}
		})
	}
}

// ago moves a reading into the past.
func ago(d time.Duration) func(*state) {
	return func(s *state) { s.Full, s.Seen = s.Full.Add(-d), s.Seen.Add(-d) }
}

// The caller's Last and the device that it was given are their own.
func TestLastIsKept(t *testing.T) {
	a := serve(t, stackOf(60).with(objects{atUpTime: uint32(500_000)}), nil)
	_, last := ReadSince(context.Background(), a.target("2c"), nil, quiet())
	before, err := json.Marshal(last)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := ReadSince(context.Background(), a.target("2c"), last, quiet())
	r.Device.Components[0].Serial, r.Device.Components[0].Aliases, r.Device.Errors[0].Message = "changed", nil, "changed"
	after, err := json.Marshal(last)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("last (-before +after):\n%s", diff)
	}
}

// What a reading that went wrong leaves behind.
func TestNothingToGoOn(t *testing.T) {
	o := stackOf(40).with(objects{atUpTime: uint32(500_000), atLastChange: uint32(4217)})
	const (
		_ = iota // all is well
		cutShort
		refuseProbe
		silent
	)
	var state atomic.Int32
	a := serve(t, o, func(req, resp *gosnmp.SnmpPacket) []byte {
		switch now := state.Load(); {
		case now == silent:
			return nil
		case now == cutShort && beyond(req), now == refuseProbe && req.PDUType == gosnmp.GetNextRequest:
			resp.Error, resp.ErrorIndex = gosnmp.GenErr, 1
		}
		return encode(resp)
	})
	ctx, target := context.Background(), a.target("2c")
	_, last := ReadSince(ctx, target, nil, quiet())

	state.Store(cutShort)
	if r, next := ReadSince(ctx, target, nil, quiet()); !r.Answered || r.Device.Complete || next != nil {
		t.Errorf("cut short: answered %v, complete %v, last %v", r.Answered, r.Device.Complete, next != nil)
	}
	state.Store(refuseProbe)
	if r, next := ReadSince(ctx, target, last, quiet()); !r.Answered || r.Unchanged || !r.Device.Complete || next == nil {
		t.Errorf("probe refused: answered %v, unchanged %v, complete %v", r.Answered, r.Unchanged, r.Device.Complete)
	}
	state.Store(silent)
	before := a.requests.Load()
	r, next := ReadSince(ctx, target, last, quiet())
	if r.Answered || next != nil || len(r.Device.Components) > 0 {
		t.Errorf("silent: answered %v, %d components, last %v", r.Answered, len(r.Device.Components), next != nil)
	}
	if n := a.requests.Load() - before; n != int64(target.Retries)+1 {
		t.Errorf("silent: %d requests, want %d", n, target.Retries+1)
	}
	checkProblem(t, r, inventory.ProblemUnreachable, "no answer")
}

// SNMPv1 is read in full each time.
func TestSinceV1(t *testing.T) {
	a := serve(t, stackOf(2).with(objects{atUpTime: uint32(500_000)}), nil)
	r, last := ReadSince(context.Background(), a.target("1"), nil, quiet())
	if !r.Device.Complete || last != nil {
		t.Errorf("complete %v, something to go on %v", r.Device.Complete, last != nil)
	}
}

// A real agent with SNMPv3: no discovery of an engine that is known, and the
// meaning of AES256 that worked is kept.
func TestSinceSNMPD(t *testing.T) {
	d := peer.SNMPD(t, []peer.SNMPUser{
		{Name: "blumenthal", AuthProtocol: "SHA-512", AuthPassword: "authentic-2", PrivProtocol: "AES-256", PrivPassword: "private-2"},
	}, router())
	target := Target{
		Address: "127.0.0.1", Port: d.Port, Timeout: 2 * time.Second, Retries: 1, Budget: 20 * time.Second,
		Credential: Credential{
			Version: "3", User: "blumenthal", AuthProtocol: "SHA512", AuthPassword: config.Plain("authentic-2"),
			PrivProtocol: "AES256", PrivPassword: config.Plain("private-2"),
		},
	}
	m := metered(t, target.Port)
	target.Port = m.port
	first, last := ReadSince(context.Background(), target, nil, quiet())
	if !first.Device.Complete {
		t.Fatalf("not complete: %v", first.Device.Errors)
	}
	var again Reading
	n := m.count(func() { again, _ = ReadSince(context.Background(), target, kept(t, last), quiet()) })
	if !again.Unchanged || n > 2 {
		t.Errorf("unchanged %v after %d requests, want it after at most 2", again.Unchanged, n)
	}
	last.state.Engine.ID[7] ^= 0xff // as if the box had been replaced
	if r, _ := ReadSince(context.Background(), target, last, quiet()); r.Unchanged || !r.Device.Complete {
		t.Errorf("another engine: unchanged %v, complete %v: %v", r.Unchanged, r.Device.Complete, r.Device.Errors)
	}
}

func TestLastRefused(t *testing.T) {
	a := serve(t, stackOf(2), nil)
	_, last := ReadSince(context.Background(), a.target("2c"), nil, quiet())
	good, err := json.Marshal(last)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, from, to, want string }{
		{"not JSON", "{", "[", "cannot use the last reading"},
		{"another schema", `"schema":1`, `"schema":2`, "its schema is 2, not 1"},
		{"a unit that is no object", `"units":[{"index":".1.3.6`, `"units":[{"index":".1.3.x`, "is no object"},
		{"a row that is none", `"cells":[{"index":".1001"`, `"cells":[{"index":"first"`, "has no row"},
		{"rows out of order", `"cells":[{"index":".1001"`, `"cells":[{"index":".9001"`, "in order"},
		{"too long", `"schema":1`, `"schema":1` + strings.Repeat(" ", maxLast), "bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := strings.Replace(string(good), tt.from, tt.to, 1)
			if bad == string(good) {
				t.Fatalf("%s is not in %s", tt.from, good)
			}
			if err := new(Last).UnmarshalJSON([]byte(bad)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// FuzzLast gives a probe whatever a file may hold.
func FuzzLast(f *testing.F) {
	f.Add([]byte(`{"schema":1,"address":"192.0.2.1","port":161,"device":{"complete":true}}`), uint32(7))
	f.Add([]byte(`{"schema":1,"up_time":4294967295,"units":[{"index":".1.3.0","serial":"FOC2301A0A1"}],"watched":[{"root":".1.3.6","rows":2,"at":".1","cells":[{"index":".1","serial":"FOC2301A0A1"},{"index":".7","serial":"FOC2301A0A2"}]}]}`), uint32(0))
	f.Fuzz(func(t *testing.T, data []byte, upTime uint32) {
		l := &Last{}
		if err := l.UnmarshalJSON(data); err != nil {
			return
		}
		again := kept(t, l)
		raw, err := json.Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := json.Marshal(kept(t, again)); err != nil || string(twice) != string(raw) {
			t.Errorf("%s became %s (%v)", raw, twice, err)
		}
		now := time.Unix(1_800_000_000, 0)
		l.state.running(upTime, now)
		l.usable(Target{}.defaults(), now)
		p := probe{last: l.state}
		p.checks()
		for i := range l.state.Watched {
			w := &l.state.Watched[i]
			c := w.cursor()
			for _, known := range w.Cells {
				at := c.table.root.with(parseOID(known.Index)...)
				if !at.in(c.table.root) || cellSerial(known.Serial) != known.Serial {
					return
				}
				if at := at; len(c.kept) < 3 && (w.At == "" || !before(at).in(parseOID(w.At))) {
					c.kept, c.last = append(c.kept, varbind{at, known.Serial}), at
				}
			}
			w.same(c)
			if err := w.validate(); err != nil {
				t.Errorf("after a probe: %v", err)
			}
		}
	})
}
