package snmp

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
)

// A small router in net-snmp's words.
func router() []peer.SNMPObject {
	const entry = "1.3.6.1.2.1.47.1.1.1.1."
	return []peer.SNMPObject{
		{OID: "1.3.6.1.2.1.1.1.0", Value: "Cisco IOS Software [Cupertino], ISR Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version 17.9.4a, RELEASE SOFTWARE (fc3)"},
		{OID: "1.3.6.1.2.1.1.2.0", Value: "1.3.6.1.4.1.9.1.2093"},
		{OID: "1.3.6.1.2.1.1.5.0", Value: "branch-router"},
		{OID: entry + "4.1", Type: "integer", Value: "0"},
		{OID: entry + "4.7000", Type: "integer", Value: "1"},
		{OID: entry + "5.1", Type: "integer", Value: "3"},
		{OID: entry + "5.7000", Type: "integer", Value: "9"},
		{OID: entry + "7.1", Type: "octet_str", Value: "Chassis"},
		{OID: entry + "7.7000", Type: "octet_str", Value: "module R0"},
		{OID: entry + "8.1", Type: "octet_str", Value: "V05"},
		{OID: entry + "11.1", Type: "octet_str", Value: "FDO2211A0X1"},
		{OID: entry + "11.7000", Type: "octet_str", Value: "FDO2211B0Y2"},
		{OID: entry + "13.1", Type: "octet_str", Value: "ISR4321/K9"},
		{OID: entry + "13.7000", Type: "octet_str", Value: "ISR4321/K9"},
	}
}

func TestSNMPD(t *testing.T) {
	d := peer.SNMPD(t, []peer.SNMPUser{
		{Name: "reader", AuthProtocol: "SHA-256", AuthPassword: "authentic-1", PrivProtocol: "AES", PrivPassword: "private-1"},
		{Name: "blumenthal", AuthProtocol: "SHA-512", AuthPassword: "authentic-2", PrivProtocol: "AES-256", PrivPassword: "private-2"},
		{Name: "reeder", AuthProtocol: "SHA", AuthPassword: "authentic-3", PrivProtocol: "AES-256-C", PrivPassword: "private-3"},
		{Name: "old", AuthProtocol: "MD5", AuthPassword: "authentic-4", PrivProtocol: "DES", PrivPassword: "private-4"},
	}, router())
	v3 := func(user, auth, authPassword, priv, privPassword string) Credential {
		return Credential{
			Name: "site", Version: "3", User: user,
			AuthProtocol: auth, AuthPassword: config.Plain(authPassword), PrivProtocol: priv, PrivPassword: config.Plain(privPassword),
		}
	}
	closed := peer.FreeUDP(t)
	tests := []struct {
		name       string
		credential Credential
		port       int                   // d.Port when 0
		kind       inventory.ProblemKind // of the only problem; "" for none
		message    string                // part of it
	}{
		{name: "SHA-256 and AES-128", credential: v3("reader", "SHA256", "authentic-1", "AES", "private-1")},
		{name: "AES-256 of Blumenthal, written AES256", credential: v3("blumenthal", "SHA512", "authentic-2", "AES256", "private-2")},
		{name: "AES-256 of Reeder, written AES256", credential: v3("reeder", "SHA", "authentic-3", "AES256", "private-3")},
		{name: "AES-256 of Reeder, written AES256C", credential: v3("reeder", "SHA", "authentic-3", "AES256C", "private-3")},
		{name: "MD5 and DES", credential: v3("old", "MD5", "authentic-4", "DES", "private-4")},
		{name: "v2c", credential: Credential{Version: "2c", Community: config.Plain(d.Community)}, kind: inventory.ProblemWeakAccess, message: "clear text"},
		{name: "v1", credential: Credential{Version: "1", Community: config.Plain(d.Community)}, kind: inventory.ProblemWeakAccess, message: "clear text"},
		{
			name: "wrong community", credential: Credential{Version: "2c", Community: config.Plain("guess-7f3a")},
			kind: inventory.ProblemUnreachable, message: "the community is wrong, or an access list blocks us",
		},
		{
			name: "unknown user", credential: v3("nobody", "SHA256", "authentic-1", "AES", "private-1"),
			kind: inventory.ProblemCredentialRefused, message: `does not know user "nobody"`,
		},
		{
			name: "wrong authentication password", credential: v3("reader", "SHA256", "mistaken-1", "AES", "private-1"),
			kind: inventory.ProblemCredentialRefused, message: "the authentication password or protocol",
		},
		{
			name: "wrong privacy password", credential: v3("reader", "SHA256", "authentic-1", "AES", "mistaken-1"),
			kind: inventory.ProblemCredentialRefused, message: "privacy password",
		},
		{
			name: "wrong privacy password, two meanings", credential: v3("blumenthal", "SHA512", "authentic-2", "AES256", "mistaken-1"),
			kind: inventory.ProblemCredentialRefused, message: "privacy password",
		},
		{
			name: "no privacy where it is asked for", credential: v3("reader", "SHA256", "authentic-1", "", ""),
			kind: inventory.ProblemCredentialRefused, message: "it lets SNMPv3 credential \"site\" read nothing",
		},
		{
			name: "no authentication where it is asked for", credential: v3("reader", "", "", "", ""),
			kind: inventory.ProblemCredentialRefused, message: "it lets",
		},
		{
			name: "unknown protocol", credential: v3("reader", "SHA3", "authentic-1", "AES", "private-1"),
			kind: inventory.ProblemCredentialRefused, message: `authentication protocol "SHA3"`,
		},
		{
			name: "nobody listens", credential: v3("reader", "SHA256", "authentic-1", "AES", "private-1"), port: closed,
			kind: inventory.ProblemUnreachable, message: "no SNMP agent listens",
		},
		{
			name: "nobody listens, v2c", credential: Credential{Version: "2c", Community: config.Plain(d.Community)}, port: closed,
			kind: inventory.ProblemUnreachable, message: "no SNMP agent listens",
		},
	}
	want := []inventory.Component{
		{Serial: "FDO2211A0X1", PID: "ISR4321/K9", VID: "V05", Class: inventory.ClassChassis, Name: "Chassis", Unit: true, Aliases: []string{}},
		{Serial: "FDO2211B0Y2", PID: "ISR4321/K9", Class: inventory.ClassModule, Name: "module R0", Parent: "FDO2211A0X1", Aliases: []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target := Target{Address: "127.0.0.1", Port: d.Port, Credential: tt.credential, Timeout: 500 * time.Millisecond, Retries: 1, Budget: 20 * time.Second}
			if tt.port != 0 {
				target.Port = tt.port
			}
			r := Read(context.Background(), target, quiet())
			if tt.kind == "" || tt.kind == inventory.ProblemWeakAccess {
				if diff := cmp.Diff(want, r.Device.Components); diff != "" || !r.Answered || !r.Device.Complete {
					t.Errorf("answered %v, complete %v, components (-want +got):\n%s", r.Answered, r.Device.Complete, diff)
				}
				if r.Device.Name != "branch-router" || r.Device.Platform != inventory.PlatformIOSXE || r.Device.Software != "17.9.4a" {
					t.Errorf("device is %q, platform %q, software %q", r.Device.Name, r.Device.Platform, r.Device.Software)
				}
			} else if r.Answered || len(r.Device.Components) > 0 {
				t.Errorf("answered %v with %d components, want neither", r.Answered, len(r.Device.Components))
			}
			checkProblem(t, r, tt.kind, tt.message)
			for _, secret := range []string{"authentic-", "private-", "mistaken-", "guess-7f3a", d.Community} {
				for _, p := range r.Device.Errors {
					if strings.Contains(p.Message, secret) {
						t.Errorf("message %q holds a secret", p.Message)
					}
				}
			}
		})
	}
}

// checkProblem wants this problem and no other, or none for no kind.
func checkProblem(t *testing.T, r Reading, kind inventory.ProblemKind, message string) {
	t.Helper()
	if kind == "" {
		if len(r.Device.Errors) > 0 {
			t.Errorf("problems %v, want none", r.Device.Errors)
		}
		return
	}
	if len(r.Device.Errors) != 1 {
		t.Fatalf("problems %v, want one", r.Device.Errors)
	}
	if p := r.Device.Errors[0]; p.Kind != kind || p.Via != Via || !strings.Contains(p.Message, message) {
		t.Errorf("problem %+v, want kind %s and %q", p, kind, message)
	}
}
