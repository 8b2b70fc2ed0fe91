package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/store"
	"rollcall/pkg/config"
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
	Files        []string  `arg:"" optional:"" name:"file" help:"Contract files from Cisco or a reseller: CSV, XLSX, JSON of the Support APIs, or the ZIP with one of them." type:"path"`
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
		i.try(i.contract(ctx, path))
	}
	if c.RMA != "" {
		i.try(i.rmas(ctx, c.RMA))
	}
	if c.Orders != "" {
		i.try(i.orders(ctx, c.Orders))
	}
	if i.status != 0 {
		return i.status
	}
	return nil
}

// try says what an import changed, or why it failed.
func (i *importer) try(text string, err error) {
	if err == nil {
		_, err = fmt.Fprintln(i.std.out, text)
	}
	if err != nil {
		complain(i.std, err)
		i.status = failed
	}
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

func (i *importer) contract(ctx context.Context, path string) (string, error) {
	f, err := readContract(i.std, path, i.options)
	if err != nil {
		return "", err
	}
	if !f.Partial && strings.HasPrefix(f.Format, "Support API") {
		// An import replaces the lines of its contracts, and such a table has
		// perhaps only the serials that were asked for.
		return "", fmt.Errorf("cannot import %s: its fields are those of an answer for single serial numbers and not for whole contracts, so the others could be taken for removed; "+
			"import the answer itself (JSON) or the contract's own download, or hold this file against a scan with %s reconcile", f.Name, program)
	}
	if i.preview {
		return i.changes(ctx, f)
	}
	i.refuse(f.Refused)
	for _, w := range f.Warnings {
		complain(i.std, w)
	}
	if f.Partial {
		return i.answers(ctx, f)
	}
	if len(f.Lines) == 0 {
		return "", fmt.Errorf("%s: nothing was imported: it has no row that can be used", f.Name)
	}
	d, err := i.store.ImportContract(ctx, i.org.ID, f, time.Time{})
	if err != nil {
		return "", err
	}
	contracts := plural(len(d.Contracts), "contract")
	if len(d.Contracts) <= 5 {
		contracts = strings.TrimLeft(contracts, "0123456789 ") + " " + strings.Join(d.Contracts, ", ")
	}
	return fmt.Sprintf("%s: %s, %s: %s%s", f.Name, contracts, plural(len(f.Lines), "line"), differences(d), refusedRows(f.Refused)), nil
}

// answers takes a saved answer of SN2Info, which removes no line of any contract.
func (i *importer) answers(ctx context.Context, f contract.File) (string, error) {
	all, err := i.store.ImportAnswer(ctx, i.org.ID, f)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: answers for %s%s", answersNote(f), plural(len(all), "serial number"), refusedRows(f.Refused)), nil
}

// differences says what an import changed.
func differences(d store.Diff) string {
	if d.Unchanged {
		return "unchanged; its data counts as of today"
	}
	return fmt.Sprintf("%d added, %d removed, %d changed", d.Added, d.Removed, d.Changed)
}

// changes says what an import would do, and does nothing.
func (i *importer) changes(ctx context.Context, f contract.File) (string, error) {
	known, err := i.store.Facts(ctx, i.org.ID)
	if err != nil {
		return "", err
	}
	if len(f.Refused) > 0 && i.status == 0 {
		i.status = missing
	}
	if f.Partial {
		return fmt.Sprintf("%s: %s\nNothing was imported: this was a preview.", answersNote(f), plural(len(f.Lookups(time.Now(), f.Name)), "serial number")), nil
	}
	return f.Preview(known.Lines) + "Nothing was imported: this was a preview.", nil
}

func (i *importer) rmas(ctx context.Context, path string) (string, error) {
	entries, refused, err := readLedger(path, i.options, contract.ReadRMAs)
	if err != nil {
		return "", err
	}
	i.refuse(refused)
	d, err := i.store.ImportRMAs(ctx, i.org.ID, filepath.Base(path), entries)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: %s: %s%s", filepath.Base(path), plural(len(entries), "replacement"), differences(d), refusedRows(refused)), nil
}

// orders leaves out the orders of other organizations: a program keeps one
// ledger of all.
func (i *importer) orders(ctx context.Context, path string) (string, error) {
	all, refused, err := readLedger(path, i.options, contract.ReadOrders)
	if err != nil {
		return "", err
	}
	i.refuse(refused)
	var entries []contract.Order
	for _, o := range all {
		if o.Organization == "" || i.org.Is(o.Organization) {
			entries = append(entries, o)
		}
	}
	d, err := i.store.ImportOrders(ctx, i.org.ID, filepath.Base(path), entries)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%s: %s: %s", filepath.Base(path), plural(len(entries), "order"), differences(d))
	if n := len(all) - len(entries); n > 0 {
		text += fmt.Sprintf("; %d of other organizations left out", n)
	}
	return text + refusedRows(refused), nil
}

// readLedger reads the file at path with one of the readers of contract.
func readLedger[T any](path string, o contract.Options, read func(string, io.Reader, contract.Options) ([]T, []contract.Refusal, error)) ([]T, []contract.Refusal, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read ledger: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	return read(filepath.Base(path), f, o)
}

func refusedRows(rows []contract.Refusal) string {
	if len(rows) == 0 {
		return ""
	}
	return fmt.Sprintf("; %s refused", plural(len(rows), "row"))
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
