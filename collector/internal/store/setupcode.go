package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rollcall/collector/internal/login"
)

// NewSetupCode makes the code of a link with which, once and within its life,
// the password of an account is set, or for "" the first account is made. It
// takes the place of those before for the same. Once there is an account, none
// for a first one is made: ErrConflict.
func (s *Store) NewSetupCode(ctx context.Context, id string, life time.Duration) (code string, err error) {
	code = login.NewSecret("")
	err = s.update(ctx, func(t *tx) error {
		subject := "the first account"
		if id != "" {
			a, err := account(ctx, t, "id", id)
			if err != nil {
				return err
			}
			subject = a.Name
			if _, err := t.ExecContext(ctx, `DELETE FROM setup_codes WHERE account = $1`, id); err != nil {
				return err
			}
		} else if err := noAccounts(ctx, t); err != nil {
			return err
		}
		// Replicas that start at once each show one for the first account.
		if _, err := t.ExecContext(ctx, `DELETE FROM setup_codes WHERE expires < $1`, millis(t.now)); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `INSERT INTO setup_codes (hash, account, expires) VALUES ($1, $2, $3)`,
			login.HashSecret(code), id, millis(t.now.Add(life))); err != nil {
			return fmt.Errorf("cannot save the link: %w", err)
		}
		return t.audit(ctx, "", "account.link_made", subject, nil)
	})
	if err != nil {
		return "", err
	}
	return code, nil
}

func noAccounts(ctx context.Context, t *tx) error {
	n, err := accounts(ctx, t)
	if err == nil && n > 0 {
		err = fmt.Errorf("%w: there is an account already: who has it makes the others", ErrConflict)
	}
	return err
}

// SetupCode returns the account whose password the code may set; first says that
// it is to make the first account. A code that is not there, was used or has
// ended is ErrNotFound.
func (s *Store) SetupCode(ctx context.Context, code string) (a Account, first bool, err error) {
	err = s.view(ctx, func(t *tx) error {
		id, err := setupCode(ctx, t, code)
		if first = err == nil && id == ""; err != nil || first {
			return err
		}
		a, err = account(ctx, t, "id", id)
		return err
	})
	return a, first, err
}

func setupCode(ctx context.Context, t *tx, code string) (account string, err error) {
	err = t.QueryRowContext(ctx, `SELECT account FROM setup_codes WHERE hash = $1 AND expires > $2`, login.HashSecret(code), millis(t.now)).Scan(&account)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("the link was used or has ended: %w", ErrNotFound)
	}
	return account, err
}

// UseSetupCode sets the password of the account that the code is for, or makes
// the first account, of that name and admin of all organizations. However many
// try at once, one does it.
func (s *Store) UseSetupCode(ctx context.Context, code, name, passwordHash string) (a Account, err error) {
	err = s.update(ctx, func(t *tx) error {
		id, err := setupCode(ctx, t, code)
		if err != nil {
			return err
		}
		t.actor = tryName(name)
		if id != "" {
			if a, err = account(ctx, t, "id", id); err != nil {
				return err
			}
			t.actor = a.Name
		}
		// The audit log is held from here on, so that whoever else comes waits.
		if err := t.audit(ctx, "", "account.link_used", t.actor, nil); err != nil {
			return err
		}
		res, err := t.ExecContext(ctx, `DELETE FROM setup_codes WHERE hash = $1`, login.HashSecret(code))
		if err != nil {
			return fmt.Errorf("cannot use the link: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("the link was used: %w", ErrNotFound))
		}
		if id != "" {
			return setPassword(ctx, t, a, passwordHash, "")
		}
		if err := noAccounts(ctx, t); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `DELETE FROM setup_codes WHERE account = ''`); err != nil {
			return err
		}
		a, err = createAccount(ctx, t, name, passwordHash, login.Grants{"": login.Admin})
		return err
	})
	return a, err
}
