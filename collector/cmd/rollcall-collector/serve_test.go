package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

// patience bounds each wait for something that happens in another process.
const patience = 30 * time.Second

// A served is the program, serving.
type served struct {
	cmd    *exec.Cmd
	url    string
	link   <-chan string // to make the first account
	log    <-chan string // closed at the end, then all of standard error
	client *http.Client
}

var (
	startedURL = regexp.MustCompile(`url=(http://\S+)/`)
	setupLink  = regexp.MustCompile(`^  (http://\S+/setup\?code=\S+)$`)
)

// serve starts the program on a free port and waits until it listens.
func serve(t *testing.T, dir string) served {
	t.Helper()
	config := filepath.Join(dir, "collector.yaml")
	if err := os.WriteFile(config, []byte("listen: 127.0.0.1:0\ndata_dir: "+filepath.Join(dir, "data")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", "--config", config)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	urls, links, all := make(chan string, 1), make(chan string, 1), make(chan string, 1)
	go func() {
		defer close(all)
		var said strings.Builder
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			said.WriteString(lines.Text() + "\n")
			if m := startedURL.FindStringSubmatch(lines.Text()); m != nil {
				urls <- m[1]
			}
			if m := setupLink.FindStringSubmatch(lines.Text()); m != nil {
				links <- m[1]
			}
		}
		all <- said.String()
	}()
	select {
	case url := <-urls:
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		return served{cmd, url, links, all, &http.Client{Jar: jar}}
	case said := <-all:
		t.Fatalf("the program ended: %s", said)
	case <-time.After(patience):
		t.Fatal("the program does not listen")
	}
	return served{}
}

func (s served) get(t *testing.T, path string) (int, string) {
	t.Helper()
	res, err := s.client.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

// await asks until the answer has the words, which must come by themselves.
func (s served) await(t *testing.T, path, words string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for {
		_, body := s.get(t, path)
		if strings.Contains(body, words) {
			return
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			t.Fatalf("%s never says %q:\n%s", path, words, body)
		}
	}
}

// setUp opens the link that serve showed and makes the first account.
func (s served) setUp(t *testing.T) {
	t.Helper()
	var link string
	select {
	case link = <-s.link:
	case <-time.After(patience):
		t.Fatal("no link to make the first account")
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := s.get(t, u.RequestURI()); status != http.StatusOK || !strings.Contains(body, "Make the first account") {
		t.Fatalf("%s: status %d\n%s", link, status, body)
	}
	const password = "three switches and no time"
	for i, want := range []string{"", "This link was used"} {
		res, err := s.client.PostForm(s.url+"/setup", url.Values{"code": u.Query()["code"], "name": {"volunteer"}, "password": {password}, "again": {password}})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if i == 0 && res.Request.URL.Path != "/" || i == 1 && !strings.Contains(string(raw), want) || err != nil {
			t.Fatalf("use %d of the link leads to %s, %v:\n%s", i+1, res.Request.URL, err, raw)
		}
	}
}

func (s served) upload(t *testing.T, token string, d inventory.Device) {
	t.Helper()
	body, err := wire.EncodeBatch(wire.Batch{Agent: "agent-1", SentAt: time.Now(), Interval: 3600, Reports: []wire.Report{{
		ReportID: "report-1", Epoch: 1, Seq: 1, PolledAt: time.Now(), Answered: true, Fingerprint: d.Fingerprint(), Device: d,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+wire.ReportsPath, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", wire.BatchType)
	r.Header.Set("Content-Encoding", wire.Encoding)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || !strings.Contains(string(raw), `"status":"stored"`) {
		t.Fatalf("status %d: %s", res.StatusCode, raw)
	}
}

func command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).Output()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return string(out)
}

// The program serves; tokens and contracts come in by other processes on the
// same data, and it notices; SIGTERM ends it well.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir)
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if status, body := s.get(t, path); status != http.StatusOK || body != want {
			t.Errorf("%s: status %d, %q; want %q", path, status, body, want)
		}
	}
	if status, body := s.get(t, "/api/v1/units"); status != http.StatusUnauthorized {
		t.Errorf("before the login: status %d, %s", status, body)
	}
	s.setUp(t)
	data := filepath.Join(dir, "data")
	said := command(t, "token", "create", "--data-dir", data, "--organization", "Riverside Food Bank", "--site", "Main", "--agent", "agent-1", "--static")
	token := regexp.MustCompile(`rca_\S+`).FindString(said)
	unit := inventory.Component{Serial: "FOC2211A0AA", PID: "C9300-48P", Class: inventory.ClassChassis, Name: "1", Unit: true}
	s.upload(t, token, inventory.Device{Address: "192.0.2.1", Name: "sw1", Platform: inventory.PlatformIOSXE, Complete: true, Components: []inventory.Component{unit}})
	s.await(t, "/metrics", `rollcall_units{`)
	s.await(t, "/api/v1/units", `"unverified"`)
	file := filepath.Join(dir, "contract.csv")
	line := fmt.Sprintf("204100001,FOC2211A0AA,C9300-48P,2020-01-01,%d-01-01", time.Now().Year()+3)
	if err := os.WriteFile(file, []byte("Contract Number,Serial Number,Product ID,Begin Date,End Date\n"+line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, "import", "--data-dir", data, "--organization", "Riverside Food Bank", file)
	s.await(t, "/api/v1/units", `"covered"`)
	s.await(t, "/metrics", `rollcall_build_info`)
	s.await(t, "/metrics", `go_goroutines`)

	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	log := <-s.log
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, log)
	}
	if strings.Contains(log, token) {
		t.Error("the log tells the token")
	}
	if strings.Contains(log, "level=ERROR") || strings.Contains(log, "level=WARN") {
		t.Errorf("the log of a good run complains:\n%s", log)
	}
}

// A second collector cannot have the same address, and says so.
func TestServeAddressInUse(t *testing.T) {
	s := serve(t, t.TempDir())
	dir := t.TempDir()
	config := filepath.Join(dir, "collector.yaml")
	text := "listen: " + strings.TrimPrefix(s.url, "http://") + "\ndata_dir: " + filepath.Join(dir, "data") + "\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "serve", "--config", config)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "rollcall-collector: cannot listen on 127.0.0.1:") {
		t.Errorf("%v: %s", err, out)
	}
}
