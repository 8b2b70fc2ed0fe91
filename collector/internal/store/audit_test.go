package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// TestAuditTells: each change of a verdict, a credential or a right is in the
// log, by whoever did it, and what was refused is not.
func TestAuditTells(t *testing.T) {
	c := newClock()
	plain := open(t, t.TempDir(), c)
	ctx := context.Background()
	agent(t, plain, "Hill School", "Main", "a1")
	s := plain.As("teacher")
	const org = "hill-school"
	file := contract.File{Name: "c.csv", SHA256: "ab", Lines: []contract.Line{{Contract: "204100001", Serial: "FOC2211A0AA", PID: "C9300-48P"}}}
	if err := s.SaveResult(ctx, org, reconcile.Result{Findings: []reconcile.Finding{{Key: "k", Kind: reconcile.UncoveredUnit, Severity: reconcile.Critical}}}); err != nil {
		t.Fatal(err)
	}
	found, err := s.Findings(ctx, org, true)
	if err != nil {
		t.Fatal(err)
	}
	rma := contract.RMA{OldSerial: "FOC2211A0AA", NewSerial: "FOC2211A0BB"}
	var entry int64
	for _, step := range []struct {
		action string
		do     func() error
	}{
		{"import.contract", func() error { _, err := s.ImportContract(ctx, org, file, c.now()); return err }},
		{"declaration.save", func() error {
			return s.Declare(ctx, org, reconcile.Declaration{Serial: "FOC2211A0CC", Kind: reconcile.DeclaredSpare, Author: "x", Reason: "spare"})
		}},
		{"declaration.withdraw", func() error { return s.Undeclare(ctx, org, "FOC2211A0CC", "") }},
		{"rma.save", func() (err error) { entry, err = s.SaveRMA(ctx, org, 0, rma, "x"); return err }},
		{"rma.delete", func() error { return s.DeleteRMA(ctx, org, entry) }},
		{"replacement.reject", func() error {
			return s.RejectReplacement(ctx, org, reconcile.Rejection{OldSerial: "FOC2211A0AA", NewSerial: "FOC2211A0BB", Author: "x"})
		}},
		{"replacement.withdraw_rejection", func() error { return s.UnrejectReplacement(ctx, org, "FOC2211A0AA", "FOC2211A0BB") }},
		{"replacement.confirm", func() error { _, err := s.ConfirmReplacement(ctx, org, rma, "x"); return err }},
		{"orders.save", func() (err error) {
			entry, err = s.SaveOrder(ctx, org, 0, contract.Order{OrderNumber: "TS-1", ProductID: "C9300-48P", Quantity: 1}, "x")
			return err
		}},
		{"orders.delete", func() error { return s.DeleteOrder(ctx, org, entry) }},
		{"import.rma", func() error { _, err := s.ImportRMAs(ctx, org, "r.csv", []contract.RMA{rma}); return err }},
		{"finding.acknowledge", func() error { return s.Acknowledge(ctx, org, found[0].ID, "x", "note") }},
		{"finding.unacknowledge", func() error { return s.Unacknowledge(ctx, org, found[0].ID) }},
		{"retirement.save", func() error {
			return s.Retire(ctx, org, reconcile.Retirement{Kind: reconcile.RetiredSite, Name: "Main", Author: "x", Reason: "closed"})
		}},
		{"retirement.withdraw", func() error { return s.Unretire(ctx, org, reconcile.RetiredSite, "Main") }},
		{"site.save", func() error { return s.SetSite(ctx, org, reconcile.Site{Name: "Main", City: "Springfield"}) }},
	} {
		if err := step.do(); err != nil {
			t.Errorf("%s: %v", step.action, err)
			continue
		}
		last, err := s.AuditLog(ctx, org, 0, 1)
		if err != nil || len(last) != 1 || last[0].Action != step.action || last[0].Actor != "teacher" || last[0].Organization != org {
			t.Errorf("%s: the log says %+v, %v", step.action, last, err)
		}
	}
	before, _, err := s.AuditHead(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Acknowledge(ctx, org, 9999, "x", ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a finding that is not there: %v", err)
	}
	if after, _, _ := s.AuditHead(ctx); after != before {
		t.Error("what was refused is in the log")
	}
	if n, err := s.CheckAudit(ctx); err != nil || n != before {
		t.Errorf("%d entries of %d, %v", n, before, err)
	}
}

// TestAuditChain: entries that are written at once follow each other, and each
// way to change the log is refused or found at the right entry.
func TestAuditChain(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, newClock())
	ctx := context.Background()
	var g errgroup.Group
	for i := range 8 {
		g.Go(func() error {
			for j := range 5 {
				if err := s.As(fmt.Sprint("user", i)).Audit(ctx, "", "test", fmt.Sprint(j), map[string]any{"n": j}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if n, err := s.CheckAudit(ctx); err != nil || n != 40 {
		t.Fatalf("%d entries, %v", n, err)
	}
	for _, q := range []string{
		`UPDATE audit SET actor = 'nobody' WHERE seq = 7`, `DELETE FROM audit WHERE seq = 40`, `DELETE FROM audit`,
		`UPDATE audit_head SET seq = 3`, `DELETE FROM audit_head`,
	} {
		if err := s.ExecForTest(ctx, q); err == nil {
			t.Errorf("%s: was done", q)
		}
	}
	if server != nil {
		return // its owner could drop the triggers, as below
	}
	// Whoever has the file can drop the triggers, and is found.
	for _, q := range []string{`DROP TRIGGER audit_kept`, `DROP TRIGGER audit_whole`, `DROP TRIGGER audit_ahead`} {
		if err := s.ExecForTest(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ name, do, undo, want string }{
		{"an actor", `UPDATE audit SET actor = 'x' || actor WHERE seq = 7`, `UPDATE audit SET actor = substr(actor, 2) WHERE seq = 7`, "broken at entry 7: it was changed"},
		{"a detail", `UPDATE audit SET detail = detail || ' ' WHERE seq = 1`, `UPDATE audit SET detail = trim(detail) WHERE seq = 1`, "broken at entry 1: it was changed"},
		{"an organization", `UPDATE audit SET organization = 'x' WHERE seq = 40`, `UPDATE audit SET organization = '' WHERE seq = 40`, "broken at entry 40: it was changed"},
		{"a gap", `UPDATE audit SET seq = 1000 WHERE seq = 9`, `UPDATE audit SET seq = 9 WHERE seq = 1000`, "broken at entry 9: it is missing: entry 10 follows"},
		{"an end cut off", `UPDATE audit SET seq = -40 WHERE seq = 40`, `UPDATE audit SET seq = 40 WHERE seq = -40`, "broken at entry 40: it is missing"},
		{"a hash", `UPDATE audit SET hash = 'x' || hash WHERE seq = 12`, `UPDATE audit SET hash = substr(hash, 2) WHERE seq = 12`, "broken at entry 12: it was changed"},
	} {
		if err := s.ExecForTest(ctx, tt.do); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CheckAudit(ctx); !errors.Is(err, store.ErrBroken) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if err := s.ExecForTest(ctx, tt.undo); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CheckAudit(ctx); err != nil {
			t.Fatalf("%s, undone: %v", tt.name, err)
		}
	}
}
