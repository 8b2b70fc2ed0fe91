package simdevice

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gosnmp/gosnmp"
)

// TestKeys has the vectors of RFC 3414 sections A.3.1, A.3.2 and A.5.
func TestKeys(t *testing.T) {
	engine := string([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2})
	for _, tt := range []struct{ protocol, plain, localized string }{
		{"MD5", "9faf3283884e92834ebc9847d8edd963", "526f5eed9fcce26f8964c2930787d82b"},
		{"SHA", "9fb5cc0381497b3793528939ff788d5d79145211", "6695febc9288e36282235fc7151f128497b38f3f"},
	} {
		a, err := authProtocolByName(tt.protocol)
		if err != nil {
			t.Fatal(err)
		}
		key := a.passwordKey("maplesyrup")
		if got := hex.EncodeToString(key); got != tt.plain {
			t.Errorf("%s: key %s, want %s", tt.protocol, got, tt.plain)
		}
		if got := hex.EncodeToString(a.localize(key, engine)); got != tt.localized {
			t.Errorf("%s: localized key %s, want %s", tt.protocol, got, tt.localized)
		}
	}
}

func TestIntegers(t *testing.T) {
	for n, want := range map[int64]string{
		0: "020100", 127: "02017f", 128: "02020080", 255: "020200ff", 256: "02020100", -1: "0201ff", -128: "020180", -129: "0202ff7f",
		math.MaxInt32: "02047fffffff", math.MinInt32: "020480000000", math.MaxUint32: "020500ffffffff",
	} {
		raw := appendInteger(nil, n)
		if got := hex.EncodeToString(raw); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
		r := berReader{rest: raw}
		if back, err := r.integer(); err != nil || back != n {
			t.Errorf("%s is %d, %v, want %d", want, back, err, n)
		}
	}
}

func TestOIDs(t *testing.T) {
	for _, s := range []string{"1.3.6.1.2.1.1.1.0", "0.0", "2.999.1", "1.0.8802.1.1.2.1.5.4795.1.3.3.1.4.0.3.1", "1.3.4294967295.127.128.16383.16384"} {
		o, err := parseOID("." + s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := parseOIDBody(oidBody(o))
		if err != nil || back.String() != s {
			t.Errorf("%s comes back as %v, %v", s, back, err)
		}
	}
	for _, s := range []string{"", "1", "3.1", "1.40", "1.x", "1.4294967296", strings.Repeat("1.", 200) + "1"} {
		if o, err := parseOID(s); err == nil {
			t.Errorf("%q was taken for %v", s, o)
		}
	}
}

// TestAgainstGosnmp decodes what gosnmp encodes, and the other way round.
func TestAgainstGosnmp(t *testing.T) {
	g := &gosnmp.GoSNMP{Version: gosnmp.Version2c, Community: "public", MaxOids: 60}
	raw, err := g.SnmpEncodePacket(gosnmp.GetBulkRequest, []gosnmp.SnmpPDU{{Name: ".1.3.6.1.2.1.1", Type: gosnmp.Null}, {Name: ".1.3.6.1.4.1.4294967295", Type: gosnmp.Null}}, 1, 25)
	if err != nil {
		t.Fatal(err)
	}
	version, r, err := messageVersion(raw)
	if err != nil || version != version2c {
		t.Fatalf("version %d, %v", version, err)
	}
	m, err := decodeCommunity(version, r)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{m.community, m.pdu.kind, m.pdu.status, m.pdu.index, m.pdu.bindings[0].name.String(), m.pdu.bindings[1].name.String()}
	if diff := cmp.Diff([]any{"public", byte(tagGetBulk), int64(1), int64(25), "1.3.6.1.2.1.1", "1.3.6.1.4.1.4294967295"}, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	p, err := g.SnmpDecodePacket(communityMessage{version: version2c, community: "public", pdu: pdu{
		kind: tagResponse, requestID: 77, status: statusGenErr, index: 2,
		bindings: []binding{
			{oid{1, 3, 6, 1}, integerValue(-7)},
			{oid{1, 3, 6, 2}, textValue("abc")},
			{oid{1, 3, 6, 3}, unsigned(tagGauge32, math.MaxUint32)},
			{oid{1, 3, 6, 4}, nullValue(tagEndOfView)},
		},
	}}.encode())
	if err != nil {
		t.Fatal(err)
	}
	want := []gosnmp.SnmpPDU{
		{Name: ".1.3.6.1", Type: gosnmp.Integer, Value: -7},
		{Name: ".1.3.6.2", Type: gosnmp.OctetString, Value: []byte("abc")},
		{Name: ".1.3.6.3", Type: gosnmp.Gauge32, Value: uint(math.MaxUint32)},
		{Name: ".1.3.6.4", Type: gosnmp.EndOfMibView, Value: nil},
	}
	if diff := cmp.Diff(want, p.Variables); diff != "" || p.RequestID != 77 || p.Error != gosnmp.GenErr || p.ErrorIndex != 2 {
		t.Errorf("response %d, %v at %d (-want +got):\n%s", p.RequestID, p.Error, p.ErrorIndex, diff)
	}
}

// TestSetIsRefused writes nothing.
func TestSetIsRefused(t *testing.T) {
	s := start(t, "ios-switch", nil)
	p, err := connect(t, dial(t, s, gosnmp.Version2c)).Set([]gosnmp.SnmpPDU{{Name: "1.3.6.1.2.1.1.5.0", Type: gosnmp.OctetString, Value: "mine"}})
	if err != nil {
		t.Fatal(err)
	}
	if p.Error != gosnmp.NoAccess {
		t.Errorf("a set is answered with %v", p.Error)
	}
}

// FuzzRespond feeds the agent any datagram: it must answer nothing or a
// message that decodes.
func FuzzRespond(f *testing.F) {
	d, ok := Example("ios-switch")
	if !ok {
		f.Fatal("no example")
	}
	s, err := Start(d, Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	g := &gosnmp.GoSNMP{Version: gosnmp.Version2c, Community: "public", MaxOids: 60}
	for _, kind := range []gosnmp.PDUType{gosnmp.GetRequest, gosnmp.GetNextRequest, gosnmp.GetBulkRequest, gosnmp.SetRequest} {
		raw, err := g.SnmpEncodePacket(kind, []gosnmp.SnmpPDU{{Name: ".1.3.6.1.2.1.1.3.0", Type: gosnmp.Null}}, 0, 5)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	st := s.state.Load()
	ask := scopedPDU{pdu: pdu{kind: tagGet, bindings: []binding{{oid{1, 3, 6, 1, 2, 1, 1, 3, 0}, nullValue(tagNull)}}}}
	secret, err := st.engine.encodeV3(1, flagAuth|flagPriv, "rollcall", st.users["rollcall"], ask, 9)
	if err != nil {
		f.Fatal(err)
	}
	secret[bytes.Index(secret, []byte{tagOctets, 1, flagAuth | flagPriv})+2] |= flagReportable
	f.Add(secret)
	f.Fuzz(func(t *testing.T, raw []byte) {
		out := s.respond(s.state.Load(), raw)
		if out == nil {
			return
		}
		if _, _, err := messageVersion(out); err != nil {
			t.Errorf("the answer to %x is %x: %v", raw, out, err)
		}
		if len(out) > maxMessage {
			t.Errorf("the answer has %d bytes", len(out))
		}
	})
}
