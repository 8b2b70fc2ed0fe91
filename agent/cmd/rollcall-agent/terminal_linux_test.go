package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/pkg/peer"
)

// Whatever devices, files and settings say, no command hands a terminal anything
// that it would obey.
func TestTerminalObeysNobody(t *testing.T) {
	const evil = "sw\x1b[2J\x1b]52;c;QUFB\x07\u009b31m\u202e\u200b\r1"
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	line := strings.ReplaceAll(evil, "\r", "") // which ends one
	inventory := file("show\x1b[31m.txt", "NAME: \"1"+line+"\", DESCR: \""+line+"\"\nPID: C9300-48P"+line+" , VID: V01\u009b , SN: FOC2211A0AA"+line+"\nwhat is this "+line+"\n")
	list := file("targets\u202e.txt", "127.0.0.1\n"+evil+" "+evil+"\n192.0.2.1/99"+evil+"\n")
	config := file("agent.yaml", fmt.Sprintf(`name: %q
data_dir: %q
collector: {url: "https://127.0.0.1:1/\u009b31m", token: canary}
credentials: [{name: %q, snmp: {community: canary}}]
targets: [{address: %q, timeout: 50ms}]
`, evil, filepath.Join(dir, "data\u009b"), evil, "@"+list))
	wrong := file("wrong\x1b.yaml", "name: [\n"+evil+": "+evil)
	for _, tt := range []struct{ args, want string }{
		{"parse\x00--format\x00json\x00" + inventory, "C9300-48P"},
		{"parse\x00--format\x00table\x00" + inventory, "C9300-48P"},
		{"parse\x00" + inventory + evil, "cannot read"},
		{"check\x00--config\x00" + config, "targets"},
		{"check\x00--connect\x00--config\x00" + config, "targets"},
		{"check\x00--config\x00" + wrong, "yaml"},
		{"status\x00--config\x00" + config, "agent"},
		{"scan\x00--community\x00canary\x00--timeout\x0050ms\x00@" + list, "192.0.2.1/99"},
		{"join\x00https://127.0.0.1:1/" + evil + "\x00rcj_" + evil, "agent"},
		{evil, "agent"},
	} {
		args := strings.Split(tt.args, "\x00")
		said := peer.OnTerminal(t, program, args...)
		if !strings.Contains(said, tt.want) {
			t.Errorf("%q says nothing of %s: %q", args, tt.want, said)
		}
		peer.Obeyed(t, said)
	}
}
