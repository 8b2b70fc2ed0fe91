package snmp

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/gosnmp/gosnmp"

	"rollcall/pkg/inventory"
)

// ReadSince is Read for a device that has been read before: where a probe of
// one or two requests shows that nothing has changed since last, the device is
// that of last. Everything is read when last is nil or too old, when the probe
// shows a difference, and when it proves too little (discovery facts 6.3):
//
//   - The first request compares the system group, the serial of every unit,
//     and that the tables which were empty still are. sysUpTime must have gone
//     on since the last request; an SNMPv3 engine must not have booted.
//   - Where the agent keeps entLastChangeTime, it must be the same: it answers
//     for all of ENTITY-MIB.
//   - All other columns of serial numbers (of ENTITY-MIB where
//     entLastChangeTime is missing or 0, of access points, phones, stack units,
//     servers) are compared with the second request: whole where they fit one
//     answer, else in turns, so that a change shows after a few probes and
//     within FullEvery in any case. Without a sysUpTime, turns prove too
//     little.
//   - SNMPv1 has no GETBULK to do so: its devices are old, small and always read
//     in full.
//
// The second value is for the next time; nil says to read everything then.
func ReadSince(ctx context.Context, t Target, last *Last, log *slog.Logger) (reading Reading, next *Last) {
	t = t.defaults()
	log = log.With("device", t.Address, "via", Via)
	reading.Device = inventory.Device{
		Address: t.Address, Platform: inventory.PlatformUnknown,
		Via: []string{}, Components: []inventory.Component{}, Errors: []inventory.Problem{},
	}
	defer func() {
		if r := recover(); r != nil {
			// The value may quote what the device sent; the type does not.
			log.Error("reading panicked", "type", typeName(r))
			next = nil
			reading.Device.Complete = false
			reading.problem(inventory.ProblemIncomplete, "the device's answers could not be worked out because of a fault in this program: please report it, with the model and software of the device")
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, t.Budget)
	defer cancel()
	began := time.Now().Round(0).UTC()
	var s *session
	var id identity
	var f *failure
	if last.usable(t, began) {
		p := probe{last: last.state, now: began}
		if s, f = p.ask(ctx, t, log); f != nil {
			reading.problem(refusal(t, f))
			return reading, nil
		}
		if p.unchanged {
			defer s.close()
			log.Debug("unchanged over snmp", "requests", s.requests)
			return Reading{Answered: true, Unchanged: true, StandIn: p.last.StandIn, Requests: s.requests, Device: cloneDevice(p.last.Device)}, &Last{p.last}
		}
		id = p.id
		if s != nil {
			log.Debug("reading everything", "reason", p.why)
		}
	}
	if s == nil {
		if s, id, f = login(ctx, t, log); f != nil {
			reading.problem(refusal(t, f))
			return reading, nil
		}
	}
	defer s.close()
	reading.Answered = true
	in := reading.take(ctx, s, id)
	reading.Requests = s.requests
	return reading, reading.remember(s, in, began)
}

// A probe finds out whether a device is as it was. It works on a copy of the
// state, which becomes the next one.
type probe struct {
	last      state
	now       time.Time
	id        identity // what the device says of itself now
	unchanged bool
	why       string // it is not, in words for the log
	whole     bool   // every serial number was compared
}

// ask probes in a session of its own, which it returns for the full reading
// where that is necessary. A session is missing where the device may be read in
// another way; a failure says that it does not answer at all.
func (p *probe) ask(ctx context.Context, t Target, log *slog.Logger) (*session, *failure) {
	// The caller may keep the state that this one was copied from.
	p.last.Watched = slices.Clone(p.last.Watched)
	s, err := open(ctx, t, p.last.Variant, log)
	if err != nil {
		return nil, asFailure(err)
	}
	s.greet(p.last.Engine, p.now.Sub(p.last.Seen))
	values, answered, f := p.identify(s)
	if !answered {
		s.close()
		if f != nil && (f.cause == causeTimeout || f.cause == causeRefused || f.cause == causeNetwork || f.cause == causeBudget) {
			return nil, f
		}
		return nil, nil
	}
	if p.why == "" {
		p.judge(ctx, s, values)
	}
	p.unchanged = p.why == ""
	// A full reading goes on with what the agent has shown to be able to do.
	s.pace.shown = max(s.pace.shown, p.last.Shown)
	if s.pace.failed == 0 {
		s.pace.size = max(s.pace.size, firstSize)
	}
	return s, nil
}

// checks are the objects of the first request, each as what GETNEXT asks for to
// get it: the system group, the serials of units, and columns that were empty.
func (p *probe) checks() (system, units, empty []oid) {
	for _, o := range []oid{sysDescr, sysObjectID, sysUpTime, sysName, entLastChangeTime} {
		system = append(system, o[:len(o)-1])
	}
	for _, c := range p.last.Units {
		units = append(units, before(parseOID(c.Index)))
	}
	for _, w := range p.last.Watched {
		if w.Rows == 0 {
			empty = append(empty, parseOID(w.Root))
		}
	}
	return system, units, empty
}

// before is the identifier after which o comes first.
func before(o oid) oid {
	o = slices.Clone(o)
	end := len(o) - 1
	if o[end] == 0 {
		return o[:end]
	}
	o[end]--
	return o
}

// identify sends the first request, or as many as the agent needs for it. The
// values are in the order of the checks. With answered, the system group at
// least is known.
func (p *probe) identify(s *session) (values []gosnmp.SnmpPDU, answered bool, f *failure) {
	system, units, empty := p.checks()
	ask := slices.Concat(system, units, empty)
	most := min(maxWide, max(firstBatch, p.last.Shown))
	for part := range slices.Chunk(ask, most) {
		names := make([]string, len(part))
		for i, o := range part {
			names[i] = o.String()
		}
		packet, err := s.do(s.t.Retries, func() (*gosnmp.SnmpPacket, error) { return s.g.GetNext(names) })
		if err != nil {
			if values == nil {
				return nil, false, asFailure(err)
			}
			p.why = "the probe got no answer"
			return nil, true, nil
		}
		if packet.Error != gosnmp.NoError || len(packet.Variables) != len(part) {
			p.why = "the probe was refused"
			return nil, values != nil, nil
		}
		if values == nil {
			known := map[string]any{}
			for i, o := range system {
				if v := packet.Variables[i]; slices.Equal(parseOID(v.Name), o.with(0)) && v.Type != gosnmp.EndOfMibView {
					known[o.with(0).String()] = v.Value
				}
			}
			p.id = newIdentity(known)
		}
		values = append(values, packet.Variables...)
	}
	return values, true, nil
}

// judge compares, cheapest first, until something is different.
func (p *probe) judge(ctx context.Context, s *session, values []gosnmp.SnmpPDU) {
	p.why = p.system(s)
	if p.why == "" {
		p.why = p.parts(values)
	}
	told := p.last.changesTold()
	if p.why == "" {
		p.why = p.columns(ctx, s, told)
	}
	if p.why == "" && p.id.upTime == nil && len(p.last.Engine.ID) == 0 && !p.whole {
		p.why = "without sysUpTime a restart would not show"
	}
	p.last.Seen, p.last.UpTime, p.last.Engine = p.now, p.id.upTime, s.engineOf(time.Since(p.now))
}

// system compares what the device says of itself.
func (p *probe) system(s *session) string {
	l := &p.last
	e := s.engineOf(0)
	switch {
	case p.id.descr != l.Descr || p.id.name != l.Name || p.id.object.String() != l.Object:
		return "the system group has changed"
	case !slices.Equal(e.ID, l.Engine.ID), e.Boots != l.Engine.Boots:
		return "the SNMPv3 engine has booted or is another"
	case (p.id.upTime == nil) != (l.UpTime == nil), p.id.upTime != nil && !l.running(*p.id.upTime, p.now):
		return "the device has restarted"
	case (p.id.lastChange == nil) != (l.LastChange == nil), l.LastChange != nil && *p.id.lastChange != *l.LastChange:
		return "entLastChangeTime has changed"
	}
	return ""
}

// parts compares the serials of units, and looks that empty columns still are.
func (p *probe) parts(values []gosnmp.SnmpPDU) string {
	system, units, _ := p.checks()
	values = values[len(system):]
	for i, c := range p.last.Units {
		if v := values[i]; !slices.Equal(parseOID(v.Name), parseOID(c.Index)) || v.Type == gosnmp.EndOfMibView || cellSerial(v.Value) != c.Serial {
			return "a unit has changed"
		}
	}
	values = values[len(units):]
	for _, w := range p.last.Watched {
		if w.Rows > 0 {
			continue
		}
		if v := values[0]; v.Type != gosnmp.EndOfMibView && parseOID(v.Name).in(parseOID(w.Root)) {
			return "a table that was empty has rows"
		}
		values = values[1:]
	}
	return ""
}

// columns compares what fits one answer of the columns that nothing else
// answers for.
func (p *probe) columns(ctx context.Context, s *session, told bool) string {
	p.whole = !told || p.id.upTime != nil
	var turn []*watched
	rows := 0
	for i := range p.last.Watched {
		w := &p.last.Watched[i]
		if w.Rows > 0 && (!told || !parseOID(w.Root).in(entPhysicalEntry)) {
			turn = append(turn, w)
			rows = max(rows, w.Rows+1)
		}
	}
	if len(turn) == 0 {
		return ""
	}
	if ctx.Err() != nil {
		return "there is no time for a probe"
	}
	s.pace.shown = p.last.Shown
	s.pace.size = min(max(firstRepetitions, p.last.Shown), len(turn)*rows)
	if n, _ := s.pace.shape(len(turn)); n < len(turn) {
		// Another part of them each time.
		p.whole = false
		first := p.last.Turn % len(turn)
		turn = slices.Concat(turn[first:], turn[:first])[:n]
		p.last.Turn = first + n
	}
	slices.SortFunc(turn, func(a, b *watched) int { return slices.Compare(parseOID(a.Root), parseOID(b.Root)) })
	cursors := make([]*cursor, len(turn))
	for i, w := range turn {
		cursors[i] = w.cursor()
	}
	s.step(cursors, keepRow)
	for i, c := range cursors {
		if c.short != nil || c.seen == 0 && !c.done {
			return "the probe of serial numbers was not answered"
		}
		same, whole := turn[i].same(c)
		if !same {
			return "serial numbers have changed"
		}
		p.whole = p.whole && whole
	}
	return ""
}
