package snmp

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gosnmp/gosnmp"
)

const (
	// firstBatch is the number of objects in the first GET: 24 short strings
	// fit an Ethernet frame.
	firstBatch = 24
	// maxBatch bounds it.
	maxBatch = 96
	// frame is what fits an Ethernet frame, in octets, with room for the
	// headers of IP, UDP and SNMPv3. An answer to a GET cannot be cut to size:
	// longer ones are asked for only of an agent that has sent as much.
	frame = 1350
	// usualWidth is what an object takes in an answer, in octets, until some
	// have been seen: an identifier of 14 arcs and a text of 15 characters.
	usualWidth = 36
)

// A batch is how many objects a GET asks for.
type batch struct {
	size   int
	failed int // the size that failed last, 0 for none
	// Of all answers so far.
	octets, objects int
}

func newBatch() batch { return batch{size: firstBatch} }

// limit is how many objects to ask for at once, of an agent that has sent
// datagrams of so many octets.
func (b *batch) limit(longest int) int {
	width := usualWidth
	if b.objects > 0 {
		width = max(8, b.octets/b.objects)
	}
	return max(1, min(b.size, max(firstBatch, max(frame, longest)/width)))
}

// learn notes an answer with so many variables: the agent can answer as many
// in one.
func (b *batch) learn(objects, octets int) {
	b.octets, b.objects = b.octets+octets, b.objects+objects
	if b.failed == 0 || objects < b.failed {
		b.size = max(b.size, min(maxBatch, objects))
	}
}

// worked notes an answer to a GET of so many objects.
func (b *batch) worked(objects, octets int) {
	b.learn(objects, octets)
	if next := min(maxBatch, 2*b.size); objects >= b.size/2 && (b.failed == 0 || next < b.failed) {
		b.size = next
	}
}

// smaller halves the number of objects of a request; false says that it was
// one.
func (b *batch) smaller(n int) bool {
	b.size, b.failed = max(1, n/2), n
	return n > 1
}

// get reads single objects, many in one request, and gives their values by
// identifier; an object that the agent does not have is absent from the map.
// The shortfall, if any, says why some may be missing from it without proof.
func (s *session) get(ctx context.Context, name string, objects []oid) (map[string]any, *shortfall) {
	return s.fetch(ctx, name, objects, nothingMore)
}

func nothingMore(oid, any) []oid { return nil }

// fetch is get with a say in what to read next: got is called for each value,
// and the objects that it returns are read too.
func (s *session) fetch(ctx context.Context, name string, objects []oid, got func(oid, any) []oid) (map[string]any, *shortfall) {
	g := getter{s: s, name: name, values: map[string]any{}, asked: map[string]bool{}, got: got}
	g.want(objects)
	for len(g.queue) > 0 {
		if ctx.Err() != nil {
			g.fail("the time for the device is used up")
			break
		}
		if s.silence >= maxSilence {
			g.fail("no answer")
			break
		}
		n := min(s.batch.limit(s.conn.longest), len(g.queue))
		objects := g.queue[:n]
		g.queue = g.queue[n:]
		again, stop := g.some(objects)
		if stop {
			break
		}
		// What has to be asked again goes first.
		g.queue = slices.Concat(again, g.queue)
	}
	return g.values, g.short
}

type getter struct {
	s      *session
	name   string
	queue  []oid
	got    func(oid, any) []oid
	values map[string]any
	asked  map[string]bool // objects left out of an answer once
	short  *shortfall
}

// want queues the objects that exploration has not come across.
func (g *getter) want(objects []oid) {
	for len(objects) > 0 {
		o := objects[0]
		objects = objects[1:]
		switch value, there, known := g.s.lookup(o); {
		case there:
			g.values[o.String()] = value
			objects = append(objects, g.got(o, value)...)
		case !known:
			g.queue = append(g.queue, o)
		}
	}
}

func (g *getter) fail(why string) {
	if g.short == nil {
		g.short = &shortfall{g.name, why}
	}
}

// some asks for these objects at once and returns those to ask again.
func (g *getter) some(objects []oid) (again []oid, stop bool) {
	list := make([]string, len(objects))
	for i, o := range objects {
		list[i] = o.String()
	}
	retries := g.s.t.Retries
	if len(list) > 1 {
		retries = min(1, retries) // the next attempt asks for less
	}
	packet, err := g.s.do(retries, func() (*gosnmp.SnmpPacket, error) { return g.s.g.Get(list) })
	var f *failure
	switch {
	case errors.As(err, &f) && (f.cause == causeTimeout || f.cause == causeUnreadable) && g.s.batch.smaller(len(list)):
		return objects, false
	case err != nil:
		if f != nil && f.cause == causeTimeout {
			g.s.silence++
		}
		g.fail(err.Error())
		return nil, true
	}
	g.s.silence = 0
	if packet.Error == gosnmp.NoError {
		return g.keep(packet, objects)
	}
	return g.refused(packet, objects)
}

// refused handles an answer with an error status. In SNMPv1, and in some
// agents of v2c, one missing object fails the whole request with noSuchName
// and its place: drop that object and ask again for the others.
func (g *getter) refused(packet *gosnmp.SnmpPacket, objects []oid) (again []oid, stop bool) {
	place := int(packet.ErrorIndex) - 1
	named := place >= 0 && place < len(objects)
	switch {
	case packet.Error == gosnmp.NoSuchName && (named || len(objects) == 1):
		return without(objects, max(place, 0)), false
	case packet.Error != gosnmp.NoSuchName && packet.Error != gosnmp.TooBig && (named || len(objects) == 1):
		g.fail("the device answers " + errorStatus(packet.Error))
		return without(objects, max(place, 0)), false
	case g.s.batch.smaller(len(objects)):
		return objects, false
	}
	g.fail(fmt.Sprintf("the device answers %s to a request for one object", errorStatus(packet.Error)))
	return nil, false
}

func without(objects []oid, place int) []oid {
	if place >= len(objects) {
		return nil
	}
	rest := make([]oid, 0, len(objects)-1)
	rest = append(rest, objects[:place]...)
	return append(rest, objects[place+1:]...)
}

// keep takes the values by identifier, for agents leave out and reorder. What
// was not asked for is dropped.
func (g *getter) keep(packet *gosnmp.SnmpPacket, objects []oid) (again []oid, stop bool) {
	answered := make(map[string]bool, len(objects))
	for _, o := range objects {
		answered[o.String()] = false
	}
	for _, v := range packet.Variables {
		at := parseOID(v.Name)
		name := at.String()
		if seen, asked := answered[name]; seen || !asked {
			continue
		}
		answered[name] = true
		switch v.Type {
		case gosnmp.NoSuchObject, gosnmp.NoSuchInstance, gosnmp.EndOfMibView, gosnmp.Null:
		default:
			g.values[name] = v.Value
			g.want(g.got(at, v.Value))
		}
	}
	for _, o := range objects {
		name := o.String()
		switch {
		case answered[name]:
		case g.asked[name]:
			g.fail("the device leaves objects out of its answers")
		default:
			g.asked[name] = true
			again = append(again, o)
		}
	}
	if len(again) == 0 {
		g.s.batch.worked(len(objects), g.s.conn.length)
	} else if len(objects) > 1 {
		g.s.batch.smaller(len(objects))
	}
	return again, false
}
