package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"rollcall/collector/internal/login"
)

// Limits on failed tries to log in within tryWindow, after whose end they begin
// anew: nobody is locked out for longer.
const (
	tryWindow      = 15 * time.Minute
	triesOfAccount = 10
	triesOfAddress = 30
	triesOfBrowser = 10
)

// Kinds of what tries are counted of.
const (
	tryAccount = "account"
	tryAddress = "address"
	tryBrowser = "browser"
)

// A Try is one try to log in.
type Try struct {
	Name    string // of the account, as typed
	Address string
	Browser string // secret of a known browser; "" for none
}

// ErrTooMany says when to try again.
type ErrTooMany struct {
	Again time.Time
}

// Error tells it in words.
func (e *ErrTooMany) Error() string {
	return "too many tries to log in: again at " + e.Again.Format(time.RFC3339)
}

// counted is what the try counts for. A browser in which the account was logged
// in before counts for itself alone: others, who try passwords of the account
// from anywhere, cannot lock out whoever sits there.
func (x Try) counted(ctx context.Context, t *tx) (map[string]string, error) {
	name := strings.ToLower(strings.TrimSpace(x.Name))
	if x.Browser != "" {
		var n int
		err := t.QueryRowContext(ctx, `SELECT COUNT(*) FROM known_browsers b JOIN accounts a ON a.id = b.account WHERE b.hash = $1 AND a.name = $2`,
			login.HashSecret(x.Browser), name).Scan(&n)
		if err != nil {
			return nil, fmt.Errorf("cannot look up the browser: %w", err)
		}
		if n > 0 {
			return map[string]string{tryBrowser: login.HashSecret(x.Browser)}, nil
		}
	}
	of := map[string]string{tryAddress: x.Address}
	if name != "" {
		of[tryAccount] = login.HashSecret(name) // whatever was typed is as long, and no password in the wrong field is kept
	}
	return of, nil
}

func triesAllowed(kind string) int {
	switch kind {
	case tryAccount:
		return triesOfAccount
	case tryBrowser:
		return triesOfBrowser
	}
	return triesOfAddress
}

// BeginTry counts a try before the password is looked at, so that many at once
// are no way around the limit. It returns *ErrTooMany where there were too many,
// and writes that into the audit log once in a window.
func (s *Store) BeginTry(ctx context.Context, x Try) error {
	now := s.clock()
	// Who is over the limit costs a read, not a write.
	var of map[string]string
	if err := s.view(ctx, func(t *tx) (err error) {
		if of, err = x.counted(ctx, t); err != nil {
			return err
		}
		for kind, subject := range of {
			var began int64
			var tries int
			err := t.QueryRowContext(ctx, `SELECT began, tries FROM login_tries WHERE kind = $1 AND subject = $2`, kind, subject).Scan(&began, &tries)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return fmt.Errorf("cannot count tries: %w", err)
			}
			if until := moment(began).Add(tryWindow); err == nil && tries > triesAllowed(kind) && now.Before(until) {
				return &ErrTooMany{Again: until}
			}
		}
		return nil
	}); err != nil {
		return err
	}
	var many *ErrTooMany
	err := s.update(ctx, func(t *tx) error {
		many = nil
		if _, err := t.ExecContext(ctx, `DELETE FROM login_tries WHERE began <= $1`, millis(t.now.Add(-tryWindow))); err != nil {
			return fmt.Errorf("cannot count tries: %w", err)
		}
		for _, kind := range []string{tryAccount, tryAddress, tryBrowser} { // one order, so that no two wait for each other
			subject, counts := of[kind]
			if !counts {
				continue
			}
			var began int64
			var tries int
			if err := t.QueryRowContext(ctx, `INSERT INTO login_tries (kind, subject, began, tries) VALUES ($1, $2, $3, 1)
				ON CONFLICT (kind, subject) DO UPDATE SET tries = login_tries.tries + 1 RETURNING began, tries`, kind, subject, millis(t.now)).Scan(&began, &tries); err != nil {
				return fmt.Errorf("cannot count tries: %w", err)
			}
			if tries <= triesAllowed(kind) {
				continue
			}
			many = &ErrTooMany{Again: moment(began).Add(tryWindow)}
			if tries == triesAllowed(kind)+1 {
				t.actor = somebody
				if err := t.audit(ctx, "", "login.limit", tryName(x.Name), detail{"kind": kind, "address": x.Address}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil && many != nil {
		return many
	}
	return err
}

// somebody is who the audit log says tried to log in: it is not known.
const somebody = "somebody"

// tryName is what was typed as a name, no longer than a name is.
func tryName(name string) string {
	clean, err := accountName(name)
	if err != nil {
		return "(no name)"
	}
	return clean
}

// EndTry takes a try that was right off the count. One that failed is written
// into the audit log; its account only where there is one, for people type
// passwords into the wrong field.
func (s *Store) EndTry(ctx context.Context, x Try, right bool, why string) error {
	return s.update(ctx, func(t *tx) error {
		of, err := x.counted(ctx, t)
		if err != nil {
			return err
		}
		if !right {
			t.actor = somebody
			name := "(unknown)"
			if a, err := account(ctx, t, "name", tryName(x.Name)); err == nil {
				name = a.Name
			}
			return t.audit(ctx, "", "login.failed", name, detail{"address": x.Address, "why": why})
		}
		for kind, subject := range of {
			if _, err := t.ExecContext(ctx, `UPDATE login_tries SET tries = tries - 1 WHERE kind = $1 AND subject = $2 AND tries > 0`, kind, subject); err != nil {
				return fmt.Errorf("cannot count tries: %w", err)
			}
		}
		return nil
	})
}
