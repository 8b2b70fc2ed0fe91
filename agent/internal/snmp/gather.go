package snmp

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"rollcall/pkg/inventory"
)

// gathered is what all tables of a device came to.
type gathered struct {
	id      identity
	rows    []row
	stack   []row          // of class stack(11), with a serial
	classes map[uint32]int // entPhysicalClass of all rows
	extra   uint32         // rows of other tables so far
	step    step
	watched []watched // columns of serials
	shorts  []*shortfall
}

// gather adds to entPhysicalTable what the tables of makers and platforms say,
// and marks the units.
func (s *session) gather(ctx context.Context, id identity) gathered {
	s.explore(ctx, plan(id))
	p := s.readPhysical(ctx, id)
	in := gathered{id: id, rows: sorted(p.rows), stack: p.stack, classes: p.classes, watched: p.watched, shorts: p.shorts}
	if id.foreign {
		in.step = stepNothing
		return in
	}
	in.revise()
	for _, src := range sources {
		if src.wants(&in) {
			src.read(ctx, s, &in)
		}
	}
	in.step = markUnits(in.rows, in.id.model)
	if in.step == stepNothing {
		s.exploreFallbacks(ctx, id)
	}
	for _, src := range fallbacks {
		if in.step != stepNothing || !src.wants(&in) {
			continue
		}
		src.read(ctx, s, &in)
		if in.step = markUnits(in.rows, in.id.model); in.step == stepTable {
			in.step = step(src.name)
			in.note(in.hidden())
		}
	}
	in.revise()
	if in.id.model == "" && in.step == stepNothing {
		in.id.model = s.onlyModel(ctx, &in)
	}
	return in
}

// hidden says that units come from a last resort on a platform that has all of
// them in ENTITY-MIB: chassisId names one chassis of a stack.
func (in *gathered) hidden() *shortfall {
	switch in.id.platform {
	case inventory.PlatformIOSXE, inventory.PlatformIOSXR, inventory.PlatformNXOS, inventory.PlatformASA, inventory.PlatformFTD:
	default:
		return nil
	}
	for _, w := range in.watched {
		if parseOID(w.Root).in(entPhysicalEntry) && w.Rows > 0 {
			return nil
		}
	}
	return &shortfall{"entPhysicalTable", "ENTITY-MIB is empty, though this platform has it: an SNMP view may hide 1.3.6.1.2.1.47"}
}

// standIn names the part that stands for a chassis which tells no serial, on
// platforms where boards have serials of their own that no contract names; ""
// where the chassis speaks for itself. Switches of NX-OS repeat the serial of
// their chassis on the rows of its boards (discovery facts 5.4).
func (in *gathered) standIn() string {
	switch in.id.platform {
	case inventory.PlatformIOS, inventory.PlatformIOSXE, inventory.PlatformIOSXR:
	default:
		return ""
	}
	if len(bareChassis(in.rows)) == 0 {
		return ""
	}
	for _, r := range in.rows {
		if r.unit && !r.apart && (in.step.guesses() || in.step == stepRoot && r.class == classModule) {
			return cmp.Or(r.name, r.descr, r.serial)
		}
	}
	return ""
}

func sorted(rows map[uint32]*row) []row {
	list := make([]row, 0, len(rows))
	for _, index := range slices.Sorted(maps.Keys(rows)) {
		list = append(list, *rows[index])
	}
	return list
}

// serials counts the rows that have one.
func (in *gathered) serials() int {
	n := 0
	for _, r := range in.rows {
		if r.serial != "" {
			n++
		}
	}
	return n
}

// revise completes what the device is by its first chassis.
func (in *gathered) revise() {
	for _, r := range in.rows {
		if (r.unit || r.class == classChassis) && !r.apart && r.version != "" {
			in.id.fromSoftware(r.version)
			break
		}
	}
	if in.id.model != "" {
		return
	}
	for _, r := range in.rows {
		if r.class == classChassis && !r.apart && r.pid != "" {
			in.id.model = r.pid
			return
		}
	}
}

// onlyModel names the model of a device that hides its serials, where
// entPhysicalModelName has one value alone.
func (s *session) onlyModel(ctx context.Context, in *gathered) string {
	found := map[string]bool{}
	in.note(s.walk(ctx, table{"entPhysicalModelName", column(colModelName)}, func(v varbind) {
		if p := pid(v.value); p != "" && len(found) < 2 {
			found[p] = true
		}
	}))
	if len(found) != 1 {
		return ""
	}
	for p := range found {
		return p
	}
	return ""
}

// noUnits says why a device that answered has no unit to show.
func (r *Reading) noUnits(in gathered) {
	switch {
	case len(r.Device.Units()) > 0:
	case in.id.foreign:
		r.problem(inventory.ProblemNoInventory, "not a Cisco device by its sysObjectID or sysDescr: its parts are listed and nothing is expected of a contract. Leave it out of the targets if it is of no interest.")
	case in.id.platform == inventory.PlatformMeraki:
		r.problem(inventory.ProblemNoInventory, "this Meraki device tells no serial number over SNMP: look it up in the Meraki Dashboard.")
	case in.id.platform == inventory.PlatformUCOS:
		r.problem(inventory.ProblemNoInventory, "this is a host of Cisco's voice software, usually a virtual machine: it has no serial number over SNMP.")
	case len(r.Device.Components) > 0:
		r.problem(inventory.ProblemNoInventory, "the device tells serial numbers of parts, but none of its chassis. Add SSH for it: `show inventory` usually has it; else read the label.")
	default:
		r.problem(inventory.ProblemNoInventory, "the device answers, but tells no serial number over SNMP: its software has none there, or an SNMP view hides ENTITY-MIB. Add 1.3.6.1.2.1.47 and 1.3.6.1.4.1.9 to the view, or add SSH for the device.")
	}
}
