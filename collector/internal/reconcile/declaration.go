package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// A Declaration is what a person says of a unit, and nothing else can tell.
type Declaration struct {
	Serial string          `json:"serial"`
	PID    string          `json:"pid"` // "" for whatever product has the serial
	Kind   DeclarationKind `json:"kind"`
	Author string          `json:"author"`
	Date   contract.Date   `json:"date"` // when it was declared
	Reason string          `json:"reason"`
	// Obtained is when the organization got the unit, "" when that is not
	// known; it matters for Elsewhere.
	Obtained contract.Date `json:"obtained"`
}

// DeclarationKind says what is declared.
type DeclarationKind string

// The kinds of declarations.
const (
	DeclaredElsewhere DeclarationKind = "elsewhere" // not donated by the program (FAQ 3.6)
	DeclaredSpare     DeclarationKind = "spare"     // on a shelf: not seen, and kept
	DeclaredReturned  DeclarationKind = "returned"  // gone back to Cisco
	DeclaredRetired   DeclarationKind = "retired"   // not used any more
	DeclaredNotOurs   DeclarationKind = "not_ours"  // somebody else's
)

// DeclarationKinds lists all kinds.
var DeclarationKinds = []DeclarationKind{DeclaredElsewhere, DeclaredSpare, DeclaredReturned, DeclaredRetired, DeclaredNotOurs}

// indexDeclarations keeps the newest first.
func (r *run) indexDeclarations() {
	r.declared = map[string][]Declaration{}
	for _, d := range slices.SortedFunc(slices.Values(r.Declarations), func(a, b Declaration) int {
		return cmp.Or(-cmp.Compare(a.Date, b.Date), strings.Compare(a.Serial, b.Serial), strings.Compare(a.PID, b.PID), strings.Compare(string(a.Kind), string(b.Kind)),
			cmp.Compare(a.Obtained, b.Obtained), strings.Compare(a.Author, b.Author), strings.Compare(a.Reason, b.Reason))
	}) {
		if serial := inventory.CleanSerial(d.Serial); serial != "" {
			r.declared[serial] = append(r.declared[serial], d)
		}
	}
}

// declaration is what was last declared of a part.
func (r *run) declaration(serial, pid string) (Declaration, bool) {
	for _, d := range r.declared[serial] {
		if r.sameProduct(d.PID, pid) {
			return d, true
		}
	}
	return Declaration{}, false
}

// byDeclaration leaves out what a person declared to need no contract: gear
// obtained elsewhere, which can't be on the donated one (FAQ 3.6), and what the
// organization does not use or own.
//
// Gear of before the day since when support is donated only with the program's
// products may have been enrolled, so it stays a question.
func byDeclaration(r *run, u *unit) (verdict, bool) {
	d, ok := r.declaration(u.serial, u.pid)
	if !ok {
		return verdict{}, false
	}
	switch d.Kind {
	case DeclaredElsewhere:
		return verdict{Coverage: Ineligible, Reason: ObtainedElsewhere}, d.Obtained == "" || d.Obtained >= r.Settings.DonatedOnlySince
	case DeclaredReturned, DeclaredRetired, DeclaredNotOurs:
		return verdict{Coverage: Ineligible, Reason: string(d.Kind)}, true
	}
	return verdict{}, false // a spare that is in use needs a contract
}

// noLonger says that a unit is declared as not to be renewed.
func (r *run) noLonger(u *unit) bool {
	d, _ := r.declaration(u.serial, u.pid)
	return d.Kind == DeclaredReturned || d.Kind == DeclaredRetired || d.Kind == DeclaredNotOurs
}

// String is the declaration as evidence.
func (d Declaration) String() string {
	words := map[DeclarationKind]string{
		DeclaredElsewhere: "obtained elsewhere than through the program", DeclaredSpare: "a spare", DeclaredReturned: "returned to Cisco",
		DeclaredRetired: "retired", DeclaredNotOurs: "not the organization's",
	}
	s := fmt.Sprintf("It is declared as %s", cmp.Or(words[d.Kind], string(d.Kind)))
	if d.Author != "" {
		s += " by " + d.Author
	}
	if d.Date != "" {
		s += fmt.Sprintf(" on %s", d.Date)
	}
	if d.Reason != "" {
		s += ": " + strings.TrimSuffix(d.Reason, ".")
	}
	return s + "."
}

// declaredGone is the finding of a line whose unit is declared to be gone. There
// is no waiting for polls: a person said it.
func (r *run) declaredGone(l *line, key string, d Declaration) Finding {
	f := Finding{
		Key: key, Kind: LineNotSeen, Severity: Warning, Serial: l.serial, PID: l.PID, Contract: l.Contract,
		Subject:  fmt.Sprintf("%s on %s", describe(l.PID, l.serial), contractName(l.Contract)),
		Evidence: []string{d.String(), fmt.Sprintf("%s lists it until %s%s.", upperFirst(contractName(l.Contract)), l.End, atInstallSite(l.Site))},
		NextStep: NextStep{Sheet: Sheet{}},
	}
	end := fmt.Sprintf("In Cisco's Service Contract Center (SCC) end the line of %s on %s, so that nobody renews it; then download the contract again and import it.", l.serial, contractName(l.Contract))
	switch d.Kind {
	case DeclaredReturned:
		f.NextStep.Title = "End the line of what went back"
		f.NextStep.Steps = []string{"If Cisco sent a replacement (RMA), enter the new serial number in the ledger of replacements: its line is to be swapped, not ended.", end, takeback}
	case DeclaredRetired:
		f.NextStep.Title = "Give it back if it was donated, and end its line"
		f.NextStep.Steps = []string{takeback, end}
	case DeclaredNotOurs:
		f.NextStep.Title = "Have the line of what is not yours removed"
		f.NextStep.Steps = []string{"Compare the serial number with the labels of what you own: it may be a slip of the pen.", end}
	}
	return f
}

// takeback is the checklist of FAQ 3.5 for donated gear.
const takeback = "If it is not used any more and was donated: it may not be sold, exchanged or otherwise disposed of. Return it through Cisco's Takeback and Recycle program: " +
	"erase its data, pack it, write the program's and the case number on the box, and have somebody there when it is fetched."
