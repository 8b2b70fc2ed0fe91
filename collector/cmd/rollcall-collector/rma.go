package main

import (
	"context"
	"fmt"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/table"
)

// rmaCmd keeps the ledger of replacements one by one, and says of those that
// were inferred what they are.
type rmaCmd struct {
	List     rmaListCmd     `cmd:"" help:"List the ledger of replacements, and what was rejected."`
	Add      rmaAddCmd      `cmd:"" help:"Add a replacement."`
	Change   rmaChangeCmd   `cmd:"" help:"Correct a replacement: what is not given stays."`
	Delete   rmaDeleteCmd   `cmd:"" help:"Take a replacement out of the ledger."`
	Confirm  rmaConfirmCmd  `cmd:"" help:"Confirm a replacement that was inferred, with its RMA number where you have it."`
	Reject   rmaRejectCmd   `cmd:"" help:"Say that what was inferred is no RMA: it is not raised again for these two serial numbers."`
	Withdraw rmaWithdrawCmd `cmd:"" help:"Take a rejection back."`
}

type rmaListCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
}

// Run prints one replacement a line.
func (c *rmaListCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		all, err := s.RMAs(ctx, org.ID)
		if err != nil {
			return err
		}
		rejected, err := s.Rejections(ctx, org.ID)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, e := range all {
			r := e.Entry
			rows = append(rows, []string{
				fmt.Sprint(e.ID), r.RMANumber, r.CaseNumber, r.Contract, r.OldSerial, r.OldPID, r.NewSerial, r.NewPID,
				string(r.OpenedOn), string(r.ShippedOn), string(r.ReturnBy), origin(e.File, e.Author),
			})
		}
		header := []string{"ID", "RMA", "CASE", "CONTRACT", "OLD SERIAL", "OLD PID", "NEW SERIAL", "NEW PID", "OPENED", "SHIPPED", "RETURN BY", "FROM"}
		if err := table.Columns(std.out, "", header, rows); err != nil || len(rejected) == 0 {
			return err
		}
		rows = nil
		for _, x := range rejected {
			rows = append(rows, []string{x.OldSerial, x.NewSerial, string(x.Date), x.Author, x.Reason})
		}
		if _, err := fmt.Fprintln(std.out, "\nRejected:"); err != nil {
			return err
		}
		return table.Columns(std.out, "", []string{"OLD SERIAL", "NEW SERIAL", "ON", "BY", "REASON"}, rows)
	})
}

// origin says where an entry of a ledger is from.
func origin(file, author string) string {
	switch {
	case file == "":
		return author
	case author == "":
		return file
	}
	return file + ", corrected by " + author
}

// rmaFields are the fields of a replacement, each "" where it is not given.
type rmaFields struct {
	RMANumber  string `name:"rma-number" help:"RMA number." placeholder:"NUMBER"`
	CaseNumber string `help:"Case number of the TAC." placeholder:"NUMBER"`
	Contract   string `help:"Contract number." placeholder:"NUMBER"`
	OldPID     string `name:"old-pid" help:"Product that went back." placeholder:"PID"`
	NewPID     string `name:"new-pid" help:"Product that came." placeholder:"PID"`
	OpenedOn   string `help:"When the RMA was opened." placeholder:"YYYY-MM-DD"`
	ShippedOn  string `help:"When Cisco sent the new unit." placeholder:"YYYY-MM-DD"`
	ReturnBy   string `help:"When the old unit has to be back at Cisco." placeholder:"YYYY-MM-DD"`
}

// over puts the fields that are given into the record.
func (f rmaFields) over(r contract.RMA) contract.RMA {
	for _, x := range []struct {
		to    *string
		value string
	}{{&r.RMANumber, f.RMANumber}, {&r.CaseNumber, f.CaseNumber}, {&r.Contract, f.Contract}, {&r.OldPID, f.OldPID}, {&r.NewPID, f.NewPID}} {
		if x.value != "" {
			*x.to = x.value
		}
	}
	for _, x := range []struct {
		to    *contract.Date
		value string
	}{{&r.OpenedOn, f.OpenedOn}, {&r.ShippedOn, f.ShippedOn}, {&r.ReturnBy, f.ReturnBy}} {
		if x.value != "" {
			*x.to = contract.Date(x.value)
		}
	}
	return r
}

type rmaAddCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	By           string    `required:"" help:"Who enters it." placeholder:"NAME"`
	OldSerial    string    `required:"" help:"Serial number that goes back, or went." placeholder:"SERIAL"`
	NewSerial    string    `help:"Serial number that came, when it is known." placeholder:"SERIAL"`
	rmaFields    `embed:""`
}

// Run adds the entry and prints its number.
func (c *rmaAddCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		id, err := s.SaveRMA(ctx, org.ID, 0, c.over(contract.RMA{OldSerial: c.OldSerial, NewSerial: c.NewSerial}), c.By)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "The replacement is entry %d of %q.\n", id, org.Name)
		return err
	})
}

type rmaChangeCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	By           string    `required:"" help:"Who corrects it." placeholder:"NAME"`
	ID           int64     `arg:"" help:"The entry, by its number in rma list."`
	OldSerial    string    `help:"Serial number that went back." placeholder:"SERIAL"`
	NewSerial    string    `help:"Serial number that came." placeholder:"SERIAL"`
	rmaFields    `embed:""`
}

// Run corrects the entry.
func (c *rmaChangeCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		known, err := s.RMAs(ctx, org.ID)
		if err != nil {
			return err
		}
		var r contract.RMA
		for _, e := range known {
			if e.ID == c.ID {
				r = e.Entry
			}
		}
		if c.OldSerial != "" {
			r.OldSerial = c.OldSerial
		}
		if c.NewSerial != "" {
			r.NewSerial = c.NewSerial
		}
		if r.OldSerial == "" {
			return notListed(std, store.ErrNotFound, fmt.Sprintf("there is no entry %d of %q: %s rma list shows all", c.ID, org.Name, program))
		}
		if _, err := s.SaveRMA(ctx, org.ID, c.ID, c.over(r), c.By); err != nil {
			return notListed(std, err, fmt.Sprintf("there is no entry %d of %q: %s rma list shows all", c.ID, org.Name, program))
		}
		_, err = fmt.Fprintf(std.out, "Entry %d of %q is corrected.\n", c.ID, org.Name)
		return err
	})
}

type rmaDeleteCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	ID           int64     `arg:"" help:"The entry, by its number in rma list."`
}

// Run takes the entry out of the ledger.
func (c *rmaDeleteCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		if err := s.DeleteRMA(ctx, org.ID, c.ID); err != nil {
			return notListed(std, err, fmt.Sprintf("there is no entry %d of %q: %s rma list shows all", c.ID, org.Name, program))
		}
		_, err := fmt.Fprintf(std.out, "Entry %d of %q is deleted. If it came with a file, the next import of a file that has it brings it back.\n", c.ID, org.Name)
		return err
	})
}

type rmaConfirmCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	By           string    `required:"" help:"Who confirms it." placeholder:"NAME"`
	Finding      int64     `arg:"" help:"The finding, by its number: see finding list."`
	rmaFields    `embed:""`
}

// Run makes what was inferred a record.
func (c *rmaConfirmCmd) Run(ctx context.Context, std stdio) error {
	return withReplacement(ctx, std, c.Data, c.Organization, c.Finding, func(s *store.Store, org store.Organization, found contract.RMA) error {
		id, err := s.ConfirmReplacement(ctx, org.ID, c.over(found), c.By)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "That %s replaced %s is recorded as entry %d of %q.\n", table.Text(found.NewSerial), table.Text(found.OldSerial), id, org.Name)
		return err
	})
}

type rmaRejectCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	By           string    `required:"" help:"Who rejects it." placeholder:"NAME"`
	Reason       string    `help:"Why, in a few words." placeholder:"TEXT"`
	Finding      int64     `arg:"" help:"The finding, by its number: see finding list."`
}

// Run saves that what was inferred is no replacement.
func (c *rmaRejectCmd) Run(ctx context.Context, std stdio) error {
	return withReplacement(ctx, std, c.Data, c.Organization, c.Finding, func(s *store.Store, org store.Organization, found contract.RMA) error {
		if err := s.RejectReplacement(ctx, org.ID, reconcile.Rejection{OldSerial: found.OldSerial, NewSerial: found.NewSerial, Author: c.By, Reason: c.Reason}); err != nil {
			return err
		}
		_, err := fmt.Fprintf(std.out, "%s is not taken for the replacement of %s again. To take that back: %s rma withdraw --old-serial %s --new-serial %s\n",
			table.Text(found.NewSerial), table.Text(found.OldSerial), program, table.Text(found.OldSerial), table.Text(found.NewSerial))
		return err
	})
}

// withReplacement finds the replacement that a finding is about.
func withReplacement(ctx context.Context, std stdio, data dataFlags, name string, id int64, do func(*store.Store, store.Organization, contract.RMA) error) error {
	return withOrganization(ctx, std, data, name, func(s *store.Store, org store.Organization) error {
		f, err := s.Finding(ctx, id)
		if err == nil && f.Organization != org.ID {
			err = store.ErrNotFound
		}
		if err != nil {
			return notListed(std, err, fmt.Sprintf("there is no finding %d of %q: %s finding list shows all", id, org.Name, program))
		}
		found, ok := f.Replacement()
		if !ok {
			return notListed(std, store.ErrNotFound, fmt.Sprintf("finding %d is not about a replacement, but %s", id, f.Kind))
		}
		return do(s, org, found)
	})
}

type rmaWithdrawCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	OldSerial    string    `required:"" help:"The serial number that went." placeholder:"SERIAL"`
	NewSerial    string    `required:"" help:"The serial number that came." placeholder:"SERIAL"`
}

// Run lets the replacement be inferred again.
func (c *rmaWithdrawCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		if err := s.UnrejectReplacement(ctx, org.ID, c.OldSerial, c.NewSerial); err != nil {
			return notListed(std, err, fmt.Sprintf("no replacement of %s by %s is rejected: %s rma list shows what is", c.OldSerial, c.NewSerial, program))
		}
		_, err := fmt.Fprintf(std.out, "The replacement of %s by %s may be found again.\n", table.Text(c.OldSerial), table.Text(c.NewSerial))
		return err
	})
}
