package snmp

import (
	"bytes"
	"net"
	"sync/atomic"
)

// A listener is a connection that remembers the last complaint of the agent's
// SNMPv3 engine. Complaints about user, digest or level cannot be authenticated
// and gosnmp rightly drops them; they serve to word our own failure and for
// nothing else. It also notes how long the datagrams are.
type listener struct {
	net.Conn
	complaint atomic.Int32 // a cause, 0 for none
	length    int          // of the last datagram, in octets
	longest   int          // of all datagrams
}

// Read reads one datagram.
func (l *listener) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	l.length, l.longest = n, max(l.longest, n)
	if c := complaint(b[:n]); c != 0 {
		l.complaint.Store(int32(c)) // a small constant
	}
	return n, err
}

// usmStats is 1.3.6.1.6.3.15.1.1 (SNMP-USER-BASED-SM-MIB, RFC 3414) in BER,
// with the tag and length of an identifier two arcs longer: counter and 0.
var usmStats = []byte{0x06, 0x0a, 0x2b, 0x06, 0x01, 0x06, 0x03, 0x0f, 0x01, 0x01}

// complaint finds the counter that a Report-PDU names. Reports of these four
// are never encrypted.
func complaint(datagram []byte) cause {
	at := bytes.Index(datagram, usmStats)
	if at < 0 || at+len(usmStats) >= len(datagram) {
		return 0
	}
	switch datagram[at+len(usmStats)] {
	case 1:
		return causeLevel
	case 3:
		return causeUser
	case 5:
		return causeDigest
	case 6:
		return causeDecryption
	}
	return 0
}
