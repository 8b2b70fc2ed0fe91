package e2e_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// Canaries are secrets that may turn up nowhere: each is planted where one of its
// kind belongs, or where a device or a client says it.
type canaries map[string]string

func newCanaries() canaries {
	c := canaries{}
	for _, name := range []string{
		"community", "wrong-community", "v3-auth", "v3-priv", "ssh-password", "enable", "netbox-token", "proxy-password", "collector-userinfo",
		"client-id", "client-secret", "dsn-password", "bearer", "basic", "cookie", "login-password", "account-password", "show-community", "show-password",
	} {
		c[name] = "cnry" + rand.Text()[:12]
	}
	return c
}

// hits tells which canaries a text has, and where the first is.
func (c canaries) hits(text []byte) (found []string) {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if i := bytes.Index(text, []byte(c[name])); i >= 0 {
			around := text[max(0, i-80):min(len(text), i+len(c[name])+20)]
			found = append(found, fmt.Sprintf("%s in %q", name, around))
		}
	}
	return found
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
	keep := func(where string, text []byte) { found[where] = append(found[where], text...) }
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
`, listen, data, debug, write("client-secret", secret["client-secret"]), cisco.URL))
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
	agentConfig := func(name, collectorURL, tokenFile string) string {
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
`, name, filepath.Join(dir, name), collectorURL, tokenFile, freePort(t), write("community", secret["community"]), write("auth", secret["v3-auth"]), write("priv", secret["v3-priv"]),
			write("ssh", secret["ssh-password"]), write("enable", secret["enable"]), host, snmpPort, sshPort, talker, talkerPort, netbox.URL, write("netbox", secret["netbox-token"])))
	}
	environment := []string{"WRONG_COMMUNITY=" + secret["wrong-community"]}
	first := agentConfig("agent-1", url, write("token", token))
	agent := run(t, environment, agentProgram, "run", "--config", first)
	behind := agentConfig("agent-2", "http://collector.example.invalid", write("token", token))
	second := run(t, append(environment, "HTTP_PROXY=http://user:"+secret["proxy-password"]+"@"+strings.TrimPrefix(proxy.URL, "http://")), agentProgram, "run", "--config", behind)
	userinfo := agentConfig("agent-3", "http://user:"+secret["collector-userinfo"]+"@"+listen, write("token", token))

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

	eventually(t, "an upload is taken", func() bool {
		return strings.Contains(collector.text(), `msg="batch taken"`) && strings.Contains(collector.text(), `msg="organization reconciled"`)
	})
	eventually(t, "the talkative device shows its inventory", func() bool {
		_, ok := typed.Load("show inventory")
		return ok
	})
	eventually(t, "the proxy was asked", func() bool { return proxied.Load() > 0 })

	tool("commands", secret["account-password"]+"\n", collectorProgram, "user", "create", "--config", config, "--password-file", "-", "x@example.org")
	tool("commands", "", collectorProgram, "check", "--config", config, "--connect")
	if asked.Load() == 0 {
		t.Error("Cisco was not asked")
	}
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
	for _, place := range []string{"agent-1", "agent-2", "collector", "backup.db"} {
		err := filepath.WalkDir(filepath.Join(dir, place), func(path string, e os.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			raw, err := os.ReadFile(path)
			keep("files of "+place+": "+e.Name(), raw)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for where, text := range found {
		if len(text) == 0 {
			continue
		}
		for _, hit := range secret.hits(text) {
			t.Errorf("%s: %s", where, hit)
		}
	}
	for _, where := range []string{"answers", "commands", "profiles", "command lines", "rollcall-agent's log and crash", "rollcall-collector's log and crash", "files of backup.db: backup.db"} {
		if len(found[where]) < 100 {
			t.Errorf("%s: only %d bytes were looked through", where, len(found[where]))
		}
	}
	t.Logf("%d secrets, not found in %d texts of %d bytes", len(secret), len(found), func() (n int) {
		for _, text := range found {
			n += len(text)
		}
		return n
	}())
}
