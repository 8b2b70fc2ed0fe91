package simdevice

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxLine bounds what is typed on one line, in bytes.
const maxLine = 1024

// A shell is the command line of one session.
type shell struct {
	server  *Server
	channel ssh.Channel
	in      *bufio.Reader
	dialect dialect

	rows    int // of the terminal; 0 does not page
	enabled bool
	scope   string // FXOS and CIMC: where `scope` has led
	sawCR   bool
	over    bool
}

func newShell(s *Server, ch ssh.Channel) *shell {
	d := s.state.Load().device
	sh := &shell{server: s, channel: ch, in: bufio.NewReader(ch), rows: 24, dialect: shapeOf(d).cli}
	sh.enabled = !sh.dialect.enable || d.SSHEnable == ""
	return sh
}

// device is the device as it is now: it may be replaced during a session.
func (sh *shell) device() Device { return sh.server.state.Load().device }

// serve handles the requests of a session until it ends.
func (sh *shell) serve(requests <-chan *ssh.Request) {
	defer func() { _ = sh.channel.Close() }()
	started := make(chan struct{})
	begun := false
	begin := func(run func()) {
		begun = true
		sh.server.wg.Go(func() {
			defer close(started)
			run()
			_, _ = sh.channel.SendRequest("exit-status", false, make([]byte, 4))
			_ = sh.channel.Close()
		})
	}
	for r := range requests {
		ok := false
		switch {
		case r.Type == "pty-req":
			if rows, read := ptyRows(r.Payload); read && !begun {
				sh.rows, ok = rows, true
			}
		case r.Type == "shell" && !begun:
			ok = true
			begin(sh.interact)
		case r.Type == "exec" && !begun && sh.dialect.exec:
			ok = true
			line := sshString(r.Payload)
			begin(func() { sh.rows = 0; sh.runLine(line) })
		}
		if r.WantReply {
			_ = r.Reply(ok, nil)
		}
	}
	if begun {
		<-started
	}
}

// ptyRows reads the height from a pty-req: RFC 4254 section 6.2.
func ptyRows(payload []byte) (int, bool) {
	term := sshString(payload)
	rest := payload[min(len(payload), 4+len(term)):]
	if len(rest) < 8 {
		return 0, false
	}
	return int(binary.BigEndian.Uint32(rest[4:8]) & 0xffff), true
}

// sshString reads the string at the beginning of a request's payload.
func sshString(payload []byte) string {
	if len(payload) < 4 {
		return ""
	}
	n := binary.BigEndian.Uint32(payload)
	if uint64(n) > uint64(len(payload)-4) {
		return ""
	}
	return string(payload[4 : 4+n])
}

// interact logs in where the shell asks for that, and obeys lines until the
// end.
func (sh *shell) interact() {
	if !sh.login() {
		return
	}
	f := sh.device().Faults
	if f.HangAfterLogin {
		hang(sh.in)
		return
	}
	if f.BannerBytes != 0 && !sh.flood(f.BannerBytes) {
		return
	}
	sh.print("\r\n")
	for !sh.over {
		sh.print(sh.prompt())
		line, err := sh.readLine(true)
		if err != nil {
			return
		}
		sh.runLine(line)
	}
}

func (sh *shell) prompt() string { return sh.dialect.prompt(sh.device(), sh) }

// flood prints n bytes of banner, or for ever.
func (sh *shell) flood(n int64) bool {
	line := "* Authorized use only #> " + strings.Repeat("*", 53) + "\r\n"
	for n != 0 {
		part := line
		if n > 0 {
			part = line[:min(int64(len(line)), n)]
			n -= int64(len(part))
		}
		if !sh.print(part) {
			return false
		}
	}
	return true
}

// login asks for user and password inside the shell, three times at most.
func (sh *shell) login() bool {
	user, password := "\r\n(Cisco Controller) \r\nUser: ", "Password:"
	switch sh.dialect.login {
	case loginInShellAireOS:
	case loginInShellSMB:
		user = "\r\n\r\nUser Name:"
	default:
		return true
	}
	for range 3 {
		sh.print(user)
		name, err := sh.readLine(true)
		if err != nil {
			return false
		}
		sh.print(password)
		secret, err := sh.readSecret()
		if err != nil {
			return false
		}
		if d := sh.device(); name == d.SSHUser && secret == d.SSHPassword {
			return true
		}
		if sh.dialect.login == loginInShellSMB {
			sh.print("\r\nauthentication failed\r\n")
		}
	}
	return false
}

// readSecret reads a line without echo. AireOS shows stars for it.
func (sh *shell) readSecret() (string, error) {
	if sh.device().Faults.EchoPassword {
		return sh.readLine(true)
	}
	line, err := sh.readLine(false)
	if err == nil && sh.dialect.login == loginInShellAireOS {
		sh.print(strings.Repeat("*", len(line)))
	}
	sh.print("\r\n")
	return line, err
}

var errHungUp = errors.New("hung up")

// readLine reads and echoes one line, as these devices do whatever the
// terminal's modes say.
func (sh *shell) readLine(echo bool) (string, error) {
	var line []byte
	for {
		c, err := sh.in.ReadByte()
		if err != nil {
			return "", err
		}
		afterCR := sh.sawCR
		sh.sawCR = c == '\r'
		switch {
		case c == '\n' && afterCR:
		case c == '\r' || c == '\n':
			if echo {
				sh.print("\r\n")
			}
			return string(line), nil
		case c == 0x08 || c == 0x7f:
			if len(line) > 0 {
				line = line[:len(line)-1]
				if echo {
					sh.print("\b \b")
				}
			}
		case c == 0x03: // Ctrl-C
			line = nil
			sh.print("^C\r\n" + sh.prompt())
		case c == 0x04 && len(line) == 0: // Ctrl-D
			return "", errHungUp
		case c >= 0x20 && len(line) < maxLine:
			line = append(line, c)
			if echo {
				sh.print(string(rune(c)))
			}
		}
	}
}

func (sh *shell) print(s string) bool {
	_, err := io.WriteString(sh.channel, s)
	return err == nil
}

// runLine obeys one line.
func (sh *shell) runLine(line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	d := sh.device()
	c, args, known := matchCommand(sh.dialect.commands, line)
	switch {
	case !known, c.privileged && !sh.enabled:
		sh.page(sh.dialect.invalid(line))
	case c.inventory && d.Faults.DenyCommand:
		sh.page(sh.dialect.denied)
	case c.inventory:
		sh.faultyOutput(d.Faults, sh.dialect.before+c.run(sh, d, args))
	default:
		sh.page(c.run(sh, d, args))
	}
}

// faultyOutput prints with the faults of the device.
func (sh *shell) faultyOutput(f Faults, text string) {
	if f.LineBytes > 0 {
		for left := f.LineBytes; left > 0; left -= 4096 {
			if !sh.print(strings.Repeat("x", int(min(left, 4096)))) {
				return
			}
		}
		sh.print("\r\n")
	}
	if f.ForgedPrompt {
		text = forgePrompts(text, sh.prompt())
	}
	if f.HangMidOutput || f.CloseMidOutput {
		sh.print(strings.ReplaceAll(text[:len(text)/2], "\n", "\r\n"))
		if f.HangMidOutput {
			hang(sh.in)
		}
		sh.over = true
		return
	}
	for sh.page(text) && f.EndlessOutput {
		continue
	}
}

// forgedPause is how long a device thinks after a forged prompt, so that it is
// the last thing that the client has.
const forgedPause = 10 * time.Millisecond

// forgePrompts puts lines that begin with the prompt after every third line.
func forgePrompts(text, prompt string) string {
	var b strings.Builder
	for i, line := range strings.SplitAfter(text, "\n") {
		b.WriteString(line)
		if i%3 == 2 {
			b.WriteString(prompt + "\n" + prompt + " exit\n")
		}
	}
	return b.String()
}

// page prints text a screen at a time. It is false when the reader is gone or
// had enough.
func (sh *shell) page(text string) bool {
	if text == "" {
		return true
	}
	rows, forged := sh.rows, sh.device().Faults.ForgedPrompt
	if sh.device().Faults.AlwaysMore {
		rows = 24
	}
	if rows <= 1 || sh.dialect.more == "" {
		rows = math.MaxInt
	}
	left := rows - 1
	for line := range strings.SplitAfterSeq(text, "\n") {
		if line == "" {
			continue
		}
		if left == 0 {
			var ok bool
			if left, ok = sh.askMore(rows); !ok {
				return false
			}
		}
		if !sh.print(sh.dialect.linePrefix + strings.ReplaceAll(line, "\n", "\r\n")) {
			return false
		}
		if forged && strings.HasPrefix(line, sh.prompt()) && !sh.server.wait(forgedPause) {
			return false
		}
		left--
	}
	return true
}

// askMore shows the pager's line and waits for a key: a space for a page,
// return for a line, anything else for the end.
func (sh *shell) askMore(rows int) (int, bool) {
	sh.print(sh.dialect.more)
	for {
		key, err := sh.in.ReadByte()
		if err != nil {
			return 0, false
		}
		afterCR := sh.sawCR
		sh.sawCR = key == '\r'
		if key == '\n' && afterCR {
			continue
		}
		sh.print(sh.dialect.erase)
		switch key {
		case ' ':
			return rows - 1, true
		case '\r', '\n':
			return 1, true
		}
		sh.print("\r\n")
		return 0, false
	}
}
