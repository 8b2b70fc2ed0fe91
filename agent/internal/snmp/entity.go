package snmp

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"rollcall/pkg/inventory"
)

// Columns of entPhysicalTable (ENTITY-MIB, RFC 6933).
var entPhysicalEntry = parseOID("1.3.6.1.2.1.47.1.1.1.1")

const (
	colDescr       = 2
	colVendorType  = 3
	colContainedIn = 4
	colClass       = 5
	colName        = 7
	colHardwareRev = 8
	colSoftwareRev = 10
	colSerialNum   = 11
	colMfgName     = 12
	colModelName   = 13
)

const (
	// maxRows bounds the parts of one device: an ASR 9000 has some 750 rows.
	maxRows = 20_000
	// maxDepth bounds a chain of containers.
	maxDepth = 32
	// extraIndex is where rows of other tables count from, above any
	// entPhysicalIndex (1..2147483647).
	extraIndex = 1 << 31
)

// physical is entPhysicalTable as far as it matters.
type physical struct {
	rows    map[uint32]*row
	classes map[uint32]int
	// stack are the rows of class stack(11) with a serial: copies of the
	// active member that serve only when nothing else has a serial.
	stack   []row
	watched []watched // columns of serials that were read to their ends
	total   int       // rows of entPhysicalTable, with or without a serial
	shorts  []*shortfall
	crowded bool
}

// ceAssetTable (CISCO-ENTITY-ASSET-MIB), by entPhysicalIndex: it has the
// serials where IOS 12.0 and 12.1 have an ENTITY-MIB without them.
var assetTable = table{"ceAssetTable", parseOID("1.3.6.1.4.1.9.9.92.1.1.1")}

const (
	assetSerial = 2
	assetPart   = 3 // ceAssetOrderablePartNumber
)

func column(n uint32) oid { return entPhysicalEntry.with(n) }

// readPhysical reads the serials of all rows, and all the rest of the rows
// that have one. Tables of 750 rows are common, those with 50 serials are not.
func (s *session) readPhysical(ctx context.Context, id identity) physical {
	p := physical{rows: map[uint32]*row{}, classes: map[uint32]int{}}
	p.note(s.readSerials(ctx, &p, table{"entPhysicalSerialNum", column(colSerialNum)}))
	assets := false
	if len(p.rows) == 0 && !id.foreign {
		s.exploreFallbacks(ctx, id)
		p.note(s.readSerials(ctx, &p, assetTable.columns(assetSerial)[0]))
		assets = len(p.rows) > 0
	}
	columns := rowColumns(id)
	p.note(s.readRows(ctx, &p, columns, slices.Sorted(maps.Keys(p.rows))))
	p.note(s.readTypes(ctx, p.rows))
	if !p.hasChassis() {
		// A chassis without a serial still says what the device is.
		p.note(s.readClasses(ctx, &p))
		var chassis []uint32
		for index, r := range p.rows {
			if r.class == 0 {
				r.class = p.classes[index]
			}
			if r.class == classChassis && r.serial == "" {
				chassis = append(chassis, index)
			}
		}
		slices.Sort(chassis)
		p.note(s.readRows(ctx, &p, columns, chassis))
	}
	if p.crowded {
		p.note(&shortfall{"entPhysicalTable", "it has more parts than any device has"})
	}
	if assets {
		p.note(s.readAssets(ctx, p.rows))
	}
	p.dropStack(s.log)
	return p
}

// hasChassis says that a chassis has told its serial.
func (p *physical) hasChassis() bool {
	for _, r := range p.rows {
		if r.class == classChassis && r.serial != "" {
			return true
		}
	}
	return false
}

func (s *session) readSerials(ctx context.Context, p *physical, tb table) *shortfall {
	w, short := s.watch(ctx, tb, func(v varbind) {
		if sn := serial(v.value); sn != "" {
			p.add(v.oid.below(tb.root), row{at: v.oid, serial: sn})
		}
	})
	p.total = w.Rows
	p.watched = append(p.watched, w)
	return short
}

func (s *session) readClasses(ctx context.Context, p *physical) *shortfall {
	root := column(colClass)
	return s.walk(ctx, table{"entPhysicalClass", root}, func(v varbind) {
		at := v.oid.below(root)
		n, ok := number(v.value)
		if !ok || len(at) != 1 {
			return
		}
		p.classes[at[0]] = int(n)
		if n == classChassis && p.rows[at[0]] == nil {
			p.add(at, row{class: classChassis})
		}
	})
}

// cevObjects of CISCO-ENTITY-VENDORTYPE-OID-MIB: below it the classes have the
// numbers of PhysicalClass.
var cevObjects = parseOID("1.3.6.1.4.1.9.12.3.1")

// readTypes takes the class of parts whose rows tell none from
// entPhysicalVendorType. Some agents tell a wrong type, so where there is a class
// it counts.
func (s *session) readTypes(ctx context.Context, rows map[uint32]*row) *shortfall {
	var objects []oid
	for _, r := range sorted(rows) {
		if r.serial != "" && r.class == classAbsent {
			objects = append(objects, column(colVendorType).with(r.index))
		}
	}
	if len(objects) == 0 {
		return nil
	}
	values, short := s.get(ctx, "entPhysicalTable", objects)
	for _, o := range objects {
		said, ok := values[o.String()].(string)
		if !ok {
			continue
		}
		if at := parseOID(said); at.in(cevObjects) && at[len(cevObjects)] <= classCPU {
			rows[o[len(o)-1]].class = int(at[len(cevObjects)])
		}
	}
	return short
}

// readAssets completes rows whose serials came from ceAssetTable.
func (s *session) readAssets(ctx context.Context, rows map[uint32]*row) *shortfall {
	var objects []oid
	for _, r := range sorted(rows) {
		if r.pid == "" && r.serial != "" {
			objects = append(objects, assetTable.root.with(assetPart, r.index))
		}
	}
	values, short := s.get(ctx, assetTable.name, objects)
	for index, r := range rows {
		if r.pid == "" {
			r.pid = pid(values[assetTable.root.with(assetPart, index).String()])
		}
	}
	return short
}

func (p *physical) note(short *shortfall) {
	if short != nil {
		p.shorts = append(p.shorts, short)
	}
}

// add keeps the row at the index. An index of another shape is no row of the
// table.
func (p *physical) add(at oid, r row) {
	switch {
	case len(at) != 1:
	case len(p.rows) >= maxRows:
		p.crowded = true
	default:
		r.index = at[0]
		p.rows[r.index] = &r
	}
}

// rowColumns are the columns of a row that matter on the device.
// entPhysicalSoftwareRev names the software of those whose sysDescr does not,
// and entPhysicalFirmwareRev and entPhysicalIsFRU serve nothing.
func rowColumns(id identity) []uint32 {
	columns := []uint32{colDescr, colName, colHardwareRev, colModelName}
	if id.software == "" || id.platform == inventory.PlatformUnknown {
		columns = append(columns, colSoftwareRev)
	}
	return columns
}

// readRows fills in the rows, and follows entPhysicalContainedIn from them
// upwards: the containers on the way are added.
func (s *session) readRows(ctx context.Context, p *physical, columns, indices []uint32) *shortfall {
	objects := make([]oid, 0, (2+len(columns))*len(indices))
	for _, index := range indices {
		objects = append(objects, column(colContainedIn).with(index))
	}
	for _, index := range indices {
		objects = append(objects, column(colClass).with(index))
		for _, c := range columns {
			objects = append(objects, column(c).with(index))
		}
	}
	// Where one GETBULK reads the containers of all rows, that is better than
	// to climb from container to container.
	up, missing := p.upwards(), false
	climb := up
	if p.total <= s.pace.shown {
		climb = func(at oid, v any) []oid {
			for next := up(at, v); len(next) > 0; next = up(next[0], v) {
				var there, known bool
				if v, there, known = s.lookup(next[0]); !there {
					missing = missing || !known
					break
				}
			}
			return nil
		}
	}
	values, short := s.fetch(ctx, "entPhysicalTable", objects, climb)
	if missing {
		short = cmp.Or(short, s.readContainers(ctx, p))
	}
	for _, index := range indices {
		r := p.rows[index]
		at := func(c uint32) any { return values[column(c).with(index).String()] }
		if n, ok := number(at(colClass)); ok {
			r.class = int(n)
		}
		r.descr = words(at(colDescr))
		r.name = words(at(colName))
		r.vid = vid(at(colHardwareRev))
		r.version = words(at(colSoftwareRev))
		r.pid = pid(at(colModelName))
	}
	return cmp.Or(short, s.readMakers(ctx, p, indices))
}

// readContainers reads entPhysicalContainedIn of all rows, and follows it from
// those of the parts.
func (s *session) readContainers(ctx context.Context, p *physical) *shortfall {
	root := column(colContainedIn)
	short := s.walk(ctx, table{"entPhysicalContainedIn", root}, func(v varbind) {
		if len(s.known) < 2*maxRows {
			s.known[v.oid.String()] = v.value
		}
	})
	climb := p.upwards()
	for _, index := range slices.Sorted(maps.Keys(p.rows)) {
		for ask := []oid{root.with(index)}; len(ask) > 0; {
			value, ok := s.known[ask[0].String()]
			if !ok {
				break
			}
			ask = climb(ask[0], value)
		}
	}
	return short
}

// upwards returns what notes the container of a row and asks for the container
// of that, unless it is known.
func (p *physical) upwards() func(oid, any) []oid {
	root := column(colContainedIn)
	depth := map[uint32]int{}
	return func(at oid, v any) []oid {
		n, ok := number(v)
		if !ok || !at.in(root) {
			return nil
		}
		index := at[len(at)-1]
		r := p.rows[index]
		if r == nil {
			return nil
		}
		r.in, r.hasIn = uint32(n), true // agents show 2^31 and more as negative
		if r.in == 0 || p.rows[r.in] != nil || len(p.rows) >= 2*maxRows || depth[index] >= maxDepth {
			return nil
		}
		p.rows[r.in] = &row{index: r.in, class: p.classes[r.in]}
		depth[r.in] = depth[index] + 1
		return []oid{root.with(r.in)}
	}
}

// readMakers asks who made the parts whose model begins with a word that may
// be the maker's name, and makes PIDs of the models.
func (s *session) readMakers(ctx context.Context, p *physical, indices []uint32) *shortfall {
	var objects []oid
	for _, index := range indices {
		if strings.Contains(p.rows[index].pid, " ") {
			objects = append(objects, column(colMfgName).with(index))
		}
	}
	values, short := s.get(ctx, "entPhysicalTable", objects)
	for _, index := range indices {
		r := p.rows[index]
		r.maker = words(values[column(colMfgName).with(index).String()])
		r.pid = entityPID(r.pid, r.descr, r.maker)
	}
	return short
}

// vid gives entPhysicalHardwareRev, which is the VID on devices with UDI.
func vid(v any) string {
	s := words(v)
	if strings.EqualFold(s, "0xFF") {
		return ""
	}
	return s
}

// entityPID is entPhysicalModelName without the maker's name before it, or
// entPhysicalDescr where that is the PID.
func entityPID(model, descr, maker string) string {
	if first, rest, ok := strings.Cut(model, " "); ok && (strings.EqualFold(first, maker) || strings.EqualFold(first, "Linksys") || strings.EqualFold(first, "Cisco")) {
		model = rest
	}
	if model == "" && inventory.LooksLikePID(descr) {
		return descr
	}
	return model
}

// dropStack sets the rows of class stack aside.
func (p *physical) dropStack(log *slog.Logger) {
	for _, index := range slices.Sorted(maps.Keys(p.rows)) {
		if r := p.rows[index]; r.class == classStack {
			if r.serial != "" {
				log.Debug("dropped the row of a stack, which repeats its active member", "index", index, "serial", r.serial)
				p.stack = append(p.stack, *r)
			}
			r.serial = ""
		}
	}
}
