package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/collector/internal/store"
	"rollcall/pkg/torture"
	"rollcall/pkg/wire"
)

// backups is how often a copy is taken while reports are saved.
var backups = torture.Times(5, 50)

// A ledger counts what the store has acknowledged, each report one higher.
func ledger(t *testing.T, s *store.Store, a store.Agent) (acknowledged *atomic.Int64, stop func()) {
	t.Helper()
	acknowledged = &atomic.Int64{}
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		for n := int64(1); ctx.Err() == nil; n++ {
			if _, err := s.SaveReports(context.Background(), a, wire.Batch{SentAt: start, Reports: []wire.Report{numbered(n)}}); err != nil {
				t.Error(err)
				return
			}
			acknowledged.Store(n)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); work.Wait() })
	t.Cleanup(stop)
	return acknowledged, stop
}

// inFile reads one number from the database in a file.
func inFile(t *testing.T, path, query string) (n int64) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// Each copy, taken while reports are saved, has all that was acknowledged before
// it began, and the effect of each report that it has.
func TestBackupUnderLoad(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{DataDir: filepath.Join(dir, "data")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	acknowledged, stop := ledger(t, s, agent(t, s, "Riverside Food Bank", "Main", "agent-1"))
	for i := range backups {
		before := acknowledged.Load()
		b, err := s.Backup(t.Context(), filepath.Join(dir, fmt.Sprintf("%d.db", i)))
		if err != nil {
			t.Fatal(err)
		}
		after := acknowledged.Load() + 1 // one may be on its way
		reports := inFile(t, b.File, `SELECT COUNT(*) FROM reports`)
		if reports < before || reports > after {
			t.Errorf("backup %d has %d reports, want between %d and %d", i, reports, before, after)
		}
		if n := inFile(t, b.File, `SELECT COUNT(*) FROM sightings`); n != reports {
			t.Errorf("backup %d has %d reports with the effect of %d", i, reports, n)
		}
		if reports > 0 && inFile(t, b.File, `SELECT seq FROM watermarks`) != reports {
			t.Errorf("backup %d: the mark is not at report %d", i, reports)
		}
		info, err := os.Stat(b.File)
		if err != nil || info.Mode().Perm() != 0o600 || info.Size() != b.Bytes {
			t.Errorf("backup %d: %v, %v; want mode 0600 and %d bytes", i, info, err, b.Bytes)
		}
	}
	stop()
	torture.Figure(t, "R16", "%d backups while %d reports were saved, each whole and with all that was acknowledged before it", backups, acknowledged.Load())
	if _, err := s.Backup(t.Context(), filepath.Join(dir, "0.db")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("over another backup: error %v, want a conflict", err)
	}
	if _, err := s.Backup(t.Context(), filepath.Join(dir, "missing", "0.db")); err == nil {
		t.Error("into a directory that is not there: no error")
	}
	left, err := filepath.Glob(filepath.Join(dir, "*part*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestRestore(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	c := newClock()
	openData := func() *store.Store {
		t.Helper()
		s, err := store.Open(t.Context(), store.Options{DataDir: data, Now: c.now})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := openData()
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	save := func(n int64) {
		t.Helper()
		if _, err := s.SaveReports(t.Context(), a, wire.Batch{SentAt: c.now(), Reports: []wire.Report{numbered(n)}}); err != nil {
			t.Fatal(err)
		}
	}
	save(1)
	b, err := s.Backup(t.Context(), filepath.Join(dir, "backup.db"))
	if err != nil {
		t.Fatal(err)
	}
	c.advance(time.Hour)
	save(2)
	o := store.RestoreOptions{DataDir: data, File: b.File, Now: c.now, Log: slog.New(slog.DiscardHandler)}
	refused := func(what, words string) {
		t.Helper()
		if _, err := store.Restore(t.Context(), o); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: error %v, want one about %q", what, err, words)
		}
		files, err := filepath.Glob(filepath.Join(data, "*part*"))
		if err != nil || len(files) > 0 {
			t.Errorf("%s: left behind %v, %v", what, files, err)
		}
	}
	refused("over a database", "there is a database already")
	o.Replace = true
	refused("while it is used", "stop that first")
	save(3) // it goes on
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o.File = filepath.Join(dir, "broken.db")
	raw, err := os.ReadFile(b.File)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"empty": nil, "text": []byte("contract,serial\n"), "cut short": raw[:len(raw)/2]} {
		if err := os.WriteFile(o.File, content, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(name, "cannot be restored")
	}
	o.File = filepath.Join(data, "rollcall.db")
	refused("a database that is no backup", "no backup of a collector")

	o.File = b.File
	r, err := store.Restore(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Taken.Equal(start) || !r.Restored.Equal(c.now()) {
		t.Errorf("restored %+v, want taken at %v", r, start)
	}
	if n := inFile(t, r.Kept, `SELECT COUNT(*) FROM reports`); n != 3 {
		t.Errorf("the database before was kept with %d reports, want 3", n)
	}
	s = openData()
	defer func() { _ = s.Close() }()
	if n := inFile(t, filepath.Join(data, "rollcall.db"), `SELECT COUNT(*) FROM reports`); n != 1 {
		t.Errorf("%d reports after the restore, want 1", n)
	}
	last, err := s.LastRestore(t.Context())
	if err != nil || last == nil || last.ID != r.ID || !last.Taken.Equal(r.Taken) {
		t.Errorf("last restore %+v, %v; want %+v", last, err, r)
	}
	changed, err := s.Changed(t.Context())
	if err != nil || len(changed) != 1 {
		t.Errorf("changed %v, %v; want the organization", changed, err)
	}
	save(4) // an agent goes on
	again, err := s.Backup(t.Context(), filepath.Join(dir, "again.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.File, raw[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	// What is damaged can be replaced, and is kept all the same.
	o.DataDir, o.File = filepath.Join(dir, "damaged"), again.File
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.DataDir, "rollcall.db"), []byte("not a database, and longer than a header would have to be to be one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err = store.Restore(t.Context(), o); err != nil || r.Kept == "" {
		t.Errorf("over a damaged database: %+v, %v", r, err)
	}
}
