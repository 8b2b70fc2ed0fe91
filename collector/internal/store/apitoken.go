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

// MaxTokenLife bounds the life of a token of the API.
const MaxTokenLife = 5 * 366 * 24 * time.Hour

// An APIToken lets a program ask in somebody's place.
type APIToken struct {
	ID           string
	Name         string
	Account      string // ID; "" for one of the command line
	AccountName  string
	Scope        login.Scope
	Organization string // ID; "" for all that its account may see
	Created      time.Time
	Expires      time.Time
	LastUsed     time.Time // zero when never
	Revoked      time.Time // zero while it holds
}

const apiTokenColumns = `t.id, t.name, t.account, COALESCE(a.name, ''), t.scope, t.organization, t.created, t.expires, t.last_used, t.revoked`

func scanAPIToken(scan func(...any) error, x *APIToken) error {
	var created, expires, used, revoked int64
	err := scan(&x.ID, &x.Name, &x.Account, &x.AccountName, &x.Scope, &x.Organization, &created, &expires, &used, &revoked)
	x.Created, x.Expires, x.LastUsed, x.Revoked = moment(created), moment(expires), moment(used), moment(revoked)
	return err
}

// CreateAPIToken makes a token that is returned this once. Its ID, times and
// account's name are set here.
func (s *Store) CreateAPIToken(ctx context.Context, x APIToken, life time.Duration) (APIToken, string, error) {
	secret := login.NewSecret(login.PrefixAPI)
	err := s.update(ctx, func(t *tx) (err error) {
		if x.Name, err = checkName("token", x.Name); err != nil {
			return err
		}
		if !slices.Contains(login.Scopes, x.Scope) {
			return fmt.Errorf("%w: %.40q is not one of %v", ErrInvalid, x.Scope, login.Scopes)
		}
		if life < time.Minute || life > MaxTokenLife {
			return fmt.Errorf("%w: a token lives between a minute and five years", ErrInvalid)
		}
		if x.Organization != "" {
			if err := organizationExists(ctx, t, x.Organization); err != nil {
				return err
			}
		}
		x.ID, x.Created, x.Expires = uuid.NewString(), t.now, t.now.Add(life)
		if _, err := t.ExecContext(ctx, `INSERT INTO api_tokens (id, hash, name, account, scope, organization, created, expires, last_used, revoked)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0)`, x.ID, login.HashSecret(secret), x.Name, x.Account, string(x.Scope), x.Organization,
			millis(x.Created), millis(x.Expires)); err != nil {
			return fmt.Errorf("cannot save token: %w", err)
		}
		return t.audit(ctx, x.Organization, "api_token.create", x.Name, detail{"id": x.ID, "scope": x.Scope, "expires": x.Expires.Format(time.RFC3339)})
	})
	if err != nil {
		return APIToken{}, "", err
	}
	return x, secret, nil
}

// APITokens returns the tokens of an account, or of everybody for "", the newest
// first.
func (s *Store) APITokens(ctx context.Context, account string) ([]APIToken, error) {
	return listAll(ctx, s, scanAPIToken, `SELECT `+apiTokenColumns+` FROM api_tokens t LEFT JOIN accounts a ON a.id = t.account
		WHERE t.account = $1 OR $1 = '' ORDER BY t.created DESC, t.id`, account)
}

// RevokeAPIToken refuses a token from now on; account is whose it has to be, ""
// for anybody's.
func (s *Store) RevokeAPIToken(ctx context.Context, account, id string) error {
	return s.update(ctx, func(t *tx) error {
		var x APIToken
		err := scanAPIToken(t.QueryRowContext(ctx, `SELECT `+apiTokenColumns+` FROM api_tokens t LEFT JOIN accounts a ON a.id = t.account
			WHERE t.id = $1 AND (t.account = $2 OR $2 = '') AND t.revoked = 0`, id, account).Scan, &x)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("token %.40q: %w", id, ErrNotFound)
		}
		if err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `UPDATE api_tokens SET revoked = $1 WHERE id = $2`, millis(t.now), id); err != nil {
			return fmt.Errorf("cannot revoke token: %w", err)
		}
		return t.audit(ctx, x.Organization, "api_token.revoke", x.Name, detail{"id": x.ID})
	})
}

// ByAPIToken says who has the token, and counts it as used; ErrUnauthorized when
// nobody does, or it has ended. It may never more than its account now may.
func (s *Store) ByAPIToken(ctx context.Context, secret string) (login.Principal, error) {
	nobody := fmt.Errorf("there is no such token: %w", ErrUnauthorized)
	if !strings.HasPrefix(secret, login.PrefixAPI) || len(secret) > 200 {
		return login.Principal{}, nobody
	}
	now := s.clock()
	var x APIToken
	var a Account
	err := s.view(ctx, func(t *tx) (err error) {
		err = scanAPIToken(t.QueryRowContext(ctx, `SELECT `+apiTokenColumns+` FROM api_tokens t LEFT JOIN accounts a ON a.id = t.account
			WHERE t.hash = $1 AND t.revoked = 0 AND t.expires > $2 AND (t.account = '' OR a.disabled = 0)`, login.HashSecret(secret), millis(now)).Scan, &x)
		if err == nil && x.Account != "" {
			a, err = account(ctx, t, "id", x.Account)
		}
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return login.Principal{}, nobody
	}
	if err != nil {
		return login.Principal{}, fmt.Errorf("cannot look up token: %w", err)
	}
	p := login.Principal{Name: "token " + x.Name, Account: x.Account, Token: x.ID, Scope: x.Scope, Grants: login.Grants{"": login.Admin}}
	if x.Account != "" {
		p.Name, p.Grants = a.Name+" (token "+x.Name+")", a.Grants
	}
	p.Grants = p.Grants.Capped(x.Scope.Role(), x.Organization)
	if now.Sub(x.LastUsed) >= touchAfter {
		if err := s.update(ctx, func(t *tx) error {
			_, err := t.ExecContext(ctx, `UPDATE api_tokens SET last_used = $1 WHERE id = $2 AND last_used < $1`, millis(now), x.ID)
			return err
		}); err != nil {
			s.log.WarnContext(ctx, "the use of a token cannot be saved", "error", err)
		}
	}
	return p, nil
}
