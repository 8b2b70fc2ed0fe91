package web

import (
	"fmt"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/document"
	"rollcall/collector/internal/reconcile"
)

// A tone is how good or bad news is. It picks the colour, and the icon beside
// it says the same by its shape.
type tone string

const (
	toneBad  tone = "bad"  // no support on the day it dies
	toneSoon tone = "soon" // will be bad
	toneOpen tone = "open" // not known, or on its way
	toneGood tone = "good"
	toneNone tone = "none" // nothing to do, nothing to have
)

// word is how people read a state.
type word struct {
	Label string // on a tile or a badge
	Tone  tone
	Icon  string // a shape of its own per state: templates/icons.html
}

var coverageWords = map[reconcile.Coverage]word{
	reconcile.Uncovered:         {document.CoverageLabel(reconcile.Uncovered), toneBad, "cross"},
	reconcile.RMAPending:        {document.CoverageLabel(reconcile.RMAPending), toneBad, "swap"},
	reconcile.Expired:           {document.CoverageLabel(reconcile.Expired), toneBad, "ended"},
	reconcile.Expiring:          {document.CoverageLabel(reconcile.Expiring), toneSoon, "clock"},
	reconcile.UnknownSerial:     {document.CoverageLabel(reconcile.UnknownSerial), toneSoon, "question"},
	reconcile.Unverified:        {document.CoverageLabel(reconcile.Unverified), toneOpen, "question"},
	reconcile.ActivationPending: {document.CoverageLabel(reconcile.ActivationPending), toneOpen, "dots"},
	reconcile.Future:            {document.CoverageLabel(reconcile.Future), toneOpen, "dots"},
	reconcile.Ineligible:        {document.CoverageLabel(reconcile.Ineligible), toneNone, "dash"},
	reconcile.Covered:           {document.CoverageLabel(reconcile.Covered), toneGood, "check"},
}

// coverageWord also answers for a state of a later version.
func coverageWord(c reconcile.Coverage) word {
	if w, ok := coverageWords[c]; ok {
		return w
	}
	return word{document.CoverageLabel(c), toneOpen, "question"}
}

var reasonWords = map[string]string{
	reconcile.NoContractData:    "no usable contract data to check against",
	reconcile.ContractDataStale: "the contract data is too old to judge by",
	reconcile.PollIncomplete:    "the device was not read in full lately",
	reconcile.Linksys:           "Linksys has a warranty of its own, not SMARTnet",
	reconcile.ObtainedElsewhere: "obtained elsewhere: it needs an agreement of its own",
	reconcile.Virtual:           "a virtual machine: there is no hardware to cover",
	reconcile.ThirdParty:        "not made by Cisco",
	reconcile.PastSupport:       "past Cisco's last date of support",
}

// coverageNote says why a unit is in its state, or until when; "" when there is
// nothing to add.
func coverageNote(u reconcile.Unit, today contract.Date) string {
	if u.Reason != "" {
		if words, ok := reasonWords[u.Reason]; ok {
			return words
		}
		return u.Reason
	}
	days := today.DaysUntil(u.LineEnd)
	switch u.Coverage {
	case reconcile.RMAPending:
		return "the contract still lists the old serial"
	case reconcile.Uncovered:
		return "on no contract that was imported"
	case reconcile.UnknownSerial:
		return "there is no such serial: read the label"
	case reconcile.Expiring, reconcile.Expired:
		if u.LineEnd == "" {
			return ""
		}
		return dayWords(days)
	}
	return ""
}

func dayWords(days int) string {
	switch {
	case days == 0:
		return "ends today"
	case days == 1:
		return "ends tomorrow"
	case days > 1:
		return fmt.Sprintf("ends in %d days", days)
	case days == -1:
		return "ended yesterday"
	}
	return fmt.Sprintf("ended %d days ago", -days)
}

var severityWords = map[reconcile.Severity]word{
	reconcile.Critical: {"Critical", toneBad, "stop"},
	reconcile.Warning:  {"Warning", toneSoon, "warning"},
	reconcile.Info:     {"For information", toneOpen, "info"},
}

func severityWord(s reconcile.Severity) word {
	if w, ok := severityWords[s]; ok {
		return w
	}
	return word{string(s), toneOpen, "info"}
}

// severityRank puts the most severe first.
func severityRank(s reconcile.Severity) int {
	switch s {
	case reconcile.Critical:
		return 0
	case reconcile.Warning:
		return 1
	}
	return 2
}

func kindLabel(k reconcile.Kind) string { return document.KindLabel(k) }

// A moment is a time as people read it, with the exact one beside it.
type moment struct {
	Text  string // "3 minutes ago"
	Exact string // "2026-11-23 14:05 UTC", for the tooltip
	ISO   string // for machines
}

func newMoment(t, now time.Time) moment {
	if t.IsZero() {
		return moment{Text: "never"}
	}
	return moment{
		Text:  ago(now.Sub(t)),
		Exact: t.UTC().Format("2006-01-02 15:04 UTC"),
		ISO:   t.UTC().Format(time.RFC3339),
	}
}

// ago is coarse: it changes seldom, so that a page that refreshes stays calm.
func ago(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < -time.Minute:
		return "in the future: check the clocks"
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return count(int(d/time.Minute), "minute") + " ago"
	case d < 2*day:
		return count(int(d/time.Hour), "hour") + " ago"
	case d < 60*day:
		return count(int(d/day), "day") + " ago"
	case d < 2*365*day:
		return count(int(d/(30*day)), "month") + " ago"
	}
	return count(int(d/(365*day)), "year") + " ago"
}

// count is "1 unit", "2 units".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
