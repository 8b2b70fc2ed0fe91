package simdevice

import (
	"slices"
)

// walkResponse bounds the answer to a GetBulkRequest, in octets, as IOS does
// with its default "snmp-server packetsize 1500".
const walkResponse = 1400

// respond answers one datagram; nil is no answer.
func (s *Server) respond(st *state, raw []byte) []byte {
	version, r, err := messageVersion(raw)
	if err != nil {
		return nil
	}
	if version == version3 {
		if st.device.Faults.V1Only || len(st.users) == 0 {
			return nil
		}
		return s.answerV3(st, raw, r)
	}
	if version > version2c || version < version1 || (version == version2c && st.device.Faults.V1Only) {
		return nil
	}
	m, err := decodeCommunity(version, r)
	if err != nil || st.device.Community == "" || m.community != st.device.Community {
		return nil // a wrong community is met with silence
	}
	response, ok := s.answer(st, version, m.pdu, maxMessage-len(m.community)-v3Overhead)
	if !ok {
		return nil
	}
	return communityMessage{version: version, community: m.community, pdu: response}.encode()
}

// errorPDU is a response that says why there is none, with the bindings of the
// request: RFC 3416 section 4.2.
func errorPDU(request pdu, status, index int64) pdu {
	return pdu{kind: tagResponse, requestID: request.requestID, status: status, index: index, bindings: request.bindings}
}

// answer performs a request. limit is how many octets the PDU may have.
func (s *Server) answer(st *state, version int64, request pdu, limit int) (pdu, bool) {
	switch request.kind {
	case tagGet, tagGetNext:
	case tagGetBulk:
		if version == version1 {
			return pdu{}, false
		}
	case tagSet:
		if version == version1 {
			return errorPDU(request, statusNoSuchName, 1), true
		}
		return errorPDU(request, statusNoAccess, 1), true
	default:
		return pdu{}, false
	}
	s.requests.Add(1)
	if response, done := s.faultyAnswer(st, request); done {
		if response == nil {
			return pdu{}, false
		}
		return *response, true
	}
	var response pdu
	if request.kind == tagGetBulk {
		response = st.bulk(request, min(limit, walkResponse))
	} else {
		response = st.getOrNext(version, request)
	}
	if len(response.encode()) > limit {
		response = errorPDU(request, statusTooBig, 0)
		if version != version1 {
			response.bindings = nil
		}
	}
	if st.device.Faults.WrongRequestID {
		response.requestID ^= 0x5a5a
	}
	return response, true
}

// getOrNext performs GetRequest and GetNextRequest: RFC 1157 section 4.1.2 and
// 4.1.3, RFC 3416 section 4.2.1 and 4.2.2.
func (st *state) getOrNext(version int64, request pdu) pdu {
	response := pdu{kind: tagResponse, requestID: request.requestID}
	for i, b := range request.bindings {
		var found binding
		var ok bool
		missing := byte(tagNoInstance)
		if request.kind == tagGetNext {
			found, ok = st.next(b.name)
			missing = tagEndOfView
		} else {
			found, ok = st.view.get(b.name)
			if _, known := st.view.first(b.name[:len(b.name)-1]); !known {
				missing = tagNoObject
			}
		}
		switch {
		case ok:
			found.value = st.now(found.value)
		case version == version1:
			return errorPDU(request, statusNoSuchName, int64(i+1))
		default:
			found = binding{b.name, nullValue(missing)}
		}
		response.bindings = append(response.bindings, found)
	}
	return response
}

// bulk performs a GetBulkRequest: RFC 3416 section 4.2.3. It stops before the
// limit, which is an answer in full order.
func (st *state) bulk(request pdu, limit int) pdu {
	response := pdu{kind: tagResponse, requestID: request.requestID}
	size := len(response.encode()) + 8 // the lengths above may grow
	add := func(from oid) (oid, bool, bool) {
		found, ok := st.next(from)
		if ok {
			found.value = st.now(found.value)
		} else {
			found = binding{from, nullValue(tagEndOfView)}
		}
		size += len(found.encode())
		if size > limit && len(response.bindings) > 0 {
			return nil, ok, false
		}
		response.bindings = append(response.bindings, found)
		return found.name, ok, true
	}
	single := int(min(max(request.status, 0), int64(len(request.bindings))))
	for _, b := range request.bindings[:single] {
		if _, _, fits := add(b.name); !fits {
			return response
		}
	}
	from := make([]oid, 0, len(request.bindings)-single)
	for _, b := range request.bindings[single:] {
		from = append(from, b.name)
	}
	for range max(request.index, 0) {
		more := false
		for i := range from {
			name, ok, fits := add(from[i])
			if !fits {
				return response
			}
			from[i], more = name, more || ok
		}
		if !more {
			break
		}
	}
	return response
}

// now fills in the values that change with time.
func (st *state) now(v value) value {
	switch v.live {
	case liveUpTime:
		return unsigned(tagTimeTicks, st.engine.ticks())
	case liveLastChange:
		return unsigned(tagTimeTicks, st.lastChange)
	}
	return v
}

// next is view.next with the walking faults of the device.
func (st *state) next(o oid) (binding, bool) {
	found, ok := st.view.next(o)
	f := st.device.Faults
	if !f.EndlessWalk && !f.RepeatOID && !f.StuckOID {
		return found, ok
	}
	column, inTable := entityColumn(o)
	if !inTable {
		return found, ok
	}
	last := !ok || !found.name.under(column)
	switch {
	case f.EndlessWalk && last && len(o) > len(column):
		return binding{column.with(o[len(column)] + 1), textValue("")}, true
	case f.RepeatOID && last:
		if first, ok := st.view.first(column); ok {
			return first, true
		}
	case f.StuckOID && len(o) > len(column):
		if here, ok := st.view.get(o); ok && !last {
			return here, true
		}
	}
	return found, ok
}

// entityColumn returns the column of entPhysicalTable that o is in.
func entityColumn(o oid) (oid, bool) {
	table, err := parseOID(entPhysicalEntry)
	if err != nil || !o.under(table) {
		return nil, false
	}
	return slices.Clone(o[:len(table)+1]), true
}
