package main

import (
	"context"
	"errors"
	"fmt"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/table"
)

// declareCmd keeps what people say of units, which no poll and no contract file
// can tell.
type declareCmd struct {
	Set      declareSetCmd      `cmd:"" help:"Say that a unit was obtained elsewhere, is a spare, went back, is retired, or is not yours."`
	List     declareListCmd     `cmd:"" help:"List what was said."`
	Withdraw declareWithdrawCmd `cmd:"" help:"Take back what was said of a unit."`
}

// declareFlags name a unit of an organization.
type declareFlags struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name." placeholder:"ORG"`
	Serial       string    `required:"" help:"The serial number." placeholder:"SERIAL"`
	PID          string    `name:"pid" help:"The product, where several have the serial number." placeholder:"PID"`
}

// unit names what was declared, for messages.
func (f declareFlags) unit() string {
	if f.PID == "" {
		return f.Serial
	}
	return f.PID + " " + f.Serial
}

type declareSetCmd struct {
	declareFlags `embed:""`
	As           string `required:"" enum:"elsewhere,spare,returned,retired,not_ours" help:"elsewhere, spare, returned, retired or not_ours."`
	By           string `required:"" help:"Who says so." placeholder:"NAME"`
	Reason       string `required:"" help:"Why, in a few words." placeholder:"TEXT"`
	Date         string `help:"The day on which it was said (default: today, UTC)." placeholder:"YYYY-MM-DD"`
	Obtained     string `help:"When the organization got the unit, for those obtained elsewhere." placeholder:"YYYY-MM-DD"`
}

// Validate is asked by kong, which takes an error for wrong usage.
func (c *declareSetCmd) Validate() error {
	for flag, day := range map[string]string{"--date": c.Date, "--obtained": c.Obtained} {
		if _, err := contract.ParseDate(day); day != "" && err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
	}
	return nil
}

// Run saves the declaration; a serving collector takes it into account at once.
func (c *declareSetCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		if err := s.Declare(ctx, org.ID, reconcile.Declaration{
			Serial: c.Serial, PID: c.PID, Kind: reconcile.DeclarationKind(c.As), Author: c.By, Date: contract.Date(c.Date), Reason: c.Reason, Obtained: contract.Date(c.Obtained),
		}); err != nil {
			return err
		}
		_, err := fmt.Fprintf(std.out, "%s of %q is declared as %s.\n", c.unit(), org.Name, c.As)
		return err
	})
}

type declareListCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name." placeholder:"ORG"`
}

// Run prints one declaration a line.
func (c *declareListCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		all, err := s.Declarations(ctx, org.ID)
		if err != nil {
			return err
		}
		rows := make([][]string, 0, len(all))
		for _, d := range all {
			rows = append(rows, []string{d.Serial, d.PID, string(d.Kind), string(d.Obtained), string(d.Date), d.Author, d.Reason})
		}
		return table.Columns(std.out, "", []string{"SERIAL", "PID", "DECLARED AS", "OBTAINED", "ON", "BY", "REASON"}, rows)
	})
}

type declareWithdrawCmd struct {
	declareFlags `embed:""`
}

// Run removes the declaration. It ends with status 3 when there is none.
func (c *declareWithdrawCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		err := s.Undeclare(ctx, org.ID, c.Serial, c.PID)
		if errors.Is(err, store.ErrNotFound) {
			complain(std, fmt.Errorf("nothing is declared of %s: %s declare list shows what is", c.unit(), program))
			return missing
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "What was declared of %s of %q is taken back.\n", c.unit(), org.Name)
		return err
	})
}

// withOrganization opens the data and finds the organization for do.
func withOrganization(ctx context.Context, std stdio, data dataFlags, name string, do func(*store.Store, store.Organization) error) (err error) {
	s, err := data.open(ctx, std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	org, err := findOrganization(ctx, s, name)
	if err != nil {
		return err
	}
	return do(s, org)
}
