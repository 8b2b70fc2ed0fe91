package reconcile

import (
	"fmt"
	"slices"
)

// findAnswersStale finds units whose coverage rested on an answer of Cisco's
// Support API that is too old by now, and that no contract file has.
func findAnswersStale(r *run) {
	var units []string
	for _, u := range r.units {
		if u.Reason == ContractDataStale && u.line != nil && u.line.partial {
			units = append(units, fmt.Sprintf("%s: %s had it until %s, as of %s.", r.subject(u), contractName(u.line.Contract), u.line.End, dayOf(u.line.answer.At)))
		}
	}
	if len(units) == 0 {
		return
	}
	slices.Sort(units)
	step := download("Import the contract, or see why the Support API is not asked")
	step.Steps = append(step.Steps, "Where support_api is set up: the collector's log and the metric rollcall_support_api_calls_total say why Cisco does not answer.")
	r.findings = append(r.findings, Finding{
		Key: string(DataStale) + "/support_api", Kind: DataStale, Severity: Warning,
		Subject:  "answers of Cisco's Support API of more than " + count(r.Settings.StaleDays, "day"),
		Evidence: capped(units), NextStep: step,
	})
}
