package reconcile

import (
	"slices"
	"strings"
	"testing"

	"rollcall/collector/internal/contract"
)

// declare adds a declaration of a serial, made yesterday.
func (w *world) declare(serial string, kind DeclarationKind) *Declaration {
	w.Declarations = append(w.Declarations, Declaration{Serial: serial, Kind: kind, Author: "the admin", Date: date(-1), Reason: "as told."})
	return &w.Declarations[len(w.Declarations)-1]
}

// What people say of units.
func TestDeclarations(t *testing.T) {
	const sw, unit, serial = "Main/sw1", "C9300-48P FOC1111A0AA", "FOC1111A0AA"
	uncovered := []string{"FOC1111A0AA: uncovered"}
	gap := []string{"uncovered_unit/FOC1111A0AA"}
	seen := func(tell func(*world)) func(*world) { // in use, and on no line
		return func(w *world) {
			w.poll(0, sw, unit)
			w.line("1", "C9300-48P FOC9999A0AA", -100, 1000)
			tell(w)
		}
	}
	listed := func(tell func(*world)) func(*world) { // on a line, and seen by nobody
		return func(w *world) {
			w.line("1", unit, -100, 1000)
			tell(w)
		}
	}
	as := func(kind DeclarationKind) func(*world) { return func(w *world) { w.declare(serial, kind) } }
	notSeen := []string{"line_not_seen/1/10"}
	tellAll(t, []story{
		{"obtained elsewhere", seen(as(DeclaredElsewhere)), []string{"FOC1111A0AA: ineligible obtained_elsewhere"}, nil},
		{"obtained elsewhere, in small letters", seen(func(w *world) { w.declare(" foc1111a0aa", DeclaredElsewhere) }), []string{"FOC1111A0AA: ineligible obtained_elsewhere"}, nil},
		{"obtained elsewhere on the day since when", seen(func(w *world) {
			w.declare(serial, DeclaredElsewhere).Obtained = "2006-02-01"
		}), []string{"FOC1111A0AA: ineligible obtained_elsewhere"}, nil},
		{"obtained elsewhere the day before", seen(func(w *world) {
			w.declare(serial, DeclaredElsewhere).Obtained = "2006-01-31"
		}), uncovered, gap},
		{"obtained elsewhere, and on a line", func(w *world) {
			w.poll(0, sw, unit)
			w.line("1", unit, -100, 1000)
			w.declare(serial, DeclaredElsewhere)
		}, []string{"FOC1111A0AA: covered"}, nil},
		{"obtained elsewhere, before any contract is imported", func(w *world) {
			w.poll(0, sw, unit)
			w.declare(serial, DeclaredElsewhere)
		}, []string{"FOC1111A0AA: ineligible obtained_elsewhere"}, []string{"contract_data_stale/none"}},
		{"another product with the serial", seen(func(w *world) { w.declare(serial, DeclaredElsewhere).PID = "ISR4331/K9" }), uncovered, gap},
		{"the very product", seen(func(w *world) { w.declare(serial, DeclaredElsewhere).PID = "C9300-48P=" }), []string{"FOC1111A0AA: ineligible obtained_elsewhere"}, nil},
		{"a later word counts", seen(func(w *world) {
			w.declare(serial, DeclaredElsewhere)
			w.declare(serial, DeclaredRetired).Date = date(0)
		}), []string{"FOC1111A0AA: ineligible retired"}, nil},
		{"an earlier word does not", seen(func(w *world) {
			w.declare(serial, DeclaredElsewhere)
			w.declare(serial, DeclaredRetired).Date = date(-2)
		}), []string{"FOC1111A0AA: ineligible obtained_elsewhere"}, nil},
		{"retired, and still on", seen(as(DeclaredRetired)), []string{"FOC1111A0AA: ineligible retired"}, nil},
		{"returned, and still on", seen(as(DeclaredReturned)), []string{"FOC1111A0AA: ineligible returned"}, nil},
		{"not the organization's", seen(as(DeclaredNotOurs)), []string{"FOC1111A0AA: ineligible not_ours"}, nil},
		{"a spare in use", seen(as(DeclaredSpare)), uncovered, gap},
		{"returned, its line at once", listed(as(DeclaredReturned)), nil, notSeen},
		{"retired, its line at once", listed(as(DeclaredRetired)), nil, notSeen},
		{"not ours, its line at once", listed(as(DeclaredNotOurs)), nil, notSeen},
		{"elsewhere, its line is looked for as any", listed(as(DeclaredElsewhere)), nil, nil},
		{"returned, its line is over", listed(func(w *world) {
			w.declare(serial, DeclaredReturned)
			w.Lines[0].End = date(-1)
		}), nil, nil},
		{"returned, by data that is old", listed(func(w *world) {
			w.poll(0, sw, "ISR4331/K9 FDO1111A0AA")
			w.declare(serial, DeclaredReturned)
			w.imported("1", -60)
		}), []string{"FDO1111A0AA: unverified contract_data_stale"}, []string{"contract_data_stale/1"}},
		{"returned, and replaced by an RMA", listed(func(w *world) {
			w.declare(serial, DeclaredReturned)
			w.poll(0, sw, "C9300-48P FOC2222A0BB")
			w.RMAs = []contract.RMA{{OldSerial: serial, NewSerial: "FOC2222A0BB"}}
		}), []string{"FOC2222A0BB: rma_pending"}, []string{"rma_mismatch/FOC1111A0AA/FOC2222A0BB"}},
		{"a spare is not looked for", func(w *world) {
			w.poll(-100, sw, "C9300-48P FOC1111A0BB @1", "C9300-48P FOC1111A0AA @2")
			w.poll(-50, sw, "C9300-48P FOC1111A0BB @1")
			w.poll(0, sw, "C9300-48P FOC1111A0BB @1")
			w.line("1", unit, -100, 1000)
			w.line("1", "C9300-48P FOC1111A0BB", -100, 1000)
			w.declare(serial, DeclaredSpare)
		}, []string{"FOC1111A0BB: covered"}, nil},
		{"retired, its end is nobody's worry", func(w *world) {
			w.poll(0, sw, unit)
			w.line("1", unit, -100, 10)
			w.declare(serial, DeclaredRetired)
		}, []string{"FOC1111A0AA: expiring"}, nil},
		{"retired, and over", func(w *world) {
			w.poll(0, sw, unit)
			w.line("1", unit, -100, -10)
			w.declare(serial, DeclaredRetired)
		}, []string{"FOC1111A0AA: expired"}, nil},
		{"elsewhere, and over", func(w *world) {
			w.poll(0, sw, unit)
			w.line("1", unit, -100, -10)
			w.declare(serial, DeclaredElsewhere)
		}, []string{"FOC1111A0AA: expired"}, []string{"coverage_expired/1"}},
	})
}

// Whom the finding names, and what it says to do.
func TestDeclarationWords(t *testing.T) {
	for kind, want := range map[DeclarationKind][]string{
		DeclaredReturned: {"returned to Cisco by the admin on 2026-06-14: as told.", "End the line", "ledger of replacements", "Takeback"},
		DeclaredRetired:  {"declared as retired", "Give it back if it was donated", "Takeback", "erase its data"},
		DeclaredNotOurs:  {"declared as not the organization's", "removed", "slip of the pen"},
	} {
		w := newWorld()
		w.line("1", "C9300-48P FOC1111A0AA", -100, 1000)
		w.declare("FOC1111A0AA", kind)
		f := findingOf(t, Reconcile(w.Facts), "line_not_seen/1/10")
		all := strings.Join(slices.Concat(f.Evidence, []string{f.NextStep.Title}, f.NextStep.Steps), "\n")
		for _, s := range want {
			if !strings.Contains(all, s) {
				t.Errorf("%s: it does not say %q:\n%s", kind, s, all)
			}
		}
		w.imported("1", -60)
		if r := Reconcile(w.Facts); !slices.Contains(r.Unproven, f.Key) {
			t.Errorf("%s, with old data: unproven %v", kind, r.Unproven)
		}
	}
}

// Gear of other makers, by the device's own words.
func TestThirdParty(t *testing.T) {
	tell := func(description, platform string, line string) func(*world) {
		return func(w *world) {
			w.poll(0, "Main/sw1", "J9773A SG11111AAA")
			w.Sightings[0].Component.Description, w.Nodes[0].Platform = description, platform
			w.line("1", line, -100, 1000)
		}
	}
	const another = "C9300-48P FOC9999A0AA"
	third := []string{"SG11111AAA: ineligible third_party"}
	uncovered, gap := []string{"SG11111AAA: uncovered"}, []string{"uncovered_unit/SG11111AAA"}
	tellAll(t, []story{
		{"HP by its description", tell("HP J9773A 2530-24G-PoEP Switch", "unknown", another), third, nil},
		{"no platform at all", tell("HP J9773A 2530-24G-PoEP Switch", "", another), third, nil},
		{"Cisco and HP in one text", tell("Cisco Catalyst Blade Switch 3020 for HP", "unknown", another), uncovered, gap},
		{"nothing said", tell("24 port switch", "unknown", another), uncovered, gap},
		{"a system of Cisco's", tell("Blade Switch for HP", "ios", another), uncovered, gap},
		{"the product is on a contract", tell("HP J9773A 2530-24G-PoEP Switch", "unknown", "J9773A SG99999AAA"), uncovered, gap},
		{"Cisco's EoX API was asked, and knows no such product", and(tell("HP J9773A 2530-24G-PoEP Switch", "unknown", another), func(w *world) {
			w.Products = []contract.Product{{PID: "J9773A"}}
		}), third, nil},
		{"it does not say its product, and of another that is not known either support ends", and(tell("HP J9773A 2530-24G-PoEP Switch", "unknown", another), func(w *world) {
			w.Sightings[0].Component.PID = ""
			w.Products = []contract.Product{{LastSupport: date(-1)}}
		}), third, nil},
		{"it is on a line", tell("HP J9773A 2530-24G-PoEP Switch", "unknown", "J9773A SG11111AAA"), []string{"SG11111AAA: covered"}, nil},
	})
}
