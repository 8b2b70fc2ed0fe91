package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/web"
)

// hostileValues are what scanners for SQL injection try, over five hundred.
func hostileValues() []string {
	var all []string
	payloads := []string{
		"OR 1=1", "OR 'a'='a", "AND 1=0", "UNION SELECT NULL", "UNION SELECT id, token_hash FROM agents", "UNION ALL SELECT password FROM accounts",
		"; DROP TABLE organizations", "; DELETE FROM audit", "; UPDATE accounts SET disabled = 0", "; PRAGMA writable_schema=1", "; ATTACH DATABASE '/tmp/x' AS x",
		"AND (SELECT COUNT(*) FROM accounts) > 0", "AND SLEEP(5)", "AND pg_sleep(5)", "AND RANDOMBLOB(100000000)", "|| (SELECT hash FROM sessions)",
		"ORDER BY 99", "LIMIT 0,1", "HAVING 1=1", "GROUP BY 1", "IN (SELECT id FROM organizations)", "LIKE '%'", "COLLATE NOCASE", "RETURNING *",
	}
	for _, open := range []string{"", "'", "\"", "')", "'))", "`", "1 ", "-1 ", "riverside-food-bank'", "%27", "\\'", "0x27 "} {
		for _, p := range payloads {
			for _, end := range []string{"", " --", " /*"} {
				if len(all)%2 == 0 || end != " /*" {
					all = append(all, open+" "+p+end)
				}
			}
		}
	}
	return append(all, "%", "_", "%%", "' --", "\x00", "'\x00", "\xff\xfe", "{{7*7}}", "${7*7}", "<script>", "../../etc/passwd", "\r\nSet-Cookie: a=b", strings.Repeat("'", 150))
}

// TestInjection puts hostile values into every parameter of every page: each is
// answered as the text that it is, or refused, and nothing else is seen or
// changed.
func TestInjection(t *testing.T) {
	s := newGuarded(t)
	s.foodBank()
	s.school()
	a, cookie := s.account("admin", login.Grants{otherOrg: login.Admin})
	all := hostileValues()
	if len(all) < 500 {
		t.Fatalf("only %d values", len(all))
	}
	before := s.visitor()
	before.cookies[cookie.Name] = cookie.Value
	overview := before.do(http.MethodGet, "/api/v1/units", nil).Body.String()
	parameters := []string{
		"organization", "site", "coverage", "kind", "state", "q", "page", "limit", "offset", "sort", "sort[]", "order", "pid", "serial", "of", "about", "field_x",
		"below", "code", "next", "name", "date_order", "sheet", "preview", "iss",
	}
	asked := 0
	for _, rt := range web.RoutesForTest() {
		method, path, _ := strings.Cut(rt.Pattern, " ")
		if method != http.MethodGet || strings.HasPrefix(path, "/static") || strings.HasPrefix(path, "/help") {
			continue
		}
		for _, parameter := range parameters {
			for range 2 {
				value := all[asked%len(all)]
				asked++
				target := strings.NewReplacer("{$}", "", "{id}", "1", "{sheet}", "sheet.txt", "{file}", "units.csv").Replace(path)
				q := url.Values{"organization": {otherOrg}}
				q.Set(parameter, value)
				r := httptest.NewRequest(method, target+"?"+q.Encode(), nil)
				r.AddCookie(cookie)
				got := s.do(r)
				if got.Code >= 500 {
					t.Errorf("%s with %s=%q: status %d\n%.300s", rt.Pattern, parameter, value, got.Code, got.Body)
				}
				if body := got.Body.String(); strings.Contains(body, "Riverside") || strings.Contains(body, "FCW2345L0AB") || strings.Contains(body, "argon2id") || strings.Contains(body, a.ID) && path != "/people" {
					t.Errorf("%s with %s=%q shows what is of others", rt.Pattern, parameter, value)
				}
				for name := range got.Header() {
					if name == "Set-Cookie" && strings.Contains(got.Header().Get(name), "a=b") {
						t.Errorf("%s with %s=%q sets a cookie", rt.Pattern, parameter, value)
					}
				}
			}
		}
		// And into the path.
		if strings.Contains(path, "{") {
			for range 20 {
				value := all[asked%len(all)]
				asked++
				target := strings.NewReplacer("{$}", "", "{id}", url.PathEscape(value), "{sheet}", url.PathEscape(value), "{file}", url.PathEscape(value)).Replace(path)
				r := httptest.NewRequest(method, "/", nil)
				u, err := url.Parse("http://example.com" + target)
				if err != nil {
					continue
				}
				r.URL, r.RequestURI = u, target
				r.AddCookie(cookie)
				if got := s.do(r); got.Code >= 500 {
					t.Errorf("%s at %s: status %d", rt.Pattern, target, got.Code)
				}
			}
		}
	}
	// As names of accounts, too.
	for i, value := range all {
		if i%25 == 0 {
			v := s.visitor()
			v.address = fmt.Sprintf("203.0.113.%d:1", i/25)
			if got := v.logIn(value, goodPassword); got.Code != http.StatusUnauthorized {
				t.Errorf("logging in as %q: status %d", value, got.Code)
			}
		}
	}
	if asked < 1000 {
		t.Errorf("only %d requests", asked)
	}
	if after := before.do(http.MethodGet, "/api/v1/units", nil).Body.String(); after != overview {
		t.Errorf("something changed:\n%s\n%s", overview, after)
	}
	if strings.Contains(s.log.String(), "request failed") {
		t.Errorf("the collector logged failures:\n%.2000s", s.log.String())
	}
}
