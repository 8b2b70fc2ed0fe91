package collector

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReadySaysWhyNot(t *testing.T) {
	c := DefaultConfig()
	c.DataDir = t.TempDir()
	col, err := New(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = col.Stop() })
	expect := func(path string, status int, words string) {
		t.Helper()
		w := httptest.NewRecorder()
		col.server.Handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != status || !strings.Contains(w.Body.String(), words) {
			t.Errorf("%s: status %d, %q; want %d and %q", path, w.Code, w.Body, status, words)
		}
	}
	expect("/readyz", http.StatusOK, "ready\n")
	expect("/healthz", http.StatusOK, "ok\n")
	if err := col.store.Close(); err != nil {
		t.Fatal(err)
	}
	expect("/readyz", http.StatusServiceUnavailable, "cannot read the database: ")
	expect("/healthz", http.StatusOK, "ok\n") // a restart would mend nothing
}
