package spool_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/spool"
	"rollcall/pkg/torture"
)

// template is a spool of a few pages, closed, with a write-ahead log beside it
// if wal is set (as a kill leaves it).
func template(t *testing.T, wal bool) map[string][]byte {
	t.Helper()
	dir := memory(t)
	path := filepath.Join(dir, "spool.db")
	s := open(t, path, spool.Options{})
	for i := range 30 {
		add(t, s, fmt.Sprint("node", i%4), noise(1500))
	}
	if err := s.Quarantine(t.Context(), 1, "x"); err != nil {
		t.Fatal(err)
	}
	if !wal {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string][]byte{}
	for _, name := range []string{"spool.db", "spool.db-wal"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		files[name] = raw
	}
	if _, found := files["spool.db-wal"]; found != wal {
		t.Fatalf("a write-ahead log was left: %v, want %v", found, wal)
	}
	return files
}

// works opens the files, however damaged, and holds that the spool starts, takes
// a new item and gives it back.
func works(t *testing.T, files map[string][]byte) (setAside bool) {
	t.Helper()
	dir := memory(t)
	for name, raw := range files {
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := spool.Open(filepath.Join(dir, "spool.db"), spool.Options{Ballast: -1})
	if err != nil {
		t.Fatalf("does not start: %v", err)
	}
	defer func() { _ = s.Close() }()
	var id int64
	err = s.Append(t.Context(), "fresh", func(_, seq int64) ([]byte, error) { id = seq; return []byte("fresh"), nil })
	if err != nil {
		t.Fatalf("does not append: %v", err)
	}
	items, err := s.Next(t.Context(), 1<<40, 1<<20)
	if err != nil {
		t.Fatalf("does not read: %v", err)
	}
	fresh, original := false, noise(1500)
	for _, it := range items {
		fresh = fresh || it.ID == id && string(it.Payload) == "fresh"
		if string(it.Payload) != "fresh" && string(it.Payload) != original {
			t.Fatalf("item %d came back changed", it.ID)
		}
		if err := s.Ack(t.Context(), it.ID); err != nil {
			t.Fatalf("does not acknowledge: %v", err)
		}
	}
	st := stats(t, s)
	if !fresh && len(st.SetAside) == 0 {
		t.Fatal("the fresh item is not there")
	}
	for _, name := range st.SetAside {
		if _, err := os.Stat(name); err != nil {
			t.Errorf("set aside to %s, which is not there: %v", name, err)
		}
	}
	return len(st.SetAside) > 0
}

func TestTornFile(t *testing.T) {
	for _, wal := range []bool{false, true} {
		whole := template(t, wal)
		name := "spool.db"
		if wal {
			name = "spool.db-wal"
		}
		t.Run(name, func(t *testing.T) {
			size := len(whole[name])
			cuts := []int{0, 1, 15, 16, 50, 99, 100, 511, 512, 4095, 4096, 4097, 8192, size - 1, size - 3, size - 7, size - 4096, size - 4097, size - 8192}
			for cut := max(size-3*4096, 0); cut < size; cut += torture.Times(397, 1) { // the last three pages
				cuts = append(cuts, cut)
			}
			aside := 0
			for _, cut := range cuts {
				files := map[string][]byte{"spool.db": whole["spool.db"]}
				files[name] = whole[name][:cut]
				if works(t, files) {
					aside++
				}
			}
			torture.Figure(t, "R5", "%s cut at %d offsets: starts each time and works, set aside %d times", name, len(cuts), aside)
			if !wal && aside == 0 {
				t.Error("no cut file was found corrupt")
			}
		})
	}
}

func TestFlippedBits(t *testing.T) {
	flips := torture.Times(60, 10_000)
	r := rand.New(rand.NewPCG(7, 11))
	whole := template(t, false)["spool.db"]
	aside := 0
	for range flips {
		raw := append([]byte(nil), whole...)
		for range 1 + r.IntN(8) {
			raw[r.IntN(len(raw))] ^= 1 << r.IntN(8)
		}
		if works(t, map[string][]byte{"spool.db": raw}) {
			aside++
		}
	}
	torture.Figure(t, "R5", "%d files with flipped bits: starts each time and works, set aside %d times", flips, aside)
}

func TestNotASpool(t *testing.T) {
	tests := []struct {
		name string
		raw  string
	}{
		{"text", strings.Repeat("this is no database\n", 1000)},
		{"zeros", strings.Repeat("\x00", 8192)},
		{"short", "SQLite format 3\x00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !works(t, map[string][]byte{"spool.db": []byte(tt.raw)}) {
				t.Error("was taken for a spool")
			}
		})
	}
	t.Run("empty", func(t *testing.T) {
		if works(t, map[string][]byte{"spool.db": nil}) {
			t.Error("an empty file was set aside, want it filled")
		}
	})
}

// The corruption of a running spool is noticed by the call that meets it, which
// then works on a new spool.
func TestCorruptWhileOpen(t *testing.T) {
	c := &clock{start}
	path := filepath.Join(memory(t), "spool.db")
	s := open(t, path, spool.Options{Now: c.Now})
	for i := range 250 {
		add(t, s, fmt.Sprint("node", i), noise(12000)) // more than SQLite holds in its cache
	}
	epoch := s.Epoch()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(raw); i++ {
		raw[i] = 0xff
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path+"-wal", 0); err != nil {
		t.Fatal(err)
	}
	c.now = start.Add(-time.Hour) // a clock set back must not lower the epoch
	if _, err := s.Next(t.Context(), 1<<40, 1<<20); err != nil {
		t.Fatal(err)
	}
	add(t, s, "node", "fresh")
	st := stats(t, s)
	if len(st.SetAside) != 1 || st.Items != 1 {
		t.Errorf("stats %+v, want one spool set aside and one item", st)
	}
	if s.Epoch() <= epoch {
		t.Errorf("epoch %d of the new spool, want more than %d", s.Epoch(), epoch)
	}
}

func TestOldCorruptSpoolsAreRemoved(t *testing.T) {
	c := &clock{start}
	dir := memory(t)
	path := filepath.Join(dir, "spool.db")
	for range 6 {
		if err := os.WriteFile(path, []byte(strings.Repeat("x", 5000)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := open(t, path, spool.Options{Now: c.Now}).Close(); err != nil {
			t.Fatal(err)
		}
		c.now = c.now.Add(time.Minute)
	}
	found, err := fs.Glob(os.DirFS(dir), "spool.corrupt-*")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"spool.corrupt-20260301T120300Z", "spool.corrupt-20260301T120400Z", "spool.corrupt-20260301T120500Z"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("corrupt spools kept (-want +got):\n%s", diff)
	}
}

// FuzzSpoolFile opens any bytes as a spool.
func FuzzSpoolFile(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("SQLite format 3\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<16 {
			t.Skip()
		}
		works(t, map[string][]byte{"spool.db": raw})
	})
}
