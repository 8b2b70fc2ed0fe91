package simdevice

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Server is a running device. All methods may be called at the same time.
type Server struct {
	log    *slog.Logger
	ctx    context.Context // the server's lifetime
	cancel context.CancelFunc
	wg     sync.WaitGroup

	udp  *net.UDPConn
	tcp  *sshListener
	once sync.Once

	mu        sync.Mutex // orders changes of state
	state     atomic.Pointer[state]
	reachable atomic.Bool
	requests  atomic.Int64
	reports   atomic.Int64
	salt      atomic.Uint64
}

// A state is a device at one time with all that is derived from it. It is
// replaced, not changed.
type state struct {
	device     Device
	view       *view
	engine     engine
	users      map[string]usmUser
	lastChange uint32       // entLastChangeTime, in ticks
	keyNumber  uint64       // of the SSH host key
	walked     atomic.Int64 // requests of walks since the state began
	rebooted   atomic.Bool
}

// ranBefore is how long a device claims to have been up when it is started.
const ranBefore = 26*24*time.Hour + 4*time.Hour + 11*time.Minute

// configured is sysUpTime when a device has found all its parts, in ticks.
const configured = 4217

// Start runs the device until Close.
func Start(d Device, o Options) (*Server, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{log: o.Log.With("device", d.Name)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.reachable.Store(true)
	first, err := newState(d.clone(), engine{boots: 3, booted: time.Now(), ran: ranBefore})
	if err != nil {
		s.cancel()
		return nil, err
	}
	first.lastChange = configured
	s.state.Store(first)
	if err := s.listen(o); err != nil {
		s.cancel()
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) listen(o Options) error {
	if o.SNMPAddr != "" {
		addr, err := net.ResolveUDPAddr("udp", o.SNMPAddr)
		if err != nil {
			return fmt.Errorf("cannot simulate SNMP at %s: %w", o.SNMPAddr, err)
		}
		if s.udp, err = net.ListenUDP("udp", addr); err != nil {
			return fmt.Errorf("cannot simulate SNMP: %w", err)
		}
		s.wg.Go(s.serveSNMP)
	}
	if o.SSHAddr != "" && s.state.Load().device.SSHUser != "" {
		tcp, err := listenSSH(s, o.SSHAddr)
		if err != nil {
			return err
		}
		s.tcp = tcp
	}
	return nil
}

// newState derives everything from the device. The engine's identity comes
// from the base MAC address, which is burned into the first unit.
func newState(d Device, e engine) (*state, error) {
	v, err := newView(d)
	if err != nil {
		return nil, fmt.Errorf("device %q: %w", d.Name, err)
	}
	mac := macAddress(d.Units[0].Serial)
	// RFC 3411: enterprise 9 with the high bit, format 3 (MAC address).
	e.id = string(append([]byte{0x80, 0, 0, 9, 3}, mac[:]...))
	users := make(map[string]usmUser, len(d.V3))
	for _, u := range d.V3 {
		if users[u.User], err = newUSMUser(u, e.id); err != nil {
			return nil, fmt.Errorf("device %q: %w", d.Name, err)
		}
	}
	return &state{device: d, view: v, engine: e, users: users}, nil
}

// macAddress makes the base MAC address of a unit, of one of Cisco's ranges.
func macAddress(serial string) [6]byte {
	sum := sha256.Sum256([]byte("mac " + serial))
	return [6]byte{0x00, 0x00, 0x0c, sum[0], sum[1], sum[2] &^ 0x3f}
}

// SNMPAddr returns where the agent listens, "" when it does not.
func (s *Server) SNMPAddr() string {
	if s.udp == nil {
		return ""
	}
	return s.udp.LocalAddr().String()
}

// SSHAddr returns where the SSH server listens, "" when it does not.
func (s *Server) SSHAddr() string {
	if s.tcp == nil {
		return ""
	}
	return s.tcp.addr
}

// Device returns the device as it is now.
func (s *Server) Device() Device { return s.state.Load().device.clone() }

// Requests returns how many SNMP requests were performed so far. Engine
// discovery and refused messages do not count.
func (s *Server) Requests() int64 { return s.requests.Load() }

// Update changes the device at once: each request and command sees it wholly
// before or wholly after. New parts move entLastChangeTime; another serial of
// the first unit is another box, so that it has another SNMP engine and has
// just booted. A change that is not valid is logged and not made.
func (s *Server) Update(change func(*Device)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.state.Load()
	d := old.device.clone()
	change(&d)
	d = d.clone()
	if err := d.Validate(); err != nil {
		s.log.Error("cannot change the simulated device", "error", err)
		return
	}
	e, lastChange := old.engine, old.lastChange
	switch {
	case d.Units[0].Serial != old.device.Units[0].Serial:
		e, lastChange = engine{boots: 1, booted: time.Now()}, configured
		e.ran = time.Minute
	case !slices.EqualFunc(d.Units, old.device.Units, sameUnit):
		lastChange = e.ticks()
	}
	s.replace(old, d, e, lastChange, old.keyNumber)
}

func sameUnit(a, b Unit) bool {
	return a.Serial == b.Serial && a.PID == b.PID && a.VID == b.VID && a.Absent == b.Absent && slices.Equal(a.Parts, b.Parts)
}

// RenewHostKey gives the device another SSH host key, as a replaced box has.
func (s *Server) RenewHostKey() {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.state.Load()
	s.replace(old, old.device, old.engine, old.lastChange, old.keyNumber+1)
}

// reboot restarts the device once per state.
func (s *Server) reboot() {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.state.Load()
	e := engine{boots: old.engine.boots + 1, booted: time.Now(), ran: time.Minute}
	if next := s.replace(old, old.device, e, configured, old.keyNumber); next != nil {
		next.rebooted.Store(true)
	}
}

// replace puts a new state in force. s.mu is held.
func (s *Server) replace(old *state, d Device, e engine, lastChange uint32, keyNumber uint64) *state {
	next, err := newState(d, e)
	if err != nil {
		s.log.Error("cannot change the simulated device", "error", err)
		return nil
	}
	next.lastChange, next.keyNumber = lastChange, keyNumber
	if d.Faults == old.device.Faults {
		next.walked.Store(old.walked.Load())
		next.rebooted.Store(old.rebooted.Load())
	}
	s.state.Store(next)
	return next
}

// SetReachable turns the power off or on. Off, SNMP requests are dropped, SSH
// connections end and new ones are refused.
func (s *Server) SetReachable(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reachable.Store(on)
	if s.tcp == nil || s.ctx.Err() != nil {
		return
	}
	if on {
		if err := s.tcp.open(); err != nil {
			s.log.Error("cannot switch the simulated device on again", "error", err)
		}
		return
	}
	s.tcp.shut()
}

// Close stops the device and waits until nothing of it runs. It may be called
// again.
func (s *Server) Close() error {
	var err error
	s.once.Do(func() {
		s.cancel()
		if s.udp != nil {
			err = errors.Join(err, s.udp.Close())
		}
		if s.tcp != nil {
			s.mu.Lock()
			s.tcp.shut()
			s.mu.Unlock()
		}
	})
	s.wg.Wait()
	return err
}

// serveSNMP answers datagrams one after the other until the socket is closed.
func (s *Server) serveSNMP() {
	buf := make([]byte, maxMessage)
	luck, seed := newChance(s.state.Load().device.Faults.Seed), s.state.Load().device.Faults.Seed
	for {
		n, from, err := s.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			if s.ctx.Err() != nil {
				return
			}
			continue // an ICMP error of an earlier answer
		}
		if !s.reachable.Load() {
			continue
		}
		st := s.state.Load()
		f := st.device.Faults
		if f.Seed != seed {
			luck, seed = newChance(f.Seed), f.Seed
		}
		if luck.loses(f.LossPercent) || !s.wait(f.DelayReplies) {
			continue
		}
		out := s.respond(st, buf[:n])
		if out == nil {
			continue
		}
		if f.Truncated {
			out = out[:len(out)*3/4]
		}
		if err := s.send(out, from, f.OtherSource); err != nil && s.ctx.Err() == nil {
			s.log.Debug("cannot send an SNMP answer", "error", err)
		}
	}
}

func (s *Server) send(out []byte, to netip.AddrPort, elsewhere bool) error {
	socket := s.udp
	if elsewhere {
		host := s.udp.LocalAddr().(*net.UDPAddr)
		other, err := net.ListenUDP("udp", &net.UDPAddr{IP: host.IP, Zone: host.Zone})
		if err != nil {
			return err
		}
		defer func() { _ = other.Close() }()
		socket = other
	}
	_, err := socket.WriteToUDPAddrPort(out, to)
	return err
}

// wait lets the time pass, and is false when the server ends meanwhile.
func (s *Server) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}
