package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
)

// loginRoutes are of logging in, and of those who do.
func loginRoutes() []route {
	all := []route{
		{"GET /login", open, (*server).showLogin},
		{"POST /login", open, (*server).logIn},
		{"GET /login/provider", open, (*server).leave},
		{"GET " + ProviderPath, open, (*server).comeBack},
		{"POST /logout", open, (*server).logOut},
		{"GET /setup", open, (*server).showSetup},
		{"POST /setup", open, (*server).setUp},
		{"GET /account", oneself, (*server).showAccount},
		{"GET /people", managing, (*server).showPeople},
		{"GET /audit", managing, (*server).showAudit},
	}
	for _, d := range deeds() {
		all = append(all, route{"POST /do/" + d.name, d.needs, d.form})
	}
	return all
}

// A deed is what somebody does about accounts, by a form of the pages alone: no
// program needs it, and no token may.
type deed struct {
	name   string
	needs  needs
	fields []string
	do     func(s *server, r *http.Request, in said) (any, error)
}

func deeds() []deed {
	return []deed{
		{"change_password", oneself, []string{"password", "new", "again"}, (*server).changePassword},
		{"end_session", oneself, []string{"session"}, (*server).endSession},
		{"end_other_sessions", oneself, nil, (*server).endOtherSessions},
		{"create_token", oneself, []string{"name", "scope", "organization", "days"}, (*server).createToken},
		{"revoke_token", oneself, []string{"token"}, (*server).revokeToken},
		{"create_account", managing, []string{"name", "organization", "role"}, (*server).createAccount},
		{"set_role", managing, []string{"account", "organization", "role"}, (*server).setRole},
		{"reset_password", managing, []string{"account"}, (*server).resetPassword},
		{"disable_account", managing, []string{"account"}, (*server).disableAccount},
		{"enable_account", managing, []string{"account"}, (*server).enableAccount},
		{"delete_account", managing, []string{"account"}, (*server).deleteAccount},
	}
}

func (d deed) form(s *server, r *http.Request) (any, error) {
	in, err := formOf(r)
	if err != nil {
		return nil, err
	}
	for name := range in {
		if !slices.Contains(d.fields, name) {
			return nil, invalid("There is no field %.40q here.", name)
		}
	}
	if d.needs == oneself && s.who.Account == "" {
		return nil, noLogin()
	}
	return d.do(s, r, in)
}

func noLogin() error {
	return notFound("There is no login here: the settings say login: off, so nobody has an account of their own.")
}

// loginPage asks for name and password.
type loginPage struct {
	Name    string
	Next    string
	Problem string
	First   bool // there is no account yet
	Program string
	// Provider is the words for the organization's own login, "" for none.
	Provider, ProviderURL string
}

// program is what is typed on a command line.
const program = "rollcall-collector"

func (s *server) loginPage(r *http.Request, p loginPage, status int, after time.Duration) (any, error) {
	if s.people == nil {
		return nil, noLogin()
	}
	has, err := s.people.HasAccounts(r.Context())
	p.First, p.Program = !has, program
	if s.provider != nil {
		p.Provider, p.ProviderURL = s.providerName, "/login/provider?"+url.Values{"next": {p.Next}}.Encode()
	}
	return page{Template: "login.html", Title: "Log in · Rollcall", Data: p, Status: status, Secret: true, After: after}, err
}

func (s *server) showLogin(r *http.Request) (any, error) {
	to := next(r.URL.Query().Get("next"))
	if s.who.Known() && s.who.Token == "" {
		return seeOther(to), nil
	}
	return s.loginPage(r, loginPage{Next: to}, 0, 0)
}

// wrongLogin tells nobody whether the account is there.
const wrongLogin = "The name or the password is wrong."

func (s *server) logIn(r *http.Request) (any, error) {
	in, err := formOf(r)
	if err != nil {
		return nil, err
	}
	if s.loginOff {
		return nil, noLogin()
	}
	ctx, p := r.Context(), loginPage{Name: in["name"], Next: next(in["next"])}
	if len(p.Name) > maxQueryText {
		return nil, invalid("The name is longer than %d bytes.", maxQueryText)
	}
	try := store.Try{Name: in["name"], Address: s.addressOf(r), Browser: cookieOf(r, cookieBrowser)}
	if err := s.people.BeginTry(ctx, try); err != nil {
		return s.tooMany(r, p, err)
	}
	kept, err := s.people.PasswordHash(ctx, in["name"])
	if err != nil {
		return nil, fmt.Errorf("cannot log in: %w", err)
	}
	right, err := s.verify(ctx, kept, in["password"])
	if err != nil {
		return nil, err
	}
	if !right {
		if err := s.people.EndTry(ctx, try, false, "password"); err != nil {
			return nil, err
		}
		p.Problem = wrongLogin
		return s.loginPage(r, p, http.StatusUnauthorized, 0)
	}
	a, err := s.people.AccountByName(ctx, in["name"])
	if err != nil {
		return nil, err
	}
	if err := s.people.EndTry(ctx, try, true, ""); err != nil {
		return nil, err
	}
	return s.begin(r, a, "password", p.Next)
}

func (s *server) tooMany(r *http.Request, p loginPage, err error) (any, error) {
	var many *store.ErrTooMany
	if !errors.As(err, &many) {
		return nil, err
	}
	wait := many.Again.Sub(s.now())
	p.Problem = fmt.Sprintf("Too many tries failed. Try again in %d minutes; nobody is locked out for longer.", int(wait/time.Minute)+1)
	return s.loginPage(r, p, http.StatusTooManyRequests, wait)
}

// begin makes a session with a secret of its own, whatever the browser had
// before, and leads on.
func (s *server) begin(r *http.Request, a store.Account, way, to string) (any, error) {
	secret, err := s.people.BeginSession(r.Context(), store.Begin{
		Account: a.ID, Way: way, Address: s.addressOf(r), Browser: r.UserAgent(), Life: s.life, Old: sessionCookie(r),
	})
	if err != nil {
		return nil, err
	}
	cookies := []*http.Cookie{newCookie(r, cookieSession, secret, int(s.life.Seconds()))}
	if known, err := s.people.KnowBrowser(r.Context(), a.ID); err == nil {
		cookies = append(cookies, newCookie(r, cookieBrowser, known, int(browserLife.Seconds())))
	} else {
		s.log.WarnContext(r.Context(), "the browser cannot be remembered", "error", err)
	}
	return withCookies{seeOther(to), cookies}, nil
}

// browserLife is how long a browser is known by which somebody logged in. 400
// days are the most that browsers keep a cookie.
const browserLife = 400 * 24 * time.Hour

func (s *server) logOut(r *http.Request) (any, error) {
	if _, err := formOf(r); err != nil {
		return nil, err
	}
	if s.who.Session != "" {
		if err := s.people.EndSession(r.Context(), s.who.Account, s.who.Session); err != nil {
			return nil, err
		}
	}
	return withCookies{seeOther("/login"), []*http.Cookie{newCookie(r, cookieSession, "", -1)}}, nil
}

// setupPage makes the first account, or sets the password of one.
type setupPage struct {
	Code    string
	First   bool
	Name    string
	Problem string
	Least   int // characters of a password
}

// setupEnded is the answer to a link that does not hold.
func setupEnded() error {
	return notFound("This link was used, or has ended. Whoever runs the collector gets a new one for the first account by starting it anew, " +
		"or by the command \"" + program + " user link\"; for another account an admin makes one on the page People.")
}

func (s *server) setupOf(r *http.Request, code string) (setupPage, error) {
	if s.loginOff {
		return setupPage{}, noLogin()
	}
	a, first, err := s.people.SetupCode(r.Context(), code)
	if errors.Is(err, store.ErrNotFound) || len(code) > maxQueryText {
		return setupPage{}, setupEnded()
	}
	return setupPage{Code: code, First: first, Name: a.Name, Least: login.MinPassword}, err
}

func (p setupPage) page(status int) page {
	return page{Template: "setup.html", Title: "Your account · Rollcall", Data: p, Status: status, Secret: true}
}

func (s *server) showSetup(r *http.Request) (any, error) {
	p, err := s.setupOf(r, r.URL.Query().Get("code"))
	if err != nil {
		return nil, err
	}
	return p.page(0), nil
}

func (s *server) setUp(r *http.Request) (any, error) {
	in, err := formOf(r)
	if err != nil {
		return nil, err
	}
	p, err := s.setupOf(r, in["code"])
	if err != nil {
		return nil, err
	}
	if p.First {
		p.Name = strings.TrimSpace(in["name"])
	}
	hash, problem, err := s.newPassword(r, p.Name, in["password"], in["again"])
	if err != nil {
		return nil, err
	}
	if problem != "" {
		p.Problem = problem
		return p.page(http.StatusBadRequest), nil
	}
	a, err := s.people.UseSetupCode(r.Context(), p.Code, p.Name, hash)
	switch {
	case errors.Is(err, store.ErrInvalid):
		p.Problem = upperFirst(err.Error()) + "."
		return p.page(http.StatusBadRequest), nil
	case errors.Is(err, store.ErrNotFound):
		return nil, setupEnded()
	case err != nil:
		return nil, err
	}
	return s.begin(r, a, "link", "/")
}

// newPassword returns the hash of a password that was typed twice, or why it
// will not do.
func (s *server) newPassword(r *http.Request, name, password, again string) (hash, problem string, err error) {
	if password != again {
		return "", "The two passwords are not the same.", nil
	}
	if err := login.CheckPassword(name, password); err != nil {
		return "", upperFirst(err.Error()) + ".", nil
	}
	defer s.metrics.begin(hashing)()
	hash, err = s.hasher.Hash(r.Context(), password)
	return hash, "", err
}

// verify says whether a password is the one of the hash.
func (s *server) verify(ctx context.Context, kept, password string) (bool, error) {
	defer s.metrics.begin(hashing)()
	return s.hasher.Verify(ctx, kept, password)
}

// here is the address of a path of this server: where the settings say that it
// is found, or as the browser has it.
func (s *server) here(r *http.Request, path string, q url.Values) string {
	if s.publicURL != "" {
		return s.publicURL + path + "?" + q.Encode()
	}
	scheme := "http"
	if encrypted(r) {
		scheme = "https"
	}
	return scheme + "://" + r.Host + path + "?" + q.Encode()
}
