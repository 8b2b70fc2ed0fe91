package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"text/tabwriter"
	"time"

	"rollcall/collector"
	"rollcall/collector/internal/store"
)

type tokenCmd struct {
	Create createTokenCmd `cmd:"" help:"Make an agent, with its organization and site, and print its token."`
	List   listTokensCmd  `cmd:"" help:"List the agents, without their tokens, which are not kept."`
	Revoke revokeTokenCmd `cmd:"" help:"Refuse an agent's token from now on."`
	API    apiTokenCmd    `cmd:"" name:"api" help:"Make, list and revoke tokens with which programs ask the API or scrape /metrics."`
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
	Replace    bool `help:"Give an agent that is there already a new token; the old one is refused from then on."`
}

// Run prints the token this once.
func (c *createTokenCmd) Run(ctx context.Context, std stdio) (err error) {
	config, err := c.Data.settings()
	if err != nil {
		return err
	}
	s, err := openStore(ctx, std, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	token, err := c.token(ctx, s)
	if err != nil {
		return err
	}
	url, plain := agentURL(config)
	warning := ""
	if plain {
		warning = "  allow_plain_http: true # the token crosses the network unencrypted: set tls in collector.yaml\n"
	}
	_, err = fmt.Fprintf(std.out, `The token of agent %q at site %q of %q. It is shown this once:

%s

On the agent's machine, put it into a file "token" that only the agent's user
can read (chmod 600 token), and this into agent.yaml, with your own devices:

name: %q
collector:
  url: %s
  token: file:token
%scredentials:
  - name: snmp
    snmp: {community: file:community}
targets:
  - address: 192.0.2.0/28
`, c.Agent, c.Site, c.Organization, token, c.Agent, url, warning)
	return err
}

func (c *createTokenCmd) token(ctx context.Context, s *store.Store) (string, error) {
	if c.Replace {
		a, err := c.find(ctx, s)
		if err != nil {
			return "", err
		}
		return s.ReplaceToken(ctx, a.ID)
	}
	_, token, err := s.CreateAgent(ctx, c.Organization, c.Site, c.Agent)
	if errors.Is(err, store.ErrConflict) {
		return "", fmt.Errorf("%w: choose another name, or add --replace to give it a new token", err)
	}
	return token, err
}

// agentURL is where agents find the collector, as far as its settings tell, and
// whether they reach it over a network without TLS.
func agentURL(config collector.Config) (url string, plain bool) {
	host, port, err := net.SplitHostPort(config.Listen)
	ip := net.ParseIP(host)
	if err != nil || host == "" || ip != nil && ip.IsUnspecified() {
		host = "NAME-OF-THIS-MACHINE"
	}
	scheme, local := "https", host == "localhost" || ip != nil && ip.IsLoopback()
	if config.TLS.CertFile == "" {
		scheme, plain = "http", !local
	}
	return scheme + "://" + net.JoinHostPort(host, port), plain
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
	all, err := s.AgentsAll(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	_, err = fmt.Fprintln(w, "ORGANIZATION\tSITE\tAGENT\tSTATE\tLAST SEEN")
	for _, a := range all {
		state, seen := "active", "never"
		if a.Disabled {
			state = "revoked"
		}
		if !a.LastSeen.IsZero() {
			seen = a.LastSeen.Format(time.RFC3339)
		}
		_, lineErr := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", a.Organization, a.Site, a.Name, state, seen)
		err = errors.Join(err, lineErr)
	}
	return errors.Join(err, w.Flush())
}

type revokeTokenCmd struct {
	Data       dataFlags `embed:""`
	agentFlags `embed:""`
}

// Run disables the agent; what it saw stays.
func (c *revokeTokenCmd) Run(ctx context.Context, std stdio) (err error) {
	s, err := c.Data.open(ctx, std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	a, err := c.find(ctx, s)
	if err != nil {
		return err
	}
	if err := s.DisableAgent(ctx, a.ID); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "The token of agent %q at site %q of %q is refused from now on. What the agent saw stays.\n", a.Name, a.Site, c.Organization)
	return err
}
