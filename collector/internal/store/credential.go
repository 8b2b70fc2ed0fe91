package store

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

const (
	// tokenPrefix lets people and secret scanners recognise an agent's token.
	tokenPrefix = "rca_"
	// tokenBytes is the randomness of a token. It needs no salt and no slow
	// hash: 256 bits cannot be guessed.
	tokenBytes = 32
	// overlap is how long an agent's last credential is taken beside the next,
	// from the first use of that one: what is on the way with it still counts.
	overlap = 24 * time.Hour
	// keepCredentials is how many an agent has at most, however often it renews
	// them: one that it uses, one that it does not know as its answer was lost,
	// and so on.
	keepCredentials = 6
	// keepExpired is how long a credential is remembered beyond its life, so
	// that its agent hears that it is expired, and not that it is unknown.
	keepExpired = 30 * 24 * time.Hour
)

// A Credential is a token of an agent, without the token, which is not kept.
type Credential struct {
	Agent        string    // Agent.ID
	Organization string    // Organization.ID
	Created      time.Time //
	Expires      time.Time // zero for a static token, which does not
	Used         time.Time // for the first time; zero when never
}

// Credentials returns the credentials of all agents, the newest of each first.
func (s *Store) Credentials(ctx context.Context) ([]Credential, error) {
	all, err := listAll(ctx, s, func(scan func(...any) error, c *Credential) error {
		var created, expires, used int64
		if err := scan(&c.Agent, &c.Organization, &created, &expires, &used); err != nil {
			return err
		}
		c.Created, c.Expires, c.Used = moment(created), moment(expires), moment(used)
		return nil
	}, `SELECT agent, organization, created, expires, used FROM agent_credentials ORDER BY agent, created DESC, hash`)
	return keep(s, all, func(c Credential) string { return c.Organization }), err
}

// AgentByToken returns the agent that the token belongs to. The error is
// ErrUnauthorized when there is none, ErrExpired when the token's life is over,
// or that of the agent's state.
func (s *Store) AgentByToken(ctx context.Context, token string) (Agent, error) {
	if !strings.HasPrefix(token, tokenPrefix) || len(token) > 200 {
		return Agent{}, fmt.Errorf("the token is not one of an agent: %w", ErrUnauthorized)
	}
	var a Agent
	var expires, used int64
	var key string
	hash := hashToken(token)
	err := s.view(ctx, func(t *tx) error {
		return scanAgent(func(to ...any) error {
			return t.QueryRowContext(ctx, `SELECT `+agentColumns+`, a.public_key, c.expires, c.used FROM agent_credentials c
				JOIN agents a ON a.id = c.agent WHERE c.hash = $1`, hash).Scan(append(to, &key, &expires, &used)...)
		}, &a)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && !s.sees(a.Organization):
		return Agent{}, fmt.Errorf("no agent has this token: %w", ErrUnauthorized)
	case err != nil:
		return Agent{}, fmt.Errorf("cannot look up token: %w", err)
	}
	if err := a.taken(); err != nil {
		return Agent{}, err
	}
	if a.Key, err = base64.StdEncoding.DecodeString(key); err != nil {
		return Agent{}, fmt.Errorf("cannot read key of agent: %w", err)
	}
	if expires > 0 && expires <= millis(s.clock()) {
		return Agent{}, fmt.Errorf("agent %q of site %q: its token is of before %s: %w", a.Name, a.Site, moment(expires).Format(time.RFC3339), ErrExpired)
	}
	if used == 0 {
		a.FirstUse = hash
	}
	return a, nil
}

// issue gives the agent a credential for a while, or for ever when life is 0.
// Those that it has stay valid until it uses the new one, as the answer with
// that may be lost.
func issue(ctx context.Context, t *tx, a Agent, life time.Duration) (string, error) {
	raw := make([]byte, tokenBytes)
	_, _ = rand.Read(raw) // never fails: the program ends instead
	token := tokenPrefix + base64.RawURLEncoding.EncodeToString(raw)
	expires := int64(0)
	if life > 0 {
		expires = millis(t.now.Add(life))
	}
	if _, err := t.ExecContext(ctx, `DELETE FROM agent_credentials WHERE agent = $1 AND hash NOT IN
		(SELECT hash FROM agent_credentials WHERE agent = $1 ORDER BY created DESC, used DESC, hash LIMIT $2)`, a.ID, keepCredentials-1); err != nil {
		return "", fmt.Errorf("cannot end old credentials: %w", err)
	}
	if _, err := t.ExecContext(ctx, `INSERT INTO agent_credentials (hash, agent, organization, created, expires, used) VALUES ($1, $2, $3, $4, $5, 0)`,
		hashToken(token), a.ID, a.Organization, millis(t.now), expires); err != nil {
		return "", fmt.Errorf("cannot save credential: %w", err)
	}
	if _, err := t.ExecContext(ctx, `UPDATE agents SET token_hash = $1 WHERE id = $2`, hashToken(token), a.ID); err != nil {
		return "", fmt.Errorf("cannot save credential: %w", err)
	}
	return token, nil
}

// noteFirstUse begins the end of the credentials before the one that is used
// for the first time.
func noteFirstUse(ctx context.Context, t *tx, a Agent) error {
	if a.FirstUse == "" {
		return nil
	}
	if _, err := t.ExecContext(ctx, `UPDATE agent_credentials SET used = $1 WHERE hash = $2 AND used = 0`, millis(t.now), a.FirstUse); err != nil {
		return fmt.Errorf("cannot save use of credential: %w", err)
	}
	if _, err := t.ExecContext(ctx, `UPDATE agent_credentials SET expires = $1 WHERE agent = $2 AND (expires = 0 OR expires > $1)
		AND created < (SELECT created FROM agent_credentials WHERE hash = $3)`, millis(t.now.Add(overlap)), a.ID, a.FirstUse); err != nil {
		return fmt.Errorf("cannot end old credential: %w", err)
	}
	return nil
}

// credentialFor issues the credential that an agent is answered with.
func credentialFor(ctx context.Context, t *tx, a Agent, life time.Duration) (wire.Credential, error) {
	c := wire.Credential{
		Schema: wire.CredentialSchema, AgentID: a.ID, Site: a.Site, Agent: a.Name,
		ExpiresIn: int64(life / time.Second), RenewIn: int64(life / time.Second * 2 / 3),
	}
	var err error
	if c.Token, err = issue(ctx, t, a, life); err != nil {
		return wire.Credential{}, err
	}
	if err := t.QueryRowContext(ctx, `SELECT name FROM organizations WHERE id = $1`, a.Organization).Scan(&c.Organization); err != nil {
		return wire.Credential{}, fmt.Errorf("cannot read organization: %w", err)
	}
	return c, nil
}

// Renew gives an agent another credential for a while. Its key is what it is
// known by, so that one that was away for longer than the life of its last
// credential comes back by itself. The errors are ErrMustRejoin, ErrUnauthorized
// for a proof that is not of the key, ErrClock, ErrReplay, or of its state.
func (s *Store) Renew(ctx context.Context, r wire.Renewal, life time.Duration) (a Agent, c wire.Credential, err error) {
	err = s.update(ctx, func(t *tx) error {
		a, c = Agent{}, wire.Credential{}
		m, err := agentByID(ctx, t, inventory.CleanText(r.AgentID))
		switch {
		case errors.Is(err, ErrNotFound):
			return fmt.Errorf("no agent has the ID %.64q: %w", r.AgentID, ErrMustRejoin)
		case err != nil:
			return err
		}
		a = m.Agent
		if err := a.taken(); err != nil {
			return err
		}
		if m.key == "" {
			return fmt.Errorf("agent %q of site %q has no key here: %w", a.Name, a.Site, ErrMustRejoin)
		}
		key, err := base64.StdEncoding.DecodeString(m.key)
		if err != nil {
			return fmt.Errorf("cannot read key of agent: %w", err)
		}
		if err := r.Verify(ed25519.PublicKey(key)); err != nil {
			return fmt.Errorf("agent %q of site %q: %w: it may have joined again with another key: %w", a.Name, a.Site, err, ErrMustRejoin)
		}
		if err := takeProof(ctx, t, a, r.Proof); err != nil {
			return err
		}
		if c, err = credentialFor(ctx, t, a, life); err != nil {
			return err
		}
		return auditAgent(ctx, t, "agent.renew", a, detail{"valid_until": expiry(t.now, life)})
	})
	if err != nil {
		return a, wire.Credential{}, err
	}
	return a, c, nil
}

// takeProof takes a proof whose signature is right once.
func takeProof(ctx context.Context, t *tx, a Agent, p wire.Proof) error {
	if age := t.now.Sub(p.At); age > wire.ProofAge || age < -wire.ProofAge {
		return fmt.Errorf("the request of agent %q is of %s: %w", a.Name, p.At.UTC().Format(time.RFC3339), ErrClock)
	}
	if _, err := t.ExecContext(ctx, `DELETE FROM agent_nonces WHERE expires < $1`, millis(t.now)); err != nil {
		return fmt.Errorf("cannot forget old proofs: %w", err)
	}
	// Twice the age, as the time may be ahead by as much.
	res, err := t.ExecContext(ctx, `INSERT INTO agent_nonces (nonce, agent, organization, expires) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		p.Nonce, a.ID, a.Organization, millis(t.now.Add(2*wire.ProofAge+time.Minute)))
	if err != nil {
		return fmt.Errorf("cannot save proof: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return fmt.Errorf("the request of agent %q came before: %w", a.Name, ErrReplay)
}

// pruneCredentials forgets what nobody can use any more.
func pruneCredentials(ctx context.Context, t *tx) error {
	if _, err := t.ExecContext(ctx, `DELETE FROM agent_credentials WHERE expires > 0 AND expires < $1`, millis(t.now.Add(-keepExpired))); err != nil {
		return fmt.Errorf("cannot forget expired credentials: %w", err)
	}
	if _, err := t.ExecContext(ctx, `DELETE FROM join_tokens WHERE expires < $1`, millis(t.now.Add(-keepExpired))); err != nil {
		return fmt.Errorf("cannot forget expired join tokens: %w", err)
	}
	return nil
}

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
