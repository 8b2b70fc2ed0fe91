package document

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
)

// makeTAC is the card with what Cisco's TAC asks for when a case is opened, for
// one unit or for all that are covered (FAQ 2.1 to 2.3). Parts are sent to the
// install site, so the card needs its address.
func makeTAC(in Input, r Request) (Document, error) {
	if r.About != "" {
		return Document{}, invalid("a TAC card is of a serial number or of all: it takes no %q", r.About)
	}
	lines := in.linesBySerial()
	var units []reconcile.Unit
	for _, u := range in.Units {
		switch {
		case r.Of == "" && (u.Coverage == reconcile.Covered || u.Coverage == reconcile.Expiring):
			units = append(units, u)
		case sameSerial(u.Serial, r.Of) && (r.PID == "" || inventory.MatchPID(r.PID) == inventory.MatchPID(u.PID)):
			units = append(units, u)
		}
	}
	switch {
	case len(units) == 0 && r.Of == "":
		return Document{}, nothing("no unit is covered, so there is no card to make")
	case len(units) == 0:
		return Document{}, nothing("no unit %s was seen", describe(r.PID, r.Of))
	case r.Of != "" && slices.ContainsFunc(units, func(u reconcile.Unit) bool { return u.PID != units[0].PID }):
		return Document{}, invalid("several products have the serial number %s: name the product (%s or %s)", r.Of, units[0].PID, units[1].PID)
	case r.Of != "":
		return in.card(units[0], lines, r.Fields, false)
	}
	d := Document{Title: "Cards for cases at Cisco's TAC"}
	for _, u := range units {
		one, err := in.card(u, lines, r.Fields, true)
		if err != nil {
			d.LeftOut = append(d.LeftOut, err.Error())
			continue
		}
		d.Form = one.Form
		one.Sections[0].Title = one.Title
		d.Sections = append(d.Sections, one.Sections...)
	}
	if len(d.Sections) == 0 {
		_, err := in.card(units[0], lines, r.Fields, true)
		return Document{}, err
	}
	return d, nil
}

// card is the card of one unit. Where several are made at once, what is given
// is for those that lack it, and nothing else is asked for.
func (in Input) card(u reconcile.Unit, lines map[string][]contract.Line, given map[string]string, several bool) (Document, error) {
	l, onLine := lineOf(u, lines)
	n := in.node(u)
	form := []Field{
		{Name: "serial", Label: "Serial number", Value: u.Serial, Required: true},
		{Name: "pid", Label: "Product", Value: cmp.Or(u.PID, l.PID), Required: true},
		{Name: "description", Label: "Description", Value: cmp.Or(u.Description, l.Description)},
		{Name: "contract", Label: "Contract", Value: u.Contract, Required: true},
		{Name: "service_level", Label: "Service level", Value: u.ServiceLevel},
		{Name: "line_end", Label: "Covered until", Value: day(u.LineEnd)},
		{Name: "device", Label: "Device", Value: strings.TrimSpace(where(u))},
		{Name: "software", Label: "Software", Value: strings.TrimSpace(n.Platform + " " + n.Software)},
		{Name: "install_site", Label: "Install site", Value: cmp.Or(l.Site, u.Site)},
		{Name: "site_address", Label: "Address of the install site", Value: cmp.Or(l.SiteAddress, in.siteAddress(u.Site)), Required: true},
		{Name: "contact", Label: "Contact person", Required: true},
		{Name: "phone", Label: "Phone"},
	}
	known := map[string]bool{}
	if several {
		given = maps.Clone(given)
		for _, f := range filled(form) {
			known[f.Name] = true
			delete(given, f.Name)
		}
	}
	asked := func(form []Field) []Field {
		return slices.DeleteFunc(slices.Clone(form), func(f Field) bool { return known[f.Name] })
	}
	form, err := complete("the TAC card of "+describe(u.PID, u.Serial), form, given)
	if err != nil {
		var x *Incomplete
		if errors.As(err, &x) && u.Contract == "" {
			x.Why = "the unit is " + strings.ReplaceAll(string(u.Coverage), "_", " ") + ", so no contract is known"
		}
		if x != nil {
			x.Form = asked(x.Form)
		}
		return Document{}, err
	}
	d := Document{
		Name: "tac-" + u.Serial, Title: "For a case at Cisco's TAC: " + describe(u.PID, u.Serial), Form: asked(form),
		Sections: []Section{{Fields: filled(form), StepsTitle: "How to open a case", Steps: []string{
			"Log in at Cisco's support site with your Cisco.com account (CCO ID). Who has none registers at Cisco.com first.",
			"Open a case with the serial number and the contract number of this card.",
			"Say what fails and since when, what you did about it, and add the output of \"show tech-support\", or \"show version\" and \"show inventory\".",
			"For a replacement (RMA) compare the address with the one on the contract: parts go there. Note the case number and the RMA number.",
			"When the new unit is in place, put its serial number into the contract, and send the old one back by the date in the RMA.",
		}}},
	}
	switch u.Coverage {
	case reconcile.Covered, reconcile.Expiring:
	case reconcile.RMAPending:
		d.Notes = append(d.Notes, "The contract does not list this serial number yet, but that of the unit which it replaced: swap them first.")
	default:
		d.Notes = append(d.Notes, "By the imported contracts this unit is "+strings.ReplaceAll(string(u.Coverage), "_", " ")+": Cisco may refuse the case.")
	}
	if onLine && l.Site != "" && u.Site != "" && !strings.EqualFold(l.Site, u.Site) {
		d.Notes = append(d.Notes, "The contract calls the install site "+l.Site+", the agent that saw the unit "+u.Site+": make sure that parts would come to the right address.")
	}
	return d, nil
}
