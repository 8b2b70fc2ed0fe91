package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

// Fifty bodies at once that become as much as they can: the program's memory
// grows by less than 64 MiB, and none of them is the collector's fault.
func TestBombs(t *testing.T) {
	withoutRaceDetector(t)
	dir := t.TempDir()
	s := serve(t, dir)
	said := command(t, "token", "create", "--data-dir", filepath.Join(dir, "data"), "--organization", "Riverside Food Bank", "--site", "Main", "--agent", "agent-1", "--static")
	token := regexp.MustCompile(`rca_\S+`).FindString(said)
	s.upload(t, token, inventory.Device{Address: "192.0.2.1", Name: "sw1", Complete: true})
	s.await(t, "/metrics", "rollcall_ingest_reports_total")

	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	var untold bytes.Buffer // a frame that does not tell its size
	if stream, err := zstd.NewWriter(&untold); err != nil {
		t.Fatal(err)
	} else if _, err := io.Copy(stream, io.LimitReader(zeros{}, 1<<30)); err != nil || stream.Close() != nil {
		t.Fatal("cannot compress")
	}
	const components = 15_000
	bombs := [][]byte{
		untold.Bytes(),
		enc.EncodeAll(make([]byte, 1<<30), nil),
		enc.EncodeAll(enc.EncodeAll(make([]byte, 1<<30), nil), nil),
		enc.EncodeAll(bytes.Repeat([]byte(" "), wire.MaxDecoded), nil),
		enc.EncodeAll([]byte(`{"schema":"rollcall.batch/1","reports":[`+strings.Repeat("{},", 5_000_000)+"{}]}"), nil),
		enc.EncodeAll([]byte(`{"schema":"rollcall.batch/1","reports":[`+strings.Repeat(`{"device":{"components":[`+strings.Repeat("{},", components)+`{}]}},`, 10)+"{}]}"), nil),
	}
	before := peak(t, s.cmd.Process.Pid)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+wire.ReportsPath, bytes.NewReader(bombs[i%len(bombs)]))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Content-Type", wire.BatchType)
			r.Header.Set("Content-Encoding", wire.Encoding)
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = res.Body.Close() }()
			if res.StatusCode >= 500 {
				t.Errorf("bomb %d: status %d", i%len(bombs), res.StatusCode)
			}
		})
	}
	all.Wait()
	grown := peak(t, s.cmd.Process.Pid) - before
	t.Logf("memory grew by %d MiB over a peak of %d MiB", grown>>10, before>>10)
	if grown > 64<<10 {
		t.Errorf("memory grew by %d MiB, want 64 at most", grown>>10)
	}
	if status, _ := s.get(t, "/readyz"); status != http.StatusOK {
		t.Errorf("afterwards it is not ready: status %d", status)
	}
}

// withoutRaceDetector has the test run the program as it is shipped: what finds
// races takes several times the memory. It is built as make build does, so that
// one cache serves both.
func withoutRaceDetector(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, program), ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the program: %v\n%s", err, out)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// peak is the most memory that a process has had, in KiB.
func peak(t *testing.T, pid int) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(raw)
	if m == nil {
		t.Fatal("no VmHWM in the process's status")
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
