package web

import (
	"testing"
	"time"

	"rollcall/collector/internal/reconcile"
)

func TestHeadline(t *testing.T) {
	type counts = map[reconcile.Coverage]int
	tests := []struct {
		name   string
		counts counts
		want   string
		tone   tone
	}{
		{"nothing", counts{}, "No unit has been seen yet.", toneOpen},
		{"one of many", counts{reconcile.Uncovered: 1, reconcile.Covered: 18}, "1 of 19 units has no cover.", toneBad},
		{
			"several states",
			counts{reconcile.Uncovered: 2, reconcile.RMAPending: 1, reconcile.Covered: 16},
			"2 of 19 units have no cover; 1 was replaced and the contract still lists the old serial.", toneBad,
		},
		{
			"no more than three",
			counts{reconcile.Uncovered: 1, reconcile.RMAPending: 2, reconcile.Expired: 3, reconcile.Expiring: 4},
			"1 of 10 units has no cover; 2 were replaced and the contract still lists the old serials; the cover of 3 has ended.", toneBad,
		},
		{"soon", counts{reconcile.Expiring: 3, reconcile.Covered: 16}, "The cover of 3 of 19 units ends soon.", toneSoon},
		{"the only one", counts{reconcile.Uncovered: 1}, "The only unit has no cover.", toneBad},
		{"both", counts{reconcile.Unverified: 2}, "Both units could not be checked.", toneOpen},
		{"all", counts{reconcile.Uncovered: 5}, "All 5 units have no cover.", toneBad},
		{"all is well", counts{reconcile.Covered: 19}, "All 19 units are covered.", toneGood},
		{"one is well", counts{reconcile.Covered: 1}, "The only unit is covered.", toneGood},
		{"two are well", counts{reconcile.Covered: 2}, "Both units are covered.", toneGood},
		{
			"well but for ineligible",
			counts{reconcile.Covered: 17, reconcile.Ineligible: 2},
			"All 17 units that can be under contract are covered; 2 more cannot be.", toneGood,
		},
		{
			"one eligible",
			counts{reconcile.Covered: 1, reconcile.Ineligible: 2},
			"The only unit that can be under contract is covered; 2 more cannot be.", toneGood,
		},
		{"only ineligible", counts{reconcile.Ineligible: 3}, "All 3 units cannot be under contract, so there is nothing to do.", toneGood},
		{"waiting", counts{reconcile.ActivationPending: 1, reconcile.Future: 2}, "1 of 3 units waits for its contract; the cover of 2 begins later.", toneOpen},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := newHeadline(tt.counts)
			if got.Text != tt.want || got.Tone != tt.tone {
				t.Errorf("got %q (%s), want %q (%s)", got.Text, got.Tone, tt.want, tt.tone)
			}
		})
	}
}

// TestEveryStateHasItsWords: a new state or kind must not reach people as an
// identifier, and no two states may look alike without colour.
func TestEveryStateHasItsWords(t *testing.T) {
	shapes := map[string]reconcile.Coverage{}
	for _, c := range reconcile.Coverages {
		w, ok := coverageWords[c]
		if !ok {
			t.Errorf("coverage %s has no words", c)
		}
		if other, ok := shapes[w.Icon+w.Label]; ok {
			t.Errorf("%s and %s look alike", c, other)
		}
		shapes[w.Icon+w.Label] = c
	}
	for _, r := range []string{
		reconcile.NoContractData, reconcile.ContractDataStale, reconcile.PollIncomplete, reconcile.Linksys,
		reconcile.ObtainedElsewhere, reconcile.Virtual, reconcile.ThirdParty, reconcile.PastSupport,
	} {
		if reasonWords[r] == "" {
			t.Errorf("reason %s has no words", r)
		}
	}
	if got := coverageWord("lent_out").Label; got != "lent out" {
		t.Errorf("a state of a later version shows as %q", got)
	}
	if got := kindLabel("owner_moved"); got != "owner moved" {
		t.Errorf("a kind of a later version shows as %q", got)
	}
	if got := severityWord("later"); got.Label != "later" {
		t.Errorf("a severity of a later version shows as %q", got.Label)
	}
}

func TestCoverageNote(t *testing.T) {
	tests := []struct {
		name string
		unit reconcile.Unit
		want string
	}{
		{"ends in days", reconcile.Unit{Coverage: reconcile.Expiring, LineEnd: "2026-03-25"}, "ends in 23 days"},
		{"ends tomorrow", reconcile.Unit{Coverage: reconcile.Expiring, LineEnd: "2026-03-03"}, "ends tomorrow"},
		{"ends today", reconcile.Unit{Coverage: reconcile.Expiring, LineEnd: "2026-03-02"}, "ends today"},
		{"ended yesterday", reconcile.Unit{Coverage: reconcile.Expired, LineEnd: "2026-03-01"}, "ended yesterday"},
		{"ended before", reconcile.Unit{Coverage: reconcile.Expired, LineEnd: "2026-01-31"}, "ended 30 days ago"},
		{"ended on an unknown day", reconcile.Unit{Coverage: reconcile.Expired}, ""},
		{"reason", reconcile.Unit{Coverage: reconcile.Ineligible, Reason: reconcile.Linksys}, "Linksys has a warranty of its own, not SMARTnet"},
		{"reason of a later version", reconcile.Unit{Coverage: reconcile.Ineligible, Reason: "on loan"}, "on loan"},
		{"covered", reconcile.Unit{Coverage: reconcile.Covered, LineEnd: "2028-01-01"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := coverageNote(tt.unit, "2026-03-02"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	tests := []struct {
		before time.Duration
		want   string
	}{
		{-time.Hour, "in the future: check the clocks"},
		{-time.Second, "just now"},
		{59 * time.Second, "just now"},
		{time.Minute, "1 minute ago"},
		{59 * time.Minute, "59 minutes ago"},
		{time.Hour, "1 hour ago"},
		{47 * time.Hour, "47 hours ago"},
		{48 * time.Hour, "2 days ago"},
		{59 * 24 * time.Hour, "59 days ago"},
		{61 * 24 * time.Hour, "2 months ago"},
		{800 * 24 * time.Hour, "2 years ago"},
	}
	for _, tt := range tests {
		if got := newMoment(now.Add(-tt.before), now).Text; got != tt.want {
			t.Errorf("%s before: %q, want %q", tt.before, got, tt.want)
		}
	}
	if got := newMoment(time.Time{}, now); got.Text != "never" || got.ISO != "" {
		t.Errorf("no time: %+v", got)
	}
}

func TestShellQuote(t *testing.T) {
	tests := map[string]string{
		"Riverside Food Bank": `"Riverside Food Bank"`,
		"St. Mary's":          `'St. Mary'\''s'`,
		"$(reboot)":           `'$(reboot)'`,
		"`reboot`":            "'`reboot`'",
		`a"; reboot; "`:       `'a"; reboot; "'`,
		`back\`:               `'back\'`,
	}
	for in, want := range tests {
		if got := shellQuote(in); got != want {
			t.Errorf("shellQuote(%q) = %s, want %s", in, got, want)
		}
	}
}

// What is critical needs someone although every unit has cover, such as a
// replacement of which the contract knows nothing.
func TestOrganizationRowWorst(t *testing.T) {
	tests := []struct {
		name string
		row  organizationRow
		want string
	}{
		{"a unit without support", organizationRow{Units: 3, Bad: 1, Good: 2}, "Needs someone"},
		{"a critical finding alone", organizationRow{Units: 3, Good: 3, Critical: 1}, "Needs someone"},
		{"a critical finding before any unit was seen", organizationRow{Critical: 1}, "Needs someone"},
		{"a warning", organizationRow{Units: 3, Good: 3, Warning: 1}, "Something to do"},
		{"support that ends soon", organizationRow{Units: 3, Soon: 1, Good: 2}, "Something to do"},
		{"a unit that is not verified", organizationRow{Units: 3, Open: 1, Good: 2}, "Not verified"},
		{"nothing", organizationRow{}, "Nothing seen yet"},
		{"all is well", organizationRow{Units: 3, Good: 2, None: 1}, "In order"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.row.worst().Label; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
