package simdevice

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
	"golang.org/x/crypto/ssh"

	"rollcall/pkg/inventory"
)

// hostKey returns the fingerprint that the server shows, without logging in.
func hostKey(t *testing.T, s *Server) string {
	t.Helper()
	seen := errors.New("seen")
	var print string
	config := clientConfig(s.Device())
	config.HostKeyCallback = func(_ string, _ net.Addr, key ssh.PublicKey) error {
		print = ssh.FingerprintSHA256(key)
		return seen
	}
	c, err := net.Dial("tcp", s.SSHAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, _, _, err := ssh.NewClientConn(c, s.SSHAddr(), config); !errors.Is(err, seen) {
		t.Fatalf("no host key: %v", err)
	}
	return print
}

func TestHostKeys(t *testing.T) {
	s := start(t, "ios-switch", nil)
	again := start(t, "ios-switch", nil)
	other := start(t, "ios-stack", nil)
	first := hostKey(t, s)
	if got := hostKey(t, s); got != first {
		t.Errorf("the key changes by itself: %s, then %s", first, got)
	}
	if got := hostKey(t, again); got != first {
		t.Errorf("the same device has key %s, then %s", first, got)
	}
	if got := hostKey(t, other); got == first {
		t.Error("two devices share a host key")
	}
	s.RenewHostKey()
	if got := hostKey(t, s); got == first {
		t.Error("RenewHostKey left the key")
	}
	s.Update(func(d *Device) { d.Faults.WrongHostKeyEachTime = true })
	if a, b := hostKey(t, s), hostKey(t, s); a == b {
		t.Error("WrongHostKeyEachTime shows one key twice")
	}
}

// TestReplacement replaces a member, then the first unit, as an RMA does.
func TestReplacement(t *testing.T) {
	s := start(t, "iosxe-stack", nil)
	g := connect(t, dial(t, s, gosnmp.Version2c))
	get := func(name string) uint64 {
		p, err := g.Get([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		return gosnmp.ToBigInt(p.Variables[0].Value).Uint64()
	}
	engine := func() string { return s.state.Load().engine.id }
	up, changed, id := get(upTime), get(lastChange), engine()
	if changed >= up {
		t.Errorf("entLastChangeTime %d is not before sysUpTime %d", changed, up)
	}
	s.Update(func(d *Device) { d.Faults.Seed = 7 })
	if got := get(lastChange); got != changed {
		t.Errorf("entLastChangeTime went from %d to %d without another part", changed, got)
	}
	s.Update(func(d *Device) { d.Units[1].Serial = "FCW2601G0B2" })
	if got := get(lastChange); got < up {
		t.Errorf("entLastChangeTime is %d after a member was replaced at %d or later", got, up)
	}
	if engine() != id {
		t.Error("another member changed the engine")
	}
	if got := column(t, g, serialColumn)["2000"]; got != "FCW2601G0B2" {
		t.Errorf("serial of member 2 is %q", got)
	}
	s.Update(func(d *Device) { d.Units[0].Serial = "FCW2601G0B1" })
	if got := get(upTime); got >= up {
		t.Errorf("sysUpTime is %d after a new box came, and was %d", got, up)
	}
	if engine() == id {
		t.Error("a new box kept the SNMP engine")
	}
	c := open(t, s, 0)
	logIn(c, s.Device())
	if got := c.run("show inventory", "#"); !strings.Contains(got, "FCW2601G0B1") {
		t.Errorf("show inventory has the old serial:\n%s", got)
	}
	s.Update(func(d *Device) { d.Units = nil })
	if got := len(s.Device().Units); got != 2 {
		t.Errorf("an invalid change was made: %d units", got)
	}
}

// TestUpdateUnderReads changes the device while others read it: a reader must
// never see half a change.
func TestUpdateUnderReads(t *testing.T) {
	s := start(t, "iosxe-stack", func(d *Device) { d.V3 = nil })
	mine := s.Device()
	mine.Units[0].Serial = "mine" // must not reach the server's own
	var readers, writer sync.WaitGroup
	stop := make(chan struct{})
	writer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				serial := fmt.Sprintf("FCW24%02dG0A1", i%50)
				s.Update(func(d *Device) { d.Units[0].Serial, d.Units[0].Parts[2].Serial = serial, "LIT"+serial[3:] })
			}
		}
	})
	for range 3 {
		g := connect(t, dial(t, s, gosnmp.Version2c))
		readers.Go(func() {
			for range 50 {
				p, err := g.Get([]string{serialColumn + ".1000", serialColumn + ".1"})
				if err != nil {
					t.Error(err)
					return
				}
				member, _ := p.Variables[0].Value.([]byte)
				root, _ := p.Variables[1].Value.([]byte)
				if string(member) != string(root) || len(member) != 11 {
					t.Errorf("member has %q, root has %q", member, root)
				}
				if d := s.Device(); d.Units[0].Serial[3:] != d.Units[0].Parts[2].Serial[3:] && d.Units[0].Serial != "FCW2401G0A1" {
					t.Errorf("half a change: %s, %s", d.Units[0].Serial, d.Units[0].Parts[2].Serial)
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	writer.Wait()
}

func TestSetReachable(t *testing.T) {
	s := start(t, "ios-switch", nil)
	snmp, shell := s.SNMPAddr(), s.SSHAddr()
	c := open(t, s, 0)
	logIn(c, s.Device())
	g := hasty(t, s)
	s.SetReachable(false)
	s.SetReachable(false)
	if _, err := g.Get([]string{upTime}); err == nil {
		t.Error("a device without power answers SNMP")
	}
	if err := c.conn.Wait(); err == nil {
		t.Error("the session ended without a sign that the power went")
	}
	if conn, err := net.Dial("tcp", shell); err == nil {
		_ = conn.Close()
		t.Error("a device without power accepts SSH")
	}
	s.SetReachable(true)
	if s.SNMPAddr() != snmp || s.SSHAddr() != shell {
		t.Errorf("addresses changed to %s, %s", s.SNMPAddr(), s.SSHAddr())
	}
	g.Timeout, g.Retries = patience, 0
	if _, err := g.Get([]string{upTime}); err != nil {
		t.Errorf("SNMP after the power came back: %v", err)
	}
	back := open(t, s, 0)
	logIn(back, s.Device())
}

// TestCloseWithSessions closes the server while a shell waits, another hangs
// and a third has not logged in.
func TestCloseWithSessions(t *testing.T) {
	s := start(t, "ios-switch", func(d *Device) { d.Faults.DelayReplies = time.Hour })
	c := open(t, s, 0)
	logIn(c, s.Device())
	raw, err := net.Dial("tcp", s.SSHAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	if _, err := hasty(t, s).Get([]string{upTime}); err == nil {
		t.Error("an answer came an hour early")
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := raw.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var slow net.Error
	if _, err := io.Copy(io.Discard, raw); errors.As(err, &slow) && slow.Timeout() {
		t.Errorf("a closed server keeps a connection: %v", err)
	}
	s.SetReachable(true) // does not open it again
	if conn, err := net.Dial("tcp", s.SSHAddr()); err == nil {
		_ = conn.Close()
		t.Error("a closed server accepts connections")
	}
}

func TestStartRefuses(t *testing.T) {
	good := Device{Name: "x", Platform: inventory.PlatformIOS, Software: "15.2", Units: []Unit{{Serial: "FOC1601X0A1", PID: "WS-C3560G-24TS-S"}}}
	tests := map[string]struct {
		change func(*Device)
		want   string
	}{
		"no units":         {func(d *Device) { d.Units = nil }, `device "x" has no units: give it at least one chassis`},
		"unknown platform": {func(d *Device) { d.Platform = "junos" }, `device "x" has platform "junos": use one of [ios iosxe`},
		"unknown class":    {func(d *Device) { d.Units[0].Parts = []Part{{PID: "A", Class: "wheel"}} }, `device "x", unit 1: unknown class "wheel" of part "A"`},
		"too many units":   {func(d *Device) { d.Units = make([]Unit, 300) }, `device "x" has 300 units: 200 are the most`},
		"too many parts":   {func(d *Device) { d.Units[0].Parts = make([]Part, 400) }, `device "x", unit 1 has 400 parts: 300 are the most`},
		"unknown auth":     {func(d *Device) { d.V3 = []V3User{{User: "u", AuthProtocol: "SHA3"}} }, `user "u": unknown authentication protocol "SHA3": use MD5`},
		"unknown priv": {
			func(d *Device) { d.V3 = []V3User{{User: "u", AuthProtocol: "sha-256", PrivProtocol: "RC4"}} },
			`user "u": unknown privacy protocol "RC4": use DES`,
		},
		"priv alone":   {func(d *Device) { d.V3 = []V3User{{User: "u", PrivProtocol: "AES"}} }, `has privacy without authentication`},
		"no user name": {func(d *Device) { d.V3 = []V3User{{}} }, `an SNMPv3 user has no name`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := good.clone()
			tt.change(&d)
			s, err := Start(d, Options{})
			if err == nil {
				_ = s.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %q, want %q", err, tt.want)
			}
		})
	}
	s := start(t, "ios-switch", nil)
	if _, err := Start(good, Options{SNMPAddr: s.SNMPAddr()}); err == nil || !strings.Contains(err.Error(), "cannot simulate SNMP") {
		t.Errorf("a taken SNMP address: %v", err)
	}
	good.SSHUser = "admin"
	if _, err := Start(good, Options{SNMPAddr: "127.0.0.1:0", SSHAddr: s.SSHAddr()}); err == nil || !strings.Contains(err.Error(), "cannot simulate SSH") {
		t.Errorf("a taken SSH address: %v", err)
	}
	silent, err := Start(good, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if silent.SNMPAddr() != "" || silent.SSHAddr() != "" {
		t.Error("it listens without an address")
	}
	if err := silent.Close(); err != nil {
		t.Error(err)
	}
}
