package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/agent"
)

// What a running agent says of itself, and what is said of one that was
// stopped or killed.
func TestStatusCommand(t *testing.T) {
	server := startDevice(t, "ios-stack")
	url, reports := fakeCollector(t)
	config := agentYAML(t, url, port(t, server.SNMPAddr()), port(t, server.SSHAddr()), "canary-token")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	// A second device that does not answer, and a sweep.
	writeFile(t, config, strings.Replace(string(text), "targets:", "targets:\n  - {address: 127.0.0.2, timeout: 100ms, credentials: [wrong]}\n  - {address: 127.0.0.128/30, timeout: 100ms, credentials: [wrong]}", 1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan int, 1)
	go func() {
		status, _, _ := execution(ctx, "run", "--config", config)
		done <- status
	}()
	for range 3 {
		select {
		case <-reports:
		case <-time.After(30 * time.Second):
			t.Fatal("no report came")
		}
	}
	settled := func(s agent.Status) bool {
		return s.Spool.Reports == 0 && s.Uploads.LastSuccess != nil && len(s.Sweeps) == 1 && s.Sweeps[0].Asked == 2
	}
	var s agent.Status
	var raw, errOut string
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); ; <-tick.C {
		var code int
		code, raw, errOut = execution(t.Context(), "status", "--config", config, "--format", "json")
		if err := json.Unmarshal([]byte(raw), &s); err != nil {
			t.Fatalf("%v\n%s%s", err, raw, errOut)
		}
		if settled(s) {
			if code != statusMissing {
				t.Errorf("exit status %d with a device that does not answer, want %d", code, statusMissing)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the agent does not settle: %s", raw)
		}
	}
	if s.States[agent.StateComplete] != 2 || s.States[agent.StateUnanswered] != 1 || s.LastPoll == nil || s.NextPoll == nil || s.Name != "hall" {
		t.Errorf("status %s", raw)
	}
	if n := s.Sweeps[0]; n.Target != "127.0.0.128/30" || n.Devices != 0 || n.Addresses != 2 {
		t.Errorf("sweep %+v", n)
	}
	_, table, errOut := execution(t.Context(), "status", "--config", config)
	for _, want := range []string{
		"agent      hall, version ", "devices    3: 2 complete, 1 unanswered\n", "unanswered  127.0.0.2", "no SNMP agent listens on UDP port 161", "127.0.0.128/30  2          2             0", "spool      no report waits",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	if !strings.Contains(errOut, "1 of 3 devices did not answer the last poll.") {
		t.Errorf("what is wrong is not said: %q", errOut)
	}
	for _, text := range []string{raw, table, errOut} {
		if strings.Contains(text, "canary") {
			t.Errorf("a secret is in %s", text)
		}
	}

	cancel()
	<-done
	code, out, errOut := execution(t.Context(), "status", "--config", config)
	if code != statusFailed || out != "" || !strings.Contains(errOut, "no agent runs with data_dir") || !strings.Contains(errOut, "it was stopped at") {
		t.Errorf("of a stopped agent: exit status %d, %q", code, errOut)
	}
}

// All is well with one device that answers; the exit status says so.
func TestStatusWell(t *testing.T) {
	server := startDevice(t, "ios-stack")
	url, reports := fakeCollector(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "agent.yaml")
	writeFile(t, config, `
name: hall
data_dir: `+filepath.Join(dir, "data")+`
collector: {url: "`+url+`", token: canary-token}
start_spread: 0s
credentials: [{name: ro, snmp: {community: public}}]
targets: [{address: 127.0.0.1, snmp_port: `+port(t, server.SNMPAddr())+`}]
`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan int, 1)
	go func() {
		status, _, _ := execution(ctx, "run", "--config", config)
		done <- status
	}()
	select {
	case <-reports:
	case <-time.After(30 * time.Second):
		t.Fatal("no report came")
	}
	code, out, errOut := execution(t.Context(), "status", "--config", config)
	if code != 0 || errOut != "" || !strings.Contains(out, "All is well.") || !strings.Contains(out, "devices    1: 1 complete\n") {
		t.Errorf("exit status %d\n%s%s", code, out, errOut)
	}
	cancel()
	<-done
}
