package poll

import (
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/snmp"
	"rollcall/pkg/inventory"
)

// greeter is a server that says one thing to whoever connects.
func greeter(t *testing.T, greeting string) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var open []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			_, _ = c.Write([]byte(greeting))
			open = append(open, c)
		}
		for _, c := range open {
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	_, text, _ := net.SplitHostPort(l.Addr().String())
	port, err = strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func closedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// A password goes to what shows itself as an SSH server that may be Cisco's.
func TestSweepShowsNoPasswordToStrangers(t *testing.T) {
	tests := []struct {
		name    string
		port    func(t *testing.T) int
		listed  bool
		snmp    bool // it answers
		dialed  []string
		problem string
	}{
		{"nothing listens", closedPort, false, false, nil, "refuses connections: no SSH was tried"},
		{"a Linux server", func(t *testing.T) int { return greeter(t, "SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13\r\n") }, false, false, nil, "not Cisco's (Ubuntu): no password was sent"},
		{"words before the greeting", func(t *testing.T) int { return greeter(t, "hello\r\nSSH-2.0-ROSSSH\r\n") }, false, false, nil, "not Cisco's (MikroTik)"},
		{"IOS", func(t *testing.T) int { return greeter(t, "SSH-1.99-Cisco-1.25\n") }, false, false, []string{"old", "admin"}, ""},
		{"Nexus", func(t *testing.T) int { return greeter(t, "SSH-2.0-OpenSSH_8.3\r\n") }, false, false, []string{"old", "admin"}, ""},
		{"one that waits for us to speak", func(t *testing.T) int { return greeter(t, "") }, false, false, []string{"old", "admin"}, ""},
		{"a device that answered over SNMP", closedPort, false, true, []string{"old", "admin"}, ""},
		{"an address that is listed by itself", closedPort, true, false, []string{"old", "admin"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := iosShell()
			s := &fakeSNMP{knows: "nobody", reading: snmp.Reading{Answered: true}}
			if tt.snmp {
				s.knows = "office"
			}
			n := node(ViaAuto)
			n.Address, n.SSHPort, n.Sweep = "127.0.0.1", tt.port(t), !tt.listed
			d, answered := poller(s, f).Poll(t.Context(), n)
			if diff := cmp.Diff(tt.dialed, f.dialed); diff != "" || answered != (tt.dialed != nil) {
				t.Errorf("answered %v, logins (-want +got):\n%s", answered, diff)
			}
			if tt.problem == "" {
				return
			}
			last := d.Errors[len(d.Errors)-1]
			if !strings.Contains(last.Message, tt.problem) || last.Kind != inventory.ProblemUnreachable {
				t.Errorf("problem %+v, want one about %q", last, tt.problem)
			}
		})
	}
}

// A dead address of a sweep costs little time; a slow device found there gets
// the time that it needs.
func TestSweepIsQuick(t *testing.T) {
	whole := snmp.Reading{Answered: true, Device: inventory.Device{Complete: true, Components: []inventory.Component{unit("FOC1", "C9300-24T", "1")}}}
	short := snmp.Reading{Answered: true, Device: inventory.Device{
		Components: []inventory.Component{unit("FOC1", "C9300-24T", "1")}, Errors: []inventory.Problem{{Kind: inventory.ProblemIncomplete, Via: "snmp", Message: "cut short"}},
	}}
	foreign := snmp.Reading{Answered: true, Device: inventory.Device{Errors: []inventory.Problem{{Kind: inventory.ProblemNoInventory, Via: "snmp", Message: "a printer"}}}}
	for name, tt := range map[string]struct {
		sweep    bool
		timeout  time.Duration
		hurried  *snmp.Reading
		reading  snmp.Reading
		knows    string
		waited   []time.Duration
		complete bool
	}{
		"dead":                      {true, 0, nil, whole, "nobody", []time.Duration{SweepTimeout, SweepTimeout}, false},
		"listed":                    {false, 0, nil, whole, "office", []time.Duration{0, 0}, true},
		"quick device":              {true, 0, &whole, short, "office", []time.Duration{SweepTimeout, SweepTimeout}, true},
		"slow device":               {true, 0, &short, whole, "office", []time.Duration{SweepTimeout, SweepTimeout, 0}, true},
		"no device":                 {true, 0, &foreign, whole, "office", []time.Duration{SweepTimeout, SweepTimeout}, false},
		"a shorter time is allowed": {true, time.Second, nil, short, "office", []time.Duration{time.Second, time.Second}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &fakeSNMP{knows: tt.knows, reading: tt.reading, hurried: tt.hurried}
			n := node(ViaSNMP)
			n.Sweep, n.Timeout = tt.sweep, tt.timeout
			d, _ := poller(s, iosShell()).Poll(t.Context(), n)
			if diff := cmp.Diff(tt.waited, s.waited); diff != "" || d.Complete != tt.complete {
				t.Errorf("complete %v, want %v; time-outs (-want +got):\n%s", d.Complete, tt.complete, diff)
			}
		})
	}
}
