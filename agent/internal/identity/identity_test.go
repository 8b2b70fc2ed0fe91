package identity

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rollcall/pkg/config"
	"rollcall/pkg/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patienceOfTests = 20 * time.Second

// collector knows one join token, and takes renewals of whoever joined with it.
type collector struct {
	*httptest.Server
	t      *testing.T
	secret string

	mu      sync.Mutex
	key     ed25519.PublicKey // that used the token
	issued  int
	joins   int
	renews  int
	script  []http.HandlerFunc // for the next requests
	expires time.Duration
	now     func() time.Time
	nonces  map[string]bool
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{t: t, secret: wire.NewJoinToken("").Secret, expires: 90 * 24 * time.Hour, now: time.Now, nonces: map[string]bool{}}
	c.Server = httptest.NewUnstartedServer(c)
	c.Config.ErrorLog = log.New(io.Discard, "", 0)
	c.StartTLS()
	t.Cleanup(c.Close)
	return c
}

// token is the join token with the pin of the collector's key.
func (c *collector) token() string { return wire.JoinToken{Secret: c.secret, Pin: c.pin()}.String() }

func (c *collector) pin() string { return wire.PinOf(c.Certificate()) }

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.script) > 0 {
		next := c.script[0]
		c.script = c.script[1:]
		next(w, r)
		return
	}
	c.answer(w, r)
}

// answer does what a collector does. The caller holds mu.
func (c *collector) answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case wire.JoinPath:
		c.joins++
		var j wire.Join
		switch err := json.NewDecoder(r.Body).Decode(&j); {
		case err != nil || j.Verify() != nil:
			c.fault(w, http.StatusBadRequest, "")
		case c.proof(w, j.Proof):
		case j.Token != c.secret:
			c.fault(w, http.StatusUnauthorized, wire.CodeUnknown)
		case c.key != nil && !c.key.Equal(j.PublicKey):
			c.fault(w, http.StatusConflict, wire.CodeUsed)
		default:
			c.key = j.PublicKey
			c.credential(w)
		}
	case wire.RenewPath:
		c.renews++
		var n wire.Renewal
		switch err := json.NewDecoder(r.Body).Decode(&n); {
		case err != nil || n.AgentID != "agent-id" || n.Verify(c.key) != nil:
			c.fault(w, http.StatusForbidden, wire.CodeMustRejoin)
		case c.proof(w, n.Proof):
		default:
			c.credential(w)
		}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (c *collector) proof(w http.ResponseWriter, p wire.Proof) (refused bool) {
	if age := c.now().Sub(p.At); age > wire.ProofAge || age < -wire.ProofAge {
		c.fault(w, http.StatusUnauthorized, wire.CodeClock)
		return true
	}
	if c.nonces[p.Nonce] {
		c.fault(w, http.StatusUnauthorized, wire.CodeReplay)
		return true
	}
	c.nonces[p.Nonce] = true
	return false
}

func (c *collector) credential(w http.ResponseWriter) {
	c.issued++
	w.Header().Set("Content-Type", wire.CredentialType)
	life := int64(c.expires / time.Second)
	_ = json.NewEncoder(w).Encode(wire.Credential{
		Schema: wire.CredentialSchema, AgentID: "agent-id", Organization: "Riverside Food Bank", Site: "Main", Agent: "agent-1",
		Token: fmt.Sprint("rca_canary-", c.issued), ExpiresIn: life, RenewIn: life * 2 / 3,
	})
}

func (c *collector) fault(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	f := wire.Fault{Error: "what the collector says of " + code, Code: code}
	if code == wire.CodeClock {
		now := c.now()
		f.Time = &now
	}
	_ = json.NewEncoder(w).Encode(f)
}

func (c *collector) then(next ...http.HandlerFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.script = append(c.script, next...)
}

func (c *collector) count() (joins, renews int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.joins, c.renews
}

func keeper(t *testing.T, c *collector, dir, token string, edit func(*Options)) *Keeper {
	t.Helper()
	opt := Options{Dir: dir, URL: c.URL, Agent: "agent-1", Version: "test", Rand: func() float64 { return 1 }}
	if token != "" {
		opt.Token = config.Plain(token)
	}
	if edit != nil {
		edit(&opt)
	}
	k := New(opt)
	t.Cleanup(func() { transport{k}.CloseIdleConnections() })
	return k
}

func wantToken(t *testing.T, k *Keeper, want string) {
	t.Helper()
	got, err := k.Token()
	if err != nil || got != want {
		t.Errorf("token %q, error %v; want %q", got, err, want)
	}
}

// run runs the keeper until the test ends.
func run(t *testing.T, k *Keeper) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func awaitRenewed(t *testing.T, k *Keeper) {
	t.Helper()
	select {
	case <-k.Renewed():
	case <-time.After(patienceOfTests):
		t.Fatalf("no new credential: %+v", k.Status())
	}
}

func TestRenew(t *testing.T) {
	c := newCollector(t)
	now := time.Now()
	clock := func() time.Time { return now }
	c.now = clock
	k := keeper(t, c, t.TempDir(), c.token(), func(o *Options) { o.Now = clock })
	k.step(t.Context())
	now = now.Add(59 * 24 * time.Hour)
	k.step(t.Context())
	wantToken(t, k, "rca_canary-1")
	now = now.Add(25 * time.Hour)
	k.step(t.Context())
	wantToken(t, k, "rca_canary-2")
	// Away for a year.
	now = now.Add(365 * 24 * time.Hour)
	k.step(t.Context())
	wantToken(t, k, "rca_canary-3")
	// The collector does not know it, as it was restored from a backup.
	k.Refused("rca_canary-2") // which it does not use
	k.step(t.Context())
	wantToken(t, k, "rca_canary-3")
	k.Refused("rca_canary-3")
	k.step(t.Context())
	wantToken(t, k, "rca_canary-4")
	// It cannot be renewed: the one that there is stays in use.
	c.then(func(w http.ResponseWriter, _ *http.Request) { c.fault(w, http.StatusForbidden, wire.CodeRevoked) })
	now = now.Add(61 * 24 * time.Hour)
	k.step(t.Context())
	wantToken(t, k, "rca_canary-4")
	if s := k.Status(); !strings.Contains(s.Problem, "revoked") {
		t.Errorf("status %+v", s)
	}
}

// A machine whose clock was never set joins and renews.
func TestWrongClock(t *testing.T) {
	c := newCollector(t)
	for _, offset := range []time.Duration{-50 * 365 * 24 * time.Hour, -time.Hour, 10 * 365 * 24 * time.Hour} {
		c.mu.Lock()
		c.key, c.issued = nil, 0
		c.mu.Unlock()
		k := keeper(t, c, t.TempDir(), c.token(), func(o *Options) { o.Now = func() time.Time { return time.Now().Add(offset) } })
		k.step(t.Context())
		wantToken(t, k, "rca_canary-1")
		k.Refused("rca_canary-1")
		k.step(t.Context())
		wantToken(t, k, "rca_canary-2")
	}
}

// A damaged file is set aside: the agent starts, says what is wrong, and takes
// the next join token.
func TestDamaged(t *testing.T) {
	c := newCollector(t)
	good := t.TempDir()
	keeper(t, c, good, c.token(), nil).step(t.Context())
	whole, err := os.ReadFile(path(good))
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string][]byte{
		"empty": nil, "not JSON": []byte("<html>"), "another schema": []byte(`{"schema":"rollcall.identity/9"}`), "binary": {0, 1, 2, 0xff},
		"no key": []byte(strings.Replace(string(whole), `"key"`, `"kex"`, 1)), "no token": []byte(strings.Replace(string(whole), `"token"`, `"tokem"`, 1)),
		"large": []byte(strings.Repeat(" ", maxFile) + string(whole)),
	}
	for n := range len(whole) - 3 {
		if n%40 == 0 {
			damages[fmt.Sprintf("cut at %d", n)] = whole[:n]
		}
	}
	for name, raw := range damages {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(path(dir), raw, 0o600); err != nil {
				t.Fatal(err)
			}
			k := keeper(t, c, dir, c.token(), nil)
			if _, err := k.Token(); err == nil || k.Status().Problem == "" {
				t.Errorf("error %v, status %+v", err, k.Status())
			}
			k.step(t.Context()) // the token is used, by the key that is lost
			if s := k.Status(); !strings.Contains(s.Problem, "used") {
				t.Errorf("status %+v", s)
			}
			aside, err := filepath.Glob(path(dir) + ".corrupt-*")
			if err != nil || len(aside) != 1 {
				t.Fatalf("set aside: %v, %v", aside, err)
			}
			kept, err := os.ReadFile(aside[0])
			if err != nil || string(kept) != string(raw) {
				t.Errorf("what was set aside differs, %v", err)
			}
			other := newCollector(t)
			again := keeper(t, other, dir, other.token(), nil)
			again.step(t.Context())
			wantToken(t, again, "rca_canary-1")
		})
	}
}

// A file that cannot be written costs no join token: nothing is asked before
// the key is kept.
func TestCannotWrite(t *testing.T) {
	c := newCollector(t)
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k := keeper(t, c, dir, c.token(), nil)
	k.step(t.Context())
	if joins, _ := c.count(); joins != 0 || k.Status().Problem == "" {
		t.Errorf("%d joins, status %+v", joins, k.Status())
	}
}

// What rollcall-agent join writes is taken up by the agent that runs.
func TestTakesUpAnotherIdentity(t *testing.T) {
	first, second := newCollector(t), newCollector(t)
	second.issued = 100
	dir := t.TempDir()
	k := keeper(t, first, dir, first.token(), func(o *Options) { o.URL = "" })
	k.opt.URL = first.URL
	k.step(t.Context())
	k.opt.URL, k.opt.Token = "", config.Secret{}
	<-k.Renewed()
	client, err := k.Client()
	if err != nil {
		t.Fatal(err)
	}
	get := func() error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, k.URL()+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	token, err := wire.ParseJoinToken(second.token())
	if err != nil {
		t.Fatal(err)
	}
	if err := keeper(t, second, dir, "", nil).Join(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Second) // a file system may count in seconds
	if err := os.Chtimes(path(dir), later, later); err != nil {
		t.Fatal(err)
	}
	k.step(t.Context())
	awaitRenewed(t, k)
	if k.URL() != second.URL {
		t.Errorf("still at %s", k.URL())
	}
	if err := get(); err != nil {
		t.Errorf("the second collector is not believed: %v", err)
	}
}

// Without the pin, or with another one, nobody is told the token.
func TestPin(t *testing.T) {
	c := newCollector(t)
	for name, tt := range map[string]struct {
		token string
		says  string
	}{
		"none":    {wire.JoinToken{Secret: c.secret}.String(), "ca_file"},
		"another": {wire.NewJoinToken(strings.Repeat("A", 43)).String(), "is not the one that the join token vouches for"},
	} {
		k := keeper(t, c, t.TempDir(), tt.token, nil)
		k.step(t.Context())
		if s := k.Status(); !strings.Contains(s.Problem, tt.says) {
			t.Errorf("%s: status %+v", name, s)
		}
	}
	if joins, _ := c.count(); joins != 0 {
		t.Errorf("%d joins", joins)
	}
}

func TestStatic(t *testing.T) {
	c := newCollector(t)
	k := keeper(t, c, t.TempDir(), "rca_static", nil)
	k.step(t.Context())
	wantToken(t, k, "rca_static")
	k.Refused("rca_static")
	k.step(t.Context())
	if joins, renews := c.count(); joins+renews != 0 || k.Status().State != Static {
		t.Errorf("%d joins, %d renewals, status %+v", joins, renews, k.Status())
	}
	none := keeper(t, c, t.TempDir(), "", nil)
	if _, err := none.Token(); !errors.Is(err, ErrNoIdentity) || none.Status().State != None {
		t.Errorf("error %v, status %+v", err, none.Status())
	}
}
