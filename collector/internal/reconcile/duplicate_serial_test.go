package reconcile

import (
	"strings"
	"testing"
)

// One serial in several places: two units, one device with several addresses, or
// one place.
func TestDuplicateSerial(t *testing.T) {
	const a, b, power = "C9300-48P FOC1111A0AA", "C9300-48P FOC1111A0BB", "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA"
	named := func(names ...string) func(*world) {
		return func(w *world) {
			for i, name := range names {
				w.Nodes[i].Name = name
			}
		}
	}
	at := func(node string, parts ...string) func(*world) { return func(w *world) { w.poll(0, node, parts...) } }
	for _, tt := range []struct {
		name string
		tell func(*world)
		want Severity // "" for no finding
	}{
		{"at one place", at("Main/sw1", a), ""},
		{"at one place, which words its product in two ways", func(w *world) {
			w.partial(-1, "Main/sw1", a)
			w.partial(0, "Main/sw1", "C9300-48P-E FOC1111A0AA")
		}, ""},
		{"at one place, which words its product in two ways in one answer", at("Main/sw1", a+" @1", "C9300-48P-E FOC1111A0AA @1"), ""},
		{"in two slots of one switch", at("Main/sw1", a+" @1", a+" @2"), Warning},
		{"at two switches", and(at("Main/sw1", a), at("Main/sw22", a)), Warning},
		{"in the same slot of two switches", and(at("Main/sw1", a+" @1"), at("Main/sw22", a+" @1")), Warning},
		{"at two addresses of one name", and(at("Main/sw1", a), at("Main/sw22", a), named("sw1", "sw1")), Info},
		{"at two addresses without a name", and(at("Main/sw1", a), at("Main/sw22", a), named("", "")), Warning},
		{"at two addresses of one name, with other units", and(at("Main/sw1", a+" @1", b+" @2"), at("Main/sw22", a+" @1"), named("sw1", "sw1")), Warning},
		{"at two addresses of one name, one of which tells of its power", and(at("Main/sw1", a, power), at("Main/sw22", a), named("sw1", "sw1")), Info},
		{"at two addresses of one name, one of which remembers a member that left", and(func(w *world) {
			w.poll(-9, "Main/sw1", a+" @1", b+" @2")
		}, at("Main/sw1", a+" @1"), at("Main/sw22", a+" @1"), named("sw1", "sw1")), Info},
		{"at two sites, at devices of one name", and(at("Main/sw1", a), at("Annex/sw1", a)), Warning},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			tt.tell(w)
			var got Severity
			for _, f := range Reconcile(w.Facts).Findings {
				if f.Kind == DuplicateSerial && strings.HasSuffix(f.Key, "/FOC1111A0AA") {
					got = f.Severity
				}
			}
			if got != tt.want {
				t.Errorf("the finding is %q, want %q", got, tt.want)
			}
		})
	}
}
