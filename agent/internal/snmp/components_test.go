package snmp

import (
	"encoding/binary"
	"fmt"
	"testing"

	"rollcall/pkg/inventory"
)

// rowsOf makes rows of any bytes: eight for each row, so that serials, PIDs,
// indices and containers collide often.
func rowsOf(data []byte) []row {
	var rows []row
	seen := map[uint32]bool{}
	for len(data) >= 8 && len(rows) < 200 {
		b := data[:8]
		data = data[8:]
		index := uint32(b[0])
		if seen[index] {
			continue
		}
		seen[index] = true
		r := row{
			index: index, in: uint32(b[1]), hasIn: b[2]&1 == 0, class: int(b[3]) % 14,
			unit: b[2]&2 != 0 && b[2]&4 != 0, apart: b[2]&24 == 24, title: b[2]&32 != 0,
			name: fmt.Sprintf("name %d", b[4]%8),
		}
		if b[5]%5 != 0 {
			r.serial = fmt.Sprintf("FOC2301A%03d", b[5]%40)
		}
		if b[5]%17 == 0 {
			r.serial = "356129072000003" // an IMEI
		}
		if b[6]%3 != 0 {
			r.pid = fmt.Sprintf("PID-%d", b[6]%6)
		}
		if b[7]%7 == 0 {
			r.name = "Chassis"
		}
		rows = append(rows, r)
	}
	return rows
}

// What components must hold for any rows: nothing lost, nothing twice, no
// loops, and units only among what can be one.
func FuzzComponents(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x03\x01\x01\x01\x01\x02\x01\x00\x09\x01\x02\x01\x01"))
	f.Add([]byte("\x01\x02\x00\x03\x01\x01\x01\x01\x02\x01\x00\x03\x01\x02\x01\x01"))
	for seed := range 4 {
		data := make([]byte, 0, 800)
		x := uint64(seed + 1)
		for range 100 {
			x = x*6364136223846793005 + 1442695040888963407
			data = binary.BigEndian.AppendUint64(data, x)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rows := rowsOf(data)
		markUnits(rows, "PID-1")
		serials := map[string]bool{}
		for _, r := range rows {
			if r.serial != "" {
				serials[r.serial] = true
			}
		}
		list := components(rows)
		parent := map[string]string{}
		seen := map[string]bool{}
		for i, c := range list {
			seen[c.Serial] = true
			parent[c.Serial] = c.Parent
			if c.Aliases == nil {
				t.Errorf("%s has nil aliases", c.Serial)
			}
			if i > 0 && c.Unit && !list[i-1].Unit {
				t.Errorf("unit %s after parts", c.Serial)
			}
			for _, o := range list[:i] {
				if inventory.SamePart(o, c) && o.PID == c.PID {
					t.Errorf("%s %s stands twice", c.Serial, c.PID)
				}
			}
		}
		for sn := range serials {
			if !seen[sn] {
				t.Errorf("%s is lost", sn)
			}
		}
		if len(seen) != len(serials) {
			t.Errorf("%d serials of %d rows", len(seen), len(serials))
		}
		for _, c := range list {
			if c.Parent != "" && !seen[c.Parent] {
				t.Errorf("%s lies in %s, which is not there", c.Serial, c.Parent)
			}
		}
		for start := range parent {
			at := start
			for range len(parent) + 1 {
				at = parent[at]
			}
			if at != "" {
				t.Errorf("parents of %s never end", start)
			}
		}
	})
}
