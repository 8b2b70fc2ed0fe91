package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
)

// scanned is a device of a scan, by what a person would compare.
type scanned struct {
	Platform string
	Complete bool
	Units    []string // PID and serial
}

func scanJSON(t *testing.T, args ...string) (inventory.Scan, string) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	status, out, errOut := execution(t.Context(), append([]string{"scan", "--format", "json"}, args...)...)
	if status != 0 {
		t.Fatalf("exit status %d\n%s", status, errOut)
	}
	var s inventory.Scan
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(s.Devices) != 1 || len(s.Unanswered) != 0 {
		t.Fatalf("%d devices and %d unanswered, want 1 and 0", len(s.Devices), len(s.Unanswered))
	}
	return s, errOut
}

func summary(d inventory.Device) scanned {
	s := scanned{Platform: d.Platform, Complete: d.Complete}
	for _, u := range d.Units() {
		s.Units = append(s.Units, u.PID+" "+u.Serial)
	}
	return s
}

// Recorded answers of real devices, served by snmpsim.
func TestScanRecordings(t *testing.T) {
	folder := peer.Recordings(t, "snmp")
	port := strconv.Itoa(peer.SNMPSim(t, folder))
	tests := []struct {
		recording string
		want      scanned
	}{
		{"ios_2960x", scanned{"ios", true, []string{"WS-C2960X-48FPS-L FCW1929B68S", "WS-C2960X-24PS-L FCW1931A06Z", "WS-C2960X-48FPS-L FCW1929B6BP"}}},
		{"iosxe_c9300", scanned{"iosxe", true, []string{"C9300-48P FCW2204L050"}}},
		{"nxos_n3k-3064pq", scanned{"nxos", false, nil}}, // its chassis serial was blanked by the donor
		{"asa", scanned{"asa", true, []string{"ASA5555 FGL1641413L"}}},
	}
	for _, tt := range tests {
		t.Run(tt.recording, func(t *testing.T) {
			s, _ := scanJSON(t, "--community", tt.recording, "--snmp-port", port, "127.0.0.1")
			d := s.Devices[0]
			if diff := cmp.Diff(tt.want, summary(d)); diff != "" {
				t.Errorf("device (-want +got):\n%s", diff)
			}
			want := entitySerials(t, filepath.Join(folder, tt.recording+".snmprec"))
			var got []string
			for _, c := range d.Components {
				got = append(got, c.Serial)
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("serials, each once (-want +got):\n%s", diff)
			}
		})
	}
}

// entitySerials reads entPhysicalSerialNum out of a recording, placeholders
// left out.
func entitySerials(t *testing.T, path string) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var serials []string
	for line := range strings.Lines(string(raw)) {
		fields := strings.SplitN(strings.TrimRight(line, "\n"), "|", 3)
		if len(fields) != 3 || !strings.HasPrefix(fields[0], "1.3.6.1.2.1.47.1.1.1.1.11.") {
			continue
		}
		serial := strings.ToUpper(strings.TrimSpace(fields[2]))
		if serial != "" && serial != "<PRIVATE>" && serial != "N/A" && serial != "0" {
			serials = append(serials, serial)
		}
	}
	slices.Sort(serials)
	return slices.Compact(serials)
}

// net-snmp's agent with SNMPv3, and OpenSSH with a shell that answers like IOS.
func TestScanRealServers(t *testing.T) {
	const chassis = "1.3.6.1.2.1.47.1.1.1.1."
	snmpd := peer.SNMPD(t, []peer.SNMPUser{{
		Name: "rollcall", AuthProtocol: "SHA-256", AuthPassword: "an-auth-password", PrivProtocol: "AES", PrivPassword: "a-priv-password",
	}}, []peer.SNMPObject{
		{OID: "1.3.6.1.2.1.1.1.0", Type: "octet_str", Value: "Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E8, RELEASE SOFTWARE (fc3)"},
		{OID: "1.3.6.1.2.1.1.2.0", Type: "object_id", Value: ".1.3.6.1.4.1.9.1.1208"},
		{OID: "1.3.6.1.2.1.1.5.0", Type: "octet_str", Value: "sw1"},
		{OID: chassis + "2.1001", Type: "octet_str", Value: "WS-C2960X-24PS-L"},
		{OID: chassis + "4.1001", Type: "integer", Value: "0"},
		{OID: chassis + "5.1001", Type: "integer", Value: "3"},
		{OID: chassis + "7.1001", Type: "octet_str", Value: "1"},
		{OID: chassis + "11.1001", Type: "octet_str", Value: "FOC1947W2QP"},
		{OID: chassis + "13.1001", Type: "octet_str", Value: "WS-C2960X-24PS-L"},
	})
	want := scanned{"ios", true, []string{"WS-C2960X-24PS-L FOC1947W2QP"}}
	t.Run("snmpd with SNMPv3", func(t *testing.T) {
		s, _ := scanJSON(t, "--credentials", credentialsFile(t, "an-auth-password"), "--snmp-port", strconv.Itoa(snmpd.Port), "127.0.0.1")
		if diff := cmp.Diff(want, summary(s.Devices[0])); diff != "" {
			t.Errorf("device (-want +got):\n%s", diff)
		}
	})
	t.Run("snmpd, wrong password", func(t *testing.T) {
		t.Setenv("HOME", t.TempDir())
		status, _, errOut := execution(t.Context(), "scan", "--credentials", credentialsFile(t, "another-password"), "--snmp-port", strconv.Itoa(snmpd.Port), "127.0.0.1")
		if status != statusMissing || !strings.Contains(errOut, "127.0.0.1") {
			t.Errorf("exit status %d, %q; want %d and the address", status, errOut, statusMissing)
		}
	})
	t.Run("OpenSSH", func(t *testing.T) {
		ssh := peer.SSHD(t, peer.SSHDOptions{Shell: iosShell})
		file := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(file, []byte(ssh.Password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s, _ := scanJSON(t, "--ssh-user", ssh.User, "--ssh-password-file", file, "--ssh-port", strconv.Itoa(ssh.Port), "--via", "ssh", "127.0.0.1")
		if diff := cmp.Diff(want, summary(s.Devices[0])); diff != "" {
			t.Errorf("device (-want +got):\n%s", diff)
		}
		if via := s.Devices[0].Via; !slices.Equal(via, []string{"ssh"}) {
			t.Errorf("via %v, want ssh", via)
		}
	})
}

func credentialsFile(t *testing.T, authPassword string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials.yaml")
	text := fmt.Sprintf("- name: v3\n  snmp: {version: 3, user: rollcall, auth_protocol: SHA256, auth_password: %s, priv_protocol: AES, priv_password: a-priv-password}\n", authPassword)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// iosShell answers like a small IOS switch.
const iosShell = `#!/bin/sh
printf '\nAuthorized use only.\n\n'
printf 'sw1#'
while read -r line; do
	case "$line" in
	'terminal '* | '') ;;
	'show version') printf 'Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E8, RELEASE SOFTWARE (fc3)\nsw1 uptime is 3 weeks\n' ;;
	'show inventory') printf 'NAME: "1", DESCR: "WS-C2960X-24PS-L"\nPID: WS-C2960X-24PS-L  , VID: V05  , SN: FOC1947W2QP\n\n' ;;
	exit) exit 0 ;;
	*) printf "      ^\n%% Invalid input detected at '^' marker.\n\n" ;;
	esac
	printf 'sw1#'
done
`
