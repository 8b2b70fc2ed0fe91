package web

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// A unitRow is a unit as a table shows it.
type unitRow struct {
	store.Unit

	OrganizationName string
	State            word
	Note             string // why, or until when
	Seen             moment
	URL              string
}

func newUnitRow(u store.Unit, names map[string]string, now time.Time) unitRow {
	return unitRow{
		Unit:             u,
		OrganizationName: cmp.Or(names[u.Organization], u.Organization),
		State:            coverageWord(u.Coverage),
		Note:             coverageNote(u.Unit, contract.DateOf(now)),
		Seen:             newMoment(u.LastSeen, now),
		URL:              unitURL(u.Organization, u.PID, u.Serial),
	}
}

// sortUnits puts those that need someone first.
func sortUnits(units []store.Unit, names map[string]string) {
	rank := map[reconcile.Coverage]int{}
	for i, c := range reconcile.Coverages {
		rank[c] = i
	}
	slices.SortStableFunc(units, func(a, b store.Unit) int {
		return cmp.Or(
			cmp.Compare(rank[a.Coverage], rank[b.Coverage]),
			cmp.Compare(names[a.Organization], names[b.Organization]),
			cmp.Compare(a.Site, b.Site),
			cmp.Compare(a.Node, b.Node),
			cmp.Compare(a.Slot, b.Slot),
			cmp.Compare(a.Serial, b.Serial),
		)
	})
}

// countUnits is what the store's summary says, of the units at hand.
func countUnits(units []store.Unit) []store.Count {
	at := map[store.Count]int{}
	var counts []store.Count
	for _, u := range units {
		c := store.Count{Organization: u.Organization, Site: u.Site, Coverage: u.Coverage}
		i, ok := at[c]
		if !ok {
			i = len(counts)
			at[c] = i
			counts = append(counts, c)
		}
		counts[i].N++
	}
	return counts
}

// byCoverage adds up the counts of a site, or of all for "".
func byCoverage(counts []store.Count, site string) (sum map[reconcile.Coverage]int, total int) {
	sum = map[reconcile.Coverage]int{}
	for _, c := range counts {
		if site == "" || site == c.Site {
			sum[c.Coverage] += c.N
			total += c.N
		}
	}
	return sum, total
}

// A findingRow is a finding as a list shows it.
type findingRow struct {
	store.Finding

	OrganizationName string
	Named            bool // the organization is shown
	Severe           word
	Label            string // the kind, in words
	FirstStep        string
	More             int // steps after the first
	Since            moment
	Closed           bool
	URL              string
}

func newFindingRow(f store.Finding, names map[string]string, now time.Time) findingRow {
	row := findingRow{
		Finding:          f,
		OrganizationName: cmp.Or(names[f.Organization], f.Organization),
		Severe:           severityWord(f.Severity),
		Label:            kindLabel(f.Kind),
		Since:            newMoment(f.Opened, now),
		Closed:           !f.Resolved.IsZero(),
		URL:              "/findings/" + strconv.FormatInt(f.ID, 10),
	}
	if steps := f.NextStep.Steps; len(steps) > 0 {
		row.FirstStep, row.More = steps[0], len(steps)-1
	}
	return row
}

// sortFindings puts open ones first, then the most severe, then the oldest.
func sortFindings(findings []store.Finding) {
	slices.SortStableFunc(findings, func(a, b store.Finding) int {
		return cmp.Or(
			cmp.Compare(closedRank(a), closedRank(b)),
			cmp.Compare(severityRank(a.Severity), severityRank(b.Severity)),
			a.Opened.Compare(b.Opened),
			cmp.Compare(a.ID, b.ID),
		)
	})
}

func closedRank(f store.Finding) int {
	if f.Resolved.IsZero() {
		return 0
	}
	return 1
}

func (sc scope) findingRows(findings []store.Finding, now time.Time) []findingRow {
	rows := make([]findingRow, len(findings))
	for i, f := range findings {
		rows[i] = newFindingRow(f, sc.Names, now)
		rows[i].Named = sc.several()
	}
	return rows
}

func (sc scope) unitRows(units []store.Unit, now time.Time) []unitRow {
	rows := make([]unitRow, len(units))
	for i, u := range units {
		rows[i] = newUnitRow(u, sc.Names, now)
	}
	return rows
}
