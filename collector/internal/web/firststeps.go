package web

import "strings"

// firstSteps are what to do before there is anything to show, as commands to
// copy.
type firstSteps struct {
	NoAgent    bool // nothing was ever told where to look
	NotSeen    bool // there is an agent, and it has not uploaded
	NoUnit     bool // an agent uploads, and saw no Cisco unit
	NoContract bool
	Token      string
	Agent      string
	Import     string
	ImportURL  string
}

// newFirstSteps says what is missing in a scope of one organization or none;
// nil when nothing is.
func newFirstSteps(sc scope, units int, src sources) *firstSteps {
	if sc.several() || src.TooMany {
		return nil
	}
	name := "Riverside Food Bank"
	if sc.Chosen != nil {
		name = sc.Chosen.Name
	}
	f := &firstSteps{
		NoAgent:    len(src.Agents) == 0 && units == 0,
		NoContract: len(src.Imports) == 0,
		Token:      "rollcall-collector token create --organization " + shellQuote(name) + ` --site "Main office" --agent agent-1`,
		Agent:      "rollcall-agent check --config agent.yaml\nrollcall-agent run --config agent.yaml",
		Import:     "rollcall-collector import --organization " + shellQuote(name) + " contract.csv",
		ImportURL:  uploadURL(sc.id()),
	}
	if len(src.Agents) > 0 && units == 0 {
		last := src.Agents[len(src.Agents)-1] // sorted by age
		f.NotSeen = last.seen.IsZero()
		f.NoUnit = !f.NotSeen
	}
	if !f.NoAgent && !f.NotSeen && !f.NoUnit && !f.NoContract {
		return nil
	}
	return f
}

// shellQuote makes one word of a shell's command line, whatever is in it.
func shellQuote(s string) string {
	if strings.ContainsAny(s, "\"$`\\!'") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return `"` + s + `"`
}
