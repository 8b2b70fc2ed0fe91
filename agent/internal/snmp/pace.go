package snmp

import (
	"time"

	"github.com/gosnmp/gosnmp"
)

// How many variables one answer may have. An agent cuts a GETBULK's answer to
// what it can send, so asking for more than fits costs nothing; but agents are
// known that time out instead: IOS-XE and NX-OS at 25 repetitions
// (snmp_exporter issue 1236), others at 50 (gosnmp issue 100).
const (
	// firstSize is what the first GETBULK asks for: a row or two of some
	// fifteen columns, which fits an Ethernet frame.
	firstSize = 36
	// firstRepetitions is the most that a GETBULK of one column asks of an
	// agent that has not shown anything yet; of one that has, it asks for
	// twice that at most.
	firstRepetitions = 10
	// maxWide is the most of a GETBULK of several columns, maxSize that of one
	// column: most cells of the column of serials are empty, and 128 of these
	// are two Ethernet frames.
	maxWide = 60
	maxSize = 128
	// firstPatience is how many good answers at a lower pace let the walker
	// try a higher one again.
	firstPatience = 8
	// hurried is the share of the time-out within which an answer must come
	// for the next request to ask for twice as much.
	hurried = 4
)

// A pace is how many variables a GETBULK asks for; 0 means a GETNEXT of one. It
// falls at each sign that the agent cannot do it, and doubles with each answer
// that is full and quick. What failed once is tried again after a while, for
// the sign may have been one lost packet.
type pace struct {
	bulk     bool // the protocol version has GETBULK
	size     int
	shown    int // the most variables that the agent has put into an answer
	failed   int // the size that failed last, 0 for none
	good     int // answers since the last trouble
	patience int
}

func newPace(v gosnmp.SnmpVersion) pace {
	p := pace{bulk: v != gosnmp.Version1, size: firstSize, patience: firstPatience}
	if !p.bulk {
		p.size = firstRepetitions // a GETNEXT of so many columns
	}
	return p
}

// shape says how many of the columns to ask for at once, and how many rows.
func (p *pace) shape(columns int) (n, rows int) {
	n = max(1, min(columns, p.size))
	switch {
	case !p.bulk, p.size == 0:
		return n, 1
	case n == 1:
		return 1, min(p.size, max(firstRepetitions, 2*p.shown))
	}
	return n, max(1, min(p.size, maxWide)/n)
}

// proven says that the agent has answered as many variables before: when it
// does not now, the packet was lost, or the agent.
func (p *pace) proven(asked int) bool { return asked <= p.shown }

// nexts says that requests are GETNEXT.
func (p *pace) nexts() bool { return !p.bulk || p.size == 0 }

// lowest says that a request could not ask for less.
func (p *pace) lowest() bool { return p.size == 0 || !p.bulk && p.size == 1 }

// slower lowers the pace after a request for so many variables; false says that
// it is at its lowest.
func (p *pace) slower(asked int) bool {
	if p.lowest() {
		return false
	}
	switch {
	case p.proven(asked):
		p.size = 0 // repeated in vain: ask for the very least before giving up
	case p.shown > 0:
		p.size = min(p.shown, asked/2)
	default:
		p.size = asked / 3 // 36, 12, 4, 1: the usual 10 comes soon
	}
	if !p.bulk {
		p.size = max(1, p.size)
	}
	p.failed, p.good = asked, 0
	p.patience *= 2
	return true
}

// worked notes an answer with so many variables, so many of them values, to a
// request for so many.
func (p *pace) worked(asked, got, values int, took, timeout time.Duration) {
	p.shown = max(p.shown, values)
	next := min(maxSize, max(1, 2*p.size))
	if got < asked || took > timeout/hurried || next <= p.size {
		return
	}
	if !p.bulk {
		next = min(next, firstRepetitions)
	}
	if p.failed > 0 && next >= p.failed {
		if p.good++; p.good < p.patience {
			return
		}
		p.good, p.failed = 0, 0
	}
	p.size = next
}
