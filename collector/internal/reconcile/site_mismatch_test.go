package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Install sites against the sites of agents.
func TestSiteMismatch(t *testing.T) {
	const depot = "site_mismatch/1/bank food riverside warehouse/Main office"
	covered := []string{"FOC1111A0AA: covered"}
	at := func(site, install string, others ...string) func(*world) {
		return func(w *world) {
			w.poll(0, site+"/sw1", "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000).Site = install
			for _, o := range others {
				w.agent(o, 0)
			}
		}
	}
	many := func(n int, install string, odd ...string) func(*world) {
		return func(w *world) {
			var parts []string
			for i := range n + len(odd) {
				what := fmt.Sprintf("C9300-48P FOC1111A0%02d", i)
				parts = append(parts, fmt.Sprintf("%s @%d", what, i+1))
				l := w.line("1", what, -100, 1000)
				if l.Site = install; i >= n {
					l.Site = odd[i-n]
				}
			}
			w.poll(0, "Main/sw1", parts...)
		}
	}
	units := func(n int) []string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("FOC1111A0%02d: covered", i))
		}
		return all
	}
	tellAll(t, []story{
		{"the same in other words", at("Main office", "RIVERSIDE FOOD BANK MAIN OFFICE", "Warehouse"), covered, nil},
		{"names another site", at("Main office", "RIVERSIDE FOOD BANK WAREHOUSE", "Warehouse"), covered, []string{depot}},
		{"names another place that no agent knows", at("Main office", "RIVERSIDE FOOD BANK WAREHOUSE", "Depot"), covered, nil},
		{"names a part of the other site only", at("Main office", "RIVERSIDE FOOD BANK WAREHOUSE", "Warehouse north"), covered, nil},
		{"names two other sites", at("Main office", "WAREHOUSE DEPOT", "Warehouse", "Depot"), covered, nil},
		{"names both", at("Main office", "MAIN OFFICE AND WAREHOUSE", "Warehouse"), covered, nil},
		{"has a word of its own", at("Main office", "RIVERSIDE OFFICE WAREHOUSE", "Warehouse"), covered, nil},
		{"the organization's name is no place", at("Main office", "RIVERSIDE FOOD BANK", "Riverside"), covered, nil},
		{"a number is no place", at("Main office", "RIVERSIDE FOOD BANK 204", "204"), covered, nil},
		{"two letters are no place", at("Main office", "RIVERSIDE FOOD BANK HQ", "HQ"), covered, nil},
		{"three letters are", at("Main office", "RIVERSIDE FOOD BANK LAB", "Lab"), covered, []string{"site_mismatch/1/bank food lab riverside/Main office"}},
		{"its own name is a number, which may be any place", at("204", "RIVERSIDE FOOD BANK WAREHOUSE", "Warehouse"), covered, nil},
		{"a number in common is no word of its own", at("Main office 2", "WAREHOUSE 2", "Warehouse"), covered, []string{"site_mismatch/1/2 warehouse/Main office 2"}},
		{"no install site", at("Main office", "", "Warehouse"), covered, nil},
		{"the line is over", func(w *world) {
			at("Main office", "RIVERSIDE FOOD BANK WAREHOUSE", "Warehouse")(w)
			w.Lines[0].End = date(-1)
		}, []string{"FOC1111A0AA: expired"}, []string{"coverage_expired/1"}},
		{"the data is too old to tell", func(w *world) {
			at("Main office", "RIVERSIDE FOOD BANK WAREHOUSE", "Warehouse")(w)
			w.imported("1", -46)
		}, []string{"FOC1111A0AA: unverified contract_data_stale"}, []string{"contract_data_stale/1"}},
		{"by an answer of Cisco's alone", func(w *world) {
			at("Main office", "", "Warehouse")(w)
			w.Lines = nil
			w.answered("FOC1111A0AA", 0, "9", 1000).Lines[0].Site = "RIVERSIDE FOOD BANK WAREHOUSE"
		}, []string{"FOC1111A0AA: covered support_api"}, nil},
		{"seen at two sites", func(w *world) {
			at("Main office", "RIVERSIDE FOOD BANK WAREHOUSE", "Warehouse")(w)
			w.poll(0, "Warehouse/sw2", "C9300-48P FOC1111A0AA")
		}, covered, []string{"duplicate_serial/FOC1111A0AA"}},
		{"another than three others", many(3, "RIVERSIDE", "HILLSIDE"), units(4), []string{"site_mismatch/1/hillside/Main"}},
		{"another than two others", many(2, "RIVERSIDE", "HILLSIDE"), units(3), nil},
		{"more than a quarter are elsewhere", many(3, "RIVERSIDE", "HILLSIDE", "HILLSIDE"), units(5), nil},
		{"the same with its floor", many(3, "RIVERSIDE", "RIVERSIDE, FLOOR 2"), units(4), nil},
		{"the same without its floor", many(3, "RIVERSIDE, FLOOR 2", "RIVERSIDE"), units(4), nil},
		{"another than three others, in scans without sites", func(w *world) {
			many(3, "RIVERSIDE", "HILLSIDE")(w)
			w.Nodes[0].Site = ""
		}, units(4), nil},
		{"another than three others, at its own address", func(w *world) {
			many(3, "RIVERSIDE", "HILLSIDE")(w)
			w.Sites = []Site{{Name: "Main", Street: "1 River Street", PostalCode: "12345"}}
			w.Lines[3].SiteAddress = "1 RIVER ST, 12345"
		}, units(4), nil},
		{"the odd one names the site", many(3, "RIVERSIDE", "MAIN"), units(4), nil},
		{"of another contract", func(w *world) {
			many(4, "RIVERSIDE")(w)
			w.Lines[3].Contract, w.Lines[3].Site = "2", "HILLSIDE"
			w.imported("2", 0)
		}, units(4), nil},
	})
}

// One finding for all units of an install site, and what it says.
func TestSiteMismatchWords(t *testing.T) {
	w := newWorld()
	w.poll(0, "Main/sw1", "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2")
	w.agent("Warehouse", 0)
	for _, what := range []string{"C9300-48P FOC1111A0AA", "C9300-48P FOC1111A0BB"} {
		l := w.line("1", what, -100, 1000)
		l.Site, l.SiteAddress = "WAREHOUSE", "1 RIVER ROAD"
	}
	// The postal address of its own site is said, and of no other.
	w.Sites = []Site{{Name: "Warehouse", Street: "9 Hill Road", PostalCode: "99999"}, {Name: "Main"}}
	const key = "site_mismatch/1/warehouse/Main"
	f := findingOf(t, Reconcile(w.Facts), key)
	if f.Severity != Info || len(f.Evidence) != 3 || f.Contract != "1" || f.Site != "Main" || f.Serial != "" {
		t.Errorf("finding %+v", f)
	}
	all := strings.Join(append(slices.Clone(f.Evidence), f.NextStep.Steps...), "\n")
	for _, want := range []string{"names Warehouse, another of the sites, and not Main", "FOC1111A0AA in sw1, member 1 (Main)", "WAREHOUSE, 1 RIVER ROAD", "correct the install site and its address there: Welcome Kits and the parts of an RMA"} {
		if !strings.Contains(all, want) {
			t.Errorf("it does not say %q:\n%s", want, all)
		}
	}
	if step := f.NextStep.Steps[0]; !strings.HasSuffix(step, "the install site of the lines.") {
		t.Errorf("of two lines: %q", step)
	}
	w.Lines = w.Lines[:1]
	if step := findingOf(t, Reconcile(w.Facts), key).NextStep.Steps[0]; !strings.HasSuffix(step, "the install site of the line.") {
		t.Errorf("of one line: %q", step)
	}
	w.silence(0, "Main/sw1")
	if r := Reconcile(w.Facts); !slices.Contains(r.Unproven, key) {
		t.Errorf("of a device that does not answer: unproven %v", r.Unproven)
	}
}
