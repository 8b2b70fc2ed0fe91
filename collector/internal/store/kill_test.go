package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/collector/internal/store"
	"rollcall/pkg/torture"
	"rollcall/pkg/wire"
)

// kills is how often the process that saves is killed.
var kills = torture.Times(20, 2000)

// childDir, childToken and childFrom turn the test binary into the process that
// saves: it sends reports from the number given on, and writes each number to
// standard output once the store has acknowledged it.
const (
	childDir   = "ROLLCALL_TEST_STORE_DIR"
	childToken = "ROLLCALL_TEST_STORE_TOKEN"
	childFrom  = "ROLLCALL_TEST_STORE_FROM"
	// childUntil ends the child once it has come to this number; without it it
	// goes on.
	childUntil = "ROLLCALL_TEST_STORE_UNTIL"
)

// numbered is the n-th report: it finds another serial than the one before, so
// that each application leaves a sighting of its own.
func numbered(n int64) wire.Report {
	d := device("192.0.2.1", part("1", "C9300-48P", fmt.Sprintf("FCW%08d", n)))
	return wire.Report{
		ReportID: fmt.Sprintf("report-%08d", n), Epoch: 1, Seq: n, PolledAt: start, Answered: true, Fingerprint: d.Fingerprint(), Device: d,
	}
}

func saveForEver(dir, token, from string) error {
	ctx := context.Background()
	n, err := strconv.ParseInt(from, 10, 64)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Options{DataDir: dir})
	if err != nil {
		return err
	}
	a, err := s.AgentByToken(ctx, token)
	if err != nil {
		return err
	}
	until, _ := strconv.ParseInt(os.Getenv(childUntil), 10, 64)
	for until == 0 || n <= until {
		receipt, err := s.SaveReports(ctx, a, wire.Batch{SentAt: start, Reports: []wire.Report{numbered(n), numbered(n + 1), numbered(n + 2)}})
		if err != nil {
			return err
		}
		for i, r := range receipt.Results {
			if r.Status != wire.Stored && r.Status != wire.Duplicate {
				return fmt.Errorf("report %s: %s", r.ReportID, r.Status)
			}
			fmt.Println(n + int64(i)) //nolint:forbidigo // the child's only output, read by the test
		}
		n += int64(len(receipt.Results))
	}
	return nil
}

// oneAgent makes a database with one agent, and closes it.
func oneAgent(t *testing.T, dir string) (token string) {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	_, token, err = s.CreateAgent(context.Background(), "Riverside Food Bank", "Main", "agent-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return token
}

// A process killed at any moment keeps what it acknowledged, once. The ledger
// of what was acknowledged is the parent's, and the database is read without
// the store.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	token := oneAgent(t, dir)
	random := rand.New(rand.NewPCG(1, 2))
	last := int64(0) // all up to here were acknowledged
	for range kills {
		last = saveUntilKilled(t, dir, token, last, 1+random.IntN(60))
	}
	checkLedger(t, filepath.Join(dir, "rollcall.db"), last)
	torture.Figure(t, "R2", "SQLite: %d kills while saving, %d reports acknowledged, 0 lost, 0 doubled", kills, last)
}

// saveUntilKilled runs the child and kills it after some acknowledgements, then
// returns the last acknowledged number. Like an agent, the child begins with
// the first report that it knows of no receipt for.
func saveUntilKilled(t *testing.T, dir, token string, last int64, acknowledgements int) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir, childToken+"="+token, fmt.Sprint(childFrom, "=", last+1))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if last, err = strconv.ParseInt(lines.Text(), 10, 64); err != nil {
			t.Fatalf("the child said %q", lines.Text())
		}
		if n == acknowledgements {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || ctx.Err() != nil {
		t.Fatalf("the child ended by itself: %v", err)
	}
	if child.ProcessState.Exited() {
		t.Fatalf("the child failed: %v", child.ProcessState)
	}
	return last
}

func checkLedger(t *testing.T, path string, last int64) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var integrity string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&integrity); err != nil || integrity != "ok" {
		t.Errorf("integrity check: %q, %v", integrity, err)
	}
	count := func(query string) map[string]int {
		t.Helper()
		rows, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		got := map[string]int{}
		for rows.Next() {
			var key string
			var n int
			if err := rows.Scan(&key, &n); err != nil {
				t.Fatal(err)
			}
			got[key] = n
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return got
	}
	saved := count(`SELECT report_id, COUNT(*) FROM reports GROUP BY report_id`)
	seen := count(`SELECT serial, COUNT(*) FROM sightings GROUP BY serial`)
	// Beyond the ledger there may be one batch whose acknowledgement was lost.
	total := max(int64(len(saved)), last)
	wantSaved, wantSeen := map[string]int{}, map[string]int{}
	for n := int64(1); n <= total; n++ {
		wantSaved[numbered(n).ReportID] = 1
		wantSeen[numbered(n).Device.Components[0].Serial] = 1
	}
	if diff := cmp.Diff(wantSaved, saved); diff != "" {
		t.Errorf("reports saved (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantSeen, seen); diff != "" {
		t.Errorf("reports applied (-want +got):\n%s", diff)
	}
	if beyond := total - last; beyond < 0 || beyond > 3 {
		t.Errorf("%d reports saved beyond the %d acknowledged", beyond, last)
	}
}
