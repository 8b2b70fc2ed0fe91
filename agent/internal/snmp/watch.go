package snmp

import (
	"context"
	"log/slog"
	"slices"
)

// A watched column is one with serial numbers that a full reading has read to
// its end: what a probe compares.
type watched struct {
	Root  string `json:"root"`
	Rows  int    `json:"rows,omitempty"` // with a serial or without
	Cells []cell `json:"cells,omitempty"`
	// At is the index after which the next probe goes on, "" for the beginning.
	At string `json:"at,omitempty"`
}

// A cell is a serial number of a watched column.
type cell struct {
	Index  string `json:"index"`
	Serial string `json:"serial"`
}

// cellSerial is what a probe compares: the serial of a cell as any of the
// readers would have it.
func cellSerial(v any) string {
	if _, ok := number(v); ok {
		return decimal(v)
	}
	return serial(v)
}

// watch walks a column of serials, for what a probe will compare, and tells the
// log what is in it.
func (s *session) watch(ctx context.Context, tb table, visit func(varbind)) (watched, *shortfall) {
	w := watched{Root: tb.root.String()}
	explain := s.log.Enabled(ctx, slog.LevelDebug)
	short := s.walk(ctx, tb, func(v varbind) {
		w.Rows++
		if sn := cellSerial(v.value); sn != "" {
			w.Cells = append(w.Cells, cell{v.oid.below(tb.root).String(), sn})
		} else if explain {
			if said := text(v.value, maxText); said != "" {
				s.log.Debug("dropped a value that stands for no serial number", "table", tb.name, "index", v.oid.below(tb.root).String(), "value", said)
			}
		}
		visit(v)
	})
	s.log.Debug("read serial numbers", "table", tb.name, "rows", w.Rows, "serials", len(w.Cells), "whole", short == nil)
	return w, short
}

// cursor begins where the last probe ended.
func (w *watched) cursor() *cursor {
	root := parseOID(w.Root)
	c := newCursor(table{name: "serial numbers", root: root})
	if w.At != "" {
		c.last = root.with(parseOID(w.At)...)
	}
	return c
}

// same compares what a cursor has read, from where the last probe ended, with
// what the full reading had there. It moves on, and says whether the whole
// column has been compared.
func (w *watched) same(c *cursor) (same, whole bool) {
	root := c.table.root
	from := slices.IndexFunc(w.Cells, func(known cell) bool {
		return slices.Compare(parseOID(known.Index), parseOID(w.At)) > 0
	})
	known := w.Cells[len(w.Cells):]
	if from >= 0 {
		known = w.Cells[from:]
	}
	for _, v := range c.kept {
		sn := cellSerial(v.value)
		if sn == "" {
			continue
		}
		if len(known) == 0 || known[0] != (cell{v.oid.below(root).String(), sn}) {
			return false, false
		}
		known = known[1:]
	}
	whole = w.At == "" && c.done
	if c.done {
		w.At = ""
		return len(known) == 0, whole
	}
	if c.last.in(root) {
		w.At = c.last.below(root).String()
	}
	// What follows must lie beyond what was read.
	return len(known) == 0 || slices.Compare(parseOID(known[0].Index), parseOID(w.At)) > 0, whole
}
