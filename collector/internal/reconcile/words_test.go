package reconcile

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/pkg/inventory"
)

// Where something is, in words.
func TestWhere(t *testing.T) {
	const node = "Main/sw1"
	for _, tt := range []struct {
		name, slot string
		others     []string // slots of other units of the node
		want       string
	}{
		{"one that stands alone", "1", nil, "sw1 (Main)"},
		{"a member of a stack", "2", []string{"1"}, "sw1, member 2 (Main)"},
		{"a chassis", "chassis", nil, "sw1 (Main)"},
		{"a slot that is called as its node", "sw1", nil, "sw1 (Main)"},
		{"no slot", "", nil, "sw1 (Main)"},
		{"a slot with a name", "lobby-ap", nil, "sw1, lobby-ap (Main)"},
	} {
		f := Facts{Now: day(0), Nodes: []Node{{ID: node, Site: "Main", Address: "192.0.2.1", Name: "sw1"}}}
		for _, slot := range append([]string{tt.slot}, tt.others...) {
			f.Sightings = append(f.Sightings, Sighting{Component: part(caseUnit), Node: node, Slot: slot, First: day(-1), Last: day(0)})
		}
		if got := newRun(f).where(&f.Sightings[0]); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A node in words, with its address where that says more than the name.
func TestNodeSubject(t *testing.T) {
	for want, n := range map[string]Node{
		"sw1, 192.0.2.1 (Main)": {ID: "x", Site: "Main", Name: "sw1", Address: "192.0.2.1"},
		"192.0.2.1 (Main)":      {ID: "x", Site: "Main", Address: "192.0.2.1"},
		"192.0.2.2":             {ID: "x", Name: "192.0.2.2", Address: "192.0.2.2"},
		"sw3":                   {ID: "x", Name: "sw3"},
		"x":                     {ID: "x"},
	} {
		if got := nodeSubject(n); got != want {
			t.Errorf("%+v: %q, want %q", n, got, want)
		}
	}
}

// Slots of numbers are in the order of the numbers, all others in that of their
// letters.
func TestCompareNatural(t *testing.T) {
	for _, want := range [][]string{{"2", "10"}, {"1", "2", "3"}, {"10", "2a"}, {"1a", "20", "3a"}, {"", "1"}, {"ap10", "ap2"}, {"100", "b", "c1"}} {
		for i, a := range want[:len(want)-1] {
			if b := want[i+1]; compareNatural(a, b) >= 0 || compareNatural(b, a) <= 0 {
				t.Errorf("%q does not go before %q", a, b)
			}
		}
	}
	if isNumber("") || isNumber("1a") || !isNumber("10") {
		t.Error("a number is digits, and one of them at least")
	}
}

// A list is cut at 200 sentences, and says by how many.
func TestCapped(t *testing.T) {
	for n, want := range map[int]string{199: "x", 200: "x", 201: "And 1 more.", 300: "And 100 more."} {
		if got := capped(slices.Repeat([]string{"x"}, n)); got[len(got)-1] != want || len(got) > 201 {
			t.Errorf("of %d: %d, the last of which is %q, want %q", n, len(got), got[len(got)-1], want)
		}
	}
}

// What findings say beside the kind and the unit: each where it is true and
// nowhere else.
func TestFindingWords(t *testing.T) {
	const sw = "Main/sw1"
	gone := func(site string) func(*world) { // a unit that moved once, and went
		return func(w *world) {
			w.poll(-100, "Annex/sw333", caseSecond+" @1", "ISR4331/K9 FDO1111A0AA @2")
			w.poll(-60, "Annex/sw333", "ISR4331/K9 FDO1111A0AA @2")
			w.poll(-50, sw, caseUnit+" @1", caseSecond+" @2")
			w.poll(-30, sw, caseUnit+" @1")
			w.poll(0, sw, caseUnit+" @1")
			w.poll(0, "Annex/sw333", "ISR4331/K9 FDO1111A0AA @2")
			lines(caseUnit, "ISR4331/K9 FDO1111A0AA", caseSecond)(w)
			w.Lines[2].Site = site
		}
	}
	keyChanged := func(w *world) { w.problem(sw, inventory.ProblemHostKeyChanged, "the key is another one.") }
	silentSince := func(on int) func(*world) {
		return func(w *world) {
			w.poll(on, sw, caseUnit)
			w.agent("Main", 0)
			lines(caseUnit)(w)
		}
	}
	retired := func(w *world) { w.retire(RetiredContract, "1", 1) }
	for _, tt := range []struct {
		name  string
		tell  func(*world)
		key   string // of the finding; "" when there is none of the kind below
		words string
		says  bool
	}{
		{"a new key where a unit was replaced", and(func(w *world) {
			w.poll(-20, sw, caseUnit)
			w.poll(0, sw, caseSecond)
		}, lines(caseUnit), keyChanged), "host_key_changed/" + sw, "FOC1111A0AA was replaced by FOC2222A0BB in this device", true},
		{"a new key where a unit was replaced elsewhere", and(func(w *world) {
			w.poll(-20, "Main/sw22", caseUnit)
			w.poll(0, "Main/sw22", caseSecond)
			w.poll(0, sw, caseOther)
		}, lines(caseUnit, caseOther), keyChanged), "host_key_changed/" + sw, "was replaced by", false},
		{"a new key, and a record of a unit that was never seen", and(func(w *world) {
			w.poll(0, sw, caseSecond)
			w.RMAs = append(w.RMAs, recordOfCase)
		}, lines(caseUnit), keyChanged), "host_key_changed/" + sw, "was replaced by", false},

		{"an agent with a name", func(w *world) { w.Agents = []Agent{{ID: "a1", Name: "closet", Site: "Main"}} }, "agent_silent/a1", "agent closet (Main)", true},
		{"an agent without one", func(w *world) { w.Agents = []Agent{{ID: "a1", Site: "Main"}} }, "agent_silent/a1", "agent a1 (Main)", true},

		{"no contract", func(w *world) { w.poll(0, sw, caseUnit) }, "contract_data_stale/none", "no contract has been imported", true},
		{"no contract any more", and(on(-100, 1000), retired), "contract_data_stale/none", "every contract that was imported is said to exist no more", true},
		{"two imports of the contract, both old", and(on(-100, 1000), func(w *world) {
			w.Imports = []Import{{Contract: "1", At: day(-60)}, {Contract: "1", At: day(-100)}}
		}), "contract_data_stale/1", "is 60 days old", true},

		{"an install site", gone("RIVERSIDE"), "line_not_seen/1/12", ", with the install site RIVERSIDE.", true},
		{"no install site", gone(""), "line_not_seen/1/12", "install site", false},
		{"where it was last, and not where it was before", gone(""), "line_not_seen/1/12", "last seen in sw1, member 2 (Main)", true},

		{"the agent asks others, for 14 days", silentSince(-14), "node_unreachable/" + sw, "but not on this device: its last report on it is of 2026-06-01.", true},
		{"the agent has set nothing aside", silentSince(-14), "node_unreachable/" + sw, "set aside", false},
		{"the agent has set reports aside", and(silentSince(-14), func(w *world) {
			w.Agents[0].Refused, w.Agents[0].Refusal = 2, "too big."
		}), "node_unreachable/" + sw, "set aside 2 reports that the collector refused, the last because: too big.", true},
		{"it gave no answer at the last of these reports", and(silentSince(-20), func(w *world) {
			w.silence(-15, sw)
			w.agent("Main", 0)
		}), "node_unreachable/" + sw, "It gave no answer on 2026-05-31, and was last seen on 2026-05-26.", true},
		{"seen by half after it was read in full", func(w *world) {
			w.poll(-9, sw, caseUnit)
			w.partial(-5, sw, caseUnit)
			w.silence(0, sw)
			lines(caseUnit)(w)
		}, "node_unreachable/" + sw, "was last seen on 2026-06-10.", true},
		{"read in full after a part of it was seen", func(w *world) {
			w.poll(-9, sw, caseUnit)
			w.poll(-5, sw)
			w.silence(0, sw)
			lines(caseUnit)(w)
		}, "node_unreachable/" + sw, "was last seen on 2026-06-10.", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			tt.tell(w)
			f := findingOf(t, Reconcile(w.Facts), tt.key)
			said := strings.Join(append([]string{f.Subject}, f.Evidence...), "\n")
			if strings.Contains(said, tt.words) != tt.says {
				t.Errorf("%q is said: %v, want %v:\n%s", tt.words, !tt.says, tt.says, said)
			}
		})
	}
}

// Neither for a device that was not asked for less than 14 days, nor for one
// whose agent is silent, is there a finding about the device.
func TestNotAsked(t *testing.T) {
	for name, tell := range map[string]func(*world){
		"13 days":         func(w *world) { w.poll(-13, caseNode, caseUnit); w.agent("Main", 0) },
		"a silent agent":  func(w *world) { w.poll(-30, caseNode, caseUnit) },
		"a retired agent": func(w *world) { w.poll(-30, caseNode, caseUnit); w.Agents = nil },
	} {
		w := newWorld()
		tell(w)
		lines(caseUnit)(w)
		if got := keys(Reconcile(w.Facts)); slices.ContainsFunc(got, func(k string) bool { return strings.HasPrefix(k, "node_unreachable/") }) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A device that refuses a password and is cut short for another reason has both
// findings, and it is said when it was last read in full.
func TestIncompleteWords(t *testing.T) {
	w := newWorld()
	w.partial(0, caseNode, caseUnit)
	w.problem(caseNode, inventory.ProblemCredentialRefused, "the password is wrong.")
	lines(caseUnit)(w)
	if got := keys(Reconcile(w.Facts)); !slices.Equal(got, []string{"credential_refused/" + caseNode, "poll_incomplete/" + caseNode}) {
		t.Errorf("findings %v", got)
	}
	half := device("192.0.2.1", "sw1", caseUnit)
	half.Complete = false
	whole := scanned(-2, device("192.0.2.1", "sw1", caseUnit))
	for want, previous := range map[string]*inventory.Scan{"It was never read in full.": nil, "It was last read in full on 2026-06-13.": &whole} {
		f := Facts{Now: day(0).Add(time.Hour)}
		f.AddScans(previous, scanned(0, half))
		if x := findingOf(t, Reconcile(f), "poll_incomplete/192.0.2.1"); !slices.Contains(x.Evidence, want) {
			t.Errorf("evidence %q, want %q", x.Evidence, want)
		}
	}
}
