package collector

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

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
	if got := testutil.ToFloat64(col.answered.WithLabelValues("401")); got < 4 {
		t.Errorf("%v scrapes without a token that holds are counted, want 4 and more", got)
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

// The address of its own is behind no proxy, whatever names the other one has.
func TestScrapeListenerBesideProxy(t *testing.T) {
	c := testConfig(t)
	c.Login, c.PublicURL, c.Metrics.Listen = LoginRequired, "https://rollcall.example.org", "127.0.0.1:0"
	col := start(t, c, Options{Offer: func(string) {}})
	if status, _ := scrape(t, "http://"+col.scraped+"/metrics", "", ""); status != http.StatusOK {
		t.Errorf("at the address of its own: status %d", status)
	}
	if status, _ := scrape(t, "http://"+col.Addr()+"/metrics", "", ""); status != http.StatusUnauthorized {
		t.Errorf("at the address of all: status %d", status)
	}
}

// By itself /metrics is open to this machine alone: not through a proxy on it,
// whether the settings name that or it says so itself, nor by a name that leads
// here.
func TestMetricsOpen(t *testing.T) {
	const here = "127.0.0.1:8480"
	for _, tt := range []struct {
		name, listen, access string
		hosts                []string
		public               string
		host, header         string // of the request
		open                 bool
	}{
		{"loopback", here, MetricsAuto, nil, "", here, "", true},
		{"loopback, IPv6", "[::1]:8480", MetricsAuto, nil, "", "[::1]:8480", "", true},
		{"loopback by name", here, MetricsAuto, nil, "", "localhost:8480", "", true},
		{"hosts", here, MetricsAuto, []string{"rollcall.example.org"}, "", here, "", false},
		{"public_url", here, MetricsAuto, nil, "https://rollcall.example.org", here, "", false},
		{"public_url of this machine", here, MetricsAuto, nil, "http://localhost:8480", here, "", true},
		{"a proxy that says so", here, MetricsAuto, nil, "", here, "X-Forwarded-For", false},
		{"a proxy that says it as RFC 7239", here, MetricsAuto, nil, "", here, "Forwarded", false},
		{"a proxy that says nothing but the name", here, MetricsAuto, nil, "", "rollcall.example.org", "", false},
		{"a name that was led here", here, MetricsAuto, nil, "", "rebound.example.org:8480", "", false},
		{"all machines", "0.0.0.0:8480", MetricsAuto, nil, "", here, "", false},
		{"a name", "rollcall.example.org:8480", MetricsAuto, nil, "", "rollcall.example.org:8480", "", false},
		{"open", "0.0.0.0:8480", MetricsOpen, nil, "", "rollcall.example.org:8480", "Via", true},
		{"open with hosts", here, MetricsOpen, []string{"rollcall.example.org"}, "https://rollcall.example.org", "rollcall.example.org", "Via", true},
		{"token", here, MetricsToken, nil, "", here, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Config{Listen: tt.listen, Hosts: tt.hosts, PublicURL: tt.public, Metrics: Metrics{Access: tt.access}}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
			r.Host = tt.host
			if tt.header != "" {
				r.Header.Set(tt.header, "for=192.0.2.1")
			}
			if c.metricsOpen(r) != tt.open {
				t.Errorf("open is %v", !tt.open)
			}
		})
	}
}
