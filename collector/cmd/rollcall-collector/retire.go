package main

import (
	"context"
	"fmt"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/table"
)

// retireCmd keeps what people say is gone: neither silence nor old data can tell
// it from what is only not seen at present.
type retireCmd struct {
	Set      retireSetCmd      `cmd:"" help:"Say that a contract no longer exists, a device is gone, or a site is closed."`
	List     retireListCmd     `cmd:"" help:"List what is retired."`
	Withdraw retireWithdrawCmd `cmd:"" help:"Take it back."`
}

// retireFlags name one thing of an organization.
type retireFlags struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	Contract     string    `required:"" xor:"what" help:"The contract's number." placeholder:"NUMBER"`
	Node         string    `required:"" xor:"what" help:"The device, as its site and address." placeholder:"SITE/ADDRESS"`
	Site         string    `required:"" xor:"what" help:"The site, by name." placeholder:"SITE"`
}

func (f retireFlags) what() (reconcile.RetirementKind, string) {
	switch {
	case f.Contract != "":
		return reconcile.RetiredContract, f.Contract
	case f.Node != "":
		return reconcile.RetiredNode, f.Node
	}
	return reconcile.RetiredSite, f.Site
}

type retireSetCmd struct {
	retireFlags `embed:""`
	By          string `required:"" help:"Who says so." placeholder:"NAME"`
	Reason      string `required:"" help:"Why, in a few words." placeholder:"TEXT"`
	Date        string `help:"Since when (default: today, UTC)." placeholder:"YYYY-MM-DD"`
}

// Validate is asked by kong, which takes an error for wrong usage.
func (c *retireSetCmd) Validate() error {
	if _, err := contract.ParseDate(c.Date); c.Date != "" && err != nil {
		return fmt.Errorf("--date: %w", err)
	}
	return nil
}

// Run saves it; a serving collector takes it into account at once.
func (c *retireSetCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		kind, name := c.what()
		err := s.Retire(ctx, org.ID, reconcile.Retirement{Kind: kind, Name: name, Author: c.By, Date: contract.Date(c.Date), Reason: c.Reason})
		if err != nil {
			return notListed(std, err, fmt.Sprintf("nothing is known of %s %q of %q", kind, name, org.Name))
		}
		hint := map[reconcile.RetirementKind]string{
			reconcile.RetiredContract: "Its lines and its age count no more, until it is imported again.",
			reconcile.RetiredNode:     "Its units are taken for gone and nobody waits for it, until it answers again.",
			reconcile.RetiredSite:     fmt.Sprintf("Its units are taken for gone and nobody waits for it, until something answers there again. Its agents: %s token revoke.", program),
		}[kind]
		_, err = fmt.Fprintf(std.out, "The %s %s of %q is retired. %s\n", kind, table.Text(name), org.Name, hint)
		return err
	})
}

type retireListCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
}

// Run prints one a line.
func (c *retireListCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		all, err := s.Retirements(ctx, org.ID)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, r := range all {
			state := "retired"
			if !r.Holds {
				state = "seen since"
			}
			rows = append(rows, []string{string(r.Kind), r.Name, state, string(r.Date), r.Author, r.Reason})
		}
		return table.Columns(std.out, "", []string{"WHAT", "NAME", "STATE", "SINCE", "BY", "REASON"}, rows)
	})
}

type retireWithdrawCmd struct {
	retireFlags `embed:""`
}

// Run removes it. It ends with status 3 when there is none.
func (c *retireWithdrawCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		kind, name := c.what()
		if err := s.Unretire(ctx, org.ID, kind, name); err != nil {
			return notListed(std, err, fmt.Sprintf("%s %q is not retired: %s retire list shows what is", kind, name, program))
		}
		_, err := fmt.Fprintf(std.out, "The %s %s of %q counts again.\n", kind, table.Text(name), org.Name)
		return err
	})
}
