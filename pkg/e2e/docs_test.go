package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/agent"
	"rollcall/collector"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
)

// configs/README.md has every key of both configurations and every metric of
// both programs.
func TestConfigsREADME(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "configs", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, key := range append(config.Keys(agent.Config{}), config.Keys(collector.Config{})...) {
		if !strings.Contains(text, "`"+key+"`") {
			t.Errorf("configs/README.md does not tell of the key %s", key)
		}
	}
	l := newLine(t)
	metrics, stop := l.startAgent("Main office", "main-office",
		device(t, "127.81.4.1", "sw1", inventory.PlatformIOS, unit("FOC1947W2QP", "WS-C2960X-24PS-L")))
	l.importContract("FOC2209U0CC WS-C2960X-24TS-L")
	l.until("the device to be judged", func() bool { return l.units()["FOC1947W2QP"] == "uncovered" })
	stop()
	for _, registry := range []*prometheus.Registry{metrics, l.registry} {
		families, err := registry.Gather()
		if err != nil {
			t.Logf("gather: %v", err) // the agent's spool is closed
		}
		for _, f := range families {
			ours := strings.HasPrefix(f.GetName(), "rollcall_")
			if ours && !strings.Contains(text, "`"+f.GetName()+"`") {
				t.Errorf("configs/README.md does not tell of the metric %s", f.GetName())
			}
		}
	}
}
