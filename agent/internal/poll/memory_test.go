package poll

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/snmp"
	"rollcall/agent/internal/sshcli"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// tick is a clock that the test moves.
type tick struct{ now time.Time }

func (c *tick) Now() time.Time { return c.now }

// remembering is a poller whose memory has a clock, and keeps its notes.
func remembering(s *fakeSNMP, f *fakeShells, c *tick) (*Poller, map[string]string) {
	kept := map[string]string{}
	p := poller(s, f)
	p.memory = NewMemory(MemoryOptions{Now: c.Now, Keep: func(_ context.Context, address string, note []byte) { kept[address] = string(note) }})
	return p, kept
}

// A refused SSH account is left alone for a time that grows, and the others
// have their turns meanwhile.
func TestRefusedCredentialRests(t *testing.T) {
	c := &tick{noon}
	f := iosShell()
	f.knows = "nobody"
	p, _ := remembering(&fakeSNMP{}, f, c)
	n := node(ViaSSH)
	n.SSH = []sshcli.Credential{{Name: "one"}, {Name: "two"}, {Name: "three"}}
	var polls []string
	for _, after := range []time.Duration{
		0, 30 * time.Minute, time.Minute, // "three" is new in the second
		31 * time.Minute,                                   // an hour after the first
		time.Hour, time.Hour, 2 * time.Hour, 8 * time.Hour, // two hours, then four
	} {
		c.now = c.now.Add(after)
		f.dialed = nil
		if _, answered := p.Poll(t.Context(), n); answered {
			t.Fatal("answered")
		}
		polls = append(polls, c.now.Format("15:04 ")+strings.Join(f.dialed, ","))
	}
	want := []string{
		"12:00 one,two", "12:30 three", "12:31 ", "13:02 one,two", "14:02 three", "15:02 one,two", "17:02 three", "01:02 one,two",
	}
	if diff := cmp.Diff(want, polls); diff != "" {
		t.Errorf("accounts tried (-want +got):\n%s", diff)
	}
	// However often it is refused, it is tried once a day.
	for range 20 {
		c.now = c.now.Add(24 * time.Hour)
		p.Poll(t.Context(), n)
	}
	f.dialed = nil
	c.now = c.now.Add(23 * time.Hour)
	p.Poll(t.Context(), n)
	c.now = c.now.Add(time.Hour)
	p.Poll(t.Context(), n)
	c.now = c.now.Add(time.Hour)
	p.Poll(t.Context(), n)
	if len(f.dialed) == 0 || len(f.dialed) > 4 {
		t.Errorf("in two days after many refusals tried %v, want two a day", f.dialed)
	}
}

// What is left out is said, with the reason and the end.
func TestLeftOutIsReported(t *testing.T) {
	c := &tick{noon}
	f := iosShell()
	f.knows = "nobody"
	p, _ := remembering(&fakeSNMP{}, f, c)
	n := node(ViaSSH)
	n.SSH = []sshcli.Credential{{Name: "one"}, {Name: "two"}, {Name: "three"}}
	d, _ := p.Poll(t.Context(), n)
	want := []inventory.Problem{
		{Kind: inventory.ProblemCredentialRefused, Via: "ssh", Message: "refused one"},
		{Kind: inventory.ProblemCredentialRefused, Via: "ssh", Message: "refused two"},
		{Kind: inventory.ProblemCredentialRefused, Via: "ssh", Message: `SSH credential "three" was not tried: 2 credentials in one poll are enough, as more would look like an attack. It has its turn in a later poll; name the right credential at the target to have it tried first.`},
	}
	if diff := cmp.Diff(want, d.Errors); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	n.SSH = n.SSH[:1]
	d, answered := p.Poll(t.Context(), n)
	want = []inventory.Problem{
		{Kind: inventory.ProblemCredentialRefused, Via: "ssh", Message: `SSH credential "one" was not tried: the device refused it once, last at 2026-03-01 12:00 UTC. It is tried again after 2026-03-01 13:00 UTC, or as soon as its secret is changed.`},
	}
	if diff := cmp.Diff(want, d.Errors); diff != "" || answered {
		t.Errorf("answered %v, problems (-want +got):\n%s", answered, diff)
	}
	n.SSH, n.Logins = []sshcli.Credential{{Name: "two"}, {Name: "three"}, {Name: "four"}, {Name: "five"}}, 3
	f.dialed = nil
	p.Poll(t.Context(), n)
	if diff := cmp.Diff([]string{"three", "four", "five"}, f.dialed); diff != "" {
		t.Errorf("with three logins a poll (-want +got):\n%s", diff)
	}
	f.knows = "admin"
	n.SSH = append(n.SSH, sshcli.Credential{Name: "admin"})
	if d, answered := p.Poll(t.Context(), n); !answered || len(d.Errors) != 0 {
		t.Errorf("answered %v, problems %v: of no interest once one account is taken", answered, d.Errors)
	}
}

// A poller after a restart knows what the one before has learnt.
func TestMemoryIsKept(t *testing.T) {
	c := &tick{noon}
	f := iosShell()
	p, kept := remembering(&fakeSNMP{knows: "office", reading: snmp.Reading{Answered: true}}, f, c)
	n := node(ViaAuto)
	p.Poll(t.Context(), n)
	p.Poll(t.Context(), n)
	if diff := cmp.Diff([]string{"old", "admin", "admin"}, f.dialed); diff != "" {
		t.Errorf("before the restart (-want +got):\n%s", diff)
	}
	s := &fakeSNMP{knows: "office", reading: snmp.Reading{Answered: true}}
	f = iosShell()
	p, _ = remembering(s, f, c)
	for address, note := range kept {
		if err := p.memory.Recall(address, []byte(note)); err != nil {
			t.Fatal(err)
		}
	}
	p.Poll(t.Context(), n)
	if diff := cmp.Diff([]string{"office", "admin"}, append(s.asked, f.dialed...)); diff != "" {
		t.Errorf("after the restart (-want +got):\n%s", diff)
	}
	f.dialed, f.knows = nil, "nobody"
	p.Poll(t.Context(), n)
	p.Poll(t.Context(), n)
	if diff := cmp.Diff([]string{"admin"}, f.dialed); diff != "" {
		t.Errorf("tried while both were refused within the hour (-want +got):\n%s", diff)
	}
	p.memory.Forgive()
	f.dialed = nil
	p.Poll(t.Context(), n)
	if diff := cmp.Diff([]string{"admin", "old"}, f.dialed); diff != "" {
		t.Errorf("tried after all was forgiven (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", "[]", `{"ssh":{"refused":{` + strings.Repeat(`"x":{},`, 3)} {
		if err := p.memory.Recall("192.0.2.7", []byte(bad)); err == nil {
			t.Errorf("the note %q was taken", bad)
		}
	}
}

// Nothing is kept while nothing changes, but for a note a week.
func TestMemoryKeepsNewsOnly(t *testing.T) {
	c := &tick{noon}
	n := 0
	m := NewMemory(MemoryOptions{Now: c.Now, Keep: func(context.Context, string, []byte) { n++ }})
	for range 15 {
		m.accept(t.Context(), ViaSNMP, "192.0.2.1", "office")
		c.now = c.now.Add(24 * time.Hour)
	}
	if n != 3 {
		t.Errorf("kept %d notes in two weeks, want one each week", n)
	}
}

// A changed secret ends the rest at once.
func TestChangedSecretIsTriedAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	write := func(at time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	c := &tick{noon}
	f := iosShell()
	f.knows = "nobody"
	p, _ := remembering(&fakeSNMP{}, f, c)
	n := node(ViaSSH)
	n.SSH = []sshcli.Credential{{Name: "cli", Password: config.Reference("file:" + path)}}
	write(noon.Add(-time.Hour))
	p.Poll(t.Context(), n)
	c.now = noon.Add(10 * time.Minute)
	p.Poll(t.Context(), n)
	write(noon.Add(11 * time.Minute))
	c.now = noon.Add(12 * time.Minute)
	p.Poll(t.Context(), n)
	c.now = noon.Add(13 * time.Minute)
	p.Poll(t.Context(), n)
	if len(f.dialed) != 2 {
		t.Errorf("tried %d times, want once with each password", len(f.dialed))
	}
	// A secret that cannot be read was never shown to the device.
	n.SSH[0] = sshcli.Credential{Name: "lost", Password: config.Reference("file:" + path + ".none")}
	p.Poll(t.Context(), n)
	p.Poll(t.Context(), n)
	if len(f.dialed) != 4 {
		t.Errorf("tried %d times, want again for what is our own mistake", len(f.dialed)-2)
	}
}

// SNMPv3 refusals are remembered; silence, as of a wrong community, is not.
func TestRefusedSNMPRests(t *testing.T) {
	for kind, want := range map[inventory.ProblemKind]int{inventory.ProblemCredentialRefused: 1, inventory.ProblemUnreachable: 2} {
		c := &tick{noon}
		s := &fakeSNMP{knows: "nobody", problem: kind}
		p, _ := remembering(s, iosShell(), c)
		n := node(ViaSNMP)
		n.SNMP = n.SNMP[:1]
		p.Poll(t.Context(), n)
		d, _ := p.Poll(t.Context(), n)
		if len(s.asked) != want || len(d.Errors) != 1 || d.Errors[0].Kind != kind {
			t.Errorf("%s: asked %d times, want %d; problems %v", kind, len(s.asked), want, d.Errors)
		}
	}
}

// A password that was changed on all devices is shown to a few of them, not to
// all: the account would be locked.
func TestChangedPasswordIsNotShownToAll(t *testing.T) {
	c := &tick{noon}
	f := iosShell()
	p, _ := remembering(&fakeSNMP{}, f, c)
	nodes := make([]Node, 20)
	for i := range nodes {
		nodes[i] = node(ViaSSH)
		nodes[i].Address = fmt.Sprintf("192.0.2.%d", i+1)
		nodes[i].SSH = []sshcli.Credential{{Name: "admin"}}
	}
	round := func() (tried int, last inventory.Device) {
		f.dialed = nil
		for _, n := range nodes {
			last, _ = p.Poll(t.Context(), n)
		}
		return len(f.dialed), last
	}
	if n, _ := round(); n != 20 {
		t.Fatalf("%d logins, want 20", n)
	}
	f.knows = "another"
	n, last := round()
	if n != suspicious {
		t.Errorf("%d logins with a password that is refused, want %d", n, suspicious)
	}
	if len(last.Errors) != 1 || !strings.Contains(last.Errors[0].Message, "3 devices in a row that took it before refuse it now") {
		t.Errorf("problems %v", last.Errors)
	}
	c.now = noon.Add(61 * time.Minute)
	if n, _ := round(); n != 1 {
		t.Errorf("%d logins an hour later, want 1", n)
	}
	f.knows = "admin"
	c.now = noon.Add(12 * time.Hour)
	if n, last := round(); n != 20 || len(last.Errors) != 0 {
		t.Errorf("%d logins once it is right again, want 20; problems %v", n, last.Errors)
	}
}
