package inventory_test

import (
	"testing"

	"rollcall/pkg/inventory"
)

func TestOtherMaker(t *testing.T) {
	tests := []struct {
		name  string
		texts []string
		want  string // "" when it may be Cisco's
	}{
		{"rancid cisco", []string{"cisco"}, ""},
		{"rancid nexus", []string{"cisco-nx"}, ""},
		{"rancid juniper", []string{"juniper-srx"}, "Juniper"},
		{"rancid hp", []string{"hp"}, "HP"},
		{"oxidized", []string{"fortios"}, "Fortinet"},
		{"oxidized small business", []string{"ciscosmb"}, ""},
		{"ansible collection", []string{"arista.eos.eos"}, "Arista"},
		{"ansible collection of cisco", []string{"cisco.ios.ios"}, ""},
		{"netbox maker", []string{"Palo Alto Networks"}, "Palo Alto"},
		{"word with a dash", []string{"PAN-OS"}, "Palo Alto"},
		{"maker decides before platform", []string{"Cisco", "VMware ESXi"}, ""},
		{"platform when the maker says nothing", []string{"Acme", "JunOS"}, "Juniper"},
		{"cdp platform", []string{"cisco WS-C3850-12S"}, ""},
		{"cdp of another", []string{"VMware ESX", "Releasebuild-1234"}, "a server's operating system"},
		{"lldp description", []string{"", "Ruckus R850 Multimedia Hotzone Wireless AP/SW Version: 5.2.2.0.2064"}, "Ruckus"},
		{"lldp description of a switch of unknown maker", []string{"24-Port Gigabit Managed Switch"}, ""},
		{"nexus", []string{"N3K-C3064PQ-10GE", "Cisco Nexus Operating System (NX-OS) Software"}, ""},
		{"unknown", []string{"", "Some OS"}, ""},
		{"extreme as a plain word is no maker", []string{"extreme fast switch"}, ""},
		{"linksys is Cisco's in this program", []string{"Linksys LGS318P"}, ""},
		{"voice host on VMware", []string{"Hardware:VMware, 1 Virtual Machine Software:UCOS 5.0.0.0-2"}, ""},
		{"nothing", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, other := inventory.OtherMaker(tt.texts...)
			if got != tt.want || other != (tt.want != "") {
				t.Errorf("OtherMaker(%q) = %q, %v, want %q", tt.texts, got, other, tt.want)
			}
		})
	}
}

func TestNamesMaker(t *testing.T) {
	for text, want := range map[string]bool{"cisco-nx": true, "ios": true, "junos": true, "PAN-OS": true, "oxidized": false, "s3cret": false, "": false} {
		if got := inventory.NamesMaker(text); got != want {
			t.Errorf("NamesMaker(%q) = %v, want %v", text, got, want)
		}
	}
}
