package main

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rollcall/agent/internal/spool"
	"rollcall/pkg/inventory"
	"rollcall/pkg/torture"
	"rollcall/pkg/wire"
)

// mostMemory is what an agent may take, in bytes, however much waits.
const mostMemory = 100 << 20

// An agent that has fifty thousand reports to bring away starts as if there were
// none, and streams them: time is a figure, memory a promise. The program is the
// one that is shipped.
func TestStartWithBacklog(t *testing.T) {
	const backlog = 50_000
	bin := filepath.Join(t.TempDir(), program)
	build := exec.Command("go", "build", "-trimpath", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the program: %v\n%s", err, out)
	}
	dir := t.TempDir()
	fillSpool(t, filepath.Join(dir, "spool.db"), backlog)
	var away atomic.Bool
	away.Store(true)
	var delivered atomic.Int64
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		batch, err := wire.DecodeBatch(r.Body)
		if err != nil || away.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		receipt := wire.Receipt{Schema: wire.ReceiptSchema, Results: []wire.Result{}}
		for _, report := range batch.Reports {
			receipt.Results = append(receipt.Results, wire.Result{ReportID: report.ReportID, Status: wire.Stored})
		}
		w.Header().Set("Content-Type", wire.ReceiptType)
		_ = json.NewEncoder(w).Encode(receipt)
		delivered.Add(int64(len(batch.Reports)))
	}))
	defer collector.Close()
	conf := filepath.Join(dir, "agent.yaml")
	text := fmt.Sprintf("name: agent-1\ndata_dir: %s\ncollector: {url: %q, token: \"file:%s\"}\nstart_spread: 0s\ninterval: 12h\n"+
		"credentials:\n  - name: snmp\n    snmp: {version: 2c, community: public}\ntargets:\n  - {address: 127.0.0.9, via: snmp, snmp_port: 9, timeout: 1s}\n",
		dir, collector.URL, filepath.Join(dir, "token"))
	for name, content := range map[string]string{conf: text, filepath.Join(dir, "token"): "rca_a-token-of-a-test-which-nobody-looks-at"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	cmd := exec.Command(bin, "run", "--config", conf)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	lines := bufio.NewReader(stderr)
	until := func(said string) {
		t.Helper()
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatalf("the agent ended before it said %q: %v", said, err)
			}
			if strings.Contains(line, said) {
				return
			}
		}
	}
	until(`msg="agent started"`)
	took := time.Since(began)
	until(`msg="reports are not delivered`)
	until(`msg="reports are not delivered`)           // a second time: the first batch was smaller
	go func() { _, _ = io.Copy(io.Discard, lines) }() // it must not wait for whoever reads its log
	atStart := peakOf(t, cmd.Process.Pid)
	if atStart > mostMemory {
		t.Errorf("with %d reports that wait the agent has %d MiB of memory, want %d at most", backlog, atStart>>20, mostMemory>>20)
	}
	drained := "not drained"
	if torture.Long() {
		began, before := time.Now(), delivered.Load()
		away.Store(false)
		for tick := time.NewTicker(50 * time.Millisecond); delivered.Load()-before < backlog; <-tick.C {
			if time.Since(began) > 10*time.Minute {
				t.Fatalf("%d of %d reports delivered", delivered.Load()-before, backlog)
			}
		}
		peak := peakOf(t, cmd.Process.Pid)
		if peak > mostMemory {
			t.Errorf("while it drains the agent has %d MiB of memory, want %d at most", peak>>20, mostMemory>>20)
		}
		drained = fmt.Sprintf("drained in %s with %d MiB at most", time.Since(began).Round(100*time.Millisecond), peak>>20)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	torture.Figure(t, "R1", "start with %d reports that wait (gate: 2 s, 100 MiB): up after %s, %d MiB of memory at most, %s", backlog, took.Round(10*time.Millisecond), atStart>>20, drained)
}

// fillSpool leaves n reports in a spool. The short form has the spool make some,
// and copies those within the file.
func fillSpool(t *testing.T, path string, n int) {
	t.Helper()
	made := torture.Times(100, n)
	s, err := spool.Open(path, spool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range made {
		err := s.Append(t.Context(), fmt.Sprint("192.0.2.", i%250), func(epoch, seq int64) ([]byte, error) {
			return json.Marshal(waiting(epoch, seq))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if made == n {
		return
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	_, err = db.Exec(`WITH RECURSIVE again(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM again WHERE k < $1 / $2 - 1)
		INSERT INTO item (id, key, at, size, payload) SELECT id + k * $2, key, at, size, payload FROM again, item`, n, made)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE meta SET value = $1 WHERE name = 'seq'`, n); err != nil {
		t.Fatal(err)
	}
	var got int
	if err := db.QueryRow(`SELECT count(*) FROM item`).Scan(&got); err != nil || got != n {
		t.Fatalf("%d reports in the spool, %v, want %d", got, err, n)
	}
}

// waiting is a report of a switch with modules, fans and transceivers.
func waiting(epoch, seq int64) wire.Report {
	d := inventory.Device{
		Address: fmt.Sprintf("192.0.2.%d", seq%250), Name: fmt.Sprint("sw", seq%250), Platform: inventory.PlatformIOSXE, Model: "C9300-48P",
		Serial: fmt.Sprintf("FCW%08d", seq), Complete: true, Via: []string{"snmp"}, Errors: []inventory.Problem{},
	}
	for i := range 20 {
		d.Components = append(d.Components, inventory.Component{
			Serial: fmt.Sprintf("FCW%06d%02d", seq, i), PID: "C9300-48P", Class: inventory.ClassChassis, Name: fmt.Sprint(i), Aliases: []string{},
		})
	}
	return wire.Report{
		ReportID: fmt.Sprintf("report-%08d", seq), Epoch: epoch, Seq: seq, PolledAt: time.Now(), Answered: true, Fingerprint: d.Fingerprint(), Device: d,
	}
}

// peakOf is the most memory that a process has had, in bytes.
func peakOf(t *testing.T, pid int) int64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(raw)
	if m == nil {
		t.Fatal("no VmHWM in the process's status")
	}
	kb, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
