package reconcile

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/collector/internal/contract"
)

// retire says that something is gone, on a day.
func (w *world) retire(kind RetirementKind, name string, on int) {
	w.Retirements = append(w.Retirements, Retirement{Kind: kind, Name: name, Author: "Admin", Date: date(on), At: day(on).Add(time.Hour), Reason: "cleared out"})
}

func TestRetired(t *testing.T) {
	const sw, annex = "Main/sw1", "Annex/sw22"
	twoContracts := func(w *world) {
		w.poll(0, sw, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2", "C9300-48P FOC1111A0CC @3")
		w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		w.line("2", "C9300-48P FOC1111A0BB", -100, 1000)
		w.imported("1", -100)
	}
	tellAll(t, []story{
		{"a stale contract", twoContracts, []string{
			"FOC1111A0AA: unverified contract_data_stale", "FOC1111A0BB: covered", "FOC1111A0CC: unverified contract_data_stale",
		}, []string{"contract_data_stale/1"}},
		{"retired, it counts no more", func(w *world) {
			twoContracts(w)
			w.retire(RetiredContract, "1", -1)
		}, []string{"FOC1111A0AA: uncovered", "FOC1111A0BB: covered", "FOC1111A0CC: uncovered"}, []string{"uncovered_unit/FOC1111A0AA", "uncovered_unit/FOC1111A0CC"}},
		{"retired, and imported since", func(w *world) {
			twoContracts(w)
			w.retire(RetiredContract, "1", -1)
			w.imported("1", 0)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0BB: covered", "FOC1111A0CC: uncovered"}, []string{"uncovered_unit/FOC1111A0CC"}},
		{"another contract of that name only", func(w *world) {
			twoContracts(w)
			w.retire(RetiredNode, "1", -1)
			w.retire(RetiredContract, "11", -1)
		}, []string{
			"FOC1111A0AA: unverified contract_data_stale", "FOC1111A0BB: covered", "FOC1111A0CC: unverified contract_data_stale",
		}, []string{"contract_data_stale/1"}},
		{"the only contract", func(w *world) {
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.retire(RetiredContract, "1", 0)
		}, []string{"FOC1111A0AA: unverified no_contract_data"}, []string{"contract_data_stale/none"}},
		{"refused rows of its file", func(w *world) {
			twoContracts(w)
			w.retire(RetiredContract, "1", -1)
			w.Refused = []contract.Refusal{{File: "1.csv", Row: 9, Serial: "FOC1111A0AA"}, {File: "2.csv", Row: 9, Serial: "FOC1111A0CC"}}
		}, []string{"FOC1111A0AA: uncovered", "FOC1111A0BB: covered", "FOC1111A0CC: unverified no_contract_data"}, []string{"contract_data_stale/refused", "uncovered_unit/FOC1111A0AA"}},
		{"refused rows of a file that has another contract too, and of one that has none", func(w *world) {
			twoContracts(w)
			w.retire(RetiredContract, "1", -1)
			w.Imports = append(w.Imports, Import{Contract: "0", File: "1.csv", At: day(0)})
			w.Refused = []contract.Refusal{{File: "1.csv", Row: 9, Serial: "FOC1111A0AA"}, {File: "new.csv", Row: 9, Serial: "FOC1111A0CC"}}
		}, []string{"FOC1111A0AA: unverified no_contract_data", "FOC1111A0BB: covered", "FOC1111A0CC: unverified no_contract_data"}, []string{"contract_data_stale/refused"}},
		{"lines that it dropped", func(w *world) {
			w.poll(-2, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC1111A0BB")
			w.imported("1", 0)
			w.imported("2", 0)
			w.Dropped = []contract.Line{{Contract: "1", Serial: "FOC1111A0AA", PID: "C9300-48P", End: date(100)}}
			w.retire(RetiredContract, "1", 1)
		}, []string{"FOC1111A0BB: uncovered"}, []string{"uncovered_unit/FOC1111A0BB"}},

		{"a node that is silent", func(w *world) {
			w.poll(-2, sw, "C9300-48P FOC1111A0AA")
			w.silence(0, sw)
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: unverified poll_incomplete"}, []string{"node_unreachable/" + sw}},
		{"retired, its units are gone and nobody waits for it", func(w *world) {
			w.poll(-2, sw, "C9300-48P FOC1111A0AA")
			w.silence(0, sw)
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			w.retire(RetiredNode, sw, -1)
		}, nil, nil},
		{"retired, with a line: that is not seen, at once", func(w *world) {
			w.poll(-2, sw, "C9300-48P FOC1111A0AA")
			w.silence(0, sw)
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.retire(RetiredNode, sw, -1)
		}, nil, []string{"line_not_seen/1/10"}},
		{"retired, with a line of stale data", func(w *world) {
			w.poll(-2, sw, "C9300-48P FOC1111A0AA")
			w.silence(0, sw)
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.imported("1", -100)
			w.retire(RetiredNode, sw, -1)
		}, nil, []string{"contract_data_stale/1"}},
		{"retired, and its unit is elsewhere now", func(w *world) {
			w.poll(-3, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, annex, "C9300-48P FOC1111A0AA")
			w.silence(0, sw)
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.retire(RetiredNode, sw, -1)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"retired, and it answers since", func(w *world) {
			w.poll(-2, sw, "C9300-48P FOC1111A0AA")
			w.retire(RetiredNode, sw, -1)
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"retired, and it answers by half since", func(w *world) {
			w.poll(-2, sw, "C9300-48P FOC1111A0AA")
			w.retire(RetiredNode, sw, -1)
			w.partial(0, sw, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, []string{"poll_incomplete/" + sw}},
		{"retired, it answered since, and is silent again", func(w *world) {
			w.poll(-3, sw, "C9300-48P FOC1111A0AA")
			w.retire(RetiredNode, sw, -2)
			w.poll(-1, sw, "C9300-48P FOC1111A0AA")
			w.silence(0, sw)
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: covered"}, []string{"node_unreachable/" + sw}},
		{"what is left of the site proves absence again", func(w *world) {
			w.poll(-40, sw, "C9300-48P FOC1111A0AA")
			w.poll(0, sw, "C9300-48P FOC1111A0AA")
			w.poll(-40, "Main/sw22", "C9300-48P FOC1111A0DD @1", "C9300-24P FOC1111A0BB @2")
			w.poll(-30, "Main/sw22", "C9300-48P FOC1111A0DD @1")
			w.poll(-40, "Main/sw333", "C9300-48P FOC1111A0CC")
			w.silence(0, "Main/sw333")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0DD", -100, 1000)
			w.poll(0, "Main/sw22", "C9300-48P FOC1111A0DD @1")
			w.retire(RetiredNode, "Main/sw333", -1)
		}, []string{"FOC1111A0AA: covered", "FOC1111A0DD: covered"}, []string{"line_not_seen/1/11"}},

		{"a silent site", func(w *world) {
			w.poll(-40, annex, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
		}, []string{"FOC1111A0AA: unverified poll_incomplete"}, []string{"agent_silent/agent-Annex"}},
		{"closed", func(w *world) {
			w.poll(-40, annex, "C9300-48P FOC1111A0AA")
			w.silence(-39, "Annex/sw333")
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			w.retire(RetiredSite, "Annex", -10)
		}, nil, nil},
		{"closed, with lines of what was there, and had gone before", func(w *world) {
			w.poll(-41, annex, "C9300-48P FOC1111A0AA @1", "C9300-48P FOC1111A0BB @2")
			w.poll(-40, annex, "C9300-48P FOC1111A0AA @1")
			w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000)
			w.retire(RetiredSite, "Annex", -10)
		}, nil, []string{"line_not_seen/1/10", "line_not_seen/1/11"}},
		{"closed, and the agent is heard again", func(w *world) {
			w.poll(-40, annex, "C9300-48P FOC1111A0AA")
			w.retire(RetiredSite, "Annex", -39)
			w.agent("Annex", -30)
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
		}, nil, []string{"agent_silent/agent-Annex"}},
		{"another site", func(w *world) {
			w.poll(-40, annex, "C9300-48P FOC1111A0AA")
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			w.retire(RetiredSite, "Main", -10)
		}, []string{"FOC1111A0AA: unverified poll_incomplete"}, []string{"agent_silent/agent-Annex"}},
	})
}

// The evidence says who said it.
func TestRetiredEvidence(t *testing.T) {
	w := newWorld()
	w.poll(-2, "Main/sw1", "C9300-48P FOC1111A0AA")
	w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
	w.retire(RetiredNode, "Main/sw1", -1)
	f := findingOf(t, Reconcile(w.Facts), "line_not_seen/1/10")
	const want = "It was last seen in sw1 (Main) on 2026-06-13. The device is said to be gone for good since 2026-06-14, by Admin: cleared out."
	if f.Evidence[0] != want || f.Site != "Main" || f.Node != "sw1" {
		t.Errorf("%s in %s: %q, want %q", f.Node, f.Site, f.Evidence[0], want)
	}
}

// What was at a retired device is gone since then, and not before it was seen.
func TestRetiredSince(t *testing.T) {
	for last, want := range map[int]time.Time{-2: day(-1).Add(time.Hour), 0: day(0)} {
		w := newWorld()
		w.poll(-2, "Main/sw1", "C9300-48P FOC1111A0AA")
		w.retire(RetiredNode, "Main/sw1", -1)
		w.Sightings[0].Last = day(last)
		if got := newRun(w.Facts).sightings[0].Gone; !got.Equal(want) {
			t.Errorf("last seen on %s: gone since %s, want %s", day(last), got, want)
		}
	}
}

func TestRejected(t *testing.T) {
	const sw = "Main/sw1"
	replaced := func(w *world) {
		w.poll(-2, sw, "C9300-48P FOC1111A0AA")
		w.poll(-1, sw, "C9300-48P FOC1111A0BB")
		w.poll(0, sw, "C9300-48P FOC1111A0BB")
		w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
	}
	tellAll(t, []story{
		{"inferred", replaced, []string{"FOC1111A0BB: rma_pending"}, []string{"rma_mismatch/FOC1111A0AA/FOC1111A0BB"}},
		{"rejected: its plain coverage", func(w *world) {
			replaced(w)
			w.Rejections = []Rejection{{OldSerial: "foc1111a0aa", NewSerial: "FOC1111A0BB", Author: "Admin"}}
		}, []string{"FOC1111A0BB: uncovered"}, []string{"uncovered_unit/FOC1111A0BB"}},
		{"another pair is rejected", func(w *world) {
			replaced(w)
			w.Rejections = []Rejection{{OldSerial: "FOC1111A0BB", NewSerial: "FOC1111A0AA"}, {OldSerial: "FOC1111A0AA", NewSerial: "FOC1111A0CC"}}
		}, []string{"FOC1111A0BB: rma_pending"}, []string{"rma_mismatch/FOC1111A0AA/FOC1111A0BB"}},
		{"rejected, and recorded all the same", func(w *world) {
			replaced(w)
			w.Rejections = []Rejection{{OldSerial: "FOC1111A0AA", NewSerial: "FOC1111A0BB", Author: "Admin"}}
			w.RMAs = []contract.RMA{{OldSerial: "FOC1111A0AA", NewSerial: "FOC1111A0BB", OpenedOn: date(-2)}}
		}, []string{"FOC1111A0BB: rma_pending"}, []string{"rma_mismatch/FOC1111A0AA/FOC1111A0BB"}},
	})
}

func TestConfidenceOfFinding(t *testing.T) {
	for name, c := range map[string]struct {
		tell func(*world)
		want Confidence
	}{
		"the same model": {func(*world) {}, High},
		"another model":  {func(w *world) { w.Lines[0].PID = "C9300-24P"; w.Sightings[0].Component.PID = "C9300-24P" }, Medium},
		"on a line too":  {func(w *world) { w.line("1", "C9300-48P FOC1111A0BB", -100, 1000) }, Medium},
		"both": {func(w *world) {
			w.Sightings[0].Component.PID = "C9300-24P"
			w.Lines[0].PID = "C9300-24P"
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000)
		}, Low},
		"a person says so": {func(w *world) { w.RMAs = []contract.RMA{{OldSerial: "FOC1111A0AA", NewSerial: "FOC1111A0BB"}} }, Certain},
	} {
		w := newWorld()
		w.poll(-2, "Main/sw1", "C9300-48P FOC1111A0AA")
		w.poll(-1, "Main/sw1", "C9300-48P FOC1111A0BB")
		w.poll(0, "Main/sw1", "C9300-48P FOC1111A0BB")
		w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		c.tell(w)
		f := findingOf(t, Reconcile(w.Facts), "rma_mismatch/FOC1111A0AA/FOC1111A0BB")
		if says := slices.ContainsFunc(f.Evidence, func(s string) bool { return strings.HasPrefix(s, "Confidence: "+string(c.want)) }); f.Confidence != c.want || !says {
			t.Errorf("%s: %s, want %s: %q", name, f.Confidence, c.want, f.Evidence)
		}
	}
}

func TestSiteAddresses(t *testing.T) {
	sites := []Site{
		{Name: "Main", Street: "1 River Street", PostalCode: "12345", City: "Springfield", State: "OR", Country: "US"},
		{Name: "Annex", Street: "77 Hill Road", PostalCode: "12399", City: "Springfield", State: "OR", Country: "US"},
	}
	for name, c := range map[string]struct {
		install, address string
		known            []Site
		want             bool
		says             string
	}{
		"its own address, by another name": {"Annex", "1 RIVER ST, SPRINGFIELD, OR, 12345, US", sites, false, ""},
		"the address of another site":      {"Riverside Inc", "77 HILL RD, SPRINGFIELD, OR, 12399, US", sites, true, "has the address of Annex"},
		"the name of another site":         {"Annex", "9 NOWHERE, 99999", sites, true, "names Annex"},
		"an address that nobody knows":     {"Riverside Inc", "9 NOWHERE, 99999", sites, false, ""},
		"its own address is not known":     {"Riverside Inc", "77 HILL RD, SPRINGFIELD, OR, 12399, US", sites[1:], false, ""},
		"another house of that code":       {"Riverside Inc", "9 HILL RD, SPRINGFIELD, OR, 12399, US", sites, false, ""},
		"the number alone":                 {"Riverside Inc", "77 RIVER ST, SPRINGFIELD", sites, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.poll(0, "Main/sw1", "C9300-48P FOC1111A0AA")
			w.poll(0, "Annex/sw22", "C9300-48P FOC1111A0BB")
			l := w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
			l.Site, l.SiteAddress = c.install, c.address
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000)
			w.Sites = c.known
			r := Reconcile(w.Facts)
			found := slices.ContainsFunc(keys(r), func(k string) bool { return strings.HasPrefix(k, "site_mismatch/") })
			if found != c.want {
				t.Fatalf("findings %v, want one: %v", keys(r), c.want)
			}
			for _, f := range r.Findings {
				if f.Kind == SiteMismatch && (!strings.Contains(f.Evidence[0], c.says) || !strings.Contains(f.NextStep.Steps[1], "(1 River Street, Springfield, OR 12345, US)")) {
					t.Errorf("it says %q, %q", f.Evidence, f.NextStep.Steps)
				}
			}
		})
	}
}
