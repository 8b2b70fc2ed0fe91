package reconcile

import (
	"cmp"
	"fmt"
	"slices"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// byActivation explains a missing line by a donation whose contract is not due
// yet (FAQ 2.5).
func byActivation(r *run, u *unit) (verdict, bool) {
	_, found := r.activations[u]
	return verdict{Coverage: ActivationPending}, found
}

// due is the last day on which the contract of a complete order may still be on
// its way.
func (r *run) due(o contract.Order) contract.Date {
	return o.CompletedOn.AddDays(r.Settings.ActivationDays)
}

// findActivations finds the units whose contract is still on its way: those
// named by an order, then, for orders without serials, the newest units of the
// product, as many as were ordered.
func (r *run) findActivations() {
	for _, o := range r.Orders {
		serial := inventory.CleanSerial(o.Serial)
		if serial == "" || o.CompletedOn != "" && r.due(o) < r.today {
			continue
		}
		for _, u := range r.bySerial[serial] {
			if len(u.lines) == 0 {
				r.activations[u] = o
			}
		}
	}
	for _, o := range r.Orders {
		// An order that is not complete and names no serial would excuse any
		// unit of the product for ever.
		if inventory.CleanSerial(o.Serial) != "" || o.CompletedOn == "" || r.due(o) < r.today {
			continue
		}
		var candidates []*unit
		for _, u := range r.units {
			if _, taken := r.activations[u]; !taken && len(u.lines) == 0 && u.serial != "" && r.replaces[u] == nil &&
				u.pid != "" && r.sameProduct(u.pid, o.ProductID) && dayOf(u.first) >= o.OrderedOn {
				candidates = append(candidates, u)
			}
		}
		slices.SortStableFunc(candidates, func(a, b *unit) int {
			return cmp.Or(b.first.Compare(a.first), cmp.Compare(a.key, b.key))
		})
		for _, u := range candidates[:min(o.Quantity, len(candidates))] {
			r.activations[u] = o
		}
	}
}

// findActivationOverdue finds donations that arrived in full more than the set
// period ago and still have no contract (FAQ 2.4, 2.5).
func findActivationOverdue(r *run) {
	late := map[string][]contract.Order{}
	var numbers []string
	for _, o := range r.Orders {
		if o.CompletedOn == "" || r.due(o) >= r.today || !r.withoutContract(o) {
			continue
		}
		if late[o.OrderNumber] == nil {
			numbers = append(numbers, o.OrderNumber)
		}
		late[o.OrderNumber] = append(late[o.OrderNumber], o)
	}
	for _, number := range numbers {
		key := "activation_overdue/" + number
		if len(r.Imports) == 0 || len(r.stale) > 0 {
			r.unproven = append(r.unproven, key)
			continue
		}
		r.findings = append(r.findings, r.activationFinding(key, late[number]))
	}
}

// withoutContract says that a product of an order never came onto a line: its
// serial, or fewer lines of it than were ordered.
func (r *run) withoutContract(o contract.Order) bool {
	if serial := inventory.CleanSerial(o.Serial); serial != "" {
		return !r.cameOntoContract(serial)
	}
	lines := 0
	for _, l := range r.lines {
		if l.PID != "" && r.sameProduct(l.PID, o.ProductID) && (l.Begin == "" || l.Begin >= o.OrderedOn) {
			lines++
		}
	}
	return lines < o.Quantity
}

// cameOntoContract says that a serial is on a line, or was before a newer import
// of the contract, or that what replaced it by a record is: then the contract of
// a donation has come, whatever became of its line since.
func (r *run) cameOntoContract(serial string) bool {
	for range 8 { // replacements of replacements
		if len(r.onLine[serial]) > 0 || len(r.dropped[serial]) > 0 {
			return true
		}
		record := r.records[serial]
		if record == nil {
			break
		}
		serial = inventory.CleanSerial(record.NewSerial)
	}
	return false
}

func (r *run) activationFinding(key string, orders []contract.Order) Finding {
	o := orders[0]
	organization := r.organizationName(o)
	f := Finding{
		Key: key, Kind: ActivationOverdue, Severity: Warning, Subject: "order " + o.OrderNumber, Serial: inventory.CleanSerial(o.Serial), PID: o.ProductID,
		NextStep: NextStep{
			Title: "Find the contract of the donation, or have it activated",
			Steps: []string{
				"Log in to Cisco's Service Contract Center (SCC) and search by contract number, by any serial number of the order, and by Cisco's Sales Order number. " +
					"If the contract is there, download and import it.",
				"In SCC look at the install-site address of the contract: the Welcome Kit with the contract number is posted there. Correct it if it is wrong.",
				"If the contract is not there, send the mail below to " + r.Settings.ProgramMail + ". It needs your organization's name, the order number and the reason why you need support now.",
			},
			Sheet: Sheet{"to": r.Settings.ProgramMail, "organization": organization, "order_number": o.OrderNumber, "reason": ""},
		},
	}
	for _, o := range orders {
		what := fmt.Sprintf("%d × %s", o.Quantity, o.ProductID)
		if o.Serial != "" {
			what = describe(o.ProductID, inventory.CleanSerial(o.Serial))
		}
		f.Evidence = append(f.Evidence, fmt.Sprintf("%s of order %s arrived in full on %s; its contract was due by %s, and no line of the imported contracts is of it.",
			what, o.OrderNumber, o.CompletedOn, r.due(o)))
	}
	return f
}
