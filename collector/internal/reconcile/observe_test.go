package reconcile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/pkg/inventory"
)

// What one report makes of what was known of its node.
func TestObserve(t *testing.T) {
	const a, b, power = "C9300-48P FOC1111A0AA @1", "C9300-48P FOC2222A0BB @1", "PWR-C1-715WAC DCA1111A0AA in FOC1111A0AA"
	report := func(complete bool, parts ...string) inventory.Device {
		d := inventory.Device{Address: "192.0.2.1", Complete: complete}
		for _, p := range parts {
			d.Components = append(d.Components, part(p))
		}
		return d
	}
	for _, tt := range []struct {
		name   string
		before []string // of a complete report two days ago
		now    inventory.Device
		want   []string
	}{
		{"the same", []string{a, power}, report(true, a, power), []string{"C9300-48P FOC1111A0AA since -2", "PWR-C1-715WAC DCA1111A0AA since -2"}},
		{"the same, by a source that does not say its product", []string{a}, report(true, "- FOC1111A0AA @1"), []string{"C9300-48P FOC1111A0AA since -2"}},
		{"the same, by a source that says its product at last", []string{"- FOC1111A0AA @1"}, report(true, a), []string{"C9300-48P FOC1111A0AA since -2"}},
		{"two parts that are alike in one place", []string{power, power}, report(true, a, power, power), []string{
			"PWR-C1-715WAC DCA1111A0AA since -2", "PWR-C1-715WAC DCA1111A0AA since -2", "C9300-48P FOC1111A0AA since 0",
		}},
		{"another unit in its place", []string{a}, report(true, b), []string{"C9300-48P FOC1111A0AA since -2, gone", "C9300-48P FOC2222A0BB since 0"}},
		{"in another slot", []string{a}, report(true, "C9300-48P FOC1111A0AA @2"), []string{"C9300-48P FOC1111A0AA since -2, gone", "C9300-48P FOC1111A0AA since 0"}},
		{"a part went", []string{a, power}, report(true, a), []string{"C9300-48P FOC1111A0AA since -2", "PWR-C1-715WAC DCA1111A0AA since -2, gone"}},
		{"another unit in its place, by half an answer", []string{a}, report(false, b), []string{"C9300-48P FOC1111A0AA since -2", "C9300-48P FOC2222A0BB since 0"}},
		{"an answer that names no unit", []string{a, power}, report(true), []string{"C9300-48P FOC1111A0AA since -2", "PWR-C1-715WAC DCA1111A0AA since -2, gone"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, s := range Observe(Observe(nil, "sw1", report(true, tt.before...), day(-2)), "sw1", tt.now, day(0)) {
				words := fmt.Sprintf("%s since %d", strings.TrimSpace(s.Component.PID+" "+s.Component.Serial), days(day(0), s.First))
				if !s.Present() {
					words += ", gone"
				}
				got = append(got, words)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
