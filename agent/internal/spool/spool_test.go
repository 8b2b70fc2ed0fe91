package spool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/spool"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is a time that the test moves.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// memory returns a folder in memory where the system has one. What survives a
// power cut is not what tests here are about, and disks are slow to sync.
func memory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "spool")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func open(t *testing.T, path string, opt spool.Options) *spool.Spool {
	t.Helper()
	if opt.Ballast == 0 {
		opt.Ballast = -1
	}
	s, err := spool.Open(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func add(t *testing.T, s *spool.Spool, key, payload string) {
	t.Helper()
	err := s.Append(t.Context(), key, func(int64, int64) ([]byte, error) { return []byte(payload), nil })
	if err != nil {
		t.Fatal(err)
	}
}

// contents lists the queue as "id key payload".
func contents(t *testing.T, s *spool.Spool) []string {
	t.Helper()
	items, err := s.Next(t.Context(), 1<<40, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, it := range items {
		list = append(list, fmt.Sprintf("%d %s %s", it.ID, it.Key, it.Payload))
	}
	return list
}

func stats(t *testing.T, s *spool.Spool) spool.Stats {
	t.Helper()
	st, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestOrderAckAndReopen(t *testing.T) {
	path := filepath.Join(memory(t), "spool ?#%.db") // characters that a database URL would stumble over
	s := open(t, path, spool.Options{})
	for i := range 5 {
		add(t, s, fmt.Sprint("node", i%2), fmt.Sprint("report", i))
	}
	if err := s.Ack(t.Context(), 2, 3, 99); err != nil {
		t.Fatal(err)
	}
	want := []string{"1 node0 report0", "4 node1 report3", "5 node0 report4"}
	if diff := cmp.Diff(want, contents(t, s)); diff != "" {
		t.Errorf("queue (-want +got):\n%s", diff)
	}
	epoch := s.Epoch()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, path, spool.Options{})
	if diff := cmp.Diff(want, contents(t, s)); diff != "" {
		t.Errorf("queue after reopening (-want +got):\n%s", diff)
	}
	if s.Epoch() != epoch {
		t.Errorf("epoch %d after reopening, want %d", s.Epoch(), epoch)
	}
	if err := s.Ack(t.Context(), 1, 4, 5); err != nil {
		t.Fatal(err)
	}
	add(t, s, "node0", "later")
	if diff := cmp.Diff([]string{"6 node0 later"}, contents(t, s)); diff != "" {
		t.Errorf("a seq is never used twice (-want +got):\n%s", diff)
	}
}

func TestAppendGivesEpochAndSeq(t *testing.T) {
	c := &clock{start}
	s := open(t, filepath.Join(memory(t), "spool.db"), spool.Options{Now: c.Now})
	var got [][2]int64
	encode := func(epoch, seq int64) ([]byte, error) {
		got = append(got, [2]int64{epoch, seq})
		return []byte("x"), nil
	}
	failing := errors.New("no payload")
	for i := range 3 {
		if i == 1 {
			err := s.Append(t.Context(), "n", func(int64, int64) ([]byte, error) { return nil, failing })
			if !errors.Is(err, failing) {
				t.Fatalf("error %v, want %v", err, failing)
			}
		}
		if err := s.Append(t.Context(), "n", encode); err != nil {
			t.Fatal(err)
		}
	}
	epoch := start.UnixMilli()
	if diff := cmp.Diff([][2]int64{{epoch, 1}, {epoch, 2}, {epoch, 3}}, got); diff != "" {
		t.Errorf("epoch and seq (-want +got):\n%s", diff)
	}
}

func TestNextLimits(t *testing.T) {
	s := open(t, filepath.Join(memory(t), "spool.db"), spool.Options{})
	for range 5 {
		add(t, s, "n", strings.Repeat("x", 1000))
	}
	tests := []struct {
		name     string
		maxBytes int64
		maxItems int
		want     int
	}{
		{"items", 1 << 20, 3, 3},
		{"bytes", 2500, 100, 2},
		{"one at least, whatever its size", 10, 100, 1},
		{"one at least, whatever the count", 1 << 20, 0, 1},
		{"all", 1 << 20, 100, 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			items, err := s.Next(t.Context(), tt.maxBytes, tt.maxItems)
			if err != nil {
				t.Fatal(err)
			}
			if len(items) != tt.want {
				t.Errorf("%d items, want %d", len(items), tt.want)
			}
		})
	}
}

func TestQuarantine(t *testing.T) {
	s := open(t, filepath.Join(memory(t), "spool.db"), spool.Options{MaxBytes: 1 << 20})
	add(t, s, "a", "bad")
	add(t, s, "b", "good")
	if err := s.Quarantine(t.Context(), 1, "refused: "+strings.Repeat("x", 10000)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"2 b good"}, contents(t, s)); diff != "" {
		t.Errorf("queue (-want +got):\n%s", diff)
	}
	if st := stats(t, s); st.Quarantined != 1 || st.Items != 1 {
		t.Errorf("stats %+v, want 1 quarantined and 1 item", st)
	}
	// The quarantine may take a quarter of the spool's size: 65 of these.
	payload := noise(4000)
	for i := range 80 {
		add(t, s, "a", payload)
		if err := s.Quarantine(t.Context(), int64(i+3), "refused"); err != nil {
			t.Fatal(err)
		}
	}
	st := stats(t, s)
	if st.Quarantined < 60 || st.Quarantined > 66 || st.Quarantined+st.Dropped[spool.DroppedQuarantine] != 81 {
		t.Errorf("%d quarantined and %v dropped, want about 65 and the others: the quarantine is bounded and counts", st.Quarantined, st.Dropped)
	}
}

func TestRemember(t *testing.T) {
	c := &clock{start}
	path := filepath.Join(memory(t), "spool.db")
	s := open(t, path, spool.Options{Now: c.Now})
	for _, key := range []string{"old", "again"} {
		if err := s.Remember(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	c.now = start.Add(time.Hour)
	if err := s.Remember(t.Context(), "again"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, spool.Options{Now: c.Now})
	got, err := s.Remembered(t.Context(), start.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]time.Time{"again": start.Add(time.Hour)}, got); diff != "" {
		t.Errorf("remembered (-want +got):\n%s", diff)
	}
}

func TestAppendWakes(t *testing.T) {
	s := open(t, filepath.Join(memory(t), "spool.db"), spool.Options{})
	select {
	case <-s.Appended():
		t.Fatal("woken before an append")
	default:
	}
	add(t, s, "n", "1")
	add(t, s, "n", "2")
	<-s.Appended()
	select {
	case <-s.Appended():
		t.Fatal("two appends left two wakes, want one")
	default:
	}
}

func TestSecondAgentIsKeptOut(t *testing.T) {
	path := filepath.Join(memory(t), "spool.db")
	s := open(t, path, spool.Options{})
	if _, err := spool.Open(path, spool.Options{}); !errors.Is(err, spool.ErrLocked) {
		t.Fatalf("error %v, want %v", err, spool.ErrLocked)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path, spool.Options{})
}

func TestOpenFails(t *testing.T) {
	if _, err := spool.Open(filepath.Join(memory(t), "none", "spool.db"), spool.Options{}); err == nil {
		t.Error("opened in a folder that does not exist")
	}
	path := filepath.Join(memory(t), "spool.db")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := spool.Open(path, spool.Options{}); err == nil {
		t.Error("opened a folder")
	}
}

func TestClosed(t *testing.T) {
	s := open(t, filepath.Join(memory(t), "spool.db"), spool.Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := s.Ack(t.Context(), 1); err == nil {
		t.Error("Ack on a closed spool gave no error")
	}
}

func TestCancelledAppendLeavesNothing(t *testing.T) {
	s := open(t, filepath.Join(memory(t), "spool.db"), spool.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Append(ctx, "n", func(int64, int64) ([]byte, error) { cancel(); return []byte("x"), nil })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want canceled", err)
	}
	if got := contents(t, s); len(got) != 0 {
		t.Errorf("queue %v, want nothing", got)
	}
	if st := stats(t, s); st.Items != 0 || st.Bytes != 0 {
		t.Errorf("stats %+v, want 0", st)
	}
}

func TestConcurrentUse(t *testing.T) {
	s := open(t, filepath.Join(memory(t), "spool.db"), spool.Options{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 25 {
				err := s.Append(t.Context(), fmt.Sprint("n", w), func(_, seq int64) ([]byte, error) {
					return bytes.Repeat([]byte{byte(i)}, int(seq)), nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	acked := map[int64]bool{}
	for len(acked) < 100 && !t.Failed() {
		items, err := s.Next(t.Context(), 1<<20, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range items {
			if acked[it.ID] || int64(len(it.Payload)) != it.ID {
				t.Fatalf("item %d came twice or with %d bytes", it.ID, len(it.Payload))
			}
			acked[it.ID] = true
			if err := s.Ack(t.Context(), it.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	wg.Wait()
	if st := stats(t, s); st.Items != 0 || st.Bytes != 0 {
		t.Errorf("stats %+v, want an empty spool", st)
	}
}
