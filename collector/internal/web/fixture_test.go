package web_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/collector/internal/web"
	"rollcall/pkg/inventory"
	"rollcall/pkg/wire"
)

// start is the time at which tests begin.
var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// A site is a real store in a directory of its own with the pages before it.
type site struct {
	*store.Store

	open    func() *store.Store // another one, as of a collector beside it on the same database
	t       testing.TB
	ms      atomic.Int64 // the clock
	seq     atomic.Int64 // of reports
	log     strings.Builder
	handler http.Handler
	// registry has the metrics of a site where people log in.
	registry *prometheus.Registry
}

func newSite(t testing.TB) *site { return newSiteOn(t, store.Database{}) }

// newSiteOn has its data in a database of PostgreSQL, or for the zero one in
// SQLite.
func newSiteOn(t testing.TB, database store.Database) *site {
	t.Helper()
	s := &site{t: t}
	s.ms.Store(start.UnixMilli())
	dir := t.TempDir()
	s.open = func() *store.Store {
		one, err := store.Open(context.Background(), store.Options{DataDir: dir, Database: database, Now: s.now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = one.Close() })
		return one
	}
	s.Store = s.open()
	s.handler = web.New(web.Options{Store: s.Store, LoginOff: true, Now: s.now, Log: slog.New(slog.NewTextHandler(&s.log, nil))})
	return s
}

// replicas are two collectors on one database, who answer requests in turn:
// whatever one has begun the other one goes on with.
func (s *site) replicas(o web.Options) http.Handler {
	o.Now, o.Log = s.now, slog.New(slog.NewTextHandler(&s.log, nil))
	of := func(one *store.Store) http.Handler {
		o.Store = one
		if !o.LoginOff {
			o.People = one
			o.View = func(actor string, organizations []string, all bool) web.Store {
				view := one.As(actor)
				if all {
					return view
				}
				return view.Within(organizations...)
			}
		}
		return web.New(o)
	}
	first, second := of(s.Store), of(s.open())
	var n atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%2 == 0 {
			second.ServeHTTP(w, r)
			return
		}
		first.ServeHTTP(w, r)
	})
}

func (s *site) now() time.Time { return time.UnixMilli(s.ms.Load()).UTC() }

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) agent(org, place, name string) store.Agent {
	s.t.Helper()
	a, _, err := s.CreateAgent(context.Background(), org, place, name)
	s.must(err)
	return a
}

// polled makes a node per address: read completely, unless its state says
// "incomplete" or "unanswered". Each shows its units.
func (s *site) polled(a store.Agent, state string, nodes map[string][]reconcile.Unit) {
	s.t.Helper()
	batch := wire.Batch{Schema: wire.BatchSchema, Agent: a.Name, SentAt: s.now(), Interval: 3600}
	for address, units := range nodes {
		d := inventory.Device{
			Address: address, Platform: inventory.PlatformIOSXE, Complete: state == "complete",
			Components: []inventory.Component{}, Via: []string{}, Errors: []inventory.Problem{},
		}
		for _, u := range units {
			d.Name = u.Node
			d.Components = append(d.Components, inventory.Component{
				Serial: u.Serial, PID: u.PID, Class: inventory.ClassChassis, Name: u.Slot, Unit: true, Aliases: []string{},
			})
		}
		n := s.seq.Add(1)
		batch.Reports = append(batch.Reports, wire.Report{
			ReportID: fmt.Sprintf("report-%d", n), Epoch: 1, Seq: n, PolledAt: s.now(),
			Answered: state != "unanswered", Fingerprint: d.Fingerprint(), Device: d,
		})
	}
	receipt, err := s.SaveReports(context.Background(), a, batch)
	s.must(err)
	for _, r := range receipt.Results {
		if r.Status != wire.Stored {
			s.t.Fatalf("report %s: %s %s", r.ReportID, r.Status, r.Reason)
		}
	}
}

func (s *site) imported(org, file string, age time.Duration, contracts ...string) {
	s.t.Helper()
	f := contract.File{Name: file, SHA256: file}
	for i, number := range contracts {
		f.Lines = append(f.Lines, contract.Line{Contract: number, Serial: fmt.Sprintf("FCW0000A%03d", i), PID: "C9300-48P", Row: i + 2})
	}
	_, err := s.ImportContract(context.Background(), org, f, s.now().Add(-age))
	s.must(err)
}

func (s *site) result(org string, r reconcile.Result) {
	s.t.Helper()
	s.must(s.SaveResult(context.Background(), org, r))
}

// get asks the handler by itself, without a network.
func (s *site) get(target string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.do(httptest.NewRequest(http.MethodGet, target, nil))
}

func (s *site) do(r *http.Request) *httptest.ResponseRecorder {
	s.t.Helper()
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, r)
	return answer
}

// unit is a stack member of a switch, last seen minutes ago.
func (s *site) unit(place, node, slot, pid, serial string, c reconcile.Coverage) reconcile.Unit {
	u := reconcile.Unit{
		Serial: serial, PID: pid, Site: place, Node: node, Address: "192.0.2.10", Slot: slot, Class: inventory.ClassChassis,
		Platform: inventory.PlatformIOSXE, Description: "Cisco Catalyst switch", Coverage: c,
		FirstSeen: s.now().Add(-400 * 24 * time.Hour), LastSeen: s.now().Add(-7 * time.Minute),
	}
	switch c {
	case reconcile.Covered:
		u.Contract, u.LineEnd, u.ServiceLevel = "204123456", "2028-06-30", "SNT"
	case reconcile.Expiring:
		u.Contract, u.LineEnd, u.ServiceLevel = "204123456", "2026-03-25", "SNT"
	case reconcile.Expired:
		u.Contract, u.LineEnd, u.ServiceLevel = "200900111", "2026-01-31", "SNT"
	case reconcile.RMAPending:
		u.Contract = "204123456"
	}
	return u
}

// foodBank is an organization in which much is to do: 19 units at two sites.
func (s *site) foodBank() store.Agent {
	s.t.Helper()
	a := s.agent("Riverside Food Bank", "Main office", "office-pi")
	depot := s.agent("Riverside Food Bank", "Depot", "depot-pi")
	units := []reconcile.Unit{
		s.unit("Main office", "core-sw1", "1", "C9300-48P", "FCW2345L0AB", reconcile.RMAPending),
		s.unit("Main office", "core-sw1", "2", "C9300-48P", "FCW2345L0AC", reconcile.Uncovered),
		s.unit("Depot", "depot-rtr", "chassis", "ISR4331/K9", "FDO2201A1BC", reconcile.Uncovered),
		s.unit("Depot", "depot-sw1", "chassis", "WS-C2960X-48FPS-L", "FOC1932X0QQ", reconcile.Expiring),
		s.unit("Depot", "depot-sw2", "chassis", "WS-C2960X-24PS-L", "FOC1849Z1PP", reconcile.Expired),
		s.unit("Main office", "wlc", "chassis", "C9800-CL-K9", "9ABCDEFGHIJ", reconcile.Ineligible),
		s.unit("Main office", "old-sw", "chassis", "WS-C3560-24PS-S", "CAT0812R1AA", reconcile.Unverified),
	}
	units[5].Reason, units[6].Reason = reconcile.Virtual, reconcile.PollIncomplete
	for i := range 12 {
		units = append(units, s.unit("Main office", fmt.Sprintf("floor%d-sw", i/3+1), fmt.Sprint(i%3+1), "C9200L-24P-4G", fmt.Sprintf("JAE24%02d0K%02d", i, i), reconcile.Covered))
	}
	s.polled(a, "complete", map[string][]reconcile.Unit{"192.0.2.10": units[:2], "192.0.2.11": units[7:10], "192.0.2.12": units[10:13]})
	s.polled(a, "incomplete", map[string][]reconcile.Unit{"192.0.2.13": units[6:7]})
	s.polled(a, "unanswered", map[string][]reconcile.Unit{"192.0.2.99": nil})
	s.polled(depot, "complete", map[string][]reconcile.Unit{"198.51.100.2": units[2:3], "198.51.100.3": units[3:4]})
	s.imported(a.Organization, "204123456.csv", 3*24*time.Hour, "204123456")
	s.imported(a.Organization, "old-contract.xlsx", 12*24*time.Hour, "200900111")
	s.result(a.Organization, reconcile.Result{Units: units, Findings: foodBankFindings()})
	return a
}

func foodBankFindings() []reconcile.Finding {
	return []reconcile.Finding{
		{
			Key: "weak", Kind: reconcile.WeakAccess, Severity: reconcile.Info, Subject: "depot-sw1 (Depot)", Site: "Depot", Node: "depot-sw1",
			Evidence: []string{"The agent reads depot-sw1 by SNMPv2c, whose community crosses the network in clear text."},
			NextStep: reconcile.NextStep{Title: "Move to SNMPv3", Steps: []string{"Make an SNMPv3 user with authentication and privacy on the switch: `snmp-server user`.", "Put its name and keys into the agent's credentials."}},
		},
		{
			Key: "expiring", Kind: reconcile.CoverageExpiring, Severity: reconcile.Warning, Subject: "WS-C2960X-48FPS-L FOC1932X0QQ in depot-sw1 (Depot)",
			Site: "Depot", Node: "depot-sw1", Serial: "FOC1932X0QQ", PID: "WS-C2960X-48FPS-L", Contract: "204123456",
			Evidence: []string{"The line of contract 204123456 ends on 2026-03-25, in 23 days."},
			NextStep: reconcile.NextStep{Sheet: reconcile.Sheet{"contract": "204123456", "first_end": "", "renew": ""}, Title: "Renew through a reseller", Steps: []string{"Find a reseller with the Partner Locator in the Service Contract Center."}},
		},
		{
			Key: "rma", Kind: reconcile.RMAMismatch, Severity: reconcile.Critical, Subject: "C9300-48P FCW2345L0AB in core-sw1 (Main office)",
			Site: "Main office", Node: "core-sw1", Serial: "FCW2345L0AB", PID: "C9300-48P", Contract: "204123456",
			Evidence: []string{
				"Contract 204123456 lists C9300-48P FCW1111A1AA, which was in member 1 of core-sw1 until 2026-02-20.",
				"Since 2026-02-21 member 1 of core-sw1 is C9300-48P FCW2345L0AB, which is on no contract.",
			},
			NextStep: reconcile.NextStep{
				Title: "Swap the serials in the Service Contract Center",
				Steps: []string{
					"Log in to the Service Contract Center and open contract 204123456.",
					"Remove serial FCW1111A1AA and add FCW2345L0AB, as on the sheet below.",
					"Send the old unit back to Cisco, if that was not done.",
					"Download the contract again after some days and import it: this finding then resolves by itself.",
				},
				Sheet: reconcile.Sheet{
					"contract": "204123456", "service_level": "SNT", "remove_serial": "FCW1111A1AA", "remove_pid": "C9300-48P",
					"add_serial": "FCW2345L0AB", "add_pid": "C9300-48P", "site": "Main office", "rma_number": "", "case_number": "",
				},
			},
		},
		{
			Key: "uncovered", Kind: reconcile.UncoveredUnit, Severity: reconcile.Critical, Subject: "ISR4331/K9 FDO2201A1BC in depot-rtr (Depot)",
			Site: "Depot", Node: "depot-rtr", Serial: "FDO2201A1BC", PID: "ISR4331/K9",
			Evidence: []string{"No line of the contracts imported lists FDO2201A1BC."},
			NextStep: reconcile.NextStep{Title: "Say where it was obtained, or add it to the contract", Steps: []string{"Look for the serial in the Service Contract Center.", "If it is not there, write down where the unit came from."}},
		},
	}
}

// school is an organization in which all is well.
func (s *site) school() {
	s.t.Helper()
	a := s.agent("Hill School", "Main", "school-pi")
	units := []reconcile.Unit{
		s.unit("Main", "sw1", "chassis", "C9200L-24P-4G", "JAE24990K01", reconcile.Covered),
		s.unit("Main", "sw2", "chassis", "C9200L-24P-4G", "JAE24990K02", reconcile.Covered),
	}
	s.polled(a, "complete", map[string][]reconcile.Unit{"203.0.113.1": units[:1], "203.0.113.2": units[1:]})
	s.imported(a.Organization, "school.csv", 2*time.Hour, "209876543")
	s.result(a.Organization, reconcile.Result{Units: units})
}

// justSeen is an organization on its first day: units, and no contract.
func (s *site) justSeen() {
	s.t.Helper()
	a := s.agent("Riverside Food Bank", "Main office", "office-pi")
	units := []reconcile.Unit{
		s.unit("Main office", "sw1", "chassis", "C9200L-24P-4G", "JAE24990K01", reconcile.Unverified),
		s.unit("Main office", "sw2", "chassis", "C9200L-24P-4G", "JAE24990K02", reconcile.Unverified),
	}
	for i := range units {
		units[i].Reason = reconcile.NoContractData
	}
	s.polled(a, "complete", map[string][]reconcile.Unit{"192.0.2.1": units[:1], "192.0.2.2": units[1:]})
	s.result(a.Organization, reconcile.Result{Units: units})
}
