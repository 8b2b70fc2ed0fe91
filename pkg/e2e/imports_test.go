// Package e2e tests agent and collector together, with simulated devices and
// real peers, and the promises between their packages. It has tests only.
package e2e_test

import (
	"os/exec"
	"strings"
	"testing"
)

// Data flows one way: the agent never reaches the collector, the collector
// reaches the agent only by the demo, and discovery never reaches the spool.
func TestImports(t *testing.T) {
	tests := []struct {
		from string // go list pattern
		not  string // prefix of import paths that must not be among its dependencies
	}{
		{"rollcall/agent/...", "rollcall/collector"},
		{"rollcall/pkg/inventory", "rollcall/agent"},
		{"rollcall/pkg/wire", "rollcall/collector"},
		{"rollcall/pkg/simdevice", "rollcall/agent"},
		{"rollcall/pkg/simdevice", "rollcall/collector"},
		{"rollcall/collector", "rollcall/agent"},
		{"rollcall/collector", "rollcall/pkg/simdevice"},
		{"rollcall/agent", "rollcall/pkg/simdevice"},
		{"rollcall/agent/internal/poll", "rollcall/agent/internal/spool"},
		{"rollcall/collector/internal/web", "rollcall/collector/internal/ingest"},
		{"rollcall/collector/internal/reconcile", "rollcall/collector/internal/store"},
		{"rollcall/collector/internal/reconcile", "database/sql"},
		{"rollcall/collector/internal/reconcile", "net/http"},
		{"rollcall/collector/internal/document", "rollcall/collector/internal/store"},
		{"rollcall/collector/internal/document", "rollcall/collector/internal/web"},
		{"rollcall/collector/internal/document", "database/sql"},
	}
	deps := map[string][]string{}
	for _, tt := range tests {
		t.Run(tt.from+" not "+tt.not, func(t *testing.T) {
			if deps[tt.from] == nil {
				cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", tt.from)
				var stderr strings.Builder
				cmd.Stderr = &stderr
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("go list: %v\n%s", err, stderr.String())
				}
				deps[tt.from] = strings.Fields(string(out))
			}
			for _, dep := range deps[tt.from] {
				if dep == tt.not || strings.HasPrefix(dep, tt.not+"/") {
					t.Errorf("%s imports %s", tt.from, dep)
				}
			}
		})
	}
}
