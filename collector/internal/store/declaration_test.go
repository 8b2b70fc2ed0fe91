package store_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

func TestDeclare(t *testing.T) {
	ctx := context.Background()
	dir, c := t.TempDir(), newClock()
	s := open(t, dir, c)
	org, err := s.CreateOrganization(ctx, "Riverside Food Bank")
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.CreateOrganization(ctx, "Hillside Community Health")
	if err != nil {
		t.Fatal(err)
	}
	settle(t, s)
	d := reconcile.Declaration{Serial: " fcw0000a001 ", PID: "C9300-48P", Kind: reconcile.DeclaredElsewhere, Author: "Admin", Reason: "bought used", Obtained: "2019-05-01"}
	if err := s.Declare(ctx, org.ID, d); err != nil {
		t.Fatal(err)
	}
	if got := changed(t, s); !slices.Equal(got, []string{org.ID}) {
		t.Errorf("changed %v", got)
	}
	settle(t, s)
	d.Kind, d.Reason, d.Obtained, d.Date = reconcile.DeclaredReturned, "RMA 80001", "", "2026-01-02"
	if err := s.Declare(ctx, org.ID, d); err != nil {
		t.Fatal(err)
	}
	if err := s.Declare(ctx, org.ID, reconcile.Declaration{Serial: "FCW0000A001", Kind: reconcile.DeclaredSpare, Author: "Admin", Reason: "shelf"}); err != nil {
		t.Fatal(err)
	}
	today := reconcile.Facts{Now: c.now()}.Today()
	want := []reconcile.Declaration{
		{Serial: "FCW0000A001", Kind: reconcile.DeclaredSpare, Author: "Admin", Reason: "shelf", Date: today},
		{Serial: "FCW0000A001", PID: "C9300-48P", Kind: reconcile.DeclaredReturned, Author: "Admin", Reason: "RMA 80001", Date: "2026-01-02"},
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, c)
	if diff := cmp.Diff(want, facts(t, s, org.ID).Declarations); diff != "" {
		t.Errorf("declarations (-want +got):\n%s", diff)
	}
	if got := facts(t, s, other.ID).Declarations; len(got) != 0 {
		t.Errorf("another organization has %v", got)
	}
	settle(t, s)
	if err := s.Undeclare(ctx, other.ID, "FCW0000A001", ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another organization takes it back: %v", err)
	}
	if err := s.Undeclare(ctx, org.ID, "fcw0000a001", "C9300-48P"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Declarations(ctx, org.ID); err != nil || !cmp.Equal(got, want[:1]) {
		t.Errorf("after one is taken back: %v, %v", got, err)
	}
	if got := changed(t, s); !slices.Equal(got, []string{org.ID}) {
		t.Errorf("changed %v", got)
	}
}

func TestDeclareRefused(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir(), newClock())
	org, err := s.CreateOrganization(ctx, "Riverside Food Bank")
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*reconcile.Declaration){
		"no serial":    func(d *reconcile.Declaration) { d.Serial = "N/A" },
		"unknown kind": func(d *reconcile.Declaration) { d.Kind = "lost" },
		"no author":    func(d *reconcile.Declaration) { d.Author = " " },
		"no reason":    func(d *reconcile.Declaration) { d.Reason = "" },
		"long reason":  func(d *reconcile.Declaration) { d.Reason = strings.Repeat("x", 1001) },
		"no day":       func(d *reconcile.Declaration) { d.Date = "yesterday" },
		"no day since": func(d *reconcile.Declaration) { d.Obtained = "2019" },
	} {
		d := reconcile.Declaration{Serial: "FCW0000A001", Kind: reconcile.DeclaredSpare, Author: "Admin", Reason: "shelf"}
		spoil(&d)
		if err := s.Declare(ctx, org.ID, d); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := reconcile.Declaration{Serial: "FCW0000A001", Kind: reconcile.DeclaredSpare, Author: "Admin", Reason: "shelf"}
	if err := s.Declare(ctx, "none", d); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an organization that is not there: %v", err)
	}
	if got, err := s.Declarations(ctx, org.ID); err != nil || len(got) != 0 {
		t.Errorf("refused, and saved %v, %v", got, err)
	}
}
