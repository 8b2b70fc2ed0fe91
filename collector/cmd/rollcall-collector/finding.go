package main

import (
	"context"
	"fmt"
	"time"

	"rollcall/collector/internal/store"
	"rollcall/pkg/table"
)

// findingCmd lists what a serving collector found, and who has seen it.
type findingCmd struct {
	List          findingListCmd          `cmd:"" help:"List the open findings."`
	Acknowledge   findingAcknowledgeCmd   `cmd:"" help:"Say that you have seen a finding."`
	Unacknowledge findingUnacknowledgeCmd `cmd:"" help:"Take that back."`
}

type findingListCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
}

// Run prints one finding a line, in the order in which they were opened.
func (c *findingListCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		all, err := s.Findings(ctx, org.ID, true)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, f := range all {
			seen := ""
			if !f.Acknowledged.IsZero() {
				seen = f.AcknowledgedBy
				if f.Note != "" {
					seen += ": " + f.Note
				}
			}
			rows = append(rows, []string{fmt.Sprint(f.ID), string(f.Severity), string(f.Kind), f.Subject, f.Opened.Format(time.DateOnly), seen})
		}
		return table.Columns(std.out, "", []string{"ID", "SEVERITY", "KIND", "SUBJECT", "OPENED", "SEEN BY"}, rows)
	})
}

type findingAcknowledgeCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	By           string    `required:"" help:"Who has seen it." placeholder:"NAME"`
	Note         string    `help:"What is done about it." placeholder:"TEXT"`
	ID           int64     `arg:"" help:"The finding, by its number."`
}

// Run saves who has seen it.
func (c *findingAcknowledgeCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		if err := s.Acknowledge(ctx, org.ID, c.ID, c.By, c.Note); err != nil {
			return notListed(std, err, fmt.Sprintf("there is no open finding %d of %q: %s finding list shows all", c.ID, org.Name, program))
		}
		_, err := fmt.Fprintf(std.out, "Finding %d of %q is acknowledged, until it is resolved.\n", c.ID, org.Name)
		return err
	})
}

type findingUnacknowledgeCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	ID           int64     `arg:"" help:"The finding, by its number."`
}

// Run forgets who has seen it.
func (c *findingUnacknowledgeCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		if err := s.Unacknowledge(ctx, org.ID, c.ID); err != nil {
			return notListed(std, err, fmt.Sprintf("no open finding %d of %q is acknowledged: %s finding list shows all", c.ID, org.Name, program))
		}
		_, err := fmt.Fprintf(std.out, "Finding %d of %q counts as not seen.\n", c.ID, org.Name)
		return err
	})
}
