package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"rollcall/collector/internal/reconcile"
)

// tokenPrefix lets people and secret scanners recognise an agent's token.
const tokenPrefix = "rca_"

// tokenBytes is the randomness of a token. It needs no salt and no slow hash:
// 256 bits cannot be guessed.
const tokenBytes = 32

// An Agent polls the nodes of one site and uploads what it saw.
type Agent struct {
	ID           string
	Organization string // Organization.ID
	Site         string
	Name         string
	Version      string        // of the agent program, as it says
	Created      time.Time     //
	LastSeen     time.Time     // its last upload, by the collector's clock; zero when never
	Interval     time.Duration // between two polls of a node, as it says
	ClockSkew    time.Duration // its clock minus the collector's, at its last upload
	Disabled     bool
}

const agentColumns = `id, organization, site, name, version, created, last_seen, interval_ms, clock_skew_ms, disabled`

func scanAgent(scan func(...any) error, a *Agent) error {
	var created, seen, interval, skew int64
	if err := scan(&a.ID, &a.Organization, &a.Site, &a.Name, &a.Version, &created, &seen, &interval, &skew, &a.Disabled); err != nil {
		return err
	}
	a.Created, a.LastSeen = moment(created), moment(seen)
	a.Interval, a.ClockSkew = time.Duration(interval)*time.Millisecond, time.Duration(skew)*time.Millisecond
	return nil
}

// CreateAgent makes an agent, and its organization and site where they are not
// there. The token is returned this once: only its hash is kept.
func (s *Store) CreateAgent(ctx context.Context, organization, site, name string) (a Agent, token string, err error) {
	token = newToken()
	err = s.update(ctx, func(t *tx) error {
		a, err = createAgent(ctx, t, organization, site, name, token)
		return err
	})
	if err != nil {
		return Agent{}, "", err
	}
	return a, token, nil
}

func createAgent(ctx context.Context, t *tx, organization, site, name, token string) (Agent, error) {
	site, err := checkName("site", site)
	if err != nil {
		return Agent{}, err
	}
	name, err = checkName("agent", name)
	if err != nil {
		return Agent{}, err
	}
	o, err := ensureOrganization(ctx, t, organization)
	if err != nil {
		return Agent{}, err
	}
	if _, err := t.ExecContext(ctx, `INSERT INTO sites (organization, name, created) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		o.ID, site, millis(t.now)); err != nil {
		return Agent{}, fmt.Errorf("cannot save site: %w", err)
	}
	a := Agent{ID: uuid.NewString(), Organization: o.ID, Site: site, Name: name, Created: t.now}
	res, err := t.ExecContext(ctx, `INSERT INTO agents (id, organization, site, name, token_hash, created) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT DO NOTHING`, a.ID, a.Organization, a.Site, a.Name, hashToken(token), millis(t.now))
	if err != nil {
		return Agent{}, fmt.Errorf("cannot save agent: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return Agent{}, err
	}
	if n == 0 {
		return Agent{}, fmt.Errorf("agent %q at site %q of %q: %w: it exists", name, site, o.Name, ErrConflict)
	}
	return a, markChanged(ctx, t, o.ID)
}

// ReplaceToken gives an agent a new token and enables it; the old token is
// refused from then on. What the agent sends next is taken as the newest, for a
// machine that lost its token has lost its counters too.
func (s *Store) ReplaceToken(ctx context.Context, agentID string) (string, error) {
	token := newToken()
	err := s.update(ctx, func(t *tx) error {
		a, err := agentByID(ctx, t, agentID)
		if err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `UPDATE agents SET token_hash = $1, disabled = 0 WHERE id = $2`, hashToken(token), agentID); err != nil {
			return fmt.Errorf("cannot save token: %w", err)
		}
		if _, err := t.ExecContext(ctx, `DELETE FROM watermarks WHERE agent = $1`, agentID); err != nil {
			return fmt.Errorf("cannot forget what the agent sent: %w", err)
		}
		return markChanged(ctx, t, a.Organization)
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// DisableAgent refuses the agent's token from now on. What it saw stays.
func (s *Store) DisableAgent(ctx context.Context, agentID string) error {
	return s.update(ctx, func(t *tx) error {
		a, err := agentByID(ctx, t, agentID)
		if err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `UPDATE agents SET disabled = 1 WHERE id = $1`, agentID); err != nil {
			return fmt.Errorf("cannot disable agent: %w", err)
		}
		return markChanged(ctx, t, a.Organization)
	})
}

func agentByID(ctx context.Context, t *tx, id string) (Agent, error) {
	var a Agent
	err := scanAgent(t.QueryRowContext(ctx, `SELECT `+agentColumns+` FROM agents WHERE id = $1`, id).Scan, &a)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !inScope(t.scope, a.Organization) {
		return Agent{}, fmt.Errorf("agent %q: %w", id, ErrNotFound)
	}
	return a, err
}

// AgentByToken returns the agent that the token belongs to, ErrUnauthorized
// when there is none, or ErrDisabled.
func (s *Store) AgentByToken(ctx context.Context, token string) (Agent, error) {
	if !strings.HasPrefix(token, tokenPrefix) || len(token) > 200 {
		return Agent{}, fmt.Errorf("the token is not one of an agent: %w", ErrUnauthorized)
	}
	var a Agent
	err := s.view(ctx, func(t *tx) error {
		return scanAgent(t.QueryRowContext(ctx, `SELECT `+agentColumns+` FROM agents WHERE token_hash = $1`, hashToken(token)).Scan, &a)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && !s.sees(a.Organization):
		return Agent{}, fmt.Errorf("no agent has this token: %w", ErrUnauthorized)
	case err != nil:
		return Agent{}, fmt.Errorf("cannot look up token: %w", err)
	case a.Disabled:
		return Agent{}, fmt.Errorf("agent %q of site %q: %w", a.Name, a.Site, ErrDisabled)
	}
	return a, nil
}

// AgentsAll returns the agents of all organizations, disabled ones too, by
// organization, site and name.
func (s *Store) AgentsAll(ctx context.Context) ([]Agent, error) {
	all, err := listAll(ctx, s, scanAgent, `SELECT `+agentColumns+` FROM agents ORDER BY organization, site, name`)
	return keep(s, all, func(a Agent) string { return a.Organization }), err
}

// Agents returns the agents of an organization that are not disabled.
func (s *Store) Agents(ctx context.Context, org string) ([]reconcile.Agent, error) {
	return listOf(ctx, s, org, agents)
}

func agents(ctx context.Context, q querier, org string) ([]reconcile.Agent, error) {
	all, err := list(ctx, q, func(scan func(...any) error, r *reconcile.Agent) error {
		var a Agent
		if err := scanAgent(scan, &a); err != nil {
			return err
		}
		*r = reconcile.Agent{ID: a.ID, Name: a.Name, Site: a.Site, LastSeen: a.LastSeen, Interval: a.Interval}
		return nil
	}, `SELECT `+agentColumns+` FROM agents WHERE organization = $1 AND disabled = 0 ORDER BY site, name`, org)
	if err != nil {
		return nil, err
	}
	return all, addRefusals(ctx, q, org, all)
}

func newToken() string {
	raw := make([]byte, tokenBytes)
	_, _ = rand.Read(raw) // never fails: the program ends instead
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(raw)
}

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
