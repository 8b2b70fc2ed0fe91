package sshcli

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"rollcall/pkg/inventory"
)

func TestHostileShells(t *testing.T) {
	t.Parallel()
	flood := func(term *terminal, piece string) {
		for term.print("%s", piece) {
		}
	}
	quick := func(tg *Target) { tg.Timeout = time.Second }
	small := func(s *Session) { s.limits().output, s.limits().line = 1<<20, 16<<10 }
	for name, tc := range map[string]struct {
		shell func(*terminal)
		tune  func(*Target)
		kind  inventory.ProblemKind
	}{
		"endless greeting":   {func(term *terminal) { flood(term, strings.Repeat("welcome to this switch\r\n", 100)) }, quick, inventory.ProblemIncomplete},
		"hang before prompt": {func(term *terminal) { _, _ = io.Copy(io.Discard, term.in) }, quick, inventory.ProblemIncomplete},
		"prompt never settles": {func(term *terminal) {
			for i := 0; ; i++ {
				term.print("sw%d#", i)
				if _, ok := term.line(); !ok {
					return
				}
			}
		}, quick, inventory.ProblemIncomplete},
		"keeps asking": {func(term *terminal) {
			for term.print("press any key to continue") {
				if _, ok := term.key(); !ok {
					return
				}
			}
		}, quick, inventory.ProblemIncomplete},
		"no free lines": {func(term *terminal) { term.print("%% All vty lines are in use\r\n") }, quick, inventory.ProblemBusy},
		"hangs up":      {func(*terminal) {}, quick, inventory.ProblemBusy},
		"asks user for ever": {func(term *terminal) {
			for term.print("Username:") {
				if _, ok := term.line(); !ok {
					return
				}
			}
		}, quick, inventory.ProblemCredentialRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dialFails(t, startDevice(t, tc.shell).target(t, tc.tune), tc.kind)
		})
	}
	for name, tc := range map[string]struct {
		output func(*terminal)
		tune   func(*Session) // after the login, which takes its time
		atMost int
	}{
		"endless output": {func(term *terminal) { flood(term, strings.Repeat("Slot 1 is here\r\n", 500)) }, small, 1 << 20},
		"line of 10 MB":  {func(term *terminal) { term.print("%s\r\n", strings.Repeat("x", 10<<20)) }, func(*Session) {}, 8 << 20},
		"endless pages": {func(term *terminal) {
			for term.print("line\r\n --More-- ") {
				if _, ok := term.key(); !ok {
					return
				}
			}
		}, func(s *Session) { s.limits().output = 1 << 10 }, 1 << 10},
		"silence": {func(term *terminal) { term.print("NAME: "); term.key() }, func(s *Session) { s.limits().idle = 300 * time.Millisecond }, 100},
		"other text before each prompt": {func(term *terminal) {
			for n := 1; term.print("sw1#"); n++ {
				if _, ok := term.line(); !ok {
					return
				}
				term.print("\r\n%s\r\n", strings.Repeat("x", n))
			}
		}, func(*Session) {}, 1 << 10},
		"prompt that answers nothing": {func(term *terminal) {
			for term.print("sw1#"); ; {
				if _, ok := term.line(); !ok {
					return
				}
			}
		}, func(s *Session) { s.limits().idle = time.Second }, 100},
		"hangs up": {func(term *terminal) { term.print("NAME: "); _ = term.ch.Close() }, func(*Session) {}, 100},
		"session too long": {func(term *terminal) {
			for term.print("tick\r\n") {
				select {
				case <-time.After(20 * time.Millisecond):
				case <-t.Context().Done():
					return
				}
			}
		}, func(s *Session) {
			s.conn.end = time.Now().Add(500 * time.Millisecond)
			_ = s.conn.SetDeadline(s.conn.end)
		}, 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := ios()
			m["show inventory"] = tc.output
			s := dial(t, startDevice(t, func(term *terminal) { term.run("", "sw1#", m) }).target(t))
			tc.tune(s)
			out, err := s.Run(t.Context(), "show inventory")
			if KindOf(err) != inventory.ProblemIncomplete {
				t.Fatalf("got %v, want kind incomplete", err)
			}
			if len(out) > tc.atMost {
				t.Errorf("%d bytes were kept, want at most %d", len(out), tc.atMost)
			}
			if _, again := s.Run(t.Context(), "show version"); again == nil {
				t.Error("a broken session ran another command")
			}
		})
	}
}

// TestTransport is what happens below SSH.
func TestTransport(t *testing.T) {
	t.Parallel()
	serve := func(t *testing.T, handle func(net.Conn)) *device {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		d := &device{t: t, listen: l}
		d.wg.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				d.wg.Go(func() { handle(c); _ = c.Close() })
			}
		})
		t.Cleanup(func() { _ = l.Close(); d.wg.Wait() })
		return d
	}
	quick := func(tg *Target) { tg.Timeout = 300 * time.Millisecond }
	wait := func(c net.Conn) {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		buffer := make([]byte, 1024)
		for {
			if _, err := c.Read(buffer); err != nil {
				return
			}
		}
	}
	for name, tc := range map[string]struct {
		handle func(net.Conn)
		kind   inventory.ProblemKind
	}{
		"hang before auth":     {wait, inventory.ProblemUnreachable},
		"closed at once":       {func(net.Conn) {}, inventory.ProblemBusy},
		"not ssh":              {func(c net.Conn) { _, _ = c.Write([]byte(strings.Repeat("HTTP/1.0 400\r\n", 100000))); wait(c) }, inventory.ProblemUnreachable},
		"hang in key exchange": {func(c net.Conn) { _, _ = c.Write([]byte("SSH-1.99-Cisco-1.25\r\n")); wait(c) }, inventory.ProblemUnreachable},
		"huge packet":          {func(c net.Conn) { _, _ = c.Write([]byte("SSH-2.0-x\r\n\xff\xff\xff\xff")); wait(c) }, inventory.ProblemUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dialFails(t, serve(t, tc.handle).target(t, quick), tc.kind)
		})
	}
	t.Run("nothing listens", func(t *testing.T) {
		d := serve(t, wait)
		tg := d.target(t, quick)
		_ = d.listen.Close()
		dialFails(t, tg, inventory.ProblemUnreachable)
	})
	t.Run("cancelled", func(t *testing.T) {
		d := serve(t, wait)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Dial(ctx, d.target(t), newLog(t)); KindOf(err) != inventory.ProblemUnreachable {
			t.Errorf("got %v", err)
		}
	})
}
