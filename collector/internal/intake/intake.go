// Package intake takes a file that a person has for one organization: a contract
// file, a saved answer of the Support APIs, or one of the two ledgers. It says
// what the file would change and hands what it has to the store; the command
// line, the pages and the API all go through it, so that a file means the same
// whichever way it comes. How files are read is contract's, and what an import
// replaces is the store's.
package intake

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// A keeper keeps what files say; store.Store is one.
type keeper interface {
	Facts(ctx context.Context, organization string) (reconcile.Facts, error)
	ImportContract(ctx context.Context, organization string, f contract.File, at time.Time) (store.Diff, error)
	ImportAnswer(ctx context.Context, organization string, f contract.File) ([]contract.Lookup, error)
	ImportRMAs(ctx context.Context, organization, file string, entries []contract.RMA) (store.Diff, error)
	ImportOrders(ctx context.Context, organization, file string, entries []contract.Order) (store.Diff, error)
}

// A File is what was read of a file, and not kept yet.
type File struct {
	Name     string
	Refused  []contract.Refusal // rows that cannot be used; the others can
	Warnings []contract.Refusal // of rows that are used, with something to look at

	organization store.Organization
	kind         store.ImportKind
	contract     contract.File
	rmas         []contract.RMA
	orders       []contract.Order
	others       int // orders of other organizations, which are left out
}

// Read reads a file of a kind for an organization. An error says that nothing of
// it can be used, and why.
func Read(o store.Organization, kind store.ImportKind, name string, r io.Reader, options contract.Options) (File, error) {
	name = filepath.Base(name)
	f := File{Name: name, organization: o, kind: kind}
	var err error
	switch kind {
	case store.ContractImport:
		read, err := contract.Read(name, r, options)
		if err != nil {
			return File{}, err
		}
		return Contract(o, read)
	case store.RMAImport:
		f.rmas, f.Refused, err = contract.ReadRMAs(name, r, options)
	case store.OrderImport:
		err = f.readOrders(r, options)
	default:
		err = fmt.Errorf("cannot import %s: there is no kind of file %.40q: it is contract, rma or orders", name, kind)
	}
	return f, err
}

// Contract takes a contract file that was read already.
func Contract(o store.Organization, f contract.File) (File, error) {
	if !f.Partial && strings.HasPrefix(f.Format, "Support API") {
		// An import replaces the lines of its contracts, and such a table has
		// perhaps only the serials that were asked for.
		return File{}, fmt.Errorf("cannot import %s: its fields are those of an answer for single serial numbers and not for whole contracts, so the others could be taken for removed; "+
			"import the answer itself (JSON) or the contract's own download, or hold this file against a scan with rollcall-collector reconcile", f.Name)
	}
	return File{Name: f.Name, Refused: f.Refused, Warnings: f.Warnings, organization: o, kind: store.ContractImport, contract: f}, nil
}

// readOrders leaves out the orders of other organizations: a program keeps one
// ledger of all.
func (f *File) readOrders(r io.Reader, options contract.Options) error {
	all, refused, err := contract.ReadOrders(f.Name, r, options)
	for _, o := range all {
		if o.Organization == "" || f.organization.Is(o.Organization) {
			f.orders = append(f.orders, o)
		}
	}
	f.Refused, f.others = refused, len(all)-len(f.orders)
	return err
}

// Empty says that nothing of a contract file can be used. An empty ledger can: it
// takes the place of the one before.
func (f File) Empty() bool {
	return f.kind == store.ContractImport && len(f.contract.Lines) == 0
}

// Preview says what an import would change, and changes nothing.
func (f File) Preview(ctx context.Context, s keeper) (string, error) {
	switch {
	case f.contract.Partial:
		return AnswerNote(f.contract) + ": " + counted(len(f.contract.Lookups(time.Now(), f.Name)), "serial number") + "\n", nil
	case f.kind == store.ContractImport:
		known, err := s.Facts(ctx, f.organization.ID)
		if err != nil {
			return "", err
		}
		return f.contract.Preview(known.Lines), nil
	}
	return f.ledger() + ": they take the place of those that came with a file before; what was entered by hand stays" + f.left() + "\n" + contract.Told("Refused", f.Refused), nil
}

// Keep has the store keep what the file says, and tells what that changed.
func (f File) Keep(ctx context.Context, s keeper) (string, error) {
	var d store.Diff
	var err error
	what := f.ledger()
	switch {
	case f.contract.Partial:
		all, err := s.ImportAnswer(ctx, f.organization.ID, f.contract)
		return AnswerNote(f.contract) + ": answers for " + counted(len(all), "serial number") + f.rest(), err
	case f.kind == store.RMAImport:
		d, err = s.ImportRMAs(ctx, f.organization.ID, f.Name, f.rmas)
	case f.kind == store.OrderImport:
		d, err = s.ImportOrders(ctx, f.organization.ID, f.Name, f.orders)
	case f.Empty():
		return "", fmt.Errorf("%s: nothing was imported: it has no row that can be used", f.Name)
	default:
		d, err = s.ImportContract(ctx, f.organization.ID, f.contract, time.Time{})
		what = fmt.Sprintf("%s: %s, %s", f.Name, contractsOf(d), counted(len(f.contract.Lines), "line"))
	}
	if err != nil {
		return "", err
	}
	return what + ": " + changesOf(d) + f.rest(), nil
}

// ledger says how much of a ledger was read.
func (f File) ledger() string {
	if f.kind == store.OrderImport {
		return f.Name + ": " + counted(len(f.orders), "order")
	}
	return f.Name + ": " + counted(len(f.rmas), "replacement")
}

func (f File) left() string {
	if f.others == 0 {
		return ""
	}
	return fmt.Sprintf("; %d of other organizations left out", f.others)
}

// rest says what of the file is not kept.
func (f File) rest() string {
	text := f.left()
	if len(f.Refused) > 0 {
		text += "; " + counted(len(f.Refused), "row") + " refused"
	}
	return text
}

// AnswerNote says of a saved answer what it does not say.
func AnswerNote(f contract.File) string {
	return f.Name + ": it answers for the serial numbers that were asked for, and says nothing of others on the same contracts"
}

func contractsOf(d store.Diff) string {
	if len(d.Contracts) > 5 {
		return counted(len(d.Contracts), "contract")
	}
	word := "contract "
	if len(d.Contracts) != 1 {
		word = "contracts "
	}
	return word + strings.Join(d.Contracts, ", ")
}

func changesOf(d store.Diff) string {
	if d.Unchanged {
		return "unchanged; its data counts as of today"
	}
	return fmt.Sprintf("%d added, %d removed, %d changed", d.Added, d.Removed, d.Changed)
}

func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
