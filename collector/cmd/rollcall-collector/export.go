package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/document"
	"rollcall/collector/internal/store"
)

// exportCmd writes what people take away, from the results that a serving
// collector keeps in its database.
type exportCmd struct {
	Data         dataFlags     `embed:""`
	Organization string        `help:"Whose: name or ID; may be left out where there is only one." placeholder:"ORG"`
	Format       string        `enum:",text,csv,xlsx,html,json" default:"" placeholder:"FORMAT" help:"text, csv, xlsx, html (to print) or json; by default what the name of --output says, else text."`
	Output       string        `short:"o" type:"path" placeholder:"FILE" help:"File to write, which appears whole or not at all (default: standard output)."`
	Flags        documentFlags `embed:""`

	What  string `arg:"" help:"The document: ${documents}; or audit, the audit log as JSON lines."`
	Of    string `arg:"" optional:"" help:"What it is about: a contract for renewal, a finding or serial number for swap, a serial number for takeback and tac, the name of a draft. All of them where it is left out, but for drafts."`
	About string `arg:"" optional:"" help:"What a draft is about, where it could be several things: a finding, a contract or an order."`
}

// Help lists what there is.
func (exportCmd) Help() string {
	var b strings.Builder
	b.WriteString("Documents:\n")
	for _, k := range document.Kinds {
		fmt.Fprintf(&b, "  %-9s %s\n", k, k.About())
	}
	b.WriteString("\nDrafts of mails, such as \"export draft early_activation --field reason=...\":\n")
	for _, d := range document.Drafts() {
		fmt.Fprintf(&b, "  %-18s %s\n", d.Name, d.About)
	}
	b.WriteString("\nA draft is text, html or json; all others are in every format. A document is not made while a field is empty that it needs: the refusal names it, and --field gives it.")
	return b.String()
}

// Run writes the document. Nothing is reconciled here: the results are those of
// the last run.
func (c *exportCmd) Run(ctx context.Context, std stdio) (err error) {
	s, err := c.Data.open(ctx, std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if c.What == "audit" {
		return c.audit(ctx, std, s)
	}
	org, err := c.organization(ctx, s)
	if err != nil {
		return err
	}
	in, err := c.input(ctx, std, s, org)
	if err != nil {
		return err
	}
	return makeDocument(std, in, c.Flags.request(c.What, c.Of, c.About), c.Format, c.Output)
}

// organization is the one that was named, or the only one.
func (c *exportCmd) organization(ctx context.Context, s *store.Store) (store.Organization, error) {
	if c.Organization == "" {
		all, err := s.Organizations(ctx)
		if err != nil {
			return store.Organization{}, err
		}
		if len(all) == 1 {
			return all[0], nil
		}
		if len(all) > 1 {
			return store.Organization{}, fmt.Errorf("there are %d organizations: name one with --organization", len(all))
		}
	}
	return findOrganization(ctx, s, c.Organization)
}

// input is the last result of an organization, and what it was found from.
func (c *exportCmd) input(ctx context.Context, std stdio, s *store.Store, org store.Organization) (document.Input, error) {
	settings, err := c.Data.settings()
	if err != nil {
		return document.Input{}, err
	}
	ran, err := s.LastRun(ctx, org.ID)
	if err != nil {
		return document.Input{}, err
	}
	if ran.IsZero() {
		complain(std, fmt.Errorf("%q was not reconciled yet: start %s serve, which does it within seconds", org.Name, program))
		return document.Input{}, missing
	}
	changed, err := s.Changed(ctx)
	if err != nil {
		return document.Input{}, err
	}
	if slices.Contains(changed, org.ID) {
		complain(std, fmt.Errorf("%q changed since it was last reconciled, on %s: a serving collector does it within seconds; until then this is what was found then",
			org.Name, ran.UTC().Format("2006-01-02 15:04 UTC")))
	}
	facts, err := s.Facts(ctx, org.ID)
	if err != nil {
		return document.Input{}, err
	}
	facts.Settings.ProgramMail, facts.Settings.TermYears = settings.Settings.ProgramMail, settings.Settings.TermYears
	in := document.Input{Facts: facts}
	units, err := s.Units(ctx, org.ID)
	if err != nil {
		return document.Input{}, err
	}
	for _, u := range units {
		in.Units = append(in.Units, u.Unit)
	}
	findings, err := s.Findings(ctx, org.ID, true)
	if err != nil {
		return document.Input{}, err
	}
	for _, f := range findings {
		in.Findings = append(in.Findings, document.Finding{Finding: f.Finding, Number: f.ID, Opened: contract.DateOf(f.Opened)})
	}
	return in, nil
}
