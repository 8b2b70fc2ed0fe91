package reconcile

import (
	"regexp"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// byVirtual leaves out what is software: it has no hardware to be replaced.
func byVirtual(_ *run, u *unit) (verdict, bool) {
	return verdict{Coverage: Ineligible, Reason: Virtual}, inventory.IsVirtualPID(u.pid) || u.node.Platform == inventory.PlatformUCOS
}

// linksysPID are the switches and access points that Linksys sells under its own
// name, with or without the maker's word before the model.
var linksysPID = regexp.MustCompile(`(?i)^linksys\b|^(?:LGS|LAPAC|LAPN)\d`)

// byLinksys leaves out Linksys products, which get the Linksys Standard Warranty
// and no SMARTnet (FAQ 1.5).
func byLinksys(_ *run, u *unit) (verdict, bool) {
	return verdict{Coverage: Ineligible, Reason: Linksys},
		u.node.Platform == inventory.PlatformLinksys || linksysPID.MatchString(u.pid)
}

// byPastSupport leaves out products beyond Cisco's last date of support: nobody
// can cover them any more. The date stands on lines of the same product, or
// comes from the EoX API.
func byPastSupport(r *run, u *unit) (verdict, bool) {
	end := r.lastSupport(u.pid)
	return verdict{Coverage: Ineligible, Reason: PastSupport}, end != "" && end < r.today
}

// lastSupport returns the last date of support of a product, as any contract
// line or Cisco's EoX API has it, or "". It does not grow old, for what is
// published is not taken back. Where lines differ it is the latest.
func (r *run) lastSupport(pid string) contract.Date {
	family := r.family(pid)
	if family == "" {
		return ""
	}
	return r.supportEnds[family]
}

// indexSupport notes the last date of support of each product.
func (r *run) indexSupport() {
	r.supportEnds = map[string]contract.Date{}
	for _, l := range r.Lines {
		if family := r.family(l.PID); family != "" {
			r.supportEnds[family] = max(r.supportEnds[family], l.LastSupport)
		}
	}
	for _, p := range r.Products {
		if family := r.family(p.PID); family != "" && p.LastSupport != "" {
			r.supportEnds[family] = max(r.supportEnds[family], p.LastSupport)
		}
	}
}

// byThirdParty leaves out what another maker made: Cisco covers no such thing.
// Only the device's own words count, where nothing else says that it is Cisco's:
// discovery knows no system of Cisco's in it, and no contract has the product.
func byThirdParty(r *run, u *unit) (verdict, bool) {
	if u.node.Platform != inventory.PlatformUnknown && u.node.Platform != "" {
		return verdict{}, false
	}
	if _, known := r.supportEnds[r.family(u.pid)]; known {
		return verdict{}, false
	}
	_, other := inventory.OtherMaker(u.at.Component.Description)
	return verdict{Coverage: Ineligible, Reason: ThirdParty}, other
}
