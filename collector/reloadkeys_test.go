package collector

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/collector/internal/store"
	"rollcall/pkg/config"
	"rollcall/pkg/wire"
)

// keysOf are the keys of a configuration that have a value, not more keys.
func keysOf(t reflect.Type, above string) []string {
	var keys []string
	for field := range t.Fields() {
		tag, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		f := field.Type
		if f.Kind() == reflect.Struct && f != reflect.TypeFor[config.Secret]() {
			keys = append(keys, keysOf(f, above+tag+".")...)
			continue
		}
		keys = append(keys, above+tag)
	}
	return keys
}

// change gives a setting another value.
func change(t *testing.T, v reflect.Value, key string) {
	t.Helper()
	if v.Type() == reflect.TypeFor[config.Secret]() {
		v.Set(reflect.ValueOf(config.Plain("another")))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Float64:
		v.SetFloat(v.Float() + 1)
	case reflect.Slice:
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
	default:
		t.Fatalf("%s: no other value is known for a %s", key, v.Type())
	}
}

// Every key is taken by a reload, or named as one that the next start takes: a
// new one fails here until that is decided.
func TestEveryKeyIsReloadedOrNamed(t *testing.T) {
	below := func(list []string, key string) int {
		n := 0
		for _, k := range list {
			if key == k || strings.HasPrefix(key, k+".") {
				n++
			}
		}
		return n
	}
	keys := keysOf(reflect.TypeFor[Config](), "")
	for _, key := range keys {
		reloaded, started := below(takenAtReload, key), below(takenAtStart, key)
		if reloaded+started != 1 {
			t.Errorf("%s is %d times in takenAtReload and %d times in takenAtStart: decide for one", key, reloaded, started)
			continue
		}
		old := DefaultConfig()
		next := DefaultConfig()
		change(t, setting(reflect.ValueOf(&next).Elem(), key), key)
		got := old.with(next)
		if took := reflect.DeepEqual(got, next); took != (reloaded == 1) {
			t.Errorf("%s: a reload takes it: %v", key, took)
		}
		want := []string{key}
		if reloaded == 1 {
			want = nil
		}
		if named := got.differs(next); !slices.Equal(named, want) {
			t.Errorf("%s: named as waiting for a start: %v, want %v", key, named, want)
		}
	}
	for _, k := range slices.Concat(takenAtReload, takenAtStart) {
		if !slices.ContainsFunc(keys, func(key string) bool { return below([]string{k}, key) == 1 }) {
			t.Errorf("%s is no setting", k)
		}
	}
}

// The documentation names the same keys.
func TestKeysOfStartAreDocumented(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "configs", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(raw), "Only these keys wait for the next start:")
	text, _, _ = strings.Cut(text, "\n\n")
	var named []string
	for _, m := range regexp.MustCompile("`([a-z_.]+)`").FindAllStringSubmatch(text, -1) {
		named = append(named, m[1])
	}
	slices.Sort(named)
	if want := slices.Sorted(slices.Values(takenAtStart)); !slices.Equal(named, want) {
		t.Errorf("configs/README.md names %v, want %v", named, want)
	}
}

// What is right by itself is not taken where it is wrong beside what waits for a
// start.
func TestReloadRefusesWhatStartAloneMakesRight(t *testing.T) {
	old := DefaultConfig()
	old.Listen = "0.0.0.0:8480"
	written := DefaultConfig()
	written.Login = LoginOff
	next, _, err := old.reloaded(func() (Config, error) { return written, nil }, true)
	if err == nil || !strings.Contains(err.Error(), "can be taken by a start alone, for listen changed: login: off lets everybody do everything") {
		t.Errorf("error %v", err)
	}
	if !reflect.DeepEqual(next, old) {
		t.Error("a part was taken")
	}
}

// An answer is what is left of a response that was read.
type answer struct {
	status  int
	header  http.Header
	cookies []*http.Cookie
	body    string
}

// A reloading is a collector with the settings that it was last given.
type reloading struct {
	t     *testing.T
	col   *Collector
	c     Config
	links []string // that were offered for the first account
}

func newReloading(t *testing.T) *reloading {
	x := &reloading{t: t, c: testConfig(t)}
	x.col = start(t, x.c, Options{Offer: func(link string) { x.links = append(x.links, link) }})
	return x
}

func (x *reloading) set(edit func(*Config)) {
	x.t.Helper()
	edit(&x.c)
	keys, err := x.col.Reload(x.t.Context(), func() (Config, error) { return x.c, nil })
	if err != nil || len(keys) > 0 {
		x.t.Fatalf("reload: %v, %v", keys, err)
	}
}

func (x *reloading) base() string { return "http://" + x.col.Addr() + "/" }

// page asks without following redirects.
func (x *reloading) page(path string) answer {
	x.t.Helper()
	r, err := http.NewRequestWithContext(x.t.Context(), http.MethodGet, x.base()+path, nil)
	if err != nil {
		x.t.Fatal(err)
	}
	return x.do(r)
}

func (x *reloading) do(r *http.Request) answer {
	x.t.Helper()
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		x.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, res.Cookies(), string(body)}
}

// People: what a reload says of logins, names and links holds at once.
func TestReloadOfPeople(t *testing.T) {
	x := newReloading(t)
	if got := x.page(""); got.status != http.StatusOK || len(x.links) != 0 {
		t.Fatalf("login off: status %d, links %v", got.status, x.links)
	}
	x.set(func(c *Config) {
		c.Login, c.PublicURL, c.Session.Life, c.Session.Idle = LoginRequired, "http://rollcall.example.org", config.Duration(2*time.Hour), config.Duration(time.Hour)
	})
	if got := x.page(""); got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/login") {
		t.Errorf("login required: status %d", got.status)
	}
	if len(x.links) != 1 || !strings.HasPrefix(x.links[0], "http://rollcall.example.org/setup?code=") {
		t.Fatalf("links for the first account: %v", x.links)
	}
	if got := x.col.URL(); got != "http://rollcall.example.org/" {
		t.Errorf("found at %s", got)
	}
	_, code, _ := strings.Cut(x.links[0], "code=")
	form := url.Values{"code": {code}, "name": {"ada"}, "password": {"a long enough password"}, "again": {"a long enough password"}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, x.base()+"setup", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "rollcall.example.org" // of public_url
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	got := x.do(r)
	if i := slices.IndexFunc(got.cookies, func(c *http.Cookie) bool { return strings.HasSuffix(c.Name, "rollcall_session") }); i < 0 || got.cookies[i].MaxAge != 7200 {
		t.Errorf("status %d, cookies %v, want a session of 2h\n%.200s", got.status, got.cookies, got.body)
	}
	for _, host := range []string{"rollcall.example.org", "other.example.org"} {
		ask, err := http.NewRequestWithContext(t.Context(), http.MethodGet, x.base()+"login", nil)
		if err != nil {
			t.Fatal(err)
		}
		ask.Host = host
		for _, known := range []bool{host == "rollcall.example.org", true} {
			if got := x.do(ask); (got.status == http.StatusOK) != known {
				t.Errorf("%s, known %v: status %d", host, known, got.status)
			}
			x.set(func(c *Config) { c.Hosts = []string{"other.example.org"} })
		}
		x.set(func(c *Config) { c.Hosts = nil })
	}
	if body := x.page("login").body; strings.Contains(body, "Log in with Riverside") {
		t.Error("a provider that is not there")
	}
	x.set(func(c *Config) {
		c.OIDC = OIDC{Issuer: "https://login.example.org", ClientID: "x", ClientSecret: config.Plain("y"), RedirectURL: "https://rollcall.example.org/login/return", Label: "Log in with Riverside"}
	})
	if body := x.page("login").body; !strings.Contains(body, "Log in with Riverside") {
		t.Errorf("no link to the provider:\n%s", body)
	}
	x.set(func(c *Config) { c.OIDC, c.Login, c.PublicURL = OIDC{}, LoginOff, "" })
	if got := x.page(""); got.status != http.StatusOK {
		t.Errorf("login off again: status %d", got.status)
	}
}

// Programs: tokens for metrics, terms of agents, webhooks.
func TestReloadOfPrograms(t *testing.T) {
	x := newReloading(t)
	if got := x.page("metrics"); got.status != http.StatusOK {
		t.Errorf("open metrics: status %d", got.status)
	}
	x.set(func(c *Config) { c.Metrics.Access = MetricsToken })
	if got := x.page("metrics"); got.status != http.StatusUnauthorized {
		t.Errorf("metrics with a token: status %d", got.status)
	}
	x.set(func(c *Config) { c.Metrics.Access = MetricsAuto })

	x.set(func(c *Config) { c.Agents.CredentialLife = config.Duration(3 * time.Hour) })
	_, secret, err := x.col.store.Invite(t.Context(), "Riverside Food Bank", "Main", "agent-2", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(wire.NewJoin(secret, key, "agent-2", "1", time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.TrimSuffix(x.base(), "/")+wire.JoinPath, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", wire.CredentialType)
	body := x.do(r).body
	var credential wire.Credential
	if err := json.Unmarshal([]byte(body), &credential); err != nil || credential.ExpiresIn != 3*3600 {
		t.Errorf("credential %s: %v", body, err)
	}

	came := make(chan string, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body) // what there is
		came <- string(raw)
	}))
	defer hook.Close()
	x.set(func(c *Config) {
		c.Notify.Allow = []string{"127.0.0.1/32"}
		c.Notify.Webhooks = []NotifyWebhook{{Name: "desk", URL: hook.URL, Secret: config.Plain("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")}}
	})
	upload(t, x.base(), credential.Token, unit)
	select {
	case <-came:
	case <-time.After(patience):
		t.Error("the new webhook is told nothing")
	}
	await(t, x.base()+"metrics", `rollcall_notify_waiting{receiver="desk"} 0`)
	x.set(func(c *Config) { c.Notify = defaultNotify() })
	if body := x.page("metrics").body; strings.Contains(body, `rollcall_notify_waiting{receiver="desk"}`) {
		t.Error("the webhook is still measured")
	}
}

// The interval of agents is told with the next receipt, and each reload that
// changes something is in the audit log.
func TestReloadOfTerms(t *testing.T) {
	x := newReloading(t)
	token, err := x.col.CreateAgent(t.Context(), "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	x.set(func(c *Config) { c.AgentInterval = config.Duration(7 * time.Minute) })
	interval := func() int {
		t.Helper()
		_, receipt := receiptOf(t, x.base(), token, unit)
		return receipt.Interval
	}
	if got := interval(); got != 420 {
		t.Errorf("agents are told to poll each %d s, want 420", got)
	}
	x.set(func(*Config) {})
	entries := 0
	if err := x.col.store.ReadAudit(t.Context(), "", func(e store.AuditEntry) error {
		if e.Action == "collector.reload" {
			entries++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if entries != 1 {
		t.Errorf("%d reloads in the audit log, want the one that changed something", entries)
	}
	if _, err := x.col.Reload(context.Background(), func() (Config, error) { return Config{}, errors.New("no such file") }); err == nil {
		t.Error("a file that is not there was taken")
	}
	if got := interval(); got != 420 {
		t.Errorf("after a bad file agents are told to poll each %d s, want 420", got)
	}
}
