package collector

import (
	"log/slog"
	"strings"
	"testing"
)

// A database that came without the key by which agents know the collector is told
// of, and one that has it, or that no agent knows, is not.
func TestNewKeyIsTold(t *testing.T) {
	var log journal
	col := start(t, testConfig(t), Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	token, err := col.CreateAgent(t.Context(), "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	own := *col.force.Load()
	own.Listen = "0.0.0.0:8480" // which nothing here listens on
	col.force.Store(&own)
	told := func(want bool) {
		t.Helper()
		before := log.String()
		if _, err := col.certificate(); err != nil {
			t.Fatal(err)
		}
		if err := col.tellNewKey(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.TrimPrefix(log.String(), before), "put back the one of before"); got != want {
			t.Errorf("told: %v, want %v", got, want)
		}
	}
	told(false) // no agent has come yet
	upload(t, "http://"+col.Addr(), token, unit)
	told(false) // the key is there
	own.DataDir = t.TempDir()
	told(true)
	told(false)
}
