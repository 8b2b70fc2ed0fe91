package collector_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rollcall/collector"
	"rollcall/pkg/config"
)

func supportAccount(change func(*collector.SupportAPI)) collector.SupportAPI {
	a := collector.SupportAPI{ClientID: config.Plain("the-client"), ClientSecret: config.Plain("planted-secret")}
	change(&a)
	return a
}

func TestSupportAPIConfig(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*collector.SupportAPI)
		want   string // "" when it is right
	}{
		{"the least", func(*collector.SupportAPI) {}, ""},
		{"no client", func(a *collector.SupportAPI) { a.ClientID = config.Secret{} }, "support_api[0].client_id: is missing"},
		{"a secret that is not there", func(a *collector.SupportAPI) { a.ClientSecret = config.Reference("file:testdata/none") }, "support_api[0].client_secret: "},
		{"unknown API", func(a *collector.SupportAPI) { a.APIs = []string{"bugs"} }, `support_api[0].apis: "bugs" is not known: use coverage, eox or rma`},
		{"plain http", func(a *collector.SupportAPI) { a.TokenURL = "http://id.example.com/token" }, "support_api[0].token_url: \"http://id.example.com/token\" is not https"},
		{"plain http on loopback", func(a *collector.SupportAPI) { a.TokenURL = "http://127.0.0.1:1/token" }, ""},
		{"no address", func(a *collector.SupportAPI) { a.EoXURL = "eox" }, "support_api[0].eox_url: \"eox\" is not an address"},
		{"a user of whom", func(a *collector.SupportAPI) { a.RMAUsers = []string{"admin"} }, "support_api[0].rma_users: needs one organization"},
		{"too fast", func(a *collector.SupportAPI) { a.PerSecond = 101 }, "support_api[0].per_second: 101 is not between 1 and 100"},
		{"too often", func(a *collector.SupportAPI) { a.EoXRefresh = config.Duration(time.Minute) }, "support_api[0].eox_refresh: 1m0s is not between 1h and 3650d"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := collector.DefaultConfig()
			c.SupportAPI = []collector.SupportAPI{supportAccount(tt.change)}
			err := c.Validate()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// Accounts do not share a name or an organization, and one alone is for all
// others.
func TestSupportAPIAccounts(t *testing.T) {
	c := collector.DefaultConfig()
	c.SupportAPI = []collector.SupportAPI{
		supportAccount(func(a *collector.SupportAPI) { a.Name, a.Organizations = "one", []string{"Riverside Food Bank"} }),
		supportAccount(func(a *collector.SupportAPI) { a.Name = "two" }),
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	c.SupportAPI = append(c.SupportAPI,
		supportAccount(func(a *collector.SupportAPI) { a.Name, a.Organizations = "two", []string{"Riverside Food Bank"} }),
		supportAccount(func(a *collector.SupportAPI) { a.Name = "four" }))
	want := `support_api[2].name: "two" is the name of another account
support_api[2].organizations: "Riverside Food Bank" is of the account "one" already
support_api[3].organizations: is empty, and the account "two" is the one for all others already`
	if err := c.Validate(); err == nil || err.Error() != want {
		t.Errorf("error:\n%v\nwant:\n%s", err, want)
	}
}

// check --connect asks for a token, and no error shows the secret.
func TestConnectSupportAPI(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if status == http.StatusOK {
			_, _ = fmt.Fprint(w, `{"access_token":"x","token_type":"Bearer","expires_in":3600}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"error":"invalid_client","error_description":"not %s"}`, r.FormValue("client_secret"))
	}))
	defer server.Close()
	c := collector.DefaultConfig()
	c.SupportAPI = []collector.SupportAPI{supportAccount(func(a *collector.SupportAPI) { a.Name, a.TokenURL = "main", server.URL })}
	if taken, errs := c.ConnectSupportAPI(t.Context(), "test"); len(errs) > 0 || len(taken) != 1 {
		t.Errorf("taken %v, errors %v", taken, errs)
	}
	status = http.StatusUnauthorized
	_, errs := c.ConnectSupportAPI(t.Context(), "test")
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "support_api account main") || !strings.Contains(errs[0].Error(), "client_secret") || strings.Contains(errs[0].Error(), "planted") {
		t.Errorf("errors %v", errs)
	}
}
