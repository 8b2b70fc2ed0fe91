package reconcile

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

func scanned(on int, devices ...inventory.Device) inventory.Scan {
	return inventory.Scan{Started: day(on), Devices: devices}
}

func device(address, name string, parts ...string) inventory.Device {
	d := inventory.Device{Address: address, Name: name, Complete: true}
	for _, p := range parts {
		d.Components = append(d.Components, part(p))
	}
	return d
}

// Two scans on files, as the reconcile command holds them.
func TestAddScans(t *testing.T) {
	const a, b = "C9300-48P FOC1111A0AA", "C9300-48P FOC2222A0BB"
	mismatch := "rma_mismatch/FOC1111A0AA/FOC2222A0BB"
	half := device("192.0.2.1", "sw1", b)
	half.Complete = false
	tests := []struct {
		name     string
		previous []inventory.Device
		current  inventory.Scan
		units    []string
		findings []string
	}{
		{"one scan", nil, scanned(0, device("192.0.2.1", "sw1", a)), []string{"FOC1111A0AA: covered"}, nil},
		{
			"replaced at the same address",
			[]inventory.Device{device("192.0.2.1", "sw1", a)},
			scanned(0, device("192.0.2.1", "sw1", b)),
			[]string{"FOC2222A0BB: rma_pending"},
			[]string{mismatch},
		},
		{
			"replaced, and without a name yet",
			[]inventory.Device{device("192.0.2.1", "sw1", a)},
			scanned(0, device("192.0.2.1", "Switch", b)),
			[]string{"FOC2222A0BB: rma_pending"},
			[]string{mismatch},
		},
		{
			"replaced, with another address",
			[]inventory.Device{device("192.0.2.1", "sw1", a)},
			scanned(0, device("192.0.2.7", "sw1", b)),
			[]string{"FOC2222A0BB: rma_pending"},
			[]string{mismatch},
		},
		{
			"another address, and a name that two have",
			[]inventory.Device{device("192.0.2.1", "sw1", a)},
			scanned(0, device("192.0.2.7", "sw1", b), device("192.0.2.8", "sw1")),
			[]string{"FOC1111A0AA: covered", "FOC2222A0BB: uncovered"},
			[]string{"node_unreachable/192.0.2.1", "uncovered_unit/FOC2222A0BB"},
		},
		{
			"the address has another device now, under which the old name lives on",
			[]inventory.Device{device("192.0.2.1", "sw1", a), device("192.0.2.2", "sw2", b)},
			scanned(0, device("192.0.2.1", "sw2", b), device("192.0.2.2", "sw1", a)),
			[]string{"FOC1111A0AA: covered", "FOC2222A0BB: uncovered"},
			[]string{"uncovered_unit/FOC2222A0BB"},
		},
		{
			"another address, and the old one is another device's now",
			[]inventory.Device{device("192.0.2.1", "sw1", a)},
			scanned(0, device("192.0.2.1", "sw9", "C9300-48P FOC3333A0CC"), device("192.0.2.7", "sw1", b)),
			[]string{"FOC2222A0BB: uncovered", "FOC3333A0CC: rma_pending"},
			[]string{"rma_mismatch/FOC1111A0AA/FOC3333A0CC", "uncovered_unit/FOC2222A0BB"},
		},
		{
			"another address, which was another device's before",
			[]inventory.Device{device("192.0.2.1", "sw1", a), device("192.0.2.7", "sw9")},
			scanned(0, device("192.0.2.7", "sw1", b)),
			[]string{"FOC1111A0AA: covered", "FOC2222A0BB: uncovered"},
			[]string{"node_unreachable/192.0.2.1", "uncovered_unit/FOC2222A0BB"},
		},
		{
			"devices without a name at two addresses",
			[]inventory.Device{device("192.0.2.1", "", a)},
			scanned(0, device("192.0.2.7", "", b)),
			[]string{"FOC1111A0AA: covered", "FOC2222A0BB: uncovered"},
			[]string{"node_unreachable/192.0.2.1", "uncovered_unit/FOC2222A0BB"},
		},
		{
			"half an answer proves nothing",
			[]inventory.Device{device("192.0.2.1", "sw1", a)},
			scanned(0, half),
			[]string{"FOC1111A0AA: covered", "FOC2222A0BB: unverified poll_incomplete"},
			[]string{"poll_incomplete/192.0.2.1"},
		},
		{
			"not in the scan any more",
			[]inventory.Device{device("192.0.2.1", "sw1", a), device("192.0.2.2", "sw2", b)},
			scanned(0, device("192.0.2.1", "sw1", a)),
			[]string{"FOC1111A0AA: covered", "FOC2222A0BB: unverified poll_incomplete"},
			[]string{"node_unreachable/192.0.2.2"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := Facts{Now: day(0).Add(time.Hour), Imports: []Import{{Contract: "1", At: day(0)}}}
			f.Lines = []contract.Line{{Contract: "1", Serial: "FOC1111A0AA", PID: "C9300-48P", Begin: date(-100), End: date(1000)}}
			var previous *inventory.Scan
			if tt.previous != nil {
				s := scanned(0, tt.previous...) // in the same second
				previous = &s
			}
			f.AddScans(previous, tt.current)
			r := Reconcile(f)
			slices.Sort(tt.findings)
			if diff := cmp.Diff(tt.units, coverages(r)); diff != "" {
				t.Errorf("units (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.findings, keys(r)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			checkResult(t, r)
		})
	}
}

func TestUnansweredOfScan(t *testing.T) {
	previous := scanned(-20, device("192.0.2.1", "sw1", "C9300-48P FOC1111A0AA"), device("192.0.2.1", "twice"))
	current := scanned(0, device("192.0.2.2", "sw2"), device("192.0.2.2", "again"))
	current.Unanswered = []inventory.Unanswered{
		{Address: "192.0.2.1", Reason: "no answer over SNMP."}, {Address: "192.0.2.2", Reason: "asked twice"}, {Address: "192.0.2.9", Reason: "connection refused."},
	}
	var f Facts
	f.AddScans(&previous, current)
	f.Now = day(0)
	r := Reconcile(f)
	if got := coverages(r); !slices.Equal(got, []string{"FOC1111A0AA: unverified no_contract_data"}) {
		t.Errorf("units %v", got)
	}
	x := findingOf(t, r, "node_unreachable/192.0.2.1")
	want := []string{"no answer over SNMP.", "It gave no answer on 2026-06-15, and was last seen on 2026-05-26. Its units keep their place meanwhile."}
	if diff := cmp.Diff(want, x.Evidence); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	x = findingOf(t, r, "node_unreachable//never")
	if diff := cmp.Diff([]string{"192.0.2.9: connection refused."}, x.Evidence); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
}
