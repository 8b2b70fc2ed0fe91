package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent"
	"rollcall/agent/internal/poll"
	"rollcall/pkg/inventory"
	"rollcall/pkg/simdevice"
	"rollcall/pkg/wire"
)

// execution runs a command in this process.
func execution(ctx context.Context, args ...string) (status int, out, errOut string) {
	var o, e bytes.Buffer
	status = execute(args, streams{ctx, strings.NewReader(""), &o, &e, nil})
	return status, o.String(), e.String()
}

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

// hostile is what a device can put into any of its texts.
const hostile = "=cmd|'/C calc'!A0\x1b]52;c;aGk=\x07\x1b[31m\u009b2J\r\nfake line\t\u202eevil\u200b\x00"

func hostileDevice() inventory.Device {
	return inventory.Device{
		Address: "192.0.2.1", Name: hostile, Platform: hostile, Model: hostile, Serial: hostile, Software: hostile, Via: []string{"snmp"},
		Components: []inventory.Component{{
			Serial: hostile, PID: "-" + hostile, VID: "@x", Class: inventory.ClassChassis, Name: "+1", Description: hostile, Parent: hostile, Aliases: []string{hostile}, Unit: true,
		}},
		Errors: []inventory.Problem{{Kind: inventory.ProblemIncomplete, Message: "it said " + hostile}},
	}
}

func TestHostileTextIsInert(t *testing.T) {
	r := scanResult{Scan: inventory.Scan{Devices: []inventory.Device{hostileDevice()}, Unanswered: []inventory.Unanswered{{Address: "192.0.2.2", Reason: hostile}}}}
	outputs := map[string]func(*bytes.Buffer) error{
		"table": func(b *bytes.Buffer) error { return r.table(b) },
		"json":  func(b *bytes.Buffer) error { return writeJSON(b, r) },
		"csv":   func(b *bytes.Buffer) error { return writeCSV(b, r.Devices) },
		"notes": func(b *bytes.Buffer) error {
			streams{errOut: b}.note("no answer: %s", hostile)
			return nil
		},
	}
	for name, write := range outputs {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			for _, r := range b.String() {
				if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
					t.Fatalf("character %U in the output:\n%q", r, b.String())
				}
			}
			switch name {
			case "json":
				var back scanResult
				if err := json.Unmarshal(b.Bytes(), &back); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(r.Devices, back.Devices); diff != "" {
					t.Errorf("JSON changed the texts (-want +got):\n%s", diff)
				}
			case "csv":
				rows, err := csv.NewReader(&b).ReadAll()
				if err != nil || len(rows) != 2 {
					t.Fatalf("%d rows, %v, want 2", len(rows), err)
				}
				for i, cell := range rows[1] {
					if cell != "" && strings.ContainsAny(cell[:1], "=+-@") {
						t.Errorf("cell %s is a formula: %q", rows[0][i], cell)
					}
				}
			}
		})
	}
}

// fakeCollector takes all reports with the right token.
func fakeCollector(t *testing.T) (url string, reports <-chan wire.Report) {
	t.Helper()
	c := make(chan wire.Report, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := wire.DecodeBatch(r.Body)
		if err != nil || r.Header.Get("Authorization") != "Bearer canary-token" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_ = json.NewEncoder(w).Encode(wire.Fault{Error: "no such token"})
			return
		}
		receipt := wire.Receipt{Schema: wire.ReceiptSchema}
		for _, rep := range b.Reports {
			c <- rep
			receipt.Results = append(receipt.Results, wire.Result{ReportID: rep.ReportID, Status: wire.Stored})
		}
		w.Header().Set("Content-Type", wire.ReceiptType)
		_ = json.NewEncoder(w).Encode(receipt)
	}))
	t.Cleanup(server.Close)
	return server.URL, c
}

func agentYAML(t *testing.T, url, snmpPort, sshPort, token string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "agent.yaml")
	writeFile(t, path, fmt.Sprintf(`
name: hall
data_dir: %q
collector: {url: %q, token: %s}
start_spread: 0s
credentials:
  - {name: wrong, snmp: {community: canary-community}}
  - {name: v3, snmp: {user: rollcall, auth_protocol: SHA256, auth_password: auth-password, priv_protocol: AES, priv_password: priv-password}}
  - {name: cli, ssh: {user: admin, password: admin-password}}
targets:
  - {address: 127.0.0.1, snmp_port: %s, ssh_port: %s, timeout: 500ms, credentials: [wrong, v3]}
  - {address: localhost, snmp_port: %s, ssh_port: %s, via: ssh}
log: {level: debug}
`, filepath.Join(dir, "data"), url, token, snmpPort, sshPort, snmpPort, sshPort))
	return path
}

// The whole agent, as it is run: a simulated device over SNMPv3 and over SSH,
// reports at a collector, an orderly end, and no secret in anything it wrote.
func TestRunCommand(t *testing.T) {
	server := startDevice(t, "ios-stack")
	url, reports := fakeCollector(t)
	config := agentYAML(t, url, port(t, server.SNMPAddr()), port(t, server.SSHAddr()), "canary-token")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	type end struct {
		status int
		log    string
	}
	done := make(chan end, 1)
	go func() {
		status, out, log := execution(ctx, "run", "--config", config)
		done <- end{status, out + log}
	}()
	got := map[string]wire.Report{}
	for len(got) < 2 {
		select {
		case r := <-reports:
			got[r.Device.Address] = r
		case e := <-done:
			t.Fatalf("ended with status %d:\n%s", e.status, e.log)
		case <-time.After(30 * time.Second):
			t.Fatal("no report came")
		}
	}
	cancel()
	e := <-done
	if e.status != 0 {
		t.Errorf("exit status %d:\n%s", e.status, e.log)
	}
	for address, via := range map[string]string{"127.0.0.1": "snmp", "localhost": "ssh"} {
		d := got[address].Device
		if !d.Complete || len(d.Units()) != 2 || len(d.Via) != 1 || d.Via[0] != via {
			t.Errorf("device at %s: complete %v, %d units, via %v; want a whole stack of 2 via %s\n%v", address, d.Complete, len(d.Units()), d.Via, via, d.Errors)
		}
	}
	secrets := []string{"canary-token", "canary-community", "auth-password", "priv-password", "admin-password"}
	for _, secret := range secrets {
		if strings.Contains(e.log, secret) {
			t.Errorf("the log shows %s", secret)
		}
	}
	for _, name := range files(t, filepath.Join(filepath.Dir(config), "data")) {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range secrets {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s holds %s", name, secret)
			}
		}
	}
}

// files lists the folder, and holds that none of it is readable by others.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %04o, want 0600", e.Name(), info.Mode().Perm())
		}
		list = append(list, filepath.Join(dir, e.Name()))
	}
	return list
}

// SIGHUP with a wrong configuration changes nothing; with a right one the agent
// goes on with that.
func TestRunCommandReload(t *testing.T) {
	server := startDevice(t, "ios-stack")
	url, reports := fakeCollector(t)
	config := agentYAML(t, url, port(t, server.SNMPAddr()), port(t, server.SSHAddr()), "canary-token")
	right, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reload := make(chan os.Signal)
	var log lockedBuffer
	done := make(chan int, 1)
	go func() {
		done <- execute([]string{"run", "--config", config}, streams{ctx, nil, nil, &log, reload})
	}()
	next := func() string {
		t.Helper()
		select {
		case r := <-reports:
			return r.Device.Address
		case <-time.After(30 * time.Second):
			t.Fatalf("no report came:\n%s", log.String())
			return ""
		}
	}
	next()
	next()
	writeFile(t, config, "interval: never\n")
	reload <- os.Interrupt // any value
	reload <- os.Interrupt // taken once the first is dealt with
	if text := log.String(); !strings.Contains(text, "the one before stays in force") || strings.Contains(text, "agent stopped") {
		t.Errorf("a wrong configuration was not refused:\n%s", text)
	}
	writeFile(t, config, strings.Replace(string(right), "address: localhost", "address: 127.0.0.2", 1))
	reload <- os.Interrupt
	for next() != "127.0.0.2" {
	}
	cancel()
	if status := <-done; status != 0 {
		t.Errorf("exit status %d:\n%s", status, log.String())
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestCheckConnect(t *testing.T) {
	url, _ := fakeCollector(t)
	status, out, errOut := execution(t.Context(), "check", "--connect", "--config", agentYAML(t, url, "161", "22", "canary-token"))
	if status != 0 || !strings.Contains(out, "takes reports from this agent") {
		t.Errorf("exit status %d: %s%s", status, out, errOut)
	}
	status, _, errOut = execution(t.Context(), "check", "--connect", "--config", agentYAML(t, url, "161", "22", "canary-other"))
	if status != statusMissing || !strings.Contains(errOut, "401 Unauthorized: no such token") || strings.Contains(errOut, "canary") {
		t.Errorf("wrong token: exit status %d: %s", status, errOut)
	}
	status, _, errOut = execution(t.Context(), "check", "--connect", "--config", agentYAML(t, "http://127.0.0.1:"+unusedPort(t), "161", "22", "x"))
	if status != statusMissing || !strings.Contains(errOut, "connection refused") {
		t.Errorf("nobody there: exit status %d: %s", status, errOut)
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

// What a device puts into its texts does nothing to the terminal of who has it
// explained.
func TestExplainedTextIsInert(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	server := startDevice(t, "ios-switch")
	server.Update(func(d *simdevice.Device) {
		d.Name = "sw\x1b]52;c;aGk=\x07\u009b2J"
		d.Units[0].Parts = append(d.Units[0].Parts, simdevice.Part{Serial: "FNS\x1b[31m1", PID: hostile, Name: hostile, Description: hostile})
	})
	status, out, errOut := execution(t.Context(), "scan", "--explain", "--community", "public", "--snmp-port", port(t, server.SNMPAddr()), "127.0.0.1")
	if status != 0 || !strings.Contains(out, "kept FOC1601X0A1") {
		t.Fatalf("exit status %d\n%s%s", status, out, errOut)
	}
	for _, r := range out {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			t.Fatalf("character %U in the output:\n%q", r, out)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
