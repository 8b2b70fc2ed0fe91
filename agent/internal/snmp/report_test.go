package snmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"testing"

	"github.com/gosnmp/gosnmp"

	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
)

// reporting is an SNMPv3 engine that introduces itself and then floods with
// Reports of one counter of SNMP-USER-BASED-SM-MIB, whatever it is asked.
func reporting(t *testing.T, counter int) int {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	report := func(counter int) []byte {
		p := &gosnmp.SnmpPacket{
			Version: gosnmp.Version3, MsgFlags: gosnmp.NoAuthNoPriv, SecurityModel: gosnmp.UserSecurityModel, PDUType: gosnmp.Report,
			SecurityParameters: &gosnmp.UsmSecurityParameters{AuthoritativeEngineID: "\x80\x00\x1f\x88\x04engine", AuthoritativeEngineBoots: 3, AuthoritativeEngineTime: 1000},
			Variables:          []gosnmp.SnmpPDU{{Name: fmt.Sprintf(".1.3.6.1.6.3.15.1.1.%d.0", counter), Type: gosnmp.Counter32, Value: uint32(7)}},
		}
		raw, err := p.MarshalMsg()
		if err != nil {
			t.Error(err)
		}
		return raw
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 65535)
		for first := true; ; first = false {
			_, from, err := conn.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if first {
				_, _ = conn.WriteTo(report(4), from) // unknownEngineIDs: how discovery ends
				continue
			}
			for range 50 {
				_, _ = conn.WriteTo(report(counter), from)
			}
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return conn.LocalAddr().(*net.UDPAddr).Port
}

// A flood of Reports ends, and says what the engine complains of.
func TestReportFlood(t *testing.T) {
	tests := []struct {
		counter int
		kind    inventory.ProblemKind
		message string
	}{
		{1, inventory.ProblemCredentialRefused, "security level"},
		{2, inventory.ProblemUnreachable, "not valid SNMP"}, // notInTimeWindows must be authentic, and is not
		{3, inventory.ProblemCredentialRefused, `does not know user "reader"`},
		{4, inventory.ProblemUnreachable, "not valid SNMP"},
		{5, inventory.ProblemCredentialRefused, "authentication password"},
		{6, inventory.ProblemCredentialRefused, "privacy password"},
		{99, inventory.ProblemUnreachable, "not valid SNMP"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.counter), func(t *testing.T) {
			target := (&testAgent{port: reporting(t, tt.counter)}).target("3")
			target.Credential = Credential{
				Version: "3", User: "reader", AuthProtocol: "SHA256", AuthPassword: config.Plain("authentic-1"),
				PrivProtocol: "AES", PrivPassword: config.Plain("private-1"),
			}
			r := Read(context.Background(), target, quiet())
			if r.Answered {
				t.Error("answered")
			}
			checkProblem(t, r, tt.kind, tt.message)
		})
	}
}

// A secret that cannot be read is named by its place, and nothing is sent.
func TestUnreadableSecret(t *testing.T) {
	a := serve(t, stackOf(1), nil)
	target := a.target("2c")
	path := filepath.Join(t.TempDir(), "community")
	target.Credential.Community = config.Reference("file:" + path)
	r := Read(context.Background(), target, quiet())
	checkProblem(t, r, inventory.ProblemCredentialRefused, path)
	if n := a.requests.Load(); n != 0 {
		t.Errorf("%d requests sent", n)
	}
}
