package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rollcall/configs/docs"
	"rollcall/pkg/peer"
)

// observability is the folder of a tool's configuration that the project ships.
func observability(elements ...string) string {
	return filepath.Join(append([]string{"..", "..", "configs"}, elements...)...)
}

func readConfig(t *testing.T, elements ...string) string {
	t.Helper()
	raw, err := os.ReadFile(observability(elements...))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func runTool(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
}

// What Prometheus and Alertmanager say of the files that are shipped.
func TestRulesByTheirTools(t *testing.T) {
	promtool := peer.Need(t, "promtool", "prometheus")
	runTool(t, promtool, "check", "config", observability("prometheus", "prometheus.yml"))
	runTool(t, promtool, "check", "rules", observability("prometheus", "rollcall.rules.yml"))
	runTool(t, promtool, "test", "rules", observability("prometheus", "rollcall.rules.test.yml"))
	runTool(t, peer.Need(t, "amtool", "prometheus-alertmanager"), "check-config", observability("alertmanager", "alertmanager.yml"))
}

// Every alert says what it is, what it means and what to do, leads to a help
// page that is there, and is tested both ways.
func TestAlertsAreWhole(t *testing.T) {
	rules := readConfig(t, "prometheus", "rollcall.rules.yml")
	tests := readConfig(t, "prometheus", "rollcall.rules.test.yml")
	alerts := regexp.MustCompile(`(?m)^ {6}- alert: (\w+)\n((?: {8}.*\n|\n)*)`).FindAllStringSubmatch(rules, -1)
	if len(alerts) != strings.Count(rules, "- alert: ") || len(alerts) < 11 {
		t.Fatalf("%d alerts were read of %d", len(alerts), strings.Count(rules, "- alert: "))
	}
	checks := regexp.MustCompile(`(?m)^ {6}- (?:\{alertname: (\w+), eval_time: \w+\}|alertname: (\w+)\n +eval_time: \w+\n +exp_alerts:)$`)
	quiet, fires := map[string]bool{}, map[string]bool{}
	for _, m := range checks.FindAllStringSubmatch(tests, -1) {
		quiet[m[1]], fires[m[2]] = true, true
	}
	help := regexp.MustCompile(`runbook_url: '[^']*/help/(\w+)'`)
	for _, a := range alerts {
		name, body := a[1], a[2]
		if strings.Contains(body, "annotations: *expiring") { // those of the alert before
			continue
		}
		for _, field := range []string{"expr:", "for:", "keep_firing_for:", "summary:", "description:", "next_step:"} {
			if !strings.Contains(body, field) {
				t.Errorf("%s has no %s", name, strings.TrimSuffix(field, ":"))
			}
		}
		// Where the label is not set, it is that of the finding.
		if !strings.Contains(body, "severity: ") && !strings.Contains(body, ", severity)") {
			t.Errorf("%s has no severity", name)
		}
		page := help.FindStringSubmatch(body)
		if page == nil {
			t.Errorf("%s has no runbook_url of a help page", name)
		} else if _, err := docs.Pages.Open(page[1] + ".md"); err != nil {
			t.Errorf("%s leads to a help page that is not there: %v", name, err)
		}
		if !fires[name] || !quiet[name] {
			t.Errorf("%s: tested firing %t, not firing %t; want both", name, fires[name], quiet[name])
		}
	}
}
