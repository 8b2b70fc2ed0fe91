package spool_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/spool"
)

// What was acknowledged comes back when the other side lost it: the newest of
// each key, as it was, over a restart.
func TestSendAgain(t *testing.T) {
	c := &clock{start}
	path := filepath.Join(memory(t), "spool.db")
	s := open(t, path, spool.Options{Now: c.Now, MaxAge: 24 * time.Hour})
	for i := range 6 {
		add(t, s, fmt.Sprint("node", i%3), fmt.Sprint("payload ", i+1))
	}
	if err := s.Ack(t.Context(), 1, 2, 3, 5, 6); err != nil {
		t.Fatal(err)
	}
	if st := stats(t, s); st.Acked != 6 || st.Kept != 3 || st.Items != 1 {
		t.Fatalf("stats %+v, want 6 acknowledged, 3 of them kept, and 1 item", st)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, spool.Options{Now: c.Now, MaxAge: 24 * time.Hour})
	if n, err := s.SendAgain(t.Context(), s.Epoch()+1, 0); n != 0 || err != nil {
		t.Errorf("%d items and %v for another epoch, want none", n, err)
	}
	n, err := s.SendAgain(t.Context(), s.Epoch(), 5)
	if n != 1 || err != nil {
		t.Fatalf("%d items and %v, want the one after 5", n, err)
	}
	if diff := cmp.Diff([]string{"4 node0 payload 4", "6 node2 payload 6"}, contents(t, s)); diff != "" {
		t.Errorf("queue (-want +got):\n%s", diff)
	}
	if st := stats(t, s); st.Acked != 5 || st.Items != 2 || st.Kept != 2 {
		t.Errorf("stats %+v, want 5 acknowledged, 2 items and 2 kept", st)
	}
	// Acknowledged out of order, the newest stays kept.
	if err := s.Ack(t.Context(), 6, 4); err != nil {
		t.Fatal(err)
	}
	if n, err := s.SendAgain(t.Context(), s.Epoch(), 0); n != 3 || err != nil {
		t.Errorf("%d items and %v, want 3", n, err)
	}
	if diff := cmp.Diff([]string{"4 node0 payload 4", "5 node1 payload 5", "6 node2 payload 6"}, contents(t, s)); diff != "" {
		t.Errorf("queue (-want +got):\n%s", diff)
	}
}

func TestKeptIsBounded(t *testing.T) {
	c := &clock{start}
	s := open(t, filepath.Join(memory(t), "spool.db"), spool.Options{Now: c.Now, MaxBytes: 40_000, MaxAge: 24 * time.Hour})
	payload := noise(3000)
	for i := range 8 {
		add(t, s, fmt.Sprint("node", i), payload)
	}
	if err := s.Ack(t.Context(), 1, 2, 3, 4, 5, 6, 7, 8); err != nil {
		t.Fatal(err)
	}
	if st := stats(t, s); st.Kept != 3 {
		t.Errorf("%d kept, want 3 in a quarter of 40,000 bytes", st.Kept)
	}
	c.now = start.Add(48 * time.Hour)
	add(t, s, "node", "x")
	if st := stats(t, s); st.Kept != 0 {
		t.Errorf("%d kept, want none beyond the age", st.Kept)
	}
}

// Spools made before acknowledged items were kept get what they lack.
func TestSpoolWithoutKept(t *testing.T) {
	path := filepath.Join(memory(t), "spool.db")
	s := open(t, path, spool.Options{})
	add(t, s, "node", "1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`DROP TABLE kept; DELETE FROM meta WHERE name IN ('acked', 'corrupt')`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, spool.Options{})
	if st := stats(t, s); len(st.SetAside) > 0 || st.Items != 1 || st.Acked != 0 {
		t.Fatalf("stats %+v, want the spool of before", st)
	}
	if err := s.Ack(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if st := stats(t, s); st.Acked != 1 || st.Kept != 1 {
		t.Errorf("stats %+v, want one acknowledged and kept", st)
	}
}
