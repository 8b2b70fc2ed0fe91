package demo_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/collector/internal/demo"
	"rollcall/collector/internal/reconcile"
)

// The demo is up, shows every state and finding, lets the RMA happen and be
// found, ends when told, and leaves nothing.
func TestDemo(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	ready, swapped, done := make(chan string, 1), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- demo.Run(ctx, demo.Options{
			Out: io.Discard, Version: "test", Interval: 3 * time.Second,
			Ready: func(url string) { ready <- url }, Swapped: func() { close(swapped) },
		})
	}()
	var url string
	select {
	case url = <-ready:
	case err := <-done:
		t.Fatalf("the demo ended before it was ready: %v", err)
	}
	select {
	case <-swapped:
	case err := <-done:
		t.Fatalf("the demo ended before the RMA was found: %v", err)
	}
	awaitFindings(ctx, t, url)
	checkStates(t, url)
	if page := get(t, url); !strings.Contains(page, "FCW2718H7KD") || !strings.Contains(page, "FCW2431L0B2") {
		t.Error("the page does not name both serials of the RMA")
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v, want a clean end", err)
	}
	left, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		t.Errorf("left behind: %s", filepath.Join(temp, f.Name()))
	}
	if resp, err := http.Get(url); err == nil {
		_ = resp.Body.Close()
		t.Error("the page still answers after the end")
	}
}

func checkStates(t *testing.T, url string) {
	t.Helper()
	var answer struct{ Units []reconcile.Unit }
	getJSON(t, url+"api/v1/units?limit=1000", &answer)
	seen := map[string]int{}
	for _, u := range answer.Units {
		seen[string(u.Coverage)]++
	}
	for _, c := range reconcile.Coverages {
		if seen[string(c)] == 0 {
			t.Errorf("no unit is %s: %v", c, seen)
		}
	}
	if len(answer.Units) < 15 {
		t.Errorf("%d units, want those of 15 devices at least", len(answer.Units))
	}
}

// shown are the kinds of findings that the demo has to show: all that there are.
var shown = []reconcile.Kind{
	reconcile.UncoveredUnit, reconcile.RMAMismatch, reconcile.LineNotSeen, reconcile.CoverageExpiring, reconcile.CoverageExpired,
	reconcile.TermShort, reconcile.ActivationOverdue, reconcile.SiteMismatch,
	reconcile.PIDMismatch, reconcile.DuplicateSerial, reconcile.SuspectSerial, reconcile.DuplicateLine, reconcile.DataStale,
	reconcile.AgentSilent, reconcile.NodeUnreachable, reconcile.Incomplete, reconcile.HostKeyChanged,
	reconcile.CredentialRefused, reconcile.WeakAccess,
}

// awaitFindings waits until every kind is there, for some need a round of polls
// more than others.
func awaitFindings(ctx context.Context, t *testing.T, url string) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		seen := findings(t, url)
		missing := slices.DeleteFunc(slices.Clone(shown), func(k reconcile.Kind) bool { return seen[k] > 0 })
		if len(missing) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no finding is %v: %v", missing, seen)
		case <-tick.C:
		}
	}
}

func findings(t *testing.T, url string) map[reconcile.Kind]int {
	t.Helper()
	var answer struct{ Findings []reconcile.Finding }
	getJSON(t, url+"api/v1/findings?limit=1000", &answer)
	seen := map[reconcile.Kind]int{}
	for _, f := range answer.Findings {
		seen[f.Kind]++
		if f.NextStep.Title == "" || len(f.NextStep.Steps) == 0 {
			t.Errorf("%s: %s has no next step", f.Kind, f.Subject)
		}
		if f.Kind == reconcile.RMAMismatch && (f.NextStep.Sheet["remove_serial"] != "FCW2431L0B2" || f.NextStep.Sheet["add_serial"] != "FCW2718H7KD") {
			t.Errorf("swap sheet %v, want FCW2431L0B2 out and FCW2718H7KD in", f.NextStep.Sheet)
		}
	}
	return seen
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s\n%s", url, resp.Status, body)
	}
	return string(body)
}

func getJSON(t *testing.T, url string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(get(t, url)), into); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
}
