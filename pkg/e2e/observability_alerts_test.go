package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
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
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/model"

	"rollcall/collector"
	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
	"rollcall/pkg/simdevice"
)

// A message is what Alertmanager's webhook sends, as far as it matters here.
type message struct {
	Receiver    string            `json:"receiver"`
	GroupLabels map[string]string `json:"groupLabels"`
	Alerts      []struct {
		Status      string            `json:"status"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"alerts"`
}

// An inbox is where the messages of an Alertmanager arrive: the webhooks, and
// the texts for people by way of a chat.
type inbox struct {
	*httptest.Server

	mu       sync.Mutex
	messages []message
	texts    []string
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in.mu.Lock()
		defer in.mu.Unlock()
		if r.URL.Path == "/chat" {
			var chat struct {
				Attachments []struct {
					Title string `json:"title"`
					Link  string `json:"title_link"`
					Text  string `json:"text"`
				} `json:"attachments"`
			}
			if err := json.NewDecoder(r.Body).Decode(&chat); err != nil || len(chat.Attachments) != 1 {
				t.Errorf("chat message: %v with %d attachments", err, len(chat.Attachments))
				return
			}
			a := chat.Attachments[0]
			in.texts = append(in.texts, a.Title+"\n"+a.Link+"\n\n"+a.Text)
			_, _ = w.Write([]byte("ok")) // the answer that is expected
			return
		}
		var m message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Errorf("message: %v", err)
		}
		in.messages = append(in.messages, m)
	}))
	t.Cleanup(in.Close)
	return in
}

// last returns the newest state of each alert that came, "firing" or
// "resolved", by its name and what tells it from others.
func (in *inbox) last() map[string]string {
	in.mu.Lock()
	defer in.mu.Unlock()
	states := map[string]string{}
	for _, m := range in.messages {
		for _, a := range m.Alerts {
			name := a.Labels["alertname"]
			for _, l := range []string{"site", "serial", "contract", "days"} {
				if v := a.Labels[l]; v != "" {
					name += " " + v
				}
			}
			states[name] = a.Status
		}
	}
	return states
}

// text returns the newest text that has all parts.
func (in *inbox) text(parts ...string) string {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, text := range slices.Backward(in.texts) {
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(text, p) }) {
			return text
		}
	}
	return ""
}

// quick shortens the waits of a shipped file, and keeps those long that outlive
// others. Nothing else of it is changed.
func quick(text string) string {
	text = regexp.MustCompile(`(?m)^( +(?:for|group_wait|group_interval): ).*$`).ReplaceAllString(text, "${1}100ms")
	text = regexp.MustCompile(`(?m)^( +keep_firing_for: )20m$`).ReplaceAllString(text, "${1}2s")
	return regexp.MustCompile(`(?m)^( +keep_firing_for: )5m$`).ReplaceAllString(text, "${1}100ms")
}

// startAlerting starts Prometheus and Alertmanager with the files that are
// shipped, which send to the inbox.
func startAlerting(t *testing.T, target, agent string, in *inbox) *peer.Prometheus {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("rollcall.tmpl", readConfig(t, "alertmanager", "rollcall.tmpl"))
	config := quick(strings.ReplaceAll(readConfig(t, "alertmanager", "alertmanager.yml"), "http://127.0.0.1:9095", in.URL))
	// There is no mail server here: whatever is mailed comes by webhook and chat.
	mail := regexp.MustCompile(`(?s)    email_configs: &mail\n.*?\n\n`)
	config = mail.ReplaceAllString(config, `    webhook_configs: [{url: '`+in.URL+`/rollcall'}]
    slack_configs:
      - {api_url: '`+in.URL+`/chat', send_resolved: true, title: '{{ template "rollcall.title" . }}', text: '{{ template "rollcall.text" . }}'}

`)
	config = strings.Replace(config, "    email_configs: *mail\n", "", 1)
	alertmanager := peer.StartAlertmanager(t, write("alertmanager.yml", config))
	rules := write("rollcall.rules.yml", quick(readConfig(t, "prometheus", "rollcall.rules.yml")))
	// A limit of one's own, in a file of one's own: any report that waits.
	limits := write("limits.yml", "groups: [{name: limits, rules: [{record: rollcall_alert_threshold, labels: {name: spool_ratio}, expr: vector(0)}]}]")
	return peer.StartPrometheusWith(t, fmt.Sprintf(`
global: {scrape_interval: 100ms, evaluation_interval: 100ms, scrape_timeout: 100ms}
rule_files: [%s, %s]
alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}
scrape_configs:
- job_name: rollcall
  static_configs: [{targets: [%q], labels: {collector: "http://rollcall.example"}}]
- job_name: rollcall-agent
  static_configs: [{targets: [%q]}]
`, rules, limits, alertmanager, target, agent))
}

// What Prometheus, Alertmanager and Grafana make of a collector.
func TestObservability(t *testing.T) {
	peer.Need(t, "prometheus", "prometheus")
	program := filepath.Join(t.TempDir(), "rollcall-collector")
	if out, err := exec.Command("go", "build", "-o", program, "../../collector/cmd/rollcall-collector").CombinedOutput(); err != nil {
		t.Fatalf("cannot build the collector: %v\n%s", err, out)
	}
	t.Run("alerts by their causes", func(t *testing.T) { t.Parallel(); alertsByTheirCauses(t, program) })
	t.Run("dashboards on the demo", func(t *testing.T) { t.Parallel(); dashboardsOnDemo(t, program) })
}

// Alerts fire by a real cause and resolve when it is mended: an import that
// drops a line, a serial that is swapped, the clock that moves, an agent that
// stops, a collector that goes away.
func alertsByTheirCauses(t *testing.T, program string) {
	in := newInbox(t)
	l := &line{t: t, dir: t.TempDir(), listen: "127.0.0.1:0", tokens: map[string]string{}}
	var offset atomic.Int64
	start := func() {
		t.Helper()
		c := collector.DefaultConfig()
		c.Listen, c.DataDir = l.listen, filepath.Join(l.dir, "collector")
		c.Login = collector.LoginOff
		l.registry = prometheus.NewRegistry()
		col, err := collector.New(c, collector.Options{
			Registry: l.registry, Now: func() time.Time { return time.Now().Add(time.Duration(offset.Load())) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := col.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.collector, l.listen = col, col.Addr()
	}
	start()
	t.Cleanup(func() { l.stopCollector() })
	run := func(args ...string) {
		t.Helper()
		args = append(args, "--data-dir", filepath.Join(l.dir, "collector"), "--organization", organizationID)
		if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
			t.Fatalf("rollcall-collector %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	agentMetrics := prometheus.NewRegistry()
	ofAgent := httptest.NewServer(promhttp.HandlerFor(agentMetrics, promhttp.HandlerOpts{}))
	t.Cleanup(ofAgent.Close)
	prom := startAlerting(t, l.listen, ofAgent.Listener.Addr().String(), in)

	sw := device(t, "127.81.5.1", "core-sw1", inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P"), unit("FCW2431L0B2", "C9300-48P"))
	registry, stop := l.startAgent("Main office", "main-office", sw)
	agentMetrics.MustRegister(registry)
	whole := []string{"FCW2431L0A7 C9300-48P", "FCW2431L0B2 C9300-48P"}
	l.importContract(whole...)
	l.until("both units to be covered", func() bool {
		return cmp.Equal(map[string]string{"FCW2431L0A7": "covered", "FCW2431L0B2": "covered"}, l.units())
	})
	expect := func(what, alert, state string) {
		t.Helper()
		l.until(what, func() bool { return in.last()[alert] == state })
	}
	if got := in.last(); len(got) > 0 {
		t.Errorf("alerts before anything happened: %v", got)
	}

	const uncovered = "RollcallUnitsUncovered Main office"
	l.importContract("FCW2431L0A7 C9300-48P") // drops a line
	expect("the dropped line to be told", uncovered, "firing")
	l.until("the text of it to come", func() bool { return in.text("FCW2431L0B2 (C9300-48P, core-sw1)") != "" })
	wantText := `riverside-food-bank: 1 thing to look at, urgent
http://rollcall.example/?organization=riverside-food-bank

To look at:

* riverside-food-bank: 1 without support at Main office
  1 of the devices in use at Main office are on no support contract. If one breaks, Cisco will not replace it. Among them: FCW2431L0B2 (C9300-48P, core-sw1)
  What to do: Open the list of findings. Each says whether to add the device to the contract, to say where it came from, or to buy support.
  Details: http://rollcall.example/findings?organization=riverside-food-bank&kind=uncovered_unit
  Help: http://rollcall.example/help/uncovered_unit

Rollcall: http://rollcall.example`
	if diff := cmp.Diff(lines(wantText), lines(in.text("FCW2431L0B2 (C9300-48P, core-sw1)"))); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	l.importContract(whole...)
	expect("the mended import to be told", uncovered, "resolved")

	const swapped = "RollcallRMAMismatch Main office FCW2718H7KD 204517788"
	sw.Update(func(d *simdevice.Device) { d.Units[1].Serial = "FCW2718H7KD" })
	expect("the swapped serial to be told", swapped, "firing")

	const down, waits = "RollcallCollectorDown", "RollcallAgentSpoolFilling"
	l.stopCollector()
	expect("the collector that is away to be told", down, "firing")
	expect("the reports that wait for it to be told", waits, "firing")
	start()
	expect("the collector that is back to be told", down, "resolved")
	expect("the reports that came to be told", waits, "resolved")
	if got := in.last()[swapped]; got != "firing" {
		t.Errorf("the swapped serial is %s, though only the collector was away", got)
	}

	l.importContract("FCW2431L0A7 C9300-48P", "FCW2718H7KD C9300-48P")
	expect("the import that proves the swap to be told", swapped, "resolved")

	const overdue, unseen = "RollcallActivationOverdue", "RollcallLineNotSeen 204517788"
	ledger := filepath.Join(l.dir, "orders.csv")
	ago := func(days int) string { return time.Now().AddDate(0, 0, -days).Format(time.DateOnly) }
	orders := fmt.Sprintf("order_number,organization,product_id,serial,quantity,ordered_on,completed_on\nTS-1,,C9300-24T,FOC2502T1QX,1,%s,%s\n", ago(150), ago(110))
	if err := os.WriteFile(ledger, []byte(orders), 0o600); err != nil {
		t.Fatal(err)
	}
	run("import", "--orders", ledger)
	expect("the donation without a contract to be told", overdue, "firing")
	swappedLines := []string{"FCW2431L0A7 C9300-48P", "FCW2718H7KD C9300-48P"}
	l.importContract(append(swappedLines, "FOC2502T1QX C9300-24T")...)
	expect("the contract of the donation to be told", overdue, "resolved")
	run("declare", "set", "--as", "returned", "--by", "test", "--reason", "sent back", "--serial", "FOC2502T1QX")
	expect("the line of what is declared as returned to be told", unseen, "firing")
	l.importContract(swappedLines...)
	expect("the contract without the line to be told", unseen, "resolved")

	const short = "RollcallTermShort 204517788"
	oneYear := filepath.Join(l.dir, "204517788.csv")
	text := fmt.Sprintf("SERIAL NUMBER,CONTRACT NUMBER,SERVICE LEVEL,PRODUCT NUMBER,BEGIN DATE,END DATE\nFOC2502T1QX,204517788,SNT,C9300-24T,%s,%s\n",
		ago(100), ago(-265))
	if err := os.WriteFile(oneYear, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run("declare", "withdraw", "--serial", "FOC2502T1QX")
	run("import", oneYear)
	expect("the term of one year to be told", short, "firing")
	l.importContract(swappedLines...)
	expect("the contract without it to be told", short, "resolved")

	const twice = "RollcallDuplicateSerial FCW2431L0A7"
	double := device(t, "127.81.5.2", "lab-sw1", inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P"))
	_, stopLab := l.startAgent("Lab", "lab", double)
	// What has just come to another place may have moved there: only when both
	// have been asked again it is in two, and unchanged reports make no run.
	prom.WaitFor(`rollcall_nodes{site="Lab",state="complete"} == 1`, func(v model.Vector) bool { return len(v) == 1 })
	polled := stored(t, l.registry)
	l.until("both devices to be asked again", func() bool { return stored(t, l.registry) >= polled+4 })
	l.importContract(append(swappedLines, "FOC1947W2QP WS-C2960X-24PS-L")...)
	expect("one serial at two places to be told", twice, "firing")
	double.Update(func(d *simdevice.Device) { d.Units[0].Serial = "FCW2431L0C9" })
	expect("the other serial to be told", twice, "resolved")
	stopLab()

	const silent = "RollcallAgentSilent Main office"
	stop()
	offset.Store(int64(10 * time.Second))                                                              // the agent polls each second, and may miss three
	l.importContract("FCW2431L0A7 C9300-48P", "FCW2718H7KD C9300-48P", "FOC1947W2QP WS-C2960X-24PS-L") // a run now, not within a minute
	expect("the stopped agent to be told", silent, "firing")

	const expiring, stale = "RollcallCoverageExpiring 204517788 ", "RollcallContractDataStale 204517788"
	end := 4*365 + 1
	for _, days := range []int{90, 60, 30} {
		offset.Store(int64(time.Duration(end-days+1) * 24 * time.Hour))
		l.importContract("FCW2431L0A7 C9300-48P", "FCW2718H7KD C9300-48P", fmt.Sprintf("FOC1947W%03d WS-C2960X-24PS-L", days))
		expect("the end within days to be told", fmt.Sprint(expiring, days), "firing")
	}
	offset.Add(int64(46 * 24 * time.Hour)) // no import since
	expect("the old data to be told", stale, "firing")
	prom.WaitFor(`ALERTS{alertname="RollcallCoverageExpiring"}`, func(v model.Vector) bool { return len(v) == 0 })
	l.importContract("FCW2431L0A7 C9300-48P", "FCW2718H7KD C9300-48P")
	expect("the contract that has ended to be told", "RollcallCoverageExpired 204517788", "firing")

	if text := in.text("Settled:", "ends within"); text != "" {
		t.Errorf("a narrower window is told as if all were well:\n%s", text)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, m := range in.messages {
		if name := m.Alerts[0].Labels["alertname"]; name == down || name == waits {
			continue // of no organization
		}
		if diff := cmp.Diff(map[string]string{"collector": "http://rollcall.example", "organization": organizationID}, m.GroupLabels); diff != "" {
			t.Errorf("a message is not of one organization (-want +got):\n%s", diff)
		}
	}
}

// lines are those of a text without spaces at their ends and without empty
// lines.
func lines(text string) []string {
	var all []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}
