package simdevice

import "fmt"

// Versions as they stand in the message: RFC 1157, RFC 1901, RFC 3412.
const (
	version1  = 0
	version2c = 1
	version3  = 3
)

// Error statuses of RFC 1157 and RFC 3416 that the agent answers with.
const (
	statusNone       = 0
	statusTooBig     = 1
	statusNoSuchName = 2
	statusGenErr     = 5
	statusNoAccess   = 6
	statusAuthError  = 16
)

// maxBindings bounds the variables of one request.
const maxBindings = 256

// A value is one SNMP value, its contents already in BER. live marks the
// values that change between two requests.
type value struct {
	tag  byte
	body []byte
	live liveValue
}

type liveValue byte

const (
	liveNothing    liveValue = iota
	liveUpTime               // sysUpTime: time since the boot
	liveLastChange           // entLastChangeTime: sysUpTime at the last change
)

func nullValue(tag byte) value        { return value{tag: tag} }
func textValue(s string) value        { return value{tag: tagOctets, body: []byte(s)} }
func integerValue(n int) value        { return value{tag: tagInteger, body: integerBody(int64(n))} }
func unsigned(t byte, n uint32) value { return value{tag: t, body: integerBody(int64(n))} }

// A binding is a variable binding: a name and its value.
type binding struct {
	name  oid
	value value
}

func (b binding) encode() []byte {
	body := appendTLV(nil, tagOID, oidBody(b.name))
	body = appendTLV(body, b.value.tag, b.value.body)
	return appendTLV(nil, tagSequence, body)
}

// A pdu is a request or a response of any version. Status and index are
// non-repeaters and max-repetitions in a GetBulkRequest.
type pdu struct {
	kind      byte
	requestID int64
	status    int64
	index     int64
	bindings  []binding
}

func (p pdu) encode() []byte {
	var list []byte
	for _, b := range p.bindings {
		list = append(list, b.encode()...)
	}
	body := appendInteger(nil, p.requestID)
	body = appendInteger(body, p.status)
	body = appendInteger(body, p.index)
	body = appendTLV(body, tagSequence, list)
	return appendTLV(nil, p.kind, body)
}

func decodePDU(raw []byte) (pdu, error) {
	outer := berReader{rest: raw}
	kind, body, err := outer.next()
	if err != nil {
		return pdu{}, err
	}
	p := pdu{kind: kind}
	r := berReader{rest: body}
	for _, field := range []*int64{&p.requestID, &p.status, &p.index} {
		if *field, err = r.integer(); err != nil {
			return pdu{}, err
		}
	}
	list, err := r.expect(tagSequence)
	if err != nil {
		return pdu{}, err
	}
	for items := (berReader{rest: list}); len(items.rest) > 0; {
		if len(p.bindings) >= maxBindings {
			return pdu{}, fmt.Errorf("%w: more than %d bindings", errBER, maxBindings)
		}
		b, err := decodeBinding(&items)
		if err != nil {
			return pdu{}, err
		}
		p.bindings = append(p.bindings, b)
	}
	return p, nil
}

func decodeBinding(items *berReader) (binding, error) {
	body, err := items.expect(tagSequence)
	if err != nil {
		return binding{}, err
	}
	r := berReader{rest: body}
	name, err := r.expect(tagOID)
	if err != nil {
		return binding{}, err
	}
	o, err := parseOIDBody(name)
	if err != nil {
		return binding{}, err
	}
	tag, content, err := r.next()
	if err != nil {
		return binding{}, err
	}
	return binding{name: o, value: value{tag: tag, body: content}}, nil
}

// A communityMessage is a whole SNMPv1 or v2c message.
type communityMessage struct {
	version   int64
	community string
	pdu       pdu
}

func (m communityMessage) encode() []byte {
	body := appendInteger(nil, m.version)
	body = appendOctets(body, m.community)
	return appendTLV(nil, tagSequence, append(body, m.pdu.encode()...))
}

// messageVersion returns the version and what follows it in the message.
func messageVersion(raw []byte) (int64, berReader, error) {
	outer := berReader{rest: raw}
	body, err := outer.expect(tagSequence)
	if err != nil {
		return 0, berReader{}, err
	}
	r := berReader{rest: body}
	version, err := r.integer()
	return version, r, err
}

// decodeCommunity reads what follows the version of a v1 or v2c message.
func decodeCommunity(version int64, r berReader) (communityMessage, error) {
	community, err := r.octets()
	if err != nil {
		return communityMessage{}, err
	}
	p, err := decodePDU(r.rest)
	return communityMessage{version: version, community: community, pdu: p}, err
}
