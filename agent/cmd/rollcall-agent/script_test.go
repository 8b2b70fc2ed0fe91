package main

import (
	"errors"
	"flag"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"rollcall/pkg/simdevice"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rollcall-agent": main})
}

// TestScripts runs the commands as people do. Scripts find a simulated stack of
// switches at 127.0.0.1:$SNMP and :$SSH, and nothing at 127.0.0.1:$NOTHING.
func TestScripts(t *testing.T) {
	server := startDevice(t, "ios-stack")
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SNMP", port(t, server.SNMPAddr()))
			env.Setenv("SSH", port(t, server.SSHAddr()))
			env.Setenv("NOTHING", unusedPort(t))
			env.Setenv("HOME", env.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status},
	})
}

// status N PROGRAM ARG... runs the program and holds that it ends with N.
func status(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	default:
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func startDevice(t *testing.T, example string) *simdevice.Server {
	t.Helper()
	d, ok := simdevice.Example(example)
	if !ok {
		t.Fatalf("no simulated device %q", example)
	}
	server, err := simdevice.Start(d, simdevice.Options{SNMPAddr: "127.0.0.1:0", SSHAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func port(t *testing.T, addr string) string {
	t.Helper()
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// unusedPort is one where nothing listened a moment ago, over TCP or UDP.
func unusedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return port(t, l.Addr().String())
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
