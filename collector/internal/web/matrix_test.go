package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/collector/internal/web"
	"rollcall/pkg/peer"
)

// guarded is a site where people log in.
func newGuarded(t testing.TB) *site { return newGuardedOn(t, store.Database{}) }

func newGuardedOn(t testing.TB, database store.Database) *site {
	t.Helper()
	s := newSiteOn(t, database)
	s.registry = prometheus.NewRegistry()
	s.handler = s.replicas(web.Options{Metrics: web.NewMetrics(s.registry)})
	return s
}

// account makes one and logs it in; the cookie is its session's.
func (s *site) account(name string, grants login.Grants) (store.Account, *http.Cookie) {
	s.t.Helper()
	a, err := s.CreateAccount(context.Background(), name, grants)
	s.must(err)
	return a, s.session(a)
}

func (s *site) session(a store.Account) *http.Cookie {
	s.t.Helper()
	secret, err := s.BeginSession(context.Background(), store.Begin{Account: a.ID, Way: "password", Address: "192.0.2.1", Life: 14 * 24 * time.Hour})
	s.must(err)
	return &http.Cookie{Name: "rollcall_session", Value: secret}
}

func (s *site) token(account string, scope login.Scope, org string) string {
	s.t.Helper()
	_, secret, err := s.CreateAPIToken(context.Background(), store.APIToken{Name: "a token", Account: account, Scope: scope, Organization: org}, time.Hour)
	s.must(err)
	return secret
}

// A caller is one who asks: by a cookie, a token or neither.
type caller struct {
	name   string
	cookie *http.Cookie
	token  string
	grants login.Grants // what they may; nil for nobody
	isUser bool         // by a session
	scrape bool         // by a token that is for metrics
}

// The organizations of the matrix.
const (
	ownOrg   = "riverside-food-bank"
	otherOrg = "hill-school"
)

// world makes two organizations with everything in both, and callers of each
// kind, who belong to the first one.
func (s *site) callers() []caller {
	s.t.Helper()
	ctx := context.Background()
	var all []caller
	user := func(name string, grants login.Grants) store.Account {
		a, cookie := s.account(name, grants)
		all = append(all, caller{name: name, cookie: cookie, grants: grants, isUser: true})
		return a
	}
	own := user("own-viewer", login.Grants{ownOrg: login.Viewer})
	editor := user("own-editor", login.Grants{ownOrg: login.Editor})
	user("own-admin", login.Grants{ownOrg: login.Admin})
	user("other-admin", login.Grants{otherOrg: login.Admin})
	user("mixed", login.Grants{ownOrg: login.Viewer, otherOrg: login.Editor})
	everywhere := user("all-viewer", login.Grants{"": login.Viewer})
	user("all-editor", login.Grants{"": login.Editor})
	admin := user("all-admin", login.Grants{"": login.Admin})
	user("no-role", login.Grants{})

	token := func(name string, a store.Account, scope login.Scope, org string, grants login.Grants) {
		all = append(all, caller{name: name, token: s.token(a.ID, scope, org), grants: grants, scrape: scope == login.ScopeMetrics})
	}
	token("token-read", admin, login.ScopeRead, ownOrg, login.Grants{ownOrg: login.Viewer})
	token("token-write", admin, login.ScopeWrite, ownOrg, login.Grants{ownOrg: login.Editor})
	token("token-write-of-viewer", own, login.ScopeWrite, "", login.Grants{ownOrg: login.Viewer})
	token("token-of-other", own, login.ScopeWrite, otherOrg, login.Grants{})
	token("token-read-all", everywhere, login.ScopeRead, "", login.Grants{"": login.Viewer})
	token("token-metrics", admin, login.ScopeMetrics, "", login.Grants{"": login.Viewer})

	// Those who were somebody.
	gone := func(name string, end func(store.Account, *http.Cookie)) {
		a, cookie := s.account(name, login.Grants{"": login.Admin})
		end(a, cookie)
		all = append(all, caller{name: name, cookie: cookie})
	}
	gone("session-ended", func(a store.Account, c *http.Cookie) { s.must(s.EndSession(ctx, a.ID, login.HashSecret(c.Value))) })
	gone("account-disabled", func(a store.Account, _ *http.Cookie) { s.must(s.SetDisabled(ctx, a.ID, true)) })
	gone("account-deleted", func(a store.Account, _ *http.Cookie) { s.must(s.DeleteAccount(ctx, a.ID)) })
	revoked := s.token(editor.ID, login.ScopeWrite, "")
	tokens, err := s.APITokens(ctx, editor.ID)
	s.must(err)
	for _, x := range tokens {
		s.must(s.RevokeAPIToken(ctx, editor.ID, x.ID))
	}
	a, _ := s.account("token-of-disabled", login.Grants{"": login.Admin})
	ofDisabled := s.token(a.ID, login.ScopeRead, "")
	s.must(s.SetDisabled(ctx, a.ID, true))
	// Both of these are of an hour, and of two hours ago.
	s.ms.Add(-2 * time.Hour.Milliseconds())
	expired := s.token(admin.ID, login.ScopeWrite, "")
	over, err := s.BeginSession(ctx, store.Begin{Account: admin.ID, Way: "password", Address: "192.0.2.1", Life: time.Hour})
	s.must(err)
	s.ms.Add(2 * time.Hour.Milliseconds())
	return append(
		all, caller{name: "token-over", token: expired}, caller{name: "session-over", cookie: &http.Cookie{Name: "rollcall_session", Value: over}},
		caller{name: "nobody"}, caller{name: "token-revoked", token: revoked}, caller{name: "token-of-disabled", token: ofDisabled},
		caller{name: "token-made-up", token: "rct_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, caller{name: "agent-token", token: "rca_AAAA"},
		caller{name: "cookie-made-up", cookie: &http.Cookie{Name: "rollcall_session", Value: strings.Repeat("A", 43)}},
	)
}

// A cell is a way to ask a route about an organization: "" for none in
// particular.
type cell struct {
	target string
	org    string
	form   url.Values
	role   login.Role // needed in that organization, or in all of them for ""; "" for none beyond the route's
}

// noOrg is an organization that is not there.
const noOrg = "no-such-organization"

// cells are the ways to ask a route; nil for one that is not known here.
func (s *site) cells(pattern string) []cell {
	s.t.Helper()
	method, path, _ := strings.Cut(pattern, " ")
	_, action, isAction := strings.Cut(path, "/do/")
	perOrg := func(target string, role login.Role, more url.Values) (all []cell) {
		for _, org := range []string{ownOrg, otherOrg, noOrg} {
			q := url.Values{"organization": {org}}
			maps.Copy(q, more)
			if method == http.MethodGet {
				all = append(all, cell{target: target + "?" + q.Encode(), org: org, role: role})
			} else {
				all = append(all, cell{target: target, org: org, form: q, role: role})
			}
		}
		return all
	}
	anyOrg := func(target string) []cell { return append(perOrg(target, "", nil), cell{target: target}) }
	switch path {
	case "/{$}":
		return anyOrg("/")
	case "/findings", "/api/v1/findings", "/api/v1/units", "/api/v1/sd/nodes", "/api/v1/nodes.csv", "/api/v1/nodes.ansible.json", "/api/v1/nodes.netbox.csv":
		return anyOrg(path)
	case "/records", "/documents", "/api/v1/records":
		return perOrg(path, "", nil)
	case "/organizations", "/api/v1/organizations":
		return []cell{{target: path}}
	case "/findings/{id}", "/findings/{id}/{sheet}", "/api/v1/findings/{id}":
		target := strings.Replace(strings.Replace(path, "{sheet}", "sheet.txt", 1), "{id}", "%d", 1)
		var all []cell
		for _, org := range []string{ownOrg, otherOrg} {
			found, err := s.Findings(context.Background(), org, true)
			s.must(err)
			all = append(all, cell{target: fmt.Sprintf(target, found[len(found)-1].ID), org: org})
		}
		return append(all, cell{target: fmt.Sprintf(target, 99999), org: noOrg})
	case "/unit":
		return perOrg(path, "", url.Values{"serial": {"FCW2345L0AB"}, "pid": {"C9300-48P"}})
	case "/imports/{id}":
		return perOrg("/imports/1", "", nil)
	case "/documents/{file}":
		return perOrg("/documents/units.csv", "", nil)
	case "/help/{$}", "/login", "/login/provider", web.ProviderPath, "/setup", "/account", "/logout", "/people":
		return []cell{{target: strings.TrimSuffix(path, "{$}"), form: url.Values{}}}
	case "/help/{name}":
		return []cell{{target: "/help/none"}}
	case "/static/{name}":
		return []cell{{target: "/static/style.css"}}
	case "/import", "/api/v1/imports":
		return perOrg(path, login.Editor, nil)
	case "/audit":
		return perOrg(path, login.Admin, nil)
	}
	switch {
	case !isAction:
		return nil
	case slices.Contains([]string{"change_password", "end_session", "end_other_sessions", "create_token", "revoke_token"}, action):
		return []cell{{target: path, form: url.Values{}}}
	case slices.Contains([]string{"create_account", "set_role"}, action):
		return append(perOrg(path, login.Admin, nil), cell{target: path, form: url.Values{}, role: login.Admin})
	case slices.Contains([]string{"reset_password", "disable_account", "enable_account", "delete_account"}, action):
		var all []cell
		for _, org := range []string{ownOrg, otherOrg} {
			a, err := s.CreateAccount(context.Background(), "of-"+org+"-"+action, login.Grants{org: login.Viewer})
			s.must(err)
			all = append(all, cell{target: path, org: org, form: url.Values{"account": {a.ID}}, role: login.Admin})
		}
		return append(all, cell{target: path, org: noOrg, form: url.Values{"account": {"no such account"}}, role: login.Admin})
	}
	return perOrg(path, login.Editor, nil)
}

// ask is one request of the matrix.
func (s *site) ask(c caller, pattern string, x cell) *httptest.ResponseRecorder {
	s.t.Helper()
	method, _, _ := strings.Cut(pattern, " ")
	var r *http.Request
	switch {
	case method == http.MethodGet:
		r = httptest.NewRequest(method, x.target, nil)
	case x.target == "/import":
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		s.must(form.WriteField("organization", x.form.Get("organization")))
		file, err := form.CreateFormFile("file", "contract.csv")
		s.must(err)
		_, err = file.Write([]byte("no contract"))
		s.must(errors.Join(err, form.Close()))
		r = httptest.NewRequest(method, x.target, &body)
		r.Header.Set("Content-Type", form.FormDataContentType())
	case x.target == "/api/v1/imports":
		r = httptest.NewRequest(method, x.target+"?"+x.form.Encode(), strings.NewReader("no contract"))
	case strings.HasPrefix(x.target, "/api/"):
		var fields []string
		for name, v := range x.form {
			fields = append(fields, fmt.Sprintf("%q:%q", name, v[0]))
		}
		r = httptest.NewRequest(method, x.target, strings.NewReader("{"+strings.Join(fields, ",")+"}"))
		r.Header.Set("Content-Type", "application/json")
	default:
		r = httptest.NewRequest(method, x.target, strings.NewReader(x.form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.cookie != nil {
		r.AddCookie(c.cookie)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	return s.do(r)
}

// TestMatrix asks every route as everybody about their own organization, another
// one, one that is not there, and all. Exactly the allowed cells answer; the
// others give 401, 403 or 404, and what is of others is answered to the letter
// as what does not exist.
func TestMatrix(t *testing.T) {
	if cells := matrix(t, newGuarded(t), nil); cells < 2000 {
		t.Errorf("%d cells: the matrix lost most of its routes", cells)
	}
}

// TestMatrixPostgres is the matrix of those who tell one organization from
// another, where the database itself keeps them apart.
func TestMatrixPostgres(t *testing.T) {
	p := peer.NeedPostgres(t, "15", false)
	name, err := p.CreateDatabase("")
	if err != nil {
		t.Fatal(err)
	}
	s := newGuardedOn(t, store.Database{DSN: p.DSN(peer.AppRole, name), OwnerDSN: p.DSN(peer.OwnerRole, name)})
	some := []string{"own-viewer", "own-editor", "other-admin", "session-ended"}
	if cells := matrix(t, s, some); cells < 600 {
		t.Errorf("%d cells: the matrix lost most of its routes", cells)
	}
}

// matrix asks as some callers, or as all for nil, and returns the number of cells.
func matrix(t *testing.T, s *site, some []string) (cells int) {
	t.Helper()
	s.foodBank()
	s.school()
	s.result(otherOrg, reconcile.Result{Findings: []reconcile.Finding{{
		Key: "weak", Kind: reconcile.WeakAccess, Severity: reconcile.Info, Subject: "sw1 (Main)", Site: "Main", Node: "sw1",
		Evidence: []string{"SNMPv2c"}, NextStep: reconcile.NextStep{Title: "Move", Steps: []string{"Move"}},
	}}})
	callers := slices.DeleteFunc(s.callers(), func(c caller) bool { return some != nil && !slices.Contains(some, c.name) })
	seen := map[string]bool{}
	routes := web.RoutesForTest()
	// Last of all, for it ends the sessions.
	last := slices.IndexFunc(routes, func(rt web.RouteForTest) bool { return rt.Pattern == "POST /logout" })
	routes = append(append(slices.Clone(routes[:last]), routes[last+1:]...), routes[last])
	for _, rt := range routes {
		seen[rt.Pattern] = true
		asks := s.cells(rt.Pattern)
		if asks == nil {
			t.Errorf("%s: the matrix does not know this route: say in cells how it is asked", rt.Pattern)
			continue
		}
		for _, c := range callers {
			missing := "" // the answer about what does not exist
			for _, x := range slices.Backward(asks) {
				cells++
				got := s.ask(c, rt.Pattern, x)
				text := findingNumber.ReplaceAllString(got.Body.String(), "/findings/N")
				if x.org != "" {
					text = strings.ReplaceAll(text, x.org, "ORG")
				}
				if x.org == noOrg {
					missing = text
				} else if x.org != "" && got.Code == http.StatusNotFound && c.grants.In(x.org) == "" && missing != "" && text != missing {
					t.Errorf("%s as %s: what is of %q is told from what does not exist:\n%s\n%s", rt.Pattern, c.name, x.org, text, missing)
				}
				if want := allowed(rt, c, x); !fits(got, want) {
					t.Errorf("%s as %s of %q: %d, want %s\n%.300s", rt.Pattern, c.name, x.org, got.Code, want, got.Body)
				}
				if c.grants == nil && !rt.Open {
					for _, secret := range []string{"FDO2201A1BC", "Riverside", "JAE24990K01", "Hill School"} {
						if strings.Contains(got.Body.String(), secret) {
							t.Errorf("%s as %s shows %s", rt.Pattern, c.name, secret)
						}
					}
				}
				if c.grants != nil && c.grants.In(otherOrg) == "" && strings.Contains(got.Body.String(), "Hill School") {
					t.Errorf("%s as %s of %q shows the name of another organization", rt.Pattern, c.name, x.org)
				}
			}
		}
	}
	t.Logf("%d routes, %d callers, %d cells", len(seen), len(callers), cells)
	if strings.Contains(s.log.String(), "request failed") {
		t.Errorf("the collector logged failures: %.2000s", s.log.String())
	}
	return cells
}

var findingNumber = regexp.MustCompile(`/findings/[0-9]+`)

// What the matrix wants of a cell.
const (
	anything  = "anything but a failure"
	answers   = "an answer"       // whatever it is, the asker was let in: 2xx, or what a wrong field gives
	nobody401 = "401"             //
	toLogin   = "303 to /login"   //
	small403  = "403"             //
	gone404   = "404 as not here" //
)

func allowed(rt web.RouteForTest, c caller, x cell) string {
	switch {
	case rt.Open:
		return anything
	case c.grants == nil:
		if strings.HasPrefix(rt.Pattern, "GET ") && !strings.HasPrefix(rt.Pattern, "GET /api/") && c.token == "" {
			return toLogin
		}
		return nobody401
	case c.scrape:
		return small403
	case rt.Account && !c.isUser:
		return small403
	case rt.Role == "":
		return answers
	case !c.grants.Anywhere(rt.Role):
		return small403
	case x.org == noOrg || c.grants.In(x.org) == "" && x.org != "":
		return gone404
	case x.role != "" && !c.grants.In(x.org).Covers(x.role):
		return small403
	}
	return answers
}

func fits(got *httptest.ResponseRecorder, want string) bool {
	switch want {
	case anything:
		return got.Code < 500
	case answers:
		return got.Code != http.StatusUnauthorized && got.Code != http.StatusForbidden && got.Code < 500
	case nobody401:
		return got.Code == http.StatusUnauthorized
	case toLogin:
		return got.Code == http.StatusSeeOther && strings.HasPrefix(got.Header().Get("Location"), "/login?next=")
	case small403:
		return got.Code == http.StatusForbidden
	case gone404:
		return got.Code == http.StatusNotFound
	}
	return false
}
