package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

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
	t.Run("a window of the last day alone", func(t *testing.T) {
		f := w.Facts
		f.Settings, f.Lines = Settings{ExpiringDays: []int{0}}, slices.Clone(f.Lines)
		f.Lines[0].End = date(0)
		if got := coverages(Reconcile(f)); !slices.Equal(got, []string{"FOC1111A0AA: expiring"}) {
			t.Errorf("on the last day %v", got)
		}
		f.Lines[0].End = date(1)
		if got := coverages(Reconcile(f)); !slices.Equal(got, []string{"FOC1111A0AA: covered"}) {
			t.Errorf("on the day before %v", got)
		}
	})
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

// The end of a line is a unit's when it is on the line, and when it is seen is
// said of one without a serial too.
func TestUnitLineEnd(t *testing.T) {
	swapped := func(w *world) {
		w.poll(-20, caseNode, caseUnit)
		w.poll(0, caseNode, caseSecond)
	}
	for _, tt := range []struct {
		name     string
		tell     func(*world)
		contract string
		end      contract.Date
	}{
		{"on a line", on(-100, 1000), "1", date(1000)},
		{"on a line of old data", and(on(-100, 1000), func(w *world) { w.imported("1", -46) }), "1", date(1000)},
		{"its predecessor is on a line", and(swapped, lines(caseUnit)), "1", ""},
		{"its predecessor is on a line of old data", and(swapped, lines(caseUnit), func(w *world) { w.imported("1", -46) }), "1", ""},
		{"both are on a line", and(swapped, lines(caseUnit, caseSecond)), "1", date(1000)},
		{"without a serial", off(casePID + " N/A"), "", ""},
	} {
		w := newWorld()
		tt.tell(w)
		u := Reconcile(w.Facts).Units[0]
		if u.Contract != tt.contract || u.LineEnd != tt.end || !u.FirstSeen.Equal(day(0)) || !u.LastSeen.Equal(day(0)) {
			t.Errorf("%s: %+v, want contract %q until %q, seen today", tt.name, u, tt.contract, tt.end)
		}
	}
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
