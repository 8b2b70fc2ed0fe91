package show

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"rollcall/pkg/inventory"
)

// Version is what `show version` says. Components holds the units whose
// serials it names, one per stack member; it never holds motherboards, whose
// serial is on no contract.
type Version struct {
	Name, Platform, Software, Model string
	Components                      []inventory.Component
	Warnings                        []string
}

// ParseVersion reads the output of `show version` of IOS, IOS-XE, NX-OS, ASA,
// PIX, FTD, FXOS, IOS-XR, ADE-OS, ACI and small-business switches, and `show
// sysinfo` of AireOS. Most of it is prose, so lines that say nothing of the
// hardware are passed over. The warnings concern the components.
func ParseVersion(text string) Version {
	var w warnings
	var lines []string
	for _, line := range splitLines(text, &w) {
		lines = append(lines, strings.TrimSpace(line))
	}
	v := readVersion(lines)
	v.Warnings = append(w.all(), v.Warnings...)
	return v
}

var (
	iosSoftware  = regexp.MustCompile(`(?i)^(?:Cisco (?:IOS|Internetwork Operating System) Software|IOS \(tm\)|WS-C\S+ Software).*?\bVersion ([^\s,]+)`)
	catSoftware  = regexp.MustCompile(`(?i)^WS-C\S+ Software, Version (?:NmpSW|McpSW): ([^\s,]+)`)
	catHardware  = regexp.MustCompile(`(?i)^Hardware Version: \S+ +Model: (\S+) +Serial #: (\S+)`)
	xeSoftware   = regexp.MustCompile(`(?i)^Cisco IOS[ -]XE Software,? Version ([^\s,]+)`)
	xrSoftware   = regexp.MustCompile(`(?i)^Cisco IOS XR Software, Version ([^\s,\[]+)`)
	nxSoftware   = regexp.MustCompile(`(?i)^(?:NXOS|system): +version ([^\s,]+)`)
	asaSoftware  = regexp.MustCompile(`(?i)^Cisco (?:Adaptive Security Appliance|PIX (?:Security Appliance|Firewall)) (?:Software )?Version ([^\s,]+)`)
	ftdSoftware  = regexp.MustCompile(`(?i)^(?:Model\s*:\s*)?Cisco .*Threat Defense.* Version ([^\s,]+)`)
	ftdName      = regexp.MustCompile(`^-{3,}\[ (\S{1,64}) \]-{3,}$`)
	fxosSoftware = regexp.MustCompile(`(?i)^Version: (\d[\w.]*\([\w.]+\))$`)
	aciTable     = regexp.MustCompile(`^Role +Pod +Node +Name +Version$`)
	aciRow       = regexp.MustCompile(`^controller +\d+ +\d+ +(\S+) +(\S+)$`)
	adeSoftware  = regexp.MustCompile(`^Version +: (\d\S*)$`)
	adeName      = regexp.MustCompile(`^Hostname: (\S{1,64})$`)
	wlcSoftware  = regexp.MustCompile(`(?i)^Product Version\.{2,} *(\S+)`)
	smbSoftware  = regexp.MustCompile(`(?i)^(?:SW version +|Version: )(\d[\d.]+)(?:\s|$)`)
	iosUptime    = regexp.MustCompile(`^(\S{1,64}) uptime is `)
	asaUptime    = regexp.MustCompile(`^(\S{1,64}) up (?:\d+ (?:year|day|hour|min|sec)|[\d:]+)`)
	nxName       = regexp.MustCompile(`(?i)^Device name: *(\S+)`)
	wlcName      = regexp.MustCompile(`(?i)^System Name\.{2,} *(\S.*)$`)
	iosModel     = regexp.MustCompile(`(?i)^cisco (\S+)(?: .*?)? (?:processor|\(revision)`)
	nxModel      = regexp.MustCompile(`(?i)^cisco (Nexus ?\d+ ?\S*|MDS \S+|N\dK-\S+|UCS-\S+)(?: .*)?chassis`)
	nxShort      = regexp.MustCompile(`(?i)^Nexus ?(\d)\d00 (C\w\S*)$`)
	asaHardware  = regexp.MustCompile(`(?i)^Hardware: +([^\s,]+)`)
	asaModelID   = regexp.MustCompile(`(?i)^Model Id: +(\S+)`)
	boardID      = regexp.MustCompile(`(?i)^Processor board ID:? *([^\s,]+)`)
	modelNumber  = regexp.MustCompile(`(?i)^Model number *: *(\S+)`)
	systemSN     = regexp.MustCompile(`(?i)^System serial number *: *(\S+)`)
	asaSerial    = regexp.MustCompile(`(?i)^Serial Number: *(\S+)`)
	switchHeader = regexp.MustCompile(`(?i)^Switch 0*(\d{1,2})$`)
	activeRow    = regexp.MustCompile(`^\* +(\d{1,2}) +\d+ +\S+ +\S+ +\S+`)
)

// versionReader gathers the facts of one `show version`.
type versionReader struct {
	v       Version
	xe      string // "IOS XE Software, Version": only when the IOSd line lacks
	modelID string // ASAv's own name for its product
	board   string
	active  string // number of the stack member that holds the session
	members []member
}

// member is one block of "Model Number" and "System Serial Number".
type member struct{ number, model, serial string }

// bareVersion is all that vEdge routers of Viptela print: "20.6.3", "17.2.10".
var bareVersion = regexp.MustCompile(`^\d{2}\.\d{1,2}\.\d{1,3}(?:\.\d{1,3})?(?:-\d+)?$`)

func readVersion(lines []string) Version {
	r := versionReader{members: []member{{}}}
	if said := slices.DeleteFunc(slices.Clone(lines), func(s string) bool { return s == "" }); len(said) == 1 && bareVersion.MatchString(said[0]) {
		return Version{Platform: inventory.PlatformViptela, Software: said[0]}
	}
	for _, s := range lines {
		if s != "" && !r.software(s) {
			r.hardware(s)
		}
	}
	r.finish()
	return r.v
}

// software reads the lines that name platform, version and host.
func (r *versionReader) software(s string) bool {
	kinds := []struct {
		pattern  *regexp.Regexp
		platform string
	}{
		{catSoftware, inventory.PlatformCatOS},
		{xrSoftware, inventory.PlatformIOSXR},
		{ftdSoftware, inventory.PlatformFTD},
		{asaSoftware, inventory.PlatformASA},
		{nxSoftware, inventory.PlatformNXOS},
		{wlcSoftware, inventory.PlatformAireOS},
		{fxosSoftware, inventory.PlatformFXOS},
		{smbSoftware, inventory.PlatformSMB},
	}
	if m := xeSoftware.FindStringSubmatch(s); m != nil {
		r.xe, r.v.Platform = m[1], inventory.PlatformIOSXE
		return true
	}
	for _, k := range kinds {
		if m := k.pattern.FindStringSubmatch(s); m != nil {
			if r.v.Software == "" {
				r.v.Software, r.v.Platform = m[1], k.platform
			}
			return true
		}
	}
	if m := iosSoftware.FindStringSubmatch(s); m != nil && r.v.Software == "" {
		r.v.Software = m[1]
		if r.v.Platform == "" {
			r.v.Platform = inventory.PlatformIOS
		}
		if strings.Contains(s, "IOS-XE") || strings.Contains(s, "X86_64_LINUX_IOSD") || strings.Contains(s, "CAT9K") {
			r.v.Platform = inventory.PlatformIOSXE
		}
		return true
	}
	if r.server(s) {
		return true
	}
	for _, name := range []*regexp.Regexp{iosUptime, asaUptime, nxName, wlcName, ftdName} {
		if m := name.FindStringSubmatch(s); m != nil && r.v.Name == "" {
			r.v.Name = inventory.CleanText(m[1])
			return true
		}
	}
	if strings.HasPrefix(s, "Cisco Nexus Operating System") && r.v.Platform == "" {
		r.v.Platform = inventory.PlatformNXOS
	}
	return false
}

// server reads the lines of appliances that are servers: ISE and its kin, ACI
// controllers. Theirs say little, so what stood before them decides.
func (r *versionReader) server(s string) bool {
	set := func(field *string, pattern *regexp.Regexp) bool {
		m := pattern.FindStringSubmatch(s)
		if m != nil && *field == "" {
			*field = m[1]
		}
		return m != nil
	}
	switch {
	case r.v.Platform == "" && strings.HasPrefix(s, "Cisco Application Deployment Engine"):
		r.v.Platform = inventory.PlatformISE
	case r.v.Platform == "" && aciTable.MatchString(s):
		r.v.Platform = inventory.PlatformAPIC
	case r.v.Platform == inventory.PlatformISE:
		return set(&r.v.Software, adeSoftware) || set(&r.v.Name, adeName)
	case r.v.Platform == inventory.PlatformAPIC:
		if m := aciRow.FindStringSubmatch(s); m != nil && r.v.Software == "" {
			r.v.Software = m[2]
		}
	default:
		return false
	}
	return true
}

// hardware reads the lines that name products and serials.
func (r *versionReader) hardware(s string) {
	last := &r.members[len(r.members)-1]
	set := func(field *string, m []string) bool {
		if m == nil {
			return false
		}
		if *field == "" {
			*field = m[1]
		}
		return true
	}
	switch {
	case set(&r.board, boardID.FindStringSubmatch(s)):
	case set(&r.v.Model, nxModel.FindStringSubmatch(s)):
	case set(&r.v.Model, iosModel.FindStringSubmatch(s)):
	case set(&r.v.Model, asaHardware.FindStringSubmatch(s)):
	case set(&r.modelID, asaModelID.FindStringSubmatch(s)):
	case set(&last.model, modelNumber.FindStringSubmatch(s)):
	case set(&last.serial, systemSN.FindStringSubmatch(s)):
	case set(&r.active, activeRow.FindStringSubmatch(s)):
	case r.v.Platform == inventory.PlatformASA && set(&r.board, asaSerial.FindStringSubmatch(s)):
	default:
		if m := catHardware.FindStringSubmatch(s); m != nil {
			r.v.Model, r.board = m[1], m[2]
		}
		if m := switchHeader.FindStringSubmatch(s); m != nil {
			r.members = append(r.members, member{number: m[1]})
		}
	}
}

// finish makes units of the facts. The system serials of a stack come first;
// the board ID stands for a device that prints nothing else.
func (r *versionReader) finish() {
	v := &r.v
	if v.Software == "" {
		v.Software = r.xe
	}
	v.Name, v.Software = bounded(inventory.CleanText(v.Name)), bounded(inventory.CleanText(v.Software))
	v.Model = cleanPID(v.Model)
	if r.modelID != "" {
		v.Model = cleanPID(r.modelID)
	}
	if m := nxShort.FindStringSubmatch(v.Model); m != nil {
		// "Nexus9000 C9396PX" is the PID N9K-C9396PX in words.
		v.Model = "N" + m[1] + "K-" + m[2]
	}
	v.Model = bounded(v.Model)
	r.members[0].number = r.active
	stack := len(r.members) > 1
	for _, m := range r.members {
		sn := inventory.CleanSerial(m.serial)
		if sn == "" || len(sn) > maxSerial {
			continue
		}
		name := ""
		if stack {
			name = "Switch " + m.number
			if m.number == "" {
				name = "Switch 1"
			}
		}
		v.Components = appendUnit(v.Components, sn, bounded(cleanPID(m.model)), name)
	}
	if len(v.Components) > 0 {
		if pid := v.Components[0].PID; pid != "" {
			v.Model = pid
		}
		return
	}
	sn := inventory.CleanSerial(r.board)
	if sn == "" || len(sn) > maxSerial {
		return
	}
	pid := v.Model
	if strings.ContainsRune(pid, ' ') { // "Nexus 5596": words, not a PID
		pid = ""
	}
	v.Components = appendUnit(nil, sn, pid, "Chassis")
	switch {
	case strings.HasPrefix(pid, "PIX"): // which has no other
	case v.Platform == inventory.PlatformNXOS, v.Platform == inventory.PlatformASA:
		v.Warnings = append(v.Warnings, fmt.Sprintf("%s in `show version` can be the board's serial and not the chassis's: `show inventory` tells", sn))
	}
}

// appendUnit adds a chassis; members of one stack that print one serial, as
// anonymised outputs do, are one part.
func appendUnit(list []inventory.Component, sn, pid, name string) []inventory.Component {
	for i, c := range list {
		if c.Serial == sn && c.PID == pid {
			list[i].Aliases = append(list[i].Aliases, name)
			return list
		}
	}
	return append(list, inventory.Component{
		Serial: sn, PID: pid, Class: inventory.ClassChassis, Name: name, Unit: true, Aliases: []string{},
	})
}
