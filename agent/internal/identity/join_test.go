package identity

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/pkg/config"
	"rollcall/pkg/wire"
)

// At its first start the agent joins with the token of its configuration; from
// then on it does without the token.
func TestJoinAtFirstStart(t *testing.T) {
	c := newCollector(t)
	dir := filepath.Join(t.TempDir(), "data")
	k := keeper(t, c, dir, c.token(), nil)
	if s := k.Status(); s.State != Joining || s.Pin != c.pin() {
		t.Errorf("status %+v before", s)
	}
	if _, err := k.Token(); err == nil {
		t.Error("a token before it has joined")
	}
	run(t, k)
	awaitRenewed(t, k)
	wantToken(t, k, "rca_canary-1")
	s := k.Status()
	if s.State != Joined || s.Agent != "agent-1" || s.Site != "Main" || s.Organization != "Riverside Food Bank" || s.Problem != "" || s.Pin != c.pin() {
		t.Errorf("status %+v", s)
	}
	info, err := os.Stat(path(dir))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	// The next start: with the used token, without a token, with a file that is
	// gone, and without an address.
	for name, edit := range map[string]func(*Options){
		"used":   nil,
		"none":   func(o *Options) { o.Token = config.Secret{} },
		"gone":   func(o *Options) { o.Token = config.Reference("file:" + filepath.Join(dir, "none")) },
		"no URL": func(o *Options) { o.Token, o.URL = config.Secret{}, "" },
	} {
		again := keeper(t, c, dir, c.token(), edit)
		if wait := again.step(t.Context()); wait != tick {
			t.Errorf("%s: looks again in %s", name, wait)
		}
		wantToken(t, again, "rca_canary-1")
		if again.URL() != c.URL || again.Status().State != Joined {
			t.Errorf("%s: status %+v", name, again.Status())
		}
	}
	if joins, renews := c.count(); joins != 1 || renews != 0 {
		t.Errorf("%d joins and %d renewals, want 1 and 0", joins, renews)
	}
}

// The collector is down at the first start, or something stands before it: the
// agent goes on asking.
func TestJoinGoesOnTrying(t *testing.T) {
	c := newCollector(t)
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}
	c.then(
		hangUp,
		func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>log in to the network") },
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		func(w http.ResponseWriter, _ *http.Request) {
			http.Redirect(w, &http.Request{Method: http.MethodGet}, "https://elsewhere.example.org", http.StatusFound)
		},
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", wire.CredentialType)
			_, _ = io.WriteString(w, `{"schema":"rollcall.credential/1"}`)
		},
		// Joined, and the answer is lost.
		func(w http.ResponseWriter, r *http.Request) {
			c.answer(httptest.NewRecorder(), r)
			hangUp(w, r)
		},
	)
	now := time.Now()
	c.now = func() time.Time { return now }
	k := keeper(t, c, t.TempDir(), c.token(), func(o *Options) { o.Now = c.now })
	for i := range 6 {
		if k.step(t.Context()) == 0 {
			t.Fatalf("joined at attempt %d", i+1)
		}
		if s := k.Status(); s.State != Joining || s.Problem == "" {
			t.Fatalf("status %+v after attempt %d", s, i+1)
		}
		if k.step(t.Context()); len(c.script) != 5-i {
			t.Fatal("it does not wait")
		}
		now = now.Add(refusedCap)
	}
	if k.step(t.Context()) != 0 {
		t.Fatalf("not joined: %+v", k.Status())
	}
	wantToken(t, k, "rca_canary-2")
	if s := k.Status(); s.Problem != "" {
		t.Errorf("status %+v", s)
	}
}

// Killed between question and answer: the next start asks with the same key.
func TestJoinAfterKill(t *testing.T) {
	c := newCollector(t)
	dir := t.TempDir()
	c.then(func(w http.ResponseWriter, r *http.Request) {
		c.answer(httptest.NewRecorder(), r)
		w.WriteHeader(http.StatusBadGateway)
	})
	keeper(t, c, dir, c.token(), nil).step(t.Context())
	k := keeper(t, c, dir, c.token(), nil)
	if k.step(t.Context()) != 0 {
		t.Fatalf("not joined: %+v", k.Status())
	}
	wantToken(t, k, "rca_canary-2")
}

// A token that is of no use leaves the agent as it is, until there is another.
func TestJoinRefused(t *testing.T) {
	c := newCollector(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	write := func(token string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(wire.NewJoinToken(c.pin()).String())
	k := keeper(t, c, dir, "", func(o *Options) { o.Token = config.Reference("file:" + file) })
	for range 3 {
		k.step(t.Context())
	}
	if joins, _ := c.count(); joins != 1 {
		t.Errorf("%d joins at once, want 1", joins)
	}
	if s := k.Status(); !strings.Contains(s.Problem, "what the collector says of unknown") {
		t.Errorf("status %+v", s)
	}
	write("rcj_cut-short")
	k.step(t.Context())
	if s := k.Status(); !strings.Contains(s.Problem, "copy it whole") {
		t.Errorf("status %+v", s)
	}
	write(c.token())
	if k.step(t.Context()) != 0 {
		t.Fatalf("not joined: %+v", k.Status())
	}
	wantToken(t, k, "rca_canary-1")
	// A new token of no use is said, and the agent goes on.
	write(wire.NewJoinToken(c.pin()).String())
	k.step(t.Context())
	if s := k.Status(); s.State != Joined || s.Problem == "" {
		t.Errorf("status %+v", s)
	}
	wantToken(t, k, "rca_canary-1")
}
