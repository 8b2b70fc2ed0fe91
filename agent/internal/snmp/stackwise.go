package snmp

import (
	"context"

	"rollcall/pkg/inventory"
)

// cswSwitchState (CISCO-STACKWISE-MIB), by the entPhysicalIndex of a member's
// chassis.
var cswSwitchState = table{"cswSwitchState", parseOID("1.3.6.1.4.1.9.9.500.1.2.1.1.6")}

const (
	stateProvisioned = 9
	stateRemoved     = 11
)

// mayStack says that the device can have members that are not there.
func mayStack(in *gathered) bool {
	switch in.id.platform {
	case inventory.PlatformIOS, inventory.PlatformIOSXE, inventory.PlatformUnknown:
	default:
		return false
	}
	n := 0
	for _, r := range in.rows {
		if r.class == classChassis {
			n++
		}
	}
	return isCisco(in) && (n > 1 || len(in.stack) > 0)
}

// dropPhantoms takes away members that are only provisioned, or were removed,
// with everything in them.
func dropPhantoms(ctx context.Context, s *session, in *gathered) {
	phantom := map[uint32]bool{}
	in.note(s.walk(ctx, cswSwitchState, func(v varbind) {
		at := v.oid.below(cswSwitchState.root)
		if n, ok := number(v.value); ok && len(at) == 1 && (n == stateProvisioned || n == stateRemoved) && len(phantom) < maxRows {
			phantom[at[0]] = true
		}
	}))
	if len(phantom) > 0 {
		s.log.Debug("dropped stack members that are provisioned or removed", "members", len(phantom))
		in.rows = withoutMembers(in.rows, phantom)
	}
}

func withoutMembers(rows []row, phantom map[uint32]bool) []row {
	byIndex := map[uint32]row{}
	for _, r := range rows {
		byIndex[r.index] = r
	}
	kept := rows[:0:0]
	for _, r := range rows {
		if _, inside := within(r, byIndex, func(o row) bool { return phantom[o.index] }); !inside && !phantom[r.index] {
			kept = append(kept, r)
		}
	}
	return kept
}
