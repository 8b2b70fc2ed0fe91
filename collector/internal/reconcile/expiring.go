package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rollcall/collector/internal/contract"
)

// findExpiring finds the lines that end within one of the windows, by the
// line's own end: one finding per contract and window, so that each window is
// said once and a reseller gets one list (FAQ 3.4).
func findExpiring(r *run) {
	type group struct {
		contract string
		window   int
	}
	groups := map[group][]*unit{}
	for _, u := range r.withLines() {
		if r.noLonger(u) {
			continue
		}
		if u.Coverage == Expiring {
			g := group{u.line.Contract, r.window(u.line)}
			groups[g] = append(groups[g], u)
		}
		// A line of old data may have decided before its data was old, though
		// another line decides now.
		for _, m := range u.lines[:countActive(u.lines)] {
			if w := r.window(m.line); w > 0 && !m.fresh {
				r.unproven = append(r.unproven, expiringKey(m.Contract, w))
			}
		}
	}
	keys := make([]group, 0, len(groups))
	for g := range groups {
		keys = append(keys, g)
	}
	slices.SortFunc(keys, func(a, b group) int { return cmp.Or(strings.Compare(a.contract, b.contract), a.window-b.window) })
	for _, g := range keys {
		units := groups[g]
		severity := Info
		if g.window == max(r.Settings.ExpiringDays[0], 1) {
			severity = Warning
		}
		r.findings = append(r.findings, Finding{
			Key: expiringKey(g.contract, g.window), Kind: CoverageExpiring, Severity: severity, Contract: g.contract, Site: commonSite(units),
			Subject: fmt.Sprintf("%s: %s, the first on %s", upperFirst(contractName(g.contract)), ends(units)+" within "+count(g.window, "day"), firstEnd(units)),
			Evidence: r.endEvidence(units, func(u *unit) string {
				return fmt.Sprintf("ends on %s, %s", u.line.End, inDays(r.today.DaysUntil(u.line.End)))
			}),
			NextStep: r.renewal(g.contract, units, "Renew through a reseller before coverage ends"),
		})
	}
}

func expiringKey(number string, window int) string {
	return fmt.Sprintf("%s/%s/%d", CoverageExpiring, number, window)
}

// endEvidence lists units by the end of their line.
func (r *run) endEvidence(units []*unit, says func(*unit) string) []string {
	slices.SortStableFunc(units, func(a, b *unit) int {
		return cmp.Or(cmp.Compare(a.line.End, b.line.End), strings.Compare(r.subject(a), r.subject(b)))
	})
	var e []string
	for _, u := range units {
		s := r.subject(u) + " " + says(u)
		if end := r.supportEnd(u); end != "" && end < r.today {
			s += fmt.Sprintf("; its last date of support was %s, so it is not worth renewing", end)
		} else if end != "" {
			s += fmt.Sprintf("; Cisco supports the product until %s", end)
		}
		e = append(e, s+".")
	}
	return capped(e)
}

// supportEnd is the last date of support of a unit's product: its own line's, or
// that of another line of the product.
func (r *run) supportEnd(u *unit) contract.Date {
	if u.line.LastSupport != "" {
		return u.line.LastSupport
	}
	return r.lastSupport(u.pid)
}

// renewal is the next step for lines that end, with the list for a reseller.
func (r *run) renewal(number string, units []*unit, title string) NextStep {
	var renew, not []string
	for _, u := range units {
		if end := r.supportEnd(u); end != "" && end < r.today {
			not = append(not, u.serial)
		} else {
			renew = append(renew, u.serial)
		}
	}
	if len(renew) == 0 {
		title = "Plan to replace what Cisco no longer supports"
	}
	step := NextStep{
		Title: title,
		Sheet: Sheet{
			"contract": number, "first_end": string(firstEnd(units)), "renew": strings.Join(renew, ", "), "not_worth_renewing": strings.Join(not, ", "),
		},
	}
	if len(renew) > 0 {
		step.Steps = append(step.Steps,
			"Find a reseller of SMARTnet with the Partner Locator in Cisco's Service Contract Center (SCC), and ask for an offer with the contract and the serial numbers below.",
			"After the renewal download the contract again and import it.")
	}
	if len(not) > 0 {
		step.Steps = append(step.Steps, fmt.Sprintf("Plan to replace %s: Cisco no longer supports the product, so no contract helps.", verb(len(not), "unit", "units")))
	}
	step.Steps = append(step.Steps, "Leave out what you no longer use. Donated gear may not be sold, exchanged or otherwise disposed of: "+
		"return it through Cisco's Takeback and Recycle program.")
	return step
}

func firstEnd(units []*unit) contract.Date {
	first := units[0].line.End
	for _, u := range units {
		first = min(first, u.line.End)
	}
	return first
}

// verb is a number with its noun and verb in the right form.
func verb(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// ends says how many units end, and how many parts of units.
func ends(units []*unit) string {
	parts := 0
	for _, u := range units {
		if u.isPart() {
			parts++
		}
	}
	switch n := len(units) - parts; {
	case parts == 0:
		return verb(n, "unit ends", "units end")
	case n == 0:
		return verb(parts, "part of a unit ends", "parts of units end")
	default:
		return count(n, "unit") + " and " + verb(parts, "part of a unit", "parts of units") + " end"
	}
}

func inDays(n int) string {
	switch n {
	case 0:
		return "which is today"
	case 1:
		return "which is tomorrow"
	}
	return fmt.Sprintf("in %d days", n)
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
