package poll

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/snmp"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
)

// story collects the steps of a trace, one a line.
func story(b *strings.Builder) Trace {
	return func(step string, facts ...slog.Attr) {
		b.WriteString(step)
		for _, f := range facts {
			fmt.Fprintf(b, " | %s=%v", f.Key, f.Value)
		}
		b.WriteByte('\n')
	}
}

func TestExplain(t *testing.T) {
	s := &fakeSNMP{knows: "office", logs: "read table", reading: snmp.Reading{Answered: true, Device: inventory.Device{
		Name: "sw-snmp", Platform: "ios", Complete: false,
		Components: []inventory.Component{
			{Serial: "FOC2001X0AB", PID: "WS-C2960X-24PS-L", Class: "chassis", Name: "1", Unit: true, Aliases: []string{"Stack"}},
			{Serial: "LIT1", Class: "powerSupply", Name: "PS 1", Parent: "FOC2001X0AB"},
		},
		Errors: []inventory.Problem{{Kind: inventory.ProblemIncomplete, Via: "snmp", Message: "entPhysicalDescr was cut short."}},
	}}}
	f := iosShell()
	f.outputs["show inventory"] += "NAME: \"Gi1/0/49\", DESCR: \"SFP\"\nPID: GLC-SX-MMD , VID: V01 , SN: FNS1234A0BC\nNAME: \"Fan\", DESCR: \"Fan\"\nPID: , VID: , SN: \nNAME: \"RPS\", DESCR: \"RPS\"\nPID: X , VID: V01 , SN: N/A\n"
	n := node(ViaAuto)
	n.SNMP[0].Community, n.SNMP[1].Community = config.Plain("canary-1"), config.Plain("canary-2")
	n.SSH[0].Password, n.SSH[1].Password = config.Plain("canary-3"), config.Plain("canary-4")
	var b strings.Builder
	if _, answered := poller(s, f).Explain(t.Context(), n, story(&b)); !answered {
		t.Fatal("no answer")
	}
	want := `asking over SNMP | credential=public | version= | tries=1 | each=the default time-out
! unreachable: no answer
asking over SNMP | credential=office | version= | tries=1 | each=the default time-out
snmp: read table | table=entPhysicalTable | rows=3
SNMP answered | name=sw-snmp | platform=ios | model= | software= | serials=2 | units=1 | complete=false
kept FOC2001X0AB | pid=WS-C2960X-24PS-L | class=chassis | name=1 | unit=true | made by its serial number=about January 2016 | listed again as=Stack
kept LIT1 | pid= | class=powerSupply | name=PS 1 | unit=false | in=FOC2001X0AB
! incomplete: entPhysicalDescr was cut short.
SSH is asked too | because=SNMP was cut short
logging in over SSH | credential=old | user= | port=22 | old algorithms allowed=false
! credential_refused: refused old
logging in over SSH | credential=admin | user= | port=22 | old algorithms allowed=false
logged in | prompt=sw-lobby#
ran "show version" | lines=4 | bytes=196 | platform by its words=ios
ran "show inventory" | lines=8 | bytes=265
dropped "" | name=Fan | pid= | because=the serial number is empty
dropped "N/A" | name=RPS | pid=X | because=a placeholder, not a serial number
SSH answered | name=sw-lobby | platform=ios | model=WS-C2960X-24PS-L | software=15.2(7)E3 | serials=2 | units=1 | complete=true
kept FOC2001X0AB | pid=WS-C2960X-24PS-L | class=chassis | name=1 | unit=true | made by its serial number=about January 2016
kept FNS1234A0BC | pid=GLC-SX-MMD | class=port | name=Gi1/0/49 | unit=false | in=FOC2001X0AB
merging what SNMP and SSH gave
in both: FOC2001X0AB | pid=WS-C2960X-24PS-L | class=chassis | name=1 | unit=true | made by its serial number=about January 2016 | listed again as=Stack
over SSH alone: FNS1234A0BC | pid=GLC-SX-MMD | class=port | name=Gi1/0/49 | unit=false | in=FOC2001X0AB
over SNMP alone: LIT1 | pid= | class=powerSupply | name=PS 1 | unit=false | in=FOC2001X0AB
no longer of interest is incomplete: entPhysicalDescr was cut short.
result | platform=ios | model=WS-C2960X-24PS-L | serial=FOC2001X0AB | parts=3 | units=1 | via=snmp, ssh | complete=true
`
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(b.String(), "\n")); diff != "" {
		t.Errorf("story (-want +got):\n%s", diff)
	}
	if strings.Contains(b.String(), "canary") {
		t.Error("a secret is in the story")
	}
}

// What is not tried is told, too.
func TestExplainLeavesOut(t *testing.T) {
	f := iosShell()
	f.knows = "nobody"
	p := poller(&fakeSNMP{}, f)
	var b strings.Builder
	p.Poll(t.Context(), node(ViaSSH))
	p.Explain(t.Context(), node(ViaSSH), story(&b))
	for _, want := range []string{`! credential_refused: SSH credential "old" was not tried: the device refused it once`, `! credential_refused: SSH credential "admin" was not tried`, "result: no answer"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the story lacks %q:\n%s", want, b.String())
		}
	}
	b.Reset()
	p.Explain(t.Context(), Node{Address: "192.0.2.7"}, story(&b))
	if !strings.Contains(b.String(), "! credential_refused: no credential is configured to read 192.0.2.7") {
		t.Errorf("the story of a node without credentials is %q", b.String())
	}
}

// Log records become steps, and go where they went before.
func TestTraceLogger(t *testing.T) {
	var log, b strings.Builder
	next := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	l := story(&b).logger(next, ViaSNMP).With("device", "192.0.2.1", "via", "snmp", "walk", 2).WithGroup("g").With("a", 1)
	l.Debug("read table", "rows", 3)
	l.Warn("odd", "device", "x")
	if diff := cmp.Diff("snmp: read table | walk=2 | g.a=1 | g.rows=3\nsnmp: odd | walk=2 | g.a=1 | g.device=x\n", b.String()); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("level=WARN msg=odd device=192.0.2.1 via=snmp walk=2 g.a=1 g.device=x\n", log.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	if Trace(nil).logger(next, ViaSNMP) != next {
		t.Error("without a trace, another logger is used")
	}
}
