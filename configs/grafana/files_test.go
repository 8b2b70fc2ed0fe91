package grafana

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the dashboards anew")

// The files are what the structs say: neither is changed without the other.
func TestFiles(t *testing.T) {
	var names []string
	for _, d := range dashboards() {
		raw, err := d.encode()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("dashboards", d.UID+".json")
		names = append(names, path)
		if *update {
			if err := os.WriteFile(path, raw, 0o644); err != nil { //nolint:gosec // it is there to be read
				t.Fatal(err)
			}
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(file), string(raw)); diff != "" {
			t.Errorf("%s is not what the structs say; go test ./configs/grafana -update writes it (-file +structs):\n%s", path, diff)
		}
		// Nothing of the file is unknown to the structs.
		dec := json.NewDecoder(bytes.NewReader(file))
		dec.DisallowUnknownFields()
		if err := dec.Decode(new(dashboard)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	there, err := filepath.Glob(filepath.Join("dashboards", "*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, there); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

var (
	rollcallMetric = regexp.MustCompile(`\brollcall_[a-z0-9_]+`)
	ranged         = regexp.MustCompile(`\[([^\]]*)\]`)
	variableUse    = regexp.MustCompile(`\$\{?(\w+)`)
	dashboardLink  = regexp.MustCompile(`/d/([\w-]+)\?`)
	bare           = regexp.MustCompile(`\$\{__(?:value\.raw|data\.fields\.\w+)\}`)
	recorded       = regexp.MustCompile(`\b[a-z_]+:[a-z_]+:[a-z]+\b`)
)

// What Grafana's own linter asks of dashboards, and what people who look at
// them on a phone need.
func TestRules(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile(filepath.Join("..", "prometheus", "rollcall.rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	uids := map[string]bool{}
	for _, d := range dashboards() {
		if uids[d.UID] || len(d.UID) > 40 {
			t.Errorf("uid %q is there twice, or too long", d.UID)
		}
		uids[d.UID] = true
	}
	for _, d := range dashboards() {
		t.Run(d.UID, func(t *testing.T) {
			if d.Description == "" || !strings.HasPrefix(d.Title, "Rollcall: ") || !slices.Contains(d.Tags, "rollcall") {
				t.Errorf("dashboard %q lacks a description, its prefix or its tag", d.Title)
			}
			checkVariables(t, d)
			checkPlaces(t, d)
			ids, titles := map[int]bool{}, map[string]bool{}
			for _, p := range d.Panels {
				if ids[p.ID] || titles[p.Title] || p.Title == "" {
					t.Errorf("panel %d %q: its id or its title is there twice, or empty", p.ID, p.Title)
				}
				ids[p.ID], titles[p.Title] = true, true
				if p.Description == "" || p.FieldConfig.Defaults.Unit == "" || p.FieldConfig.Defaults.NoValue == "" {
					t.Errorf("panel %q lacks a description, a unit, or what it says when it is empty", p.Title)
				}
				if p.Datasource != prometheus || len(p.Targets) == 0 {
					t.Errorf("panel %q does not ask the Prometheus that was chosen", p.Title)
				}
				refs := map[string]bool{}
				for _, x := range p.Targets {
					if refs[x.RefID] || x.Datasource != prometheus || x.Instant == x.Range {
						t.Errorf("panel %q: target %s is there twice, asks another source, or is neither instant nor a range", p.Title, x.RefID)
					}
					refs[x.RefID] = true
					for _, r := range ranged.FindAllStringSubmatch(x.Expr, -1) {
						if r[1] != "$__rate_interval" {
							t.Errorf("panel %q: a range of %s, want $__rate_interval", p.Title, r[1])
						}
					}
					for _, m := range rollcallMetric.FindAllString(recorded.ReplaceAllString(x.Expr, ""), -1) {
						if name := strings.TrimSuffix(m, "_bucket"); !bytes.Contains(readme, []byte("`"+name+"`")) {
							t.Errorf("panel %q: configs/README.md does not tell of the metric %s", p.Title, name)
						}
					}
					for _, m := range recorded.FindAllString(x.Expr, -1) {
						if !bytes.Contains(rules, []byte("record: "+m+"\n")) {
							t.Errorf("panel %q: no rule records %s", p.Title, m)
						}
					}
				}
			}
			raw, err := d.encode()
			if err != nil {
				t.Fatal(err)
			}
			// A site may be called "R&D #2".
			if m := bare.Find(raw); m != nil {
				t.Errorf("a link has a value that is not encoded: %s", m)
			}
			for _, m := range dashboardLink.FindAllSubmatch(raw, -1) {
				if !uids[string(m[1])] {
					t.Errorf("a link leads to the dashboard %s, which is not there", m[1])
				}
			}
		})
	}
}

// checkVariables: each that is used is there, and each that is there is used.
func checkVariables(t *testing.T, d dashboard) {
	t.Helper()
	there := map[string]bool{"__value": true, "__data": true, "__rate_interval": true}
	var names []string
	for _, v := range d.Templating.List {
		if v.Label == "" || there[v.Name] {
			t.Errorf("variable %q has no label, or is there twice", v.Name)
		}
		// A query may use what was asked before.
		for _, m := range variableUse.FindAllStringSubmatch(v.Definition, -1) {
			if !there[m[1]] {
				t.Errorf("variable %q uses %q, which is not asked before it", v.Name, m[1])
			}
		}
		there[v.Name] = true
		names = append(names, v.Name)
	}
	raw, err := json.Marshal([]any{d.Panels, d.Links})
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, m := range variableUse.FindAllStringSubmatch(string(raw), -1) {
		used[m[1]] = true
		if !there[m[1]] {
			t.Errorf("the variable %q is used and not there", m[1])
		}
	}
	for _, n := range names {
		if !used[n] {
			t.Errorf("the variable %q is not used", n)
		}
	}
}

// checkPlaces: no two panels overlap, and none leaves the page.
func checkPlaces(t *testing.T, d dashboard) {
	t.Helper()
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		g := p.GridPos
		if g.X < 0 || g.X+g.W > 24 || g.W < 4 || g.H < 4 {
			t.Errorf("panel %q is outside of the page, or too small to be read: %+v", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("panels %q and %q overlap", other, p.Title)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}
