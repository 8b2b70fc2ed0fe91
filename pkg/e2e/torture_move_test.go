package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/pkg/peer"
	"rollcall/pkg/torture"
)

// The collector's data moves to PostgreSQL and back, and the agent goes on all
// the time: what it promised is there once, and after the way back it sends the
// newest again and the gap is shown.
func TestMove(t *testing.T) {
	server := peer.NeedPostgres(t, "15", true)
	name, err := server.CreateDatabase("")
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	settings := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(r.dir, "collector.yaml"), []byte(r.collectorSettings()+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	migrate := func(args ...string) (string, error) {
		out, err := exec.Command(filepath.Join(r.bin, "rollcall-collector"), append([]string{"migrate", "--config", filepath.Join(r.dir, "collector.yaml")}, args...)...).CombinedOutput()
		return string(out), err
	}
	stop := func(p *process) {
		t.Helper()
		if err := p.stop(10 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
	database := fmt.Sprintf("database: {dsn: %q, owner_dsn: %q}\n", server.DSN(peer.AppRole, name), server.DSN(peer.OwnerRole, name))

	a, c := r.startAgent(), r.startCollector()
	before := r.settle()
	settings(database)
	if out, err := migrate("--from", "sqlite", "--to", "postgres"); err == nil || !strings.Contains(out, "is using it: stop that first") {
		t.Errorf("a move while the file is served: %v\n%s", err, out)
	}
	stop(c)
	r.awaitKept(r.promised() + len(r.devices)) // while there is no collector
	out, err := migrate("--from", "sqlite", "--to", "postgres")
	if err != nil || !strings.Contains(out, "Moved: PostgreSQL has what was in") {
		t.Fatalf("%v\n%s", err, out)
	}
	settings("")
	if out, err := exec.Command(filepath.Join(r.bin, "rollcall-collector"), "serve", "--config", filepath.Join(r.dir, "collector.yaml")).CombinedOutput(); err == nil || !strings.Contains(string(out), "moved to PostgreSQL on") {
		t.Errorf("the file that moved is served: %v\n%s", err, out)
	}
	settings(database)
	r.server = server.DSN("postgres", name)
	c = r.startCollector()
	moved := r.settle()

	stop(a) // which brings away all
	stop(c)
	for _, d := range r.devices {
		_ = d.Close() // they cannot be polled afresh
	}
	if out, err := migrate("--undo"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	settings("")
	r.server = ""
	r.mu.Lock()
	newest := r.kept[len(r.kept)-1]
	r.mu.Unlock()
	if r.stored()[newest] != 0 {
		t.Fatal("the file has the newest report of PostgreSQL: it proves nothing")
	}
	c, a = r.startCollector(), r.startAgent()
	r.healed(newest)
	end(t, r, a, c)
	torture.Figure(t, "R17", "a move to PostgreSQL and back while an agent goes on: of %d reports before and %d after the move 0 lost, 0 doubled; after the way back the newest came again and the gap is shown",
		before, moved)
}

// healed waits until a report that the agent has a receipt for is stored again,
// and holds that none is there twice and that the gap is shown.
func (r *rig) healed(newest string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), soon)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	counts := r.stored()
	for ; counts[newest] == 0; counts = r.stored() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.t.Fatal("the newest report that was acknowledged did not come again")
		}
	}
	for id, n := range counts {
		if n > 1 {
			r.t.Errorf("report %s is stored %d times", id, n)
		}
	}
	resp, err := http.Get("http://" + r.listen + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if !strings.Contains(string(text), `rollcall_agent_missing_reports{agent="agent-1",organization="`+organizationID+`",reason="restore",site="Main office"}`) {
		r.t.Error("the gap is not among the metrics")
	}
}
