package reconcile

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// findUncovered finds the units in use that are on no line and have no excuse
// (FAQ 2.4, 3.3, 3.6).
func findUncovered(r *run) {
	for _, u := range r.units {
		switch u.Coverage {
		case Uncovered:
			r.findings = append(r.findings, r.uncoveredFinding(u))
		case Unverified:
			r.unproven = append(r.unproven, string(UncoveredUnit)+"/"+u.key)
		}
	}
}

func (r *run) uncoveredFinding(u *unit) Finding {
	severity := Critical
	if inventory.IsPhonePID(u.pid) {
		severity = Info // seldom bought support for, and easily replaced
	}
	f := r.unitFinding(UncoveredUnit, severity, u)
	f.Evidence = []string{
		fmt.Sprintf("%s is in use: seen in %s %s.", u.serial, r.where(u.at), span{since: u.first, until: u.last}),
	}
	if len(r.Imports) > 0 {
		f.Evidence = append(f.Evidence, fmt.Sprintf("No line of the imported contracts lists it: %s.", r.contractAges()))
	}
	if a := r.denied[u.serial]; a != nil {
		f.Evidence = append(f.Evidence, fmt.Sprintf("Cisco knows the serial number, and no contract that covers it: %s, as of %s.", a.Source, dayOf(a.At)))
	}
	if other := r.otherModelBefore(u); other != nil {
		f.Evidence = append(f.Evidence, fmt.Sprintf("%s was in its place until %s and is on a contract. The models differ, so this was not taken for a replacement by Cisco.",
			describe(other.Component.PID, inventory.CleanSerial(other.Component.Serial)), dayOf(other.Last)))
	}
	if others := r.unseenOf(u); others != "" {
		f.Evidence = append(f.Evidence, fmt.Sprintf("On a contract, of the same product and not seen: %s. If one of them went back to Cisco, this may be its replacement.", others))
	}
	if d, ok := r.declaration(u.serial, u.pid); ok {
		f.Evidence = append(f.Evidence, d.String())
		if d.Kind == DeclaredElsewhere {
			f.Evidence = append(f.Evidence, fmt.Sprintf("You have it since %s, before %s: until then support was donated for other gear too, so it may have been enrolled.", d.Obtained, r.Settings.DonatedOnlySince))
		}
	}
	donated := slices.IndexFunc(r.Orders, func(o contract.Order) bool { return inventory.CleanSerial(o.Serial) == u.serial })
	f.NextStep = NextStep{
		Title: "Get this unit onto a contract, or say why it needs none",
		Steps: []string{
			fmt.Sprintf("Search for %s in Cisco's Service Contract Center (SCC). If it is on a contract that was not imported here, download that contract and import it.", u.serial),
		},
		Sheet: Sheet{},
	}
	if donated >= 0 {
		f.Evidence = append(f.Evidence, fmt.Sprintf("It was donated with order %s.", r.Orders[donated].OrderNumber))
		f.NextStep.Steps = append(f.NextStep.Steps, r.donatedStep("It came as a donation, so Cisco enrols it for five years:"))
		return f
	}
	f.NextStep.Steps = append(f.NextStep.Steps,
		"If Cisco sent it to replace a failed unit (RMA): in SCC remove the serial number that went back and add this one.",
		r.donatedStep("If it came as a donation through TechSoup, Cisco enrols it for five years:"),
		"If you got it in any other way, it can't be added to the donated contract: buy support for it from a reseller (Partner Locator in SCC), or declare that it was obtained elsewhere and do without.",
	)
	return f
}

func (r *run) donatedStep(beginning string) string {
	return beginning + " search SCC by the contract number and the sales order as well, check the install-site address there, and correct the inventory. " +
		"If you can't find it, write to " + r.Settings.ProgramMail + "."
}

// contractAges lists the contracts with the day of their data.
func (r *run) contractAges() string {
	var ages []string
	for _, i := range r.Imports {
		name := contractName(i.Contract)
		if i.Contract == "" && i.File != "" {
			name = "that in " + i.File
		}
		ages = append(ages, fmt.Sprintf("%s as of %s", name, dayOf(i.At)))
	}
	if len(ages) > 10 {
		ages = append(ages[:10], fmt.Sprintf("and %d more", len(ages)-10))
	}
	return strings.Join(ages, ", ")
}

// unseenOf lists serials of the unit's product that are on active lines and that
// nobody sees: one of them may be what this unit replaced, before anything was
// there to see it.
func (r *run) unseenOf(u *unit) string {
	family := r.family(u.pid)
	words, known := r.unseenWords[family]
	if !known {
		words = r.unseenIn(family)
		r.unseenWords[family] = words
	}
	return words
}

func (r *run) unseenIn(family string) string {
	var serials []string
	for _, l := range r.unseen[family] {
		if r.replacedBy[l.serial] == nil { // which explains it
			serials = append(serials, l.serial)
		}
	}
	if family == "" {
		return ""
	}
	slices.Sort(serials)
	serials = slices.Compact(serials)
	if len(serials) > 5 {
		serials = append(serials[:5], fmt.Sprintf("and %d more", len(serials)-5))
	}
	return strings.Join(serials, ", ")
}

// otherModelBefore returns the unit of another model that had the place of this
// one and is on a contract, or nil.
func (r *run) otherModelBefore(u *unit) *Sighting {
	var before *Sighting
	for _, o := range r.inSlot[[2]string{u.at.Node, u.at.Slot}] {
		if o.Last.Before(u.first) && r.lastSight(o) {
			before = o // the latest comes last
		}
	}
	if before == nil || len(r.onLine[inventory.CleanSerial(before.Component.Serial)]) == 0 {
		return nil
	}
	return before
}
