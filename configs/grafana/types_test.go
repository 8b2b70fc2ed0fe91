package grafana

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/pkg/peer"
)

// Types that files are held to. In a file stand the values of an enumeration, not
// its names; "definition" is what Grafana writes itself, and its types lack.
const typesOfFiles = `
import type { Dashboard, ValueMapping, VariableModel } from '@grafana/schema';
type Plain<T> = T extends string ? ` + "`${T}`" + ` : T extends (infer U)[] ? Plain<U>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
type File = Plain<Omit<Dashboard, 'templating'> & { templating: { list: (VariableModel & { definition?: string })[] } }>;
type Part<T> = Partial<Plain<T>>;

// Another name, or a value that there is not, is found.
// @ts-expect-error
({ colourMode: 'value' }) satisfies Part<stat.Options>;
// @ts-expect-error
({ colorMode: 'values' }) satisfies Part<stat.Options>;
`

// Grafana itself is not run, but its own types are asked: each file is a
// dashboard to them, with nothing that they do not know, and so are the options
// of each kind of panel.
func TestTypes(t *testing.T) {
	types := peer.NeedGrafanaTypes(t)
	program, kinds := typesOfFiles, map[string]bool{"stat": true}
	hold := func(value any, kind string) {
		t.Helper()
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		program += fmt.Sprintf("(%s) satisfies %s;\n", raw, kind)
	}
	for _, d := range dashboards() {
		raw, err := os.ReadFile(filepath.Join("dashboards", d.UID+".json"))
		if err != nil {
			t.Fatal(err)
		}
		hold(json.RawMessage(raw), "File")
		for _, p := range d.Panels {
			kinds[p.Type] = true
			hold(p.Options, "Part<"+p.Type+".Options>")
			for _, o := range p.FieldConfig.Overrides {
				for _, property := range o.Properties {
					if property.ID == "mappings" {
						hold(property.Value, "Plain<ValueMapping>[]")
					}
				}
			}
			if custom := p.FieldConfig.Defaults.Custom; custom != nil {
				hold(custom, "Part<"+p.Type+".FieldConfig>")
			}
		}
	}
	for kind := range kinds {
		program += fmt.Sprintf("import type * as %s from 'panel/%[1]s';\n", kind)
	}
	if wrong := types.Check(t, program); wrong != "" {
		lines := strings.Split(wrong, "\n")
		t.Errorf("Grafana's types do not know what the dashboards say:\n%s", strings.Join(lines[:min(len(lines), 20)], "\n"))
	}
}
