// Package snmp reads one device over SNMP and says what it is made of: one
// Target in, one inventory.Device out. Here live the session on gosnmp, a
// walker that knows whether it saw the end of a table, the tables that Cisco's
// devices keep serial numbers in, and the rules that turn their rows into
// components and units.
//
// It does not choose among credentials or devices, does not merge with what
// SSH says (that is poll), and knows nothing of contracts.
package snmp

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"rollcall/pkg/inventory"
)

// Via is how a device says that its components came from here.
const Via = "snmp"

// A Target is one device to ask, and how.
type Target struct {
	Address    string // an IP address without brackets, or a name
	Port       int    // 161 when 0
	Credential Credential
	Timeout    time.Duration // for one attempt; 5 s when 0, as agents of stacks are slow
	Retries    int           // attempts after the first
	Budget     time.Duration // for the whole device; 2 min when 0
	// FullEvery is how old a full reading may be that ReadSince relies on: the
	// constant of that name when 0, never any when negative.
	FullEvery time.Duration
}

// A Reading is what came of asking. Device.Errors says what was in the way;
// without an answer it is all there is, beside the address.
type Reading struct {
	Answered bool // the device accepted the credential and answered
	// Unchanged says that the device is that of an earlier full reading, which
	// a probe has found to hold still.
	Unchanged bool
	// StandIn says that the units are boards of a chassis which tells no serial
	// itself. The device is not complete then: a contract is likely to name
	// another serial.
	StandIn  bool
	Requests int // datagrams sent
	Device   inventory.Device
}

// Read asks one device for everything. It never panics and takes no longer
// than the budget; what goes wrong becomes Device.Errors.
func Read(ctx context.Context, t Target, log *slog.Logger) Reading {
	reading, _ := ReadSince(ctx, t, nil, log)
	return reading
}

// login opens a session and reads the system group, trying the meanings of the
// credential in turn while the device cannot decrypt.
func login(ctx context.Context, t Target, log *slog.Logger) (*session, identity, *failure) {
	if err := t.Credential.Validate(); err != nil {
		return nil, identity{}, &failure{cause: causeSecret, detail: err.Error()}
	}
	if t.Port < 1 || t.Port > 65535 {
		return nil, identity{}, &failure{cause: causeNetwork, detail: "the port is not between 1 and 65535"}
	}
	var last *failure
	for variant := range t.Credential.variants() {
		s, err := open(ctx, t, variant, log)
		if err != nil {
			return nil, identity{}, asFailure(err)
		}
		id, f := s.introduce(ctx)
		if f == nil {
			return s, id, nil
		}
		greeted := s.greeted()
		s.close()
		if last == nil || f.cause == causeDecryption {
			last = f
		}
		// Only an agent that we know to be there can have failed to decrypt.
		if !greeted || f.cause != causeDecryption && f.cause != causeTimeout && f.cause != causeUnreadable {
			break
		}
		last.greeted = true
	}
	return nil, identity{}, last
}

func asFailure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	return &failure{cause: causeNetwork, detail: err.Error()}
}

// take reads all tables of a device that talks to us.
func (r *Reading) take(ctx context.Context, s *session, id identity) *gathered {
	d := &r.Device
	in := s.gather(ctx, id)
	d.Components = components(in.rows)
	d.Name, d.Platform, d.Software = in.id.name, in.id.platform, in.id.software
	d.Model = in.id.model
	if units := d.Units(); len(units) > 0 {
		d.Model, d.Serial = units[0].PID, units[0].Serial
	}
	if len(d.Components) > 0 {
		d.Via = []string{Via}
	}
	s.log.Debug("read over snmp", "platform", d.Platform, "components", len(d.Components), "units_by", string(in.step), "complete", len(in.shorts) == 0, "requests", s.requests)
	for _, short := range in.shorts {
		r.problem(inventory.ProblemIncomplete, incomplete(short))
	}
	if part := in.standIn(); part != "" {
		r.StandIn = true
		r.problem(inventory.ProblemIncomplete, standsIn(part))
	}
	r.noUnits(in)
	// A device without a unit has not been seen whole, whatever its tables
	// say: it would prove its own chassis gone.
	d.Complete = len(in.shorts) == 0 && !r.StandIn && (len(d.Units()) > 0 || in.id.foreign && len(d.Components) > 0)
	if s.t.Credential.weak() {
		r.problem(inventory.ProblemWeakAccess, weakAccess(s.t))
	}
	return &in
}

func (r *Reading) problem(kind inventory.ProblemKind, message string) {
	r.Device.Errors = append(r.Device.Errors, inventory.Problem{Kind: kind, Via: Via, Message: message})
}
