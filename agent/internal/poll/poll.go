// Package poll reads one node over SNMP, SSH or both, and makes one device of
// what it got. The order of transports, the commands of each platform and the
// rules by which two readings become one are here; the transports themselves
// are in snmp and sshcli, the meaning of outputs in show.
package poll

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"rollcall/agent/internal/snmp"
	"rollcall/agent/internal/sshcli"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
)

// The values of Node.Via.
const (
	ViaAuto = "auto" // SNMP, then SSH where SNMP is not enough
	ViaSNMP = "snmp"
	ViaSSH  = "ssh"
)

// defaultBudget bounds one transport of one node.
const defaultBudget = 10 * time.Minute

// Ports of the transports where a node names none.
const (
	defaultSNMPPort = 161
	defaultSSHPort  = 22
)

// A Node is one management endpoint and the ways to read it. Zero values mean
// the transports' defaults; an empty Via means auto.
type Node struct {
	Address  string
	SNMP     []snmp.Credential
	SNMPPort int
	SSH      []sshcli.Credential
	SSHPort  int
	Via      string
	Timeout  time.Duration // for one answer
	Retries  int           // of an SNMP request
	Budget   time.Duration // for each transport
	// Logins is how many different SSH credentials may be tried in one poll;
	// DefaultLogins when 0.
	Logins int
	// Sweep says that the address is one of many where a device may be: it is
	// given less time to show itself, and no password before it has.
	Sweep bool
}

func (n Node) sshPort() int { return cmp.Or(n.SSHPort, defaultSSHPort) }

// reader asks one device over SNMP with one credential, and goes by what it
// said last where it can.
type reader interface {
	ReadSince(ctx context.Context, t snmp.Target, last *snmp.Last, log *slog.Logger) (snmp.Reading, *snmp.Last)
}

// shell is a session on a device's command line.
type shell interface {
	Run(ctx context.Context, command string) (string, error)
	Prompt() string
	Problems() []inventory.Problem
	Close() error
}

// dialer opens shells.
type dialer interface {
	Dial(ctx context.Context, t sshcli.Target) (shell, error)
}

// A Poller polls nodes. It is safe for concurrent use with different nodes.
type Poller struct {
	hostKeys *sshcli.HostKeys
	memory   *Memory
	log      *slog.Logger
	snmp     reader
	ssh      dialer
}

// New makes a poller that checks SSH host keys against the store, and goes by
// what the memory knows of the nodes: of their credentials, and of what they
// said last.
func New(hostKeys *sshcli.HostKeys, memory *Memory, log *slog.Logger) *Poller {
	return &Poller{hostKeys: hostKeys, memory: memory, log: log, snmp: snmpReader{}, ssh: sshDialer{log}}
}

type snmpReader struct{}

// ReadSince implements reader.
func (snmpReader) ReadSince(ctx context.Context, t snmp.Target, last *snmp.Last, log *slog.Logger) (snmp.Reading, *snmp.Last) {
	return snmp.ReadSince(ctx, t, last, log)
}

type sshDialer struct{ log *slog.Logger }

// Dial implements dialer.
func (d sshDialer) Dial(ctx context.Context, t sshcli.Target) (shell, error) {
	s, err := sshcli.Dial(ctx, t, d.log)
	if err != nil {
		return nil, err // a nil *Session in the interface would not be nil
	}
	return s, nil
}

// Poll reads the node. Answered is false only when it gave nothing over any
// transport; then the device has its address and the problems alone.
func (p *Poller) Poll(ctx context.Context, n Node) (d inventory.Device, answered bool) {
	return p.Explain(ctx, n, nil)
}

// Explain is Poll that tells the trace what it does and why.
func (p *Poller) Explain(ctx context.Context, n Node, trace Trace) (d inventory.Device, answered bool) {
	if n.Budget <= 0 {
		n.Budget = defaultBudget
	}
	v := visit{Poller: p, node: n, trace: trace}
	useSNMP, useSSH := n.transports()
	if !useSNMP && !useSSH {
		d = unreadable(n)
		trace.problems(d.Errors)
		return d, false
	}
	before := p.memory.past(n.Address)
	var first, second source
	if useSNMP {
		first = v.overSNMP(ctx, before)
	}
	switch {
	case useSSH && useSNMP:
		second = v.afterSNMP(ctx, first, before)
	case useSSH:
		second = v.overSSH(ctx, first)
	}
	d = merge(n.Address, first, second)
	p.memory.remember(n.Address, before, first, second, d.Complete)
	answered = first.answered || second.answered
	trace.merged(first, second, d, answered)
	return d, answered
}

// transports says which ways the node may be read.
func (n Node) transports() (overSNMP, overSSH bool) {
	switch n.Via {
	case ViaSNMP:
		return len(n.SNMP) > 0, false
	case ViaSSH:
		return false, len(n.SSH) > 0
	}
	return len(n.SNMP) > 0, len(n.SSH) > 0
}

// unreadable is a node for which there is no credential.
func unreadable(n Node) inventory.Device {
	via := n.Via
	if via == "" || via == ViaAuto {
		via = "SNMP or SSH"
	}
	return inventory.Device{
		Address: n.Address, Platform: inventory.PlatformUnknown, Via: []string{}, Components: []inventory.Component{},
		Errors: []inventory.Problem{{
			Kind:    inventory.ProblemCredentialRefused,
			Message: fmt.Sprintf("no credential is configured to read %s over %s", n.Address, via),
		}},
	}
}

// source is what one transport gave.
type source struct {
	via      string
	asked    bool
	answered bool
	device   inventory.Device

	// What follows is of SNMP alone: what the next reading may go by, and
	// whether this one is that of before, which still holds.
	// standIn says that its units are boards of a chassis that tells no serial.
	last      *snmp.Last
	unchanged bool
	standIn   bool
}

// visit is one poll of one node.
type visit struct {
	*Poller

	node  Node
	trace Trace
}

// afterSNMP asks over SSH for what SNMP did not give. A device that SNMP read
// whole, with its units, is not asked again: each login takes one of a handful
// of VTY lines and a line in somebody's log. Nor is one where nothing has
// changed since SSH answered, if SNMP can vouch for that.
func (v visit) afterSNMP(ctx context.Context, first source, before *past) source {
	reason := lacks(first)
	switch {
	case reason == "":
		v.trace.say("SSH is not asked: SNMP read everything, with its units")
		return source{}
	case first.unchanged && before.vouched(first.device):
		v.trace.say("SSH is not asked: nothing has changed since it answered, and SNMP lists every part that it named")
		return before.ssh
	}
	v.trace.say("SSH is asked too", "because", reason)
	v.log.Debug("asking over ssh too", "device", v.node.Address, "reason", reason)
	return v.overSSH(ctx, first)
}

// lacks says why what SNMP gave is not enough, "" if it is.
func lacks(s source) string {
	switch {
	case !s.answered:
		return "SNMP did not answer"
	case len(s.device.Components) == 0:
		return "SNMP gave no serial number"
	case len(s.device.Units()) == 0:
		// Modules without their chassis: the part that a contract names is missing.
		return "SNMP gave parts, but no unit"
	case s.standIn:
		return "SNMP gave the serial number of a board in place of the chassis's"
	case !s.device.Complete:
		// A table that was cut short may lack any part, and proves no absence.
		return "SNMP was cut short"
	}
	return ""
}

// overSNMP tries the credentials that have their turn.
func (v visit) overSNMP(ctx context.Context, before *past) source {
	s := source{via: ViaSNMP, asked: true}
	n := v.node
	turn := v.memory.turns(ViaSNMP, n.Address, snmpCandidates(n.SNMP), 0)
	ctx, cancel := context.WithTimeout(ctx, n.Budget)
	defer cancel()
	var refused []inventory.Problem
	for _, i := range turn.order {
		r, last := v.read(ctx, n.SNMP[i], before.last())
		if r.Answered {
			return source{via: ViaSNMP, asked: true, answered: true, device: r.Device, last: last, unchanged: r.Unchanged, standIn: r.StandIn}
		}
		refused = addProblems(refused, r.Device.Errors)
		if ctx.Err() != nil {
			break
		}
	}
	v.trace.problems(turn.left)
	s.device = inventory.Device{Address: n.Address, Errors: addProblems(refused, turn.left)}
	return s
}

// read asks with one credential, and remembers what became of it.
func (v visit) read(ctx context.Context, c snmp.Credential, last *snmp.Last) (snmp.Reading, *snmp.Last) {
	n := v.node
	t := snmp.Target{
		Address: n.Address, Port: n.SNMPPort, Credential: c, Timeout: n.Timeout, Retries: n.Retries, Budget: n.Budget,
	}
	first := t
	if n.Sweep {
		first = hurried(t)
	}
	r, next := v.ask(ctx, first, last)
	if first.Timeout != t.Timeout && cutShort(r) {
		v.trace.say("asking again with the usual time-out, as the address of a sweep turned out to be a device")
		if again, later := v.ask(ctx, t, nil); again.Answered {
			r, next = again, later
		}
	}
	switch {
	case r.Answered:
		v.memory.accept(ctx, ViaSNMP, n.Address, c.Name)
	case isRefused(r.Device.Errors) && readable(c.Community, c.AuthPassword, c.PrivPassword):
		v.memory.refuse(ctx, ViaSNMP, n.Address, c.Name)
	}
	return r, next
}

func (v visit) ask(ctx context.Context, t snmp.Target, last *snmp.Last) (snmp.Reading, *snmp.Last) {
	v.trace.asking(t)
	r, next := v.snmp.ReadSince(ctx, t, last, v.trace.logger(v.log, ViaSNMP))
	v.memory.opt.Asked(r.Unchanged, r.Requests)
	if r.Unchanged {
		v.trace.say("nothing has changed since the last full reading, which counts")
	}
	v.trace.reading(ViaSNMP, r.Answered, r.Device)
	return r, next
}

func isRefused(list []inventory.Problem) bool {
	for _, p := range list {
		if p.Kind == inventory.ProblemCredentialRefused {
			return true
		}
	}
	return false
}

// readable says that it was not for want of our own secrets that a credential
// failed.
func readable(secrets ...config.Secret) bool {
	for _, s := range secrets {
		if _, err := s.Value(); s.IsSet() && err != nil {
			return false
		}
	}
	return true
}

// overSSH tries the credentials that have their turn.
func (v visit) overSSH(ctx context.Context, first source) source {
	n := v.node
	s := source{via: ViaSSH, asked: true, device: inventory.Device{Address: n.Address}}
	turn := v.memory.turns(ViaSSH, n.Address, sshCandidates(n.SSH), cmp.Or(n.Logins, DefaultLogins))
	if len(turn.order) == 0 {
		v.trace.problems(turn.left)
		s.device.Errors = turn.left
		return s
	}
	if n.Sweep && !first.answered {
		if p := v.knock(ctx); p != nil {
			s.device.Errors = []inventory.Problem{*p}
			return s
		}
	}
	n.SSH = make([]sshcli.Credential, 0, len(turn.order))
	for _, i := range turn.order {
		n.SSH = append(n.SSH, v.node.SSH[i])
	}
	p := *v.Poller
	p.log = v.trace.logger(v.log, ViaSSH)
	p.ssh = watcher{dialer: v.ssh, visit: v}
	if _, real := v.ssh.(sshDialer); real {
		p.ssh = watcher{dialer: sshDialer{p.log}, visit: v}
	}
	s = p.readSSH(ctx, n)
	if s.answered {
		v.trace.reading(ViaSSH, true, s.device)
		return s
	}
	v.trace.problems(turn.left)
	s.device.Errors = addProblems(s.device.Errors, turn.left)
	return s
}

// Neighbours asks a node that answered over SNMP which devices it hears over
// CDP and LLDP. A node that did not has none that are known.
func (p *Poller) Neighbours(ctx context.Context, n Node) ([]snmp.Neighbour, []inventory.Problem) {
	name := p.memory.worked(ViaSNMP, n.Address)
	for _, c := range n.SNMP {
		if name != "" && c.Name == name {
			return snmp.Neighbours(ctx, snmp.Target{
				Address: n.Address, Port: n.SNMPPort, Credential: c, Timeout: n.Timeout, Retries: n.Retries, Budget: n.Budget,
			}, p.log)
		}
	}
	return nil, nil
}
