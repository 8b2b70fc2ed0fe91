package show

import (
	"strings"
	"testing"
)

func TestExcerptLeavesSecretsOut(t *testing.T) {
	tests := []struct{ line, want string }{
		{"PID: C9300-48P , VID V02", "PID: C9300-48P , VID V02"},
		{"snmp-server community s3cret RO", "snmp-server <left out>"},
		{"%PARSER-5-CFGLOG_LOGGEDCMD: User:x logged command: username y password 0 s3cret", "%PARSER-5-CFGLOG_LOGGEDCMD: User:x logged command: username <left out>"},
		{"enable secret 9 $9$s3cret", "enable secret <left out>"},
		{" key-string 7 s3cret", "key-string <left out>"},
		{"Password: s3cret", "Password <left out>"},
		{"crypto isakmp pre-shared-key s3cret", "crypto isakmp pre-shared-key <left out>"},
		{"PASSWD=s3cret " + strings.Repeat("x", 100), "PASSWD <left out>"},
		{strings.Repeat("x", 100), strings.Repeat("x", 80) + "…"},
	}
	for _, tt := range tests {
		if got := excerpt(tt.line); strings.TrimSpace(got) != tt.want {
			t.Errorf("excerpt(%q) = %q, want %q", tt.line, got, tt.want)
		}
	}
}

// A line of configuration within an inventory is told of, and not told.
func TestInventoryWarningsLeaveSecretsOut(t *testing.T) {
	text := "NAME: \"1\", DESCR: \"C9300-48P\"\nPID: snmp-server community s3cret RO\nusername x password 0 s3cret\n"
	got := Inventory("ios", text)
	if len(got.Warnings) == 0 {
		t.Fatal("no warning")
	}
	if all := strings.Join(got.Warnings, "\n"); strings.Contains(all, "s3cret") {
		t.Errorf("the warnings tell a secret:\n%s", all)
	}
}
