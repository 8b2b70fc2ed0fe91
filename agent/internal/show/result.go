package show

import (
	"regexp"
	"slices"
	"strings"

	"rollcall/pkg/inventory"
)

// part is a component on its way into the result.
type part struct {
	inventory.Component
	kind
	line   int
	member string
}

var (
	// hardwareSerial is what old IOS writes into the description.
	hardwareSerial = regexp.MustCompile(`(?i)\bserial ?#?: ?([a-z0-9]{4,})`)
	serialAlone    = regexp.MustCompile(`^[A-Z0-9-]*[0-9][A-Z0-9-]*$`)
	serialBlanks   = regexp.MustCompile(`^[A-Z0-9-]+(?: [A-Z0-9-]+){1,3}$`)
	pidShape       = regexp.MustCompile(`^[A-Z0-9][A-Z0-9/+]*-[A-Z0-9/+=-]*[A-Z0-9=]$`)
	partNumber     = regexp.MustCompile(`^\d{2,3}-\d{4,6}-\d{2}$`)
	idprom         = regexp.MustCompile(`(?i)\bidprom\b`)
)

// result makes components of everything read.
func (p *parser) result(platform string) Result {
	parts := p.parts()
	p.settleUnits(parts)
	parts = collapse(parts)
	version := readVersion(p.version)
	parts = p.addFound(parts)
	parts = p.addVersion(parts, version)
	parts = p.settleStackRoots(parts)
	setParents(parts)
	platform = p.platform(platform, version.Platform)
	p.remark(parts, platform)

	res := Result{Platform: platform, Components: make([]inventory.Component, 0, len(parts))}
	for _, part := range parts {
		if part.Aliases == nil {
			part.Aliases = []string{}
		}
		res.Components = append(res.Components, part.Component)
	}
	res.Warnings, res.Lossy = p.warn.all(), p.warn.lossy
	return res
}

// remarkBare warns of rows without a NAME line: of each, or of all at once where
// no row has one.
func (p *parser) remarkBare() {
	bare := 0
	for _, r := range p.rows {
		if r.bare {
			bare++
		}
	}
	if bare > 1 && bare == len(p.rows) {
		p.warn.addf("no PID line has its NAME line, as after `show inventory | include PID`: what each part is was told from its PID alone, so run `show inventory` in full")
		return
	}
	for _, r := range p.rows {
		if r.bare {
			p.warn.addf("line %d: a PID line without a NAME line before it", r.line)
		}
	}
}

// parts turns rows into parts; those without a serial stay in the list until
// the units are settled, as they tell what the others are.
func (p *parser) parts() []part {
	p.remarkBare()
	var parts []part
	bareUnit := false
	for _, r := range p.rows {
		t := part{kind: classify(r), line: r.line, member: memberOf(r.name)}
		if r.name == "" && len(p.rows) == 1 && t.class == inventory.ClassModule {
			t.maybe = true // of one thing alone, that is what it is
		}
		if r.name == "" && t.maybe {
			// The chassis comes first. What has its PID after it is one more
			// only where devices stack: else it is the supervisor.
			t.maybe = !bareUnit || inventory.IsStackPID(r.pid)
			bareUnit = true
		}
		t.Component = inventory.Component{
			Serial: p.serial(r), PID: bounded(r.pid), VID: bounded(r.vid), Class: t.class,
			Name: bounded(r.name), Description: bounded(r.descr),
		}
		if t.PID == "" && pidShape.MatchString(r.descr) && strings.ContainsAny(r.descr, "0123456789") {
			t.PID = bounded(r.descr)
		}
		if r.ap != "" {
			t.member = "ap " + r.ap
		}
		if r.ap != "" && t.outer {
			t.Name, t.Aliases = bounded(r.ap), []string{bounded(r.name)}
		}
		parts = append(parts, t)
	}
	for _, c := range p.systemID.units {
		parts = append(parts, part{Component: c, kind: kind{class: c.Class, outer: true}, member: c.Name})
	}
	return parts
}

const (
	// maxField bounds a column: entPhysicalName and the like are SnmpAdminString,
	// 255 octets (RFC 6933).
	maxField = 255
	// maxSerial bounds a serial number; entPhysicalSerialNum is 32 octets, and
	// some agents pad to 36.
	maxSerial = 64
)

// bounded cuts a column to its limit, between characters.
func bounded(s string) string {
	if len(s) <= maxField {
		return s
	}
	return strings.ToValidUTF8(s[:maxField], "")
}

func (p *parser) serial(r row) string {
	sn := inventory.CleanSerial(strings.TrimRight(strings.TrimSpace(r.sn), ",;"))
	// Old routers put a second number in parentheses after it, and a prompt or
	// a log message can be glued to the line. Disks have serials with blanks.
	if first, rest, found := strings.Cut(sn, " "); found && (serialAlone.MatchString(first) || !serialBlanks.MatchString(sn)) {
		p.warn.addf("line %d: text after the serial number is ignored: %q", r.line+1, excerpt(rest))
		sn = inventory.CleanSerial(first)
	}
	if sn == "" {
		if m := hardwareSerial.FindStringSubmatch(r.descr); m != nil {
			sn = inventory.CleanSerial(m[1])
		}
	}
	if len(sn) > maxSerial {
		p.warn.addf("line %d: a serial number of %d characters is none: %q", r.line+1, len(sn), excerpt(sn))
		return ""
	}
	if partNumber.MatchString(sn) {
		p.warn.addf("%q gives %s as its serial number, which has the shape of a part number: compare it with the label", excerpt(r.name), sn)
	}
	return sn
}

// settleUnits says which parts are units. Rows that call themselves chassis
// decide; where there is none, a numbered row or one named as its product does.
func (p *parser) settleUnits(parts []part) {
	outer := slices.ContainsFunc(parts, func(t part) bool { return t.outer && !fexName.MatchString(t.Name) })
	for i := range parts {
		t := &parts[i]
		if !outer && t.maybe {
			t.outer = true
		}
		if !t.outer {
			continue
		}
		t.Class, t.Unit = inventory.ClassChassis, true
		if strings.HasPrefix(t.member, "ap ") {
			// As over SNMP: it is no chassis of the controller that lists it.
			t.Class = inventory.ClassOther
		}
		if t.Serial == "" && t.PID != "" && !provisioned.MatchString(t.Description) {
			p.nameless = true
			p.warn.addf("%q (%s) gives no serial number: read its label", excerpt(t.Name), excerpt(t.PID))
		}
	}
}

// rank orders the classes in which one part is listed several times; the
// highest is what it is.
func rank(c inventory.Class) int {
	switch c {
	case inventory.ClassChassis:
		return 5
	case inventory.ClassModule:
		return 4
	case inventory.ClassPowerSupply, inventory.ClassFan:
		return 3
	case inventory.ClassPort:
		return 2
	case inventory.ClassStack:
		return 0
	}
	return 1
}

func (t part) rank() int {
	if t.Unit {
		return rank(inventory.ClassChassis)
	}
	return rank(t.Class)
}

// collapse makes one part of the rows with one (PID, serial), and drops rows
// without a serial. The other rows' names stay as aliases.
func collapse(parts []part) []part {
	var kept []part
	bySerial := map[string][]int{}
	for _, t := range parts {
		if t.Serial == "" {
			continue
		}
		at := -1
		for _, i := range bySerial[t.Serial] {
			if inventory.SamePart(kept[i].Component, t.Component) || idprom.MatchString(t.Name) || idprom.MatchString(kept[i].Name) ||
				t.stackRoot && kept[i].Unit || kept[i].stackRoot && t.Unit {
				at = i
				break
			}
		}
		if at < 0 {
			bySerial[t.Serial] = append(bySerial[t.Serial], len(kept))
			kept = append(kept, t)
			continue
		}
		kept[at] = joinParts(kept[at], t)
	}
	return kept
}

// joinParts is one part of two rows: the higher class gives name and place.
func joinParts(a, b part) part {
	if b.rank() > a.rank() {
		a, b = b, a
	}
	if a.PID == "" {
		a.PID = b.PID
	}
	if a.VID == "" {
		a.VID = b.VID
	}
	if a.Description == "" {
		a.Description = b.Description
	}
	for _, alias := range append([]string{b.Name}, b.Aliases...) {
		if alias != "" && alias != a.Name && !slices.Contains(a.Aliases, alias) {
			a.Aliases = append(a.Aliases, alias)
		}
	}
	return a
}

// addFound joins what other commands than `show inventory` gave with what is
// known.
func (p *parser) addFound(parts []part) []part {
	for _, list := range [][]inventory.Component{p.modules.parts, p.eeproms.parts, p.fex.parts, p.trees.parts, p.hardware.parts, p.aps.parts} {
		for _, c := range list {
			t := part{Component: c, kind: kind{class: c.Class}}
			if c.Unit {
				t.outer, t.member = true, memberOf(c.Name)
			}
			parts = append(parts, t)
		}
	}
	return collapse(parts)
}

// addVersion takes the units of `show version` where no inventory named one,
// and members of a stack that the inventory lacks.
func (p *parser) addVersion(parts []part, v Version) []part {
	hasUnit := slices.ContainsFunc(parts, func(t part) bool { return t.Unit })
	if hasUnit && len(v.Components) < 2 {
		return parts
	}
	for _, c := range v.Components {
		parts = append(parts, part{Component: c, kind: kind{class: c.Class, outer: true}, member: memberOf(c.Name)})
	}
	for _, w := range v.Warnings {
		p.warn.addf("%s", w)
	}
	return collapse(parts)
}

// settleStackRoots drops the row of the whole stack where it repeats a member,
// which collapse has already made an alias of. A root with a serial of its own
// stands for a member whose row is missing.
func (p *parser) settleStackRoots(parts []part) []part {
	for i := range parts {
		if !parts[i].stackRoot || parts[i].Class != inventory.ClassStack {
			continue
		}
		parts[i].Class, parts[i].Unit = inventory.ClassChassis, true
		p.warn.addf("%q has a serial number that none of the listed members has (%s): the list of members seems incomplete", excerpt(parts[i].Name), parts[i].Serial)
	}
	return parts
}

// setParents gives each part the unit that holds it: the one its name points
// to, or the only one. Where one number stands for two units, as in two pasted
// outputs, it is the last before the part.
func setParents(parts []part) {
	var units []int
	for i := range parts {
		if parts[i].Unit {
			units = append(units, i)
		}
	}
	host := -1
	hosts := 0
	for _, u := range units {
		if !fexName.MatchString(parts[u].Name) && parts[u].Class != inventory.ClassOther && !accessPointPID.MatchString(parts[u].PID) {
			host = u
			hosts++
		}
	}
	for i := range parts {
		t := &parts[i]
		if t.Unit {
			continue
		}
		if u := holder(parts, units, i); u >= 0 {
			t.Parent = parts[u].Serial
		} else if hosts == 1 && !strings.HasPrefix(t.member, "fex ") {
			t.Parent = parts[host].Serial
		}
	}
}

func holder(parts []part, units []int, i int) int {
	if parts[i].member == "" || len(units) < 2 {
		return -1
	}
	found := -1
	for _, u := range units {
		if parts[u].member != parts[i].member && !fexPort(parts[u].member, parts[i].member) {
			continue
		}
		if found < 0 || u < i {
			found = u
		}
	}
	return found
}

// fexPort says that the number, the first of "Ethernet101/1/1", is of the FEX.
func fexPort(unit, number string) bool { return unit == "fex "+number }

// remark warns of results that a person would wonder about.
func (p *parser) remark(parts []part, platform string) {
	switch {
	case len(parts) == 0 && len(p.rows) == 0 && len(p.version) == 0:
		p.warn.addf("there is no inventory in the text: run `show inventory` on the device, or `show version` where it prints nothing")
	case len(parts) == 0:
		p.warn.addf("the text names no serial number")
	case !slices.ContainsFunc(parts, func(t part) bool { return t.Unit }) && !p.nameless:
		where := "run `show inventory` in full"
		if platform == inventory.PlatformIOSXR {
			where = "on IOS XR `admin show inventory` names it"
		}
		p.warn.addf("no chassis is among the parts: %s", where)
	}
}
