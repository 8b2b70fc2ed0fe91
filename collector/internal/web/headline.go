package web

import (
	"rollcall/collector/internal/document"
	"rollcall/collector/internal/reconcile"
)

// A headline says in one sentence how things stand.
type headline struct {
	Text string
	Tone tone
	Icon string
}

// newHeadline words the counts of units by coverage.
func newHeadline(counts map[reconcile.Coverage]int) headline {
	text, worst := document.Headline(counts)
	switch worst {
	case "":
		return headline{Text: text, Tone: toneOpen, Icon: "dots"}
	case reconcile.Covered:
		return headline{Text: text, Tone: toneGood, Icon: "check"}
	}
	w := coverageWord(worst)
	return headline{Text: text, Tone: w.Tone, Icon: w.Icon}
}
