package main

import (
	"context"
	"errors"
	"fmt"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/table"
)

// siteCmd keeps the postal addresses of sites, which contract files are held
// against.
type siteCmd struct {
	List siteListCmd `cmd:"" help:"List the sites with their postal addresses."`
	Set  siteSetCmd  `cmd:"" help:"Set the postal address of a site."`
}

type siteListCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
}

// Run prints one site a line.
func (c *siteListCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		all, err := s.Sites(ctx, org.ID)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, x := range all {
			rows = append(rows, []string{x.Name, x.Street, x.City, x.State, x.PostalCode, x.Country})
		}
		return table.Columns(std.out, "", []string{"SITE", "STREET", "CITY", "STATE", "POSTAL CODE", "COUNTRY"}, rows)
	})
}

type siteSetCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	Site         string    `required:"" help:"The site, by name; it is made with its first agent." placeholder:"SITE"`
	Street       string    `help:"Street and number." placeholder:"TEXT"`
	City         string    `help:"City." placeholder:"TEXT"`
	State        string    `help:"State or province." placeholder:"TEXT"`
	PostalCode   string    `help:"Postal code." placeholder:"TEXT"`
	Country      string    `help:"Country." placeholder:"TEXT"`
}

// Run saves the whole address: what is not given is empty.
func (c *siteSetCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		x := reconcile.Site{Name: c.Site, Street: c.Street, PostalCode: c.PostalCode, City: c.City, State: c.State, Country: c.Country}
		err := s.SetSite(ctx, org.ID, x)
		if errors.Is(err, store.ErrNotFound) {
			return notListed(std, err, fmt.Sprintf("there is no site %q of %q: %s site list shows all", c.Site, org.Name, program))
		}
		if err != nil {
			return err
		}
		address := x.Address()
		if address == "" {
			address = "(no address)"
		}
		_, err = fmt.Fprintf(std.out, "%s of %q: %s\n", table.Text(c.Site), org.Name, table.Text(address))
		return err
	})
}
