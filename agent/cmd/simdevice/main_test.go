package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const deviceFile = `name: closet
platform: iosxe
software: 17.9.4
community: public
units:
  - {serial: FCW2401G0A1, pid: C9300-24P, vid: V02}
  - serial: FCW2401G0A2
    pid: C9300-24P
    parts:
      - {serial: LIT24010A02, pid: PWR-C1-715WAC, class: powerSupply}
ssh_user: admin
ssh_password: admin-password
faults:
  delay_replies: 1ms
`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "device.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRun asks a running device for a serial, and stops it.
func TestRun(t *testing.T) {
	tests := map[string]struct{ file, example, name, index, want string }{
		"file":    {deviceFile, "", "closet", "2000", "FCW2401G0A2"},
		"example": {"", "ios-switch", "ios-switch", "1001", "FOC1601X0A1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := options{Example: tt.example, Listen: "127.0.0.1", Fault: []string{"loss_percent=0", "ssh_busy"}}
			if tt.file != "" {
				o.File = write(t, tt.file)
			}
			ctx, cancel := context.WithCancel(context.Background())
			said, out := io.Pipe()
			done := make(chan error, 1)
			go func() { done <- run(ctx, o, out, io.Discard) }()
			buf := make([]byte, 4096)
			n, err := said.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			m := regexp.MustCompile(tt.name + ` \(\w+\) is up[^\n]*\n  SNMP  127\.0\.0\.1:(\d+)  community public`).FindSubmatch(buf[:n])
			if m == nil {
				t.Fatalf("it says:\n%s", buf[:n])
			}
			port, err := strconv.ParseUint(string(m[1]), 10, 16)
			if err != nil {
				t.Fatal(err)
			}
			g := &gosnmp.GoSNMP{Target: "127.0.0.1", Port: uint16(port), Version: gosnmp.Version2c, Community: "public", Timeout: 3 * time.Second, Retries: 2, MaxOids: 60}
			if err := g.Connect(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = g.Close() }()
			p, err := g.Get([]string{"1.3.6.1.2.1.47.1.1.1.1.11." + tt.index})
			if err != nil {
				t.Fatal(err)
			}
			if raw, _ := p.Variables[0].Value.([]byte); string(raw) != tt.want {
				t.Errorf("serial is %q, want %q", raw, tt.want)
			}
			cancel()
			if err := <-done; err != nil {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		options options
		file    string
		want    string
	}{
		"nothing":         {options{}, "", "nothing to simulate: give a file or --example NAME"},
		"both":            {options{Example: "ios-switch"}, deviceFile, "give either a file or --example"},
		"unknown example": {options{Example: "ios"}, "", `there is no example "ios": use one of aireos-controller,`},
		"unknown key":     {options{}, "name: x\nmodell: y\n", `there is no setting "modell"`},
		"no units":        {options{}, "name: x\nplatform: ios\n", `device "x" has no units`},
		"unknown fault":   {options{Example: "ios-switch", Fault: []string{"fire"}}, "", `cannot simulate fault "fire"`},
		"bad value":       {options{Example: "ios-switch", Fault: []string{"too_big_at=many"}}, "", `cannot simulate fault "too_big_at=many"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.file != "" {
				tt.options.File = write(t, tt.file)
			}
			var out bytes.Buffer
			err := run(context.Background(), tt.options, &out, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %q", err, tt.want)
			}
		})
	}
}
