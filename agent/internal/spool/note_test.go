package spool_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/spool"
)

func notes(t *testing.T, s *spool.Spool, prefix string, since time.Time) map[string]string {
	t.Helper()
	got := map[string]string{}
	if err := s.Notes(t.Context(), prefix, since, func(key string, value []byte) { got[key] = string(value) }); err != nil {
		t.Fatal(err)
	}
	return got
}

func note(t *testing.T, s *spool.Spool, key, value string) {
	t.Helper()
	if err := s.Note(t.Context(), key, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func TestNotes(t *testing.T) {
	c := &clock{start}
	path := filepath.Join(memory(t), "spool.db")
	s := open(t, path, spool.Options{Now: c.Now})
	note(t, s, "a 1", "one")
	note(t, s, "a 2", "old")
	note(t, s, "a_3", "another prefix")
	note(t, s, "b", "other")
	note(t, s, "b", "newer")
	note(t, s, "a 4", "forgotten")
	note(t, s, "a 4", "")
	c.now = start.Add(time.Hour)
	note(t, s, "a 1", "one again")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, spool.Options{Now: c.Now})
	if diff := cmp.Diff(map[string]string{"a 1": "one again", "a 2": "old"}, notes(t, s, "a ", start)); diff != "" {
		t.Errorf("notes after a restart (-want +got):\n%s", diff)
	}
	// What is too old is forgotten, of the prefix alone.
	notes(t, s, "a ", start.Add(time.Minute))
	if diff := cmp.Diff(map[string]string{"a 1": "one again", "a_3": "another prefix", "b": "newer"}, notes(t, s, "", start)); diff != "" {
		t.Errorf("notes after old ones were dropped (-want +got):\n%s", diff)
	}
	if err := s.Note(t.Context(), "big", make([]byte, 16<<20+1)); err == nil {
		t.Error("a note beyond the limit was taken")
	}
}

// A spool of a release before there were notes is taken as it is.
func TestNotesInASpoolWithoutThem(t *testing.T) {
	path := filepath.Join(memory(t), "spool.db")
	s := open(t, path, spool.Options{})
	add(t, s, "sw1", "report")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`DROP TABLE note`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, spool.Options{})
	note(t, s, "k", "v")
	if st := stats(t, s); st.Items != 1 || len(st.SetAside) != 0 {
		t.Errorf("%d reports and %v set aside, want the spool as it was", st.Items, st.SetAside)
	}
}
