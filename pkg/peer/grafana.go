package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// GrafanaTypes are those that Grafana has for its dashboards, in TypeScript.
type GrafanaTypes struct{ modules string }

// NeedGrafanaTypes returns the types, which .ci/peers fetches from npm, or skips
// the test.
func NeedGrafanaTypes(t testing.TB) GrafanaTypes {
	t.Helper()
	g := GrafanaTypes{filepath.Join(cacheFolder(), "grafana-13.2.3", "node_modules")}
	if _, err := os.Stat(filepath.Join(g.modules, ".bin", "tsc")); err != nil {
		Skip(t, "needs Grafana's types of dashboards: .ci/peers fetches npm's packages @grafana/schema and typescript")
	}
	Need(t, "node", "nodejs")
	return g
}

// Check compiles a program in TypeScript, which may import @grafana/schema and
// the types of a panel as panel/KIND, and returns what is wrong with it, "" for
// nothing.
func (g GrafanaTypes) Check(t testing.TB, program string) string {
	t.Helper()
	dir := t.TempDir()
	settings := fmt.Sprintf(`{"files": ["program.ts"], "compilerOptions": {
		"strict": true, "noEmit": true, "skipLibCheck": true, "module": "esnext", "moduleResolution": "bundler", "target": "es2022", "types": [],
		"paths": {"@grafana/schema": [%q], "panel/*": [%q]}}}`,
		filepath.Join(g.modules, "@grafana/schema/dist/types/index.d.ts"), filepath.Join(g.modules, "@grafana/schema/dist/types/raw/composable/*/panelcfg/x/types.gen.d.ts"))
	for name, text := range map[string]string{"tsconfig.json": settings, "program.ts": program} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(g.modules, ".bin", "tsc"), "--project", dir).CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
	return string(out)
}
