package reconcile

import (
	"cmp"
	"fmt"

	"rollcall/pkg/inventory"
)

// findIncomplete finds nodes that answered, but not in full: absence from such
// an answer proves nothing, so what they have is unverified.
func findIncomplete(r *run) {
	for _, n := range r.Nodes {
		if !n.Answered || n.Complete {
			continue
		}
		others := []inventory.ProblemKind{inventory.ProblemCredentialRefused, inventory.ProblemHostKeyChanged}
		causes := []inventory.ProblemKind{
			inventory.ProblemIncomplete, inventory.ProblemUnauthorized, inventory.ProblemNoInventory, inventory.ProblemBusy, inventory.ProblemUnreachable,
			inventory.ProblemLegacyCrypto, inventory.ProblemDisagreement, inventory.ProblemParse,
		}
		if hasProblem(n, others...) && !hasProblem(n, causes...) {
			continue // that is the finding
		}
		f := nodeFinding(Incomplete, Warning, n)
		last := "It was never read in full."
		if !n.LastGood.IsZero() {
			last = fmt.Sprintf("It was last read in full on %s.", dayOf(n.LastGood))
		}
		f.Evidence = append(capped(messages(n, causes...)), last, "Nothing counts as removed or uncovered by such an answer.")
		f.NextStep = NextStep{
			Title: "Let the agent read the whole device",
			Steps: []string{
				"See that the SNMP view of the agent's user or community holds all of ENTITY-MIB (1.3.6.1.2.1.47), and that the SSH user may run `show inventory`.",
				fmt.Sprintf("Run `rollcall-agent scan %s` on the machine with the agent: it says what was cut short.", cmp.Or(n.Address, nodeName(n))),
				"A device under load may give up: raise the agent's time limit for it.",
			},
			Sheet: Sheet{},
		}
		r.findings = append(r.findings, f)
	}
}
