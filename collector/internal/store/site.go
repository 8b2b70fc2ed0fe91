package store

import (
	"context"
	"fmt"

	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
)

// Sites returns the sites of an organization with their postal addresses, by
// name.
func (s *Store) Sites(ctx context.Context, org string) ([]reconcile.Site, error) {
	return listOf(ctx, s, org, sites)
}

func sites(ctx context.Context, q querier, org string) ([]reconcile.Site, error) {
	return list(ctx, q, func(scan func(...any) error, x *reconcile.Site) error {
		return scan(&x.Name, &x.Street, &x.PostalCode, &x.City, &x.State, &x.Country)
	}, `SELECT name, street, postal_code, city, state, country FROM sites WHERE organization = $1 ORDER BY name`, org)
}

// SetSite saves the postal address of a site that is there.
func (s *Store) SetSite(ctx context.Context, org string, x reconcile.Site) error {
	err := s.change(ctx, org, func(t *tx) error {
		c := fieldCheck{}
		for _, f := range []struct {
			name  string
			value *string
		}{{"street", &x.Street}, {"postal_code", &x.PostalCode}, {"city", &x.City}, {"state", &x.State}, {"country", &x.Country}} {
			*f.value = inventory.CleanText(*f.value)
			c.short(f.name, *f.value)
		}
		if c.err != nil {
			return c.err
		}
		if err := changeOne(ctx, t, org, `UPDATE sites SET street = $1, postal_code = $2, city = $3, state = $4, country = $5 WHERE organization = $6 AND name = $7`,
			x.Street, x.PostalCode, x.City, x.State, x.Country, org, x.Name); err != nil {
			return err
		}
		return t.audit(ctx, org, "site.save", x.Name, detail{"address": x.Address()})
	})
	if err != nil {
		return fmt.Errorf("cannot save the address of site %.100q: %w", x.Name, err)
	}
	return nil
}
