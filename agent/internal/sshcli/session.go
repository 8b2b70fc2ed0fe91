package sshcli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"rollcall/pkg/inventory"
)

// A Session is one shell on one device. It runs one command at a time and is
// not safe for concurrent use.
type Session struct {
	conn   *connection
	dialer *dialer
	log    *slog.Logger
	legacy bool

	stdin  io.WriteCloser
	chunks chan []byte
	gone   chan struct{} // closed when nobody reads chunks any more
	pump   sync.WaitGroup

	prompt   string // exactly as the device prints it, without outer space
	problems []inventory.Problem
	ended    error // why the session can no longer be used
	closed   bool
	// leaveLine lets the next session of this process have the device.
	leaveLine func()
}

func newSession(c *connection, d *dialer, old bool) *Session {
	return &Session{
		conn: c, dialer: d, log: d.log, legacy: old,
		chunks: make(chan []byte), gone: make(chan struct{}), leaveLine: func() {},
	}
}

func (s *Session) limits() *limits { return s.dialer.target.limits }

// Prompt is what the device prints before it takes a command, "sw1#".
func (s *Session) Prompt() string { return s.prompt }

// Problems are what people should know although the session came up: old
// algorithms in use, an enable password that was refused.
func (s *Session) Problems() []inventory.Problem { return s.problems }

// start opens the shell, logs in inside it where asked, learns the prompt,
// raises the privilege where that was given, and turns the pager off.
func (s *Session) start(ctx context.Context) error {
	if err := s.openShell(); err != nil {
		return err
	}
	if err := s.login(ctx); err != nil {
		return err
	}
	if s.legacy {
		s.problems = append(s.problems, inventory.Problem{
			Kind: inventory.ProblemWeakAccess, Via: Via,
			Message: "the device speaks SSH with old algorithms only: upgrade its software, or replace it",
		})
	}
	if bits := s.dialer.weakKey; bits > 0 {
		s.problems = append(s.problems, inventory.Problem{
			Kind: inventory.ProblemWeakAccess, Via: Via,
			Message: fmt.Sprintf("the device's SSH key is RSA of %d bits, which can be broken: make a longer one on the device (`crypto key generate rsa modulus 2048`)", bits),
		})
	}
	if err := s.raise(ctx); err != nil {
		return err
	}
	return s.pagerOff(ctx)
}

// openShell asks for a terminal so wide that nothing wraps, of height 0, which
// turns the pager off on some devices.
func (s *Session) openShell() error {
	const width, height = 512, 0
	busy := func(what string, err error) error {
		return s.dialer.fail(inventory.ProblemBusy, fmt.Sprintf("the device took the login and then refused %s: its VTY lines may all be in use", what), err)
	}
	session, err := s.conn.client.NewSession()
	if err != nil {
		return busy("a session", err)
	}
	if s.stdin, err = session.StdinPipe(); err != nil {
		return busy("a session", err)
	}
	stdout, err := session.StdoutPipe()
	if err != nil {
		return busy("a session", err)
	}
	if err := session.RequestPty("vt100", height, width, ssh.TerminalModes{ssh.ECHO: 0}); err != nil {
		return busy("a terminal", err)
	}
	if err := session.Shell(); err != nil {
		return busy("a shell", err)
	}
	s.pump.Go(func() { s.read(stdout) })
	return nil
}

// read hands over what comes in, one chunk at a time: while nobody takes it,
// the SSH window closes and the device waits.
func (s *Session) read(from io.Reader) {
	defer close(s.chunks)
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			select {
			case s.chunks <- append([]byte(nil), buffer[:n]...):
			case <-s.gone:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// Run types one command and returns what the device prints, without echo and
// prompt. After an error the session can only be closed; what came before the
// error is returned with it.
func (s *Session) Run(ctx context.Context, command string) (string, error) {
	if err := checkCommand(command); err != nil {
		return "", err
	}
	if s.ended != nil {
		return "", s.ended
	}
	s.log.Debug("running command", "command", command)
	ask := s.exchange
	if moves.MatchString(command) {
		ask = s.move
	}
	out, err := ask(ctx, command)
	if err != nil {
		s.ended = err
	}
	return s.trim(out, command), err
}

// move runs a command that leads to another place, with a prompt of its own,
// and learns that as after the login.
func (s *Session) move(ctx context.Context, command string) (string, error) {
	if err := s.send(command); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, s.limits().idle)
	defer cancel()
	l := loginState{session: s, user: true, password: true}
	said := ""
	for {
		quiet := s.limits().settle
		if !l.ready() {
			quiet = s.limits().unready
		}
		chunk, err := s.receive(ctx, quiet)
		switch {
		case err == nil:
			if err := l.add(chunk); err != nil {
				return said, s.dialer.fail(inventory.ProblemIncomplete, fmt.Sprintf("the output of %q was cut: %v", command, err), err)
			}
			continue
		case !errors.Is(err, errQuiet):
			return said, s.broken(ctx, err, fmt.Sprintf("while it ran %q", command))
		}
		if l.newlines == 0 {
			said = string(l.text)
		}
		if done, err := l.step(); done || err != nil {
			return said, err
		}
	}
}

func (s *Session) exchange(ctx context.Context, command string) (string, error) {
	if err := s.send(command); err != nil {
		return "", err
	}
	r := newReply(s.prompt, s.limits())
	for !r.done() {
		switch {
		case r.atPager():
			if err := s.write(" "); err != nil {
				return r.text(), err
			}
			r.answered()
		case r.atPrompt() && r.unconfirmed():
			if err := s.send(""); err != nil {
				return r.text(), err
			}
			r.asked()
		}
		chunk, err := s.receive(ctx, r.patience())
		if errors.Is(err, errQuiet) && r.endsInPrompt() {
			if err = r.again(); err == nil {
				continue
			}
		}
		if err != nil {
			return r.text(), s.broken(ctx, err, fmt.Sprintf("while it ran %q", command))
		}
		if err := r.add(chunk); err != nil {
			return r.text(), s.dialer.fail(inventory.ProblemIncomplete, fmt.Sprintf("the output of %q was cut: %v", command, err), err)
		}
	}
	return r.text(), nil
}

var (
	errQuiet = errors.New("the device was silent")
	errEnded = errors.New("the device closed the session")
	// errUnsettled is of a device of which nobody can tell where output ends.
	errUnsettled = errors.New("the device prints other text before each prompt")
)

// receive waits for the next piece of output.
func (s *Session) receive(ctx context.Context, patience time.Duration) ([]byte, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case chunk, ok := <-s.chunks:
		if !ok {
			return nil, errEnded
		}
		return chunk, nil
	case <-timer.C:
		return nil, errQuiet
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// broken says why output stopped.
func (s *Session) broken(ctx context.Context, err error, when string) error {
	switch {
	case ctx.Err() != nil:
		return s.dialer.fail(inventory.ProblemIncomplete, "the poll's time was over "+when, ctx.Err())
	case errors.Is(err, errQuiet):
		return s.dialer.fail(inventory.ProblemIncomplete, fmt.Sprintf("the device was silent for %s %s", s.limits().idle, when), err)
	case errors.Is(err, errUnsettled):
		return s.dialer.fail(inventory.ProblemIncomplete, fmt.Sprintf("the device printed other text before its prompt each time an empty line was typed, %s: log in by hand to see what it shows (`terminal no monitor` on the device ends a log)", when), err)
	case time.Now().After(s.conn.end):
		return s.dialer.fail(inventory.ProblemIncomplete, fmt.Sprintf("the session took longer than %s %s", s.limits().session, when), err)
	}
	return s.dialer.fail(inventory.ProblemIncomplete, "the device closed the session "+when, err)
}

// send types a line; write types without the line end.
func (s *Session) send(line string) error { return s.write(line + "\n") }

func (s *Session) write(text string) error {
	if _, err := io.WriteString(s.stdin, text); err != nil {
		return s.dialer.fail(inventory.ProblemIncomplete, "the device closed the session", err)
	}
	return nil
}

// trim takes the echo of the command and the prompts off an output. Where a
// device echoes no line ends, several prompts stand on one line.
func (s *Session) trim(out, command string) string {
	lines := strings.Split(strings.ReplaceAll(out, "\r\n", "\n"), "\n")
	for len(lines) > 0 {
		first := strings.TrimSpace(plain(lines[0]))
		for s.prompt != "" && strings.HasPrefix(first, s.prompt) {
			first = strings.TrimSpace(strings.TrimPrefix(first, s.prompt))
			lines[0] = first
		}
		if first != "" && first != command {
			break
		}
		lines = lines[1:]
	}
	for len(lines) > 0 {
		last := strings.TrimSpace(plain(lines[len(lines)-1]))
		for s.prompt != "" && strings.HasSuffix(last, s.prompt) {
			last = strings.TrimSpace(strings.TrimSuffix(last, s.prompt))
			lines[len(lines)-1] = last
		}
		if last != "" {
			break
		}
		lines = lines[:len(lines)-1]
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// Close leaves the shell by `exit`, so that the device frees its VTY line, and
// closes the connection. It takes no longer than a few seconds and may be
// called more than once.
func (s *Session) Close() error {
	if s.closed {
		return nil
	}
	s.leave()
	return s.abandon()
}

// leave types exit until the device hangs up: where commands have led to
// another place, the first one leads back only.
func (s *Session) leave() {
	if s.stdin == nil {
		return
	}
	_ = s.conn.SetDeadline(time.Now().Add(s.limits().leave))
	word := "exit"
	if aireOSPrompt.MatchString(s.prompt) {
		word = "logout"
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.limits().leave)
	defer cancel()
	for range maxExits {
		if s.send(word) != nil || !s.stays(ctx) {
			return
		}
	}
}

// maxExits is how deep in a device's places exit is typed.
const maxExits = 4

// stays waits for the device to hang up, and says whether it shows another
// prompt instead.
func (s *Session) stays(ctx context.Context) bool {
	l := loginState{session: s}
	for {
		chunk, err := s.receive(ctx, s.limits().settle)
		switch {
		case errors.Is(err, errQuiet):
			if promptEnd.MatchString(lastLine(l.tail())) {
				return true
			}
			continue
		case err != nil:
			return false
		}
		l.text = lastBytes(append(l.text, chunk...), 1024)
		// AireOS asks whether to save a configuration that someone else left
		// unsaved: this program never saves anything.
		if yesNo.MatchString(l.tail()) {
			if l.send("n") != nil {
				return false
			}
		}
	}
}

// abandon closes the connection at once and waits for what it started.
func (s *Session) abandon() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.ended = errors.New("the session is closed")
	close(s.gone)
	err := s.conn.client.Close()
	s.pump.Wait()
	_ = s.conn.client.Wait()
	s.leaveLine()
	if err != nil && !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "use of closed") {
		return fmt.Errorf("cannot close the session with %s: %w", s.dialer.target.Address, err)
	}
	return nil
}

func lastBytes(b []byte, n int) []byte {
	if len(b) > n {
		return b[len(b)-n:]
	}
	return b
}
