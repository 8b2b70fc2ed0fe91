package sshcli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"

	"rollcall/pkg/inventory"
)

// newKeyHint is what to do about a host key that is too short.
const newKeyHint = "Make a longer one on the device (`crypto key generate rsa modulus 2048`), or set legacy on this credential to accept it"

// explain sorts an error of the handshake into the kinds that people act on.
func (d *dialer) explain(ctx context.Context, err error) error {
	var typed *Error
	var none *ssh.AlgorithmNegotiationError
	var timeout net.Error
	text := err.Error()
	switch {
	case errors.As(err, &typed):
		return typed
	case errors.As(err, &none):
		return d.noneInCommon(none)
	case strings.Contains(text, "keys are insecure"):
		// crypto/rsa, where GODEBUG has not rsa1024min=0.
		return d.fail(inventory.ProblemLegacyCrypto, "the device's SSH key is RSA of less than 1024 bits, which this program was told to refuse (GODEBUG rsa1024min). "+newKeyHint+" and start the program without that setting", err)
	case tooOld(err):
		return d.fail(inventory.ProblemLegacyCrypto, "the device offers a key exchange that is too weak: upgrade its software, or set legacy on this credential to try others", err)
	case errors.Is(err, errExpired):
		return d.fail(inventory.ProblemCredentialRefused, d.expired(), err)
	case errors.Is(err, errRefused), strings.Contains(text, "unable to authenticate"),
		// What x/crypto says of a server that refuses keyboard-interactive
		// without asking anything: 51 is SSH_MSG_USERAUTH_FAILURE (RFC 4252).
		strings.Contains(text, "unexpected message type 51"),
		strings.Contains(text, "too many authentication"), strings.Contains(text, "Too many authentication"):
		return d.fail(inventory.ProblemCredentialRefused, fmt.Sprintf("the device refused user %q of SSH credential %s: check user and password, and that the account may log in over SSH",
			d.target.Credential.User, d.target.Credential.Name), err)
	case ctx.Err() != nil:
		return d.fail(inventory.ProblemUnreachable, "the poll was stopped before SSH login was done", ctx.Err())
	case errors.Is(err, errBanner):
		return d.fail(inventory.ProblemIncomplete, fmt.Sprintf("the SSH banner is longer than %d KiB: shorten the device's banner", d.target.limits.banner>>10), err)
	case errors.Is(err, syscall.ECONNREFUSED) && d.target.HostKeys.met(d.address):
		return d.fail(inventory.ProblemBusy, fmt.Sprintf("port %d refuses connections, though SSH answered here before: its VTY lines are all in use, or logins are blocked for a while after failures. Wait, or see that SSH is still switched on", d.target.Port), err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return d.fail(inventory.ProblemUnreachable, fmt.Sprintf("port %d refuses connections: switch SSH on, or wait if logins are blocked after failures", d.target.Port), err)
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, os.ErrDeadlineExceeded):
		return d.fail(inventory.ProblemUnreachable, "no SSH answer in time: check address, routes and access lists", err)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), strings.Contains(text, "disconnect, reason"):
		return d.fail(inventory.ProblemBusy, "the device closed the connection during login: its VTY lines are all in use, an access list refuses this host, or logins are blocked for a while", err)
	case errors.Is(err, errTooMuch):
		return d.fail(inventory.ProblemIncomplete, "the device sends without end during login", err)
	}
	return d.fail(inventory.ProblemUnreachable, "SSH does not come up: "+shortened(text, 300), err)
}

// noneInCommon names what the device has of each kind of algorithm that is
// missing: who consents to legacy should know to what.
func (d *dialer) noneInCommon(none *ssh.AlgorithmNegotiationError) error {
	known, what := modern(), "the device has only old SSH algorithms (%s): upgrade its software, or set legacy on this credential to accept them"
	if d.target.Credential.Legacy {
		known, what = legacy(), "no common SSH algorithm even with old ones (the device has %s): read this device over SNMP, or upgrade its software"
	}
	missing := d.offered.beyond(known)
	if missing == "" { // a pinned host key of another kind may be why
		missing = none.What + " " + named(none.RequestedAlgorithms)
	}
	return d.fail(inventory.ProblemLegacyCrypto, fmt.Sprintf(what, missing), none)
}

// expired words that the device will not go on without a new password.
func (d *dialer) expired() string {
	return fmt.Sprintf("the password of user %q of SSH credential %s has expired, the device asks for a new one: log in by hand and set it", d.target.Credential.User, d.target.Credential.Name)
}

// shortened makes a text of a device fit for a message.
func shortened(s string, limit int) string {
	r := []rune(inventory.CleanText(s))
	if len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return string(r)
}
