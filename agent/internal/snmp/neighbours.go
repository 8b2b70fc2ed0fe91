package snmp

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"rollcall/pkg/inventory"
)

// A Neighbour is a device that another one hears over CDP or LLDP. All of it
// is what the neighbour says of itself: evidence that it exists, and where to
// ask, but no identity.
type Neighbour struct {
	LocalPort   string // of the device that was asked
	Name        string // as announced, without a serial number in it
	Address     string // for management; "" when it announces none that can be asked
	Platform    string // as announced over CDP: "cisco WS-C3850-12S"
	Description string // its software, or sysDescr
	Serial      string // in the name of some neighbours: trusted for recognition only
	MAC         string // "00:00:5e:00:53:01"
	Source      string // "cdp" or "lldp"
	Phone       bool   // a telephone or adapter: it answers no SNMP
}

// The sources of a Neighbour.
const (
	SourceCDP  = "cdp"
	SourceLLDP = "lldp"
)

// maxNeighbours bounds the rows that are taken of one table: a port has a few
// neighbours, and no chassis has more than some hundred ports.
const maxNeighbours = 4096

// cdpCacheTable of CISCO-CDP-MIB, by ifIndex and a number.
var cdpCacheTable = table{"cdpCacheTable", parseOID("1.3.6.1.4.1.9.9.23.1.2.1.1")}

const (
	cdpAddress      = 4
	cdpVersion      = 5
	cdpDeviceID     = 6
	cdpPlatform     = 8
	cdpCapabilities = 9
	cdpSysName      = 17
	cdpManagement   = 20 // cdpCachePrimaryMgmtAddr

	// Bit 7 of the capabilities TLV.
	cdpPhone = 0x80
)

// Tables of LLDP-MIB (IEEE 802.1AB-2005). The remote ones are indexed by time
// mark, local port and remote index; the management address stands in the
// index after these.
var (
	lldpRemotes   = table{"lldpRemTable", lldpRemTable}
	lldpAddresses = table{"lldpRemManAddrTable", parseOID("1.0.8802.1.1.2.1.4.2.1")}
	lldpPorts     = table{"lldpLocPortTable", parseOID("1.0.8802.1.1.2.1.3.7.1")}
)

const (
	lldpChassisSubtype = 4
	lldpChassisID      = 5
	lldpSysDescr       = 10
	lldpCapEnabled     = 12

	lldpAddressSubtype = 3 // lldpRemManAddrIfSubtype, the first column that can be read
	lldpAddressOID     = 5 // the only one that some agents have

	lldpPortSubtype = 2
	lldpPortID      = 3
	lldpPortDescr   = 4

	chassisIsMAC     = 4 // LldpChassisIdSubtype
	chassisIsAddress = 5
	portIsMAC        = 3 // LldpPortIdSubtype

	// telephone(5) of LldpSystemCapabilitiesMap; bit 0 is the highest of the
	// first octet.
	lldpTelephone = 0x80 >> 5
)

// Names of ports (IF-MIB, RFC 2863).
var (
	ifNames  = table{"ifName", parseOID("1.3.6.1.2.1.31.1.1.1.1")}
	ifDescrs = table{"ifDescr", parseOID("1.3.6.1.2.1.2.2.1.2")}
)

// Neighbours asks a device which neighbours it hears over CDP and LLDP, in the
// order of its tables; one that speaks both comes twice. It never panics and
// takes no longer than the budget. The problems say what was in the way.
func Neighbours(ctx context.Context, t Target, log *slog.Logger) (list []Neighbour, problems []inventory.Problem) {
	t = t.defaults()
	log = log.With("device", t.Address, "via", Via)
	defer func() {
		if r := recover(); r != nil {
			log.Error("reading neighbours panicked", "type", typeName(r))
			problems = append(problems, inventory.Problem{Kind: inventory.ProblemIncomplete, Via: Via, Message: "the neighbours that the device tells of could not be worked out because of a fault in this program: please report it, with the model and software of the device"})
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, t.Budget)
	defer cancel()
	s, _, f := login(ctx, t, log)
	if f != nil {
		kind, message := refusal(t, f)
		return nil, []inventory.Problem{{Kind: kind, Via: Via, Message: message}}
	}
	defer s.close()
	r := neighbourReader{s: s}
	list = append(r.cdp(ctx), r.lldp(ctx)...)
	for _, short := range r.shorts {
		problems = append(problems, inventory.Problem{Kind: inventory.ProblemIncomplete, Via: Via, Message: fmt.Sprintf(
			"%s was not read to its end: %s. Neighbours may be missing; name them as targets if they should be asked.", short.table, short.why,
		)})
	}
	log.Debug("read neighbours over snmp", "neighbours", len(list), "complete", len(r.shorts) == 0)
	return list, problems
}

type neighbourReader struct {
	s      *session
	shorts []*shortfall
}

func (r *neighbourReader) note(short *shortfall) {
	if short != nil {
		r.shorts = append(r.shorts, short)
	}
}

// column walks a column and visits its cells by index. take says whether the
// row was new and kept; after too many rows, or too many that are not new, the
// walk ends.
func (r *neighbourReader) column(ctx context.Context, tb table, column uint32, take func(at oid, v any) bool) {
	walking, stop := context.WithCancel(ctx)
	defer stop()
	root := tb.root.with(column)
	kept, idle, crowded := 0, 0, false
	short := r.s.walk(walking, table{tb.name, root}, func(v varbind) {
		switch {
		case kept >= maxNeighbours || idle >= maxNeighbours:
			crowded = true
			stop()
		case take(v.oid.below(root), v.value):
			kept++
		default:
			idle++
		}
	})
	if crowded {
		short = &shortfall{tb.name, fmt.Sprintf("it has more than %d rows, or repeats them", maxNeighbours)}
	}
	r.note(short)
}

// cells reads columns of rows, by identifier.
func (r *neighbourReader) cells(ctx context.Context, tb table, rows []oid, columns ...uint32) map[string]any {
	objects := make([]oid, 0, len(rows)*len(columns))
	for _, at := range rows {
		for _, c := range columns {
			objects = append(objects, tb.root.with(c).with(at...))
		}
	}
	return r.objects(ctx, tb.name, objects)
}

func (r *neighbourReader) objects(ctx context.Context, name string, objects []oid) map[string]any {
	if len(objects) == 0 {
		return nil
	}
	values, short := r.s.get(ctx, name, objects)
	r.note(short)
	return values
}

func (r *neighbourReader) cdp(ctx context.Context) []Neighbour {
	var rows []oid
	ids := map[string]string{}
	r.column(ctx, cdpCacheTable, cdpDeviceID, func(at oid, v any) bool {
		if len(at) != 2 {
			return false
		}
		rows, ids[at.String()] = append(rows, at), words(v)
		return true
	})
	values := r.cells(ctx, cdpCacheTable, rows, cdpAddress, cdpVersion, cdpPlatform, cdpCapabilities, cdpSysName, cdpManagement)
	ports := r.ports(ctx, rows)
	list := make([]Neighbour, 0, len(rows))
	for _, at := range rows {
		cell := func(column uint32) any { return values[cdpCacheTable.root.with(column).with(at...).String()] }
		n := Neighbour{
			Source: SourceCDP, LocalPort: ports[at[0]], Platform: words(cell(cdpPlatform)), Description: text(cell(cdpVersion), maxDescr),
			Address: firstAddress(cell(cdpManagement), cell(cdpAddress)),
		}
		n.identify(ids[at.String()], words(cell(cdpSysName)))
		n.Phone = cdpCapability(cell(cdpCapabilities))&cdpPhone != 0 || n.looksLikePhone()
		list = append(list, n)
	}
	return list
}

// ports names the interfaces by ifIndex, the first arc of the rows.
func (r *neighbourReader) ports(ctx context.Context, rows []oid) map[uint32]string {
	named := map[uint32]string{}
	for _, tb := range []table{ifNames, ifDescrs} {
		var objects []oid
		asked := map[uint32]bool{}
		for _, at := range rows {
			if named[at[0]] == "" && !asked[at[0]] {
				asked[at[0]] = true
				objects = append(objects, tb.root.with(at[0]))
			}
		}
		values := r.objects(ctx, tb.name, objects)
		for index := range asked {
			if name := words(values[tb.root.with(index).String()]); name != "" {
				named[index] = name
			}
		}
	}
	for _, at := range rows {
		if named[at[0]] == "" {
			named[at[0]] = fmt.Sprintf("ifIndex %d", at[0])
		}
	}
	return named
}

// A remote is the index of an LLDP neighbour without its time mark: some
// agents list it again for every mark.
type remote struct{ port, index uint32 }

func remoteOf(at oid) remote { return remote{at[1], at[2]} }

func (r *neighbourReader) lldp(ctx context.Context) []Neighbour {
	var rows []oid
	ids := map[remote]any{}
	r.column(ctx, lldpRemotes, lldpChassisID, func(at oid, v any) bool {
		if len(at) != 3 {
			return false
		}
		if _, again := ids[remoteOf(at)]; again {
			return false
		}
		rows, ids[remoteOf(at)] = append(rows, at), v
		return true
	})
	if len(rows) == 0 {
		return nil
	}
	values := r.cells(ctx, lldpRemotes, rows, lldpChassisSubtype, lldpSysName, lldpSysDescr, lldpCapEnabled)
	addresses, ports := r.lldpAddresses(ctx), r.lldpPorts(ctx, rows)
	list := make([]Neighbour, 0, len(rows))
	for _, at := range rows {
		cell := func(column uint32) any { return values[lldpRemotes.root.with(column).with(at...).String()] }
		n := Neighbour{
			Source: SourceLLDP, LocalPort: ports[at[1]], Description: text(cell(lldpSysDescr), maxDescr),
			Address: addresses[remoteOf(at)],
		}
		n.identify(words(cell(lldpSysName)), "")
		n.chassis(cell(lldpChassisSubtype), ids[remoteOf(at)])
		n.Phone = lldpCapability(cell(lldpCapEnabled))&lldpTelephone != 0 || n.looksLikePhone()
		list = append(list, n)
	}
	return list
}

// lldpAddresses reads the management addresses out of the indices. IPv4 goes
// before IPv6.
func (r *neighbourReader) lldpAddresses(ctx context.Context) map[remote]string {
	found := map[remote]string{}
	take := func(at oid, _ any) bool {
		if len(at) < 4 {
			return false
		}
		address := indexAddress(at[3], at[4:])
		if address == "" {
			return false
		}
		if old := found[remoteOf(at)]; old == "" || strings.Contains(old, ":") && !strings.Contains(address, ":") {
			found[remoteOf(at)] = address
			return old == ""
		}
		return false
	}
	r.column(ctx, lldpAddresses, lldpAddressSubtype, take)
	if len(found) == 0 {
		r.column(ctx, lldpAddresses, lldpAddressOID, take)
	}
	return found
}

// indexAddress decodes subtype and address of lldpRemManAddrTable's index. The
// length stands before the octets, but some agents leave it out.
func indexAddress(subtype uint32, rest oid) string {
	size := map[uint32]int{1: 4, 2: 16}[subtype] // AddressFamilyNumbers: IPv4, IPv6
	switch {
	case size == 0:
		return ""
	case len(rest) == size+1 && int(rest[0]) == size:
		rest = rest[1:]
	case len(rest) != size:
		return ""
	}
	octets := make([]byte, size)
	for i, arc := range rest {
		if arc > 255 {
			return ""
		}
		octets[i] = byte(arc)
	}
	return octetAddress(octets)
}

func (r *neighbourReader) lldpPorts(ctx context.Context, rows []oid) map[uint32]string {
	named := map[uint32]string{}
	var local []oid
	for _, at := range rows {
		if _, ok := named[at[1]]; !ok {
			named[at[1]] = fmt.Sprintf("port %d", at[1])
			local = append(local, oid{at[1]})
		}
	}
	values := r.cells(ctx, lldpPorts, local, lldpPortSubtype, lldpPortID, lldpPortDescr)
	for _, at := range local {
		cell := func(column uint32) any { return values[lldpPorts.root.with(column).with(at...).String()] }
		subtype, _ := number(cell(lldpPortSubtype))
		id := cell(lldpPortID)
		name := words(id)
		if raw, ok := id.([]byte); subtype == portIsMAC || ok && looksLikeMAC(raw) {
			name = ""
		}
		if name == "" {
			name = words(cell(lldpPortDescr))
		}
		if name != "" {
			named[at[0]] = name
		}
	}
	return named
}
