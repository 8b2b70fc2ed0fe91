package snmp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"rollcall/pkg/inventory"
)

// stackOf is a stack of so many members, each with four transceivers.
func stackOf(members int) objects { return stackWith(members, 4) }

// stackWith is a stack of so many members with so many transceivers each.
func stackWith(members, parts int) objects {
	o := system(iosDescr, "1.3.6.1.4.1.9.1.1208")
	for m := range members {
		base := 1000 * (m + 1)
		o = o.with(phys(base+1, 0, 3, fmt.Sprint(m+1), "WS-C2960X-48FPS-L", "V02", fmt.Sprintf("FCW1929B%03d", m), "WS-C2960X-48FPS-L"))
		for p := range parts {
			o = o.with(phys(base+60+p, base+1, 10, fmt.Sprintf("GigabitEthernet%d/0/%d", m+1, p), "1000BaseSX SFP", "V01", fmt.Sprintf("FNS19%02dK%03d", m, p), "GLC-SX-MMD"))
		}
	}
	return o
}

// failing answers with an error status.
func failing(resp *gosnmp.SnmpPacket, status gosnmp.SNMPError, index int) []byte {
	resp.Error, resp.ErrorIndex = status, uint8(index)
	return encode(resp)
}

// walking says that the request walks entPhysicalSerialNum.
func walking(req *gosnmp.SnmpPacket) bool {
	return req.PDUType != gosnmp.GetRequest && strings.HasPrefix(req.Variables[0].Name, column(colSerialNum).String())
}

// beyond says that the request walks on from a row of the second member or one
// after it.
func beyond(req *gosnmp.SnmpPacket) bool {
	at := parseOID(req.Variables[0].Name)
	return walking(req) && at[len(at)-1] > 2000
}

// endless makes up rows that rise for ever.
func endless(req, resp *gosnmp.SnmpPacket) []byte {
	if !walking(req) {
		return encode(resp)
	}
	at := parseOID(req.Variables[0].Name)
	next := uint32(1)
	if len(at) > len(entPhysicalEntry)+1 {
		next = at[len(at)-1] + 1
	}
	resp.Variables = nil
	for i := range uint32(1000) {
		resp.Variables = append(resp.Variables, gosnmp.SnmpPDU{Name: column(colSerialNum).with(next + i).String(), Type: gosnmp.OctetString, Value: ""})
	}
	return encode(resp)
}

// Faults of agents that the walker must survive, and what it makes of them
// (discovery facts 6.2).
func TestFaults(t *testing.T) {
	const members, whole = 40, 40 * 5 // components of stackOf(40)
	dropped := 0
	tests := []struct {
		name       string
		fault      fault
		complete   bool
		components int    // -1: some
		reason     string // part of the problem of kind incomplete
	}{
		{name: "none", fault: func(_, resp *gosnmp.SnmpPacket) []byte { return encode(resp) }, complete: true, components: whole},
		{
			name: "tooBig above 3 rows and 5 objects", complete: true, components: whole,
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if req.PDUType == gosnmp.GetBulkRequest && req.MaxRepetitions > 3 || len(req.Variables) > 5 {
					resp.Variables = nil
					return failing(resp, gosnmp.TooBig, 0)
				}
				return encode(resp)
			},
		},
		{
			name: "no answer to more than 3 rows or 5 objects", complete: true, components: whole,
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if req.PDUType == gosnmp.GetBulkRequest && req.MaxRepetitions > 3 || len(req.Variables) > 5 {
					return nil
				}
				return encode(resp)
			},
		},
		{
			name: "cut off after 400 bytes", complete: true, components: whole,
			fault: func(_, resp *gosnmp.SnmpPacket) []byte {
				raw := encode(resp)
				return raw[:min(len(raw), 400)]
			},
		},
		{
			name: "GETBULK not understood", complete: true, components: whole,
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if req.PDUType == gosnmp.GetBulkRequest {
					return failing(resp, gosnmp.GenErr, 1)
				}
				return encode(resp)
			},
		},
		{
			name: "every third packet lost", complete: true, components: whole,
			fault: func(_, resp *gosnmp.SnmpPacket) []byte {
				if dropped++; dropped%3 == 0 {
					return nil
				}
				return encode(resp)
			},
		},
		{
			name: "noSuchName for a missing object in v2c", complete: true, components: whole,
			fault: func(_, resp *gosnmp.SnmpPacket) []byte {
				for i, v := range resp.Variables {
					if v.Type == gosnmp.NoSuchInstance {
						return failing(resp, gosnmp.NoSuchName, i+1)
					}
				}
				return encode(resp)
			},
		},
		{
			name: "one object left out of each answer, the rest in reverse", complete: true, components: whole,
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if req.PDUType == gosnmp.GetRequest && len(resp.Variables) > 1 {
					resp.Variables = resp.Variables[1:]
					slices.Reverse(resp.Variables)
				}
				return encode(resp)
			},
		},
		{
			name: "several columns answered one after the other", complete: true, components: whole,
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if n := len(req.Variables); req.PDUType == gosnmp.GetBulkRequest {
					var columns []gosnmp.SnmpPDU
					for i := range n {
						for j := i; j < len(resp.Variables); j += n {
							columns = append(columns, resp.Variables[j])
						}
					}
					resp.Variables = columns
				}
				return encode(resp)
			},
		},
		{
			name: "of several columns the first is answered alone", complete: true, components: whole,
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if n := len(req.Variables); req.PDUType == gosnmp.GetBulkRequest {
					var first []gosnmp.SnmpPDU
					for j := 0; j < len(resp.Variables); j += n {
						first = append(first, resp.Variables[j])
					}
					resp.Variables = first
				}
				return encode(resp)
			},
		},
		{
			name: "answers cut to seven variables", complete: true, components: whole,
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if req.PDUType == gosnmp.GetBulkRequest {
					resp.Variables = resp.Variables[:min(7, len(resp.Variables))]
				}
				return encode(resp)
			},
		},
		{
			name: "one row whatever is asked for", complete: true, components: whole,
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if req.PDUType == gosnmp.GetBulkRequest {
					resp.Variables = resp.Variables[:min(len(req.Variables), len(resp.Variables))]
				}
				return encode(resp)
			},
		},
		{
			name: "more rows than are asked for", complete: true, components: whole,
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if req.PDUType == gosnmp.GetNextRequest {
					resp.Variables = append(resp.Variables, resp.Variables...)
				}
				return encode(resp)
			},
		},
		{name: "rows that rise for ever", fault: endless, components: -1, reason: "the table does not end"},
		{
			name: "table that wraps to its first row", components: -1, reason: "the device does not advance",
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				for i, v := range resp.Variables {
					if walking(req) && !strings.HasPrefix(v.Name, column(colSerialNum).String()+".") {
						resp.Variables[i] = gosnmp.SnmpPDU{Name: column(colSerialNum).with(1001).String(), Type: gosnmp.OctetString, Value: "FCW1929B000"}
					}
				}
				return encode(resp)
			},
		},
		{
			name: "the same row again and again", components: -1, reason: "the device does not advance",
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				for i := range resp.Variables {
					if walking(req) && i > 2 {
						resp.Variables[i] = resp.Variables[2]
					}
				}
				return encode(resp)
			},
		},
		{
			name: "falling rows", components: -1, reason: "the device does not advance",
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if walking(req) && len(resp.Variables) > 5 {
					resp.Variables[4], resp.Variables[5] = resp.Variables[5], resp.Variables[4]
				}
				return encode(resp)
			},
		},
		{
			name: "empty list of variables", components: -1, reason: "the device sends an empty answer",
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if beyond(req) {
					resp.Variables = nil
				}
				return encode(resp)
			},
		},
		{
			name: "genErr at one row", components: -1, reason: "the device answers genErr",
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				for _, v := range resp.Variables {
					if walking(req) && strings.HasSuffix(v.Name, ".3001") {
						return failing(resp, gosnmp.GenErr, 1)
					}
				}
				return encode(resp)
			},
		},
		{
			name: "tooBig for a single row", components: -1, reason: "the device answers tooBig",
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				for _, v := range resp.Variables {
					if walking(req) && strings.HasSuffix(v.Name, ".3001") {
						return failing(resp, gosnmp.TooBig, 0)
					}
				}
				return encode(resp)
			},
		},
		{
			name: "authorizationError in the middle", components: -1, reason: "authorizationError",
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if beyond(req) {
					return failing(resp, gosnmp.AuthorizationError, 1)
				}
				return encode(resp)
			},
		},
		{
			name: "genErr for one object of a GET", components: whole, reason: "entPhysicalTable was not read to its end: the device answers genErr",
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				for i, v := range req.Variables {
					if req.PDUType == gosnmp.GetRequest && v.Name == column(colDescr).with(3001).String() {
						return failing(resp, gosnmp.GenErr, i+1)
					}
				}
				return encode(resp)
			},
		},
		{
			name: "silence in the middle", components: -1, reason: "no answer",
			fault: func(req, resp *gosnmp.SnmpPacket) []byte {
				if beyond(req) {
					return nil
				}
				return encode(resp)
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := serve(t, stackOf(members), tt.fault)
			r := Read(context.Background(), a.target("2c"), quiet())
			d := r.Device
			if !r.Answered || d.Complete != tt.complete {
				t.Errorf("answered %v, complete %v, want complete %v; problems: %v", r.Answered, d.Complete, tt.complete, d.Errors)
			}
			if n := len(d.Components); tt.components >= 0 && n != tt.components {
				t.Errorf("%d components, want %d", n, tt.components)
			}
			if tt.components < 0 && tt.name != "rows that rise for ever" && len(d.Components) == 0 {
				t.Error("no components: what was read before the fault is lost")
			}
			var messages []string
			for _, p := range d.Errors {
				if p.Kind == inventory.ProblemIncomplete {
					messages = append(messages, p.Message)
				}
			}
			if all := strings.Join(messages, "\n"); (len(messages) > 0) == tt.complete || !strings.Contains(all, tt.reason) {
				t.Errorf("problems %q, want one about %q", all, tt.reason)
			}
		})
	}
}

// A v1 agent fails a whole GET for one missing object, and has no GETBULK.
func TestV1WithGaps(t *testing.T) {
	o := stackOf(2)
	for name := range o {
		if strings.HasPrefix(name, column(colHardwareRev).String()[1:]+".") {
			delete(o, name)
		}
	}
	a := serve(t, o, nil)
	r := Read(context.Background(), a.target("1"), quiet())
	if !r.Device.Complete || len(r.Device.Components) != 10 || len(r.Device.Units()) != 2 {
		t.Errorf("complete %v, %d components, %d units; want all of 10 and 2: %v", r.Device.Complete, len(r.Device.Components), len(r.Device.Units()), r.Device.Errors)
	}
}

// What a device says is cut to size and cannot reach a terminal.
func TestHostileText(t *testing.T) {
	long := strings.Repeat("A1", 30_000)
	o := system("Cisco IOS Software, "+long, "1.3.6.1.4.1.9.1.1208").with(
		phys(1, 0, 3, "\x1b[2J\x1b]0;owned\x07chassis\u202e", long, "V01", "FOC2301A0A1", "WS-C2960X-24TS-L"),
		phys(2, 1, 9, "module", "module", "V01", long, "C2960X-STACK"),
		phys(3, 1, 9, "latin \xe9", "module", "V01", "FOC2301A0A3", "C2960X-STACK"),
	)
	o[sysName.String()[1:]] = "sw\r\n1"
	d := readObjects(t, o)
	if len(d.Components) != 2 {
		t.Fatalf("%d components, want 2: a serial of 60,000 bytes is none", len(d.Components))
	}
	if d.Name != "sw 1" {
		t.Errorf("name %q", d.Name)
	}
	c := d.Components[0]
	if c.Name != "[2J]0;ownedchassis" || len(c.Description) > maxText {
		t.Errorf("name %q, description of %d bytes", c.Name, len(c.Description))
	}
	if got := d.Components[1].Name; got != "latin é" {
		t.Errorf("name %q", got)
	}
}

// Answers that are none: the device counts as silent.
func TestNoAnswer(t *testing.T) {
	tests := []struct {
		name  string
		fault fault
	}{
		{"silence", func(_, _ *gosnmp.SnmpPacket) []byte { return nil }},
		{"another request's number", func(_, resp *gosnmp.SnmpPacket) []byte {
			resp.RequestID ^= 0x55
			return encode(resp)
		}},
		{"not SNMP", func(_, _ *gosnmp.SnmpPacket) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }},
		{"a request instead of a response", func(_, resp *gosnmp.SnmpPacket) []byte {
			resp.PDUType = gosnmp.GetRequest
			return encode(resp)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := serve(t, stackOf(1), tt.fault)
			r := Read(context.Background(), a.target("2c"), quiet())
			if r.Answered || r.Device.Complete || len(r.Device.Components) > 0 {
				t.Errorf("answered %v, complete %v, %d components", r.Answered, r.Device.Complete, len(r.Device.Components))
			}
			checkProblem(t, r, inventory.ProblemUnreachable, "")
		})
	}
}

// A device that is silent for an hour per attempt is given up when the budget
// is used up or the caller stops, whichever is first.
func TestBudget(t *testing.T) {
	silent := func(_, _ *gosnmp.SnmpPacket) []byte { return nil }
	t.Run("used up", func(t *testing.T) {
		target := serve(t, stackOf(1), silent).target("2c")
		target.Timeout, target.Budget = time.Hour, 50*time.Millisecond
		r := Read(context.Background(), target, quiet())
		checkProblem(t, r, inventory.ProblemUnreachable, "within the 50ms for the whole device")
	})
	t.Run("stopped", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		target := serve(t, stackOf(1), func(_, _ *gosnmp.SnmpPacket) []byte {
			cancel()
			return nil
		}).target("2c")
		target.Timeout, target.Budget = time.Hour, time.Hour
		r := Read(ctx, target, quiet())
		checkProblem(t, r, inventory.ProblemUnreachable, "")
	})
	t.Run("used up in the middle", func(t *testing.T) {
		target := serve(t, stackOf(1), func(req, resp *gosnmp.SnmpPacket) []byte {
			if walking(req) {
				return nil
			}
			return encode(resp)
		}).target("2c")
		target.Timeout, target.Budget = time.Hour, 200*time.Millisecond
		r := Read(context.Background(), target, quiet())
		if !r.Answered || r.Device.Complete || r.Device.Name != "device" {
			t.Errorf("answered %v, complete %v, name %q", r.Answered, r.Device.Complete, r.Device.Name)
		}
	})
}
