package web

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
)

// needs are what whoever asks a route needs. The organizations that they may not
// see are not there for any route: see admit.
type needs struct {
	open    bool       // nothing: everybody is answered
	account bool       // to be logged in, by whatever role; a token of the API does not do
	role    login.Role // in one organization at least
}

var (
	open     = needs{open: true}
	viewing  = needs{role: login.Viewer}
	editing  = needs{role: login.Editor}
	managing = needs{role: login.Admin, account: true}
	oneself  = needs{account: true}
)

// admit finds out who asks and returns the server for them: their name, and a
// store in which there is only what they may see. What is of others is answered
// like what does not exist. An answer, of nil error, is one to give instead of
// the route's: the way to the login.
func (s *server) admit(r *http.Request, n needs) (theirs *server, answer any, err error) {
	mine := *s
	p, err := s.principal(r)
	if err != nil && !errors.Is(err, store.ErrUnauthorized) {
		return s, nil, err
	}
	mine.who = p
	ids, all := p.Grants.Organizations()
	mine.store = s.view(p.Name, ids, all)
	if s.people != nil {
		mine.people = s.people.As(p.Name)
	}
	switch {
	case n.open:
		return &mine, nil, nil
	case !p.Known():
		if r.Method == http.MethodGet && !isAPI(r) && login.Bearer(r) == "" {
			return &mine, seeOther("/login?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()), nil
		}
		return &mine, nil, &failure{kind: kindNobody, message: "Log in first: the session is over or was never begun, or the token does not hold."}
	case p.Scope == login.ScopeMetrics:
		return &mine, nil, forbidden("This token is for /metrics alone.")
	case n.account && p.Token != "":
		return &mine, nil, forbidden("A token does not do here: log in with your account.")
	case n.role != "" && !p.Grants.Anywhere(n.role):
		return &mine, nil, forbidden("Your account has no role that may do this: it needs to be %s. An admin can give it.", n.role)
	}
	return &mine, nil, nil
}

// may says that whoever asks has the role in an organization that they see.
func (s *server) may(r login.Role, organization string) error {
	if s.who.Grants.In(organization).Covers(r) {
		return nil
	}
	return forbidden("Your role in this organization is too small for this: it needs to be %s. An admin can give it.", r)
}

// principal is who asks: by a token of the API if there is one, or by the
// session of the cookie. It is nobody, with store.ErrUnauthorized, where neither
// holds.
func (s *server) principal(r *http.Request) (login.Principal, error) {
	if s.loginOff {
		return login.Local(), nil
	}
	if t := login.Bearer(r); t != "" {
		return s.people.ByAPIToken(r.Context(), t)
	}
	if c := sessionCookie(r); c != "" {
		// What a page fetches by itself keeps no session alive.
		return s.people.BySession(r.Context(), c, s.idle, r.Header.Get(refreshHeader) == "")
	}
	return login.Principal{}, store.ErrUnauthorized
}

// refreshHeader marks what a page fetches by itself.
const refreshHeader = "X-Rollcall-Refresh"

func forbidden(format string, args ...any) error {
	f := invalid(format, args...).(*failure) //nolint:errorlint,forcetypeassert // made here
	f.kind = kindForbidden
	return f
}

// encrypted says that the browser's connection is: to here, or to a proxy in
// front. limit.Addresses has seen to URL.Scheme.
func encrypted(r *http.Request) bool {
	return r.URL.Scheme == "https" || r.URL.Scheme == "" && r.TLS != nil
}

// addressOf is where a request comes from, for limits and for the audit log. Of
// an IPv6 address it is the network, of which one customer has 2^64 addresses.
func (s *server) addressOf(r *http.Request) string {
	var addr netip.Addr
	if s.client != nil {
		from, _ := s.client(r)
		addr = from.Addr()
	} else if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		addr = from.Addr().Unmap()
	}
	if addr.Is6() {
		if p, err := addr.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}

// Cookies. The prefix __Host- binds one to this very host over HTTPS; browsers
// refuse it on plain HTTP, which a collector speaks on loopback or where its
// settings say so.
const (
	cookieSession = "rollcall_session"
	cookieBrowser = "rollcall_browser"
	hostPrefix    = "__Host-"
)

func cookieName(r *http.Request, name string) string {
	if encrypted(r) {
		return hostPrefix + name
	}
	return name
}

func cookieOf(r *http.Request, name string) string {
	c, err := r.Cookie(cookieName(r, name))
	if err != nil || len(c.Value) > 200 {
		return ""
	}
	return c.Value
}

func sessionCookie(r *http.Request) string { return cookieOf(r, cookieSession) }

// newCookie has a value for that long; a negative age takes it away, and 0 lasts
// until the browser ends.
func newCookie(r *http.Request, name, value string, seconds int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName(r, name), Value: value, Path: "/", MaxAge: seconds,
		Secure: encrypted(r), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// withCookies is an answer that sets cookies.
type withCookies struct {
	answer  any
	cookies []*http.Cookie
}

// above is what stands at the head of a page about who looks at it.
type above struct {
	Name   string // "" for nobody, and where there is no login
	Manage bool   // may look after people
	Out    bool   // has to log in first
}

func (s *server) above() above {
	if s.loginOff || s.who.Token != "" {
		return above{}
	}
	if !s.who.Known() {
		return above{Out: true}
	}
	return above{Name: s.who.Name, Manage: s.who.Grants.Anywhere(login.Admin)}
}

// says is for forms with which people say something.
type says struct {
	May  bool // they may
	Type bool // they type their name
}

func (s *server) says(organization string) says {
	return says{May: s.may(login.Editor, organization) == nil, Type: s.loginOff}
}

// next is a path of this server that somebody wanted before the login, from a
// query that anybody may have written; "/" for what is none.
func next(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" ||
		!strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") || strings.ContainsAny(raw, "\\\r\n\t\x00") || len(raw) > 2000 {
		return "/"
	}
	return u.RequestURI()
}
