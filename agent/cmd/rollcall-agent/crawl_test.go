package main

import (
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/agent/internal/crawl"
	"rollcall/agent/internal/poll"
	"rollcall/agent/internal/snmp"
	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
	"rollcall/pkg/simdevice"
)

func chassis(address, name, serial string) reading {
	return reading{inventory.Device{
		Address: address, Name: name, Platform: "ios", Model: "C9300-24T", Serial: serial, Complete: true,
		Components: []inventory.Component{{Serial: serial, PID: "C9300-24T", Class: inventory.ClassChassis, Unit: true}},
	}, true}
}

// A crawl reads each device once, at the address of the target where it has
// one, and lists what it could not read.
func TestScanCrawl(t *testing.T) {
	gone := inventory.Device{Errors: []inventory.Problem{{Kind: inventory.ProblemUnreachable, Message: "No answer."}}}
	p := fakePoller{
		"192.0.2.1": chassis("192.0.2.1", "sw1", "FOC0000X001"), "192.0.2.2": chassis("192.0.2.2", "sw2", "FOC0000X002"),
		"192.0.2.12": chassis("192.0.2.12", "sw2", "FOC0000X002"), // its other address
		"192.0.2.3":  chassis("192.0.2.3", "sw3", "FOC0000X003"),
		"192.0.2.9":  {gone, false},
	}
	hears := map[string][]snmp.Neighbour{
		"192.0.2.1": {
			{LocalPort: "Gi1/0/1", Name: "sw2", Address: "192.0.2.2", Platform: "cisco C9300-24T", Source: "cdp"},
			{LocalPort: "Gi1/0/2", Name: "sw9", Address: "192.0.2.9", Platform: "cisco WS-C2960X-24TS-L", Source: "cdp"},
			{LocalPort: "Gi1/0/3", Name: "far", Address: "198.51.100.1", Platform: "cisco C9300-24T", Source: "cdp"},
		},
		"192.0.2.2": {{LocalPort: "Gi1/0/7", Name: "sw3", Address: "192.0.2.3", Platform: "cisco C9300-24T", Source: "lldp"}},
		"192.0.2.3": {{LocalPort: "Gi1/0/8", Name: "other-name", Address: "192.0.2.12", Platform: "cisco C9300-24T", Source: "cdp"}},
	}
	sc := newScan(p, "192.0.2.1")
	sc.run(t.Context(), func() {})
	limits := crawl.DefaultLimits()
	limits.Allow, limits.PerSecond = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, 0
	more := 0
	var steps atomic.Int64
	sc.crawl(t.Context(), limits, func(_ context.Context, n poll.Node) ([]snmp.Neighbour, []inventory.Problem) {
		return hears[n.Address], nil
	},
		func() { more++ }, func() { steps.Add(1) })
	r := sc.result()
	var devices []string
	for _, d := range r.Devices {
		devices = append(devices, d.Address+" "+d.Serial)
	}
	if diff := cmp.Diff([]string{"192.0.2.1 FOC0000X001", "192.0.2.2 FOC0000X002", "192.0.2.3 FOC0000X003"}, devices); diff != "" {
		t.Errorf("devices (-want +got):\n%s", diff)
	}
	want := []inventory.Seen{
		{Name: "far", Address: "198.51.100.1", Platform: "C9300-24T", Where: "sw1 Gi1/0/3 (cdp)", Why: "not_allowed"},
		{Name: "sw9", Address: "192.0.2.9", Platform: "WS-C2960X-24TS-L", Where: "sw1 Gi1/0/2 (cdp)", Why: "silent"},
	}
	if diff := cmp.Diff(want, r.Seen, cmpopts.IgnoreFields(inventory.Seen{}, "Reason")); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
	if !strings.Contains(r.Seen[1].Reason, "asked at 192.0.2.9: No answer.") {
		t.Errorf("reason %q", r.Seen[1].Reason)
	}
	if r.total != 5 || more != 4 || steps.Load() != 4 || r.interrupted {
		t.Errorf("%d addresses, %d of them by the crawl, interrupted %v; want 5 and 4", r.total, more, r.interrupted)
	}
	var table strings.Builder
	if err := r.table(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"SEEN, NO SERIAL  ADDRESS ", "  far              198.51.100.1  C9300-24T ", "3 devices with 3 units and 3 components in all; 3 of 5 addresses answered."} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, table.String())
		}
	}
}

// Two real agents: net-snmp tells over LLDP of a simulated switch, and of
// something that may not be asked.
func TestScanCrawlRealAgents(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	const lldp = "1.0.8802.1.1.2.1.4."
	neighbour := func(index, name, descr string) []peer.SNMPObject {
		return []peer.SNMPObject{
			{OID: lldp + "1.1.4." + index, Type: "integer", Value: "7"}, // chassis id: local
			{OID: lldp + "1.1.5." + index, Type: "octet_str", Value: name},
			{OID: lldp + "1.1.7." + index, Type: "octet_str", Value: "port"},
			{OID: lldp + "1.1.9." + index, Type: "octet_str", Value: name},
			{OID: lldp + "1.1.10." + index, Type: "octet_str", Value: descr},
		}
	}
	objects := append(neighbour("0.1.1", "attic", "Cisco IOS Software, C2960X"), neighbour("0.2.2", "elsewhere", "Cisco IOS Software, C3560")...)
	objects = append(objects,
		peer.SNMPObject{OID: lldp + "2.1.3.0.1.1.1.4.127.0.0.2", Type: "integer", Value: "2"},
		peer.SNMPObject{OID: lldp + "2.1.3.0.2.2.1.4.198.51.100.7", Type: "integer", Value: "2"},
		peer.SNMPObject{OID: "1.3.6.1.2.1.1.1.0", Type: "octet_str", Value: "Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E8, RELEASE SOFTWARE (fc3)"},
		peer.SNMPObject{OID: "1.3.6.1.2.1.1.5.0", Type: "octet_str", Value: "hall"},
	)
	agent := peer.SNMPD(t, nil, objects)
	d, _ := simdevice.Example("ios-switch")
	d.Community = agent.Community
	server, err := simdevice.Start(d, simdevice.Options{SNMPAddr: net.JoinHostPort("127.0.0.2", strconv.Itoa(agent.Port))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	output := filepath.Join(t.TempDir(), "scan.json")
	status, _, errOut := execution(t.Context(), "scan", "--community", agent.Community, "--snmp-port", strconv.Itoa(agent.Port), "--crawl", "--allow", "127.0.0.0/8",
		"--format", "json", "--output", output, "127.0.0.1")
	if status != 0 {
		t.Fatalf("exit status %d: %s", status, errOut)
	}
	var scan inventory.Scan
	if err := json.Unmarshal([]byte(readFile(t, output)), &scan); err != nil {
		t.Fatal(err)
	}
	if len(scan.Devices) != 2 || scan.Devices[1].Address != "127.0.0.2" || scan.Devices[1].Serial != "FOC1601X0A1" {
		t.Errorf("devices %+v, want the one that was named and its neighbour", scan.Devices)
	}
	if len(scan.Seen) != 1 || scan.Seen[0].Name != "elsewhere" || scan.Seen[0].Address != "198.51.100.7" || scan.Seen[0].Why != "not_allowed" || !strings.HasPrefix(scan.Seen[0].Where, "hall ") {
		t.Errorf("seen %+v, want what may not be asked", scan.Seen)
	}
	if !strings.Contains(errOut, "2 devices of 2 addresses answered") || !strings.Contains(errOut, "1 neighbour was seen, without a serial number") {
		t.Errorf("notes %q", errOut)
	}
}
