package notify

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/document"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
)

var update = flag.Bool("update", false, "write the golden files anew")

// today is the day of these tests.
var today = time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)

// foodBank is an organization with an uncovered unit, a replaced one, and cover
// that ends, as reconcile sees it.
func foodBank() document.Input {
	f := reconcile.Facts{
		Organization: "riverside-food-bank", Name: "Riverside Food Bank", Now: today, Settings: reconcile.DefaultSettings(),
		Agents:  []reconcile.Agent{{ID: "a1", Name: "office-pi", Site: "Main office", LastSeen: today.Add(-time.Minute), Interval: time.Hour}},
		Imports: []reconcile.Import{{Contract: "204100001", File: "204100001.csv", At: today.Add(-3 * 24 * time.Hour)}},
		RMAs: []contract.RMA{{
			RMANumber: "800000001", CaseNumber: "690000001", Contract: "204100001", OldSerial: "FOC1111A0AA", OldPID: "C9300-48P",
			NewSerial: "FOC2222A0AA", NewPID: "C9300-48P", OpenedOn: "2026-06-01", ReturnBy: "2026-07-01",
		}},
	}
	for _, x := range []struct{ address, name, pid, serial string }{
		{"192.0.2.1", "core-sw1", "C9300-48P", "FOC2222A0AA"},
		{"192.0.2.2", "floor1-sw", "C9200L-24P-4G", "JAE1111A0CC"},
		{"192.0.2.3", "old-sw", "WS-C2960X-24PS-L", "FOC1111A0EE"},
		{"192.0.2.4", "lab-sw", "C9200L-24P-4G", "JAE2222A0CC"},
		{"192.0.2.5", "hall-sw", "C9300-24T", "FOC3333A0FF"},
	} {
		id := "Main office/" + x.address
		f.Nodes = append(f.Nodes, reconcile.Node{
			ID: id, Site: "Main office", Agent: "a1", Address: x.address, Name: x.name, Platform: "iosxe", Model: x.pid, Answered: true, Complete: true,
			Polled: today.Add(-time.Hour), LastGood: today.Add(-time.Hour),
		})
		f.Sightings = append(f.Sightings, reconcile.Sighting{
			Node: id, Slot: "chassis", First: today.Add(-100 * 24 * time.Hour), Last: today.Add(-time.Hour),
			Component: inventory.Component{Serial: x.serial, PID: x.pid, Class: inventory.ClassChassis, Name: "chassis", Unit: true},
		})
	}
	for _, x := range []struct {
		serial, pid string
		end         contract.Date
	}{{"FOC1111A0AA", "C9300-48P", "2029-01-31"}, {"JAE1111A0CC", "C9200L-24P-4G", "2026-07-31"}, {"FOC1111A0EE", "WS-C2960X-24PS-L", "2026-04-30"}, {"FOC3333A0FF", "C9300-24T", "2029-01-31"}} {
		f.Lines = append(f.Lines, contract.Line{
			Contract: "204100001", Serial: x.serial, PID: x.pid, ServiceLevel: "SNT", Begin: "2021-05-01", End: x.end, Site: "Main office", Row: len(f.Lines) + 2, Quantity: 1,
		})
	}
	r := reconcile.Reconcile(f)
	in := document.Input{Facts: f, Units: r.Units}
	for i, x := range r.Findings {
		in.Findings = append(in.Findings, document.Finding{Finding: x, Number: int64(i + 1), Opened: "2026-06-01"})
	}
	return in
}

func noticed(key string, changes ...store.Change) []store.Notice {
	var all []store.Notice
	for _, c := range changes {
		all = append(all, store.Notice{Change: c, Finding: store.Finding{ID: 99, Finding: reconcile.Finding{
			Key: key, Kind: reconcile.AgentSilent, Severity: reconcile.Warning, Subject: "agent office-pi at Main office",
		}}})
	}
	return all
}

// The mails as people get them. Read the golden files after a change.
func TestDigestGolden(t *testing.T) {
	in := foodBank()
	var fresh []store.Notice
	for _, f := range in.Findings {
		if f.Kind == reconcile.UncoveredUnit || f.Kind == reconcile.RMAMismatch {
			fresh = append(fresh, store.Notice{Change: store.FindingOpened, Finding: store.Finding{ID: f.Number, Finding: f.Finding}})
		}
	}
	if len(fresh) != 2 {
		t.Fatalf("%d findings are new, want 2", len(fresh))
	}
	fresh = append(fresh, noticed("silent", store.FindingResolved)...)
	well := foodBank()
	well.Findings, well.Units = nil, slices.DeleteFunc(well.Units, func(u reconcile.Unit) bool { return u.Coverage != reconcile.Covered })
	org := store.Organization{ID: "riverside-food-bank", Name: "Riverside Food Bank"}
	tests := []struct {
		name string
		in   document.Input
		d    store.Digest
		base string
	}{
		{"weekly", in, store.Digest{Organization: org, Weekly: true, Notices: fresh}, "https://rollcall.example.org"},
		{"weekly-no-address", in, store.Digest{Organization: org, Weekly: true}, ""},
		{"weekly-well", well, store.Digest{Organization: org, Weekly: true}, "https://rollcall.example.org"},
		{"change", in, store.Digest{Organization: org, Notices: fresh}, "https://rollcall.example.org"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := newDigest(tt.in, tt.d, map[int64]bool{}, tt.base)
			if err != nil {
				t.Fatal(err)
			}
			text, html, err := m.write()
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(text, "{}[]") {
				t.Errorf("the text has a value that is no text:\n%s", text)
			}
			for ext, got := range map[string]string{"txt": "Subject: " + m.Subject() + "\n\n" + text, "html": html} {
				path := filepath.Join("testdata", tt.name+"."+ext)
				if *update {
					if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", path, diff)
				}
			}
		})
	}
}

// What came and went between two mails is not told.
func TestLasting(t *testing.T) {
	const o, u, r = store.FindingOpened, store.FindingUpdated, store.FindingResolved
	tests := []struct {
		changes         []store.Change
		opened, settled int
	}{
		{[]store.Change{o}, 1, 0},
		{[]store.Change{r}, 0, 1},
		{[]store.Change{u}, 1, 0},
		{[]store.Change{o, u}, 1, 0},
		{[]store.Change{o, r}, 0, 0},
		{[]store.Change{r, o}, 0, 0},
		{[]store.Change{r, o, r}, 0, 1},
		{[]store.Change{o, r, o}, 1, 0},
		{[]store.Change{u, r}, 0, 1},
	}
	for _, tt := range tests {
		opened, settled := lasting(noticed("k", tt.changes...))
		if len(opened) != tt.opened || len(settled) != tt.settled {
			t.Errorf("%v: %d opened, %d settled; want %d, %d", tt.changes, len(opened), len(settled), tt.opened, tt.settled)
		}
	}
}

// What devices and files say stays text.
func TestDigestHostile(t *testing.T) {
	const evil = "<script>alert(1)</script>\r\nBcc: x@example.org\x1b[31m\u202e{{.}}"
	in := foodBank()
	in.Facts.Imports[0].File = evil
	for i := range in.Findings {
		f := &in.Findings[i]
		f.Subject, f.Evidence, f.NextStep = evil, []string{evil}, reconcile.NextStep{Title: evil, Steps: []string{evil}}
	}
	for i := range in.Units {
		in.Units[i].Node = evil
	}
	d := store.Digest{Organization: store.Organization{ID: "x", Name: evil}, Weekly: true}
	m, err := newDigest(in, d, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	text, html, err := m.write()
	if err != nil {
		t.Fatal(err)
	}
	for what, s := range map[string]string{"subject": m.Subject(), "text": text, "HTML": html} {
		if strings.ContainsAny(s, "\r\x1b\u202e") || what == "subject" && strings.Contains(s, "\n") || what != "HTML" && strings.Contains(s, "\nBcc") {
			t.Errorf("%s: %q", what, s)
		}
	}
	if strings.Contains(html, "<script") {
		t.Errorf("HTML: %s", html)
	}
}

func TestWeekly(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	w := Weekly{Day: time.Monday, Hour: 7, Zone: berlin}
	for now, want := range map[string]string{
		"2026-06-15T04:59:59Z": "2026-06-08T05:00:00Z", "2026-06-15T05:00:00Z": "2026-06-15T05:00:00Z", "2026-06-21T22:30:00Z": "2026-06-15T05:00:00Z",
		"2026-03-30T04:59:00Z": "2026-03-23T06:00:00Z", "2026-03-30T05:00:00Z": "2026-03-30T05:00:00Z", "2026-01-01T00:00:00Z": "2025-12-29T06:00:00Z",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.last(at).UTC().Format(time.RFC3339); got != want {
			t.Errorf("at %s the last was %s, want %s", now, got, want)
		}
	}
	if got := (Weekly{}).last(today); !got.IsZero() {
		t.Errorf("without a day the last was %s", got)
	}
}
