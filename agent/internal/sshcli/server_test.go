//go:debug rsa1024min=0

package sshcli

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"rollcall/pkg/config"
)

// TestMain runs many tests at once, whatever the number of processors: most of
// their time they wait for a device to be quiet.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.fuzz").Value.String() == "" {
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// Secrets that must appear nowhere but on the wire to the device.
const (
	canary       = "canary-7f3a-password"
	canaryEnable = "canary-91c2-enable"
)

// device is an SSH server on loopback that shows what a real OpenSSH cannot.
type device struct {
	t      *testing.T
	config *ssh.ServerConfig
	shell  func(*terminal) // runs in the shell; the session ends when it returns
	admit  func(net.Conn) bool
	listen net.Listener
	wg     sync.WaitGroup

	mu        sync.Mutex
	typed     []string // lines typed in shells
	passwords int      // how often a password arrived
	conns     []net.Conn
}

// newKey makes a host key.
func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// startDevice serves until the test ends. Tune may change the configuration.
func startDevice(t *testing.T, shell func(*terminal), tune ...func(*device)) *device {
	t.Helper()
	d := &device{t: t, shell: shell}
	d.config = &ssh.ServerConfig{PasswordCallback: func(_ ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		d.mu.Lock()
		d.passwords++
		d.mu.Unlock()
		if string(password) != canary {
			return nil, errors.New("no")
		}
		return nil, nil
	}}
	d.config.AddHostKey(newKey(t))
	for _, f := range tune {
		f(d)
	}
	var err error
	if d.listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	d.wg.Go(d.serve)
	t.Cleanup(func() {
		_ = d.listen.Close()
		d.mu.Lock()
		for _, c := range d.conns {
			_ = c.Close()
		}
		d.mu.Unlock()
		d.wg.Wait()
	})
	return d
}

func (d *device) serve() {
	for {
		c, err := d.listen.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		d.conns = append(d.conns, c)
		d.mu.Unlock()
		d.wg.Go(func() { d.handle(c) })
	}
}

func (d *device) handle(c net.Conn) {
	defer func() { _ = c.Close() }()
	if d.admit != nil && !d.admit(c) {
		return
	}
	conn, channels, requests, err := ssh.NewServerConn(c, d.config)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	d.wg.Go(func() { ssh.DiscardRequests(requests) })
	for n := range channels {
		ch, reqs, err := n.Accept()
		if err != nil {
			return
		}
		ready := make(chan struct{})
		d.wg.Go(func() {
			for r := range reqs {
				_ = r.Reply(r.Type == "pty-req" || r.Type == "shell", nil)
				if r.Type == "shell" {
					close(ready)
				}
			}
		})
		d.wg.Go(func() {
			<-ready
			d.shell(&terminal{device: d, ch: ch, in: bufio.NewReader(ch)})
			_ = ch.Close()
			_ = conn.Close()
		})
	}
}

func (d *device) lines() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.typed)
}

func (d *device) port() int { return d.listen.Addr().(*net.TCPAddr).Port }

// terminal is the device's side of a shell.
type terminal struct {
	device *device
	ch     ssh.Channel
	in     *bufio.Reader
}

func (t *terminal) print(format string, args ...any) bool {
	_, err := fmt.Fprintf(t.ch, format, args...)
	return err == nil
}

// line reads what is typed up to the line end.
func (t *terminal) line() (string, bool) {
	s, err := t.in.ReadString('\n')
	if err != nil {
		return "", false
	}
	s = strings.TrimRight(s, "\r\n")
	t.device.mu.Lock()
	t.device.typed = append(t.device.typed, s)
	t.device.mu.Unlock()
	return s, true
}

func (t *terminal) key() (byte, bool) {
	b, err := t.in.ReadByte()
	return b, err == nil
}

// run is a shell that knows the commands, after the greeting.
func (t *terminal) run(greeting, prompt string, commands map[string]func(*terminal)) {
	t.print("%s%s", greeting, prompt)
	for {
		s, ok := t.line()
		if !ok || s == "exit" || s == "logout" {
			return
		}
		t.print("\r\n")
		switch command, known := commands[s]; {
		case known:
			command(t)
		case s != "":
			t.print("      ^\r\n%% Invalid input detected at '^' marker.\r\n\r\n")
		}
		t.print("%s", prompt)
	}
}

func text(s string) func(*terminal) {
	return func(t *terminal) { t.print("%s", strings.ReplaceAll(s, "\n", "\r\n")) }
}

const inventoryText = "NAME: \"1\", DESCR: \"WS-C2960X-24PS-L\"\nPID: WS-C2960X-24PS-L  , VID: V05  , SN: FOC2001X0AB\n\n"

// ios are the commands of a small IOS switch.
func ios() map[string]func(*terminal) {
	return map[string]func(*terminal){
		"terminal length 0": text(""), "terminal width 511": text(""),
		"show version":   text("Cisco IOS Software, Version 15.2(7)E3, RELEASE\n"),
		"show inventory": text(inventoryText),
	}
}

// recorder keeps a log for the search of secrets.
type recorder struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// newLog fails the test when a secret reaches the log.
func newLog(t *testing.T) *slog.Logger {
	t.Helper()
	r := &recorder{}
	t.Cleanup(func() {
		for _, secret := range []string{canary, canaryEnable} {
			if strings.Contains(r.String(), secret) {
				t.Errorf("a secret is in the log:\n%s", r)
			}
		}
	})
	return slog.New(slog.NewTextHandler(io.MultiWriter(r), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// target is the account that devices know, with limits that make tests quick.
func (d *device) target(t *testing.T, tune ...func(*Target)) Target {
	t.Helper()
	keys, err := OpenHostKeys("")
	if err != nil {
		t.Fatal(err)
	}
	l := defaultLimits()
	l.login, l.settle, l.unready, l.confirm, l.leave = 2*time.Second, 100*time.Millisecond, time.Second, 200*time.Millisecond, 500*time.Millisecond
	l.busy = 50 * time.Millisecond
	tg := Target{
		Address: "127.0.0.1", Port: d.port(), HostKeys: keys, Timeout: 5 * time.Second, limits: &l,
		Credential: Credential{Name: "office", User: "rollcall", Password: config.Plain(canary)},
	}
	for _, f := range tune {
		f(&tg)
	}
	return tg
}
