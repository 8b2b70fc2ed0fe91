package peer_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/pkg/peer"
)

// TestChromiumSeesDialogsAndErrors proves that the absence of both, which other
// tests assert, means something.
func TestChromiumSeesDialogsAndErrors(t *testing.T) {
	b := peer.Chromium(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<!doctype html><meta name=viewport content="width=device-width"><title>t</title><img src="/none.png"><script>alert("hello"); document.title="after"; throw new Error("broken")</script>`))
	}))
	defer srv.Close()

	p := b.Page(390, 800, "dark")
	p.Open(srv.URL)
	p.WaitFor(`document.title === "after"`)
	if diff := cmp.Diff([]string{"hello"}, p.Dialogs()); diff != "" {
		t.Errorf("dialogs (-want +got):\n%s", diff)
	}
	if len(p.Errors()) < 2 {
		t.Errorf("errors %q, want the exception and the missing image", p.Errors())
	}
	var dark bool
	p.Eval(`matchMedia("(prefers-color-scheme: dark)").matches && innerWidth === 390`, &dark)
	if !dark {
		t.Error("the page is not dark or not 390 pixels wide")
	}
}
