package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
)

const (
	cookieVisit = "rollcall_visit"
	// visitSeconds is how long somebody may take to log in at the provider.
	visitSeconds = 600
)

// ProviderPath is where a provider of OpenID Connect sends browsers back to.
const ProviderPath = "/login/return"

// leave sends the browser to the organization's own login.
func (s *server) leave(r *http.Request) (any, error) {
	if s.provider == nil || s.loginOff {
		return nil, notFound("There is no page at this address.")
	}
	address, v, err := s.provider.Leave(r.Context(), next(r.URL.Query().Get("next")))
	if err != nil {
		return nil, s.away(r, err)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the visit: %w", err)
	}
	return withCookies{seeOther(address), []*http.Cookie{newCookie(r, cookieVisit, base64.RawURLEncoding.EncodeToString(raw), visitSeconds)}}, nil
}

// away tells that the provider cannot be asked, and logs why.
func (s *server) away(r *http.Request, err error) error {
	s.log.ErrorContext(r.Context(), "the login provider cannot be asked", "error", err)
	return &failure{kind: kindBusy, message: "The organization's own login cannot be reached now. Try again in a minute, or log in with a password."}
}

// comeBack is where the browser comes back to. The visit ends whatever comes of
// it, so that no answer counts twice.
func (s *server) comeBack(r *http.Request) (any, error) {
	if s.provider == nil || s.loginOff {
		return nil, notFound("There is no page at this address.")
	}
	v := visitOf(r)
	over := newCookie(r, cookieVisit, "", -1)
	who, err := s.provider.Return(r.Context(), v, r.URL.Query())
	if errors.Is(err, login.ErrRefused) {
		s.log.WarnContext(r.Context(), "a login by the provider is refused", "error", err)
		return s.notLoggedIn(r, over, "", "oidc", "The organization's own login did not work: "+strings.TrimPrefix(err.Error(), login.ErrRefused.Error()+": ")+".")
	}
	if err != nil {
		return nil, s.away(r, err)
	}
	a, err := s.accountOf(r.Context(), who)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrConflict), err == nil && a.Disabled:
		words := "The organization's own login knows you, but there is no account for you here: an admin makes one with your e-mail address as its name."
		if who.Email == "" {
			words = "The organization's own login does not say that your e-mail address is verified, so no account can be found by it."
		}
		return s.notLoggedIn(r, over, who.Email, "no account", words)
	case err != nil:
		return nil, err
	}
	answer, err := s.begin(r, a, "oidc", next(v.Next))
	if in, ok := answer.(withCookies); ok {
		in.cookies = append(in.cookies, over)
		answer = in
	}
	return answer, err
}

func (s *server) notLoggedIn(r *http.Request, over *http.Cookie, name, why, words string) (any, error) {
	if err := s.people.EndTry(r.Context(), store.Try{Name: name, Address: s.addressOf(r)}, false, why); err != nil {
		return nil, err
	}
	answer, err := s.loginPage(r, loginPage{Next: "/", Problem: words}, http.StatusUnauthorized, 0)
	return withCookies{answer, []*http.Cookie{over}}, err
}

// accountOf finds the account of somebody: the one that was theirs before, or at
// the first time the one that has their verified e-mail address as its name. From
// then on it is the subject's, whatever addresses the provider gives to whom.
func (s *server) accountOf(ctx context.Context, who login.Identity) (store.Account, error) {
	a, err := s.people.AccountBySubject(ctx, who.Subject)
	if !errors.Is(err, store.ErrNotFound) || who.Email == "" || !strings.Contains(who.Email, "@") {
		return a, err
	}
	if a, err = s.people.AccountByName(ctx, who.Email); err != nil || a.Disabled {
		return a, err
	}
	return a, s.people.As(a.Name).LinkSubject(ctx, a.ID, who.Subject)
}

func visitOf(r *http.Request) (v login.Visit) {
	c, err := r.Cookie(cookieName(r, cookieVisit))
	if err != nil {
		return login.Visit{}
	}
	raw, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || json.Unmarshal(raw, &v) != nil {
		return login.Visit{}
	}
	return v
}
