package simdevice

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A terminal is a client's shell session, read as it comes.
type terminal struct {
	t     *testing.T
	conn  *ssh.Client
	in    io.WriteCloser
	bytes chan []byte
	seen  bytes.Buffer
}

func clientConfig(d Device) *ssh.ClientConfig {
	return &ssh.ClientConfig{
		User: d.SSHUser,
		Auth: []ssh.AuthMethod{ssh.Password(d.SSHPassword), ssh.KeyboardInteractive(
			func(_, _ string, questions []string, _ []bool) ([]string, error) {
				answers := make([]string, len(questions))
				for i := range answers {
					answers[i] = d.SSHPassword
				}
				return answers, nil
			})},
		HostKeyCallback: func(string, net.Addr, ssh.PublicKey) error { return nil },
		Timeout:         patience,
	}
}

// dialSSH connects and closes after the test.
func dialSSH(t *testing.T, s *Server, config *ssh.ClientConfig) *ssh.Client {
	t.Helper()
	c, err := net.Dial("tcp", s.SSHAddr())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	conn, channels, requests, err := ssh.NewClientConn(c, s.SSHAddr(), config)
	if err != nil {
		_ = c.Close()
		t.Fatal(err)
	}
	client := ssh.NewClient(conn, channels, requests)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// open starts a shell in a terminal of so many rows.
func open(t *testing.T, s *Server, rows int) *terminal {
	t.Helper()
	client := dialSSH(t, s, clientConfig(s.Device()))
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.RequestPty("vt100", rows, 512, ssh.TerminalModes{ssh.ECHO: 0}); err != nil {
		t.Fatal(err)
	}
	in, err := session.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Shell(); err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, conn: client, in: in, bytes: make(chan []byte)}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		defer close(term.bytes)
		for {
			buf := make([]byte, 4096)
			n, err := out.Read(buf)
			select {
			case term.bytes <- buf[:n]:
			case <-stop:
				return
			}
			if err != nil {
				return
			}
		}
	})
	t.Cleanup(func() { close(stop); _ = client.Close(); wg.Wait() })
	return term
}

func (c *terminal) send(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.in, line); err != nil {
		c.t.Fatal(err)
	}
}

// until reads on until the output ends with one of the texts, and returns what
// came.
func (c *terminal) until(ends ...string) string {
	c.t.Helper()
	c.seen.Reset()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		for _, end := range ends {
			if strings.HasSuffix(c.seen.String(), end) {
				return c.seen.String()
			}
		}
		select {
		case b, ok := <-c.bytes:
			if !ok {
				c.t.Fatalf("the session ended before one of %q:\n%s", ends, c.seen.String())
			}
			c.seen.Write(b)
		case <-timer.C:
			c.t.Fatalf("none of %q in:\n%s", ends, c.seen.String())
		}
	}
}

// run sends a command and returns its output without echo and prompt.
func (c *terminal) run(command, prompt string) string {
	c.t.Helper()
	c.send(command + "\n")
	out := strings.TrimSuffix(c.until(prompt), prompt)
	return strings.TrimPrefix(out, command+"\r\n")
}

// promptOf is the prompt that a session of the example shows first.
func promptOf(d Device) string {
	sh := &shell{dialect: shapeOf(d).cli}
	sh.enabled = !sh.dialect.enable || d.SSHEnable == ""
	return sh.dialect.prompt(d, sh)
}

// logIn passes the questions of the devices that ask inside the shell.
func logIn(c *terminal, d Device) {
	switch shapeOf(d).cli.login {
	case loginInShellAireOS:
		c.until("User: ")
		c.send(d.SSHUser + "\n")
		c.until("Password:")
		c.send(d.SSHPassword + "\n")
	case loginInShellSMB:
		c.until("User Name:")
		c.send(d.SSHUser + "\n")
		c.until("Password:")
		c.send(d.SSHPassword + "\n")
	}
	c.until(promptOf(d))
}

// inventoryCommands are what an agent would ask the platform for.
func inventoryCommands(platform string) []string {
	switch platform {
	case inventory.PlatformNXOS:
		return []string{"show inventory", "show inventory all", "show version"}
	case inventory.PlatformIOSXR:
		return []string{"show inventory", "admin show inventory"}
	case inventory.PlatformIOS, inventory.PlatformIOSXE:
		return []string{"show inventory", "show version", "show switch detail", "show module", "show ap summary"}
	case inventory.PlatformAireOS:
		return []string{"show inventory", "show ap summary", "show ap inventory all", "show ap config general AP-02"}
	case inventory.PlatformSMB, inventory.PlatformLinksys:
		return []string{"show inventory", "show system id", "show unit"}
	case inventory.PlatformCatOS:
		return []string{"show version", "show module"}
	case inventory.PlatformFXOS:
		return []string{"show chassis inventory"}
	}
	return []string{"show inventory", "show version", "bogus command"}
}

// TestGolden holds every platform's output against a file, over a real
// connection.
func TestGolden(t *testing.T) {
	for _, name := range Examples() {
		t.Run(name, func(t *testing.T) {
			s := start(t, name, nil)
			d := s.Device()
			c := open(t, s, 0)
			logIn(c, d)
			var got strings.Builder
			for _, command := range inventoryCommands(d.Platform) {
				got.WriteString("> " + command + "\n" + strings.ReplaceAll(c.run(command, promptOf(d)), "\r\n", "\n"))
			}
			path := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		})
	}
}

func TestPaging(t *testing.T) {
	tests := map[string]struct{ example, command, off string }{
		"IOS-XE":  {"iosxe-stack", "show version", "terminal length 0"},
		"NX-OS":   {"nxos-switch", "show version", "terminal length 0"},
		"ASA":     {"asa-firewall", "show version", "terminal pager 0"},
		"AireOS":  {"aireos-controller", "show sysinfo", "config paging disable"},
		"SMB":     {"smb-stack", "show version", "terminal datadump"},
		"CatOS":   {"catos-switch", "show version", "set length 0"},
		"IOS-XR":  {"iosxr-router", "show version", "terminal length 0"},
		"ISE":     {"ise-server", "show version", "terminal length 0"},
		"FXOS":    {"fxos-chassis", "show chassis inventory", "terminal length 0"},
		"Linksys": {"linksys-switch", "show version", "terminal datadump"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, tt.example, nil)
			d := s.Device()
			more, erase := shapeOf(d).cli.more, shapeOf(d).cli.erase
			c := open(t, s, 3)
			logIn(c, d)
			c.send(tt.command + "\n")
			paged := c.until(more)
			for !strings.HasSuffix(paged, promptOf(d)) {
				c.send(" ")
				paged += c.until(more, promptOf(d))
			}
			c.run(tt.off, promptOf(d))
			whole := c.run(tt.command, promptOf(d))
			if strings.Contains(whole, more) {
				t.Errorf("after %q the output is still paged:\n%s", tt.off, whole)
			}
			clean := strings.ReplaceAll(strings.ReplaceAll(paged, more, ""), erase, "")
			if got := strings.TrimSuffix(strings.TrimPrefix(clean, tt.command+"\r\n"), promptOf(d)); got != whole {
				t.Errorf("paged and unpaged output differ:\n%s", cmp.Diff(whole, got))
			}
		})
	}
}

func TestEnable(t *testing.T) {
	for name, tt := range map[string]struct{ example, low, high, needs, refusal string }{
		"IOS":   {"ios-switch", "ios-switch>", "ios-switch#", "", ""},
		"ASA":   {"asa-firewall", "asa-firewall> ", "asa-firewall# ", "terminal pager 0", "ERROR: % Invalid input"},
		"CatOS": {"catos-switch", "catos-switch> ", "catos-switch> (enable) ", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, tt.example, func(d *Device) { d.SSHEnable = "enable-password" })
			c := open(t, s, 0)
			c.until(tt.low)
			if tt.needs != "" {
				if got := c.run(tt.needs, tt.low); !strings.Contains(got, tt.refusal) {
					t.Errorf("unprivileged %q answers %q", tt.needs, got)
				}
			}
			c.send("enable\n")
			c.until("Password: ")
			c.send("guess\n")
			c.until("Password: ")
			c.send("enable-password\n")
			if got := c.until(tt.high); strings.Contains(got, "enable-password") {
				t.Errorf("the password is echoed: %q", got)
			}
			if tt.needs != "" {
				if got := c.run(tt.needs, tt.high); got != "" {
					t.Errorf("privileged %q answers %q", tt.needs, got)
				}
			}
			c.send("disable\n")
			c.until(tt.low)
		})
	}
}

func TestRefusedCommands(t *testing.T) {
	for name, tt := range map[string]struct{ example, command, want string }{
		"IOS":       {"ios-switch", "show bogus", "% Invalid input detected"},
		"IOS alone": {"ios-switch", "bogus", "% Unknown command"},
		"IOS short": {"ios-switch", "s", "% Ambiguous command"},
		"NX-OS":     {"nxos-switch", "show bogus", "% Invalid command at"},
		"ASA":       {"asa-firewall", "show bogus", "ERROR: %"},
		"AireOS":    {"aireos-controller", "show bogus", "Incorrect usage"},
		"AireOS 1":  {"aireos-controller", "bogus", "Incorrect input!"},
		"SMB":       {"smb-switch", "show bogus", "% Unrecognized command"},
		"FTD":       {"ftd-firewall", "show bogus", "Syntax error:"},
		"XR":        {"iosxr-router", "show bogus", "% Invalid input"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, tt.example, nil)
			c := open(t, s, 0)
			logIn(c, s.Device())
			if got := c.run(tt.command, promptOf(s.Device())); !strings.Contains(got, tt.want) {
				t.Errorf("%q answers %q, want %q", tt.command, got, tt.want)
			}
		})
	}
}

func TestScope(t *testing.T) {
	for _, tt := range []struct{ example, scope, command, want string }{
		{"fxos-chassis", "scope chassis 1", "show inventory", "Serial (SN): JMX2601A0A1"},
		{"cimc-server", "scope chassis", "show detail", "Serial Number: FCH2301V0A1"},
	} {
		s := start(t, tt.example, nil)
		c := open(t, s, 0)
		logIn(c, s.Device())
		c.send(tt.scope + "\n")
		c.until("chassis # ", "chassis-1 # ")
		if got := c.run(tt.command, " # "); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q answers %q", tt.example, tt.command, got)
		}
	}
}

func TestExec(t *testing.T) {
	run := func(t *testing.T, example, command string) (string, error) {
		s := start(t, example, nil)
		session, err := dialSSH(t, s, clientConfig(s.Device())).NewSession()
		if err != nil {
			t.Fatal(err)
		}
		out, err := session.CombinedOutput(command)
		return string(out), err
	}
	out, err := run(t, "iosxe-stack", "show inventory")
	if err != nil || !strings.Contains(out, "FCW2401G0A2") || strings.Contains(out, "--More--") {
		t.Errorf("exec on IOS-XE: %v\n%s", err, out)
	}
	if out, err := run(t, "asa-firewall", "show inventory"); err == nil {
		t.Errorf("exec on an ASA is served: %s", out)
	}
}

func TestWrongPassword(t *testing.T) {
	s := start(t, "ios-switch", nil)
	d := s.Device()
	d.SSHPassword = "guess"
	c, err := net.Dial("tcp", s.SSHAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, _, _, err := ssh.NewClientConn(c, s.SSHAddr(), clientConfig(d)); err == nil || !strings.Contains(err.Error(), "unable to authenticate") {
		t.Errorf("login with a wrong password: %v", err)
	}
	aireos := start(t, "aireos-controller", nil)
	term := open(t, aireos, 0)
	for range 3 {
		term.until("User: ")
		term.send("admin\n")
		term.until("Password:")
		term.send("guess\n")
	}
	if err := term.conn.Wait(); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection outlives three wrong passwords")
	}
}

// TestOpenSSH logs in with the real client, which asks for the password by
// SSH_ASKPASS.
func TestOpenSSH(t *testing.T) {
	path := peer.Need(t, "ssh", "openssh-client")
	for name, tt := range map[string]struct{ example, input, want string }{
		"IOS-XE by password":      {"iosxe-stack", "terminal length 0\nshow inventory\nexit\n", "SN: FCW2401G0A2"},
		"NX-OS by keyboard":       {"nxos-switch", "terminal length 0\nshow inventory\nexit\n", "SN: FDO2301A0A1"},
		"AireOS inside the shell": {"aireos-controller", "admin\nadmin-password\nconfig paging disable\nshow inventory\nlogout\n", "SN: FOC2201D0A1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, tt.example, nil)
			ask := filepath.Join(t.TempDir(), "ask")
			if err := os.WriteFile(ask, []byte("#!/bin/sh\necho admin-password\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			host, port, err := net.SplitHostPort(s.SSHAddr())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, path, "-tt", "-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
				"-o", "PreferredAuthentications=password,keyboard-interactive", "-p", port, "admin@"+host)
			cmd.Env = append(os.Environ(), "SSH_ASKPASS="+ask, "SSH_ASKPASS_REQUIRE=force", "DISPLAY=:0")
			cmd.Stdin = strings.NewReader(tt.input)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("ssh: %v\n%s", err, out)
			}
		})
	}
}
