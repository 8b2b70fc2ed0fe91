package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
	"rollcall/collector/internal/web"
)

// written runs do and returns the actions of the entries of the audit log that it
// led to.
func (s *site) written(do func()) (all []string) {
	s.t.Helper()
	before, _, err := s.AuditHead(context.Background())
	s.must(err)
	do()
	entries, err := s.AuditLog(context.Background(), "", 0, 100)
	s.must(err)
	for _, e := range entries {
		if e.Seq > before {
			all = append(all, e.Action)
		}
	}
	return all
}

// TestEveryChangeIsAudited does what each route that changes something is for, and
// finds it in the audit log. Actions are done by TestActions.
func TestEveryChangeIsAudited(t *testing.T) {
	ctx := context.Background()
	s := newGuarded(t)
	s.foodBank()
	code, err := s.NewSetupCode(ctx, "", time.Hour)
	s.must(err)
	v := s.visitor()
	form := func(fields ...string) url.Values {
		q := url.Values{}
		for i := 0; i < len(fields); i += 2 {
			q.Set(fields[i], fields[i+1])
		}
		return q
	}
	account := func(name string) store.Account {
		a, err := s.AccountByName(ctx, name)
		s.must(err)
		return a
	}
	ofAnn := func() url.Values { return form("account", account("ann").ID) }
	steps := []struct {
		path   string
		form   func() url.Values
		action string
	}{
		{"/setup", func() url.Values {
			return form("code", code, "name", "root", "password", goodPassword, "again", goodPassword)
		}, "account.link_used"},
		{"/login", func() url.Values { return form("name", "root", "password", goodPassword) }, "login"},
		{"/do/create_account", func() url.Values { return form("name", "ann", "organization", ownOrg, "role", "viewer") }, "account.create"},
		{"/do/set_role", func() url.Values { return form("account", account("ann").ID, "organization", ownOrg, "role", "editor") }, "account.role"},
		{"/do/reset_password", ofAnn, "account.link_made"},
		{"/do/disable_account", ofAnn, "account.disable"},
		{"/do/enable_account", ofAnn, "account.enable"},
		{"/do/delete_account", ofAnn, "account.delete"},
		{"/do/create_token", func() url.Values { return form("name", "script", "scope", "read", "organization", "") }, "api_token.create"},
		{"/do/revoke_token", func() url.Values {
			tokens, err := s.APITokens(ctx, account("root").ID)
			s.must(err)
			return form("token", tokens[0].ID)
		}, "api_token.revoke"},
		{"/do/change_password", func() url.Values {
			return form("password", goodPassword, "new", "four switches and a router", "again", "four switches and a router")
		}, "account.password"},
		{"/do/end_session", func() url.Values { return form("session", login.HashSecret(s.session(account("root")).Value)) }, "logout"},
		{"/do/end_other_sessions", func() url.Values { s.session(account("root")); return nil }, "logout"},
		{"/logout", func() url.Values { return nil }, "logout"},
	}
	done := map[string]bool{
		"POST /import": true, // which keeps a file for its preview, and changes nothing
	}
	for _, step := range steps {
		done["POST "+step.path] = true
		said := step.form()
		var got *httptest.ResponseRecorder
		if all := s.written(func() { got = v.do(http.MethodPost, step.path, said) }); got.Code >= 400 || !slices.Contains(all, step.action) {
			t.Errorf("%s: status %d, entries %v, want %s\n%.300s", step.path, got.Code, all, step.action, got.Body)
		}
	}

	done["POST /api/v1/imports"] = true
	r := httptest.NewRequest(http.MethodPost, "/api/v1/imports?organization="+ownOrg, strings.NewReader(sccFile))
	r.Header.Set("Authorization", "Bearer "+s.token(account("root").ID, login.ScopeWrite, ownOrg))
	if all := s.written(func() { s.do(r) }); !slices.Contains(all, "import."+string(store.ContractImport)) {
		t.Errorf("a file by the API: entries %v", all)
	}
	for _, rt := range web.RoutesForTest() {
		if changes := strings.HasPrefix(rt.Pattern, "POST "); changes && !done[rt.Pattern] && !isAction(rt.Pattern) {
			t.Errorf("%s: it is not known what it writes into the audit log", rt.Pattern)
		}
	}
}

// isAction says that a route is an action by its form or by the API.
func isAction(pattern string) bool {
	_, name, _ := strings.Cut(pattern, "/do/")
	return slices.ContainsFunc(web.RoutesForTest(), func(rt web.RouteForTest) bool { return rt.Pattern == "POST /api/v1/do/"+name })
}
