package e2e_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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
	// With all that can be set up, so that its metrics are there.
	l := &line{t: t, dir: t.TempDir(), listen: "127.0.0.1:0", tokens: map[string]string{}, configure: func(c *collector.Config) {
		c.Notify.Mail.Server, c.Notify.Mail.TLS, c.Notify.Mail.From, c.Notify.Mail.To = "127.0.0.1:1", "none", "rollcall@example.org", []string{"admin@example.org"}
		c.SupportAPI = []collector.SupportAPI{{
			ClientID: config.Plain("id"), ClientSecret: config.Plain("secret"),
			TokenURL: "http://127.0.0.1:1/", CoverageURL: "http://127.0.0.1:1/", EoXURL: "http://127.0.0.1:1/", RMAURL: "http://127.0.0.1:1/",
		}}
	}}
	l.startCollector()
	t.Cleanup(l.stopCollector)
	agentMetrics, stop := l.startAgent("Main office", "main-office",
		device(t, "127.81.4.1", "sw1", inventory.PlatformIOS, unit("FOC1947W2QP", "WS-C2960X-24PS-L")))
	l.until("the device to be seen", func() bool { return l.units()["FOC1947W2QP"] != "" })
	stop()
	told := map[string]bool{}
	for _, registry := range []*prometheus.Registry{agentMetrics, l.registry} {
		for name, labels := range described(registry) {
			told[name] = true
			row := regexp.MustCompile("(?m)^\\| `" + name + "` .*$").FindString(text)
			if row == "" {
				t.Errorf("configs/README.md does not tell of the metric %s", name)
			}
			for _, label := range labels {
				if !strings.Contains(row, "`"+label+"`") {
					t.Errorf("configs/README.md does not tell of the label %s of %s", label, name)
				}
			}
		}
	}
	for _, name := range named(t) {
		if !told[name] {
			t.Errorf("the metric %s is in the programs and not in any registry here: is it to be set up?", name)
		}
	}
}

// described are the labels of all metrics of ours that a registry may export, by
// their names, whether they have a series or not.
func described(registry *prometheus.Registry) map[string][]string {
	descs := make(chan *prometheus.Desc)
	go func() { registry.Describe(descs); close(descs) }()
	// A description can be read in no other way.
	form := regexp.MustCompile(`^Desc\{fqName: "(rollcall_\w+)".*variableLabels: \{([^}]*)\}\}$`)
	all := map[string][]string{}
	for d := range descs {
		if m := form.FindStringSubmatch(d.String()); m != nil {
			all[m[1]] = strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == ' ' })
		}
	}
	return all
}

// named are the names of metrics that the programs' sources have.
func named(t *testing.T) (names []string) {
	t.Helper()
	// Names of ours that are none of metrics.
	others := regexp.MustCompile(`^rollcall_(?:browser|session|visit|` + // cookies
		`coverage|model|organization|platform|serial|site|software)$`) // variables of Ansible
	form := regexp.MustCompile(`"(rollcall_[a-z0-9_]*[a-z0-9])"`)
	for _, dir := range []string{"agent", "collector"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			raw, err := os.ReadFile(path)
			for _, m := range form.FindAllStringSubmatch(string(raw), -1) {
				if !others.MatchString(m[1]) {
					names = append(names, m[1])
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(names) < 60 {
		t.Fatalf("%d metrics were found in the sources", len(names))
	}
	return names
}
