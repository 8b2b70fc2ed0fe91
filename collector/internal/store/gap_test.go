package store_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/store"
	"rollcall/pkg/wire"
)

// tell saves a batch of the numbered reports from first to last, at an agent
// whose spool stands so.
func tell(t *testing.T, s *store.Store, a store.Agent, spool wire.Spool, dropped map[string]int64, first, last int64) *wire.SendAgain {
	t.Helper()
	b := wire.Batch{SentAt: start, Interval: 3600, Spool: &spool, Dropped: dropped}
	for n := first; n <= last; n++ {
		r := numbered(n)
		r.Epoch = spool.Epoch
		b.Reports = append(b.Reports, r)
	}
	receipt, err := s.SaveReports(context.Background(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.SendAgain
}

func missing(t *testing.T, s *store.Store, org string) map[string]int64 {
	t.Helper()
	gaps, err := s.Gaps(context.Background(), org, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, g := range gaps {
		got[g.Reason] = g.Missing
	}
	return got
}

func TestGaps(t *testing.T) {
	type told struct {
		spool       wire.Spool
		dropped     map[string]int64
		first, last int64 // reports of the batch
	}
	tests := []struct {
		name  string
		tells []told
		again *wire.SendAgain // of the last
		gaps  map[string]int64
	}{
		{"all is well", []told{
			{wire.Spool{Epoch: 5}, nil, 1, 3},
			{wire.Spool{Epoch: 5, Acked: 3}, nil, 4, 4},
			{wire.Spool{Epoch: 5, Acked: 4}, nil, 4, 4}, // again, its receipt was lost
		}, nil, map[string]int64{}},
		{"dropped is told with each batch and counts once", []told{
			{wire.Spool{Epoch: 5}, map[string]int64{"full": 2}, 1, 1},
			{wire.Spool{Epoch: 5, Acked: 1}, map[string]int64{"full": 2, "unsaved": 1}, 2, 2},
			{wire.Spool{Epoch: 5, Acked: 2}, map[string]int64{"full": 7, "unsaved": 1, "tomorrow's": 1}, 3, 3},
		}, nil, map[string]int64{"full": 7, "unsaved": 1, "other": 1}},
		{"a spool that was corrupt", []told{
			{wire.Spool{Epoch: 5}, map[string]int64{"full": 2}, 1, 1},
			{wire.Spool{Epoch: 6, Corrupt: 1}, map[string]int64{"full": 1}, 1, 1},
			{wire.Spool{Epoch: 6, Acked: 1, Corrupt: 1}, map[string]int64{"full": 1}, 2, 2},
		}, nil, map[string]int64{"full": 3, "corrupt": 1}},
		{"a spool of before says nothing new", []told{
			{wire.Spool{Epoch: 6}, nil, 1, 1},
			{wire.Spool{Epoch: 5, Acked: 900, Corrupt: 4}, map[string]int64{"full": 2}, 1, 1},
		}, nil, map[string]int64{}},
		{"receipts for what is not here", []told{
			{wire.Spool{Epoch: 5}, nil, 1, 3},
			{wire.Spool{Epoch: 5, Acked: 9}, nil, 10, 11},
		}, &wire.SendAgain{Epoch: 5, After: 3}, map[string]int64{"restore": 6}},
		{"asked until it is heard", []told{
			{wire.Spool{Epoch: 5}, nil, 1, 3},
			{wire.Spool{Epoch: 5, Acked: 9}, nil, 10, 11},
			{wire.Spool{Epoch: 5, Acked: 9}, nil, 10, 11},
			{wire.Spool{Epoch: 5, Acked: 11}, nil, 12, 12},
		}, &wire.SendAgain{Epoch: 5, After: 3}, map[string]int64{"restore": 8}},
		{"heard", []told{
			{wire.Spool{Epoch: 5}, nil, 1, 3},
			{wire.Spool{Epoch: 5, Acked: 9}, nil, 10, 11},
			{wire.Spool{Epoch: 5, Acked: 3}, nil, 8, 9},
			{wire.Spool{Epoch: 5, Acked: 9}, nil, 12, 12},
			{wire.Spool{Epoch: 5, Acked: 12}, nil, 13, 13},
		}, nil, map[string]int64{"restore": 6}},
		{"nothing of the epoch is here", []told{
			{wire.Spool{Epoch: 5}, nil, 1, 3},
			{wire.Spool{Epoch: 6, Acked: 4}, nil, 5, 5},
		}, &wire.SendAgain{Epoch: 6}, map[string]int64{"restore": 4}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, t.TempDir(), newClock())
			a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
			var again *wire.SendAgain
			for _, b := range tt.tells {
				again = tell(t, s, a, b.spool, b.dropped, b.first, b.last)
			}
			if diff := cmp.Diff(tt.again, again); diff != "" {
				t.Errorf("asked to send again (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.gaps, missing(t, s, a.Organization)); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
			if got, err := s.Within("another").Gaps(context.Background(), a.Organization, time.Time{}); len(got) > 0 || err == nil {
				t.Errorf("another organization sees %v", got)
			}
		})
	}
}

// A database that was copied, and takes the place of the one that went on.
func TestRestoreGap(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	s := open(t, dir, c)
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	tell(t, s, a, wire.Spool{Epoch: 5}, nil, 1, 4)
	if err := s.Close(); err != nil { // folds the write-ahead log into the file
		t.Fatal(err)
	}
	backup, err := os.ReadFile(filepath.Join(dir, "rollcall.db"))
	if err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, c)
	if again := tell(t, s, a, wire.Spool{Epoch: 5, Acked: 4}, nil, 5, 8); again != nil {
		t.Fatalf("asked for %+v while nothing is missing", again)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rollcall.db"), backup, 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, c)
	again := tell(t, s, a, wire.Spool{Epoch: 5, Acked: 8}, nil, 9, 9)
	if diff := cmp.Diff(&wire.SendAgain{Epoch: 5, After: 4}, again); diff != "" {
		t.Fatalf("asked after a restore (-want +got):\n%s", diff)
	}
	if again := tell(t, s, a, wire.Spool{Epoch: 5, Acked: 4}, nil, 5, 8); again != nil {
		t.Errorf("asked again for %+v after all came", again)
	}
	if diff := cmp.Diff(map[string]int64{"restore": 4}, missing(t, s, a.Organization)); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}

func TestRefusedReportsAreKnown(t *testing.T) {
	s := open(t, t.TempDir(), newClock())
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	tell(t, s, a, wire.Spool{Epoch: 5, Waiting: 7, Quarantined: 2, Reason: "collector: device.name has a NUL\x00 character"}, nil, 1, 1)
	f := facts(t, s, a.Organization)
	if len(f.Agents) != 1 || f.Agents[0].Refused != 2 || f.Agents[0].Refusal != "collector: device.name has a NUL character" {
		t.Errorf("agents %+v, want one with 2 refused reports and the reason without its NUL", f.Agents)
	}
	x, err := s.Snapshot(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(x.Spools) != 1 || x.Spools[0].Waiting != 7 || x.Spools[0].Quarantined != 2 {
		t.Errorf("spools %+v, want one with 7 reports that wait and 2 set aside", x.Spools)
	}
}
