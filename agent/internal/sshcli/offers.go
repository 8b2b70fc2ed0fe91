package sshcli

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// offers are what a device has for a key exchange, as its first message names
// them (SSH_MSG_KEXINIT, RFC 4253 section 7.1).
type offers struct {
	keyExchanges, hostKeys, ciphers, macs []string
}

// maxOffers bounds what is kept of the beginning of a connection to read the
// offers from, in bytes: lines in front of the version, and one packet, which
// RFC 4253 section 6.1 lets be 35000 long.
const maxOffers = 48 << 10

const messageKexInit = 20 // SSH_MSG_KEXINIT

// readOffers finds the offers in what the device sent first. They are empty
// where that is cut short or something else.
func readOffers(sent []byte) offers {
	for {
		line, rest, found := bytes.Cut(sent, []byte("\n"))
		if !found {
			return offers{}
		}
		sent = rest
		if bytes.HasPrefix(line, []byte("SSH-")) {
			break
		}
	}
	if len(sent) < 4 {
		return offers{}
	}
	packet := sent[4:]
	if length := binary.BigEndian.Uint32(sent); uint64(length) < uint64(len(packet)) {
		packet = packet[:length]
	}
	const head = 1 + 1 + 16 // length of the padding, type, cookie
	if len(packet) < head || packet[1] != messageKexInit {
		return offers{}
	}
	rest := packet[head:]
	next := func() []string {
		if len(rest) < 4 {
			rest = nil
			return nil
		}
		n := binary.BigEndian.Uint32(rest)
		rest = rest[4:]
		if uint64(n) > uint64(len(rest)) {
			rest = nil
			return nil
		}
		list := string(rest[:n])
		rest = rest[n:]
		if list == "" {
			return nil
		}
		return strings.Split(list, ",")
	}
	o := offers{keyExchanges: next(), hostKeys: next()}
	_ = next() // ciphers from us to the device, which are the same in practice
	o.ciphers = next()
	_ = next()
	o.macs = next()
	return o
}

// beyond names, for each kind of algorithm of which none is in the list, those
// that the device has: "key exchange diffie-hellman-group1-sha1; cipher 3des-cbc".
// It is "" where each kind has one in common, or nothing was read.
func (o offers) beyond(a algorithms) string {
	var missing []string
	for _, kind := range []struct {
		name    string
		offered []string
		known   []string
	}{
		{"key exchange", o.keyExchanges, a.keyExchanges},
		{"host key", o.hostKeys, a.hostKeys},
		{"cipher", o.ciphers, a.ciphers},
		{"MAC", o.macs, a.macs},
	} {
		common := slices.ContainsFunc(kind.offered, func(name string) bool { return slices.Contains(kind.known, name) })
		if !common && len(kind.offered) > 0 {
			missing = append(missing, kind.name+" "+named(kind.offered))
		}
	}
	return strings.Join(missing, "; ")
}
