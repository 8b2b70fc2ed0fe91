package inventory_test

import (
	"strings"
	"testing"
	"unicode"

	"rollcall/pkg/inventory"
)

func TestCleanSerial(t *testing.T) {
	tests := []struct{ name, raw, want string }{
		{"as it is", "FCW1929B68S", "FCW1929B68S"},
		{"padded to 16", "FNS17522EL8     ", "FNS17522EL8"},
		{"padded to 36", "FDO2249A154                         ", "FDO2249A154"},
		{"control bytes", "\x00FNS1752\x012EL8\r\n", "FNS17522EL8"},
		{"quotes", `"FCW1929B68S"`, "FCW1929B68S"},
		{"lower case", "fcw1929b68s", "FCW1929B68S"},
		{"not UTF-8", "ABC\xe9123", "ABCÉ123"},
		{"short, of another maker", "29V1G7", "29V1G7"},
		{"meraki", "Q2KW-AB12-CD34", "Q2KW-AB12-CD34"},
		{"IMEI", "352761064656839", "352761064656839"},
		{"one end of a breakout cable", "FOC2301A0A1-A", "FOC2301A0A1-A"},
		{"anonymised, but no placeholder", "PSZ00000001", "PSZ00000001"},

		{"empty", "", ""},
		{"blank", "   ", ""},
		{"N/A", "N/A", ""},
		{"n/a in small", "n/a ", ""},
		{"zero", "0", ""},
		{"zeros", "00000000", ""},
		{"prefix and zeros", "PSZ00000000", ""},
		{"x", "xxxxxxxxxxx", ""},
		{"F", "FFFFFFFF", ""},
		{"nines", "9999999999", ""},
		{"nines of Meraki", "9999-9999-9999", ""},
		{"dashes", "----", ""},
		{"unknown", "Unknown", ""},
		{"not specified", "Not Specified", ""},
		{"BIOS", "To Be Filled By O.E.M.", ""},
		{"private", "<private>", ""},
		{"MAC with colons", "00:00:5e:00:53:01", ""},
		{"MAC with dots", "0000.5e00.5301", ""},
		{"the same on every ISR4321", "JAB092709EL", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := inventory.CleanSerial(tt.raw); got != tt.want {
				t.Errorf("CleanSerial(%q) = %q, want %q", tt.raw, got, tt.want)
			}
		})
	}
}

func TestCleanPID(t *testing.T) {
	tests := []struct{ raw, want string }{
		{"GLC-LH-SMD          ", "GLC-LH-SMD"},
		{"N/A", ""},
		{"Unspecified", ""},
		{"0", ""},
		{"", ""},
		{"WS-C2960X-48FPS-L\x00", "WS-C2960X-48FPS-L"},
		{"Cisco  IP Phone", "Cisco IP Phone"},
	}
	for _, tt := range tests {
		if got := inventory.CleanPID(tt.raw); got != tt.want {
			t.Errorf("CleanPID(%q) = %q, want %q", tt.raw, got, tt.want)
		}
	}
}

func TestPIDFamily(t *testing.T) {
	tests := []struct {
		a, b string
		same bool
	}{
		{"C9300-48P-E", "C9300-48P", true},
		{"C9300-48P-A", "C9300-48P-E", true},
		{"GLC-LH-SMD=", "GLC-LH-SMD", true},
		{"WS-C3750X-24T-RF", "WS-C3750X-24T", true},
		{"SG350X-24P-K9", "SG350X-24P", true},
		{"CISCO1921/K9", "C1921", true},
		{"ISR4321/K9", "ISR4321", true},
		{"AIR-CT5520-K9 ", "air-ct5520-k9", true},
		{"C9300-48P", "C9300-24P", false},
		{"WS-C2960X-48FPS-L", "WS-C2960X-48FPD-L", false},
		{"GLC-LH-SMD", "GLC-SX-MMD", false},
	}
	for _, tt := range tests {
		if got := inventory.PIDFamily(tt.a) == inventory.PIDFamily(tt.b); got != tt.same {
			t.Errorf("%s and %s of one family: %v, want %v", tt.a, tt.b, got, tt.same)
		}
	}
}

func TestPIDKinds(t *testing.T) {
	tests := []struct {
		pid            string
		virtual, cable bool
	}{
		{"CSR1000V", true, false},
		{"C8000V", true, false},
		{"C9800-CL-K9", true, false},
		{"ASAv", true, false},
		{"N9K-C9300v", true, false},
		{"ISE-VM-K9", true, false},
		{"A9K-MODULEv", true, false},
		{"WS-X4548-GB-RJ45V", false, false}, // hardware, with a capital
		{"C9300-48P", false, false},
		{"SFP-10G-LR", false, false},
		{"C2960X-STACK", false, false},
		{"SFP-H10GB-CU3M", false, true},
		{"SFP-H25G-CU1M", false, true},
		{"SFP-H10GB-ACU7M", false, true},
		{"QSFP-H40G-CU1M", false, true},
		{"QSFP-4SFP10G-CU5M=", false, true},
		{"QSFP-40G-AOC", false, true},
		{"QDD-400-CU2.5M", false, true},
		{"STACK-T1-50CM", false, true},
		{"CAB-SPWR-30CM", false, true},
	}
	for _, tt := range tests {
		if got := inventory.IsVirtualPID(tt.pid); got != tt.virtual {
			t.Errorf("IsVirtualPID(%q) = %v", tt.pid, got)
		}
		if got := inventory.IsCablePID(tt.pid); got != tt.cable {
			t.Errorf("IsCablePID(%q) = %v", tt.pid, got)
		}
	}
}

func TestLooksLikePID(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{"C9200L-24P-4X", true},
		{"WS-C2960X-48FPS-L", true},
		{"PWR-C1-715WAC", true},
		{"Switch 1 - Power Supply A", false},
		{"StackPort1/1", false},
		{"GigabitEthernet1", false},
		{"1000BASE-T", false},
		{"GE LX", false},
		{"motherboard", false},
		{"", false},
	}
	for _, tt := range tests {
		if got := inventory.LooksLikePID(tt.text); got != tt.want {
			t.Errorf("LooksLikePID(%q) = %v, want %v", tt.text, got, tt.want)
		}
	}
}

// Slots as SNMP and `show inventory` name the same units.
func TestSlot(t *testing.T) {
	unit := func(name string) inventory.Component {
		return inventory.Component{Class: inventory.ClassChassis, Name: name, Unit: true}
	}
	tests := []struct {
		name  string
		names []string // of the units of one node
		want  []string
	}{
		{"catalyst stack over SNMP", []string{"1", "2"}, []string{"1", "2"}},
		{"catalyst 9000 stack", []string{"Switch 1", "Switch 2"}, []string{"1", "2"}},
		{"virtual switch", []string{"Switch 1 Chassis", "Switch 2 Chassis"}, []string{"1", "2"}},
		{"C9800 pair", []string{"Chassis 1", "Chassis 2"}, []string{"1", "2"}},
		{"small business stack", []string{"SG350X-24P Stack Unit 1", "SG350X-24P Stack Unit 2"}, []string{"1", "2"}},
		{"one switch that calls itself 1", []string{"1"}, []string{"1"}},
		{"router", []string{"Chassis"}, []string{"chassis"}},
		{"IOS-XR", []string{"chassis ASR-9001"}, []string{"chassis"}},
		{"IOS-XR rack", []string{"Rack 0"}, []string{"chassis"}},
		{"IOS-XR racks", []string{"Rack 0", "Rack 1"}, []string{"0", "1"}},
		{"named after its model in digits", []string{"1921 chassis"}, []string{"chassis"}},
		{"named after its model", []string{"CBS350-24P-4G"}, []string{"chassis"}},
		{"no name", []string{""}, []string{"chassis"}},
		{"nexus with extenders over SNMP", []string{"Nexus9000 C93180YC-EX chassis", "Fex-101 Nexus2348 chassis"}, []string{"chassis", "fex101"}},
		{"nexus with extenders over SSH", []string{"Chassis", "FEX 101 CHASSIS"}, []string{"chassis", "fex101"}},
		{"access points", []string{"ap-hall", "ap-yard"}, []string{"ap-hall", "ap-yard"}},
		{"two that are both just chassis", []string{"left chassis", "right chassis"}, []string{"left chassis", "right chassis"}},
		{"model with digits", []string{"ASR 1002", "ASR 1006"}, []string{"ASR 1002", "ASR 1006"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d inventory.Device
			for _, n := range tt.names {
				d.Components = append(d.Components, unit(n))
			}
			d.Components = append(d.Components, inventory.Component{Class: inventory.ClassPowerSupply, Name: "Power Supply 1 Chassis"})
			for i, want := range tt.want {
				if got := d.Slot(d.Components[i]); got != want {
					t.Errorf("slot of %q is %q, want %q", tt.names[i], got, want)
				}
			}
		})
	}
	var d inventory.Device
	if got := d.Slot(inventory.Component{Class: inventory.ClassModule, Name: "1"}); got != "1" {
		t.Errorf("slot of a module named 1 is %q", got)
	}
	if got := d.Slot(inventory.Component{Class: inventory.ClassFan}); got != "fan" {
		t.Errorf("slot of a fan without a name is %q", got)
	}
}

func FuzzCleanSerial(f *testing.F) {
	for _, s := range []string{"FCW1929B68S", " \x00N/A\r", "\"\xff\"", "Q2KW-AB12-CD34", "\u202eabc", "\"\" \"\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		s := inventory.CleanSerial(raw)
		if strings.ContainsFunc(s, unicode.IsControl) || strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Cf, r) }) {
			t.Errorf("CleanSerial(%q) = %q holds control characters", raw, s)
		}
		if strings.TrimSpace(s) != s {
			t.Errorf("CleanSerial(%q) = %q has outer space", raw, s)
		}
	})
}

// Phones are told by what their PIDs begin with.
func TestIsPhonePID(t *testing.T) {
	for pid, want := range map[string]bool{"CP-8845-K9": true, "ATA191-MPP": true, "SPA504G": true, "C9300-48P": false, "WS-C2960X-24PS-L": false, "": false} {
		if got := inventory.IsPhonePID(pid); got != want {
			t.Errorf("IsPhonePID(%q) = %v, want %v", pid, got, want)
		}
	}
}
