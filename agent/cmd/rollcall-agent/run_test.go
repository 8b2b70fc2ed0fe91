package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/pkg/wire"
)

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
