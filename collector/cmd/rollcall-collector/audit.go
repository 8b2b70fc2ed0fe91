package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

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

// checkAudit says whether the audit log is whole, and goes on from the entry that
// known tells, as the collector's log has it: "" for none, or NUMBER:HASH.
func checkAudit(ctx context.Context, std stdio, f dataFlags, known string) error {
	number, hash, _ := strings.Cut(known, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	if known != "" && (err != nil || seq < 1 || seq == math.MaxInt64 || hash == "") {
		return fmt.Errorf("--known: %q is not the number of an entry and its hash: write them as the collector's log has them, 1234:0a1b2c", known)
	}
	return withAccounts(ctx, std, f, func(s *store.Store) error {
		n, err := s.CheckAudit(ctx)
		if err != nil {
			return err
		}
		if known != "" {
			entries, err := s.AuditLog(ctx, "", seq+1, 1)
			if err != nil {
				return err
			}
			if len(entries) == 0 || entries[0].Seq != seq || entries[0].Hash != hash {
				return fmt.Errorf("the audit log is %w: its entry %d is not the one of --known: it was cut off or written anew since, or a backup was restored, of which database.restore tells", store.ErrBroken, seq)
			}
		}
		_, hash, err := s.AuditHead(ctx)
		if err == nil {
			_, err = fmt.Fprintf(std.out, "the audit log is whole: %d entries, the last one is %s\n", n, hash)
		}
		return err
	})
}
