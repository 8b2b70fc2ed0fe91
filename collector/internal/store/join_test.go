package store_test

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/collector/internal/store"
	"rollcall/pkg/wire"
)

const life = 90 * 24 * time.Hour

// A machine is the agent's side: its key and what it was given.
type machine struct {
	t     testing.TB
	s     *store.Store
	c     *clock
	key   ed25519.PrivateKey
	id    string
	token string
}

func newMachine(t testing.TB, s *store.Store, c *clock) *machine {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &machine{t: t, s: s, c: c, key: key}
}

// join returns the error that the store gives, and keeps the credential.
func (m *machine) join(secret string) error {
	m.t.Helper()
	j := wire.NewJoin(secret, m.key, "agent-1", "1.0", m.c.now())
	if err := j.Verify(); err != nil {
		m.t.Fatal(err)
	}
	_, credential, err := m.s.Join(context.Background(), j, life)
	m.take(credential, err)
	return err
}

func (m *machine) renew() error {
	_, credential, err := m.s.Renew(context.Background(), wire.NewRenewal(m.id, m.key, "1.0", m.c.now()), life)
	m.take(credential, err)
	return err
}

func (m *machine) take(c wire.Credential, err error) {
	if err == nil {
		m.id, m.token = c.AgentID, c.Token
	}
}

// upload sends an empty batch with the token, as an instance of the program.
func (m *machine) upload(token, instance string) error {
	a, err := m.s.AgentByToken(context.Background(), token)
	if err != nil {
		return err
	}
	_, err = m.s.SaveReports(context.Background(), a, wire.Batch{SentAt: m.c.now(), Interval: 3600, Instance: instance})
	return err
}

func (m *machine) want(what string, err, want error) {
	m.t.Helper()
	if !errors.Is(err, want) {
		m.t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func invite(t testing.TB, s *store.Store, name string) (store.Agent, string) {
	t.Helper()
	a, secret, err := s.Invite(context.Background(), "Riverside Food Bank", "Main", name, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return a, secret
}

func agentNow(t testing.TB, s *store.Store, id string) store.Agent {
	t.Helper()
	all, err := s.AgentsAll(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.ID == id {
			return a
		}
	}
	t.Fatalf("no agent %s", id)
	return store.Agent{}
}

func TestJoin(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	a, secret := invite(t, s, "agent-1")
	m := newMachine(t, s, c)
	m.want("a token that is none", m.join(wire.NewJoinToken("").Secret), store.ErrUnauthorized)
	m.want("the invitation as a bearer", m.upload(secret, ""), store.ErrUnauthorized)
	m.want("join", m.join(secret), nil)
	if m.id != a.ID || agentNow(t, s, a.ID).Joined != c.now() {
		t.Errorf("agent %s joined on %v, want %s on %v", m.id, agentNow(t, s, a.ID).Joined, a.ID, c.now())
	}
	m.want("upload", m.upload(m.token, ""), nil)

	// The answer was lost: the same machine asks again, another one may not.
	first := m.token
	m.want("join again", m.join(secret), nil)
	m.want("upload with the second", m.upload(m.token, ""), nil)
	m.want("upload with the first", m.upload(first, ""), nil)
	newMachine(t, s, c).want("another machine", newMachine(t, s, c).join(secret), store.ErrUsed)

	// An invitation that nobody took.
	_, late := invite(t, s, "agent-2")
	c.advance(24 * time.Hour)
	m.want("late", newMachine(t, s, c).join(late), store.ErrExpired)
}

// Of many machines with one token, one becomes the agent.
func TestJoinOnce(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	a, secret := invite(t, s, "agent-1")
	var wg sync.WaitGroup
	errs := make(chan error, 100)
	machines := make([]*machine, 100)
	for i := range machines {
		machines[i] = newMachine(t, s, c)
		wg.Go(func() { errs <- machines[i].join(secret) })
	}
	wg.Wait()
	close(errs)
	won := 0
	for err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, store.ErrUsed):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d of 100 joined, want 1", won)
	}
	for _, m := range machines {
		if m.id != "" {
			m.want("upload of the one that won", m.upload(m.token, ""), nil)
		}
	}
	all, err := s.Credentials(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[0].Agent != a.ID || all[0].Expires != c.now().Add(life) {
		t.Errorf("credentials %+v, want one of agent %s", all, a.ID)
	}
}

// One that is used ends the one before it, after a while; one whose answer was
// lost ends nothing.
func TestRotation(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	_, secret := invite(t, s, "agent-1")
	m := newMachine(t, s, c)
	m.want("join", m.join(secret), nil)
	used := m.token
	m.want("upload", m.upload(used, ""), nil)
	c.advance(life * 2 / 3)
	m.want("renew", m.renew(), nil)
	lost := m.token
	c.advance(time.Minute)
	m.want("renew again", m.renew(), nil)
	m.want("upload with the old one", m.upload(used, ""), nil)
	m.want("upload with the new one", m.upload(m.token, ""), nil)
	m.want("upload on the way with the old one", m.upload(used, ""), nil)
	c.advance(25 * time.Hour)
	m.want("the old one a day later", m.upload(used, ""), store.ErrExpired)
	m.want("the one that was lost, a day later", m.upload(lost, ""), store.ErrExpired)
	m.want("the new one a day later", m.upload(m.token, ""), nil)

	// Away for a year: the key alone brings it back.
	c.advance(365 * 24 * time.Hour)
	m.want("after a year", m.upload(m.token, ""), store.ErrExpired)
	if err := s.Prune(context.Background()); err != nil {
		t.Fatal(err)
	}
	m.want("after a year, forgotten", m.upload(m.token, ""), store.ErrUnauthorized)
	m.want("renew after a year", m.renew(), nil)
	m.want("upload after a year", m.upload(m.token, ""), nil)
}

// A request that was overheard is worth nothing, nor is one for another agent.
func TestRenewIsProven(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	_, secret := invite(t, s, "agent-1")
	m := newMachine(t, s, c)
	m.want("join", m.join(secret), nil)
	other, stranger := newMachine(t, s, c), newMachine(t, s, c)
	_, theirs, err := s.Invite(ctx, "Hillside Shelter", "Main", "agent-1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	other.want("join", other.join(theirs), nil)

	overheard := wire.NewRenewal(m.id, m.key, "1.0", c.now())
	for _, tt := range []struct {
		name  string
		wait  time.Duration
		renew wire.Renewal
		want  error
	}{
		{"the agent's", 0, overheard, nil},
		{"replayed at once", 0, overheard, store.ErrReplay},
		{"replayed later", 4 * time.Minute, overheard, store.ErrReplay},
		{"replayed much later", 20 * time.Minute, overheard, store.ErrClock},
		{"of the future", 0, wire.NewRenewal(m.id, m.key, "1.0", c.now().Add(time.Hour)), store.ErrClock},
		{"a stranger's key", 0, wire.NewRenewal(m.id, stranger.key, "1.0", c.now()), store.ErrMustRejoin},
		{"the key of another organization", 0, wire.NewRenewal(m.id, other.key, "1.0", c.now()), store.ErrMustRejoin},
		{"with another's name in it", 0, func() wire.Renewal { r := overheard; r.AgentID = other.id; return r }(), store.ErrMustRejoin},
		{"of nobody", 0, wire.NewRenewal("", stranger.key, "1.0", c.now()), store.ErrMustRejoin},
	} {
		c.advance(tt.wait)
		_, credential, err := s.Renew(ctx, tt.renew, life)
		if !errors.Is(err, tt.want) || (err != nil && credential.Token != "") {
			t.Errorf("%s: error %v with %d bytes of token, want %v", tt.name, err, len(credential.Token), tt.want)
		}
		if err != nil && strings.Contains(err.Error(), m.token) {
			t.Errorf("%s: the error tells a token", tt.name)
		}
	}
	// The same with the request to join.
	j := wire.NewJoin(secret, m.key, "agent-1", "1.0", c.now())
	if _, _, err := s.Join(ctx, j, life); err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Join(ctx, j, life)
	m.want("join replayed", err, store.ErrReplay)
}

func TestAgentStates(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	a, secret := invite(t, s, "agent-1")
	m := newMachine(t, s, c)
	m.want("join", m.join(secret), nil)
	refused := func(want error) {
		t.Helper()
		m.want("upload", m.upload(m.token, ""), want)
		m.want("renew", m.renew(), want)
		m.want("join again", m.join(secret), want)
	}

	// Disabled is not revoked: it goes on with what it has.
	if err := s.DisableAgent(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	refused(store.ErrDisabled)
	again, err := s.InviteAgain(ctx, a.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	m.want("a new token of a disabled agent", newMachine(t, s, c).join(again), store.ErrDisabled)
	state, err := s.EnableAgent(ctx, a.ID)
	if err != nil || state != store.AgentActive {
		t.Fatalf("state %q, error %v", state, err)
	}
	m.want("enabled", m.upload(m.token, ""), nil)

	// Revoked, with the invitation that was open.
	if err := s.RevokeAgent(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	refused(store.ErrRevoked)
	m.want("an invitation of before", newMachine(t, s, c).join(again), store.ErrUnauthorized)
	if err := s.DisableAgent(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	refused(store.ErrRevoked)
	if state, err = s.EnableAgent(ctx, a.ID); err != nil || state != store.AgentMustRejoin {
		t.Fatalf("state %q, error %v", state, err)
	}
	m.want("upload of one that must rejoin", m.upload(m.token, ""), store.ErrUnauthorized)
	m.want("renewal of one that must rejoin", m.renew(), store.ErrMustRejoin)
	if got := facts(t, s, a.Organization).Agents; len(got) != 1 {
		t.Errorf("one that must rejoin is not expected: %v", got)
	}

	// The new machine is the agent from the moment that it joins.
	if again, err = s.InviteAgain(ctx, a.ID, time.Hour); err != nil {
		t.Fatal(err)
	}
	second := newMachine(t, s, c)
	second.want("join", second.join(again), nil)
	second.want("upload", second.upload(second.token, ""), nil)
	m.want("renewal of the old machine", m.renew(), store.ErrMustRejoin)
	m.want("join of the old machine", m.join(secret), store.ErrUsed)
}

// What is under way when an agent is revoked is refused when it would be saved.
func TestRevokedBetween(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	a, token, err := s.CreateAgent(ctx, "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.AgentByToken(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeAgent(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SaveReports(ctx, found, wire.Batch{Reports: []wire.Report{numbered(1)}}); !errors.Is(err, store.ErrRevoked) {
		t.Errorf("error %v, want %v", err, store.ErrRevoked)
	}
	if err := s.Ready(ctx); err != nil {
		t.Errorf("a refusal is taken for a failure of the store: %v", err)
	}
}

// Only one whose program comes back after another is two machines.
func TestRunsTwice(t *testing.T) {
	type step struct {
		after    time.Duration
		instance string
	}
	h := time.Hour
	tests := []struct {
		name  string
		steps []step
		want  bool
	}{
		{"one program", []step{{0, "a"}, {h, "a"}, {h, "a"}}, false},
		{"restarts", []step{{0, "a"}, {h, "b"}, {time.Second, "c"}, {time.Second, "d"}, {h, "d"}, {30 * 24 * h, "e"}}, false},
		{"a restart, and what was on the way", []step{{0, "a"}, {h, "b"}, {time.Minute, "a"}, {time.Minute, "b"}, {time.Minute, "a"}, {h, "b"}}, false},
		{"a program that does not say", []step{{0, "a"}, {h, ""}, {h, "a"}, {h, ""}}, false},
		{"a downgrade and an upgrade", []step{{0, ""}, {h, "a"}, {h, ""}, {h, "b"}}, false},
		{"a name that is too long", []step{{0, "a"}, {h, strings.Repeat("b", 65)}, {h, "a"}}, false},
		{"two in turns", []step{{0, "a"}, {h, "b"}, {h, "a"}}, true},
		{"two in quick turns", []step{{0, "a"}, {time.Minute, "b"}, {time.Minute, "a"}, {8 * time.Minute, "b"}, {time.Minute, "a"}}, true},
		{"one restarts beside the other", []step{{0, "a"}, {h, "b"}, {h, "c"}, {h, "a"}}, true},
		{"a week after the copy was switched off", []step{{0, "a"}, {h, "b"}, {h, "a"}, {8 * 24 * h, "a"}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			s := open(t, t.TempDir(), c)
			a, secret := invite(t, s, "agent-1")
			m := newMachine(t, s, c)
			m.want("join", m.join(secret), nil)
			for i, st := range tt.steps {
				c.advance(st.after)
				m.want(fmt.Sprint("upload ", i), m.upload(m.token, st.instance), nil)
			}
			if got := agentNow(t, s, a.ID).RunsTwice(c.now()); got != tt.want {
				t.Errorf("runs twice: %v, want %v", got, tt.want)
			}
			// Who joins again begins anew.
			again, err := s.InviteAgain(context.Background(), a.ID, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			m = newMachine(t, s, c)
			m.want("join", m.join(again), nil)
			if agentNow(t, s, a.ID).RunsTwice(c.now()) {
				t.Error("runs twice after it joined again")
			}
		})
	}
}

// Whoever has the database has no token: each text in it is tried.
func TestStolenDatabase(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	dir := t.TempDir()
	s := open(t, dir, c)
	_, open := invite(t, s, "agent-1")
	_, used := invite(t, s, "agent-2")
	m := newMachine(t, s, c)
	m.want("join", m.join(used), nil)
	m.want("upload", m.upload(m.token, "instance"), nil)
	db, err := sql.Open("sqlite", filepath.Join(dir, "rollcall.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	texts := allTexts(t, db)
	if len(texts) < 50 {
		t.Fatalf("only %d texts in the database", len(texts))
	}
	for _, text := range texts {
		for _, secret := range []string{open, used, m.token, string(m.key), string(m.key.Seed())} {
			if strings.Contains(text, secret) || strings.Contains(text, secret[4:]) {
				t.Errorf("a secret is in the database: %.20q…", text)
			}
		}
		for _, token := range []string{text, "rca_" + text} {
			if _, err := s.AgentByToken(ctx, token); err == nil {
				t.Errorf("%.20q… of the database is taken as a token", text)
			}
		}
		for _, token := range []string{text, "rcj_" + text} {
			if err := newMachine(t, s, c).join(token); err == nil {
				t.Errorf("%.20q… of the database is taken as a join token", text)
			}
		}
	}
}

// allTexts are the values of all tables.
func allTexts(t *testing.T, db *sql.DB) []string {
	t.Helper()
	var texts []string
	for _, table := range column(t, db, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`) {
		for _, name := range column(t, db, `SELECT name FROM pragma_table_info('`+table+`')`) {
			texts = append(texts, column(t, db, `SELECT CAST("`+name+`" AS TEXT) FROM "`+table+`"`)...)
		}
	}
	return texts
}

func column(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var text sql.NullString
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text.String)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
