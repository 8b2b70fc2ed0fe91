package store_test

import (
	"errors"
	"testing"
	"time"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
)

// What one of three collectors is told to refuse, each of them refuses from that
// moment on, though it took it just before: an agent, a token of the API, a
// session.
func TestReplicasRefuseWhatOneRevoked(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	stores := threeStores(t, c)
	account, err := stores[0].CreateAccount(ctx, "ada", login.Grants{"": login.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	a, agentToken, err := stores[1].CreateAgent(ctx, "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	other, otherToken, err := stores[1].CreateAgent(ctx, "Riverside Food Bank", "Main", "agent-2")
	if err != nil {
		t.Fatal(err)
	}
	api, apiSecret, err := stores[2].CreateAPIToken(ctx, store.APIToken{Name: "script", Account: account.ID, Scope: login.ScopeRead}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	session, err := stores[0].BeginSession(ctx, store.Begin{Account: account.ID, Way: "password", Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	agent := func(token string) func(*store.Store) error {
		return func(s *store.Store) error {
			_, err := s.AgentByToken(ctx, token)
			return err
		}
	}
	for name, test := range map[string]struct {
		use    func(*store.Store) error
		revoke func(*store.Store) error
		want   error
	}{
		"agent revoked":  {agent(agentToken), func(s *store.Store) error { return s.RevokeAgent(ctx, a.ID) }, store.ErrRevoked},
		"agent disabled": {agent(otherToken), func(s *store.Store) error { return s.DisableAgent(ctx, other.ID) }, store.ErrDisabled},
		"token of the API": {
			func(s *store.Store) error { _, err := s.ByAPIToken(ctx, apiSecret); return err },
			func(s *store.Store) error { return s.RevokeAPIToken(ctx, account.ID, api.ID) }, store.ErrUnauthorized,
		},
		"session": {
			func(s *store.Store) error { _, err := s.BySession(ctx, session, time.Hour, true); return err },
			func(s *store.Store) error { return s.EndSession(ctx, account.ID, login.HashSecret(session)) }, store.ErrUnauthorized,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for i, s := range stores {
				if err := test.use(s); err != nil {
					t.Fatalf("collector %d: %v", i, err)
				}
			}
			if err := test.revoke(stores[1]); err != nil {
				t.Fatal(err)
			}
			for i, s := range stores {
				if err := test.use(s); !errors.Is(err, test.want) {
					t.Errorf("collector %d: error %v, want %v", i, err, test.want)
				}
			}
		})
	}
}
