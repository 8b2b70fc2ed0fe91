package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/collector/internal/login"
)

// An Account is a person who may log in.
type Account struct {
	ID          string
	Name        string // what is typed to log in, in lower case
	HasPassword bool
	Subject     string // of OpenID Connect, once it was used; "" for none
	Disabled    bool
	Created     time.Time
	LastLogin   time.Time // zero when never
	Grants      login.Grants
}

const accountColumns = `id, name, password, subject, disabled, created, last_login`

func scanAccount(scan func(...any) error, a *Account) error {
	var created, last int64
	var password string
	err := scan(&a.ID, &a.Name, &password, &a.Subject, &a.Disabled, &created, &last)
	a.HasPassword, a.Created, a.LastLogin = password != "", moment(created), moment(last)
	return err
}

// accountName is how a name is kept, so that case and spaces do not matter.
func accountName(name string) (string, error) {
	clean, err := checkName("account", strings.ToLower(name))
	if err == nil && strings.ContainsAny(clean, " :/\\\"'<>") {
		err = fmt.Errorf("account %.40q: %w: a name is one word or an e-mail address", clean, ErrInvalid)
	}
	return clean, err
}

// withGrants adds the grants of each account.
func withGrants(ctx context.Context, t *tx, all []Account) error {
	type grant struct {
		account, organization string
		role                  login.Role
	}
	query, args := `SELECT account, organization, role FROM account_grants`, []any{}
	if len(all) == 1 {
		query, args = query+` WHERE account = $1`, []any{all[0].ID}
	}
	grants, err := list(ctx, t, func(scan func(...any) error, g *grant) error { return scan(&g.account, &g.organization, &g.role) }, query, args...)
	if err != nil {
		return fmt.Errorf("cannot read roles: %w", err)
	}
	at := make(map[string]int, len(all))
	for i := range all {
		all[i].Grants = login.Grants{}
		at[all[i].ID] = i
	}
	for _, g := range grants {
		if i, ok := at[g.account]; ok {
			all[i].Grants[g.organization] = g.role
		}
	}
	return nil
}

// Accounts returns all accounts with their roles, by name.
func (s *Store) Accounts(ctx context.Context) ([]Account, error) {
	var all []Account
	err := s.view(ctx, func(t *tx) (err error) {
		if all, err = list(ctx, t, scanAccount, `SELECT `+accountColumns+` FROM accounts ORDER BY name`); err != nil || len(all) == 0 {
			return err
		}
		return withGrants(ctx, t, all)
	})
	return all, err
}

// HasAccounts says that somebody can log in, or could before being disabled.
func (s *Store) HasAccounts(ctx context.Context) (bool, error) {
	var n int
	err := s.view(ctx, func(t *tx) (err error) {
		n, err = accounts(ctx, t)
		return err
	})
	return n > 0, err
}

func accounts(ctx context.Context, t *tx) (n int, err error) {
	err = t.QueryRowContext(ctx, `SELECT COUNT(*) FROM accounts`).Scan(&n)
	return n, err
}

// account returns the one of which the column has the value.
func account(ctx context.Context, t *tx, column, value string) (Account, error) {
	queries := map[string]string{ // no column comes from elsewhere
		"id":      `SELECT ` + accountColumns + ` FROM accounts WHERE id = $1`,
		"name":    `SELECT ` + accountColumns + ` FROM accounts WHERE name = $1`,
		"subject": `SELECT ` + accountColumns + ` FROM accounts WHERE subject = $1`,
	}
	a := make([]Account, 1)
	err := scanAccount(t.QueryRowContext(ctx, queries[column], value).Scan, &a[0])
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, fmt.Errorf("account %.80q: %w", value, ErrNotFound)
	}
	if err == nil {
		err = withGrants(ctx, t, a)
	}
	return a[0], err
}

// AccountByID finds an account.
func (s *Store) AccountByID(ctx context.Context, id string) (Account, error) {
	return s.account(ctx, "id", id)
}

func (s *Store) account(ctx context.Context, column, value string) (a Account, err error) {
	err = s.view(ctx, func(t *tx) error {
		a, err = account(ctx, t, column, value)
		return err
	})
	return a, err
}

// AccountByName finds the account of that name, in which case does not matter.
func (s *Store) AccountByName(ctx context.Context, name string) (Account, error) {
	name, err := accountName(name)
	if err != nil {
		return Account{}, fmt.Errorf("account %.80q: %w", name, ErrNotFound)
	}
	return s.account(ctx, "name", name)
}

// AccountBySubject finds the account that OpenID Connect knows by that subject.
func (s *Store) AccountBySubject(ctx context.Context, subject string) (Account, error) {
	return s.account(ctx, "subject", subject)
}

// LinkSubject says by which subject OpenID Connect knows an account that it
// does not know yet.
func (s *Store) LinkSubject(ctx context.Context, id, subject string) error {
	return s.update(ctx, func(t *tx) error {
		a, err := account(ctx, t, "id", id)
		if err != nil {
			return err
		}
		if a.Subject != "" {
			return fmt.Errorf("account %q: %w: it belongs to another subject of the provider", a.Name, ErrConflict)
		}
		if _, err := t.ExecContext(ctx, `UPDATE accounts SET subject = $1 WHERE id = $2`, subject, id); err != nil {
			return err
		}
		return t.audit(ctx, "", "account.link", a.Name, detail{"subject": subject})
	})
}

// PasswordHash returns what is kept of the password, "" where there is none or
// no such account.
func (s *Store) PasswordHash(ctx context.Context, name string) (hash string, err error) {
	err = s.view(ctx, func(t *tx) error {
		return t.QueryRowContext(ctx, `SELECT password FROM accounts WHERE name = $1 AND disabled = 0`, tryName(name)).Scan(&hash)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return hash, err
}

// CreateAccount makes an account that has no password yet.
func (s *Store) CreateAccount(ctx context.Context, name string, grants login.Grants) (a Account, err error) {
	err = s.update(ctx, func(t *tx) error {
		a, err = createAccount(ctx, t, name, "", grants)
		return err
	})
	return a, err
}

func createAccount(ctx context.Context, t *tx, name, password string, grants login.Grants) (Account, error) {
	name, err := accountName(name)
	if err != nil {
		return Account{}, err
	}
	a := Account{ID: uuid.NewString(), Name: name, HasPassword: password != "", Created: t.now, Grants: login.Grants{}}
	res, err := t.ExecContext(ctx, `INSERT INTO accounts (id, name, password, subject, disabled, created, last_login)
		VALUES ($1, $2, $3, '', 0, $4, 0) ON CONFLICT DO NOTHING`, a.ID, a.Name, password, millis(t.now))
	if err != nil {
		return Account{}, fmt.Errorf("cannot save account: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return Account{}, errors.Join(err, fmt.Errorf("account %q: %w: it exists", name, ErrConflict))
	}
	if err := t.audit(ctx, "", "account.create", name, nil); err != nil {
		return Account{}, err
	}
	for org, role := range grants {
		if err := grant(ctx, t, a, org, role); err != nil {
			return Account{}, err
		}
		a.Grants[org] = role
	}
	return a, nil
}

// Grant gives an account a role in an organization, "" for all of them; for the
// role "" it takes away the one it has.
func (s *Store) Grant(ctx context.Context, id, org string, role login.Role) error {
	return s.update(ctx, func(t *tx) error {
		a, err := account(ctx, t, "id", id)
		if err != nil {
			return err
		}
		if err := grant(ctx, t, a, org, role); err != nil {
			return err
		}
		return lastAdmin(ctx, t, a)
	})
}

func grant(ctx context.Context, t *tx, a Account, org string, role login.Role) error {
	if role != "" && !slices.Contains(login.Roles, role) {
		return fmt.Errorf("%w: %.40q is not one of %v", ErrInvalid, role, login.Roles)
	}
	if org != "" {
		if err := organizationExists(ctx, t, org); err != nil {
			return err
		}
	}
	var err error
	if role == "" {
		_, err = t.ExecContext(ctx, `DELETE FROM account_grants WHERE account = $1 AND organization = $2`, a.ID, org)
	} else {
		_, err = t.ExecContext(ctx, `INSERT INTO account_grants (account, organization, role) VALUES ($1, $2, $3)
			ON CONFLICT (account, organization) DO UPDATE SET role = excluded.role`, a.ID, org, string(role))
	}
	if err != nil {
		return fmt.Errorf("cannot save the role: %w", err)
	}
	return t.audit(ctx, org, "account.role", a.Name, detail{"was": a.Grants[org], "is": role})
}

// lastAdmin refuses what would leave nobody who may do everything, where the
// account was one who may.
func lastAdmin(ctx context.Context, t *tx, was Account) error {
	if was.Disabled || !was.Grants[""].Covers(login.Admin) {
		return nil
	}
	var n int
	if err := t.QueryRowContext(ctx, `SELECT COUNT(*) FROM accounts a JOIN account_grants g ON g.account = a.id
		WHERE a.disabled = 0 AND g.organization = '' AND g.role = $1`, string(login.Admin)).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("account %q: %w: it is the last one that is admin of all organizations, so nobody could undo this: make another one first", was.Name, ErrConflict)
	}
	return nil
}

// SetPassword keeps the hash of a new password, and ends the account's sessions
// but the one whose hash is given.
func (s *Store) SetPassword(ctx context.Context, id, hash, but string) error {
	return s.update(ctx, func(t *tx) error {
		a, err := account(ctx, t, "id", id)
		if err != nil {
			return err
		}
		return setPassword(ctx, t, a, hash, but)
	})
}

func setPassword(ctx context.Context, t *tx, a Account, hash, but string) error {
	for _, q := range []struct {
		query string
		args  []any
	}{
		{`UPDATE accounts SET password = $1 WHERE id = $2`, []any{hash, a.ID}},
		{`DELETE FROM sessions WHERE account = $1 AND hash <> $2`, []any{a.ID, but}},
		{`DELETE FROM known_browsers WHERE account = $1`, []any{a.ID}},
		{`DELETE FROM setup_codes WHERE account = $1`, []any{a.ID}},
	} {
		if _, err := t.ExecContext(ctx, q.query, q.args...); err != nil {
			return fmt.Errorf("cannot save the password: %w", err)
		}
	}
	return t.audit(ctx, "", "account.password", a.Name, nil)
}

// SetDisabled refuses an account from now on, its sessions and tokens too, or
// lets it in again.
func (s *Store) SetDisabled(ctx context.Context, id string, disabled bool) error {
	return s.update(ctx, func(t *tx) error {
		a, err := account(ctx, t, "id", id)
		if err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `UPDATE accounts SET disabled = $1 WHERE id = $2`, number(disabled), id); err != nil {
			return fmt.Errorf("cannot save account: %w", err)
		}
		if err := lastAdmin(ctx, t, a); err != nil {
			return err
		}
		action := "account.enable"
		if disabled {
			action = "account.disable"
			if err := forget(ctx, t, id); err != nil {
				return err
			}
		}
		return t.audit(ctx, "", action, a.Name, nil)
	})
}

// forget ends sessions and links of an account.
func forget(ctx context.Context, t *tx, id string) error {
	for _, q := range []string{
		`DELETE FROM sessions WHERE account = $1`, `DELETE FROM setup_codes WHERE account = $1`, `DELETE FROM known_browsers WHERE account = $1`,
	} {
		if _, err := t.ExecContext(ctx, q, id); err != nil {
			return fmt.Errorf("cannot end the sessions: %w", err)
		}
	}
	return nil
}

// DeleteAccount takes an account away with its sessions, tokens and roles. What
// it did keeps its name.
func (s *Store) DeleteAccount(ctx context.Context, id string) error {
	return s.update(ctx, func(t *tx) error {
		a, err := account(ctx, t, "id", id)
		if err != nil {
			return err
		}
		if err := forget(ctx, t, id); err != nil {
			return err
		}
		for _, q := range []string{
			`DELETE FROM api_tokens WHERE account = $1`, `DELETE FROM account_grants WHERE account = $1`, `DELETE FROM accounts WHERE id = $1`,
		} {
			if _, err := t.ExecContext(ctx, q, id); err != nil {
				return fmt.Errorf("cannot delete account: %w", err)
			}
		}
		if err := lastAdmin(ctx, t, a); err != nil {
			return err
		}
		return t.audit(ctx, "", "account.delete", a.Name, nil)
	})
}
