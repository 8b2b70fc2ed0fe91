package collector

import (
	"context"
	"fmt"
	"os"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/intake"
	"rollcall/collector/internal/store"
	"rollcall/pkg/wire"
)

// CreateAgent makes an agent with a static token, and its organization and site
// where they are not there, and returns the token, which is not kept.
func (c *Collector) CreateAgent(ctx context.Context, organization, site, name string) (token string, err error) {
	_, token, err = c.store.CreateAgent(ctx, organization, site, name)
	return token, err
}

// InviteAgent makes an agent, and its organization and site where they are not
// there, and returns a join token for it, which is not kept.
func (c *Collector) InviteAgent(ctx context.Context, organization, site, name string) (token string, err error) {
	pin, err := c.config().Pin(PinAuto, c.options.Now())
	if err != nil {
		return "", err
	}
	_, secret, err := c.store.Invite(ctx, organization, site, name, JoinTokenLife)
	return wire.JoinToken{Secret: secret, Pin: pin}.String(), err
}

// ImportContract takes the contract file at path for an organization, by ID or
// name. Rows that cannot be used are returned as refused.
func (c *Collector) ImportContract(ctx context.Context, organization, path string) (refused []error, err error) {
	return c.importFile(ctx, organization, store.ContractImport, path)
}

// ImportOrders takes the ledger of donated gear at path, as ImportContract does
// a contract file.
func (c *Collector) ImportOrders(ctx context.Context, organization, path string) (refused []error, err error) {
	return c.importFile(ctx, organization, store.OrderImport, path)
}

func (c *Collector) importFile(ctx context.Context, organization string, kind store.ImportKind, path string) (refused []error, err error) {
	o, err := c.store.OrganizationByName(ctx, organization)
	if err != nil {
		return nil, err
	}
	r, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot import: %w", err)
	}
	defer func() { _ = r.Close() }() // it was only read
	f, err := intake.Read(o, kind, path, r, contract.Options{})
	if err != nil {
		return nil, err
	}
	for _, r := range f.Refused {
		refused = append(refused, r)
	}
	_, err = f.Keep(ctx, c.store)
	return refused, err
}
