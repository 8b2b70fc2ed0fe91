package snmp

import (
	"context"
	"errors"
	"math"
	"regexp"
	"strings"

	"github.com/gosnmp/gosnmp"

	"rollcall/pkg/inventory"
)

// Scalars of SNMPv2-MIB (RFC 3418), and entLastChangeTime of ENTITY-MIB (RFC
// 6933).
var (
	sysDescr          = parseOID("1.3.6.1.2.1.1.1.0")
	sysObjectID       = parseOID("1.3.6.1.2.1.1.2.0")
	sysUpTime         = parseOID("1.3.6.1.2.1.1.3.0")
	sysName           = parseOID("1.3.6.1.2.1.1.5.0")
	entLastChangeTime = parseOID("1.3.6.1.2.1.47.1.4.1.0")
)

// An identity is what a device says of itself in SNMPv2-MIB.
type identity struct {
	name     string
	descr    string
	object   oid // sysObjectID
	platform string
	software string
	model    string // only where sysDescr names it
	foreign  bool   // certainly another maker's

	upTime, lastChange *uint32 // nil when the agent does not say
}

// A kind tells a platform by sysDescr or sysObjectID, whichever fits. Neither
// alone will do: sysDescr can be any text, and firmware answers with the
// sysObjectID of the maker of its chip.
type kind struct {
	platform string
	descr    *regexp.Regexp // nil for none
	objects  []string       // prefixes of sysObjectID
	software *regexp.Regexp // first group, in sysDescr
	model    *regexp.Regexp // first group, in sysDescr
}

var version = regexp.MustCompile(`(?i)\bVersion:? ([^\s,;\[\]]+)`)

// kinds lists the platforms; the first that fits by sysDescr wins, then the
// first that fits by sysObjectID. Texts and prefixes are those of CISCO's
// agents as recorded, and of CISCO-PRODUCTS-MIB.
var kinds = []kind{
	{platform: inventory.PlatformIOSXR, descr: regexp.MustCompile(`Cisco IOS XR Software|IOS-XR`), software: version},
	{platform: inventory.PlatformNXOS, descr: regexp.MustCompile(`Cisco NX-OS`), objects: []string{"1.3.6.1.4.1.9.12.3.1.3"}, software: version},
	{platform: inventory.PlatformFTD, descr: regexp.MustCompile(`(?i)(Firepower|Secure Firewall) Threat Defense`), software: version},
	{platform: inventory.PlatformFXOS, descr: regexp.MustCompile(`(?i)Cisco FX-?OS`), software: version},
	{platform: inventory.PlatformASA, descr: regexp.MustCompile(`Adaptive Security Appliance|Cisco PIX|FWSM|Firewall Services Module`), software: version},
	{platform: inventory.PlatformCatOS, descr: regexp.MustCompile(`Catalyst Operating System Software`), objects: []string{"1.3.6.1.4.1.9.5"}, software: version, model: regexp.MustCompile(`\b(WS-[\w-]+)`)},
	{platform: inventory.PlatformAireOS, descr: regexp.MustCompile(`Cisco Controller|Cisco Business Wireless`), objects: []string{"1.3.6.1.4.1.9.6.1.37", "1.3.6.1.4.1.14179.1.1.4"}},
	{platform: inventory.PlatformCIMC, descr: regexp.MustCompile(`Integrated Management Controller`), software: regexp.MustCompile(`Firmware Version (\S+)`)},
	{platform: inventory.PlatformISE, descr: regexp.MustCompile(`Identity Services Engine|Application Deployment Engine`), software: version},
	{platform: inventory.PlatformAPIC, descr: regexp.MustCompile(`(?i)\bVERSION [^;]+; *PID [^;]+; *Serial `), software: regexp.MustCompile(`(?i)\bVERSION ([^;]+)`), model: regexp.MustCompile(`\bPID ([^;]+)`)},
	{platform: inventory.PlatformMeraki, descr: regexp.MustCompile(`(?i)\bMeraki\b|Cloud Managed AP`), objects: []string{"1.3.6.1.4.1.29671"}},
	{platform: inventory.PlatformLinksys, descr: regexp.MustCompile(`(?i)\bLinksys\b|^LGS\d`), objects: []string{"1.3.6.1.4.1.3955"}},
	{
		platform: inventory.PlatformSMB, objects: []string{"1.3.6.1.4.1.9.6.1"}, software: version,
		descr: regexp.MustCompile(`^Linux, Cisco|^Linux\b.*\bCisco\b.*\b(?:WAP|RV|SPA|SF|SG)-?\d|^(SG|SF|SX|CBS|ESW|SPS|SGE|SFE)\d|^Catalyst 1[23]00 |Small Business`), model: regexp.MustCompile(`\(([A-Z0-9]+-[A-Z0-9-]+)\)`),
	},
	{platform: inventory.PlatformViptela, descr: regexp.MustCompile(`(?i)Viptela|\bvEdge\b`), objects: []string{"1.3.6.1.4.1.41916.3"}},
	{platform: inventory.PlatformUCOS, descr: regexp.MustCompile(`Software:UCOS|^Linux release:`), objects: []string{"1.3.6.1.4.1.99.1.1.3"}},
	// IOS-XE before IOS: its sysDescr names both. A code name in brackets,
	// "IOS-XE", or the Linux image says that it is XE.
	{platform: inventory.PlatformIOSXE, descr: regexp.MustCompile(`IOS-XE|IOSXE|LINUX_IOSD|Cisco IOS Software \[[A-Z][a-z]+\]`), software: version},
	{platform: inventory.PlatformIOS, descr: regexp.MustCompile(`Cisco IOS Software|Internetwork Operating System|IOS \(tm\)|Cisco IOS\b`), software: version},
}

// makers are the enterprise numbers under which Cisco's own agents, those of
// companies that it bought, and those of its hosts answer: Cisco, Meraki,
// Linksys, Viptela, Airespace, UCOS, net-snmp, Scientific-Atlanta, IronPort and
// Tandberg.
func makers() []string {
	return []string{
		"1.3.6.1.4.1.9", "1.3.6.1.4.1.29671", "1.3.6.1.4.1.3955", "1.3.6.1.4.1.41916",
		"1.3.6.1.4.1.14179", "1.3.6.1.4.1.99", "1.3.6.1.4.1.8072", "1.3.6.1.4.1.1429", "1.3.6.1.4.1.15497", "1.3.6.1.4.1.5596",
	}
}

// identify reads the system group. Its failure means that the device does not
// answer us at all.
func (s *session) identify(ctx context.Context) (identity, *failure) {
	objects := []oid{sysDescr, sysObjectID, sysUpTime, sysName}
	if !s.v1() {
		objects = append(objects, entLastChangeTime) // which fails the whole request where v1 lacks it
	}
	values, f := s.first(ctx, objects)
	if f != nil {
		return identity{}, f
	}
	return newIdentity(values), nil
}

// newIdentity sorts out the values of the system group.
func newIdentity(values map[string]any) identity {
	id := identity{name: words(values[sysName.String()]), descr: text(values[sysDescr.String()], maxDescr)}
	if v, ok := values[sysObjectID.String()].(string); ok {
		id.object = parseOID(v)
	}
	id.upTime, id.lastChange = ticks(values[sysUpTime.String()]), ticks(values[entLastChangeTime.String()])
	id.classify()
	return id
}

// ticks gives TimeTicks, nil when there are none.
func ticks(v any) *uint32 {
	n, ok := number(v)
	if !ok || n < 0 || n > math.MaxUint32 {
		return nil
	}
	t := uint32(n)
	return &t
}

// first sends the first request of a session. Any response to it, even one
// with an error status other than "no access", shows that the device talks to
// us.
func (s *session) first(ctx context.Context, objects []oid) (map[string]any, *failure) {
	list := make([]string, len(objects))
	for i, o := range objects {
		list[i] = o.String()
	}
	packet, err := s.do(s.t.Retries, func() (*gosnmp.SnmpPacket, error) { return s.g.Get(list) })
	if f, ok := errors.AsType[*failure](err); ok {
		return nil, f
	}
	if packet.Error == gosnmp.AuthorizationError || packet.Error == gosnmp.NoAccess {
		return nil, &failure{cause: causeAccess, detail: errorStatus(packet.Error)}
	}
	g := getter{s: s, name: "system", got: nothingMore, values: map[string]any{}, asked: map[string]bool{}}
	if packet.Error == gosnmp.NoError {
		if again, _ := g.keep(packet, objects); len(again) == 0 {
			return g.values, nil
		}
	}
	values, _ := s.get(ctx, "system", objects)
	return values, nil
}

func (id *identity) classify() {
	id.platform = inventory.PlatformUnknown
	k, ok := id.kind()
	if !ok {
		id.foreign = id.otherMaker()
		return
	}
	id.platform = k.platform
	id.software = group(k.software, id.descr)
	id.model = inventory.CleanPID(group(k.model, id.descr))
}

// otherMaker says that the device is certainly not Cisco's: by its number, or
// by its words where the number is that of net-snmp or none.
func (id *identity) otherMaker() bool {
	switch {
	case strings.Contains(strings.ToLower(id.descr), "cisco"):
		return false
	case len(id.object) == 0, id.under("1.3.6.1.4.1.8072"):
		_, other := inventory.OtherMaker(id.descr)
		return other
	}
	return !id.under(makers()...)
}

func (id *identity) kind() (kind, bool) {
	for _, k := range kinds {
		if k.descr != nil && k.descr.MatchString(id.descr) {
			return k, true
		}
	}
	for _, k := range kinds {
		if id.under(k.objects...) {
			return k, true
		}
	}
	return kind{}, false
}

// under says that sysObjectID lies below one of the prefixes.
func (id *identity) under(prefixes ...string) bool {
	for _, p := range prefixes {
		if id.object.in(parseOID(p)) {
			return true
		}
	}
	return false
}

func group(re *regexp.Regexp, s string) string {
	if re == nil {
		return ""
	}
	if m := re.FindStringSubmatch(s); m != nil {
		return strings.TrimSpace(m[1])
	}
	return ""
}

// iosVersion and xeVersion tell IOS from IOS-XE by entPhysicalSoftwareRev,
// where an admin has put free text into sysDescr.
var (
	iosVersion = regexp.MustCompile(`^1[0-5]\.\d+\(`)
	xeVersion  = regexp.MustCompile(`^(1[67]|0?3)\.\d+`)
)

// fromSoftware names platform and software of a device whose sysDescr says
// neither.
func (id *identity) fromSoftware(revision string) {
	if id.software == "" {
		id.software = revision
	}
	if id.platform != inventory.PlatformUnknown || !id.under("1.3.6.1.4.1.9.1") {
		return
	}
	switch {
	case iosVersion.MatchString(revision):
		id.platform = inventory.PlatformIOS
	case xeVersion.MatchString(revision):
		id.platform = inventory.PlatformIOSXE
	}
}
