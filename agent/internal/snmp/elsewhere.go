package snmp

import (
	"context"
	"net"
	"net/netip"
)

// A wide socket also hears answers that come from another address than was
// asked, as devices with several send them (discovery facts 6.2). A connected
// socket never sees those. They count where trusted says so, for anybody could
// send them; else they are noted only.
type wide struct {
	*net.UDPConn

	to      netip.AddrPort
	trusted bool
	stray   netip.AddrPort // where the last answer came from that was not asked there
}

// Write sends to the device.
func (w *wide) Write(b []byte) (int, error) { return w.WriteToUDPAddrPort(b, w.to) }

// Read reads one datagram, which is in BER's form of a message at least where it
// comes from elsewhere.
func (w *wide) Read(b []byte) (int, error) {
	for {
		n, from, err := w.ReadFromUDPAddrPort(b)
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		const sequence = 0x30
		switch {
		case err != nil, from == w.to:
			return n, err
		case n == 0 || b[0] != sequence:
			continue
		}
		w.stray = from
		if w.trusted {
			return n, nil
		}
	}
}

// anySource says that answers count wherever they come from: those of SNMPv3
// that are authenticated, for which the address proves nothing, and others by
// consent, as then the request id is all there is to go by.
func (c Credential) anySource() bool { return c.AnySource || c.Version == "3" && c.AuthProtocol != "" }

// widen puts a wide socket in place of the session's connected one; false says
// that there is none to be had.
func (s *session) widen() bool {
	to, ok := s.conn.RemoteAddr().(*net.UDPAddr)
	if !ok || !s.stop() {
		return false
	}
	at := to.AddrPort()
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	network := "udp6"
	if at.Addr().Is4() {
		network = "udp4"
	}
	socket, err := net.ListenUDP(network, nil)
	if err != nil {
		s.stop = context.AfterFunc(s.g.Context, func() { _ = s.conn.Close() })
		return false
	}
	_ = s.conn.Close()
	s.wide = &wide{UDPConn: socket, to: at, trusted: s.t.Credential.anySource()}
	conn := &listener{Conn: s.wide}
	s.conn, s.g.Conn = conn, conn
	s.stop = context.AfterFunc(s.g.Context, func() { _ = conn.Close() })
	return true
}

// strays says that answers come from another address than was asked.
func (s *session) strays() bool { return s.wide != nil && s.wide.stray.IsValid() }

// introduce identifies the device. Where nothing answers, the last attempt is made
// with a socket that hears answers from elsewhere, so that a silent address
// takes no longer than without; the first ones are not, as only a connected
// socket is told that nobody listens.
func (s *session) introduce(ctx context.Context) (identity, *failure) {
	retries := s.t.Retries
	defer func() { s.t.Retries = retries }()
	s.t.Retries = max(0, retries-1)
	id, f := s.identify(ctx)
	if f == nil || f.cause != causeTimeout || s.greeted() || retries == 0 || !s.widen() {
		return id, f
	}
	s.t.Retries = 0
	id, f = s.identify(ctx)
	switch {
	case !s.strays():
	case f == nil:
		s.log.Info("answers come from another address than was asked", "from", s.wide.stray.String())
	case f.cause == causeTimeout && !s.wide.trusted:
		f = &failure{cause: causeElsewhere, detail: s.wide.stray.String()}
	}
	return id, f
}
