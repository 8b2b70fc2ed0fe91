package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent"
	"rollcall/agent/internal/poll"
	"rollcall/pkg/inventory"
)

// The names in the JSON of a scan are fixed: other programs read it.
func TestScanJSON(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	server := startDevice(t, "ios-stack")
	status, out, _ := execution(t.Context(), "scan", "--community", "public", "--snmp-port", port(t, server.SNMPAddr()),
		"--timeout", "300ms", "--format", "json", "127.0.0.1", "127.0.0.2")
	if status != statusMissing {
		t.Errorf("exit status %d, want %d", status, statusMissing)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if _, err := time.Parse(time.RFC3339, got["started"].(string)); err != nil || got["schema"] != "rollcall.scan/1" {
		t.Errorf("schema %v, started %v: %v", got["schema"], got["started"], err)
	}
	d := got["devices"].([]any)[0].(map[string]any)
	c := d["components"].([]any)[0]
	want := map[string]any{
		"serial": "FCW2001A0A1", "pid": "WS-C2960X-48FPS-L", "vid": "V02", "class": "chassis", "name": "1", "description": "WS-C2960X-48FPS-L",
		"parent": "", "unit": true, "aliases": []any{},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("first component (-want +got):\n%s", diff)
	}
	delete(d, "components")
	delete(d, "errors") // worded elsewhere
	want = map[string]any{
		"address": "127.0.0.1", "name": "ios-stack", "platform": "ios", "model": "WS-C2960X-48FPS-L", "serial": "FCW2001A0A1",
		"software": "15.2(7)E8", "complete": true, "via": []any{"snmp"},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("device (-want +got):\n%s", diff)
	}
	silent := got["unanswered"].([]any)
	if len(silent) != 1 || silent[0].(map[string]any)["address"] != "127.0.0.2" || silent[0].(map[string]any)["reason"] == "" {
		t.Errorf("unanswered %v, want 127.0.0.2 with a reason", silent)
	}
}

// Whatever fails, no list is null.
func TestScanJSONHasNoNull(t *testing.T) {
	sc := newScan(fakePoller{"192.0.2.1": {inventory.Device{Address: "192.0.2.1", Components: []inventory.Component{{Serial: "A"}}}, true}}, "192.0.2.1", "192.0.2.2")
	sc.run(t.Context(), func() {})
	var out bytes.Buffer
	if err := writeJSON(&out, sc.result()); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "null") {
		t.Errorf("null in %s", out.String())
	}
}

type fakePoller map[string]reading

func (f fakePoller) Poll(_ context.Context, n poll.Node) (inventory.Device, bool) {
	r := f[n.Address]
	return r.device, r.answered
}

func newScan(p fakePoller, targets ...string) *scan {
	sc := &scan{
		poller: p, concurrency: 4, pace: agent.NewPace(0), started: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		log: slog.New(slog.DiscardHandler), node: func(address string, _ bool) poll.Node { return poll.Node{Address: address} },
	}
	for _, target := range targets {
		a, err := agent.ParseTarget(target)
		if err != nil {
			panic(err)
		}
		sc.groups = append(sc.groups, a)
	}
	sc.total()
	return sc
}

func TestScanResult(t *testing.T) {
	refused := inventory.Device{Errors: []inventory.Problem{{Kind: inventory.ProblemCredentialRefused, Message: "The password is wrong."}}}
	gone := inventory.Device{Errors: []inventory.Problem{{Kind: inventory.ProblemUnreachable, Message: "No answer."}}}
	device := func(address string) inventory.Device { return inventory.Device{Address: address} }
	tests := []struct {
		name    string
		poller  fakePoller
		targets []string
		devices []string
		silent  []inventory.Unanswered
		missing []string
	}{
		{
			"order is that of the targets, each address once",
			fakePoller{"192.0.2.1": {device("192.0.2.1"), true}, "192.0.2.2": {device("192.0.2.2"), true}},
			[]string{"192.0.2.2", "192.0.2.0/30", "192.0.2.2"},
			[]string{"192.0.2.2", "192.0.2.1"},
			[]inventory.Unanswered{},
			nil,
		},
		{
			"silence in a sweep is nothing",
			fakePoller{"192.0.2.1": {device("192.0.2.1"), true}, "192.0.2.2": {gone, false}},
			[]string{"192.0.2.0/30"},
			[]string{"192.0.2.1"},
			[]inventory.Unanswered{},
			nil,
		},
		{
			"what refuses the credentials in a sweep is told",
			fakePoller{"192.0.2.1": {device("192.0.2.1"), true}, "192.0.2.2": {refused, false}},
			[]string{"192.0.2.0/30"},
			[]string{"192.0.2.1"},
			[]inventory.Unanswered{{Address: "192.0.2.2", Reason: "The password is wrong."}},
			nil,
		},
		{
			"an empty sweep is missing",
			fakePoller{"192.0.2.1": {gone, false}, "192.0.2.2": {gone, false}},
			[]string{"192.0.2.0/30"},
			nil,
			[]inventory.Unanswered{{Address: "192.0.2.0/30", Reason: "None of its 2 addresses answered."}},
			[]string{"192.0.2.0/30"},
		},
		{
			"an address that is listed as well is missing by itself",
			fakePoller{"192.0.2.1": {device("192.0.2.1"), true}, "192.0.2.2": {gone, false}},
			[]string{"192.0.2.0/30", "192.0.2.2"},
			[]string{"192.0.2.1"},
			[]inventory.Unanswered{{Address: "192.0.2.2", Reason: "No answer."}},
			[]string{"192.0.2.2"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sc := newScan(tt.poller, tt.targets...)
			sc.run(t.Context(), func() {})
			r := sc.result()
			var devices []string
			for _, d := range r.Devices {
				devices = append(devices, d.Address)
			}
			if diff := cmp.Diff(tt.devices, devices); diff != "" {
				t.Errorf("devices (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.silent, r.Unanswered); diff != "" {
				t.Errorf("unanswered (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.missing, r.missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
		})
	}
}

type pollerFunc func(ctx context.Context, n poll.Node) (inventory.Device, bool)

func (f pollerFunc) Poll(ctx context.Context, n poll.Node) (inventory.Device, bool) { return f(ctx, n) }

// An interrupted scan gives what it has, and says what was not asked.
func TestScanInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sc := newScan(nil, "192.0.2.1", "192.0.2.2", "192.0.2.3")
	sc.concurrency = 1
	sc.poller = pollerFunc(func(_ context.Context, n poll.Node) (inventory.Device, bool) {
		if n.Address == "192.0.2.2" {
			cancel()
			return inventory.Device{Address: n.Address}, false
		}
		return inventory.Device{Address: n.Address}, true
	})
	sc.run(ctx, func() {})
	r := sc.result()
	if len(r.Devices) != 1 || r.notAsked != 2 || len(r.Unanswered) != 2 {
		t.Errorf("%d devices, %d not asked, unanswered %v; want 1, 2 and two of them", len(r.Devices), r.notAsked, r.Unanswered)
	}
	err := scanCmd{Format: "table"}.verdict(streams{errOut: &bytes.Buffer{}}, r)
	if err == nil || !strings.Contains(err.Error(), "interrupted: 2 of 3 addresses were not asked") {
		t.Errorf("error %v, want one about the interruption", err)
	}
}

func TestOutputOfAFailedScanLeavesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scan.json")
	out, err := openOutput(nil, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write([]byte("half of it")); err != nil {
		t.Fatal(err)
	}
	out.discard()
	if left := files(t, filepath.Dir(path)); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

func TestScanHoldsConcurrency(t *testing.T) {
	var mu sync.Mutex
	running, most := 0, 0
	sc := newScan(nil, "192.0.2.0/27")
	sc.concurrency = 3
	full := make(chan struct{})
	sc.poller = pollerFunc(func(_ context.Context, n poll.Node) (inventory.Device, bool) {
		mu.Lock()
		running++
		if running > most {
			if most = running; most == 3 {
				close(full)
			}
		}
		mu.Unlock()
		<-full // all wait until three run at once
		mu.Lock()
		running--
		mu.Unlock()
		return inventory.Device{Address: n.Address}, true
	})
	steps := 0
	sc.run(t.Context(), func() { mu.Lock(); steps++; mu.Unlock() })
	if most != 3 || steps != 30 {
		t.Errorf("at most %d at once and %d steps, want 3 and 30", most, steps)
	}
}
