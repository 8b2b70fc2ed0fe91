package peer

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
)

// readyWithin bounds the start of a peer. snmpsim indexes its whole folder
// before it answers, on a machine that may be busy with other tests.
const readyWithin = 2 * time.Minute

// An agentProcess is a started SNMP agent with what it wrote.
type agentProcess struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	mu   sync.Mutex
	out  bytes.Buffer
}

// Write keeps the output of the process for the message of a failed test.
func (p *agentProcess) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *agentProcess) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// startAgent runs the command until the test ends.
func startAgent(t testing.TB, cmd *exec.Cmd) *agentProcess {
	t.Helper()
	p := &agentProcess{cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p, p
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start %s: %v", cmd.Path, err)
	}
	go func() {
		_ = cmd.Wait() // killed by the clean-up below: its status says nothing
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.done
	})
	return p
}

// awaitSNMP asks the agent until it answers, whatever it answers.
func (p *agentProcess) awaitSNMP(t testing.TB, agent *gosnmp.GoSNMP) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	agent.Context = ctx
	agent.Timeout = time.Second
	agent.Retries = 0
	agent.MaxOids = gosnmp.MaxOids
	agent.Transport = "udp"
	for {
		err := askSNMP(agent)
		if err == nil {
			return
		}
		select {
		case <-p.done:
			t.Fatalf("%s ended before it answered:\n%s", p.cmd.Path, p.output())
		case <-ctx.Done():
			t.Fatalf("%s does not answer: %v\n%s", p.cmd.Path, err, p.output())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func askSNMP(agent *gosnmp.GoSNMP) error {
	if err := agent.Connect(); err != nil {
		return err
	}
	defer func() { _ = agent.Close() }()
	packet, err := agent.Get([]string{"1.3.6.1.2.1.1.1.0"})
	if err == nil && packet == nil {
		return errors.New("no packet")
	}
	return err
}

// FreeUDP returns a UDP port of 127.0.0.1 that was free a moment ago. Nothing
// listens on it: asking it is refused.
func FreeUDP(t testing.TB) int {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	return conn.LocalAddr().(*net.UDPAddr).Port
}
