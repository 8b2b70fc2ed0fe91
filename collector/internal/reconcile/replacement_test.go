package reconcile

import (
	"strings"
	"testing"

	"rollcall/collector/internal/contract"
)

// Replacements (RMA), inferred from what agents saw.
func TestReplacementInferred(t *testing.T) {
	const sw = "Main/sw1"
	const mismatch = "rma_mismatch/FOC1111A0AA/FOC2222A0BB"
	// replaced is a switch that comes back with another serial.
	replaced := func(w *world) {
		w.poll(-20, sw, "C9300-48P FOC1111A0AA")
		w.poll(-10, sw, "C9300-48P FOC2222A0BB")
		w.poll(0, sw, "C9300-48P FOC2222A0BB")
	}
	tellAll(t, []story{
		{"the contract lists the old serial", func(w *world) {
			replaced(w)
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"whole swap", func(w *world) {
			replaced(w)
			w.line("1", "C9300-48P FOC2222A0BB", -100, 1000)
		}, []string{"FOC2222A0BB: covered"}, nil},
		{"half swap: added, not removed", func(w *world) {
			replaced(w)
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC2222A0BB", 0, 1000)
		}, []string{"FOC2222A0BB: covered"}, []string{mismatch}},
		{"added, and the old line has ended", func(w *world) {
			replaced(w)
			w.line("1", "C9300-48P FOC1111A0AA", -100, -1)
			w.line("1", "C9300-48P FOC2222A0BB", 0, 1000)
		}, []string{"FOC2222A0BB: covered"}, nil},
		{"half swap: removed, not added", func(w *world) {
			replaced(w)
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			l := *w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.Lines = w.Lines[:1]
			w.Dropped = []contract.Line{l}
		}, []string{"FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"neither was ever on a contract", func(w *world) {
			replaced(w)
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
		}, []string{"FOC2222A0BB: uncovered"}, []string{"uncovered_unit/FOC2222A0BB"}},
		{"the old line had ended before", func(w *world) {
			replaced(w)
			w.line("1", "C9300-48P FOC1111A0AA", -1000, -21)
		}, []string{"FOC2222A0BB: uncovered"}, []string{"uncovered_unit/FOC2222A0BB"}},
		{"the old line has ended since", func(w *world) {
			replaced(w)
			w.line("1", "C9300-48P FOC1111A0AA", -1000, -1)
		}, []string{"FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"stack member", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0CC @2")
			w.poll(0, sw, "C9300-48P FOC2222A0BB @1", "C9300-48P FOC1111A0CC @2")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0CC", -100, 1000)
		}, []string{"FOC1111A0CC: covered", "FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"the new member came in another slot", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0CC @2")
			w.poll(0, sw, "C9300-48P FOC2222A0BB @3", "C9300-48P FOC1111A0CC @2")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0CC", -100, 1000)
		}, []string{"FOC1111A0CC: covered", "FOC2222A0BB: uncovered"}, []string{"uncovered_unit/FOC2222A0BB"}},
		{"the only unit, named otherwise", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC2222A0BB @1")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"an equivalent model of the series", func(w *world) {
			w.poll(-20, sw, "WS-C2960X-48FPD-L FOC1111A0AA")
			w.poll(0, sw, "WS-C2960X-48FPS-L FOC2222A0BB")
			w.line("1", "WS-C2960X-48FPD-L FOC1111A0AA", -100, 1000)
		}, []string{"FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"another series", func(w *world) {
			w.poll(-20, sw, "WS-C2960X-48FPD-L FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "WS-C2960X-48FPD-L FOC1111A0AA", -100, 1000)
		}, []string{"FOC2222A0BB: uncovered"}, []string{"uncovered_unit/FOC2222A0BB"}},
		{"weeks in between", func(w *world) {
			w.poll(-80, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0CC @2")
			w.poll(-70, sw, "C9300-48P FOC1111A0CC @2")
			w.poll(0, sw, "C9300-48P FOC2222A0BB @1", "C9300-48P FOC1111A0CC @2")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0CC", -100, 1000)
		}, []string{"FOC1111A0CC: covered", "FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"too long in between", func(w *world) {
			w.poll(-200, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0CC @2")
			w.poll(-100, sw, "C9300-48P FOC1111A0CC @2")
			w.poll(0, sw, "C9300-48P FOC2222A0BB @1", "C9300-48P FOC1111A0CC @2")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0CC", -100, 1000)
		}, []string{"FOC1111A0CC: covered", "FOC2222A0BB: uncovered"}, []string{"line_not_seen/1/10", "uncovered_unit/FOC2222A0BB"}},
		{"long ago, and not swapped to this day", func(w *world) {
			w.poll(-400, sw, "C9300-48P FOC1111A0AA")
			w.poll(-399, sw, "C9300-48P FOC2222A0BB")
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -1000, 1000)
		}, []string{"FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"the new one showed in half an answer first", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0AA")
			w.partial(-10, sw, "C9300-48P FOC2222A0BB")
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"the old one is not proven gone", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0AA")
			w.partial(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC2222A0BB: unverified poll_incomplete"}, []string{"poll_incomplete/" + sw}},
		{"stack master change", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC2222A0BB @2")
			w.poll(0, sw, "C9300-48P FOC2222A0BB @2", "C9300-48P FOC1111A0AA @1")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC2222A0BB", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC2222A0BB: covered"}, nil},
		{"members change their numbers", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC2222A0BB @2")
			w.poll(0, sw, "C9300-48P FOC2222A0BB @1", "C9300-48P FOC1111A0AA @2")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC2222A0BB: uncovered"}, []string{"uncovered_unit/FOC2222A0BB"}},
		{"a member leaves and the other takes its number", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC2222A0BB @2")
			w.poll(0, sw, "C9300-48P FOC2222A0BB @1")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC2222A0BB: uncovered"}, []string{"uncovered_unit/FOC2222A0BB"}},
		{"moved to another site, another takes its place", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0AA")
			w.poll(-5, sw, "C9300-48P FOC2222A0BB")
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.poll(0, "Annex/sw9", "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC2222A0BB: uncovered"}, []string{"uncovered_unit/FOC2222A0BB"}},
		{"a known unit takes the place of one that is gone", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0AA")
			w.poll(-20, "Annex/sw9", "C9300-48P FOC2222A0BB")
			w.poll(0, "Annex/sw9", "C9300-24P FOC3333A0CC")
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-24P FOC3333A0CC", -100, 1000)
		}, []string{"FOC2222A0BB: uncovered", "FOC3333A0CC: covered"}, []string{"uncovered_unit/FOC2222A0BB"}},
		{"the old one is in use elsewhere, where nothing answers now", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0AA")
			w.poll(-5, sw, "C9300-48P FOC2222A0BB")
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.poll(-5, "Annex/sw9", "C9300-48P FOC1111A0AA")
			w.silence(0, "Annex/sw9")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC2222A0BB: uncovered"}, []string{"node_unreachable/Annex/sw9", "uncovered_unit/FOC2222A0BB"}},
		{"a ghost of long ago does not hide it", func(w *world) {
			w.poll(-300, "Annex/sw9", "C9300-48P FOC1111A0AA")
			w.silence(0, "Annex/sw9")
			w.poll(-200, sw, "C9300-48P FOC1111A0AA")
			w.poll(-20, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -400, 1000)
			w.Sightings = w.Sightings[1:] // its old place
		}, []string{"FOC2222A0BB: rma_pending"}, []string{"node_unreachable/Annex/sw9", mismatch}},
		{"replaced twice, the contract knows the first", func(w *world) {
			w.poll(-200, sw, "C9300-48P FOC1111A0AA")
			w.poll(-100, sw, "C9300-48P FOC3333A0CC")
			w.poll(-50, sw, "C9300-48P FOC3333A0CC")
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -400, 1000)
		}, []string{"FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"replaced twice, the contract knows the second", func(w *world) {
			w.poll(-200, sw, "C9300-48P FOC3333A0CC")
			w.poll(-100, sw, "C9300-48P FOC1111A0AA")
			w.poll(-50, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -90, 1000)
		}, []string{"FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"it stays while the device does not answer", func(w *world) {
			replaced(w)
			w.silence(0, sw)
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC2222A0BB: rma_pending"}, []string{mismatch, "node_unreachable/" + sw}},
		{"it stays while the data grows old, without a verdict", func(w *world) {
			replaced(w)
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.imported("1", -60)
		}, []string{"FOC2222A0BB: unverified contract_data_stale"}, []string{"contract_data_stale/1", mismatch}},
		{"it stays while the agent is silent", func(w *world) {
			replaced(w)
			w.agent("Main", -9)
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC2222A0BB: rma_pending"}, []string{"agent_silent/agent-Main", mismatch}},
		{"it stays when the new one changes its slot", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0CC @2")
			w.poll(-10, sw, "C9300-48P FOC2222A0BB @1", "C9300-48P FOC1111A0CC @2")
			w.poll(0, sw, "C9300-48P FOC2222A0BB @3", "C9300-48P FOC1111A0CC @2")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0CC", -100, 1000)
		}, []string{"FOC1111A0CC: covered", "FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"it stays while the new one is off", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0CC @2")
			w.poll(-10, sw, "C9300-48P FOC2222A0BB @1", "C9300-48P FOC1111A0CC @2")
			w.poll(0, sw, "C9300-48P FOC1111A0CC @2")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0CC", -100, 1000)
		}, []string{"FOC1111A0CC: covered"}, []string{mismatch}},
		{"the old one comes back", func(w *world) {
			replaced(w)
			w.poll(0, "Main/sw22", "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered", "FOC2222A0BB: uncovered"}, []string{"uncovered_unit/FOC2222A0BB"}},
		{"one switch at two addresses", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0AA")
			w.poll(-20, "Main/sw22", "C9300-48P FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.poll(0, "Main/sw22", "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC2222A0BB: rma_pending"}, []string{"duplicate_serial/FOC2222A0BB", mismatch}},
		{"a power supply is replaced", func(w *world) {
			w.poll(-20, sw, "C9300-48P FOC1111A0CC", "PWR-C1-715WAC FOC1111A0AA in FOC1111A0CC")
			w.poll(0, sw, "C9300-48P FOC1111A0CC", "PWR-C1-715WAC FOC2222A0BB in FOC1111A0CC")
			w.line("1", "C9300-48P FOC1111A0CC", -100, 1000)
		}, []string{"FOC1111A0CC: covered"}, nil},
	})
}

// Replacements that people recorded.
func TestReplacementRecorded(t *testing.T) {
	const sw = "Main/sw1"
	const mismatch = "rma_mismatch/FOC1111A0AA/FOC2222A0BB"
	rma := func(old, now string) contract.RMA {
		return contract.RMA{
			RMANumber: "80001", CaseNumber: "60001", Contract: "1", OldSerial: old, OldPID: "C9300-48P", NewSerial: now, NewPID: "C9300-48P",
			OpenedOn: date(-30), ReturnBy: date(10),
		}
	}
	tellAll(t, []story{
		{"explains without anything seen before", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "FOC2222A0BB")}
		}, []string{"FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"in another place and another model", func(w *world) {
			w.poll(-10, sw, "WS-C3850-48P FOC1111A0AA")
			w.poll(0, sw, "C9200-24P FOC3333A0CC")
			w.poll(0, "Annex/sw9", "C9300-48P FOC2222A0BB")
			w.line("1", "WS-C3850-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9200-24P FOC3333A0CC", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "FOC2222A0BB")}
		}, []string{"FOC2222A0BB: rma_pending", "FOC3333A0CC: covered"}, []string{mismatch}},
		{"settled", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC2222A0BB", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "FOC2222A0BB")}
		}, []string{"FOC2222A0BB: covered"}, nil},
		{"added, not removed", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC2222A0BB", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "FOC2222A0BB")}
		}, []string{"FOC2222A0BB: covered"}, []string{mismatch}},
		{"removed, not added", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "FOC2222A0BB")}
		}, []string{"FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"on its way", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "FOC2222A0BB")}
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"nothing shipped yet", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "")}
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"both in use for a while", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, "Main/sw22", "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "FOC2222A0BB")}
		}, []string{"FOC1111A0AA: covered", "FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"the same serial twice is said, and no swap", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "foc1111a0aa ")}
		}, []string{"FOC1111A0AA: uncovered"}, []string{"rma_mismatch/FOC1111A0AA/FOC1111A0AA", "uncovered_unit/FOC1111A0AA"}},
		{"replaced twice", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "FOC3333A0CC"), rma("FOC3333A0CC", "FOC2222A0BB")}
		}, []string{"FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"in a circle", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "FOC2222A0BB"), rma("FOC2222A0BB", "FOC1111A0AA")}
		}, []string{"FOC2222A0BB: uncovered"}, []string{"uncovered_unit/FOC2222A0BB"}},
		{"a later record has the old serial for both", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "FOC2222A0BB"), rma("FOC1111A0AA", "FOC1111A0AA")}
			w.RMAs[1].OpenedOn = date(-1)
		}, []string{"FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"it does not say what went", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			w.RMAs = []contract.RMA{rma("N/A", "FOC2222A0BB")}
		}, []string{"FOC2222A0BB: uncovered"}, []string{"uncovered_unit/FOC2222A0BB"}},
		{"two records of what came, by one of which a line is to be ended", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "FOC2222A0BB"), rma("FOC3333A0CC", "FOC2222A0BB")}
			w.RMAs[1].OpenedOn = date(-99)
		}, []string{"FOC2222A0BB: rma_pending"}, []string{mismatch}},
		{"the old one is gone, the new one was never seen", func(w *world) {
			w.poll(-10, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0CC @2")
			w.poll(0, sw, "C9300-48P FOC1111A0CC @2")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0CC", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "FOC2222A0BB")}
		}, []string{"FOC1111A0CC: covered"}, []string{mismatch}},
		{"of two that nothing else is known of", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0CC")
			w.line("1", "C9300-48P FOC1111A0CC", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "FOC2222A0BB")}
		}, []string{"FOC1111A0CC: covered"}, nil},
		{"the record says otherwise than the place", func(w *world) {
			w.poll(-10, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC3333A0CC")
			w.poll(0, "Main/sw22", "C9300-48P FOC2222A0BB")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "FOC2222A0BB")}
		}, []string{"FOC2222A0BB: rma_pending", "FOC3333A0CC: uncovered"}, []string{mismatch, "uncovered_unit/FOC3333A0CC"}},
		{"without contract data", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.RMAs = []contract.RMA{rma("FOC1111A0AA", "FOC2222A0BB")}
		}, []string{"FOC2222A0BB: unverified no_contract_data"}, []string{"contract_data_stale/none"}},
	})
}

func TestSwapSheet(t *testing.T) {
	w := newWorld()
	w.poll(-20, "Main/sw1", "C9300-48P FOC1111A0AA")
	w.poll(0, "Main/sw1", "C9300-48P FOC2222A0BB")
	l := w.line("204100001", "C9300-48P-E FOC1111A0AA", -100, 1000)
	l.Site = "RIVERSIDE FOOD BANK"
	w.RMAs = []contract.RMA{{RMANumber: "80001", CaseNumber: "60001", OldSerial: "FOC1111A0AA", ReturnBy: "2026-07-01"}} // what came is not recorded
	f := findingOf(t, Reconcile(w.Facts), "rma_mismatch/FOC1111A0AA/FOC2222A0BB")

	var got []string
	for _, field := range SheetFields(f.NextStep.Sheet) {
		got = append(got, field.Label+": "+f.NextStep.Sheet[field.Name])
	}
	want := []string{
		"Contract: 204100001", "Service level: SNT", "Line (instance number): 2041000010",
		"Remove serial number: FOC1111A0AA", "Remove product: C9300-48P-E", "Add serial number: FOC2222A0BB", "Add product: C9300-48P",
		"Install site: RIVERSIDE FOOD BANK", "RMA number: 80001", "Case number: 60001", "Return the old unit by: 2026-07-01",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("sheet:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if m := f.NextStep.Sheet.Missing(); len(m) > 0 {
		t.Errorf("missing %v", m)
	}
	if m := (Sheet{"contract": "", "add_pid": "", "rma_number": ""}).Missing(); strings.Join(m, ", ") != "Contract, Add product" {
		t.Errorf("missing %v", m)
	}
	wantEvidence := []string{
		"C9300-48P FOC1111A0AA was seen in sw1 (Main) on 2026-05-26. On 2026-06-15 the device answered in full without it.",
		"C9300-48P FOC2222A0BB was first seen in the same place on 2026-06-15.",
		"FOC1111A0AA has not been seen anywhere since.",
		"Contract 204100001 lists FOC1111A0AA until 2029-03-11, and no imported contract lists FOC2222A0BB.",
		"That is as of 2026-06-15, when 204100001.csv was imported.",
		"Confidence: high. The same model came in the same place, the old serial number is gone by a complete answer, and the new one was never seen before.",
	}
	if strings.Join(f.Evidence, "\n") != strings.Join(wantEvidence, "\n") {
		t.Errorf("evidence:\n%s\nwant:\n%s", strings.Join(f.Evidence, "\n"), strings.Join(wantEvidence, "\n"))
	}
	if f.Site != "Main" || f.Node != "sw1" || f.Serial != "FOC2222A0BB" || f.Contract != "204100001" || f.Severity != Critical {
		t.Errorf("finding %+v", f)
	}
}

func TestSwapOfTwoLines(t *testing.T) {
	w := newWorld()
	w.poll(-20, "Main/sw1", "C9300-48P FOC1111A0AA")
	w.poll(0, "Main/sw1", "C9300-48P FOC2222A0BB")
	w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
	w.line("2", "C9300-48P FOC1111A0AA", -100, 900)
	w.line("3", "C9300-48P FOC1111A0AA", -100, -1)
	f := findingOf(t, Reconcile(w.Facts), "rma_mismatch/FOC1111A0AA/FOC2222A0BB")
	if f.Contract != "1" || !strings.Contains(strings.Join(f.Evidence, "\n"), "\nContract 2 lists FOC1111A0AA too, service level SNT, instance 21: ") ||
		strings.Contains(strings.Join(f.Evidence, "\n"), "Contract 3") {
		t.Errorf("finding %+v", f)
	}
}

func TestConfidence(t *testing.T) {
	tests := []struct {
		name     string
		old, now string
		listed   bool
		want     string
	}{
		{"same model", "C9300-48P FOC1111A0AA", "C9300-48P FOC2222A0BB", false, "Confidence: high."},
		{"spare of the same model", "C9300-48P FOC1111A0AA", "C9300-48P= FOC2222A0BB", false, "Confidence: high."},
		{"same series", "C9300-48P FOC1111A0AA", "C9300-48U FOC2222A0BB", false, "Confidence: medium; the models differ"},
		{"unknown model", "C9300-48P FOC1111A0AA", "- FOC2222A0BB", false, "Confidence: medium; the model of one"},
		{"unknown model before", "- FOC1111A0AA", "C9300-48P FOC2222A0BB", false, "Confidence: medium; the model of one"},
		{"named otherwise and same series", "C9300-48P FOC1111A0AA", "C9300-48U FOC2222A0BB @1", false, "Confidence: low; the models differ"},
		{"has a line of its own", "C9300-48P FOC1111A0AA", "C9300-48P FOC2222A0BB", true, "Confidence: medium; the new serial number has a line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			w.poll(-20, "Main/sw1", tt.old)
			w.poll(0, "Main/sw1", tt.now)
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			if tt.listed {
				w.line("1", "C9300-48P FOC2222A0BB", -100, 1000)
			}
			f := findingOf(t, Reconcile(w.Facts), "rma_mismatch/FOC1111A0AA/FOC2222A0BB")
			if got := f.Evidence[len(f.Evidence)-1]; !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
