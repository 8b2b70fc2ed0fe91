package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/document"
	"rollcall/collector/internal/intake"
	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
)

// reconcileCmd holds a scan against contract files, without server or database.
type reconcileCmd struct {
	Inventory    string        `required:"" type:"path" placeholder:"SCAN.JSON" help:"What rollcall-agent scan --format json printed."`
	Previous     string        `type:"path" placeholder:"SCAN.JSON" help:"An earlier scan of the same place: what was seen there and is gone explains a replacement."`
	Contract     []string      `required:"" type:"path" sep:"none" placeholder:"FILE" help:"Contract file from Cisco or a reseller, as CSV, XLSX or ZIP; more may follow it."`
	More         []string      `arg:"" optional:"" type:"path" name:"file" help:"More contract files."`
	RMA          string        `type:"path" placeholder:"FILE" help:"Ledger of replacements (RMA), as CSV or XLSX."`
	Orders       string        `type:"path" placeholder:"FILE" help:"Ledger of donated gear, as CSV or XLSX."`
	Mapping      string        `type:"path" placeholder:"FILE" help:"YAML file for contract tables with headers of their own: the name of the field by header."`
	Sheet        string        `placeholder:"NAME" help:"Name of the sheet, for contract workbooks with several that could be meant."`
	Declarations string        `type:"path" placeholder:"FILE" help:"What only people know of units, as CSV or XLSX with the columns serial, declared_as (elsewhere, spare, returned, retired, not_ours), and if known pid, author, date, reason, obtained."`
	Today        string        `placeholder:"YYYY-MM-DD" help:"The day to judge by (default: today, UTC)."`
	DateOrder    string        `enum:",mdy,dmy" default:"" help:"What 02/03/2026 means in the files: mdy or dmy, where they do not show it."`
	Document     string        `placeholder:"KIND" help:"Write a document instead of the result: ${documents}."`
	Of           string        `placeholder:"WHAT" help:"What the document is about: a contract for renewal, a serial number for swap, takeback and tac, the name of a draft; export --help lists them."`
	About        string        `placeholder:"WHAT" help:"What a draft is about, where it could be several things: a contract, an order or a serial number."`
	Name         string        `name:"organization" placeholder:"NAME" help:"The organization's name, for documents."`
	Flags        documentFlags `embed:""`
	Format       string        `enum:",table,json,csv,text,xlsx,html" default:"" placeholder:"FORMAT" help:"table, json or csv; of a document text, csv, xlsx, html (to print) or json."`
	Output       string        `short:"o" type:"path" placeholder:"FILE" help:"File to write, which appears whole or not at all (default: standard output)."`
}

// Validate is asked by kong, which takes an error for wrong usage.
func (c *reconcileCmd) Validate() error {
	if _, err := contract.ParseDate(c.Today); c.Today != "" && err != nil {
		return fmt.Errorf("--today: %w", err)
	}
	switch {
	case c.Document != "" && c.Format == "table":
		return errors.New("--format: a document is written as text, csv, xlsx, html or json; table is that of the result")
	case c.Document == "" && slices.Contains([]string{"text", "xlsx", "html"}, c.Format):
		return fmt.Errorf("--format: the result is printed as table, json or csv; %s is for a --document", c.Format)
	case c.Document == "" && (c.Of != "" || c.About != "" || c.Flags.PID != "" || len(c.Flags.Field) > 0):
		return errors.New("--of, --about, --pid and --field are for a --document")
	}
	return nil
}

// Run prints the result on stdout, and on stderr every row that was refused.
func (c *reconcileCmd) Run(std stdio) error {
	f, err := c.scans()
	if err != nil {
		return err
	}
	files, err := c.contracts(std, &f)
	if err != nil {
		return err
	}
	refused, err := c.ledgers(&f)
	if err != nil {
		return err
	}
	refused = append(slices.Clip(f.Refused), refused...)
	for _, note := range files {
		complain(std, errors.New(note))
	}
	for _, r := range refused {
		complain(std, r)
	}
	if err := c.write(std, f, reconcile.Reconcile(f)); err != nil {
		return err
	}
	if len(refused) > 0 {
		return missing
	}
	return nil
}

// write prints the result, or the document that was asked for.
func (c *reconcileCmd) write(std stdio, f reconcile.Facts, r reconcile.Result) error {
	if c.Document != "" {
		in := document.Input{Facts: f, Units: r.Units}
		for _, x := range r.Findings {
			in.Findings = append(in.Findings, document.Finding{Finding: x})
		}
		return makeDocument(std, in, c.Flags.request(c.Document, c.Of, c.About), c.Format, c.Output)
	}
	if err := writeFile(std.out, c.Output, func(w io.Writer) error { return writeResult(w, c.Format, f, r) }); err != nil {
		return fmt.Errorf("cannot write the result: %w", err)
	}
	return nil
}

// scans gives the facts that come from the scans, and the day.
func (c *reconcileCmd) scans() (reconcile.Facts, error) {
	f := reconcile.Facts{Name: c.Name, Settings: reconcile.DefaultSettings(), Now: time.Now().UTC()}
	if c.Today != "" {
		noon, err := time.Parse(time.DateOnly, c.Today)
		if err != nil {
			return f, err
		}
		f.Now = noon.Add(12 * time.Hour)
	}
	current, err := readScan(c.Inventory)
	if err != nil {
		return f, err
	}
	var previous *inventory.Scan
	if c.Previous != "" {
		p, err := readScan(c.Previous)
		if err != nil {
			return f, err
		}
		if p.Started.After(current.Started) {
			return f, fmt.Errorf("%s was made on %s, and %s before it, on %s: give the earlier scan as --previous",
				c.Previous, p.Started.UTC().Format(time.DateTime), c.Inventory, current.Started.UTC().Format(time.DateTime))
		}
		previous = &p
	}
	f.AddScans(previous, current)
	return f, nil
}

// contracts reads the contract files into the facts and returns what there is to
// say about them. Files may each hold a part of a contract: their lines count
// together, and of a line that two files have, the later file's counts.
func (c *reconcileCmd) contracts(std stdio, f *reconcile.Facts) (notes []string, err error) {
	o := contract.Options{DateOrder: contract.DateOrder(c.DateOrder), Sheet: c.Sheet}
	if c.Mapping != "" {
		if err := config.Load(c.Mapping, &o.Mapping); err != nil {
			return nil, fmt.Errorf("cannot read the mapping: %w", err)
		}
	}
	from := map[string]string{} // by contract: the file it was in before
	for _, path := range append(slices.Clip(c.Contract), c.More...) {
		file, err := readContract(std, path, o)
		if err != nil {
			return nil, err
		}
		if file.Partial {
			f.Lookups = append(f.Lookups, file.Lookups(f.Now, file.Name)...)
			f.Refused = append(f.Refused, file.Refused...)
			notes = append(notes, intake.AnswerNote(file))
			continue
		}
		if file.NotCovered > 0 {
			notes = append(notes, fmt.Sprintf("%s: %s of products that the file itself has under no contract: left out", file.Name, plural(file.NotCovered, "row")))
		}
		if len(file.Lines)+len(file.Refused)+file.NotCovered == 0 {
			notes = append(notes, file.Name+": it has headers and no rows under them, so it says nothing of any contract: download it again")
		}
		for _, w := range file.Warnings {
			notes = append(notes, w.Error())
		}
		f.Refused = append(f.Refused, file.Refused...)
		f.Lines = together(f.Lines, file.Lines)
		for _, number := range file.Contracts() {
			f.Imports = append(f.Imports, reconcile.Import{Contract: number, File: file.Name, At: f.Now})
			if before, again := from[number]; again {
				notes = append(notes, fmt.Sprintf("contract %s is in %s and in %s: the lines of both count. If one is only older than the other, leave it out", number, before, file.Name))
			}
			from[number] = file.Name
		}
	}
	return notes, nil
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

// together adds the lines of a later file to those before, in the place of those
// with the same keys.
func together(before, more []contract.Line) []contract.Line {
	if len(before) == 0 {
		return more
	}
	again := map[string]bool{}
	for _, l := range more {
		again[l.Key()] = true
	}
	var lines []contract.Line
	for _, l := range before {
		// Quantities without an instance number have nothing of their own.
		if !again[l.Key()] || l.Serial == "" && l.Instance == "" {
			lines = append(lines, l)
		}
	}
	return append(lines, more...)
}

func (c *reconcileCmd) ledgers(f *reconcile.Facts) (refused []contract.Refusal, err error) {
	o := contract.Options{DateOrder: contract.DateOrder(c.DateOrder)}
	if c.RMA != "" {
		if f.RMAs, refused, err = readLedger(c.RMA, o, contract.ReadRMAs); err != nil {
			return nil, err
		}
	}
	if c.Orders != "" {
		var more []contract.Refusal
		if f.Orders, more, err = readLedger(c.Orders, o, contract.ReadOrders); err != nil {
			return nil, err
		}
		refused = append(refused, more...)
	}
	if c.Declarations != "" {
		read := func(name string, r io.Reader, o contract.Options) ([]contract.Declared, []contract.Refusal, error) {
			return contract.ReadDeclared(name, r, o, declarationKinds()...)
		}
		declared, more, err := readLedger(c.Declarations, o, read)
		if err != nil {
			return nil, err
		}
		refused = append(refused, more...)
		for _, d := range declared {
			f.Declarations = append(f.Declarations, reconcile.Declaration{
				Serial: d.Serial, PID: d.PID, Kind: reconcile.DeclarationKind(d.As), Author: d.Author, Date: d.Date, Reason: d.Reason, Obtained: d.Obtained,
			})
		}
	}
	return refused, nil
}

func declarationKinds() []string {
	kinds := make([]string, len(reconcile.DeclarationKinds))
	for i, k := range reconcile.DeclarationKinds {
		kinds[i] = string(k)
	}
	return kinds
}

func readScan(path string) (inventory.Scan, error) {
	file, err := os.Open(path)
	if err != nil {
		return inventory.Scan{}, fmt.Errorf("cannot read scan: %w", err)
	}
	scan, err := inventory.ReadScan(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return inventory.Scan{}, fmt.Errorf("cannot read scan %s: %w", path, err)
	}
	for i := range scan.Devices {
		cleanDevice(&scan.Devices[i])
	}
	for i := range scan.Unanswered {
		u := &scan.Unanswered[i]
		u.Address, u.Reason = inventory.CleanText(u.Address), inventory.CleanText(u.Reason)
	}
	return scan, nil
}

// cleanDevice takes out of what a device says the characters that would steer a
// terminal: JSON and CSV go there too.
func cleanDevice(d *inventory.Device) {
	for _, s := range []*string{&d.Address, &d.Name, &d.Platform, &d.Model, &d.Serial, &d.Software} {
		*s = inventory.CleanText(*s)
	}
	for i := range d.Components {
		c := &d.Components[i]
		c.Name, c.Description, c.VID = inventory.CleanText(c.Name), inventory.CleanText(c.Description), inventory.CleanText(c.VID)
		c.Class = inventory.Class(inventory.CleanText(string(c.Class)))
	}
	for i := range d.Errors {
		d.Errors[i].Message = inventory.CleanText(d.Errors[i].Message)
	}
}
