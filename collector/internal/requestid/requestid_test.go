package requestid_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rollcall/collector/internal/requestid"
)

func TestHandler(t *testing.T) {
	tests := []struct {
		name, sent string
		kept       bool
	}{
		{"none", "", false},
		{"an agent's", "0198f0c2-7c1e-7d3a-9c39-5f0e1a2b3c4d", true},
		{"with a line end", "a\r\nSet-Cookie: x=y", false},
		{"with spaces", "a b", false},
		{"of a terminal", "a\x1b[31m", false},
		{"long", strings.Repeat("a", 65), false},
		{"as long as may be", strings.Repeat("a", 64), true},
		{"not ASCII", "é", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			l := requestid.Log(slog.New(slog.NewTextHandler(&log, nil))).With("part", "x")
			var seen string
			h := requestid.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				seen = requestid.From(r.Context())
				l.InfoContext(r.Context(), "asked")
			}))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header.Set(requestid.Header, tt.sent)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if seen == "" || (seen == tt.sent) != tt.kept || w.Header().Get(requestid.Header) != seen {
				t.Errorf("ID %q, answered %q; want the one sent: %v", seen, w.Header().Get(requestid.Header), tt.kept)
			}
			if !strings.Contains(log.String(), "part=x request_id="+seen+"\n") {
				t.Errorf("the log has no ID: %s", log.String())
			}
		})
	}
	if got := requestid.From(t.Context()); got != "" {
		t.Errorf("ID %q outside of a request", got)
	}
}
