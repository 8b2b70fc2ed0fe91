package upload

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollcall/agent/internal/spool"
	"rollcall/pkg/inventory"
	"rollcall/pkg/torture"
	"rollcall/pkg/wire"
)

// A week without the collector: the spool stays within its limit by giving up
// old reports of devices that have newer ones, says how many, and is brought
// away in half an hour over 256 kbit/s.
func TestLongOutage(t *testing.T) {
	const (
		rounds   = 7 * 4 // four polls a day
		slowLine = 256_000 / 8
	)
	devices := torture.Times(50, 500)
	tests := []struct {
		name     string
		maxBytes int64
	}{
		{"usual limit", spool.DefaultMaxBytes},
		{"small limit", int64(devices) * 4000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := os.MkdirTemp("/dev/shm", "spool")
			if err != nil {
				dir = t.TempDir()
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			clock := now
			s, err := spool.Open(filepath.Join(dir, "spool.db"), spool.Options{Ballast: -1, MaxBytes: tt.maxBytes, Now: func() time.Time { return clock }})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			newest := map[string]string{}
			for range rounds {
				clock = clock.Add(6 * time.Hour)
				for d := range devices {
					r := stack(d, clock)
					err := s.Append(t.Context(), r.Device.Address, func(epoch, seq int64) ([]byte, error) {
						r.Epoch, r.Seq, r.ReportID = epoch, seq, fmt.Sprint("report-", seq)
						newest[r.Device.Address] = r.ReportID
						return json.Marshal(r)
					})
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			st := left(t, s)
			if st.Bytes > tt.maxBytes {
				t.Errorf("the spool has %d bytes, more than its limit of %d", st.Bytes, tt.maxBytes)
			}
			dropped := st.Dropped[spool.DroppedFull]
			if st.Items+dropped != int64(rounds*devices) {
				t.Errorf("%d wait and %d were dropped, want %d together", st.Items, dropped, rounds*devices)
			}
			if small := tt.maxBytes < spool.DefaultMaxBytes; small != (dropped > 0) {
				t.Errorf("%d dropped with a limit of %d", dropped, tt.maxBytes)
			}
			c := newCollector(t)
			sent := 0
			u := newUploader(t, s, c.URL, func(o *Options) {
				o.Observe = func(a Attempt) { sent += a.Bytes }
				o.Now = func() time.Time { return clock }
			})
			if err := u.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			for _, id := range c.got() {
				got[id]++
			}
			for address, id := range newest {
				if got[id] != 1 {
					t.Errorf("newest report of %s came %d times, want once", address, got[id])
				}
			}
			if told := c.batches[0].Dropped[spool.DroppedFull]; told != dropped {
				t.Errorf("%d told to be dropped, want %d", told, dropped)
			}
			took := time.Duration(sent) * time.Second / slowLine
			if took > 30*time.Minute {
				t.Errorf("%d bytes take %s over 256 kbit/s, want half an hour at most", sent, took)
			}
			torture.Figure(t, "R7", "7 days, %d devices, limit %d KiB: %d KiB wait, %d reports dropped and told, the newest of each device kept; %d KiB to send, %s at 256 kbit/s",
				devices, tt.maxBytes>>10, st.Bytes>>10, dropped, sent>>10, took.Round(time.Second))
		})
	}
}

// stack is a report of a stack of four with their parts, of usual size.
func stack(n int, at time.Time) wire.Report {
	d := inventory.Device{
		Address: fmt.Sprintf("10.0.%d.%d", n/250, n%250+1), Name: fmt.Sprintf("acc-sw%03d", n), Platform: inventory.PlatformIOSXE, Model: "C9300-48P",
		Software: "17.9.4", Complete: true, Via: []string{"snmp"}, Errors: []inventory.Problem{},
	}
	for member := range 4 {
		add := func(pid, serial, name string, class inventory.Class, isUnit bool) {
			d.Components = append(d.Components, inventory.Component{
				PID: pid, Serial: fmt.Sprintf("%s%04d%d", serial, n, member), VID: "V02", Class: class, Name: fmt.Sprintf("%s %d", name, member+1),
				Description: pid + " as a device calls it", Unit: isUnit, Aliases: []string{},
			})
		}
		add("C9300-48P", "FCW2431", "Switch", inventory.ClassChassis, true)
		add("C9300-NM-8X", "FOC2440", "Network module", inventory.ClassModule, false)
		add("PWR-C1-715WAC", "ART2422", "Power supply A", inventory.ClassPowerSupply, false)
		add("PWR-C1-715WAC", "ART2423", "Power supply B", inventory.ClassPowerSupply, false)
		add("SFP-10G-SR", "AVD2410", "TenGigabitEthernet", inventory.ClassPort, false)
	}
	return wire.Report{PolledAt: at, Answered: true, Fingerprint: d.Fingerprint(), Device: d}
}
