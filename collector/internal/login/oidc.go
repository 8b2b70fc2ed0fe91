package login

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	// oidcTimeout bounds each question to the provider.
	oidcTimeout = 10 * time.Second
	// maxOIDCAnswer bounds what is read of an answer, in bytes.
	maxOIDCAnswer = 1 << 20
)

// A Provider is an organization's own login (OpenID Connect), by which people
// log in who have an account of their e-mail address here.
type Provider struct {
	settings ProviderSettings
	client   *http.Client

	mu    sync.Mutex
	known *oidc.Provider // once it was asked; it may be away when the collector starts
}

// ProviderSettings are how the collector is registered there.
type ProviderSettings struct {
	Issuer       string
	ClientID     string
	ClientSecret func() (string, error) // read again for each login
	RedirectURL  string                 // of the collector, as it is registered
}

// NewProvider asks the provider nothing yet.
func NewProvider(s ProviderSettings) *Provider {
	return &Provider{settings: s, client: &http.Client{
		Timeout: oidcTimeout, Transport: bounded{http.DefaultTransport.(*http.Transport).Clone()}, //nolint:forcetypeassert // it is
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("the provider leads to another address") },
	}}
}

// bounded cuts off answers that are larger than any of a provider's.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxOIDCAnswer), res.Body}
	}
	return res, err
}

// A Visit is one way to the provider and back. It is kept by the browser, in a
// cookie that only this server sees, and holds until the way back.
type Visit struct {
	State    string `json:"s"` // ties the answer to the browser that asked (RFC 6749, section 10.12)
	Nonce    string `json:"n"` // ties the ID token to it
	Verifier string `json:"v"` // of PKCE (RFC 7636): ties the code to it
	Next     string `json:"t"` // where to go in the end
}

// An Identity is who the provider says somebody is.
type Identity struct {
	Subject string // issuer and subject: never given to another
	Email   string // "" where it is not verified
}

// provider asks once for the provider's keys and addresses.
func (p *Provider) provider(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil {
		return p.known, nil
	}
	// Keys are fetched later too, so the context of a request is no good.
	known, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.settings.Issuer)
	if err != nil {
		return nil, fmt.Errorf("cannot ask %s how people log in there: %w", p.settings.Issuer, err)
	}
	p.known = known
	return known, nil
}

func (p *Provider) config(known *oidc.Provider) (oauth2.Config, error) {
	secret, err := p.settings.ClientSecret()
	if err != nil {
		return oauth2.Config{}, fmt.Errorf("cannot read the client secret of %s: %w", p.settings.Issuer, err)
	}
	return oauth2.Config{
		ClientID: p.settings.ClientID, ClientSecret: secret, Endpoint: known.Endpoint(), RedirectURL: p.settings.RedirectURL,
		Scopes: []string{oidc.ScopeOpenID, "email"},
	}, nil
}

// Leave returns the address to send a browser to, and the visit for it to keep.
func (p *Provider) Leave(ctx context.Context, next string) (address string, v Visit, err error) {
	known, err := p.provider(ctx)
	if err != nil {
		return "", Visit{}, err
	}
	c, err := p.config(known)
	if err != nil {
		return "", Visit{}, err
	}
	v = Visit{State: NewSecret(""), Nonce: NewSecret(""), Verifier: oauth2.GenerateVerifier(), Next: next}
	return c.AuthCodeURL(v.State, oidc.Nonce(v.Nonce), oauth2.S256ChallengeOption(v.Verifier)), v, nil
}

// ErrRefused is the kind of errors of an answer that proves nothing.
var ErrRefused = errors.New("the login is refused")

// Return takes the answer that the browser brings back from its visit.
func (p *Provider) Return(ctx context.Context, v Visit, answer url.Values) (Identity, error) {
	if v.State == "" || subtle.ConstantTimeCompare([]byte(v.State), []byte(answer.Get("state"))) != 1 {
		return Identity{}, fmt.Errorf("%w: it was not begun in this browser, or too long ago", ErrRefused)
	}
	if iss := answer.Get("iss"); iss != "" && iss != p.settings.Issuer { // RFC 9207
		return Identity{}, fmt.Errorf("%w: the answer is of another provider", ErrRefused)
	}
	if said := answer.Get("error"); said != "" {
		return Identity{}, fmt.Errorf("%w: the provider says %.100q", ErrRefused, said)
	}
	ctx = oidc.ClientContext(ctx, p.client)
	known, err := p.provider(ctx)
	if err != nil {
		return Identity{}, err
	}
	c, err := p.config(known)
	if err != nil {
		return Identity{}, err
	}
	token, err := c.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(v.Verifier))
	if retrieve, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return Identity{}, fmt.Errorf("%w: the provider does not take the code: %.100q", ErrRefused, retrieve.ErrorCode)
	}
	if err != nil {
		return Identity{}, fmt.Errorf("cannot ask %s who logs in: %w", p.settings.Issuer, err)
	}
	return p.identify(ctx, known, token, v)
}

// identify checks the ID token: its signature, issuer, audience, age and nonce.
func (p *Provider) identify(ctx context.Context, known *oidc.Provider, token *oauth2.Token, v Visit) (Identity, error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return Identity{}, fmt.Errorf("%w: the provider sent no ID token", ErrRefused)
	}
	id, err := known.Verifier(&oidc.Config{ClientID: p.settings.ClientID}).Verify(ctx, raw)
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(v.Nonce)) != 1 {
		return Identity{}, fmt.Errorf("%w: the ID token is of another login", ErrRefused)
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := id.Claims(&claims); err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if claims.Email == "" { // some tell it by the other way alone
		info, err := known.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			return Identity{}, fmt.Errorf("cannot ask %s for the e-mail address: %w", p.settings.Issuer, err)
		}
		if info.Subject == id.Subject { // OpenID Connect Core, section 5.3.2
			claims.Email, claims.Verified = info.Email, info.EmailVerified
		}
	}
	who := Identity{Subject: id.Issuer + " " + id.Subject}
	if claims.Verified {
		who.Email = claims.Email
	}
	return who, nil
}
