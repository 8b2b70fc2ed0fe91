package supportapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// What Cisco answers becomes verdicts: covered by the API alone, denied, past
// support; and what it was asked once is not asked again before its time.
func TestPull(t *testing.T) {
	b := newBench(t)
	units := []string{catalyst + " FOC1111A0AA", catalyst + " FOC1111A0BB", "WS-C2960S-24TS-L FOC1111A0CC", catalyst + " FOC1111A0DD"}
	b.cisco.serials = map[string]unit{"FOC1111A0AA": {catalyst, "204517788", "2027-01-31", "YES"}, "FOC1111A0BB": {pid: catalyst}, "FOC1111A0CC": {pid: "WS-C2960S-24TS-L"}}
	b.cisco.pids = map[string]string{"WS-C2960S-24TS-L": "2019-11-30"}
	org := b.organization("Riverside Food Bank", units...)
	p := b.puller()
	b.rounds(p)
	want := []string{
		"FOC1111A0AA: covered support_api 204517788 2027-01-31", "FOC1111A0BB: uncovered", "FOC1111A0CC: ineligible past_support",
		"FOC1111A0DD: unverified no_contract_data",
	}
	if diff := cmp.Diff(want, verdicts(reconcile.Reconcile(b.seen(org, units...)))); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	calls := len(b.cisco.calls)
	b.rounds(p)
	if n := len(b.cisco.calls); n != calls {
		t.Errorf("%d more calls for what is known", n-calls)
	}
	b.clock.now = b.clock.Now().Add(8 * 24 * time.Hour)
	b.cisco.serials["FOC1111A0DD"] = unit{catalyst, "204517788", "2027-01-31", "YES"}
	b.rounds(p)
	if got := verdicts(reconcile.Reconcile(b.seen(org, units...))); got[3] != "FOC1111A0DD: covered support_api 204517788 2027-01-31" {
		t.Errorf("a week later: %s", got[3])
	}
	if strings.Contains(b.log.String(), "s3cret") || strings.Contains(b.log.String(), "the-client") || strings.Contains(b.log.String(), "token-") {
		t.Errorf("the log shows a secret:\n%s", b.log.String())
	}
}

// A failure of any kind changes no verdict: what was answered before stays, and
// what was not answered says nothing.
func TestFailureChangesNothing(t *testing.T) {
	units := []string{catalyst + " FOC1111A0AA", catalyst + " FOC1111A0BB"}
	for name, fault := range map[string]func(w http.ResponseWriter){
		"away": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"throttled": func(w http.ResponseWriter) {
			w.Header().Set("X-Mashery-Error-Code", "ERR_403_DEVELOPER_OVER_QPS")
			answer(w, 403, "")
		},
		"forbidden": func(w http.ResponseWriter) { answer(w, 403, "") },
		"expired":   func(w http.ResponseWriter) { answer(w, 401, "") },
		"error":     func(w http.ResponseWriter) { answer(w, 500, "{}") },
		"portal":    func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/html"); w.WriteHeader(200) },
		"empty":     func(w http.ResponseWriter) { answer(w, 200, "{}") },
		"error in a 200": func(w http.ResponseWriter) {
			answer(w, 200, `{"ErrorResponse":{"APIError":{"ErrorCode":"API_ERROR_01","ErrorDescription":"unavailable"}}}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			org := b.organization("Riverside Food Bank", units...)
			b.cisco.serials = map[string]unit{"FOC1111A0AA": {catalyst, "204517788", "2027-01-31", "YES"}, "FOC1111A0BB": {pid: catalyst}}
			fails := func(w http.ResponseWriter, _ *http.Request, _ string) bool { fault(w); return true }
			b.cisco.answers(fails)
			p := b.puller()
			before := verdicts(reconcile.Reconcile(b.seen(org, units...)))
			for range 5 {
				if _, err := p.round(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(before, verdicts(reconcile.Reconcile(b.seen(org, units...)))); diff != "" {
				t.Errorf("failures before any answer change verdicts (-before +after):\n%s", diff)
			}
			b.cisco.answers(nil)
			b.clock.now = b.clock.Now().Add(2 * 24 * time.Hour)
			b.rounds(p)
			known := verdicts(reconcile.Reconcile(b.seen(org, units...)))
			if want := []string{"FOC1111A0AA: covered support_api 204517788 2027-01-31", "FOC1111A0BB: uncovered"}; !slices.Equal(want, known) {
				t.Fatalf("once it answers: %q", known)
			}
			b.cisco.answers(fails)
			b.clock.now = b.clock.Now().Add(10 * 24 * time.Hour)
			for range 5 {
				if _, err := p.round(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(known, verdicts(reconcile.Reconcile(b.seen(org, units...)))); diff != "" {
				t.Errorf("failures after an answer change verdicts (-before +after):\n%s", diff)
			}
		})
	}
}

// A restart goes on where it was: nothing is asked twice, and the calls of the
// day still count.
func TestRestart(t *testing.T) {
	b := newBench(t)
	var units []string
	for i := range 200 {
		serial := fmt.Sprintf("FOC1%03dA0AA", i)
		units = append(units, catalyst+" "+serial)
		b.cisco.serials[serial] = unit{catalyst, "204517788", "2027-01-31", "YES"}
	}
	b.organization("Riverside Food Bank", units...)
	only := func(o *PullerOptions) { o.APIs, o.PerDay = []store.SupportAPI{store.CoverageAPI}, 4 }
	b.rounds(b.puller(only)) // two calls for 75 serials each
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	b.open()
	p := b.puller(only)
	b.rounds(p)
	if n := len(b.cisco.called("coverage")) + len(b.cisco.called("owner")); n != 4 {
		t.Fatalf("%d calls in a day that has 4", n)
	}
	b.clock.now = b.clock.Now().Add(24 * time.Hour)
	b.rounds(p)
	var asked []string
	for _, call := range b.cisco.called("coverage") {
		asked = append(asked, strings.Split(call, ",")...)
	}
	slices.Sort(asked)
	if n := len(asked); n != 200 || len(slices.Compact(asked)) != 200 {
		t.Errorf("%d serials asked, of 200, %d of them once", n, len(slices.Compact(asked)))
	}
}

// One organization with much to ask keeps no other from its turn, and what
// belongs to another account is not asked.
func TestTurns(t *testing.T) {
	b := newBench(t)
	var many []string
	for i := range 400 {
		many = append(many, fmt.Sprintf("%s FOC1%03dA0AA", catalyst, i))
	}
	b.organization("Large", many...)
	b.organization("Small", catalyst+" FOC2222A0AA")
	b.organization("Elsewhere", catalyst+" FOC3333A0AA")
	p := b.puller(func(o *PullerOptions) {
		o.APIs, o.Except = []store.SupportAPI{store.CoverageAPI}, []string{"elsewhere"}
	})
	if _, err := p.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if calls := b.cisco.called("coverage"); !slices.Contains(calls, "FOC2222A0AA") {
		t.Errorf("the small one had no turn in the first round: %d calls", len(calls))
	}
	b.rounds(p)
	for _, call := range b.cisco.called("coverage") {
		if strings.Contains(call, "FOC3333A0AA") {
			t.Error("the organization of another account was asked for")
		}
	}
}

// One input that Cisco does not take keeps the others from no answer.
func TestOneBadInput(t *testing.T) {
	b := newBench(t)
	var units []string
	for i := range 10 {
		serial := fmt.Sprintf("FOC1%03dA0AA", i)
		units = append(units, catalyst+" "+serial)
		b.cisco.serials[serial] = unit{catalyst, "204517788", "2027-01-31", "YES"}
	}
	org := b.organization("Riverside Food Bank", units...)
	b.cisco.answers(func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if !strings.Contains(r.URL.Path, "FOC1007A0AA") {
			return false
		}
		answer(w, 200, `{"ErrorResponse":{"APIError":{"ErrorCode":"API_INVALID_INPUT","ErrorDescription":"bad"}}}`)
		return true
	})
	b.rounds(b.puller(func(o *PullerOptions) { o.APIs = []store.SupportAPI{store.CoverageAPI} }))
	var covered int
	for _, l := range b.facts(org).Lookups {
		if len(l.Lines) > 0 {
			covered++
		}
	}
	if covered != 9 {
		t.Errorf("%d serials have an answer, want 9 of 10", covered)
	}
}

// An RMA that a person began to record is completed by Cisco's record of it.
func TestPullRMA(t *testing.T) {
	b := newBench(t)
	org := b.organization("Riverside Food Bank", catalyst+" FOC1111A0BB")
	b.cisco.rmas["800123456"] = rmaOf("800123456", "FOC1111A0AA", "FOC1111A0BB", catalyst)
	if _, err := b.store.ImportRMAs(t.Context(), org, "rma.csv", []contract.RMA{{RMANumber: "800123456", OldSerial: "FOC1111A0AA"}}); err != nil {
		t.Fatal(err)
	}
	b.rounds(b.puller())
	i := slices.IndexFunc(b.facts(org).RMAs, func(r contract.RMA) bool { return r.NewSerial == "FOC1111A0BB" && r.ReturnBy == "2026-06-30" })
	if i < 0 {
		t.Errorf("RMAs %s", pretty(b.facts(org).RMAs))
	}
}
