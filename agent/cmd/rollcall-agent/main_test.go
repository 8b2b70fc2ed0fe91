package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
)

// execution runs a command in this process.
func execution(ctx context.Context, args ...string) (status int, out, errOut string) {
	var o, e bytes.Buffer
	status = execute(args, streams{ctx, strings.NewReader(""), &o, &e, nil})
	return status, o.String(), e.String()
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

func readFile(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
