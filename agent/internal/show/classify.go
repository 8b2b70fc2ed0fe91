package show

import (
	"regexp"
	"strings"

	"rollcall/pkg/inventory"
)

// `show inventory` prints no class, so it is told from name and description.
// The order matters: "Nexus9000 C9396PX Chassis Fan Module" is a fan, and a
// line card "with 48 1000BaseX (SFP)" is no transceiver.
var (
	stackRootName = regexp.MustCompile(`(?i)^\S+ stack$|^fabric stack root$`)
	chassisName   = regexp.MustCompile(`(?i)^chassis(?:[ -]?\d+|[ -]\S+)?$|(?:^|\s)chassis(?: \d+)?$|^switch ?\d{1,2}(?: (?:chassis|system))?$|^switch system$` +
		`|^rack \d+(?: - chassis| chassis)?$|^fex[ -]?\d+(?: chassis)?$|^(?:stack )?(?:unit|member) ?\d{1,2}$`)
	fexName     = regexp.MustCompile(`(?i)^fex[ -]?(\d+)\b`)
	numericName = regexp.MustCompile(`^\d{1,2}$`)

	powerWords = regexp.MustCompile(`(?i)power[ -]?supply|power[ -]?module|power entry|\bpsu ?\d*\b|\bpem\b|^ps ?\d|\bpwr[ -]|\bpower tray|^pm\d|0/pm\d|0/pt\d`)
	fanWords   = regexp.MustCompile(`(?i)\bfan|fantray|fan$|0/ft\d`)
	portWords  = regexp.MustCompile(`(?i)transceiver|\bmau\b|pluggable|\boptics\b`)
	portName   = regexp.MustCompile(`(?i)^(?:gi|te|tw|twe|fo|hu|fi|fa|et|eth)\d|^(?:fast|(?:two|twenty|forty|fifty|hundred|two-?hundred|four-?hundred)?-?(?:five|ten|hundred)?-?gig|gigabit|ten-?gig|twentyfivegig|fortygig|hundredgig|twohundredgig|fourhundredgig|eighthundredgig|ethernet|optics|appgig)[a-z]*\d+(?:/\d+)*`)
	// opticPID are transceivers and cables by their product names, and bearsPID
	// are cards, whose descriptions may speak of the optics that they take.
	opticPID  = regexp.MustCompile(`(?i)^(?:SFP|QSFP|GLC|XFP|X2|XENPAK|CWDM|DWDM|CPAK|CFP\d?|ONS-[SXQ]\w)-`)
	bearsPID  = regexp.MustCompile(`(?i)^(?:SPA-|A9K-|A99-|NCS\w*-MOD|NIM-|E?HWIC-|WS-X|N\dK-)`)
	cableName = regexp.MustCompile(`(?i)^stackport\d|^stack ?cable`)
	cardWords = regexp.MustCompile(`(?i)supervisor|line ?card|module|slot|\bcard\b|controller|processor|engine|adapter|daughter|forwarding|mother ?board|backplane|disk|ssd|flash|clock|mux|subslot|bay|radio`)
	// cardPID and cardDescr mark numbered rows of modular chassis that are
	// cards and no stack members.
	cardPID   = regexp.MustCompile(`(?i)^(?:WS-X|WS-S|WS-F|VS-|C68\d\d-|C9[46]\d\d-(?:LC|SUP)|N\dK-[MFX]\d|7600-)`)
	cardDescr = regexp.MustCompile(`(?i)supervisor|line ?card|policy feature|forwarding card|\bcef720\b`)
	// applianceDescr marks "module 0" rows that are the whole box, as on
	// Firepower 1000 and 2100.
	applianceDescr = regexp.MustCompile(`(?i)appliance|firepower|\brouter\b|\bswitch\b`)
	provisioned    = regexp.MustCompile(`(?i)- provisioned$`)

	accessPointPID   = regexp.MustCompile(`(?i)^AIR-(?:[LCSO]?AP|CAP|SAP|OEAP|AP|LAP|MAP|RM)\S*\d|^C91[0-9]{2}|^CW9[0-9]{3}|^IW\d{4}|^MR\d`)
	accessPointDescr = regexp.MustCompile(`(?i)\baccess point\b`)
)

// kind of a row as far as it alone tells.
type kind struct {
	class inventory.Class
	// outer says that the row is a chassis by its own words; maybe, that it is
	// one when no other row is.
	outer, maybe bool
	stackRoot    bool
}

func classify(r row) kind {
	name, descr := strings.TrimSpace(r.name), r.descr
	both := name + " " + descr
	switch {
	case stackRootName.MatchString(name):
		return kind{class: inventory.ClassStack, stackRoot: true}
	case r.ap != "" && !strings.HasPrefix(strings.ToLower(name), "dot11"), isAccessPoint(r):
		return kind{class: inventory.ClassChassis, outer: true}
	case powerWords.MatchString(name), powerWords.MatchString(descr) && !chassisName.MatchString(name), strings.HasPrefix(r.pid, "PWR-"):
		return kind{class: inventory.ClassPowerSupply}
	case chassisName.MatchString(name):
		return kind{class: inventory.ClassChassis, outer: true}
	case fanWords.MatchString(both):
		return kind{class: inventory.ClassFan}
	case portName.MatchString(name), portWords.MatchString(both) && !bearsPID.MatchString(r.pid), cableName.MatchString(name), inventory.IsCablePID(r.pid), opticPID.MatchString(r.pid):
		return kind{class: inventory.ClassPort}
	case namedAsProduct(r) && strings.Contains(strings.ToLower(descr), "chassis"),
		namedAsProduct(r) && chassisSystem.MatchString(descr):
		return kind{class: inventory.ClassChassis, outer: true}
	case numericName.MatchString(name):
		return kind{class: inventory.ClassModule, maybe: !cardDescr.MatchString(descr) && !cardPID.MatchString(r.pid)}
	case namedAsProduct(r), r.name == "" && inventory.IsChassisPID(r.pid):
		return kind{class: inventory.ClassModule, maybe: true}
	case strings.EqualFold(name, "module 0") && applianceDescr.MatchString(descr):
		return kind{class: inventory.ClassModule, maybe: true}
	case chassisDescr.MatchString(descr):
		return kind{class: inventory.ClassModule, maybe: true}
	case cardWords.MatchString(both), r.pid != "":
		return kind{class: inventory.ClassModule}
	}
	return kind{class: inventory.ClassUnknown}
}

// chassisDescr are descriptions of a whole chassis under any name: "881
// chassis, Hw Serial#: …", "ASR 903 Chassis".
var chassisDescr = regexp.MustCompile(`(?i)\bchassis(?:$|,| system)`)

// chassisSystem are the words of Catalyst 4500 and 6500 chassis rows.
var chassisSystem = regexp.MustCompile(`(?i)\b\d+[ -]slot\b`)

// namedAsProduct says that the row's name is its PID, as on modular chassis
// ("WS-C6503-E") and compact switches ("IE-2000-8TC-G").
func namedAsProduct(r row) bool {
	return r.pid != "" && inventory.MatchPID(r.name) == inventory.MatchPID(r.pid)
}

// isAccessPoint says that the row is a whole access point and not a radio or a
// power injector of one.
func isAccessPoint(r row) bool {
	name := strings.ToLower(r.name)
	if portName.MatchString(r.name) || strings.Contains(name, "radio") || powerWords.MatchString(r.name+" "+r.descr) {
		return false
	}
	return accessPointPID.MatchString(r.pid) || accessPointDescr.MatchString(r.descr) && !strings.HasPrefix(name, "module")
}

var (
	switchNumber = regexp.MustCompile(`(?i)^(?:switch|chassis|rack|unit|member|stackport|stack ?unit) ?#?(\d{1,3})(?:\D|$)`)
	portMember   = regexp.MustCompile(`(?i)^[a-z-]{2,24}(\d{1,3})/\d+/\d+(?:/\d+)?$`)
	xrRack       = regexp.MustCompile(`(?i)^(?:[a-z -]+ )?(\d{1,3})/(?:RS?P\d|FC\d|FT\d|P[MTS]\d|SC\d|\d+)\b`)
)

// memberOf is the number of the stack member, virtual-switch chassis, FEX or
// rack that a part's name puts it in, or "".
func memberOf(name string) string {
	if m := fexName.FindStringSubmatch(name); m != nil {
		return "fex " + m[1]
	}
	for _, pattern := range []*regexp.Regexp{switchNumber, portMember, xrRack} {
		if m := pattern.FindStringSubmatch(name); m != nil {
			return trimZeros(m[1])
		}
	}
	if numericName.MatchString(name) {
		return trimZeros(name)
	}
	return ""
}

func trimZeros(s string) string {
	if t := strings.TrimLeft(s, "0"); t != "" {
		return t
	}
	return "0"
}
