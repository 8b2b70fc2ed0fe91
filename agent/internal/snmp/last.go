package snmp

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/gosnmp/gosnmp"

	"rollcall/pkg/inventory"
)

// FullEvery is how old a full reading may be that ReadSince relies on, where
// the target does not say.
const FullEvery = 24 * time.Hour

// Last is what a full reading of a device leaves behind for the next one: what
// the device said of itself, where its serial numbers stand, and the device. It
// is opaque, holds no secret, and can be kept as JSON. It is not changed once it
// is made.
type Last struct{ state state }

// lastSchema is the version of a Last in JSON.
const lastSchema = 1

// maxLast bounds a Last in JSON, in bytes: the largest devices need some 200
// kB.
const maxLast = 16 << 20

// maxWatched bounds the columns of a Last: the most that any platform has are
// the 13 of UCS and a few.
const maxWatched = 100

// A state is what is in a Last.
type state struct {
	Schema     int    `json:"schema"`
	Address    string `json:"address"`
	Port       int    `json:"port"`
	Credential string `json:"credential"` // its label
	Variant    int    `json:"variant,omitempty"`

	Full time.Time `json:"full"` // when the last full reading began
	Seen time.Time `json:"seen"` // when the device was last asked

	Descr  string `json:"descr,omitempty"`
	Object string `json:"object,omitempty"`
	Name   string `json:"name,omitempty"`
	// UpTime and LastChange are sysUpTime and entLastChangeTime in hundredths
	// of a second, nil where the agent has none.
	UpTime     *uint32 `json:"up_time,omitempty"`
	LastChange *uint32 `json:"last_change,omitempty"`
	Engine     engine  `json:"engine,omitzero"`

	Units   []cell    `json:"units,omitempty"` // by whole identifier
	Watched []watched `json:"watched,omitempty"`
	Turn    int       `json:"turn,omitempty"`  // the watched column that is next, where they take turns
	Shown   int       `json:"shown,omitempty"` // the most variables in one answer

	StandIn bool             `json:"stand_in,omitempty"` // as that of the Reading
	Device  inventory.Device `json:"device"`
}

// An engine is an SNMPv3 engine as it introduced itself (RFC 3414 section
// 2.3).
type engine struct {
	ID    []byte `json:"id,omitempty"`
	Boots uint32 `json:"boots,omitempty"`
	Time  uint32 `json:"time,omitempty"` // seconds
}

// MarshalJSON implements json.Marshaler.
func (l *Last) MarshalJSON() ([]byte, error) { return json.Marshal(l.state) }

// UnmarshalJSON implements json.Unmarshaler. What cannot be relied on is
// refused: the caller then reads the device without it.
func (l *Last) UnmarshalJSON(data []byte) error {
	if len(data) > maxLast {
		return fmt.Errorf("cannot use the last reading: it has more than %d bytes", maxLast)
	}
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("cannot use the last reading: %w", err)
	}
	if err := s.validate(); err != nil {
		return fmt.Errorf("cannot use the last reading of %q: %w", s.Address, err)
	}
	l.state = s
	return nil
}

func (s *state) validate() error {
	switch {
	case s.Schema != lastSchema:
		return fmt.Errorf("its schema is %d, not %d", s.Schema, lastSchema)
	case s.Variant < 0 || s.Variant > 1:
		return errors.New("its variant of the credential is none")
	case s.Turn < 0 || s.Turn > 2*maxWatched:
		return errors.New("its turn is none")
	case s.Shown < 0 || s.Shown > math.MaxInt16:
		return errors.New("its size of answers is none")
	case len(s.Units) > 2*maxRows || len(s.Watched) > maxWatched:
		return errors.New("it has more than any device has")
	case len(s.Engine.ID) > 0 && (len(s.Engine.ID) < 5 || len(s.Engine.ID) > 32):
		return errors.New("its SNMPv3 engine has no valid identifier")
	}
	for _, c := range s.Units {
		if len(parseOID(c.Index)) < 2 || c.Serial == "" {
			return fmt.Errorf("%q with serial %q is no object", c.Index, c.Serial)
		}
	}
	for _, w := range s.Watched {
		if err := w.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (w *watched) validate() error {
	if parseOID(w.Root) == nil || w.Rows < len(w.Cells) || len(w.Cells) > 2*maxRows || w.At != "" && parseOID(w.At) == nil {
		return fmt.Errorf("its column %q is none", w.Root)
	}
	var before oid
	for _, c := range w.Cells {
		at := parseOID(c.Index)
		if at == nil || slices.Compare(at, before) <= 0 || c.Serial == "" {
			return fmt.Errorf("its column %q has no row %q in order", w.Root, c.Index)
		}
		before = at
	}
	return nil
}

// usable says that a probe may rely on the reading: that it is of this target
// and not too old.
func (l *Last) usable(t Target, now time.Time) bool {
	if l == nil || t.FullEvery < 0 || t.Credential.Version == "1" || t.Credential.Validate() != nil || t.Port > math.MaxUint16 {
		return false
	}
	s := &l.state
	age := now.Sub(s.Full)
	return s.Variant < t.Credential.variants() && s.Schema == lastSchema && s.Address == t.Address && s.Port == t.Port && s.Credential == t.Credential.label() &&
		age >= 0 && age < t.FullEvery && !s.Seen.Before(s.Full) && !s.Seen.After(now)
}

// clockSlack is by how much sysUpTime and our clock may differ, beside a
// fiftieth of the time between two readings.
const clockSlack = time.Minute

// running says that the device has not restarted since it was last asked: its
// sysUpTime has gone on as our clock has. It wraps to 0 after 497 days. One
// that stands still, to the hundredth of a second, has not gone back either.
func (s *state) running(upTime uint32, now time.Time) bool {
	if s.UpTime == nil {
		return false
	}
	if upTime == *s.UpTime {
		return true
	}
	passed := time.Duration(upTime-*s.UpTime) * (time.Second / 100) // modulo 2^32
	elapsed := now.Sub(s.Seen)
	slack := clockSlack + elapsed/50
	return passed >= elapsed-slack && passed <= elapsed+slack
}

// changesTold says that the agent keeps entLastChangeTime: one that is 0 for
// ever tells nothing.
func (s *state) changesTold() bool { return s.LastChange != nil && *s.LastChange > 0 }

// engineOf gives the engine that the session has come to know, with its time as
// it was so long ago.
func (s *session) engineOf(ago time.Duration) engine {
	usm, ok := s.g.SecurityParameters.(*gosnmp.UsmSecurityParameters)
	if !ok {
		return engine{}
	}
	since := uint32(max(0, ago) / time.Second)
	return engine{[]byte(usm.AuthoritativeEngineID), usm.AuthoritativeEngineBoots, usm.AuthoritativeEngineTime - min(since, usm.AuthoritativeEngineTime)}
}

// greet spares the session its discovery of an engine that is known: the
// engine refuses what is not for it, or not of its time.
func (s *session) greet(e engine, ago time.Duration) {
	usm, ok := s.g.SecurityParameters.(*gosnmp.UsmSecurityParameters)
	if !ok || len(e.ID) == 0 {
		return
	}
	usm.AuthoritativeEngineID = string(e.ID)
	usm.AuthoritativeEngineBoots = e.Boots
	usm.AuthoritativeEngineTime = e.Time + uint32(max(0, ago)/time.Second)
	s.g.ContextEngineID = string(e.ID)
}

// remember makes a Last of a full reading, nil when the next one cannot rely on
// it.
func (r *Reading) remember(s *session, in *gathered, began time.Time) *Last {
	if len(in.shorts) > 0 || s.v1() || in.step == stepDescriptions || s.strays() {
		// Serials in descriptions stand in no column that is watched, and a
		// probe hears only what comes from where it asks.
		return nil
	}
	l := &Last{state{
		Schema: lastSchema, Address: s.t.Address, Port: s.t.Port, Credential: s.t.Credential.label(), Variant: s.variant,
		Full: began, Seen: began,
		Descr: in.id.descr, Object: in.id.object.String(), Name: in.id.name, UpTime: in.id.upTime, LastChange: in.id.lastChange, Engine: s.engineOf(time.Since(began)),
		Watched: in.watched, Shown: s.pace.shown, StandIn: r.StandIn, Device: cloneDevice(r.Device),
	}}
	for _, row := range in.rows {
		if row.unit && !row.apart && len(row.at) > 0 {
			l.state.Units = append(l.state.Units, cell{row.at.String(), row.serial})
		}
	}
	if l.state.validate() != nil { // more of something than is kept
		return nil
	}
	return l
}

// cloneDevice copies a device, so that who gets it may change it.
func cloneDevice(d inventory.Device) inventory.Device {
	d.Via, d.Errors, d.Components = slices.Clone(d.Via), slices.Clone(d.Errors), slices.Clone(d.Components)
	for i := range d.Components {
		d.Components[i].Aliases = slices.Clone(d.Components[i].Aliases)
	}
	return d
}
