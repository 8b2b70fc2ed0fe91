package document

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// The dashboards call findings and states of coverage what the pages do.
func TestDashboardsSayTheSame(t *testing.T) {
	want, seen := map[string]string{}, map[string]bool{}
	for k := range kindLabels {
		want[string(k)] = KindLabel(k)
	}
	for c := range coverageLabels {
		want[string(c)] = CoverageLabel(c)
	}
	if len(want) != len(kindLabels)+len(coverageLabels) {
		t.Fatal("a kind and a state have one name: tell them apart here")
	}
	check := func(file, name, words string) {
		t.Helper()
		if seen[name] = true; want[name] != words {
			t.Errorf("%s calls %s %q, the pages %q", file, name, words, want[name])
		}
	}
	files, err := filepath.Glob("../../../configs/grafana/dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d dashboards: %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d struct {
			Panels []struct {
				FieldConfig struct {
					Overrides []struct {
						Matcher    struct{ Options string }
						Properties []struct {
							ID    string
							Value json.RawMessage
						}
					}
				}
			}
		}
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Panels {
			for _, o := range p.FieldConfig.Overrides {
				for _, x := range o.Properties {
					var words string
					var mappings []struct {
						Options map[string]struct{ Text string }
					}
					switch x.ID {
					case "displayName":
						err = json.Unmarshal(x.Value, &words)
						check(file, o.Matcher.Options, words)
					case "mappings":
						err = json.Unmarshal(x.Value, &mappings)
					}
					if err != nil {
						t.Fatal(err)
					}
					for _, m := range mappings {
						for name, to := range m.Options {
							check(file, name, to.Text)
						}
					}
				}
			}
		}
	}
	for name := range want {
		if !seen[name] {
			t.Errorf("no dashboard has the words for %s", name)
		}
	}
}
