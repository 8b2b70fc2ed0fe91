package e2e_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"rollcall/collector"
	"rollcall/pkg/config"
	"rollcall/pkg/peer"
)

var update = flag.Bool("update", false, "write the messages of alerts anew")

// A stand is what stands behind collectors: a real Prometheus and a real
// Alertmanager with the files that are shipped, and where their messages arrive.
type stand struct {
	t            *testing.T
	dir          string
	program      string // the collector's
	in           *inbox
	prom         *peer.Prometheus
	alertmanager string // host:port

	mu sync.Mutex
	// Alerts that were told and that were told to be settled, by name, and by name
	// and severity; and which alert held back which.
	fired, settled, held map[string]bool
}

// away is how long a collector may be away before that is told: longer than a
// restart, as the ten minutes of the shipped file are.
const away = "10s"

// quick shortens the waits of a shipped file, and keeps those long that outlive
// others. Nothing else of it is changed.
func quick(text string) string {
	text = regexp.MustCompile(`(?m)^( +(?:for|group_wait|group_interval): ).*$`).ReplaceAllString(text, "${1}100ms")
	text = regexp.MustCompile(`(?m)^( +keep_firing_for: )20m$`).ReplaceAllString(text, "${1}2s")
	text = regexp.MustCompile(`(- alert: RollcallCollectorDown\n(?: {8}.*\n)*? {8}for: )100ms`).ReplaceAllString(text, "${1}"+away)
	return regexp.MustCompile(`(?m)^( +keep_firing_for: )5m$`).ReplaceAllString(text, "${1}100ms")
}

func newStand(t *testing.T, program string) *stand {
	t.Helper()
	s := &stand{
		t: t, dir: t.TempDir(), program: program, in: newInbox(t),
		fired: map[string]bool{}, settled: map[string]bool{}, held: map[string]bool{},
	}
	s.write("rollcall.tmpl", readConfig(t, "alertmanager", "rollcall.tmpl"))
	text := quick(readConfig(t, "alertmanager", "alertmanager.yml"))
	for old, theirs := range map[string]string{
		"localhost:25": s.in.smtp, "http://127.0.0.1:9095": s.in.URL,
		// What is mailed alone is told to the webhook too, as JSON.
		"  - name: mail\n": "  - name: mail\n    webhook_configs: [{url: '" + s.in.URL + "/rollcall', send_resolved: true}]\n",
	} {
		if !strings.Contains(text, old) {
			t.Fatalf("alertmanager.yml does not say %q", old)
		}
		text = strings.ReplaceAll(text, old, theirs)
	}
	s.alertmanager = peer.StartAlertmanager(t, s.write("alertmanager.yml", text))
	rules := s.write("rollcall.rules.yml", quick(readConfig(t, "prometheus", "rollcall.rules.yml")))
	// After a reload it knows no Alertmanager for some seconds. What it sends then
	// is lost, and sent again: not after a minute here.
	s.prom = peer.StartPrometheusWith(t, fmt.Sprintf(`
global: {scrape_interval: 250ms, evaluation_interval: 250ms, scrape_timeout: 250ms}
rule_files: [%s, %s]
alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}
scrape_configs:
- {job_name: rollcall, file_sd_configs: [{files: [%q]}]}
- {job_name: rollcall-agent, file_sd_configs: [{files: [%q]}]}
`, rules, filepath.Join(s.dir, "limits*.yml"), s.alertmanager, filepath.Join(s.dir, "collector-*.json"), filepath.Join(s.dir, "agent-*.json")), "--rules.alert.resend-delay=5s")
	s.prom.AwaitAlertmanager()
	return s
}

// write makes a file of the stand at once, as whoever watches it sees it.
func (s *stand) write(name, text string) (path string) {
	s.t.Helper()
	path = filepath.Join(s.dir, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// whole holds that each alert that Prometheus knows was told and settled by a
// cause of its own, and that each inhibition of Alertmanager has held back each
// of its targets.
func (s *stand) whole() {
	s.t.Helper()
	known, err := s.prom.API.Rules(s.t.Context(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	names := map[string]bool{}
	for _, g := range known.Groups {
		for _, r := range g.Rules {
			a, ok := r.(promv1.AlertingRule)
			if !ok {
				continue
			}
			names[a.Name] = true
			key := strings.TrimSpace(a.Name + " " + string(a.Labels["severity"]))
			if !s.fired[key] || !s.settled[key] {
				s.t.Errorf("%s was told by a real cause: %t, settled: %t; want both", key, s.fired[key], s.settled[key])
			}
		}
	}
	text := readConfig(s.t, "alertmanager", "alertmanager.yml")
	inhibitions := regexp.MustCompile(`source_matchers: \[alertname = "(\w+)".*\n +target_matchers: \[alertname =~? "([^"]+)"`).FindAllStringSubmatch(text, -1)
	if len(inhibitions) != strings.Count(text, "source_matchers:") || len(names) < 13 {
		s.t.Fatalf("%d inhibitions were read of %d, and %d alerts", len(inhibitions), strings.Count(text, "source_matchers:"), len(names))
	}
	for _, m := range inhibitions {
		targets, some := regexp.MustCompile("^(?:"+m[2]+")$"), false
		for name := range names {
			if !targets.MatchString(name) {
				continue
			}
			some = true
			if !s.held[m[1]+" "+name] {
				s.t.Errorf("%s was not seen to hold back %s", m[1], name)
			}
		}
		if !some || !names[m[1]] {
			s.t.Errorf("the inhibition of %s by %s names an alert that is not there", m[2], m[1])
		}
	}
}

// A scene is one collector before the stand, which something happens to.
type scene struct {
	*line

	s         *stand
	prom      *peer.Prometheus
	name, url string // where people open it, by which the stand knows it
	offset    atomic.Int64
	began     time.Time
}

// newScene starts a collector. Prometheus reads it from watch on.
func (s *stand) newScene(t *testing.T, name string, offset time.Duration, configure func(*collector.Config)) *scene {
	t.Helper()
	c := &scene{
		line:  &line{t: t, dir: t.TempDir(), listen: "127.0.0.1:0", tokens: map[string]string{}},
		began: time.Now(),
		s:     s, prom: s.prom.In(t), name: name, url: "http://" + name + ".example",
	}
	c.configure = func(theirs *collector.Config) {
		theirs.Agents.CredentialLife = config.Duration(3650 * 24 * time.Hour) // the clock moves by years
		if configure != nil {
			configure(theirs)
		}
	}
	c.offset.Store(int64(offset))
	c.now = func() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }
	c.clock = c.now
	c.startCollector()
	t.Cleanup(func() {
		if c.collector != nil {
			c.stopCollector()
		}
	})
	return c
}

func (c *scene) watch() {
	c.t.Helper()
	c.s.write("collector-"+c.name+".json", fmt.Sprintf(`[{"targets": [%q], "labels": {"collector": %q}}]`, c.listen, c.url))
	c.prom.WaitFor(fmt.Sprintf(`up{collector=%q} == 1`, c.url), some)
}

// leave ends the collector, and comes back with it.
func (c *scene) leave() { c.stopCollector(); c.collector = nil }

// run runs a command of the collector's program.
func (c *scene) run(args ...string) {
	c.t.Helper()
	args = append(args, "--data-dir", filepath.Join(c.dir, "collector"), "--organization", organizationID)
	if out, err := exec.Command(c.s.program, args...).CombinedOutput(); err != nil {
		c.t.Fatalf("rollcall-collector %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// expect waits until an alert is told in a state, "firing" or "resolved".
func (c *scene) expect(state, name string, labels ...string) (a alert) {
	c.t.Helper()
	c.until(name+" "+strings.Join(labels, " ")+" to be told as "+state, func() bool {
		for _, a = range c.s.in.newest(func(a alert) bool { return a.is(name, labels...) && c.concerns(a) }) {
			if a.Status == state {
				return true
			}
		}
		return false
	})
	c.t.Logf("%s %s after %s", name, state, time.Since(c.began).Round(100*time.Millisecond))
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	seen := map[string]map[string]bool{"firing": c.s.fired, "resolved": c.s.settled}[state]
	seen[name], seen[name+" "+a.Labels["severity"]] = true, true
	return a
}

// concerns says whether an alert is of the scene's collector: that of an agent
// is of none.
func (c *scene) concerns(a alert) bool {
	return a.Labels["collector"] == c.url || a.Labels["collector"] == ""
}

// told waits for an alert and its mail, which is that of the file in testdata.
func (c *scene) told(file, name string, labels ...string) {
	c.t.Helper()
	a := c.expect("firing", name, labels...)
	c.read(file, a)
}

// read holds the mail, and the chat if there is one, that tell an alert against
// the file in testdata.
func (c *scene) read(file string, a alert) {
	c.t.Helper()
	var l peer.Letter
	c.until("the mail of "+file, func() bool {
		all := c.s.in.lettersWith("To look at:", "* "+a.Annotations["summary"], a.Annotations["runbook_url"])
		if len(all) > 0 {
			l = all[len(all)-1]
		}
		return len(all) > 0
	})
	got := normal(l.Subject + "\n\n" + strings.Join(about(l.Text, a.Annotations["summary"]), "\n") + "\n")
	path := filepath.Join("testdata", "alerts", file+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil { //nolint:gosec // it is there to be read
			c.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		c.t.Errorf("the mail is not that of %s; -update writes it (-want +got):\n%s", path, diff)
	}
	page := readHTML(c.t, l.HTML)
	for name, text := range a.Annotations {
		if strings.HasSuffix(name, "url") && !slices.Contains(page.links, text) || !strings.HasSuffix(name, "url") && !strings.Contains(page.text, text) {
			c.t.Errorf("the mail as a page does not have the %s %q:\n%s", name, text, l.HTML)
		}
	}
	if a.Labels["severity"] != "critical" {
		return
	}
	c.until("the chat message of "+file, func() bool {
		return slices.ContainsFunc(c.s.in.chatsWith("* "+a.Annotations["summary"]), func(x chat) bool {
			return x.Title == l.Subject && strings.Contains(x.Text, a.Annotations["next_step"])
		})
	})
}

// ended waits until an alert is told to be settled, by mail too.
func (c *scene) ended(name string, labels ...string) {
	c.t.Helper()
	a := c.expect("resolved", name, labels...)
	c.until("the mail that says that "+name+" is settled", func() bool {
		return slices.ContainsFunc(c.s.in.lettersWith("Settled:"), func(l peer.Letter) bool {
			_, settled, _ := strings.Cut(l.Text, "Settled:")
			return strings.Contains(settled, "* "+a.Annotations["summary"])
		})
	})
}

// holds waits until Alertmanager holds back the alerts of a name for another.
func (c *scene) holds(source, target string) {
	c.t.Helper()
	c.until(source+" to hold back "+target, func() bool {
		known := c.s.alerts(c.t)
		for _, a := range known {
			if a.Labels["alertname"] != target || a.Labels["collector"] != c.url {
				continue
			}
			for _, by := range known {
				if by.Labels["alertname"] == source && slices.Contains(a.Status.InhibitedBy, by.Fingerprint) {
					return true
				}
			}
		}
		return false
	})
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.held[source+" "+target] = true
}

// A knownAlert is one of Alertmanager's.
type knownAlert struct {
	Labels      map[string]string
	Fingerprint string
	Status      struct{ InhibitedBy []string }
}

func (s *stand) alerts(t *testing.T) (all []knownAlert) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.alertmanager+"/api/v2/alerts", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// about are the lines of a message without what it says of other alerts.
func about(text, summary string) []string {
	var kept []string
	ours := true
	for _, line := range lines(text) {
		switch {
		case strings.HasPrefix(line, "* "):
			ours = line == "* "+summary
		case line == "Settled:":
			ours = false
		case strings.HasPrefix(line, "Rollcall: "):
			ours = true
		}
		if ours {
			kept = append(kept, line)
		}
	}
	return kept
}

// normal puts words in the place of what is another at each run.
func normal(text string) string {
	for _, r := range []struct{ form, word string }{
		{`\b127\.0\.0\.1:\d+`, "ADDRESS"},
		{`/findings/\d+`, "/findings/NUMBER"},
		{`\b\d+(?:\.\d+)?[dhms](?: \d+[hms])+\b`, "DURATION"},
		{`\b[\d.e-]+%`, "PERCENT"},
		{`http://\w+\.example`, "http://rollcall.example"},
		{`\bFCW2431L\d{3}\b`, "SERIAL"},
		{`\b\d+ things? to look at`, "N to look at"},
	} {
		text = regexp.MustCompile(r.form).ReplaceAllString(text, r.word)
	}
	return text
}

// serveProgram starts the collector's program with settings in the place of the
// one in the test.
func serveProgram(t *testing.T, program, dir, listen, settings string) *process {
	t.Helper()
	r := &rig{t: t, dir: dir, bin: filepath.Dir(program)}
	text := fmt.Sprintf("listen: %s\ndata_dir: %s\nlogin: off\n%s", listen, filepath.Join(dir, "collector"), settings)
	if err := os.WriteFile(filepath.Join(dir, "collector.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return r.startCollector()
}
