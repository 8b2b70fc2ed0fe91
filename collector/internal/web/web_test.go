package web_test

import (
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/collector/internal/web"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// assetMark is the part of a static file's address that changes with it.
var assetMark = regexp.MustCompile(`\?v=[0-9a-f]+`)

func golden(t *testing.T, name, got string) {
	t.Helper()
	got = assetMark.ReplaceAllString(got, "?v=MARK")
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got), -update accepts it:\n%s", path, diff)
	}
}

// What was not told to a receiver is on the first page, with the reason and what
// to do.
func TestUnheardOnFirstPage(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	handler := web.New(web.Options{Store: s.Store, LoginOff: true, Now: s.now, Receivers: func(context.Context) ([]store.ReceiverState, error) {
		return []store.ReceiverState{{Name: "tickets", GivenUp: 2, GaveUp: s.now(), Why: `it answered <script>alert(1)</script>`}}, nil
	}})
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
	for _, want := range []string{
		"2 changes were never told to the webhook tickets", "it answered &lt;script&gt;alert(1)&lt;/script&gt;.", "rollcall-collector check --connect", `href="/help/notifications"`,
	} {
		if !strings.Contains(answer.Body.String(), want) {
			t.Errorf("the first page does not say %q", want)
		}
	}
}

func TestGolden(t *testing.T) {
	plenty, empty, notSeen, noContract, several := newSite(t), newSite(t), newSite(t), newSite(t), newSite(t)
	plenty.foodBank()
	notSeen.agent("Riverside Food Bank", "Main office", "office-pi")
	noContract.justSeen()
	several.foodBank()
	several.school()
	tests := []struct {
		file string
		site *site
		path string
	}{
		{"dashboard.html", plenty, "/"},
		{"dashboard-filtered.html", plenty, "/?coverage=covered&site=Main+office&q=FLOOR1"},
		{"dashboard-several.html", several, "/"},
		{"dashboard-one-of-several.html", several, "/?organization=hill-school"},
		{"start-empty.html", empty, "/"},
		{"start-not-seen.html", notSeen, "/"},
		{"start-no-contract.html", noContract, "/"},
		{"organizations.html", several, "/organizations"},
		{"findings.html", plenty, "/findings?kind=weak_access"},
		{"finding.html", plenty, "/findings/3"},
		{"finding-incomplete-sheet.html", plenty, "/findings/2"},
		{"sheet.txt", plenty, "/findings/3/sheet.txt"},
		{"unit.html", plenty, "/unit?organization=riverside-food-bank&pid=ISR4331%2FK9&serial=FDO2201A1BC"},
		{"api-organizations.json", several, "/api/v1/organizations"},
		{"api-units.json", several, "/api/v1/units?organization=riverside-food-bank&site=Depot"},
		{"api-findings.json", plenty, "/api/v1/findings?kind=rma_mismatch"},
		{"api-finding.json", plenty, "/api/v1/findings/2"},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			answer := tt.site.get(tt.path)
			if answer.Code != http.StatusOK {
				t.Errorf("status %d, want 200", answer.Code)
			}
			golden(t, tt.file, answer.Body.String())
			if log := tt.site.log.String(); log != "" {
				t.Errorf("the log has %s", log)
			}
		})
	}
}

// TestSeverestFirst: a volunteer reads from the top.
func TestSeverestFirst(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	body := s.get("/").Body.String()
	last := -1
	for _, want := range []string{
		"2 of 19 units have no cover; 1 was replaced and the contract still lists the old serial; the cover of 1 has ended.",
		"Replaced, but the contract lists the old serial", "Cover ends soon", "Weak access in use",
		"<h2>Units</h2>", "FDO2201A1BC</bdi></a>", "FCW2345L0AB</bdi></a>", "FOC1849Z1PP</bdi></a>", "JAE24000K00</bdi></a>",
	} {
		at := strings.Index(body, want)
		if at < 0 {
			t.Fatalf("the page lacks %q", want)
		}
		if at < last {
			t.Errorf("%q stands too early", want)
		}
		last = at
	}
}

func TestErrors(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	tests := []struct {
		name, method, target string
		status               int
		says                 string
	}{
		{"no such page", "GET", "/none", 404, "There is no page at this address."},
		{"no such API", "GET", "/api/v1/none", 404, "There is no page at this address."},
		{"no such finding", "GET", "/findings/999", 404, "nothing of that name or number"},
		{"finding without number", "GET", "/findings/x%3Cb%3E", 404, "findings have numbers"},
		{"negative finding", "GET", "/api/v1/findings/-1", 404, "findings have numbers"},
		{"finding without sheet", "GET", "/findings/1/sheet.txt", 404, "no sheet to fill in for finding 1"},
		{"incomplete sheet", "GET", "/findings/2/sheet.txt", 409, "still to fill in: Serial numbers to renew (renew)."},
		{"bad escape for a sheet", "GET", "/findings/3/sheet.txt?rma_number=%zz", 400, "cannot be read"},
		{"too much for a sheet", "GET", "/findings/2/sheet.txt?renew=" + strings.Repeat("x", 2001), 400, "longer than 2000 bytes"},
		{"no such file", "GET", "/static/none.css", 404, "no file of that name"},
		{"folder of files", "GET", "/static/", 404, "no page at this address"},
		{"outside the folder", "GET", "/static/..%2fweb.go", 404, ""},
		{"no such organization", "GET", "/?organization=none", 404, "There is no organization"},
		{"no such organization in API", "GET", "/api/v1/units?organization=none", 404, "There is no organization"},
		{"no such coverage", "GET", "/?coverage=maybe", 400, "one of uncovered, rma_pending"},
		{"no such state", "GET", "/api/v1/findings?state=closed", 400, "open or all"},
		{"long search", "GET", "/?q=" + strings.Repeat("x", 201), 400, "longer than 200 bytes"},
		{"page 0", "GET", "/?page=0", 400, "whole number from 1"},
		{"limit too high", "GET", "/api/v1/units?limit=1001", 400, "whole number from 1 to 1000"},
		{"offset not a number", "GET", "/api/v1/units?offset=x", 400, "whole number from 0"},
		{"bad escape", "GET", "/?q=%zz", 400, "cannot be read"},
		{"bad escape in API", "GET", "/api/v1/organizations?q=%zz", 400, "cannot be read"},
		{"misspelt parameter", "GET", "/api/v1/units?organisation=x", 400, "no parameter"},
		{"unit without organization", "GET", "/unit?serial=X", 404, "was seen at"},
		{"no such unit", "GET", "/unit?organization=riverside-food-bank&pid=A&serial=B", 404, "was seen at Riverside Food Bank"},
		{"post to a page", "POST", "/", 405, "GET, HEAD only"},
		{"delete in API", "DELETE", "/api/v1/findings/1", 405, "GET, HEAD only"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer := s.do(httptest.NewRequest(tt.method, tt.target, nil))
			if answer.Code != tt.status {
				t.Errorf("status %d, want %d", answer.Code, tt.status)
			}
			text := answer.Body.String()
			api := strings.HasPrefix(tt.target, "/api/")
			if api {
				var body struct{ Error, Kind string }
				if err := json.Unmarshal([]byte(text), &body); err != nil || body.Kind == "" {
					t.Fatalf("body %s: want JSON with error and kind (%v)", text, err)
				}
				text = body.Error
			} else if !strings.Contains(text, `<a href="/">To the overview</a>`) {
				t.Errorf("the page does not lead on: %s", text)
			}
			if !strings.Contains(text, tt.says) {
				t.Errorf("body %s: want %q", text, tt.says)
			}
			if tt.status == 405 && answer.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("Allow is %q", answer.Header().Get("Allow"))
			}
		})
	}
	if log := s.log.String(); log != "" {
		t.Errorf("mistakes of clients are in the log: %s", log)
	}
}

// everyPath has each route once.
var everyPath = []string{
	"/", "/organizations", "/findings", "/findings/3", "/findings/3/sheet.txt", "/unit?serial=FCW2345L0AB",
	"/static/style.css", "/static/live.js", "/static/icon.svg",
	"/api/v1/organizations", "/api/v1/units", "/api/v1/findings", "/api/v1/findings/3",
}

func TestHeaders(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	for _, path := range append([]string{"/none"}, everyPath...) {
		t.Run(path, func(t *testing.T) {
			answer := s.get(path)
			h := answer.Header()
			csp := h.Get("Content-Security-Policy")
			if !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; style-src 'self'; ") || strings.Contains(csp, "unsafe") {
				t.Errorf("policy %q", csp)
			}
			if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" {
				t.Errorf("headers %v", h)
			}
			if !strings.Contains(h.Get("Content-Type"), "/") {
				t.Errorf("content type %q", h.Get("Content-Type"))
			}
			head := s.do(httptest.NewRequest(http.MethodHead, path, nil))
			if head.Code != answer.Code {
				t.Errorf("HEAD has status %d, GET %d", head.Code, answer.Code)
			}
			if answer.Code != http.StatusOK {
				return
			}
			again := httptest.NewRequest(http.MethodGet, path, nil)
			again.Header.Set("If-None-Match", h.Get("ETag"))
			if got := s.do(again); got.Code != http.StatusNotModified || got.Body.Len() != 0 {
				t.Errorf("the same once more: status %d with %d bytes, want 304 without", got.Code, got.Body.Len())
			}
		})
	}
}

// TestNothingInline: what the policy would refuse must not be in a page at all.
func TestNothingInline(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	inline := regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+=|<style|<script(?:>|\s+(?:[^s]))|javascript:|//[a-z]+\.`)
	for _, path := range everyPath[:6] {
		if got := inline.FindString(s.get(path).Body.String()); got != "" {
			t.Errorf("%s has %q", path, got)
		}
	}
}

func TestStaticFilesAreKept(t *testing.T) {
	s := newSite(t)
	link := regexp.MustCompile(`/static/style\.css\?v=[0-9a-f]+`).FindString(s.get("/").Body.String())
	if got := s.get(link).Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("%s has Cache-Control %q, want immutable", link, got)
	}
	// An address without the mark, or with an older one, may change.
	for _, path := range []string{"/static/style.css", "/static/style.css?v=0000"} {
		if got := s.get(path).Header().Get("Cache-Control"); strings.Contains(got, "immutable") {
			t.Errorf("%s has Cache-Control %q", path, got)
		}
	}
}

func TestCrossOrigin(t *testing.T) {
	s := newSite(t)
	for _, path := range everyPath {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			r := httptest.NewRequest(method, path, strings.NewReader("x=1"))
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			if got := s.do(r); got.Code != http.StatusForbidden {
				t.Errorf("%s %s from another site has status %d, want 403", method, path, got.Code)
			}
			r = httptest.NewRequest(method, path, strings.NewReader("x=1"))
			r.Header.Set("Origin", "http://elsewhere.test")
			if got := s.do(r); got.Code != http.StatusForbidden {
				t.Errorf("%s %s with a foreign origin has status %d, want 403", method, path, got.Code)
			}
			r = httptest.NewRequest(method, path, strings.NewReader("x=1"))
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			if got := s.do(r); got.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s of our own has status %d, want 405", method, path, got.Code)
			}
		}
	}
}

// TestBrokenStore: people are told that it is not them, and nothing of the
// inside.
func TestBrokenStore(t *testing.T) {
	s := newSite(t)
	s.must(s.Close())
	for _, path := range everyPath {
		if strings.HasPrefix(path, "/static/") {
			continue
		}
		s.log.Reset()
		answer := s.get(path)
		body := answer.Body.String()
		if answer.Code != http.StatusInternalServerError || !strings.Contains(body, "Its log has the cause") {
			t.Errorf("%s: status %d, body %s", path, answer.Code, body)
		}
		if strings.Contains(body, "sql") {
			t.Errorf("%s tells the cause: %s", path, body)
		}
		if !strings.Contains(s.log.String(), "closed") {
			t.Errorf("%s: the log lacks the cause: %q", path, s.log.String())
		}
	}
}

// What takes too long is given up and is to be asked again later; it is nobody's
// mistake.
func TestTooSlow(t *testing.T) {
	s := newSite(t)
	over, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for _, path := range []string{"/", "/api/v1/units"} {
		s.log.Reset()
		answer := s.do(httptest.NewRequest(http.MethodGet, path, nil).WithContext(over))
		if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" || !strings.Contains(answer.Body.String(), "not answered in time") {
			t.Errorf("%s: status %d, Retry-After %q, body %s", path, answer.Code, answer.Header().Get("Retry-After"), answer.Body)
		}
		if !strings.Contains(s.log.String(), path) {
			t.Errorf("%s: the log does not tell of it: %q", path, s.log.String())
		}
	}
}

func TestAPILists(t *testing.T) {
	s := newSite(t)
	a := s.foodBank()
	s.school()
	type list struct {
		Units    []struct{ Serial, Organization, Coverage string }
		Findings []struct {
			ID       int64
			Kind     string
			Resolved *time.Time
		}
		Total, Limit, Offset int
	}
	get := func(path string) (l list) {
		t.Helper()
		answer := s.get(path)
		if err := json.Unmarshal(answer.Body.Bytes(), &l); err != nil || answer.Code != http.StatusOK {
			t.Fatalf("%s: status %d, %v: %s", path, answer.Code, err, answer.Body)
		}
		return l
	}
	if l := get("/api/v1/units?limit=5&offset=18"); len(l.Units) != 3 || l.Total != 21 || l.Limit != 5 || l.Offset != 18 {
		t.Errorf("the last units: %+v", l)
	}
	if l := get("/api/v1/units?offset=100"); l.Units == nil || len(l.Units) != 0 || l.Total != 21 {
		t.Errorf("beyond the end: %+v, want an empty list and the total", l)
	}
	if l := get("/api/v1/units?organization=hill-school"); l.Total != 2 || l.Units[0].Organization != "hill-school" {
		t.Errorf("of one organization: %+v", l)
	}
	if l := get("/api/v1/units?coverage=uncovered&site=Depot"); l.Total != 1 || l.Units[0].Serial != "FDO2201A1BC" {
		t.Errorf("uncovered at the depot: %+v", l)
	}
	if l := get("/api/v1/findings"); l.Total != 4 || l.Findings[0].Kind != "rma_mismatch" {
		t.Errorf("open findings: %+v", l)
	}
	// The next result has one finding less: it is resolved, and "all" has it.
	s.ms.Add(time.Hour.Milliseconds())
	s.result(a.Organization, reconcile.Result{Findings: foodBankFindings()[:3]})
	if l := get("/api/v1/findings"); l.Total != 3 {
		t.Errorf("open findings after one was resolved: %+v", l)
	}
	l := get("/api/v1/findings?state=all")
	if l.Total != 4 || l.Findings[3].Kind != "uncovered_unit" || l.Findings[3].Resolved == nil || l.Findings[0].Resolved != nil {
		t.Errorf("all findings: %+v, want the resolved one last", l)
	}
	page := s.get("/findings/4").Body.String()
	for _, want := range []string{"Nothing more: this was resolved", "2026-03-02 10:00 UTC", "2026-03-02 11:00 UTC"} {
		if !strings.Contains(page, want) {
			t.Errorf("the resolved finding's page lacks %q", want)
		}
	}
}

// TestTypedSheet: people add what only they know, and change nothing of what
// Rollcall knows.
func TestTypedSheet(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	body := s.get("/findings/3/sheet.txt?rma_number=+800123456%0D%0AX%1b%5b31m&contract=1&unknown=2").Body.String()
	if !strings.Contains(body, "\nRMA number:            800123456 X[31m\n") || !strings.Contains(body, "\nContract:              204123456\n") {
		t.Errorf("the sheet is\n%s", body)
	}
	answer := s.get("/findings/2/sheet.txt?renew=FOC1932X0QQ")
	if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), "Serial numbers to renew:  FOC1932X0QQ\n") {
		t.Errorf("the completed sheet: status %d\n%s", answer.Code, answer.Body)
	}
}

func TestAcknowledged(t *testing.T) {
	s := newSite(t)
	a := s.foodBank()
	s.must(s.Acknowledge(t.Context(), a.Organization, 1, "volunteer", ""))
	if body := s.get("/findings/1").Body.String(); !strings.Contains(body, "Seen by") || !strings.Contains(body, "volunteer") {
		t.Error("the finding's page does not say who has seen it")
	}
	var body struct {
		Acknowledged   *time.Time `json:"acknowledged"`
		AcknowledgedBy string     `json:"acknowledged_by"`
	}
	if err := json.Unmarshal(s.get("/api/v1/findings/1").Body.Bytes(), &body); err != nil || body.Acknowledged == nil || body.AcknowledgedBy != "volunteer" {
		t.Errorf("API: %+v, %v", body, err)
	}
}
