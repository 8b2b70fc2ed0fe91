package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"rollcall/collector/internal/notify"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/config"
)

const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// start is the time at which tests begin: a Friday.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// A world is a store and those who are told of it. Its clock stands still until
// it is moved.
type world struct {
	t        *testing.T
	ms       atomic.Int64
	store    *store.Store
	settings notify.Settings
	registry *prometheus.Registry
	log      *logbook
	org      store.Organization
	stop     func()
}

// A logbook is what was logged, for several at once.
type logbook struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (w *world) now() time.Time          { return time.UnixMilli(w.ms.Load()).UTC() }
func (w *world) advance(d time.Duration) { w.ms.Add(d.Milliseconds()) }

func newWorld(t *testing.T, s notify.Settings) *world {
	t.Helper()
	w := &world{t: t, settings: s, registry: prometheus.NewRegistry(), log: &logbook{}}
	w.ms.Store(start.UnixMilli())
	if w.settings.GiveUpAfter == 0 {
		w.settings.GiveUpAfter = 72 * time.Hour
	}
	w.settings.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	var err error
	w.store, err = store.Open(t.Context(), store.Options{DataDir: t.TempDir(), Now: w.now, Receivers: w.settings.Receivers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	w.org = w.organization("Riverside Food Bank")
	return w
}

func (w *world) organization(name string) store.Organization {
	w.t.Helper()
	o, err := w.store.CreateOrganization(context.Background(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// run runs a notifier until the test ends or stop is called.
func (w *world) run() {
	w.t.Helper()
	n := notify.New(notify.Options{
		Store: w.store, Settings: w.settings, Judge: reconcile.DefaultSettings, Version: "1", Now: w.now, Metrics: notify.NewMetrics(w.registry),
		Log: slog.New(slog.NewTextHandler(w.log, nil)), Poll: 5 * time.Millisecond, Rand: func() float64 { return 0 },
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); n.Run(ctx) }()
	w.stop = func() { cancel(); <-done }
	w.t.Cleanup(w.stop)
}

func (w *world) save(o store.Organization, findings ...reconcile.Finding) {
	w.t.Helper()
	if err := w.store.SaveResult(context.Background(), o.ID, reconcile.Result{Findings: findings}); err != nil {
		w.t.Fatal(err)
	}
}

func finding(key string) reconcile.Finding {
	return reconcile.Finding{
		Key: key, Kind: reconcile.UncoveredUnit, Severity: reconcile.Critical, Subject: "C9300-48P " + key + " in sw1 (Main)",
		Evidence: []string{"No contract that was imported has this serial number."}, NextStep: reconcile.NextStep{Title: "Decide what to do with it", Steps: []string{"Look."}},
	}
}

func findings(prefix string, n int) []reconcile.Finding {
	all := make([]reconcile.Finding, n)
	for i := range all {
		all[i] = finding(fmt.Sprintf("%s%03d", prefix, i))
	}
	return all
}

// A desk is a receiver of webhooks.
type desk struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(n int) int // status of the n-th message; nil is 200
	all    []told
	came   chan struct{}
}

// told is a message as it arrived.
type told struct {
	header http.Header
	body   string
	ID     string `json:"id"`
	Type   string `json:"type"`
	Data   struct {
		Organization struct{ Name string } `json:"organization"`
		Finding      struct{ Key string }  `json:"finding"`
	} `json:"data"`
	status int
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{came: make(chan struct{}, 10000)}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		x := told{header: r.Header, body: string(raw), status: http.StatusOK}
		if err := json.Unmarshal(raw, &x); err != nil {
			t.Error(err)
		}
		d.mu.Lock()
		if d.answer != nil {
			x.status = d.answer(len(d.all))
		}
		d.all = append(d.all, x)
		d.mu.Unlock()
		w.WriteHeader(x.status)
		d.came <- struct{}{}
	}))
	t.Cleanup(d.Close)
	return d
}

func (d *desk) hook(name string, organizations ...string) notify.Webhook {
	return notify.Webhook{Name: name, URL: d.URL + "/rollcall", Secret: config.Plain(hookSecret), Organizations: organizations}
}

// until waits until the messages that came are as wanted, and returns them.
func (d *desk) until(t *testing.T, what string, ready func([]told) bool) []told {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond) // ready may look at more than messages
	defer tick.Stop()
	late := time.After(time.Minute)
	for {
		d.mu.Lock()
		all := slices.Clone(d.all)
		d.mu.Unlock()
		if ready(all) {
			return all
		}
		select {
		case <-d.came:
		case <-tick.C:
		case <-late:
			t.Fatalf("waited for %s: %d messages came", what, len(all))
		}
	}
}

func taken(all []told) []told {
	return slices.DeleteFunc(slices.Clone(all), func(x told) bool { return x.status != http.StatusOK })
}

func (x told) String() string { return x.Data.Finding.Key + " " + x.Type }

// Webhooks are told of what was opened and resolved, each of its organizations
// alone.
func TestWebhooks(t *testing.T) {
	all, one := newDesk(t), newDesk(t)
	w := newWorld(t, notify.Settings{Webhooks: []notify.Webhook{all.hook("all"), one.hook("one", "harbor school")}})
	other := w.organization("Harbor School")
	w.run()
	w.save(w.org, finding("a"))
	w.save(other, finding("b"))
	w.save(w.org)
	got := all.until(t, "three messages", func(x []told) bool { return len(x) == 3 })
	want := []string{"Harbor School b finding.opened", "Riverside Food Bank a finding.opened", "Riverside Food Bank a finding.resolved"}
	var words []string
	for _, x := range got {
		words = append(words, x.Data.Organization.Name+" "+x.String())
	}
	slices.Sort(words)
	if diff := cmp.Diff(want, words); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	got = one.until(t, "one message", func(x []told) bool { return len(x) == 1 })
	if got[0].Data.Organization.Name != "Harbor School" || got[0].header.Get("Webhook-Id") != got[0].ID {
		t.Errorf("the webhook of one organization got %+v", got[0])
	}
}

// A receiver that fails gets everything once it works, of each finding in order
// and with the same ID and bytes; what it refuses keeps nothing else waiting.
func TestWebhookRetries(t *testing.T) {
	d := newDesk(t)
	fails := []int{500, 302, 400}
	d.answer = func(n int) int {
		if n < len(fails) {
			return fails[n]
		}
		return http.StatusOK
	}
	w := newWorld(t, notify.Settings{Webhooks: []notify.Webhook{d.hook("desk")}})
	w.save(w.org, findings("x", 10)...)
	w.save(w.org)
	w.run()
	// The clock of the store moves, so that waits end; those of the receiver are a second each.
	moving, done := context.WithCancel(context.Background())
	defer done()
	go func() {
		for moving.Err() == nil {
			w.advance(time.Second)
			select {
			case <-moving.Done():
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	got := d.until(t, "twenty messages", func(x []told) bool { return len(taken(x)) == 20 })
	done()
	bodies, order := map[string]string{}, map[string][]string{}
	for _, x := range got {
		if was, again := bodies[x.ID]; again && was != x.body {
			t.Errorf("message %s has other bytes at another attempt", x.ID)
		}
		bodies[x.ID] = x.body
		if x.status == http.StatusOK {
			order[x.Data.Finding.Key] = append(order[x.Data.Finding.Key], x.Type)
		}
	}
	for key, types := range order {
		if !slices.Equal(types, []string{"finding.opened", "finding.resolved"}) {
			t.Errorf("%s: %v", key, types)
		}
	}
	w.stop()
	if n := testutil.CollectAndCount(w.registry, "rollcall_notify_sent_total"); n != 1 {
		t.Errorf("%d series of messages sent", n)
	}
	want := strings.NewReader(fmt.Sprintf(`
# HELP rollcall_notify_failures_total Attempts to send a message that failed.
# TYPE rollcall_notify_failures_total counter
rollcall_notify_failures_total{receiver="desk"} %d
# HELP rollcall_notify_sent_total Messages that a receiver has taken: mails, one for each recipient, or messages of a webhook.
# TYPE rollcall_notify_sent_total counter
rollcall_notify_sent_total{receiver="desk"} 20
`, len(fails)))
	if err := testutil.GatherAndCompare(w.registry, want, "rollcall_notify_sent_total", "rollcall_notify_failures_total"); err != nil {
		t.Error(err)
	}
	if strings.Contains(w.log.String(), "canary") || strings.Contains(w.log.String(), d.URL) {
		t.Errorf("the log shows where messages go:\n%s", w.log)
	}
}

// Nothing is sent to an address that is not allowed, and that is said.
func TestWebhookGuarded(t *testing.T) {
	d := newDesk(t)
	w := newWorld(t, notify.Settings{Webhooks: []notify.Webhook{d.hook("desk")}})
	w.settings.Allow = nil
	w.save(w.org, finding("a"))
	w.run()
	state := w.state("desk", func(r store.ReceiverState) bool { return !r.Failed.IsZero() })
	if !strings.Contains(state.Problem, "notify.allow") || state.Waiting != 1 {
		t.Errorf("state %+v", state)
	}
	w.stop()
	if len(d.all) != 0 {
		t.Errorf("%d messages came", len(d.all))
	}
}

// state waits until the state of a receiver is as wanted.
func (w *world) state(name string, ready func(store.ReceiverState) bool) store.ReceiverState {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		all, err := w.store.Receivers(ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range all {
			if r.Name == name && ready(r) {
				return r
			}
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("the state of %s is %+v", name, all)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// A trial tells of each receiver, and sends only when it is asked to.
func TestTry(t *testing.T) {
	b, d := startMailbox(t, false), newDesk(t)
	away := d.hook("away")
	away.URL = "http://127.0.0.1:1/"
	s := notify.Settings{Mail: mailSettings(b, notify.StartTLS), Webhooks: []notify.Webhook{d.hook("desk"), away}, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	s.Mail.Recipients = []notify.Recipients{{Organization: "x", To: []string{"a@example.org", "volunteer@example.org"}}}
	words := func(send bool) (all []string) {
		for _, x := range notify.Try(t.Context(), s, "1", send) {
			if x.Err != nil && !errors.Is(x.Err, context.Canceled) {
				x.What += ": error"
			}
			all = append(all, strings.ReplaceAll(x.What, b.addr, "ADDR"))
		}
		return all
	}
	if diff := cmp.Diff([]string{"the mail server ADDR lets Rollcall in", "webhook desk can be reached", "webhook away: error"}, words(false)); diff != "" {
		t.Errorf("a connection (-want +got):\n%s", diff)
	}
	if len(b.all()) != 0 || len(d.all) != 0 || b.logins != 1 {
		t.Errorf("%d letters, %d messages, %d logins", len(b.all()), len(d.all), b.logins)
	}
	want := []string{
		"the mail server ADDR lets Rollcall in", "the mail server took a mail to a@example.org", "the mail server took a mail to volunteer@example.org",
		"webhook desk took a message", "webhook away: error",
	}
	if diff := cmp.Diff(want, words(true)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if len(b.all()) != 2 || len(d.all) != 1 || d.all[0].Type != "test" {
		t.Errorf("%d letters, %d messages", len(b.all()), len(d.all))
	}
}
