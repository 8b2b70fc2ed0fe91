package sshcli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"rollcall/pkg/inventory"
)

// What devices ask inside the shell, at the end of what they print.
var (
	asksUser     = regexp.MustCompile(`(?i)(?:^|[\r\n>])[ \t]*(?:user ?name|user|login)[ \t]*:[ \t]*$`)
	asksPassword = regexp.MustCompile(`(?i)(?:^|[\r\n])[^\r\n]{0,60}passwor[dt][^\r\n]{0,30}:[ \t]*$`)
	// wantsNew is no question for the password that we have, but for another.
	wantsNew = regexp.MustCompile(`(?i)^\W*(?:(?:please|enter|type|input|give|your|the|a) )*(?:(?:new|old|\(?current\)?|unix) |confirm|retype|re-?enter|repeat|verify|change|passwor[dt] (?:again|confirm))`)
	// ADE-OS offers to resume sessions: "Enter session number to resume or
	// press <Enter> to start a new one:".
	asksKey      = regexp.MustCompile(`(?i)press (?:<?enter>?|<?return>?|any key) to (?:continue|start)[^\r\n]{0,20}$`)
	yesNo        = regexp.MustCompile(`(?i)\(y(?:es)?/n(?:o)?\)[^\r\n]{0,12}$`)
	rejected     = regexp.MustCompile(`(?i)authentication (?:failed|failure|rejected)|login (?:incorrect|failed|invalid|denied)|access denied|bad (?:password|secrets)|invalid (?:password|user|login)|permission denied`)
	noLines      = regexp.MustCompile(`(?i)no (?:more|free) (?:sessions|lines|vty)|maximum (?:number of )?(?:sessions|users|connections)|too many (?:users|sessions|connections)|all (?:vty )?lines (?:are )?(?:busy|in use)`)
	aireOSPrompt = regexp.MustCompile(`^\([^()\r\n]{1,63}\) ?>$`)
	catOSPrompt  = regexp.MustCompile(`> \(enable\)$`)
)

// Linksys SRW switches show a screen to log in on, and then a menu. Ctrl-Z
// leaves the menu for a shell in which "lcli" starts the command line, which
// asks who one is again.
var (
	loginScreen = regexp.MustCompile(`(?i)login screen`)
	mainMenu    = regexp.MustCompile(`(?i)switch main menu`)
	// placesCursor tells a screen from a banner, which has no places.
	placesCursor = regexp.MustCompile(`\x1b\[\d{1,3};\d{1,3}[Hf]`)
)

const leaveMenu = "\x1alcli\n"

// maxScreen is how much of what a device has shown can be its screen.
const maxScreen = 8 << 10

// promptEnd is what the last line of a waiting device ends in, on every
// platform: sw1#, sw1>, (Cisco Controller) >, host/admin#, admin:
var promptEnd = regexp.MustCompile(`^[^\r\n]{0,120}[\w)\]./> -][>#$%]$|^[>#$]$|^[\w.-]{1,63}:$|^[\w.@-]{1,63}> \(enable\)$`)

// maxNewlines bounds the tries to learn a prompt.
const maxNewlines = 8

// login brings the shell to its prompt and learns it: an empty line typed at a
// prompt prints the same line again, at a banner it does not.
func (s *Session) login(ctx context.Context) error {
	l := loginState{session: s}
	ctx, cancel := context.WithTimeout(ctx, max(3*s.dialer.target.Timeout, s.limits().login))
	defer cancel()
	for {
		quiet := s.limits().settle
		if !l.ready() {
			quiet = s.limits().unready
		}
		chunk, err := s.receive(ctx, quiet)
		switch {
		case err == nil:
			if err := l.add(chunk); err != nil {
				return s.dialer.fail(inventory.ProblemIncomplete, fmt.Sprintf("the device's greeting was cut: %v", err), err)
			}
			continue
		case errors.Is(err, errEnded):
			return l.closed(err)
		case !errors.Is(err, errQuiet):
			return s.dialer.fail(inventory.ProblemIncomplete, "no prompt came after login: log in by hand to see what the device shows", err)
		}
		done, err := l.step()
		if done || err != nil {
			return err
		}
	}
}

// loginState is the talk up to the prompt.
type loginState struct {
	session *Session
	total   int
	text    []byte // since the last thing typed
	last    string // the line that the device waited at before that

	user, password bool // sent already
	screen, menu   bool // passed already
	newlines       int
	other          int // keys pressed at questions
}

// shows says that a screen with those words is before us, and no question: the
// password goes to nothing else that happens to have the words.
func (l *loginState) shows(words *regexp.Regexp) bool {
	shown, tail := lastBytes(l.text, maxScreen), l.tail()
	return placesCursor.Match(shown) && words.MatchString(plain(string(shown))) &&
		!promptEnd.MatchString(lastLine(tail)) && !asksUser.MatchString(tail) && !asksPassword.MatchString(tail)
}

func (l *loginState) add(chunk []byte) error {
	if l.total += len(chunk); l.total > l.session.limits().banner {
		return fmt.Errorf("it is longer than %d KiB", l.session.limits().banner>>10)
	}
	l.text = append(l.text, chunk...)
	return nil
}

// secret says that a line shows what we typed: it is no prompt, and not to be
// told to anybody.
func (d *dialer) secret(line string) bool {
	return d.password != "" && strings.Contains(line, d.password) || d.enable != "" && strings.Contains(line, d.enable)
}

// shorten makes a line of a device fit for a message.
func (d *dialer) shorten(line string) string {
	if d.secret(line) {
		return "(a password, shown by the device)"
	}
	return shortened(line, 60)
}

// ready says that the device seems to wait for something.
func (l *loginState) ready() bool {
	s := l.tail()
	return promptEnd.MatchString(lastLine(s)) || asksUser.MatchString(s) || asksPassword.MatchString(s) ||
		asksKey.MatchString(s) || yesNo.MatchString(s) || pagerAtEnd.MatchString(s) ||
		!l.screen && l.shows(loginScreen) || !l.menu && l.shows(mainMenu)
}

func (l *loginState) tail() string {
	return strings.TrimRight(plain(string(lastBytes(l.text, 1024))), " \t\r\n\x00")
}

// lastLine is the last line of a text, without outer space.
func lastLine(s string) string {
	return strings.TrimSpace(s[strings.LastIndexAny(s, "\r\n")+1:])
}

// step types what the device waits for. It is called when the device is quiet.
func (l *loginState) step() (bool, error) {
	s, d := l.session, l.session.dialer
	tail := l.tail()
	refused := func() error {
		return d.fail(inventory.ProblemCredentialRefused, fmt.Sprintf("the device's shell refused user %q of SSH credential %s: check user and password", d.target.Credential.User, d.target.Credential.Name), nil)
	}
	switch {
	case !l.menu && l.shows(mainMenu):
		l.menu, l.user, l.password = true, false, false
		return false, l.press(leaveMenu)
	case !l.screen && l.shows(loginScreen):
		l.screen, l.user, l.password, d.shown = true, true, true, true
		return false, l.press(d.target.Credential.User + "\t" + d.password + "\r")
	case asksUser.MatchString(tail):
		if l.user {
			return false, refused()
		}
		l.user = true
		return false, l.send(d.target.Credential.User)
	case asksPassword.MatchString(tail):
		if wantsNew.MatchString(lastLine(tail)) {
			return false, d.fail(inventory.ProblemCredentialRefused, d.expired(), nil)
		}
		if l.password {
			return false, refused()
		}
		l.password, d.shown = true, true
		return false, l.send(d.password)
	case rejected.MatchString(tail) && (l.user || l.password):
		return false, refused()
	case yesNo.MatchString(tail):
		// "Do you want to change the password (Y/N)[N]?" of small-business
		// switches: nothing is ever changed.
		return false, l.press("n\n")
	case asksKey.MatchString(tail):
		return false, l.press("\n")
	case pagerAtEnd.MatchString(tail):
		return false, l.press(" ")
	}
	line := lastLine(tail)
	if line != "" && line == l.last && promptEnd.MatchString(line) && !d.secret(line) {
		s.prompt = line
		return true, nil
	}
	l.last = line
	if l.newlines++; l.newlines > maxNewlines {
		return false, d.fail(inventory.ProblemIncomplete, fmt.Sprintf("the device shows no prompt that stays the same (last line %q): log in by hand to see what it shows", d.shorten(line)), nil)
	}
	return false, l.send("")
}

func (l *loginState) send(line string) error {
	l.text = l.text[:0]
	return l.session.send(line)
}

// press answers a question that is no part of a login, a few times at most.
func (l *loginState) press(keys string) error {
	l.text = l.text[:0]
	if l.other++; l.other > maxNewlines {
		return l.session.dialer.fail(inventory.ProblemIncomplete, "the device keeps asking before it shows a prompt: log in by hand to see what it wants", nil)
	}
	return l.session.write(keys)
}

// closed says why the device hung up before there was a prompt.
func (l *loginState) closed(cause error) error {
	d := l.session.dialer
	switch {
	case noLines.Match(l.text):
		return d.fail(inventory.ProblemBusy, "the device has no free session: close others, or wait for their time-out", cause)
	case l.password || rejected.Match(l.text):
		return d.fail(inventory.ProblemCredentialRefused, fmt.Sprintf("the device's shell hung up after user %q of SSH credential %s logged in: check user and password", d.target.Credential.User, d.target.Credential.Name), cause)
	}
	return d.fail(inventory.ProblemBusy, "the device hung up before it showed a prompt: its VTY lines may all be in use", cause)
}

// raise goes to privileged mode where the prompt ends in ">" and an enable
// password was given. A refusal is a problem to tell, no failure: most
// inventories are readable without.
func (s *Session) raise(ctx context.Context) error {
	if s.dialer.enable == "" || !strings.HasSuffix(s.prompt, ">") || aireOSPrompt.MatchString(s.prompt) {
		return nil
	}
	before := s.prompt
	if err := s.send("enable"); err != nil {
		return err
	}
	l := loginState{session: s}
	sent := 0
	for {
		quiet := s.limits().settle
		if !l.ready() {
			quiet = max(s.dialer.target.Timeout, s.limits().unready)
		}
		chunk, err := s.receive(ctx, quiet)
		if err == nil {
			if err := l.add(chunk); err != nil {
				return s.dialer.fail(inventory.ProblemIncomplete, fmt.Sprintf("the answer to enable was cut: %v", err), err)
			}
			continue
		}
		if !errors.Is(err, errQuiet) {
			return s.broken(ctx, err, "while it was asked for enable mode")
		}
		tail := l.tail()
		line := lastLine(tail)
		switch {
		case asksPassword.MatchString(tail) && sent == 0:
			sent++
			err = l.send(s.dialer.enable)
		case asksPassword.MatchString(tail) && sent < 4: // two more empty ones, then the prompt
			sent++
			err = l.send("")
		case asksUser.MatchString(tail) && !l.user: // where AAA asks who it is
			l.user = true
			err = l.send(s.dialer.target.Credential.User)
		case promptEnd.MatchString(line):
			s.enabled(before, line, sent > 0)
			return nil
		default:
			return s.dialer.fail(inventory.ProblemIncomplete, "no prompt came back after enable: log in by hand to see what the device shows", nil)
		}
		if err != nil {
			return err
		}
	}
}

// enabled notes the prompt after enable.
func (s *Session) enabled(before, after string, asked bool) {
	s.prompt = after
	if after != before && !strings.HasSuffix(after, ">") {
		return
	}
	s.prompt = before
	message := fmt.Sprintf("the device refused the enable password of SSH credential %s: correct or remove it", s.dialer.target.Credential.Name)
	if !asked {
		message = fmt.Sprintf("the device did not ask for the enable password of SSH credential %s and stays unprivileged: the account may not use enable, or the device has none", s.dialer.target.Credential.Name)
	}
	s.problems = append(s.problems, inventory.Problem{Kind: inventory.ProblemUnauthorized, Via: Via, Message: message})
}

// refusedCommand is how devices say that they do not know a command.
var refusedCommand = regexp.MustCompile(`(?im)^\s*(?:%|ERROR:|Incorrect (?:usage|input)|Syntax error|Invalid |Unknown |Unrecognized |Command not)`)

// pagerOff tries the ways to turn the pager off, the likeliest for the prompt
// first. Where none works, pages are answered one by one.
func (s *Session) pagerOff(ctx context.Context) error {
	tries := []string{"terminal length 0", "terminal pager 0", "terminal datadump", "paginate false"}
	switch {
	case aireOSPrompt.MatchString(s.prompt):
		tries = []string{"config paging disable"}
	case catOSPrompt.MatchString(s.prompt):
		tries = []string{"set length 0"}
	}
	for _, command := range tries {
		out, err := s.Run(ctx, command)
		if err != nil {
			return err
		}
		if refusedCommand.MatchString(plain(out)) {
			continue
		}
		if command == "terminal length 0" {
			// 511 is the most that NX-OS takes; a refusal does no harm.
			_, err = s.Run(ctx, "terminal width 511")
		}
		return err
	}
	s.log.Debug("the pager cannot be turned off, pages are answered")
	return nil
}
