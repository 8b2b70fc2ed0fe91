package document

import (
	"fmt"
	"strings"

	"rollcall/collector/internal/reconcile"
)

// A clause is one state's part of the headline: one for a single unit, many for
// more. The first clause of a sentence names the total, so %s stands for "2 of 19
// units" there and for "2" or "2 others" in those that follow.
type clause struct {
	coverage  reconcile.Coverage
	one, many string
}

var clauses = []clause{
	{reconcile.Uncovered, "%s has no cover", "%s have no cover"},
	{reconcile.RMAPending, "%s was replaced and the contract still lists the old serial", "%s were replaced and the contract still lists the old serials"},
	{reconcile.Expired, "the cover of %s has ended", "the cover of %s has ended"},
	{reconcile.Expiring, "the cover of %s ends soon", "the cover of %s ends soon"},
	{reconcile.UnknownSerial, "%s shows a serial that does not exist", "%s show serials that do not exist"},
	{reconcile.Unverified, "%s could not be checked", "%s could not be checked"},
	{reconcile.ActivationPending, "%s waits for its contract", "%s wait for their contract"},
	{reconcile.Future, "the cover of %s begins later", "the cover of %s begins later"},
}

// maxClauses keeps the headline one that is read; the tiles have the rest.
const maxClauses = 3

// Headline says in one sentence how things stand, from the counts of units by
// coverage, and which state is the worst of those that it tells: Covered when
// all is well, "" when there is no unit.
func Headline(counts map[reconcile.Coverage]int) (text string, worst reconcile.Coverage) {
	total := 0
	for _, n := range counts {
		total += n
	}
	if total == 0 {
		return "No unit has been seen yet.", ""
	}
	var parts []string
	for _, c := range clauses {
		n := counts[c.coverage]
		if n == 0 {
			continue
		}
		if len(parts) == maxClauses {
			break
		}
		form := c.many
		if n == 1 {
			form = c.one
		}
		subject := fmt.Sprint(n)
		if len(parts) == 0 {
			worst = c.coverage
			subject = fmt.Sprintf("%d of %s", n, count(total, "unit"))
			if n == total {
				subject = everyOne(n)
			}
		}
		parts = append(parts, fmt.Sprintf(form, subject))
	}
	if len(parts) == 0 {
		return allWell(counts, total), reconcile.Covered
	}
	return sentence(strings.Join(parts, "; ")), worst
}

func everyOne(n int) string {
	switch n {
	case 1:
		return "the only unit"
	case 2:
		return "both units"
	}
	return fmt.Sprintf("all %d units", n)
}

func allWell(counts map[reconcile.Coverage]int, total int) string {
	covered, ineligible := counts[reconcile.Covered], counts[reconcile.Ineligible]
	switch {
	case covered == 0:
		return sentence(everyOne(total) + " cannot be under contract, so there is nothing to do")
	case ineligible == 0 && total == 1:
		return "The only unit is covered."
	case ineligible == 0:
		return sentence(everyOne(total) + " are covered")
	case covered == 1:
		return fmt.Sprintf("The only unit that can be under contract is covered; %d more cannot be.", ineligible)
	}
	return fmt.Sprintf("All %d units that can be under contract are covered; %d more cannot be.", covered, ineligible)
}

// sentence begins with a capital and ends with a full stop.
func sentence(s string) string { return upperFirst(s) + "." }
