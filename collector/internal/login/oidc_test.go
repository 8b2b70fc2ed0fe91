package login

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// What a provider answers leads the collector to no other address: not when it is
// asked how people log in there, nor when it is shown the secret.
func TestProviderRedirectsNowhere(t *testing.T) {
	var asked atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer elsewhere.Close()
	for _, to := range []string{elsewhere.URL, "http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/"} {
		for _, path := range []string{"/.well-known/openid-configuration", "/token"} {
			t.Run(path+" to "+to, func(t *testing.T) {
				provider := httptest.NewUnstartedServer(nil)
				provider.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == path {
						http.Redirect(w, r, to, http.StatusTemporaryRedirect)
						return
					}
					w.Header().Set("Content-Type", "application/json")
					_ = json.NewEncoder(w).Encode(map[string]any{
						"issuer": provider.URL, "authorization_endpoint": provider.URL + "/authorize", "token_endpoint": provider.URL + "/token", "jwks_uri": provider.URL + "/keys",
					})
				})
				provider.Start()
				defer provider.Close()
				p := NewProvider(ProviderSettings{Issuer: provider.URL, ClientID: "x", ClientSecret: func() (string, error) { return "canary", nil }, RedirectURL: "https://rollcall.example.org/login/return"})
				_, visit, err := p.Leave(t.Context(), "/")
				if err == nil {
					_, err = p.Return(t.Context(), visit, url.Values{"state": {visit.State}, "code": {"y"}})
				}
				if err == nil || !strings.Contains(err.Error(), "the provider leads to another address") {
					t.Errorf("error %v", err)
				}
				if strings.Contains(err.Error(), "canary") {
					t.Errorf("the error shows the secret: %v", err)
				}
			})
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("the other address was asked %d times", n)
	}
}

// An issuer is a provider that signs whatever it is told to.
type issuer struct {
	*httptest.Server

	key    *rsa.PrivateKey
	answer string // its next ID token
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := map[string]any{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		}
		switch r.URL.Path {
		case "/token":
			answer = map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": i.answer}
		case "/keys":
			answer = map[string]any{"keys": []any{map[string]any{
				"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
				"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
			}}}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(i.Close)
	return i
}

// token writes a JSON web token (RFC 7519), signed by sign.
func token(t *testing.T, alg string, claims map[string]any, sign func(sum []byte) []byte) string {
	t.Helper()
	encoded := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	text := encoded(map[string]string{"alg": alg, "kid": "1"}) + "." + encoded(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(text)))
}

// An ID token counts that this provider signed for this collector, now, and with
// a verified address; no other does.
func TestForgedIDTokens(t *testing.T) {
	i := newIssuer(t)
	const client, secret = "rollcall", "client secret"
	p := NewProvider(ProviderSettings{Issuer: i.URL, ClientID: client, ClientSecret: func() (string, error) { return secret, nil }, RedirectURL: "https://rollcall.example.org/login/return"})
	by := func(key *rsa.PrivateKey) func([]byte) []byte {
		return func(text []byte) []byte {
			sum := sha256.Sum256(text)
			signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
			if err != nil {
				t.Fatal(err)
			}
			return signature
		}
	}
	theirs := newIssuer(t).key
	shared := func(text []byte) []byte {
		h := hmac.New(sha256.New, []byte(secret))
		h.Write(text)
		return h.Sum(nil)
	}
	unsigned := func([]byte) []byte { return nil }
	for _, tt := range []struct {
		name, alg string
		claims    map[string]any // that differ
		sign      func([]byte) []byte
		email     string // "" is refused, "-" is taken without an address
	}{
		{"as it should be", "RS256", nil, by(i.key), "ann@example.org"},
		{"an address that is not verified", "RS256", map[string]any{"email_verified": false}, by(i.key), "-"},
		{"an address of which nothing is said", "RS256", map[string]any{"email_verified": nil}, by(i.key), "-"},
		{"of another collector", "RS256", map[string]any{"aud": "another"}, by(i.key), ""},
		{"of nobody", "RS256", map[string]any{"aud": nil}, by(i.key), ""},
		{"of another provider", "RS256", map[string]any{"iss": "https://login.example.com"}, by(i.key), ""},
		{"over", "RS256", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}, by(i.key), ""},
		{"of another login", "RS256", map[string]any{"nonce": "another"}, by(i.key), ""},
		{"of no login", "RS256", map[string]any{"nonce": nil}, by(i.key), ""},
		{"signed by another key", "RS256", nil, by(theirs), ""},
		{"signed with the client secret", "HS256", nil, shared, ""},
		{"not signed", "none", nil, unsigned, ""},
		{"with an empty signature", "RS256", nil, unsigned, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, visit, err := p.Leave(t.Context(), "/")
			if err != nil {
				t.Fatal(err)
			}
			claims := map[string]any{
				"iss": i.URL, "sub": "ann", "aud": client, "nonce": visit.Nonce, "email": "ann@example.org", "email_verified": true,
				"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
			}
			maps.Copy(claims, tt.claims)
			i.answer = token(t, tt.alg, claims, tt.sign)
			who, err := p.Return(t.Context(), visit, url.Values{"state": {visit.State}, "code": {"y"}})
			switch {
			case tt.email == "" && !errors.Is(err, ErrRefused):
				t.Errorf("%+v, error %v; want it refused", who, err)
			case tt.email != "" && (err != nil || who.Email != strings.Trim(tt.email, "-") || who.Subject != i.URL+" ann"):
				t.Errorf("%+v, error %v", who, err)
			}
		})
	}
}
