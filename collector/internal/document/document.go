// Package document makes what people take away from Rollcall: the swap sheet
// for Cisco's Service Contract Center, the renewal list for a reseller, drafts
// of mails, the Takeback checklist, the card for a case at Cisco's TAC, and the
// lists of units, findings, sites and nodes. A document is one model (title,
// sections of fields, a table or steps) and one writer for each format renders
// them all: text, CSV, XLSX, HTML to print, JSON.
//
// It is pure: it gets what reconcile found and what that was found from, judges
// nothing anew, and reads no database, clock or network. Where documents are
// asked for is in web and in the commands.
package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
	"rollcall/pkg/table"
)

// Kind names a document, in commands and addresses.
type Kind string

// The kinds of documents.
const (
	Units    Kind = "units"    // all units with their coverage
	Findings Kind = "findings" // all findings with their next steps
	Sites    Kind = "sites"    // how each site stands
	Nodes    Kind = "nodes"    // all devices that agents ask
	Renewal  Kind = "renewal"  // what ends, for a reseller (FAQ 3.4)
	Swap     Kind = "swap"     // what to change in SCC after an RMA (FAQ 3.1)
	Takeback Kind = "takeback" // lines not seen, and how gear goes back (FAQ 3.5)
	TAC      Kind = "tac"      // what Cisco's TAC asks for when a case is opened (FAQ 2.1, 2.2)
	Draft    Kind = "draft"    // a mail to the donation program
)

// Kinds lists all kinds.
var Kinds = []Kind{Units, Findings, Sites, Nodes, Renewal, Swap, Takeback, TAC, Draft}

var about = map[Kind]string{
	Units: "all units with their coverage", Findings: "all findings with their next steps", Sites: "how each site stands", Nodes: "all devices that agents ask",
	Renewal: "what ends within a year, for a reseller", Swap: "what to change in the Service Contract Center after an RMA",
	Takeback: "what is under contract and not seen, with the checklist to give it back", TAC: "what Cisco's TAC asks for when a case is opened", Draft: "a mail to the donation program",
}

// String is the kind as typed.
func (k Kind) String() string { return string(k) }

// About says in words what the document is.
func (k Kind) About() string { return about[k] }

// Input is what documents are made from: one organization on one day.
type Input struct {
	Facts    reconcile.Facts
	Units    []reconcile.Unit
	Findings []Finding
}

// A Finding is one of reconcile with what the collector knows of it beside.
type Finding struct {
	reconcile.Finding

	Number int64         // by which people name it; 0 without a collector
	Opened contract.Date // "" without a collector
}

// A Request says which document is wanted.
type Request struct {
	Kind Kind
	// Of is what it is about: the number of a contract for Renewal; the number
	// of a finding or a serial number for Swap; a serial number for Takeback
	// and TAC; the name of a draft for Draft. "" is all of them, but for Draft.
	Of string
	// About is what a draft is about where that could be several things: the
	// number of a finding, a contract or an order.
	About string
	PID   string // the product, where several have the serial number of a TAC card
	// Fields are what only people know, by the name of the field. They fill
	// what is empty; what is known is not overwritten.
	Fields map[string]string
}

// A Document is ready to be written. Its texts are safe in one line and on a
// terminal.
type Document struct {
	Kind         Kind          `json:"kind"`
	Name         string        `json:"-"` // of a file, without extension
	Title        string        `json:"title"`
	Organization string        `json:"organization"`
	Date         contract.Date `json:"date"` // the day that it tells of
	// Basis says what it rests on: the age of the contract data.
	Basis    []string  `json:"basis,omitempty"`
	Sections []Section `json:"sections,omitempty"`
	Mail     *Mail     `json:"mail,omitempty"`
	// Notes are for whoever sends the document, not for whoever gets it.
	Notes []string `json:"notes,omitempty"`
	// LeftOut are parts that could not be made, and what they lack.
	LeftOut []string `json:"left_out,omitempty"`
	// Form are the fields that it was made with, the empty ones too.
	Form []Field `json:"-"`
}

// A Section has fields, a table, steps or a sheet, in that order; any may be
// absent.
type Section struct {
	Title      string   `json:"title,omitempty"`
	Text       []string `json:"text,omitempty"` // sentences
	Fields     []Field  `json:"fields,omitempty"`
	Table      *Table   `json:"table,omitempty"`
	StepsTitle string   `json:"steps_title,omitempty"`
	Steps      []string `json:"steps,omitempty"` // sentences, in order
	Checklist  bool     `json:"checklist,omitempty"`
	// Sheet is the form that the steps speak of.
	Sheet []Field `json:"sheet,omitempty"`
}

// A Table has as many cells in each row as columns.
type Table struct {
	Columns []Column   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// A Column has a name for programs and a label for people.
type Column struct {
	Name   string `json:"name"`
	Label  string `json:"label"`
	Number bool   `json:"-"` // its cells are whole numbers
}

// A Mail is ready to be sent by the mail program of whoever asked.
type Mail struct {
	To      string   `json:"to"`
	Subject string   `json:"subject"`
	Body    []string `json:"body"` // lines
}

// Make makes a document. Its errors are *Incomplete while a required field is
// empty, *Nothing when there is nothing that it could be about, and *Invalid
// when the request makes no sense.
func Make(in Input, r Request) (Document, error) {
	make, known := map[Kind]func(Input, Request) (Document, error){
		Units: makeUnits, Findings: makeFindings, Sites: makeSites, Nodes: makeNodes, Renewal: makeRenewal, Swap: makeSwap, Takeback: makeTakeback, TAC: makeTAC,
		Draft: makeDraft,
	}[r.Kind]
	if !known {
		return Document{}, invalid("there is no document %q: it is one of %s", r.Kind, join(Kinds))
	}
	d, err := make(in, r)
	if err != nil {
		return Document{}, err
	}
	d.Kind = r.Kind
	if d.Name == "" {
		d.Name = string(r.Kind)
	}
	return in.finish(d), nil
}

// finish adds what every document has, and makes all texts safe.
func (in Input) finish(d Document) Document {
	d.Organization, d.Date = cmp.Or(value(d.Form, "organization"), in.organization()), in.Facts.Today()
	if d.Mail == nil {
		d.Basis = in.Basis()
	}
	d.Name = fileName(d.Name)
	for _, s := range []*string{&d.Title, &d.Organization} {
		*s = table.Text(*s)
	}
	for _, list := range [][]string{d.Basis, d.Notes, d.LeftOut} {
		safe(list)
	}
	safeFields(d.Form)
	for i := range d.Sections {
		s := &d.Sections[i]
		s.Title, s.StepsTitle = table.Text(s.Title), table.Text(s.StepsTitle)
		s.Text, s.Steps, s.Fields, s.Sheet = slices.Clone(s.Text), slices.Clone(s.Steps), slices.Clone(s.Fields), slices.Clone(s.Sheet)
		safe(s.Text)
		safe(s.Steps)
		safeFields(s.Fields)
		safeFields(s.Sheet)
		if s.Table != nil {
			for _, row := range s.Table.Rows {
				safe(row)
			}
		}
	}
	if m := d.Mail; m != nil {
		m.To, m.Subject = table.Text(m.To), table.Text(m.Subject)
		safe(m.Body)
	}
	return d
}

func safe(texts []string) {
	for i, s := range texts {
		texts[i] = table.Text(s)
	}
}

func safeFields(fields []Field) {
	for i := range fields {
		fields[i].Value = table.Text(fields[i].Value)
	}
}

// organization is its name; on files alone there is none.
func (in Input) organization() string {
	if in.Facts.Name != "" {
		return in.Facts.Name
	}
	return in.Facts.Organization
}

// Basis tells the age of the contract data.
func (in Input) Basis() []string {
	if len(in.Facts.Imports) == 0 {
		return []string{"No contract was imported."}
	}
	imports := slices.SortedFunc(slices.Values(in.Facts.Imports), func(a, b reconcile.Import) int { return strings.Compare(a.Contract, b.Contract) })
	const shown = 10
	var all []string
	for _, i := range imports[:min(len(imports), shown)] {
		s := fmt.Sprintf("%s as of %s", contractName(i.Contract), contract.DateOf(i.At))
		if i.File != "" {
			s += " (" + i.File + ")"
		}
		all = append(all, s)
	}
	if len(imports) > shown {
		all = append(all, fmt.Sprintf("and %d more", len(imports)-shown))
	}
	return []string{"It rests on " + strings.Join(all, ", ") + "."}
}

func contractName(number string) string {
	if number == "" {
		return "the contract without a number"
	}
	return "contract " + number
}

// fileName keeps letters, digits, "-" and "_" of a name, so that it is one on
// every system and needs no quotes in a header.
func fileName(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '_'
	})
	joined := strings.Join(words, "-")
	return joined[:min(100, len(joined))]
}

// describe names a part: "C9300-48P FOC2211A0AA".
func describe(pid, serial string) string { return strings.TrimSpace(pid + " " + serial) }

// where names a place: "sw1, member 2 (Main office)".
func where(u reconcile.Unit) string {
	place := u.Node
	if u.Slot != "" && u.Slot != "chassis" && u.Slot != u.Node {
		place += ", " + u.Slot
	}
	if u.Site != "" {
		place += " (" + u.Site + ")"
	}
	return place
}

// count is a number with its noun: "1 unit", "3 units".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func join[T ~string](values []T) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	return strings.Join(words, ", ")
}

// sameSerial compares serial numbers as people type them.
func sameSerial(a, b string) bool {
	a, b = inventory.CleanSerial(a), inventory.CleanSerial(b)
	return a != "" && a == b
}
