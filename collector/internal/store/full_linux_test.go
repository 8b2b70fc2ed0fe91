package store_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rollcall/collector/internal/store"
	"rollcall/pkg/peer"
	"rollcall/pkg/wire"
)

// On a full disk the store says that it cannot write, keeps what it has, and
// goes on by itself once there is room.
func TestFullDisk(t *testing.T) {
	peer.NeedRoot(t, "it mounts a small disk")
	ctx := context.Background()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		peer.Skip(t, "needs leave to mount: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("cannot unmount: %v", err)
		}
	})
	c := newClock()
	s, err := store.Open(ctx, store.Options{DataDir: dir, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	a := agent(t, s, "Riverside Food Bank", "Main", "agent-1")
	for round := range int64(3) {
		fill(t, filepath.Join(dir, "filler"))
		saved := int64(0)
		for ; err == nil; saved++ { // until the room within the files is used up
			_, err = s.SaveReports(ctx, a, wire.Batch{SentAt: c.now(), Reports: []wire.Report{numbered(round*1_000_000 + saved + 1)}})
		}
		if readyErr := s.Ready(ctx); readyErr == nil || !strings.Contains(readyErr.Error(), "free space") {
			t.Errorf("round %d: ready says %v after %v", round, readyErr, err)
		}
		if got := len(facts(t, s, a.Organization).Agents); got != 1 {
			t.Errorf("round %d: %d agents read, want 1", round, got)
		}
		if err = os.Remove(filepath.Join(dir, "filler")); err != nil {
			t.Fatal(err)
		}
		if readyErr := s.Ready(ctx); readyErr != nil {
			t.Errorf("round %d: with room again: %v", round, readyErr)
		}
		send(t, s, c, a, numbered(round*1_000_000+saved+1))
	}
}

// fill writes until nothing more fits.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(f, zeros{})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk ended with %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
