package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/contract"
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

func TestLineCounts(t *testing.T) {
	w := newWorld()
	w.poll(0, "Main/sw1", "C9300-48P FOC1111A0AA", "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA")
	for _, what := range []string{"C9300-48P FOC1111A0AA", "PWR-C1-715WAC DCA1111A0AA", "C9300-48P FOC1111A0BB", "L-C9300-DNA-E 4ABC1234567", "GLC-SX-MMD ", "C9300-48P N/A"} {
		w.line("1", what, -100, 1000)
	}
	want := map[LineState]int{LineMatched: 2, LineUnmatched: 1, LineLicence: 1, LineQuantity: 2}
	if diff := cmp.Diff(want, Reconcile(w.Facts).Lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// One finding per contract and window, with all its units.
func TestExpiringGroups(t *testing.T) {
	w := newWorld()
	for i, end := range []int{5, 30, 31, 61, 90, 91} {
		what := fmt.Sprintf("C9300-48P FOC1111A00%d", i)
		w.poll(0, fmt.Sprintf("Main/sw%d", i), what)
		w.line("1", what, -100, end)
	}
	w.poll(0, "Annex/sw9", "C9300-48P FOC1111A009")
	w.line("2", "C9300-48P FOC1111A009", -100, 30).LastSupport = date(-1)
	r := Reconcile(w.Facts)
	want := []string{"coverage_expiring/1/30", "coverage_expiring/1/60", "coverage_expiring/1/90", "coverage_expiring/2/30"}
	if diff := cmp.Diff(want, keys(r)); diff != "" {
		t.Fatalf("findings (-want +got):\n%s", diff)
	}
	f := findingOf(t, r, "coverage_expiring/1/30")
	wantEvidence := []string{
		"C9300-48P FOC1111A000 in sw0 (Main) ends on 2026-06-20, in 5 days.",
		"C9300-48P FOC1111A001 in sw1 (Main) ends on 2026-07-15, in 30 days.",
	}
	// The product's last date of support stands on another line of it.
	for i := range wantEvidence {
		wantEvidence[i] = strings.TrimSuffix(wantEvidence[i], ".") + "; its last date of support was 2026-06-14, so it is not worth renewing."
	}
	if diff := cmp.Diff(wantEvidence, f.Evidence); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	if f.Severity != Warning || f.Contract != "1" || f.Site != "Main" || f.Subject != "Contract 1: 2 units end within 30 days, the first on 2026-06-20" {
		t.Errorf("finding %+v", f)
	}
	if got := findingOf(t, r, "coverage_expiring/1/90"); got.Severity != Info || len(got.Evidence) != 2 {
		t.Errorf("finding %+v", got)
	}
	sheet := findingOf(t, r, "coverage_expiring/2/30").NextStep.Sheet
	if sheet["renew"] != "" || sheet["not_worth_renewing"] != "FOC1111A009" || !slices.Equal(sheet.Missing(), []string{"Serial numbers to renew"}) {
		t.Errorf("sheet %v, missing %v", sheet, sheet.Missing())
	}
}

func TestSettings(t *testing.T) {
	w := newWorld()
	w.poll(-5, "Main/sw1", "C9300-48P FOC1111A0AA")
	w.line("1", "C9300-48P FOC1111A0AA", -100, 120)
	w.imported("1", -10)
	tests := []struct {
		name string
		set  Settings
		want string
	}{
		{"none", Settings{}, "FOC1111A0AA: covered"},
		{"a longer window", Settings{ExpiringDays: []int{30, 180, -1}}, "FOC1111A0AA: expiring"},
		{"data is old sooner", Settings{StaleDays: 9}, "FOC1111A0AA: unverified contract_data_stale"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := w.Facts
			f.Settings = tt.set
			if got := coverages(Reconcile(f)); !slices.Equal(got, []string{tt.want}) {
				t.Errorf("got %v, want %s", got, tt.want)
			}
		})
	}
	t.Run("agents may be silent for longer", func(t *testing.T) {
		f := w.Facts
		f.Settings = Settings{AgentSilentAfter: 6}
		if got := keys(Reconcile(f)); len(got) > 0 {
			t.Errorf("got %v", got)
		}
	})
}

// Findings about freshness and access.
func TestOtherFindings(t *testing.T) {
	const sw = "Main/sw1"
	covered := func(w *world) {
		w.poll(0, sw, "C9300-48P FOC1111A0AA")
		w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
	}
	one := []string{"FOC1111A0AA: covered"}
	tellAll(t, []story{
		{"agent that never reported", func(w *world) {
			covered(w)
			w.Agents = append(w.Agents, Agent{ID: "new", Site: "Annex"})
		}, one, []string{"agent_silent/new"}},
		{"addresses that never answered make one finding", func(w *world) {
			covered(w)
			w.silence(0, "Main/a")
			w.silence(0, "Main/b")
		}, one, []string{"node_unreachable/Main/never"}},
		{"host key changed", func(w *world) {
			covered(w)
			w.problem(sw, inventory.ProblemHostKeyChanged, "the key is another one.")
		}, one, []string{"host_key_changed/" + sw}},
		{"password refused over one of two ways", func(w *world) {
			covered(w)
			w.problem(sw, inventory.ProblemCredentialRefused, "the password is wrong.")
			w.Nodes[0].Complete = false
		}, one, []string{"credential_refused/" + sw}},
		{"weak access makes one finding per site", func(w *world) {
			covered(w)
			w.poll(0, "Main/sw22")
			w.poll(0, "Annex/sw9")
			for _, n := range []string{sw, "Main/sw22", "Annex/sw9"} {
				w.problem(n, inventory.ProblemWeakAccess, "SNMPv2c is in use.")
			}
		}, one, []string{"weak_access/Annex", "weak_access/Main"}},
		{"half an answer", func(w *world) {
			w.partial(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, one, []string{"poll_incomplete/" + sw}},
		{"moved while its old place does not answer", func(w *world) {
			covered(w)
			w.poll(-2, "Annex/sw9", "C9300-48P FOC1111A0AA")
			w.silence(0, "Annex/sw9")
			w.Sightings[0].First, w.Sightings[0].Last = day(-1), day(0)
		}, one, []string{"node_unreachable/Annex/sw9"}},
	})
}

func TestEvidence(t *testing.T) {
	w := newWorld()
	w.poll(-20, "Main/sw1", "WS-C2960X-24TS-L FOC1111A0AA")
	w.poll(-10, "Main/sw1", "C9300-24T FOC2222A0BB")
	w.poll(0, "Main/sw1", "C9300-24T FOC2222A0BB")
	w.line("1", "WS-C2960X-24TS-L FOC1111A0AA", -100, 1000)
	f := findingOf(t, Reconcile(w.Facts), "uncovered_unit/FOC2222A0BB")
	want := []string{
		"FOC2222A0BB is in use: seen in sw1 (Main) from 2026-06-05 to 2026-06-15.",
		"No line of the imported contracts lists it: contract 1 as of 2026-06-15.",
		"WS-C2960X-24TS-L FOC1111A0AA was in its place until 2026-05-26 and is on a contract. The models differ, so this was not taken for a replacement by Cisco.",
	}
	if diff := cmp.Diff(want, f.Evidence); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	if len(f.NextStep.Steps) != 4 {
		t.Errorf("steps %q", f.NextStep.Steps)
	}
	w.line("1", "C9300-24T-E FOC3333A0CC", -100, 1000)
	w.line("1", "C9300-24T-E FOC3333A0DD", -100, -1)
	f = findingOf(t, Reconcile(w.Facts), "uncovered_unit/FOC2222A0BB")
	if got := f.Evidence[len(f.Evidence)-1]; !strings.HasPrefix(got, "On a contract, of the same product and not seen: FOC3333A0CC. ") {
		t.Errorf("got %q", got)
	}
	w.Orders = []contract.Order{{OrderNumber: "TS-1", Serial: "FOC2222A0BB", CompletedOn: "2020-01-01"}}
	f = findingOf(t, Reconcile(w.Facts), "uncovered_unit/FOC2222A0BB")
	if len(f.NextStep.Steps) != 2 || !strings.Contains(f.Evidence[len(f.Evidence)-1], "TS-1") {
		t.Errorf("of a donated unit: %q, %q", f.Evidence, f.NextStep.Steps)
	}
}

func TestActivationDraft(t *testing.T) {
	w := newWorld()
	w.line("1", "C9300-48P FOC9999A0AA", -1000, 1000)
	w.Orders = []contract.Order{
		{OrderNumber: "TS-1", ProductID: "WS-C2960X-24TS-L", Quantity: 2, OrderedOn: date(-60), CompletedOn: date(-40)},
		{OrderNumber: "TS-1", ProductID: "ISR4331/K9", Serial: "FDO1111A0AA", Quantity: 1, OrderedOn: date(-60), CompletedOn: date(-40)},
		{OrderNumber: "TS-2", ProductID: "C9300-48P", Quantity: 1, OrderedOn: date(-60), CompletedOn: date(-40)}, // the line is older than the order
	}
	w.line("1", "WS-C2960X-24TS-L FOC1111A0AA", -10, 1000)
	r := Reconcile(w.Facts)
	if diff := cmp.Diff([]string{"activation_overdue/TS-1", "activation_overdue/TS-2"}, keys(r)); diff != "" {
		t.Fatalf("findings (-want +got):\n%s", diff)
	}
	f := findingOf(t, r, "activation_overdue/TS-1")
	if len(f.Evidence) != 2 {
		t.Errorf("evidence %q", f.Evidence)
	}
	want := Sheet{"to": "cisco@techsoup.org", "organization": "Riverside Food Bank", "order_number": "TS-1", "reason": ""}
	if diff := cmp.Diff(want, f.NextStep.Sheet); diff != "" {
		t.Errorf("draft (-want +got):\n%s", diff)
	}
	if m := f.NextStep.Sheet.Missing(); !slices.Equal(m, []string{"Reason"}) {
		t.Errorf("the draft misses %q", m)
	}
	w.imported("1", -60)
	if r := Reconcile(w.Facts); !slices.Contains(r.Unproven, "activation_overdue/TS-1") {
		t.Errorf("with old data: unproven %v", r.Unproven)
	}
}

// What can't be told now is not resolved by being absent.
func TestUnproven(t *testing.T) {
	const sw = "Main/sw1"
	tell := func() *world {
		w := newWorld()
		w.poll(-100, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2", "C9300-48P FOC1111A0CC @3", "C9300-48P FOC1111A0DD @4")
		w.poll(-20, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2", "C9300-48P FOC1111A0CC @3")
		w.poll(0, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2", "C9300-48P FOC1111A0CC @3")
		w.line("1", "C9300-48P FOC1111A0BB", -100, 10)
		w.line("1", "C9300-48P FOC1111A0CC", -100, -10)
		w.line("1", "C9300-48P FOC1111A0DD", -100, 1000)
		return w
	}
	before := keys(Reconcile(tell().Facts))
	want := []string{"coverage_expired/1", "coverage_expiring/1/30", "line_not_seen/1/12", "uncovered_unit/FOC1111A0AA"}
	if diff := cmp.Diff(want, before); diff != "" {
		t.Fatalf("findings (-want +got):\n%s", diff)
	}
	tests := []struct {
		name   string
		change func(*world)
	}{
		{"stale data", func(w *world) { w.imported("1", -60) }},
		{"no answer", func(w *world) { w.silence(0, sw) }},
		{"half an answer", func(w *world) { w.partial(0, sw) }},
		{"silent agent", func(w *world) { w.agent("Main", -10) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := tell()
			tt.change(w)
			r := Reconcile(w.Facts)
			for _, key := range before {
				if !slices.Contains(keys(r), key) && !slices.Contains(r.Unproven, key) {
					t.Errorf("%s is neither found nor unproven: %v, %v", key, keys(r), r.Unproven)
				}
			}
		})
	}
	t.Run("settled", func(t *testing.T) {
		w := tell()
		w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		if r := Reconcile(w.Facts); slices.Contains(r.Unproven, "uncovered_unit/FOC1111A0AA") {
			t.Errorf("a unit that is covered now is unproven: %v", r.Unproven)
		}
	})
}

func TestDuplicateOfOneDevice(t *testing.T) {
	w := newWorld()
	w.poll(0, "Main/sw1", "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2")
	w.poll(0, "Main/loopback", "C9300-48P FOC1111A0BB @2", "C9300-48P FOC1111A0AA @1")
	key := "duplicate_serial/FOC1111A0AA"
	if f := findingOf(t, Reconcile(w.Facts), key); f.Severity != Warning {
		t.Errorf("of two devices: %+v", f)
	}
	w.Nodes[1].Name = "sw1"
	f := findingOf(t, Reconcile(w.Facts), key)
	if f.Severity != Info || !strings.Contains(f.NextStep.Title, "one address") {
		t.Errorf("of one device: %+v", f)
	}
	if r := Reconcile(w.Facts); len(r.Units) != 2 {
		t.Errorf("%d units, want 2", len(r.Units))
	}
}

func TestSameProduct(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"C9300-48P", "c9300-48p=", true},
		{"C9300-48P", "C9300-48P-A", true},
		{"WS-C3850-48P", "WS-C3850-48P-S", true},
		{"CISCO2911/K9", "CISCO2911-SEC/K9", true},
		{"ASA5516", "ASA5516-FPWR-K9", true},
		{"FPR-1120", "FPR1120-NGFW-K9", true},
		{"FPR-1120", "FPR1120", true},
		{"", "C9300-48P", true},
		{"C9300-48P", "C9300-48U", false},
		{"C9300-24P", "C9300-48P", false},
		{"C9300-4", "C9300-48P", false},
		{"C9300", "C9300L-48P", false},
		{"ASA5506", "ASA5516", false},
		{"SG350-28P-K9-NA", "SG300-28", false},
		{"-", "C9300-48P", false},
	}
	for _, tt := range tests {
		r := newRun(Facts{})
		if got := r.sameProduct(tt.a, tt.b); got != tt.want {
			t.Errorf("sameProduct(%q, %q) = %v", tt.a, tt.b, got)
		}
		if got := r.sameProduct(tt.b, tt.a); got != tt.want {
			t.Errorf("sameProduct(%q, %q) = %v", tt.b, tt.a, got)
		}
	}
}

func TestSeries(t *testing.T) {
	for pid, want := range map[string]string{
		"WS-C2960X-48FPD-L": "C2960X", "C9300-48P": "C9300", "C9200L-24P-4G": "C9200L", "AIR-AP2802I-B-K9": "AIR-AP2802I",
		"ISR4331/K9": "ISR4331", "N9K-C93180YC-FX": "N9K-C93180YC", "ASA5516-FPWR-K9": "ASA5516", "": "", "-": "",
	} {
		if got := series(pid); got != want {
			t.Errorf("series(%q) = %q, want %q", pid, got, want)
		}
	}
}

func TestUnitDescription(t *testing.T) {
	w := newWorld()
	w.poll(-20, "Main/sw1", "C9300-48P FOC1111A0AA @1", "C9300-48P FOC2222A0BB @10", "C9300-48P FOC3333A0CC @2")
	w.poll(0, "Main/sw1", "C9300-48P FOC1111A0AA @1", "C9300-48P FOC2222A0BB @10", "C9300-48P FOC3333A0CC @2")
	w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
	r := Reconcile(w.Facts)
	want := Unit{
		Serial: "FOC1111A0AA", PID: "C9300-48P", Site: "Main", Node: "sw1", Address: "192.0.2.3", Slot: "1", Class: inventory.ClassChassis,
		Platform: inventory.PlatformUnknown,
		Coverage: Covered, Contract: "1", ServiceLevel: "SNT", LineEnd: date(1000), FirstSeen: day(-20), LastSeen: day(0),
	}
	if diff := cmp.Diff(want, r.Units[0]); diff != "" {
		t.Errorf("unit (-want +got):\n%s", diff)
	}
	if r.Units[1].Slot != "2" || r.Units[2].Slot != "10" {
		t.Errorf("slots %s and %s, want 2 before 10", r.Units[1].Slot, r.Units[2].Slot)
	}
}

// BenchmarkReconcile is one organization: of many switches with trouble of all
// sorts, and of those that would hurt by having all of one sort.
func BenchmarkReconcile(b *testing.B) {
	for _, bench := range []struct {
		name  string
		facts Facts
	}{
		{"10,000 units", organization(10_000)},
		{"10,000 access points of one controller", controller(10_000)},
		{"2,000 short lines of one contract", shortLines(2_000)},
		{"2,500 uncovered and 2,500 not seen", misses(2_500)},
		{"1,000 orders and 10,000 units", orders(1_000, 10_000)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			units := 0
			for b.Loop() {
				units += len(Reconcile(bench.facts).Units)
			}
			b.ReportMetric(float64(units)/b.Elapsed().Seconds(), "units/s")
		})
	}
}

// BenchmarkOrganizations is many organizations of 50 units each, one after the
// other.
func BenchmarkOrganizations(b *testing.B) {
	facts := organization(50)
	b.ReportAllocs()
	for b.Loop() {
		Reconcile(facts)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orgs/s")
	b.ReportMetric(10_000*b.Elapsed().Seconds()/float64(b.N), "s/10,000-orgs")
}

// controller is one node with n access points as units, half of which replaced
// others, and another node that reports the same: a pair for high availability.
func controller(n int) Facts {
	w := newWorld()
	was, now := make([]string, n), make([]string, n)
	for i := range n {
		was[i] = fmt.Sprintf("AIR-AP2802I-B-K9 FGL%06dA @%d", i, i)
		now[i] = was[i]
		if i%2 == 0 {
			now[i] = fmt.Sprintf("AIR-AP2802I-B-K9 FGL%06dB @%d", i, i)
		}
		w.line("1", fmt.Sprintf("AIR-AP2802I-B-K9 FGL%06dA", i), -100, 1000).Site = fmt.Sprint("FLOOR ", i)
	}
	for _, node := range []string{"Main/wlc1", "Main/wlc22"} {
		w.poll(-20, node, was...)
		w.poll(0, node, now...)
		w.Nodes[len(w.Nodes)-1].Name = "wlc"
	}
	return w.Facts
}

// shortLines is n units on lines of a year, on one contract, with one of five.
func shortLines(n int) Facts {
	w := newWorld()
	for i := range n {
		what := fmt.Sprintf("C9300-48P FOC%08d", i)
		w.poll(0, fmt.Sprintf("Main/sw%d", i), what)
		w.line("1", what, -100, 265).Site = fmt.Sprint("PLACE ", i)
	}
	w.line("1", caseOther, -100, 1726)
	return w.Facts
}

// misses is n units on no line, and n lines of units that nobody sees.
func misses(n int) Facts {
	w := newWorld()
	for i := range n {
		w.poll(0, fmt.Sprintf("Main/sw%d", i), fmt.Sprintf("C9300-48P FOC%08d", i))
		w.line("1", fmt.Sprintf("C9300-48P FDO%08d", i), -100, 1000)
	}
	return w.Facts
}

// orders is n donations without serials, and units that they may be of.
func orders(n, units int) Facts {
	f := organization(units)
	for i := range n {
		o := contract.Order{OrderNumber: fmt.Sprint("TS-", i), ProductID: "C9300-48P", Quantity: 5, OrderedOn: date(-70), CompletedOn: date(-i % 60)}
		f.Orders = append(f.Orders, o)
	}
	return f
}

// organization is one of n units at n/4 stacks, each with five parts, 30 sites,
// 20 contracts, and trouble of all sorts.
func organization(n int) Facts {
	w := newWorld()
	at := time.Date(2026, time.June, 15, 6, 0, 0, 0, time.UTC)
	for i := range n {
		site := fmt.Sprintf("Site %d", i/4%30)
		id := fmt.Sprintf("%s/192.0.2.%d", site, i/4)
		if i%4 == 0 {
			w.Nodes = append(w.Nodes, Node{ID: id, Site: site, Agent: site, Address: id, Name: fmt.Sprintf("sw%d", i/4), Answered: true, Complete: i%400 > 0, Polled: at, LastGood: at})
		}
		serial := fmt.Sprintf("FOC%08d", i)
		first := at.AddDate(0, 0, -60)
		if i%50 == 0 { // came from an RMA
			w.Sightings = append(w.Sightings, Sighting{
				Component: part(fmt.Sprintf("C9300-48P OLD%08d", i)), Node: id, Slot: fmt.Sprint(i%4 + 1), First: first, Last: at.AddDate(0, 0, -31), Gone: at.AddDate(0, 0, -30),
			})
			first = at.AddDate(0, 0, -30)
			w.Lines = append(w.Lines, contract.Line{Contract: fmt.Sprint(i % 20), Serial: fmt.Sprintf("OLD%08d", i), PID: "C9300-48P-E", Begin: date(-100), End: date(1000)})
		} else if i%17 > 0 {
			w.Lines = append(w.Lines, contract.Line{Contract: fmt.Sprint(i % 20), Serial: serial, PID: "C9300-48P-E", Begin: date(-100), End: date(i % 2000)})
		}
		w.Sightings = append(w.Sightings, Sighting{Component: part("C9300-48P " + serial), Node: id, Slot: fmt.Sprint(i%4 + 1), First: first, Last: at})
		for p := range 5 {
			c := part(fmt.Sprintf("PWR-C1-715WAC DCA%d%08d in %s", p, i, serial))
			w.Sightings = append(w.Sightings, Sighting{Component: c, Node: id, Slot: fmt.Sprint("PS", p, i), First: first, Last: at})
		}
	}
	for i := range 30 {
		w.Agents = append(w.Agents, Agent{ID: fmt.Sprintf("Site %d", i), Site: fmt.Sprintf("Site %d", i), LastSeen: at, Interval: time.Hour * 24})
	}
	for i := range 20 {
		w.imported(fmt.Sprint(i), -1)
	}
	return w.Facts
}

// Where a unit is the only one of its node its number says nothing, and a phone
// without a contract is no emergency.
func TestUncoveredWords(t *testing.T) {
	unit := func(serial, pid, name string, class inventory.Class) inventory.Component {
		return inventory.Component{Serial: serial, PID: pid, Name: name, Class: class, Unit: true}
	}
	var f Facts
	f.Now = day(0)
	f.Imports = []Import{{Contract: "1", At: day(0)}}
	f.AddScans(nil, inventory.Scan{Started: day(0), Devices: []inventory.Device{
		{Address: "192.0.2.1", Name: "alone", Complete: true, Components: []inventory.Component{unit("FOC1947W2QP", "WS-C2960X-24PS-L", "1", inventory.ClassChassis)}},
		{Address: "192.0.2.2", Name: "stack", Complete: true, Components: []inventory.Component{
			unit("FCW2431L0A7", "C9300-48P", "Switch 1", inventory.ClassChassis), unit("FCW2431L0B2", "C9300-48P", "Switch 2", inventory.ClassChassis),
		}},
		{Address: "192.0.2.3", Name: "access", Complete: true, Components: []inventory.Component{unit("FCH2401D0A1", "CP-8845-K9", "SEP00000C0000A1", inventory.ClassOther)}},
	}})
	got := map[string]Severity{}
	for _, x := range Reconcile(f).Findings {
		if x.Kind == UncoveredUnit {
			got[x.Subject] = x.Severity
		}
	}
	want := map[string]Severity{
		"WS-C2960X-24PS-L FOC1947W2QP in alone":             Critical,
		"C9300-48P FCW2431L0A7 in stack, member 1":          Critical,
		"C9300-48P FCW2431L0B2 in stack, member 2":          Critical,
		"CP-8845-K9 FCH2401D0A1 in access, SEP00000C0000A1": Info,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("uncovered units (-want +got):\n%s", diff)
	}
}
