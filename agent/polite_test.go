package agent

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
	"rollcall/pkg/simdevice"
)

// failures counts the logins that a simulated device refused, by its log.
type failures struct {
	slog.Handler

	mu sync.Mutex
	n  int
}

func (f *failures) Enabled(context.Context, slog.Level) bool { return true }

func (f *failures) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "did not log in") {
		f.mu.Lock()
		f.n++
		f.mu.Unlock()
	}
	return nil
}

func (f *failures) WithAttrs([]slog.Attr) slog.Handler { return f }

func (f *failures) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

// simulated starts a device; its SSH ports and refused logins are told.
func simulated(t *testing.T, example, address string) (server *simdevice.Server, refused *failures) {
	t.Helper()
	d, ok := simdevice.Example(example)
	if !ok {
		t.Fatalf("no simulated device %q", example)
	}
	refused = &failures{}
	server, err := simdevice.Start(d, simdevice.Options{SNMPAddr: address + ":0", SSHAddr: address + ":0", Log: slog.New(refused)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server, refused
}

func portOf(t *testing.T, addr string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// A device is shown each wrong password once, over any number of polls and a
// restart, until a person has the configuration read again.
func TestRunShowsAWrongPasswordOnce(t *testing.T) {
	server, refused := simulated(t, "ios-switch", "127.0.0.1")
	c := newFakeCollector(t)
	cfg := testConfig(t, c.URL)
	cfg.Interval = config.Duration(time.Second)
	cfg.Credentials = nil
	for _, name := range []string{"first", "second", "third"} {
		cfg.Credentials = append(cfg.Credentials, Credential{Name: name, SSH: &SSHCredential{User: "admin", Password: config.Plain("canary-wrong-" + name)}})
	}
	cfg.Targets = []Target{{Address: "127.0.0.1", Via: "ssh", SSHPort: portOf(t, server.SSHAddr())}}
	polls := func(n int, retry bool) (last inventory.Device) {
		t.Helper()
		a, err := New(cfg, Options{FirstPollNow: true, RetryRefused: retry})
		if err != nil {
			t.Fatal(err)
		}
		stop := start(t, a)
		defer stop()
		for range n {
			r := c.next(t)
			if r.Answered {
				t.Fatalf("the device answered: %+v", r.Device)
			}
			last = r.Device
		}
		return last
	}
	first := polls(1, false)
	if n := refused.count(); n != DefaultConfig().SSHLogins {
		t.Errorf("%d logins were refused in the first poll, want %d", n, DefaultConfig().SSHLogins)
	}
	if len(first.Errors) != 3 || !strings.Contains(first.Errors[2].Message, `"third" was not tried`) {
		t.Errorf("problems %v, want two refusals and that the third was not tried", first.Errors)
	}
	last := polls(3, false)
	if n := refused.count(); n != 3 {
		t.Errorf("%d logins were refused after a restart and three more polls, want each of the three once", n)
	}
	for _, p := range last.Errors {
		if p.Kind != inventory.ProblemCredentialRefused || !strings.Contains(p.Message, "was not tried: the device refused it once") {
			t.Errorf("problem %+v, want one that says why nothing was tried", p)
		}
	}
	polls(1, true)
	if n := refused.count(); n != 5 {
		t.Errorf("%d logins were refused once all was forgiven, want 2 more", n)
	}
}

// At an address of a sweep that does not speak SNMP to us, and whose SSH is
// not there, nothing costs the time-outs of a device.
func TestSweepOfNothingIsQuick(t *testing.T) {
	server, refused := simulated(t, "ios-switch", "127.0.0.9")
	c := newFakeCollector(t)
	cfg := testConfig(t, c.URL)
	cfg.Credentials = []Credential{{Name: "cli", SSH: &SSHCredential{User: "admin", Password: config.Plain("admin-password")}}}
	cfg.Targets = []Target{{Address: "127.0.0.8/29", Via: "ssh", SSHPort: portOf(t, server.SSHAddr())}}
	cfg.SweepRate = 20
	a, err := New(cfg, Options{FirstPollNow: true})
	if err != nil {
		t.Fatal(err)
	}
	stop := start(t, a)
	r := c.next(t)
	eventually(t, func() bool { return testutil.ToFloat64(a.metrics.polls.WithLabelValues(resultSilent)) == 5 })
	stop()
	if r.Device.Address != "127.0.0.9" || !r.Device.Complete || len(c.reports) != 0 {
		t.Errorf("report %+v and %d more, want one of the device", r.Device, len(c.reports))
	}
	if refused.count() > 1 { // the knock is a connection without a login
		t.Errorf("%d logins were refused", refused.count())
	}
}
