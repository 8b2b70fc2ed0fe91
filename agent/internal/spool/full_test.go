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
	return mount(t, fmt.Sprintf("size=%d", size))
}

// mount mounts a file system in memory and returns its folder.
func mount(t *testing.T, options string) string {
	t.Helper()
	peer.NeedRoot(t, "mounts a small file system")
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
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
	for range torture.Times(300, 2000) {
		hog(t, dir) // whatever the spool freed for itself is taken again
		add(t, s, fmt.Sprint("node", appended%10), payload)
		appended++
	}
	st := stats(t, s)
	if got := st.Items + st.Dropped[spool.DroppedFull]; got != int64(appended) {
		t.Errorf("%d items and %d dropped, want %d together", st.Items, st.Dropped[spool.DroppedFull], appended)
	}
	if st.Dropped[spool.DroppedFull] == 0 {
		t.Error("nothing had to make room: it proves nothing")
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

// Once there is room again the spool grows as before, and gives nothing up, also
// while all that it has still waits.
func TestRoomAgain(t *testing.T) {
	dir := smallDisk(t, 16<<20)
	s := open(t, filepath.Join(dir, "spool.db"), spool.Options{Ballast: 1 << 20})
	payload := noise(4000)
	for n := range 500 {
		add(t, s, fmt.Sprint("node", n%10), payload)
	}
	hogged := hog(t, dir)
	for n := 0; stats(t, s).Dropped[spool.DroppedFull] == 0; n++ {
		if n == 2000 {
			t.Fatal("nothing had to make room: it proves nothing")
		}
		hog(t, dir)
		add(t, s, fmt.Sprint("node", n%10), payload)
	}
	if err := os.Remove(hogged); err != nil {
		t.Fatal(err)
	}
	before := stats(t, s)
	for n := range 1000 {
		add(t, s, fmt.Sprint("new node", n), payload)
	}
	after := stats(t, s)
	if after.Items != before.Items+1000 || after.Dropped[spool.DroppedFull] != before.Dropped[spool.DroppedFull] {
		t.Errorf("%d items and %d dropped, then %d and %d: want 1000 items more and none dropped",
			before.Items, before.Dropped[spool.DroppedFull], after.Items, after.Dropped[spool.DroppedFull])
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

// hogFiles makes files until the file system has no room for another, and
// returns their folder.
func hogFiles(t *testing.T, dir string) string {
	t.Helper()
	folder, err := os.MkdirTemp(dir, "hog")
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; err == nil; n++ {
		err = os.WriteFile(filepath.Join(folder, fmt.Sprint(n)), nil, 0o600)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return folder
}

// Where no more files can be made, a spool that is open goes on, one that was
// killed comes back, and one that was closed says what is in its way.
func TestNoFilesLeft(t *testing.T) {
	dir := mount(t, "size=16m,nr_inodes=64")
	path := filepath.Join(dir, "spool.db")
	s := open(t, path, spool.Options{Ballast: 1 << 20})
	add(t, s, "a", "1")
	folder := hogFiles(t, dir)
	add(t, s, "a", "2")
	if got := contents(t, s); len(got) != 2 {
		t.Errorf("queue %v, want both items", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for n := range 2 { // those of the write-ahead log, which a clean end removes
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint("more", n)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the first gives up the ballast, which makes room for one file
		closedFor(t, path, spool.ErrDiskFull)
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, spool.Options{Ballast: 1 << 20})
	add(t, s, "a", "3")
	if got := contents(t, s); len(got) != 3 {
		t.Errorf("queue %v once there is room again, want all three items", got)
	}
	if st := stats(t, s); len(st.SetAside) > 0 {
		t.Errorf("set aside: %v, want none", st.SetAside)
	}
}

// closedFor holds that the spool cannot be opened, for the reason, and that
// nothing is set aside over it.
func closedFor(t *testing.T, path string, reason error) {
	t.Helper()
	s, err := spool.Open(path, spool.Options{})
	if err == nil {
		_ = s.Close()
	}
	if !errors.Is(err, reason) {
		t.Errorf("opens with %v, want %v", err, reason)
	}
	if found, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*corrupt*")); len(found) > 0 {
		t.Errorf("%v: want nothing set aside", found)
	}
}

// A spool on a file system that takes no writing says so, be it one that was
// closed or one that was killed, and works once it can be written.
func TestReadOnly(t *testing.T) {
	tests := []struct {
		name    string
		killed  bool
		missing bool // the spool
	}{{"closed", false, false}, {"killed", true, false}, {"not there", false, true}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := mount(t, "size=16m")
			path := filepath.Join(dir, "spool.db")
			want := 0
			if !tt.missing {
				s := open(t, path, spool.Options{})
				add(t, s, "a", "1")
				want++
				left := map[string][]byte{}
				for _, name := range []string{path, path + "-wal"} {
					raw, err := os.ReadFile(name)
					if err != nil {
						t.Fatal(err)
					}
					left[name] = raw
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				for name, raw := range left { // as a kill leaves them
					if !tt.killed {
						continue
					}
					if err := os.WriteFile(name, raw, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
			closedFor(t, path, spool.ErrReadOnly)
			if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""); err != nil {
				t.Fatal(err)
			}
			s := open(t, path, spool.Options{})
			add(t, s, "a", "2")
			if got := contents(t, s); len(got) != want+1 {
				t.Errorf("queue %v, want %d items", got, want+1)
			}
		})
	}
}
