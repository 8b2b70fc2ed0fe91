package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/intake"
	"rollcall/collector/internal/store"
	"rollcall/pkg/config"
	"rollcall/pkg/table"
)

// importCmd takes files unless it is told to do something else.
type importCmd struct {
	Files importFilesCmd `cmd:"" default:"withargs" help:"Take contract files and ledgers (this is what import does without another word)."`
	List  importListCmd  `cmd:"" help:"List what was imported, the newest first."`
	Show  importShowCmd  `cmd:"" help:"Show what an import changed."`
	Undo  importUndoCmd  `cmd:"" help:"Make the contracts, or the ledger, of an import what they were before it."`
}

// Help is shown below the line of the command.
func (importCmd) Help() string {
	return "Without another word it takes files, with the flags that import files --help lists."
}

type importFilesCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `required:"" help:"Whose contracts they are: name or ID." placeholder:"ORG"`
	Contract     string    `help:"Contract number, for files without a column of it." placeholder:"NUMBER"`
	DateOrder    string    `help:"What 02/03/2026 means in the files: mdy or dmy, where they do not show it." placeholder:"ORDER" enum:",mdy,dmy" default:""`
	Mapping      string    `help:"YAML file for tables with headers of their own: the name of the field by header, such as \"Device No.: serial\"." type:"path" placeholder:"FILE"`
	Sheet        string    `help:"Name of the sheet, for workbooks with several that could be meant." placeholder:"NAME"`
	Preview      bool      `help:"Only say what the contract files would change: how their columns are understood, which rows are refused, and which lines come and go."`
	RMA          string    `help:"Ledger of replacements (RMA), as CSV or XLSX, in the place of the one before." type:"path" placeholder:"FILE"`
	Orders       string    `help:"Ledger of donated gear, as CSV or XLSX, in the place of the one before." type:"path" placeholder:"FILE"`
	Files        []string  `arg:"" optional:"" name:"file" help:"Contract files from Cisco or a reseller: CSV, XLSX, JSON of the Support APIs, or a ZIP of one or several alike." type:"path"`
}

// Validate is asked by kong, which takes an error for wrong usage.
func (c *importFilesCmd) Validate() error {
	if len(c.Files) == 0 && c.RMA == "" && c.Orders == "" {
		return errors.New("expected \"<file> ...\", --rma or --orders")
	}
	if c.Preview && (c.RMA != "" || c.Orders != "") {
		return errors.New("--preview is for contract files: give --rma and --orders by themselves")
	}
	return nil
}

// An importer imports the files of one command, each by itself, and remembers
// the worst that happened.
type importer struct {
	std     stdio
	store   *store.Store
	org     store.Organization
	options contract.Options
	preview bool
	status  exitStatus
}

// Run imports each file by itself. Refused rows do not keep the others out.
func (c *importFilesCmd) Run(ctx context.Context, std stdio) (err error) {
	s, err := c.Data.open(ctx, std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	org, err := findOrganization(ctx, s, c.Organization)
	if err != nil {
		return err
	}
	i := importer{
		std: std, store: s, org: org, preview: c.Preview,
		options: contract.Options{DateOrder: contract.DateOrder(c.DateOrder), Contract: c.Contract, Sheet: c.Sheet},
	}
	if c.Mapping != "" {
		if err := config.Load(c.Mapping, &i.options.Mapping); err != nil {
			return fmt.Errorf("cannot read the mapping: %w", err)
		}
	}
	for _, path := range c.Files {
		i.take(ctx, store.ContractImport, path)
	}
	if c.RMA != "" {
		i.take(ctx, store.RMAImport, c.RMA)
	}
	if c.Orders != "" {
		i.take(ctx, store.OrderImport, c.Orders)
	}
	if i.status != 0 {
		return i.status
	}
	return nil
}

// take imports a file and says what that changed, or why it failed.
func (i *importer) take(ctx context.Context, kind store.ImportKind, path string) {
	f, err := i.read(kind, path)
	if err == nil {
		var text string
		if text, err = i.keep(ctx, f); err == nil {
			_, err = fmt.Fprintln(table.Terminal(i.std.out), text) // it names the file, and rows
		}
	}
	if err != nil {
		complain(i.std, err)
		i.status = failed
	}
}

// read reads contract files with progress, for they may be large.
func (i *importer) read(kind store.ImportKind, path string) (intake.File, error) {
	if kind == store.ContractImport {
		f, err := readContract(i.std, path, i.options)
		if err != nil {
			return intake.File{}, err
		}
		return intake.Contract(i.org, f)
	}
	f, err := os.Open(path)
	if err != nil {
		return intake.File{}, fmt.Errorf("cannot read ledger: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	return intake.Read(i.org, kind, path, f, i.options)
}

// keep says first what cannot be used.
func (i *importer) keep(ctx context.Context, f intake.File) (string, error) {
	if i.preview {
		if len(f.Refused) > 0 && i.status == 0 {
			i.status = missing
		}
		text, err := f.Preview(ctx, i.store)
		return text + "Nothing was imported: this was a preview.", err
	}
	i.refuse(f.Refused)
	for _, w := range f.Warnings {
		complain(i.std, w)
	}
	return f.Keep(ctx, i.store)
}

// refuse names the rows that cannot be used.
func (i *importer) refuse(rows []contract.Refusal) {
	for _, r := range rows {
		complain(i.std, r)
	}
	if len(rows) > 0 && i.status == 0 {
		i.status = missing
	}
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// findOrganization returns the organization of that name or ID, or says which
// there are.
func findOrganization(ctx context.Context, s *store.Store, name string) (store.Organization, error) {
	o, err := s.OrganizationByName(ctx, name)
	if !errors.Is(err, store.ErrNotFound) {
		return o, err
	}
	all, err := s.Organizations(ctx)
	if err != nil {
		return store.Organization{}, err
	}
	const shown = 10
	var names []string
	for _, o := range all[:min(len(all), shown)] {
		names = append(names, fmt.Sprintf("%q", o.Name))
	}
	if len(all) > shown {
		names = append(names, fmt.Sprintf("and %d more", len(all)-shown))
	}
	hint := fmt.Sprintf("there are %s", strings.Join(names, ", "))
	if len(all) == 0 {
		hint = "there is none"
	}
	return store.Organization{}, fmt.Errorf("there is no organization %q (%s): to make it, make its first agent: %s token create --organization %q --site SITE --agent NAME",
		name, hint, program, name)
}
