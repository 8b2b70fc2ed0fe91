package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
)

// Whatever devices, files and agents are called, no command hands a terminal
// anything that it would obey.
func TestTerminalObeysNobody(t *testing.T) {
	const evil = "sw\x1b[2J\x1b]52;c;QUFB\x07\u009b31m\u202e\u200b\r1"
	dir := t.TempDir()
	s := serve(t, dir)
	data := []string{"--data-dir", filepath.Join(dir, "data"), "--organization", "Riverside Food Bank"}
	said := command(t, append([]string{"token", "create", "--site", "Main\x1b[31m", "--agent", "agent\u202e1", "--static"}, data...)...)
	token := regexp.MustCompile(`rca_\S+`).FindString(said)
	s.upload(t, token, inventory.Device{
		Address: "192.0.2.1", Name: evil, Platform: inventory.PlatformIOSXE, Model: evil, Complete: true,
		Components: []inventory.Component{{Serial: "FOC2211A0AA", PID: "C9300-48P" + evil, Description: evil, Class: inventory.ClassChassis, Name: evil, Unit: true}},
	})
	s.await(t, "/metrics", `rollcall_findings{`)
	contract := filepath.Join(dir, "contract\x1b[31m.csv")
	line := "204100001,FOC2211A0AC,C9300-48P,not\x1b[31ma day,2030-01-01\n204100001,FOC2211A0AB,C9300-48P,2020-01-01,2030-01-01\n"
	if err := os.WriteFile(contract, []byte("Contract Number,Serial Number,Product ID,Begin Date,End Date\n"+line), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ args, want string }{
		{"import\x00" + contract, "contract"},
		{"import\x00" + contract + "\x1b[31m", "contract"}, // not there
		{"import\x00list", "contract"},
		{"finding\x00list", "C9300-48P"},
		{"token\x00list", "agent"},
		{"site\x00list", "Main"},
		{"declare\x00list", "SERIAL"},
		{"retire\x00list", "WHAT"},
		{"export\x00units", "sw"},
		{"export\x00units\x00--format\x00csv", "sw"},
		{"export\x00units\x00--format\x00json", "sw"},
		{"export\x00findings\x00--format\x00json", "C9300-48P"},
	} {
		if strings.HasPrefix(tt.args, "finding") {
			s.await(t, "/metrics", `serial="FOC2211A0AA"`)
		}
		args := strings.Split(tt.args, "\x00")
		use := data
		if args[0] == "token" {
			use = data[:2]
		}
		said := peer.OnTerminal(t, program, append(args, use...)...)
		if !strings.Contains(said, tt.want) {
			t.Errorf("%q says nothing of %s: %q", args, tt.want, said)
		}
		peer.Obeyed(t, said)
	}
}
