package snmp

import (
	"context"
	"strings"

	"rollcall/pkg/inventory"
)

// Remote tables of LLDP-MIB and LLDP-EXT-MED-MIB (the extension is 4795, 0x12BB
// of TIA), indexed by time mark, local port and remote index.
var (
	medInventory    = table{"lldpXMedRemInventoryTable", parseOID("1.0.8802.1.1.2.1.5.4795.1.3.3.1")}
	medCapabilities = parseOID("1.0.8802.1.1.2.1.5.4795.1.3.1.1")
	lldpRemTable    = parseOID("1.0.8802.1.1.2.1.4.1.1")
)

const (
	medHardware    = 1
	medSoftware    = 3
	medSerial      = 4
	medMaker       = 5
	medModel       = 6
	medDeviceClass = 3 // of medCapabilities
	lldpSysName    = 9

	networkConnectivity = 4 // LldpXMedDeviceClass: a switch, which is polled itself
)

// readPhones reads phones and adapters of Cisco's from the switch that they
// hang on: they tell their serial nowhere else on the wire.
func readPhones(ctx context.Context, s *session, in *gathered) {
	list := s.entries(ctx, in, medInventory, medSerial, medHardware, medSoftware, medMaker, medModel)
	if len(list) == 0 {
		return
	}
	objects := make([]oid, 0, 2*len(list))
	for _, e := range list {
		objects = append(objects, medCapabilities.with(medDeviceClass).with(e.at...), lldpRemTable.with(lldpSysName).with(e.at...))
	}
	values, short := s.get(ctx, "lldpRemTable", objects)
	in.note(short)
	for i, e := range list {
		if class, ok := number(values[objects[2*i].String()]); ok && class == networkConnectivity {
			continue
		}
		r := row{
			at: e.object, unit: true, apart: true, class: classOther, serial: e.serial,
			vid: vid(e.cells[medHardware]), version: words(e.cells[medSoftware]), maker: words(e.cells[medMaker]),
			name: words(values[objects[2*i+1].String()]),
		}
		said := words(e.cells[medModel])
		r.pid, r.descr = entityPID(inventory.CleanPID(said), "", r.maker), strings.TrimSpace(r.maker+" "+said)
		if !ciscoPhone(r) {
			s.log.Debug("dropped a phone of another maker", "serial", r.serial, "model", r.descr)
			continue
		}
		if r.name == "" {
			r.name = "phone " + e.serial
		}
		in.add(r)
	}
}

func ciscoPhone(r row) bool {
	if r.maker != "" {
		return strings.Contains(strings.ToLower(r.maker), "cisco")
	}
	return strings.HasPrefix(r.pid, "CP-") || strings.HasPrefix(r.pid, "ATA") || strings.HasPrefix(r.pid, "SPA")
}
