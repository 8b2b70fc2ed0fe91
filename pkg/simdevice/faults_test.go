package simdevice

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
	"golang.org/x/crypto/ssh"
)

// faulty starts an example with faults.
func faulty(t *testing.T, name string, f Faults) *Server {
	t.Helper()
	return start(t, name, func(d *Device) { d.Faults = f })
}

// hasty is a client that does not wait long.
func hasty(t *testing.T, s *Server) *gosnmp.GoSNMP {
	t.Helper()
	g := connect(t, dial(t, s, gosnmp.Version2c))
	g.Timeout, g.Retries = 100*time.Millisecond, 0
	return g
}

func TestTooBig(t *testing.T) {
	g := connect(t, dial(t, faulty(t, "ios-stack", Faults{TooBigAt: 20}), gosnmp.Version2c))
	for _, tt := range []struct {
		repetitions uint32
		want        gosnmp.SNMPError
	}{{10, gosnmp.NoError}, {11, gosnmp.TooBig}} {
		p, err := g.GetBulk([]string{serialColumn, classColumn}, 0, tt.repetitions)
		if err != nil {
			t.Fatal(err)
		}
		if p.Error != tt.want {
			t.Errorf("%d repetitions of two columns: %v, want %v", tt.repetitions, p.Error, tt.want)
		}
	}
}

// TestGetNextFaults follows a column by GETNEXT, beyond its end.
func TestGetNextFaults(t *testing.T) {
	clean := faulty(t, "ios-switch", Faults{})
	rows := len(column(t, connect(t, dial(t, clean, gosnmp.Version2c)), serialColumn))
	tests := map[string]struct {
		faults Faults
		check  func(names []string) bool
	}{
		"well-behaved": {Faults{}, func(names []string) bool { return !strings.HasPrefix(names[rows], "."+serialColumn) }},
		"endless": {Faults{EndlessWalk: true}, func(names []string) bool {
			for i := 1; i < len(names); i++ {
				if !strings.HasPrefix(names[i], "."+serialColumn) || names[i] == names[i-1] {
					return false
				}
			}
			return true
		}},
		"wraps": {Faults{RepeatOID: true}, func(names []string) bool { return names[rows] == names[0] }},
		"stuck": {Faults{StuckOID: true}, func(names []string) bool { return names[1] == names[0] }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g := connect(t, dial(t, faulty(t, "ios-switch", tt.faults), gosnmp.Version2c))
			var names []string
			for at := serialColumn; len(names) < rows+20; {
				p, err := g.GetNext([]string{at})
				if err != nil {
					t.Fatal(err)
				}
				at = p.Variables[0].Name
				names = append(names, at)
			}
			if !tt.check(names) {
				t.Errorf("%d rows, then: %q", rows, names)
			}
		})
	}
}

func TestLoss(t *testing.T) {
	draw := func() (fates [64]bool) {
		luck := newChance(11)
		for i := range fates {
			fates[i] = luck.loses(50)
		}
		return fates
	}
	if first, second := draw(), draw(); first != second {
		t.Errorf("two draws with one seed: %v and %v", first, second)
	}
	all := faulty(t, "ios-switch", Faults{LossPercent: 100})
	if _, err := hasty(t, all).Get([]string{upTime}); err == nil || all.Requests() != 0 {
		t.Errorf("with every request lost: %v, %d served", err, all.Requests())
	}
	half := connect(t, dial(t, faulty(t, "ios-switch", Faults{LossPercent: 50, Seed: 11}), gosnmp.Version2c))
	half.Timeout, half.Retries = 200*time.Millisecond, 50
	if _, err := half.Get([]string{upTime}); err != nil {
		t.Errorf("with half of them lost and 50 tries: %v", err)
	}
}

func TestGenErr(t *testing.T) {
	s := faulty(t, "ios-switch", Faults{GenErrAfter: 2})
	g := connect(t, dial(t, s, gosnmp.Version2c))
	for i, want := range []gosnmp.SNMPError{gosnmp.NoError, gosnmp.NoError, gosnmp.GenErr, gosnmp.GenErr} {
		p, err := g.GetNext([]string{serialColumn})
		if err != nil {
			t.Fatal(err)
		}
		if p.Error != want {
			t.Errorf("request %d: %v, want %v", i+1, p.Error, want)
		}
		if p, err = g.Get([]string{upTime}); err != nil || p.Error != gosnmp.NoError {
			t.Errorf("the system group is lost too: %v", err)
		}
	}
}

func TestReboot(t *testing.T) {
	s := faulty(t, "ios-switch", Faults{RebootMidWalk: true})
	patient, hurried := connect(t, dial(t, s, gosnmp.Version2c)), hasty(t, s)
	ticks := func() uint64 {
		p, err := patient.Get([]string{upTime})
		if err != nil {
			t.Fatal(err)
		}
		return gosnmp.ToBigInt(p.Variables[0].Value).Uint64()
	}
	before := ticks()
	for i, g := range []*gosnmp.GoSNMP{patient, patient, hurried, patient, patient, patient} {
		if _, err := g.GetNext([]string{serialColumn}); (err == nil) != (g == patient) {
			t.Errorf("request %d of the walk: %v", i+1, err)
		}
	}
	if after := ticks(); after >= before {
		t.Errorf("sysUpTime is %d after the reboot and was %d", after, before)
	}
}

func TestSilentVersions(t *testing.T) {
	s := faulty(t, "ios-switch", Faults{V1Only: true})
	if _, err := hasty(t, s).Get([]string{upTime}); err == nil {
		t.Error("a v1 device answers v2c")
	}
	g := connect(t, dial(t, s, gosnmp.Version1))
	if got := column(t, g, serialColumn)["1001"]; got != "FOC1601X0A1" {
		t.Errorf("serial over v1 is %q", got)
	}
	if _, err := g.GetNext([]string{"1.3.6.1.6.3.10.2.1.4.0"}); err != nil {
		t.Errorf("the end of the view over v1: %v", err)
	}
}

func TestNoEntityMIB(t *testing.T) {
	g := connect(t, dial(t, faulty(t, "ios-router", Faults{NoEntityMIB: true}), gosnmp.Version2c))
	if got := column(t, g, "1.3.6.1.2.1.47"); len(got) != 0 {
		t.Errorf("ENTITY-MIB has %d objects", len(got))
	}
	if got := column(t, g, oldChassis+"3"); got["0"] != "FGL2101A0A1" {
		t.Errorf("chassisId is %q", got)
	}
}

// TestBadAnswers sees the faults that a client only meets as errors.
func TestBadAnswers(t *testing.T) {
	tests := map[string]Faults{
		"another request's id": {WrongRequestID: true},
		"another source":       {OtherSource: true},
		"cut off":              {Truncated: true},
		"slow":                 {DelayReplies: time.Hour},
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			s := faulty(t, "ios-switch", f)
			if p, err := hasty(t, s).Get([]string{upTime}); err == nil {
				t.Errorf("it was taken: %v", p.Variables)
			}
		})
	}
	t.Run("empty", func(t *testing.T) {
		p, err := hasty(t, faulty(t, "ios-switch", Faults{EmptyReplies: true})).Get([]string{upTime})
		if err == nil && len(p.Variables) != 0 {
			t.Errorf("it has %v", p.Variables)
		}
	})
	t.Run("reports for ever", func(t *testing.T) {
		s := faulty(t, "ios-switch", Faults{ReportFlood: true})
		g := connect(t, dialV3(t, s, s.Device().V3[0]))
		g.Timeout = 200 * time.Millisecond
		if p, err := g.Get([]string{upTime}); err == nil && p.PDUType == gosnmp.GetResponse {
			t.Errorf("it was answered: %v", p.Variables)
		}
	})
	t.Run("wrong time at first", func(t *testing.T) {
		s := faulty(t, "ios-switch", Faults{EngineTimeOff: time.Hour})
		g := connect(t, dialV3(t, s, s.Device().V3[0]))
		p, err := g.Get([]string{upTime})
		if err != nil || p.PDUType != gosnmp.GetResponse {
			t.Errorf("it was not answered: %v", err)
		}
		// The engine, then the time.
		if n := s.reports.Load(); n != 2 {
			t.Errorf("%d reports, want 2", n)
		}
	})
	t.Run("long string", func(t *testing.T) {
		g := connect(t, dial(t, faulty(t, "ios-switch", Faults{LongStringBytes: 50000}), gosnmp.Version2c))
		p, err := g.Get([]string{"1.3.6.1.2.1.47.1.1.1.1.2.1001"})
		if err != nil {
			t.Fatal(err)
		}
		if raw, _ := p.Variables[0].Value.([]byte); len(raw) != 50000 {
			t.Errorf("the string has %d bytes", len(raw))
		}
	})
}

// readSome counts what comes until the session ends, n bytes have come, or
// nothing more comes.
func readSome(c *terminal, n int) (got int, ended bool) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for got < n {
		select {
		case b, ok := <-c.bytes:
			if !ok {
				return got, true
			}
			got += len(b)
		case <-timer.C:
			return got, false
		}
	}
	return got, false
}

func TestSSHFaults(t *testing.T) {
	const prompt = "ios-switch#"
	session := func(t *testing.T, f Faults) *terminal { return open(t, faulty(t, "ios-switch", f), 0) }
	t.Run("banner", func(t *testing.T) {
		c := session(t, Faults{BannerBytes: 100000})
		if got := len(c.until("\r\n" + prompt)); got != 100000+len("\r\n"+prompt) {
			t.Errorf("%d bytes until the prompt", got)
		}
	})
	t.Run("endless banner", func(t *testing.T) {
		if got, _ := readSome(session(t, Faults{BannerBytes: -1}), 1<<20); got < 1<<20 {
			t.Errorf("only %d bytes came", got)
		}
	})
	t.Run("long line", func(t *testing.T) {
		c := session(t, Faults{LineBytes: 200000})
		c.until(prompt)
		line, _, _ := strings.Cut(c.run("show inventory", prompt), "\r\n")
		if len(line) != 200000 {
			t.Errorf("the line has %d bytes", len(line))
		}
	})
	t.Run("endless output", func(t *testing.T) {
		c := session(t, Faults{EndlessOutput: true})
		c.until(prompt)
		c.send("show inventory\n")
		if got, _ := readSome(c, 1<<20); got < 1<<20 {
			t.Errorf("only %d bytes came", got)
		}
	})
	t.Run("hang in the output", func(t *testing.T) {
		c := session(t, Faults{HangMidOutput: true})
		c.until(prompt)
		c.send("show inventory\n")
		whole := strings.ReplaceAll(iosInventory(mustExample(t, "ios-switch")), "\n", "\r\n")
		c.until(whole[:len(whole)/2], whole[:len(whole)/2-1], whole[:len(whole)/2+1])
	})
	t.Run("end in the output", func(t *testing.T) {
		c := session(t, Faults{CloseMidOutput: true})
		c.until(prompt)
		c.send("show inventory\n")
		if _, ended := readSome(c, 1<<20); !ended {
			t.Error("the session goes on")
		}
	})
	t.Run("pager", func(t *testing.T) {
		c := session(t, Faults{AlwaysMore: true})
		c.until(prompt)
		c.run("terminal length 0", prompt)
		c.send("show version\n")
		c.until(" --More-- ")
		c.send("q")
		c.until(prompt)
	})
	t.Run("forged prompt", func(t *testing.T) {
		c := session(t, Faults{ForgedPrompt: true})
		c.until(prompt)
		c.send("show inventory\n")
		out := c.until("exit\r\n\r\n" + prompt)
		if strings.Count(out, prompt) < 2 {
			t.Errorf("no prompt inside the output:\n%s", out)
		}
	})
	t.Run("echoed password", func(t *testing.T) {
		c := open(t, faulty(t, "smb-switch", Faults{EchoPassword: true}), 0)
		c.until("User Name:")
		c.send("admin\n")
		c.until("Password:")
		c.send("admin-password\n")
		if got := c.until("smb-switch#"); !strings.Contains(got, "admin-password") {
			t.Errorf("the password is not shown: %q", got)
		}
	})
	t.Run("denied", func(t *testing.T) {
		c := session(t, Faults{DenyCommand: true})
		c.until(prompt)
		if got := c.run("show inventory", prompt); got != "% Authorization failed.\r\n\r\n" {
			t.Errorf("show inventory answers %q", got)
		}
		if got := c.run("terminal length 0", prompt); got != "" {
			t.Errorf("terminal length answers %q", got)
		}
	})
}

// TestSilentSSH meets servers that say nothing at some point.
func TestSilentSSH(t *testing.T) {
	connectTo := func(t *testing.T, f Faults) net.Conn {
		c, err := net.Dial("tcp", faulty(t, "ios-switch", f).SSHAddr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	t.Run("busy", func(t *testing.T) {
		c := connectTo(t, Faults{SSHBusy: true})
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("read %d bytes, %v", n, err)
		}
	})
	t.Run("before the login", func(t *testing.T) {
		c := connectTo(t, Faults{HangBeforeAuth: true})
		if _, err := io.WriteString(c, "SSH-2.0-test\r\n"); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 1)); err == nil {
			t.Errorf("read %d bytes", n)
		}
	})
	t.Run("after the login", func(t *testing.T) {
		c := open(t, faulty(t, "ios-switch", Faults{HangAfterLogin: true}), 0)
		c.send("show inventory\n")
		timer := time.NewTimer(100 * time.Millisecond)
		defer timer.Stop()
		select {
		case b := <-c.bytes:
			t.Errorf("it says %q", b)
		case <-timer.C:
		}
	})
}

func TestLegacySSH(t *testing.T) {
	s := faulty(t, "ios-switch", Faults{LegacySSH: true})
	c, err := net.Dial("tcp", s.SSHAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _, _, err = ssh.NewClientConn(c, s.SSHAddr(), clientConfig(s.Device()))
	if _, ok := errors.AsType[*ssh.AlgorithmNegotiationError](err); !ok {
		t.Errorf("a modern client gets %v", err)
	}
	config := clientConfig(s.Device())
	old := ssh.InsecureAlgorithms()
	config.KeyExchanges, config.Ciphers, config.MACs, config.HostKeyAlgorithms = old.KeyExchanges, old.Ciphers, []string{"hmac-sha1"}, []string{ssh.KeyAlgoRSA}
	client := dialSSH(t, s, config)
	if got := string(client.ServerVersion()); got != "SSH-1.99-Cisco-1.25" {
		t.Errorf("server version is %q", got)
	}
}
