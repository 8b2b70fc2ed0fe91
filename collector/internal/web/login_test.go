package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
	"rollcall/collector/internal/web"
)

const goodPassword = "three switches and no time"

// A visitor is a browser with its cookies, as far as the handler sees.
type visitor struct {
	s       *site
	cookies map[string]string
	tls     bool // as limit.Addresses hands on what came by TLS
	address string
}

func (s *site) visitor() *visitor {
	return &visitor{s: s, cookies: map[string]string{}, address: "192.0.2.50:1234"}
}

func (v *visitor) do(method, target string, form url.Values) *httptest.ResponseRecorder {
	v.s.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	r.RemoteAddr = v.address
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if v.tls {
		r.URL.Scheme = "https"
	}
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	answer := v.s.do(r)
	for _, c := range answer.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		} else {
			v.cookies[c.Name] = c.Value
		}
	}
	return answer
}

func (v *visitor) logIn(name, password string) *httptest.ResponseRecorder {
	v.s.t.Helper()
	return v.do(http.MethodPost, "/login", url.Values{"name": {name}, "password": {password}, "next": {"/findings?q=ab"}})
}

// withPassword makes an account with the good password.
func (s *site) withPassword(name string, grants login.Grants) store.Account {
	s.t.Helper()
	a, err := s.CreateAccount(context.Background(), name, grants)
	s.must(err)
	hash, err := login.NewHasher().Hash(context.Background(), goodPassword)
	s.must(err)
	s.must(s.SetPassword(context.Background(), a.ID, hash, ""))
	return a
}

// TestFirstAccount: only who has the link makes it, once, and is then logged in.
func TestFirstAccount(t *testing.T) {
	s := newGuarded(t)
	v := s.visitor()
	if got := v.do(http.MethodGet, "/login", nil); !strings.Contains(got.Body.String(), "user link") {
		t.Errorf("without an account the login does not say what to do:\n%s", got.Body)
	}
	for _, code := range []string{"", "guess", strings.Repeat("A", 43)} {
		if got := v.do(http.MethodPost, "/setup", url.Values{"code": {code}, "name": {"thief"}, "password": {goodPassword}, "again": {goodPassword}}); got.Code != http.StatusNotFound {
			t.Errorf("code %q: status %d", code, got.Code)
		}
	}
	code, err := s.NewSetupCode(context.Background(), "", time.Hour)
	s.must(err)
	if got := v.do(http.MethodGet, "/setup?code="+code, nil); got.Code != http.StatusOK || got.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("the link: status %d, %v", got.Code, got.Header())
	}
	for _, wrong := range []url.Values{
		{"name": {"admin"}, "password": {"short"}, "again": {"short"}},
		{"name": {"admin"}, "password": {goodPassword}, "again": {"another"}},
		{"name": {"two words"}, "password": {goodPassword}, "again": {goodPassword}},
		{"name": {""}, "password": {goodPassword}, "again": {goodPassword}},
		{"name": {"admin"}, "password": {"passwordpassword"}, "again": {"passwordpassword"}},
	} {
		wrong.Set("code", code)
		if got := v.do(http.MethodPost, "/setup", wrong); got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), code) {
			t.Errorf("%v: status %d, want the form again", wrong, got.Code)
		}
	}
	form := url.Values{"code": {code}, "name": {"Admin@Example.org"}, "password": {goodPassword}, "again": {goodPassword}}
	if got := v.do(http.MethodPost, "/setup", form); got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/" {
		t.Fatalf("status %d\n%s", got.Code, got.Body)
	}
	if got := v.do(http.MethodGet, "/", nil); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "admin@example.org") {
		t.Errorf("after it: status %d", got.Code)
	}
	if got := s.visitor().do(http.MethodPost, "/setup", form); got.Code != http.StatusNotFound {
		t.Errorf("the link again: status %d", got.Code)
	}
	if got := s.visitor().logIn(" ADMIN@example.org", goodPassword); got.Code != http.StatusSeeOther {
		t.Errorf("logging in with it: status %d", got.Code)
	}
}

var typedName = regexp.MustCompile(`name="name" value="[^"]*"`)

// TestLogin: the cookie, where it leads, and that nothing tells whether an
// account is there.
func TestLogin(t *testing.T) {
	s := newGuarded(t)
	s.school()
	s.withPassword("admin", login.Grants{"": login.Admin})
	off := s.withPassword("off", login.Grants{"": login.Admin})
	s.must(s.SetDisabled(context.Background(), off.ID, true))
	_, err := s.CreateAccount(context.Background(), "new", login.Grants{"": login.Admin})
	s.must(err)

	page := func(name, password string) string {
		got := s.visitor().logIn(name, password)
		if got.Code != http.StatusUnauthorized || len(got.Result().Cookies()) > 0 {
			t.Errorf("%q: status %d, cookies %v", name, got.Code, got.Result().Cookies())
		}
		return typedName.ReplaceAllString(got.Body.String(), `name="name"`)
	}
	wrong := page("admin", "wrong password")
	for _, name := range []string{"nobody", "off", "new", "' OR 1=1 --", "admin\x00'"} {
		if got := page(name, goodPassword); got != wrong {
			t.Errorf("%q is told from an account that is there:\n%s", name, got)
		}
	}
	v := s.visitor()
	got := v.logIn("Admin", goodPassword)
	if got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/findings?q=ab" {
		t.Fatalf("status %d to %q", got.Code, got.Header().Get("Location"))
	}
	for _, c := range got.Result().Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.Secure || strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("cookie over plain HTTP: %v", c)
		}
	}
	proxied := s.visitor()
	proxied.tls = true
	for _, c := range proxied.logIn("admin", goodPassword).Result().Cookies() {
		if !c.HttpOnly || !c.Secure || !strings.HasPrefix(c.Name, "__Host-") || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie over HTTPS: %v", c)
		}
	}
	// The cookie of plain HTTP, which a neighbour on the name could set, is not
	// taken over HTTPS.
	tossed := s.visitor()
	tossed.tls, tossed.cookies = true, map[string]string{"rollcall_session": v.cookies["rollcall_session"]}
	if got := tossed.do(http.MethodGet, "/account", nil); got.Code != http.StatusSeeOther {
		t.Errorf("a cookie without its prefix over HTTPS: status %d", got.Code)
	}
	if got := v.do(http.MethodGet, "/login?next=/records", nil); got.Header().Get("Location") != "/records" {
		t.Errorf("the login of who is logged in leads to %q", got.Header().Get("Location"))
	}
}

// TestSessionFixation: whatever session a browser has before, it has one of its
// own after the login, and the one before has ended.
func TestSessionFixation(t *testing.T) {
	s := newGuarded(t)
	s.school()
	s.withPassword("victim", login.Grants{"": login.Viewer})
	s.withPassword("thief", login.Grants{"": login.Viewer})
	thief, victim := s.visitor(), s.visitor()
	thief.logIn("thief", goodPassword)
	planted := thief.cookies["rollcall_session"]
	for _, old := range []string{planted, "chosen-by-the-thief"} {
		victim.cookies["rollcall_session"] = old
		victim.logIn("victim", goodPassword)
		if victim.cookies["rollcall_session"] == old {
			t.Errorf("the session %q was kept", old)
		}
		if got := victim.do(http.MethodGet, "/account", nil); !strings.Contains(got.Body.String(), "Your account: <bdi>victim") {
			t.Errorf("after the login it is not the victim's account:\n%.500s", got.Body)
		}
	}
	if got := thief.do(http.MethodGet, "/account", nil); got.Code != http.StatusSeeOther {
		t.Errorf("the planted session goes on: status %d", got.Code)
	}
}

// TestLogout ends the session at the server, not only in the browser.
func TestLogout(t *testing.T) {
	s := newGuarded(t)
	s.school()
	s.withPassword("someone", login.Grants{"": login.Viewer})
	v, kept := s.visitor(), s.visitor()
	v.logIn("someone", goodPassword)
	kept.cookies["rollcall_session"] = v.cookies["rollcall_session"]
	if got := v.do(http.MethodPost, "/logout", url.Values{}); got.Code != http.StatusSeeOther || v.cookies["rollcall_session"] != "" {
		t.Errorf("status %d, cookies %v", got.Code, v.cookies)
	}
	if got := kept.do(http.MethodGet, "/", nil); got.Code != http.StatusSeeOther || !strings.HasPrefix(got.Header().Get("Location"), "/login") {
		t.Errorf("a copy of the cookie: status %d to %q", got.Code, got.Header().Get("Location"))
	}
}

// TestLoginLimit: too many tries are told so, alike for an account that is there
// and one that is not, and whoever was logged in before gets in all the same.
func TestLoginLimit(t *testing.T) {
	s := newGuarded(t)
	s.school()
	s.withPassword("admin", login.Grants{"": login.Admin})
	owner := s.visitor()
	owner.logIn("admin", goodPassword)
	owner.do(http.MethodPost, "/logout", url.Values{})
	for _, name := range []string{"admin", "nobody"} {
		thief := s.visitor()
		for n := 1; n <= 12; n++ {
			want := http.StatusUnauthorized
			if n > 10 {
				want = http.StatusTooManyRequests
			}
			thief.address = "198.51.100." + string(rune('0'+n%10)) + ":1"
			got := thief.logIn(name, "wrong password")
			if got.Code != want || n > 10 && got.Header().Get("Retry-After") != "901" {
				t.Fatalf("%s, try %d: status %d, Retry-After %q, want %d", name, n, got.Code, got.Header().Get("Retry-After"), want)
			}
		}
		if got := thief.logIn(name, goodPassword); got.Code != http.StatusTooManyRequests {
			t.Errorf("%s, at last the right password: status %d", name, got.Code)
		}
	}
	if err := testutil.GatherAndCompare(s.registry, strings.NewReader(`
# HELP rollcall_page_failures_total Requests of people and programs that were refused or failed, by HTTP status of the answer.
# TYPE rollcall_page_failures_total counter
rollcall_page_failures_total{code="401"} 20
rollcall_page_failures_total{code="403"} 0
rollcall_page_failures_total{code="429"} 6
rollcall_page_failures_total{code="503"} 0
`), "rollcall_page_failures_total"); err != nil {
		t.Error(err)
	}
	if got := owner.logIn("admin", goodPassword); got.Code != http.StatusSeeOther {
		t.Errorf("the admin cannot log in where they did before: status %d", got.Code)
	}
	s.ms.Add((15 * time.Minute).Milliseconds())
	if got := s.visitor().logIn("admin", goodPassword); got.Code != http.StatusSeeOther {
		t.Errorf("after a quarter of an hour: status %d", got.Code)
	}
}

// TestPassword: a new one needs the old one and ends the other sessions.
func TestPassword(t *testing.T) {
	s := newGuarded(t)
	s.school()
	s.withPassword("someone", login.Grants{"": login.Viewer})
	here, there := s.visitor(), s.visitor()
	here.logIn("someone", goodPassword)
	there.logIn("someone", goodPassword)
	const next = "four switches and a router"
	change := func(old, new, again string) int {
		return here.do(http.MethodPost, "/do/change_password", url.Values{"password": {old}, "new": {new}, "again": {again}}).Code
	}
	if got := change("not it at all", next, next); got != http.StatusBadRequest {
		t.Errorf("with a wrong old one: status %d", got)
	}
	if got := change(goodPassword, "someone2026!!", "someone2026!!"); got != http.StatusBadRequest {
		t.Errorf("with one made of the name: status %d", got)
	}
	if got := change(goodPassword, next, next); got != http.StatusSeeOther {
		t.Errorf("status %d", got)
	}
	if got := here.do(http.MethodGet, "/account", nil); got.Code != http.StatusOK {
		t.Errorf("here: status %d", got.Code)
	}
	if got := there.do(http.MethodGet, "/account", nil); got.Code != http.StatusSeeOther {
		t.Errorf("there: status %d", got.Code)
	}
	if got := s.visitor().logIn("someone", goodPassword); got.Code != http.StatusUnauthorized {
		t.Errorf("the old password: status %d", got.Code)
	}
}

var oneLink = regexp.MustCompile(`http://[^<]*/setup\?code=([A-Za-z0-9_-]+)`)

// TestPeople: an admin of an organization makes accounts there, and has no way to
// what is of others.
func TestPeople(t *testing.T) {
	s := newGuarded(t)
	s.school()
	s.foodBank()
	_, cookie := s.account("head", login.Grants{otherOrg: login.Admin})
	s.account("root", login.Grants{"": login.Admin})
	both, _ := s.account("both", login.Grants{otherOrg: login.Viewer, ownOrg: login.Viewer})
	hers, _ := s.account("hers", login.Grants{ownOrg: login.Viewer})
	v := s.visitor()
	v.cookies[cookie.Name] = cookie.Value
	post := func(action string, form url.Values) *httptest.ResponseRecorder {
		return v.do(http.MethodPost, "/do/"+action, form)
	}
	list := v.do(http.MethodGet, "/people", nil).Body.String()
	if !strings.Contains(list, "<bdi>both</bdi>") || strings.Contains(list, "hers") || strings.Contains(list, "root") || strings.Contains(list, "Riverside") {
		t.Errorf("the list of people is not of this organization alone:\n%s", list)
	}
	made := post("create_account", url.Values{"name": {"teacher"}, "organization": {otherOrg}, "role": {"editor"}})
	link := oneLink.FindStringSubmatch(made.Body.String())
	if made.Code != http.StatusOK || link == nil || made.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("status %d, no link:\n%s", made.Code, made.Body)
	}
	teacher := s.visitor()
	if got := teacher.do(http.MethodPost, "/setup", url.Values{"code": {link[1]}, "password": {goodPassword}, "again": {goodPassword}, "name": {"root"}}); got.Code != http.StatusSeeOther {
		t.Errorf("the link: status %d\n%s", got.Code, got.Body)
	}
	if got := teacher.do(http.MethodGet, "/account", nil).Body.String(); !strings.Contains(got, "Your account: <bdi>teacher") {
		t.Errorf("whose account is it?\n%s", got)
	}
	for _, tt := range []struct {
		name, action string
		form         url.Values
		want         int
	}{
		{"a name that is taken elsewhere", "create_account", url.Values{"name": {"hers"}, "organization": {otherOrg}, "role": {"viewer"}}, http.StatusConflict},
		{"elsewhere", "create_account", url.Values{"name": {"x"}, "organization": {ownOrg}, "role": {"viewer"}}, http.StatusNotFound},
		{"everywhere", "create_account", url.Values{"name": {"x"}, "role": {"viewer"}}, http.StatusForbidden},
		{"no such role", "create_account", url.Values{"name": {"x"}, "organization": {otherOrg}, "role": {"owner"}}, http.StatusBadRequest},
		{"a password of who is elsewhere too", "reset_password", url.Values{"account": {both.ID}}, http.StatusForbidden},
		{"disabling who is elsewhere too", "disable_account", url.Values{"account": {both.ID}}, http.StatusForbidden},
		{"deleting who is elsewhere too", "delete_account", url.Values{"account": {both.ID}}, http.StatusForbidden},
		{"a password of who is elsewhere alone", "reset_password", url.Values{"account": {hers.ID}}, http.StatusNotFound},
		{"a role for who is elsewhere alone", "set_role", url.Values{"account": {hers.ID}, "organization": {otherOrg}, "role": {"viewer"}}, http.StatusNotFound},
		{"a role elsewhere", "set_role", url.Values{"account": {both.ID}, "organization": {ownOrg}, "role": {"admin"}}, http.StatusNotFound},
		{"a role everywhere", "set_role", url.Values{"account": {both.ID}, "role": {"admin"}}, http.StatusForbidden},
		{"a field that is not there", "set_role", url.Values{"account": {both.ID}, "organization": {otherOrg}, "role": {"admin"}, "grants": {"all"}}, http.StatusBadRequest},
		{"a role here", "set_role", url.Values{"account": {both.ID}, "organization": {otherOrg}, "role": {"editor"}}, http.StatusSeeOther},
		{"no role here", "set_role", url.Values{"account": {both.ID}, "organization": {otherOrg}, "role": {""}}, http.StatusSeeOther},
		{"who is here no more", "set_role", url.Values{"account": {both.ID}, "organization": {otherOrg}, "role": {"viewer"}}, http.StatusNotFound},
	} {
		if got := post(tt.action, tt.form); got.Code != tt.want {
			t.Errorf("%s: status %d, want %d\n%.600s", tt.name, got.Code, tt.want, got.Body)
		}
	}
	a, err := s.AccountByID(context.Background(), hers.ID)
	s.must(err)
	if len(a.Grants) != 1 || a.Grants[ownOrg] != login.Viewer {
		t.Errorf("what is of others was changed: %+v", a)
	}
}

// TestAuthorIsTheAccount: nobody decides in another's name, and viewers have no
// forms for what they may not.
func TestAuthorIsTheAccount(t *testing.T) {
	s := newGuarded(t)
	s.foodBank()
	_, editor := s.account("editor", login.Grants{ownOrg: login.Editor})
	_, viewer := s.account("viewer", login.Grants{ownOrg: login.Viewer})
	v := s.visitor()
	v.cookies[editor.Name] = editor.Value
	if got := v.do(http.MethodPost, "/do/acknowledge", url.Values{"organization": {ownOrg}, "finding": {"3"}, "author": {"the director"}}); got.Code != http.StatusSeeOther {
		t.Fatalf("status %d\n%s", got.Code, got.Body)
	}
	x, err := s.Finding(context.Background(), 3)
	s.must(err)
	if x.AcknowledgedBy != "editor" {
		t.Errorf("acknowledged by %q", x.AcknowledgedBy)
	}
	log, err := s.AuditLog(context.Background(), ownOrg, 0, 1)
	s.must(err)
	if log[0].Action != "finding.acknowledge" || log[0].Actor != "editor" {
		t.Errorf("the audit log says %+v", log[0])
	}
	for name, cookie := range map[string]*http.Cookie{"editor": editor, "viewer": viewer} {
		wants := name == "editor"
		w := s.visitor()
		w.cookies[cookie.Name] = cookie.Value
		for _, path := range []string{"/records", "/findings/3", "/unit?serial=FCW2345L0AB&pid=C9300-48P", "/imports/1"} {
			body := w.do(http.MethodGet, path, nil).Body.String()
			if has := strings.Contains(body, `action="/do/`); has != wants {
				t.Errorf("%s as %s has forms: %v", path, name, has)
			}
			if strings.Contains(body, `name="author"`) {
				t.Errorf("%s as %s asks for a name", path, name)
			}
		}
	}
}

// TestCrossOriginEverywhere: no unsafe route takes a request that another site's page
// made, whoever it is of.
func TestCrossOriginEverywhere(t *testing.T) {
	s := newGuarded(t)
	s.school()
	_, cookie := s.account("admin", login.Grants{"": login.Admin})
	n := 0
	for _, rt := range web.RoutesForTest() {
		method, path, _ := strings.Cut(rt.Pattern, " ")
		if method == http.MethodGet {
			continue
		}
		n++
		for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"} {
			r := httptest.NewRequest(method, path, strings.NewReader(""))
			r.Header.Set(header, value)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.AddCookie(cookie)
			if got := s.do(r); got.Code != http.StatusForbidden || !strings.Contains(got.Body.String(), "another site") {
				t.Errorf("%s with %s: status %d\n%.300s", rt.Pattern, header, got.Code, got.Body)
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d unsafe routes", n)
	}
}

func TestNextStaysHere(t *testing.T) {
	for raw, want := range map[string]string{
		"/": "/", "/findings?organization=a&q=b": "/findings?organization=a&q=b", "/findings/3": "/findings/3",
		"": "/", "findings": "/", "https://elsewhere.example/": "/", "//elsewhere.example": "/", "///elsewhere.example": "/", `/\elsewhere.example`: "/",
		`\\elsewhere.example`: "/", "/\t/elsewhere.example": "/", "\t//elsewhere.example": "/", " //elsewhere.example": "/", "javascript:alert(1)": "/",
		"data:text/html,x": "/", "https:elsewhere.example": "/", "http:///elsewhere.example": "/", "/%0d%0aSet-Cookie:x=1": "/%0d%0aSet-Cookie:x=1",
		"/\r\nSet-Cookie: x=1": "/", "//user@elsewhere.example": "/", "/" + strings.Repeat("a", 3000): "/",
	} {
		if got := web.NextForTest(raw); got != want {
			t.Errorf("%q leads to %q, want %q", raw, got, want)
		}
	}
}

// TestTokenOfThePage: a token that is made there works, never for more than its
// account may, and is shown once.
func TestTokenOfThePage(t *testing.T) {
	s := newGuarded(t)
	s.school()
	s.foodBank()
	_, cookie := s.account("viewer", login.Grants{otherOrg: login.Viewer})
	v := s.visitor()
	v.cookies[cookie.Name] = cookie.Value
	if got := v.do(http.MethodPost, "/do/create_token", url.Values{"name": {"x"}, "scope": {"write"}, "organization": {otherOrg}}); got.Code != http.StatusForbidden {
		t.Errorf("a viewer's token to write: status %d", got.Code)
	}
	if got := v.do(http.MethodPost, "/do/create_token", url.Values{"name": {"x"}, "scope": {"read"}, "organization": {ownOrg}}); got.Code != http.StatusNotFound {
		t.Errorf("a token of another organization: status %d", got.Code)
	}
	got := v.do(http.MethodPost, "/do/create_token", url.Values{"name": {"script"}, "scope": {"read"}, "organization": {""}, "days": {"30"}})
	secret := regexp.MustCompile(`rct_[A-Za-z0-9_-]{43}`).FindString(got.Body.String())
	if got.Code != http.StatusOK || secret == "" || got.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("status %d\n%s", got.Code, got.Body)
	}
	r := httptest.NewRequest(http.MethodGet, "/api/v1/organizations", nil)
	r.Header.Set("Authorization", "Bearer "+secret)
	var list struct{ Organizations []struct{ ID string } }
	s.must(json.Unmarshal(s.do(r).Body.Bytes(), &list))
	if len(list.Organizations) != 1 || list.Organizations[0].ID != otherOrg {
		t.Errorf("the token sees %v", list)
	}
	if page := v.do(http.MethodGet, "/account", nil).Body.String(); strings.Contains(page, secret) || !strings.Contains(page, "<bdi>script</bdi>") {
		t.Error("the page of the account shows the token, or none")
	}
}
