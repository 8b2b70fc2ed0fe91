package peer

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// haproxyPatience bounds the start of HAProxy.
const haproxyPatience = 20 * time.Second

// HAProxyTLS starts Debian's HAProxy, which ends TLS on a free port of 127.0.0.1
// with a PEM file of certificate and key, and passes requests on to another
// address, with the lines of its frontend in between. It returns the proxy's
// address once it answers. The proxy ends with the test.
func HAProxyTLS(t testing.TB, pem, to string, frontend ...string) string {
	t.Helper()
	program, at := Need(t, "haproxy", "haproxy"), freeTCP(t)
	config := filepath.Join(t.TempDir(), "haproxy.cfg")
	lines := append([]string{
		"defaults", "mode http", "timeout connect 5s", "timeout client 1m", "timeout server 1m",
		"backend all", "server one " + to,
		"frontend tls", "bind " + at + " ssl crt " + pem + " alpn h2,http/1.1", "default_backend all",
	}, frontend...)
	if err := os.WriteFile(config, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-db", "-f", config)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start HAProxy: %v", err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	ctx, cancel := context.WithTimeout(t.Context(), haproxyPatience)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", at)
		if err == nil {
			_ = conn.Close()
			return at
		}
		select {
		case <-ended:
			t.Fatalf("HAProxy does not start:\n%s", said.String())
		default:
		}
		if !pause(ctx) {
			t.Fatalf("HAProxy does not answer on %s: %v", at, err)
		}
	}
}
