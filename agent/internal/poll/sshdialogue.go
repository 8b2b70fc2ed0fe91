package poll

import (
	"context"
	"strings"

	"rollcall/agent/internal/show"
	"rollcall/pkg/inventory"
)

// A dialogue is what is typed on one platform, after `show version`, and which
// of the outputs must be there for the reading to be complete.
type dialogue func(t *talk, ctx context.Context)

// dialogueOf is the dialogue of a platform. One that is not known is asked for
// whatever names a serial number anywhere.
func dialogueOf(platform string) dialogue {
	for _, d := range []struct {
		platform string
		dialogue dialogue
	}{
		{inventory.PlatformIOS, (*talk).readIOS},
		{inventory.PlatformIOSXE, (*talk).readIOS},
		{inventory.PlatformIOSXR, (*talk).readIOSXR},
		{inventory.PlatformNXOS, (*talk).readNXOS},
		{inventory.PlatformASA, (*talk).readASA},
		{inventory.PlatformFTD, (*talk).readFTD},
		{inventory.PlatformFXOS, (*talk).readFXOS},
		{inventory.PlatformAireOS, (*talk).readAireOS},
		{inventory.PlatformSMB, (*talk).readSmallBusiness},
		{inventory.PlatformLinksys, (*talk).readSmallBusiness},
		{inventory.PlatformCatOS, (*talk).readCatOS},
		{inventory.PlatformISE, (*talk).readISE},
		{inventory.PlatformViptela, (*talk).readViptela},
		{inventory.PlatformAPIC, func(*talk, context.Context) {}}, // no command of its shell names a serial
	} {
		if d.platform == platform {
			return d.dialogue
		}
	}
	return (*talk).readUnknown
}

// readIOS is IOS and IOS-XE. What has no `show inventory` prints the memories
// of its boards, each family by a command of its own. A wireless controller
// has access points, which its own inventory does not list.
func (t *talk) readIOS(ctx context.Context) {
	t.need(ctx, "show inventory")
	if !t.found() && len(t.denied) == 0 {
		t.complete = false
		t.anyOf(ctx, memories(t.version.Model)...)
	}
	if t.complete && isWirelessController(t.parts.Components) {
		t.readAccessPoints(ctx, "", "show ap config general", func(name string) string { return "show ap name " + name + " config general" })
	}
}

// memories are the commands that print what is on the boards of devices from
// before `show inventory`, by the model that `show version` names.
func memories(model string) []string {
	switch {
	case strings.HasPrefix(model, "WS-"):
		return []string{"show module", "show idprom all", "show idprom backplane"}
	case strings.HasPrefix(model, "72"):
		return []string{"show diag", "show c7200"}
	}
	return []string{"show module", "show diag"}
}

// isWirelessController says that a Catalyst 9800 is among the units.
func isWirelessController(list []inventory.Component) bool {
	for _, c := range list {
		if c.Unit && strings.HasPrefix(inventory.MatchPID(c.PID), "C9800-") {
			return true
		}
	}
	return false
}

// readIOSXR needs the admin plane for the chassis; optics are in the other.
// Where the chassis is in the plain inventory (XRv, NCS), that is enough.
func (t *talk) readIOSXR(ctx context.Context) {
	t.need(ctx, "admin show inventory")
	plain := t.ask(ctx, "show inventory")
	if !hasUnit(t.parts.Components) {
		plain = t.ask(ctx, "show inventory all")
	}
	switch {
	case t.lost:
	case hasUnit(t.parts.Components) && plain.accepted():
		t.complete, t.denied = true, nil
	case hasUnit(t.parts.Components):
		t.incomplete("the chassis is read, and `show inventory` with the transceivers is not: allow that command too")
	}
}

// readNXOS prefers "all", which lists fabric extenders too. Older releases have
// them in `show fex`, and their parts by number.
func (t *talk) readNXOS(ctx context.Context) {
	t.oneOf(ctx, "show inventory all", "show inventory")
	if !t.complete {
		return
	}
	inventoried := serialsOf(t.parts.Components)
	fex := t.run(ctx, "show fex")
	if fex.status != show.Accepted {
		return // without the feature there are none
	}
	found := show.Output(t.platform, "show fex", fex.text)
	var unlisted []inventory.Component
	for _, c := range found.Components {
		if !inventoried[c.Serial] {
			unlisted = append(unlisted, c)
		}
	}
	if len(unlisted) == 0 {
		return
	}
	t.take("show fex", fex.text)
	for _, number := range show.Extenders(unlisted) {
		t.need(ctx, "show inventory fex "+number)
	}
}

func serialsOf(list []inventory.Component) map[string]bool {
	serials := map[string]bool{}
	for _, c := range list {
		serials[c.Serial] = true
	}
	return serials
}

// readASA is ASA and PIX. In multiple context mode the hardware is in the
// system context's inventory alone.
func (t *talk) readASA(ctx context.Context) {
	t.need(ctx, "show inventory")
	if t.found() || t.lost || len(t.denied) > 0 {
		return
	}
	if mode := t.run(ctx, "show mode"); show.Mode(mode.text) != "multiple" {
		return
	}
	if moved := t.run(ctx, "changeto system"); moved.accepted() {
		t.complete = true
		t.need(ctx, "show inventory")
	}
	if !t.found() {
		t.incomplete("this is one context of a firewall with several, and only the system context names the hardware: give the address of the admin context, with an account that may `changeto system`")
	}
}

// readFTD has the serial number of the chassis twice.
func (t *talk) readFTD(ctx context.Context) {
	t.need(ctx, "show inventory")
	if !hasUnit(t.parts.Components) {
		t.ask(ctx, "show serial-number")
	}
}

// readFXOS is the supervisor of a Firepower chassis, where commands belong to
// places of a tree.
func (t *talk) readFXOS(ctx context.Context) {
	if t.run(ctx, "scope chassis 1").accepted() {
		t.need(ctx, "show inventory")
		t.need(ctx, "show inventory psu")
		t.need(ctx, "show inventory fan")
		t.ask(ctx, "show server inventory")
		t.run(ctx, "top")
	}
	if !hasUnit(t.parts.Components) {
		t.complete = false
		t.ask(ctx, "show chassis inventory")
	}
	if hasUnit(t.parts.Components) && !t.complete {
		t.incomplete("the chassis is read, and not all that is in it: read the chassis's management address over SNMP too")
	}
}

// readAireOS reads the controller and its access points, which old releases
// list one by one.
func (t *talk) readAireOS(ctx context.Context) {
	t.need(ctx, "show inventory")
	if info := t.run(ctx, "show sysinfo"); info.status == show.Accepted {
		t.version = show.ParseVersion(info.text)
		t.version.Components = nil // it names none that the inventory does not
	}
	if t.complete && hasUnit(t.parts.Components) {
		t.readAccessPoints(ctx, "show ap inventory all", "", func(name string) string { return "show ap config general " + name })
	}
}

// maxConfigured is how many access points are asked for how they are set up in
// one command: each has some 13 KB to say, of 8 MiB that a command may print.
const maxConfigured = 400

// readAccessPoints asks a wireless controller for its access points: for all
// of them by each of the commands that print all, where there is one, and then
// for each that is missing. The controller's own count tells what is missing.
func (t *talk) readAccessPoints(ctx context.Context, inventoried, configured string, one func(name string) string) {
	summary := t.run(ctx, "show ap summary")
	names, count := show.AccessPoints(summary.text)
	count = max(count, len(names))
	if summary.accepted() && count == 0 {
		return
	}
	for _, command := range []string{inventoried, configured} {
		if command != "" && (command != configured || count <= maxConfigured) && (!summary.accepted() || t.accessPoints() < count) {
			t.ask(ctx, command)
		}
	}
	if summary.accepted() && t.accessPoints() < count {
		t.readEach(ctx, names, one)
	}
	switch read := t.accessPoints(); {
	case t.lost:
	case !summary.accepted() && read == 0:
		t.incomplete("the controller does not list its access points over SSH: read it over SNMP to see their serial numbers")
	case !summary.accepted():
		t.incomplete("%d access points are read, and whether there are more is not known as `show ap summary` is refused: allow it to this account, or read the controller over SNMP", read)
	case read < count:
		t.incomplete("of the controller's %d access points %d are read over SSH: read it over SNMP to see the serial numbers of all", count, read)
	}
}

// readEach asks for one access point at a time, until the device shows that it
// does not know the command.
func (t *talk) readEach(ctx context.Context, names []string, one func(name string) string) {
	known := map[string]bool{}
	for _, c := range t.parts.Components {
		known[c.Name] = true
	}
	var found []inventory.Component
	for _, name := range names {
		if known[name] {
			continue
		}
		a := t.run(ctx, one(name))
		if a.status != show.Accepted {
			break
		}
		found = append(found, show.Output(t.platform, one(name), a.text).Components...)
	}
	t.parts.Components = unite(t.parts.Components, found)
}

// accessPoints counts the units that are no chassis.
func (t *talk) accessPoints() int {
	n := 0
	for _, c := range t.parts.Components {
		if c.Unit && c.Class == inventory.ClassOther {
			n++
		}
	}
	return n
}

// readSmallBusiness has `show inventory` on newer firmware; older has the
// serial numbers of the units, which have no parts that could be replaced one
// by one.
func (t *talk) readSmallBusiness(ctx context.Context) {
	t.oneOf(ctx, "show inventory", "show system id")
	if !t.found() && t.complete { // it knows the command, and prints nothing
		t.need(ctx, "show system id")
	}
	// The makes' outputs are the same, but for their product names.
	if told := show.Parse("", t.outputs.String()).Platform; told == inventory.PlatformLinksys {
		t.platform = told
	}
}

// readCatOS takes `show version`, which lists chassis, cards and supplies.
func (t *talk) readCatOS(context.Context) {
	t.complete = !t.lost
	t.take("show version", t.versionText)
}

// readISE is ADE-OS: ISE and its kin.
func (t *talk) readISE(ctx context.Context) {
	t.need(ctx, "show inventory")
	if !hasUnit(t.parts.Components) {
		t.ask(ctx, "show udi")
	}
}

// readViptela is a vEdge router, which has a command of its own. What it prints
// for `show version` is a number alone, so others may be taken for one.
func (t *talk) readViptela(ctx context.Context) {
	if a := t.need(ctx, "show hardware inventory"); a.status != show.Unsupported || t.lost {
		return
	}
	t.platform, t.complete = "", true
	t.readUnknown(ctx)
}

// readUnknown is what `show version` did not tell: servers and fabric
// interconnects, which have trees of objects, and whatever prints an inventory
// all the same.
func (t *talk) readUnknown(ctx context.Context) {
	a := t.need(ctx, "show inventory")
	if t.found() || t.lost || a.status == show.Unauthorized {
		return
	}
	t.complete = true
	if t.oneOf(ctx, "show system id"); t.found() {
		return
	}
	t.complete = false
	if t.run(ctx, "scope chassis").accepted() {
		t.ask(ctx, "show detail")
		t.run(ctx, "top")
	}
	if !t.found() {
		t.anyOf(ctx, "show fabric-interconnect detail", "show udi", "show hardware inventory")
	}
	if t.parts.Platform == inventory.PlatformViptela {
		t.complete = true // which lists all that there is
		return
	}
	if t.found() {
		t.ask(ctx, "show chassis detail")
		t.incomplete("over SSH only the chassis is read: read the device over SNMP too, to see what is in it")
	}
}
