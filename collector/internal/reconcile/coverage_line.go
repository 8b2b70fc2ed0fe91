package reconcile

import "slices"

// byLine judges a unit by its lines: the line's own end decides, never the
// contract's, and the day it ends is still covered (FAQ 1.3, 3.4).
//
// An unread device changes nothing here: its serial stays on its line. Contract
// data that is too old gives no verdict, for the line may have been ended, moved
// or renewed since; but one line in fresh data is enough.
func byLine(r *run, u *unit) (verdict, bool) {
	if len(u.lines) == 0 {
		return verdict{}, false
	}
	best := u.lines[0]
	v := verdict{line: best.line, Reason: best.answeredBy()}
	fresh := func(m match) bool { return m.fresh }
	if best.state == lineActive {
		active := u.lines[:countActive(u.lines)]
		v.Reason = restsOn(active)
		switch {
		case !slices.ContainsFunc(active, fresh):
			v.Coverage, v.Reason = Unverified, ContractDataStale
		case r.window(best.line) > 0:
			v.Coverage = Expiring
		default:
			v.Coverage = Covered
		}
		return v, true
	}
	// No line is active. Any of them may have been renewed, unless all are of
	// fresh data and say when they end.
	has := func(state lineTime) bool {
		return slices.ContainsFunc(u.lines, func(m match) bool { return m.state == state })
	}
	switch {
	case slices.ContainsFunc(u.lines, func(m match) bool { return !m.fresh }):
		v.Coverage, v.Reason = Unverified, ContractDataStale
	case has(lineEndless):
		v.Coverage, v.Reason = Unverified, NoContractData
	case has(lineEnded):
		v.Coverage = Expired
	default:
		v.Coverage = Future
	}
	return v, true
}

// restsOn is the reason of coverage by active lines: "" when a file of now has
// one of them.
func restsOn(active []match) string {
	var reason string
	for _, m := range active {
		switch {
		case !m.fresh:
		case m.answer == nil:
			return ""
		case reason == "":
			reason = m.answeredBy()
		}
	}
	return reason
}

func countActive(lines []match) int {
	n := slices.IndexFunc(lines, func(m match) bool { return m.state != lineActive })
	if n < 0 {
		return len(lines)
	}
	return n
}

// window returns the smallest of the windows, in days, within which an active
// line ends, or 0 when it ends after all of them. A window of 0 days holds the
// last day alone and counts as 1.
func (r *run) window(l *line) int {
	left := r.today.DaysUntil(l.End)
	for _, w := range r.Settings.ExpiringDays {
		if left <= w {
			return max(w, 1)
		}
	}
	return 0
}
