package spool_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/agent/internal/spool"
)

// noise does not compress, so that its size in the spool is known.
func noise(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for range n {
		b.WriteByte(byte(r.Uint32()))
	}
	return b.String()
}

func ids(t *testing.T, s *spool.Spool) []int64 {
	t.Helper()
	items, err := s.Next(t.Context(), 1<<40, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var list []int64
	for _, it := range items {
		list = append(list, it.ID)
	}
	return list
}

func TestFullDropsSupersededFirst(t *testing.T) {
	tests := []struct {
		name    string
		keys    []string // one item of 1000 bytes each, in order
		room    int64    // items of 1000 bytes that fit
		want    []int64  // what is left
		dropped int64
	}{
		{"all fit", []string{"a", "a", "b"}, 3, []int64{1, 2, 3}, 0},
		{"older item of the same key before older ones of others", []string{"b", "b", "a", "a"}, 3, []int64{1, 2, 4}, 1},
		{"then the oldest superseded of all", []string{"b", "c", "b", "a"}, 3, []int64{2, 3, 4}, 1},
		{"newest of each key stays beyond the limit", []string{"a", "b", "c", "d"}, 2, []int64{1, 2, 3, 4}, 0},
		{"one key alone", []string{"a", "a", "a", "a", "a"}, 2, []int64{4, 5}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, filepath.Join(memory(t), "spool.db"), spool.Options{MaxBytes: tt.room*1000 + tt.room*100})
			for _, key := range tt.keys {
				add(t, s, key, noise(1000))
			}
			if diff := cmp.Diff(tt.want, ids(t, s)); diff != "" {
				t.Errorf("items left (-want +got):\n%s", diff)
			}
			st := stats(t, s)
			if st.Dropped[spool.DroppedFull] != tt.dropped {
				t.Errorf("dropped %v, want %d", st.Dropped, tt.dropped)
			}
		})
	}
}

func TestAgeDropsSupersededOnly(t *testing.T) {
	c := &clock{start}
	path := filepath.Join(memory(t), "spool.db")
	s := open(t, path, spool.Options{Now: c.Now, MaxAge: 24 * time.Hour})
	add(t, s, "a", "1")
	add(t, s, "a", "2")
	add(t, s, "b", "3")
	c.now = start.Add(48 * time.Hour)
	add(t, s, "c", "4")
	if diff := cmp.Diff([]string{"2 a 2", "3 b 3", "4 c 4"}, contents(t, s)); diff != "" {
		t.Errorf("queue (-want +got):\n%s", diff)
	}
	st := stats(t, s)
	if st.Dropped[spool.DroppedAge] != 1 || st.Items != 3 {
		t.Errorf("stats %+v, want 1 dropped by age and 3 items", st)
	}
	if !st.Oldest.Equal(start) {
		t.Errorf("oldest %v, want %v", st.Oldest, start)
	}
	// The counts of drops outlive the process.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if st := stats(t, open(t, path, spool.Options{Now: c.Now})); st.Dropped[spool.DroppedAge] != 1 {
		t.Errorf("dropped %v after reopening, want 1 by age", st.Dropped)
	}
}

// Whatever is appended, acknowledged and quarantined: the newest item of every
// key is there unless it was acknowledged or set aside, the totals are right,
// and what is missing is counted.
func TestLimitsHoldProperty(t *testing.T) {
	dir := memory(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		s, err := spool.Open(filepath.Join(dir, fmt.Sprintf("%d.db", n)), spool.Options{MaxBytes: 5000, Ballast: -1})
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		type entry struct {
			key  string
			gone bool // acknowledged or quarantined
		}
		var all []entry
		steps := rapid.IntRange(1, 25).Draw(rt, "steps")
		for range steps {
			switch op := rapid.IntRange(0, 9).Draw(rt, "op"); {
			case op < 7 || len(all) == 0:
				key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "key")
				size := rapid.IntRange(0, 2000).Draw(rt, "size")
				err = s.Append(t.Context(), key, func(int64, int64) ([]byte, error) { return []byte(noise(size)), nil })
				all = append(all, entry{key: key})
			case op < 9:
				i := rapid.IntRange(1, len(all)).Draw(rt, "ack")
				err = s.Ack(t.Context(), int64(i))
				all[i-1].gone = true
			default:
				i := rapid.IntRange(1, len(all)).Draw(rt, "quarantine")
				err = s.Quarantine(t.Context(), int64(i), "x")
				all[i-1].gone = true
			}
			if err != nil {
				rt.Fatal(err)
			}
		}
		items, err := s.Next(t.Context(), 1<<40, 1<<20)
		if err != nil {
			rt.Fatal(err)
		}
		there := map[int64]bool{}
		for _, it := range items {
			there[it.ID] = true
			if all[it.ID-1].gone || all[it.ID-1].key != it.Key {
				rt.Fatalf("item %d of key %s is there, want it gone or of key %s", it.ID, it.Key, all[it.ID-1].key)
			}
		}
		seen := map[string]bool{}
		for i, e := range slices.Backward(all) {
			if !seen[e.key] && !e.gone && !there[int64(i+1)] {
				rt.Fatalf("newest item %d of key %s was dropped", i+1, e.key)
			}
			seen[e.key] = true
		}
		st, err := s.Stats(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		if st.Items != int64(len(items)) {
			rt.Fatalf("stats say %d items, %d are there", st.Items, len(items))
		}
		var gone int64
		for _, e := range all {
			if e.gone {
				gone++
			}
		}
		missing := int64(len(all) - len(items))
		if dropped := st.Dropped[spool.DroppedFull]; dropped > missing || missing > dropped+gone {
			rt.Fatalf("%d items are missing, %d were acknowledged or set aside, %d counted as dropped", missing, gone, dropped)
		}
	})
}

func TestSpaceIsGivenBack(t *testing.T) {
	path := filepath.Join(memory(t), "spool.db")
	s := open(t, path, spool.Options{})
	payload := noise(1 << 20)
	var all []int64
	for i := range 12 {
		add(t, s, "node", payload)
		all = append(all, int64(i+1))
	}
	if err := s.Ack(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	// The newest of each key is kept to be sent again.
	if info.Size() > 2<<20 {
		t.Errorf("an empty spool that held 12 MiB takes %d bytes, want less than 2 MiB", info.Size())
	}
}

func TestBallast(t *testing.T) {
	path := filepath.Join(memory(t), "spool.db")
	s := open(t, path, spool.Options{Ballast: 64 << 10})
	info, err := os.Stat(path + ".ballast")
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() != 64<<10 {
		t.Errorf("ballast of %d bytes, want %d", info.Size(), 64<<10)
	}
	// Once given up, it comes back when the spool is empty.
	if err := os.Remove(path + ".ballast"); err != nil {
		t.Fatal(err)
	}
	add(t, s, "a", "1")
	if err := s.Ack(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + ".ballast"); err != nil {
		t.Errorf("ballast is not restored: %v", err)
	}
}
