//go:build linux

package spool_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"rollcall/agent/internal/spool"
	"rollcall/pkg/peer"
	"rollcall/pkg/torture"
)

// smallDisk mounts a file system of size bytes and returns its folder.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	peer.NeedRoot(t, "mounts a small file system")
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		peer.Skip(t, fmt.Sprintf("needs the right to mount a tmpfs: %v", err))
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// hog fills what is left of the disk.
func hog(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "hog")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, size := range []int{1 << 16, 1 << 12, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	return path
}

// A disk that others fill stops neither reporting nor delivering: superseded
// reports make room for new ones, and every loss is counted.
func TestDiskFull(t *testing.T) {
	dir := smallDisk(t, torture.Times(16, 64)<<20)
	path := filepath.Join(dir, "spool.db")
	s := open(t, path, spool.Options{Ballast: 1 << 20})
	payload := noise(4000)
	appended := 0
	for ; appended < 500; appended++ {
		add(t, s, fmt.Sprint("node", appended%10), payload)
	}
	hogged := hog(t, dir)
	for range torture.Times(20, 200) {
		hog(t, dir) // whatever the spool freed for itself is taken again
		add(t, s, fmt.Sprint("node", appended%10), payload)
		appended++
	}
	st := stats(t, s)
	if got := st.Items + st.Dropped[spool.DroppedFull]; got != int64(appended) {
		t.Errorf("%d items and %d dropped, want %d together", st.Items, st.Dropped[spool.DroppedFull], appended)
	}
	if st.Items < 10 {
		t.Errorf("%d items are left, want the newest of 10 keys at least", st.Items)
	}

	// Delivery goes on at 0 bytes free.
	for {
		items, err := s.Next(t.Context(), 1<<20, 50)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) == 0 {
			break
		}
		for _, it := range items {
			if string(it.Payload) != payload {
				t.Fatalf("item %d came back changed", it.ID)
			}
			if err := s.Ack(t.Context(), it.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	torture.Figure(t, "R6", "disk of %d MiB filled again before each of %d reports: %d dropped and counted, delivery at 0 bytes free, 0 lost without a count",
		torture.Times(16, 64), appended-500, st.Dropped[spool.DroppedFull])
	if err := os.Remove(hogged); err != nil {
		t.Fatal(err)
	}
	add(t, s, "node", "fresh")
	if st := stats(t, s); st.Items != 1 || len(st.SetAside) > 0 {
		t.Errorf("stats %+v, want the fresh item alone and nothing set aside", st)
	}
}

func TestOpenOnFullDisk(t *testing.T) {
	dir := smallDisk(t, 8<<20)
	path := filepath.Join(dir, "spool.db")
	s := open(t, path, spool.Options{Ballast: 1 << 20})
	add(t, s, "a", "1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	hogged := hog(t, dir)
	s = open(t, path, spool.Options{Ballast: 1 << 20})
	if got := contents(t, s); len(got) != 1 {
		t.Errorf("queue %v, want the one item", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// With neither space nor ballast the error says so, and nothing is lost.
	if err := os.Remove(path + ".ballast"); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	hog(t, dir)
	if s, err := spool.Open(path, spool.Options{Ballast: -1}); !errors.Is(err, spool.ErrDiskFull) {
		if err == nil {
			_ = s.Close()
		}
		t.Errorf("error %v, want %v", err, spool.ErrDiskFull)
	}
	if err := os.Remove(hogged); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, spool.Options{})
	if got := contents(t, s); len(got) != 1 {
		t.Errorf("queue %v once there is space again, want the one item", got)
	}
}
