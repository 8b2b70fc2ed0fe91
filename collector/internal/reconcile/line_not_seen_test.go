package reconcile

import (
	"testing"

	"rollcall/pkg/inventory"
)

// Lines whose serial nobody sees.
func TestLineNotSeen(t *testing.T) {
	const sw = "Main/sw1"
	gone := func(since int) func(*world) {
		return func(w *world) {
			w.poll(-100, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2")
			w.poll(since, sw, "C9300-48P FOC1111A0AA @1")
			w.poll(0, sw, "C9300-48P FOC1111A0AA @1")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000)
		}
	}
	covered := []string{"FOC1111A0AA: covered"}
	notSeen := []string{"line_not_seen/1/11"}
	tellAll(t, []story{
		{"away for 14 days", gone(-14), covered, notSeen},
		{"away for 13 days", gone(-13), covered, nil},
		{"away, but its line is over", func(w *world) {
			gone(-14)(w)
			w.Lines[1].End = date(-1)
		}, covered, nil},
		{"away, but its line begins later", func(w *world) {
			gone(-14)(w)
			w.Lines[1].Begin = date(1)
		}, covered, nil},
		{"away, but the line is new", func(w *world) {
			gone(-14)(w)
			w.Lines[1].Begin = date(-13)
		}, covered, nil},
		{"away, but another device of the site does not answer", func(w *world) {
			gone(-14)(w)
			w.poll(-50, "Main/sw22", "C9300-48P FOC1111A0CC")
			w.silence(0, "Main/sw22")
			w.line("1", "C9300-48P FOC1111A0CC", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0CC: covered"}, []string{"node_unreachable/Main/sw22"}},
		{"away, but another device of the site answers by half", func(w *world) {
			gone(-14)(w)
			w.poll(-50, "Main/sw22", "C9300-48P FOC1111A0CC")
			w.partial(0, "Main/sw22", "C9300-48P FOC1111A0CC")
			w.line("1", "C9300-48P FOC1111A0CC", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0CC: covered"}, []string{"poll_incomplete/Main/sw22"}},
		{"away, and addresses that nothing ever had are silent", func(w *world) {
			gone(-14)(w)
			w.silence(0, "Main/none")
		}, covered, []string{"line_not_seen/1/11", "node_unreachable/Main/never"}},
		{"away, but a device that once answered in part is silent", func(w *world) {
			gone(-14)(w)
			w.partial(-50, "Main/half")
			w.silence(0, "Main/half")
		}, covered, []string{"node_unreachable/Main/half"}},
		{"away, but a device that was never read refuses the password", func(w *world) {
			gone(-14)(w)
			w.silence(0, "Main/closed")
			w.problem("Main/closed", inventory.ProblemCredentialRefused, "the password is wrong.")
		}, covered, []string{"credential_refused/Main/closed"}},
		{"away, and another site is silent", func(w *world) {
			gone(-14)(w)
			w.poll(-50, "Annex/sw22", "C9300-48P FOC1111A0CC")
			w.line("1", "C9300-48P FOC1111A0CC", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0CC: covered"}, []string{"agent_silent/agent-Annex", notSeen[0]}},
		{"away, and another device of the site was last read yesterday", func(w *world) {
			gone(-14)(w)
			w.poll(-1, "Main/sw22", "C9300-48P FOC1111A0CC")
			w.agent("Main", 0)
			w.line("1", "C9300-48P FOC1111A0CC", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0CC: covered"}, nil},
		{"away, but the agent is silent", func(w *world) {
			gone(-14)(w)
			w.agent("Main", -4)
		}, covered, []string{"agent_silent/agent-Main"}},
		{"away, but the data is old", func(w *world) {
			gone(-14)(w)
			w.imported("1", -50)
		}, []string{"FOC1111A0AA: unverified contract_data_stale"}, []string{"contract_data_stale/1"}},
		{"away by half an answer", func(w *world) {
			w.poll(-100, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2")
			w.partial(-14, sw, "C9300-48P FOC1111A0AA @1")
			w.partial(0, sw, "C9300-48P FOC1111A0AA @1")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0BB: covered"}, []string{"poll_incomplete/" + sw}},
		{"never seen, others of its install site are", func(w *world) {
			w.poll(-14, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000).Site = "RIVERSIDE"
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000).Site = "RIVERSIDE"
		}, covered, notSeen},
		{"never seen, and the newest of the site is there for 13 days", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0AA @2")
			w.poll(-13, sw, "C9300-48P FOC1111A0CC @1", "C9300-48P FOC1111A0AA @2")
			w.poll(0, sw, "C9300-48P FOC1111A0CC @1", "C9300-48P FOC1111A0AA @2")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000).Site = "RIVERSIDE"
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000).Site = "RIVERSIDE"
			w.line("1", "C9300-48P FOC1111A0CC", -100, 1000).Site = "RIVERSIDE"
		}, []string{"FOC1111A0AA: covered", "FOC1111A0CC: covered"}, notSeen},
		{"never seen, and one of two sites of its install site was last read yesterday", func(w *world) {
			w.poll(-14, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.poll(-14, "Annex/sw22", "C9300-48P FOC1111A0CC")
			w.poll(-1, "Annex/sw22", "C9300-48P FOC1111A0CC")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000).Site = "RIVERSIDE"
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000).Site = "RIVERSIDE"
			w.line("1", "C9300-48P FOC1111A0CC", -100, 1000).Site = "RIVERSIDE"
		}, []string{"FOC1111A0AA: covered", "FOC1111A0CC: covered"}, nil},
		{"never seen, watched for 13 days", func(w *world) {
			w.poll(-13, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000).Site = "RIVERSIDE"
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000).Site = "RIVERSIDE"
		}, covered, nil},
		{"never seen, at an install site without an agent", func(w *world) {
			w.poll(-14, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000).Site = "RIVERSIDE"
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000).Site = "HILLSIDE"
		}, covered, nil},
		{"moved to another site", func(w *world) {
			w.poll(-100, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2")
			w.poll(-50, sw, "C9300-48P FOC1111A0AA @1")
			w.poll(0, sw, "C9300-48P FOC1111A0AA @1")
			w.poll(0, "Annex/sw9", "C9300-48P FOC1111A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0BB: covered"}, nil},
		{"licences and quantities are never looked for", func(w *world) {
			w.poll(-100, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "L-C9300-DNA-E 4ABC1234567", -100, 1000)
			w.line("1", "GLC-SX-MMD ", -100, 1000)
		}, covered, nil},
	})
}
