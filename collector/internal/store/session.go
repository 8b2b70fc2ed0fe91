package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rollcall/collector/internal/login"
	"rollcall/pkg/inventory"
)

const (
	// touchAfter is how old the last use of a session or token has to be to be
	// written anew, so that a page is not a write each time.
	touchAfter = time.Minute
	// maxBrowser bounds what is kept of the name of a browser, in bytes.
	maxBrowser = 200
	// maxSessions bounds the sessions of one account; the oldest one ends.
	maxSessions = 50
)

// A Session is one browser in which an account is logged in.
type Session struct {
	Hash      string // names it; the secret itself is the browser's alone
	Account   string // ID
	Created   time.Time
	LastUsed  time.Time
	Expires   time.Time
	Address   string // that it was begun from
	Browser   string // as it says
	AccountOf string // name
}

// Begin is how a session begins.
type Begin struct {
	Account string // ID
	Way     string // password, link or oidc
	Address string
	Browser string
	Life    time.Duration
	Old     string // secret of the session that this browser had; "" for none
}

// BeginSession makes a session, whose secret is returned this once, and ends the
// one that the browser had.
func (s *Store) BeginSession(ctx context.Context, b Begin) (secret string, err error) {
	secret = login.NewSecret("")
	err = s.update(ctx, func(t *tx) error {
		a, err := account(ctx, t, "id", b.Account)
		if err != nil {
			return err
		}
		if a.Disabled {
			return fmt.Errorf("account %q: %w: it is disabled", a.Name, ErrConflict)
		}
		browser := inventory.CleanText(b.Browser)
		for _, q := range []struct {
			query string
			args  []any
		}{
			{`DELETE FROM sessions WHERE hash = $1 OR expires < $2`, []any{login.HashSecret(b.Old), millis(t.now)}},
			{`DELETE FROM sessions WHERE account = $1 AND hash NOT IN (SELECT hash FROM sessions WHERE account = $1 ORDER BY last_used DESC LIMIT $2)`, []any{a.ID, maxSessions - 1}},
			{
				`INSERT INTO sessions (hash, account, created, last_used, expires, address, browser) VALUES ($1, $2, $3, $3, $4, $5, $6)`,
				[]any{login.HashSecret(secret), a.ID, millis(t.now), millis(t.now.Add(b.Life)), b.Address, browser[:min(len(browser), maxBrowser)]},
			},
			{`UPDATE accounts SET last_login = $1 WHERE id = $2`, []any{millis(t.now), a.ID}},
		} {
			if _, err := t.ExecContext(ctx, q.query, q.args...); err != nil {
				return fmt.Errorf("cannot begin a session: %w", err)
			}
		}
		t.actor = a.Name
		return t.audit(ctx, "", "login", a.Name, detail{"way": b.Way, "address": b.Address})
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// BySession says who has the secret of a session that was used within the idle
// time; ErrUnauthorized when nobody does. With use it counts as used now.
func (s *Store) BySession(ctx context.Context, secret string, idle time.Duration, use bool) (login.Principal, error) {
	hash, now := login.HashSecret(secret), s.clock()
	var a Account
	var used int64
	err := s.view(ctx, func(t *tx) (err error) {
		var id string
		if err := t.QueryRowContext(ctx, `SELECT s.account, s.last_used FROM sessions s JOIN accounts a ON a.id = s.account
			WHERE s.hash = $1 AND s.expires > $2 AND s.last_used > $3 AND a.disabled = 0`, hash, millis(now), millis(now.Add(-idle))).Scan(&id, &used); err != nil {
			return err
		}
		a, err = account(ctx, t, "id", id)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return login.Principal{}, fmt.Errorf("there is no such session: %w", ErrUnauthorized)
	}
	if err != nil {
		return login.Principal{}, fmt.Errorf("cannot look up session: %w", err)
	}
	if use && now.Sub(moment(used)) >= touchAfter {
		if err := s.update(ctx, func(t *tx) error {
			_, err := t.ExecContext(ctx, `UPDATE sessions SET last_used = $1 WHERE hash = $2 AND last_used < $1`, millis(now), hash)
			return err
		}); err != nil {
			s.log.WarnContext(ctx, "the use of a session cannot be saved", "error", err)
		}
	}
	return login.Principal{Name: a.Name, Account: a.ID, Grants: a.Grants, Session: hash}, nil
}

// Sessions returns those of an account that have not ended, the last used first.
func (s *Store) Sessions(ctx context.Context, account string, idle time.Duration) ([]Session, error) {
	now := s.clock()
	return listAll(ctx, s, func(scan func(...any) error, x *Session) error {
		var created, used, expires int64
		err := scan(&x.Hash, &x.Account, &created, &used, &expires, &x.Address, &x.Browser)
		x.Created, x.LastUsed, x.Expires = moment(created), moment(used), moment(expires)
		return err
	}, `SELECT hash, account, created, last_used, expires, address, browser FROM sessions
		WHERE account = $1 AND expires > $2 AND last_used > $3 ORDER BY last_used DESC, hash`, account, millis(now), millis(now.Add(-idle)))
}

// EndSession ends one session of an account, by its hash.
func (s *Store) EndSession(ctx context.Context, account, hash string) error {
	return s.endSessions(ctx, account, `DELETE FROM sessions WHERE account = $1 AND hash = $2`, hash)
}

// EndOtherSessions ends all sessions of an account but one.
func (s *Store) EndOtherSessions(ctx context.Context, account, but string) error {
	return s.endSessions(ctx, account, `DELETE FROM sessions WHERE account = $1 AND hash <> $2`, but)
}

func (s *Store) endSessions(ctx context.Context, id, query, hash string) error {
	return s.update(ctx, func(t *tx) error {
		a, err := account(ctx, t, "id", id)
		if err != nil {
			return err
		}
		res, err := t.ExecContext(ctx, query, id, hash)
		if err != nil {
			return fmt.Errorf("cannot end the session: %w", err)
		}
		n, err := res.RowsAffected()
		if err != nil || n == 0 {
			return err
		}
		return t.audit(ctx, "", "logout", a.Name, detail{"sessions": n})
	})
}

// KnowBrowser remembers that an account was logged in with a browser, and
// returns the secret for it to keep.
func (s *Store) KnowBrowser(ctx context.Context, account string) (secret string, err error) {
	secret = login.NewSecret("")
	err = s.update(ctx, func(t *tx) error {
		for _, q := range []struct {
			query string
			args  []any
		}{
			{`DELETE FROM known_browsers WHERE account = $1 AND hash NOT IN (SELECT hash FROM known_browsers WHERE account = $1 ORDER BY last_used DESC LIMIT $2)`, []any{account, maxSessions - 1}},
			{`INSERT INTO known_browsers (hash, account, last_used) VALUES ($1, $2, $3)`, []any{login.HashSecret(secret), account, millis(t.now)}},
		} {
			if _, err := t.ExecContext(ctx, q.query, q.args...); err != nil {
				return fmt.Errorf("cannot remember the browser: %w", err)
			}
		}
		return nil
	})
	return secret, err
}
