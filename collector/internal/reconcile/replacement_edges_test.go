package reconcile

import (
	"testing"

	"rollcall/collector/internal/contract"
)

// What is taken for a replacement by history, at the edges of each condition.
func TestReplacementEdges(t *testing.T) {
	const (
		a, b, c, other = "C9300-48P FOC1111A0AA", "C9300-48P FOC2222A0BB", "C9300-48P FOC1111A0CC", "ISR4331/K9 FDO1111A0AA"
		sw, second     = "Main/sw1", "Main/sw22"
		mismatch       = "rma_mismatch/FOC1111A0AA/FOC2222A0BB"
		unreachable    = "node_unreachable/" + second
	)
	replaced := func(w *world) {
		w.poll(-20, sw, a)
		w.poll(-10, sw, b)
		w.poll(0, sw, b)
	}
	away := func(since, until int) func(*world) { // the old one's place is empty in between
		return func(w *world) {
			w.poll(-200, sw, a+" @1", other+" @2")
			w.poll(since, sw, other+" @2")
			w.poll(until, sw, b+" @1", other+" @2")
			w.poll(0, sw, b+" @1", other+" @2")
			w.line("1", a, -400, 1000)
			w.line("1", other, -400, 1000)
		}
	}
	off := func(since int) func(*world) { // the new one went again
		return func(w *world) {
			w.Now = day(0)
			w.poll(-200, sw, a+" @1", other+" @2")
			w.poll(-150, sw, b+" @1", other+" @2")
			w.poll(since, sw, other+" @2")
			w.poll(0, sw, other+" @2")
			w.line("1", a, -400, 1000)
			w.line("1", other, -400, 1000)
		}
	}
	listed := func(tell ...func(*world)) func(*world) {
		return and(append([]func(*world){replaced}, tell...)...)
	}
	line := func(what string, end int) func(*world) { return func(w *world) { w.line("1", what, -400, end) } }
	endless := func(w *world) { w.line("1", a, -400, 0).End = "" }
	dropped := func(end contract.Date) func(*world) {
		return func(w *world) {
			lines(caseOther)(w)
			w.Dropped = []contract.Line{{Contract: "1", Serial: "FOC1111A0AA", PID: "C9300-48P", End: end}}
		}
	}
	pending, uncovered := []string{"FOC2222A0BB: rma_pending"}, []string{"FOC2222A0BB: uncovered"}
	gap := []string{"uncovered_unit/FOC2222A0BB"}
	router := "FDO1111A0AA: covered"
	tellAll(t, []story{
		// When: within 90 days.
		{"the place was empty for 90 days", away(-100, -10), []string{"FOC2222A0BB: rma_pending", router}, []string{mismatch}},
		{"the place was empty for 91 days", away(-101, -10), []string{"FOC2222A0BB: uncovered", router}, []string{"line_not_seen/1/10", "uncovered_unit/FOC2222A0BB"}},
		{"the new one is off for 90 days", off(-90), []string{router}, []string{mismatch}},
		{"the new one is off for 91 days", off(-91), []string{router}, []string{"line_not_seen/1/10"}},
		{"the new one changed its slot long ago", func(w *world) {
			w.poll(-200, sw, a+" @1", other+" @2")
			w.poll(-150, sw, b+" @1", other+" @2")
			w.poll(-120, sw, b+" @3", other+" @2")
			w.poll(0, sw, b+" @3", other+" @2")
			w.line("1", a, -400, 1000)
			w.line("1", other, -400, 1000)
		}, []string{"FOC2222A0BB: rma_pending", router}, []string{mismatch}},
		{"the new one is off, and something else came to its place", func(w *world) {
			w.poll(-20, sw, a+" @1", other+" @2")
			w.poll(-15, sw, b+" @1", other+" @2")
			w.poll(0, sw, "C9200-24T FOC3333A0CC @1", other+" @2")
			lines(a, other, "C9200-24T FOC3333A0CC")(w)
		}, []string{router, "FOC3333A0CC: covered"}, []string{"line_not_seen/1/10"}},
		{"the new one is off, and something else came to its place and went", func(w *world) {
			w.poll(-20, sw, a+" @1", other+" @2")
			w.poll(-15, sw, b+" @1", other+" @2")
			w.poll(-10, sw, "C9200-24T FOC3333A0CC @1", other+" @2")
			w.poll(0, sw, other+" @2")
			lines(a, other)(w)
		}, []string{router}, []string{mismatch}},
		{"the new one is off, and what shared its place is still there", func(w *world) {
			w.poll(-20, sw, a+" @1", other+" @2")
			w.poll(-15, sw, b+" @1", "C9200-24T FOC3333A0CC @1", other+" @2")
			w.poll(0, sw, "C9200-24T FOC3333A0CC @1", other+" @2")
			lines(a, other, "C9200-24T FOC3333A0CC")(w)
		}, []string{router, "FOC3333A0CC: covered"}, []string{mismatch}},

		// By which line of the old one.
		{"its line does not say when it ends", listed(endless), pending, []string{mismatch}},
		{"its line ended on the last day of its use", listed(line(a, -20)), pending, []string{mismatch}},
		{"its line ended the day before", listed(line(a, -21)), uncovered, gap},
		{"its only line has another product", listed(line("ISR4331/K9 FOC1111A0AA", 1000)), pending, []string{mismatch}},
		{
			"its line ended long before, and the other of the serial is of another product",
			listed(line(a, -200), line("ISR4331/K9 FOC1111A0AA", 1000)), uncovered, gap,
		},
		{"it was on a line of an earlier import", listed(dropped(date(900))), pending, []string{mismatch}},
		{"it was on such a line, without an end", listed(dropped("")), pending, []string{mismatch}},
		{"it was on such a line, which ended on the last day of its use", listed(dropped(date(-20))), pending, []string{mismatch}},
		{"it was on such a line, which ended the day before", listed(dropped(date(-21))), uncovered, gap},

		// Which one it replaced, and which one replaced it.
		{"two were in its place, and both have lines: the later one", func(w *world) {
			w.poll(-30, sw, c)
			w.poll(-20, sw, a)
			w.poll(0, sw, b)
			lines(a, c)(w)
		}, pending, []string{"line_not_seen/1/11", mismatch}},
		{"two were in its place, under other names of it: the later one", func(w *world) {
			w.poll(-30, sw, c+" @2")
			w.poll(-20, sw, a+" @1")
			w.poll(0, sw, b+" @1")
			lines(a, c)(w)
		}, pending, []string{"line_not_seen/1/11", mismatch}},
		{"one came at each of two addresses: the one that is there", func(w *world) {
			w.poll(-20, sw, a)
			w.poll(-20, second, a+" @1", other+" @2")
			w.poll(-10, second, c+" @1", other+" @2")
			w.poll(0, second, other+" @2")
			w.poll(0, sw, b)
			lines(a, other)(w)
		}, []string{"FOC2222A0BB: rma_pending", router}, []string{mismatch}},
		{"it came in two places, of two that have lines: one of them", func(w *world) {
			w.poll(-20, sw, c)
			w.poll(-19, second, a)
			w.poll(0, sw, b)
			w.poll(0, second, b)
			lines(a, c)(w)
		}, pending, []string{"duplicate_serial/FOC2222A0BB", mismatch}},
		{"its serial can be none", func(w *world) {
			w.poll(-20, sw, a)
			w.poll(0, sw, "C9300-48P AB1")
			lines(a)(w)
		}, []string{"AB1: unknown_serial"}, []string{"suspect_serial/AB1"}},
		{"the device did not say what it is, before", func(w *world) {
			w.poll(-20, sw, "- FOC1111A0AA in sw1")
			w.poll(0, sw, b)
			lines(a)(w)
		}, uncovered, gap},
		{"the device names the place otherwise now, and has power supplies", func(w *world) {
			w.poll(-20, sw, a, "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA")
			w.poll(0, sw, b+" @1", "PWR-C1-715WAC DCA1111A0BB in FOC2222A0BB")
			lines(a)(w)
		}, pending, []string{mismatch}},
		{"the old one is at another address as well, where nothing answers now", func(w *world) {
			w.poll(-20, sw, a)
			w.poll(-20, second, a)
			w.poll(0, sw, b)
			w.silence(0, second)
			lines(a)(w)
		}, []string{"FOC1111A0AA: covered", "FOC2222A0BB: uncovered"}, []string{unreachable, "uncovered_unit/FOC2222A0BB"}},
		{"the old one was at another address long ago, where nothing answers now", func(w *world) {
			w.poll(-300, second, a)
			w.silence(0, second)
			w.poll(-20, sw, a)
			w.poll(0, sw, b)
			w.line("1", a, -400, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC2222A0BB: rma_pending"}, []string{unreachable, mismatch}},

		// Beside records.
		{"a record says that it replaced another", listed(line(a, 1000), line(c, 1000), func(w *world) {
			w.RMAs = []contract.RMA{{OldSerial: "FOC1111A0CC", NewSerial: "FOC2222A0BB"}}
		}), pending, []string{"rma_mismatch/FOC1111A0CC/FOC2222A0BB"}},
		{"records of the old one go in a circle", listed(line(a, 1000), func(w *world) {
			w.RMAs = []contract.RMA{{OldSerial: "FOC1111A0AA", NewSerial: "FOC1111A0CC"}, {OldSerial: "FOC1111A0CC", NewSerial: "FOC1111A0AA"}}
		}), uncovered, gap},
		{"a record has the old serial for both", listed(line(a, 1000), func(w *world) {
			w.RMAs = []contract.RMA{{OldSerial: "FOC1111A0AA", NewSerial: "FOC1111A0AA"}}
		}), pending, []string{mismatch, "rma_mismatch/FOC1111A0AA/FOC1111A0AA"}},
	})
}
