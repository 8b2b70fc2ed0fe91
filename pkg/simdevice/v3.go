package simdevice

import "time"

// maxMessage is the largest message that this agent takes, in octets. IOS says
// 1500 by default and takes larger ones all the same.
const maxMessage = 65507

// An engine is the authoritative SNMP engine of the device: RFC 3414 section 2.
type engine struct {
	id     string
	boots  uint32
	booted time.Time
	// ran is how long the device had been up when the simulation began.
	ran time.Duration
}

func (e engine) upTime() time.Duration { return e.ran + time.Since(e.booted) }

// seconds is snmpEngineTime.
func (e engine) seconds() uint32 { return uint32(e.upTime() / time.Second) }

// ticks is sysUpTime, in hundredths of a second; it wraps after 497 days.
func (e engine) ticks() uint32 { return uint32(e.upTime() / (10 * time.Millisecond)) }

// answerV3 processes an SNMPv3 message: RFC 3414 section 3.2 in its order. nil
// is no answer.
func (s *Server) answerV3(st *state, raw []byte, r berReader) []byte {
	m, err := decodeV3(raw, r)
	if err != nil || m.model != usmModel {
		return nil
	}
	if m.flags&flagPriv != 0 && m.flags&flagAuth == 0 {
		return nil // RFC 3412 section 7.2: no such level
	}
	if m.engineID != st.engine.id {
		return s.report(st, m, usmUser{}, 0, oidUnknownEngineIDs)
	}
	u, known := st.users[m.user]
	if !known {
		return s.report(st, m, usmUser{}, 0, oidUnknownUserNames)
	}
	level := m.flags & (flagAuth | flagPriv)
	if level&^u.level != 0 {
		return s.report(st, m, usmUser{}, 0, oidUnsupportedSecLevels)
	}
	if level&flagAuth != 0 {
		if !u.authentic(raw, m) {
			return s.report(st, m, usmUser{}, 0, oidWrongDigests)
		}
		if st.device.Faults.ReportFlood || !st.engine.inWindow(m) {
			return s.report(st, m, u, flagAuth, oidNotInTimeWindows)
		}
	}
	if level&flagPriv != 0 {
		plain, err := u.priv.decrypt(u.privKey, m.scoped, []byte(m.privParams), uint32(m.boots), uint32(m.time))
		if err != nil {
			return s.report(st, m, usmUser{}, 0, oidDecryptionErrors)
		}
		m.scoped = plain
	}
	scoped, err := decodeScoped(m.scoped)
	if err != nil {
		if level&flagPriv != 0 {
			return s.report(st, m, usmUser{}, 0, oidDecryptionErrors)
		}
		return nil
	}
	return s.respondV3(st, m, u, level, scoped)
}

func (s *Server) respondV3(st *state, m v3Message, u usmUser, level byte, scoped scopedPDU) []byte {
	if scoped.context != "" {
		return s.report(st, m, u, level, oidUnknownContexts)
	}
	response := errorPDU(scoped.pdu, statusAuthError, 0) // the group of the user demands a higher level: RFC 3415
	if level == u.level {
		var ok bool
		if response, ok = s.answer(st, version3, scoped.pdu, int(min(m.maxSize, maxMessage))-v3Overhead); !ok {
			return nil
		}
	}
	out, err := st.engine.encodeV3(m.id, level, m.user, u, scopedPDU{pdu: response}, s.salt.Add(1))
	if err != nil {
		s.log.Error("cannot encode an SNMPv3 response", "device", st.device.Name, "error", err)
		return nil
	}
	return out
}

// v3Overhead is a generous bound of what surrounds the PDU in a message.
const v3Overhead = 200

func (e engine) inWindow(m v3Message) bool {
	off := m.time - int64(e.seconds())
	return m.boots == int64(e.boots) && off <= timeWindow && off >= -timeWindow
}

// report tells the manager what is wrong with its message: RFC 3412 section
// 7.1 step 3. The request-id is that of the request where it can be read.
func (s *Server) report(st *state, m v3Message, u usmUser, level byte, counter string) []byte {
	var requestID int64
	if m.flags&flagPriv == 0 {
		scoped, err := decodeScoped(m.scoped)
		if err == nil {
			requestID = scoped.pdu.requestID
		}
	}
	if m.flags&flagReportable == 0 {
		return nil
	}
	name, err := parseOID(counter)
	if err != nil {
		return nil
	}
	count := s.reports.Add(1)
	p := pdu{kind: tagReport, requestID: requestID, bindings: []binding{{name, unsigned(tagCounter32, uint32(count))}}}
	user := m.user
	if level == 0 && counter == oidUnknownEngineIDs {
		user = ""
	}
	e := st.engine
	if level == 0 {
		e.ran += st.device.Faults.EngineTimeOff
	}
	out, err := e.encodeV3(m.id, level, user, u, scopedPDU{pdu: p}, s.salt.Add(1))
	if err != nil {
		return nil
	}
	return out
}
