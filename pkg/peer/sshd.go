package peer

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sshdPatience bounds the start of sshd, and the end of its user's processes.
const sshdPatience = 20 * time.Second

// An SSHDaemon is a running OpenSSH server with one local user, whose login
// shell is a script.
type SSHDaemon struct {
	Port     int
	User     string
	Password string

	path, config, dir string
	cmd               *exec.Cmd
	stderr            *bytes.Buffer
}

// SSHDOptions say how the server behaves.
type SSHDOptions struct {
	// Shell is the user's login shell: a script with its #! line.
	Shell string
	// Directives are more lines for sshd_config, such as "Banner /path" or
	// "KexAlgorithms diffie-hellman-group14-sha1".
	Directives []string
}

// SSHD starts Debian's OpenSSH server on a free port of 127.0.0.1, with a
// throw-away host key and a throw-away local user, and returns once it answers.
// Server, user and files go with the test. It needs root, to make the user.
func SSHD(t testing.TB, o SSHDOptions) *SSHDaemon {
	t.Helper()
	NeedRoot(t, "sshd's throw-away user")
	d := &SSHDaemon{path: Need(t, "sshd", "openssh-server"), stderr: &bytes.Buffer{}}
	useradd, userdel, chpasswd := Need(t, "useradd", "passwd"), Need(t, "userdel", "passwd"), Need(t, "chpasswd", "passwd")
	d.dir = openDir(t)
	_, port, err := net.SplitHostPort(freeTCP(t))
	if err != nil {
		t.Fatal(err)
	}
	if d.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	shell := filepath.Join(d.dir, "shell")
	if err := os.WriteFile(shell, []byte(o.Shell), 0o755); err != nil {
		t.Fatal(err)
	}
	d.User, d.Password = "rollcall-"+randomHex(t, 4), randomHex(t, 12)
	command(t, "", useradd, "--no-create-home", "--home-dir", d.dir, "--shell", shell, d.User)
	t.Cleanup(func() {
		d.awaitNoProcesses(t)
		command(t, "", userdel, d.User)
	})
	command(t, d.User+":"+d.Password+"\n", chpasswd)
	d.writeConfig(t, o.Directives)
	d.RenewHostKey(t)
	d.start(t)
	t.Cleanup(d.stop)
	return d
}

// RenewHostKey gives the server another key, as a replaced device has one. A
// running server is restarted.
func (d *SSHDaemon) RenewHostKey(t testing.TB) {
	t.Helper()
	key := filepath.Join(d.dir, "host_key")
	_ = os.Remove(key)
	command(t, "", Need(t, "ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f", key)
	if d.cmd != nil {
		d.stop()
		d.start(t)
	}
}

func (d *SSHDaemon) writeConfig(t testing.TB, directives []string) {
	t.Helper()
	lines := append([]string{
		"Port " + strconv.Itoa(d.Port), "ListenAddress 127.0.0.1", "HostKey " + filepath.Join(d.dir, "host_key"),
		"PidFile none", "UsePAM no", "UseDNS no", "StrictModes no", "PrintMotd no", "PrintLastLog no",
		"AllowUsers " + d.User, "PermitRootLogin no", "PubkeyAuthentication no", "LogLevel VERBOSE",
	}, directives...)
	d.config = filepath.Join(d.dir, "sshd_config")
	if err := os.WriteFile(d.config, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// sshd parts with its privileges in this folder, which Debian makes at boot.
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
}

func (d *SSHDaemon) start(t testing.TB) {
	t.Helper()
	d.cmd = exec.Command(d.path, "-D", "-e", "-f", d.config)
	d.cmd.Stderr = d.stderr
	if err := d.cmd.Start(); err != nil {
		t.Fatalf("cannot start sshd: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), sshdPatience)
	defer cancel()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(d.Port))
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if !pause(ctx) {
			d.stop()
			t.Fatalf("sshd does not answer on %s: %v\n%s", address, err, d.stderr)
		}
	}
}

// stop ends the server; sessions end with their connections.
func (d *SSHDaemon) stop() {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait()
	d.cmd = nil
}

// awaitNoProcesses waits until the user's shells are gone, without which
// userdel refuses.
func (d *SSHDaemon) awaitNoProcesses(t testing.TB) {
	account, err := user.Lookup(d.User)
	if err != nil {
		t.Errorf("cannot find the throw-away user: %v", err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), sshdPatience)
	defer cancel()
	for processesOf(account.Uid) > 0 {
		if !pause(ctx) {
			t.Errorf("the shells of %s are still there", d.User)
			return
		}
	}
}

// processesOf counts the processes of a user in /proc.
func processesOf(uid string) int {
	files, _ := filepath.Glob("/proc/[0-9]*/status")
	n := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // it ended meanwhile
		}
		if _, after, found := strings.Cut(string(raw), "\nUid:\t"); found && strings.HasPrefix(after, uid+"\t") {
			n++
		}
	}
	return n
}

// pause waits a little, and says whether there is time left.
func pause(ctx context.Context) bool {
	timer := time.NewTimer(50 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// openDir is a folder that other users may enter, unlike t.TempDir.
func openDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rollcall-sshd-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// command runs a program to its end, with text on its standard input.
func command(t testing.TB, stdin, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(program), err, out)
	}
}

func randomHex(t testing.TB, n int) string {
	t.Helper()
	raw := make([]byte, n)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(fmt.Errorf("cannot read random bytes: %w", err))
	}
	return hex.EncodeToString(raw)
}
