package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rollcall/collector/internal/store"
	"rollcall/pkg/table"
)

type importListCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	Limit        int       `help:"How many to list." default:"20"`
}

// Run prints one import a line.
func (c *importListCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		all, total, err := s.ImportLog(ctx, org.ID, c.Limit, 0)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, i := range all {
			rows = append(rows, []string{
				fmt.Sprint(i.ID), i.At.Format(time.RFC3339), string(i.Kind), i.File, importedContracts(i), fmt.Sprint(i.Lines),
				fmt.Sprintf("+%d -%d ~%d", i.Added, i.Removed, i.Changed), fmt.Sprint(len(i.Refused)), importState(i),
			})
		}
		if err := table.Columns(std.out, "", []string{"ID", "IMPORTED", "WHAT", "FILE", "CONTRACTS", "LINES", "CHANGES", "REFUSED", "STATE"}, rows); err != nil {
			return err
		}
		if more := total - len(all); more > 0 {
			_, err = fmt.Fprintf(std.out, "%d older ones: --limit shows more.\n", more)
		}
		return err
	})
}

func importedContracts(i store.LoggedImport) string {
	const shown = 3
	text := strings.Join(i.Contracts[:min(len(i.Contracts), shown)], ", ")
	if n := len(i.Contracts) + i.MoreContracts; n > shown {
		text += fmt.Sprintf(" and %d more", n-shown)
	}
	return text
}

func importState(i store.LoggedImport) string {
	switch {
	case !i.Undone.IsZero():
		return "undone by " + i.UndoneBy
	case i.Later != 0:
		return fmt.Sprintf("before import %d", i.Later)
	}
	return "newest"
}

type importShowCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	ID           int64     `arg:"" help:"The import, by its number in import list."`
	Limit        int       `help:"How many changes to print." default:"100"`
}

// Run prints the changes of an import, "-" before and "+" after it.
func (c *importShowCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		i, changes, err := s.ImportByID(ctx, org.ID, c.ID, c.Limit, 0)
		if err != nil {
			return notListed(std, err, fmt.Sprintf("there is no import %d of %q: %s import list shows all", c.ID, org.Name, program))
		}
		if _, err := fmt.Fprintf(std.out, "%s, %s: %d added, %d removed, %d changed (%s)\n", table.Text(i.File), i.At.Format(time.RFC3339), i.Added, i.Removed, i.Changed, importState(i)); err != nil {
			return err
		}
		for _, x := range changes {
			if x.Before != "" {
				_, err = fmt.Fprintf(std.out, "- %s\n", table.Text(x.Before))
			}
			if x.After != "" && err == nil {
				_, err = fmt.Fprintf(std.out, "+ %s\n", table.Text(x.After))
			}
			if err != nil {
				return err
			}
		}
		for _, r := range i.Refused {
			if _, err := fmt.Fprintf(std.out, "refused: %s\n", table.Text(r.Error())); err != nil {
				return err
			}
		}
		if i.Forgotten {
			_, err = fmt.Fprintln(std.out, "It is older than history_days, and later ones follow: what it changed is not kept any more.")
			return err
		}
		if more := i.Added + i.Removed + i.Changed - len(changes); more > 0 && i.Kind == store.ContractImport {
			_, err = fmt.Fprintf(std.out, "and %d more: --limit shows more.\n", more)
		}
		return err
	})
}

type importUndoCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"The organization, by name or ID." placeholder:"ORG"`
	By           string    `required:"" help:"Who undoes it." placeholder:"NAME"`
	ID           int64     `arg:"" help:"The import, by its number in import list."`
}

// Run undoes the import; a serving collector takes that into account at once.
func (c *importUndoCmd) Run(ctx context.Context, std stdio) error {
	return withOrganization(ctx, std, c.Data, c.Organization, func(s *store.Store, org store.Organization) error {
		i, err := s.UndoImport(ctx, org.ID, c.ID, c.By)
		if err != nil {
			return notListed(std, err, fmt.Sprintf("there is no import %d of %q: %s import list shows all", c.ID, org.Name, program))
		}
		_, err = fmt.Fprintf(std.out, "Import %d of %s is undone: what it added is gone, what it removed is back, what it changed is as before (%d, %d and %d lines).\n", i.ID, table.Text(i.File), i.Added, i.Removed, i.Changed)
		return err
	})
}

// notListed ends with status 3 and says so where something named is not there.
func notListed(std stdio, err error, message string) error {
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	complain(std, errors.New(message))
	return missing
}
