package poll

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/snmp"
	"rollcall/agent/internal/sshcli"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
	"rollcall/pkg/simdevice"
)

// both starts a simulated device and reads it over each transport alone.
func both(t *testing.T, d simdevice.Device) (overSNMP, overSSH inventory.Device) {
	t.Helper()
	server, err := simdevice.Start(d, simdevice.Options{SNMPAddr: "127.0.0.1:0", SSHAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	n := Node{
		Address: "127.0.0.1", SNMPPort: boundPort(t, server.SNMPAddr()), SSHPort: boundPort(t, server.SSHAddr()),
		SNMP: []snmp.Credential{{Name: "read", Version: "2c", Community: config.Plain(d.Community)}},
		SSH:  []sshcli.Credential{{Name: "office", User: d.SSHUser, Password: config.Plain(d.SSHPassword), Enable: config.Plain(d.SSHEnable)}},
	}
	p := New(hostKeys(t), NewMemory(MemoryOptions{}), slog.New(slog.DiscardHandler))
	read := func(via string) inventory.Device {
		n.Via = via
		got, answered := p.Poll(t.Context(), n)
		if !answered {
			t.Fatalf("no answer over %s: %v", via, got.Errors)
		}
		return got
	}
	return read(ViaSNMP), read(ViaSSH)
}

func boundPort(t *testing.T, address string) int {
	t.Helper()
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return int(a.Port())
}

// units words the units of a device: what a contract names.
func units(d inventory.Device) []string {
	list := []string{}
	for _, c := range d.Units() {
		list = append(list, fmt.Sprintf("%s %s %s", c.Serial, inventory.MatchPID(c.PID), c.Class))
	}
	return list
}

// own are the serials that a simulated device has.
func own(d simdevice.Device) map[string]bool {
	serials := map[string]bool{}
	for _, u := range d.Units {
		serials[u.Serial] = true
		for _, p := range u.Parts {
			serials[p.Serial] = true
		}
	}
	return serials
}

// TestTransportsAgree reads every simulated device over SNMP and over SSH: both
// must name the same units, of the same model and class, on the same platform.
func TestTransportsAgree(t *testing.T) {
	// silent are those whose command line names no serial number.
	silent := []string{inventory.PlatformAPIC, inventory.PlatformMeraki}
	// poorer are those that say less over SNMP: FTD no chassis, a router
	// without ENTITY-MIB no model.
	poorer := map[string][]string{
		"ftd-firewall":   {"FJC2701A0A1 FPR3110-NGFW-K9 chassis"},
		"ios-old-router": {"JMX0501A0A1 CISCO2621 chassis"},
	}
	for _, name := range simdevice.Examples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := simdevice.Example(name)
			d.Phones = nil // which only SNMP sees
			overSNMP, overSSH := both(t, d)
			if slices.Contains(silent, d.Platform) {
				if len(overSSH.Components) != 0 || len(overSSH.Errors) == 0 || overSSH.Complete {
					t.Errorf("over SSH: %+v", overSSH)
				}
				return
			}
			want, known := poorer[name]
			if !known {
				want = units(overSNMP)
				if overSSH.Model != overSNMP.Model || overSSH.Serial != overSNMP.Serial {
					t.Errorf("SNMP calls it %s %s, SSH %s %s", overSNMP.Model, overSNMP.Serial, overSSH.Model, overSSH.Serial)
				}
			}
			if diff := cmp.Diff(want, units(overSSH)); diff != "" {
				t.Errorf("units (-SNMP +SSH):\n%s", diff)
			}
			if overSSH.Platform != overSNMP.Platform || overSSH.Name != d.Name && d.Platform != inventory.PlatformFTD {
				t.Errorf("SNMP has %s %s, SSH %s %s", overSNMP.Platform, overSNMP.Name, overSSH.Platform, overSSH.Name)
			}
			there, read := own(d), serialsOf(overSSH.Components)
			for _, c := range overSSH.Components {
				if !there[c.Serial] && !serialsOf(overSNMP.Components)[c.Serial] {
					t.Errorf("made up: %s %s %q", c.Serial, c.PID, c.Name)
				}
			}
			for _, c := range overSNMP.Components {
				if overSSH.Complete && !read[c.Serial] {
					t.Errorf("SSH calls itself complete without %s %s %q", c.Serial, c.PID, c.Name)
				}
			}
			if overSSH.Complete == (len(overSSH.Errors) > 0) {
				t.Errorf("complete %v, problems %v", overSSH.Complete, overSSH.Errors)
			}
		})
	}
}

// TestManyAccessPoints are controllers with more than a page of access points.
func TestManyAccessPoints(t *testing.T) {
	for _, name := range []string{"aireos-controller", "iosxe-controller"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := simdevice.Example(name)
			d.Units = d.Units[:1]
			for i := range 60 {
				serial := fmt.Sprintf("FGL2201B%03d", i)
				if d.Platform == inventory.PlatformAireOS {
					d.Units = append(d.Units, simdevice.Unit{Serial: serial, PID: "AIR-AP2802I-B-K9"})
				} else {
					d.Units[0].Parts = append(d.Units[0].Parts, simdevice.Part{Serial: serial, PID: "C9120AXI-B", Class: inventory.ClassChassis, Name: fmt.Sprintf("AP-%d", i)})
				}
			}
			overSNMP, overSSH := both(t, d)
			if diff := cmp.Diff(units(overSNMP), units(overSSH)); diff != "" || !overSSH.Complete {
				t.Errorf("complete %v, units (-SNMP +SSH):\n%s", overSSH.Complete, diff)
			}
			if overSSH.Serial != d.Units[0].Serial || overSNMP.Serial != d.Units[0].Serial {
				t.Errorf("the controller %s is called %s over SNMP and %s over SSH", d.Units[0].Serial, overSNMP.Serial, overSSH.Serial)
			}
		})
	}
}

// TestUnauthorized is an account that may log in and not read the inventory, on
// each platform: the report says so and what to do, and calls nothing complete.
func TestUnauthorized(t *testing.T) {
	for _, name := range simdevice.Examples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := simdevice.Example(name)
			d.Faults.DenyCommand = true
			switch d.Platform {
			case inventory.PlatformAPIC, inventory.PlatformMeraki:
				t.Skip("its command line names no serial number to anybody")
			}
			_, overSSH := both(t, d)
			told := slices.ContainsFunc(overSSH.Errors, func(p inventory.Problem) bool {
				return p.Kind == inventory.ProblemUnauthorized && strings.Contains(p.Message, "may not run") && strings.Contains(p.Message, "account")
			})
			if !told || overSSH.Complete {
				t.Errorf("complete %v, problems %v", overSSH.Complete, overSSH.Errors)
			}
			for _, p := range overSSH.Errors {
				if p.Kind == inventory.ProblemNoInventory {
					t.Errorf("a refusal is told as want of an inventory: %s", p.Message)
				}
			}
		})
	}
}
