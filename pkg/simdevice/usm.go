package simdevice

import (
	"crypto/hmac"
	"encoding/binary"
	"fmt"
)

// msgFlags of RFC 3412 section 6.4.
const (
	flagAuth       = 0x01
	flagPriv       = 0x02
	flagReportable = 0x04
)

// usmModel is the security model number of USM.
const usmModel = 3

// timeWindow is how many seconds a message's engine time may be off: RFC 3414
// section 2.2.3.
const timeWindow = 150

// Counters that reports name: RFC 3414 section 5, RFC 3412 section 5.
const (
	oidUnsupportedSecLevels = "1.3.6.1.6.3.15.1.1.1.0"
	oidNotInTimeWindows     = "1.3.6.1.6.3.15.1.1.2.0"
	oidUnknownUserNames     = "1.3.6.1.6.3.15.1.1.3.0"
	oidUnknownEngineIDs     = "1.3.6.1.6.3.15.1.1.4.0"
	oidWrongDigests         = "1.3.6.1.6.3.15.1.1.5.0"
	oidDecryptionErrors     = "1.3.6.1.6.3.15.1.1.6.0"
	oidUnknownContexts      = "1.3.6.1.6.3.12.1.5.0"
)

// A usmUser is a user with keys localized to this engine.
type usmUser struct {
	level   byte // flagAuth, flagPriv: what the user's group demands
	auth    authProtocol
	authKey []byte
	priv    privProtocol
	privKey []byte
}

func newUSMUser(u V3User, engineID string) (usmUser, error) {
	var out usmUser
	if u.AuthProtocol == "" {
		if u.PrivProtocol != "" {
			return usmUser{}, fmt.Errorf("user %q has privacy without authentication", u.User)
		}
		return out, nil
	}
	auth, err := authProtocolByName(u.AuthProtocol)
	if err != nil {
		return usmUser{}, fmt.Errorf("user %q: %w", u.User, err)
	}
	out.level, out.auth = flagAuth, auth
	out.authKey = auth.localize(auth.passwordKey(u.AuthPassword), engineID)
	if u.PrivProtocol == "" {
		return out, nil
	}
	if out.priv, err = privProtocolByName(u.PrivProtocol); err != nil {
		return usmUser{}, fmt.Errorf("user %q: %w", u.User, err)
	}
	out.level |= flagPriv
	out.privKey = out.priv.key(auth, u.PrivPassword, engineID)
	return out, nil
}

// A v3Message is an SNMPv3 message with the parameters of USM.
type v3Message struct {
	id, maxSize int64
	flags       byte
	model       int64
	engineID    string
	boots, time int64
	user        string
	authParams  string
	privParams  string
	scoped      []byte // a ScopedPDU, or its ciphertext when flagPriv is set
	authAt      int    // where authParams lie in the whole message
}

// decodeV3 reads what follows the version. raw is the whole message, in which
// it finds the place of the authentication parameters.
func decodeV3(raw []byte, r berReader) (v3Message, error) {
	var m v3Message
	header, err := r.expect(tagSequence)
	if err != nil {
		return m, err
	}
	h := berReader{rest: header}
	if m.id, err = h.integer(); err != nil {
		return m, err
	}
	if m.maxSize, err = h.integer(); err != nil {
		return m, err
	}
	flags, err := h.octets()
	if err != nil || len(flags) != 1 {
		return m, errBER
	}
	m.flags = flags[0]
	if m.model, err = h.integer(); err != nil {
		return m, err
	}
	params, err := r.expect(tagOctets)
	if err != nil {
		return m, err
	}
	if m.model != usmModel {
		return m, nil
	}
	if err := m.decodeUSM(raw, params); err != nil {
		return m, err
	}
	if m.flags&flagPriv != 0 {
		m.scoped, err = r.expect(tagOctets)
		return m, err
	}
	m.scoped = r.rest
	return m, nil
}

func (m *v3Message) decodeUSM(raw, params []byte) error {
	outer := berReader{rest: params}
	seq, err := outer.expect(tagSequence)
	if err != nil {
		return err
	}
	r := berReader{rest: seq}
	if m.engineID, err = r.octets(); err != nil {
		return err
	}
	if m.boots, err = r.integer(); err != nil {
		return err
	}
	if m.time, err = r.integer(); err != nil {
		return err
	}
	if m.user, err = r.octets(); err != nil {
		return err
	}
	auth, err := r.expect(tagOctets)
	if err != nil {
		return err
	}
	// auth is a part of raw: the rest of the capacity tells where.
	m.authParams, m.authAt = string(auth), cap(raw)-cap(auth)
	m.privParams, err = r.octets()
	return err
}

// A scopedPDU is a context and a PDU: RFC 3412 section 6.8.
type scopedPDU struct {
	engineID, context string
	pdu               pdu
}

func (s scopedPDU) encode() []byte {
	body := appendOctets(nil, s.engineID)
	body = appendOctets(body, s.context)
	return appendTLV(nil, tagSequence, append(body, s.pdu.encode()...))
}

func decodeScoped(raw []byte) (scopedPDU, error) {
	outer := berReader{rest: raw}
	body, err := outer.expect(tagSequence)
	if err != nil {
		return scopedPDU{}, err
	}
	r := berReader{rest: body}
	var s scopedPDU
	if s.engineID, err = r.octets(); err != nil {
		return s, err
	}
	if s.context, err = r.octets(); err != nil {
		return s, err
	}
	s.pdu, err = decodePDU(r.rest)
	return s, err
}

// encodeV3 builds a message from this engine at the level of flags, encrypted
// and signed with the user's keys. salt must not repeat for a key.
func (e engine) encodeV3(id int64, flags byte, userName string, u usmUser, s scopedPDU, salt uint64) ([]byte, error) {
	s.engineID = e.id
	boots, now := e.boots, e.seconds()
	scoped, privParams := s.encode(), []byte(nil)
	if flags&flagPriv != 0 {
		privParams = binary.BigEndian.AppendUint64(nil, salt)
		if u.priv.des { // RFC 3414 section 8.1.1.1: boots and a counter
			privParams = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, boots), uint32(salt))
		}
		secret, err := u.priv.encrypt(u.privKey, scoped, privParams, boots, now)
		if err != nil {
			return nil, err
		}
		scoped = appendTLV(nil, tagOctets, secret)
	}
	authParams := []byte(nil)
	if flags&flagAuth != 0 {
		authParams = make([]byte, u.auth.truncate)
	}

	header := appendInteger(nil, id)
	header = appendInteger(header, maxMessage)
	header = appendTLV(header, tagOctets, []byte{flags})
	header = appendInteger(header, usmModel)

	head := appendOctets(nil, e.id)
	head = appendInteger(head, int64(boots))
	head = appendInteger(head, int64(now))
	head = appendOctets(head, userName)
	tail := appendTLV(nil, tagOctets, privParams)
	usm := appendTLV(nil, tagSequence, append(append(head, appendTLV(nil, tagOctets, authParams)...), tail...))

	body := appendInteger(nil, version3)
	body = appendTLV(body, tagSequence, header)
	body = appendTLV(body, tagOctets, usm)
	body = append(body, scoped...)
	message := appendTLV(nil, tagSequence, body)
	if flags&flagAuth != 0 {
		at := len(message) - len(scoped) - len(tail) - len(authParams)
		copy(message[at:], u.auth.digest(u.authKey, message))
	}
	return message, nil
}

// authentic checks the digest of a received message, with the field that holds
// it taken as zeros.
func (u usmUser) authentic(raw []byte, m v3Message) bool {
	if len(m.authParams) != u.auth.truncate || m.authAt < 0 || m.authAt+len(m.authParams) > len(raw) {
		return false
	}
	blank := append([]byte(nil), raw...)
	clear(blank[m.authAt : m.authAt+len(m.authParams)])
	return hmac.Equal([]byte(m.authParams), u.auth.digest(u.authKey, blank))
}
