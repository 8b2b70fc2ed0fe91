package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"rollcall/pkg/wire"
)

// A JoinToken is one that no agent has used yet, without the token itself,
// which is not kept.
type JoinToken struct {
	Agent        string // Agent.ID
	Organization string // Organization.ID
	Expires      time.Time
}

// JoinTokens returns the unused join tokens of all agents.
func (s *Store) JoinTokens(ctx context.Context) ([]JoinToken, error) {
	all, err := listAll(ctx, s, func(scan func(...any) error, j *JoinToken) error {
		var expires int64
		if err := scan(&j.Agent, &j.Organization, &expires); err != nil {
			return err
		}
		j.Expires = moment(expires)
		return nil
	}, `SELECT agent, organization, expires FROM join_tokens WHERE used = 0 ORDER BY agent, expires`)
	return keep(s, all, func(j JoinToken) string { return j.Organization }), err
}

// Invite makes an agent, and its organization and site where they are not
// there, and a token by which it can join within a while. The token is returned
// this once: only its hash is kept.
func (s *Store) Invite(ctx context.Context, organization, site, name string, life time.Duration) (a Agent, secret string, err error) {
	err = s.update(ctx, func(t *tx) error {
		if a, err = createAgent(ctx, t, organization, site, name); err != nil {
			return err
		}
		secret, err = invite(ctx, t, a, life)
		return err
	})
	if err != nil {
		return Agent{}, "", err
	}
	return a, secret, nil
}

// InviteAgain makes a join token for an agent that is there, in place of one
// that was not used. The machine that is the agent now stays it until another
// one joins.
func (s *Store) InviteAgain(ctx context.Context, agentID string, life time.Duration) (secret string, err error) {
	err = s.update(ctx, func(t *tx) error {
		a, err := agentByID(ctx, t, agentID)
		if err != nil {
			return err
		}
		secret, err = invite(ctx, t, a.Agent, life)
		return err
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

func invite(ctx context.Context, t *tx, a Agent, life time.Duration) (string, error) {
	if life <= 0 {
		return "", fmt.Errorf("a join token's life of %s: %w: it needs some time", life, ErrInvalid)
	}
	if err := dropInvitations(ctx, t, a.ID); err != nil {
		return "", err
	}
	secret := wire.NewJoinToken("").Secret
	if _, err := t.ExecContext(ctx, `INSERT INTO join_tokens (hash, agent, organization, created, expires, used, public_key) VALUES ($1, $2, $3, $4, $5, 0, '')`,
		hashToken(secret), a.ID, a.Organization, millis(t.now), millis(t.now.Add(life))); err != nil {
		return "", fmt.Errorf("cannot save join token: %w", err)
	}
	return secret, auditAgent(ctx, t, "agent.invite", a, detail{"valid_until": expiry(t.now, life)})
}

func dropInvitations(ctx context.Context, t *tx, agentID string) error {
	if _, err := t.ExecContext(ctx, `DELETE FROM join_tokens WHERE agent = $1 AND used = 0`, agentID); err != nil {
		return fmt.Errorf("cannot drop join token: %w", err)
	}
	return nil
}

// Join gives the agent that a join token was made for its first credential. The
// token is used up by that, but for the same key: its answer may have been
// lost. The caller has verified the request. The errors are ErrUnauthorized,
// ErrExpired, ErrUsed, ErrClock, ErrReplay, or that of the agent's state.
func (s *Store) Join(ctx context.Context, j wire.Join, life time.Duration) (a Agent, c wire.Credential, err error) {
	key := base64.StdEncoding.EncodeToString(j.PublicKey)
	err = s.update(ctx, func(t *tx) error {
		a, c = Agent{}, wire.Credential{}
		var agentID string
		// One statement, so that of many at once one has the token.
		res, err := t.ExecContext(ctx, `UPDATE join_tokens SET used = $1, public_key = $2 WHERE hash = $3 AND used = 0 AND expires > $1`,
			millis(t.now), key, hashToken(j.Token))
		if err != nil {
			return fmt.Errorf("cannot use join token: %w", err)
		}
		first, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if agentID, err = joinedBy(ctx, t, j.Token, key); err != nil {
			return err
		}
		m, err := agentByID(ctx, t, agentID)
		if err != nil {
			return err
		}
		a = m.Agent
		if first == 0 || a.State == AgentDisabled {
			err = a.taken()
		}
		if err == nil && first == 0 && m.key != key {
			err = fmt.Errorf("agent %q of site %q has joined again since: %w", a.Name, a.Site, ErrUsed)
		}
		if err == nil {
			err = takeProof(ctx, t, a, j.Proof)
		}
		if err == nil && first == 1 {
			err = welcome(ctx, t, a, key)
		}
		if err != nil {
			return err
		}
		if c, err = credentialFor(ctx, t, a, life); err != nil {
			return err
		}
		return auditAgent(ctx, t, "agent.join", a, detail{"valid_until": expiry(t.now, life), "answer_lost": first == 0})
	})
	if err != nil {
		return a, wire.Credential{}, err
	}
	return a, c, nil
}

// joinedBy returns the agent of a token that the key has used.
func joinedBy(ctx context.Context, t *tx, secret, key string) (agentID string, err error) {
	var expires, used int64
	var by string
	err = t.QueryRowContext(ctx, `SELECT agent, expires, used, public_key FROM join_tokens WHERE hash = $1`, hashToken(secret)).Scan(&agentID, &expires, &used, &by)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", fmt.Errorf("no agent was invited with this join token: %w", ErrUnauthorized)
	case err != nil:
		return "", fmt.Errorf("cannot read join token: %w", err)
	case used == 0:
		return "", fmt.Errorf("the join token was good until %s: %w", moment(expires).Format(time.RFC3339), ErrExpired)
	case by != key:
		return "", fmt.Errorf("the join token was used on %s: %w", moment(used).Format(time.RFC3339), ErrUsed)
	}
	return agentID, nil
}

// welcome makes the machine with the key the agent. Whichever was it before is
// not from then on. What the agent sends next is taken as the newest, for a new
// machine counts from the start.
func welcome(ctx context.Context, t *tx, a Agent, key string) error {
	for _, q := range []string{
		`DELETE FROM agent_credentials WHERE agent = $1`,
		`DELETE FROM agent_instances WHERE agent = $1`,
		`DELETE FROM watermarks WHERE agent = $1`,
	} {
		if _, err := t.ExecContext(ctx, q, a.ID); err != nil {
			return fmt.Errorf("cannot forget what the agent was: %w", err)
		}
	}
	if _, err := t.ExecContext(ctx, `UPDATE agents SET state = $1, disabled = 0, public_key = $2, joined = $3, instance = '', instance_since = 0, overlapped = 0
		WHERE id = $4`, string(AgentActive), key, millis(t.now), a.ID); err != nil {
		return fmt.Errorf("cannot save agent: %w", err)
	}
	return markChanged(ctx, t, a.Organization)
}
