package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
	"rollcall/pkg/table"
)

// apiTokenCmd keeps the tokens of the API. One that is made here is nobody's: it
// holds until it ends or is revoked, whatever becomes of people's accounts.
type apiTokenCmd struct {
	Create apiTokenCreateCmd `cmd:"" help:"Make a token, and print it."`
	List   apiTokenListCmd   `cmd:"" help:"List the tokens, without what is secret of them."`
	Revoke apiTokenRevokeCmd `cmd:"" help:"Refuse a token from now on."`
}

type apiTokenCreateCmd struct {
	Data         dataFlags `embed:""`
	Scope        string    `enum:"read,write,metrics" required:"" help:"read what a viewer sees, write what an editor may decide, or metrics: scrape /metrics and nothing else." placeholder:"SCOPE"`
	Organization string    `help:"Of which alone, by name or ID (default: of all organizations)." placeholder:"ORG"`
	Days         int       `default:"365" help:"How long it holds, at most five years (default: 365)." placeholder:"N"`
	Name         string    `arg:"" help:"What it is for, such as Prometheus."`
}

// Run prints the token this once, alone on standard output, to be kept in a file.
func (c *apiTokenCreateCmd) Run(ctx context.Context, std stdio) (err error) {
	return withAccounts(ctx, std, c.Data, func(s *store.Store) error {
		org, place := "", "all organizations"
		if c.Organization != "" {
			o, err := findOrganization(ctx, s, c.Organization)
			if err != nil {
				return err
			}
			org, place = o.ID, fmt.Sprintf("%q", o.Name)
		}
		t, secret, err := s.CreateAPIToken(ctx, store.APIToken{Name: c.Name, Scope: login.Scope(c.Scope), Organization: org}, time.Duration(c.Days)*24*time.Hour)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(std.err, "The token %q, for %s of %s until %s. It is shown this once:\n", table.Text(t.Name), t.Scope, place, t.Expires.Format(time.DateOnly)); err != nil {
			return err
		}
		_, err = fmt.Fprintln(std.out, secret)
		return err
	})
}

type apiTokenListCmd struct {
	Data dataFlags `embed:""`
}

// Run prints one token a line.
func (c *apiTokenListCmd) Run(ctx context.Context, std stdio) error {
	return withAccounts(ctx, std, c.Data, func(s *store.Store) error {
		all, err := s.APITokens(ctx, "")
		if err != nil {
			return err
		}
		now := time.Now()
		var rows [][]string
		for _, t := range all {
			state, used, org, owner := "active", "never", t.Organization, t.AccountName
			switch {
			case !t.Revoked.IsZero():
				state = "revoked"
			case now.After(t.Expires):
				state = "ended"
			}
			if !t.LastUsed.IsZero() {
				used = t.LastUsed.Format(time.RFC3339)
			}
			if org == "" {
				org = "all"
			}
			if t.Account == "" {
				owner = "command line"
			}
			rows = append(rows, []string{t.ID, t.Name, string(t.Scope), org, owner, state, t.Expires.Format(time.DateOnly), used})
		}
		return table.Columns(std.out, "", []string{"ID", "NAME", "SCOPE", "ORGANIZATION", "OF", "STATE", "ENDS", "LAST USED"}, rows)
	})
}

type apiTokenRevokeCmd struct {
	Data dataFlags `embed:""`
	ID   string    `arg:"" help:"The token, by its ID in the list."`
}

// Run revokes the token.
func (c *apiTokenRevokeCmd) Run(ctx context.Context, std stdio) error {
	return withAccounts(ctx, std, c.Data, func(s *store.Store) error {
		err := s.RevokeAPIToken(ctx, "", c.ID)
		if errors.Is(err, store.ErrNotFound) {
			return notListed(std, err, fmt.Sprintf("no token %q holds: %s token api list shows all", c.ID, program))
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "The token %s is refused from now on.\n", c.ID)
		return err
	})
}
