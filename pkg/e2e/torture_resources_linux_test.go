package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/pkg/peer"
	"rollcall/pkg/torture"
)

// What a system gives out runs out, for both programs: no more files can be made,
// the file system takes no writing, few files may be open. They go on where they
// can, and by themselves once there is enough again.
func TestResources(t *testing.T) {
	peer.NeedRoot(t, "it mounts small file systems")
	t.Run("no files can be made", func(t *testing.T) {
		r := newRigOn(t, func(dir string) { mountBoth(t, dir, "size=64m,nr_inodes=64") })
		a, c := r.startAgent(), r.startCollector()
		r.settle()
		hogs := r.hogFiles()
		r.settle()
		a.kill()
		c.kill()
		a, c = r.startAgent(), r.startCollector()
		n := r.settle()
		if torture.Long() {
			if err := errors.Join(a.stop(10*time.Second), c.stop(10*time.Second)); err != nil {
				t.Error(err)
			}
			hogs = append(hogs, r.hogFiles()...) // the write-ahead logs are removed at a clean end
			a = r.startsOnceMended("disk is full", "no space left on device", func() {
				for _, hog := range hogs {
					if err := os.RemoveAll(hog); err != nil {
						t.Error(err)
					}
				}
			})
			c = r.startCollector()
			n = r.settle()
		}
		end(t, r, a, c)
		torture.Figure(t, "R6", "both programs without another file to be made, killed and started there: %d reports promised, 0 lost, 0 doubled", n)
	})
	if torture.Long() { // it waits for the agent to look again; package spool has the short form
		t.Run("read-only", readOnlyAtTheStart)
	}
	t.Run("few open files", func(t *testing.T) {
		r := newRig(t)
		const open = 64
		r.wrap = []string{peer.Need(t, "prlimit", "util-linux"), fmt.Sprintf("--nofile=%d", open)}
		r.addSilent(60)
		refused := make(chan string, 1)
		r.onLine = func(line string) {
			if strings.Contains(line, "open file") && !strings.Contains(line, "level=WARN msg=\"the system allows") {
				select {
				case refused <- line:
				default:
				}
			}
		}
		a, c := r.startAgent(), r.startCollector()
		// Idle connections that each asked something, more than there are files.
		for range 2 * open {
			conn, err := net.Dial("tcp", r.listen)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: "+r.listen+"\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
		}
		r.awaitKept(60 + len(r.devices)) // all were asked, those that answer too
		n := r.settle()
		end(t, r, a, c)
		select {
		case line := <-refused:
			t.Errorf("the agent had no file left: %s", line)
		default:
		}
		torture.Figure(t, "R6", "both programs with %d open files, 60 silent devices and %d idle connections: %d reports promised, 0 lost, 0 doubled", open, 2*open, n)
	})
}

func readOnlyAtTheStart(t *testing.T) {
	r := newRigOn(t, func(dir string) { mountBoth(t, dir, "size=64m") })
	a, c := r.startAgent(), r.startCollector()
	r.settle()
	if err := errors.Join(a.stop(10*time.Second), c.stop(10*time.Second)); err != nil {
		t.Error(err)
	}
	r.remount(syscall.MS_RDONLY)
	a = r.startsOnceMended("read-only", "read-only", func() { r.remount(0) })
	c = r.startCollector()
	n := r.settle()
	end(t, r, a, c)
	torture.Figure(t, "R6", "both programs started on a read-only file system: the agent waits and goes on, %d reports promised, 0 lost, 0 doubled", n)
}

// mountBoth gives each program a small file system for its data.
func mountBoth(t *testing.T, dir, options string) {
	t.Helper()
	for _, name := range []string{"agent", "collector"} {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("tmpfs", path, "tmpfs", 0, options); err != nil {
			peer.Skip(t, fmt.Sprintf("needs the right to mount a tmpfs: %v", err))
		}
		t.Cleanup(func() {
			if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
	}
}

func (r *rig) remount(flags uintptr) {
	r.t.Helper()
	for _, name := range []string{"agent", "collector"} {
		if err := syscall.Mount("", filepath.Join(r.dir, name), "", syscall.MS_REMOUNT|flags, ""); err != nil {
			r.t.Fatal(err)
		}
	}
}

// hogFiles makes files on both file systems until there is room for none, and
// returns their folders.
func (r *rig) hogFiles() (folders []string) {
	r.t.Helper()
	for _, name := range []string{"agent", "collector"} {
		folder := filepath.Join(r.dir, name, "hog")
		err := os.MkdirAll(folder, 0o700)
		for n := 0; err == nil; n++ {
			err = os.WriteFile(filepath.Join(folder, fmt.Sprint(time.Now().UnixNano(), "-", n)), nil, 0o600)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			r.t.Fatal(err)
		}
		folders = append(folders, folder)
	}
	return folders
}

// startsOnceMended holds that the agent waits where it cannot work, and says why,
// that the collector ends with an error that says so, and that the agent goes on
// by itself within a minute after mend.
func (r *rig) startsOnceMended(why, ofCollector string, mend func()) *process {
	r.t.Helper()
	said := make(chan struct{}, 1)
	r.mu.Lock()
	r.onLine = func(line string) {
		if strings.Contains(line, why) {
			select {
			case said <- struct{}{}:
			default:
			}
		}
	}
	r.mu.Unlock()
	a := r.startAgent()
	select {
	case <-said:
	case <-a.done:
		r.t.Fatalf("the agent ended: %v", a.cmd.ProcessState)
	case <-time.After(patience):
		r.t.Fatalf("the agent does not say %q", why)
	}
	var words strings.Builder
	c := r.start(func(line string) { words.WriteString(line) }, "rollcall-collector", "serve", "--config", filepath.Join(r.dir, "collector.yaml"))
	select {
	case <-c.done:
	case <-time.After(patience):
		r.t.Fatal("the collector goes on")
	}
	if text := words.String(); c.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(text, ofCollector) || !strings.Contains(text, filepath.Join(r.dir, "collector")) {
		r.t.Errorf("the collector ends with %v, and says:\n%s\nwant status 1, %q and its folder", c.cmd.ProcessState, text, ofCollector)
	}
	mend()
	before := r.promised()
	limit := time.After(soon)
	for r.promised() == before {
		r.mu.Lock()
		news := r.news
		r.mu.Unlock()
		select {
		case <-news:
		case <-limit:
			r.t.Fatalf("the agent does not go on within %s", soon)
		}
	}
	return a
}

// addSilent has the agent poll so many devices that never answer, all at once.
func (r *rig) addSilent(n int) {
	r.t.Helper()
	conf, err := os.OpenFile(filepath.Join(r.dir, "agent.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = conf.Close() }()
	for i := range n {
		silent, err := net.ListenPacket("udp", fmt.Sprintf("127.82.1.%d:0", i+1))
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() { _ = silent.Close() })
		host, port := split(r.t, silent.LocalAddr().String())
		if _, err := fmt.Fprintf(conf, "  - {address: %s, snmp_port: %d, via: snmp, timeout: 300ms}\n", host, port); err != nil {
			r.t.Fatal(err)
		}
	}
	if _, err := io.WriteString(conf, "concurrency: 100\n"); err != nil {
		r.t.Fatal(err)
	}
}
