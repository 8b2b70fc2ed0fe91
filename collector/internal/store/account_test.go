package store_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
)

func account(t *testing.T, s *store.Store, name string, grants login.Grants) store.Account {
	t.Helper()
	a, err := s.CreateAccount(context.Background(), name, grants)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestSetupOnce: however many use one link, or several, at once, there is one
// first account; and then none can be made so again.
func TestSetupOnce(t *testing.T) {
	s := open(t, t.TempDir(), newClock())
	ctx := context.Background()
	var codes []string
	for range 3 { // of three replicas
		code, err := s.NewSetupCode(ctx, "", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, code)
	}
	var made atomic.Int64
	var g errgroup.Group
	for i := range 60 {
		g.Go(func() error {
			_, err := s.UseSetupCode(ctx, codes[i%3], "operator", "hash")
			if err == nil {
				made.Add(1)
				return nil
			}
			if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	all, err := s.Accounts(ctx)
	if err != nil || made.Load() != 1 || len(all) != 1 || all[0].Grants.In("") != login.Admin {
		t.Fatalf("%d made, accounts %+v, %v", made.Load(), all, err)
	}
	if _, err := s.NewSetupCode(ctx, "", time.Hour); !errors.Is(err, store.ErrConflict) {
		t.Errorf("another link for a first account: %v", err)
	}
	if _, err := s.UseSetupCode(ctx, codes[2], "second", "hash"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a used link: %v", err)
	}
}

func TestSetupCodeEnds(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	ctx := context.Background()
	code, err := s.NewSetupCode(ctx, "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, first, err := s.SetupCode(ctx, code); err != nil || !first {
		t.Errorf("before its end: %v, %v", first, err)
	}
	c.advance(time.Hour)
	if _, _, err := s.SetupCode(ctx, code); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after its end: %v", err)
	}
	if _, err := s.UseSetupCode(ctx, code, "operator", "hash"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("used after its end: %v", err)
	}
}

// TestSessionEnds: by time without use, by time at all, by logging out, by a new
// password and with its account.
func TestSessionEnds(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	ctx := context.Background()
	a := account(t, s, "Someone@Example.org", login.Grants{"": login.Admin})
	account(t, s, "other", login.Grants{"": login.Admin})
	const idle, life = time.Hour, 10 * time.Hour
	begin := func(old string) string {
		secret, err := s.BeginSession(ctx, store.Begin{Account: a.ID, Way: "password", Life: life, Old: old})
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	holds := func(secret string, use bool) bool {
		t.Helper()
		p, err := s.BySession(ctx, secret, idle, use)
		if err != nil && !errors.Is(err, store.ErrUnauthorized) {
			t.Fatal(err)
		}
		if err == nil && (p.Name != "someone@example.org" || p.Account != a.ID || p.Grants.In("") != login.Admin) {
			t.Errorf("principal %+v", p)
		}
		return err == nil
	}
	one := begin("")
	for range 9 {
		c.advance(idle - time.Minute)
		if !holds(one, true) {
			t.Fatal("a session in use ended")
		}
	}
	c.advance(idle - time.Minute)
	c.advance(15 * time.Minute)
	if holds(one, true) {
		t.Error("a session outlives its life")
	}
	two := begin("")
	c.advance(idle - time.Minute)
	if !holds(two, false) {
		t.Error("a session ended before its time")
	}
	c.advance(time.Minute)
	if holds(two, true) {
		t.Error("a page that refreshes itself kept a session alive")
	}
	three := begin("")
	four := begin(three)
	if holds(three, false) || !holds(four, false) {
		t.Error("the session that the browser had before did not end with the login")
	}
	if err := s.EndSession(ctx, a.ID, login.HashSecret(four)); err != nil || holds(four, false) {
		t.Errorf("after logging out: %v", err)
	}
	five, six := begin(""), begin("")
	if err := s.SetPassword(ctx, a.ID, "hash", login.HashSecret(six)); err != nil || holds(five, false) || !holds(six, false) {
		t.Errorf("after a new password: %v", err)
	}
	if err := s.SetDisabled(ctx, a.ID, true); err != nil || holds(six, false) {
		t.Errorf("after disabling: %v", err)
	}
	if err := s.SetDisabled(ctx, a.ID, false); err != nil || holds(six, false) {
		t.Errorf("enabled again, the old session holds: %v", err)
	}
	if holds("", false) || holds(login.HashSecret(six), false) {
		t.Error("no secret, or what is kept of one, is taken for a session")
	}
}

// TestLastAdmin: nobody can be left without anybody who may do everything.
func TestLastAdmin(t *testing.T) {
	s := open(t, t.TempDir(), newClock())
	ctx := context.Background()
	a := account(t, s, "one", login.Grants{"": login.Admin})
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s the last admin: %v", what, err)
		}
	}
	refused("demoting", s.Grant(ctx, a.ID, "", login.Editor))
	refused("disabling", s.SetDisabled(ctx, a.ID, true))
	refused("deleting", s.DeleteAccount(ctx, a.ID))
	b := account(t, s, "two", login.Grants{"": login.Admin})
	if err := s.SetDisabled(ctx, a.ID, true); err != nil {
		t.Error(err)
	}
	refused("deleting", s.DeleteAccount(ctx, b.ID))
	if err := s.DeleteAccount(ctx, a.ID); err != nil {
		t.Error(err)
	}
}

// TestTries: tries are limited by account and by address, for a time; many at
// once are no way around; and whoever was logged in before is not locked out by
// others.
func TestTries(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	ctx := context.Background()
	a := account(t, s, "admin", login.Grants{"": login.Admin})
	browser, err := s.KnowBrowser(ctx, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	let := func(x store.Try) bool {
		t.Helper()
		err := s.BeginTry(ctx, x)
		var many *store.ErrTooMany
		if err != nil && !errors.As(err, &many) {
			t.Fatal(err)
		}
		return err == nil
	}
	// From a hundred addresses at once.
	var passed atomic.Int64
	var g errgroup.Group
	for i := range 100 {
		g.Go(func() error {
			err := s.BeginTry(ctx, store.Try{Name: "Admin", Address: "192.0.2." + strings.Repeat("1", i%3+1)})
			if _, many := errors.AsType[*store.ErrTooMany](err); many {
				return nil
			}
			if err == nil {
				passed.Add(1)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if passed.Load() != 10 {
		t.Errorf("%d of 100 tries at once were let through, want 10", passed.Load())
	}
	if let(store.Try{Name: " ADMIN ", Address: "198.51.100.1"}) {
		t.Error("the account is tried further from another address")
	}
	if !let(store.Try{Name: "admin", Address: "203.0.113.9", Browser: browser}) {
		t.Error("the admin is locked out of their own browser by others")
	}
	if let(store.Try{Name: "admin", Address: "203.0.113.9", Browser: "made up"}) {
		t.Error("a browser that is not known is let through")
	}
	if !let(store.Try{Name: "other", Address: "203.0.113.9"}) {
		t.Error("another account is locked too")
	}
	for range 30 {
		let(store.Try{Name: "", Address: "203.0.113.77"})
	}
	if let(store.Try{Name: "third", Address: "203.0.113.77"}) {
		t.Error("an address tries names without end")
	}
	// That browser has a limit of its own.
	for range 20 {
		let(store.Try{Name: "admin", Address: "203.0.113.9", Browser: browser})
	}
	if let(store.Try{Name: "admin", Address: "203.0.113.9", Browser: browser}) {
		t.Error("the known browser tries without end")
	}
	c.advance(15 * time.Minute)
	if !let(store.Try{Name: "admin", Address: "198.51.100.1"}) || !let(store.Try{Name: "third", Address: "203.0.113.77"}) {
		t.Error("the limit does not end by itself")
	}
	// Right ones do not count.
	for range 50 {
		x := store.Try{Name: "admin", Address: "192.0.2.200"}
		if !let(x) {
			t.Fatal("logging in often is taken for trying")
		}
		if err := s.EndTry(ctx, x, true, ""); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAPITokenIsItsAccounts: a token may never more than its account may now.
func TestAPITokenIsItsAccounts(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	ctx := context.Background()
	agent(t, s, "Hill School", "Main", "a1")
	account(t, s, "admin", login.Grants{"": login.Admin})
	a := account(t, s, "teacher", login.Grants{"hill-school": login.Editor})
	_, secret, err := s.CreateAPIToken(ctx, store.APIToken{Name: "script", Account: a.ID, Scope: login.ScopeWrite}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	grants := func() login.Grants {
		p, err := s.ByAPIToken(ctx, secret)
		if err != nil && !errors.Is(err, store.ErrUnauthorized) {
			t.Fatal(err)
		}
		return p.Grants
	}
	for _, step := range []struct {
		name string
		do   func() error
		want login.Role
	}{
		{"at first", func() error { return nil }, login.Editor},
		{"as an admin", func() error { return s.Grant(ctx, a.ID, "hill-school", login.Admin) }, login.Editor},
		{"as a viewer", func() error { return s.Grant(ctx, a.ID, "hill-school", login.Viewer) }, login.Viewer},
		{"without a role", func() error { return s.Grant(ctx, a.ID, "hill-school", "") }, ""},
		{"with the role again", func() error { return s.Grant(ctx, a.ID, "hill-school", login.Editor) }, login.Editor},
		{"disabled", func() error { return s.SetDisabled(ctx, a.ID, true) }, ""},
		{"enabled", func() error { return s.SetDisabled(ctx, a.ID, false) }, login.Editor},
		{"after its end", func() error { c.advance(time.Hour); return nil }, ""},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := grants().In("hill-school"); got != step.want {
			t.Errorf("%s it is %q, want %q", step.name, got, step.want)
		}
		if grants().In("other") != "" {
			t.Errorf("%s it reaches another organization", step.name)
		}
	}
	if err := s.DeleteAccount(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	if all, err := s.APITokens(ctx, ""); err != nil || len(all) != 0 {
		t.Errorf("after its account: %v, %v", all, err)
	}
}

// TestStolenDatabaseHasNoSecrets: of what opens something only hashes are kept.
func TestStolenDatabaseHasNoSecrets(t *testing.T) {
	s := open(t, t.TempDir(), newClock())
	ctx := context.Background()
	a := account(t, s, "admin", login.Grants{"": login.Admin})
	session, err1 := s.BeginSession(ctx, store.Begin{Account: a.ID, Life: time.Hour})
	code, err2 := s.NewSetupCode(ctx, a.ID, time.Hour)
	browser, err3 := s.KnowBrowser(ctx, a.ID)
	_, token, err4 := s.CreateAPIToken(ctx, store.APIToken{Name: "x", Scope: login.ScopeRead}, time.Hour)
	if err := errors.Join(err1, err2, err3, err4, s.BeginTry(ctx, store.Try{Name: "hunter2 typed as a name", Address: "192.0.2.1"}),
		s.EndTry(ctx, store.Try{Name: "hunter2 typed as a name", Address: "192.0.2.1"}, false, "password")); err != nil {
		t.Fatal(err)
	}
	dump := s.DumpForTest(t)
	for _, secret := range []string{session, code, browser, token, "hunter2"} {
		if strings.Contains(dump, secret) {
			t.Errorf("the database has %q", secret)
		}
	}
	if !strings.Contains(dump, login.HashSecret(session)) || !strings.Contains(dump, login.HashSecret(token)) {
		t.Error("the dump is not whole")
	}
}
