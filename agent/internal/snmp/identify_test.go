package snmp

import (
	"strings"
	"testing"

	"rollcall/pkg/config"
)

func TestIdentify(t *testing.T) {
	tests := []struct {
		name, descr, object        string
		platform, software, modelX string
		foreign                    bool
	}{
		{name: "IOS of old", descr: "Cisco Internetwork Operating System Software \r\nIOS (tm) C2600 Software (C2600-I-M), Version 12.0(7)T,  RELEASE SOFTWARE (fc2)", object: "1.3.6.1.4.1.9.1.209", platform: "ios", software: "12.0(7)T"},
		{name: "IOS", descr: iosDescr, object: "1.3.6.1.4.1.9.1.1208", platform: "ios", software: "15.2(7)E4"},
		{name: "IOS-XE by its code name", descr: iosxeDescr, object: "1.3.6.1.4.1.9.1.2494", platform: "iosxe", software: "17.3.4"},
		{name: "IOS-XE 3", descr: "Cisco IOS Software, IOS-XE Software, Catalyst L3 Switch Software (CAT3K_CAA-UNIVERSALK9-M), Version 03.06.06E RELEASE SOFTWARE (fc1)", object: "1.3.6.1.4.1.9.1.1745", platform: "iosxe", software: "03.06.06E"},
		{name: "IOS-XE by its Linux image", descr: "Cisco IOS Software, ASR1000 Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version 15.5(3)S4b, RELEASE SOFTWARE (fc1)", object: "1.3.6.1.4.1.9.1.1165", platform: "iosxe", software: "15.5(3)S4b"},
		{name: "IOS-XR", descr: iosxrDescr, object: "1.3.6.1.4.1.9.1.1639", platform: "iosxr", software: "6.6.3"},
		{name: "NX-OS", descr: nxosDescr, object: "1.3.6.1.4.1.9.12.3.1.3.1163", platform: "nxos", software: "9.3(8)"},
		{name: "MDS by sysObjectID", descr: "", object: "1.3.6.1.4.1.9.12.3.1.3.910", platform: "nxos"},
		{name: "ASA", descr: "Cisco Adaptive Security Appliance Version 9.12(2)", object: "1.3.6.1.4.1.9.1.2404", platform: "asa", software: "9.12(2)"},
		{name: "PIX", descr: "Cisco PIX Security Appliance Version 8.0(4)", object: "1.3.6.1.4.1.9.1.451", platform: "asa", software: "8.0(4)"},
		{name: "FTD, which names ASA too", descr: "Cisco Firepower Threat Defense, Version 7.4.1.1 (Build 12), ASA Version 9.20(2)201", object: "1.3.6.1.4.1.9.1.3055", platform: "ftd", software: "7.4.1.1"},
		{name: "FXOS", descr: "Cisco FX-OS(tm) fxos, Software (fxos-k9-system), Version 2.10(1.179), RELEASE SOFTWARE", object: "1.3.6.1.4.1.9.1.2294", platform: "fxos", software: "2.10(1.179)"},
		{name: "a dot before sysObjectID", descr: "Linux SPA112 2.6.26.5", object: ".1.3.6.1.4.1.9.6.1.23.1.1.1.3", platform: "smb"},
		{name: "wireless under the small business number", descr: "Cisco Business Wireless", object: "1.3.6.1.4.1.9.6.1.37.240.1", platform: "aireos"},
		{name: "UCOS", descr: "Hardware:VMware, 2  Intel(R) Xeon(R), 8192 MB Memory: Software:UCOS 6.0.0.0-2", object: "1.3.6.1.4.1.99.1.1.3.28", platform: "ucos"},
		{name: "cloud managed catalyst access point", descr: "Cisco Wireless CW9166I Cloud Managed AP", object: "1.3.6.1.4.1.29671.2.1000", platform: "meraki"},
		{name: "meraki without sysObjectID", descr: "Meraki MS", platform: "meraki"},
		{name: "number of the chip's maker, Cisco in words", descr: "Linux, Cisco Systems, Inc WAP121 (WAP121-E-K9), Version 1.0.6.8", object: "1.3.6.1.4.1.4413", platform: "smb", software: "1.0.6.8", modelX: "WAP121-E-K9"},
		{name: "a small router by its words alone", descr: "Linux 2.6.31 Cisco RV320 Gigabit Dual WAN VPN Router", platform: "smb"},
		{name: "APIC with words before", descr: "cluster 1: version 5.2(1g); PID APIC-SERVER-M3; Serial WZP2301A0A1", platform: "apic", software: "5.2(1g)", modelX: "APIC-SERVER-M3"},
		{name: "Cisco, not more", descr: "line card of the lobby", object: "1.3.6.1.4.1.9.1.9999", platform: "unknown"},
		{name: "another maker", descr: "ExampleOS", object: "1.3.6.1.4.1.2636.1.1.1.2.1", platform: "unknown", foreign: true},
		{name: "a server with net-snmp is not foreign by that", descr: "Linux host", object: "1.3.6.1.4.1.8072.3.2.10", platform: "unknown"},
		{name: "a server that says which", descr: "Linux backup 6.1.0-18-amd64 #1 SMP Debian 6.1.76-1 x86_64", object: "1.3.6.1.4.1.8072.3.2.10", platform: "unknown", foreign: true},
		{name: "another maker's words alone", descr: "Juniper Networks, Inc. ex2300", platform: "unknown", foreign: true},
		{name: "nothing said", platform: "unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id := identity{descr: text(tt.descr, maxDescr), object: parseOID(tt.object)}
			id.classify()
			if id.platform != tt.platform || id.software != tt.software || id.model != tt.modelX || id.foreign != tt.foreign {
				t.Errorf("platform %q, software %q, model %q, foreign %v; want %q, %q, %q, %v",
					id.platform, id.software, id.model, id.foreign, tt.platform, tt.software, tt.modelX, tt.foreign)
			}
		})
	}
}

func TestCredentialValidate(t *testing.T) {
	secret := config.Plain("example")
	v3 := func(edit func(*Credential)) Credential {
		c := Credential{Version: "3", User: "reader", AuthProtocol: "SHA256", AuthPassword: secret, PrivProtocol: "AES", PrivPassword: secret}
		edit(&c)
		return c
	}
	tests := []struct {
		name       string
		credential Credential
		want       string // part of the error, "" for none
	}{
		{"v2c", Credential{Version: "2c", Community: secret}, ""},
		{"v1", Credential{Version: "1", Community: secret}, ""},
		{"no community", Credential{Version: "2c"}, "needs a community"},
		{"no version", Credential{Community: secret}, `SNMP version ""`},
		{"version 2", Credential{Version: "2", Community: secret}, "write 1, 2c or 3"},
		{"user in v2c", Credential{Version: "2c", Community: secret, User: "reader"}, "belong to SNMP version 3"},
		{"v3", v3(func(*Credential) {}), ""},
		{"v3 without privacy", v3(func(c *Credential) { c.PrivProtocol, c.PrivPassword = "", config.Secret{} }), ""},
		{"v3 with neither", Credential{Version: "3", User: "reader"}, ""},
		{"v3 with a community", v3(func(c *Credential) { c.Community = secret }), "no community"},
		{"no user", v3(func(c *Credential) { c.User = "" }), "needs a user"},
		{"long user", v3(func(c *Credential) { c.User = strings.Repeat("u", 33) }), "more than 32 bytes"},
		{"unknown authentication", v3(func(c *Credential) { c.AuthProtocol = "sha256" }), `authentication protocol "sha256"`},
		{"unknown privacy", v3(func(c *Credential) { c.PrivProtocol = "3DES" }), `privacy protocol "3DES"`},
		{"privacy alone", v3(func(c *Credential) { c.AuthProtocol = "" }), "no privacy without authentication"},
		{"no authentication password", v3(func(c *Credential) { c.AuthPassword = config.Secret{} }), "authentication password is missing"},
		{"no privacy password", v3(func(c *Credential) { c.PrivPassword = config.Secret{} }), "privacy password is missing"},
		{"long context", v3(func(c *Credential) { c.Context = strings.Repeat("c", 256) }), "more than 255 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.credential.Validate()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestParseOID(t *testing.T) {
	tests := []struct{ in, want string }{
		{"1.3.6.1", ".1.3.6.1"},
		{".1.3.6.1.4.1.9", ".1.3.6.1.4.1.9"},
		{"1.4294967295", ".1.4294967295"},
		{"1.4294967296", ""},
		{"1.-1", ""},
		{"1..2", ""},
		{"", ""},
		{strings.Repeat("1.", 128) + "1", ""},
	}
	for _, tt := range tests {
		if got := parseOID(tt.in).String(); got != tt.want {
			t.Errorf("parseOID(%.20q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}
