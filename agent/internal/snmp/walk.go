package snmp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gosnmp/gosnmp"
)

// Caps of one walk: a device whose identifiers rise for ever never ends by
// itself.
const (
	maxVarbinds  = 200_000
	maxWalkBytes = 32 << 20
	maxWalkTime  = 120 * time.Second
	// maxSilence is how often in a row the least that can be asked may go
	// without an answer before the device counts as gone.
	maxSilence = 2
)

// A varbind is one value of a walk.
type varbind struct {
	oid   oid
	value any
}

// A table is what a walk reads, with the name that messages give it.
type table struct {
	name string // MIB object
	root oid
}

// A shortfall says that a table was not read to its end, and why. Absence of a
// row from such a table proves nothing.
type shortfall struct {
	table string
	why   string
}

// A cursor is how far a table, mostly one column of one, has been read.
type cursor struct {
	table   table
	last    oid        // the last identifier, the root in the beginning
	done    bool       // the agent showed the end
	short   *shortfall // why there is no getting further
	seen    int        // variables
	bytes   int
	visited int       // variables with a value
	kept    []varbind // of an exploration: what was read so far
}

func newCursor(tb table) *cursor { return &cursor{table: tb, last: tb.root} }

func (c *cursor) ended() bool { return c.done || c.short != nil }

func (c *cursor) fail(why string) {
	if !c.ended() {
		c.short = &shortfall{c.table.name, fmt.Sprintf("%s, after %d rows", why, c.visited)}
	}
}

// take moves the cursor to the next variable and visits its value.
func (c *cursor) take(v varbind, kind gosnmp.Asn1BER, visit func(*cursor, varbind)) {
	if c.ended() {
		return
	}
	c.seen++
	c.bytes += 4*len(v.oid) + size(v.value)
	if c.seen > maxVarbinds || c.bytes > maxWalkBytes {
		c.fail("the table does not end")
		return
	}
	c.last = v.oid
	if kind == gosnmp.NoSuchObject || kind == gosnmp.NoSuchInstance || kind == gosnmp.Null {
		return
	}
	c.visited++
	visit(c, v)
}

// walk visits everything below the table's root, in order. It returns nil only
// when the agent showed the end: the first identifier beyond the root,
// endOfMibView, or noSuchName in SNMPv1 (discovery rule: any other stop is
// partial). What was visited before a shortfall is good. What was explored is
// not asked for again.
func (s *session) walk(ctx context.Context, tb table, visit func(varbind)) *shortfall {
	c := newCursor(tb)
	if known := s.columns[tb.root.String()]; known != nil {
		for _, v := range known.kept {
			visit(v)
		}
		*c = cursor{table: tb, last: known.last, done: known.done, seen: known.seen, bytes: known.bytes, visited: known.visited}
	}
	s.run(ctx, []*cursor{c}, func(_ *cursor, v varbind) { visit(v) })
	return c.short
}

// run reads on until every cursor has ended. The cursors must be in the order
// of their roots: an agent that answers several columns in another order than
// RFC 3416 has it then shows by identifiers that do not rise.
func (s *session) run(ctx context.Context, cursors []*cursor, visit func(*cursor, varbind)) {
	until := time.Now().Add(maxWalkTime)
	for {
		var open []*cursor
		for _, c := range cursors {
			if !c.ended() {
				open = append(open, c)
			}
		}
		if len(open) == 0 {
			return
		}
		why := ""
		switch {
		case ctx.Err() != nil:
			why = "the time for the device is used up"
		case s.silence >= maxSilence:
			why = "no answer"
		case time.Now().After(until):
			why = fmt.Sprintf("it takes longer than %s", maxWalkTime)
		}
		if why != "" {
			for _, c := range open {
				c.fail(why)
			}
			return
		}
		s.step(open, visit)
	}
}

// step sends one request for what follows the cursors, as many of them as the
// pace allows, and takes the answer.
func (s *session) step(cursors []*cursor, visit func(*cursor, varbind)) {
	n, rows := s.pace.shape(len(cursors))
	if s.single && n > 1 {
		n, rows = s.pace.shape(1)
	}
	ask := cursors[:n]
	packet, err := s.next(ask, rows)
	var f *failure
	switch {
	case err == nil:
	case errors.As(err, &f) && (f.cause == causeTimeout || f.cause == causeUnreadable):
		if !s.pace.slower(n * rows) {
			s.silence++
			ask[0].fail(f.detail)
		}
		return
	default:
		for _, c := range ask {
			c.fail(err.Error())
		}
		return
	}
	s.silence = 0
	if packet.Error != gosnmp.NoError || len(packet.Variables) == 0 {
		s.refused(packet, ask, n*rows)
		return
	}
	if s.take(packet, ask, visit) {
		values := 0
		for _, v := range packet.Variables {
			if v.Type != gosnmp.EndOfMibView {
				values++
			}
		}
		s.pace.worked(n*rows, len(packet.Variables), values, s.took, s.t.Timeout)
		s.batch.learn(values, s.conn.length)
	}
}

// next asks for what follows the cursors. A request for more than the agent
// has shown to be able to answer has one attempt, for the next one will ask for
// less; any other has them all.
func (s *session) next(ask []*cursor, rows int) (*gosnmp.SnmpPacket, error) {
	after := make([]string, len(ask))
	for i, c := range ask {
		after[i] = c.last.String()
	}
	if s.pace.nexts() {
		return s.do(s.t.Retries, func() (*gosnmp.SnmpPacket, error) { return s.g.GetNext(after) })
	}
	retries := 0
	if s.pace.proven(len(ask) * rows) {
		retries = s.t.Retries
	}
	return s.do(retries, func() (*gosnmp.SnmpPacket, error) { return s.g.GetBulk(after, 0, uint32(rows)) })
}

// refused handles an answer with an error status, or without variables.
func (s *session) refused(packet *gosnmp.SnmpPacket, ask []*cursor, asked int) {
	place := int(packet.ErrorIndex) - 1
	why := "the device answers " + errorStatus(packet.Error)
	switch {
	case packet.Error == gosnmp.NoSuchName && s.v1():
		// RFC 1157 section 4.1.3: there is no next after one of them.
		switch {
		case len(ask) == 1:
			ask[0].done = true
		case place >= 0 && place < len(ask):
			ask[place].done = true
		default:
			s.single = true
		}
		return
	case packet.Error == gosnmp.TooBig, packet.Error == gosnmp.NoError:
		if s.pace.slower(asked) {
			return
		}
	case len(ask) > 1: // one of the columns is at fault, or their number
		s.single = true
		return
	case packet.Error == gosnmp.GenErr:
		if s.pace.slower(asked) {
			return
		}
	}
	if packet.Error == gosnmp.NoError {
		why = "the device sends an empty answer"
	}
	ask[0].fail(why)
}

// take gives the variables of an answer to the cursors: the first row of all,
// the second row of all (RFC 3416 section 4.2.3), and so on. An answer about
// several columns that cannot be right says nothing that can be relied on: it
// is dropped, and from then on columns are asked for one at a time.
func (s *session) take(packet *gosnmp.SnmpPacket, ask []*cursor, visit func(*cursor, varbind)) (sound bool) {
	n := len(ask)
	list := packet.Variables
	if s.pace.nexts() {
		list = list[:min(n, len(list))]
	}
	next := make([]oid, len(list)) // nil for the end of all there is
	for i, v := range list {
		if v.Type != gosnmp.EndOfMibView {
			next[i] = parseOID(v.Name)
		}
	}
	if n > 1 && !inOrder(ask, next) {
		s.single = true
		return false
	}
	for i, v := range list {
		c := ask[i%n]
		switch {
		case c.ended():
		case next[i] == nil && v.Type == gosnmp.EndOfMibView, next[i] != nil && slices.Compare(next[i], c.last) > 0 && !next[i].in(c.table.root):
			c.done = true
		case slices.Compare(next[i], c.last) <= 0:
			c.fail(fmt.Sprintf("the device does not advance (%s after %s)", next[i], c.last))
			return false
		default:
			c.take(varbind{next[i], v.Value}, v.Type, visit)
		}
	}
	return true
}

// inOrder says that an answer about several columns can be right, row by row:
// each identifier rises, and what follows two identifiers cannot contradict. Of
// two, the next after the lower one is at most the higher one, or the next after
// that as well. An agent that answers columns in another order, leaves some out
// or mixes them up fails this; without it, the end of a column could be read
// into what belongs to another.
func inOrder(ask []*cursor, next []oid) bool {
	at := make([]oid, len(ask))
	order := make([]int, len(ask))
	for i, c := range ask {
		at[i], order[i] = c.last, i
	}
	for row := range slices.Chunk(next, len(ask)) {
		slices.SortFunc(order, func(a, b int) int { return compareNext(at[a], at[b]) })
		before := -1
		for _, j := range order {
			if j >= len(row) { // the answer was cut in this row
				continue
			}
			if at[j] != nil && compareNext(row[j], at[j]) <= 0 || at[j] == nil && row[j] != nil {
				return false
			}
			if before >= 0 && compareNext(row[before], at[j]) > 0 && compareNext(row[before], row[j]) != 0 {
				return false
			}
			before = j
		}
		copy(at, row)
	}
	return true
}

// compareNext compares identifiers, of which nil lies behind all others.
func compareNext(a, b oid) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return slices.Compare(a, b)
}

func size(v any) int {
	switch v := v.(type) {
	case []byte:
		return len(v)
	case string:
		return len(v)
	}
	return 8
}
