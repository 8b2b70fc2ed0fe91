package sshcli

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
)

// TestNewPasswordWanted: a device that asks for a new password gets none, not
// even the old one.
func TestNewPasswordWanted(t *testing.T) {
	t.Parallel()
	never := func(t *testing.T, d *device, question string) {
		t.Helper()
		message := dialFails(t, d.target(t), inventory.ProblemCredentialRefused)
		if !strings.Contains(message, "has expired") {
			t.Errorf("%s: message %q", question, message)
		}
		if slices.Contains(d.lines(), canary) {
			t.Errorf("%s: the password was typed", question)
		}
	}
	for _, question := range []string{
		"Enter new password:", "New Password: ", "Enter old password :", "Please enter your new password:", "Confirm Password:", "Re-enter password:", "(current) UNIX password: ",
	} {
		t.Run(question, func(t *testing.T) {
			t.Parallel()
			never(t, startDevice(t, func(term *terminal) {
				term.print("\r\nYour password has expired.\r\n%s", question)
				for ok := true; ok; {
					_, ok = term.line()
				}
			}), question)
			d := startDevice(t, func(term *terminal) { term.run("", "sw1#", ios()) }, func(d *device) {
				d.config.PasswordCallback = nil
				d.config.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
					if answers, err := ask("", "Your password has expired.", []string{question}, []bool{false}); err == nil {
						t.Errorf("%s was answered %d times", question, len(answers))
					}
					return nil, errors.New("no")
				}
			})
			never(t, d, question)
		})
	}
}

// TestPasswordIsGivenOnce: a second question in one exchange means that the
// first answer was wrong.
func TestPasswordIsGivenOnce(t *testing.T) {
	t.Parallel()
	given := 0
	d := startDevice(t, func(term *terminal) { term.run("", "sw1#", ios()) }, func(d *device) {
		d.config.PasswordCallback = nil
		d.config.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			for {
				if _, err := ask("", "", []string{"Password: "}, []bool{false}); err != nil {
					return nil, err
				}
				given++
			}
		}
	})
	dialFails(t, d.target(t), inventory.ProblemCredentialRefused)
	if given != 1 {
		t.Errorf("the password was given %d times", given)
	}
}

// TestGreetings are what devices show between login and prompt.
func TestGreetings(t *testing.T) {
	t.Parallel()
	// after shows a text, wants an answer, and goes on.
	after := func(question, answer, prompt string) func(*terminal) {
		return func(term *terminal) {
			term.print("%s", question)
			if s, ok := term.line(); !ok || s != answer {
				t.Errorf("%q was answered %q, want %q", question, s, answer)
				return
			}
			term.run("\r\n", prompt, ios())
		}
	}
	for name, shell := range map[string]func(*terminal){
		"SF220":                          after("\r\n\r\nPress <Enter> to continue...", "", "sf220#"),
		"ADE-OS that resumes sessions":   after("Failed to log in 0 time(s)\r\nEnter session number to resume or press <Enter> to start a new one: ", "", "ise/admin#"),
		"password that is getting old":   after("\r\nYour password has exceeded the maximum lifetime.\r\nDo you want to change the password (Y/N)[N] ?", "n", "sg300#"),
		"default password":               after("Please change your password from the default settings.\r\nDo you want to change the password (Y/N)[Y] ?", "n", "sg350#"),
		"notice that names passwords":    func(term *terminal) { term.run("\r\nChange your password: see the wiki\r\n\r\n", "sw1#", ios()) },
		"ESC[K before each line":         func(term *terminal) { term.run("\x1b[K\r\n\x1b[K", "\x1b[Ksg350#", ios()) },
		"CatOS":                          func(term *terminal) { term.run("\r\n\r\nCisco Systems Console\r\n\r\n", "Console> (enable) ", ios()) },
		"FTD, a prompt of one character": func(term *terminal) { term.run("\r\nCisco Fire Linux OS v7.2.5 (build 208)\r\n\r\n", "> ", ios()) },
		"controller with a blank":        func(term *terminal) { term.run("\r\n", "(Cisco Controller) >", ios()) },
		"IOS-XR":                         func(term *terminal) { term.run("\r\nIMPORTANT:  READ CAREFULLY\r\n", "RP/0/RP0/CPU0:ncs-1#", ios()) },
		"FXOS": func(term *terminal) {
			term.run("\r\nCisco Firepower Extensible Operating System (FX-OS) Software\r\n", "firepower# ", ios())
		},
		"CIMC":            func(term *terminal) { term.run("", "C220-FCH2001V0AA# ", ios()) },
		"UCS Manager":     func(term *terminal) { term.run("\r\n", "UCS-A# ", ios()) },
		"ADE-OS":          func(term *terminal) { term.run("\r\n", "ise-1/admin#", ios()) },
		"NX-OS in repair": func(term *terminal) { term.run("\r\n", "n9k(maint-mode)# ", ios()) },
		"ASA that is active": func(term *terminal) {
			term.run("Type help or '?' for a list of available commands.\r\n", "asa1/pri/act# ", ios())
		},
		"ASA in a context": func(term *terminal) {
			term.run("Type help or '?' for a list of available commands.\r\n", "asa1/admin/pri/act# ", ios())
		},
		"Linksys, a screen and a menu": func(term *terminal) {
			until := func(end byte) string {
				var typed []byte
				for {
					b, ok := term.key()
					if !ok || b == end {
						return string(typed)
					}
					typed = append(typed, b)
				}
			}
			term.print("\x1b[2J\x1b[1;30HLogin Screen\x1b[5;10HUser Name: [          ]\x1b[6;10HPassword:  [          ]\x1b[5;22H")
			if s := until('\r'); s != "rollcall\t"+canary {
				t.Errorf("the screen to log in on was given %q", strings.ReplaceAll(s, canary, "(the password)"))
			}
			term.print("\x1b[2J\x1b[1;30HSwitch Main Menu\x1b[3;5H1. System Configuration Menu\x1b[4;5H0. Logout\x1b[20;5HCtrl-Z = Exit")
			if s := until('\n'); s != "\x1alcli" {
				t.Errorf("the menu was given %q", s)
			}
			for _, question := range []string{"\r\n>lcli\r\n\r\nUser Name:", "\r\nPassword:"} {
				term.print("%s", question)
				term.line()
			}
			term.run("\r\n\r\n", "console# ", ios())
		},
		"banner that speaks of a screen": func(term *terminal) {
			term.run("\r\nWelcome to the login screen and the Switch Main Menu of this site\r\n", "sw1#", ios())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := dial(t, startDevice(t, shell).target(t))
			if out := run(t, s, "show inventory"); !strings.Contains(out, "SN: FOC2001X0AB") {
				t.Errorf("prompt %q, the serial is not in %q", s.Prompt(), out)
			}
		})
	}
}

// TestEnableRefusals are the ways in which enable leads nowhere: the session
// goes on, and the reason is told.
func TestEnableRefusals(t *testing.T) {
	t.Parallel()
	enabling := func(talk func(*terminal) bool) func(*terminal) {
		return func(term *terminal) {
			term.print("sw1>")
			prompt := "sw1>"
			for {
				s, ok := term.line()
				if !ok || s == "exit" {
					return
				}
				term.print("\r\n")
				switch s {
				case "enable":
					if talk(term) {
						prompt = "sw1#"
					}
				case "show inventory":
					text(inventoryText)(term)
				}
				term.print("%s", prompt)
			}
		}
	}
	ask := func(term *terminal, question, want string) bool {
		term.print("%s", question)
		s, ok := term.line()
		term.print("\r\n")
		return ok && s == want
	}
	for name, tc := range map[string]struct {
		talk    func(*terminal) bool
		enabled bool
		message string
	}{
		"AAA asks for the user": {talk: func(term *terminal) bool {
			return ask(term, "Username: ", "rollcall") && ask(term, "Password: ", canaryEnable)
		}, enabled: true},
		"no password asked, privileged at once": {talk: func(*terminal) bool { return true }, enabled: true},
		"access denied": {talk: func(term *terminal) bool {
			ask(term, "Password: ", "")
			term.print("%% Access denied\r\n\r\n")
			return false
		}, message: "refused the enable password"},
		"no enable secret is set": {talk: func(term *terminal) bool { term.print("%% No password set\r\n"); return false }, message: "did not ask for the enable password"},
		"unknown command":         {talk: func(term *terminal) bool { term.print("%% Unrecognized command\r\n"); return false }, message: "did not ask for the enable password"},
		"not authorized":          {talk: func(term *terminal) bool { term.print("Command authorization failed.\r\n"); return false }, message: "did not ask for the enable password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDevice(t, enabling(tc.talk))
			s := dial(t, d.target(t, func(tg *Target) { tg.Credential.Enable = config.Plain(canaryEnable) }))
			if got := s.Prompt() == "sw1#"; got != tc.enabled {
				t.Errorf("prompt %q, problems %v", s.Prompt(), s.Problems())
			}
			messages := ""
			for _, p := range s.Problems() {
				if p.Kind != inventory.ProblemUnauthorized {
					t.Errorf("problem %v", p)
				}
				messages += p.Message
			}
			if (messages == "") != tc.enabled || !strings.Contains(messages, tc.message) {
				t.Errorf("problems %q, want %q", messages, tc.message)
			}
			if out := run(t, s, "show inventory"); !strings.Contains(out, "FOC2001X0AB") {
				t.Errorf("got %q", out)
			}
		})
	}
}

// TestScopes is the command line of FXOS, CIMC and UCS Manager, where commands
// lead to places with prompts of their own, and exit leads back.
func TestScopes(t *testing.T) {
	t.Parallel()
	d := startDevice(t, func(term *terminal) {
		scope := ""
		prompt := func() string {
			if scope == "" {
				return "fxos# "
			}
			return "fxos /" + scope + " # "
		}
		term.print("%s", prompt())
		for {
			s, ok := term.line()
			if !ok {
				return
			}
			term.print("\r\n")
			switch {
			case s == "scope chassis 1":
				scope = "chassis"
			case s == "scope chassis":
				term.print("                ^\r\n%% Incomplete Command at '^' marker\r\n")
			case s == "top":
				scope = ""
			case s == "show inventory" && scope != "":
				term.print("Chassis 1:\r\n    Serial (SN): JMX2001A0AA\r\n")
			case s == "exit" && scope != "":
				scope = ""
			case s == "exit":
				return
			case s != "":
				term.print("%% Invalid Command at '^' marker\r\n")
			}
			term.print("%s", prompt())
		}
	})
	s := dial(t, d.target(t))
	if out := run(t, s, "scope chassis"); !strings.Contains(out, "Incomplete") || s.Prompt() != "fxos#" {
		t.Errorf("a refused scope: prompt %q, output %q", s.Prompt(), out)
	}
	if out := run(t, s, "scope chassis 1"); out != "" || s.Prompt() != "fxos /chassis #" {
		t.Errorf("prompt %q, output %q", s.Prompt(), out)
	}
	if out := run(t, s, "show inventory"); !strings.Contains(out, "JMX2001A0AA") || strings.Contains(out, "#") {
		t.Errorf("output %q", out)
	}
	if out := run(t, s, "top"); out != "" || s.Prompt() != "fxos#" {
		t.Errorf("prompt %q, output %q", s.Prompt(), out)
	}
	run(t, s, "scope chassis 1")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if lines := d.lines(); cmp.Diff([]string{"exit", "exit"}, lines[len(lines)-2:]) != "" {
		t.Errorf("typed %q: want exit until the device hangs up, or its line stays taken", lines)
	}
}

// TestPlaceNeverReached is a move after which no prompt comes.
func TestPlaceNeverReached(t *testing.T) {
	t.Parallel()
	d := startDevice(t, func(term *terminal) {
		m := ios()
		m["scope chassis 1"] = func(term *terminal) { _, _ = io.Copy(io.Discard, term.in) }
		term.run("", "fxos# ", m)
	})
	s := dial(t, d.target(t))
	s.limits().idle = 300 * time.Millisecond
	if _, err := s.Run(t.Context(), "scope chassis 1"); KindOf(err) != inventory.ProblemIncomplete {
		t.Errorf("got %v, want kind incomplete", err)
	}
}

// TestEchoedPassword is a device that shows what it should hide: the password
// gets into no message, and is taken for no prompt.
func TestEchoedPassword(t *testing.T) {
	t.Parallel()
	for name, shell := range map[string]func(*terminal){
		"and nothing else": func(term *terminal) {
			for term.print("\r\nPassword:") {
				s, ok := term.line()
				if !ok {
					return
				}
				term.print("%s#", s)
				for ok {
					_, ok = term.line()
					term.print("\r\n%s#", s)
				}
			}
		},
		"and hangs": func(term *terminal) {
			term.print("\r\nPassword:")
			s, _ := term.line()
			term.print("%s", s)
			_, _ = io.Copy(io.Discard, term.in)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dialFails(t, startDevice(t, shell, noAuth).target(t), inventory.ProblemIncomplete)
		})
	}
	s := dial(t, startDevice(t, func(term *terminal) {
		term.print("\r\nUser: ")
		name, _ := term.line()
		term.print("%s\r\nPassword:", name)
		word, _ := term.line()
		term.run(word+"\r\n", "(wlc) >", ios())
	}, noAuth).target(t))
	if out := run(t, s, "show inventory"); !strings.Contains(out, "FOC2001X0AB") || strings.Contains(out, canary) {
		t.Errorf("got %q", out)
	}
}
