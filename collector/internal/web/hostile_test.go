package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/peer"
)

// hostile are texts as a device, a file or a person may give them, each of which
// breaks some page, log or terminal. Those that run would open a dialog or ask
// the server for /pwned.
var hostile = []string{
	`<script>alert(1)</script>`,
	`</script><script>fetch("/pwned")</script>`,
	`"><img src=/pwned onerror=alert(1)>`,
	`' onmouseover='alert(1)' autofocus onfocus='alert(1)`,
	`javascript:alert(1)`,
	`<svg onload=alert(1)><a xlink:href="javascript:alert(1)">`,
	`</bdi></td></table><form action=//evil.test><input name=q>`,
	`<style>body{display:none}</style><link rel=stylesheet href=/pwned>`,
	`<meta http-equiv=refresh content="0;url=/pwned"><base href=/pwned/>`,
	`<!-- ]]> --><textarea><plaintext>`,
	`&lt;b&gt; &amp;amp; &#60;`,
	"\x1b[31mred\x1b[0m \u009b2J",
	"\x1b]8;;http://192.0.2.1/\x07link\x1b]8;;\x07",
	"\x1b]52;c;aGk=\x07",
	"abc\u202egnp.exe\u202d \u2066x",
	"zero\u200bwidth\u200d\ufeff",
	`=cmd|'/C calc'!A0`, "+1+1", "-1", "@SUM(A1)", "\tx", "\rx",
	`{{template "base"}} {{.}} ${1} #{1} <%= 1 %>`,
	`%s%n%d %2f..%2f`,
	"Set-Cookie: a=b\r\nX-Evil: 1\r\n\r\n<b>",
	`quote" } back\slash`,
	`../../../etc/passwd?organization=x&pid=y#z`,
	strings.Repeat("W", 3000),
	"日本語 ñ é 🐟",
}

// inDOM is how the text stands in the document: HTML's parser reads CR LF and CR
// as LF (HTML standard, 13.2.3.5); all else has to be equal.
func inDOM(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// hostileSite has each payload in every text that is shown.
func hostileSite(t testing.TB) (*site, string) {
	s := newSite(t)
	a := s.agent("Riverside Food Bank", "Main", hostile[0])
	var r reconcile.Result
	for i, p := range hostile {
		r.Units = append(r.Units, reconcile.Unit{
			Serial: p, PID: p, Site: p, Node: p, Address: p, Slot: p, Platform: p, Description: p, Reason: p, Contract: p, ServiceLevel: p,
			Coverage: reconcile.Uncovered, LastSeen: s.now(), FirstSeen: s.now(),
		})
		r.Findings = append(r.Findings, reconcile.Finding{
			Key: fmt.Sprint(i), Kind: reconcile.RMAMismatch, Severity: reconcile.Critical,
			Subject: p, Site: p, Node: p, Serial: p, PID: p, Contract: p, Evidence: []string{p, p},
			NextStep: reconcile.NextStep{Title: p, Steps: []string{p, p}, Sheet: reconcile.Sheet{
				"contract": p, "remove_serial": p, "add_serial": p, "add_pid": p, "site": p,
			}},
		})
	}
	s.result(a.Organization, r)
	s.imported(a.Organization, hostile[2], time.Hour, hostile[0], hostile[1])
	return s, a.Organization
}

// TestHostileInBrowser opens all pages with all payloads in a real browser:
// nothing runs, and what people read is what the device said.
func TestHostileInBrowser(t *testing.T) {
	s, org := hostileSite(t)
	var pwned atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "pwned") {
			pwned.Add(1)
		}
		s.handler.ServeHTTP(w, r)
	}))
	defer srv.Close()
	page := peer.Chromium(t).Page(1280, 800, "light")

	want := make([]string, len(hostile))
	for i, p := range hostile {
		want[i] = inDOM(p)
	}
	texts := func(selector string) (got []string) {
		t.Helper()
		page.Eval(fmt.Sprintf(`Array.from(document.querySelectorAll(%q), e => e.textContent)`, selector), &got)
		return got
	}
	same := func(what string, want, got []string) {
		t.Helper()
		want, got = slices.Clone(want), slices.Clone(got)
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}

	page.Open(srv.URL + "/")
	for column, selector := range map[string]string{
		"serials": "td.lead bdi.serial", "PIDs": "td.lead .note bdi", "sites": `td[data-label="Site"] bdi`,
		"contracts": `td[data-label="Contract"] bdi`, "reasons": "td.state .note bdi",
	} {
		same(column, want, texts(".units "+selector))
	}
	page.Open(srv.URL + "/findings")
	same("subjects", want, texts(".subject bdi"))
	same("titles", want, texts(".next strong bdi"))

	var open []string
	page.Eval(`Array.from(document.querySelectorAll(".what a"), e => e.href)`, &open)
	if len(open) != len(hostile) {
		t.Fatalf("%d findings, want %d", len(open), len(hostile))
	}
	for i, p := range want {
		page.Open(srv.URL + fmt.Sprintf("/findings/%d", i+1))
		same(fmt.Sprintf("finding %d", i+1), slices.Repeat([]string{p}, 10),
			slices.Concat(texts(".subject bdi"), texts(".evidence bdi"), texts(".steps bdi"), texts(".sheet td bdi")))
		if len(hostile[i]) > 200 {
			continue // longer than a query may be
		}
		page.Open(srv.URL + "/unit?" + url.Values{"organization": {org}, "pid": {hostile[i]}, "serial": {hostile[i]}}.Encode())
		same(fmt.Sprintf("unit %d", i+1), []string{p, p}, texts("h1 bdi"))
	}
	page.Open(srv.URL + "/?q=" + url.QueryEscape(hostile[2]))
	var q string
	page.Eval(`document.querySelector("[name=q]").value`, &q)
	if q != hostile[2] {
		t.Errorf("the search field has %q, want %q", q, hostile[2])
	}

	if got := page.Dialogs(); len(got) > 0 {
		t.Errorf("dialogs opened: %q", got)
	}
	if e := page.Errors(); len(e) > 0 {
		t.Errorf("the browser complains: %q", e)
	}
	if pwned.Load() > 0 {
		t.Error("a payload made a request")
	}
}

// TestHostileSheet: the text may end up on a terminal.
func TestHostileSheet(t *testing.T) {
	s, _ := hostileSite(t)
	for i := range hostile {
		answer := s.get(fmt.Sprintf("/findings/%d/sheet.txt", i+1))
		if answer.Code != http.StatusOK || answer.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("finding %d: status %d, type %s", i+1, answer.Code, answer.Header().Get("Content-Type"))
		}
		for _, r := range answer.Body.String() {
			if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e' || r == '\u200b') {
				t.Errorf("finding %d: the sheet has character %U", i+1, r)
			}
		}
		if lines := strings.Count(answer.Body.String(), "\n"); lines != 13 {
			t.Errorf("finding %d: %d lines, want 13: a payload made or ate a line:\n%s", i+1, lines, answer.Body)
		}
	}
}

// TestHostileJSON: programs get what was said, unchanged, and a browser that is
// led to the API renders none of it.
func TestHostileJSON(t *testing.T) {
	s, _ := hostileSite(t)
	answer := s.get("/api/v1/units?limit=1000")
	var body struct{ Units []struct{ Serial string } }
	if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range body.Units {
		got = append(got, u.Serial)
	}
	want := slices.Clone(hostile)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("serials (-want +got):\n%s", diff)
	}
	if got := answer.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	if strings.Contains(answer.Body.String(), "<script") {
		t.Error("the JSON has a tag in clear")
	}
}
