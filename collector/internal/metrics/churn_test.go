package metrics_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/metrics"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

// A device that calls itself something else at each poll, or has other serial
// numbers, has as many series after many polls as after a few, and adds to the
// history what changed and no more.
func TestDeviceThatNeverStaysTheSame(t *testing.T) {
	const few, many, most, parts = 5, 60, 10, 3
	tests := []struct {
		name    string
		edit    func(d *inventory.Device, poll int)
		history int // rows for each part at the end
	}{
		{"name", func(d *inventory.Device, poll int) { d.Name = strings.Repeat(fmt.Sprintf("sw%d-", poll), 100) }, 1},
		{"model and software", func(d *inventory.Device, poll int) { d.Model, d.Software = fmt.Sprint("C", poll), fmt.Sprint(poll) }, 1},
		{"description of its parts", func(d *inventory.Device, poll int) {
			for i := range d.Components {
				d.Components[i].Description = fmt.Sprint("part ", poll)
			}
		}, 1},
		{"serial numbers", func(d *inventory.Device, poll int) {
			for i := range d.Components {
				d.Components[i].Serial = fmt.Sprintf("FCW%04d%04d", poll, i)
			}
		}, many},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clock := now
			s, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir(), Now: func() time.Time { return clock }})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			a := newAgent(t, s, "Riverside Food Bank", "Main", "agent-1")
			var lines []contract.Line
			for i := range parts {
				lines = append(lines, contract.Line{Contract: "204100001", Serial: fmt.Sprintf("FCW0001%04d", i), PID: "C9300-48P", Begin: "2025-01-01", End: "2030-01-01"})
			}
			if _, err := s.ImportContract(t.Context(), a.Organization, contract.File{Name: "contract.csv", Lines: lines}, clock); err != nil {
				t.Fatal(err)
			}
			c := metrics.New(s, metrics.Options{FindingSeries: most})
			after := map[int]string{}
			for poll := 1; poll <= many; poll++ {
				d := inventory.Device{Address: "192.0.2.1", Name: "sw1", Platform: inventory.PlatformIOS, Complete: true}
				for i := range parts {
					d.Components = append(d.Components, inventory.Component{
						Serial: fmt.Sprintf("FCW0001%04d", i), PID: "C9300-48P", Class: inventory.ClassChassis, Name: fmt.Sprint(i), Unit: true,
					})
				}
				tt.edit(&d, poll)
				clock = clock.Add(time.Minute)
				if _, err := s.SaveReports(t.Context(), a, wire.Batch{Schema: wire.BatchSchema, Agent: a.Name, SentAt: clock, Interval: 60, Reports: []wire.Report{{
					ReportID: fmt.Sprint("report-", poll), Epoch: 1, Seq: int64(poll), PolledAt: clock, Answered: true, Fingerprint: d.Fingerprint(), Device: d,
				}}}); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Reconcile(t.Context(), a.Organization, reconcile.Reconcile); err != nil {
					t.Fatal(err)
				}
				if poll == few || poll == many {
					after[poll] = scrape(t, c)
				}
			}
			count := func(text string) (n, findings int) {
				for line := range strings.Lines(text) {
					switch {
					case strings.HasPrefix(line, "#"):
					case strings.HasPrefix(line, "rollcall_finding_info{"):
						findings++
					default:
						n++
					}
				}
				return n, findings
			}
			early, _ := count(after[few])
			late, findings := count(after[many])
			if late != early || findings > most {
				t.Errorf("%d series after %d polls, %d after %d, and %d of findings, at most %d", early, few, late, many, findings, most)
			}
			f, err := s.Facts(t.Context(), a.Organization)
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Nodes) != 1 || len(f.Sightings) != parts*tt.history {
				t.Errorf("%d nodes and %d rows of history, want 1 and %d", len(f.Nodes), len(f.Sightings), parts*tt.history)
			}
			open, err := s.Findings(t.Context(), a.Organization, true)
			if err != nil {
				t.Fatal(err)
			}
			over, err := s.Findings(t.Context(), a.Organization, false)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d series and %d of findings; %d findings open, %d over", late, findings, len(open), len(over))
			if len(open) > 5*parts || len(over) > parts*tt.history+1 {
				t.Errorf("%d findings are open, %d are over", len(open), len(over))
			}
		})
	}
}
