package poll

import (
	stdcmp "cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/snmp"
	"rollcall/agent/internal/sshcli"
	"rollcall/pkg/inventory"
)

// fakeSNMP answers the credential that it knows with a reading, and notes who
// asked.
type fakeSNMP struct {
	knows   string
	problem inventory.ProblemKind // of other credentials; unreachable if empty
	reading snmp.Reading
	hurried *snmp.Reading // the answer within a shorter time
	asked   []string
	waited  []time.Duration // for each
	logs    string          // while it reads
	changed bool            // the probe shows a difference
}

func (f *fakeSNMP) ReadSince(_ context.Context, t snmp.Target, last *snmp.Last, log *slog.Logger) (snmp.Reading, *snmp.Last) {
	f.asked, f.waited = append(f.asked, t.Credential.Name), append(f.waited, t.Timeout)
	if t.Credential.Name != f.knows {
		return snmp.Reading{Device: inventory.Device{Address: t.Address, Errors: []inventory.Problem{
			{Kind: stdcmp.Or(f.problem, inventory.ProblemUnreachable), Via: "snmp", Message: "no answer"},
		}}}, nil
	}
	if f.logs != "" {
		log.Debug(f.logs, "table", "entPhysicalTable", "rows", 3) //nolint:sloglint // the test says which record
	}
	if f.hurried != nil && t.Timeout == SweepTimeout {
		return *f.hurried, nil
	}
	r := f.reading
	r.Unchanged = last != nil && !f.changed
	for _, p := range r.Device.Errors {
		if p.Kind == inventory.ProblemIncomplete {
			return r, nil
		}
	}
	return r, &snmp.Last{}
}

// fakeShells is a device's command line by its outputs.
type fakeShells struct {
	knows   string
	fail    error // of Dial, for every credential
	prompt  string
	outputs map[string]string
	breaks  string // the command at which the session is lost
	after   string // the command that leads to where the device says
	then    map[string]string
	dialed  []string
	ran     []string
	closed  int
}

func (f *fakeShells) Dial(_ context.Context, t sshcli.Target) (shell, error) {
	f.dialed = append(f.dialed, t.Credential.Name)
	if f.fail != nil {
		return nil, f.fail
	}
	if t.Credential.Name != f.knows {
		return nil, &sshcli.Error{Kind: inventory.ProblemCredentialRefused, Address: t.Address, Message: "refused " + t.Credential.Name}
	}
	return f, nil
}

func (f *fakeShells) Run(_ context.Context, command string) (string, error) {
	f.ran = append(f.ran, command)
	if f.after != "" && command == f.after {
		defer func() { f.outputs = f.then }()
	}
	if command == f.breaks {
		return f.outputs[command], &sshcli.Error{Kind: inventory.ProblemIncomplete, Message: "cut"}
	}
	if out, ok := f.outputs[command]; ok {
		return out, nil
	}
	return "% Invalid input detected at '^' marker.\n", nil
}

func (f *fakeShells) Prompt() string                { return f.prompt }
func (f *fakeShells) Problems() []inventory.Problem { return nil }
func (f *fakeShells) Close() error                  { f.closed++; return nil }

const (
	iosVersion = "Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E3, RELEASE SOFTWARE (fc3)\n" +
		"sw-lobby uptime is 3 weeks\nModel number : WS-C2960X-24PS-L\nSystem serial number : FOC2001X0AB\n"
	iosInventory = "NAME: \"1\", DESCR: \"WS-C2960X-24PS-L\"\nPID: WS-C2960X-24PS-L  , VID: V05  , SN: FOC2001X0AB\n"
)

func iosShell() *fakeShells {
	return &fakeShells{knows: "admin", prompt: "sw-lobby#", outputs: map[string]string{
		"show version": iosVersion, "show inventory": iosInventory,
	}}
}

func poller(s *fakeSNMP, f *fakeShells) *Poller {
	p := New(nil, NewMemory(MemoryOptions{}), slog.New(slog.DiscardHandler))
	p.snmp, p.ssh = s, f
	return p
}

func node(via string) Node {
	return Node{
		Address: "192.0.2.7", Via: via,
		SNMP: []snmp.Credential{{Name: "public"}, {Name: "office"}},
		SSH:  []sshcli.Credential{{Name: "old"}, {Name: "admin"}},
	}
}

func TestPollOrder(t *testing.T) {
	whole := snmp.Reading{Answered: true, Device: inventory.Device{
		Name: "sw-snmp", Platform: "ios", Complete: true, Components: []inventory.Component{unit("FOC2001X0AB", "WS-C2960X-24PS-L", "1")},
	}}
	partial := whole
	partial.Device.Complete = false
	noUnit := snmp.Reading{Answered: true, Device: inventory.Device{Name: "sw-snmp", Complete: true, Components: []inventory.Component{module("FOC1", "X", "m", "")}}}
	none := snmp.Reading{Answered: true, Device: inventory.Device{Name: "sw-snmp", Complete: true}}
	for name, tc := range map[string]struct {
		via      string
		reading  snmp.Reading
		silent   bool
		wantSSH  []string // credentials tried over SSH
		wantVia  []string
		wantName string
	}{
		"whole snmp is enough":      {via: "auto", reading: whole, wantVia: []string{"snmp"}, wantName: "sw-snmp"},
		"empty via is auto":         {via: "", reading: whole, wantVia: []string{"snmp"}, wantName: "sw-snmp"},
		"cut short asks ssh":        {via: "auto", reading: partial, wantSSH: []string{"old", "admin"}, wantVia: []string{"snmp", "ssh"}, wantName: "sw-snmp"},
		"no unit asks ssh":          {via: "auto", reading: noUnit, wantSSH: []string{"old", "admin"}, wantVia: []string{"snmp", "ssh"}, wantName: "sw-snmp"},
		"no serial asks ssh":        {via: "auto", reading: none, wantSSH: []string{"old", "admin"}, wantVia: []string{"ssh"}, wantName: "sw-snmp"},
		"silent snmp asks ssh":      {via: "auto", silent: true, wantSSH: []string{"old", "admin"}, wantVia: []string{"ssh"}, wantName: "sw-lobby"},
		"snmp alone never asks ssh": {via: "snmp", reading: partial, wantVia: []string{"snmp"}, wantName: "sw-snmp"},
		"ssh alone never asks snmp": {via: "ssh", reading: whole, wantSSH: []string{"old", "admin"}, wantVia: []string{"ssh"}, wantName: "sw-lobby"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &fakeSNMP{knows: "office", reading: tc.reading}
			if tc.silent {
				s.knows = "nobody"
			}
			f := iosShell()
			d, answered := poller(s, f).Poll(t.Context(), node(tc.via))
			if !answered || d.Name != tc.wantName {
				t.Errorf("answered %v, name %q, want %q", answered, d.Name, tc.wantName)
			}
			if diff := cmp.Diff(tc.wantVia, d.Via); diff != "" {
				t.Errorf("via (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantSSH, f.dialed); diff != "" {
				t.Errorf("ssh credentials (-want +got):\n%s", diff)
			}
			if tc.via == "ssh" && len(s.asked) > 0 {
				t.Errorf("snmp was asked: %v", s.asked)
			}
			if f.closed != min(len(f.dialed), 1) {
				t.Errorf("%d sessions closed", f.closed)
			}
		})
	}
}

func TestPollRemembersCredentials(t *testing.T) {
	s := &fakeSNMP{knows: "office", reading: snmp.Reading{Answered: true}}
	f := iosShell()
	p := poller(s, f)
	for range 2 {
		if _, answered := p.Poll(t.Context(), node("auto")); !answered {
			t.Fatal("no answer")
		}
	}
	if diff := cmp.Diff([]string{"public", "office", "office"}, s.asked); diff != "" {
		t.Errorf("snmp (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"old", "admin", "admin"}, f.dialed); diff != "" {
		t.Errorf("ssh (-want +got):\n%s", diff)
	}
}

func TestPollUnanswered(t *testing.T) {
	f := &fakeShells{fail: &sshcli.Error{Kind: inventory.ProblemHostKeyChanged, Address: "192.0.2.7", Message: "another key"}}
	d, answered := poller(&fakeSNMP{knows: "nobody"}, f).Poll(t.Context(), node("auto"))
	if answered || len(d.Components) != 0 || d.Complete {
		t.Errorf("answered %v, device %+v", answered, d)
	}
	want := []inventory.Problem{
		{Kind: inventory.ProblemUnreachable, Via: "snmp", Message: "no answer"},
		{Kind: inventory.ProblemHostKeyChanged, Via: "ssh", Message: "another key"},
	}
	if diff := cmp.Diff(want, d.Errors); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if len(f.dialed) != 1 {
		t.Errorf("a changed key was met with %d credentials, want 1: %v", len(f.dialed), f.dialed)
	}
	if _, answered := poller(&fakeSNMP{}, f).Poll(t.Context(), Node{Address: "192.0.2.7"}); answered {
		t.Error("a node without credentials answered")
	}
}

func TestProblemOfUnknownError(t *testing.T) {
	p := sshcli.Problem(errors.New("odd\x1b[31m"))
	if p.Kind != inventory.ProblemUnreachable || strings.ContainsRune(p.Message, '\x1b') {
		t.Errorf("got %+v", p)
	}
}
