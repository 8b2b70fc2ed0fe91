package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"rollcall/agent"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
)

// joinWait bounds the questions to the collector.
const joinWait = 2 * time.Minute

// maxTokenLine bounds a token on standard input, in bytes.
const maxTokenLine = 4 << 10

type joinCmd struct {
	URL            string `arg:"" help:"The collector's address, as in https://rollcall.example.org."`
	Token          string `arg:"" help:"The join token that rollcall-collector token create printed; - reads it from standard input, so that it is not seen in the list of processes."`
	Config         string `placeholder:"FILE" help:"Configuration of the agent, which names its name, its data_dir, and how the collector is believed."`
	AllowPlainHTTP bool   `name:"allow-plain-http" help:"Send the token over http:// to another machine, readable for everybody on the way."`
}

// Help says what comes of it.
func (joinCmd) Help() string {
	return "The token is good once. The agent makes a key and keeps it, with the credential that it gets, in its data folder. After that, collector.url and collector.token " +
		"may be left out of its configuration. An agent whose configuration has the join token as collector.token joins by itself when it is started."
}

// Run implements the command.
func (c joinCmd) Run(s streams) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	token := c.Token
	if token == "-" {
		raw, err := io.ReadAll(io.LimitReader(s.in, maxTokenLine))
		if err != nil {
			return fmt.Errorf("cannot read the join token: %w", err)
		}
		token = string(raw)
	}
	a, err := agent.New(cfg, agent.Options{Version: version, Log: cfg.Log.Logger(s.errOut)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, joinWait)
	defer cancel()
	id, err := a.Join(ctx, token)
	if err != nil {
		return fmt.Errorf("cannot join %s: %w", cfg.Collector.URL, err)
	}
	_, err = fmt.Fprintf(s.out, "This agent is now %s. Its identity is in %s.\nA running agent takes it up within a minute.\n", identityWords(id), cfg.DataDir)
	return err
}

func (c joinCmd) settings() (agent.Config, error) {
	cfg := agent.DefaultConfig()
	if c.Config != "" {
		var err error
		if cfg, err = agent.LoadConfig(c.Config); err != nil {
			return agent.Config{}, err
		}
	}
	cfg.Collector.AllowPlainHTTP = cfg.Collector.AllowPlainHTTP || c.AllowPlainHTTP
	if err := agent.CheckURL(c.URL, cfg.Collector.AllowPlainHTTP); err != nil {
		return agent.Config{}, usage("%v", err)
	}
	cfg.Collector.URL, cfg.Collector.Token = strings.TrimSuffix(c.URL, "/"), config.Secret{}
	return cfg, nil
}

// identityWords says who an agent is, in one line.
func identityWords(id agent.IdentityStatus) string {
	switch id.State {
	case agent.IdentityJoined:
		text := fmt.Sprintf("%q at site %q of %q; valid until %s, renewed from %s", inventory.CleanText(id.Agent), inventory.CleanText(id.Site),
			inventory.CleanText(id.Organization), id.ValidUntil.UTC().Format(time.DateOnly), id.RenewAt.UTC().Format(time.DateOnly))
		return text + pinWords(id)
	case agent.IdentityJoining:
		return "not joined yet: collector.token is a join token, with which run joins" + pinWords(id)
	case agent.IdentityStatic:
		return "a static token, which is not renewed"
	}
	return "not joined"
}

func pinWords(id agent.IdentityStatus) string {
	if id.Pin == "" {
		return ""
	}
	return "; collector's key " + inventory.CleanText(id.Pin)
}
