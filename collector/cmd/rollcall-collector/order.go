package main

import (
	"context"
	"errors"
	"fmt"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/store"
	"rollcall/pkg/table"
)

// orderCmd keeps the ledger of donated gear one by one.
type orderCmd struct {
	List   orderListCmd   `cmd:"" help:"List the ledger of donated gear."`
	Add    orderAddCmd    `cmd:"" help:"Add a product of an order."`
	Change orderChangeCmd `cmd:"" help:"Correct one: what is not given stays."`
	Delete orderDeleteCmd `cmd:"" help:"Take one out of the ledger."`
}

type orderListCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
}

// Run prints one product of an order a line.
func (c *orderListCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		all, err := s.Orders(ctx, org.ID)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, e := range all {
			o := e.Entry
			rows = append(rows, []string{fmt.Sprint(e.ID), o.OrderNumber, o.ProductID, o.Serial, fmt.Sprint(o.Quantity), string(o.OrderedOn), string(o.CompletedOn), origin(e.File, e.Author)})
		}
		return table.Columns(std.out, "", []string{"ID", "ORDER", "PRODUCT", "SERIAL", "QUANTITY", "ORDERED", "COMPLETED", "FROM"}, rows)
	})
}

// orderFields are the fields of an order, each "" where it is not given.
type orderFields struct {
	OrderNumber string `help:"Order number of the program." placeholder:"NUMBER"`
	ProductID   string `help:"Product." placeholder:"PID"`
	Serial      string `help:"Serial number, when it is known." placeholder:"SERIAL"`
	Quantity    int    `help:"How many." placeholder:"N"`
	OrderedOn   string `help:"When it was ordered." placeholder:"YYYY-MM-DD"`
	CompletedOn string `help:"When all of the order had arrived." placeholder:"YYYY-MM-DD"`
}

func (f orderFields) over(o contract.Order) contract.Order {
	for _, x := range []struct {
		to    *string
		value string
	}{{&o.OrderNumber, f.OrderNumber}, {&o.ProductID, f.ProductID}, {&o.Serial, f.Serial}} {
		if x.value != "" {
			*x.to = x.value
		}
	}
	if f.Quantity != 0 {
		o.Quantity = f.Quantity
	}
	if f.OrderedOn != "" {
		o.OrderedOn = contract.Date(f.OrderedOn)
	}
	if f.CompletedOn != "" {
		o.CompletedOn = contract.Date(f.CompletedOn)
	}
	return o
}

type orderAddCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	By           string    `required:"" help:"Who enters it." placeholder:"NAME"`
	orderFields  `embed:""`
}

// Run adds the entry and prints its number.
func (c *orderAddCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		id, err := s.SaveOrder(ctx, org.ID, 0, c.over(contract.Order{}), c.By)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "It is entry %d of %q.\n", id, org.Name)
		return err
	})
}

type orderChangeCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	By           string    `required:"" help:"Who corrects it." placeholder:"NAME"`
	ID           int64     `arg:"" help:"The entry, by its number in order list."`
	orderFields  `embed:""`
}

// Run corrects the entry.
func (c *orderChangeCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		known, err := s.Orders(ctx, org.ID)
		if err != nil {
			return err
		}
		err = store.ErrNotFound
		for _, e := range known {
			if e.ID == c.ID {
				_, err = s.SaveOrder(ctx, org.ID, c.ID, c.over(e.Entry), c.By)
			}
		}
		if errors.Is(err, store.ErrNotFound) {
			return notListed(std, err, fmt.Sprintf("there is no entry %d of %q: %s order list shows all", c.ID, org.Name, program))
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "Entry %d of %q is corrected.\n", c.ID, org.Name)
		return err
	})
}

type orderDeleteCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	ID           int64     `arg:"" help:"The entry, by its number in order list."`
}

// Run takes the entry out of the ledger.
func (c *orderDeleteCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		if err := s.DeleteOrder(ctx, org.ID, c.ID); err != nil {
			return notListed(std, err, fmt.Sprintf("there is no entry %d of %q: %s order list shows all", c.ID, org.Name, program))
		}
		_, err := fmt.Fprintf(std.out, "Entry %d of %q is deleted. If it came with a file, the next import of a file that has it brings it back.\n", c.ID, org.Name)
		return err
	})
}
