package main

import (
	"bytes"
	"database/sql"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A program that waits for its database says so, and ends well when it is told
// to.
func TestServeIsToldToEndWhileItStarts(t *testing.T) {
	data := t.TempDir()
	holder, err := sql.Open("sqlite", filepath.Join(data, "migrate.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Close() }()
	holder.SetMaxOpenConns(1)
	if _, err := holder.ExecContext(t.Context(), `BEGIN EXCLUSIVE`); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "collector.yaml")
	if err := os.WriteFile(config, []byte("listen: "+at+"\ndata_dir: "+data+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "serve", "--config", config)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	late := time.After(patience)
	for {
		if res, err := http.Get("http://" + at + "/readyz"); err == nil {
			body, _ := io.ReadAll(res.Body) // what there is of it
			_ = res.Body.Close()
			if res.StatusCode != http.StatusServiceUnavailable || string(body) != "starting: opening the database\n" {
				t.Errorf("status %d: %s", res.StatusCode, body)
			}
			break
		}
		select {
		case <-every.C:
		case <-late:
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			t.Fatalf("the program does not listen:\n%s", said.String())
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended by %v:\n%s", err, said.String())
	}
}
