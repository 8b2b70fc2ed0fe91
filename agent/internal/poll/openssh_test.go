package poll

import (
	"flag"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"rollcall/agent/internal/snmp"
	"rollcall/agent/internal/sshcli"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
)

// TestMain runs many tests at once, whatever the number of processors: most of
// their time they wait for a device to be quiet.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

const stackScript = `#!/bin/sh
printf 'sw-stack#'
while read -r line; do
	case "$line" in
	'terminal length 0' | 'terminal width 511' | '') ;;
	'show version') printf 'Cisco IOS XE Software, Version 16.12.04\nCisco IOS Software [Gibraltar], Catalyst L3 Switch Software (CAT9K_IOSXE), Version 16.12.4, RELEASE SOFTWARE (fc5)\nsw-stack uptime is 2 weeks\n' ;;
	'show inventory') printf 'NAME: "c93xx Stack", DESCR: "c93xx Stack"\nPID: C9300-48P         , VID: V02  , SN: FCW2140A0AA\n\nNAME: "Switch 1", DESCR: "C9300-48P"\nPID: C9300-48P         , VID: V02  , SN: FCW2140A0AA\n\nNAME: "Switch 2", DESCR: "C9300-48P"\nPID: C9300-48P         , VID: V02  , SN: FCW2140A0BB\n\nNAME: "Switch 2 - Power Supply A", DESCR: "Switch 2 - Power Supply A"\nPID: PWR-C1-715WAC     , VID: V01  , SN: LIT2140A0CC\n\n' ;;
	exit) exit 0 ;;
	*) printf "      ^\n%% Invalid input detected at '^' marker.\n\n" ;;
	esac
	printf '\nsw-stack#'
done
`

func sshNode(t *testing.T, d *peer.SSHDaemon) Node {
	t.Helper()
	return Node{
		Address: "127.0.0.1", SSHPort: d.Port,
		SSH: []sshcli.Credential{{Name: "office", User: d.User, Password: config.Plain(d.Password)}},
	}
}

func hostKeys(t *testing.T) *sshcli.HostKeys {
	t.Helper()
	keys, err := sshcli.OpenHostKeys("")
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestPollOpenSSH(t *testing.T) {
	d := peer.SSHD(t, peer.SSHDOptions{Shell: stackScript})
	p := New(hostKeys(t), NewMemory(MemoryOptions{}), slog.New(slog.DiscardHandler))
	device, answered := p.Poll(t.Context(), sshNode(t, d))
	want := inventory.Device{
		Address: "127.0.0.1", Name: "sw-stack", Platform: "iosxe", Model: "C9300-48P", Serial: "FCW2140A0AA", Software: "16.12.4",
		Complete: true, Via: []string{"ssh"}, Errors: []inventory.Problem{},
		Components: []inventory.Component{
			{Serial: "FCW2140A0AA", PID: "C9300-48P", VID: "V02", Class: "chassis", Name: "Switch 1", Description: "C9300-48P", Unit: true, Aliases: []string{"c93xx Stack"}},
			{Serial: "FCW2140A0BB", PID: "C9300-48P", VID: "V02", Class: "chassis", Name: "Switch 2", Description: "C9300-48P", Unit: true, Aliases: []string{}},
			{Serial: "LIT2140A0CC", PID: "PWR-C1-715WAC", VID: "V01", Class: "powerSupply", Name: "Switch 2 - Power Supply A", Description: "Switch 2 - Power Supply A", Parent: "FCW2140A0BB", Aliases: []string{}},
		},
	}
	if diff := cmp.Diff(want, device); !answered || diff != "" {
		t.Errorf("answered %v, device (-want +got):\n%s", answered, diff)
	}

	d.RenewHostKey(t)
	device, answered = p.Poll(t.Context(), sshNode(t, d))
	if answered || len(device.Errors) != 1 || device.Errors[0].Kind != inventory.ProblemHostKeyChanged {
		t.Errorf("with another host key: answered %v, problems %v", answered, device.Errors)
	}
}

// TestPollBothTransports has net-snmp and OpenSSH on one address: net-snmp
// itself has no ENTITY-MIB, so the parts come over SSH and the name over SNMP.
func TestPollBothTransports(t *testing.T) {
	agent := peer.SNMPD(t, nil, []peer.SNMPObject{{OID: "1.3.6.1.2.1.1.5.0", Type: "octet_str", Value: "name-by-snmp"}})
	d := peer.SSHD(t, peer.SSHDOptions{Shell: stackScript})
	n := sshNode(t, d)
	n.SNMPPort = agent.Port
	n.SNMP = []snmp.Credential{{Name: "read", Version: "2c", Community: config.Plain(agent.Community)}}
	device, answered := New(hostKeys(t), NewMemory(MemoryOptions{}), slog.New(slog.DiscardHandler)).Poll(t.Context(), n)
	if !answered || device.Name != "name-by-snmp" || device.Serial != "FCW2140A0AA" || !device.Complete {
		t.Errorf("answered %v, got %+v", answered, device)
	}
	if diff := cmp.Diff([]string{"ssh"}, device.Via); diff != "" {
		t.Errorf("via (-want +got):\n%s", diff)
	}
	kinds := map[inventory.ProblemKind]bool{}
	for _, p := range device.Errors {
		kinds[p.Kind] = true
	}
	if !kinds[inventory.ProblemWeakAccess] || kinds[inventory.ProblemNoInventory] {
		t.Errorf("problems %v, want weak_access of SNMPv2c and nothing of its empty tables", device.Errors)
	}
}
