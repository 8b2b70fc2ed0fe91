package snmp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"time"

	"github.com/gosnmp/gosnmp"
)

// A cause says why a request had no usable answer.
type cause int

const (
	causeTimeout    cause = iota + 1 // no answer in time
	causeBudget                      // the time for the whole device is used up, or the caller gave up
	causeRefused                     // ICMP port unreachable
	causeNetwork                     // no route, host unreachable, name not found
	causeUser                        // SNMPv3: unknown user
	causeDigest                      // SNMPv3: wrong authentication password or protocol
	causeDecryption                  // SNMPv3: wrong privacy password or protocol
	causeLevel                       // SNMPv3: security level not allowed
	causeTime                        // SNMPv3: clocks of the engine disagree
	causeAccess                      // the agent lets us read nothing
	causeSecret                      // a secret of ours cannot be read
	causeUnreadable                  // an answer that cannot be decoded
	causeElsewhere                   // an answer from another address than was asked
)

// A failure is a request without a usable answer. Its text never holds a
// library's error verbatim: gosnmp puts the stacks of all goroutines into some.
type failure struct {
	cause   cause
	detail  string
	greeted bool // the device's SNMPv3 engine did answer
}

func (f *failure) Error() string { return f.detail }

// classify turns an error of gosnmp into a failure.
func classify(err error) *failure {
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, net.ErrClosed):
		return &failure{cause: causeBudget, detail: "the time for the device is used up"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &failure{cause: causeRefused, detail: "connection refused"}
	case errors.As(err, &dns):
		return &failure{cause: causeNetwork, detail: "the name is not known"}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTDOWN):
		return &failure{cause: causeNetwork, detail: "no route to it"}
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return &failure{cause: causeNetwork, detail: "this machine has no open file left for it (ulimit -n)"}
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return &failure{cause: causeNetwork, detail: "this machine's firewall forbids it"}
	case errors.Is(err, gosnmp.ErrUnknownUsername):
		return &failure{cause: causeUser, detail: "unknown user"}
	case errors.Is(err, gosnmp.ErrWrongDigest):
		return &failure{cause: causeDigest, detail: "wrong digest"}
	case errors.Is(err, gosnmp.ErrDecryption):
		return &failure{cause: causeDecryption, detail: "cannot decrypt"}
	case errors.Is(err, gosnmp.ErrUnknownSecurityLevel):
		return &failure{cause: causeLevel, detail: "security level not supported"}
	case errors.Is(err, gosnmp.ErrNotInTimeWindow):
		return &failure{cause: causeTime, detail: "not in time window"}
	case errors.Is(err, gosnmp.ErrMaxRetriesExceeded):
		return &failure{cause: causeTimeout, detail: "no answer"}
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return &failure{cause: causeTimeout, detail: "no answer"}
	}
	return &failure{cause: causeUnreadable, detail: "an answer that is not valid SNMP"}
}

// A session asks one device. It is for one goroutine: gosnmp's object is not
// safe for more.
type session struct {
	g   *gosnmp.GoSNMP
	t   Target
	log *slog.Logger

	variant int         // of the credential
	stop    func() bool // detaches the connection from the context
	conn    *listener
	wide    *wide // nil while the socket is connected to the device

	pace    pace  // of GETBULK
	batch   batch // of GET
	single  bool  // several columns at once are too much for this agent
	silence int   // requests in a row that asked for the least and had no answer

	requests int           // datagrams sent
	took     time.Duration // by the last answer

	// What was explored: columns by the text of their root, and all their
	// values by identifier.
	columns map[string]*cursor
	known   map[string]any
}

// connectTime is the least time that a name server gets to answer.
const connectTime = 5 * time.Second

// open makes the socket. It sends nothing yet.
func open(ctx context.Context, t Target, variant int, log *slog.Logger) (*session, error) {
	g := &gosnmp.GoSNMP{
		Target: t.Address, Port: uint16(t.Port), Transport: "udp",
		Context: ctx, Timeout: t.Timeout, Retries: t.Retries, ExponentialTimeout: false,
		MaxOids: maxBatch, MaxRepetitions: firstRepetitions,
	}
	if err := t.Credential.apply(g, variant); err != nil {
		return nil, &failure{cause: causeSecret, detail: err.Error()}
	}
	// Nothing is sent yet: what can take time is the look-up of a name.
	g.Timeout = max(t.Timeout, connectTime)
	if err := g.Connect(); err != nil {
		return nil, classify(err)
	}
	g.Timeout = t.Timeout
	conn := &listener{Conn: g.Conn}
	g.Conn = conn
	s := &session{
		g: g, t: t, log: log, conn: conn, variant: variant, pace: newPace(g.Version), batch: newBatch(),
		columns: map[string]*cursor{}, known: map[string]any{},
	}
	g.OnSent = func(*gosnmp.GoSNMP) { s.requests++ }
	// gosnmp looks at the context between attempts only. Closing the
	// connection, and not the object, wakes it without a race.
	s.stop = context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	return s, nil
}

func (s *session) close() {
	s.stop()
	_ = s.g.Close()
}

// greeted says that the device's SNMPv3 engine has introduced itself.
func (s *session) greeted() bool {
	usm, ok := s.g.SecurityParameters.(*gosnmp.UsmSecurityParameters)
	return ok && usm.AuthoritativeEngineID != ""
}

func (s *session) v1() bool { return s.g.Version == gosnmp.Version1 }

// notInTimeWindows is usmStatsNotInTimeWindows (RFC 3414 section 3.2).
const notInTimeWindows = ".1.3.6.1.6.3.15.1.1.2.0"

// do sends one request and waits for its answer, at most 1+retries times.
func (s *session) do(retries int, send func() (*gosnmp.SnmpPacket, error)) (packet *gosnmp.SnmpPacket, err error) {
	defer func() {
		if r := recover(); r != nil {
			packet, err = nil, &failure{cause: causeUnreadable, detail: "an answer that broke the decoder"}
		}
	}()
	s.g.Retries = retries
	s.conn.complaint.Store(0)
	asked := time.Now()
	packet, err = send()
	s.took = time.Since(asked)
	if err != nil {
		if c := cause(s.conn.complaint.Load()); c != 0 {
			return nil, &failure{cause: c, detail: "the device refuses the SNMPv3 user"}
		}
		if cerr := s.g.Context.Err(); cerr != nil {
			err = cerr
		}
		return nil, classify(err)
	}
	if packet != nil && packet.PDUType == gosnmp.Report && len(packet.Variables) > 0 && packet.Variables[0].Name == notInTimeWindows {
		// The library has taken over the engine's time and tried again.
		return nil, &failure{cause: causeTime, detail: "not in time window"}
	}
	if packet == nil || packet.PDUType != gosnmp.GetResponse {
		return nil, &failure{cause: causeUnreadable, detail: "an answer that is no response"}
	}
	return packet, nil
}

// errorStatus words the error status of a response (RFC 3416 section 3).
func errorStatus(status gosnmp.SNMPError) string {
	switch status {
	case gosnmp.TooBig:
		return "tooBig"
	case gosnmp.NoSuchName:
		return "noSuchName"
	case gosnmp.GenErr:
		return "genErr"
	case gosnmp.NoAccess:
		return "noAccess"
	case gosnmp.ResourceUnavailable:
		return "resourceUnavailable"
	case gosnmp.AuthorizationError:
		return "authorizationError"
	}
	return fmt.Sprintf("error status %d", status)
}

// defaults fills what the caller left open. gosnmp's own defaults do not apply
// to a struct of one's own.
func (t Target) defaults() Target {
	if t.Port == 0 {
		t.Port = 161
	}
	if t.Timeout <= 0 {
		t.Timeout = 5 * time.Second
	}
	if t.Retries < 0 {
		t.Retries = 0
	}
	if t.Budget <= 0 {
		t.Budget = 2 * time.Minute
	}
	if t.FullEvery == 0 {
		t.FullEvery = FullEvery
	}
	return t
}
