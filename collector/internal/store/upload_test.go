package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/store"
)

// A file is kept for its organization alone, until it is forgotten, crowded out
// or a day old.
func TestUploads(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	s := open(t, t.TempDir(), c)
	a := agent(t, s, "Riverside Food Bank", "Main office", "main").Organization
	b := agent(t, s, "Hillside Community Health", "Clinic", "clinic").Organization
	file := store.Upload{
		Kind: store.ContractImport, Name: "204517788.csv", Content: []byte("SERIAL NUMBER\x00\xff\n"),
		Options: contract.Options{DateOrder: "dmy", Contract: "204517788", Sheet: "Lines"},
	}
	save := func(u store.Upload) string {
		t.Helper()
		id, err := s.SaveUpload(ctx, a, u)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	kept := func(org, id string) bool {
		t.Helper()
		_, err := s.Upload(ctx, org, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	id := save(file)
	got, err := s.Upload(ctx, a, id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(file, got, cmp.AllowUnexported(contract.Options{})); diff != "" {
		t.Errorf("kept otherwise than it came (-want +got):\n%s", diff)
	}
	if kept(b, id) {
		t.Error("another organization gets the file")
	}
	if err := s.DeleteUpload(ctx, b, id); err != nil || !kept(a, id) {
		t.Errorf("another organization forgets the file: %v", err)
	}
	if err := s.DeleteUpload(ctx, a, id); err != nil || kept(a, id) {
		t.Errorf("a file that was forgotten is kept: %v", err)
	}

	var ids []string
	for i := range 6 { // one more than are kept
		c.advance(time.Second)
		file.Name = fmt.Sprint(i)
		ids = append(ids, save(file))
	}
	for i, id := range ids {
		if want := i > 0; kept(a, id) != want {
			t.Errorf("file %d of %d kept: %t, want %t", i+1, len(ids), !want, want)
		}
	}
	c.advance(24*time.Hour + time.Second)
	if err := s.Prune(ctx); err != nil {
		t.Fatal(err)
	}
	if kept(a, ids[5]) {
		t.Error("a file of yesterday is kept")
	}

	file.Content = make([]byte, store.MaxUpload+1)
	if _, err := s.SaveUpload(ctx, a, file); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a file that is too large: %v, want %v", err, store.ErrInvalid)
	}
	if _, err := s.SaveUpload(ctx, "nobody", store.Upload{}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a file of an organization that is not there: %v, want %v", err, store.ErrNotFound)
	}
}
