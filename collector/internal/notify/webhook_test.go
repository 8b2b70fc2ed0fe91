package notify

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/config"
)

// testSecret, and the message below, are the example of the specification.
const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func TestSign(t *testing.T) {
	key, err := Key(config.Plain(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	got := sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestKey(t *testing.T) {
	for _, s := range []string{"", "secret", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%", "whsec_" + strings.Repeat("MfKQ9r8GKYqr", 9)} {
		if _, err := Key(config.Plain(s)); err == nil {
			t.Errorf("%q is taken for a secret", s)
		} else if len(s) > 10 && strings.Contains(err.Error(), s) {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}

// A message has the names of the API, and the same bytes at each attempt. Both
// secrets sign while one is changed for the other.
func TestMessage(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	n := store.Notice{
		ID: 9, Event: "evt_1", Change: store.FindingResolved, Noted: at,
		Finding: store.Finding{ID: 7, Organization: "riverside", Opened: at.Add(-time.Hour), Resolved: at, Finding: reconcile.Finding{
			Key: "uncovered_unit|x", Kind: reconcile.UncoveredUnit, Severity: reconcile.Critical, Subject: "unit x", Evidence: []string{"<b>&"},
			NextStep: reconcile.NextStep{Title: "add it", Steps: []string{"one"}, Sheet: reconcile.Sheet{}},
		}},
	}
	var bodies []string
	var signatures []string
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var raw json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&raw); err != nil {
			t.Error(err)
		}
		bodies = append(bodies, string(raw))
		signatures = append(signatures, r.Header.Get("webhook-signature"))
		if r.Header.Get("webhook-id") != "evt_1" || r.Header.Get("content-type") != "application/json" || r.Header.Get("user-agent") != "rollcall/1" {
			t.Errorf("headers %v", r.Header)
		}
	}))
	defer hook.Close()
	other := config.Plain("whsec_" + strings.Repeat("QUJD", 8))
	h := Webhook{URL: hook.URL, Secret: config.Plain(testSecret), Previous: other}
	for range 2 {
		if err := h.post(context.Background(), hook.Client(), newMessage(n, store.Organization{ID: "riverside", Name: "Riverside"}, "https://rollcall.example.org/"), at, "rollcall/1"); err != nil {
			t.Fatal(err)
		}
	}
	want := `{"schema":"rollcall.event/1","type":"finding.resolved","timestamp":"2026-03-04T05:06:07Z","id":"evt_1","data":{` +
		`"organization":{"id":"riverside","name":"Riverside"},"finding":{"id":7,"organization":"riverside","key":"uncovered_unit|x","kind":"uncovered_unit",` +
		`"severity":"critical","subject":"unit x","site":"","node":"","serial":"","pid":"","contract":"","evidence":["\u003cb\u003e\u0026"],` +
		`"next_step":{"title":"add it","steps":["one"],"sheet":{}},"opened":"2026-03-04T04:06:07Z","resolved":"2026-03-04T05:06:07Z"},` +
		`"url":"https://rollcall.example.org/findings/7"}}`
	if bodies[0] != want || bodies[1] != want {
		t.Errorf("bodies\n%s\n%s\nwant\n%s", bodies[0], bodies[1], want)
	}
	for i, s := range []config.Secret{h.Secret, h.Previous} {
		key, err := Key(s)
		if err != nil {
			t.Fatal(err)
		}
		if parts := strings.Fields(signatures[0]); len(parts) != 2 || parts[i] != sign(key, "evt_1", at.Unix(), []byte(bodies[0])) {
			t.Errorf("signatures %q: the %d. is another", signatures[0], i+1)
		}
	}
}

func TestAnswers(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	tests := []struct {
		status int
		after  string
		taken  bool
		own    bool
		rest   time.Duration
	}{
		{200, "", true, false, 0},
		{204, "", true, false, 0},
		{301, "", false, false, 0},
		{400, "", false, true, 0},
		{401, "", false, false, 0},
		{410, "", false, false, 0},
		{413, "", false, true, 0},
		{422, "", false, true, 0},
		{429, "30", false, false, 30 * time.Second},
		{429, "999999999999", false, false, time.Hour},
		{429, "99999999999999999999", false, false, 0},
		{429, "-5", false, false, 0},
		{500, "soon", false, false, 0},
		{503, now.Add(2 * time.Minute).Format(http.TimeFormat), false, false, 2 * time.Minute},
		{503, now.Add(-2 * time.Minute).Format(http.TimeFormat), false, false, 0},
	}
	for _, tt := range tests {
		hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", tt.after)
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(strings.Repeat("x", maxAnswer)))
		}))
		err := Webhook{URL: hook.URL, Secret: config.Plain(testSecret)}.post(context.Background(), hook.Client(), message{ID: "evt_1"}, now, "test")
		hook.Close()
		r, _ := err.(*refusal) //nolint:errorlint // as it is
		if (err == nil) != tt.taken || !tt.taken && (r == nil || r.own != tt.own || r.after != tt.rest) {
			t.Errorf("%d, Retry-After %q: %v, %+v", tt.status, tt.after, err, r)
		}
	}
}

// What a receiver answers, and its address, stay out of errors: both are kept in
// the database and shown.
func TestErrorsHideTheURL(t *testing.T) {
	h := Webhook{URL: "http://127.0.0.1:1/services/canary-5f1d", Secret: config.Plain(testSecret)}
	err := h.post(context.Background(), guard{prefixes("127.0.0.0/8")}.client(nil), message{ID: "evt_1"}, time.Now(), "test")
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
}
