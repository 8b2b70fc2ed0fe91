package poll

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/pkg/inventory"
)

func unit(serial, pid, name string) inventory.Component {
	return inventory.Component{Serial: serial, PID: pid, Class: inventory.ClassChassis, Name: name, Unit: true, Aliases: []string{}}
}

func module(serial, pid, name, parent string) inventory.Component {
	return inventory.Component{Serial: serial, PID: pid, Class: inventory.ClassModule, Name: name, Parent: parent, Aliases: []string{}}
}

func got(via string, complete bool, list ...inventory.Component) source {
	return source{via: via, asked: true, answered: true, device: inventory.Device{
		Address: "192.0.2.1", Complete: complete, Via: []string{via}, Components: list,
	}}
}

func failed(via string, kinds ...inventory.ProblemKind) source {
	s := source{via: via, asked: true, device: inventory.Device{Address: "192.0.2.1"}}
	for _, k := range kinds {
		s.device.Errors = append(s.device.Errors, inventory.Problem{Kind: k, Via: via, Message: "m"})
	}
	return s
}

// standingIn makes the first part a unit for want of its chassis's serial.
func standingIn(s source) source {
	s.standIn, s.device.Components[0].Unit = true, true
	return s
}

// summary is what the rules of merge decide.
type summary struct {
	Serial, Model string
	Complete      bool
	Via           []string
	Parts         []string
	Problems      []inventory.ProblemKind
}

func summarize(d inventory.Device) summary {
	s := summary{Serial: d.Serial, Model: d.Model, Complete: d.Complete, Via: d.Via}
	for _, c := range d.Components {
		text := c.Serial + " " + c.PID + " " + c.Name
		if c.Unit {
			text = "unit " + text
		}
		if c.Parent != "" {
			text += " in " + c.Parent
		}
		s.Parts = append(s.Parts, text)
	}
	for _, p := range d.Errors {
		s.Problems = append(s.Problems, p.Kind)
	}
	return s
}

func TestMerge(t *testing.T) {
	withErrors := func(s source, kinds ...inventory.ProblemKind) source {
		s.device.Errors = failed(s.via, kinds...).device.Errors
		return s
	}
	for name, tc := range map[string]struct {
		snmp, ssh source
		want      summary
	}{
		"one part once, empty fields filled": {
			got("snmp", false, unit("FOC2140A0AA", "", "1"), module("FOC2140B0BB", "C9300-NM-8X", "Slot 1", "FOC2140A0AA")),
			got("ssh", true, unit("FOC2140A0AA", "C9300-48P", "Switch 1"), module("FOC2140B0BB", "C9300-NM-8X", "Uplink", "")),
			summary{"FOC2140A0AA", "C9300-48P", true, []string{"snmp", "ssh"}, []string{
				"unit FOC2140A0AA C9300-48P 1", "FOC2140B0BB C9300-NM-8X Slot 1 in FOC2140A0AA",
			}, nil},
		},
		"pid worded in two ways": {
			got("snmp", false, unit("FTX1840A0AA", "C1921", "chassis")),
			got("ssh", true, unit("FTX1840A0AA", "CISCO1921/K9", "CISCO1921/K9 chassis")),
			summary{"FTX1840A0AA", "C1921", true, []string{"snmp", "ssh"}, []string{"unit FTX1840A0AA C1921 chassis"}, nil},
		},
		"one serial on parts of two products stays two": {
			got("snmp", false, unit("AA1", "N9K-C93180YC-FX", "Chassis"), module("AA1", "SFP-X", "Eth1/1", "")),
			got("ssh", true, module("AA1", "QSFP-Y", "Eth1/2", "")),
			summary{"AA1", "N9K-C93180YC-FX", true, []string{"snmp", "ssh"}, []string{
				"unit AA1 N9K-C93180YC-FX Chassis", "AA1 SFP-X Eth1/1", "AA1 QSFP-Y Eth1/2",
			}, nil},
		},
		"part in one source only is kept, units by slot": {
			got("snmp", false, unit("B2", "C9300-48P", "Switch 10"), unit("A1", "C9300-48P", "Switch 2")),
			got("ssh", false, module("P1", "PWR-C1-715WAC", "Switch 2 - Power Supply A", "A1")),
			summary{"A1", "C9300-48P", false, []string{"snmp", "ssh"}, []string{
				"unit A1 C9300-48P Switch 2", "unit B2 C9300-48P Switch 10", "P1 PWR-C1-715WAC Switch 2 - Power Supply A in A1",
			}, nil},
		},
		"snmp without any unit takes those of ssh": {
			got("snmp", true, module("FOC1", "WS-C2960S-48TS-L", "1", "")),
			got("ssh", true, unit("FOC1", "WS-C2960S-48TS-L", "1")),
			summary{"FOC1", "WS-C2960S-48TS-L", true, []string{"snmp", "ssh"}, []string{"unit FOC1 WS-C2960S-48TS-L 1"}, nil},
		},
		"a board stood for its chassis over snmp": {
			standingIn(got("snmp", false, module("JAE1", "ASR1001", "module R0", ""), module("ART1", "ASR1001-PWR-AC", "Power Supply Module 0", "JAE1"))),
			got("ssh", true, unit("SSI1", "ASR1001", "Chassis"), module("JAE1", "ASR1001", "module R0", "SSI1")),
			summary{"SSI1", "ASR1001", true, []string{"snmp", "ssh"}, []string{
				"unit SSI1 ASR1001 Chassis", "ART1 ASR1001-PWR-AC Power Supply Module 0 in JAE1", "JAE1 ASR1001 module R0 in SSI1",
			}, nil},
		},
		"a board stands for its chassis, and ssh says the same": {
			standingIn(got("snmp", false, module("JAE1", "ASR1001", "module R0", ""))),
			got("ssh", true, unit("JAE1", "ASR1001", "Chassis")),
			summary{"JAE1", "ASR1001", true, []string{"snmp", "ssh"}, []string{"unit JAE1 ASR1001 module R0"}, nil},
		},
		"a board stands for its chassis, and ssh gives nothing": {
			standingIn(got("snmp", false, module("JAE1", "ASR1001", "module R0", ""))),
			failed("ssh", inventory.ProblemUnreachable),
			summary{"JAE1", "ASR1001", false, []string{"snmp"}, []string{"unit JAE1 ASR1001 module R0"}, []inventory.ProblemKind{inventory.ProblemUnreachable}},
		},
		"two complete readings disagree": {
			got("snmp", true, unit("A1", "C9300-48P", "Switch 1"), unit("A2", "C9300-48P", "Switch 2")),
			got("ssh", true, unit("A1", "C9300-48P", "Switch 1")),
			summary{"A1", "C9300-48P", true, []string{"snmp", "ssh"}, []string{
				"unit A1 C9300-48P Switch 1", "unit A2 C9300-48P Switch 2",
			}, []inventory.ProblemKind{inventory.ProblemDisagreement}},
		},
		"an incomplete reading cannot disagree": {
			got("snmp", false, unit("A1", "C9300-48P", "Switch 1")),
			got("ssh", true, unit("A2", "C9300-48P", "Switch 2")),
			summary{"A1", "C9300-48P", true, []string{"snmp", "ssh"}, []string{
				"unit A1 C9300-48P Switch 1", "unit A2 C9300-48P Switch 2",
			}, nil},
		},
		"silent snmp is told beside a good ssh": {
			failed("snmp", inventory.ProblemUnreachable),
			got("ssh", true, unit("A1", "C9300-48P", "Switch 1")),
			summary{
				"A1", "C9300-48P", true,
				[]string{"ssh"},
				[]string{"unit A1 C9300-48P Switch 1"},
				[]inventory.ProblemKind{inventory.ProblemUnreachable},
			},
		},
		"what was cut short matters no more when the other read all, weak access does": {
			withErrors(got("snmp", false, unit("A1", "C9300-48P", "1")), inventory.ProblemIncomplete, inventory.ProblemWeakAccess),
			got("ssh", true, unit("A1", "C9300-48P", "1")),
			summary{
				"A1", "C9300-48P", true,
				[]string{"snmp", "ssh"},
				[]string{"unit A1 C9300-48P 1"},
				[]inventory.ProblemKind{inventory.ProblemWeakAccess},
			},
		},
		"cut short and nothing to make up for it": {
			withErrors(got("snmp", false, unit("A1", "C9300-48P", "1")), inventory.ProblemIncomplete),
			failed("ssh", inventory.ProblemHostKeyChanged),
			summary{
				"A1", "C9300-48P", false,
				[]string{"snmp"},
				[]string{"unit A1 C9300-48P 1"},
				[]inventory.ProblemKind{inventory.ProblemIncomplete, inventory.ProblemHostKeyChanged},
			},
		},
		"nothing at all": {
			failed("snmp", inventory.ProblemUnreachable), failed("ssh", inventory.ProblemUnreachable),
			summary{Via: []string{}, Problems: []inventory.ProblemKind{inventory.ProblemUnreachable, inventory.ProblemUnreachable}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := merge("192.0.2.1", tc.snmp, tc.ssh)
			if diff := cmp.Diff(tc.want, summarize(d)); diff != "" {
				t.Errorf("merge (-want +got):\n%s", diff)
			}
			if d.Address != "192.0.2.1" || d.Components == nil || d.Errors == nil || d.Via == nil {
				t.Errorf("address %q or a null list in %+v", d.Address, d)
			}
		})
	}
}

func TestNatural(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"Slot 2", "Slot 10", -1}, {"Slot 10", "Slot 2", 1}, {"Te1/1/2", "Te1/1/02", 0}, {"a", "", 1}, {"1", "chassis", -1}, {"", "", 0},
	} {
		got := natural(tc.a, tc.b)
		if min(max(got, -1), 1) != tc.want {
			t.Errorf("natural(%q, %q) = %d, want the sign of %d", tc.a, tc.b, got, tc.want)
		}
	}
}
