package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"rollcall/pkg/inventory"
	"rollcall/pkg/simdevice"
	"rollcall/pkg/wire"
)

// repeating is a mail server that refuses every login with what it was told.
func repeating(t *testing.T) (addr string, asked *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	asked = &atomic.Int32{}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_, _ = io.WriteString(conn, "220 mail\r\n")
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					answer := "250-mail\r\n250 AUTH PLAIN\r\n"
					if strings.HasPrefix(lines.Text(), "AUTH") {
						asked.Add(1)
						answer = "535 5.7.8 " + lines.Text() + "\r\n"
					}
					if _, err := io.WriteString(conn, answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String(), asked
}

// A running program, with what it says on both streams.
type running struct {
	*exec.Cmd
	mu   sync.Mutex
	said bytes.Buffer
}

func (r *running) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.Write(b)
}

func (r *running) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.String()
}

func run(t *testing.T, env []string, program string, args ...string) *running {
	t.Helper()
	r := &running{Cmd: exec.CommandContext(context.WithoutCancel(t.Context()), program, args...)}
	r.Env = append(append(os.Environ(), "GOTRACEBACK=crash"), env...)
	r.Stdout, r.Stderr = r, r
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Process.Kill() // it may have ended
		_ = r.Wait()         // as above
		if t.Failed() {
			t.Logf("%v said: %.6000s", args, r.text())
		}
	})
	return r
}

// crash ends the program as a fault of its own would, with all its stacks.
func (r *running) crash(t *testing.T) {
	t.Helper()
	if err := r.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	_ = r.Wait() // it did not end well
	if !strings.Contains(r.text(), "SIGABRT") || !strings.Contains(r.text(), "goroutine ") {
		t.Errorf("%s did not crash: %.300s", r.Path, r.text())
	}
}

// talkative is a device that shows its configuration at the login and whatever it
// is asked. What is typed there is kept in typed.
func talkative(t *testing.T, say string, typed *sync.Map) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, nil }}
	config.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.81.9.9:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveTalk(conn, config, say, typed)
		}
	}()
	return l.Addr().String()
}

func serveTalk(conn net.Conn, config *ssh.ServerConfig, say string, typed *sync.Map) {
	defer func() { _ = conn.Close() }()
	server, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go ssh.DiscardRequests(requests)
	for n := range channels {
		channel, asked, err := n.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range asked {
				_ = r.Reply(true, nil)
			}
		}()
		_, _ = io.WriteString(channel, say+"\r\nsw9#")
		buffer, line := make([]byte, 1), ""
		for {
			if _, err := channel.Read(buffer); err != nil {
				break
			}
			if line += string(buffer); buffer[0] == '\n' || buffer[0] == '\r' {
				typed.Store(strings.TrimSpace(line), true)
				_, _ = io.WriteString(channel, strings.TrimSpace(line)+"\r\n"+say+"\r\nsw9#")
				line = ""
			}
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	late := time.After(patience)
	for !ok() {
		select {
		case <-every.C:
		case <-late:
			t.Fatalf("it never comes that %s", what)
		}
	}
}

// Agent and collector run as real processes that log all they can, are given
// secrets of every kind, told more by devices and clients, meet errors with each,
// and crash. None of the secrets is found in anything that they leave.
func TestSecretsStaySecret(t *testing.T) {
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	agentProgram, collectorProgram := filepath.Join(bin, "rollcall-agent"), filepath.Join(bin, "rollcall-collector")
	secret := newCanaries()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	found := map[string][]byte{} // what is looked through, by where it is from
	keep := func(where string, text []byte) { found[where] = append(append(found[where], text...), '\n') }
	get := func(where, url string, edit func(*http.Request)) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if edit != nil {
			edit(r)
		}
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		keep(where, []byte(fmt.Sprint(res.Header, "\n")))
		keep(where, body)
	}

	// Cisco, by a server that says back what it is told.
	var asked, proxied atomic.Int32
	cisco := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16)) // of a client that is here
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprintf(w, `{"error":"invalid_client","error_description":%q}`, fmt.Sprint(string(body), r.Header))
	}))
	t.Cleanup(cisco.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		proxied.Add(1)
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	t.Cleanup(proxy.Close)
	netbox := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no: "+r.Header.Get("Authorization"), http.StatusForbidden)
	}))
	t.Cleanup(netbox.Close)

	mail, mailed := repeating(t)
	var hooked atomic.Int32
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hooked.Add(1)
		http.Error(w, fmt.Sprint("no: ", r.Header), http.StatusForbidden)
	}))
	t.Cleanup(hook.Close)
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	secret["hook"] = base64.StdEncoding.EncodeToString(raw)

	data, listen, debug := filepath.Join(dir, "collector"), freePort(t), freePort(t)
	config := write("collector.yaml", fmt.Sprintf(`listen: %s
data_dir: %s
log: {level: debug}
debug: {listen: %s}
support_api:
  - client_id: env:CLIENT_ID
    client_secret: file:%s
    token_url: %s
    coverage_url: %[5]s
    eox_url: %[5]s
oidc: {issuer: %[5]q, client_id: rollcall, client_secret: "file:%[6]s", redirect_url: "http://%[1]s/login/return"}
notify:
  allow: [127.0.0.0/8]
  mail: {server: %[7]q, tls: none, from: rollcall@example.org, username: rollcall, password: "file:%[8]s", to: [x@example.org], quiet: 0s}
  webhooks:
    - {name: hook, url: %[9]q, insecure: true, secret: "file:%[10]s"}
`, listen, data, debug, write("client-secret", secret["client-secret"]), cisco.URL, write("oidc", secret["oidc-secret"]), mail, write("mail", secret["mail-password"]),
		hook.URL, write("hook", "whsec_"+secret["hook"])))
	tool := func(where, stdin, program string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Stdin = strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "CLIENT_ID="+secret["client-id"], "WRONG_COMMUNITY="+secret["wrong-community"])
		out, _ := cmd.CombinedOutput() // some are to fail
		if where != "" {
			keep(where, out)
		}
		return string(out)
	}
	said := tool("", "", collectorProgram, "token", "create", "--config", config, "--organization", organizationName, "--site", "Main", "--agent", "agent-1")
	token := tokenForm.FindString(said)
	if token == "" {
		t.Fatalf("no token: %s", said)
	}
	secret["agent-token"] = token
	collector := run(t, []string{"CLIENT_ID=" + secret["client-id"]}, collectorProgram, "serve", "--config", config)
	url := "http://" + listen
	eventually(t, "the collector serves", func() bool { return strings.Contains(collector.text(), "collector started") })

	device, err := simdevice.Start(simdevice.Device{
		Name: "sw1", Platform: inventory.PlatformIOS, Software: "15.2(2)E3", Units: []simdevice.Unit{unit("FOC1947W2QP", "WS-C2960X-24PS-L")},
		Community: secret["community"], V3: []simdevice.V3User{{User: "rollcall", AuthProtocol: "SHA", AuthPassword: secret["v3-auth"] + "x", PrivProtocol: "AES", PrivPassword: secret["v3-priv"]}},
		SSHUser: "rollcall", SSHPassword: secret["ssh-password"], SSHEnable: secret["enable"] + "x", Faults: simdevice.Faults{EchoPassword: true},
	}, simdevice.Options{SNMPAddr: "127.81.9.1:0", SSHAddr: "127.81.9.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = device.Close() })
	host, snmpPort := split(t, device.SNMPAddr())
	_, sshPort := split(t, device.SSHAddr())
	var typed sync.Map
	talker, talkerPort := split(t, talkative(t, "snmp-server community "+secret["show-community"]+" RO\r\nusername x password 0 "+secret["show-password"], &typed))
	agentMetrics := freePort(t)
	agentConfig := func(name, metrics, collectorURL, tokenFile string) string {
		return write(name+".yaml", fmt.Sprintf(`name: %s
data_dir: %s
collector: {url: %q, token: "file:%s", allow_plain_http: true}
interval: 1s
start_spread: 0s
log: {level: debug}
metrics: {listen: %s}
credentials:
  - {name: community, snmp: {community: "file:%s"}}
  - {name: wrong, snmp: {community: "env:WRONG_COMMUNITY"}}
  - {name: v3, snmp: {user: rollcall, auth_protocol: SHA, auth_password: "file:%s", priv_protocol: AES, priv_password: "file:%s"}}
  - {name: cli, ssh: {user: rollcall, password: "file:%s", enable: "file:%s"}}
targets:
  - {address: %s, snmp_port: %d, ssh_port: %d, timeout: 1s, credentials: [v3, wrong, cli, community], via: auto}
  - {address: %s, ssh_port: %d, timeout: 1s, credentials: [cli], via: ssh}
  - {netbox: {url: %q, token: "file:%s"}, credentials: [cli]}
`, name, filepath.Join(dir, name), collectorURL, tokenFile, metrics, write("community", secret["community"]), write("auth", secret["v3-auth"]), write("priv", secret["v3-priv"]),
			write("ssh", secret["ssh-password"]), write("enable", secret["enable"]), host, snmpPort, sshPort, talker, talkerPort, netbox.URL, write("netbox", secret["netbox-token"])))
	}
	environment := []string{"WRONG_COMMUNITY=" + secret["wrong-community"]}
	first := agentConfig("agent-1", agentMetrics, url, write("token", token))
	agent := run(t, environment, agentProgram, "run", "--config", first)
	behind := agentConfig("agent-2", freePort(t), "http://collector.example.invalid", write("token", token))
	second := run(t, append(environment, "HTTP_PROXY=http://user:"+secret["proxy-password"]+"@"+strings.TrimPrefix(proxy.URL, "http://")), agentProgram, "run", "--config", behind)
	userinfo := agentConfig("agent-3", freePort(t), "http://user:"+secret["collector-userinfo"]+"@"+listen, write("token", token))

	// What clients say.
	for _, path := range []string{"/", "/api/v1/units", wire.ReportsPath, "/metrics", "/readyz", "/nowhere?token=" + secret["bearer"]} {
		if !strings.Contains(path, "nowhere") {
			get("answers", url+path, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret["bearer"]) })
		}
		get("answers", url+strings.Replace(path, secret["bearer"], "x", 1), func(r *http.Request) {
			r.SetBasicAuth("x", secret["basic"])
			r.Header.Set("Cookie", "rollcall_session="+secret["cookie"]+"; __Host-rollcall_session="+secret["cookie"])
		})
	}
	for _, sent := range []struct{ path, contentType, body string }{
		{"/login", "application/x-www-form-urlencoded", "name=x&email=x&account=x&password=" + secret["login-password"]},
		{wire.ReportsPath, wire.BatchType, "password=" + secret["login-password"]},
	} {
		res, err := http.Post(url+sent.path, sent.contentType, strings.NewReader(sent.body))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		keep("answers", body)
	}

	// A person who logs in, and a program with a token.
	tool("commands", secret["account-password"]+"\n", collectorProgram, "user", "create", "--config", config, "--role", "admin", "--password-file", "-", "x@example.org")
	secret["api-token"] = apiToken.FindString(tool("", "", collectorProgram, "token", "api", "create", "--config", config, "--scope", "write", "script"))
	logIn, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/login", strings.NewReader("name=x@example.org&password="+secret["account-password"]))
	if err != nil {
		t.Fatal(err)
	}
	logIn.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultTransport.RoundTrip(logIn)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	for _, c := range res.Cookies() {
		secret[c.Name] = c.Value
	}
	if secret["rollcall_session"] == "" || secret["api-token"] == "" {
		t.Fatalf("no session, status %d, or no token", res.StatusCode)
	}

	eventually(t, "an upload is taken", func() bool {
		return strings.Contains(collector.text(), `msg="batch taken"`) && strings.Contains(collector.text(), `msg="organization reconciled"`)
	})
	eventually(t, "the talkative device shows its inventory", func() bool {
		_, ok := typed.Load("show inventory")
		return ok
	})
	eventually(t, "the proxy was asked", func() bool { return proxied.Load() > 0 })

	tool("commands", "", collectorProgram, "check", "--config", config, "--send")
	if asked.Load() == 0 || mailed.Load() == 0 || hooked.Load() == 0 {
		t.Errorf("Cisco was asked %d times, the mail server %d and the webhook %d, want each", asked.Load(), mailed.Load(), hooked.Load())
	}
	for _, path := range []string{"/", "/account", "/people", "/audit", "/findings", "/organizations", "/import", "/login/provider"} {
		get("pages", url+path, func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: "rollcall_session", Value: secret["rollcall_session"]})
		})
	}
	for _, path := range []string{"/api/v1/units", "/api/v1/findings", "/api/v1/records", "/api/v1/sd/nodes"} {
		get("answers", url+path, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret["api-token"]) })
	}
	get("the agent's metrics", "http://"+agentMetrics+"/metrics", nil)
	tool("commands", "", collectorProgram, "export", "audit", "--config", config)
	tool("commands", "", collectorProgram, "export", "units", "--config", config)
	tool("commands", "", collectorProgram, "token", "api", "list", "--config", config)
	tool("commands", "", collectorProgram, "token", "list", "--config", config)
	tool("commands", "", collectorProgram, "backup", "--config", config, "--output", filepath.Join(dir, "backup.db"))
	database := write("postgres.yaml", "listen: 127.0.0.1:0\ndatabase:\n  dsn: file:"+write("dsn", "postgres://rollcall:"+secret["dsn-password"]+"@127.0.0.1:1/rollcall?sslmode=disable&connect_timeout=2")+"\n")
	tool("commands", "", collectorProgram, "check", "--config", database)
	tool("commands", "", collectorProgram, "token", "list", "--config", database)
	tool("commands", "", agentProgram, "status", "--config", first)
	for _, c := range []string{first, behind, userinfo} {
		tool("commands", "", agentProgram, "check", "--config", c)
	}
	for _, profile := range []string{"goroutine?debug=2", "heap?debug=1", "allocs?debug=1", "threadcreate?debug=1", "cmdline"} {
		get("profiles", "http://"+debug+"/debug/pprof/"+profile, nil)
	}
	for _, p := range []*running{collector, agent, second} {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		keep("command lines", raw)
		p.crash(t)
		keep(filepath.Base(p.Path)+"'s log and crash", []byte(p.text()))
	}
	databases := map[string]string{}
	for _, place := range []string{"agent-1", "agent-2", "collector", "backup.db"} {
		err := filepath.WalkDir(filepath.Join(dir, place), func(path string, e os.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			raw, err := os.ReadFile(path)
			keep("files of "+place+": "+e.Name(), raw)
			if bytes.HasPrefix(raw, []byte("SQLite format 3")) {
				databases["values in "+place+": "+e.Name()] = path
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for where, path := range databases { // once all files are read: to open one changes them
		keep(where, cellsOf(t, path))
	}
	for where, text := range found {
		if len(text) == 0 {
			continue
		}
		for _, hit := range secret.hits(text) {
			t.Errorf("%s: %s", where, hit)
		}
	}
	for where, want := range map[string]string{ // what shows that the search is of the right text
		"answers": "rollcall_ingest_batches_total", "commands": "account.create", "pages": "x@example.org", "profiles": "goroutine ", "command lines": "serve",
		"the agent's metrics": "rollcall_agent_spool_reports", "rollcall-agent's log and crash": "SIGABRT", "rollcall-collector's log and crash": "SIGABRT",
		"values in agent-1: spool.db": "FOC1947W2QP", "values in agent-2: spool.db": "FOC1947W2QP", "values in collector: rollcall.db": "FOC1947W2QP", "values in backup.db: backup.db": "FOC1947W2QP",
	} {
		if !bytes.Contains(found[where], []byte(want)) {
			t.Errorf("%s: %d bytes were looked through, without %q in them", where, len(found[where]), want)
		}
	}
	t.Logf("%d secrets, not found in %d texts of %d bytes", len(secret), len(found), func() (n int) {
		for _, text := range found {
			n += len(text)
		}
		return n
	}())
}
