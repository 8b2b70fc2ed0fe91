package reconcile

import (
	"cmp"
	"fmt"
	"strings"
)

// describe names a part: "C9300-48P FOC2211A0AA".
func describe(pid, serial string) string {
	return strings.TrimSpace(pid + " " + cmp.Or(serial, "without serial number"))
}

// where names a place: "sw1, member 2 (Main office)". A switch that stands
// alone calls itself 1; that says nothing.
func (r *run) where(s *Sighting) string {
	n := r.node(s.Node)
	place := nodeName(n)
	switch slot := s.Slot; {
	case isNumber(slot) && r.onlyUnit(s):
	case isNumber(slot):
		place += ", member " + slot
	case slot != "" && slot != "chassis" && slot != place:
		place += ", " + slot
	}
	return place + inSite(n.Site)
}

func inSite(site string) string {
	if site == "" {
		return ""
	}
	return " (" + site + ")"
}

// String says when something was seen: "on 2026-06-15", or "from … to …".
func (s span) String() string {
	since, until := dayOf(s.since), dayOf(s.until)
	if since == until {
		return fmt.Sprintf("on %s", since)
	}
	return fmt.Sprintf("from %s to %s", since, until)
}

// subject names a unit and its place.
func (r *run) subject(u *unit) string { return describe(u.pid, u.serial) + " in " + r.where(u.at) }

// nodeSubject names a node with its address.
func nodeSubject(n Node) string {
	s := nodeName(n)
	if n.Name != "" && n.Address != "" && n.Name != n.Address {
		s += ", " + n.Address
	}
	return s + inSite(n.Site)
}

// contractName names a contract; some files do not say which it is.
func contractName(number string) string {
	if number == "" {
		return "the contract without a number"
	}
	return "contract " + number
}

// count is a number with its noun: "1 unit", "3 units".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// maxEvidence is the number of sentences that a list in a finding may have.
const maxEvidence = 200

// capped cuts a list of sentences and says by how much.
func capped(sentences []string) []string {
	if len(sentences) <= maxEvidence {
		return sentences
	}
	return append(sentences[:maxEvidence:maxEvidence], fmt.Sprintf("And %d more.", len(sentences)-maxEvidence))
}

// unitFinding begins a finding about a unit.
func (r *run) unitFinding(kind Kind, severity Severity, u *unit) Finding {
	f := Finding{
		Key: string(kind) + "/" + u.key, Kind: kind, Severity: severity, Subject: r.subject(u), Site: u.node.Site, Node: nodeName(u.node),
		Serial: u.serial, PID: u.pid, NextStep: NextStep{Sheet: Sheet{}},
	}
	if u.line != nil {
		f.Contract = u.line.Contract
	}
	return f
}

// nodeFinding begins a finding about a node.
func nodeFinding(kind Kind, severity Severity, n Node) Finding {
	return Finding{
		Key: string(kind) + "/" + n.ID, Kind: kind, Severity: severity, Subject: nodeSubject(n), Site: n.Site, Node: nodeName(n),
		NextStep: NextStep{Sheet: Sheet{}},
	}
}

// commonSite is the site of all units, "" when they have several.
func commonSite(units []*unit) string {
	for _, u := range units[1:] {
		if u.node.Site != units[0].node.Site {
			return ""
		}
	}
	return units[0].node.Site
}
