package poll

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rollcall/agent/internal/snmp"
	"rollcall/pkg/inventory"
)

// Times for an address of a sweep, where mostly nothing is. A device that
// answers at all answers the first small request, and opens a connection, within
// these; its tables get the usual time.
const (
	SweepTimeout = 2 * time.Second // of one SNMP attempt, at most
	KnockTimeout = time.Second     // of connecting to the SSH port
	greetTimeout = 2 * time.Second // of the SSH server's first line
)

// maxGreeting bounds the line with which an SSH server introduces itself, and
// those in front of it, in bytes (RFC 4253 section 4.2: 255 for the line).
const maxGreeting = 2048

// strangers are words in the greeting of SSH servers that run on no device of
// Cisco's that takes part in an inventory. OpenSSH and dropbear alone say
// nothing: Nexus switches and access points have them.
func strangers() [][2]string {
	return [][2]string{
		{"ubuntu", "Ubuntu"},
		{"debian", "Debian"},
		{"raspbian", "Raspbian"},
		{"freebsd", "FreeBSD"},
		{"netbsd", "NetBSD"},
		{"for_windows", "Windows"},
		{"rosssh", "MikroTik"},
		{"huawei", "Huawei"},
		{"comware", "H3C or HPE"},
		{"mpssh", "an HPE server"},
		{"fortissh", "Fortinet"},
		{"sun_ssh", "Solaris"},
	}
}

// knock finds out whether SSH is worth a login at an address of a sweep that
// gave nothing over SNMP: the port must answer quickly, and what answers must
// not be another maker's, for a password is shown to nobody without need. The
// problem says why not, nil when it is.
func (v visit) knock(ctx context.Context) *inventory.Problem {
	address := net.JoinHostPort(v.node.Address, strconv.Itoa(v.node.sshPort()))
	v.trace.say("knocking at the SSH port first, as the address is one of a sweep", "address", address)
	greeting, err := greet(ctx, address)
	unreachable := func(format string, args ...any) *inventory.Problem {
		p := inventory.Problem{Kind: inventory.ProblemUnreachable, Via: ViaSSH, Message: fmt.Sprintf(format, args...)}
		v.trace.problem(p)
		return &p
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return unreachable("port %d refuses connections: no SSH was tried", v.node.sshPort())
	case err != nil:
		return unreachable("port %d does not answer within %s: no SSH was tried, as the address is one of a sweep. List it by itself if there is a device.", v.node.sshPort(), KnockTimeout)
	}
	v.trace.say("the SSH port answers", "greeting", greeting)
	lower := strings.ToLower(greeting)
	for _, s := range strangers() {
		if word, maker := s[0], s[1]; strings.Contains(lower, word) {
			return unreachable("the SSH server is not Cisco's (%s): no password was sent there. List the address by itself if it is Cisco's all the same.", maker)
		}
	}
	return nil
}

// greet connects and reads the first line of the server, which sends it without
// being asked; "" when that takes too long.
func greet(ctx context.Context, address string) (string, error) {
	dialer := net.Dialer{Timeout: KnockTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetReadDeadline(time.Now().Add(greetTimeout)); err != nil {
		return "", err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	var got []byte
	buf := make([]byte, 256)
	for len(got) < maxGreeting {
		n, err := conn.Read(buf)
		got = append(got, buf[:n]...)
		for line := range bytes.Lines(got) {
			if bytes.HasPrefix(line, []byte("SSH-")) && bytes.HasSuffix(line, []byte("\n")) {
				return inventory.CleanText(string(line)), nil
			}
		}
		if err != nil {
			break
		}
	}
	return "", nil
}

// hurried is a target with the times of a sweep.
func hurried(t snmp.Target) snmp.Target {
	if t.Timeout <= 0 || t.Timeout > SweepTimeout {
		t.Timeout = SweepTimeout
	}
	return t
}

// cutShort says that a reading lacks something which more time may give.
func cutShort(r snmp.Reading) bool {
	if !r.Answered || r.Device.Complete {
		return false
	}
	for _, p := range r.Device.Errors {
		if p.Kind == inventory.ProblemIncomplete {
			return true
		}
	}
	return false
}
