package snmp

import (
	"context"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gosnmp/gosnmp"

	"rollcall/pkg/config"
)

// A wire is a connection to a test's agent without a network.
type wire struct {
	net.Conn // nil: only what is below is called
	agent    *testAgent
	answers  [][]byte
}

func (w *wire) SetDeadline(time.Time) error { return nil }
func (w *wire) Close() error                { return nil }

func (w *wire) Write(b []byte) (int, error) {
	req, err := (&gosnmp.GoSNMP{Version: gosnmp.Version2c}).SnmpDecodePacket(append([]byte(nil), b...))
	if err != nil {
		return 0, err
	}
	resp := w.agent.answer(req)
	raw := encode(resp)
	if w.agent.fault != nil {
		raw = w.agent.fault(req, resp)
	}
	if raw != nil {
		w.answers = append(w.answers, raw)
	}
	return len(b), nil
}

func (w *wire) Read(b []byte) (int, error) {
	if len(w.answers) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, w.answers[0])
	w.answers = w.answers[1:]
	return n, nil
}

// readWire reads a device over a wire, column by column if single.
func readWire(t *testing.T, a *testAgent, version string, single bool) Reading {
	t.Helper()
	target := Target{Address: "127.0.0.1", Port: 9, Timeout: time.Second, Credential: Credential{Version: version, Community: config.Plain("public")}}.defaults()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := open(ctx, target, 0, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	_ = s.conn.Conn.Close()
	s.conn.Conn = &wire{agent: a}
	s.single = single
	id, f := s.identify(ctx)
	if f != nil {
		t.Fatal(f)
	}
	var r Reading
	r.take(ctx, s, id)
	return r
}

// fuzzedColumns are what fuzzed rows are made of, with the kind of value.
var fuzzedColumns = []struct {
	root, kind string
}{
	{column(colSerialNum).String(), "serial"},
	{column(colSerialNum).String(), "serial"},
	{column(colContainedIn).String(), "index"},
	{column(colClass).String(), "class"},
	{column(colModelName).String(), "pid"},
	{column(colName).String(), "name"},
	{column(colDescr).String(), "name"},
	{column(colSoftwareRev).String(), "pid"},
	{secondSerial.root.String(), "serial"},
	{cswSwitchState.root.String(), "class"},
	{assetTable.root.with(assetSerial).String(), "serial"},
	{ciscoUnits.root.with(unitSerial).String(), "serial"},
	{ciscoUnits.root.with(unitModel).String(), "pid"},
	{bsnAPTable.root.with(apSerial).String(), "serial"},
	{bsnAPTable.root.with(apModel).String(), "pid"},
	{moduleTable.root.with(moduleSerialString).String(), "serial"},
	{cardTable.root.with(cardSerial).String(), "index"},
	{medInventory.root.with(medSerial).String(), "serial"},
	{medInventory.root.with(medModel).String(), "pid"},
	{ucsObjects.with(15, 56, 1, 13).String(), "serial"},
	{ucsObjects.with(15, 56, 1, 2).String(), "name"},
	{ucsObjects.with(9, 6, 1, 14).String(), "serial"},
}

// fuzzedObjects makes a device of any bytes: three for each object.
func fuzzedObjects(data []byte) objects {
	descrs := []string{iosDescr, iosxeDescr, nxosDescr, iosxrDescr, "Cisco Controller", "SG350X-24P", "WS-C6506 Cisco Catalyst Operating System Software, Version 8", "Cisco Integrated Management Controller", "", "Cisco NX-OS(tm) ucs"}
	o := system(descrs[0], "1.3.6.1.4.1.9.1.1")
	if len(data) > 0 {
		o = system(descrs[int(data[0])%len(descrs)], "1.3.6.1.4.1.9.1.1")
		data = data[1:]
	}
	for ; len(data) >= 3 && len(o) < 400; data = data[3:] {
		c := fuzzedColumns[int(data[0])%len(fuzzedColumns)]
		v := int(data[2])
		var value any
		switch c.kind {
		case "serial":
			value = fmt.Sprintf("FOC2301A%03d", v)
			if v%9 == 0 {
				value = []string{"", "N/A", "356129072000003", "0"}[v/9%4]
			}
		case "index":
			value = v % 70
		case "class":
			value = v % 14
		case "pid":
			value = []string{"WS-C2960X-24TS-L", "C2960X-STACK", "Cisco C1300-8P", "Example GLC-LH-SMD", "N/A", ""}[v%6]
		default:
			value = []string{"Chassis", "Power Supply 1", "sys/rack-unit-1/psu-1", "Hw Serial#: 12345678", "Switch 1", ""}[v%6]
		}
		o[fmt.Sprintf("%s.%d", c.root[1:], int(data[1])%60+1)] = value
	}
	return o
}

// However an agent answers several columns at once, what is read is what a
// walk column by column reads, and in SNMPv1 it is the same.
func FuzzObjects(f *testing.F) {
	f.Add([]byte("\x00\x00\x01\x01\x04\x01\x00"), byte(0), byte(0))
	f.Add([]byte("\x01\x00\x01\x01\x02\x01\x00\x03\x01\x03\x00\x02\x02\x02\x02\x01\x03\x02\x09"), byte(7), byte(1))
	seed := make([]byte, 0, 600)
	for x := uint32(1); len(seed) < 600; x = x*1664525 + 1013904223 {
		seed = append(seed, byte(x>>24))
	}
	for platform := range byte(10) {
		f.Add(append([]byte{platform}, seed...), platform*5, platform%4)
	}
	f.Fuzz(func(t *testing.T, data []byte, limit, fault byte) {
		o := fuzzedObjects(data)
		plain := &testAgent{t: t}
		plain.set(o)
		want := readWire(t, plain, "2c", true)
		odd := &testAgent{t: t, fault: oddAnswers(int(limit), fault)}
		odd.set(o)
		for _, version := range []string{"2c", "1"} {
			a := odd
			if version == "1" {
				a = plain
			}
			if diff := cmp.Diff(want.Device.Components, readWire(t, a, version, false).Device.Components); diff != "" {
				t.Errorf("components (-column by column +v%s):\n%s", version, diff)
			}
		}
	})
}

// oddAnswers are those of an agent that cuts, reorders or refuses.
func oddAnswers(limit int, kind byte) fault {
	return func(req, resp *gosnmp.SnmpPacket) []byte {
		n := len(req.Variables)
		if req.PDUType == gosnmp.GetBulkRequest && limit > 0 {
			resp.Variables = resp.Variables[:min(limit, len(resp.Variables))]
		}
		switch {
		case req.PDUType != gosnmp.GetBulkRequest:
		case kind%4 == 1: // column after column
			var columns []gosnmp.SnmpPDU
			for i := range n {
				for j := i; j < len(resp.Variables); j += n {
					columns = append(columns, resp.Variables[j])
				}
			}
			resp.Variables = columns
		case kind%4 == 2 && n > 1: // tooBig for several columns
			resp.Variables, resp.Error = nil, gosnmp.TooBig
		case kind%4 == 3 && n > 3: // the first three columns alone
			var first []gosnmp.SnmpPDU
			for j, v := range resp.Variables {
				if j%n < 3 {
					first = append(first, v)
				}
			}
			resp.Variables = first
		}
		return encode(resp)
	}
}
