// Package contract knows contract files: their lines, how each format is read,
// and errors with file, row, column and value; and the ledgers of replacements
// and donations that people keep themselves. It does not know devices, nor what
// a line means for a unit (that is reconcile), nor where lines are kept (that is
// store).
package contract

import (
	"fmt"
	"regexp"
	"strings"

	"rollcall/pkg/inventory"
)

// A Line is one row of a contract: one covered serial, a licence, or a quantity
// without a serial. Empty fields are ones that the file does not say.
type Line struct {
	Contract     string `json:"contract"` // contract number
	Instance     string `json:"instance"` // instance number: identifies a line better than the serial
	Serial       string `json:"serial"`   // cleaned; "" for licences and quantities
	PID          string `json:"pid"`      // as written
	Description  string `json:"description"`
	ProductType  string `json:"product_type"`
	ServiceLevel string `json:"service_level"`
	Status       string `json:"status"` // as written; dates decide, but see Terminated
	Begin        Date   `json:"begin"`
	End          Date   `json:"end"` // the line's own end, not the contract's
	ContractEnd  Date   `json:"contract_end"`
	ShipDate     Date   `json:"ship_date"`
	LastSupport  Date   `json:"last_support"` // last date of support of the product
	WarrantyEnd  Date   `json:"warranty_end"` // shown beside; never coverage (FAQ 1.2)
	Site         string `json:"site"`         // install site's name
	SiteAddress  string `json:"site_address"` // in one line
	SalesOrder   string `json:"sales_order"`
	Parent       string `json:"parent"` // parent instance
	Quantity     int    `json:"quantity"`
	Row          int    `json:"row"` // in the file, 1 is its first line
	// Extra keeps the columns that have no field here, by header. Lines may
	// share it: it is only read.
	Extra map[string]string `json:"extra,omitempty"`
}

// LineKind says what a line can stand for.
type LineKind string

// Kinds of lines. Only a LineUnit is matched with components.
const (
	LineUnit     LineKind = "unit"
	LineLicence  LineKind = "licence"  // software: PAK, "L-" PID, or a product type that says so
	LineQuantity LineKind = "quantity" // several of a product, without serials
)

var (
	softwareType = regexp.MustCompile(`(?i)software|licen[cs]e|subscription`)
	// softwarePID are licences, feature keys and subscriptions: "L-" for those
	// delivered by mail, "SL-" and "FL-" for features of routers, "-DNA-" for
	// subscriptions of switches and access points.
	softwarePID = regexp.MustCompile(`(?i)^(?:L|LIC|SL|FL|SLA)-|-DNA-|-LIC(?:-|=|$)`)
)

// Kind tells units from licences and quantities. The description is no help:
// those of hardware bundles speak of licences too.
func (l Line) Kind() LineKind {
	switch {
	case softwarePID.MatchString(l.PID), softwareType.MatchString(l.ProductType):
		return LineLicence
	case l.Serial == "":
		return LineQuantity
	}
	return LineUnit
}

// Terminated says that a line was ended before its time, as one of a serial that
// was swapped is: such lines stay in files for a while, with the end that they
// had. No other word of a status decides anything: EXPIRED and OVERDUE are said
// of whole contracts, and ACTIVE of lines that are over.
func (l Line) Terminated() bool {
	word, _, _ := strings.Cut(l.Status, " ")
	switch strings.ToUpper(word) {
	case "TERMINATED", "CANCELLED", "CANCELED":
		return true
	}
	return false
}

// Key identifies a line within its contract from one file to the next: by
// instance number where the file has one, else by serial and PID.
func (l Line) Key() string {
	if l.Instance != "" {
		return l.Contract + "/" + l.Instance
	}
	return l.Contract + "/" + l.Serial + "/" + inventory.MatchPID(l.PID)
}

// A File is a contract file as read: what could be used, and what was refused.
type File struct {
	Name    string    `json:"name"` // base name
	SHA256  string    `json:"sha256"`
	Format  string    `json:"format"`          // which of the formats it is, in words
	Sheet   string    `json:"sheet,omitempty"` // of a workbook
	Lines   []Line    `json:"lines"`
	Refused []Refusal `json:"refused"`
	// Warnings are of rows that are used, with something that a person should
	// look at.
	Warnings []Refusal `json:"warnings,omitempty"`
	// NotCovered counts the rows of products that the file itself lists as
	// under no contract; they are no lines.
	NotCovered int `json:"not_covered"`
	// Partial says that the file is an answer of SN2Info itself: for the serials
	// that were asked for and for no whole contract; see Lookups. A table with
	// the same fields may hold a contract.
	Partial bool `json:"partial,omitempty"`
	// OffContract are the rows that NotCovered counts, of a partial file alone.
	OffContract []Line   `json:"-"`
	Columns     []Column `json:"columns"` // how headers were understood
}

// Contracts returns the contract numbers in the file, each once, in order of
// first appearance. Absence of a serial counts only within these.
func (f File) Contracts() []string {
	var numbers []string
	seen := map[string]bool{}
	for _, l := range f.Lines {
		if !seen[l.Contract] {
			seen[l.Contract] = true
			numbers = append(numbers, l.Contract)
		}
	}
	return numbers
}

// A Column says as which field a header was understood; Field is "" for a
// column that is kept in Extra.
type Column struct {
	Header string `json:"header"`
	Field  string `json:"field"`
}

// A Refusal is one row that cannot be used. Its Error names file, row, column
// and value.
type Refusal struct {
	File   string `json:"file"`
	Row    int    `json:"row"`
	Column string `json:"column"` // header as written
	Value  string `json:"value"`
	Reason string `json:"reason"` // what is wrong, and what would be right
	// Serial is that of the row, "" when it can't be read either. A unit with
	// it may well be on the contract.
	Serial string `json:"serial,omitempty"`
}

// Error names file, row, column and value, and says why.
func (r Refusal) Error() string {
	where := fmt.Sprintf("%s: row %d", r.File, r.Row)
	if r.Column != "" {
		where += fmt.Sprintf(", column %q", r.Column)
	}
	return fmt.Sprintf("%s, value %q: %s", where, r.Value, r.Reason)
}

// LostDigits says that the row's serial was turned into a number such as
// 1.2E+10: no one can say any more which serial it was.
func (r Refusal) LostDigits() bool { return exponent.MatchString(r.Value) }
