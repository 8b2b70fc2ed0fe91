package reconcile

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/pkg/inventory"
)

// What an uncovered unit is said of, beside that no line lists it: each sentence
// where it is true and nowhere else.
func TestUncoveredEvidence(t *testing.T) {
	unseen := func(n int) func(*world) {
		return func(w *world) {
			w.poll(0, caseNode, caseUnit)
			for i := range n {
				w.line("1", fmt.Sprintf("%s FOC900%dA0AA", casePID, i), -100, 1000)
			}
			if n == 0 {
				w.line("1", "ISR4331/K9 FDO1111A0AA", -100, 1000)
			}
		}
	}
	contracts := func(n int) func(*world) {
		return func(w *world) {
			off(caseUnit)(w)
			for i := range n - 1 {
				w.imported(fmt.Sprint(2+i), 0)
			}
		}
	}
	nameless := func(file string) func(*world) {
		return func(w *world) {
			off(caseUnit)(w)
			w.Lines[0].Contract, w.Imports[0].Contract, w.Imports[0].File = "", "", file
		}
	}
	const alike, before, place = "On a contract, of the same product and not seen", "so it may have been enrolled", "was in its place until"
	router := func(w *world) {
		w.poll(-20, caseNode, "ISR4331/K9 FDO1111A0AA")
		w.poll(0, caseNode, caseUnit)
		lines("ISR4331/K9 FDO1111A0AA")(w)
	}
	for _, tt := range []struct {
		name  string
		tell  func(*world)
		words string
		says  bool
	}{
		{"others of the product are not seen", unseen(5), alike + ": FOC9000A0AA, FOC9001A0AA, FOC9002A0AA, FOC9003A0AA, FOC9004A0AA.", true},
		{"more of them than are listed", unseen(6), "FOC9004A0AA, and 1 more.", true},
		{"others of another product are not seen", unseen(0), alike, false},
		{"others of a product that is not known are not seen", func(w *world) {
			w.poll(0, caseNode, "- FOC1111A0AA")
			w.line("1", " FOC9000A0AA", -100, 1000)
		}, alike, false},
		{"others of the product are seen", and(unseen(0), func(w *world) {
			w.poll(0, "Main/sw22", caseSecond)
			lines(caseSecond)(w)
		}), alike, false},
		{"no contract was imported, and Cisco knows of none", func(w *world) {
			w.poll(0, caseNode, caseUnit)
			w.answered("FOC1111A0AA", 0, "", 0)
		}, "No line of the imported contracts", false},
		{"ten contracts", contracts(10), "more", false},
		{"eleven contracts", contracts(11), ", and 1 more.", true},
		{"a contract without a number", nameless("lines.csv"), "that in lines.csv as of", true},
		{"a contract without a number or a file", nameless(""), "the contract without a number as of", true},
		{"obtained elsewhere when that was donated too", and(off(caseUnit), func(w *world) {
			w.declare("FOC1111A0AA", DeclaredElsewhere)
			w.Declarations[0].Obtained = "2006-01-31"
		}), before, true},
		{"a spare that is in use", and(off(caseUnit), func(w *world) { w.declare("FOC1111A0AA", DeclaredSpare) }), before, false},
		{"another model was in its place", router, "ISR4331/K9 FDO1111A0AA " + place, true},
		{"another model that is elsewhere now", and(router, func(w *world) { w.poll(0, "Main/sw22", "ISR4331/K9 FDO1111A0AA") }), place, false},
		{"two other models, one after the other", func(w *world) {
			w.poll(-30, caseNode, "ISR4321/K9 FDO2222A0BB")
			router(w)
			lines("ISR4321/K9 FDO2222A0BB")(w)
		}, "ISR4331/K9 FDO1111A0AA " + place, true},
		{"another model, while this one was at another place", func(w *world) {
			w.poll(-20, "Main/sw22", caseUnit+" @1", caseSecond+" @2")
			router(w)
			w.poll(0, "Main/sw22", caseSecond+" @2")
			lines(caseSecond)(w)
		}, place, false},
		{"another model that is still there, as far as is known", func(w *world) {
			w.poll(-20, caseNode, "ISR4331/K9 FDO1111A0AA")
			w.partial(-1, caseNode, caseUnit)
			w.partial(0, caseNode, caseUnit)
			w.Nodes[0].Complete, w.Nodes[0].LastGood = true, day(0)
			lines("ISR4331/K9 FDO1111A0AA")(w)
		}, place, false},
		{"another model that was on no contract", func(w *world) {
			w.poll(-20, caseNode, "ISR4331/K9 FDO1111A0AA")
			off(caseUnit)(w)
		}, place, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			tt.tell(w)
			evidence := strings.Join(findingOf(t, Reconcile(w.Facts), "uncovered_unit/FOC1111A0AA").Evidence, "\n")
			if strings.Contains(evidence, tt.words) != tt.says {
				t.Errorf("%q is said: %v, want %v:\n%s", tt.words, !tt.says, tt.says, evidence)
			}
		})
	}
}

// Nobody is told to renew what is not theirs; voice and video servers are
// software.
func TestNotToRenew(t *testing.T) {
	for kind, want := range map[DeclarationKind]string{DeclaredNotOurs: "", DeclaredRetired: "", DeclaredReturned: "", DeclaredSpare: "coverage_expiring/1/30", DeclaredElsewhere: "coverage_expiring/1/30"} {
		w := newWorld()
		on(-100, 30)(w)
		w.declare("FOC1111A0AA", kind)
		if got := strings.Join(keys(Reconcile(w.Facts)), " "); got != want {
			t.Errorf("declared as %s, and its line ends in 30 days: %q, want %q", kind, got, want)
		}
	}
	w := newWorld()
	off("UCM-12 9ABC123")(w)
	w.Nodes[0].Platform = inventory.PlatformUCOS
	if got := coverages(Reconcile(w.Facts)); got[0] != "9ABC123: ineligible virtual" {
		t.Errorf("got %q", got)
	}
}
