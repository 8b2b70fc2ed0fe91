package peer

import (
	"net"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// NoAnswer has a server of names say nothing.
const NoAnswer dnsmessage.RCode = 0xfff

// ServeNames starts a server of names (DNS over UDP) for the test at an address,
// host:port, and returns the address that it has. It answers each question with
// one address (IPv4), or with what went wrong.
func ServeNames(t testing.TB, address string, answer func() ([4]byte, dnsmessage.RCode)) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = conn.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			a, code := answer()
			if code == NoAnswer {
				continue
			}
			m.Response, m.RecursionAvailable, m.RCode, m.Additionals = true, true, code, nil
			if code == dnsmessage.RCodeSuccess && q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: a}}}
			}
			if raw, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(raw, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}
