package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rollcall/collector/internal/store"
	"rollcall/pkg/table"
	"rollcall/pkg/wire"
)

type tokenCmd struct {
	Create  createTokenCmd  `cmd:"" help:"Make an agent, with its organization and site, and print the join token by which a machine becomes it."`
	List    listTokensCmd   `cmd:"" help:"List the agents, and how they stand. Tokens are not kept, and cannot be shown again."`
	Disable disableTokenCmd `cmd:"" help:"Take nothing of an agent until it is enabled again. It keeps what it reads meanwhile."`
	Enable  enableTokenCmd  `cmd:"" help:"Take a disabled agent again. A revoked one needs a new join token, too."`
	Revoke  revokeTokenCmd  `cmd:"" help:"Refuse an agent for good, as when its machine was stolen. What it saw stays."`
	API     apiTokenCmd     `cmd:"" name:"api" help:"Make, list and revoke tokens with which programs ask the API or scrape /metrics."`
}

// agentFlags name an agent.
type agentFlags struct {
	Organization string `required:"" help:"The organization, by name." placeholder:"ORG"`
	Site         string `required:"" help:"The site, as the contracts call it if they do." placeholder:"SITE"`
	Agent        string `required:"" help:"The agent, by a name of your choice." placeholder:"NAME"`
}

// find returns the agent, or store.ErrNotFound.
func (f agentFlags) find(ctx context.Context, s *store.Store) (store.Agent, error) {
	org, err := findOrganization(ctx, s, f.Organization)
	if err != nil {
		return store.Agent{}, err
	}
	all, err := s.AgentsAll(ctx)
	if err != nil {
		return store.Agent{}, err
	}
	for _, a := range all {
		if a.Organization == org.ID && a.Site == f.Site && a.Name == f.Agent {
			return a, nil
		}
	}
	return store.Agent{}, fmt.Errorf("agent %q at site %q of %q: %w: %s token list shows all", f.Agent, f.Site, org.Name, store.ErrNotFound, program)
}

type createTokenCmd struct {
	Data       dataFlags `embed:""`
	agentFlags `embed:""`
	TTL        time.Duration `name:"ttl" default:"24h" help:"How long the join token is good. It is good once."`
	Replace    bool          `help:"Make a token for an agent that is there: for another machine, or one that lost its data. The machine that is the agent now stays it until the new one joins; revoke refuses it at once."`
	Pin        string        `enum:"auto,yes,no" default:"auto" help:"Whether the token vouches for the key of the collector's certificate: ${enum}. auto does where nobody else does, and not behind public_url."`
	Static     bool          `help:"Print a token that stays the same and does not expire, for agents that keep nothing on disk, or are older than join tokens. With --replace the old token is refused at once."`
}

// maxTTL bounds the life of a join token: what lies around for longer is found.
const maxTTL = 90 * 24 * time.Hour

// Validate is asked by kong, which takes an error for wrong usage.
func (c *createTokenCmd) Validate() error {
	if c.TTL < time.Minute || c.TTL > maxTTL {
		return fmt.Errorf("--ttl is at least 1m, and at most %dh", maxTTL/time.Hour)
	}
	return nil
}

// Run prints the token this once.
func (c *createTokenCmd) Run(ctx context.Context, std stdio) (err error) {
	config, err := c.Data.settings()
	if err != nil {
		return err
	}
	if c.Static && config.TLS.RequireAgentKey {
		return errors.New("--static: an agent with a static token has no key, and tls.require_agent_key takes none without: leave out one of them")
	}
	pin, err := config.Pin(c.Pin, time.Now())
	if err != nil {
		return err
	}
	s, err := openStore(ctx, std, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	token, err := c.token(ctx, s, pin)
	if errors.Is(err, store.ErrConflict) {
		err = fmt.Errorf("%w: choose another name, or add --replace to make a token for another machine", err)
	}
	if err != nil {
		return err
	}
	url, plain := config.AgentURL()
	_, err = fmt.Fprint(std.out, c.text(token, url, plain, config.TLS.ClientCAFile != ""))
	return err
}

func (c *createTokenCmd) token(ctx context.Context, s *store.Store, pin string) (string, error) {
	join := func(secret string, err error) (string, error) {
		return wire.JoinToken{Secret: secret, Pin: pin}.String(), err
	}
	if c.Replace {
		a, err := c.find(ctx, s)
		if err != nil {
			return "", err
		}
		if c.Static {
			return s.ReplaceToken(ctx, a.ID)
		}
		return join(s.InviteAgain(ctx, a.ID, c.TTL))
	}
	if c.Static {
		_, token, err := s.CreateAgent(ctx, c.Organization, c.Site, c.Agent)
		return token, err
	}
	_, secret, err := s.Invite(ctx, c.Organization, c.Site, c.Agent, c.TTL)
	return join(secret, err)
}

// text says what to do with the token.
func (c *createTokenCmd) text(token, url string, plain, certificate bool) string {
	var b strings.Builder
	kind, good := "join token", fmt.Sprintf(", and is good once, until %s", time.Now().Add(c.TTL).UTC().Format("2006-01-02 15:04 UTC"))
	if c.Static {
		kind, good = "token", ""
	}
	fmt.Fprintf(&b, "The %s of agent %q at site %q of %q. It is shown this once%s:\n\n%s\n", kind, c.Agent, c.Site, c.Organization, good, token)
	fmt.Fprintf(&b, `
On the agent's machine, put it into a file "token" that only the agent's user
can read (chmod 600 token), and this into agent.yaml, with your own devices:

name: %q
collector:
  url: %s
  token: file:token
`, c.Agent, url)
	if plain {
		b.WriteString("  allow_plain_http: true # the token crosses the network unencrypted: leave out insecure_listen, or use https in public_url\n")
	}
	if certificate {
		b.WriteString("  cert_file: client.pem # as tls.client_ca_file of the collector asks for\n  key_file: client.key\n")
	}
	b.WriteString(`credentials:
  - name: snmp
    snmp: {community: file:community}
targets:
  - address: 192.0.2.0/28
`)
	if !c.Static {
		b.WriteString("\nThe agent joins when it is started, and does without the token from then on.\n")
	}
	return b.String()
}

type listTokensCmd struct {
	Data dataFlags `embed:""`
}

// Run prints one agent a line.
func (c *listTokensCmd) Run(ctx context.Context, std stdio) (err error) {
	s, err := c.Data.open(ctx, std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	agents, errAgents := s.AgentsAll(ctx)
	credentials, errCredentials := s.Credentials(ctx)
	invitations, errInvitations := s.JoinTokens(ctx)
	if err := errors.Join(errAgents, errCredentials, errInvitations); err != nil {
		return err
	}
	newest := map[string]store.Credential{}
	for _, x := range credentials {
		if _, known := newest[x.Agent]; !known {
			newest[x.Agent] = x
		}
	}
	invited := map[string]time.Time{}
	for _, x := range invitations {
		invited[x.Agent] = x.Expires
	}
	now := time.Now()
	rows := make([][]string, 0, len(agents))
	for _, a := range agents {
		credential, has := newest[a.ID]
		valid := "-"
		switch {
		case has && credential.Expires.IsZero():
			valid = "static token"
		case has:
			valid = day(credential.Expires)
		}
		rows = append(rows, []string{
			a.Organization, a.Site, a.Name, stateWords(a, has, now), valid, invitationWords(invited[a.ID], now), cmp.Or(day(a.LastSeen), "never"),
		})
	}
	return table.Columns(std.out, "", []string{"ORGANIZATION", "SITE", "AGENT", "STATE", "VALID UNTIL", "JOIN TOKEN", "LAST SEEN"}, rows)
}

// stateWords says how an agent stands.
func stateWords(a store.Agent, hasCredential bool, now time.Time) string {
	switch {
	case a.State == store.AgentMustRejoin:
		return "must join again"
	case a.State != store.AgentActive:
		return string(a.State)
	case a.RunsTwice(now):
		return "runs twice"
	case !hasCredential:
		return "not joined yet"
	}
	return "active"
}

func invitationWords(expires, now time.Time) string {
	switch {
	case expires.IsZero():
		return "-"
	case expires.Before(now):
		return "expired"
	}
	return "until " + day(expires)
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// changeFlags are of the commands that change how an agent stands.
type changeFlags struct {
	Data       dataFlags `embed:""`
	agentFlags `embed:""`
}

// apply does something to the agent, and prints what came of it.
func (c *changeFlags) apply(ctx context.Context, std stdio, do func(*store.Store, store.Agent) (text string, err error)) (err error) {
	s, err := c.Data.open(ctx, std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	a, err := c.find(ctx, s)
	if err != nil {
		return err
	}
	text, err := do(s, a)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "Agent %q at site %q of %q %s\n", a.Name, a.Site, c.Organization, text)
	return err
}

type revokeTokenCmd struct {
	changeFlags `embed:""`
}

// Run refuses the agent for good.
func (c *revokeTokenCmd) Run(ctx context.Context, std stdio) error {
	return c.apply(ctx, std, func(s *store.Store, a store.Agent) (string, error) {
		return "is refused from now on. What it saw stays. To let it in again, make a join token with token create --replace.", s.RevokeAgent(ctx, a.ID)
	})
}

type disableTokenCmd struct {
	changeFlags `embed:""`
}

// Run refuses the agent for a while.
func (c *disableTokenCmd) Run(ctx context.Context, std stdio) error {
	return c.apply(ctx, std, func(s *store.Store, a store.Agent) (string, error) {
		if a.State != store.AgentActive {
			return "is not active: nothing is changed.", nil
		}
		return "is refused until token enable. It keeps what it reads meanwhile.", s.DisableAgent(ctx, a.ID)
	})
}

type enableTokenCmd struct {
	changeFlags `embed:""`
}

// Run takes the agent again.
func (c *enableTokenCmd) Run(ctx context.Context, std stdio) error {
	return c.apply(ctx, std, func(s *store.Store, a store.Agent) (string, error) {
		state, err := s.EnableAgent(ctx, a.ID)
		if state == store.AgentMustRejoin {
			return "was revoked, and has to join again: make a join token with token create --replace.", err
		}
		return "is taken again. It comes back within an hour; sooner when it is restarted.", err
	})
}
