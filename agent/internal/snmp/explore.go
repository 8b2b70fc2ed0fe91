package snmp

import (
	"context"
	"slices"

	"rollcall/pkg/inventory"
)

// maxKept bounds the rows of one column that are kept for later: more are read
// again by whoever wants them.
const maxKept = 4096

// plan lists the columns that the first request after the system group looks
// into: those of serial numbers, to see which tables have rows at all, and the
// others of the tables that are sure to matter. A device with one or two parts
// is then known, and most empty tables cost no request.
func plan(id identity) []table {
	list := []table{
		{"entPhysicalContainedIn", column(colContainedIn)},
		{"entPhysicalClass", column(colClass)},
		{"entPhysicalSerialNum", column(colSerialNum)},
	}
	for _, c := range rowColumns(id) {
		list = append(list, table{"entPhysicalTable", column(c)})
	}
	if id.foreign {
		return list
	}
	empty := gathered{id: id}
	for _, src := range slices.Concat(sources, fallbacks) {
		if src.looks == nil || !src.mayWant(&empty) {
			continue
		}
		list = append(list, src.looks(id)...)
	}
	return list
}

// mayWant says that the source may be asked on a device of which nothing but
// its identity is known.
func (src source) mayWant(in *gathered) bool {
	if src.expects != nil {
		return src.expects(in)
	}
	return src.wants(in)
}

// expectOld says that the serial may well stand outside ENTITY-MIB, where old
// devices have it.
func expectOld(in *gathered) bool {
	switch in.id.platform {
	case inventory.PlatformIOSXE, inventory.PlatformIOSXR, inventory.PlatformNXOS, inventory.PlatformASA, inventory.PlatformFTD,
		inventory.PlatformFXOS, inventory.PlatformSMB, inventory.PlatformLinksys, inventory.PlatformCIMC, inventory.PlatformAireOS:
		return false
	}
	return isCisco(in)
}

// exploreFallbacks looks into the tables of last resort at once, where that has
// not been done.
func (s *session) exploreFallbacks(ctx context.Context, id identity) {
	var list []table
	for _, src := range fallbacks {
		if src.looks == nil {
			continue
		}
		for _, tb := range src.looks(id) {
			if s.columns[tb.root.String()] == nil {
				list = append(list, tb)
			}
		}
	}
	if len(list) > 1 {
		s.explore(ctx, list)
	}
}

// explore reads the beginnings of many columns with as few requests as the
// agent allows, one in most cases, and keeps them for walk and get. It is for
// saving requests alone: what fails here is asked for again by whoever wants it.
func (s *session) explore(ctx context.Context, tables []table) {
	slices.SortFunc(tables, func(a, b table) int { return slices.Compare(a.root, b.root) })
	tables = slices.CompactFunc(tables, func(a, b table) bool { return slices.Equal(a.root, b.root) })
	cursors := make([]*cursor, len(tables))
	for i, tb := range tables {
		cursors[i] = newCursor(tb)
	}
	// Below a few columns at once there is nothing to save.
	const worthwhile = 4
	for ctx.Err() == nil && !s.single && s.pace.size >= worthwhile {
		open := slices.DeleteFunc(slices.Clone(cursors), func(c *cursor) bool { return c.ended() || c.seen > 0 })
		if len(open) == 0 {
			break
		}
		s.step(open, keepRow)
	}
	s.keep(cursors)
}

// prefetch reads columns of tables to their ends side by side, for tables where
// most rows are wanted.
func (s *session) prefetch(ctx context.Context, tables ...table) {
	var cursors []*cursor
	for _, tb := range tables {
		c := s.columns[tb.root.String()]
		if c == nil {
			c = newCursor(tb)
		}
		if !c.ended() {
			cursors = append(cursors, c)
		}
	}
	slices.SortFunc(cursors, func(a, b *cursor) int { return slices.Compare(a.table.root, b.table.root) })
	if len(cursors) < 2 || s.single {
		return // walk and get do as well
	}
	s.run(ctx, cursors, keepRow)
	s.keep(cursors)
}

func keepRow(c *cursor, v varbind) {
	c.kept = append(c.kept, v)
	if len(c.kept) >= maxKept {
		c.fail("more rows than are kept")
	}
}

// keep makes what cursors have read known to walk and get. Where they failed
// stays open: it is asked for again.
func (s *session) keep(cursors []*cursor) {
	for _, c := range cursors {
		if c.seen == 0 && !c.done {
			continue
		}
		c.short = nil
		s.columns[c.table.root.String()] = c
		for _, v := range c.kept {
			s.known[v.oid.String()] = v.value
		}
	}
}

// lookup gives what exploration has shown of one object: known is false when it
// did not get there.
func (s *session) lookup(o oid) (value any, there, known bool) {
	if value, there = s.known[o.String()]; there {
		return value, true, true
	}
	for _, c := range s.columns {
		if o.in(c.table.root) {
			return nil, false, c.done || slices.Compare(o, c.last) <= 0
		}
	}
	return nil, false, false
}
