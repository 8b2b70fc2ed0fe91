package ingest_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/collector/internal/store"
	"rollcall/pkg/wire"
)

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// ask posts v, or bytes as they are.
func ask(t *testing.T, s site, path string, v any) (answer, []byte) {
	t.Helper()
	raw, ok := v.([]byte)
	if !ok {
		var err error
		if raw, err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	s.url = strings.TrimSuffix(s.url, wire.ReportsPath) + path
	return post(t, s, bytes.NewReader(raw), func(r *http.Request) {
		r.Header.Del("Authorization")
		r.Header.Del("Content-Encoding")
		r.Header.Set("Content-Type", wire.CredentialType)
	})
}

func credential(t *testing.T, res answer, raw []byte) wire.Credential {
	t.Helper()
	var c wire.Credential
	if err := json.Unmarshal(raw, &c); err != nil || res.status != http.StatusOK || c.Schema != wire.CredentialSchema ||
		res.header.Get("Content-Type") != wire.CredentialType || res.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("status %d, %v: %s", res.status, res.header, raw)
	}
	return c
}

func TestJoinAndRenew(t *testing.T) {
	s := serve(t, nil, nil)
	a, secret, err := s.store.Invite(context.Background(), "Riverside Food Bank", "Depot", "agent-2", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	key := newKey(t)
	res, raw := ask(t, s, wire.JoinPath, wire.NewJoin(secret, key, "agent-2", "1.0", time.Now()))
	c := credential(t, res, raw)
	if c.AgentID != a.ID || c.Organization != "Riverside Food Bank" || c.Site != "Depot" || c.Agent != "agent-2" || c.ExpiresIn != 90*86400 || c.RenewIn != 60*86400 {
		t.Errorf("credential %+v", c)
	}
	s.token = c.Token
	if res, raw := post(t, s, bytes.NewReader(encode(t, report(1))), nil); res.status != http.StatusOK {
		t.Fatalf("status %d: %s", res.status, raw)
	}
	res, raw = ask(t, s, wire.RenewPath, wire.NewRenewal(c.AgentID, key, "1.0", time.Now()))
	s.token = credential(t, res, raw).Token
	if s.token == c.Token {
		t.Error("the renewal gave the same token")
	}
	if res, raw := post(t, s, bytes.NewReader(encode(t, report(2))), nil); res.status != http.StatusOK {
		t.Fatalf("status %d: %s", res.status, raw)
	}
}

func TestJoinRefuses(t *testing.T) {
	ctx := context.Background()
	s := serve(t, nil, nil)
	invite := func(name string) string {
		_, secret, err := s.store.Invite(ctx, "Riverside Food Bank", "Main", name, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	key := newKey(t)
	used, open := invite("agent-3"), invite("agent-4")
	res, raw := ask(t, s, wire.JoinPath, wire.NewJoin(used, newKey(t), "", "", time.Now()))
	credential(t, res, raw)
	forged := wire.NewJoin(open, key, "", "", time.Now())
	forged.PublicKey = newKey(t).Public().(ed25519.PublicKey)
	other := wire.NewJoin(open, key, "", "", time.Now())
	other.Schema = "rollcall.join/2"
	tests := []struct {
		name   string
		path   string
		body   any
		status int
		code   string
	}{
		{"unknown token", wire.JoinPath, wire.NewJoin(wire.NewJoinToken("").Secret, key, "", "", time.Now()), http.StatusUnauthorized, wire.CodeUnknown},
		{"used token", wire.JoinPath, wire.NewJoin(used, key, "", "", time.Now()), http.StatusConflict, wire.CodeUsed},
		{"an agent's token", wire.JoinPath, wire.NewJoin(s.token, key, "", "", time.Now()), http.StatusUnauthorized, wire.CodeUnknown},
		{"wrong clock", wire.JoinPath, wire.NewJoin(open, key, "", "", time.Unix(0, 0)), http.StatusUnauthorized, wire.CodeClock},
		{"key of another", wire.JoinPath, forged, http.StatusBadRequest, ""},
		{"schema of tomorrow", wire.JoinPath, other, http.StatusBadRequest, ""},
		{"not JSON", wire.JoinPath, []byte("<html>"), http.StatusBadRequest, ""},
		{"nothing", wire.JoinPath, []byte{}, http.StatusBadRequest, ""},
		{"deep", wire.JoinPath, bytes.Repeat([]byte("["), wire.MaxJoin), http.StatusBadRequest, ""},
		{"large", wire.JoinPath, bytes.Repeat([]byte(" "), wire.MaxJoin+1), http.StatusRequestEntityTooLarge, ""},
		{"renewal of nobody", wire.RenewPath, wire.NewRenewal("nobody", key, "", time.Now()), http.StatusForbidden, wire.CodeMustRejoin},
		{"renewal of an agent without a key", wire.RenewPath, wire.NewRenewal(s.agent.ID, key, "", time.Now()), http.StatusForbidden, wire.CodeMustRejoin},
		{"NUL", wire.RenewPath, wire.NewRenewal("a\x00b", key, "", time.Now()), http.StatusForbidden, wire.CodeMustRejoin},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, raw := ask(t, s, tt.path, tt.body)
			var f wire.Fault
			if err := json.Unmarshal(raw, &f); err != nil || res.status != tt.status || f.Code != tt.code || f.Error == "" {
				t.Errorf("status %d, want %d %q: %s", res.status, tt.status, tt.code, raw)
			}
			if (f.Time != nil) != (tt.code == wire.CodeClock) {
				t.Errorf("time %v", f.Time)
			}
		})
	}
	// None of these has used the invitation.
	res, raw = ask(t, s, wire.JoinPath, wire.NewJoin(open, key, "", "", time.Now()))
	credential(t, res, raw)
	t.Run("another type", func(t *testing.T) {
		s.url = strings.TrimSuffix(s.url, wire.ReportsPath) + wire.JoinPath
		if res, raw := post(t, s, strings.NewReader("{}"), nil); res.status != http.StatusUnsupportedMediaType {
			t.Errorf("status %d: %s", res.status, raw)
		}
	})
}

// An agent that renews again and again while it uploads: nothing is refused,
// nothing lost, nothing doubled.
func TestRotationUnderLoad(t *testing.T) {
	ctx := context.Background()
	s := serve(t, nil, nil)
	a, secret, err := s.store.Invite(ctx, "Riverside Food Bank", "Depot", "agent-2", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	key := newKey(t)
	res, raw := ask(t, s, wire.JoinPath, wire.NewJoin(secret, key, "agent-2", "1.0", time.Now()))
	var token atomic.Value
	token.Store(credential(t, res, raw).Token)
	const uploads, reports = 4, 25
	var sending, renewing sync.WaitGroup
	for u := range uploads {
		sending.Go(func() {
			for n := range reports {
				mine := s
				mine.token = token.Load().(string)
				if res, raw := post(t, mine, bytes.NewReader(encode(t, report(u*reports+n+1))), nil); res.status != http.StatusOK {
					t.Errorf("report %d: status %d: %s", u*reports+n+1, res.status, raw)
				}
			}
		})
	}
	done := make(chan struct{})
	rotations := 0
	renewing.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			_, c, err := s.store.Renew(ctx, wire.NewRenewal(a.ID, key, "1.0", time.Now()), time.Hour)
			if err != nil {
				t.Error(err)
				return
			}
			// An agent renews when it has used the one before; what is in
			// flight still has that.
			mine := s
			mine.token = c.Token
			if res, raw := post(t, mine, bytes.NewReader(encode(t)), nil); res.status != http.StatusOK {
				t.Errorf("first use: status %d: %s", res.status, raw)
			}
			token.Store(c.Token)
			rotations++
			select {
			case <-done:
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	sending.Wait()
	close(done)
	renewing.Wait()
	stored := 0
	for n := range uploads * reports {
		mine := s
		mine.token = token.Load().(string)
		_, raw := post(t, mine, bytes.NewReader(encode(t, report(n+1))), nil)
		var receipt wire.Receipt
		if err := json.Unmarshal(raw, &receipt); err != nil || len(receipt.Results) != 1 || receipt.Results[0].Status != wire.Duplicate {
			t.Errorf("report %d is not there once: %s", n+1, raw)
			continue
		}
		stored++
	}
	t.Logf("%d reports through %d rotations", stored, rotations)
	if rotations < 2 {
		t.Errorf("%d rotations", rotations)
	}
}

// A captured upload of one agent, sent again after it was revoked, and by
// another organization's agent.
func TestCaptured(t *testing.T) {
	ctx := context.Background()
	s := serve(t, nil, nil)
	other, token, err := s.store.CreateAgent(ctx, "Hillside Shelter", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	captured := encode(t, report(1))
	if res, _ := post(t, s, bytes.NewReader(captured), nil); res.status != http.StatusOK {
		t.Fatalf("status %d", res.status)
	}
	theirs := s
	theirs.token = token
	if res, _ := post(t, theirs, bytes.NewReader(captured), nil); res.status != http.StatusOK {
		t.Fatalf("status %d", res.status)
	}
	for _, a := range []store.Agent{s.agent, other} {
		nodes, err := s.store.Nodes(ctx, a.Organization)
		if err != nil || len(nodes) != 1 || nodes[0].Agent != a.ID {
			t.Errorf("nodes of %s: %v, %v: want its own agent's", a.Organization, nodes, err)
		}
	}
	if err := s.store.RevokeAgent(ctx, s.agent.ID); err != nil {
		t.Fatal(err)
	}
	if res, raw := post(t, s, bytes.NewReader(captured), nil); res.status != http.StatusForbidden {
		t.Errorf("status %d, want 403: %s", res.status, raw)
	}
	if _, err := s.store.AgentByToken(ctx, token); errors.Is(err, store.ErrRevoked) {
		t.Error("the other organization's agent was revoked, too")
	}
}
