package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite", to read what is stored without the store

	"rollcall/pkg/inventory"
	"rollcall/pkg/simdevice"
)

// soon is how long after the last fault a fresh report may take.
const soon = time.Minute

// A rig is both programs as processes of their own, that are killed, and a line
// between them that fails as it is told to. What the agent promised to keep is
// written to a file of the rig's own: this ledger is held against what is
// stored, read without the programs.
type rig struct {
	t       *testing.T
	dir     string
	bin     string
	devices []*simdevice.Server
	listen  string // of the collector
	server  string // DSN of the PostgreSQL database that is read as what is stored; "" for the file
	more    string // settings of the collector, beside those of where it is
	line    *badLine
	wrap    []string // what starts the programs, with its arguments; nothing for the system itself

	mu     sync.Mutex
	ledger *os.File
	kept   []string      // ids of reports, in the order in which they were kept
	news   chan struct{} // closed and made anew with each
	onLine func(string)  // is told what the agent logs
}

func newRig(t *testing.T) *rig { return newRigWith(t, "", func(string) {}) }

// newRigOn is newRig with the data of both programs in folders, agent and
// collector, that prepare may have made.
func newRigOn(t *testing.T, prepare func(dir string)) *rig { return newRigWith(t, "", prepare) }

// newRigWith is newRigOn with more settings of the collector.
func newRigWith(t *testing.T, more string, prepare func(dir string)) *rig {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dir: t.TempDir(), bin: bin, more: more, news: make(chan struct{}), onLine: func(string) {}}
	if r.ledger, err = os.OpenFile(filepath.Join(r.dir, "ledger"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.ledger.Close() })
	for i := range 4 {
		d, err := simdevice.Start(simdevice.Device{
			Name: fmt.Sprint("sw", i), Platform: inventory.PlatformIOSXE, Software: "17.9.4", Community: "public",
			Units: []simdevice.Unit{unit(fmt.Sprintf("FCW2431L0A%d", i), "C9300-48P")},
		}, simdevice.Options{SNMPAddr: fmt.Sprintf("127.82.0.%d:0", i+1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		r.devices = append(r.devices, d)
	}
	r.listen = freePort(t)
	r.line = newBadLine(t, "http://"+r.listen)
	prepare(r.dir)
	r.configure()
	return r
}

// built is the folder of both programs, once they are made.
var built string

// programs makes both, as make build does, so that one cache serves both.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "rollcall-e2e")
	if err != nil {
		return "", err
	}
	built = dir
	for _, p := range []string{"./agent/cmd/rollcall-agent", "./collector/cmd/rollcall-collector"} {
		cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, filepath.Base(p)), p)
		cmd.Dir, cmd.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("cannot build %s: %w\n%s", p, err, out)
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	if os.Getenv(rushing) != "" {
		if err := runRush(os.Stdin, os.Stdout); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(code)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

var tokenForm = regexp.MustCompile(`rc[a-z]_[A-Za-z0-9_-]{20,}`)

func (r *rig) configure() {
	r.t.Helper()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	write("collector.yaml", r.collectorSettings())
	out, err := exec.Command(filepath.Join(r.bin, "rollcall-collector"), "token", "create", "--config", filepath.Join(r.dir, "collector.yaml"),
		"--organization", organizationName, "--site", "Main office", "--agent", "agent-1").CombinedOutput()
	token := tokenForm.FindString(string(out))
	if err != nil || token == "" {
		r.t.Fatalf("no token: %v\n%s", err, out)
	}
	write("token", token)
	agent := fmt.Sprintf("name: agent-1\ndata_dir: %s\ncollector: {url: %q, token: \"file:%s\", allow_plain_http: true}\ninterval: 1s\nstart_spread: 0s\nlog: {level: debug}\n"+
		"credentials:\n  - name: snmp\n    snmp: {version: 2c, community: public}\ntargets:\n",
		filepath.Join(r.dir, "agent"), r.line.URL, filepath.Join(r.dir, "token"))
	for _, d := range r.devices {
		host, port := split(r.t, d.SNMPAddr())
		agent += fmt.Sprintf("  - {address: %s, snmp_port: %d, via: snmp, timeout: 1s}\n", host, port)
	}
	write("agent.yaml", agent)
}

func (r *rig) collectorSettings() string {
	return fmt.Sprintf("listen: %s\ndata_dir: %s\n", r.listen, filepath.Join(r.dir, "collector")) + r.more
}

// A process is one life of a program.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and all it said was read
}

func (r *rig) start(said func(string), name string, args ...string) *process {
	r.t.Helper()
	args = append(append(slices.Clone(r.wrap), filepath.Join(r.bin, name)), args...)
	p := &process{cmd: exec.Command(args[0], args[1:]...), done: make(chan struct{})}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		lines := bufio.NewReader(stderr)
		for {
			line, err := lines.ReadString('\n')
			if err != nil { // a line without its end was not said
				break
			}
			said(line)
		}
		_ = p.cmd.Wait()
	}()
	r.t.Cleanup(p.kill)
	return p
}

// kill ends the process as a power switch does, and waits for it.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop asks the process to end and says whether it did so well within limit.
func (p *process) stop(limit time.Duration) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-time.After(limit):
		p.kill()
		return fmt.Errorf("did not end within %s", limit)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("ended with status %d", code)
	}
	return nil
}

var keptForm = regexp.MustCompile(`msg="report kept".* report_id=(\S+)`)

func (r *rig) startAgent() *process {
	return r.start(func(line string) {
		if m := keptForm.FindStringSubmatch(line); m != nil {
			r.mu.Lock()
			_, err := fmt.Fprintln(r.ledger, m[1])
			r.kept = append(r.kept, m[1])
			close(r.news)
			r.news = make(chan struct{})
			r.mu.Unlock()
			if err != nil {
				r.t.Errorf("ledger: %v", err)
			}
		}
		r.mu.Lock()
		tell := r.onLine
		r.mu.Unlock()
		tell(line)
	}, "rollcall-agent", "run", "--config", filepath.Join(r.dir, "agent.yaml"))
}

// startCollector returns once the collector listens.
func (r *rig) startCollector() *process {
	r.t.Helper()
	up := make(chan struct{})
	var once sync.Once
	var said bytes.Buffer
	r.t.Cleanup(func() { // once it has ended
		if r.t.Failed() {
			r.t.Logf("the collector on %s said, at its end:\n%s", r.listen, said.Bytes()[max(0, said.Len()-20_000):])
		}
	})
	p := r.start(func(line string) {
		said.WriteString(line)
		if strings.Contains(line, `msg="collector started"`) {
			once.Do(func() { close(up) })
		}
	}, "rollcall-collector", "serve", "--config", filepath.Join(r.dir, "collector.yaml"))
	select {
	case <-up:
	case <-p.done:
		r.t.Fatalf("the collector ended: %s", said.String())
	case <-time.After(patience):
		r.t.Fatal("the collector does not listen")
	}
	return p
}

// promised is the number of reports in the ledger.
func (r *rig) promised() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.kept)
}

// awaitKept waits until the ledger has more than n reports.
func (r *rig) awaitKept(n int) {
	r.t.Helper()
	limit := time.After(patience)
	for {
		r.mu.Lock()
		more, news := len(r.kept) > n, r.news
		r.mu.Unlock()
		if more {
			return
		}
		select {
		case <-news:
		case <-limit:
			r.t.Fatalf("the agent kept no report in %s", patience)
		}
	}
}

// idle waits a random time below limit.
func idle(limit time.Duration) { <-time.After(time.Duration(rand.Int64N(int64(limit)))) }

// database opens what the collector stored, for reading.
func (r *rig) database() *sql.DB {
	r.t.Helper()
	driver, dsn := "sqlite", "file:"+filepath.Join(r.dir, "collector", "rollcall.db")+"?mode=ro&_pragma=busy_timeout(10000)"
	if r.server != "" {
		driver, dsn = "pgx", r.server
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		r.t.Fatal(err)
	}
	return db
}

// stored counts by report id.
func (r *rig) stored() map[string]int {
	r.t.Helper()
	db := r.database()
	defer func() { _ = db.Close() }()
	rows, err := db.Query(`SELECT report_id, COUNT(*) FROM reports GROUP BY report_id`)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	counts := map[string]int{}
	for rows.Next() {
		var id string
		var n int
		if err := rows.Scan(&id, &n); err != nil {
			r.t.Fatal(err)
		}
		counts[id] = n
	}
	if err := rows.Err(); err != nil {
		r.t.Fatal(err)
	}
	return counts
}

// settle holds, once the faults are over, that a fresh report comes through soon
// and that all that was promised is stored once. Both programs run.
func (r *rig) settle() (reports int) {
	r.t.Helper()
	promised := r.awaitFresh()
	// Reports go in their order: with the fresh one all before are there.
	counts := r.stored()
	lost, doubled := 0, 0
	for _, id := range promised {
		switch n := counts[id]; {
		case n == 0:
			lost++
		case n > 1:
			doubled++
		}
	}
	if lost > 0 || doubled > 0 {
		r.t.Errorf("of %d reports that were promised %d are lost and %d doubled", len(promised), lost, doubled)
	}
	r.checkEffect()
	return len(promised)
}

// awaitFresh waits until a report is stored that was made after it was called, and
// returns all that were promised by then.
func (r *rig) awaitFresh() (promised []string) {
	r.t.Helper()
	before := r.promised()
	r.awaitKept(before + len(r.devices)) // made after the last fault
	r.mu.Lock()
	promised = append(promised, r.kept...)
	r.mu.Unlock()
	fresh := promised[len(promised)-1]
	ctx, cancel := context.WithTimeout(r.t.Context(), soon)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for r.stored()[fresh] == 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.t.Fatalf("no fresh report within %s of the last fault", soon)
		}
	}
	return promised
}

// checkEffect holds that each unit was seen at one place, however often its
// reports came.
func (r *rig) checkEffect() {
	r.t.Helper()
	db := r.database()
	defer func() { _ = db.Close() }()
	var integrity string
	var sightings, serials int
	if r.server == "" {
		if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&integrity); err != nil || integrity != "ok" {
			r.t.Errorf("integrity check: %q, %v", integrity, err)
		}
	}
	if err := db.QueryRow(`SELECT COUNT(*), COUNT(DISTINCT serial) FROM sightings WHERE serial LIKE 'FCW2431L0A_'`).Scan(&sightings, &serials); err != nil {
		r.t.Fatal(err)
	}
	if sightings != len(r.devices) || serials != len(r.devices) {
		r.t.Errorf("%d sightings of %d serials, want one for each of the %d devices", sightings, serials, len(r.devices))
	}
}

// setAside holds that no report was quarantined and no spool found corrupt. The
// agent has ended.
func (r *rig) setAside() {
	r.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(r.dir, "agent", "spool.db"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var quarantined, corrupt, dropped int
	if err := db.QueryRow(`SELECT (SELECT COUNT(*) FROM quarantine), (SELECT value FROM meta WHERE name = 'corrupt'), (SELECT COUNT(*) FROM dropped WHERE count > 0)`).
		Scan(&quarantined, &corrupt, &dropped); err != nil {
		r.t.Fatal(err)
	}
	if quarantined+corrupt+dropped > 0 {
		r.t.Errorf("%d reports set aside, %d spools corrupt, reports dropped for %d reasons: want none", quarantined, corrupt, dropped)
	}
}

// A badLine carries uploads, and calls what a test sets at each point of their
// way. A point that returns false hangs up on the agent there.
type badLine struct {
	*httptest.Server
	to     string
	client *http.Client

	mu sync.Mutex
	at func(p point, body []byte) bool
}

// A point on the way of an upload.
type point string

const (
	arrived  point = "arrived"  // all of the upload is at the line
	underway point = "underway" // the collector is being asked, and this beside it
	answered point = "answered" // the collector has answered
	passed   point = "passed"   // the answer is with the agent
)

func newBadLine(t *testing.T, to string) *badLine {
	l := &badLine{to: to, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, at: func(point, []byte) bool { return true }}
	l.Server = httptest.NewServer(l)
	t.Cleanup(l.Close)
	return l
}

func (l *badLine) set(at func(p point, body []byte) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = at
}

// ServeHTTP carries one upload.
func (l *badLine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	at := l.at
	l.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil || !at(arrived, body) {
		panic(http.ErrAbortHandler)
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, l.to+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	req.Header = r.Header.Clone()
	go at(underway, body)
	resp, err := l.client.Do(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	answer, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || !at(answered, body) {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer)
	_ = http.NewResponseController(w).Flush()
	at(passed, body)
}
