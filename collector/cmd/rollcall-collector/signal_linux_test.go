package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A notifySocket is where a service manager hears of the program (sd_notify(3)).
type notifySocket struct {
	*net.UnixConn
	t *testing.T
}

func newNotifySocket(t *testing.T) notifySocket {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return notifySocket{conn, t}
}

// next is what is told next, of all that begins with a state.
func (n notifySocket) next() string {
	n.t.Helper()
	if err := n.SetReadDeadline(time.Now().Add(patience)); err != nil {
		n.t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	for {
		size, err := n.Read(buffer)
		if err != nil {
			n.t.Fatalf("nothing more is told: %v", err)
		}
		if said := string(buffer[:size]); !strings.HasPrefix(said, "STATUS=") {
			return said
		}
	}
}

// SIGHUP makes a running program read its settings again, and keep the old ones
// where the new ones are wrong; the service manager is told of each state.
func TestSignals(t *testing.T) {
	dir := t.TempDir()
	manager := newNotifySocket(t)
	s := serve(t, dir)
	if said := manager.next(); !strings.HasPrefix(said, "READY=1\nSTATUS=serving "+s.url) {
		t.Errorf("at the start %q is told", said)
	}
	s.await(t, "/metrics", "rollcall_setting_stale_seconds 3.888e+06\n")
	config := filepath.Join(dir, "collector.yaml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name, settings string
		want           []string // of /metrics
	}{
		{"good", "settings: {stale_days: 7}\n", []string{"rollcall_setting_stale_seconds 604800\n", "rollcall_config_last_reload_successful 1\n"}},
		{"a wrong value", "settings: {stale_days: -1}\n", []string{"rollcall_setting_stale_seconds 604800\n", "rollcall_config_last_reload_successful 0\n"}},
		{"no YAML", "settings: [", []string{"rollcall_setting_stale_seconds 604800\n", "rollcall_config_last_reload_successful 0\n"}},
		{"good again", "settings: {stale_days: 8}\n", []string{"rollcall_setting_stale_seconds 691200\n", "rollcall_config_last_reload_successful 1\n"}},
	} {
		if err := os.WriteFile(config, append(slices.Clip(text), step.settings...), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		if said := manager.next(); !strings.HasPrefix(said, "RELOADING=1") {
			t.Errorf("%s: %q is told first", step.name, said)
		}
		if said := manager.next(); !strings.HasPrefix(said, "READY=1") {
			t.Errorf("%s: %q is told then", step.name, said)
		}
		for _, want := range step.want {
			s.await(t, "/metrics", want)
		}
		if status, body := s.get(t, "/readyz"); status != 200 {
			t.Errorf("%s: /readyz says %d, %s", step.name, status, body)
		}
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if said := manager.next(); said != "STOPPING=1" {
		t.Errorf("at the end %q is told", said)
	}
	log := <-s.log
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, log)
	}
	for _, want := range []string{"collector.yaml", "stale_days"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log names no %s:\n%s", want, log)
		}
	}
}
