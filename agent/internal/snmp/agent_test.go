package snmp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gosnmp/gosnmp"

	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
)

// objects are what a test's agent serves: a string is an octet string, an int
// an INTEGER, an oid an OBJECT IDENTIFIER, a uint32 TimeTicks.
type objects map[string]any

func (o objects) with(others ...objects) objects {
	all := objects{}
	for _, m := range append([]objects{o}, others...) {
		maps.Copy(all, m)
	}
	return all
}

// system is the system group.
func system(descr, object string) objects {
	return objects{sysDescr.String()[1:]: descr, sysObjectID.String()[1:]: parseOID(object), sysName.String()[1:]: "device"}
}

// phys is a row of entPhysicalTable. An empty serial is served as one; class 0
// and in -1 leave the column out.
func phys(index, in, class int, name, descr, vid, serial, pid string) objects {
	at := func(c int) string { return fmt.Sprintf("1.3.6.1.2.1.47.1.1.1.1.%d.%d", c, index) }
	o := objects{at(2): descr, at(7): name, at(8): vid, at(11): serial, at(13): pid}
	if in >= 0 {
		o[at(4)] = in
	}
	if class > 0 {
		o[at(5)] = class
	}
	return o
}

// A fault turns a request and its right answer into what a bad agent sends;
// nil sends nothing.
type fault func(req *gosnmp.SnmpPacket, resp *gosnmp.SnmpPacket) []byte

// A testAgent is an SNMP agent on loopback that can misbehave.
type testAgent struct {
	t        testing.TB
	port     int
	fault    fault
	requests atomic.Int64

	mu     sync.Mutex // of what follows
	oids   []oid
	values []any
}

// set makes the agent serve these objects from now on.
func (a *testAgent) set(o objects) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.oids, a.values = nil, nil
	for name := range o {
		a.oids = append(a.oids, parseOID(name))
	}
	slices.SortFunc(a.oids, func(x, y oid) int { return slices.Compare(x, y) })
	for _, at := range a.oids {
		a.values = append(a.values, o[at.String()[1:]])
	}
}

func serve(t testing.TB, o objects, f fault) *testAgent {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &testAgent{t: t, port: conn.LocalAddr().(*net.UDPAddr).Port, fault: f}
	a.set(o)
	done := make(chan struct{})
	go func() { defer close(done); a.run(conn) }()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return a
}

func (a *testAgent) run(conn net.PacketConn) {
	buf := make([]byte, 65535)
	for {
		n, from, err := conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		a.requests.Add(1)
		codec := &gosnmp.GoSNMP{Version: gosnmp.Version2c}
		req, err := codec.SnmpDecodePacket(slices.Clone(buf[:n]))
		if err != nil {
			continue
		}
		resp := a.answer(req)
		var raw []byte
		if a.fault != nil {
			raw = a.fault(req, resp)
		} else {
			raw = encode(resp)
		}
		if raw != nil {
			_, _ = conn.WriteTo(raw, from)
		}
	}
}

// encode writes an answer, nil when it cannot be written.
func encode(p *gosnmp.SnmpPacket) []byte {
	raw, err := p.MarshalMsg()
	if err != nil {
		return nil
	}
	return raw
}

func (a *testAgent) answer(req *gosnmp.SnmpPacket) *gosnmp.SnmpPacket {
	a.mu.Lock()
	defer a.mu.Unlock()
	resp := &gosnmp.SnmpPacket{Version: req.Version, Community: req.Community, PDUType: gosnmp.GetResponse, RequestID: req.RequestID}
	rows := 1
	if req.PDUType == gosnmp.GetBulkRequest {
		rows = int(req.MaxRepetitions)
	}
	at := make([]oid, len(req.Variables))
	for i, v := range req.Variables {
		at[i] = parseOID(v.Name)
	}
	for range rows {
		for i := range at {
			j, found := slices.BinarySearchFunc(a.oids, at[i], func(x, y oid) int { return slices.Compare(x, y) })
			if req.PDUType != gosnmp.GetRequest && found {
				j++
			}
			switch {
			case req.PDUType == gosnmp.GetRequest && found, req.PDUType != gosnmp.GetRequest && j < len(a.oids):
				resp.Variables = append(resp.Variables, a.pdu(j))
				at[i] = a.oids[j]
			case req.Version == gosnmp.Version1:
				resp.Error, resp.ErrorIndex, resp.Variables = gosnmp.NoSuchName, uint8(i+1), req.Variables
				return resp
			case req.PDUType == gosnmp.GetRequest:
				resp.Variables = append(resp.Variables, gosnmp.SnmpPDU{Name: at[i].String(), Type: gosnmp.NoSuchInstance})
			default:
				resp.Variables = append(resp.Variables, gosnmp.SnmpPDU{Name: at[i].String(), Type: gosnmp.EndOfMibView})
			}
		}
	}
	return resp
}

func (a *testAgent) pdu(i int) gosnmp.SnmpPDU {
	p := gosnmp.SnmpPDU{Name: a.oids[i].String()}
	switch v := a.values[i].(type) {
	case string:
		p.Type, p.Value = gosnmp.OctetString, v
	case int:
		p.Type, p.Value = gosnmp.Integer, v
	case oid:
		p.Type, p.Value = gosnmp.ObjectIdentifier, v.String()
	case uint32:
		p.Type, p.Value = gosnmp.TimeTicks, v
	default:
		panic(fmt.Sprintf("value %v at %s", v, p.Name))
	}
	return p
}

// target asks the agent impatiently.
func (a *testAgent) target(version string) Target {
	return Target{
		Address: "127.0.0.1", Port: a.port, Timeout: 200 * time.Millisecond, Retries: 2, Budget: 20 * time.Second,
		Credential: Credential{Version: version, Community: config.Plain("public")},
	}
}

// readObjects reads a device that serves these objects, over v2c and v1: both
// must say the same.
func readObjects(t *testing.T, o objects) inventory.Device {
	t.Helper()
	a := serve(t, o, nil)
	r := Read(context.Background(), a.target("2c"), quiet())
	if !r.Answered {
		t.Fatalf("no answer: %v", r.Device.Errors)
	}
	old := Read(context.Background(), a.target("1"), quiet())
	if diff := cmp.Diff(r.Device.Components, old.Device.Components); diff != "" {
		t.Errorf("components (-v2c +v1):\n%s", diff)
	}
	return r.Device
}

// lines words components for comparison: class in capitals for units.
func lines(d inventory.Device) string {
	var b strings.Builder
	for _, c := range d.Components {
		class := string(c.Class)
		if c.Unit {
			class = strings.ToUpper(class)
		}
		fmt.Fprintf(&b, "%s %s %s %s %q", class, c.Serial, dash(c.PID), dash(c.VID), c.Name)
		if c.Parent != "" {
			fmt.Fprintf(&b, " in %s", c.Parent)
		}
		if len(c.Aliases) > 0 {
			fmt.Fprintf(&b, " also %q", c.Aliases)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// A deviceTest is a device in the words of its agent, and what it is.
type deviceTest struct {
	name     string
	objects  objects
	platform string
	model    string
	software string
	complete bool
	lines    string
}

func runDeviceTests(t *testing.T, tests []deviceTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := readObjects(t, tt.objects)
			got := deviceTest{name: tt.name, platform: d.Platform, model: d.Model, software: d.Software, complete: d.Complete, lines: lines(d)}
			tt.objects = nil
			if diff := cmp.Diff(tt, got, cmp.AllowUnexported(deviceTest{})); diff != "" {
				t.Errorf("device (-want +got):\n%s\nproblems: %v", diff, d.Errors)
			}
			if units := d.Units(); len(units) > 0 && d.Serial != units[0].Serial {
				t.Errorf("serial %q, want that of the first unit, %q", d.Serial, units[0].Serial)
			}
		})
	}
}
