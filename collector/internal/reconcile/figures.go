package reconcile

import (
	"slices"
	"strings"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// Figures are the numbers of one run that graphs and alerts are made of, beside
// units and findings.
type Figures struct {
	Contracts []ContractFigures `json:"contracts"` // by number
	// Donated counts what the ledger of orders lists, nil without a ledger.
	Donated map[DonationState]int `json:"donated,omitempty"`
	// TermShort counts the lines that are shorter than the program's term.
	TermShort int `json:"term_short"`
}

// ContractFigures are those of one contract.
type ContractFigures struct {
	Contract string            `json:"contract"`
	Imported time.Time         `json:"imported"` // the newest data
	Lines    map[LineState]int `json:"lines"`    // all states present
	// Units counts the units for which a line of the contract decides.
	Units map[Coverage]int `json:"units"`
	// NextEnd is the first end, from today on, of a line that stands for a unit
	// in use; LastEnd is the last of any line. "" when there is none.
	NextEnd contract.Date `json:"next_end"`
	LastEnd contract.Date `json:"last_end"`
	// Window is the narrowest of Settings.ExpiringDays in which a unit of the
	// contract is expiring, or would be if the data were not old; 0 for none.
	Window int `json:"window"`
}

// DonationState says what became of donated units.
type DonationState string

// The states of donated units: ordered and not there in full yet; there, and the
// contract may still be on its way; there, and it should have come; on a line.
const (
	DonationOrdered    DonationState = "ordered"
	DonationPending    DonationState = "activation_pending"
	DonationOverdue    DonationState = "activation_overdue"
	DonationOnContract DonationState = "on_contract"
)

// DonationStates lists all states in the order of their time.
var DonationStates = []DonationState{DonationOrdered, DonationPending, DonationOverdue, DonationOnContract}

// ContractCoverages are the states of coverage that a line gives.
var ContractCoverages = []Coverage{Covered, Expiring, Expired, Future}

// figures counts after all rules have run.
func (r *run) figures() Figures {
	f := Figures{Donated: r.countDonated()}
	groups, _ := r.shortTerms()
	for _, lines := range groups {
		f.TermShort += len(lines)
	}
	byNumber := map[string]*ContractFigures{}
	at := func(number string) *ContractFigures {
		c := byNumber[number]
		if c == nil {
			c = &ContractFigures{Contract: number, Lines: map[LineState]int{}, Units: map[Coverage]int{}}
			for _, s := range []LineState{LineMatched, LineUnmatched, LineLicence, LineQuantity} {
				c.Lines[s] = 0
			}
			for _, s := range ContractCoverages {
				c.Units[s] = 0
			}
			byNumber[number] = c
		}
		return c
	}
	for number, i := range r.imports {
		at(number).Imported = i.At
	}
	for _, l := range r.Lines {
		if state, ok := withoutUnit(l); ok {
			at(l.Contract).Lines[state]++
		}
	}
	for _, l := range r.lines {
		c, state := at(l.Contract), LineUnmatched
		if r.isPresent(l.serial) {
			state = LineMatched
			if l.End >= r.today && l.state != lineEnded && (c.NextEnd == "" || l.End < c.NextEnd) {
				c.NextEnd = l.End
			}
		}
		c.Lines[state]++
		c.LastEnd = max(c.LastEnd, l.End)
	}
	for _, u := range r.units {
		if slices.Contains(ContractCoverages, u.Coverage) {
			at(u.line.Contract).Units[u.Coverage]++
		}
		if r.noLonger(u) {
			continue
		}
		if u.Coverage == Expiring {
			at(u.line.Contract).narrow(r.window(u.line))
			continue
		}
		// As with findings: a line does not cease to end when its data is old.
		for _, m := range u.lines[:countActive(u.lines)] {
			if !m.fresh {
				at(m.Contract).narrow(r.window(m.line))
			}
		}
	}
	for _, c := range byNumber {
		f.Contracts = append(f.Contracts, *c)
	}
	slices.SortFunc(f.Contracts, func(a, b ContractFigures) int { return strings.Compare(a.Contract, b.Contract) })
	return f
}

// narrow takes a window where it is narrower than those before, and is one.
func (c *ContractFigures) narrow(window int) {
	if window > 0 && (c.Window == 0 || window < c.Window) {
		c.Window = window
	}
}

// countDonated says what became of each ordered unit.
func (r *run) countDonated() map[DonationState]int {
	if len(r.Orders) == 0 {
		return nil
	}
	donations := r.donations()
	byOrder := map[contract.Order]map[string]bool{} // serials on lines
	for l, o := range donations {
		if byOrder[o] == nil {
			byOrder[o] = map[string]bool{}
		}
		byOrder[o][l.serial] = true
	}
	counts := map[DonationState]int{}
	for _, s := range DonationStates {
		counts[s] = 0
	}
	for _, o := range r.Orders {
		units := max(o.Quantity, 1)
		if inventory.CleanSerial(o.Serial) != "" {
			units = 1
		}
		on := min(len(byOrder[o]), units)
		if !r.withoutContract(o) {
			on = units // there are lines enough, though nobody knows which are of this order
		}
		rest := DonationPending
		switch {
		case o.CompletedOn == "":
			rest = DonationOrdered
		case r.due(o) < r.today:
			rest = DonationOverdue
		}
		counts[DonationOnContract] += on
		counts[rest] += units - on
	}
	return counts
}

// withoutUnit says whether a line stands for no unit, and as what it counts.
func withoutUnit(l contract.Line) (LineState, bool) {
	switch {
	case l.Kind() == contract.LineLicence:
		return LineLicence, true
	case l.Kind() == contract.LineQuantity, inventory.CleanSerial(l.Serial) == "":
		return LineQuantity, true
	}
	return "", false
}
