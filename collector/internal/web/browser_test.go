package web_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/peer"
)

// TestLooks opens every page in four looks. With ROLLCALL_SHOTS=DIR it leaves
// screenshots there, for people to look at.
func TestLooks(t *testing.T) {
	dir := os.Getenv("ROLLCALL_SHOTS")
	plenty, several, empty, noContract := newSite(t), newSite(t), newSite(t), newSite(t)
	plenty.foodBank()
	several.foodBank()
	several.school()
	several.agent("Harbour Clinic", "Ward", "ward-pi")
	noContract.justSeen()
	browser := peer.Chromium(t)
	looks := []struct {
		name   string
		width  int
		scheme string
	}{{"desktop-light", 1280, "light"}, {"desktop-dark", 1280, "dark"}, {"phone-light", 390, "light"}, {"phone-dark", 390, "dark"}}
	pages := []struct {
		name string
		site *site
		path string
	}{
		{"plenty", plenty, "/"},
		{"filtered", plenty, "/?coverage=covered&q=floor1"},
		{"findings", plenty, "/findings?state=all"},
		{"finding", plenty, "/findings/3"},
		{"finding-incomplete", plenty, "/findings/2"},
		{"unit", plenty, "/unit?organization=riverside-food-bank&pid=C9300-48P&serial=FCW2345L0AB"},
		{"several", several, "/"},
		{"organizations", several, "/organizations"},
		{"empty", empty, "/"},
		{"nocontract", noContract, "/"},
		{"missing", plenty, "/none"},
	}
	for _, look := range looks {
		page := browser.Page(look.width, 800, look.scheme)
		for _, p := range pages {
			srv := httptest.NewServer(p.site.handler)
			page.Open(srv.URL + p.path)
			if dir != "" {
				page.Screenshot(filepath.Join(dir, p.name+"-"+look.name+".png"))
			}
			var overflow int
			page.Eval(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &overflow)
			if overflow > 0 {
				t.Errorf("%s, %s: the page is %d pixels too wide", p.name, look.name, overflow)
			}
			srv.Close()
			var title string
			page.Eval(`document.querySelector("main h1")?.textContent ?? ""`, &title)
			if title == "" {
				t.Errorf("%s, %s: the page has no heading", p.name, look.name)
			}
			if log := p.site.log.String(); log != "" {
				t.Errorf("%s, %s: the collector logged %s", p.name, look.name, log)
				p.site.log.Reset()
			}
		}
		unexpected := []string{} // the missing page is the one that says 404
		for _, e := range page.Errors() {
			if !strings.Contains(e, "404") {
				unexpected = append(unexpected, e)
			}
		}
		if len(unexpected) > 0 || len(page.Dialogs()) > 0 {
			t.Errorf("%s: errors %q, dialogs %q", look.name, unexpected, page.Dialogs())
		}
	}
}

// TestLooksOfPeople opens the pages of logging in and of those who do, in the
// browser itself: it makes the first account and goes on from there.
func TestLooksOfPeople(t *testing.T) {
	s := newGuarded(t)
	s.foodBank()
	s.school()
	srv := serve(t, s)
	dir := os.Getenv("ROLLCALL_SHOTS")
	page := peer.Chromium(t).Page(390, 800, "light")
	wide := peer.Chromium(t).Page(1280, 800, "dark")
	shown := func(p *peer.BrowserPage, name string) {
		t.Helper()
		if dir != "" {
			p.Screenshot(filepath.Join(dir, name+".png"))
		}
		var overflow int
		p.Eval(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &overflow)
		if overflow > 0 {
			t.Errorf("%s is %d pixels too wide", name, overflow)
		}
	}
	page.Open(srv.URL + "/")
	page.LeadsTo(``, `location.pathname === "/login" && document.querySelector("h1").textContent === "Log in"`)
	shown(page, "login-first")
	code, err := s.NewSetupCode(t.Context(), "", time.Hour)
	s.must(err)
	page.Open(srv.URL + "/setup?code=" + code)
	shown(page, "setup")
	page.LeadsTo(`document.querySelector("[name=name]").value = "volunteer@example.org";
		for (const e of document.querySelectorAll("[type=password]")) e.value = "three switches and no time";
		document.querySelector("main form").submit()`,
		`location.pathname === "/" && document.querySelector(".who a[href='/account']").textContent === "volunteer@example.org"`)
	shown(page, "overview-logged-in")
	page.Open(srv.URL + "/account")
	shown(page, "account")
	page.Open(srv.URL + "/people")
	page.LeadsTo(`document.querySelector("form[action='/do/create_account'] [name=name]").value = "teacher";
		document.querySelector("form[action='/do/create_account']").submit()`,
		`document.querySelector(".secret")?.textContent.includes("/setup?code=")`)
	shown(page, "once")
	page.Open(srv.URL + "/people")
	shown(page, "people")
	page.Open(srv.URL + "/audit")
	shown(page, "audit")
	page.LeadsTo(`document.querySelector(".who form").submit()`,
		`location.pathname === "/login"`)
	shown(page, "login")
	page.LeadsTo(`document.querySelector("[name=name]").value = "volunteer@example.org"; document.querySelector("[type=password]").value = "wrong";
		document.querySelector("main form").submit()`,
		`document.querySelector("[role=alert]") !== null`)
	shown(page, "login-wrong")
	wide.Open(srv.URL + "/login")
	wide.LeadsTo(`document.querySelector("[name=name]").value = "volunteer@example.org"; document.querySelector("[type=password]").value = "three switches and no time";
		document.querySelector("main form").submit()`,
		`location.pathname === "/"`)
	for _, path := range []string{"account", "people", "audit"} {
		wide.Open(srv.URL + "/" + path)
		shown(wide, "wide-"+path)
	}
	for _, p := range []*peer.BrowserPage{page, wide} {
		for _, e := range p.Errors() {
			if !strings.Contains(e, "401") { // of the wrong password
				t.Errorf("the browser complains: %s", e)
			}
		}
	}
}

// serve is the site over HTTP on loopback.
func serve(t *testing.T, s *site) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(s.handler)
	t.Cleanup(srv.Close)
	return srv
}

// look makes the page's script refresh now instead of in some seconds.
const look = `document.dispatchEvent(new Event("visibilitychange"))`

// TestRefreshesByItself: new results come in while someone is at work, and take
// away neither what they typed nor where they are.
func TestRefreshesByItself(t *testing.T) {
	s := newSite(t)
	a := s.foodBank()
	srv := serve(t, s)
	page := peer.Chromium(t).Page(1280, 600, "light")
	page.Open(srv.URL + "/")
	page.Eval(`document.querySelector("[name=q]").value = "half a wo"; window.scrollTo(0, 700); document.querySelector("#sources h2").mark = "kept"`, nil)

	s.result(a.Organization, reconcile.Result{Units: []reconcile.Unit{
		s.unit("Main office", "core-sw1", "1", "C9300-48P", "FCW2345L0AB", reconcile.Covered),
		s.unit("Depot", "depot-rtr", "chassis", "ISR4331/K9", "FDO2201A1BC", reconcile.Uncovered),
	}, Findings: foodBankFindings()})
	page.WaitFor(`document.querySelector("h1").textContent === "1 of 2 units has no cover."`) // by its own clock
	var state struct {
		Query, Mark string
		Scroll      int
		Rows        int
	}
	page.Eval(`({query: document.querySelector("[name=q]").value, mark: document.querySelector("#sources h2").mark ?? "",
		scroll: Math.round(scrollY), rows: document.querySelectorAll(".units tbody tr").length})`, &state)
	if state.Query != "half a wo" || state.Scroll < 600 || state.Rows != 2 {
		t.Errorf("after the refresh: %+v, want the typed text, the place and 2 rows", state)
	}
	if state.Mark != "kept" {
		t.Error("a part that did not change was replaced: that flickers")
	}
	if e := page.Errors(); len(e) > 0 {
		t.Errorf("the browser complains: %q", e)
	}

	srv.CloseClientConnections()
	srv.Close()
	page.Eval(look, nil)
	page.WaitFor(`document.getElementById("live").textContent.startsWith("No answer from the collector: this is as of ")`)
}

// TestFirstReportAppears: the page of first steps turns into the overview.
func TestFirstReportAppears(t *testing.T) {
	s := newSite(t)
	srv := serve(t, s)
	page := peer.Chromium(t).Page(1280, 600, "light")
	page.Open(srv.URL + "/")
	page.WaitFor(`document.body.textContent.includes("Three steps to begin")`)
	s.justSeen()
	page.Eval(look, nil)
	page.WaitFor(`document.querySelectorAll(".units tbody tr").length === 2`)
	page.WaitFor(`document.body.textContent.includes("Next: import a contract")`)
}

// TestRefreshKeepsFocusAndSelection: nobody who reads by keyboard or copies a
// serial is thrown out by a refresh.
func TestRefreshKeepsFocusAndSelection(t *testing.T) {
	s := newSite(t)
	a := s.foodBank()
	srv := serve(t, s)
	page := peer.Chromium(t).Page(1280, 600, "light")
	page.Open(srv.URL + "/")
	page.Eval(`document.querySelectorAll(".tile")[1].focus(); getSelection().selectAllChildren(document.querySelector(".units bdi.serial"))`, nil)
	var before string
	page.Eval(`getSelection().toString()`, &before)
	s.result(a.Organization, reconcile.Result{Units: []reconcile.Unit{
		s.unit("Main office", "core-sw1", "1", "C9300-48P", "FCW2345L0AB", reconcile.Uncovered),
	}, Findings: foodBankFindings()})
	page.Eval(look, nil)
	page.WaitFor(`document.querySelector("h1").textContent === "The only unit has no cover."`)
	var after struct{ Focus, Selection string }
	page.Eval(`({focus: document.activeElement.getAttribute("href") ?? "", selection: getSelection().toString()})`, &after)
	if after.Focus != "/?coverage=uncovered#units" || after.Selection != before || before == "" {
		t.Errorf("after the refresh: %+v; want the focus on its tile and %q still selected", after, before)
	}
	page.Eval(`getSelection().removeAllRanges()`, nil)
	page.Eval(look, nil)
	page.WaitFor(`document.querySelectorAll(".units tbody tr").length === 1`)
}

// TestWithoutScript: all is there, and nothing pretends to refresh.
func TestWithoutScript(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	srv := serve(t, s)
	page := peer.Chromium(t).Page(390, 800, "light")
	page.WithoutScript()
	page.Open(srv.URL + "/findings/3")
	var got struct {
		Live    string
		Steps   int
		Buttons int
	}
	page.Eval(`({live: document.getElementById("live").textContent, steps: document.querySelectorAll(".steps li").length,
		buttons: Array.from(document.querySelectorAll("button")).filter(b => b.checkVisibility()).length})`, &got)
	if got.Live != "" || got.Steps != 4 || got.Buttons != 6 {
		t.Errorf("without script: %+v; want 4 steps, no word of refreshing and only the buttons for the formats and for whoever has seen it", got)
	}
}

// TestSheetPrintsAndCopies: the swap sheet goes to paper without the page around
// it, and to the clipboard as text.
func TestSheetPrintsAndCopies(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	srv := serve(t, s)
	page := peer.Chromium(t).Page(800, 1100, "dark")
	page.Open(srv.URL + "/findings/3")
	page.Eval(`navigator.clipboard.writeText = async (text) => { document.copied = text; }`, nil)
	page.Eval(`document.querySelector("[name=rma_number]").value = "800123456 & more"; document.querySelector("[data-copy]").click()`, nil)
	page.WaitFor(`document.getElementById("live").textContent === "Copied"`)
	var copied string
	page.Eval(`document.copied`, &copied)
	if want := s.get("/findings/3/sheet.txt?rma_number=800123456+%26+more").Body.String(); copied != want || !strings.Contains(want, "800123456 & more") {
		t.Errorf("copied %q, want %q", copied, want)
	}
	page.Eval(look, nil) // a refresh leaves what was typed
	page.WaitFor(`document.getElementById("live").textContent === "Refreshes by itself"`)
	page.WaitFor(`document.querySelector("[name=rma_number]").value === "800123456 & more"`)
	page.Print()
	var shown struct{ Head, Sheet, Tools bool }
	page.Eval(`(() => { const v = s => document.querySelector(s).checkVisibility();
		return {head: v(".top"), sheet: v(".sheet table"), tools: v(".tools")}; })()`, &shown)
	if shown.Head || shown.Tools || !shown.Sheet {
		t.Errorf("on paper: %+v, want the sheet alone", shown)
	}
	if dir := os.Getenv("ROLLCALL_SHOTS"); dir != "" {
		page.Screenshot(filepath.Join(dir, "finding-print.png"))
	}
}

// TestIncompleteSheet is of a sheet that lacks what only a person knows: the
// browser says so, and nothing is copied.
func TestIncompleteSheet(t *testing.T) {
	s := newSite(t)
	s.foodBank()
	srv := serve(t, s)
	page := peer.Chromium(t).Page(800, 1100, "light")
	page.Open(srv.URL + "/findings/2")
	var valid bool
	page.Eval(`navigator.clipboard.writeText = async (text) => { document.copied = text; }`, nil)
	page.Eval(`document.querySelector("[data-copy]").click(); document.querySelector(".sheet form").checkValidity()`, &valid)
	var copied string
	page.Eval(`document.copied ?? ""`, &copied)
	if valid || copied != "" {
		t.Errorf("an incomplete sheet is taken as complete (%v), or was copied: %q", valid, copied)
	}
}
