package contract

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"rollcall/pkg/inventory"
)

// APISource is the Source of what the collector itself got from Cisco's Support
// APIs.
const APISource = "Cisco's Support API"

// A Lookup is what Cisco's SN2Info answered for one serial number that it was
// asked for. It is partial: it says nothing of any other serial, also not of
// those on the same contract.
type Lookup struct {
	Serial string    `json:"serial"` // cleaned
	At     time.Time `json:"-"`      // when it was answered
	Source string    `json:"source"` // APISource, or the name of the file of a saved answer
	// Lines cover the serial, or did: their dates say which. They have an end
	// and no begin.
	Lines []Line `json:"lines,omitempty"`
	// Known says that the answer names a product with the serial. Without one
	// it is not said whether Cisco knows no such serial or no contract of it.
	Known bool `json:"known"`
	// Owner is YES or NO as the API says whether the contract is one of the
	// account that asked; "" where it does not say.
	Owner string `json:"owner,omitempty"`
}

// Denied says that Cisco knows the serial, and no contract that covers it now
// or did.
func (l Lookup) Denied() bool { return l.Known && len(l.Lines) == 0 }

// A Product is what Cisco published about the end of life of a product (EoX).
// Empty dates are ones that are not announced.
type Product struct {
	PID         string `json:"pid"` // as asked
	Announced   Date   `json:"announced"`
	EndOfSale   Date   `json:"end_of_sale"`
	LastSupport Date   `json:"last_support"` // last date of support
	Bulletin    string `json:"bulletin"`     // number of the product bulletin
}

// Lookups returns what a file with an answer of SN2Info says of each serial that
// was asked for, sorted by serial. The answers of coverage, owner and summary of
// one serial may stand in one file: they are put together.
func (f File) Lookups(at time.Time, source string) []Lookup {
	bySerial := map[string]*Lookup{}
	of := func(l Line) *Lookup {
		x := bySerial[l.Serial]
		if x == nil {
			x = &Lookup{Serial: l.Serial, At: at, Source: source}
			bySerial[l.Serial] = x
		}
		x.Known = x.Known || l.PID != ""
		x.Owner = cmp.Or(x.Owner, strings.ToUpper(l.Extra[ownerKey]))
		return x
	}
	covered := map[string]bool{} // called covered by a row without a contract or an end
	for _, l := range f.Lines {
		x := of(l)
		if strings.EqualFold(l.Status, coveredNo) && (l.End == "" || l.End > DateOf(at)) {
			covered[l.Serial] = true // it says both, so it says nothing
			continue
		}
		x.add(l)
	}
	for _, l := range f.OffContract {
		x := of(l)
		if !strings.EqualFold(l.Status, coveredNo) {
			covered[x.Serial] = true
		}
	}
	all := make([]Lookup, 0, len(bySerial))
	for serial, x := range bySerial {
		if covered[serial] && len(x.Lines) == 0 {
			x.Known = false // not known to be uncovered
		}
		all = append(all, *x)
	}
	slices.SortFunc(all, func(a, b Lookup) int { return strings.Compare(a.Serial, b.Serial) })
	return all
}

// The words of SN2Info.
const (
	coveredNo = "NO"
	ownerKey  = "sr_no_owner"
)

// add takes a line, unless the serial has it with more to say: the summary has
// the contract, the others the end alone.
func (l *Lookup) add(n Line) {
	n.Row, n.Extra, n.Status = 0, nil, ""
	for i, known := range l.Lines {
		if known.End != n.End || known.Contract != "" && n.Contract != "" && known.Contract != n.Contract ||
			known.PID != "" && n.PID != "" && inventory.MatchPID(known.PID) != inventory.MatchPID(n.PID) {
			continue
		}
		if known.Contract == "" && n.Contract != "" {
			l.Lines[i] = n
		}
		return
	}
	l.Lines = append(l.Lines, n)
}

// MergeRMAs returns the replacements that people recorded and, of those that an
// API gave, the ones that people did not: their word goes before.
func MergeRMAs(recorded, given []RMA) []RMA {
	known := map[string]bool{}
	for _, r := range recorded {
		if r.NewSerial != "" {
			known[inventory.CleanSerial(r.OldSerial)] = true
		}
	}
	all := slices.Clone(recorded)
	for _, r := range given {
		if !known[inventory.CleanSerial(r.OldSerial)] {
			all = append(all, r)
		}
	}
	return all
}
