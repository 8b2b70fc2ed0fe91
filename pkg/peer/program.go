package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// A program is one life of a server that runs as another user.
type program struct {
	cmd   *exec.Cmd
	ended <-chan struct{}
}

// runAs starts a program as a user, nil for that of the test, in a folder, where
// it writes what it says to a file of its name. It gets the signal when the test
// is killed.
func runAs(user *syscall.Credential, dir, name string, atDeath syscall.Signal, path string, args ...string) (*program, error) {
	// A pipe would be kept open by what the program leaves behind.
	said, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = said.Close() }()
	p := &program{cmd: exec.Command(path, args...)}
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+dir, "PYTHONDONTWRITEBYTECODE=1")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user, Setpgid: true, Pdeathsig: atDeath}
	p.cmd.Stdout, p.cmd.Stderr = said, said
	p.ended, err = launch(p.cmd)
	return p, err
}

// kill ends the program, which may have ended or not begun.
func (p *program) kill() {
	if p == nil || p.cmd.Process == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// logsIn is the end of what each program of a folder said.
func logsIn(dir string) string {
	var said strings.Builder
	logs, _ := filepath.Glob(filepath.Join(dir, "*.log")) // the pattern is well formed
	for _, path := range logs {
		raw, err := os.ReadFile(path)
		fmt.Fprintf(&said, "%s: %v\n%s\n", filepath.Base(path), err, raw[max(0, len(raw)-20_000):])
	}
	return said.String()
}
