package store

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"rollcall/collector/internal/reconcile"
)

// An AgentState says whether an agent is taken.
type AgentState string

// The states of an agent. To disable one is not to revoke it: it keeps its key
// and its credential, and goes on with them once it is enabled.
const (
	AgentActive   AgentState = "active"
	AgentDisabled AgentState = "disabled"
	AgentRevoked  AgentState = "revoked"
	// AgentMustRejoin is of one that was revoked, and enabled again: what it
	// had is taken from it, so that it needs a new join token.
	AgentMustRejoin AgentState = "must_rejoin"
)

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
	State        AgentState
	Disabled     bool      // or revoked: nothing is expected of it
	Joined       time.Time // with the key that it has; zero before that, and with a static token
	// Overlapped is when two programs were last heard that both are this agent;
	// zero when never since it joined.
	Overlapped time.Time
	// Key is the one that it joined with, as AgentByToken tells; nil for none.
	Key ed25519.PublicKey
	// FirstUse is the hash of the credential that AgentByToken was shown for
	// the first time; "" for one that was used before.
	FirstUse string
}

const agentColumns = `a.id, a.organization, a.site, a.name, a.version, a.created, a.last_seen, a.interval_ms, a.clock_skew_ms, a.state, a.disabled,
	a.joined, a.overlapped`

func scanAgent(scan func(...any) error, a *Agent) error {
	var created, seen, interval, skew, joined, overlapped int64
	if err := scan(&a.ID, &a.Organization, &a.Site, &a.Name, &a.Version, &created, &seen, &interval, &skew, &a.State, &a.Disabled,
		&joined, &overlapped); err != nil {
		return err
	}
	a.Created, a.LastSeen = moment(created), moment(seen)
	a.Interval, a.ClockSkew = time.Duration(interval)*time.Millisecond, time.Duration(skew)*time.Millisecond
	a.Joined, a.Overlapped = moment(joined), moment(overlapped)
	return nil
}

// A machine is an agent, and what it is known by.
type machine struct {
	Agent
	key      string    // Ed25519, in base64; "" when it has none
	instance string    // of its program
	since    time.Time // when the instance was first heard
}

// taken returns nil for an agent that is active.
func (a Agent) taken() error {
	var err error
	switch a.State {
	case AgentActive:
		return nil
	case AgentDisabled:
		err = ErrDisabled
	case AgentMustRejoin:
		err = ErrMustRejoin
	default:
		err = ErrRevoked
	}
	return fmt.Errorf("agent %q of site %q: %w", a.Name, a.Site, err)
}

// CreateAgent makes an agent with a static token, and its organization and site
// where they are not there: for agents that keep nothing, and cannot join. The
// token does not expire. It is returned this once: only its hash is kept.
func (s *Store) CreateAgent(ctx context.Context, organization, site, name string) (a Agent, token string, err error) {
	err = s.update(ctx, func(t *tx) error {
		if a, err = createAgent(ctx, t, organization, site, name); err != nil {
			return err
		}
		if token, err = issue(ctx, t, a, 0); err != nil {
			return err
		}
		return auditAgent(ctx, t, "agent.static_token", a, nil)
	})
	if err != nil {
		return Agent{}, "", err
	}
	return a, token, nil
}

// createAgent makes an agent that cannot show anything yet.
func createAgent(ctx context.Context, t *tx, organization, site, name string) (Agent, error) {
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
	a := Agent{ID: uuid.NewString(), Organization: o.ID, Site: site, Name: name, Created: t.now, State: AgentActive}
	// No token has the agent's ID as its hash.
	res, err := t.ExecContext(ctx, `INSERT INTO agents (id, organization, site, name, token_hash, created) VALUES ($1, $2, $3, $4, $1, $5)
		ON CONFLICT DO NOTHING`, a.ID, a.Organization, a.Site, a.Name, millis(t.now))
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

// ReplaceToken gives an agent a new static token and enables it; whatever it
// had is refused from then on. What the agent sends next is taken as the newest,
// for a machine that lost its token has lost its counters too.
func (s *Store) ReplaceToken(ctx context.Context, agentID string) (token string, err error) {
	err = s.update(ctx, func(t *tx) error {
		a, err := agentByID(ctx, t, agentID)
		if err != nil {
			return err
		}
		if err := dropInvitations(ctx, t, a.ID); err != nil {
			return err
		}
		if err := welcome(ctx, t, a.Agent, ""); err != nil {
			return err
		}
		if token, err = issue(ctx, t, a.Agent, 0); err != nil {
			return err
		}
		return auditAgent(ctx, t, "agent.static_token", a.Agent, detail{"replaced": true})
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// DisableAgent refuses an active agent until EnableAgent.
func (s *Store) DisableAgent(ctx context.Context, agentID string) error {
	return s.setState(ctx, agentID, func(_ context.Context, _ *tx, a machine) (AgentState, error) {
		if a.State == AgentActive {
			return AgentDisabled, nil
		}
		return a.State, nil
	})
}

// RevokeAgent refuses an agent for good, also one that was invited and has not
// joined yet. What it saw stays.
func (s *Store) RevokeAgent(ctx context.Context, agentID string) error {
	return s.setState(ctx, agentID, func(ctx context.Context, t *tx, a machine) (AgentState, error) {
		return AgentRevoked, dropInvitations(ctx, t, a.ID)
	})
}

// EnableAgent takes a disabled agent again. A revoked one is left with nothing,
// so that it has to join again, and the state that it is in now is returned.
func (s *Store) EnableAgent(ctx context.Context, agentID string) (state AgentState, err error) {
	err = s.setState(ctx, agentID, func(ctx context.Context, t *tx, a machine) (AgentState, error) {
		switch a.State {
		case AgentDisabled:
			state = AgentActive
		case AgentRevoked:
			state = AgentMustRejoin
			for _, q := range []string{`DELETE FROM agent_credentials WHERE agent = $1`, `UPDATE agents SET public_key = '', token_hash = id WHERE id = $1`} {
				if _, err := t.ExecContext(ctx, q, a.ID); err != nil {
					return "", fmt.Errorf("cannot end credentials: %w", err)
				}
			}
		default:
			state = a.State
		}
		return state, nil
	})
	return state, err
}

// setState gives an agent another state.
func (s *Store) setState(ctx context.Context, agentID string, to func(context.Context, *tx, machine) (AgentState, error)) error {
	return s.update(ctx, func(t *tx) error {
		a, err := agentByID(ctx, t, agentID)
		if err != nil {
			return err
		}
		state, err := to(ctx, t, a)
		if err != nil {
			return err
		}
		disabled := 0
		if state == AgentDisabled || state == AgentRevoked {
			disabled = 1
		}
		if _, err := t.ExecContext(ctx, `UPDATE agents SET state = $1, disabled = $2 WHERE id = $3`, string(state), disabled, a.ID); err != nil {
			return fmt.Errorf("cannot save state of agent: %w", err)
		}
		return errors.Join(auditAgent(ctx, t, "agent.state", a.Agent, detail{"before": a.State, "after": state}), markChanged(ctx, t, a.Organization))
	})
}

// auditAgent writes what became of an agent's right to report.
func auditAgent(ctx context.Context, t *tx, action string, a Agent, d detail) error {
	return t.audit(ctx, a.Organization, action, a.Site+"/"+a.Name, d)
}

// expiry is when something ends that begins now, as it is written for people.
func expiry(now time.Time, life time.Duration) string { return now.Add(life).Format(time.RFC3339) }

func agentByID(ctx context.Context, t *tx, id string) (machine, error) {
	var m machine
	var since int64
	err := scanAgent(func(to ...any) error {
		return t.QueryRowContext(ctx, `SELECT `+agentColumns+`, a.public_key, a.instance, a.instance_since FROM agents a WHERE a.id = $1`, id).
			Scan(append(to, &m.key, &m.instance, &since)...)
	}, &m.Agent)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !inScope(t.scope, m.Organization) {
		return machine{}, fmt.Errorf("agent %q: %w", id, ErrNotFound)
	}
	m.since = moment(since)
	return m, err
}

// AgentsAll returns the agents of all organizations, disabled ones too, by
// organization, site and name.
func (s *Store) AgentsAll(ctx context.Context) ([]Agent, error) {
	all, err := listAll(ctx, s, scanAgent, `SELECT `+agentColumns+` FROM agents a ORDER BY a.organization, a.site, a.name`)
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
		*r = reconcile.Agent{ID: a.ID, Name: a.Name, Site: a.Site, LastSeen: a.LastSeen, Interval: a.Interval, RunsTwice: a.RunsTwice(a.LastSeen)}
		return nil
	}, `SELECT `+agentColumns+` FROM agents a WHERE a.organization = $1 AND a.disabled = 0 ORDER BY a.site, a.name`, org)
	if err != nil {
		return nil, err
	}
	return all, addRefusals(ctx, q, org, all)
}
