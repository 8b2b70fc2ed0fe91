package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/contract"
)

// How little of a serial is odd.
func TestSuspectEdges(t *testing.T) {
	for n, odd := range map[int]bool{3: true, 4: false, 40: false, 41: true} {
		if got := suspect(strings.Repeat("A1", 30)[:n]) != ""; got != odd {
			t.Errorf("a serial of %d characters is odd: %v, want %v", n, got, odd)
		}
	}
}

// What excuses a unit by a donation, and what does not.
func TestActivationEdges(t *testing.T) {
	uncovered, gap := []string{"FOC1111A0AA: uncovered"}, []string{"uncovered_unit/FOC1111A0AA"}
	arrived := contract.Order{OrderedOn: date(-60), CompletedOn: date(-10)}
	late := contract.Order{Serial: "FOC1111A0AA", OrderedOn: date(-60), CompletedOn: date(-22)}
	record := func(w *world) {
		w.RMAs = []contract.RMA{{OldSerial: "FOC1111A0AA", NewSerial: "FOC2222A0BB", OpenedOn: date(-5)}}
	}
	tellAll(t, []story{
		{"the order names another serial of the product", and(off(caseUnit), order(contract.Order{Serial: "FOC7777A0AA", OrderedOn: date(-60), CompletedOn: date(-10)})), uncovered, gap},
		{"first seen on the day of the order", func(w *world) {
			w.poll(-60, caseNode, caseUnit)
			off(caseUnit)(w)
			order(arrived)(w)
		}, []string{"FOC1111A0AA: activation_pending"}, nil},
		{"first seen the day before the order", func(w *world) {
			w.poll(-61, caseNode, caseUnit)
			off(caseUnit)(w)
			order(arrived)(w)
		}, uncovered, gap},
		{
			"late, and replaced: the contract has the old one", and(off(caseSecond), lines(caseUnit), order(late), record),
			[]string{"FOC2222A0BB: rma_pending"},
			[]string{"rma_mismatch/FOC1111A0AA/FOC2222A0BB"},
		},
		{
			"late, and replaced: the contract has neither", and(off(caseSecond), order(late), record),
			[]string{"FOC2222A0BB: rma_pending"},
			[]string{"activation_overdue/TS-1", "rma_mismatch/FOC1111A0AA/FOC2222A0BB"},
		},
		{
			"late, and replaced: the contract has the new one", and(off(caseSecond), lines(caseSecond), order(late), record),
			[]string{"FOC2222A0BB: covered"},
			nil,
		},
		{
			"late, and replaced twice: the contract has the last", and(off(casePID+" FOC3333A0CC"), lines(casePID+" FOC3333A0CC"), order(late), record, func(w *world) {
				w.RMAs = append(w.RMAs, contract.RMA{OldSerial: "FOC2222A0BB", NewSerial: "FOC3333A0CC", OpenedOn: date(-3)})
			}),
			[]string{"FOC3333A0CC: covered"},
			nil,
		},
		{
			"late, and an earlier import of the contract had it", and(off(caseUnit), order(late), func(w *world) {
				w.Dropped = []contract.Line{{Contract: "1", Serial: "FOC1111A0AA", PID: casePID, End: date(900)}}
			}),
			uncovered, gap,
		},
		{
			"late, and replaced: the contract has the new one beside the old", and(off(caseSecond), lines(caseUnit, caseSecond), order(late), record),
			[]string{"FOC2222A0BB: covered"},
			[]string{"rma_mismatch/FOC1111A0AA/FOC2222A0BB"},
		},
	})
	// Whatever else came later takes no unit's place in an order without serials.
	byNumber := func(tell ...func(*world)) func(*world) {
		return and(append([]func(*world){func(w *world) { w.poll(-20, caseNode, caseUnit+" @1"); lines(caseOther)(w) }}, append(tell, order(arrived))...)...)
	}
	pending := "FOC1111A0AA: activation_pending"
	tellAll(t, []story{
		{"a newer one has a line", byNumber(func(w *world) {
			w.poll(0, caseNode, caseUnit+" @1", caseSecond+" @2")
			w.line("1", caseSecond, -100, 1000) // begins before the order: it is not of it
		}), []string{pending, "FOC2222A0BB: covered"}, []string{"line_not_seen/1/10"}},
		{
			"a newer one is of another product", byNumber(func(w *world) { w.poll(0, caseNode, caseUnit+" @1", "ISR4331/K9 FDO1111A0AA @2") }),
			[]string{pending, "FDO1111A0AA: uncovered"},
			[]string{"uncovered_unit/FDO1111A0AA"},
		},
		{
			"a newer one does not say its product", byNumber(func(w *world) { w.poll(0, caseNode, caseUnit+" @1", "- FOC3333A0CC @2") }),
			[]string{pending, "FOC3333A0CC: uncovered"},
			[]string{"uncovered_unit/FOC3333A0CC"},
		},
		{
			"a newer one has no serial", byNumber(func(w *world) { w.poll(0, caseNode, caseUnit+" @1", casePID+" N/A @2") }),
			[]string{pending, "N/A: unknown_serial"},
			[]string{"suspect_serial/" + caseNode + "/2"},
		},
		{"a newer one is a replacement", byNumber(func(w *world) {
			w.line("1", casePID+" FOC4444A0DD", -100, 1000)
			w.poll(0, caseNode, caseUnit+" @1", caseSecond+" @2")
			w.RMAs = []contract.RMA{{OldSerial: "FOC4444A0DD", NewSerial: "FOC2222A0BB", OpenedOn: date(-5)}}
		}), []string{pending, "FOC2222A0BB: rma_pending"}, []string{"rma_mismatch/FOC4444A0DD/FOC2222A0BB"}},
		{"another order names the newer one", byNumber(func(w *world) {
			w.poll(0, caseNode, caseUnit+" @1", caseSecond+" @2")
			w.Orders = append(w.Orders, contract.Order{OrderNumber: "TS-0", ProductID: casePID, Serial: "FOC2222A0BB", Quantity: 1, CompletedOn: date(-10)})
		}), []string{pending, "FOC2222A0BB: activation_pending"}, nil},
		{
			"late, and nothing was imported", and(func(w *world) { w.poll(0, caseNode, caseUnit) }, order(late)),
			[]string{"FOC1111A0AA: unverified no_contract_data"},
			[]string{"contract_data_stale/none"},
		},
		{
			"late, and on a line that began on the day of the order", and(on(-60, 1700), order(contract.Order{OrderedOn: date(-60), CompletedOn: date(-22)})),
			[]string{"FOC1111A0AA: covered"},
			nil,
		},
		{
			"late, and a line of another product began since",
			and(off(caseUnit), func(w *world) { w.line("1", "ISR4331/K9 FDO1111A0AA", -30, 1000) }, order(contract.Order{OrderedOn: date(-60), CompletedOn: date(-22)})),
			uncovered,
			[]string{"activation_overdue/TS-1", "uncovered_unit/FOC1111A0AA"},
		},
	})
	byNumber = func(tell ...func(*world)) func(*world) {
		return and(append(tell, order(contract.Order{OrderedOn: date(-60), CompletedOn: date(-22)}))...)
	}
	tellAll(t, []story{
		{"late, and a line that does not say its product began since", byNumber(off(caseUnit), func(w *world) {
			w.line("1", " FOC8888A0AA", -30, 1000)
		}), uncovered, []string{"activation_overdue/TS-1", "uncovered_unit/FOC1111A0AA"}},
		{"late, and a line of the product does not say when it began", byNumber(off(caseUnit), func(w *world) {
			w.line("1", casePID+" FOC8888A0AA", -30, 1000).Begin = ""
		}), uncovered, gap},
	})
	for _, tt := range []struct{ name, serial, want string }{
		{"with its serial", "FOC1111A0AA", "C9300-48P FOC1111A0AA of order TS-1 arrived"},
		{"without", "", "1 × C9300-48P of order TS-1 arrived"},
	} {
		w := newWorld()
		and(off(caseUnit), order(contract.Order{Serial: tt.serial, OrderedOn: date(-60), CompletedOn: date(-22)}))(w)
		if f := findingOf(t, Reconcile(w.Facts), "activation_overdue/TS-1"); !strings.HasPrefix(f.Evidence[0], tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, f.Evidence[0], tt.want)
		}
	}
}

// Only a line of old data keeps the finding about its end open, and only if it
// ends within a window.
func TestExpiringUnproven(t *testing.T) {
	for _, tt := range []struct {
		name     string
		end, age int
		want     []string
	}{
		{"fresh, ends soon", 10, 0, nil},
		{"old, ends soon", 10, 46, []string{"coverage_expiring/2/30"}},
		{"old, ends late", 900, 46, nil},
	} {
		w := newWorld()
		on(-100, 1000)(w)
		w.line("2", caseUnit, -100, tt.end)
		w.imported("2", -tt.age)
		var got []string
		for _, key := range Reconcile(w.Facts).Unproven {
			if strings.HasPrefix(key, "coverage_expiring/") {
				got = append(got, key)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// What a renewal says of the last date of support, and of what to do.
func TestRenewalWords(t *testing.T) {
	const reseller, replace = "Find a reseller", "Plan to replace "
	for _, tt := range []struct {
		name       string
		support    contract.Date
		evidence   string
		renew, not string
		steps      []string
	}{
		{"not announced", "", "in 30 days.", "FOC1111A0AA", "", []string{reseller}},
		{"later", date(400), fmt.Sprintf("; Cisco supports the product until %s.", date(400)), "FOC1111A0AA", "", []string{reseller}},
		{"today", date(0), fmt.Sprintf("; Cisco supports the product until %s.", date(0)), "FOC1111A0AA", "", []string{reseller}},
		{"yesterday", date(-1), fmt.Sprintf("; its last date of support was %s, so it is not worth renewing.", date(-1)), "", "FOC1111A0AA", []string{replace}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			on(-100, 30)(w)
			w.Lines[0].LastSupport = tt.support
			w.line("1", caseOther, -100, 1000).LastSupport = date(700) // its own line goes first
			if tt.support == "" {
				w.Lines[1].LastSupport = ""
			}
			f := findingOf(t, Reconcile(w.Facts), "coverage_expiring/1/30")
			if !strings.HasSuffix(f.Evidence[0], tt.evidence) {
				t.Errorf("evidence %q, want %q", f.Evidence[0], tt.evidence)
			}
			if s := f.NextStep.Sheet; s["renew"] != tt.renew || s["not_worth_renewing"] != tt.not {
				t.Errorf("sheet %v", s)
			}
			for _, words := range []string{reseller, replace} {
				says := slices.ContainsFunc(f.NextStep.Steps, func(s string) bool { return strings.HasPrefix(s, words) })
				if says != slices.Contains(tt.steps, words) {
					t.Errorf("%q is among the steps: %v", words, says)
				}
			}
		})
	}
}

// How many end, in words.
func TestEndsWords(t *testing.T) {
	power := func(n int) string { return fmt.Sprintf("PWR-C1-715WAC DCA1111A00%d in FOC1111A0AA", n) }
	for _, tt := range []struct {
		name             string
		ends             []string // of what there is
		expiring, ending string
	}{
		{"a unit", []string{caseUnit}, "1 unit ends", "1 line has ended for a unit in use"},
		{"a part", []string{power(1)}, "1 part of a unit ends", "1 line has ended for a part in use"},
		{"parts", []string{power(1), power(2)}, "2 parts of units end", "2 lines have ended for parts in use"},
		{"both", []string{caseUnit, power(1), power(2)}, "1 unit and 2 parts of units end", "3 lines have ended for units and parts in use"},
	} {
		for end, want := range map[int]string{30: tt.expiring, -1: tt.ending} {
			w := newWorld()
			w.poll(0, caseNode, caseUnit, power(1), power(2))
			for _, what := range tt.ends {
				w.line("1", strings.Split(what, " in ")[0], -1000, end)
			}
			found := false
			for _, f := range Reconcile(w.Facts).Findings {
				found = found || strings.Contains(f.Subject, want)
			}
			if !found {
				t.Errorf("%s, in %d days: no finding says %q: %v", tt.name, end, want, keys(Reconcile(w.Facts)))
			}
		}
	}
}

// A part that has the serial of its unit, as supervisors of a chassis do, is not
// counted beside it.
func TestPartWithSerialOfUnit(t *testing.T) {
	w := newWorld()
	w.poll(0, caseNode, caseUnit, "PWR-C1-715WAC FOC1111A0AA in FOC1111A0AA")
	w.line("1", caseUnit, -100, 30)
	if f := findingOf(t, Reconcile(w.Facts), "coverage_expiring/1/30"); len(f.Evidence) != 1 || !strings.Contains(f.Subject, ": 1 unit ends within") {
		t.Errorf("%s: %q", f.Subject, f.Evidence)
	}
}

// A line that has ended says when the next begins, and only then.
func TestEndedWords(t *testing.T) {
	for _, next := range []bool{false, true} {
		w := newWorld()
		on(-1000, -10)(w)
		if next {
			w.line("2", caseUnit, 10, 1000)
		}
		f := findingOf(t, Reconcile(w.Facts), "coverage_expired/1")
		if got := strings.Contains(f.Evidence[0], fmt.Sprintf("a line of contract 2 begins on %s", date(10))); got != next || strings.Contains(f.Evidence[0], "begins") != next {
			t.Errorf("a line begins later: %v, and the evidence is %q", next, f.Evidence[0])
		}
	}
}

// A line that was ended before its time is not said to have ended by its end.
func TestTerminatedWords(t *testing.T) {
	for status, want := range map[string]string{"TERMINATED": "its status is TERMINATED, and its end " + string(date(-10)), "EXPIRED": "since its line ended on " + string(date(-10))} {
		w := newWorld()
		on(-1000, -10)(w)
		w.Lines[0].Status = status
		if f := findingOf(t, Reconcile(w.Facts), "coverage_expired/1"); !strings.Contains(f.Evidence[0], want) {
			t.Errorf("%s: evidence %q", status, f.Evidence[0])
		}
	}
}

// A recorded replacement takes what the record lacks from what was seen, or from
// the line, and says its number and its date of return.
func TestRecordedWords(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tell   func(*world)
		oldPID string
	}{
		{"as recorded", func(w *world) { w.RMAs[0].OldPID = "C9300-24P" }, "C9300-24P"},
		{"as recorded, and seen otherwise", func(w *world) {
			w.RMAs[0].OldPID = "C9300-24P"
			w.poll(-20, caseNode, "C9300-48U FOC1111A0AA")
		}, "C9300-24P"},
		{"as seen", func(w *world) { w.poll(-20, caseNode, "C9300-48U FOC1111A0AA") }, "C9300-48U"},
		{"as on the line", func(w *world) { w.line("1", caseUnit, -100, 1000) }, "C9300-48P"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			w.RMAs = []contract.RMA{{RMANumber: "80001", OldSerial: "FOC1111A0AA", NewSerial: "FOC2222A0BB", ReturnBy: date(30), OpenedOn: date(-5)}}
			tt.tell(w)
			w.poll(0, caseNode, caseSecond)
			lines(caseOther)(w)
			f := findingOf(t, Reconcile(w.Facts), "rma_mismatch/FOC1111A0AA/FOC2222A0BB")
			if got := f.NextStep.Sheet["remove_pid"]; got != tt.oldPID {
				t.Errorf("remove_pid %q, want %q", got, tt.oldPID)
			}
			if !strings.Contains(f.Evidence[0], ", RMA 80001, opened on") {
				t.Errorf("evidence %q", f.Evidence[0])
			}
			steps := strings.Join(f.NextStep.Steps, "\n")
			if strings.Contains(steps, "Make sure that Cisco sent") || !strings.Contains(steps, fmt.Sprintf("back to Cisco by %s", date(30))) {
				t.Errorf("steps %s", steps)
			}
		})
	}
	for _, tt := range []struct{ recorded, seen, line, want string }{
		{"C9300-24P", "C9300-48U", "C9300-48P", "C9300-24P"}, {"", "C9300-48U", "C9300-48P", "C9300-48U"}, {"", "-", "C9300-48P", "C9300-48P"},
	} {
		w := newWorld()
		w.poll(-20, caseNode, tt.seen+" FOC1111A0AA")
		w.poll(0, caseNode, caseSecond)
		lines(tt.line + " FOC1111A0AA")(w)
		w.RMAs = []contract.RMA{{OldSerial: "FOC1111A0AA", OldPID: tt.recorded, NewSerial: "FOC2222A0BB"}}
		f := findingOf(t, Reconcile(w.Facts), "rma_mismatch/FOC1111A0AA/FOC2222A0BB")
		if !strings.HasPrefix(f.Evidence[1], tt.want+" FOC1111A0AA was seen in sw1") {
			t.Errorf("of a product that is %q in the record, %q at the device and %q on the line: %q", tt.recorded, tt.seen, tt.line, f.Evidence[1])
		}
	}
	w := newWorld()
	w.poll(-20, caseNode, caseUnit)
	w.poll(0, caseNode, caseSecond)
	lines(caseUnit)(w)
	f := findingOf(t, Reconcile(w.Facts), "rma_mismatch/FOC1111A0AA/FOC2222A0BB")
	if steps := strings.Join(f.NextStep.Steps, "\n"); !strings.Contains(steps, "Make sure that Cisco sent") || !strings.Contains(steps, "by the date in the RMA") {
		t.Errorf("steps of one that is inferred: %s", steps)
	}
}
