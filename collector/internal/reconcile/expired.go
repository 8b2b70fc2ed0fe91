package reconcile

import (
	"cmp"
	"fmt"
	"slices"
)

// findExpired finds the lines that have ended and that no other line follows:
// one finding per contract (FAQ 3.4).
func findExpired(r *run) {
	groups := map[string][]*unit{}
	var numbers []string
	for _, u := range r.withLines() {
		if r.noLonger(u) {
			continue
		}
		switch u.Coverage {
		case Expired:
			if groups[u.line.Contract] == nil {
				numbers = append(numbers, u.line.Contract)
			}
			groups[u.line.Contract] = append(groups[u.line.Contract], u)
		case Unverified:
			for _, l := range u.lines {
				if l.state == lineEnded {
					r.unproven = append(r.unproven, expiredKey(l.Contract))
				}
			}
		}
	}
	slices.Sort(numbers)
	for _, number := range numbers {
		units := groups[number]
		severity, what := Critical, verb(len(units), "line has ended for a unit", "lines have ended for units")
		switch {
		case !slices.ContainsFunc(units, func(u *unit) bool { return !u.isPart() }):
			severity, what = Warning, verb(len(units), "line has ended for a part", "lines have ended for parts")
		case slices.ContainsFunc(units, (*unit).isPart):
			what = fmt.Sprintf("%d lines have ended for units and parts", len(units))
		}
		r.findings = append(r.findings, Finding{
			Key: expiredKey(number), Kind: CoverageExpired, Severity: severity, Contract: number, Site: commonSite(units),
			Subject:  fmt.Sprintf("%s: %s in use", upperFirst(contractName(number)), what),
			Evidence: r.endEvidence(units, r.endedSentence),
			NextStep: r.renewal(number, units, "Renew through a reseller, or plan without these units"),
		})
	}
}

func expiredKey(number string) string { return string(CoverageExpired) + "/" + number }

func (r *run) endedSentence(u *unit) string {
	s := fmt.Sprintf("is not covered since its line ended on %s", u.line.End)
	if u.line.Terminated() {
		s = fmt.Sprintf("is not covered, for its line was ended before its time: its status is %s, and its end %s", u.line.Status, cmp.Or(u.line.End, "not known"))
	}
	for _, l := range u.lines {
		if l.state == lineAhead {
			return s + fmt.Sprintf("; a line of %s begins on %s", contractName(l.Contract), l.Begin)
		}
	}
	return s
}
