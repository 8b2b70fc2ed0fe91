package e2e_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"rollcall/pkg/peer"
	"rollcall/pkg/table"
)

var report = flag.String("report", "", "write every query of the dashboards with its result to this file")

// emptyInDemo are the panels that show nothing on the demo, and why.
var emptyInDemo = map[string]string{
	"Agents' reports that wait": "the demo's agents serve no metrics",
	"Messages":                  "the demo sends none",
	"Memory":                    "the demo runs all programs in one process, of which it shows nothing",
}

// A grafanaFile is what matters here of a dashboard's file.
type grafanaFile struct {
	UID        string
	Templating struct {
		List []struct{ Name, Type, Definition, Regex string }
	}
	Title  string
	Panels []grafanaPanel
}

type grafanaPanel struct {
	Title, Type, Description string
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []struct{ RefID, Expr string }
}

// Grafana itself is not run here. Instead, every query of every dashboard is
// asked of a real Prometheus that reads the demo, for each value that the
// dashboard's variables can take: none may fail, each shows something, and what
// they show is what the API says.
func dashboardsOnDemo(t *testing.T, program string) {
	url, ledger := startDemo(t, program)
	target := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
	dir := t.TempDir()
	rules := filepath.Join(dir, "rollcall.rules.yml")
	if err := os.WriteFile(rules, []byte(quick(readConfig(t, "prometheus", "rollcall.rules.yml"))), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &dashboards{t: t, url: url, prom: peer.StartPrometheusWith(t, fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%s]
scrape_configs:
- job_name: rollcall
  static_configs: [{targets: [%q], labels: {collector: %q}}]
- job_name: found
  metrics_path: /healthz
  http_sd_configs: [{url: "%sapi/v1/sd/nodes", refresh_interval: 1s}]
  relabel_configs:
  - {source_labels: [__address__], target_label: instance}
  - {source_labels: [__address__], target_label: __param_target}
  - {source_labels: [__meta_rollcall_organization], target_label: organization}
  - {source_labels: [__meta_rollcall_site], target_label: site}
  - {source_labels: [__meta_rollcall_platform], target_label: platform}
  - {target_label: __address__, replacement: %q}
`, rules, target, strings.TrimSuffix(url, "/"), url, target))}
	// Something has to happen while Prometheus looks on.
	d.prom.WaitFor(`count_over_time(rollcall_build_info[1m]) > 1`, func(v model.Vector) bool { return len(v) > 0 })
	ledger("order_number,organization,product_id,serial,quantity,ordered_on,completed_on\nTS-1,,C9300-48P,,2,2020-01-01,2020-02-01\n")
	d.prom.WaitFor(`(sum(rate(rollcall_reconcile_runs_total{result="ok"}[1m])) > 0) and on () rollcall_donated_units and on () organization_coverage:rollcall_units:sum`,
		func(v model.Vector) bool { return len(v) > 0 })
	files, err := filepath.Glob(observability("grafana", "dashboards", "*.json"))
	if err != nil || len(files) != 5 {
		t.Fatalf("%d dashboards, error %v", len(files), err)
	}
	for _, f := range files {
		d.run(f)
	}
	d.compare()
	d.discovered()
	checkMetrics(t, url+"metrics")
	if *report != "" {
		f, err := os.Create(*report)
		if err != nil {
			t.Fatal(err)
		}
		if err := table.Columns(f, "", []string{"DASHBOARD", "PANEL", "QUERY", "RESULT"}, d.rows); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	draw(t, d.sketches)
}

// startDemo runs the real program's demo, until its RMA is found, and returns the
// address that it prints, and what imports a ledger of donations.
func startDemo(t *testing.T, program string) (url string, ledger func(csv string)) {
	t.Helper()
	temp := t.TempDir()
	cmd := exec.Command(program, "demo", "--rma-after", "0s", "--interval", "2s")
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("demo: %v", err)
		}
	})
	ledger = func(csv string) {
		t.Helper()
		data, err := filepath.Glob(filepath.Join(temp, "*", "collector"))
		if err != nil || len(data) != 1 {
			t.Fatalf("the demo's data: %v, %v", data, err)
		}
		file := filepath.Join(t.TempDir(), "orders.csv")
		if err := os.WriteFile(file, []byte(csv), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(program, "import", "--data-dir", data[0], "--organization", "riverside-food-bank", "--orders", file).CombinedOutput(); err != nil {
			t.Fatalf("import: %v\n%s", err, out)
		}
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "Open  "); ok {
			url = address
		}
		if strings.Contains(lines.Text(), "Rollcall found it") {
			go func() { _, _ = io.Copy(io.Discard, out) }() // until it ends
			return url, ledger
		}
	}
	t.Fatal("the demo ended before it was up")
	return "", nil
}

type dashboards struct {
	t    *testing.T
	url  string
	prom *peer.Prometheus
	rows [][]string
	// sketches are of each dashboard, with what each of its panels has to show.
	sketches []sketch
}

// values are those of a dashboard's variables, by name.
type values map[string]string

func (v values) fill(text string) string {
	text = strings.ReplaceAll(text, "$__rate_interval", "1m")
	for _, name := range slices.Backward(slices.Sorted(keysOf(v))) {
		text = strings.ReplaceAll(text, "$"+name, v[name])
	}
	return text
}

func keysOf(v values) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range v {
			if !yield(k) {
				return
			}
		}
	}
}

// run asks all queries of a dashboard.
func (d *dashboards) run(path string) {
	d.t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	var f grafanaFile
	if err := json.Unmarshal(raw, &f); err != nil {
		d.t.Fatal(err)
	}
	d.links(f.UID, string(raw))
	sets := d.variables(f)
	page := sketch{UID: f.UID, Title: f.Title}
	for _, p := range f.Panels {
		drawn := sketched{grafanaPanel: p}
		for _, x := range p.Targets {
			shown, asked := 0, map[string]bool{}
			for _, v := range sets {
				expr := v.fill(x.Expr)
				if asked[expr] { // it does not depend on all variables
					continue
				}
				asked[expr] = true
				answer := d.prom.Query(expr) // fails the test on an error
				for _, s := range answer {
					if math.IsNaN(float64(s.Value)) || math.IsInf(float64(s.Value), 0) {
						d.t.Errorf("%s, %s: %s is %v", f.UID, p.Title, expr, s.Value)
					}
				}
				if len(answer) > 0 {
					if shown == 0 {
						drawn.add(answer)
					}
					shown++
				}
				d.rows = append(d.rows, []string{f.UID, p.Title, expr, said(answer)})
			}
			why, excepted := emptyInDemo[p.Title]
			if shown == 0 && !excepted {
				d.t.Errorf("%s, %s: query %s shows nothing with any of %d values: %s", f.UID, p.Title, x.RefID, len(asked), x.Expr)
			}
			if shown > 0 && excepted {
				d.t.Errorf("%s, %s shows something; it is excepted, for %s", f.UID, p.Title, why)
			}
		}
		page.Panels = append(page.Panels, drawn)
	}
	d.sketches = append(d.sketches, page)
}

// links asks the collector for each of its pages that a dashboard leads to.
func (d *dashboards) links(uid, file string) {
	d.t.Helper()
	fill := strings.NewReplacer("$organization", "riverside-food-bank", "/findings/${__value.raw:percentencode}", "/findings/1", `\u0026`, "&")
	for _, m := range regexp.MustCompile(`\$collector/([^"]*)"`).FindAllStringSubmatch(file, -1) {
		page := fill.Replace("/" + m[1])[1:]
		if strings.HasPrefix(page, "unit?") { // of the row that is shown
			continue
		}
		resp, err := http.Get(d.url + page)
		if err != nil {
			d.t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			d.t.Errorf("%s leads to the collector's page %s, which answers %s", uid, page, resp.Status)
		}
	}
}

var namedGroup = regexp.MustCompile(`\(\?<(\w+)>`)

// variables are all sets of values that the dashboard's variables can take, as
// Grafana finds them.
func (d *dashboards) variables(f grafanaFile) []values {
	d.t.Helper()
	sets := []values{{}}
	for _, v := range f.Templating.List {
		if v.Type != "query" {
			continue
		}
		var next []values
		for _, set := range sets {
			found := d.options(set.fill(v.Definition), v.Regex)
			if len(found) == 0 {
				found = []string{""} // as Grafana has it, and panels must bear it
			}
			for _, value := range found {
				grown := values{v.Name: value}
				maps.Copy(grown, set)
				next = append(next, grown)
			}
		}
		sets = next
	}
	return sets
}

var labelValues = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)

func (d *dashboards) options(definition, regex string) []string {
	d.t.Helper()
	var found []string
	if m := labelValues.FindStringSubmatch(definition); m != nil {
		for _, s := range d.prom.Query(m[1]) {
			found = append(found, string(s.Metric[model.LabelName(m[2])]))
		}
	} else if expr, ok := strings.CutPrefix(definition, "query_result("); ok {
		pattern := regexp.MustCompile(namedGroup.ReplaceAllString(strings.Trim(regex, "/"), `(?P<$1>`))
		for _, s := range d.prom.Query(strings.TrimSuffix(expr, ")")) {
			m := pattern.FindStringSubmatch(s.Metric.String())
			if m == nil {
				d.t.Fatalf("%s does not match %s", regex, s.Metric)
			}
			found = append(found, m[pattern.SubexpIndex("value")])
		}
	} else {
		d.t.Fatalf("what is %s?", definition)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// said is a result in few words.
func said(v model.Vector) string {
	if len(v) == 0 {
		return "(nothing)"
	}
	if len(v) == 1 && len(v[0].Metric) == 0 {
		return v[0].Value.String()
	}
	var parts []string
	for _, s := range v {
		var labels []string
		for k, x := range s.Metric {
			if k != "__name__" && k != "collector" && k != "instance" && k != "job" && x != "" {
				labels = append(labels, string(x))
			}
		}
		slices.Sort(labels)
		parts = append(parts, strings.Join(labels, "/")+" "+s.Value.String())
	}
	slices.Sort(parts)
	if len(parts) > 4 {
		parts = append(parts[:4], fmt.Sprintf("... %d in all", len(v)))
	}
	return strings.Join(parts, "; ")
}

// checkMetrics shows a whole scrape to promtool, the collector's own work too.
func checkMetrics(t *testing.T, url string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	cmd := exec.Command(peer.Need(t, "promtool", "prometheus"), "check", "metrics")
	cmd.Stdin = resp.Body
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// discovered holds what Prometheus found by HTTP service discovery against the
// list.
func (d *dashboards) discovered() {
	d.t.Helper()
	var groups []struct {
		Targets []string
		Labels  map[string]string
	}
	d.get("api/v1/sd/nodes", &groups)
	want := map[string]string{}
	for _, g := range groups {
		const meta = "__meta_rollcall_"
		want[g.Targets[0]] = g.Labels[meta+"organization"] + "/" + g.Labels[meta+"site"] + " " + g.Labels[meta+"platform"]
	}
	if len(want) < 15 {
		d.t.Errorf("%d nodes are listed, want those of 15 devices at least", len(want))
	}
	got := map[string]string{}
	for _, s := range d.prom.WaitFor(`up{job="found"}`, func(v model.Vector) bool { return len(v) == len(want) }) {
		got[string(s.Metric["instance"])] = string(s.Metric["organization"] + "/" + s.Metric["site"] + " " + s.Metric["platform"])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		d.t.Errorf("targets that Prometheus found (-list +Prometheus):\n%s", diff)
	}
}
