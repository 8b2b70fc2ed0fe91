package poll

import (
	"encoding/json"
	"iter"
	"time"

	"rollcall/agent/internal/snmp"
	"rollcall/pkg/inventory"
)

// DefaultReadings is the bound of MemoryOptions.Readings that suits an agent,
// in bytes: a switch takes some 10 kB, the largest chassis 1 MB.
const DefaultReadings = 64 << 20

// A past is the last full reading of a node: what the next poll may go by. It
// is not changed once it is made.
type past struct {
	snmp     *snmp.Last // of one credential and port, with what probes have found since
	ssh      source     // what SSH gave beside it, where it was asked
	complete bool       // the two together were
	at       time.Time  // when the full reading was made
	bytes    int
}

// last is what the next reading over SNMP may go by.
func (p *past) last() *snmp.Last {
	if p == nil {
		return nil
	}
	return p.snmp
}

// vouched says that what SSH gave last time holds as long as SNMP finds that
// nothing has changed: it made the device complete, and named no part but those
// that SNMP lists by their serials too, which is what a probe compares. A part
// that SSH alone names may be replaced without a sign over SNMP
// (entLastChangeTime is a hint only, discovery facts 6.3): it is asked for each
// time.
func (p *past) vouched(d inventory.Device) bool {
	return p.complete && p.ssh.answered && len(unite(d.Components, p.ssh.device.Components)) == len(d.Components)
}

// past is what is remembered of a node's last full reading, nil if nothing is.
func (m *Memory) past(address string) *past {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pasts[address]
}

// remember takes what a poll has come to in place of the past before. A reading
// that cannot be relied on leaves nothing: the next poll reads everything.
func (m *Memory) remember(address string, before *past, first, second source, complete bool) {
	if m.opt.Readings <= 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.opt.Now()
	m.forget(address)
	if first.last == nil {
		return
	}
	p := &past{snmp: first.last, ssh: second, complete: complete, at: now, bytes: extent(first.last) + extent(second.device)}
	if first.unchanged && before != nil {
		p.at = before.at
	}
	if m.bytes+p.bytes > m.opt.Readings {
		m.tidy(now)
	}
	// Where there is no room, the others stay: nodes are polled in turns, and
	// whichever was read longest ago is the next to be wanted.
	if m.bytes+p.bytes <= m.opt.Readings {
		m.pasts[address] = p
		m.bytes += p.bytes
	}
}

// extent estimates how many bytes a value of many short strings takes: twice
// those of its JSON.
func extent(v any) int {
	raw, err := json.Marshal(v)
	if err != nil { // strings, numbers and times in the range of years always marshal
		return 0
	}
	return 2 * len(raw)
}

// forget drops a past; m.mu is held.
func (m *Memory) forget(address string) {
	if p := m.pasts[address]; p != nil {
		m.bytes -= p.bytes
		delete(m.pasts, address)
	}
}

// tidy drops what is too old to go by: of nodes that are not polled any more,
// or not often enough; m.mu is held.
func (m *Memory) tidy(now time.Time) {
	for address, p := range m.pasts {
		if age := now.Sub(p.at); age >= snmp.FullEvery || age < 0 {
			m.forget(address)
		}
	}
}

// Retain forgets the last readings of nodes other than these, which are all
// that are polled from now on. What is known of credentials stays.
func (m *Memory) Retain(addresses iter.Seq[string]) {
	polled := map[string]bool{}
	for address := range addresses {
		polled[address] = true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for address := range m.pasts {
		if !polled[address] {
			m.forget(address)
		}
	}
}
