// Package sshcli logs in to one device over SSH, runs read-only commands in one
// shell and returns what they print. It knows prompts, pagers, logins inside
// the shell, host keys and old algorithms; it does not know what the output
// means (show does) nor which commands a platform has (poll does).
//
// Everything a device sends is bounded: banners, lines, outputs, and the time
// of each. Passwords go to the device alone and never into errors or logs.
package sshcli

import (
	"errors"
	"fmt"
	"time"

	"rollcall/pkg/config"
)

// Via is how problems and reports name this transport.
const Via = "ssh"

const defaultTimeout = 20 * time.Second

// limits bound what a device may send, in bytes, and how long it may take.
type limits struct {
	output  int   // of one command
	line    int   // of one line
	banner  int   // of all banners before and after login
	receive int64 // of a whole connection, as it comes over the wire

	login   time.Duration // key exchange and authentication, and again the way to the prompt, at least
	idle    time.Duration // without a byte while a command runs
	session time.Duration // from connecting to the end
	settle  time.Duration // how long a device may pause inside a banner
	// unready is how long to wait for a device that shows nothing it could be
	// waiting at, before an empty line is typed.
	unready time.Duration
	// confirm is how long a prompt may stand alone before the question whether
	// it is the real one is put again.
	confirm time.Duration
	// leave is how long a device may take over `exit`. Without exit the VTY
	// line stays taken until the device's own time-out.
	leave time.Duration
	// busy is how long to wait for a busy device to have a free line.
	busy time.Duration
}

func defaultLimits() limits {
	return limits{
		output: 8 << 20, line: 64 << 10, banner: 64 << 10, receive: 128 << 20,
		login: defaultTimeout, idle: 60 * time.Second, session: 10 * time.Minute, settle: 300 * time.Millisecond,
		unready: 5 * time.Second, confirm: time.Second, leave: 3 * time.Second, busy: 5 * time.Second,
	}
}

// A Credential is one account on devices.
type Credential struct {
	Name     string // for messages: people know it by this
	User     string
	Password config.Secret
	// Enable is sent when the prompt ends in ">", where it is set.
	Enable config.Secret
	// Legacy consents to algorithms with known weaknesses, for devices that
	// have no others. They are tried only after the modern ones failed.
	Legacy bool
}

// Validate says what is wrong with the credential, or nil. It reads no secret.
func (c Credential) Validate() error {
	switch {
	case c.User == "":
		return errors.New("an SSH credential needs a user")
	case !c.Password.IsSet():
		return fmt.Errorf("the SSH credential of user %q needs a password", c.User)
	}
	return nil
}

// A Target is one device and one account on it.
type Target struct {
	Address    string // an IP address without brackets, or a name
	Port       int    // 22 when 0
	Credential Credential
	HostKeys   *HostKeys // required: a device's key is always checked
	// Timeout bounds connecting; 20 s when 0. Key exchange and login get at
	// least that much however short it is: old devices take seconds for them.
	Timeout time.Duration

	limits *limits // nil: the default ones
}

func (t Target) defaults() Target {
	if t.Port == 0 {
		t.Port = 22
	}
	if t.Timeout <= 0 {
		t.Timeout = defaultTimeout
	}
	if t.limits == nil {
		l := defaultLimits()
		t.limits = &l
	}
	return t
}
