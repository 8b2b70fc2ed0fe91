package upload

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/pkg/wire"
)

// Each answer but a receipt leaves every report in the spool, unless it says
// that they will never be taken.
func TestAnswers(t *testing.T) {
	html := "<html><script>alert(1)</script>Welcome to the hotel's WLAN</html>"
	receipt := func(results string) string { return `{"schema":"rollcall.receipt/1","results":[` + results + `]}` }
	tests := []struct {
		name        string
		answer      http.HandlerFunc
		wait        time.Duration // asked for after the failure
		quarantined int64
		says        string // part of the error
	}{
		{"captive portal", answer(200, "text/html; charset=utf-8", html), time.Second, 0, "login page"},
		{"receipt in HTML's clothes", answer(200, "text/html", receipt(`{"report_id":"report-1","status":"stored"}`)), time.Second, 0, "no receipt"},
		{"JSON that is no receipt", answer(200, "application/json", `{"ok":true}`), time.Second, 0, "no receipt"},
		{"empty 204", answer(204, "", ""), time.Second, 0, "no receipt"},
		{"receipt of another schema", answer(200, wire.ReceiptType, `{"schema":"rollcall.receipt/2","results":[{"report_id":"report-1","status":"stored"}]}`), time.Second, 0, "update the agent"},
		{"receipt cut short", answer(200, wire.ReceiptType, receipt("")[:20]), time.Second, 0, "cannot read receipt"},
		{"receipt for other reports", answer(200, wire.ReceiptType, receipt(`{"report_id":"report-9","status":"stored"}`)), time.Second, 0, "names none"},
		{"unknown status", answer(200, wire.ReceiptType, receipt(`{"report_id":"report-1","status":"maybe"}`)), time.Second, 0, "names none"},
		{"400 from the collector", faultAnswer(400, "no such thing"), 0, 2, ""},
		{"422 from the collector", faultAnswer(422, "no such thing"), 0, 2, ""},
		{"413 from the collector", faultAnswer(413, "too large"), 0, 2, ""},
		{"400 from a proxy", answer(400, "text/html", html), time.Second, 0, "400 Bad Request"},
		{"401 from the collector", faultAnswer(401, "token is revoked"), time.Hour + 3*time.Minute, 0, "token is revoked"},
		{"403 from the collector", faultAnswer(403, "agent is disabled"), time.Hour + 3*time.Minute, 0, "agent is disabled"},
		{"401 from a proxy", answer(401, "text/html", html), time.Minute + 3*time.Second, 0, "check collector.token"},
		{"404", answer(404, "text/plain", "404 page not found"), time.Second, 0, "check collector.url"},
		{"407", answer(407, "text/html", html), time.Second, 0, "HTTPS_PROXY"},
		{"429 in seconds", faultAnswer(429, "slower", "Retry-After", "100"), 105 * time.Second, 0, "slower"},
		{"503 with a date", faultAnswer(503, "busy", "Retry-After", now.Add(40*time.Second).Format(http.TimeFormat)), 42 * time.Second, 0, "busy"},
		{"503 until next year", faultAnswer(503, "busy", "Retry-After", "31536000"), time.Hour + 3*time.Minute, 0, "busy"},
		{"503 alone", answer(503, "text/html", html), time.Second, 0, "503"},
		{"500", answer(500, "text/plain", "oops"), time.Second, 0, "500"},
		{"502 from a proxy", answer(502, "text/html", html), time.Second, 0, "502"},
		{"301", answer(301, "text/html", html, "Location", "https://other.example.org/"), time.Second, 0, "https://other.example.org"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSpool(t, 2)
			c := newCollector(t)
			refuse := true
			c.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c.mu.Lock()
				no := refuse
				c.mu.Unlock()
				if no {
					tt.answer(w, r)
					return
				}
				c.accept(w, r)
			})
			u := newUploader(t, s, c.URL, nil)
			err := u.Drain(t.Context())
			if st := left(t, s); st.Items+st.Quarantined != 2 || st.Quarantined != tt.quarantined {
				t.Errorf("%d reports left and %d set aside, want %d set aside and the others left", st.Items, st.Quarantined, tt.quarantined)
			}
			if tt.quarantined > 0 {
				if err != nil {
					t.Errorf("error %v, want none: the queue is not held up", err)
				}
			} else {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("error %v, want one about %q", err, tt.says)
				}
				if strings.Contains(err.Error(), token) || strings.ContainsAny(err.Error(), "\x1b\n") {
					t.Errorf("error %q shows the token or control characters", err)
				}
				if got := u.delay(err); got != tt.wait {
					t.Errorf("waits %s, want %s", got, tt.wait)
				}
			}
			// Liveness: the next good answer takes what is left and what is new.
			c.mu.Lock()
			refuse = false
			c.mu.Unlock()
			add(t, s, nil)
			if err := u.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			if st := left(t, s); st.Items != 0 || !slices.Contains(c.got(), "report-3") {
				t.Errorf("%d reports left, stored %v, want all", st.Items, c.got())
			}
		})
	}
}

func TestReceiptIsPerReport(t *testing.T) {
	s := newSpool(t, 4)
	c := newCollector(t)
	c.script = []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
		c.receive(w, r, func(rep wire.Report) wire.Result {
			switch rep.Seq {
			case 1:
				return wire.Result{ReportID: rep.ReportID, Status: wire.Stored}
			case 2:
				return wire.Result{ReportID: rep.ReportID, Status: wire.Duplicate}
			case 3:
				return wire.Result{ReportID: rep.ReportID, Status: wire.Refused, Reason: "component 3 has no \x1b[31mserial"}
			}
			return wire.Result{} // left out
		})
	}}
	var first Attempt
	u := newUploader(t, s, c.URL, func(o *Options) {
		o.Observe = func(a Attempt) {
			if first.Reports == 0 {
				first = a
			}
		}
	})
	if err := u.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.Bytes = 0
	if diff := cmp.Diff(Attempt{Reports: 4, Stored: 1, Duplicate: 1, Refused: 1}, first); diff != "" {
		t.Errorf("first attempt (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"report-1", "report-4"}, c.got()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if st := left(t, s); st.Items != 0 || st.Quarantined != 1 {
		t.Errorf("stats %+v, want an empty queue and 1 set aside", st)
	}
}

// A report that makes the whole batch unacceptable is found and set aside; the
// others arrive.
func TestBadReportDoesNotHoldUpOthers(t *testing.T) {
	tests := []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"400 from the collector", faultAnswer(400, "bad")},
		{"413 from the collector", faultAnswer(413, "too large")},
		{"413 from a proxy", answer(413, "text/html", "<html>")},
		{"400 from something else", answer(400, "text/plain", "bad")},
		{"422 from something else", answer(422, "text/plain", "bad")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSpool(t, 13)
			c := newCollector(t)
			bad := map[int64]bool{1: true, 6: true, 13: true}
			c.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var body strings.Builder
				b, err := wire.DecodeBatch(io.TeeReader(r.Body, &body))
				if err != nil {
					t.Error(err)
				}
				if slices.ContainsFunc(b.Reports, func(rep wire.Report) bool { return bad[rep.Seq] }) {
					tt.answer(w, r)
					return
				}
				r.Body = io.NopCloser(strings.NewReader(body.String()))
				c.accept(w, r)
			})
			if err := newUploader(t, s, c.URL, nil).Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := slices.Concat(reportIDs(2, 5), reportIDs(7, 12))
			if diff := cmp.Diff(want, c.got()); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			if st := left(t, s); st.Items != 0 || st.Quarantined != 3 {
				t.Errorf("stats %+v, want an empty queue and 3 set aside", st)
			}
		})
	}
}

func TestUnreadableItemsAreSetAside(t *testing.T) {
	s := newSpool(t, 0)
	for _, raw := range []string{"not JSON", `{"report_id":"x"}`} {
		if err := s.Append(t.Context(), "n", func(int64, int64) ([]byte, error) { return []byte(raw), nil }); err != nil {
			t.Fatal(err)
		}
	}
	add(t, s, nil)
	c := newCollector(t)
	if err := newUploader(t, s, c.URL, nil).Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st := left(t, s); st.Items != 0 || st.Quarantined != 2 {
		t.Errorf("stats %+v, want an empty queue and 2 set aside", st)
	}
	if diff := cmp.Diff(reportIDs(3, 3), c.got()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}
