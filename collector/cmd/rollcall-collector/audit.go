package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"rollcall/collector/internal/store"
)

// audit writes the audit log, of one organization or whole; whole it is also
// checked.
func (c *exportCmd) audit(ctx context.Context, std stdio, s *store.Store) error {
	org := ""
	if c.Organization != "" {
		o, err := findOrganization(ctx, s, c.Organization)
		if err != nil {
			return err
		}
		org = o.ID
	}
	err := writeFile(std.out, c.Output, func(w io.Writer) error {
		lines := json.NewEncoder(w)
		lines.SetEscapeHTML(false)
		return s.ReadAudit(ctx, org, func(e store.AuditEntry) error { return lines.Encode(e) })
	})
	if err != nil || org != "" {
		return err
	}
	_, err = s.CheckAudit(ctx)
	return err
}

// checkAudit says whether the audit log is whole.
func checkAudit(ctx context.Context, std stdio, f dataFlags) error {
	return withAccounts(ctx, std, f, func(s *store.Store) error {
		n, err := s.CheckAudit(ctx)
		if err != nil {
			return err
		}
		_, hash, err := s.AuditHead(ctx)
		if err == nil {
			_, err = fmt.Fprintf(std.out, "the audit log is whole: %d entries, the last one is %s\n", n, hash)
		}
		return err
	})
}
