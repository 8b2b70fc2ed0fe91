package web_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/text/language"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/web"
)

// users are those of the provider.
type users map[string]*storage.User

func (u users) GetUserByID(id string) *storage.User { return u[id] }
func (u users) GetUserByUsername(name string) *storage.User {
	for _, x := range u {
		if x.Username == name {
			return x
		}
	}
	return nil
}
func (users) ExampleClientID() string { return "none" }

// An oidcSite is a site with a real provider of OpenID Connect beside it, that
// of zitadel/oidc, both over HTTP on loopback.
type oidcSite struct {
	*site

	users    users
	provider *httptest.Server
	here     *httptest.Server
}

func newOIDCSite(t *testing.T) *oidcSite {
	t.Helper()
	s := &oidcSite{site: newSite(t), users: users{}}
	user := func(id, email string, verified bool) {
		s.users[id] = &storage.User{ID: id, Username: id, Password: "verysecure", Email: email, EmailVerified: verified, PreferredLanguage: language.English}
	}
	user("teacher", "Teacher@Example.org", true)
	user("unverified", "unverified@example.org", false)
	user("stranger", "stranger@example.org", true)
	user("nomail", "", true)

	var providerHandler http.Handler
	s.provider = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { providerHandler.ServeHTTP(w, r) }))
	t.Cleanup(s.provider.Close)
	s.here = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }))
	t.Cleanup(s.here.Close)
	back := s.here.URL + web.ProviderPath
	storage.RegisterClients(storage.WebClient("rollcall-"+s.here.URL, "client secret", back))
	providerHandler = exampleop.SetupServer(s.provider.URL, storage.NewStorage(s.users), slog.New(slog.DiscardHandler), false, op.WithAllowInsecure())
	s.handler = s.replicas(web.Options{
		Provider: login.NewProvider(login.ProviderSettings{
			Issuer: s.provider.URL, ClientID: "rollcall-" + s.here.URL, ClientSecret: func() (string, error) { return "client secret", nil }, RedirectURL: back,
		}),
	})
	return s
}

// browser is one with cookies. It stops before the way back to the collector,
// so that tests can look at the answer.
func (s *oidcSite) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	s.must(err)
	return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == web.ProviderPath {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

// An arrival is where a browser ended up.
type arrival struct {
	status   int
	at       *url.URL
	location string // where it was led, but did not go
	body     string
}

func (s *oidcSite) get(b *http.Client, address string) arrival {
	s.t.Helper()
	res, err := b.Get(address)
	s.must(err)
	defer func() { _ = res.Body.Close() }()
	return s.read(res)
}

func (s *oidcSite) post(b *http.Client, address string, form url.Values) arrival {
	s.t.Helper()
	res, err := b.PostForm(address, form)
	s.must(err)
	defer func() { _ = res.Body.Close() }()
	return s.read(res)
}

func (s *oidcSite) read(res *http.Response) arrival {
	s.t.Helper()
	raw, err := io.ReadAll(res.Body)
	s.must(err)
	return arrival{res.StatusCode, res.Request.URL, res.Header.Get("Location"), string(raw)}
}

var authRequest = regexp.MustCompile(`name="id" value="([^"]+)"`)

// visit logs in at the provider and returns the address of the way back.
func (s *oidcSite) visit(b *http.Client, user, next string) string {
	s.t.Helper()
	form := s.get(b, s.here.URL+"/login/provider?"+url.Values{"next": {next}}.Encode())
	id := authRequest.FindStringSubmatch(form.body)
	if id == nil || !strings.HasPrefix(form.at.String(), s.provider.URL) {
		s.t.Fatalf("no form of the provider at %s:\n%s", form.at, form.body)
	}
	back := s.post(b, s.provider.URL+"/login/username", url.Values{"id": {id[1]}, "username": {user}, "password": {"verysecure"}}).location
	if !strings.HasPrefix(back, s.here.URL+web.ProviderPath+"?") {
		s.t.Fatalf("the provider leads to %q", back)
	}
	return back
}

// TestOIDC logs in by a real provider: who has an account of their verified
// address gets in, and only they, once for each visit.
func TestOIDC(t *testing.T) {
	s := newOIDCSite(t)
	s.school()
	s.account("root", login.Grants{"": login.Admin})
	teacher, _ := s.account("teacher@example.org", login.Grants{otherOrg: login.Viewer})
	s.account("unverified@example.org", login.Grants{"": login.Admin})

	b := s.browser()
	back := s.visit(b, "teacher", "/records")
	res := s.get(b, back)
	if res.status != http.StatusOK || res.at.Path != "/records" {
		t.Fatalf("status %d at %s", res.status, res.at)
	}
	if page := s.get(b, s.here.URL+"/account").body; !strings.Contains(page, "Your account: <bdi>teacher@example.org") {
		t.Errorf("whose account is it?\n%.800s", page)
	}
	refused := func(name string, b *http.Client, address, words string) {
		t.Helper()
		if res := s.get(b, address); res.status != http.StatusUnauthorized || !strings.Contains(res.body, words) {
			t.Errorf("%s: status %d without %q\n%s", name, res.status, words, res.body)
		}
		if res := s.get(b, s.here.URL+"/account"); res.at.Path != "/login" {
			t.Errorf("%s: logged in", name)
		}
	}
	for user, words := range map[string]string{
		"unverified": "does not say that your e-mail address is verified", "nomail": "does not say that your e-mail address is verified",
		"stranger": "there is no account for you here",
	} {
		b := s.browser()
		refused(user, b, s.visit(b, user, "/"), words)
	}

	// An answer belongs to the browser that asked, and counts once.
	thief, victim := s.browser(), s.browser()
	planted := s.visit(thief, "teacher", "/")
	refused("another's answer", victim, planted, "it was not begun in this browser")
	s.visit(victim, "stranger", "/")
	refused("another's answer during a visit", victim, planted, "it was not begun in this browser")
	b = s.browser()
	once := s.visit(b, "teacher", "/")
	if res := s.get(b, once); res.status != http.StatusOK {
		t.Errorf("status %d", res.status)
	}
	refused("the answer again", s.browser(), once, "it was not begun in this browser")

	// PKCE: a code that somebody got hold of is no use in a visit of their own.
	b = s.browser()
	stolen, err := url.Parse(s.visit(s.browser(), "teacher", "/"))
	s.must(err)
	mine, err := url.Parse(s.visit(b, "stranger", "/"))
	s.must(err)
	q := mine.Query()
	q.Set("code", stolen.Query().Get("code"))
	mine.RawQuery = q.Encode()
	refused("a stolen code", b, mine.String(), "does not take the code")

	b = s.browser()
	denied, err := url.Parse(s.visit(b, "teacher", "/"))
	s.must(err)
	q = url.Values{"state": denied.Query()["state"], "error": {"access_denied"}}
	denied.RawQuery = q.Encode()
	refused("a refusal of the provider", b, denied.String(), "access_denied")

	// Elsewhere is nowhere.
	b = s.browser()
	if res := s.get(b, s.visit(b, "teacher", "https://elsewhere.example/")); res.at.String() != s.here.URL+"/" {
		t.Errorf("the login leads to %s", res.at)
	}

	// The account is the subject's from the first time on: another one to whom
	// the provider gives the address does not get it, and the subject keeps it
	// with another address.
	heir := *s.users["teacher"]
	heir.ID, heir.Username = "heir", "heir"
	s.users["heir"] = &heir
	s.users["teacher"].Email = "married@example.org"
	b = s.browser()
	refused("the heir of an address", b, s.visit(b, "heir", "/"), "there is no account for you here")
	b = s.browser()
	if res := s.get(b, s.visit(b, "teacher", "/")); res.status != http.StatusOK || res.at.Path != "/" {
		t.Errorf("with another address: status %d at %s", res.status, res.at)
	}

	s.must(s.SetDisabled(context.Background(), teacher.ID, true))
	b = s.browser()
	refused("a disabled account", b, s.visit(b, "teacher", "/"), "there is no account for you here")
}

// TestOIDCNonce: an ID token of another login is refused.
func TestOIDCNonce(t *testing.T) {
	s := newOIDCSite(t)
	p := login.NewProvider(login.ProviderSettings{
		Issuer: s.provider.URL, ClientID: "rollcall-" + s.here.URL, ClientSecret: func() (string, error) { return "client secret", nil }, RedirectURL: s.here.URL + web.ProviderPath,
	})
	b := s.browser()
	answer := func(change func(*login.Visit, url.Values)) error {
		address, v, err := p.Leave(t.Context(), "/")
		s.must(err)
		for _, want := range []string{"code_challenge_method=S256", "code_challenge=", "nonce=", "state=", "response_type=code"} {
			if !strings.Contains(address, want) {
				t.Errorf("the address lacks %s: %s", want, address)
			}
		}
		if strings.Contains(address, v.Verifier) {
			t.Error("the address has the verifier itself")
		}
		form := s.get(b, address).body
		back, err := url.Parse(s.post(b, s.provider.URL+"/login/username", url.Values{
			"id": {authRequest.FindStringSubmatch(form)[1]}, "username": {"teacher"}, "password": {"verysecure"},
		}).location)
		s.must(err)
		q := back.Query()
		change(&v, q)
		who, err := p.Return(t.Context(), v, q)
		if err == nil && (who.Email != "Teacher@Example.org" || who.Subject != s.provider.URL+" teacher") {
			t.Errorf("identity %+v", who)
		}
		return err
	}
	if err := answer(func(*login.Visit, url.Values) {}); err != nil {
		t.Errorf("as it should be: %v", err)
	}
	for name, change := range map[string]func(*login.Visit, url.Values){
		"another nonce":    func(v *login.Visit, _ url.Values) { v.Nonce = "other" },
		"no nonce":         func(v *login.Visit, _ url.Values) { v.Nonce = "" },
		"another verifier": func(v *login.Visit, _ url.Values) { v.Verifier = strings.Repeat("a", 43) },
		"no state":         func(v *login.Visit, q url.Values) { v.State = ""; q.Del("state") },
		"another state":    func(_ *login.Visit, q url.Values) { q.Set("state", "other") },
		"another issuer":   func(_ *login.Visit, q url.Values) { q.Set("iss", "https://elsewhere.example") },
	} {
		if err := answer(change); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
