package sshcli

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
)

func dial(t *testing.T, tg Target) *Session {
	t.Helper()
	s, err := Dial(t.Context(), tg, newLog(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// dialFails wants an error of the kind, without a secret in it, and returns its
// message.
func dialFails(t *testing.T, tg Target, kind inventory.ProblemKind) string {
	t.Helper()
	s, err := Dial(t.Context(), tg, newLog(t))
	if err == nil {
		_ = s.Close()
		t.Fatal("the session came up")
	}
	if KindOf(err) != kind {
		t.Fatalf("got %v, want kind %s", err, kind)
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("a secret is in the error: %v", err)
	}
	return Problem(err).Message
}

func run(t *testing.T, s *Session, command string) string {
	t.Helper()
	out, err := s.Run(t.Context(), command)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return strings.ReplaceAll(out, "\r", "")
}

func TestRun(t *testing.T) {
	t.Parallel()
	d := startDevice(t, func(term *terminal) {
		term.run("\r\n*** Authorized use only ***\r\nlab# is not sw1>\r\n\r\n", "sw1#", ios())
	})
	s := dial(t, d.target(t))
	if s.Prompt() != "sw1#" {
		t.Errorf("prompt %q, want sw1#", s.Prompt())
	}
	for range 2 {
		if diff := cmp.Diff(strings.TrimRight(inventoryText, "\n")+"\n", run(t, s, "show inventory")); diff != "" {
			t.Errorf("output (-want +got):\n%s", diff)
		}
	}
	if out := run(t, s, "show udi"); !strings.Contains(out, "% Invalid input") {
		t.Errorf("an unknown command gave %q", out)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if lines := d.lines(); lines[len(lines)-1] != "exit" {
		t.Errorf("the session was not left by exit: %q", lines)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if _, err := s.Run(t.Context(), "show version"); err == nil {
		t.Error("a closed session ran a command")
	}
}

func TestRunRefusesOtherCommands(t *testing.T) {
	t.Parallel()
	d := startDevice(t, func(term *terminal) { term.run("", "sw1#", ios()) })
	s := dial(t, d.target(t))
	before := len(d.lines())
	for _, command := range []string{
		"configure terminal", "reload", "show inventory\nreload", "show running-config", "show ap config general x;reload", "",
	} {
		if _, err := s.Run(t.Context(), command); err == nil {
			t.Errorf("%q was run", command)
		}
	}
	if after := len(d.lines()); after != before {
		t.Errorf("%d lines were typed", after-before)
	}
	run(t, s, "show version") // a refused command does not end the session
}

// TestCommandsAreDocumented holds the list against the page by which people set
// up the command authorization of their devices.
func TestCommandsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../configs/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range append(slices.Clone(allowed), "show inventory fex", "show ap name") {
		if !strings.Contains(string(page), "`"+command+"`") && !strings.Contains(string(page), "`"+command+" ") {
			t.Errorf("configs/README.md does not name %q", command)
		}
	}
}

func TestShellOddities(t *testing.T) {
	t.Parallel()
	pager := func(ask, wipe string) func(*terminal) {
		return func(term *terminal) {
			for line := range strings.SplitAfterSeq(inventoryText, "\n") {
				term.print("%s", strings.ReplaceAll(line, "\n", "\r\n"))
				term.print("%s", ask)
				if k, ok := term.key(); !ok || k != ' ' {
					return
				}
				term.print("%s", wipe)
			}
		}
	}
	with := func(command string, f func(*terminal)) map[string]func(*terminal) {
		m := ios()
		m[command] = f
		return m
	}
	for name, shell := range map[string]func(*terminal){
		"no greeting and a prompt with a space": func(term *terminal) { term.run("", "sw1> ", ios()) },
		"pager that cannot be turned off": func(term *terminal) {
			m := with("show inventory", pager(" --More-- ", "\b\b\b\b\b\b\b\b\b\b          \b\b\b\b\b\b\b\b\b\b"))
			delete(m, "terminal length 0")
			term.run("", "sw1#", m)
		},
		"pager of asa": func(term *terminal) {
			term.run("", "asa1/pri/act#", with("show inventory", pager("<--- More --->", "\r              \r")))
		},
		"pager of small business": func(term *terminal) {
			term.run("", "sg300#", with("show inventory", pager("More: <space>,  Quit: q or CTRL+Z, One line: <return> ", "\r                                                       \r")))
		},
		"forged prompt in the output": func(term *terminal) {
			term.run("", "sw1#", with("show inventory", func(term *terminal) {
				term.print("sw1#\r\n")
				// The forged prompt stands alone until the empty line comes.
				if s, ok := term.line(); !ok || s != "" {
					return
				}
				text(inventoryText)(term)
				term.print("sw1#\r\n")
			}))
		},
		"typed-ahead lines are lost": func(term *terminal) {
			term.run("", "sw1#", with("show inventory", func(term *terminal) {
				term.print("sw1#")
				if _, ok := term.line(); !ok {
					return
				}
				term.print("\r\n%s", strings.ReplaceAll(inventoryText, "\n", "\r\n"))
			}))
		},
		"no line end before the prompt": func(term *terminal) {
			m := ios()
			for command, f := range m {
				m[command] = func(term *terminal) { f(term); term.print("done") }
			}
			term.run("", "sw1#", m)
		},
		"notice with the time before each prompt": func(term *terminal) {
			// What it says is the same at a command, at an empty line and at the login.
			n := 0
			notice := func() { n++; term.print("maintenance tonight, login %d\r\nsw1#", n) }
			notice()
			for {
				s, ok := term.line()
				if !ok || s == "exit" {
					return
				}
				term.print("\r\n")
				if f := ios()[s]; f != nil {
					f(term)
				}
				notice()
			}
		},
		"prompt with escape sequences": func(term *terminal) { term.run("", "\x1b[Ksw1#\x1b[0m", ios()) },
		"prompt of xr":                 func(term *terminal) { term.run("", "RP/0/RSP0/CPU0:edge-1#", ios()) },
		"command echoed": func(term *terminal) {
			m := ios()
			for command, f := range m {
				m[command] = func(term *terminal) { term.print("%s\r\n", command); f(term) }
			}
			term.run("", "sw1#", m)
		},
		"asks to press a key and to change the password": func(term *terminal) {
			term.print("Press <Enter> to continue...")
			if _, ok := term.line(); !ok {
				return
			}
			term.print("\r\nYour password has exceeded the maximum lifetime.\r\nDo you want to change the password (Y/N)[N] ?")
			if s, ok := term.line(); !ok || s != "n" {
				return
			}
			term.run("\r\n", "sg220#", ios())
		},
		"slow banner": func(term *terminal) {
			term.print("welcome to\r\nsw9>")
			timer := time.NewTimer(250 * time.Millisecond)
			defer timer.Stop()
			<-timer.C
			term.run(" no, to sw1\r\n\r\n", "sw1#", ios())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := dial(t, startDevice(t, shell).target(t))
			out := run(t, s, "show inventory")
			if !strings.Contains(out, "SN: FOC2001X0AB") {
				t.Errorf("the serial is not in %q", out)
			}
			if out := run(t, s, "show version"); !strings.Contains(out, "15.2(7)E3") || strings.Contains(out, "FOC2001X0AB") {
				t.Errorf("the next command gave %q", out)
			}
		})
	}
}

// inShell is a device that asks for user and password inside the shell, as
// AireOS and small-business switches do.
func inShell(user, prompt string, tries int) func(*terminal) {
	return func(term *terminal) {
		for range tries {
			term.print("\r\n%s", user)
			name, ok := term.line()
			if !ok {
				return
			}
			term.print("\r\nPassword:")
			word, ok := term.line()
			if !ok {
				return
			}
			term.print("****\r\n")
			if name == "rollcall" && word == canary {
				term.run("\r\n", prompt, ios())
				return
			}
			term.print("Authentication Failed\r\n")
		}
	}
}

func noAuth(d *device) { d.config.NoClientAuth = true }

func TestLoginInsideTheShell(t *testing.T) {
	t.Parallel()
	for name, shell := range map[string]func(*terminal){
		"aireos":         inShell("User: ", "(Cisco Controller) >", 3),
		"small business": inShell("User Name:", "switch1#", 3),
		"username":       inShell("Username: ", "switch1>", 3),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDevice(t, shell, noAuth)
			s := dial(t, d.target(t))
			if out := run(t, s, "show inventory"); !strings.Contains(out, "SN: FOC2001X0AB") || strings.Contains(out, canary) {
				t.Errorf("got %q", out)
			}
			wrong := d.target(t, func(tg *Target) { tg.Credential.Password = config.Plain("canary-other") })
			dialFails(t, wrong, inventory.ProblemCredentialRefused)
		})
	}
	t.Run("hangs up at once", func(t *testing.T) {
		d := startDevice(t, inShell("User: ", "", 1), noAuth)
		dialFails(t, d.target(t, func(tg *Target) { tg.Credential.Password = config.Plain("canary-other") }), inventory.ProblemCredentialRefused)
	})
}

func TestAireOSLogout(t *testing.T) {
	t.Parallel()
	d := startDevice(t, func(term *terminal) {
		term.print("(wlc1) >")
		for {
			s, ok := term.line()
			switch {
			case !ok:
				return
			case s == "logout":
				term.print("\r\nThe system has unsaved changes.\r\nWould you like to save them now? (y/N) ")
				term.line()
				return
			}
			term.print("\r\n(wlc1) >")
		}
	}, noAuth)
	s := dial(t, d.target(t))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{"logout", "n"}
	if lines := d.lines(); len(lines) < 2 || cmp.Diff(want, lines[len(lines)-2:]) != "" {
		t.Errorf("typed %q, want %q at the end", lines, want)
	}
}

func TestEnable(t *testing.T) {
	t.Parallel()
	shell := func(term *terminal) {
		term.print("sw1>")
		level := ">"
		for {
			s, ok := term.line()
			if !ok || s == "exit" {
				return
			}
			term.print("\r\n")
			if s == "enable" {
				for try := range 3 {
					term.print("Password: ")
					word, ok := term.line()
					if !ok {
						return
					}
					term.print("\r\n")
					if word == canaryEnable {
						level = "#"
						break
					}
					if try == 2 {
						term.print("%% Bad secrets\r\n\r\n")
					}
				}
			}
			if s == "show inventory" && level == "#" {
				text(inventoryText)(term)
			}
			term.print("sw1%s", level)
		}
	}
	t.Run("given", func(t *testing.T) {
		s := dial(t, startDevice(t, shell).target(t, func(tg *Target) { tg.Credential.Enable = config.Plain(canaryEnable) }))
		if out := run(t, s, "show inventory"); s.Prompt() != "sw1#" || !strings.Contains(out, "FOC2001X0AB") || len(s.Problems()) > 0 {
			t.Errorf("prompt %q, problems %v, output %q", s.Prompt(), s.Problems(), out)
		}
	})
	t.Run("refused", func(t *testing.T) {
		s := dial(t, startDevice(t, shell).target(t, func(tg *Target) { tg.Credential.Enable = config.Plain("canary-wrong") }))
		if s.Prompt() != "sw1>" || len(s.Problems()) != 1 || s.Problems()[0].Kind != inventory.ProblemUnauthorized {
			t.Errorf("prompt %q, problems %v", s.Prompt(), s.Problems())
		}
		run(t, s, "show version")
	})
	t.Run("not given", func(t *testing.T) {
		d := startDevice(t, shell)
		dial(t, d.target(t))
		for _, line := range d.lines() {
			if line == "enable" {
				t.Error("enable was typed without a password for it")
			}
		}
	})
}

func TestRunCancelled(t *testing.T) {
	t.Parallel()
	m := ios()
	started := make(chan struct{})
	m["show inventory"] = func(term *terminal) { close(started); term.key() }
	s := dial(t, startDevice(t, func(term *terminal) { term.run("", "sw1#", m) }).target(t))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	if _, err := s.Run(ctx, "show inventory"); !errors.Is(err, context.Canceled) || KindOf(err) != inventory.ProblemIncomplete {
		t.Errorf("got %v, want a cancelled, incomplete run", err)
	}
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	shell := func(term *terminal) { term.run("", "sw1#", ios()) }
	interactive := func(questions []string, echos []bool, accept func([]string) bool) func(*device) {
		return func(d *device) {
			d.config.PasswordCallback = nil
			d.config.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
				answers, err := ask("", "", questions, echos)
				if err != nil || !accept(answers) {
					return nil, errors.New("no")
				}
				return nil, nil
			}
		}
	}
	t.Run("wrong password", func(t *testing.T) {
		d := startDevice(t, shell, func(d *device) {
			d.config.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
				if answers, err := ask("", "", []string{"Password: "}, []bool{false}); err == nil {
					t.Errorf("the refused password was tried again: %d answers", len(answers))
				}
				return nil, errors.New("no")
			}
		})
		message := dialFails(t, d.target(t, func(tg *Target) { tg.Credential.Password = config.Plain("canary-wrong") }), inventory.ProblemCredentialRefused)
		if !strings.Contains(message, `"rollcall"`) || !strings.Contains(message, "office") {
			t.Errorf("the message names neither user nor credential: %s", message)
		}
	})
	t.Run("keyboard-interactive", func(t *testing.T) {
		d := startDevice(t, shell, interactive([]string{"Password: "}, []bool{false}, func(a []string) bool { return a[0] == canary }))
		dial(t, d.target(t))
	})
	t.Run("keyboard-interactive that shows what is typed", func(t *testing.T) {
		d := startDevice(t, shell, interactive([]string{"Password: "}, []bool{true}, func(a []string) bool {
			if strings.Contains(strings.Join(a, " "), "canary") {
				t.Error("the password was typed where it is shown")
			}
			return false
		}))
		dialFails(t, d.target(t), inventory.ProblemCredentialRefused)
	})
	t.Run("banner before login", func(t *testing.T) {
		d := startDevice(t, shell, func(d *device) {
			d.config.BannerCallback = func(ssh.ConnMetadata) string { return strings.Repeat("keep out ", 1000) }
		})
		dial(t, d.target(t))
		dialFails(t, d.target(t, func(tg *Target) { tg.limits.banner = 1000 }), inventory.ProblemIncomplete)
	})
	t.Run("no password given", func(t *testing.T) {
		d := startDevice(t, shell)
		dialFails(t, d.target(t, func(tg *Target) { tg.Credential.Password = config.Secret{} }), inventory.ProblemCredentialRefused)
		dialFails(t, d.target(t, func(tg *Target) { tg.Credential.Password = config.Reference("file:/does/not/exist") }), inventory.ProblemCredentialRefused)
	})
}
