package store_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

func TestDuplicateReportsCountOnce(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	r := report(c, 1, device("192.0.2.1", part("1", "C9300-48P", "FCW0000A001")))
	if diff := cmp.Diff([]wire.Status{wire.Stored, wire.Duplicate}, send(t, s, c, a, r, r)); diff != "" {
		t.Errorf("twice in one batch (-want +got):\n%s", diff)
	}
	want := facts(t, s, a.Organization)
	c.advance(time.Minute)
	if diff := cmp.Diff([]wire.Status{wire.Duplicate}, send(t, s, c, a, r)); diff != "" {
		t.Errorf("once more (-want +got):\n%s", diff)
	}
	got := facts(t, s, a.Organization)
	if diff := cmp.Diff([]any{want.Nodes, want.Sightings}, []any{got.Nodes, got.Sightings}); diff != "" {
		t.Errorf("a duplicate changed what is known (-want +got):\n%s", diff)
	}
}

// Whatever the order of arrival, the newest report by (epoch, seq) stands.
func TestOldReportsNeverOverwrite(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	for _, seed := range []uint64{1, 2, 3, 4, 5} {
		s := open(t, dir, c)
		a := agent(t, s, "Riverside Food Bank", "Main", strings.Repeat("x", int(seed)))
		address := strings.Repeat("y", int(seed))
		var reports []wire.Report
		for epoch := int64(1); epoch <= 3; epoch++ {
			for seq := int64(1); seq <= 4; seq++ {
				d := device(address, part("1", "C9300-48P", "FCW000"+string(rune('0'+epoch))+string(rune('0'+seq))))
				r := report(c, seq, d)
				r.ReportID, r.Epoch = r.ReportID+string(rune('0'+epoch)), epoch
				reports = append(reports, r, r)
			}
		}
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		stored := 0
		for _, r := range reports {
			c.advance(time.Second)
			for _, status := range send(t, s, c, a, r) {
				if status == wire.Stored {
					stored++
				}
			}
		}
		if stored != len(reports)/2 {
			t.Errorf("seed %d: %d reports stored, want %d", seed, stored, len(reports)/2)
		}
		var present []string
		for _, sighting := range facts(t, s, a.Organization).Sightings {
			if sighting.Node == "Main/"+address && sighting.Present() {
				present = append(present, sighting.Component.Serial)
			}
		}
		if diff := cmp.Diff([]string{"FCW00034"}, present); diff != "" {
			t.Errorf("seed %d: parts present (-want +got):\n%s", seed, diff)
		}
	}
}

func TestUnchangedReportOnlyTouches(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	d := device("192.0.2.1", part("1", "C9300-48P", "FCW0000A001"))
	send(t, s, c, a, report(c, 1, d))
	unit := reconcile.Unit{Serial: "FCW0000A001", Site: "Main", Address: "192.0.2.1", Slot: "1", LastSeen: start}
	facts(t, s, a.Organization)
	if err := s.SaveResult(ctx, a.Organization, reconcile.Result{Units: []reconcile.Unit{unit}}); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Hour)
	send(t, s, c, a, report(c, 2, d))
	if got := changed(t, s); len(got) != 0 {
		t.Errorf("an unchanged report changed %v", got)
	}
	f := facts(t, s, a.Organization)
	want := start.Add(time.Hour)
	if got := f.Nodes[0].LastGood; !got.Equal(want) {
		t.Errorf("node last good %v, want %v", got, want)
	}
	if got := f.Sightings[0]; !got.Last.Equal(want) || !got.First.Equal(start) {
		t.Errorf("part seen %v to %v, want %v to %v", got.First, got.Last, start, want)
	}
	units, err := s.Units(ctx, a.Organization)
	if err != nil {
		t.Fatal(err)
	}
	if len(units) != 1 || !units[0].LastSeen.Equal(want) {
		t.Errorf("units %+v, want one last seen %v", units, want)
	}
}

func TestUnansweredNodeKeepsItsName(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	d := device("192.0.2.1", part("1", "C9300-48P", "FCW0000A001"))
	send(t, s, c, a, report(c, 1, d))
	c.advance(time.Hour)
	problem := inventory.Problem{Kind: inventory.ProblemUnreachable, Message: "no answer"}
	r := report(c, 2, inventory.Device{Address: "192.0.2.1", Errors: []inventory.Problem{problem}})
	r.Answered = false
	send(t, s, c, a, r)
	f := facts(t, s, a.Organization)
	want := reconcile.Node{
		ID: "Main/192.0.2.1", Site: "Main", Agent: a.ID, Address: "192.0.2.1", Name: d.Name, Platform: d.Platform,
		Polled: start.Add(time.Hour), LastGood: start, Problems: []inventory.Problem{problem},
	}
	if diff := cmp.Diff(want, f.Nodes[0]); diff != "" {
		t.Errorf("node (-want +got):\n%s", diff)
	}
	if got := f.Sightings[0]; !got.Present() || !got.Last.Equal(start) {
		t.Errorf("part last seen %v, gone %v; want it present, last seen %v", got.Last, got.Gone, start)
	}
}

// A part moves to another slot, then to another node, and back: each place is a
// sighting of its own, and none is forgotten.
func TestHistoryOfPlaces(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	moving, staying, other := part("1", "C9300-48P", "FCW0000A001"), part("3", "C9300-48P", "FCW0000A003"), part("1", "C9300-24T", "FCW0000B001")
	at := func(position string) inventory.Component { p := moving; p.Name = position; return p }
	steps := [][]wire.Report{
		{report(c, 1, device("192.0.2.1", at("1"), staying)), report(c, 2, device("192.0.2.2", other))},
		{report(c, 3, device("192.0.2.1", at("2"), staying))},
		{report(c, 4, device("192.0.2.1", staying)), report(c, 5, device("192.0.2.2", at("2"), other))},
		{report(c, 6, device("192.0.2.2", other)), report(c, 7, device("192.0.2.1", at("1"), staying))},
	}
	for i, step := range steps {
		if i > 0 {
			c.advance(time.Hour)
		}
		for _, r := range step {
			r.PolledAt = c.now()
			send(t, s, c, a, r)
		}
	}
	hour := func(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) }
	type place struct {
		Serial, Node, Slot string
		First, Last, Gone  time.Time
	}
	want := []place{
		{"FCW0000A001", "Main/192.0.2.1", "1", hour(0), hour(0), hour(1)},
		{"FCW0000A003", "Main/192.0.2.1", "3", hour(0), hour(3), time.Time{}},
		{"FCW0000B001", "Main/192.0.2.2", "1", hour(0), hour(3), time.Time{}},
		{"FCW0000A001", "Main/192.0.2.1", "2", hour(1), hour(1), hour(2)},
		{"FCW0000A001", "Main/192.0.2.2", "2", hour(2), hour(2), hour(3)},
		{"FCW0000A001", "Main/192.0.2.1", "1", hour(3), hour(3), time.Time{}},
	}
	var got []place
	for _, s := range facts(t, s, a.Organization).Sightings {
		got = append(got, place{s.Component.Serial, s.Node, s.Slot, s.First, s.Last, s.Gone})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}

// A part that an incomplete report lacks was last seen before it, however often
// the node is polled after.
func TestIncompleteReportsAgeWhatTheyLack(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	one, two := part("1", "C9300-48P", "FCW0000A001"), part("2", "C9300-48P", "FCW0000A002")
	send(t, s, c, a, report(c, 1, device("192.0.2.1", one, two)))
	half := device("192.0.2.1", one)
	half.Complete = false
	for seq := int64(2); seq <= 4; seq++ {
		c.advance(time.Hour)
		send(t, s, c, a, report(c, seq, half))
	}
	got := map[string]time.Time{}
	for _, s := range facts(t, s, a.Organization).Sightings {
		if !s.Present() {
			t.Errorf("%s is gone by an incomplete report", s.Component.Serial)
		}
		got[s.Component.Serial] = s.Last
	}
	want := map[string]time.Time{"FCW0000A001": start.Add(3 * time.Hour), "FCW0000A002": start}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("last seen (-want +got):\n%s", diff)
	}
}

func TestPolledByTheCollectorsClock(t *testing.T) {
	tests := []struct {
		name         string
		sent, polled time.Duration // the agent's clock, from the collector's
		want         time.Duration
	}{
		{"right clock", 0, -time.Minute, -time.Minute},
		{"ten years ahead", 10 * 365 * 24 * time.Hour, 10*365*24*time.Hour - time.Minute, -time.Minute},
		{"polled before its clock was set", 0, -20 * 365 * 24 * time.Hour, 0},
		{"polled after it was sent", 0, time.Hour, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			s := open(t, t.TempDir(), c)
			a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
			r := report(c, 1, device("192.0.2.1", part("1", "C9300-48P", "FCW0000A001")))
			r.PolledAt = start.Add(tt.polled)
			b := wire.Batch{SentAt: start.Add(tt.sent), Interval: 60, Reports: []wire.Report{r}}
			if _, err := s.SaveReports(context.Background(), a, b); err != nil {
				t.Fatal(err)
			}
			if got, want := facts(t, s, a.Organization).Nodes[0].Polled, start.Add(tt.want); !got.Equal(want) {
				t.Errorf("polled %v, want %v", got, want)
			}
			all, err := s.AgentsAll(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if got := all[0].ClockSkew; got != tt.sent {
				t.Errorf("clock skew %v, want %v", got, tt.sent)
			}
		})
	}
}

func TestReportsAreRefusedAlone(t *testing.T) {
	c := newClock()
	good := func(seq int64) wire.Report {
		return report(c, seq, device("192.0.2.1", part("1", "C9300-48P", "FCW0000A001")))
	}
	tests := []struct {
		name string
		edit func(*wire.Report)
		want string
	}{
		{"NUL in a name", func(r *wire.Report) { r.Device.Name = "sw\x00" }, "device.name has a NUL character"},
		{"NUL in a component", func(r *wire.Report) { r.Device.Components[0].Description = "\x00" }, "device.components[0].description has a NUL character"},
		{"not UTF-8", func(r *wire.Report) { r.Device.Software = "\xff" }, "device.software is not UTF-8"},
		{"long text", func(r *wire.Report) {
			r.Device.Errors = []inventory.Problem{{Message: strings.Repeat("x", 4097)}}
		}, "device.errors[0].message is longer than 4096 bytes"},
		{"no serial", func(r *wire.Report) { r.Device.Components[0].Serial = "" }, `component 0 (pid "C9300-48P") has no serial`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, t.TempDir(), c)
			a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
			bad := good(2)
			tt.edit(&bad)
			b := wire.Batch{SentAt: c.now(), Reports: []wire.Report{good(1), bad, good(3)}}
			got, err := s.SaveReports(context.Background(), a, b)
			if err != nil {
				t.Fatal(err)
			}
			want := []wire.Result{
				{ReportID: b.Reports[0].ReportID, Status: wire.Stored},
				{ReportID: bad.ReportID, Status: wire.Refused, Reason: tt.want},
				{ReportID: b.Reports[2].ReportID, Status: wire.Stored},
			}
			if diff := cmp.Diff(want, got.Results); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAgents(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	a, token, err := s.CreateAgent(ctx, "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(token, "rca_") || len(token) != len("rca_")+43 {
		t.Errorf("token has %d characters", len(token))
	}
	expect := func(token string, want error) {
		t.Helper()
		_, err := s.AgentByToken(ctx, token)
		if !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
		if err != nil && strings.Contains(err.Error(), token) && token != "" {
			t.Errorf("the error tells the token: %v", err)
		}
	}
	expect(token, nil)
	for _, wrong := range []string{"", "rca_", token[:len(token)-1], token + "x", strings.ToUpper(token), "rca_" + strings.Repeat("x", 1<<16)} {
		expect(wrong, store.ErrUnauthorized)
	}
	if _, _, err := s.CreateAgent(ctx, "Riverside Food Bank", "Main", "agent-1"); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the same agent again: error %v, want %v", err, store.ErrConflict)
	}
	if err := s.RevokeAgent(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	expect(token, store.ErrRevoked)
	if got := facts(t, s, a.Organization).Agents; len(got) != 0 {
		t.Errorf("a revoked agent is still expected: %v", got)
	}
	second, err := s.ReplaceToken(ctx, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	expect(token, store.ErrUnauthorized)
	expect(second, nil)
}

// A machine that was set up anew counts from 1 again.
func TestNewTokenTakesReportsFromTheStart(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	send(t, s, c, a, report(c, 900, device("192.0.2.1", part("1", "C9300-48P", "FCW0000A001"))))
	if _, err := s.ReplaceToken(context.Background(), a.ID); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Hour)
	send(t, s, c, a, report(c, 1, device("192.0.2.1", part("1", "C9300-48P", "FCW0000A002"))))
	if got := facts(t, s, a.Organization).Nodes[0].Polled; !got.Equal(c.now()) {
		t.Errorf("polled %v, want %v", got, c.now())
	}
}

func TestOrganizationNames(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir(), newClock())
	first, err := s.CreateOrganization(ctx, "Riverside  Food Bank ")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(store.Organization{ID: "riverside-food-bank", Name: "Riverside Food Bank"}, first); diff != "" {
		t.Errorf("organization (-want +got):\n%s", diff)
	}
	tests := []struct {
		name string
		want error
	}{
		{"Riverside Food Bank", nil},
		{"riverside food bank", nil},
		{"riverside-food-bank", nil},
		{"Riverside: Food Bank", store.ErrConflict},
		{"", store.ErrInvalid},
		{"!?", store.ErrInvalid},
		{strings.Repeat("x", 201), store.ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := s.CreateOrganization(ctx, tt.name)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if err == nil && got != first {
				t.Errorf("organization %v, want %v", got, first)
			}
			if _, err := s.OrganizationByName(ctx, tt.name); (err == nil) != (tt.want == nil) {
				t.Errorf("found by name: error %v", err)
			}
		})
	}
}

func TestPrune(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	r := report(c, 1, device("192.0.2.1", part("1", "C9300-48P", "FCW0000A001")))
	send(t, s, c, a, r)
	status := func(after time.Duration) wire.Status {
		t.Helper()
		c.advance(after)
		if err := s.Prune(ctx); err != nil {
			t.Fatal(err)
		}
		return send(t, s, c, a, r)[0]
	}
	if got := status(120 * 24 * time.Hour); got != wire.Duplicate {
		t.Errorf("after 120 days %s, want %s", got, wire.Duplicate)
	}
	polled := facts(t, s, a.Organization).Nodes[0].Polled
	if got := status(24 * time.Hour); got != wire.Stored {
		t.Errorf("after 121 days %s, want %s", got, wire.Stored)
	}
	if got := facts(t, s, a.Organization).Nodes[0].Polled; !got.Equal(polled) {
		t.Errorf("a forgotten report was applied a second time")
	}
}
