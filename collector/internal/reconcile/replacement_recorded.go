package reconcile

import (
	"cmp"
	"slices"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// recorded takes the replacements that people entered. They explain a unit even
// when its predecessor was never seen. Of units that were replaced again, the
// last counts.
func (r *run) recorded() {
	for i := range r.RMAs {
		rma := &r.RMAs[i]
		o, n := inventory.CleanSerial(rma.OldSerial), inventory.CleanSerial(rma.NewSerial)
		if o != "" && n != "" && o != n {
			r.records[o] = rma
		}
	}
	var all []*replacement
	for i := range r.RMAs {
		rma := &r.RMAs[i]
		o := inventory.CleanSerial(rma.OldSerial)
		if r.records[o] != rma {
			continue // a later record of the same serial counts
		}
		if x := r.fromRecord(o); x != nil {
			all = append(all, x)
		}
	}
	// Those with a line to end come first; a unit that none of them explains is
	// still to be added.
	for _, withLine := range []bool{true, false} {
		for _, x := range all {
			if (x.line != nil) == withLine && r.replaces[x.unit] == nil { // nothing replaces a unit that is not there
				r.keep(x)
			}
		}
	}
}

// fromRecord follows the records from a serial to the unit that is there now.
// It returns nil when the contract shows the replacement, or when nothing shows
// yet that it happened.
func (r *run) fromRecord(old string) *replacement {
	first := r.records[old]
	x := &replacement{oldSerial: old, oldPID: first.OldPID}
	visited := map[string]bool{old: true}
	for serial := old; r.records[serial] != nil; serial = x.newSerial {
		x.record = r.records[serial]
		x.newSerial, x.newPID = inventory.CleanSerial(x.record.NewSerial), x.record.NewPID
		if visited[x.newSerial] {
			return nil // the records go in a circle
		}
		visited[x.newSerial] = true
	}
	x.old, x.new = r.latest(old), r.latest(x.newSerial)
	if units := r.bySerial[x.newSerial]; len(units) > 0 {
		x.unit, x.new = units[0], units[0].at
		x.newPID = cmp.Or(units[0].pid, x.newPID)
	}
	if x.old != nil && x.oldPID == "" {
		x.oldPID = x.old.Component.PID
	}
	listed := r.stillListed(x, first.OpenedOn)
	if x.line != nil && x.oldPID == "" {
		x.oldPID = x.line.PID
	}
	switch {
	case x.unit == nil && r.isPresent(old):
		return nil // the replacement is on its way
	case !listed && (x.unit == nil || x.newListed || len(r.Imports) == 0):
		return nil
	}
	return x
}

// latest returns where a serial was seen last, or nil.
func (r *run) latest(serial string) *Sighting {
	var latest *Sighting
	for _, s := range r.seen[serial] {
		if latest == nil || s.Last.After(latest.Last) {
			latest = s
		}
	}
	return latest
}

// recordFor returns the record of a serial that went, also one that does not
// say yet what came, or nil.
func (r *run) recordFor(old string) *contract.RMA {
	i := slices.IndexFunc(r.RMAs, func(rma contract.RMA) bool { return inventory.CleanSerial(rma.OldSerial) == old })
	if i < 0 {
		return nil
	}
	return &r.RMAs[i]
}
