package poll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"rollcall/agent/internal/snmp"
	"rollcall/agent/internal/sshcli"
	"rollcall/pkg/inventory"
)

// How long a credential that a node refused is not tried there again: an hour
// after the first refusal, twice as long after each further one, a day at most.
// Directories count failures over half an hour or so and lock the account after
// three to ten; a device may block all logins after a few (`login block-for`).
const (
	firstRest   = time.Hour
	longestRest = 24 * time.Hour
)

const (
	// DefaultLogins is how many different SSH credentials a node is tried with
	// in one poll.
	DefaultLogins = 2
	// suspicious is the number of nodes that took an SSH credential before and
	// refuse it now, with none that took it in between, after which it is tried
	// nowhere for a while: its password was changed, and to show the old one to
	// every node would lock the account.
	suspicious = 3
	// renewEvery is how often a note that still holds is kept anew, so that its
	// age tells when the node last answered.
	renewEvery = 7 * 24 * time.Hour
	// maxNoted bounds the refusals that are remembered of one node and
	// transport.
	maxNoted = 64
)

// A Memory knows which credential opens which node, which were refused there,
// and what the node said last. It is safe for use by several goroutines.
type Memory struct {
	opt MemoryOptions

	mu     sync.Mutex
	nodes  map[string]*noted
	lapsed map[string]refusal // by name of an SSH credential; Times counts nodes
	pasts  map[string]*past   // by address
	bytes  int                // of pasts
}

// MemoryOptions are what a Memory needs. The zero value has defaults for all.
type MemoryOptions struct {
	Now func() time.Time
	// Keep makes a note durable, so that Recall can bring it back after a
	// restart; an empty one is to be forgotten. Notes hold names of credentials
	// and times, and no secret.
	Keep func(ctx context.Context, address string, note []byte)
	// Readings is how many bytes of nodes' last full readings are remembered,
	// so that a node where nothing has changed costs a request or two. With 0,
	// as for a scan, every poll reads everything. They are not durable: the
	// first poll after a restart reads everything too.
	Readings int
	// Asked is told of every reading over SNMP: whether it found the node
	// unchanged, and how many datagrams it sent.
	Asked func(unchanged bool, requests int)
}

// A noted is what is known of one node.
type noted struct {
	SNMP history   `json:"snmp,omitzero"`
	SSH  history   `json:"ssh,omitzero"`
	Kept time.Time `json:"kept"` // when the note was last made durable
}

// over is the part that concerns a transport.
func (n *noted) over(via string) *history {
	if via == ViaSSH {
		return &n.SSH
	}
	return &n.SNMP
}

// A history is what is known of one transport of a node.
type history struct {
	Worked  string             `json:"worked,omitempty"`  // name of the credential
	Refused map[string]refusal `json:"refused,omitempty"` // by name
}

// IsZero leaves an empty history out of the JSON.
func (h history) IsZero() bool { return h.Worked == "" && len(h.Refused) == 0 }

// A refusal is that a node did not take a credential.
type refusal struct {
	Times int       `json:"times"` // in a row
	At    time.Time `json:"at"`    // the last
}

// until is when the credential may be tried again.
func (r refusal) until() time.Time {
	rest := firstRest
	for n := 1; n < r.Times && rest < longestRest; n++ {
		rest *= 2
	}
	return r.At.Add(min(rest, longestRest))
}

// rests says that the credential is not to be tried now. A secret that was
// written since ends the rest, and so does a clock that was set back: then
// nothing is known of how long ago the refusal was.
func (r refusal) rests(now, changed time.Time) bool {
	return !now.Before(r.At) && now.Before(r.until()) && !changed.After(r.At)
}

// NewMemory makes a memory that knows nothing.
func NewMemory(opt MemoryOptions) *Memory {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Keep == nil {
		opt.Keep = func(context.Context, string, []byte) {}
	}
	if opt.Asked == nil {
		opt.Asked = func(bool, int) {}
	}
	return &Memory{opt: opt, nodes: map[string]*noted{}, lapsed: map[string]refusal{}, pasts: map[string]*past{}}
}

// Recall takes a note that Keep was given.
func (m *Memory) Recall(address string, note []byte) error {
	var n noted
	if err := json.Unmarshal(note, &n); err != nil {
		return fmt.Errorf("cannot use what was noted about %s: %w", address, err)
	}
	for _, h := range []history{n.SNMP, n.SSH} {
		if len(h.Refused) > maxNoted {
			return fmt.Errorf("cannot use what was noted about %s: %w", address, errors.New("it has too many refusals"))
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nodes[address] = &n
	return nil
}

// Forgive forgets all refusals, for a person who has put things right. The
// notes that are kept change as the nodes are polled.
func (m *Memory) Forgive() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range m.nodes {
		n.SNMP.Refused, n.SSH.Refused = nil, nil
		n.Kept = time.Time{}
	}
	clear(m.lapsed)
}

// known is what is known of a transport of a node; m.mu is held.
func (m *Memory) known(via, address string) history {
	if n := m.nodes[address]; n != nil {
		return *n.over(via)
	}
	return history{}
}

// note is the note about a node, made if there is none; m.mu is held.
func (m *Memory) note(address string) *noted {
	n := m.nodes[address]
	if n == nil {
		n = &noted{}
		m.nodes[address] = n
	}
	return n
}

// worked is the name of the credential that opened the node last, "" if none.
func (m *Memory) worked(via, address string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known(via, address).Worked
}

// accept notes that a node took a credential.
func (m *Memory) accept(ctx context.Context, via, address, name string) {
	m.mu.Lock()
	n := m.note(address)
	h := n.over(via)
	_, refused := h.Refused[name]
	now := m.opt.Now()
	news := h.Worked != name || refused || now.Sub(n.Kept) >= renewEvery || now.Before(n.Kept)
	h.Worked = name
	delete(h.Refused, name)
	if via == ViaSSH {
		delete(m.lapsed, name)
	}
	m.keep(ctx, address, news)
}

// refuse notes that a node did not take a credential.
func (m *Memory) refuse(ctx context.Context, via, address, name string) {
	m.mu.Lock()
	h := m.note(address).over(via)
	now := m.opt.Now()
	if h.Refused == nil {
		h.Refused = map[string]refusal{}
	}
	if _, there := h.Refused[name]; !there && len(h.Refused) >= maxNoted {
		m.mu.Unlock()
		return
	}
	h.Refused[name] = refusal{Times: h.Refused[name].Times + 1, At: now}
	if via == ViaSSH && h.Worked == name {
		m.lapsed[name] = refusal{Times: m.lapsed[name].Times + 1, At: now}
	}
	m.keep(ctx, address, true)
}

// keep makes the note durable if it has news, and unlocks m.mu.
func (m *Memory) keep(ctx context.Context, address string, news bool) {
	if !news {
		m.mu.Unlock()
		return
	}
	n := m.nodes[address]
	n.Kept = m.opt.Now().UTC()
	raw, err := json.Marshal(n)
	m.mu.Unlock()
	if err != nil { // strings, numbers and times in the range of years always marshal
		return
	}
	// A poll that is stopped has learnt this all the same.
	m.opt.Keep(context.WithoutCancel(ctx), address, raw)
}

// A candidate is a credential by what choosing needs to know of it.
type candidate struct {
	name    string
	changed time.Time // when the file of a secret was last written; zero if unknown
}

func snmpCandidates(list []snmp.Credential) []candidate {
	var out []candidate
	for _, c := range list {
		out = append(out, candidate{c.Name, latest(c.Community.Changed(), c.AuthPassword.Changed(), c.PrivPassword.Changed())})
	}
	return out
}

func sshCandidates(list []sshcli.Credential) []candidate {
	var out []candidate
	for _, c := range list {
		out = append(out, candidate{c.Name, c.Password.Changed()})
	}
	return out
}

func latest(list ...time.Time) time.Time {
	var last time.Time
	for _, t := range list {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// A turn is what choosing came to.
type turn struct {
	order []int // of the candidates to try
	// left says of each of the others why it is left out, in words that hold
	// if none of those that are tried works.
	left []inventory.Problem
}

// turns chooses: the credential that worked last comes first, what the node
// refused not long ago is left out, and so is what comes beyond the limit,
// where there is one.
func (m *Memory) turns(via, address string, list []candidate, limit int) turn {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, now := m.known(via, address), m.opt.Now()
	var t turn
	for _, i := range inOrder(list, h.Worked) {
		c := list[i]
		switch refused, lapsed := h.Refused[c.name], m.lapsed[c.name]; {
		case refused.rests(now, c.changed):
			t.leave(via, "credential %s was not tried: the device refused it %s, last at %s. It is tried again after %s, or as soon as its secret is changed.",
				quoted(c.name), times(refused.Times), clock(refused.At), clock(refused.until()))
		case via == ViaSSH && lapsed.Times >= suspicious && wary(lapsed).rests(now, c.changed):
			t.leave(via, "credential %s was not tried: %d devices in a row that took it before refuse it now, and more tries could lock the account. Correct its password; it is tried again after %s.",
				quoted(c.name), lapsed.Times, clock(wary(lapsed).until()))
		case limit > 0 && len(t.order) >= limit:
			t.leave(via, "credential %s was not tried: %s in one poll are enough, as more would look like an attack. It has its turn in a later poll; name the right credential at the target to have it tried first.",
				quoted(c.name), plural(limit, "credential"))
		default:
			t.order = append(t.order, i)
		}
	}
	return t
}

// wary is the rest of a credential that several nodes refuse.
func wary(lapsed refusal) refusal {
	return refusal{Times: lapsed.Times - suspicious + 1, At: lapsed.At}
}

func (t *turn) leave(via, format string, args ...any) {
	t.left = append(t.left, inventory.Problem{
		Kind: inventory.ProblemCredentialRefused, Via: via, Message: strings.ToUpper(via) + " " + fmt.Sprintf(format, args...),
	})
}

// inOrder is the indices of the candidates, the one of that name first.
func inOrder(list []candidate, name string) []int {
	order := make([]int, 0, len(list))
	for i, c := range list {
		if name != "" && c.name == name && len(order) == 0 {
			order = append(order, i)
		}
	}
	for i := range list {
		if len(order) == 0 || order[0] != i {
			order = append(order, i)
		}
	}
	return order
}

func quoted(name string) string { return fmt.Sprintf("%q", name) }

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times in a row", n)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
