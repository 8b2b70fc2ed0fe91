package supportapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/store"
)

const catalyst = "C9300-48P"

// What each way to fail makes of a question: the kind of the error, how often
// Cisco was called, and what the text says and does not say.
func TestFaults(t *testing.T) {
	always := func(status int, header, body string) func(w http.ResponseWriter, r *http.Request, api string) bool {
		return func(w http.ResponseWriter, _ *http.Request, api string) bool {
			if api == "token" {
				return false
			}
			if name, value, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(name, value)
			}
			if w.Header().Get("Content-Type") == "" {
				w.Header().Set("Content-Type", "application/json")
			}
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
			return true
		}
	}
	const apiError = `{"ErrorResponse":{"APIError":{"ErrorCode":%q,"ErrorDescription":"%s","SuggestedAction":"Try again"}}}`
	for _, tt := range []struct {
		name  string
		fault func(w http.ResponseWriter, r *http.Request, api string) bool
		want  Kind
		calls int // of the API
		text  string
	}{
		{"too fast", always(403, "X-Mashery-Error-Code: ERR_403_DEVELOPER_OVER_QPS", "<h1>Developer Over Qps</h1>"), Busy, maxTries, "ERR_403_DEVELOPER_OVER_QPS"},
		{"over the quota", always(403, "X-Mashery-Error-Code: ERR_403_DEVELOPER_OVER_RATE", "<h1>Developer Over Rate</h1>"), Quota, 1, "OVER_RATE"},
		{"not entitled", always(403, "X-Mashery-Error-Code: ERR_403_NOT_AUTHORIZED", "<h1>Not Authorized</h1>"), Forbidden, 1, "entitlement"},
		{"429 for longer than a call waits", always(429, "Retry-After: 7200", "{}"), Quota, 1, "HTTP 429"},
		{"429", always(429, "Retry-After: 7", "{}"), Busy, maxTries, "HTTP 429"},
		{"503 of a load balancer", always(503, "Content-Type: text/html", "<h1>busy</h1>"), Busy, maxTries, "HTTP 503"},
		{"500", always(500, "", "{}"), Failed, maxTries, "HTTP 500"},
		{"596 of the gateway", always(596, "X-Mashery-Error-Code: ERR_596_SERVICE_NOT_FOUND", ""), Refused, 1, "ERR_596"},
		{"error inside a 200", always(200, "", fmt.Sprintf(apiError, "API_ERROR_01", "The API Service is unavailable at the moment.")), Failed, maxTries, "unavailable at the moment"},
		{"too many inputs inside a 200", always(200, "", fmt.Sprintf(apiError, "EXCEEDED_INPUTS", "too many")), TooMuch, 1, "EXCEEDED_INPUTS"},
		{"invalid input inside a 200", always(200, "", fmt.Sprintf(apiError, "API_INVALID_INPUT", "bad serial")), Refused, 1, "bad serial"},
		{"portal", always(200, "Content-Type: text/html", "<html>Log in to the hotel</html>"), Failed, maxTries, "a portal may have answered"},
		{"cut", always(200, "", `{"serial_numbers":[{"sr_no":"FOC1`), Failed, maxTries, "cut or of another shape"},
		{"another shape", always(200, "", `{"devices":[]}`), Failed, maxTries, "no serial_numbers"},
		{"a list where an object is due", always(200, "", `[1,2]`), Failed, maxTries, "another shape"},
		{"larger than any answer", always(200, "", `{"x":"`+strings.Repeat("y", maxBody)+`"}`), TooMuch, 1, "larger than"},
		{"redirect", always(302, "Location: https://portal.example.net/", ""), Failed, maxTries, "HTTP 302"},
		{"cut connection", func(_ http.ResponseWriter, _ *http.Request, api string) bool {
			if api == "token" {
				return false
			}
			panic(http.ErrAbortHandler)
		}, Failed, maxTries, "EOF"},
		{"secret in an error", always(500, "", `{"error":"bad","error_description":"for the-client with s3cret/of+the=client and token-1"}`), Failed, maxTries, "for <secret> with <secret> and <secret>"},
		{"client refused", func(w http.ResponseWriter, _ *http.Request, api string) bool {
			if api == "token" {
				answer(w, http.StatusUnauthorized, `{"errorCode":"invalid_client","errorSummary":"Invalid value for 'client_id' parameter."}`)
			}
			return api == "token"
		}, Unauthorized, 0, "look at client_id and client_secret"},
		{"no token in the answer", func(w http.ResponseWriter, _ *http.Request, api string) bool {
			if api == "token" {
				answer(w, http.StatusOK, `{"hello":"world"}`)
			}
			return api == "token"
		}, Failed, 0, "token"},
		{"token's server is away", func(w http.ResponseWriter, _ *http.Request, api string) bool {
			if api == "token" {
				answer(w, http.StatusBadGateway, "")
			}
			return api == "token"
		}, Failed, 0, "HTTP 502"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			c := b.client()
			defer c.Close()
			b.cisco.answers(tt.fault)
			_, err := c.ask(t.Context(), store.CoverageAPI, []string{"FOC1111A0AA"})
			var e *Error
			if !errors.As(err, &e) || e.Kind != tt.want || !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("error %v, want one of kind %s with %q", err, tt.want, tt.text)
			}
			// The transport itself asks again where a kept connection breaks.
			if n := len(b.cisco.called("coverage")); n != tt.calls && (tt.name != "cut connection" || n < tt.calls) {
				t.Errorf("%d calls, want %d", n, tt.calls)
			}
			for _, secret := range []string{"s3cret", "the-client", "token-1"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows %q: %v", secret, err)
				}
			}
			if strings.Contains(err.Error(), "FOC1111A0AA") {
				t.Errorf("the error shows a serial number: %v", err)
			}
			if waited := b.clock.Now().Sub(newClock().Now()); waited > retryLimit+callTime {
				t.Errorf("it went on for %s", waited)
			}
		})
	}
}

// A failure that passes is tried again, no sooner than Cisco asks for.
func TestTriesAgain(t *testing.T) {
	b := newBench(t)
	b.cisco.serials["FOC1111A0AA"] = unit{catalyst, "204517788", "2027-01-31", "YES"}
	c := b.client()
	defer c.Close()
	failures := 2
	b.cisco.answers(func(w http.ResponseWriter, _ *http.Request, api string) bool {
		if api != "coverage" || failures == 0 {
			return false
		}
		failures--
		w.Header().Set("Retry-After", "20")
		answer(w, http.StatusServiceUnavailable, "")
		return true
	})
	got, err := c.ask(t.Context(), store.CoverageAPI, []string{"FOC1111A0AA"})
	if err != nil {
		t.Fatal(err)
	}
	l, ok := got.known["FOC1111A0AA"].(contract.Lookup)
	if !ok || len(l.Lines) != 1 || l.Lines[0].Contract != "204517788" || l.Lines[0].End != "2027-01-31" || l.Owner != "YES" {
		t.Errorf("got %s", pretty(got.known))
	}
	if waited := b.clock.Now().Sub(newClock().Now()); waited < 40*time.Second {
		t.Errorf("it waited %s in all, want Retry-After twice", waited)
	}
}

// A token serves until its end. One that Cisco drops sooner is renewed once, and
// a new secret is read where the old one is not taken any more.
func TestToken(t *testing.T) {
	b := newBench(t)
	c := b.client()
	defer c.Close()
	ask := func() error {
		_, err := c.ask(t.Context(), store.CoverageAPI, []string{"FOC1111A0AA"})
		return err
	}
	for range 3 {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	if b.cisco.tokens != 1 {
		t.Errorf("%d tokens for three questions, want 1", b.cisco.tokens)
	}
	b.clock.now = b.clock.Now().Add(time.Hour)
	if err := ask(); err != nil || b.cisco.tokens != 2 {
		t.Errorf("after an hour: %v, %d tokens, want 2", err, b.cisco.tokens)
	}
	b.cisco.mu.Lock()
	b.cisco.token = "another"
	b.cisco.mu.Unlock()
	if err := ask(); err != nil || b.cisco.tokens != 3 {
		t.Errorf("after Cisco dropped it: %v, %d tokens, want 3", err, b.cisco.tokens)
	}
	b.cisco.answers(func(w http.ResponseWriter, _ *http.Request, api string) bool {
		if api == "token" {
			return false
		}
		answer(w, http.StatusUnauthorized, `{"error":"invalid_token"}`)
		return true
	})
	var e *Error
	if err := ask(); !errors.As(err, &e) || e.Kind != Expired || b.cisco.tokens != 4 {
		t.Errorf("where no token is ever taken: %v, %d tokens, want 4", err, b.cisco.tokens)
	}
}

// An account makes no more calls than it is set to, in a second and in a
// minute.
func TestPace(t *testing.T) {
	b := newBench(t)
	c := b.client()
	defer c.Close()
	began := b.clock.Now()
	for range 20 {
		if _, err := c.ask(t.Context(), store.CoverageAPI, []string{"FOC1111A0AA"}); err != nil {
			t.Fatal(err)
		}
	}
	// Two calls each, of 5 in a second.
	if took := b.clock.Now().Sub(began); took < 39*time.Second/5 {
		t.Errorf("40 calls took %s", took)
	}
}

// Answers come in pages, in another order than was asked, and of some products
// there is none.
func TestPages(t *testing.T) {
	b := newBench(t)
	b.cisco.perPage = 2
	serials := []string{"FOC1111A0AA", "FOC1111A0BB", "FOC1111A0CC", "FOC1111A0DD", "FOC1111A0EE"}
	for _, s := range serials[:4] {
		b.cisco.serials[s] = unit{catalyst, "204517788", "2027-01-31", "NO"}
	}
	b.cisco.serials[serials[3]] = unit{pid: catalyst}
	b.cisco.pids = map[string]string{"WS-C2960S-24TS-L": "2019-11-30", "WS-C3560V2-24PS-S": ""}
	c := b.client()
	defer c.Close()
	got, err := c.ask(t.Context(), store.CoverageAPI, serials)
	if err != nil {
		t.Fatal(err)
	}
	var covered, denied, unknown []string
	for _, s := range serials {
		l, _ := got.known[s].(contract.Lookup)
		switch {
		case l.Denied():
			denied = append(denied, s)
		case len(l.Lines) > 0:
			covered = append(covered, s)
		default:
			unknown = append(unknown, s)
		}
	}
	if diff := cmp.Diff([][]string{serials[:3], serials[3:4], serials[4:]}, [][]string{covered, denied, unknown}); diff != "" {
		t.Errorf("covered, denied, unknown (-want +got):\n%s", diff)
	}
	if got := b.cisco.called("coverage"); len(got) != 3 {
		t.Errorf("%d pages, want 3", len(got))
	}
	products := []string{"WS-C2960S-24TS-L", "WS-C3560V2-24PS-S", catalyst}
	got, err = c.ask(t.Context(), store.EoXAPI, products)
	if err != nil {
		t.Fatal(err)
	}
	var ends []contract.Date
	for _, pid := range products {
		p, _ := got.known[pid].(contract.Product)
		ends = append(ends, p.LastSupport)
	}
	if diff := cmp.Diff([]contract.Date{"2019-11-30", "", ""}, ends); diff != "" {
		t.Errorf("last dates of support (-want +got):\n%s", diff)
	}
}

// An RMA has the pair of serials, and of people nothing.
func TestRMA(t *testing.T) {
	b := newBench(t)
	b.cisco.rmas["800123456"] = rmaOf("800123456", "FOC1111A0AA", "FOC1111A0BB", catalyst)
	c := b.client()
	defer c.Close()
	got, err := c.ask(t.Context(), store.RMAAPI, []string{"800123456"})
	if err != nil {
		t.Fatal(err)
	}
	all, _ := got.known["800123456"].([]contract.RMA)
	if len(all) != 1 || all[0].OldSerial != "FOC1111A0AA" || all[0].NewSerial != "FOC1111A0BB" || all[0].ReturnBy != "2026-06-30" || all[0].CaseNumber != "698765432" {
		t.Errorf("got %s", pretty(all))
	}
	if text := pretty(all); strings.Contains(text, "Somebody") || strings.Contains(text, "555") {
		t.Errorf("the record has what is people's: %s", text)
	}
	got, err = c.ask(t.Context(), store.RMAAPI, []string{"800999999"})
	if none, _ := got.known["800999999"].([]contract.RMA); err != nil || len(none) > 0 {
		t.Errorf("of an RMA that is not there: %v, %v", none, err)
	}
}

// FuzzDecode: whatever an API answers, it is decoded or refused, and nothing is
// said of what was not asked for.
func FuzzDecode(f *testing.F) {
	c := &cisco{perPage: 10, serials: map[string]unit{"FOC1111A0AA": {catalyst, "1", "2027-01-31", "YES"}}, pids: map[string]string{catalyst: "2030-01-01"}}
	r, err := http.NewRequest(http.MethodGet, "http://cisco.example.com/eox/EOXByProductID/1/x?page_index=1", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(c.summary(r, []string{"FOC1111A0AA"})))
	f.Add([]byte(c.owner(r, []string{"FOC1111A0AA"})))
	f.Add([]byte(c.eox(r, []string{catalyst, "X"})))
	f.Add([]byte(`{"returns":{"RmaRecord":[` + rmaOf("8", "FOC1111A0AA", "FOC1111A0BB", catalyst) + `]}}`))
	f.Add([]byte(`{"ErrorResponse":{"APIError":{"ErrorCode":"NO_RECORDS_FOUND"}}}`))
	f.Add([]byte(`{"serial_numbers":{"sr_no":"FOC1111A0AA","ErrorResponse":{"APIError":{"ErrorCode":"x"}}}}`))
	f.Add([]byte(`{"EOXRecord":null,"PaginationResponseRecord":"","EOXError":[{"ErrorID":"SSA_ERR_026"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		serials, pids := []string{"FOC1111A0AA"}, []string{catalyst}
		if rows, _, err := decodeCoverage(body); err == nil {
			known, _, err := lookups(rows, serials, newClock().Now())
			for s := range known {
				if err != nil || !slices.Contains(serials, s) {
					t.Errorf("%s was not asked for (%v)", s, err)
				}
			}
		}
		if known, _, _, err := decodeEoX(body, pids); err == nil {
			for pid := range known {
				if !slices.Contains(pids, pid) {
					t.Errorf("%s was not asked for", pid)
				}
			}
		}
		if all, _, err := decodeRMA(body); err == nil {
			for _, x := range all {
				if x.Source != contract.APISource {
					t.Errorf("an RMA of %q", x.Source)
				}
			}
		}
	})
}
