package document_test

import (
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/document"
	"rollcall/collector/internal/reconcile"
	"rollcall/pkg/inventory"
)

// now is the day of all tests.
var now = time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)

// foodBank is an organization in which every document has something to say, as
// reconcile sees it.
func foodBank() document.Input {
	f := reconcile.Facts{
		Organization: "riverside-food-bank", Name: "Riverside Food Bank", Now: now, Settings: reconcile.DefaultSettings(),
		Agents: []reconcile.Agent{
			{ID: "a1", Name: "office-pi", Site: "Main office", LastSeen: now.Add(-time.Minute), Interval: time.Hour},
			{ID: "a2", Name: "depot-pi", Site: "Depot", LastSeen: now.Add(-time.Minute), Interval: time.Hour},
		},
		Imports: []reconcile.Import{
			{Contract: "204100001", File: "204100001.csv", At: now.Add(-3 * 24 * time.Hour)},
			{Contract: "205000002", File: "205000002.csv", At: now.Add(-3 * 24 * time.Hour)},
		},
		RMAs: []contract.RMA{{
			RMANumber: "800000001", CaseNumber: "690000001", Contract: "204100001", OldSerial: "FOC1111A0AA", OldPID: "C9300-48P",
			NewSerial: "FOC2222A0AA", NewPID: "C9300-48P", OpenedOn: "2026-06-01", ReturnBy: "2026-07-01",
		}},
		Orders: []contract.Order{
			{OrderNumber: "TS-1001", ProductID: "C9200L-24P-4G", Quantity: 2, OrderedOn: "2026-03-01", CompletedOn: "2026-04-01"},
			{OrderNumber: "TS-0900", ProductID: "ISR4331/K9", Serial: "FDO1111A0DD", Quantity: 1, OrderedOn: "2025-11-01", CompletedOn: "2025-12-01"},
		},
	}
	add := func(site, address, name, slot, pid, serial, description string) {
		id := site + "/" + address
		if len(f.Nodes) == 0 || f.Nodes[len(f.Nodes)-1].ID != id {
			f.Nodes = append(f.Nodes, reconcile.Node{
				ID: id, Site: site, Agent: map[string]string{"Main office": "a1", "Depot": "a2"}[site], Address: address, Name: name, Platform: "iosxe", Model: pid,
				Software: "17.09.04a", Answered: true, Complete: true, Polled: now.Add(-time.Hour), LastGood: now.Add(-time.Hour),
			})
		}
		if serial == "" {
			return
		}
		f.Sightings = append(f.Sightings, reconcile.Sighting{
			Node: id, Slot: slot, First: now.Add(-100 * 24 * time.Hour), Last: now.Add(-time.Hour),
			Component: inventory.Component{Serial: serial, PID: pid, Class: inventory.ClassChassis, Name: slot, Description: description, Unit: true},
		})
	}
	add("Main office", "192.0.2.1", "core-sw1", "1", "C9300-48P", "FOC2222A0AA", "Catalyst 9300 48-port PoE+")
	add("Main office", "192.0.2.1", "core-sw1", "2", "C9300-48P", "FOC1111A0BB", "Catalyst 9300 48-port PoE+")
	add("Main office", "192.0.2.2", "floor1-sw", "chassis", "C9200L-24P-4G", "JAE1111A0CC", "Catalyst 9200L")
	add("Main office", "192.0.2.3", "old-sw", "chassis", "WS-C2960X-24PS-L", "FOC1111A0EE", "")
	add("Main office", "192.0.2.4", "lab-sw", "chassis", "C9200L-24P-4G", "JAE2222A0CC", "Catalyst 9200L")
	add("Depot", "198.51.100.1", "depot-rtr", "chassis", "ISR4331/K9", "FDO1111A0DD", "Router")
	add("Depot", "198.51.100.2", "depot-sw", "chassis", "C9300-24T", "FOC1111A0FF", "Catalyst 9300 24-port")
	add("Depot", "198.51.100.3", "", "", "", "", "")
	f.Nodes[len(f.Nodes)-1].Answered, f.Nodes[len(f.Nodes)-1].Complete = false, false
	f.Nodes[len(f.Nodes)-1].Problems = []inventory.Problem{{Kind: inventory.ProblemUnreachable, Message: "no answer over SNMP or SSH"}}

	line := func(number, serial, pid string, begin, end contract.Date) *contract.Line {
		f.Lines = append(f.Lines, contract.Line{
			Contract: number, Serial: serial, PID: pid, ServiceLevel: "SNT", Begin: begin, End: end, Site: "Main office",
			SiteAddress: "1 River Street, 97201 Riverside, US", Row: len(f.Lines) + 2, Quantity: 1,
		})
		return &f.Lines[len(f.Lines)-1]
	}
	line("204100001", "FOC1111A0AA", "C9300-48P", "2024-02-01", "2029-01-31").Instance = "3000000001"
	line("204100001", "FOC1111A0BB", "C9300-48P", "2024-02-01", "2029-01-31")
	line("204100001", "JAE1111A0CC", "C9200L-24P-4G", "2021-08-01", "2026-07-31")
	line("204100001", "FOC1111A0EE", "WS-C2960X-24PS-L", "2021-05-01", "2026-04-30").LastSupport = "2026-05-31"
	line("204100001", "FOC9999A0ZZ", "C9300-24T", "2022-05-01", "2027-04-30").Description = "Catalyst 9300 24-port"
	line("205000002", "FDO1111A0DD", "ISR4331/K9", "2025-12-01", "2026-11-30").Site = "Depot"
	*line("205000002", "", "L-C9300-DNA-E", "2025-12-01", "2026-11-30") = contract.Line{
		Contract: "205000002", PID: "L-C9300-DNA-E", End: "2026-11-30", Begin: "2025-12-01", Quantity: 3, Row: 12,
	}
	return judged(f)
}

// judged is the input of the facts, with findings numbered from 1.
func judged(f reconcile.Facts) document.Input {
	r := reconcile.Reconcile(f)
	in := document.Input{Facts: f, Units: r.Units}
	for i, x := range r.Findings {
		in.Findings = append(in.Findings, document.Finding{Finding: x, Number: int64(i + 1), Opened: "2026-06-10"})
	}
	return in
}
