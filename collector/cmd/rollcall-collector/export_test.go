package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/xuri/excelize/v2"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/inventory"
	"rollcall/pkg/table"
	"rollcall/pkg/wire"
)

// judge puts what a scan saw into a collector's data, as its first agent would
// have reported it, and reconciles all organizations, as a serving collector
// does: "judge data scan.json".
func judge(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: judge DATA SCAN.json")
	}
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{DataDir: ts.MkAbs(args[0])})
	ts.Check(err)
	defer func() { ts.Check(s.Close()) }()
	agents, err := s.AgentsAll(ctx)
	ts.Check(err)
	scan, err := inventory.ReadScan(strings.NewReader(ts.ReadFile(args[1])))
	ts.Check(err)
	now := time.Now().UTC()
	batch := wire.Batch{Schema: wire.BatchSchema, Agent: agents[0].Name, SentAt: now, Interval: 3600}
	for i, d := range scan.Devices {
		batch.Reports = append(batch.Reports, wire.Report{
			ReportID: fmt.Sprintf("report-%d", i), Epoch: 1, Seq: int64(i + 1), PolledAt: now, Answered: true, Fingerprint: d.Fingerprint(), Device: d,
		})
	}
	receipt, err := s.SaveReports(ctx, agents[0], batch)
	ts.Check(err)
	for _, r := range receipt.Results {
		if r.Status != wire.Stored {
			ts.Fatalf("report %s: %s %s", r.ReportID, r.Status, r.Reason)
		}
	}
	all, err := s.Organizations(ctx)
	ts.Check(err)
	for _, org := range all {
		facts, err := s.Facts(ctx, org.ID)
		ts.Check(err)
		ts.Check(s.SaveResult(ctx, org.ID, reconcile.Reconcile(facts)))
	}
}

// cells writes the first sheet of a workbook as CSV: "cells list.xlsx list.csv".
func cells(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cells FROM.xlsx TO.csv")
	}
	f, err := excelize.OpenFile(ts.MkAbs(args[0]))
	ts.Check(err)
	defer func() { ts.Check(f.Close()) }()
	rows, err := f.GetRows(f.GetSheetName(0))
	ts.Check(err)
	var b strings.Builder
	ts.Check(table.CSV(&b, rows[0], rows[1:]))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(b.String()), 0o600))
}

// A file is there whole or not at all, and what was there before stays when the
// new one can't be written.
func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := writeFile(nil, path, func(w io.Writer) error {
		_, _ = w.Write([]byte("ha"))
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatalf("writeFile: %v, want the cause", err)
	}
	if raw, _ := os.ReadFile(path); string(raw) != "before" {
		t.Errorf("the file holds %q, want what was there before", raw)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
