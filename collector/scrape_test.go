package collector

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
)

func scrape(t *testing.T, url, token, user string) (int, string) {
	t.Helper()
	client := http.DefaultClient
	if token != "" || user != "" {
		client = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			} else {
				r.SetBasicAuth(user, "scrape it")
			}
			return http.DefaultTransport.RoundTrip(r)
		})}
	}
	return get(t, client, url)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestScrapeTokens: a token of an organization shows that one alone, one of all
// shows everything, and nothing else is let in.
func TestScrapeTokens(t *testing.T) {
	c := testConfig(t)
	c.Metrics.Access = MetricsToken
	col := start(t, c, Options{})
	ctx := t.Context()
	for _, org := range []string{"Riverside Food Bank", "Hill School"} {
		if _, err := col.CreateAgent(ctx, org, "Main", "agent-1"); err != nil {
			t.Fatal(err)
		}
	}
	token := func(scope login.Scope, org string) string {
		_, secret, err := col.store.CreateAPIToken(ctx, store.APIToken{Name: "x", Scope: scope, Organization: org}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	all, own, read := token(login.ScopeMetrics, ""), token(login.ScopeMetrics, "hill-school"), token(login.ScopeRead, "")
	revoked := token(login.ScopeMetrics, "")
	tokens, err := col.store.APITokens(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := col.store.RevokeAPIToken(ctx, "", tokenID(t, tokens, revoked, col)); err != nil {
		t.Fatal(err)
	}
	const hers, his = `organization="riverside-food-bank"`, `organization="hill-school"`
	for _, tt := range []struct {
		name, query, token string
		status             int
		has, lacks         string
	}{
		{"nobody", "", "", 401, "", hers},
		{"nobody of one", "?organization=hill-school", "", 401, "", his},
		{"made up", "", "rct_AAAA", 401, "", hers},
		{"revoked", "", revoked, 401, "", hers},
		{"read", "", read, 403, "", hers},
		{"all", "", all, 200, hers, "nothing"},
		{"all of one", "?organization=hill-school", all, 200, his, hers},
		{"one", "", own, 200, his, hers},
		{"one of itself", "?organization=hill-school", own, 200, his, hers},
		{"one of another", "?organization=riverside-food-bank", own, 404, "There is no organization of that ID", hers},
		{"one of none", "?organization=none", own, 404, "There is no organization of that ID", hers},
		{"one of two", "?organization=hill-school&organization=riverside-food-bank", own, 404, "", hers},
		{"one of all by an empty name", "?organization=", own, 404, "", hers},
	} {
		status, body := scrape(t, col.URL()+"metrics"+tt.query, tt.token, "")
		if status != tt.status || !strings.Contains(body, tt.has) || strings.Contains(body, tt.lacks) {
			t.Errorf("%s: status %d, want %d with %q and without %q\n%.300s", tt.name, status, tt.status, tt.has, tt.lacks, body)
		}
		if tt.token == own && strings.Contains(body, "go_") {
			t.Errorf("%s: the metrics of the collector itself are shown", tt.name)
		}
	}
}

// tokenID finds the one of a secret: it is the only one that was used.
func tokenID(t *testing.T, all []store.APIToken, secret string, col *Collector) string {
	t.Helper()
	p, err := col.store.ByAPIToken(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		if x.ID == p.Token {
			return x.ID
		}
	}
	t.Fatal("no such token")
	return ""
}

// TestScrapeListener: /metrics on an address of its own, with the passwords of
// exporter-toolkit's file and nothing else there.
func TestScrapeListener(t *testing.T) {
	c := testConfig(t)
	c.Metrics = Metrics{Access: MetricsToken, Listen: "127.0.0.1:0", WebConfigFile: filepath.Join("testdata", "web.yml")}
	col := start(t, c, Options{})
	at := "http://" + col.scraped + "/"
	if status, _ := scrape(t, at+"metrics", "", ""); status != http.StatusUnauthorized {
		t.Errorf("without a password: status %d", status)
	}
	if status, body := scrape(t, at+"metrics", "", "prometheus"); status != http.StatusOK || !strings.Contains(body, "rollcall_build_info") {
		t.Errorf("with the password: status %d\n%.300s", status, body)
	}
	if status, _ := scrape(t, at, "", "prometheus"); status != http.StatusNotFound {
		t.Errorf("another page: status %d", status)
	}
	if status, _ := scrape(t, col.URL()+"metrics", "", "prometheus"); status != http.StatusUnauthorized {
		t.Errorf("the password on the other address: status %d", status)
	}
}

func TestMetricsOpen(t *testing.T) {
	for _, tt := range []struct {
		listen, access string
		hosts          []string
		open           bool
	}{
		{"127.0.0.1:8480", MetricsAuto, nil, true},
		{"[::1]:8480", MetricsAuto, nil, true},
		{"127.0.0.1:8480", MetricsAuto, []string{"rollcall.example.org"}, false},
		{"0.0.0.0:8480", MetricsAuto, nil, false},
		{"rollcall.example.org:8480", MetricsAuto, nil, false},
		{"0.0.0.0:8480", MetricsOpen, nil, true},
		{"127.0.0.1:8480", MetricsOpen, []string{"rollcall.example.org"}, true},
		{"127.0.0.1:8480", MetricsToken, nil, false},
	} {
		c := Config{Listen: tt.listen, Hosts: tt.hosts, Metrics: Metrics{Access: tt.access}}
		if c.metricsOpen() != tt.open {
			t.Errorf("%+v: open is %v", tt, !tt.open)
		}
	}
}
