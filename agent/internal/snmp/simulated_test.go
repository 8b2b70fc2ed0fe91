package snmp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gosnmp/gosnmp"

	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
	"rollcall/pkg/simdevice"
)

// told are the serials of a device that its agent tells at all, by a walk of
// everything that it has; units are those of its units.
func told(t *testing.T, d simdevice.Device, target Target) (serials, units []string) {
	t.Helper()
	g := plainSession(t, target.Port, "public")
	defer func() { _ = g.Close() }()
	var all strings.Builder
	for _, root := range []string{".1.0.8802", ".1.3.6.1"} {
		if err := g.BulkWalk(root, func(v gosnmp.SnmpPDU) error {
			fmt.Fprintf(&all, "%s\n", text(v.Value, maxDescr))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	add := func(serial string, unit bool) {
		if serial == "" || !strings.Contains(all.String(), serial) {
			return
		}
		serials = append(serials, serial)
		if unit {
			units = append(units, serial)
		}
	}
	for _, u := range d.Units {
		add(u.Serial, !u.Absent)
		for _, p := range u.Parts {
			add(p.Serial, p.Class == inventory.ClassChassis)
		}
	}
	for _, p := range d.Phones {
		add(p.Serial, true)
	}
	slices.Sort(serials)
	slices.Sort(units)
	return slices.Compact(serials), slices.Compact(units)
}

// withAccessPoints is a controller with so many of them.
func withAccessPoints(d simdevice.Device, n int) simdevice.Device {
	d.Units = d.Units[:1]
	for i := range n {
		d.Units = append(d.Units, simdevice.Unit{Serial: fmt.Sprintf("FGL2201B%03d", i), PID: "AIR-AP2802I-B-K9", VID: "V02"})
	}
	return d
}

// Each platform's device as it is simulated: every serial that it tells, each
// once, and every unit marked, over each protocol.
func TestSimulated(t *testing.T) {
	devices := map[string]simdevice.Device{}
	for _, name := range simdevice.Examples() {
		devices[name] = example(t, name)
	}
	devices["aireos-controller with 60 access points"] = withAccessPoints(example(t, "aireos-controller"), 60)
	pix := example(t, "asa-firewall")
	pix.Software, pix.Units = "8.0(4)", []simdevice.Unit{{Serial: "888001234", PID: "PIX-515E", Description: "PIX 515E"}}
	devices["pix"] = pix
	for name, d := range devices {
		t.Run(name, func(t *testing.T) {
			// The variant of AES-256 that Cisco's devices have.
			d.V3 = append(d.V3, simdevice.V3User{User: "reeder", AuthProtocol: "SHA", AuthPassword: "auth-password", PrivProtocol: "AES256C", PrivPassword: "priv-password"})
			_, target := simulated(t, d)
			serials, units := told(t, d, target)
			reeder := overV3(target)
			reeder.Credential.User, reeder.Credential.AuthProtocol, reeder.Credential.PrivProtocol = "reeder", "SHA", "AES256"
			v1 := target
			v1.Credential.Version = "1"
			for way, target := range map[string]Target{"v1": v1, "v2c": target, "v3": overV3(target), "v3 with AES-256": reeder} {
				r := Read(context.Background(), target, quiet())
				if !r.Answered || r.Device.Complete != (len(units) > 0) || r.Device.Platform != d.Platform {
					t.Errorf("%s: answered %v, complete %v, platform %s: %v", way, r.Answered, r.Device.Complete, r.Device.Platform, r.Device.Errors)
				}
				var gotUnits []string
				got := map[string]int{}
				for _, c := range r.Device.Components {
					got[c.Serial]++
					if c.Unit {
						gotUnits = append(gotUnits, c.Serial)
					}
				}
				slices.Sort(gotUnits)
				if diff := cmp.Diff(units, gotUnits); diff != "" {
					t.Errorf("%s: units (-told +read):\n%s", way, diff)
				}
				for _, sn := range serials {
					if got[sn] != 1 {
						t.Errorf("%s: %s is there %d times, want once", way, sn, got[sn])
					}
				}
			}
		})
	}
}

// Faults of simulated devices: what is read stays within limits, and says what
// happened (discovery facts 6.2).
func TestSimulatedFaults(t *testing.T) {
	const some = -1
	whole := len(example(t, "iosxe-stack").Units) // chassis of the device that fails
	tests := []struct {
		name     string
		faults   simdevice.Faults
		change   func(*Target)
		complete bool
		units    int // some: as many as were read before
		reason   string
		afresh   bool // the next reading has nothing to go on
	}{
		{name: "none", complete: true, units: whole + 1}, // with the phone
		{name: "tooBig at 11 variables", faults: simdevice.Faults{TooBigAt: 10}, complete: true, units: whole + 1},
		{name: "tooBig at 2 variables", faults: simdevice.Faults{TooBigAt: 1}, complete: true, units: whole + 1},
		{name: "rows that rise for ever", faults: simdevice.Faults{EndlessWalk: true}, units: some, reason: "the table does not end"},
		{name: "a table that wraps", faults: simdevice.Faults{RepeatOID: true}, units: some, reason: "does not advance"},
		{name: "an identifier that stands still", faults: simdevice.Faults{StuckOID: true}, units: some, reason: "does not advance"},
		{name: "30% loss", faults: simdevice.Faults{LossPercent: 30, Seed: 7}, change: func(t *Target) { t.Retries = 8 }, complete: true, units: whole + 1},
		{name: "late answers", faults: simdevice.Faults{DelayReplies: 20 * time.Millisecond}, complete: true, units: whole + 1},
		{name: "genErr in the middle", faults: simdevice.Faults{GenErrAfter: 1}, units: some, reason: "genErr"},
		{name: "a restart in the middle", faults: simdevice.Faults{RebootMidWalk: true}, complete: true, units: whole + 1},
		{name: "no ENTITY-MIB", faults: simdevice.Faults{NoEntityMIB: true}, units: some, reason: "ENTITY-MIB is empty"},
		{name: "answers cut short", faults: simdevice.Faults{Truncated: true}, reason: "SNMP answer"},
		{name: "another request's answers", faults: simdevice.Faults{WrongRequestID: true}, reason: "no answer"},
		{name: "answers from another port", faults: simdevice.Faults{OtherSource: true}, reason: "and not from the address that was asked"},
		{name: "answers from another port, by consent", faults: simdevice.Faults{OtherSource: true}, change: func(t *Target) { t.Credential.AnySource = true }, complete: true, units: whole + 1, afresh: true},
		{name: "answers from another port, over v3", faults: simdevice.Faults{OtherSource: true}, change: func(t *Target) { *t = overV3(*t) }, complete: true, units: whole + 1, afresh: true},
		{name: "answers from another port, and no second attempt", faults: simdevice.Faults{OtherSource: true}, change: func(t *Target) { t.Retries = 0 }, reason: "no answer"},
		{name: "empty answers", faults: simdevice.Faults{EmptyReplies: true}, reason: ""},
		{name: "a wrong engine time for ever", faults: simdevice.Faults{ReportFlood: true}, change: func(t *Target) { *t = overV3(*t) }, reason: "time window"},
		{name: "a description of 60,000 characters", faults: simdevice.Faults{LongStringBytes: 60_000}, complete: true, units: whole + 1},
		{name: "v1 alone, asked in v2c", faults: simdevice.Faults{V1Only: true}, reason: "no answer"},
		{name: "v1 alone", faults: simdevice.Faults{V1Only: true}, change: func(t *Target) { t.Credential.Version = "1" }, complete: true, units: whole + 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := example(t, "iosxe-stack")
			d.Faults = tt.faults
			_, target := simulated(t, d)
			target.Timeout, target.Retries, target.Budget = 300*time.Millisecond, 2, time.Minute
			if tt.change != nil {
				tt.change(&target)
			}
			r, last := ReadSince(context.Background(), target, nil, quiet())
			if r.Device.Complete != tt.complete || (last != nil) != (tt.complete && !tt.afresh) && target.Credential.Version != "1" {
				t.Errorf("complete %v, want %v, something to go on %v: %v", r.Device.Complete, tt.complete, last != nil, r.Device.Errors)
			}
			if n := len(r.Device.Units()); tt.units != some && n != tt.units {
				t.Errorf("%d units, want %d", n, tt.units)
			}
			var messages []string
			for _, p := range r.Device.Errors {
				messages = append(messages, p.Message)
			}
			if all := strings.Join(messages, "\n"); !strings.Contains(all, tt.reason) {
				t.Errorf("problems %q, want one about %q", all, tt.reason)
			}
			if r.Requests > 5000 {
				t.Errorf("%d requests", r.Requests)
			}
		})
	}
}

// The budget holds for a device that has too much to say and says it slowly.
func TestSlowEndless(t *testing.T) {
	d := example(t, "iosxe-stack")
	d.Faults = simdevice.Faults{EndlessWalk: true, DelayReplies: 10 * time.Millisecond}
	_, target := simulated(t, d)
	target.Credential.Community = config.Plain("public")
	target.Budget = time.Second
	r := Read(context.Background(), target, quiet())
	if !r.Answered || r.Device.Complete {
		t.Errorf("answered %v, complete %v", r.Answered, r.Device.Complete)
	}
	checkReason(t, r, "the time for the device is used up")
}

func checkReason(t *testing.T, r Reading, reason string) {
	t.Helper()
	if !slices.ContainsFunc(r.Device.Errors, func(p inventory.Problem) bool { return strings.Contains(p.Message, reason) }) {
		t.Errorf("problems %v, want one about %q", r.Device.Errors, reason)
	}
}
