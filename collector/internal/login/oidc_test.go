package login

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
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
